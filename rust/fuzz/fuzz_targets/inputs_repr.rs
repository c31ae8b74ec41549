//! What is hashed: never a crash, and nothing is left of a name that is ignored.

#![no_main]

use flyte_literal::{inputs_repr, literal_repr};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let _ = literal_repr(&mut Vec::new(), data);
    let all = inputs_repr(data, &|_| false);
    let some = inputs_repr(data, &|name| name == b"x");
    let none = inputs_repr(data, &|_| true);
    if let (Ok(all), Ok(some), Ok(none)) = (all, some, none) {
        assert!(none.is_empty());
        assert!(some.len() <= all.len());
    }
});
