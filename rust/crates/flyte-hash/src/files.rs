//! Digests of files: in pieces, in parallel, noticing changes.

use std::path::{Path, PathBuf};
use std::sync::mpsc::sync_channel;
use std::thread;

use crate::algorithm::Algorithm;
use crate::error::{Error, Result};
use crate::file::{Opened, open_regular, read_full_at};
use crate::md5::Md5;
use crate::subtree::{Blake3Digest, SEGMENT_SIZE, SegmentDigests, merge_segments};
use crate::workers::{Interrupt, Pulse, map_parallel};

/// Files at least this long are worth several threads each.
const LARGE_FILE: u64 = 4 * 1024 * 1024;
/// Pieces that may wait between reading and hashing of [`file_digests`].
const PIECES_AHEAD: usize = 4;

/// Both digests of one file's content.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FileDigests {
    /// For identity.
    pub blake3: Blake3Digest,
    /// For `Content-MD5`.
    pub md5: [u8; 16],
    /// Length in bytes.
    pub size: u64,
}

/// Digest the content of the regular file `path`.
pub fn digest_file(
    path: &Path,
    algorithm: Algorithm,
    threads: usize,
    interrupted: Interrupt<'_>,
) -> Result<Vec<u8>> {
    let opened = open_regular(path)?;
    match algorithm {
        Algorithm::Blake3 if threads > 1 && opened.identity.length >= LARGE_FILE => {
            Ok(blake3_in_parallel(path, &opened, threads, interrupted)?
                .as_bytes()
                .to_vec())
        }
        _ => digest_opened(path, &opened, algorithm, &mut Pulse::alone(interrupted)),
    }
}

/// Digest the content of each of `paths`, in their order.
pub fn digest_files(
    paths: &[PathBuf],
    algorithm: Algorithm,
    threads: usize,
    interrupted: Interrupt<'_>,
) -> Result<Vec<Vec<u8>>> {
    let spread_large = algorithm == Algorithm::Blake3 && threads > 1;
    let first = map_parallel(threads, interrupted, paths, |_, path, pulse| {
        let opened = open_regular(path)?;
        match spread_large && opened.identity.length >= LARGE_FILE {
            true => Ok(None),
            false => digest_opened(path, &opened, algorithm, pulse).map(Some),
        }
    })?;
    first
        .into_iter()
        .zip(paths)
        .map(|(digest, path)| {
            digest.map_or_else(|| digest_file(path, algorithm, threads, interrupted), Ok)
        })
        .collect()
}

/// Digest the content of the regular file `path` with both algorithms, reading it once.
pub fn file_digests(path: &Path, interrupted: Interrupt<'_>) -> Result<FileDigests> {
    let opened = open_regular(path)?;
    let mut pulse = Pulse::alone(interrupted);
    let mut md5 = Md5::new();
    let mut size = 0_u64;
    let blake3 = if opened.identity.length < LARGE_FILE {
        let mut hasher = blake3::Hasher::new();
        read_pieces(path, &opened, &mut pulse, |piece| {
            md5.update(piece);
            hasher.update(piece);
            size += piece.len() as u64;
        })?;
        hasher.finalize()
    } else {
        thread::scope(|scope| {
            let (sender, pieces) = sync_channel::<Vec<u8>>(PIECES_AHEAD);
            let helper = scope.spawn(move || {
                let mut hasher = blake3::Hasher::new();
                pieces.iter().for_each(|piece| {
                    hasher.update(&piece);
                });
                hasher.finalize()
            });
            let outcome = read_pieces(path, &opened, &mut pulse, |piece| {
                // The receiver only goes away by a panic, which `join` reports.
                let _ = sender.send(piece.to_vec());
                md5.update(piece);
                size += piece.len() as u64;
            });
            drop(sender);
            let digest = helper
                .join()
                .unwrap_or_else(|panic| std::panic::resume_unwind(panic));
            outcome.map(|()| digest)
        })?
    };
    Ok(FileDigests {
        blake3,
        md5: md5.finalize(),
        size,
    })
}

/// Digest the content of an open file on this thread.
pub(crate) fn digest_opened(
    path: &Path,
    opened: &Opened,
    algorithm: Algorithm,
    pulse: &mut Pulse<'_>,
) -> Result<Vec<u8>> {
    match algorithm {
        Algorithm::Md5 => {
            let mut md5 = Md5::new();
            read_pieces(path, opened, pulse, |piece| md5.update(piece))?;
            Ok(md5.finalize().to_vec())
        }
        Algorithm::Blake3 => {
            let mut hasher = blake3::Hasher::new();
            read_pieces(path, opened, pulse, |piece| {
                hasher.update(piece);
            })?;
            Ok(hasher.finalize().as_bytes().to_vec())
        }
    }
}

