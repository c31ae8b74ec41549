//! msgpack: writers, a reader of one token at a time, and the form with sorted keys that hashing needs.

use crate::wire::put_text;
use crate::{MAX_DEPTH, WireError};

/// One step of msgpack data; containers are followed by their items.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Token<'a> {
    /// nil
    Nil,
    /// true or false
    Bool(bool),
    /// An integer that fits i64.
    Int(i64),
    /// An integer above `i64::MAX`.
    UInt(u64),
    /// A float of either width.
    Float(f64),
    /// Text, not yet checked to be UTF-8.
    Str(&'a [u8]),
    /// Binary data.
    Bin(&'a [u8]),
    /// So many items follow.
    Array(usize),
    /// So many pairs follow.
    Map(usize),
    /// An extension: type and data.
    Ext(i8, &'a [u8]),
}

impl Token<'_> {
    /// What to call it in an error.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Token::Nil => "none",
            Token::Bool(_) => "a boolean",
            Token::Int(_) | Token::UInt(_) => "an integer",
            Token::Float(_) => "a float",
            Token::Str(_) => "a string",
            Token::Bin(_) => "binary data",
            Token::Array(_) => "an array",
            Token::Map(_) => "a map",
            Token::Ext(..) => "an extension value",
        }
    }
}

/// Reads tokens from a slice.
#[derive(Debug, Clone)]
pub struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    /// Read what is in `data`.
    #[must_use]
    pub fn new(data: &'a [u8]) -> Self {
        Reader { rest: data }
    }

    /// Fails when bytes are left.
    pub fn finish(&self) -> Result<(), WireError> {
        if self.rest.is_empty() {
            Ok(())
        } else {
            Err(WireError::Trailing)
        }
    }

    fn take(&mut self, length: usize) -> Result<&'a [u8], WireError> {
        let (head, tail) = self
            .rest
            .split_at_checked(length)
            .ok_or(WireError::Truncated)?;
        self.rest = tail;
        Ok(head)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], WireError> {
        self.take(N)?.try_into().map_err(|_| WireError::Truncated)
    }

    fn length(&mut self, width: u8) -> Result<usize, WireError> {
        Ok(match width {
            0 => usize::from(self.array::<1>()?[0]),
            1 => usize::from(u16::from_be_bytes(self.array()?)),
            _ => u32::from_be_bytes(self.array()?) as usize,
        })
    }

    // Every item takes a byte at least, so a larger claim is a lie.
    fn count(&self, count: usize, each: usize) -> Result<usize, WireError> {
        match count.checked_mul(each) {
            Some(least) if least <= self.rest.len() => Ok(count),
            _ => Err(WireError::Truncated),
        }
    }

    fn text(&mut self, length: usize) -> Result<Token<'a>, WireError> {
        Ok(Token::Str(self.take(length)?))
    }

    fn ext(&mut self, length: usize) -> Result<Token<'a>, WireError> {
        let kind = self.array::<1>()?[0] as i8;
        Ok(Token::Ext(kind, self.take(length)?))
    }

    /// The next token.
    #[inline]
    pub fn next_token(&mut self) -> Result<Token<'a>, WireError> {
        let marker = self.array::<1>()?[0];
        Ok(match marker {
            0x00..=0x7f => Token::Int(i64::from(marker)),
            0x80..=0x8f => Token::Map(self.count(usize::from(marker & 0x0f), 2)?),
            0x90..=0x9f => Token::Array(self.count(usize::from(marker & 0x0f), 1)?),
            0xa0..=0xbf => Token::Str(self.take(usize::from(marker & 0x1f))?),
            0xc0 => Token::Nil,
            0xc1 => return Err(WireError::BadMsgpack),
            0xc2 => Token::Bool(false),
            0xc3 => Token::Bool(true),
            0xc4..=0xc6 => {
                let length = self.length(marker - 0xc4)?;
                Token::Bin(self.take(length)?)
            }
            0xc7..=0xc9 => {
                let length = self.length(marker - 0xc7)?;
                self.ext(length)?
            }
            0xca => Token::Float(f64::from(f32::from_be_bytes(self.array()?))),
            0xcb => Token::Float(f64::from_be_bytes(self.array()?)),
            0xcc => Token::Int(i64::from(self.array::<1>()?[0])),
            0xcd => Token::Int(i64::from(u16::from_be_bytes(self.array()?))),
            0xce => Token::Int(i64::from(u32::from_be_bytes(self.array()?))),
            0xcf => {
                let value = u64::from_be_bytes(self.array()?);
                i64::try_from(value).map_or(Token::UInt(value), Token::Int)
            }
            0xd0 => Token::Int(i64::from(i8::from_be_bytes(self.array()?))),
            0xd1 => Token::Int(i64::from(i16::from_be_bytes(self.array()?))),
            0xd2 => Token::Int(i64::from(i32::from_be_bytes(self.array()?))),
            0xd3 => Token::Int(i64::from_be_bytes(self.array()?)),
            0xd4..=0xd8 => self.ext(1 << (marker - 0xd4))?,
            0xd9..=0xdb => {
                let length = self.length(marker - 0xd9)?;
                self.text(length)?
            }
            0xdc | 0xdd => {
                let count = self.length(marker - 0xdb)?;
                Token::Array(self.count(count, 1)?)
            }
            0xde | 0xdf => {
                let count = self.length(marker - 0xdd)?;
                Token::Map(self.count(count, 2)?)
            }
            0xe0..=0xff => Token::Int(i64::from(marker as i8)),
        })
    }

    /// How many bytes are left.
    #[inline]
    #[must_use]
    pub fn left(&self) -> usize {
        self.rest.len()
    }

    /// The text that comes next, if it is one of less than 32 bytes; nothing is read otherwise.
    #[inline]
    pub fn next_short_text(&mut self) -> Option<&'a [u8]> {
        let (&marker, rest) = self.rest.split_first()?;
        if marker & 0xe0 != 0xa0 {
            return None;
        }
        let (text, rest) = rest.split_at_checked(usize::from(marker & 0x1f))?;
        self.rest = rest;
        Some(text)
    }

    /// The integer that comes next, if it is not negative and below 2**16; nothing is read otherwise.
    #[inline]
    pub fn next_small_int(&mut self) -> Option<i64> {
        let (value, rest) = match self.rest {
            [value @ 0..=0x7f, rest @ ..] => (i64::from(*value), rest),
            [0xcc, value, rest @ ..] => (i64::from(*value), rest),
            [0xcd, high, low, rest @ ..] => (i64::from(u16::from_be_bytes([*high, *low])), rest),
            _ => return None,
        };
        self.rest = rest;
        Some(value)
    }

    /// The float of 64 bits that comes next; nothing is read otherwise.
    #[inline]
    pub fn next_double(&mut self) -> Option<f64> {
        let (bytes, rest) = self.rest.split_first_chunk::<9>()?;
        let [0xcb, bytes @ ..] = bytes else {
            return None;
        };
        self.rest = rest;
        Some(f64::from_be_bytes(*bytes))
    }

    /// Skip one value with all that is in it, without recursion.
    pub fn skip(&mut self) -> Result<(), WireError> {
        let mut left = 1u64;
        while left > 0 {
            left -= 1;
            left += match self.next_token()? {
                Token::Array(count) => count as u64,
                Token::Map(count) => 2 * count as u64,
                _ => 0,
            };
        }
        Ok(())
    }

    /// Skip one value and return its bytes.
    pub fn raw(&mut self) -> Result<&'a [u8], WireError> {
        let before = self.rest;
        self.skip()?;
        Ok(&before[..before.len() - self.rest.len()])
    }
}

