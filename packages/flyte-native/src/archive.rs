//! Deterministic archives, and their extraction.

use flyte_bundle::DEFAULT_LEVEL;
use flyte_hash::hex;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

use crate::files::{entries_of, path_of, threads_of, without_gil};

pub(crate) fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<ArchiveSummary>()?;
    module.add_class::<ExtractSummary>()?;
    module.add_function(wrap_pyfunction!(write_archive, module)?)?;
    module.add_function(wrap_pyfunction!(extract_archive, module)?)?;
    Ok(())
}

// The signature below says 5 in figures, so that `inspect` and the stub see it.
const _: () = assert!(DEFAULT_LEVEL == 5);

/// What `write_archive` wrote.
#[pyclass(frozen, get_all, eq, hash, module = "flyte_native")]
#[derive(PartialEq, Eq, Hash)]
pub(crate) struct ArchiveSummary {
    /// Digest of names, executable bits and contents, in hexadecimal: the bundle's version.
    tree_digest: String,
    /// MD5 of the compressed bytes in hexadecimal.
    md5: String,
    /// Length of the compressed archive in bytes.
    size: u64,
    /// Length of the tar inside in bytes.
    uncompressed_size: u64,
    /// Number of files.
    files: usize,
}

#[pymethods]
impl ArchiveSummary {
    fn __repr__(&self) -> String {
        let Self {
            tree_digest,
            md5,
            size,
            uncompressed_size,
            files,
        } = self;
        format!(
            "ArchiveSummary(tree_digest='{tree_digest}', md5='{md5}', size={size}, uncompressed_size={uncompressed_size}, \
             files={files})"
        )
    }
}

/// Write a deterministic tar.gz.
#[pyfunction]
#[pyo3(signature = (entries, destination, *, level = 5, threads = 0))]
fn write_archive(
    py: Python<'_>,
    entries: &Bound<'_, PyAny>,
    destination: &Bound<'_, PyAny>,
    level: i64,
    threads: i64,
) -> PyResult<ArchiveSummary> {
    let (entries, destination, threads) = (
        entries_of(entries)?,
        path_of(destination)?,
        threads_of(threads)?,
    );
    let level = level_of(level)?;
    let summary = without_gil(py, |interrupted| {
        flyte_bundle::write_archive(&entries, &destination, level, threads, interrupted)
    })?;
    Ok(summary_of(&summary))
}

pub(crate) fn level_of(level: i64) -> PyResult<u32> {
    let known = u32::try_from(level).ok().filter(|level| *level <= 9);
    known.ok_or_else(|| {
        PyValueError::new_err(format!(
            "`level` is {level}; hint: give 0 (store) to 9 (smallest)"
        ))
    })
}

pub(crate) fn summary_of(summary: &flyte_bundle::ArchiveSummary) -> ArchiveSummary {
    ArchiveSummary {
        tree_digest: hex(summary.tree_digest.as_bytes()),
        md5: hex(&summary.md5),
        size: summary.size,
        uncompressed_size: summary.uncompressed_size,
        files: summary.files,
    }
}

/// What `extract_archive` extracted.
#[pyclass(frozen, get_all, eq, hash, module = "flyte_native")]
#[derive(PartialEq, Eq, Hash)]
struct ExtractSummary {
    /// Number of files and links.
    files: u64,
    /// Bytes of content.
    size: u64,
}

#[pymethods]
impl ExtractSummary {
    fn __repr__(&self) -> String {
        format!("ExtractSummary(files={}, size={})", self.files, self.size)
    }
}

/// Extract a tar.gz into a folder.
#[pyfunction]
#[pyo3(signature = (archive, destination, *, limit))]
fn extract_archive(
    py: Python<'_>,
    archive: &Bound<'_, PyAny>,
    destination: &Bound<'_, PyAny>,
    limit: u64,
) -> PyResult<ExtractSummary> {
    let (archive, destination) = (path_of(archive)?, path_of(destination)?);
    let summary = without_gil(py, |interrupted| {
        flyte_bundle::extract_archive(&archive, &destination, limit, interrupted)
    })?;
    Ok(ExtractSummary {
        files: summary.files,
        size: summary.size,
    })
}
