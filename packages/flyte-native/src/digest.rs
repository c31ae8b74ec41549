//! Digests of bytes, files and trees.

use flyte_hash::{Algorithm, hex, never_interrupted};
use pyo3::buffer::PyBuffer;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use crate::error::IntoPyError;
use crate::files::{entries_of, path_of, paths_of, threads_of, without_gil};

/// Shorter input is digested faster than the GIL is handed over.
const WORTH_RELEASING: usize = 16 * 1024;

pub(crate) fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<FileDigests>()?;
    module.add_function(wrap_pyfunction!(digest_bytes, module)?)?;
    module.add_function(wrap_pyfunction!(digest_file, module)?)?;
    module.add_function(wrap_pyfunction!(digest_files, module)?)?;
    module.add_function(wrap_pyfunction!(file_digests, module)?)?;
    module.add_function(wrap_pyfunction!(tree_digest, module)?)?;
    Ok(())
}

/// Both digests of one file's content, read once.
#[pyclass(frozen, get_all, eq, hash, module = "flyte_native")]
#[derive(PartialEq, Eq, Hash)]
struct FileDigests {
    /// BLAKE3 in hexadecimal.
    blake3: String,
    /// MD5 in hexadecimal.
    md5: String,
    /// Length in bytes.
    size: u64,
}

#[pymethods]
impl FileDigests {
    fn __repr__(&self) -> String {
        format!(
            "FileDigests(blake3='{}', md5='{}', size={})",
            self.blake3, self.md5, self.size
        )
    }
}

/// Digest bytes in memory.
#[pyfunction]
#[pyo3(signature = (data, algorithm = "blake3"))]
fn digest_bytes(py: Python<'_>, data: &Bound<'_, PyAny>, algorithm: &str) -> PyResult<String> {
    let algorithm = algorithm_of(algorithm)?;
    if let Ok(bytes) = data.cast::<PyBytes>() {
        return digest_slice(py, bytes.as_bytes(), algorithm);
    }
    // Others may write to a mutable buffer while the GIL is released: it is copied first.
    let copy = PyBuffer::<u8>::get(data)?.to_vec(py)?;
    digest_slice(py, &copy, algorithm)
}

fn digest_slice(py: Python<'_>, data: &[u8], algorithm: Algorithm) -> PyResult<String> {
    if data.len() < WORTH_RELEASING {
        let digest = flyte_hash::digest_bytes(data, algorithm, 1, &mut never_interrupted);
        return digest
            .map(|digest| hex(&digest))
            .map_err(IntoPyError::into_py_error);
    }
    let threads = threads_of(0)?;
    without_gil(py, |interrupted| {
        flyte_hash::digest_bytes(data, algorithm, threads, interrupted)
    })
    .map(|digest| hex(&digest))
}

/// Digest the content of a file.
#[pyfunction]
#[pyo3(signature = (path, algorithm = "blake3", *, threads = 0))]
fn digest_file(
    py: Python<'_>,
    path: &Bound<'_, PyAny>,
    algorithm: &str,
    threads: i64,
) -> PyResult<String> {
    let (path, algorithm, threads) = (
        path_of(path)?,
        algorithm_of(algorithm)?,
        threads_of(threads)?,
    );
    without_gil(py, |interrupted| {
        flyte_hash::digest_file(&path, algorithm, threads, interrupted)
    })
    .map(|digest| hex(&digest))
}

/// Digest the content of each of several files.
#[pyfunction]
#[pyo3(signature = (paths, algorithm = "blake3", *, threads = 0))]
fn digest_files(
    py: Python<'_>,
    paths: &Bound<'_, PyAny>,
    algorithm: &str,
    threads: i64,
) -> PyResult<Vec<String>> {
    let (paths, algorithm, threads) = (
        paths_of(paths)?,
        algorithm_of(algorithm)?,
        threads_of(threads)?,
    );
    let digests = without_gil(py, |interrupted| {
        flyte_hash::digest_files(&paths, algorithm, threads, interrupted)
    })?;
    Ok(digests.iter().map(|digest| hex(digest)).collect())
}

/// Digest the content of a file with both algorithms in one pass.
#[pyfunction]
fn file_digests(py: Python<'_>, path: &Bound<'_, PyAny>) -> PyResult<FileDigests> {
    let path = path_of(path)?;
    let digests = without_gil(py, |interrupted| {
        flyte_hash::file_digests(&path, interrupted)
    })?;
    Ok(FileDigests {
        blake3: hex(digests.blake3.as_bytes()),
        md5: hex(&digests.md5),
        size: digests.size,
    })
}

/// Digest a tree of files: names, executable bits and contents.
#[pyfunction]
#[pyo3(signature = (entries, *, threads = 0))]
fn tree_digest(py: Python<'_>, entries: &Bound<'_, PyAny>, threads: i64) -> PyResult<String> {
    let (entries, threads) = (entries_of(entries)?, threads_of(threads)?);
    without_gil(py, |interrupted| {
        flyte_hash::tree_digest(&entries, threads, interrupted)
    })
    .map(|digest| hex(digest.as_bytes()))
}

fn algorithm_of(name: &str) -> PyResult<Algorithm> {
    name.parse().map_err(|()| {
        PyValueError::new_err(format!(
            "unknown digest algorithm `{name}`; hint: use `blake3` or `md5`"
        ))
    })
}
