//! `flyteidl2.core.Literal` on the wire: writers of each scalar, one reader, and the entries of `Inputs`, `Outputs` and maps.

use std::borrow::Cow;

use crate::WireError;
use crate::wire::{self, Field, Fields};

/// Bytes of a nested message: borrowed, or owned when the message was split over several fields, which protobuf merges.
pub type Message<'a> = Cow<'a, [u8]>;

/// A blob scalar.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Blob<'a> {
    /// Where the content is.
    pub uri: Message<'a>,
    /// `BlobType.format`.
    pub format: Message<'a>,
    /// `BlobType.dimensionality`: 0 single, 1 multipart.
    pub dimensionality: u64,
}

/// What a literal holds.
#[derive(Debug, Clone, PartialEq)]
pub enum Value<'a> {
    /// No value, an empty scalar or an empty primitive.
    Unset,
    /// `primitive.integer`
    Integer(i64),
    /// `primitive.float_value`
    Float(f64),
    /// `primitive.string_value`, not yet checked to be UTF-8.
    String(Message<'a>),
    /// `primitive.boolean`
    Boolean(bool),
    /// `primitive.datetime`: seconds since the epoch and nanoseconds.
    Datetime(i64, i32),
    /// `primitive.duration`: seconds and nanoseconds of one sign.
    Duration(i64, i32),
    /// `scalar.none_type`
    None,
    /// `scalar.blob`
    Blob(Blob<'a>),
    /// `scalar.binary`: content and tag.
    Binary(Message<'a>, Message<'a>),
    /// `scalar.generic`: a `google.protobuf.Struct`.
    Generic(Message<'a>),
    /// `scalar.structured_dataset`
    StructuredDataset(Message<'a>),
    /// `scalar.union`: the literal and its type.
    Union(Message<'a>, Message<'a>),
    /// `collection`: a `LiteralCollection`.
    Collection(Message<'a>),
    /// `map`: a `LiteralMap`.
    Map(Message<'a>),
    /// `offloaded_metadata`
    Offloaded(Message<'a>),
    /// `scalar.error` or `scalar.schema`, which the SDK never writes.
    Foreign(&'static str),
}

impl Value<'_> {
    /// What to call it in an error.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Value::Unset => "an empty literal",
            Value::Integer(_) => "an integer",
            Value::Float(_) => "a float",
            Value::String(_) => "a string",
            Value::Boolean(_) => "a boolean",
            Value::Datetime(..) => "a datetime",
            Value::Duration(..) => "a duration",
            Value::None => "none",
            Value::Blob(_) => "a blob",
            Value::Binary(..) => "binary data",
            Value::Generic(_) => "a generic struct",
            Value::StructuredDataset(_) => "a structured dataset",
            Value::Union(..) => "a union",
            Value::Collection(_) => "a collection",
            Value::Map(_) => "a map",
            Value::Offloaded(_) => "an offloaded literal",
            Value::Foreign(name) => name,
        }
    }
}

/// One literal, its nested messages not yet read.
#[derive(Debug, Clone, PartialEq)]
pub struct Literal<'a> {
    /// What it holds.
    pub value: Value<'a>,
    /// `Literal.hash`, empty when unset.
    pub hash: Message<'a>,
}

// Protobuf: a message field that comes twice is merged, which is the same as joining the bytes.
fn merge<'a>(slot: &mut Option<(u32, Message<'a>)>, number: u32, bytes: Message<'a>) {
    match slot {
        Some((previous, message)) if *previous == number => {
            message.to_mut().extend_from_slice(&bytes)
        }
        _ => *slot = Some((number, bytes)),
    }
}

// A field is borrowed from the input, or copied when the enclosing message is itself a merged copy.
macro_rules! read_message {
    ($message:expr, |$number:ident, $field:ident, $keep:ident| $body:block) => {
        match $message {
            Cow::Borrowed(data) => {
                fn $keep(bytes: &[u8]) -> Message<'_> {
                    Cow::Borrowed(bytes)
                }
                let mut fields = Fields::new(data);
                while let Some(($number, $field)) = fields.next_field()? $body
            }
            Cow::Owned(data) => {
                fn $keep<'a>(bytes: &[u8]) -> Message<'a> {
                    Cow::Owned(bytes.to_vec())
                }
                let mut fields = Fields::new(&data);
                while let Some(($number, $field)) = fields.next_field()? $body
            }
        }
    };
}

