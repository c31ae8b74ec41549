//! Writing an archive: checks, plan, pass, and another pass if a file changed meanwhile.

use std::path::Path;

use flyte_hash::{Blake3Digest, Error, Interrupt, Result, TreeDigest, TreeFile};

use crate::destination::Destination;
use crate::pipeline;
use crate::plan::Plan;

/// Smaller than gzip's own level 6 on source code, at half its time.
pub const DEFAULT_LEVEL: u32 = 5;

/// A file that changes while it is read is given this many chances to rest.
const ATTEMPTS: usize = 3;

/// What was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ArchiveSummary {
    /// Digest of names, executable bits and contents: the bundle's version.
    pub tree_digest: Blake3Digest,
    /// MD5 of the compressed bytes, for `Content-MD5`.
    pub md5: [u8; 16],
    /// Length of the compressed archive in bytes.
    pub size: u64,
    /// Length of the tar inside in bytes.
    pub uncompressed_size: u64,
    /// Number of files.
    pub files: usize,
}

/// Write a tar.gz of `files` to `destination`, replacing it only when the archive is complete and on disk.
///
/// The bytes depend on names, executable bits, contents and `level` (0 to 9) only. A file that changes while it is
/// read leads to another pass, and after three of them to [`Error::Changed`]. Symlinks are followed.
pub fn write_archive(
    files: &[TreeFile],
    destination: &Path,
    level: u32,
    threads: usize,
    interrupted: Interrupt<'_>,
) -> Result<ArchiveSummary> {
    let mut attempt = 1;
    loop {
        match attempt_archive(files, destination, level, threads, interrupted) {
            Err(Error::Changed { .. }) if attempt < ATTEMPTS => attempt += 1,
            outcome => return outcome,
        }
    }
}

fn attempt_archive(
    files: &[TreeFile],
    path: &Path,
    level: u32,
    threads: usize,
    interrupted: Interrupt<'_>,
) -> Result<ArchiveSummary> {
    let plan = Plan::new(files, threads, interrupted)?;
    let destination = Destination::create(path)?;
    let written = pipeline::run(&plan, &destination, level, threads, interrupted)?;
    let mut tree = TreeDigest::new(plan.files.len());
    for (file, content) in plan.files.iter().zip(&written.contents) {
        tree.add(&file.name, file.executable, content.as_bytes());
    }
    destination.commit()?;
    Ok(ArchiveSummary {
        tree_digest: tree.finish(),
        md5: written.md5,
        size: written.size,
        uncompressed_size: plan.length,
        files: plan.files.len(),
    })
}
