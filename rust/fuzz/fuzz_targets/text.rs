//! UTF-8 is read as the standard library reads it; JSON becomes msgpack that can be read.

#![no_main]

use flyte_literal::msgpack::Reader;
use flyte_literal::{code_points, json_to_msgpack};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let mut points = vec![0; data.len()];
    let ours = code_points(data, &mut points).map(|count| &points[..count]);
    let theirs: Option<Vec<u32>> = std::str::from_utf8(data)
        .ok()
        .map(|text| text.chars().map(u32::from).collect());
    assert_eq!(theirs.as_deref(), ours);
    let mut buf = Vec::new();
    if json_to_msgpack(&mut buf, data).is_ok() {
        let mut reader = Reader::new(&buf);
        assert_eq!((Ok(()), Ok(())), (reader.skip(), reader.finish()));
    }
});
