//! Pieces of one gzip member, compressed apart and joined, as pigz does (`pigz.c`, RFC 1951 and 1952).
//!
//! Each piece but the last ends with an empty stored block, which brings it to a byte boundary; each starts with the 32 KiB before
//! it as dictionary. One member, because stream readers silently stop at the end of the first.
//!
//! The compressor is our own: on source code it takes two thirds of zlib-rs' time at the same size, and its output cannot change
//! with a dependency's release.

use crate::block::{BitWriter, Block, MOST_TOKENS};
use crate::matches::{AHEAD, Effort, Finder, MOST, Match, STRETCH};

/// ID1 ID2, deflate, no flags, no time, no hint, operating system unknown (255), as Python writes it.
pub(crate) const GZIP_HEADER: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255];

/// By level less 1.
const EFFORTS: [Effort; 9] = [
    effort(1, 1, 0),
    effort(1, 2, 0),
    effort(1, 2, 8),
    effort(1, 3, 9),
    effort(1, 3, 12),
    effort(2, 8, 16),
    effort(8, 32, 32),
    effort(32, 64, 64),
    effort(256, 256, 258),
];

const fn effort(short_steps: u32, long_steps: u32, lazy_below: usize) -> Effort {
    Effort {
        short_steps,
        long_steps,
        lazy_below,
    }
}

/// Compresses pieces of data, one after the other, each as if there was none before.
pub(crate) struct Compressor {
    finder: Option<Finder>,
    block: Block,
    lazy_below: usize,
}

impl Compressor {
    /// A compressor of `level` 0 (store) to 9.
    pub(crate) fn new(level: u32) -> Self {
        let effort = level
            .checked_sub(1)
            .map(|index| EFFORTS[index.min(8) as usize]);
        Self {
            finder: effort.map(Finder::new),
            block: Block::new(),
            lazy_below: effort.map_or(0, |effort| effort.lazy_below),
        }
    }

    /// Compress what of `data` follows its first `dictionary` bytes, at most 32 KiB, which stand before it in the stream.
    pub(crate) fn compress(&mut self, data: &[u8], dictionary: usize, is_last: bool) -> Vec<u8> {
        let mut output = BitWriter::default();
        match self.finder.take() {
            None => output.stored(&data[dictionary..], is_last),
            Some(mut finder) => {
                finder.reset();
                self.pack(&mut finder, data, dictionary, is_last, &mut output);
                self.finder = Some(finder);
            }
        }
        if !is_last {
            output.sync();
        }
        output.finish()
    }

    fn pack(
        &mut self,
        finder: &mut Finder,
        data: &[u8],
        dictionary: usize,
        is_last: bool,
        output: &mut BitWriter,
    ) {
        let linkable = data.len().saturating_sub(AHEAD);
        let mut done = dictionary;
        let mut place = dictionary;
        // Literals since the last match: where there are none to be found, fewer places are asked.
        let mut barren = 0;
        while place < linkable {
            let until = (place + STRETCH).min(linkable);
            finder.link(data, until);
            while place < until {
                let mut found = finder.find(data, place, 3);
                if found.length == 0 {
                    let skipped = (1 + barren / 64).min(until - place);
                    for byte in &data[place..place + skipped] {
                        self.block.push_literal(*byte);
                    }
                    barren += skipped;
                    place += skipped;
                } else {
                    barren = 0;
                    while found.length < self.lazy_below && place + 1 < until {
                        let next = finder.find(data, place + 1, found.length - 1);
                        if !is_better(next, found) {
                            break;
                        }
                        self.block.push_literal(data[place]);
                        place += 1;
                        found = next;
                    }
                    let end = place + found.length;
                    self.reach_back(data, place, &mut found);
                    self.block.push_match(found);
                    place = end;
                }
                if self.block.len() >= MOST_TOKENS - STRETCH {
                    self.block.write(&data[done..place], false, output);
                    done = place;
                }
            }
        }
        for byte in &data[place..] {
            self.block.push_literal(*byte);
        }
        if self.block.len() > 0 || is_last {
            self.block.write(&data[done..], is_last, output);
        }
    }

