//! The wire form: lengths that were guessed wrong, numbers at their limits, and bytes nobody well-meaning wrote.

use std::borrow::Cow;

use flyte_literal::wire::{self, Field, Fields};
use flyte_literal::{
    Literal, MAX_DEPTH, Value, WireError, close_packed, open_packed, put_binary, put_integer,
    put_string,
};

fn parse(data: &[u8]) -> Result<Value<'_>, WireError> {
    Literal::parse(Cow::Borrowed(data)).map(|literal| literal.value)
}

#[test]
fn lengths_are_minimal_whatever_was_guessed() {
    for length in [0, 1, 127, 128, 16_383, 16_384, 70_000] {
        for guess in [0, 1, 127, 128, 20_000, 3_000_000] {
            let mut buf = vec![7];
            let outer = wire::open(&mut buf, 0x0a, guess);
            let inner = wire::open(&mut buf, 0x12, guess);
            buf.extend(std::iter::repeat_n(9, length));
            wire::close(&mut buf, inner);
            wire::close(&mut buf, outer);

            let mut content = Vec::new();
            wire::put_bytes(&mut content, 0x12, &vec![9; length]);
            let mut expected = vec![7];
            wire::put_bytes(&mut expected, 0x0a, &content);
            assert_eq!(expected, buf, "length {length}, guess {guess}");
        }
    }
}

#[test]
fn a_msgpack_literal_is_the_same_whatever_length_was_guessed() {
    for length in [0, 1, 111, 112, 113, 127, 128, 16_360, 16_384, 70_000] {
        for guess in [0, 1, 112, 113, 127, 128, 20_000, 3_000_000] {
            let payload = vec![9; length];
            let mut content = Vec::new();
            put_binary(&mut content, b"msgpack", 0, |buf| {
                buf.extend_from_slice(&payload);
                Ok::<_, WireError>(())
            })
            .unwrap();
            let mut item = Vec::new();
            wire::put_bytes(&mut item, 0x0a, &content);
            for (is_item, expected) in [(false, content), (true, item)] {
                let mut buf = vec![7];
                let packed = open_packed(&mut buf, guess, is_item);
                buf.extend_from_slice(&payload);
                assert_eq!(length, close_packed(&mut buf, packed));
                assert_eq!(expected, buf[1..], "length {length}, guess {guess}");
            }
        }
    }
}

#[test]
fn texts_of_every_length_are_appended() {
    let text: Vec<u8> = (0..80).collect();
    for length in 0..text.len() {
        let mut buf = b"abc".to_vec();
        wire::put_text(&mut buf, &text[..length]);
        wire::put_text(&mut buf, &text[length..]);
        assert_eq!([b"abc", &text[..]].concat(), buf, "length {length}");
    }
}

#[test]
fn varints_at_every_width() {
    for shift in 0..64 {
        for value in [1u64 << shift, (1u64 << shift) - 1, u64::MAX >> shift] {
            let mut buf = Vec::new();
            wire::put_varint(&mut buf, value);
            assert_eq!(wire::varint_len(value), buf.len());
            assert_eq!(Ok((value, buf.len())), wire::read_varint(&buf));
        }
    }
}

#[test]
fn overlong_and_truncated_varints_are_errors() {
    assert_eq!(Err(WireError::Truncated), wire::read_varint(&[]));
    assert_eq!(Err(WireError::Truncated), wire::read_varint(&[0x80; 9]));
    assert_eq!(Err(WireError::Overlong), wire::read_varint(&[0xff; 10]));
    assert_eq!(Ok((5, 3)), wire::read_varint(&[0x85, 0x80, 0x00]));
}

#[test]
fn the_fast_and_the_full_reader_agree() {
    for value in [0, 1, -1, 127, 128, i64::MAX, i64::MIN] {
        let mut buf = Vec::new();
        put_integer(&mut buf, value);
        assert_eq!(Some(value), Literal::fast_integer(&buf));
        assert_eq!(Ok(Value::Integer(value)), parse(&buf));
    }
    for length in [0, 1, 100, 119, 120, 121, 127, 128, 20_000] {
        let text = "x".repeat(length);
        let mut buf = Vec::new();
        put_string(&mut buf, text.as_bytes());
        assert_eq!(
            Ok(Value::String(Cow::Borrowed(text.as_bytes()))),
            parse(&buf)
        );
        if let Some(fast) = Literal::fast_string(&buf) {
            assert_eq!(text.as_bytes(), fast);
        }
    }
}

#[test]
fn every_prefix_of_a_literal_is_an_error_or_a_smaller_literal() {
    let mut buf = Vec::new();
    put_string(&mut buf, "some text".as_bytes());
    for cut in 1..buf.len() {
        assert_eq!(Err(WireError::Truncated), parse(&buf[..cut]));
        assert_eq!(None, Literal::fast_string(&buf[..cut]));
    }
}

#[test]
fn claimed_lengths_are_not_believed() {
    assert_eq!(
        Err(WireError::Truncated),
        parse(b"\x12\xff\xff\xff\xff\xff\xff\xff\xff\x7f")
    );
    assert_eq!(Err(WireError::BadTag), parse(b"\x00"));
    assert_eq!(Err(WireError::BadTag), parse(b"\x0e"));
    assert_eq!(Err(WireError::WrongType), parse(b"\x08\x01"));
}

#[test]
fn groups_are_skipped_and_bounded() {
    let mut fields = Fields::new(b"\x9b\x06\x08\x01\x9c\x06\x08\x05");
    assert_eq!(Ok(Some((99, Field::Group))), fields.next_field());
    assert_eq!(Ok(Some((1, Field::Varint(5)))), fields.next_field());
    assert_eq!(Ok(None), fields.next_field());
    assert_eq!(
        Err(WireError::TooDeep),
        Fields::new(&[0x0b; 100_000]).next_field()
    );
    assert_eq!(
        Err(WireError::Truncated),
        Fields::new(&[0x0b; MAX_DEPTH - 1]).next_field()
    );
    assert_eq!(
        Err(WireError::BadTag),
        Fields::new(b"\x0b\x14").next_field()
    );
}

#[test]
fn keys_stand_after_those_that_begin_with_them() {
    let mut keys = vec!["", "a", "ab", "abc", "abd", "b"];
    keys.sort_by(|left, right| wire::key_order(left.as_bytes(), right.as_bytes()));
    assert_eq!(vec!["abc", "abd", "ab", "a", "b", ""], keys);
}