impl<'a> Literal<'a> {
    /// Read a literal. Unknown fields are skipped; fields may come in any order and message fields in parts.
    pub fn parse(data: Message<'a>) -> Result<Self, WireError> {
        let mut value = None;
        let mut hash = Cow::Borrowed(&[][..]);
        read_message!(data, |number, field, keep| {
            match number {
                1 | 2 | 3 | 8 => merge(&mut value, number, keep(field.bytes()?)),
                4 => hash = keep(field.bytes()?),
                _ => {}
            }
        });
        let value = match value {
            None => Value::Unset,
            Some((1, bytes)) => scalar(bytes)?,
            Some((2, bytes)) => Value::Collection(bytes),
            Some((3, bytes)) => Value::Map(bytes),
            Some((_, bytes)) => Value::Offloaded(bytes),
        };
        Ok(Literal { value, hash })
    }

    /// The integer of the commonest encoding, without looking at anything else.
    #[inline]
    #[must_use]
    pub fn fast_integer(data: &[u8]) -> Option<i64> {
        match data {
            [0x0a, outer, 0x0a, inner, 0x08, number @ ..]
                if *outer < 0x80
                    && usize::from(*outer) == number.len() + 3
                    && usize::from(*inner) == number.len() + 1 =>
            {
                let (value, used) = wire::read_varint(number).ok()?;
                (used == number.len()).then_some(value as i64)
            }
            _ => None,
        }
    }

    /// The float of the commonest encoding.
    #[inline]
    #[must_use]
    pub fn fast_float(data: &[u8]) -> Option<f64> {
        match data {
            [0x0a, 11, 0x0a, 9, 0x11, bytes @ ..] => {
                Some(f64::from_le_bytes(bytes.try_into().ok()?))
            }
            _ => None,
        }
    }

    /// The text of the commonest encoding, not yet checked to be UTF-8.
    #[inline]
    #[must_use]
    pub fn fast_string(data: &[u8]) -> Option<&[u8]> {
        wire::sole(wire::sole(wire::sole(data, 0x0a)?, 0x0a)?, 0x1a)
    }

    /// The content of a binary scalar with this tag in the commonest encoding.
    #[inline]
    #[must_use]
    pub fn fast_binary<'b>(data: &'b [u8], tag: &[u8]) -> Option<&'b [u8]> {
        let (content, rest) = wire::leading(wire::sole(wire::sole(data, 0x0a)?, 0x1a)?, 0x0a)?;
        (wire::sole(rest, 0x12)? == tag).then_some(content)
    }

    /// The `LiteralCollection` of the commonest encoding.
    #[inline]
    #[must_use]
    pub fn fast_collection(data: &[u8]) -> Option<&[u8]> {
        wire::sole(data, 0x12)
    }

    /// The `LiteralMap` of the commonest encoding.
    #[inline]
    #[must_use]
    pub fn fast_map(data: &[u8]) -> Option<&[u8]> {
        wire::sole(data, 0x1a)
    }
}

/// An integer at the start of the items of a collection, in the commonest encoding, and the bytes that it takes.
#[inline]
#[must_use]
pub fn integer_item(items: &[u8]) -> Option<(i64, usize)> {
    let [0x0a, item, 0x0a, scalar, 0x0a, primitive, 0x08, number @ ..] =
        items.first_chunk::<17>()?
    else {
        return None;
    };
    let (value, used) = wire::varint_of(number)?;
    let length = used as u8 + 5;
    let fits = *item == length && *scalar == length - 2 && *primitive == length - 4;
    fits.then_some((value as i64, used + 7))
}