    /// Let a match start earlier where the literals before it are those before its source.
    #[inline(always)]
    fn reach_back(&mut self, data: &[u8], place: usize, found: &mut Match) {
        let mut start = place;
        while found.length < MOST
            && start > found.distance
            && data[start - 1] == data[start - 1 - found.distance]
            && self.block.pop_literal(data[start - 1])
        {
            start -= 1;
            found.length += 1;
        }
    }
}

/// Whether a match one place later is worth the literal before it.
#[inline(always)]
fn is_better(next: Match, found: Match) -> bool {
    let octaves = |found: Match| (usize::BITS - found.distance.leading_zeros()) as isize;
    next.length > 0
        && 4 * (next.length as isize - found.length as isize) + octaves(found) - octaves(next) > 2
}

/// The end of the member: CRC-32 and length modulo 2^32 of the uncompressed stream.
pub(crate) fn gzip_trailer(crc: u32, length: u64) -> [u8; 8] {
    let mut trailer = [0; 8];
    trailer[..4].copy_from_slice(&crc.to_le_bytes());
    trailer[4..].copy_from_slice(&(length as u32).to_le_bytes());
    trailer
}

#[cfg(test)]
mod tests {
    use super::Compressor;
    use crate::matches::WINDOW;
    use std::io::Read;

    fn noise(length: usize, bits: u32) -> Vec<u8> {
        let mut state = 7_u64;
        let next = |_| {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            (state >> (64 - bits)) as u8
        };
        (0..length).map(next).collect()
    }

    fn samples() -> Vec<Vec<u8>> {
        let text = b"a line of text that comes again and again\n".repeat(8000);
        let mut mixed = text[..90_000].to_vec();
        mixed.extend(noise(90_000, 8));
        mixed.extend(vec![0; 90_000]);
        mixed.extend(noise(90_000, 2));
        vec![
            Vec::new(),
            b"x".to_vec(),
            b"abcabcabcabcabc".to_vec(),
            noise(9, 8),
            noise(300_000, 8),
            noise(300_000, 4),
            noise(300_000, 1),
            vec![0; 300_000],
            (0..=255).collect(),
            text,
            mixed,
        ]
    }

    #[test]
    fn pieces_are_compressed_alike_whatever_came_before() {
        for data in samples() {
            for level in 0..=9 {
                let mut compressor = Compressor::new(level);
                compressor.compress(&noise(100_000, 3), 0, false);
                let after = compressor.compress(&data, data.len().min(WINDOW), true);
                let alone = Compressor::new(level).compress(&data, data.len().min(WINDOW), true);
                assert!(alone == after, "level {level}, {} bytes", data.len());
            }
        }
    }

    #[test]
    fn joined_pieces_are_one_deflate_stream() {
        for data in samples() {
            for level in 0..=9 {
                for length in [70_000, 333_333] {
                    let mut compressor = Compressor::new(level);
                    let mut stream = Vec::new();
                    let mut start = 0;
                    loop {
                        let end = (start + length).min(data.len());
                        let window = start.min(WINDOW);
                        let is_last = end == data.len();
                        stream.extend(compressor.compress(
                            &data[start - window..end],
                            window,
                            is_last,
                        ));
                        start = end;
                        if is_last {
                            break;
                        }
                    }
                    let mut decoder = flate2::bufread::DeflateDecoder::new(stream.as_slice());
                    let mut back = Vec::new();
                    decoder.read_to_end(&mut back).unwrap();
                    assert!(data == back, "level {level}, {} bytes", data.len());
                    assert_eq!(stream.len() as u64, decoder.total_in());
                    assert!(stream.len() <= data.len() + 64 + data.len() / 4096);
                }
            }
        }
    }

    #[test]
    fn higher_levels_are_smaller() {
        let mut text = Vec::new();
        for (index, byte) in noise(60_000, 6).into_iter().enumerate() {
            text.extend(format!("name_{} = {index} + value[{byte}]\n", byte % 7).bytes());
        }
        let sizes: Vec<usize> = (0..=9)
            .map(|level| Compressor::new(level).compress(&text, 0, true).len())
            .collect();
        assert!(
            sizes.is_sorted_by(|smaller, larger| smaller >= larger),
            "{sizes:?}"
        );
        let mut reference =
            flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::new(6));
        std::io::Write::write_all(&mut reference, &text).unwrap();
        assert!(
            sizes[6] * 100 <= reference.finish().unwrap().len() * 103,
            "{sizes:?}"
        );
    }
}
