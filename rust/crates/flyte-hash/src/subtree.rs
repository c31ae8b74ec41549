//! BLAKE3 of one input from the chaining values of its segments, which may be computed in any order and thread.

use blake3::Hasher;
use blake3::hazmat::{
    ChainingValue, HasherExt, Mode, merge_subtrees_non_root, merge_subtrees_root,
};

/// The digest of a file's content.
pub type Blake3Digest = blake3::Hash;

/// Length of a segment in bytes; a power of two of BLAKE3 chunks, so that each segment is a whole subtree.
pub const SEGMENT_SIZE: usize = 256 * 1024;

/// Collects the segments of one input, in order.
#[derive(Debug, Default)]
pub struct SegmentDigests {
    chaining_values: Vec<ChainingValue>,
    whole: Option<Blake3Digest>,
}

impl SegmentDigests {
    /// Compute the chaining value of the segment that starts at `offset`, of an input of more than one segment.
    pub fn chaining_value(segment: &[u8], offset: u64) -> ChainingValue {
        Hasher::new()
            .set_input_offset(offset)
            .update(segment)
            .finalize_non_root()
    }

    /// Add the only segment of an input.
    pub fn set_whole(&mut self, digest: Blake3Digest) {
        self.whole = Some(digest);
    }

    /// Add the next segment of an input that has several.
    pub fn push(&mut self, value: ChainingValue) {
        self.chaining_values.push(value);
    }

    /// The digest of the whole input.
    pub fn finish(&self) -> Blake3Digest {
        match self.whole {
            Some(digest) => digest,
            None if self.chaining_values.is_empty() => blake3::hash(b""),
            None => merge_segments(&self.chaining_values),
        }
    }
}

/// Merge the chaining values of at least two segments to the digest of the input.
pub(crate) fn merge_segments(values: &[ChainingValue]) -> Blake3Digest {
    let (left, right) = values.split_at(left_count(values.len()));
    merge_subtrees_root(&merge(left), &merge(right), Mode::Hash)
}

fn merge(values: &[ChainingValue]) -> ChainingValue {
    match values {
        [one] => *one,
        _ => {
            let (left, right) = values.split_at(left_count(values.len()));
            merge_subtrees_non_root(&merge(left), &merge(right), Mode::Hash)
        }
    }
}

/// The left subtree is the largest full one that leaves something for the right (BLAKE3 paper, section 2.1).
fn left_count(count: usize) -> usize {
    count.next_power_of_two() / 2
}
