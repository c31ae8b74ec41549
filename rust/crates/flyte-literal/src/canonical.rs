//! The bytes that stand for a literal when inputs are hashed (reference inventory, section 4 "Hashing").

use std::borrow::Cow;

use crate::literal::{Literal, Message, Value, named_literal, put_binary};
use crate::wire::Fields;
use crate::{MAX_DEPTH, WireError, msgpack};

/// Append the bytes that stand for a literal in a hash.
///
/// A literal with a hash is its hash; a collection is its items one after the other; a map is its sorted keys, each
/// followed by its value; a msgpack payload is written with sorted keys; anything else is its own bytes, which must
/// be in deterministic form, as this crate writes them.
pub fn literal_repr(buf: &mut Vec<u8>, data: &[u8]) -> Result<(), WireError> {
    repr(buf, Cow::Borrowed(data), 0)
}

fn repr(buf: &mut Vec<u8>, data: Message<'_>, depth: usize) -> Result<(), WireError> {
    if depth > MAX_DEPTH {
        return Err(WireError::TooDeep);
    }
    let literal = Literal::parse(data.clone())?;
    if !literal.hash.is_empty() {
        buf.extend_from_slice(&literal.hash);
        return Ok(());
    }
    match literal.value {
        Value::Collection(items) => {
            let mut fields = Fields::new(&items);
            while let Some((number, field)) = fields.next_field()? {
                if number == 1 {
                    repr(buf, Cow::Borrowed(field.bytes()?), depth + 1)?;
                }
            }
        }
        Value::Map(entries) => {
            let mut sorted = std::collections::BTreeMap::new();
            let mut fields = Fields::new(&entries);
            while let Some((number, field)) = fields.next_field()? {
                if number == 1 {
                    let (key, value) = named_literal(field.bytes()?)?;
                    sorted.insert(key, value);
                }
            }
            for (key, value) in sorted {
                buf.extend_from_slice(key);
                repr(buf, value, depth + 1)?;
            }
        }
        Value::Binary(payload, tag) if *tag == *b"msgpack" => {
            put_binary(buf, &tag, payload.len(), |buf| {
                msgpack::canonical(buf, &payload)
            })?;
        }
        _ => buf.extend_from_slice(&data),
    }
    Ok(())
}

/// The bytes of the literals of an `Inputs` message that are hashed: `name:repr;` for each that is not ignored.
pub fn inputs_repr(data: &[u8], ignored: &dyn Fn(&[u8]) -> bool) -> Result<Vec<u8>, WireError> {
    let mut buf = Vec::with_capacity(data.len());
    let mut fields = Fields::new(data);
    while let Some((number, field)) = fields.next_field()? {
        if number != 1 {
            continue;
        }
        let (name, value) = named_literal(field.bytes()?)?;
        if ignored(name) {
            continue;
        }
        buf.extend_from_slice(name);
        buf.push(b':');
        repr(&mut buf, value, 0)?;
        buf.push(b';');
    }
    Ok(buf)
}
