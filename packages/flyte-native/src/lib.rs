//! Python face of the pure crates: converts arguments, releases the GIL, maps errors. One file per family of verbs.

mod archive;
mod digest;
mod error;
mod files;
mod literal;
mod selection;

use pyo3::prelude::*;

/// The extension module `flyte_native._core`; `flyte_native` re-exports what is public.
#[pymodule(gil_used = false)]
fn _core(module: &Bound<'_, PyModule>) -> PyResult<()> {
    archive::register(module)?;
    digest::register(module)?;
    literal::register(module)?;
    selection::register(module)?;
    Ok(())
}
