//! Protobuf wire form: numbers, tags, nested lengths in one pass, and a reader of fields.

use std::cmp::Ordering;

use crate::{MAX_DEPTH, WireError};

/// Number of bytes that `value` takes as a varint.
#[must_use]
pub fn varint_len(value: u64) -> usize {
    // 9/64 approximates 1/7 exactly for bit counts up to 64.
    ((64 - (value | 1).leading_zeros() as usize) * 9 + 64) / 64
}

/// Append `value` as a varint.
#[inline]
pub fn put_varint(buf: &mut Vec<u8>, mut value: u64) {
    let mut bytes = [0u8; 10];
    let mut used = 0;
    while value >= 0x80 {
        bytes[used] = (value as u8) | 0x80;
        value >>= 7;
        used += 1;
    }
    bytes[used] = value as u8;
    buf.extend_from_slice(&bytes[..=used]);
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
    buf.push(tag);
    for _ in 0..kept {
        buf.push(0);
    }
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
    let mut value = 0u64;
    for (index, &byte) in data.iter().take(10).enumerate() {
        if index == 9 && byte > 1 {
            return Err(WireError::Overlong);
        }
        value |= u64::from(byte & 0x7f) << (7 * index);
        if byte < 0x80 {
            return Ok((value, index + 1));
        }
    }
    Err(WireError::Truncated)
}
