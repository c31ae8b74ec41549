//! Python values to literal bytes.

use std::borrow::Cow;

use flyte_literal::{self as wire_form, Blob, wire};
use pyo3::prelude::*;
use pyo3::types::{
    PyBool, PyBytes, PyDate, PyDateTime, PyDelta, PyDict, PyFloat, PyInt, PyList, PyString,
};

use super::convert::Run;
use super::error::{At, Failure, Outcome, Step, describe, key_step};
use super::plan::{BlobPlan, Node, NodeId, Variant};
use super::time;

/// The integer of a Python `int`, which must fit 64 bits; `bool` is refused.
#[inline]
pub(crate) fn integer(value: &Bound<'_, PyAny>) -> Outcome<i64> {
    if value.is_exact_instance_of::<PyInt>()
        || (value.is_instance_of::<PyInt>() && !value.is_instance_of::<PyBool>())
    {
        value.extract::<i64>().map_err(|_| {
            Failure::misfit(
                "value",
                describe(value),
                "an int between -2**63 and 2**63 - 1",
            )
        })
    } else {
        Err(Failure::misfit("type", describe(value), "int"))
    }
}

/// The number of a Python `float` or `int`; `bool` is refused.
#[inline]
pub(crate) fn float(value: &Bound<'_, PyAny>) -> Outcome<f64> {
    if let Ok(number) = value.cast::<PyFloat>() {
        return Ok(number.value());
    }
    if value.is_instance_of::<PyInt>() && !value.is_instance_of::<PyBool>() {
        return value
            .extract::<f64>()
            .map_err(|_| Failure::misfit("value", describe(value), "an int that fits a float"));
    }
    Err(Failure::misfit("type", describe(value), "float"))
}

pub(crate) fn boolean(value: &Bound<'_, PyAny>) -> Outcome<bool> {
    match value.cast::<PyBool>() {
        Ok(value) => Ok(value.is_true()),
        Err(_) => Err(Failure::misfit("type", describe(value), "bool")),
    }
}

/// The UTF-8 bytes of a Python `str`.
#[inline]
pub(crate) fn text<'a>(value: &'a Bound<'_, PyAny>) -> Outcome<&'a [u8]> {
    match value.cast::<PyString>() {
        Ok(text) => utf8(text),
        Err(_) => Err(Failure::misfit("type", describe(value), "str")),
    }
}

#[inline]
pub(crate) fn utf8<'a>(value: &'a Bound<'_, PyString>) -> Outcome<&'a [u8]> {
    match value.to_str() {
        Ok(text) => Ok(text.as_bytes()),
        Err(_) => Err(Failure::misfit(
            "value",
            describe(value),
            "text without lone surrogates",
        )),
    }
}

impl<'a, 'py> Run<'a, 'py> {
    /// Append the content of the literal that stands for `value`.
    pub(crate) fn encode(
        &mut self,
        id: NodeId,
        value: &Bound<'py, PyAny>,
        buf: &mut Vec<u8>,
    ) -> Outcome<()> {
        let arena = self.arena;
        match arena.node(id) {
            Node::Int => wire_form::put_integer(buf, integer(value)?),
            Node::Float => wire_form::put_float(buf, float(value)?),
            Node::Bool => wire_form::put_bool(buf, boolean(value)?),
            Node::Str => wire_form::put_string(buf, text(value)?),
            Node::None if value.is_none() => wire_form::put_none(buf),
            Node::None => return Err(Failure::misfit("type", describe(value), "None")),
            Node::Datetime => {
                let value = value
                    .cast::<PyDateTime>()
                    .map_err(|_| Failure::misfit("type", describe(value), "datetime"))?;
                let (seconds, nanos) = time::timestamp(value)?;
                wire_form::put_datetime(buf, seconds, nanos);
            }
            Node::Date => {
                let value = value
                    .cast::<PyDate>()
                    .map_err(|_| Failure::misfit("type", describe(value), "date"))?;
                wire_form::put_datetime(buf, time::midnight(value)?, 0);
            }
            Node::Duration => {
                let value = value
                    .cast::<PyDelta>()
                    .map_err(|_| Failure::misfit("type", describe(value), "timedelta"))?;
                let (seconds, nanos) = time::duration(value)?;
                wire_form::put_duration(buf, seconds, nanos);
            }
            Node::List(item) => self.encode_list(id, *item, value, buf)?,
            Node::Dict(item) => self.encode_dict(id, *item, value, buf)?,
            Node::Union(variants) => self.encode_union(id, variants, value, buf)?,
            Node::Msgpack(pack) => {
                wire_form::put_binary(buf, b"msgpack", |buf| self.pack(*pack, value, buf))?
            }
            Node::Enum(class) => {
                let class = class.bind(self.py);
                if !value.is_instance(class)? {
                    return Err(Failure::misfit(
                        "type",
                        describe(value),
                        arena.label(self.py, id),
                    ));
                }
                wire_form::put_string(buf, text(&value.getattr("name")?)?);
            }
            Node::Blob(blob) => encode_blob(blob, value, buf)?,
            Node::Custom(custom) => {
                if let Some(bytes) = self.custom(custom, custom.encode.as_ref(), value.clone())? {
                    buf.extend_from_slice(bytes.cast::<PyBytes>().map_err(PyErr::from)?.as_bytes());
                }
            }
            Node::Ref(_) => unreachable!("`Arena::node` follows references"),
        }
        Ok(())
    }

