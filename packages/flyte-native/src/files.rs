//! What the verbs on files share: paths and entries from Python objects, and work without the GIL that Ctrl-C ends.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use flyte_hash::{Interrupt, TreeFile, thread_count};
use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyString, PyTuple};

use crate::error::IntoPyError;

/// Short work does not take the GIL back to ask for signals.
const BEFORE_FIRST_QUESTION: Duration = Duration::from_millis(20);

/// Run `work` without the GIL; a signal handler that raises ends it.
pub(crate) fn without_gil<T, E, W>(py: Python<'_>, work: W) -> PyResult<T>
where
    T: Send,
    E: Send + IntoPyError,
    W: Send + FnOnce(Interrupt<'_>) -> Result<T, E>,
{
    let (outcome, raised) = py.detach(|| {
        let started = Instant::now();
        let mut raised = None;
        let mut is_interrupted = || {
            if started.elapsed() < BEFORE_FIRST_QUESTION {
                return false;
            }
            match Python::try_attach(|py| py.check_signals()) {
                Some(Ok(())) => false,
                Some(Err(error)) => {
                    raised = Some(error);
                    true
                }
                None => true,
            }
        };
        let outcome = work(&mut is_interrupted);
        (outcome, raised)
    });
    match raised {
        Some(error) => Err(error),
        None => outcome.map_err(IntoPyError::into_py_error),
    }
}

/// The number of threads for Python's `threads`.
pub(crate) fn threads_of(threads: i64) -> PyResult<usize> {
    match usize::try_from(threads) {
        Ok(wish) => Ok(thread_count(wish)),
        Err(_) => Err(PyValueError::new_err(format!(
            "`threads` is {threads}; hint: give 0 for all, or a positive number"
        ))),
    }
}

/// A path from `str`, `bytes` or `os.PathLike` of either.
pub(crate) fn path_of(object: &Bound<'_, PyAny>) -> PyResult<PathBuf> {
    if let Ok(bytes) = object.cast::<PyBytes>() {
        return Ok(from_bytes(bytes.as_bytes()).into());
    }
    match object.extract::<PathBuf>() {
        Ok(path) => Ok(path),
        Err(_) => {
            let inner = match object.call_method0("__fspath__") {
                Ok(inner) => inner,
                Err(_) => {
                    return Err(wrong_type(
                        "a path",
                        "`str`, `bytes` or `os.PathLike`",
                        object,
                    ));
                }
            };
            inner
                .cast::<PyBytes>()
                .map(|bytes| from_bytes(bytes.as_bytes()).into())
                .map_err(Into::into)
        }
    }
}

/// Paths from an iterable.
pub(crate) fn paths_of(objects: &Bound<'_, PyAny>) -> PyResult<Vec<PathBuf>> {
    if objects.is_instance_of::<PyString>() || objects.is_instance_of::<PyBytes>() {
        return Err(wrong_type("paths", "an iterable of paths", objects));
    }
    objects
        .try_iter()?
        .map(|object| path_of(&object?))
        .collect()
}

/// Pairs of name and path from an iterable.
pub(crate) fn entries_of(entries: &Bound<'_, PyAny>) -> PyResult<Vec<TreeFile>> {
    entries
        .try_iter()?
        .map(|entry| {
            let entry = entry?;
            let pair = entry.cast::<PyTuple>().ok().filter(|pair| pair.len() == 2);
            let Some(pair) = pair else {
                return Err(wrong_type("an entry", "a tuple of name and path", &entry));
            };
            Ok(TreeFile {
                name: name_of(&pair.get_item(0)?)?,
                path: path_of(&pair.get_item(1)?)?,
            })
        })
        .collect()
}

/// The bytes of a name: UTF-8, with surrogate escapes standing for themselves, whatever the locale.
pub(crate) fn name_of(object: &Bound<'_, PyAny>) -> PyResult<Vec<u8>> {
    if let Ok(bytes) = object.cast::<PyBytes>() {
        return Ok(bytes.as_bytes().to_vec());
    }
    let Ok(text) = object.cast::<PyString>() else {
        return Err(wrong_type("a name", "`str` or `bytes`", object));
    };
    if let Ok(text) = text.to_str() {
        return Ok(text.as_bytes().to_vec());
    }
    let encoded = text.call_method1("encode", ("utf-8", "surrogateescape"))?;
    Ok(encoded.cast::<PyBytes>()?.as_bytes().to_vec())
}

fn wrong_type(what: &str, wanted: &str, object: &Bound<'_, PyAny>) -> PyErr {
    match object.get_type().name() {
        Ok(name) => PyTypeError::new_err(format!("{what} must be {wanted}, not `{name}`")),
        Err(error) => error,
    }
}

#[cfg(unix)]
fn from_bytes(bytes: &[u8]) -> OsString {
    use std::os::unix::ffi::OsStringExt;
    OsString::from_vec(bytes.to_vec())
}

#[cfg(not(unix))]
fn from_bytes(bytes: &[u8]) -> OsString {
    String::from_utf8_lossy(bytes).into_owned().into()
}
