//! Protobuf wire form: numbers, tags, nested lengths in one pass, and a reader of fields.

use std::cmp::Ordering;

use crate::{MAX_DEPTH, WireError};

/// Number of bytes that `value` takes as a varint.
#[must_use]
pub fn varint_len(value: u64) -> usize {
    // 9/64 approximates 1/7 exactly for bit counts up to 64.
    ((64 - (value | 1).leading_zeros() as usize) * 9 + 64) / 64
}

/// `value` as a varint at the start of ten bytes, and how many of them count.
#[inline]
#[must_use]
pub fn varint(value: u64) -> ([u8; 10], usize) {
    let used = varint_len(value);
    let mut bytes = [0u8; 10];
    // Seven bits to a byte, in three steps of halves instead of a loop whose end cannot be predicted.
    let low = value & 0x00ff_ffff_ffff_ffff;
    let low = (low & 0x0fff_ffff) | ((low & 0x00ff_ffff_f000_0000) << 4);
    let low = (low & 0x0000_3fff_0000_3fff) | ((low & 0x0fff_c000_0fff_c000) << 2);
    let low = (low & 0x007f_007f_007f_007f) | ((low & 0x3f80_3f80_3f80_3f80) << 1);
    let more = if used > 8 {
        u64::MAX
    } else {
        (1 << (8 * (used - 1))) - 1
    };
    bytes[..8].copy_from_slice(&(low | (more & 0x8080_8080_8080_8080)).to_le_bytes());
    if used > 8 {
        bytes[8] = ((value >> 56) as u8) | 0x80;
        bytes[9] = (value >> 63) as u8;
        if used == 9 {
            bytes[8] &= 0x7f;
        }
    }
    (bytes, used)
}

/// Append `value` as a varint.
#[inline]
pub fn put_varint(buf: &mut Vec<u8>, value: u64) {
    if value < 0x80 {
        buf.push(value as u8);
        return;
    }
    let (bytes, used) = varint(value);
    put_some(buf, &bytes, used);
}

/// Append the first `used` bytes of a small array: all of them and back, since a copy of fixed length needs no call.
#[inline]
pub fn put_some<const N: usize>(buf: &mut Vec<u8>, bytes: &[u8; N], used: usize) {
    let end = buf.len() + used;
    buf.extend_from_slice(bytes);
    buf.truncate(end);
}

/// Append bytes; up to 32 of them in two pieces of fixed length that overlap, which needs no call.
#[inline]
pub fn put_text(buf: &mut Vec<u8>, bytes: &[u8]) {
    match bytes.len() {
        8..=16 => put_halves::<8>(buf, bytes),
        17..=32 => put_halves::<16>(buf, bytes),
        4..=7 => put_halves::<4>(buf, bytes),
        1 => buf.push(bytes[0]),
        _ => buf.extend_from_slice(bytes),
    }
}

#[inline]
fn put_halves<const N: usize>(buf: &mut Vec<u8>, bytes: &[u8]) {
    if let (Some(first), Some(last)) = (bytes.first_chunk::<N>(), bytes.last_chunk::<N>()) {
        let second = buf.len() + bytes.len() - N;
        buf.extend_from_slice(first);
        // What of `first` lies behind comes again.
        buf.truncate(second);
        buf.extend_from_slice(last);
    }
}

/// Append a length-delimited field with a one-byte tag.
#[inline]
pub fn put_bytes(buf: &mut Vec<u8>, tag: u8, bytes: &[u8]) {
    buf.push(tag);
    put_varint(buf, bytes.len() as u64);
    buf.extend_from_slice(bytes);
}

/// Where an open nested message began, and how many bytes were kept free for its length.
#[derive(Debug)]
#[must_use]
pub struct Mark {
    start: usize,
    kept: usize,
}

/// Begin a nested message: the tag, then room for the length. `least` is a lower bound of the length to come.
#[inline]
pub fn open(buf: &mut Vec<u8>, tag: u8, least: usize) -> Mark {
    let kept = varint_len(least as u64);
    put_some(buf, &[tag, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0], 1 + kept);
    Mark {
        start: buf.len(),
        kept,
    }
}

