//! msgpack: the short paths read what the reader of tokens reads, and the canonical form is a fixed point.

#![no_main]

use flyte_literal::msgpack::{Reader, Token, canonical};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let mut reader = Reader::new(data);
    loop {
        let before = reader.clone();
        let Ok(token) = reader.next_token() else {
            break;
        };
        let (mut text, mut int, mut double) = (before.clone(), before.clone(), before);
        if let Some(short) = text.next_short_text() {
            assert_eq!((Token::Str(short), reader.left()), (token, text.left()));
        }
        if let Some(number) = int.next_small_int() {
            assert_eq!((Token::Int(number), reader.left()), (token, int.left()));
        }
        if let Some(number) = double.next_double() {
            assert!(matches!(token, Token::Float(other) if other.to_bits() == number.to_bits()));
            assert_eq!(reader.left(), double.left());
        }
    }
    let mut once = Vec::new();
    if canonical(&mut once, data).is_ok() {
        let mut skipped = Reader::new(data);
        assert_eq!((Ok(()), Ok(())), (skipped.skip(), skipped.finish()));
        let mut twice = Vec::new();
        assert_eq!(Ok(()), canonical(&mut twice, &once));
        assert_eq!(once, twice);
    }
});
