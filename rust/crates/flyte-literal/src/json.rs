//! JSON text as msgpack: what a serialiser that knows JSON alone has written becomes a payload in one pass.

use crate::{MAX_DEPTH, WireError, msgpack};

/// Append the JSON value in `text` as msgpack: integers and floats stay apart (`1` and `1.0`), keys keep their order.
///
/// `NaN`, `Infinity` and `-Infinity` are read as floats.
///
/// # Errors
/// Fails for what is no JSON, is nested too deeply, has integers above 64 bits or half of a surrogate pair; some bytes
/// may have been appended then.
pub fn json_to_msgpack(buf: &mut Vec<u8>, text: &[u8]) -> Result<(), WireError> {
    let mut reader = Reader { rest: text };
    reader.value(buf, 0)?;
    reader.space();
    if reader.rest.is_empty() {
        Ok(())
    } else {
        Err(WireError::Trailing)
    }
}

struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    fn space(&mut self) {
        while let [b' ' | b'\t' | b'\n' | b'\r', rest @ ..] = self.rest {
            self.rest = rest;
        }
    }

    // The next byte that is not white space.
    fn next(&mut self) -> Result<u8, WireError> {
        self.space();
        let (&byte, rest) = self.rest.split_first().ok_or(WireError::Truncated)?;
        self.rest = rest;
        Ok(byte)
    }

    fn word(&mut self, word: &[u8]) -> Result<(), WireError> {
        self.rest = self.rest.strip_prefix(word).ok_or(WireError::BadJson)?;
        Ok(())
    }

    fn value(&mut self, buf: &mut Vec<u8>, depth: usize) -> Result<(), WireError> {
        if depth > MAX_DEPTH {
            return Err(WireError::TooDeep);
        }
        let before = {
            self.space();
            self.rest
        };
        match self.next()? {
            b'"' => self.text(buf),
            b'{' => self.object(buf, depth),
            b'[' => self.array(buf, depth),
            b't' => self.word(b"rue").map(|()| msgpack::put_bool(buf, true)),
            b'f' => self.word(b"alse").map(|()| msgpack::put_bool(buf, false)),
            b'n' => self.word(b"ull").map(|()| msgpack::put_nil(buf)),
            b'N' => self.word(b"aN").map(|()| msgpack::put_float(buf, f64::NAN)),
            b'I' => {
                let written = self.word(b"nfinity");
                written.map(|()| msgpack::put_float(buf, f64::INFINITY))
            }
            b'-' if self.rest.first() == Some(&b'I') => {
                let written = self.word(b"Infinity");
                written.map(|()| msgpack::put_float(buf, f64::NEG_INFINITY))
            }
            b'-' | b'0'..=b'9' => {
                self.rest = before;
                self.number(buf)
            }
            _ => Err(WireError::BadJson),
        }
    }

    fn number(&mut self, buf: &mut Vec<u8>) -> Result<(), WireError> {
        let belongs = |byte: &u8| matches!(byte, b'0'..=b'9' | b'-' | b'+' | b'.' | b'e' | b'E');
        let length = self.rest.iter().take_while(|byte| belongs(byte)).count();
        let (digits, rest) = self.rest.split_at(length);
        self.rest = rest;
        let digits = std::str::from_utf8(digits).map_err(|_| WireError::BadUtf8)?;
        if digits
            .bytes()
            .any(|byte| matches!(byte, b'.' | b'e' | b'E'))
        {
            msgpack::put_float(buf, digits.parse().map_err(|_| WireError::BadJson)?);
        } else if let Ok(number) = digits.parse::<i64>() {
            msgpack::put_int(buf, number);
        } else {
            msgpack::put_uint(buf, digits.parse().map_err(|_| WireError::BadJson)?);
        }
        Ok(())
    }

    // The opening quotation mark is read.
    fn text(&mut self, buf: &mut Vec<u8>) -> Result<(), WireError> {
        let plain = |byte: &u8| !matches!(byte, b'"' | b'\\');
        let length = self.rest.iter().take_while(|byte| plain(byte)).count();
        let (text, rest) = self.rest.split_at(length);
        if let [b'"', rest @ ..] = rest {
            self.rest = rest;
            std::str::from_utf8(text).map_err(|_| WireError::BadUtf8)?;
            return msgpack::put_str(buf, text);
        }
        self.escaped_text(buf)
    }

    fn escaped_text(&mut self, buf: &mut Vec<u8>) -> Result<(), WireError> {
        let mut text = Vec::new();
        loop {
            let (&byte, rest) = self.rest.split_first().ok_or(WireError::Truncated)?;
            self.rest = rest;
            match byte {
                b'"' => break,
                b'\\' => self.escape(&mut text)?,
                byte => text.push(byte),
            }
        }
        std::str::from_utf8(&text).map_err(|_| WireError::BadUtf8)?;
        msgpack::put_str(buf, &text)
    }

    fn escape(&mut self, text: &mut Vec<u8>) -> Result<(), WireError> {
        let (&byte, rest) = self.rest.split_first().ok_or(WireError::Truncated)?;
        self.rest = rest;
        text.push(match byte {
            b'"' | b'\\' | b'/' => byte,
            b'b' => 8,
            b'f' => 12,
            b'n' => b'\n',
            b'r' => b'\r',
            b't' => b'\t',
            b'u' => {
                let letter = self.letter()?;
                let mut bytes = [0; 4];
                text.extend_from_slice(letter.encode_utf8(&mut bytes).as_bytes());
                return Ok(());
            }
            _ => return Err(WireError::BadJson),
        });
        Ok(())
    }

    fn letter(&mut self) -> Result<char, WireError> {
        let mut point = self.unit()?;
        if (0xd800..0xdc00).contains(&point) {
            self.word(b"\\u")?;
            let low = self.unit()?;
            if !(0xdc00..0xe000).contains(&low) {
                return Err(WireError::BadUtf8);
            }
            point = 0x1_0000 + ((point - 0xd800) << 10) + (low - 0xdc00);
        }
        char::from_u32(point).ok_or(WireError::BadUtf8)
    }

    fn unit(&mut self) -> Result<u32, WireError> {
        let (digits, rest) = self.rest.split_at_checked(4).ok_or(WireError::Truncated)?;
        self.rest = rest;
        digits.iter().try_fold(0, |unit, byte| {
            let digit = char::from(*byte).to_digit(16);
            digit
                .map(|digit| unit * 16 + digit)
                .ok_or(WireError::BadJson)
        })
    }

    fn array(&mut self, buf: &mut Vec<u8>, depth: usize) -> Result<(), WireError> {
        let at = buf.len();
        buf.push(0);
        let mut count = 0;
        self.space();
        if let [b']', rest @ ..] = self.rest {
            self.rest = rest;
        } else {
            loop {
                self.value(buf, depth + 1)?;
                count += 1;
                match self.next()? {
                    b',' => {}
                    b']' => break,
                    _ => return Err(WireError::BadJson),
                }
            }
        }
        put_head(buf, at, count, msgpack::put_array)
    }

    fn object(&mut self, buf: &mut Vec<u8>, depth: usize) -> Result<(), WireError> {
        let at = buf.len();
        buf.push(0);
        let mut count = 0;
        self.space();
        if let [b'}', rest @ ..] = self.rest {
            self.rest = rest;
        } else {
            loop {
                if self.next()? != b'"' {
                    return Err(WireError::BadJson);
                }
                self.text(buf)?;
                if self.next()? != b':' {
                    return Err(WireError::BadJson);
                }
                self.value(buf, depth + 1)?;
                count += 1;
                match self.next()? {
                    b',' => {}
                    b'}' => break,
                    _ => return Err(WireError::BadJson),
                }
            }
        }
        put_head(buf, at, count, msgpack::put_map)
    }
}