/// End a nested message: writes its length, moving the content when the room was guessed wrong.
#[inline]
pub fn close(buf: &mut Vec<u8>, mark: Mark) {
    let length = buf.len() - mark.start;
    let at = mark.start - mark.kept;
    if mark.kept == 1 && length < 0x80 {
        buf[at] = length as u8;
    } else {
        close_long(buf, at, mark, length);
    }
}

#[cold]
fn close_long(buf: &mut Vec<u8>, at: usize, mark: Mark, length: usize) {
    let needed = varint_len(length as u64);
    if needed > mark.kept {
        let extra = needed - mark.kept;
        buf.resize(buf.len() + extra, 0);
        buf.copy_within(mark.start..mark.start + length, mark.start + extra);
    } else if needed < mark.kept {
        let spare = mark.kept - needed;
        buf.copy_within(mark.start.., mark.start - spare);
        buf.truncate(buf.len() - spare);
    }
    let mut value = length as u64;
    for slot in &mut buf[at..at + needed] {
        *slot = (value as u8) | 0x80;
        value >>= 7;
    }
    buf[at + needed - 1] &= 0x7f;
}

/// The order of map keys in the deterministic form of upb, the protobuf runtime whose bytes are hashed.
///
/// Bytewise, but a key stands after all longer keys that begin with it: `ab`, `a`, `b`.
#[inline]
#[must_use]
pub fn key_order(left: &[u8], right: &[u8]) -> Ordering {
    let common = left.len().min(right.len());
    left[..common]
        .cmp(&right[..common])
        .then(right.len().cmp(&left.len()))
}

/// Put keys into [`key_order`]; what each belongs to travels along.
pub fn sort_keys(keys: &mut [(&[u8], usize)]) {
    let Some((first, _)) = keys.first() else {
        return;
    };
    let common = keys.iter().fold(first.len(), |common, (key, _)| {
        let same = key.iter().zip(*first).take(common);
        same.take_while(|(left, right)| left == right).count()
    });
    // Eight bytes in one comparison. UTF-8 has no byte 0xff, so as filling it puts a key behind those that go on.
    let rank = |key: &[u8]| {
        let mut head = [0xff; 8];
        for (to, from) in head.iter_mut().zip(&key[common..]) {
            *to = *from;
        }
        u64::from_be_bytes(head)
    };
    let mut ranked: Vec<(u64, u32)> = Vec::new();
    match u32::try_from(keys.len()) {
        Ok(count) => ranked.extend((0..count).zip(&*keys).map(|(at, (key, _))| (rank(key), at))),
        Err(_) => return keys.sort_unstable_by(|left, right| key_order(left.0, right.0)),
    }
    ranked.sort_unstable_by(|left, right| {
        left.0
            .cmp(&right.0)
            .then_with(|| key_order(keys[left.1 as usize].0, keys[right.1 as usize].0))
    });
    let sorted: Vec<_> = ranked.iter().map(|(_, at)| keys[*at as usize]).collect();
    keys.copy_from_slice(&sorted);
}

/// The content of one field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Field<'a> {
    /// Wire type 0.
    Varint(u64),
    /// Wire type 1.
    Fixed64(u64),
    /// Wire type 2.
    Bytes(&'a [u8]),
    /// Wire type 5.
    Fixed32(u32),
    /// A deprecated group, skipped as a whole.
    Group,
}

impl<'a> Field<'a> {
    /// The bytes of a length-delimited field.
    #[inline]
    pub fn bytes(self) -> Result<&'a [u8], WireError> {
        match self {
            Field::Bytes(bytes) => Ok(bytes),
            _ => Err(WireError::WrongType),
        }
    }
}

/// Reads one message field by field, unknown ones included.
#[derive(Debug, Clone)]
pub struct Fields<'a> {
    rest: &'a [u8],
}

