//! The digest algorithms, and digests of bytes in memory.

use std::str::FromStr;

use crate::error::{Error, Result};
use crate::md5::Md5;
use crate::subtree::{SEGMENT_SIZE, SegmentDigests, merge_segments};
use crate::workers::{Interrupt, Pulse, map_parallel};

/// A digest algorithm.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Algorithm {
    /// BLAKE3 with 32 bytes of output: identity of content.
    Blake3,
    /// MD5: what object stores ask for (`Content-MD5`); not for identity.
    Md5,
}

impl FromStr for Algorithm {
    type Err = ();

    fn from_str(name: &str) -> std::result::Result<Self, ()> {
        match name {
            "blake3" => Ok(Self::Blake3),
            "md5" => Ok(Self::Md5),
            _ => Err(()),
        }
    }
}

/// Digest `data` with up to `threads` threads; MD5 uses one.
pub fn digest_bytes(
    data: &[u8],
    algorithm: Algorithm,
    threads: usize,
    interrupted: Interrupt<'_>,
) -> Result<Vec<u8>> {
    match algorithm {
        Algorithm::Md5 => {
            let mut pulse = Pulse::alone(interrupted);
            let mut md5 = Md5::new();
            for piece in data.chunks(SEGMENT_SIZE) {
                if pulse.should_stop() {
                    return Err(Error::Interrupted);
                }
                md5.update(piece);
            }
            Ok(md5.finalize().to_vec())
        }
        Algorithm::Blake3 if data.len() <= SEGMENT_SIZE => {
            Ok(blake3::hash(data).as_bytes().to_vec())
        }
        Algorithm::Blake3 => {
            let segments: Vec<&[u8]> = data.chunks(SEGMENT_SIZE).collect();
            let digests =
                map_parallel(threads, interrupted, &segments, |index, segment, _pulse| {
                    Ok(SegmentDigests::chaining_value(
                        segment,
                        (index * SEGMENT_SIZE) as u64,
                    ))
                })?;
            Ok(merge_segments(&digests).as_bytes().to_vec())
        }
    }
}

/// Lower-case hexadecimal.
pub fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    bytes
        .iter()
        .flat_map(|byte| {
            [
                DIGITS[usize::from(byte >> 4)] as char,
                DIGITS[usize::from(byte & 15)] as char,
            ]
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::{Algorithm, digest_bytes, hex};
    use crate::subtree::SEGMENT_SIZE;
    use crate::workers::never_interrupted;

    #[test]
    fn bytes_have_the_digest_of_the_blake3_crate_around_segments() {
        let data: Vec<u8> = (0..5 * SEGMENT_SIZE + 7)
            .map(|index| (index % 251) as u8)
            .collect();
        for length in [
            0,
            1,
            1024,
            1025,
            SEGMENT_SIZE,
            SEGMENT_SIZE + 1,
            2 * SEGMENT_SIZE,
            3 * SEGMENT_SIZE + 1,
            data.len(),
        ] {
            for threads in [1, 3] {
                let expected = blake3::hash(&data[..length]).to_hex().to_string();
                let digest = digest_bytes(
                    &data[..length],
                    Algorithm::Blake3,
                    threads,
                    &mut never_interrupted,
                )
                .unwrap();
                assert_eq!(expected, hex(&digest), "length {length}");
            }
        }
    }

    #[test]
    fn an_interrupt_ends_a_digest() {
        let data = vec![0; 4 * SEGMENT_SIZE];
        for algorithm in [Algorithm::Md5, Algorithm::Blake3] {
            let outcome = digest_bytes(&data, algorithm, 2, &mut || true);
            assert!(matches!(outcome, Err(crate::Error::Interrupted)));
        }
    }
}
