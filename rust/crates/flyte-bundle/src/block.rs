//! Tokens of one DEFLATE block, and the shortest of its three forms (RFC 1951, 3.2.3 to 3.2.7).

use crate::huffman::{Code, code_lengths, codes};
use crate::matches::Match;

/// Tokens that a block has at most.
pub(crate) const MOST_TOKENS: usize = 64 * 1024;

const END: usize = 256;
const LENGTHS: usize = 29;
const DISTANCES: usize = 30;
/// The last two are never used, but have a place in the fixed code.
const LITERALS_AND_LENGTHS: usize = END + 1 + LENGTHS + 2;
const LENGTH_ORDER: [usize; 19] = [
    16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15,
];
const LONGEST_STORED: usize = 65_535;

/// First length of each code, and its extra bits.
const LENGTH_BASES: [(u16, u8); LENGTHS] = [
    (3, 0),
    (4, 0),
    (5, 0),
    (6, 0),
    (7, 0),
    (8, 0),
    (9, 0),
    (10, 0),
    (11, 1),
    (13, 1),
    (15, 1),
    (17, 1),
    (19, 2),
    (23, 2),
    (27, 2),
    (31, 2),
    (35, 3),
    (43, 3),
    (51, 3),
    (59, 3),
    (67, 4),
    (83, 4),
    (99, 4),
    (115, 4),
    (131, 5),
    (163, 5),
    (195, 5),
    (227, 5),
    (258, 0),
];
/// Code by length less 3.
static LENGTH_CODES: [u8; 256] = length_codes();

const fn length_codes() -> [u8; 256] {
    let mut table = [0; 256];
    let mut length = 0;
    let mut code = 0;
    while length < 256 {
        while code + 1 < LENGTHS && LENGTH_BASES[code + 1].0 as usize <= length + 3 {
            code += 1;
        }
        table[length] = code as u8;
        length += 1;
    }
    table
}

/// The code of a distance less 1, with the number of extra bits, whose value are the lowest bits.
#[inline(always)]
fn distance_code(less: u32) -> (usize, u32) {
    if less < 4 {
        return (less as usize, 0);
    }
    let extra = 30 - less.leading_zeros();
    ((2 * extra + 2 + ((less >> extra) & 1)) as usize, extra)
}

/// Literals and matches in order, with how often each code comes.
pub(crate) struct Block {
    /// A literal, or with the highest bit set a length less 3 and a distance less 1.
    tokens: Vec<u32>,
    symbols: [u32; LITERALS_AND_LENGTHS],
    distances: [u32; DISTANCES],
}

const IS_MATCH: u32 = 1 << 31;

