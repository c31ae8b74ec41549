//! A literal is read alike by the short paths and by the whole parser, and what is written of it is read back.

#![no_main]

use std::borrow::Cow;

use flyte_literal::wire::{Items, sole};
use flyte_literal::{
    Literal, MAX_DEPTH, Value, float_item, integer_item, named_literal, put_binary, put_blob,
    put_bool, put_datetime, put_duration, put_float, put_integer, put_none, put_string,
    string_item, structure_tag,
};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    walk(data, 0);
    let _ = structure_tag(data);
});

fn walk(data: &[u8], depth: usize) {
    let parsed = Literal::parse(Cow::Borrowed(data));
    let value = parsed.as_ref().ok().map(|literal| &literal.value);
    if let Some(number) = Literal::fast_integer(data) {
        assert_eq!(Some(&Value::Integer(number)), value);
    }
    if let Some(number) = Literal::fast_float(data) {
        match value {
            Some(Value::Float(other)) => assert_eq!(number.to_bits(), other.to_bits()),
            other => panic!("{other:?}"),
        }
    }
    if let Some(text) = Literal::fast_string(data) {
        assert_eq!(Some(&Value::String(Cow::Borrowed(text))), value);
    }
    if let Some(payload) = Literal::fast_binary(data, b"msgpack") {
        assert_eq!(
            Some(&Value::Binary(
                Cow::Borrowed(payload),
                Cow::Borrowed(b"msgpack")
            )),
            value
        );
    }
    if let Some(items) = Literal::fast_collection(data) {
        assert_eq!(Some(&Value::Collection(Cow::Borrowed(items))), value);
    }
    if let Some(entries) = Literal::fast_map(data) {
        assert_eq!(Some(&Value::Map(Cow::Borrowed(entries))), value);
    }
    let Ok(literal) = parsed else { return };
    written_again(&literal);
    if depth >= MAX_DEPTH {
        return;
    }
    match &literal.value {
        Value::Collection(items) => collection(items, depth),
        Value::Map(entries) => {
            let mut items = Items::new(entries);
            while let Ok(Some(entry)) = items.next_item() {
                if let Ok((_, value)) = named_literal(entry) {
                    walk(&value, depth + 1);
                }
            }
        }
        Value::Union(value, kind) => {
            let _ = structure_tag(kind);
            walk(value, depth + 1);
        }
        _ => {}
    }
}

// What the short paths see of an item is what the parser makes of it.
fn collection(data: &[u8], depth: usize) {
    let mut items = Items::new(data);
    let count = items.clone().count();
    let mut seen = 0;
    loop {
        let rest = items.rest();
        let Ok(Some(item)) = items.next_item() else {
            break;
        };
        seen += 1;
        let used = rest.len() - items.rest().len();
        let parsed = || Literal::parse(Cow::Borrowed(item)).map(|literal| literal.value);
        if let Some((number, length)) = integer_item(rest) {
            assert_eq!((Ok(Value::Integer(number)), used), (parsed(), length));
        }
        if let Some((text, length)) = string_item(rest) {
            assert_eq!(
                (Ok(Value::String(Cow::Borrowed(text))), used),
                (parsed(), length)
            );
        }
        if let Some((number, length)) = float_item(rest) {
            assert_eq!(length, used);
            assert!(
                matches!(parsed(), Ok(Value::Float(other)) if other.to_bits() == number.to_bits())
            );
        }
        walk(item, depth + 1);
    }
    if let Ok(count) = count {
        assert_eq!(count, seen);
    }
}

fn written_again(literal: &Literal<'_>) {
    let mut buf = Vec::new();
    match &literal.value {
        Value::Integer(number) => put_integer(&mut buf, *number),
        Value::Float(number) => put_float(&mut buf, *number),
        Value::String(text) => put_string(&mut buf, text),
        Value::Boolean(flag) => put_bool(&mut buf, *flag),
        Value::Datetime(seconds, nanos) => put_datetime(&mut buf, *seconds, *nanos),
        Value::Duration(seconds, nanos) => put_duration(&mut buf, *seconds, *nanos),
        Value::None => put_none(&mut buf),
        Value::Blob(blob) => put_blob(&mut buf, blob, &literal.hash),
        Value::Binary(payload, tag) => {
            let written = put_binary(&mut buf, tag, 0, |buf| {
                buf.extend_from_slice(payload);
                Ok::<_, ()>(())
            });
            assert_eq!(Ok(()), written);
        }
        Value::Collection(items) => {
            assert!(sole(&[&[0x12, 0][..], items].concat(), 0x12).is_none() || items.is_empty());
            return;
        }
        _ => return,
    }
    let again = Literal::parse(Cow::Borrowed(&buf)).map(|literal| literal.value);
    match (&literal.value, again) {
        (Value::Float(before), Ok(Value::Float(after))) => {
            assert_eq!(before.to_bits(), after.to_bits())
        }
        (before, after) => assert_eq!(Ok(before), after.as_ref().map_err(|_| ())),
    }
}
