//! UTF-8 as code points, checked in the same pass.

/// Write the code points of UTF-8 bytes to the start of `points` and return how many there are.
///
/// `None` if the bytes are not UTF-8 as RFC 3629 defines it, or are more than fit `points`.
#[must_use]
pub fn code_points(bytes: &[u8], points: &mut [u32]) -> Option<usize> {
    let mut rest = bytes;
    let mut count = 0;
    while let [first, tail @ ..] = rest {
        let first = u32::from(*first);
        let (point, after) = if first < 0x80 {
            (first, tail)
        } else {
            match (first, tail) {
                (0xc2..=0xdf, [a, after @ ..]) => (join(first & 0x1f, *a)?, after),
                (0xe0..=0xef, [a, b, after @ ..]) => {
                    let point = join(join(first & 0x0f, *a)?, *b)?;
                    if point < 0x800 || (0xd800..0xe000).contains(&point) {
                        return None;
                    }
                    (point, after)
                }
                (0xf0..=0xf4, [a, b, c, after @ ..]) => {
                    let point = join(join(join(first & 0x07, *a)?, *b)?, *c)?;
                    if !(0x1_0000..0x11_0000).contains(&point) {
                        return None;
                    }
                    (point, after)
                }
                _ => return None,
            }
        };
        *points.get_mut(count)? = point;
        count += 1;
        rest = after;
    }
    Some(count)
}

#[inline]
fn join(high: u32, next: u8) -> Option<u32> {
    (next & 0xc0 == 0x80).then_some((high << 6) | u32::from(next & 0x3f))
}

#[cfg(test)]
mod tests {
    use super::code_points;

    fn same_as_std(bytes: &[u8]) {
        let mut points = [0; 8];
        let ours = code_points(bytes, &mut points).map(|count| points[..count].to_vec());
        let theirs = std::str::from_utf8(bytes)
            .ok()
            .map(|text| text.chars().map(u32::from).collect::<Vec<_>>());
        assert_eq!(theirs, ours, "{bytes:02x?}");
    }

    #[test]
    fn every_code_point_is_read() {
        for point in 0..=0x10_ffffu32 {
            if let Some(letter) = char::from_u32(point) {
                let mut bytes = [0; 4];
                same_as_std(letter.encode_utf8(&mut bytes).as_bytes());
            }
        }
    }

    #[test]
    fn what_is_not_utf8_is_refused() {
        for first in 0..=0xffu8 {
            same_as_std(&[first]);
            for second in [
                0x00, 0x61, 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc0, 0xff,
            ] {
                same_as_std(&[first, second]);
                for third in [0x00, 0x7f, 0x80, 0xbf, 0xc0] {
                    same_as_std(&[first, second, third]);
                    for fourth in [0x7f, 0x80, 0xbf, 0xc0] {
                        same_as_std(&[first, second, third, fourth]);
                    }
                }
            }
        }
    }

    #[test]
    fn too_long_a_text_is_refused() {
        assert_eq!(None, code_points(b"abcdefghi", &mut [0; 8]));
    }
}
