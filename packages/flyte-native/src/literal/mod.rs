//! Literals: plans compiled once per type, run over Python values in one pass to wire bytes and back.

mod convert;
mod decode;
mod encode;
mod error;
mod ffi;
mod keys;
mod model;
mod pack;
mod plan;
mod record;
mod shape;
mod time;
mod unpack;

use pyo3::prelude::*;
use pyo3::types::PyBytes;

/// The bytes that stand for a literal when inputs are hashed.
#[pyfunction]
fn literal_repr<'py>(py: Python<'py>, data: &[u8]) -> PyResult<Bound<'py, PyBytes>> {
    let mut buf = Vec::with_capacity(data.len());
    flyte_literal::literal_repr(&mut buf, data).map_err(|error| error::wire_error(py, &error))?;
    Ok(PyBytes::new(py, &buf))
}

/// The bytes of an `Inputs` message that are hashed, without the ignored names.
#[pyfunction]
#[pyo3(signature = (data, ignored = Vec::new()))]
fn inputs_repr<'py>(
    py: Python<'py>,
    data: &[u8],
    ignored: Vec<String>,
) -> PyResult<Bound<'py, PyBytes>> {
    let is_ignored = |name: &[u8]| ignored.iter().any(|other| other.as_bytes() == name);
    let buf = flyte_literal::inputs_repr(data, &is_ignored)
        .map_err(|error| error::wire_error(py, &error))?;
    Ok(PyBytes::new(py, &buf))
}

pub(crate) fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add(
        "LiteralError",
        module.py().get_type::<error::LiteralError>(),
    )?;
    module.add_class::<record::Plan>()?;
    module.add_class::<record::Record>()?;
    module.add_function(wrap_pyfunction!(literal_repr, module)?)?;
    module.add_function(wrap_pyfunction!(inputs_repr, module)?)?;
    Ok(())
}
