//! Literal bytes to Python values.

use std::borrow::Cow;

use flyte_literal::wire::Items;
use flyte_literal::{
    Literal, Value, float_item, integer_item, named_literal, string_item, structure_tag,
};
use pyo3::IntoPyObjectExt;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyFloat};

use super::convert::Run;
use super::error::{At, Failure, Outcome, Step, key_step};
use super::ffi::{self, Filling};
use super::plan::{Node, NodeId, Variant};
use super::time;

/// A Python `str` of bytes that claim to be UTF-8.
#[inline]
pub(crate) fn string<'py>(py: Python<'py>, bytes: &[u8]) -> Outcome<Bound<'py, PyAny>> {
    match ffi::string(py, bytes)? {
        Some(text) => Ok(text.into_any()),
        None => Err(flyte_literal::WireError::BadUtf8.into()),
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
    pub(crate) fn decode(&mut self, id: NodeId, data: &[u8]) -> Outcome<Bound<'py, PyAny>> {
        let py = self.py;
        let arena = self.arena;
        let node = arena.node(id);
        // The commonest encodings first; whatever else is legal is read by `Literal::parse`.
        match node {
            Node::Int => {
                if let Some(value) = Literal::fast_integer(data) {
                    return Ok(value.into_bound_py_any(py)?);
                }
            }
            Node::Float => {
                if let Some(value) = Literal::fast_float(data) {
                    return Ok(PyFloat::new(py, value).into_any());
                }
            }
            Node::Str => {
                if let Some(text) = Literal::fast_string(data) {
                    return string(py, text);
                }
            }
            Node::List(item) => {
                if let Some(items) = Literal::fast_collection(data) {
                    return self.decode_list(*item, items);
                }
            }
            Node::Dict(item) => {
                if let Some(entries) = Literal::fast_map(data) {
                    return self.decode_dict(*item, entries);
                }
            }
            Node::Msgpack(pack) => {
                if let Some(payload) = Literal::fast_binary(data, b"msgpack") {
                    return self.unpack_all(*pack, payload);
                }
            }
            Node::Custom(custom) => {
                let bytes = PyBytes::new(py, data).into_any();
                let value = self.custom(custom, custom.decode.as_ref(), bytes)?;
                return Ok(value.unwrap_or_else(|| py.None().into_bound(py)));
            }
            _ => {}
        }
        let literal = Literal::parse(Cow::Borrowed(data))?;
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
            (Node::Union(variants, _), Value::Union(value, kind)) => {
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
        let py = self.py;
        self.enter()?;
        let mut items = Items::new(data);
        let mut list = Filling::new(py, items.clone().count()?)?;
        let mut index = 0;
        match self.arena.node(item) {
            Node::Int => {
                while let Some((value, used)) = integer_item(items.rest()) {
                    items.advance(used);
                    list.push(value.into_bound_py_any(py)?)?;
                    index += 1;
                }
            }
            Node::Float => {
                while let Some((value, used)) = float_item(items.rest()) {
                    items.advance(used);
                    list.push(PyFloat::new(py, value).into_any())?;
                    index += 1;
                }
            }
            Node::Str => {
                while let Some((text, used)) = string_item(items.rest()) {
                    items.advance(used);
                    list.push(string(py, text).at(|| Step::Index(index))?)?;
                    index += 1;
                }
            }
            _ => {}
        }
        // From the first item that is not in its commonest encoding on.
        while let Some(content) = items.next_item()? {
            list.push(self.decode(item, content).at(|| Step::Index(index))?)?;
            index += 1;
        }
        self.leave();
        Ok(list.finish().into_any())
    }

    fn decode_dict(&mut self, item: NodeId, data: &[u8]) -> Outcome<Bound<'py, PyAny>> {
        self.enter()?;
        let dict = PyDict::new(self.py);
        let mut items = Items::new(data);
        while let Some(entry) = items.next_item()? {
            let (key, value) = named_literal(entry)?;
            let key = string(self.py, key)?;
            let value = self.decode(item, &value).at(|| key_step(&key))?;
            dict.set_item(key, value)?;
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
            match self.decode(variant.node, value) {
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
