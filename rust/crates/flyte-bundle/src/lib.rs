//! Selection of the files of a tree, deterministic archives of them, and safe extraction. No Python here.
//!
//! One pass reads, digests and compresses. The output is a tar.gz of one gzip member, the same bytes whatever the
//! number of threads; the bundle's version is the tree digest, which does not depend on the compression at all.

mod archive;
mod block;
mod deflate;
mod destination;
mod digest_index;
mod extract;
mod huffman;
mod matches;
mod members;
mod pipeline;
mod plan;
mod repository;
mod rules;
mod select;
mod standard;
mod stat;
mod tar;
mod wildmatch;

pub use archive::{ArchiveSummary, DEFAULT_LEVEL, archive_selection, write_archive};
pub use digest_index::{DigestIndex, digest_selection};
pub use extract::{ExtractError, ExtractSummary, extract_archive};
pub use select::{
    SelectError, SelectOptions, SelectedFile, Selection, SkipReason, select_files, select_tree,
};
pub use stat::Stat;
