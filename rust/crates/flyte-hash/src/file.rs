//! Opening and reading regular files so that nothing blocks and a change while reading is noticed.

use std::fs::{File, Metadata, OpenOptions};
use std::io;
use std::path::Path;

use crate::error::{Error, FileKind, Result};

/// What must stay the same while a file is read.
///
/// The time of the last status change is not part of it: tools that hard-link or chmod a file do not alter its content.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FileIdentity {
    /// Length in bytes.
    pub length: u64,
    /// Time of the last change of the content, in nanoseconds since 1970.
    pub modified: i64,
    /// Device and number there; zeros where there is no such thing.
    pub inode: (u64, u64),
}

impl FileIdentity {
    /// What `metadata` says.
    pub fn of(metadata: &Metadata) -> Self {
        Self {
            length: metadata.len(),
            modified: modified(metadata),
            inode: inode(metadata),
        }
    }
}

/// A regular file, open for reading.
#[derive(Debug)]
pub struct Opened {
    /// The open file.
    pub file: File,
    /// What it was when it was opened.
    pub identity: FileIdentity,
}

impl Opened {
    /// Check that the file is still what it was at `before`.
    pub fn check_unchanged(&self, path: &Path, before: &FileIdentity) -> Result<()> {
        let metadata = self
            .file
            .metadata()
            .map_err(|error| Error::io("inspect", path, error))?;
        match FileIdentity::of(&metadata) == *before {
            true => Ok(()),
            false => Err(Error::Changed {
                path: path.to_path_buf(),
            }),
        }
    }
}

/// Look at the regular file `path`, following symlinks, without opening it.
pub fn inspect(path: &Path) -> Result<(FileIdentity, bool)> {
    let metadata = std::fs::metadata(path).map_err(|error| Error::io("inspect", path, error))?;
    check_regular(path, &metadata)?;
    Ok((FileIdentity::of(&metadata), is_executable(&metadata)))
}

/// Open the regular file `path`, following symlinks; anything else is an error and never blocks.
pub fn open_regular(path: &Path) -> Result<Opened> {
    let file = open(path)?;
    let metadata = file
        .metadata()
        .map_err(|error| Error::io("inspect", path, error))?;
    check_regular(path, &metadata)?;
    Ok(Opened {
        file,
        identity: FileIdentity::of(&metadata),
    })
}

/// Open `path`, which was a regular file of that identity, and never block.
///
/// It is not looked at again: who reads it must call [`Opened::check_unchanged`] before the content is believed.
pub fn open_known(path: &Path, identity: FileIdentity) -> Result<Opened> {
    open(path).map(|file| Opened { file, identity })
}

fn open(path: &Path) -> Result<File> {
    open_without_waiting(path).map_err(|error| match std::fs::metadata(path) {
        // A socket cannot be opened; say that it is one instead of `No such device or address`.
        Ok(metadata) if !metadata.is_file() => Error::NotRegular {
            path: path.to_path_buf(),
            kind: kind(&metadata),
        },
        _ => Error::io("open", path, error),
    })
}

/// Read from `offset` until `buffer` is full or the file ends; return the number of bytes read.
pub fn read_full_at(file: &File, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
    let mut filled = 0;
    while filled < buffer.len() {
        match read_at(file, &mut buffer[filled..], offset + filled as u64) {
            Ok(0) => break,
            Ok(count) => filled += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}

fn check_regular(path: &Path, metadata: &Metadata) -> Result<()> {
    match metadata.is_file() {
        true => Ok(()),
        false => Err(Error::NotRegular {
            path: path.to_path_buf(),
            kind: kind(metadata),
        }),
    }
}

#[cfg(unix)]
mod platform {
    use super::{File, FileKind, Metadata, OpenOptions, Path, io};
    use std::os::unix::fs::{FileExt, FileTypeExt, MetadataExt, OpenOptionsExt};

    /// Whether the owner may execute the file: the bit that survives any umask, and the one git records.
    pub fn is_executable(metadata: &Metadata) -> bool {
        metadata.mode() & 0o100 != 0
    }

    pub(super) fn inode(metadata: &Metadata) -> (u64, u64) {
        (metadata.dev(), metadata.ino())
    }

    pub(super) fn modified(metadata: &Metadata) -> i64 {
        nanoseconds(metadata.mtime(), metadata.mtime_nsec())
    }

    /// Time of the last change of the file's content or of what its metadata says, in nanoseconds since 1970.
    pub fn changed(metadata: &Metadata) -> i64 {
        nanoseconds(metadata.ctime(), metadata.ctime_nsec())
    }

    fn nanoseconds(seconds: i64, rest: i64) -> i64 {
        seconds.saturating_mul(1_000_000_000).saturating_add(rest)
    }

    pub(super) fn kind(metadata: &Metadata) -> FileKind {
        let file_type = metadata.file_type();
        match () {
            () if file_type.is_dir() => FileKind::Folder,
            () if file_type.is_fifo() => FileKind::Fifo,
            () if file_type.is_socket() => FileKind::Socket,
            () if file_type.is_block_device() || file_type.is_char_device() => FileKind::Device,
            () => FileKind::Other,
        }
    }

    pub(super) fn open_without_waiting(path: &Path) -> io::Result<File> {
        OpenOptions::new()
            .read(true)
            .custom_flags(libc::O_NONBLOCK | libc::O_NOCTTY)
            .open(path)
    }

    pub(super) fn read_at(file: &File, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        file.read_at(buffer, offset)
    }
}

#[cfg(not(unix))]
mod platform {
    use super::{File, FileKind, Metadata, Path, io};
    use std::io::{Read, Seek, SeekFrom};

    /// Always false: the platform has no such bit.
    pub fn is_executable(_metadata: &Metadata) -> bool {
        false
    }

    pub(super) fn inode(_metadata: &Metadata) -> (u64, u64) {
        (0, 0)
    }

    pub(super) fn modified(metadata: &Metadata) -> i64 {
        let since = |time: std::time::SystemTime| time.duration_since(std::time::UNIX_EPOCH).ok();
        let modified = metadata.modified().ok().and_then(since);
        modified.map_or(0, |since| since.as_nanos() as i64)
    }

    /// Always 0: the platform does not tell.
    pub fn changed(_metadata: &Metadata) -> i64 {
        0
    }

    pub(super) fn kind(metadata: &Metadata) -> FileKind {
        if metadata.is_dir() {
            FileKind::Folder
        } else {
            FileKind::Other
        }
    }

    pub(super) fn open_without_waiting(path: &Path) -> io::Result<File> {
        File::open(path)
    }

    pub(super) fn read_at(mut file: &File, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        file.seek(SeekFrom::Start(offset))?;
        file.read(buffer)
    }
}

pub use platform::{changed, is_executable};
use platform::{inode, kind, modified, open_without_waiting, read_at};