impl Block {
    pub(crate) fn new() -> Self {
        Self {
            tokens: Vec::with_capacity(MOST_TOKENS),
            symbols: [0; LITERALS_AND_LENGTHS],
            distances: [0; DISTANCES],
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.tokens.len()
    }

    #[inline(always)]
    pub(crate) fn push_literal(&mut self, byte: u8) {
        self.tokens.push(u32::from(byte));
        self.symbols[usize::from(byte)] += 1;
    }

    #[inline(always)]
    pub(crate) fn push_match(&mut self, found: Match) {
        let (length, distance) = (found.length - 3, found.distance as u32 - 1);
        self.tokens
            .push(IS_MATCH | (length as u32) << 16 | distance);
        self.symbols[END + 1 + usize::from(LENGTH_CODES[length & 255])] += 1;
        self.distances[distance_code(distance).0] += 1;
    }

    /// Take back the last token if it is the literal `byte`.
    #[inline(always)]
    pub(crate) fn pop_literal(&mut self, byte: u8) -> bool {
        let is_last = self.tokens.last() == Some(&u32::from(byte));
        if is_last {
            self.tokens.pop();
            self.symbols[usize::from(byte)] -= 1;
        }
        is_last
    }

    /// Write the tokens, which stand for `raw`, and forget them.
    pub(crate) fn write(&mut self, raw: &[u8], is_last: bool, output: &mut BitWriter) {
        self.symbols[END] = 1;
        let fixed = Lengths::fixed();
        let dynamic = Lengths::of(self);
        let header = Header::of(&dynamic);
        let stored_bits = (raw.len() + 5 * raw.len().div_ceil(LONGEST_STORED).max(1) + 1) * 8;
        let dynamic_bits = header.bits() + dynamic.bits(self);
        let fixed_bits = fixed.bits(self);
        if stored_bits <= dynamic_bits.min(fixed_bits) {
            output.stored(raw, is_last);
        } else {
            output.room(dynamic_bits.min(fixed_bits) / 8 + 16);
            output.put(u32::from(is_last), 1);
            if fixed_bits <= dynamic_bits {
                output.put(1, 2);
                self.write_tokens(&fixed, output);
            } else {
                output.put(2, 2);
                header.write(output);
                self.write_tokens(&dynamic, output);
            }
        }
        self.tokens.clear();
        self.symbols.fill(0);
        self.distances.fill(0);
    }

    fn write_tokens(&self, lengths: &Lengths, output: &mut BitWriter) {
        let symbols = codes(&lengths.symbols);
        let distances = codes(&lengths.distances);
        // With their extra bits.
        let mut match_lengths = [Code::default(); 256];
        for (length, code) in match_lengths.iter_mut().enumerate() {
            let number = usize::from(LENGTH_CODES[length]);
            let (base, extra) = LENGTH_BASES[number];
            let symbol = symbols[END + 1 + number];
            code.bits = symbol.bits | ((length + 3 - usize::from(base)) as u32) << symbol.length;
            code.length = symbol.length + u32::from(extra);
        }
        for token in &self.tokens {
            if token & IS_MATCH == 0 {
                output.push(symbols[(token & 255) as usize]);
                continue;
            }
            let length = match_lengths[(token >> 16 & 255) as usize];
            let less = token & 0x7FFF;
            let (number, extra) = distance_code(less);
            let code = distances[number.min(DISTANCES - 1)];
            let distance = code.bits | (less & ((1 << extra) - 1)) << code.length;
            output.push_bits(
                u64::from(length.bits) | u64::from(distance) << length.length,
                length.length + code.length + extra,
            );
        }
        output.push(symbols[END]);
    }
}

/// Lengths of the two codes of a block.
struct Lengths {
    symbols: [u8; LITERALS_AND_LENGTHS],
    distances: [u8; DISTANCES],
}

impl Lengths {
    fn of(block: &Block) -> Self {
        let mut lengths = Self {
            symbols: [0; LITERALS_AND_LENGTHS],
            distances: [0; DISTANCES],
        };
        code_lengths(&block.symbols, 15, &mut lengths.symbols);
        code_lengths(&block.distances, 15, &mut lengths.distances);
        lengths
    }

    fn fixed() -> Self {
        let mut lengths = Self {
            symbols: [8; LITERALS_AND_LENGTHS],
            distances: [5; DISTANCES],
        };
        lengths.symbols[144..256].fill(9);
        lengths.symbols[256..280].fill(7);
        lengths
    }

    /// Bits of the block's tokens and its end.
    fn bits(&self, block: &Block) -> usize {
        let symbols = block.symbols.iter().zip(self.symbols).enumerate();
        let distances = block.distances.iter().zip(self.distances).enumerate();
        let symbol_bits = symbols.map(|(symbol, (count, length))| {
            let extra = symbol
                .checked_sub(END + 1)
                .and_then(|code| LENGTH_BASES.get(code))
                .map_or(0, |(_, extra)| usize::from(*extra));
            *count as usize * (usize::from(length) + extra)
        });
        let distance_bits = distances.map(|(code, (count, length))| {
            *count as usize * (usize::from(length) + (code / 2).saturating_sub(1))
        });
        symbol_bits.sum::<usize>() + distance_bits.sum::<usize>()
    }
}

/// The description of a dynamic code, itself coded.
struct Header {
    symbols: usize,
    distances: usize,
    /// Code, value of its extra bits, and their number.
    items: Vec<(u8, u32, u32)>,
    lengths: [u8; 19],
    kept: usize,
}

impl Header {
    fn of(lengths: &Lengths) -> Self {
        let used = |lengths: &[u8], least: usize| {
            let last = lengths.iter().rposition(|length| *length > 0);
            last.map_or(least, |last| (last + 1).max(least))
        };
        let symbols = used(&lengths.symbols, END + 1);
        let distances = used(&lengths.distances, 1);
        let all: Vec<u8> = [&lengths.symbols[..symbols], &lengths.distances[..distances]].concat();
        let mut items = Vec::with_capacity(all.len());
        for run in all.chunk_by(|left, right| left == right) {
            push_run(&mut items, run[0], run.len());
        }
        let mut counts = [0_u32; 19];
        for (code, _, _) in &items {
            counts[usize::from(*code)] += 1;
        }
        let mut code = [0; 19];
        code_lengths(&counts, 7, &mut code);
        let last = LENGTH_ORDER.iter().rposition(|symbol| code[*symbol] > 0);
        Self {
            symbols,
            distances,
            items,
            lengths: code,
            kept: last.map_or(4, |last| (last + 1).max(4)),
        }
    }

