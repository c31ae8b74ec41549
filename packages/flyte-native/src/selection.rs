//! Which files belong into a bundle, their digest with an index of what was read before, and their archive.

use std::collections::BTreeMap;

use flyte_bundle::SelectOptions;
use flyte_hash::{TreeFile, hex};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyString};

use crate::archive::{ArchiveSummary, level_of, summary_of};
use crate::files::{entries_of, name_of, path_of, threads_of, without_gil};

pub(crate) fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<Selection>()?;
    module.add_function(wrap_pyfunction!(select_tree, module)?)?;
    module.add_function(wrap_pyfunction!(select_files, module)?)?;
    Ok(())
}

/// Files in the byte order of their names, as they were when they were met.
#[pyclass(frozen, module = "flyte_native")]
struct Selection(flyte_bundle::Selection);

#[pymethods]
impl Selection {
    fn __len__(&self) -> usize {
        self.0.files.len()
    }

    fn __repr__(&self) -> String {
        let (files, size, skipped) = (self.0.files.len(), self.size(), self.0.skipped.len());
        format!("Selection(files={files}, size={size}, skipped={skipped})")
    }

    /// Bytes of all contents together.
    #[getter]
    fn size(&self) -> u64 {
        self.0
            .files
            .iter()
            .map(|file| file.stat.identity.length)
            .sum()
    }

    /// Names and reasons of what was met and left out because it cannot be bundled.
    #[getter]
    fn skipped<'py>(&self, py: Python<'py>) -> PyResult<Vec<(Bound<'py, PyString>, &'static str)>> {
        let skipped = self.0.skipped.iter();
        skipped
            .map(|(name, reason)| Ok((text_of(py, name)?, reason.as_str())))
            .collect()
    }

    /// Names in byte order; what is not UTF-8 has surrogate escapes.
    fn names<'py>(&self, py: Python<'py>) -> PyResult<Vec<Bound<'py, PyString>>> {
        let files = self.0.files.iter();
        files.map(|file| text_of(py, &file.file.name)).collect()
    }

    /// Pairs of name and path.
    fn entries<'py>(
        &self,
        py: Python<'py>,
    ) -> PyResult<Vec<(Bound<'py, PyString>, Bound<'py, PyString>)>> {
        let files = self.0.files.iter();
        files
            .map(|file| {
                let path = file.file.path.as_os_str().into_pyobject(py)?;
                Ok((text_of(py, &file.file.name)?, path))
            })
            .collect()
    }

    /// The largest files: names and sizes.
    fn largest<'py>(
        &self,
        py: Python<'py>,
        count: usize,
    ) -> PyResult<Vec<(Bound<'py, PyString>, u64)>> {
        let mut files: Vec<_> = self.0.files.iter().collect();
        files.sort_by_key(|file| std::cmp::Reverse(file.stat.identity.length));
        files.truncate(count);
        files
            .into_iter()
            .map(|file| Ok((text_of(py, &file.file.name)?, file.stat.identity.length)))
            .collect()
    }

    /// Groups of names that differ in case only.
    fn case_clashes<'py>(&self, py: Python<'py>) -> PyResult<Vec<Vec<Bound<'py, PyString>>>> {
        let mut groups: BTreeMap<String, Vec<&[u8]>> = BTreeMap::new();
        for file in &self.0.files {
            let folded = String::from_utf8_lossy(&file.file.name).to_lowercase();
            groups.entry(folded).or_default().push(&file.file.name);
        }
        let clashing = groups.into_values().filter(|names| names.len() > 1);
        clashing
            .map(|names| names.into_iter().map(|name| text_of(py, name)).collect())
            .collect()
    }

    /// Both selections as one.
    fn union(&self, py: Python<'_>, other: &Bound<'_, Self>) -> PyResult<Self> {
        let other = &other.get().0;
        without_gil(py, |_| self.0.union(other)).map(Self)
    }

    /// The same without the files that cannot be opened now.
    #[pyo3(signature = (*, threads = 0))]
    fn readable(&self, py: Python<'_>, threads: i64) -> PyResult<Self> {
        let threads = threads_of(threads)?;
        without_gil(py, |interrupted| self.0.readable(threads, interrupted)).map(Self)
    }

    /// The tree digest, and the number of files that were read for it.
    #[pyo3(signature = (index = None, *, threads = 0))]
    fn digest(
        &self,
        py: Python<'_>,
        index: Option<&Bound<'_, PyAny>>,
        threads: i64,
    ) -> PyResult<(String, usize)> {
        let (index, threads) = (index.map(path_of).transpose()?, threads_of(threads)?);
        let (digest, read) = without_gil(py, |interrupted| {
            flyte_bundle::digest_selection(&self.0, index.as_deref(), threads, interrupted)
        })?;
        Ok((hex(digest.as_bytes()), read))
    }

    /// Write the tar.gz and bring the index up to date.
    #[pyo3(signature = (destination, index = None, *, level = 5, threads = 0))]
    fn archive(
        &self,
        py: Python<'_>,
        destination: &Bound<'_, PyAny>,
        index: Option<&Bound<'_, PyAny>>,
        level: i64,
        threads: i64,
    ) -> PyResult<ArchiveSummary> {
        let (destination, index) = (path_of(destination)?, index.map(path_of).transpose()?);
        let (level, threads) = (level_of(level)?, threads_of(threads)?);
        let summary = without_gil(py, |interrupted| {
            flyte_bundle::archive_selection(
                &self.0,
                &destination,
                index.as_deref(),
                level,
                threads,
                interrupted,
            )
        })?;
        Ok(summary_of(&summary))
    }
}

