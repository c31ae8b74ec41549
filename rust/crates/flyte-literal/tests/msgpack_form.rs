//! msgpack: shortest forms, skipping, the form for hashing, and hostile payloads.

use flyte_literal::WireError;
use flyte_literal::msgpack::{self, Reader, Token};

#[test]
fn integers_take_their_shortest_form() {
    for (value, length) in [
        (0, 1),
        (127, 1),
        (128, 2),
        (255, 2),
        (256, 3),
        (65_535, 3),
        (65_536, 5),
        (0xffff_ffff, 5),
        (0x1_0000_0000, 9),
        (i64::MAX, 9),
        (-1, 1),
        (-32, 1),
        (-33, 2),
        (-128, 2),
        (-129, 3),
        (-32_768, 3),
        (-32_769, 5),
        (-0x8000_0000, 5),
        (-0x8000_0001, 9),
        (i64::MIN, 9),
    ] {
        let mut buf = Vec::new();
        msgpack::put_int(&mut buf, value);
        assert_eq!(length, buf.len(), "{value}");
        assert_eq!(Ok(Token::Int(value)), Reader::new(&buf).next_token());
    }
}

#[test]
fn texts_and_binaries_at_every_width() {
    for length in [0, 31, 32, 255, 256, 65_535, 65_536] {
        let data = vec![b'x'; length];
        let mut buf = Vec::new();
        msgpack::put_str(&mut buf, &data).unwrap();
        assert_eq!(Ok(Token::Str(&data)), Reader::new(&buf).next_token());
        buf.clear();
        msgpack::put_bin(&mut buf, &data).unwrap();
        assert_eq!(Ok(Token::Bin(&data)), Reader::new(&buf).next_token());
    }
}

#[test]
fn skipping_takes_whole_values_without_recursion() {
    let mut data = vec![0x91; 1_000_000];
    data.push(0xc0);
    data.push(0x05);
    let mut reader = Reader::new(&data);
    assert_eq!(Ok(()), reader.skip());
    assert_eq!(Ok(Token::Int(5)), reader.next_token());
}

#[test]
fn claimed_lengths_are_not_believed() {
    for claim in [
        &b"\xdd\xff\xff\xff\xff"[..],
        b"\xdf\xff\xff\xff\xff",
        b"\xc6\xff\xff\xff\xff",
        b"\xdb\xff\xff\xff\xff",
        b"\xc9\xff\xff\xff\xff",
    ] {
        assert_eq!(Err(WireError::Truncated), Reader::new(claim).next_token());
    }
    assert_eq!(
        Err(WireError::BadMsgpack),
        Reader::new(b"\xc1").next_token()
    );
}

#[test]
fn the_form_for_hashing_sorts_keys_by_their_bytes_and_shortens_numbers() {
    let mut buf = Vec::new();
    msgpack::canonical(&mut buf, b"\x83\xa2aa\x02\xa1b\xcd\x00\x01\xff\x03").unwrap();
    assert_eq!(b"\x83\xa1b\x01\xa2aa\x02\xff\x03".to_vec(), buf);
    assert_eq!(
        Err(WireError::Trailing),
        msgpack::canonical(&mut Vec::new(), b"\xc0\xc0")
    );
    let deep = vec![0x91; 10_000];
    assert!(matches!(
        msgpack::canonical(&mut Vec::new(), &deep),
        Err(WireError::TooDeep | WireError::Truncated)
    ));
}

#[test]
fn no_byte_string_of_three_makes_the_reader_panic() {
    for first in 0..=255u8 {
        for second in 0..=255u8 {
            let _ = Reader::new(&[first, second, first]).skip();
            let _ = msgpack::canonical(&mut Vec::new(), &[first, second, second]);
            let _ = flyte_literal::literal_repr(&mut Vec::new(), &[first, second, first]);
        }
    }
}
