//! Errors of the file crates as Python's: `OSError` with errno and filename, `ValueError` for bad names.

use std::ffi::OsString;
use std::io;

use flyte_bundle::{ExtractError, SelectError};
use flyte_hash::{Error, FileKind};
use pyo3::exceptions::{PyKeyboardInterrupt, PyOSError, PyValueError};
use pyo3::prelude::*;

/// The same numbers on Linux, macOS and in Windows' C library.
const EIO: i32 = 5;
const EBUSY: i32 = 16;
const ENOTDIR: i32 = 20;
const EISDIR: i32 = 21;
const EINVAL: i32 = 22;

/// An error of a pure crate that has a face in Python.
pub(crate) trait IntoPyError {
    fn into_py_error(self) -> PyErr;
}

impl IntoPyError for Error {
    fn into_py_error(self) -> PyErr {
        file_error(self)
    }
}

impl IntoPyError for ExtractError {
    fn into_py_error(self) -> PyErr {
        match self {
            Self::File(error) => file_error(error),
            Self::Archive { .. } => PyValueError::new_err(self.to_string()),
        }
    }
}

impl IntoPyError for SelectError {
    fn into_py_error(self) -> PyErr {
        match self {
            Self::File(error) => file_error(error),
            Self::TooMany { .. } => PyValueError::new_err(self.to_string()),
        }
    }
}

/// Python's exception for `error`; `OSError` itself picks the subclass by errno.
fn file_error(error: Error) -> PyErr {
    match error {
        Error::Io {
            path,
            source,
            action,
        } => match (source.raw_os_error(), source.kind()) {
            (Some(errno), _) => os_error(errno, reason(&source), path.into()),
            (None, io::ErrorKind::InvalidInput) => {
                PyValueError::new_err(format!("cannot {action} `{}`: {source}", path.display()))
            }
            (None, io::ErrorKind::IsADirectory) => {
                os_error(EISDIR, "Is a directory".to_owned(), path.into())
            }
            (None, io::ErrorKind::NotADirectory) => {
                os_error(ENOTDIR, "Not a directory".to_owned(), path.into())
            }
            (None, _) => os_error(EIO, source.to_string(), path.into()),
        },
        Error::NotRegular {
            path,
            kind: FileKind::Folder,
        } => os_error(EISDIR, "Is a directory".to_owned(), path.into()),
        Error::NotRegular { path, kind } => os_error(
            EINVAL,
            format!("is a {kind}, not a regular file"),
            path.into(),
        ),
        Error::Changed { path } => {
            let what = "changed while it was read; hint: wait until its writer is done, or leave the file out".to_owned();
            os_error(EBUSY, what, path.into())
        }
        Error::Name { .. } => PyValueError::new_err(error.to_string()),
        Error::Interrupted => PyKeyboardInterrupt::new_err(()),
    }
}

fn os_error(errno: i32, reason: String, filename: OsString) -> PyErr {
    PyOSError::new_err((errno, reason, filename))
}

/// The operating system's words, without the number that Rust adds.
fn reason(error: &io::Error) -> String {
    let text = error.to_string();
    text.split(" (os error").next().unwrap_or(&text).to_owned()
}