    fn bits(&self) -> usize {
        let items = self.items.iter();
        let coded = items.map(|(code, _, extra)| {
            usize::from(self.lengths[usize::from(*code)]) + *extra as usize
        });
        3 + 14 + 3 * self.kept + coded.sum::<usize>()
    }

    fn write(&self, output: &mut BitWriter) {
        output.put((self.symbols - 257) as u32, 5);
        output.put((self.distances - 1) as u32, 5);
        output.put((self.kept - 4) as u32, 4);
        for symbol in &LENGTH_ORDER[..self.kept] {
            output.put(u32::from(self.lengths[*symbol]), 3);
        }
        let codes = codes(&self.lengths);
        for (code, value, extra) in &self.items {
            output.push(codes[usize::from(*code)]);
            output.put(*value, *extra);
        }
    }
}

fn push_run(items: &mut Vec<(u8, u32, u32)>, length: u8, mut run: usize) {
    if length == 0 {
        while run >= 11 {
            let now = run.min(138);
            items.push((18, (now - 11) as u32, 7));
            run -= now;
        }
        if run >= 3 {
            items.push((17, (run - 3) as u32, 3));
            run = 0;
        }
    } else {
        items.push((length, 0, 0));
        run -= 1;
        while run >= 3 {
            let now = run.min(6);
            items.push((16, (now - 3) as u32, 2));
            run -= now;
        }
    }
    items.extend(std::iter::repeat_n((length, 0, 0), run));
}

/// Bits to bytes, the lowest first.
#[derive(Default)]
pub(crate) struct BitWriter {
    bytes: Vec<u8>,
    /// Bytes that are written; those behind them are room.
    written: usize,
    pending: u64,
    /// Fewer than 8 between two calls.
    count: u32,
}

impl BitWriter {
    /// Make room for so many bytes and 8 more.
    fn room(&mut self, bytes: usize) {
        self.bytes.resize(self.written + bytes + 8, 0);
    }

    #[inline(always)]
    fn push(&mut self, code: Code) {
        self.push_bits(u64::from(code.bits), code.length);
    }

    /// At most 48 bits: the longest codes of a length and a distance, with their extra bits.
    #[inline(always)]
    fn push_bits(&mut self, bits: u64, length: u32) {
        self.pending |= bits << self.count;
        self.count += length;
        self.bytes[self.written..self.written + 8].copy_from_slice(&self.pending.to_le_bytes());
        let whole = self.count / 8;
        self.written += whole as usize;
        self.pending >>= whole * 8;
        self.count %= 8;
    }

    fn put(&mut self, bits: u32, length: u32) {
        if self.bytes.len() < self.written + 8 {
            self.room(8);
        }
        self.push(Code { bits, length });
    }

    fn align(&mut self) {
        if self.count > 0 {
            self.put(0, 8 - self.count);
        }
    }

    /// An empty stored block: what follows starts at a byte.
    pub(crate) fn sync(&mut self) {
        self.stored(b"", false);
    }

    /// Stored blocks; the one that is empty if there is nothing to store.
    pub(crate) fn stored(&mut self, raw: &[u8], is_last: bool) {
        let mut rest = raw;
        loop {
            let (now, later) = rest.split_at(rest.len().min(LONGEST_STORED));
            self.put(u32::from(is_last && later.is_empty()), 3);
            self.align();
            let length = now.len() as u16;
            self.bytes.truncate(self.written);
            self.bytes.extend_from_slice(&length.to_le_bytes());
            self.bytes.extend_from_slice(&(!length).to_le_bytes());
            self.bytes.extend_from_slice(now);
            self.written = self.bytes.len();
            rest = later;
            if rest.is_empty() {
                return;
            }
        }
    }

    /// All bytes; the last one is filled up with zeros.
    pub(crate) fn finish(mut self) -> Vec<u8> {
        self.align();
        self.bytes.truncate(self.written);
        self.bytes
    }
}
