//! What can go wrong with files and names, with the path or the name it happened to.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

/// Result of this crate.
pub type Result<T> = std::result::Result<T, Error>;

/// What a path is when it is not a regular file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileKind {
    /// A folder.
    Folder,
    /// A named pipe.
    Fifo,
    /// A Unix socket.
    Socket,
    /// A character or block device.
    Device,
    /// Anything else the platform knows.
    Other,
}

impl fmt::Display for FileKind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Folder => "folder",
            Self::Fifo => "FIFO",
            Self::Socket => "socket",
            Self::Device => "device",
            Self::Other => "special file",
        })
    }
}

/// Why a name cannot stand in a tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NameProblem {
    /// The name is the empty string.
    Empty,
    /// The name starts with `/`.
    Absolute,
    /// The name has a component `.` or `..`.
    DotComponent,
    /// The name has an empty component: `//`, or a `/` at its end.
    EmptyComponent,
    /// The name contains a NUL byte.
    Nul,
    /// The name is given more than once.
    Duplicate,
    /// The name is a file, and also the folder of another file, which is named here.
    FileAndFolder(Vec<u8>),
}

impl fmt::Display for NameProblem {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => formatter.write_str("is empty"),
            Self::Absolute => formatter.write_str("is absolute; hint: names are relative to the root of the tree"),
            Self::DotComponent => {
                formatter.write_str("has a `.` or `..` component; hint: give the path relative to the root of the tree, without them")
            }
            Self::EmptyComponent => formatter.write_str("has an empty component; hint: use one `/` between names and none at the end"),
            Self::Nul => formatter.write_str("contains a NUL byte"),
            Self::Duplicate => formatter.write_str("is given more than once"),
            Self::FileAndFolder(other) => {
                write!(formatter, "is a file and also the folder of `{}`", String::from_utf8_lossy(other))
            }
        }
    }
}

/// What went wrong.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The operating system refused a call on `path`.
    #[error("cannot {action} `{}`: {source}", path.display())]
    Io {
        /// What was tried: `open`, `read`, `write`, ...
        action: &'static str,
        /// The file it was tried on.
        path: PathBuf,
        /// The operating system's answer.
        source: io::Error,
    },
    /// `path` is not a regular file.
    #[error("`{}` is a {kind}, not a regular file", path.display())]
    NotRegular {
        /// The path as given.
        path: PathBuf,
        /// What it is.
        kind: FileKind,
    },
    /// `path` changed between the first look at it and the end of reading.
    #[error("`{}` changed while it was read", path.display())]
    Changed {
        /// The path as given.
        path: PathBuf,
    },
    /// A name cannot stand in a tree.
    #[error("name `{}` {problem}", String::from_utf8_lossy(name))]
    Name {
        /// The name's bytes.
        name: Vec<u8>,
        /// What is wrong with it.
        problem: NameProblem,
    },
    /// The caller asked to stop.
    #[error("interrupted")]
    Interrupted,
}

impl Error {
    /// Wrap the operating system's answer to `action` on `path`.
    pub fn io(action: &'static str, path: &Path, source: io::Error) -> Self {
        Self::Io {
            action,
            path: path.to_path_buf(),
            source,
        }
    }
}
