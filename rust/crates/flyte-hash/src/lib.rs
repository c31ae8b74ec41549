//! Content and tree digests: BLAKE3 and MD5 over bytes, files and lists of files. No Python, no archive format.
//!
//! Threads are scoped: none outlives a call, so that a process may fork after it has used this crate.

mod algorithm;
mod error;
mod file;
mod files;
mod md5;
mod names;
mod subtree;
mod tree;
mod workers;

pub use algorithm::{Algorithm, digest_bytes, hex};
pub use error::{Error, FileKind, NameProblem, Result};
pub use file::{
    FileIdentity, Opened, changed, inspect, is_executable, open_known, open_regular, read_full_at,
};
pub use files::{FileDigests, digest_file, digest_files, file_digests};
pub use md5::Md5;
pub use names::sorted_order;
pub use subtree::{Blake3Digest, SEGMENT_SIZE, SegmentDigests};
pub use tree::{TreeDigest, TreeFile, tree_digest};
pub use workers::{Interrupt, Pulse, map_parallel, never_interrupted, run_workers, thread_count};