impl<'a> Fields<'a> {
    /// Read the fields of the message in `data`.
    #[must_use]
    pub fn new(data: &'a [u8]) -> Self {
        Fields { rest: data }
    }

    #[inline]
    fn varint(&mut self) -> Result<u64, WireError> {
        let (value, used) = read_varint(self.rest)?;
        self.rest = &self.rest[used..];
        Ok(value)
    }

    fn take(&mut self, length: usize) -> Result<&'a [u8], WireError> {
        let (head, tail) = self
            .rest
            .split_at_checked(length)
            .ok_or(WireError::Truncated)?;
        self.rest = tail;
        Ok(head)
    }

    /// The next field's number and content; `None` at the end.
    #[inline]
    pub fn next_field(&mut self) -> Result<Option<(u32, Field<'a>)>, WireError> {
        if self.rest.is_empty() {
            return Ok(None);
        }
        let (number, kind) = self.tag()?;
        let field = self.content(number, kind)?.ok_or(WireError::BadTag)?;
        Ok(Some((number, field)))
    }

    #[inline]
    fn tag(&mut self) -> Result<(u32, u8), WireError> {
        let tag = self.varint()?;
        let number = u32::try_from(tag >> 3).map_err(|_| WireError::BadTag)?;
        if number == 0 || number > 0x1fff_ffff {
            return Err(WireError::BadTag);
        }
        Ok((number, (tag & 7) as u8))
    }

    // `None` is an end-of-group tag, which only `skip_group` may meet.
    #[inline]
    fn content(&mut self, number: u32, kind: u8) -> Result<Option<Field<'a>>, WireError> {
        Ok(Some(match kind {
            0 => Field::Varint(self.varint()?),
            1 => Field::Fixed64(u64::from_le_bytes(self.array()?)),
            2 => {
                let length = usize::try_from(self.varint()?).map_err(|_| WireError::Truncated)?;
                Field::Bytes(self.take(length)?)
            }
            3 => {
                self.skip_group(number)?;
                Field::Group
            }
            4 => return Ok(None),
            5 => Field::Fixed32(u32::from_le_bytes(self.array()?)),
            _ => return Err(WireError::BadTag),
        }))
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], WireError> {
        self.take(N)?.try_into().map_err(|_| WireError::Truncated)
    }

    // Iterative, so that hostile nesting costs no stack.
    fn skip_group(&mut self, number: u32) -> Result<(), WireError> {
        let mut open = vec![number];
        while let Some(&innermost) = open.last() {
            let (number, kind) = self.tag()?;
            match kind {
                3 if open.len() >= MAX_DEPTH => return Err(WireError::TooDeep),
                3 => open.push(number),
                4 if number == innermost => {
                    open.pop();
                }
                4 => return Err(WireError::BadTag),
                _ => {
                    self.content(number, kind)?;
                }
            }
        }
        Ok(())
    }
}

/// Read a varint at the start of `data`: its value and how many bytes it takes.
#[inline]
pub fn read_varint(data: &[u8]) -> Result<(u64, usize), WireError> {
    match data.first() {
        Some(&first) if first < 0x80 => return Ok((u64::from(first), 1)),
        None => return Err(WireError::Truncated),
        _ => {}
    }
    match data.first_chunk::<10>() {
        Some(bytes) => varint_of(bytes).ok_or(WireError::Overlong),
        None => read_varint_at_end(data),
    }
}

#[cold]
fn read_varint_at_end(data: &[u8]) -> Result<(u64, usize), WireError> {
    let mut bytes = [0x80u8; 10];
    for (to, from) in bytes.iter_mut().zip(data) {
        *to = *from;
    }
    match varint_of(&bytes) {
        Some((value, used)) if used <= data.len() => Ok((value, used)),
        _ => Err(WireError::Truncated),
    }
}