    fn encode_list(
        &mut self,
        id: NodeId,
        item: NodeId,
        value: &Bound<'py, PyAny>,
        buf: &mut Vec<u8>,
    ) -> Outcome<()> {
        let Ok(list) = value.cast::<PyList>() else {
            return Err(Failure::misfit(
                "type",
                describe(value),
                self.arena.label(self.py, id),
            ));
        };
        self.enter()?;
        buf.reserve(list.len().saturating_mul(10));
        let collection = wire::open(buf, 0x12, list.len().saturating_mul(8));
        for (index, element) in list.iter().enumerate() {
            let mark = wire::open(buf, 0x0a, 0);
            self.encode(item, &element, buf).at(|| Step::Index(index))?;
            wire::close(buf, mark);
        }
        wire::close(buf, collection);
        self.leave();
        Ok(())
    }

    fn encode_dict(
        &mut self,
        id: NodeId,
        item: NodeId,
        value: &Bound<'py, PyAny>,
        buf: &mut Vec<u8>,
    ) -> Outcome<()> {
        let Ok(dict) = value.cast::<PyDict>() else {
            return Err(Failure::misfit(
                "type",
                describe(value),
                self.arena.label(self.py, id),
            ));
        };
        self.enter()?;
        let mut entries = Vec::with_capacity(dict.len());
        for (key, value) in dict {
            let Ok(key) = key.cast::<PyString>() else {
                let failed = Err(Failure::misfit("type", describe(&key), "str as key"));
                return failed.at(|| key_step(&key));
            };
            entries.push((key.clone(), value));
        }
        let mut keys = Vec::with_capacity(entries.len());
        for (index, (key, _)) in entries.iter().enumerate() {
            keys.push((utf8(key).at(|| key_step(key))?, index));
        }
        // Keys often come sorted, which this notices in one pass.
        keys.sort_unstable_by(|left, right| wire::key_order(left.0, right.0));
        buf.reserve(keys.len().saturating_mul(24));
        let map = wire::open(buf, 0x1a, keys.len().saturating_mul(10));
        for (key, index) in keys {
            let (name, value) = &entries[index];
            let entry = wire::open(buf, 0x0a, 0);
            wire::put_bytes(buf, 0x0a, key);
            let mark = wire::open(buf, 0x12, 0);
            self.encode(item, value, buf).at(|| key_step(name))?;
            wire::close(buf, mark);
            wire::close(buf, entry);
        }
        wire::close(buf, map);
        self.leave();
        Ok(())
    }

    // The variant of exactly the value's type; failing that, the only one that takes the value.
    fn encode_union(
        &mut self,
        id: NodeId,
        variants: &[Variant],
        value: &Bound<'py, PyAny>,
        buf: &mut Vec<u8>,
    ) -> Outcome<()> {
        self.enter()?;
        let kind = value.get_type();
        let exact = |variant: &&Variant| variant.exact.as_ref().is_some_and(|class| kind.is(class));
        let mut candidates: Vec<_> = variants.iter().filter(exact).collect();
        if let [only] = candidates[..] {
            self.encode_variant(only, value, buf)?;
        } else {
            if candidates.is_empty() {
                candidates = variants.iter().collect();
            }
            let start = buf.len();
            let position = self.position();
            let mut chosen: Option<&Variant> = None;
            let mut last = None;
            for variant in candidates {
                match self.encode_variant(variant, value, buf) {
                    Ok(()) if chosen.is_some() => {
                        return Err(Failure::misfit(
                            "ambiguous",
                            describe(value),
                            format!(
                                "a value that fits only one of {}",
                                self.arena.label(self.py, id)
                            ),
                        ));
                    }
                    Ok(()) => chosen = Some(variant),
                    Err(failure) if failure.is_final(self.py) => return Err(failure),
                    Err(failure) => last = Some(failure),
                }
                buf.truncate(start);
                self.rewind(position)?;
            }
            match (chosen, last) {
                (Some(variant), _) => self.encode_variant(variant, value, buf)?,
                (None, Some(failure)) if variants.len() == 1 => return Err(failure),
                (None, _) => {
                    return Err(Failure::misfit(
                        "type",
                        describe(value),
                        self.arena.label(self.py, id),
                    ));
                }
            }
        }
        self.leave();
        Ok(())
    }

    fn encode_variant(
        &mut self,
        variant: &Variant,
        value: &Bound<'py, PyAny>,
        buf: &mut Vec<u8>,
    ) -> Outcome<()> {
        let depth = self.depth;
        let least = variant.literal_type.len();
        let scalar = wire::open(buf, 0x0a, least);
        let union = wire::open(buf, 0x4a, least);
        let literal = wire::open(buf, 0x0a, 0);
        let written = self.encode(variant.node, value, buf);
        self.depth = depth;
        written?;
        wire::close(buf, literal);
        wire::put_bytes(buf, 0x12, &variant.literal_type);
        wire::close(buf, union);
        wire::close(buf, scalar);
        Ok(())
    }
}

fn encode_blob(plan: &BlobPlan, value: &Bound<'_, PyAny>, buf: &mut Vec<u8>) -> Outcome<()> {
    let class = plan.class.bind(value.py());
    if !value.is_instance(class)? {
        return Err(Failure::misfit(
            "type",
            describe(value),
            super::error::type_name(class),
        ));
    }
    let (path, format, hash) = (
        value.getattr("path")?,
        value.getattr("format")?,
        value.getattr("hash")?,
    );
    let blob = Blob {
        uri: Cow::Borrowed(text(&path).at(|| Step::Attribute("path".to_owned()))?),
        format: Cow::Borrowed(text(&format).at(|| Step::Attribute("format".to_owned()))?),
        dimensionality: plan.dimensionality,
    };
    let hash = if hash.is_none() {
        &[][..]
    } else {
        text(&hash).at(|| Step::Attribute("hash".to_owned()))?
    };
    wire_form::put_blob(buf, &blob, hash);
    Ok(())
}
