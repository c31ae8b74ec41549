//! The classes that flyte-types uses: `Plan` for one type, `Record` for the inputs or the outputs of a task.

use std::borrow::Cow;

use flyte_literal::wire::{self, Fields};
use flyte_literal::{NamedFields, map_entry, named_literal};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyList, PyString, PyTuple};

use super::convert::{Places, Run};
use super::decode::string;
use super::encode::utf8;
use super::error::{At, Failure, Outcome, attribute_step, describe};
use super::plan::{Arena, Compiler, NodeId};

/// A compiled type: values to `flyteidl2.core.Literal` bytes and back.
#[pyclass(frozen, module = "flyte_native")]
pub(crate) struct Plan {
    arena: Arena,
    root: NodeId,
}

fn places<'py>(awaited: Option<Bound<'py, PyList>>) -> Places<'py> {
    awaited.map_or(Places::Call, |list| Places::Replay(list, 0))
}

#[pymethods]
impl Plan {
    #[new]
    fn new(description: &Bound<'_, PyAny>, definitions: &Bound<'_, PyDict>) -> PyResult<Self> {
        let mut compiler = Compiler::new(definitions);
        let root = compiler.literal(description)?;
        Ok(Plan {
            arena: compiler.finish(),
            root,
        })
    }

    /// What the plan expects, as a Python annotation would say it.
    #[getter]
    fn label(&self, py: Python<'_>) -> String {
        self.arena.label(py, self.root)
    }

    #[pyo3(signature = (value, awaited = None))]
    fn encode<'py>(
        &self,
        value: &Bound<'py, PyAny>,
        awaited: Option<Bound<'py, PyList>>,
    ) -> PyResult<Bound<'py, PyBytes>> {
        let py = value.py();
        let mut buf = Vec::with_capacity(64);
        Run::new(py, &self.arena, places(awaited))
            .encode(self.root, value, &mut buf)
            .map_err(|failure| failure.into_pyerr(py))?;
        super::ffi::bytes(py, buf)
    }

    #[pyo3(signature = (data, awaited = None))]
    fn decode<'py>(
        &self,
        data: &Bound<'py, PyBytes>,
        awaited: Option<Bound<'py, PyList>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let py = data.py();
        Run::new(py, &self.arena, places(awaited))
            .decode(self.root, data.as_bytes())
            .map_err(|failure| failure.into_pyerr(py))
    }

    /// The places that must be awaited before `encode`: a list of (slot, value).
    fn encode_places<'py>(&self, value: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyList>> {
        let py = value.py();
        let list = PyList::empty(py);
        Run::new(py, &self.arena, Places::Collect(list.clone()))
            .encode(self.root, value, &mut Vec::new())
            .map_err(|failure| failure.into_pyerr(py))?;
        Ok(list)
    }

    /// The places that must be awaited before `decode`: a list of (slot, literal bytes or plain data).
    fn decode_places<'py>(&self, data: &Bound<'py, PyBytes>) -> PyResult<Bound<'py, PyList>> {
        let py = data.py();
        let list = PyList::empty(py);
        Run::new(py, &self.arena, Places::Collect(list.clone()))
            .decode(self.root, data.as_bytes())
            .map_err(|failure| failure.into_pyerr(py))?;
        Ok(list)
    }
}

struct Entry {
    name: Py<PyString>,
    bytes: Vec<u8>,
    root: NodeId,
    default: Option<Py<PyAny>>,
}

/// Named plans in the order of a signature: values to `flyteidl2.task.Inputs` or `Outputs` bytes and back.
#[pyclass(frozen, module = "flyte_native")]
pub(crate) struct Record {
    arena: Arena,
    entries: Vec<Entry>,
}

