//! Literal bytes to Python values.

use std::borrow::Cow;

use flyte_literal::wire::Fields;
use flyte_literal::{Literal, Message, Value, named_literal, structure_tag};
use pyo3::IntoPyObjectExt;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyFloat, PyList, PyString};

use super::convert::Run;
use super::error::{At, Failure, Outcome, Step, key_step};
use super::plan::{Node, NodeId, Variant};
use super::time;

/// A Python `str` of bytes that claim to be UTF-8.
#[inline]
pub(crate) fn string<'py>(py: Python<'py>, bytes: &[u8]) -> Outcome<Bound<'py, PyAny>> {
    // Checking first is faster than CPython's decoder for anything but ASCII, which skips its own check then.
    match std::str::from_utf8(bytes) {
        Ok(text) => Ok(PyString::new(py, text).into_any()),
        Err(_) => Err(flyte_literal::WireError::BadUtf8.into()),
    }
}

fn truncated<'py>(py: Python<'py>, value: f64) -> Outcome<Bound<'py, PyAny>> {
    Ok(PyFloat::new(py, value).call_method0("__trunc__")?)
}

/// What came, for messages: its kind, and its content where that is short.
fn found(value: &Value<'_>) -> String {
    match value {
        Value::Integer(number) => format!("{number} (an integer)"),
        Value::Float(number) => format!("{number} (a float)"),
        Value::Boolean(flag) => format!("{flag} (a boolean)"),
        Value::String(text) => {
            let text: String = String::from_utf8_lossy(text).chars().take(80).collect();
            format!("{text:?} (a string)")
        }
        other => other.name().to_owned(),
    }
}

impl<'a, 'py> Run<'a, 'py> {
    /// The value of a literal.
    pub(crate) fn decode(&mut self, id: NodeId, data: Message<'_>) -> Outcome<Bound<'py, PyAny>> {
        let py = self.py;
        let arena = self.arena;
        let node = arena.node(id);
        match node {
            Node::Int => {
                if let Some(value) = Literal::fast_integer(&data) {
                    return Ok(value.into_bound_py_any(py)?);
                }
            }
            Node::Float => {
                if let Some(value) = Literal::fast_float(&data) {
                    return Ok(PyFloat::new(py, value).into_any());
                }
            }
            Node::Str => {
                if let Some(text) = Literal::fast_string(&data) {
                    return string(py, text);
                }
            }
            Node::Custom(custom) => {
                let bytes = PyBytes::new(py, &data).into_any();
                let value = self.custom(custom, custom.decode.as_ref(), bytes)?;
                return Ok(value.unwrap_or_else(|| py.None().into_bound(py)));
            }
            _ => {}
        }
        let literal = Literal::parse(data)?;
        Ok(match (node, literal.value) {
            (Node::Int, Value::Integer(value)) => value.into_bound_py_any(py)?,
            // The console and foreign writers store whole numbers as floats.
            (Node::Int, Value::Float(value)) => truncated(py, value)?,
            (Node::Float, Value::Float(value)) => PyFloat::new(py, value).into_any(),
            (Node::Float, Value::Integer(value)) => PyFloat::new(py, value as f64).into_any(),
            (Node::Bool, Value::Boolean(value)) => value.into_bound_py_any(py)?,
            (Node::Str, Value::String(text)) => string(py, &text)?,
            (Node::None, Value::None) => py.None().into_bound(py),
            (Node::Datetime, Value::Datetime(seconds, nanos)) => {
                time::to_datetime(py, seconds, nanos)?
            }
            (Node::Date, Value::Datetime(seconds, _)) => time::to_date(py, seconds)?,
            (Node::Duration, Value::Duration(seconds, nanos)) => {
                time::to_timedelta(py, seconds, nanos)?
            }
            (Node::List(item), Value::Collection(items)) => self.decode_list(*item, &items)?,
            (Node::Dict(item), Value::Map(entries)) => self.decode_dict(*item, &entries)?,
            (Node::Union(variants), Value::Union(value, kind)) => {
                self.decode_union(id, variants, &value, &kind)?
            }
            (Node::Msgpack(pack), Value::Binary(payload, tag)) if *tag == *b"msgpack" => {
                self.unpack_all(*pack, &payload)?
            }
            (Node::Enum(class), Value::String(text)) => {
                let name = string(py, &text)?;
                class.bind(py).as_any().get_item(&name).map_err(|_| {
                    Failure::misfit("value", super::error::describe(&name), arena.label(py, id))
                })?
            }
            (Node::Blob(plan), Value::Blob(blob)) if blob.dimensionality == plan.dimensionality => {
                let hash = if literal.hash.is_empty() {
                    None
                } else {
                    Some(string(py, &literal.hash)?)
                };
                plan.make.bind(py).call1((
                    string(py, &blob.uri)?,
                    string(py, &blob.format)?,
                    hash,
                ))?
            }
            (_, other) => return Err(Failure::misfit("type", found(&other), arena.label(py, id))),
        })
    }

    fn decode_list(&mut self, item: NodeId, data: &[u8]) -> Outcome<Bound<'py, PyAny>> {
        self.enter()?;
        let mut items = Vec::new();
        let mut fields = Fields::new(data);
        while let Some((number, field)) = fields.next_field()? {
            if number == 1 {
                let index = items.len();
                items.push(
                    self.decode(item, Cow::Borrowed(field.bytes()?))
                        .at(|| Step::Index(index))?,
                );
            }
        }
        self.leave();
        Ok(PyList::new(self.py, items)?.into_any())
    }

    fn decode_dict(&mut self, item: NodeId, data: &[u8]) -> Outcome<Bound<'py, PyAny>> {
        self.enter()?;
        let dict = PyDict::new(self.py);
        let mut fields = Fields::new(data);
        while let Some((number, field)) = fields.next_field()? {
            if number == 1 {
                let (key, value) = named_literal(field.bytes()?)?;
                let key = string(self.py, key)?;
                let value = self.decode(item, value).at(|| key_step(&key))?;
                dict.set_item(key, value)?;
            }
        }
        self.leave();
        Ok(dict.into_any())
    }

    // The variant whose type is on the wire; failing that, those of the same tag; without a tag, all.
    fn decode_union(
        &mut self,
        id: NodeId,
        variants: &[Variant],
        value: &[u8],
        kind: &[u8],
    ) -> Outcome<Bound<'py, PyAny>> {
        self.enter()?;
        let depth = self.depth;
        let position = self.position();
        let tag = structure_tag(kind)?;
        let same = variants
            .iter()
            .filter(|variant| variant.literal_type == kind);
        let alike = variants.iter().filter(|variant| {
            variant.literal_type != kind && (tag.is_empty() || variant.tag == *tag)
        });
        let mut last = None;
        for variant in same.chain(alike) {
            match self.decode(variant.node, Cow::Borrowed(value)) {
                Ok(value) => {
                    self.leave();
                    return Ok(value);
                }
                Err(failure) if failure.is_final(self.py) => return Err(failure),
                Err(failure) => last = Some(failure),
            }
            self.rewind(position)?;
            self.depth = depth;
        }
        Err(last.unwrap_or_else(|| {
            let came = format!("a union value tagged `{}`", String::from_utf8_lossy(&tag));
            Failure::misfit("type", came, self.arena.label(self.py, id))
        }))
    }
}