/// A float at the start of the items of a collection, in the commonest encoding, and the bytes that it takes.
#[inline]
#[must_use]
pub fn float_item(items: &[u8]) -> Option<(f64, usize)> {
    match items.first_chunk::<15>()? {
        [0x0a, 13, 0x0a, 11, 0x0a, 9, 0x11, bytes @ ..] => Some((f64::from_le_bytes(*bytes), 15)),
        _ => None,
    }
}

/// A short text at the start of the items of a collection, in the commonest encoding, and the bytes that it takes.
#[inline]
#[must_use]
pub fn string_item(items: &[u8]) -> Option<(&[u8], usize)> {
    let ([0x0a, item, 0x0a, scalar, 0x0a, primitive, 0x1a, length], rest) =
        items.split_first_chunk::<8>()?
    else {
        return None;
    };
    let end = usize::from(*length);
    let fits = *item < 0x80
        && *item == length.wrapping_add(6)
        && *scalar == length.wrapping_add(4)
        && *primitive == length.wrapping_add(2);
    Some((rest.get(..end).filter(|_| fits)?, end + 8))
}

fn scalar(data: Message<'_>) -> Result<Value<'_>, WireError> {
    let mut chosen = None;
    read_message!(data, |number, field, keep| {
        if (1..=9).contains(&number) {
            merge(&mut chosen, number, keep(field.bytes()?));
        }
    });
    let Some((number, bytes)) = chosen else {
        return Ok(Value::Unset);
    };
    match number {
        1 => primitive(bytes),
        2 => blob(bytes).map(Value::Blob),
        3 => pair(bytes).map(|(value, tag)| Value::Binary(value, tag)),
        5 => Ok(Value::None),
        7 => Ok(Value::Generic(bytes)),
        8 => Ok(Value::StructuredDataset(bytes)),
        9 => union(bytes),
        4 => Ok(Value::Foreign("a schema")),
        _ => Ok(Value::Foreign("an error")),
    }
}

fn primitive(data: Message<'_>) -> Result<Value<'_>, WireError> {
    let mut value = Value::Unset;
    let mut time = None;
    read_message!(data, |number, field, keep| {
        match (number, field) {
            (1, Field::Varint(number)) => value = Value::Integer(number as i64),
            (2, Field::Fixed64(bits)) => value = Value::Float(f64::from_bits(bits)),
            (3, Field::Bytes(text)) => value = Value::String(keep(text)),
            (4, Field::Varint(number)) => value = Value::Boolean(number != 0),
            (5 | 6, Field::Bytes(bytes)) => {
                if !matches!(
                    (&value, number),
                    (Value::Datetime(..), 5) | (Value::Duration(..), 6)
                ) {
                    time = None;
                }
                merge(&mut time, number, keep(bytes));
                value = if number == 5 {
                    Value::Datetime(0, 0)
                } else {
                    Value::Duration(0, 0)
                };
            }
            (1..=6, _) => return Err(WireError::WrongType),
            _ => {}
        }
    });
    match (&value, time) {
        (Value::Datetime(..), Some((_, bytes))) => {
            seconds(&bytes).map(|(s, n)| Value::Datetime(s, n))
        }
        (Value::Duration(..), Some((_, bytes))) => {
            seconds(&bytes).map(|(s, n)| Value::Duration(s, n))
        }
        _ => Ok(value),
    }
}

fn seconds(data: &[u8]) -> Result<(i64, i32), WireError> {
    let (mut seconds, mut nanos) = (0, 0);
    let mut fields = Fields::new(data);
    while let Some((number, field)) = fields.next_field()? {
        match (number, field) {
            (1, Field::Varint(value)) => seconds = value as i64,
            (2, Field::Varint(value)) => nanos = value as i32,
            (1 | 2, _) => return Err(WireError::WrongType),
            _ => {}
        }
    }
    Ok((seconds, nanos))
}

fn blob(data: Message<'_>) -> Result<Blob<'_>, WireError> {
    let mut blob = Blob::default();
    let mut metadata = None;
    read_message!(data, |number, field, keep| {
        match number {
            1 => merge(&mut metadata, 1, keep(field.bytes()?)),
            3 => blob.uri = keep(field.bytes()?),
            _ => {}
        }
    });
    let mut kind = None;
    if let Some((_, metadata)) = metadata {
        read_message!(metadata, |number, field, keep| {
            if number == 1 {
                merge(&mut kind, 1, keep(field.bytes()?));
            }
        });
    }
    if let Some((_, kind)) = kind {
        read_message!(kind, |number, field, keep| {
            match (number, field) {
                (1, _) => blob.format = keep(field.bytes()?),
                (2, Field::Varint(value)) => blob.dimensionality = value,
                (2, _) => return Err(WireError::WrongType),
                _ => {}
            }
        });
    }
    Ok(blob)
}

// Two plain (not message) length-delimited fields: the last of each counts.
fn pair(data: Message<'_>) -> Result<(Message<'_>, Message<'_>), WireError> {
    let (mut first, mut second) = (Cow::Borrowed(&[][..]), Cow::Borrowed(&[][..]));
    read_message!(data, |number, field, keep| {
        match number {
            1 => first = keep(field.bytes()?),
            2 => second = keep(field.bytes()?),
            _ => {}
        }
    });
    Ok((first, second))
}

fn union(data: Message<'_>) -> Result<Value<'_>, WireError> {
    let (mut value, mut kind) = (None, None);
    read_message!(data, |number, field, keep| {
        match number {
            1 => merge(&mut value, 1, keep(field.bytes()?)),
            2 => merge(&mut kind, 2, keep(field.bytes()?)),
            _ => {}
        }
    });
    Ok(Value::Union(
        value.unwrap_or_default().1,
        kind.unwrap_or_default().1,
    ))
}

/// A name and a literal: an entry of `LiteralMap`, or a `NamedLiteral` (both have the fields 1 and 2).
#[inline]
pub fn named_literal(data: &[u8]) -> Result<(&[u8], Message<'_>), WireError> {
    if let Some((name, rest)) = wire::leading(data, 0x0a)
        && let Some(value) = wire::sole(rest, 0x12)
    {
        return Ok((name, Cow::Borrowed(value)));
    }
    named_literal_in_parts(data)
}

#[cold]
fn named_literal_in_parts(data: &[u8]) -> Result<(&[u8], Message<'_>), WireError> {
    let mut name = &[][..];
    let mut value: Option<(u32, Message<'_>)> = None;
    let mut fields = Fields::new(data);
    while let Some((number, field)) = fields.next_field()? {
        match number {
            1 => name = field.bytes()?,
            2 => merge(&mut value, 2, Cow::Borrowed(field.bytes()?)),
            _ => {}
        }
    }
    Ok((name, value.unwrap_or_default().1))
}

/// A key and a text: a `KeyValuePair`.
pub fn map_entry(data: &[u8]) -> Result<(&[u8], &[u8]), WireError> {
    let (mut key, mut value) = (&[][..], &[][..]);
    let mut fields = Fields::new(data);
    while let Some((number, field)) = fields.next_field()? {
        match number {
            1 => key = field.bytes()?,
            2 => value = field.bytes()?,
            _ => {}
        }
    }
    Ok((key, value))
}

/// The field numbers of a record message: `Inputs` has literals 1 and context 2, `Outputs` literals 1.
#[derive(Debug, Clone, Copy)]
pub struct NamedFields;

impl NamedFields {
    /// Tag of `literals`.
    pub const LITERALS: u8 = 0x0a;
    /// Tag of `Inputs.context`.
    pub const CONTEXT: u8 = 0x12;
}

/// `LiteralType.structure.tag`, empty when unset.
pub fn structure_tag(literal_type: &[u8]) -> Result<Message<'_>, WireError> {
    let mut structure = None;
    let mut fields = Fields::new(literal_type);
    while let Some((number, field)) = fields.next_field()? {
        if number == 11 {
            merge(&mut structure, 11, Cow::Borrowed(field.bytes()?));
        }
    }
    let mut tag = Cow::Borrowed(&[][..]);
    if let Some((_, structure)) = structure {
        read_message!(structure, |number, field, keep| {
            if number == 1 {
                tag = keep(field.bytes()?);
            }
        });
    }
    Ok(tag)
}

// The content of an integer literal: the first bytes of an array.
#[inline]
fn integer_content(value: i64) -> ([u8; 15], usize) {
    let (number, used) = wire::varint(value as u64);
    let mut bytes = [0u8; 15];
    bytes[..5].copy_from_slice(&[0x0a, used as u8 + 3, 0x0a, used as u8 + 1, 0x08]);
    bytes[5..].copy_from_slice(&number);
    (bytes, used + 5)
}

/// Write the content of an integer literal.
#[inline]
pub fn put_integer(buf: &mut Vec<u8>, value: i64) {
    let (bytes, used) = integer_content(value);
    wire::put_some(buf, &bytes, used);
}

/// Write an integer literal as an entry of a map.
#[inline]
pub fn put_integer_entry(buf: &mut Vec<u8>, key: &[u8], value: i64) {
    let (bytes, used) = integer_content(value);
    put_entry_head(buf, key, used);
    wire::put_some(buf, &bytes, used);
}

/// Write a float literal as an entry of a map.
#[inline]
pub fn put_float_entry(buf: &mut Vec<u8>, key: &[u8], value: f64) {
    put_key(buf, key, 13);
    let mut bytes = [0x12, 13, 0x0a, 11, 0x0a, 9, 0x11, 0, 0, 0, 0, 0, 0, 0, 0];
    bytes[7..].copy_from_slice(&value.to_le_bytes());
    buf.extend_from_slice(&bytes);
}

/// Write a string literal as an entry of a map.
#[inline]
pub fn put_string_entry(buf: &mut Vec<u8>, key: &[u8], value: &[u8]) {
    if value.len() < 0x78 {
        put_entry_head(buf, key, value.len() + 6);
        put_string(buf, value);
    } else {
        let entry = wire::open(buf, 0x0a, key.len() + value.len());
        wire::put_bytes(buf, 0x0a, key);
        let content = wire::open(buf, 0x12, value.len());
        put_string(buf, value);
        wire::close(buf, content);
        wire::close(buf, entry);
    }
}

// All of an entry but its value, which has `length` bytes, fewer than 128.
#[inline]
fn put_entry_head(buf: &mut Vec<u8>, key: &[u8], length: usize) {
    put_key(buf, key, length);
    buf.extend_from_slice(&[0x12, length as u8]);
}

#[inline]
fn put_key(buf: &mut Vec<u8>, key: &[u8], length: usize) {
    let whole = key.len() + length + 4;
    if whole < 0x80 {
        buf.extend_from_slice(&[0x0a, whole as u8, 0x0a, key.len() as u8]);
        wire::put_text(buf, key);
    } else {
        let keyed = 1 + wire::varint_len(key.len() as u64) + key.len();
        buf.push(0x0a);
        wire::put_varint(buf, (keyed + 2 + length) as u64);
        wire::put_bytes(buf, 0x0a, key);
    }
}

/// Write an integer literal as an item of a collection.
#[inline]
pub fn put_integer_item(buf: &mut Vec<u8>, value: i64) {
    let (number, used) = wire::varint(value as u64);
    let length = used as u8 + 5;
    let mut bytes = [0u8; 17];
    bytes[..7].copy_from_slice(&[0x0a, length, 0x0a, length - 2, 0x0a, length - 4, 0x08]);
    bytes[7..].copy_from_slice(&number);
    wire::put_some(buf, &bytes, used + 7);
}

/// Write the content of a float literal.
#[inline]
pub fn put_float(buf: &mut Vec<u8>, value: f64) {
    let mut bytes = [0x0a, 11, 0x0a, 9, 0x11, 0, 0, 0, 0, 0, 0, 0, 0];
    bytes[5..].copy_from_slice(&value.to_le_bytes());
    buf.extend_from_slice(&bytes);
}

/// Write a float literal as an item of a collection.
#[inline]
pub fn put_float_item(buf: &mut Vec<u8>, value: f64) {
    let mut bytes = [0x0a, 13, 0x0a, 11, 0x0a, 9, 0x11, 0, 0, 0, 0, 0, 0, 0, 0];
    bytes[7..].copy_from_slice(&value.to_le_bytes());
    buf.extend_from_slice(&bytes);
}

/// Write a string literal as an item of a collection.
#[inline]
pub fn put_string_item(buf: &mut Vec<u8>, value: &[u8]) {
    if value.len() < 0x78 {
        let length = value.len() as u8;
        let header = [
            0x0a,
            length + 6,
            0x0a,
            length + 4,
            0x0a,
            length + 2,
            0x1a,
            length,
        ];
        buf.extend_from_slice(&header);
        wire::put_text(buf, value);
    } else {
        let item = wire::open(buf, 0x0a, value.len());
        put_string(buf, value);
        wire::close(buf, item);
    }
}

/// Write the content of a boolean literal.
#[inline]
pub fn put_bool(buf: &mut Vec<u8>, value: bool) {
    buf.extend_from_slice(&[0x0a, 4, 0x0a, 2, 0x20, u8::from(value)]);
}

/// Write the content of a string literal.
#[inline]
pub fn put_string(buf: &mut Vec<u8>, value: &[u8]) {
    if value.len() < 0x78 {
        let length = value.len() as u8;
        buf.extend_from_slice(&[0x0a, length + 4, 0x0a, length + 2, 0x1a, length]);
    } else {
        let inner = 1 + wire::varint_len(value.len() as u64) + value.len();
        let outer = 1 + wire::varint_len(inner as u64) + inner;
        buf.push(0x0a);
        wire::put_varint(buf, outer as u64);
        buf.push(0x0a);
        wire::put_varint(buf, inner as u64);
        buf.push(0x1a);
        wire::put_varint(buf, value.len() as u64);
    }
    buf.extend_from_slice(value);
}

/// Write the content of a none literal.
#[inline]
pub fn put_none(buf: &mut Vec<u8>) {
    buf.extend_from_slice(&[0x0a, 2, 0x2a, 0]);
}

fn put_time(buf: &mut Vec<u8>, tag: u8, seconds: i64, nanos: i32) {
    let scalar = wire::open(buf, 0x0a, 0);
    let primitive = wire::open(buf, 0x0a, 0);
    let time = wire::open(buf, tag, 0);
    if seconds != 0 {
        buf.push(0x08);
        wire::put_varint(buf, seconds as u64);
    }
    if nanos != 0 {
        buf.push(0x10);
        wire::put_varint(buf, i64::from(nanos) as u64);
    }
    wire::close(buf, time);
    wire::close(buf, primitive);
    wire::close(buf, scalar);
}

/// Write the content of a datetime literal.
pub fn put_datetime(buf: &mut Vec<u8>, seconds: i64, nanos: i32) {
    put_time(buf, 0x2a, seconds, nanos);
}

/// Write the content of a duration literal; seconds and nanos have one sign.
pub fn put_duration(buf: &mut Vec<u8>, seconds: i64, nanos: i32) {
    put_time(buf, 0x32, seconds, nanos);
}

/// Write the content of a blob literal.
pub fn put_blob(buf: &mut Vec<u8>, blob: &Blob<'_>, hash: &[u8]) {
    let scalar = wire::open(buf, 0x0a, blob.uri.len());
    let message = wire::open(buf, 0x12, blob.uri.len());
    let metadata = wire::open(buf, 0x0a, 0);
    let kind = wire::open(buf, 0x0a, 0);
    if !blob.format.is_empty() {
        wire::put_bytes(buf, 0x0a, &blob.format);
    }
    if blob.dimensionality != 0 {
        buf.push(0x10);
        wire::put_varint(buf, blob.dimensionality);
    }
    wire::close(buf, kind);
    wire::close(buf, metadata);
    if !blob.uri.is_empty() {
        wire::put_bytes(buf, 0x1a, &blob.uri);
    }
    wire::close(buf, message);
    wire::close(buf, scalar);
    if !hash.is_empty() {
        wire::put_bytes(buf, 0x22, hash);
    }
}

const MSGPACK_TAG: [u8; 9] = *b"\x12\x07msgpack";

/// The literal of a msgpack payload while that is written; see [`open_packed`].
#[derive(Debug)]
#[must_use]
pub struct Packed {
    start: usize,
    kept: usize,
    nested: usize,
}

/// Begin the content of a literal with a msgpack payload, which is to be appended. `least` guesses the length of that.
///
/// The three messages around a payload (four, as an item of a collection) are written in one piece, since small payloads come
/// by the thousand.
#[inline]
pub fn open_packed(buf: &mut Vec<u8>, least: usize, is_item: bool) -> Packed {
    let nested = if is_item { 4 } else { 3 };
    let kept = if least <= SHORT_PAYLOAD {
        2 * nested
    } else {
        packed_head(least, nested).1
    };
    wire::put_some(buf, &[0; HEAD], kept);
    Packed {
        start: buf.len(),
        kept,
        nested,
    }
}

/// End it, and return the length of the payload.
#[inline]
pub fn close_packed(buf: &mut Vec<u8>, packed: Packed) -> usize {
    let payload = buf.len() - packed.start;
    let at = packed.start - packed.kept;
    let length = payload as u8;
    if payload > SHORT_PAYLOAD || packed.kept != 2 * packed.nested {
        close_long_packed(buf, &packed, payload);
    } else if packed.nested == 4 {
        buf[at..at + 8].copy_from_slice(&[
            0x0a,
            length + 15,
            0x0a,
            length + 13,
            0x1a,
            length + 11,
            0x0a,
            length,
        ]);
    } else {
        buf[at..at + 6].copy_from_slice(&[0x0a, length + 13, 0x1a, length + 11, 0x0a, length]);
    }
    buf.extend_from_slice(&MSGPACK_TAG);
    payload
}

/// A payload of so many bytes has lengths of one byte around it.
const SHORT_PAYLOAD: usize = 0x7f - 15;
/// Room for four tags and lengths.
const HEAD: usize = 44;

fn packed_head(payload: usize, nested: usize) -> ([u8; HEAD], usize) {
    let mut head = [0; HEAD];
    let mut at = HEAD;
    let mut length = payload;
    for (level, tag) in [0x0a, 0x1a, 0x0a, 0x0a]
        .into_iter()
        .take(nested)
        .enumerate()
    {
        if level == 1 {
            length += MSGPACK_TAG.len();
        }
        let (number, used) = wire::varint(length as u64);
        at -= used;
        head[at..at + used].copy_from_slice(&number[..used]);
        at -= 1;
        head[at] = tag;
        length += used + 1;
    }
    head.copy_within(at.., 0);
    (head, HEAD - at)
}

#[inline(never)]
fn close_long_packed(buf: &mut Vec<u8>, packed: &Packed, payload: usize) {
    let (head, needed) = packed_head(payload, packed.nested);
    let at = packed.start - packed.kept;
    if needed > packed.kept {
        buf.resize(buf.len() + needed - packed.kept, 0);
        buf.copy_within(packed.start..packed.start + payload, at + needed);
    } else if needed < packed.kept {
        buf.copy_within(packed.start.., at + needed);
        buf.truncate(at + needed + payload);
    }
    buf[at..at + needed].copy_from_slice(&head[..needed]);
}

/// Write the content of a binary literal around what `payload` writes; `least` guesses the length of that.
pub fn put_binary<E>(
    buf: &mut Vec<u8>,
    tag: &[u8],
    least: usize,
    payload: impl FnOnce(&mut Vec<u8>) -> Result<(), E>,
) -> Result<(), E> {
    let around = least + tag.len() + 4;
    let scalar = wire::open(buf, 0x0a, around + 2);
    let binary = wire::open(buf, 0x1a, around);
    let value = wire::open(buf, 0x0a, least);
    payload(buf)?;
    wire::close(buf, value);
    if !tag.is_empty() {
        wire::put_bytes(buf, 0x12, tag);
    }
    wire::close(buf, binary);
    wire::close(buf, scalar);
    Ok(())
}