impl Record {
    fn write<'py>(
        &self,
        values: &Bound<'py, PyDict>,
        context: Option<&Bound<'py, PyDict>>,
        places: Places<'py>,
    ) -> Outcome<Vec<u8>> {
        let py = values.py();
        let mut run = Run::new(py, &self.arena, places);
        // Hashing sorts the maps; the wire asks for no order.
        run.sorted = false;
        let mut buf = Vec::with_capacity(64);
        let mut used = 0;
        for entry in &self.entries {
            let name = entry.name.bind(py);
            let value = match values.get_item(name)? {
                Some(value) => {
                    used += 1;
                    value
                }
                None => match &entry.default {
                    Some(default) => default.bind(py).clone(),
                    None => return self.missing(py, entry),
                },
            };
            let least = run.least(entry.root, &value);
            let literal = wire::open(&mut buf, NamedFields::LITERALS, least);
            wire::put_bytes(&mut buf, 0x0a, &entry.bytes);
            let content = wire::open(&mut buf, 0x12, least);
            run.encode(entry.root, &value, &mut buf)
                .at(|| attribute_step(name))?;
            wire::close(&mut buf, content);
            wire::close(&mut buf, literal);
        }
        if used != values.len() {
            return self.unknown(values);
        }
        for (key, value) in context.into_iter().flatten() {
            let pair = wire::open(&mut buf, NamedFields::CONTEXT, 0);
            for (tag, text) in [(0x0a, &key), (0x12, &value)] {
                let text = text
                    .cast::<PyString>()
                    .map_err(|_| Failure::misfit("type", describe(text), "str"))?;
                let bytes = utf8(text)?;
                if !bytes.is_empty() {
                    wire::put_bytes(&mut buf, tag, bytes);
                }
            }
            wire::close(&mut buf, pair);
        }
        Ok(buf)
    }

    fn missing<T>(&self, py: Python<'_>, entry: &Entry) -> Outcome<T> {
        let failed = Err(Failure::misfit(
            "missing",
            "nothing".to_owned(),
            self.arena.label(py, entry.root),
        ));
        failed.at(|| attribute_step(entry.name.bind(py)))
    }

    fn unknown<T>(&self, values: &Bound<'_, PyDict>) -> Outcome<T> {
        for (key, value) in values {
            let known = super::encode::text(&key)
                .is_ok_and(|key| self.entries.iter().any(|entry| entry.bytes == key));
            if !known {
                let name = key
                    .str()
                    .map_or_else(|_| "?".to_owned(), |text| text.to_string());
                let names: Vec<_> = self
                    .entries
                    .iter()
                    .map(|entry| String::from_utf8_lossy(&entry.bytes))
                    .collect();
                let failed = Err(Failure::misfit(
                    "unknown",
                    describe(&value),
                    names.join(", "),
                ));
                return failed.at(|| super::error::Step::Attribute(name));
            }
        }
        Err(Failure::misfit(
            "value",
            "a dict that changed while it was read".to_owned(),
            "stable values",
        ))
    }

    fn read<'py>(
        &self,
        data: &[u8],
        places: Places<'py>,
        py: Python<'py>,
    ) -> Outcome<(Bound<'py, PyDict>, Bound<'py, PyDict>)> {
        let mut run = Run::new(py, &self.arena, places);
        let mut literals: Vec<Option<Cow<'_, [u8]>>> = vec![None; self.entries.len()];
        let context = PyDict::new(py);
        let mut fields = Fields::new(data);
        let mut position = 0;
        while let Some((number, field)) = fields.next_field()? {
            match number {
                1 => {
                    let (name, literal) = named_literal(field.bytes()?)?;
                    let next = self
                        .entries
                        .get(position)
                        .filter(|entry| entry.bytes == name)
                        .map(|_| position);
                    let found =
                        next.or_else(|| self.entries.iter().position(|entry| entry.bytes == name));
                    let Some(index) = found else {
                        let names: Vec<_> = self
                            .entries
                            .iter()
                            .map(|e| String::from_utf8_lossy(&e.bytes))
                            .collect();
                        let failed = Err(Failure::misfit(
                            "unknown",
                            "a literal".to_owned(),
                            names.join(", "),
                        ));
                        let name = String::from_utf8_lossy(name).into_owned();
                        return failed.at(|| super::error::Step::Attribute(name));
                    };
                    position = index + 1;
                    literals[index] = Some(literal);
                }
                2 => {
                    let (key, value) = map_entry(field.bytes()?)?;
                    context.set_item(string(py, key)?, string(py, value)?)?;
                }
                _ => {}
            }
        }
        let values = PyDict::new(py);
        for (entry, literal) in self.entries.iter().zip(literals) {
            let name = entry.name.bind(py);
            let value = match (literal, &entry.default) {
                (Some(literal), _) => run
                    .decode(entry.root, &literal)
                    .at(|| attribute_step(name))?,
                (None, Some(default)) => default.bind(py).clone(),
                (None, None) => return self.missing(py, entry),
            };
            values.set_item(name, value)?;
        }
        Ok((values, context))
    }
}