/// The varint in ten bytes and how many it takes; `None` if it does not end or does not fit 64 bits.
#[inline]
#[must_use]
pub fn varint_of(bytes: &[u8; 10]) -> Option<(u64, usize)> {
    let mut head = [0u8; 8];
    head.copy_from_slice(&bytes[..8]);
    let word = u64::from_le_bytes(head);
    let ends = !word & 0x8080_8080_8080_8080;
    if ends != 0 {
        let last = ends.trailing_zeros();
        Some((
            gather(word & (u64::MAX >> (63 - last))),
            (last as usize >> 3) + 1,
        ))
    } else if bytes[8] < 0x80 {
        Some((gather(word) | (u64::from(bytes[8]) << 56), 9))
    } else if bytes[9] <= 1 {
        let high = u64::from(bytes[8] & 0x7f) << 56;
        Some((gather(word) | high | (u64::from(bytes[9]) << 63), 10))
    } else {
        None
    }
}

// The low seven bits of each byte, joined.
#[inline]
fn gather(word: u64) -> u64 {
    let word = word & 0x7f7f_7f7f_7f7f_7f7f;
    let word = (word & 0x007f_007f_007f_007f) | ((word & 0x7f00_7f00_7f00_7f00) >> 1);
    let word = (word & 0x0000_3fff_0000_3fff) | ((word & 0x3fff_0000_3fff_0000) >> 2);
    (word & 0x0fff_ffff) | ((word & 0x0fff_ffff_0000_0000) >> 4)
}

/// The content and the rest, when the message begins with the length-delimited field of this one-byte tag.
#[inline]
#[must_use]
pub fn leading(data: &[u8], tag: u8) -> Option<(&[u8], &[u8])> {
    match data {
        [first, length, rest @ ..] if *first == tag && *length < 0x80 => {
            rest.split_at_checked(usize::from(*length))
        }
        [first, rest @ ..] if *first == tag => {
            let (length, used) = read_varint(rest).ok()?;
            rest[used..].split_at_checked(usize::try_from(length).ok()?)
        }
        _ => None,
    }
}

/// The content, when the message is this one length-delimited field and nothing else: the commonest case.
#[inline]
#[must_use]
pub fn sole(data: &[u8], tag: u8) -> Option<&[u8]> {
    match leading(data, tag) {
        Some((content, [])) => Some(content),
        _ => None,
    }
}

/// The contents of the length-delimited fields numbered 1 of a message; others are skipped.
#[derive(Debug, Clone)]
pub struct Items<'a> {
    rest: &'a [u8],
}

impl<'a> Items<'a> {
    /// Read the items of the message in `data`.
    #[must_use]
    pub fn new(data: &'a [u8]) -> Self {
        Items { rest: data }
    }

    /// What is not read yet.
    #[inline]
    #[must_use]
    pub fn rest(&self) -> &'a [u8] {
        self.rest
    }

    /// Go on behind `count` bytes of what was left, which the caller has read himself.
    #[inline]
    pub fn advance(&mut self, count: usize) {
        self.rest = self.rest.get(count..).unwrap_or_default();
    }

    /// The next item; `None` at the end.
    #[inline]
    pub fn next_item(&mut self) -> Result<Option<&'a [u8]>, WireError> {
        match leading(self.rest, 0x0a) {
            Some((item, rest)) => {
                self.rest = rest;
                Ok(Some(item))
            }
            None if self.rest.is_empty() => Ok(None),
            None => self.next_slowly(),
        }
    }

    #[cold]
    fn next_slowly(&mut self) -> Result<Option<&'a [u8]>, WireError> {
        let mut fields = Fields::new(self.rest);
        while let Some((number, field)) = fields.next_field()? {
            if number == 1 {
                self.rest = fields.rest;
                return field.bytes().map(Some);
            }
        }
        self.rest = &[];
        Ok(None)
    }

    /// How many items there are; fails where reading them would.
    pub fn count(mut self) -> Result<usize, WireError> {
        let mut count = 0;
        while self.next_item()?.is_some() {
            count += 1;
        }
        Ok(count)
    }
}