/// Select the files of a folder.
#[pyfunction]
#[pyo3(signature = (root, *, within = None, standard = true, git = true, flyteignore = true, threads = 0))]
fn select_tree(
    py: Python<'_>,
    root: &Bound<'_, PyAny>,
    within: Option<&Bound<'_, PyAny>>,
    standard: bool,
    git: bool,
    flyteignore: bool,
    threads: i64,
) -> PyResult<Selection> {
    let (root, threads) = (path_of(root)?, threads_of(threads)?);
    let options = SelectOptions {
        standard,
        git,
        flyteignore,
        within: within.map(names_of).transpose()?,
    };
    without_gil(py, |interrupted| {
        flyte_bundle::select_tree(&root, &options, threads, interrupted)
    })
    .map(Selection)
}

/// Take the named files as they are.
#[pyfunction]
#[pyo3(signature = (entries, *, threads = 0))]
fn select_files(py: Python<'_>, entries: &Bound<'_, PyAny>, threads: i64) -> PyResult<Selection> {
    let entries: Vec<TreeFile> = entries_of(entries)?;
    let threads = threads_of(threads)?;
    without_gil(py, |interrupted| {
        flyte_bundle::select_files(entries, threads, interrupted)
    })
    .map(Selection)
}

fn names_of(names: &Bound<'_, PyAny>) -> PyResult<Vec<Vec<u8>>> {
    let names: Vec<Vec<u8>> = names
        .try_iter()?
        .map(|name| name_of(&name?))
        .collect::<PyResult<_>>()?;
    match names.iter().find(|name| !is_plain(name)) {
        None => Ok(names),
        Some(name) => Err(PyValueError::new_err(format!(
            "`within` has `{}`; hint: give paths relative to the root, without `.` and `..`, and with `/` between their parts",
            String::from_utf8_lossy(name)
        ))),
    }
}

/// The empty name is the root itself.
fn is_plain(name: &[u8]) -> bool {
    name.is_empty()
        || name
            .split(|byte| *byte == b'/')
            .all(|part| !matches!(part, b"" | b"." | b".."))
}

fn text_of<'py>(py: Python<'py>, name: &[u8]) -> PyResult<Bound<'py, PyString>> {
    if let Ok(name) = std::str::from_utf8(name) {
        return Ok(PyString::new(py, name));
    }
    let decoded = PyBytes::new(py, name).call_method1("decode", ("utf-8", "surrogateescape"))?;
    Ok(decoded.cast_into::<PyString>()?)
}