#[pymethods]
impl Record {
    /// `entries` are (name, description, default as a tuple of one, or None).
    #[new]
    fn new(entries: &Bound<'_, PyAny>, definitions: &Bound<'_, PyDict>) -> PyResult<Self> {
        let mut compiler = Compiler::new(definitions);
        let mut compiled = Vec::new();
        for item in entries.try_iter()? {
            let (name, description, default): (
                Bound<'_, PyString>,
                Bound<'_, PyAny>,
                Option<(Bound<'_, PyAny>,)>,
            ) = item?.extract()?;
            compiled.push(Entry {
                bytes: name.to_str()?.as_bytes().to_vec(),
                name: PyString::intern(name.py(), name.to_str()?).unbind(),
                root: compiler.literal(&description)?,
                default: default.map(|(value,)| value.unbind()),
            });
        }
        Ok(Record {
            arena: compiler.finish(),
            entries: compiled,
        })
    }

    #[pyo3(signature = (values, context = None, awaited = None))]
    fn encode<'py>(
        &self,
        values: &Bound<'py, PyDict>,
        context: Option<&Bound<'py, PyDict>>,
        awaited: Option<Bound<'py, PyList>>,
    ) -> PyResult<Bound<'py, PyBytes>> {
        let py = values.py();
        let buf = self
            .write(values, context, places(awaited))
            .map_err(|failure| failure.into_pyerr(py))?;
        super::ffi::bytes(py, buf)
    }

    /// The values by name, in the order of the signature, and the context.
    #[pyo3(signature = (data, awaited = None))]
    fn decode<'py>(
        &self,
        data: &Bound<'py, PyBytes>,
        awaited: Option<Bound<'py, PyList>>,
    ) -> PyResult<Bound<'py, PyTuple>> {
        let py = data.py();
        let (values, context) = self
            .read(data.as_bytes(), places(awaited), py)
            .map_err(|failure| failure.into_pyerr(py))?;
        PyTuple::new(py, [values, context])
    }

    /// The places that must be awaited before `encode`: a list of (slot, value).
    fn encode_places<'py>(&self, values: &Bound<'py, PyDict>) -> PyResult<Bound<'py, PyList>> {
        let py = values.py();
        let list = PyList::empty(py);
        self.write(values, None, Places::Collect(list.clone()))
            .map_err(|failure| failure.into_pyerr(py))?;
        Ok(list)
    }

    /// The places that must be awaited before `decode`: a list of (slot, literal bytes or plain data).
    fn decode_places<'py>(&self, data: &Bound<'py, PyBytes>) -> PyResult<Bound<'py, PyList>> {
        let py = data.py();
        let list = PyList::empty(py);
        self.read(data.as_bytes(), Places::Collect(list.clone()), py)
            .map_err(|failure| failure.into_pyerr(py))?;
        Ok(list)
    }
}
