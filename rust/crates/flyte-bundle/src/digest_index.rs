//! Digests of files by what is known of them without reading: an unchanged tree is a lookup.
//!
//! A cache and no more: whatever is wrong with the file makes it empty. It is written anew and renamed, so that any
//! number of processes may use it; the last one wins. As in git's index, a file that may still change within the grain of
//! the clock that stamped it is not believed ("racy git"): it is left out when the index is written.

use std::collections::HashMap;
use std::fs;
use std::path::Path;
use std::time::UNIX_EPOCH;

use flyte_hash::{
    Algorithm, Blake3Digest, FileIdentity, Interrupt, Result, TreeDigest, digest_files,
};

use crate::destination::Destination;
use crate::select::{SelectedFile, Selection};
use crate::stat::Stat;

const MAGIC: &[u8; 16] = b"flyte digests 1\n";
const CHECKSUM: usize = 32;
/// FAT stamps in steps of two seconds; nothing in use is coarser.
const GRAIN: i64 = 2_000_000_000;
/// Numbers before the path of an entry: size, modified, changed, device, inode.
const NUMBERS: usize = 5;

type Digest = [u8; 32];

/// Digests that are known.
#[derive(Debug, Default)]
pub struct DigestIndex(HashMap<Vec<u8>, (Stat, Digest)>);

impl DigestIndex {
    /// Read the index at `path`; it is empty if there is none, or none that can be used.
    pub fn read(path: &Path) -> Self {
        let parsed = fs::read(path).ok().and_then(|content| parse(&content));
        Self(parsed.unwrap_or_default())
    }

    fn digest_of(&self, file: &SelectedFile) -> Option<Digest> {
        let (stat, digest) = self.0.get(file.file.path.as_os_str().as_encoded_bytes())?;
        // The executable bit is asked for anew each time; it is no part of the content.
        let same = Stat {
            executable: file.stat.executable,
            ..*stat
        } == file.stat;
        same.then_some(*digest)
    }
}

/// Digest a selection: the tree digest, and how many files were read for it. The index at `path` is brought up to date.
pub fn digest_selection(
    selection: &Selection,
    path: Option<&Path>,
    threads: usize,
    interrupted: Interrupt<'_>,
) -> Result<(Blake3Digest, usize)> {
    let index = path.map(DigestIndex::read).unwrap_or_default();
    let known: Vec<Option<Digest>> = selection
        .files
        .iter()
        .map(|file| index.digest_of(file))
        .collect();
    let unknown: Vec<_> = selection
        .files
        .iter()
        .zip(&known)
        .filter(|(_, digest)| digest.is_none())
        .map(|(file, _)| file.file.path.clone())
        .collect();
    let read = digest_files(&unknown, Algorithm::Blake3, threads, interrupted)?;
    let mut fresh = read
        .iter()
        .map(|digest| *digest.first_chunk().expect("BLAKE3 digests have 32 bytes"));
    let digests: Vec<Digest> = known
        .iter()
        .map(|digest| {
            digest
                .or_else(|| fresh.next())
                .expect("each unknown file was read")
        })
        .collect();
    if let Some(path) = path
        && (!unknown.is_empty() || index.0.len() > selection.files.len())
    {
        write(path, selection, &digests);
    }
    let mut tree = TreeDigest::new(selection.files.len());
    for (file, digest) in selection.files.iter().zip(&digests) {
        tree.add(&file.file.name, file.stat.executable, digest);
    }
    Ok((tree.finish(), unknown.len()))
}

/// Write an index of `selection`, whose contents have `digests`. A cache that cannot be written is not worth an error.
pub(crate) fn write(path: &Path, selection: &Selection, digests: &[Digest]) {
    let began = selection
        .began
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_nanos() as i64);
    let mut body = MAGIC.to_vec();
    for (file, digest) in selection.files.iter().zip(digests) {
        let Stat {
            identity, changed, ..
        } = file.stat;
        let FileIdentity {
            length,
            modified,
            inode,
        } = identity;
        if modified.max(changed) >= began - GRAIN {
            continue;
        }
        let path = file.file.path.as_os_str().as_encoded_bytes();
        body.extend_from_slice(&(path.len() as u32).to_le_bytes());
        body.extend_from_slice(path);
        for number in [length, modified as u64, changed as u64, inode.0, inode.1] {
            body.extend_from_slice(&number.to_le_bytes());
        }
        body.extend_from_slice(digest);
    }
    let checksum = blake3::hash(&body);
    let outcome = Destination::create(path).and_then(|destination| {
        destination.write(&body)?;
        destination.write(checksum.as_bytes())?;
        destination.publish()
    });
    drop(outcome);
}

fn parse(content: &[u8]) -> Option<HashMap<Vec<u8>, (Stat, Digest)>> {
    let (body, checksum) = content.split_at_checked(content.len().checked_sub(CHECKSUM)?)?;
    let mut rest = body.strip_prefix(MAGIC)?;
    if blake3::hash(body).as_bytes() != checksum {
        return None;
    }
    let mut entries = HashMap::new();
    while !rest.is_empty() {
        let (length, after) = rest.split_first_chunk()?;
        let (path, after) = after.split_at_checked(u32::from_le_bytes(*length) as usize)?;
        let (numbers, after) = after.split_at_checked(NUMBERS * 8)?;
        let (digest, after) = after.split_first_chunk()?;
        let number = |at: usize| {
            u64::from_le_bytes(numbers[at * 8..at * 8 + 8].try_into().unwrap_or_default())
        };
        let stat = Stat {
            identity: FileIdentity {
                length: number(0),
                modified: number(1) as i64,
                inode: (number(3), number(4)),
            },
            changed: number(2) as i64,
            executable: false,
        };
        entries.insert(path.to_vec(), (stat, *digest));
        rest = after;
    }
    Some(entries)
}