// Replace the byte at `at`, which kept the place, by the head of a container.
fn put_head(
    buf: &mut Vec<u8>,
    at: usize,
    count: usize,
    put: fn(&mut Vec<u8>, usize) -> Result<(), WireError>,
) -> Result<(), WireError> {
    let end = buf.len();
    put(buf, count)?;
    let length = buf.len() - end;
    if length == 1 {
        buf[at] = buf[end];
        buf.truncate(end);
    } else {
        let mut head = [0; 5];
        head[..length].copy_from_slice(&buf[end..]);
        buf.truncate(end);
        buf.splice(at..=at, head[..length].iter().copied());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::json_to_msgpack;

    fn packed(text: &str) -> Option<Vec<u8>> {
        let mut buf = Vec::new();
        json_to_msgpack(&mut buf, text.as_bytes())
            .ok()
            .map(|()| buf)
    }

    #[test]
    fn values_become_msgpack() {
        for (text, expected) in [
            ("1", &b"\x01"[..]),
            ("-1", b"\xff"),
            ("1.0", b"\xcb\x3f\xf0\0\0\0\0\0\0"),
            ("1e0", b"\xcb\x3f\xf0\0\0\0\0\0\0"),
            (
                "18446744073709551615",
                b"\xcf\xff\xff\xff\xff\xff\xff\xff\xff",
            ),
            ("NaN", b"\xcb\x7f\xf8\0\0\0\0\0\0"),
            ("-Infinity", b"\xcb\xff\xf0\0\0\0\0\0\0"),
            (" [ null , true,false ] ", b"\x93\xc0\xc3\xc2"),
            ("[]", b"\x90"),
            ("{}", b"\x80"),
            (r#"{"b":"x","a":[1]}"#, b"\x82\xa1b\xa1x\xa1a\x91\x01"),
            (
                r#""\n\"\\\u00e4\ud83c\udf89""#,
                b"\xa9\n\"\\\xc3\xa4\xf0\x9f\x8e\x89",
            ),
        ] {
            assert_eq!(Some(expected.to_vec()), packed(text), "{text}");
        }
    }

    #[test]
    fn long_containers_get_long_heads() {
        for count in [15, 16, 0xffff, 0x1_0000] {
            let text = format!("[{}]", vec!["1"; count].join(","));
            let mut expected = Vec::new();
            crate::msgpack::put_array(&mut expected, count).unwrap();
            expected.extend(std::iter::repeat_n(1, count));
            assert_eq!(Some(expected), packed(&text));
        }
    }

    #[test]
    fn what_is_no_json_is_refused() {
        for text in [
            "",
            "tru",
            "[1",
            "[1,]",
            "{\"a\"}",
            "{1:2}",
            "\"a",
            "\"\\x\"",
            "\"\\ud800\"",
            "1 2",
            "-",
            "1e",
            "99999999999999999999",
            "nul",
        ] {
            assert_eq!(None, packed(text), "{text}");
        }
        assert_eq!(None, packed(&"[".repeat(1_000)));
    }
}
