//! Blocks of one gzip member, compressed apart and joined, as pigz does (`pigz.c`, RFC 1951 and 1952).
//!
//! Each block but the last ends with an empty stored block, which brings it to a byte boundary; each starts with the
//! 32 KiB before it as dictionary. One member, because stream readers silently stop at the end of the first.

use flate2::{Compress, Compression, FlushCompress, Status};

/// How far back DEFLATE looks.
pub(crate) const WINDOW: usize = 32 * 1024;
/// Output grows by this much at a time.
const ROOM: usize = 64 * 1024;

/// ID1 ID2, deflate, no flags, no time, no hint, operating system unknown (255), as Python writes it.
pub(crate) const GZIP_HEADER: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255];

/// Compresses blocks, each with a state of its own.
///
/// The state is not reused: after `reset`, zlib-rs 0.6.8 at level 1 still chooses by what it compressed before, so that
/// the bytes would depend on which thread had which block.
pub(crate) struct BlockCompressor(Compression);

impl BlockCompressor {
    /// A compressor of `level` 0 to 9.
    pub(crate) fn new(level: u32) -> Self {
        Self(Compression::new(level))
    }

    /// Compress `block`, which follows `dictionary` in the stream.
    pub(crate) fn compress(&self, dictionary: &[u8], block: &[u8], is_last: bool) -> Vec<u8> {
        let mut state = Compress::new(self.0, false);
        if !dictionary.is_empty() {
            state
                .set_dictionary(dictionary)
                .expect("a raw deflate stream takes a dictionary at its start");
        }
        let flush = if is_last {
            FlushCompress::Finish
        } else {
            FlushCompress::Sync
        };
        let mut output = Vec::with_capacity(block.len() / 2 + ROOM);
        loop {
            let consumed = state.total_in() as usize;
            let status = state
                .compress_vec(&block[consumed..], &mut output, flush)
                .expect("the stream is in a valid state");
            // A flush is complete only when it leaves room in the output.
            let done = match status {
                Status::StreamEnd => true,
                _ => {
                    !is_last
                        && output.len() < output.capacity()
                        && state.total_in() as usize == block.len()
                }
            };
            if done {
                return output;
            }
            output.reserve(ROOM);
        }
    }
}

/// The end of the member: CRC-32 and length modulo 2^32 of the uncompressed stream.
pub(crate) fn gzip_trailer(crc: u32, length: u64) -> [u8; 8] {
    let mut trailer = [0; 8];
    trailer[..4].copy_from_slice(&crc.to_le_bytes());
    trailer[4..].copy_from_slice(&(length as u32).to_le_bytes());
    trailer
}

#[cfg(test)]
mod tests {
    use super::{BlockCompressor, WINDOW};
    use std::io::Read;

    #[test]
    fn a_block_is_compressed_alike_whatever_came_before() {
        let mut state = 7_u64;
        let noise: Vec<u8> = (0..400_000)
            .map(|_| {
                state = state
                    .wrapping_mul(6_364_136_223_846_793_005)
                    .wrapping_add(1);
                (state >> 56) as u8
            })
            .collect();
        for level in 0..=9 {
            let compressor = BlockCompressor::new(level);
            compressor.compress(b"", &noise[..270_000], false);
            let after = compressor.compress(&noise[..WINDOW], &noise[270_000..], true);
            let alone =
                BlockCompressor::new(level).compress(&noise[..WINDOW], &noise[270_000..], true);
            assert!(alone == after, "level {level}");
        }
    }

    #[test]
    fn joined_blocks_are_one_deflate_stream() {
        let mut state = 1_u64;
        let noise: Vec<u8> = (0..300_000)
            .map(|_| {
                state = state
                    .wrapping_mul(6_364_136_223_846_793_005)
                    .wrapping_add(1);
                (state >> 56) as u8
            })
            .collect();
        let text = b"a line of text that comes again and again\n".repeat(8000);
        for data in [Vec::new(), b"x".to_vec(), noise, text] {
            for level in [0, 1, 5, 6, 9] {
                let compressor = BlockCompressor::new(level);
                let mut stream = Vec::new();
                let mut start = 0;
                loop {
                    let end = (start + 70_000).min(data.len());
                    let dictionary = &data[start.saturating_sub(WINDOW)..start];
                    stream.extend(compressor.compress(
                        dictionary,
                        &data[start..end],
                        end == data.len(),
                    ));
                    start = end;
                    if end == data.len() {
                        break;
                    }
                }
                let mut decoder = flate2::bufread::DeflateDecoder::new(stream.as_slice());
                let mut back = Vec::new();
                decoder.read_to_end(&mut back).unwrap();
                assert!(data == back, "level {level}, {} bytes", data.len());
                assert_eq!(stream.len() as u64, decoder.total_in());
            }
        }
    }
}
