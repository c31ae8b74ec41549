//! The digest of a tree: names, executable bits and contents, and nothing else.

use std::path::PathBuf;

use crate::algorithm::Algorithm;
use crate::error::Result;
use crate::file::inspect;
use crate::files::digest_files;
use crate::names::sorted_order;
use crate::subtree::Blake3Digest;
use crate::workers::{Interrupt, map_parallel};

/// Names the framing below; a new framing needs a new name.
const CONTEXT: &str = "flyte-hash 2026-11 tree digest v1";

/// A file of a tree: its name there, and where its content is.
#[derive(Debug, Clone)]
pub struct TreeFile {
    /// Relative POSIX path in the tree, as bytes.
    pub name: Vec<u8>,
    /// The file that is read; symlinks are followed.
    pub path: PathBuf,
}

impl AsRef<[u8]> for TreeFile {
    fn as_ref(&self) -> &[u8] {
        &self.name
    }
}

/// Computes a tree digest from files in the byte order of their names.
///
/// BLAKE3 in key derivation mode, with the context `flyte-hash 2026-11 tree digest v1`, over: the number of files, then
/// for each its name's length, the name, 1 or 0 for executable or not, and the 32 bytes of its content's BLAKE3.
/// Numbers are 8 bytes, little endian.
#[derive(Debug)]
pub struct TreeDigest(blake3::Hasher);

impl TreeDigest {
    /// Start a tree of `count` files.
    pub fn new(count: usize) -> Self {
        let mut hasher = blake3::Hasher::new_derive_key(CONTEXT);
        hasher.update(&(count as u64).to_le_bytes());
        Self(hasher)
    }

    /// Add the next file.
    pub fn add(&mut self, name: &[u8], executable: bool, content: &[u8; 32]) {
        self.0.update(&(name.len() as u64).to_le_bytes());
        self.0.update(name);
        self.0.update(&[u8::from(executable)]);
        self.0.update(content);
    }

    /// The digest.
    pub fn finish(&self) -> Blake3Digest {
        self.0.finalize()
    }
}

/// Digest a tree of files: the same on every machine, whatever the order given, times, umask and owner.
pub fn tree_digest(
    files: &[TreeFile],
    threads: usize,
    interrupted: Interrupt<'_>,
) -> Result<Blake3Digest> {
    let order = sorted_order(files)?;
    let paths: Vec<PathBuf> = order
        .iter()
        .map(|index| files[*index].path.clone())
        .collect();
    let executable = map_parallel(threads, interrupted, &paths, |_, path, _| {
        inspect(path).map(|(_, executable)| executable)
    })?;
    let contents = digest_files(&paths, Algorithm::Blake3, threads, interrupted)?;
    let mut tree = TreeDigest::new(files.len());
    for ((index, executable), content) in order.iter().zip(executable).zip(&contents) {
        let content = content.first_chunk().expect("BLAKE3 digests have 32 bytes");
        tree.add(&files[*index].name, executable, content);
    }
    Ok(tree.finish())
}

#[cfg(test)]
mod tests {
    use super::{TreeDigest, TreeFile, tree_digest};
    use crate::workers::never_interrupted;

    #[test]
    fn the_order_of_the_input_does_not_matter() {
        let folder = tempfile::tempdir().unwrap();
        let mut files: Vec<TreeFile> = Vec::new();
        for name in ["b", "a/c", "a-c", "é"] {
            let path = folder.path().join(name.replace('/', "_"));
            std::fs::write(&path, name).unwrap();
            files.push(TreeFile {
                name: name.into(),
                path,
            });
        }
        let expected = tree_digest(&files, 1, &mut never_interrupted).unwrap();
        files.reverse();
        assert_eq!(
            expected,
            tree_digest(&files, 3, &mut never_interrupted).unwrap()
        );
    }

    #[test]
    fn the_framing_does_not_let_names_and_contents_run_together() {
        let digest = |files: &[(&str, bool, u8)]| {
            let mut tree = TreeDigest::new(files.len());
            files.iter().for_each(|(name, executable, byte)| {
                tree.add(name.as_bytes(), *executable, &[*byte; 32])
            });
            tree.finish()
        };
        let distinct = [
            digest(&[]),
            digest(&[("a", false, 0)]),
            digest(&[("a", true, 0)]),
            digest(&[("a", false, 1)]),
            digest(&[("a\0", false, 0)]),
            digest(&[("a", false, 0), ("b", false, 0)]),
        ];
        for (position, left) in distinct.iter().enumerate() {
            assert!(distinct[..position].iter().all(|right| left != right));
        }
    }
}