/// Write nil.
#[inline]
pub fn put_nil(buf: &mut Vec<u8>) {
    buf.push(0xc0);
}

/// Write a boolean.
#[inline]
pub fn put_bool(buf: &mut Vec<u8>, value: bool) {
    buf.push(if value { 0xc3 } else { 0xc2 });
}

/// Write an integer in its shortest form.
#[inline]
pub fn put_int(buf: &mut Vec<u8>, value: i64) {
    match value {
        0.. => put_uint(buf, value as u64),
        -32..=-1 => buf.push(value as u8),
        -128..=-33 => buf.extend_from_slice(&[0xd0, value as u8]),
        -32768..=-129 => {
            buf.push(0xd1);
            buf.extend_from_slice(&(value as i16).to_be_bytes());
        }
        -0x8000_0000..=-32769 => {
            buf.push(0xd2);
            buf.extend_from_slice(&(value as i32).to_be_bytes());
        }
        _ => {
            buf.push(0xd3);
            buf.extend_from_slice(&value.to_be_bytes());
        }
    }
}

/// Write an unsigned integer in its shortest form.
#[inline]
pub fn put_uint(buf: &mut Vec<u8>, value: u64) {
    match value {
        0..=0x7f => buf.push(value as u8),
        0x80..=0xff => buf.extend_from_slice(&[0xcc, value as u8]),
        0x100..=0xffff => {
            buf.push(0xcd);
            buf.extend_from_slice(&(value as u16).to_be_bytes());
        }
        0x1_0000..=0xffff_ffff => {
            buf.push(0xce);
            buf.extend_from_slice(&(value as u32).to_be_bytes());
        }
        _ => {
            buf.push(0xcf);
            buf.extend_from_slice(&value.to_be_bytes());
        }
    }
}

/// Write a float of 64 bits.
#[inline]
pub fn put_float(buf: &mut Vec<u8>, value: f64) {
    buf.push(0xcb);
    buf.extend_from_slice(&value.to_be_bytes());
}

