//! Deterministic archives of a list of files, and safe extraction. Selection of files joins later; no Python here.
//!
//! One pass reads, digests and compresses. The output is a tar.gz of one gzip member, the same bytes whatever the
//! number of threads; the bundle's version is the tree digest, which does not depend on the compression at all.

mod archive;
mod deflate;
mod destination;
mod extract;
mod members;
mod pipeline;
mod plan;
mod tar;

pub use archive::{ArchiveSummary, DEFAULT_LEVEL, write_archive};
pub use extract::{ExtractError, ExtractSummary, extract_archive};
