//! Writing an archive: checks, plan, pass, and another pass if a file changed meanwhile.

use std::path::Path;

use flyte_hash::{Blake3Digest, Error, Interrupt, Result, TreeDigest, TreeFile};

use crate::destination::Destination;
use crate::digest_index;
use crate::pipeline;
use crate::plan::Plan;
use crate::select::Selection;

/// On source code some hundredths larger than gzip's own level 6, at a third of its time.
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
        let plan = Plan::new(files, threads, interrupted)?;
        match attempt_archive(plan, destination, level, threads, interrupted) {
            Err(Error::Changed { .. }) if attempt < ATTEMPTS => attempt += 1,
            outcome => return outcome.map(|(summary, _)| summary),
        }
    }
}

/// Write a tar.gz of a selection, as [`write_archive`], and bring the index at `index` up to date.
pub fn archive_selection(
    selection: &Selection,
    destination: &Path,
    index: Option<&Path>,
    level: u32,
    threads: usize,
    interrupted: Interrupt<'_>,
) -> Result<ArchiveSummary> {
    let plan = Plan::of(selection);
    match attempt_archive(plan, destination, level, threads, interrupted) {
        Err(Error::Changed { .. }) => {
            // What the selection knows of the files is out of date, and so would be the index.
            let files: Vec<TreeFile> = selection
                .files
                .iter()
                .map(|file| file.file.clone())
                .collect();
            write_archive(&files, destination, level, threads, interrupted)
        }
        Err(error) => Err(error),
        Ok((summary, contents)) => {
            if let Some(index) = index {
                // Both are in the byte order of names.
                let digests: Vec<[u8; 32]> =
                    contents.iter().map(|digest| *digest.as_bytes()).collect();
                digest_index::write(index, selection, &digests);
            }
            Ok(summary)
        }
    }
}

fn attempt_archive(
    plan: Plan,
    path: &Path,
    level: u32,
    threads: usize,
    interrupted: Interrupt<'_>,
) -> Result<(ArchiveSummary, Vec<Blake3Digest>)> {
    let destination = Destination::create(path)?;
    let written = pipeline::run(&plan, &destination, level, threads, interrupted)?;
    let mut tree = TreeDigest::new(plan.files.len());
    for (file, content) in plan.files.iter().zip(&written.contents) {
        tree.add(&file.name, file.executable, content.as_bytes());
    }
    destination.commit()?;
    let summary = ArchiveSummary {
        tree_digest: tree.finish(),
        md5: written.md5,
        size: written.size,
        uncompressed_size: plan.length,
        files: plan.files.len(),
    };
    Ok((summary, written.contents))
}