/// Write text, given as UTF-8.
#[inline]
pub fn put_str(buf: &mut Vec<u8>, text: &[u8]) -> Result<(), WireError> {
    if text.len() <= 31 {
        buf.reserve(32);
        buf.push(0xa0 | text.len() as u8);
        put_text(buf, text);
        return Ok(());
    }
    put_long_str(buf, text)
}

#[inline(never)]
fn put_long_str(buf: &mut Vec<u8>, text: &[u8]) -> Result<(), WireError> {
    match text.len() {
        length @ 0..=0xff => buf.extend_from_slice(&[0xd9, length as u8]),
        length => put_long(buf, 0xda, length)?,
    }
    buf.extend_from_slice(text);
    Ok(())
}

/// Write binary data.
pub fn put_bin(buf: &mut Vec<u8>, data: &[u8]) -> Result<(), WireError> {
    match data.len() {
        length @ 0..=0xff => buf.extend_from_slice(&[0xc4, length as u8]),
        length => put_long(buf, 0xc5, length)?,
    }
    buf.extend_from_slice(data);
    Ok(())
}

/// Begin an array of `count` items.
#[inline]
pub fn put_array(buf: &mut Vec<u8>, count: usize) -> Result<(), WireError> {
    match count {
        0..=15 => buf.push(0x90 | count as u8),
        _ => put_long(buf, 0xdc, count)?,
    }
    Ok(())
}

/// Begin a map of `count` pairs.
#[inline]
pub fn put_map(buf: &mut Vec<u8>, count: usize) -> Result<(), WireError> {
    match count {
        0..=15 => buf.push(0x80 | count as u8),
        _ => put_long(buf, 0xde, count)?,
    }
    Ok(())
}

// The marker for 16 bits of length; the one for 32 bits follows it in every family.
fn put_long(buf: &mut Vec<u8>, marker: u8, length: usize) -> Result<(), WireError> {
    if let Ok(short) = u16::try_from(length) {
        buf.push(marker);
        buf.extend_from_slice(&short.to_be_bytes());
    } else {
        let long = u32::try_from(length).map_err(|_| WireError::BadMsgpack)?;
        buf.push(marker + 1);
        buf.extend_from_slice(&long.to_be_bytes());
    }
    Ok(())
}

fn put_ext(buf: &mut Vec<u8>, kind: i8, data: &[u8]) -> Result<(), WireError> {
    match data.len() {
        length @ (1 | 2 | 4 | 8 | 16) => buf.push(0xd4 + length.trailing_zeros() as u8),
        length @ 0..=0xff => buf.extend_from_slice(&[0xc7, length as u8]),
        length => put_long(buf, 0xc8, length)?,
    }
    buf.push(kind as u8);
    buf.extend_from_slice(data);
    Ok(())
}

/// Append the value in `data` with every number in its shortest form and every map sorted by the bytes of its keys.
///
/// Two payloads that differ only in the order of keys or in the width of numbers become the same bytes.
pub fn canonical(buf: &mut Vec<u8>, data: &[u8]) -> Result<(), WireError> {
    let mut reader = Reader::new(data);
    canonical_value(buf, &mut reader, 0)?;
    reader.finish()
}

fn canonical_value(
    buf: &mut Vec<u8>,
    reader: &mut Reader<'_>,
    depth: usize,
) -> Result<(), WireError> {
    if depth > MAX_DEPTH {
        return Err(WireError::TooDeep);
    }
    match reader.next_token()? {
        Token::Nil => put_nil(buf),
        Token::Bool(value) => put_bool(buf, value),
        Token::Int(value) => put_int(buf, value),
        Token::UInt(value) => put_uint(buf, value),
        Token::Float(value) => put_float(buf, value),
        Token::Str(text) => put_str(buf, text)?,
        Token::Bin(data) => put_bin(buf, data)?,
        Token::Ext(kind, data) => put_ext(buf, kind, data)?,
        Token::Array(count) => {
            put_array(buf, count)?;
            for _ in 0..count {
                canonical_value(buf, reader, depth + 1)?;
            }
        }
        Token::Map(count) => {
            let mut scratch = Vec::new();
            let mut entries = Vec::new();
            for _ in 0..count {
                let start = scratch.len();
                canonical_value(&mut scratch, reader, depth + 1)?;
                let middle = scratch.len();
                canonical_value(&mut scratch, reader, depth + 1)?;
                entries.push((start..middle, start..scratch.len()));
            }
            entries.sort_by(|left, right| scratch[left.0.clone()].cmp(&scratch[right.0.clone()]));
            put_map(buf, count)?;
            for (_, range) in entries {
                buf.extend_from_slice(&scratch[range]);
            }
        }
    }
    Ok(())
}