fn read_pieces(
    path: &Path,
    opened: &Opened,
    pulse: &mut Pulse<'_>,
    mut take: impl FnMut(&[u8]),
) -> Result<()> {
    let length = opened.identity.length;
    // One byte more than the file has: a short file is read, and seen to end, in one call.
    let mut buffer = vec![
        0_u8;
        usize::try_from(length).map_or(SEGMENT_SIZE, |length| (length + 1)
            .clamp(4096, SEGMENT_SIZE))
    ];
    let mut offset = 0_u64;
    loop {
        if pulse.should_stop() {
            return Err(Error::Interrupted);
        }
        let count = read_full_at(&opened.file, &mut buffer, offset)
            .map_err(|error| Error::io("read", path, error))?;
        take(&buffer[..count]);
        offset += count as u64;
        if count < buffer.len() {
            break;
        }
        if offset > length.max(SEGMENT_SIZE as u64) && length > 0 {
            // It grows, perhaps faster than it can be read.
            return Err(Error::Changed {
                path: path.to_path_buf(),
            });
        }
    }
    // Files of /proc say 0 whatever they hold; they are read until they end.
    if offset != length && length > 0 {
        return Err(Error::Changed {
            path: path.to_path_buf(),
        });
    }
    opened.check_unchanged(path, &opened.identity)
}

pub(crate) fn blake3_in_parallel(
    path: &Path,
    opened: &Opened,
    threads: usize,
    interrupted: Interrupt<'_>,
) -> Result<Blake3Digest> {
    let length = opened.identity.length;
    let stride = SEGMENT_SIZE as u64;
    let offsets: Vec<u64> = (0..length.div_ceil(stride))
        .map(|index| index * stride)
        .collect();
    let values = map_parallel(threads, interrupted, &offsets, |_, offset, _pulse| {
        let wanted = (length - offset).min(stride) as usize;
        let mut segment = vec![0_u8; wanted];
        let count = read_full_at(&opened.file, &mut segment, *offset)
            .map_err(|error| Error::io("read", path, error))?;
        match count == wanted {
            true => Ok(SegmentDigests::chaining_value(&segment, *offset)),
            false => Err(Error::Changed {
                path: path.to_path_buf(),
            }),
        }
    })?;
    opened.check_unchanged(path, &opened.identity)?;
    Ok(merge_segments(&values))
}

#[cfg(test)]
mod tests {
    use super::{LARGE_FILE, digest_file, digest_files, file_digests};
    use crate::algorithm::{Algorithm, digest_bytes};
    use crate::error::{Error, FileKind};
    use crate::md5::Md5;
    use crate::subtree::SEGMENT_SIZE;
    use crate::workers::never_interrupted;

    #[test]
    fn files_have_the_digests_of_their_bytes() {
        let folder = tempfile::tempdir().unwrap();
        let large = LARGE_FILE as usize;
        for length in [
            0,
            1,
            4095,
            4096,
            SEGMENT_SIZE - 1,
            SEGMENT_SIZE,
            SEGMENT_SIZE + 1,
            large - 1,
            large,
            large + 1,
            large + SEGMENT_SIZE,
        ] {
            let content: Vec<u8> = (0..length).map(|index| (index % 249) as u8).collect();
            let path = folder.path().join(length.to_string());
            std::fs::write(&path, &content).unwrap();
            for algorithm in [Algorithm::Blake3, Algorithm::Md5] {
                let expected =
                    digest_bytes(&content, algorithm, 1, &mut never_interrupted).unwrap();
                for threads in [1, 2] {
                    assert_eq!(
                        expected,
                        digest_file(&path, algorithm, threads, &mut never_interrupted).unwrap(),
                        "{length}"
                    );
                    let many = [path.clone(), path.clone()];
                    let digests =
                        digest_files(&many, algorithm, threads, &mut never_interrupted).unwrap();
                    assert_eq!(vec![expected.clone(), expected.clone()], digests);
                }
            }
            let both = file_digests(&path, &mut never_interrupted).unwrap();
            assert_eq!(
                (blake3::hash(&content), Md5::digest(&content), length as u64),
                (both.blake3, both.md5, both.size)
            );
        }
    }

    #[test]
    fn a_folder_is_not_a_file() {
        let folder = tempfile::tempdir().unwrap();
        let outcome = digest_file(folder.path(), Algorithm::Md5, 1, &mut never_interrupted);
        assert!(matches!(
            outcome,
            Err(Error::NotRegular {
                kind: FileKind::Folder,
                ..
            })
        ));
    }
}
