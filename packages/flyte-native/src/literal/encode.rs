//! Python values to literal bytes.

use std::borrow::Cow;

use flyte_literal::{self as wire_form, Blob, wire};
use pyo3::prelude::*;
use pyo3::types::{
    PyBool, PyBytes, PyDate, PyDateTime, PyDelta, PyDict, PyFloat, PyInt, PyList, PyString,
};

use super::convert::Run;
use super::error::{At, Failure, Outcome, Step, describe, key_step};
use super::ffi::{self, Entries, Items};
use super::plan::{BlobPlan, CustomPlan, Node, NodeId, Pack, Variant};
use super::time;

/// The integer of a Python `int`, which must fit 64 bits; `bool` is refused.
#[inline]
pub(crate) fn integer(value: &Bound<'_, PyAny>) -> Outcome<i64> {
    match exact_integer(value) {
        Some(number) => Ok(number),
        None => integer_of(value),
    }
}

/// The integer of an object that is an `int` and nothing but that, if it fits 64 bits.
#[inline]
pub(crate) fn exact_integer(value: &Bound<'_, PyAny>) -> Option<i64> {
    match value.cast_exact::<PyInt>() {
        Ok(number) => ffi::int_value(number),
        Err(_) => None,
    }
}

#[cold]
fn integer_of(value: &Bound<'_, PyAny>) -> Outcome<i64> {
    match value.cast::<PyInt>() {
        Ok(number) if !value.is_instance_of::<PyBool>() => {
            ffi::int_value(number).ok_or_else(|| {
                Failure::misfit(
                    "value",
                    describe(value),
                    "an int between -2**63 and 2**63 - 1",
                )
            })
        }
        _ => Err(Failure::misfit("type", describe(value), "int")),
    }
}

/// The number of a Python `float` or `int`; `bool` is refused.
#[inline]
pub(crate) fn float(value: &Bound<'_, PyAny>) -> Outcome<f64> {
    match value.cast_exact::<PyFloat>() {
        Ok(number) => Ok(number.value()),
        Err(_) => float_of(value),
    }
}

#[cold]
fn float_of(value: &Bound<'_, PyAny>) -> Outcome<f64> {
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

/// The UTF-8 bytes of an object that is a `str` and nothing but that, if it has no lone surrogates.
#[inline]
pub(crate) fn exact_text<'a>(value: &'a Bound<'_, PyAny>) -> Option<&'a [u8]> {
    let text = value.cast_exact::<PyString>().ok()?;
    Some(text.to_str().ok()?.as_bytes())
}

/// The UTF-8 bytes of a Python `str`.
#[inline]
pub(crate) fn text<'a>(value: &'a Bound<'_, PyAny>) -> Outcome<&'a [u8]> {
    if let Some(text) = exact_text(value) {
        return Ok(text);
    }
    if let Ok(text) = value.cast::<PyString>()
        && let Ok(text) = text.to_str()
    {
        return Ok(text.as_bytes());
    }
    Err(not_text(value))
}

#[cold]
fn not_text(value: &Bound<'_, PyAny>) -> Box<Failure> {
    if value.is_instance_of::<PyString>() {
        let expected = "text without lone surrogates";
        Failure::misfit("value", describe(value), expected)
    } else {
        Failure::misfit("type", describe(value), "str")
    }
}

#[inline]
pub(crate) fn utf8<'a>(value: &'a Bound<'_, PyString>) -> Outcome<&'a [u8]> {
    match value.to_str() {
        Ok(text) => Ok(text.as_bytes()),
        Err(_) => Err(not_text(value)),
    }
}

impl<'a, 'py> Run<'a, 'py> {
    /// A guess of how many bytes the literal of a value takes at least: with it, little has to be moved for lengths.
    pub(crate) fn least(&self, id: NodeId, value: &Bound<'py, PyAny>) -> usize {
        match self.arena.node(id) {
            Node::List(_) => value.cast::<PyList>().map_or(0, |list| list.len()) * 8,
            Node::Dict(_) => value.cast::<PyDict>().map_or(0, |dict| dict.len()) * 16,
            _ => 0,
        }
    }

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
            Node::Union(variants, chooser) => {
                self.encode_union(id, variants, chooser.as_ref(), value, buf)?;
            }
            Node::Msgpack(pack) => {
                let packed = wire_form::open_packed(buf, self.payload, false);
                self.pack(*pack, value, buf)?;
                self.payload = wire_form::close_packed(buf, packed);
            }
            Node::Enum(class) => {
                let class = class.bind(self.py);
                if value.is_instance(class)? {
                    wire_form::put_string(buf, text(&value.getattr("name")?)?);
                } else if value.is_exact_instance_of::<PyString>()
                    && let Ok(member) = class.as_any().get_item(value)
                {
                    // The name of a member stands for it; an alias is written as the name that counts.
                    wire_form::put_string(buf, text(&member.getattr("name")?)?);
                } else {
                    return Err(Failure::misfit(
                        "type",
                        describe(value),
                        arena.label(self.py, id),
                    ));
                }
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
        let count = list.len();
        let least = count.saturating_mul(8);
        let node = self.arena.node(item);
        buf.reserve(count.saturating_mul(match node {
            Node::Int => 12,
            Node::Float => 15,
            _ => 24,
        }));
        let collection = wire::open(buf, 0x12, least);
        match node {
            Node::Int => {
                for (index, element) in Items::of(list).enumerate() {
                    let number = match element.integer() {
                        Some(number) => number,
                        None => integer(&element.own()).at(|| Step::Index(index))?,
                    };
                    wire_form::put_integer_item(buf, number);
                }
            }
            Node::Float => {
                for (index, element) in Items::of(list).enumerate() {
                    let number = match element.float() {
                        Some(number) => number,
                        None => float(&element.own()).at(|| Step::Index(index))?,
                    };
                    wire_form::put_float_item(buf, number);
                }
            }
            Node::Str => {
                for (index, element) in Items::of(list).enumerate() {
                    match element.text() {
                        Some(text) => wire_form::put_string_item(buf, text),
                        None => {
                            let element = element.own();
                            let text = text(&element).at(|| Step::Index(index))?;
                            wire_form::put_string_item(buf, text);
                        }
                    }
                }
            }
            Node::Msgpack(pack) => {
                let object = match self.arena.pack(*pack) {
                    Pack::Object(object) => Some(object),
                    _ => None,
                };
                for (index, element) in Items::of(list).enumerate() {
                    let element = element.own();
                    let packed = wire_form::open_packed(buf, self.payload, true);
                    match object {
                        Some(object) => self.pack_object(object, &element, buf),
                        None => self.pack(*pack, &element, buf),
                    }
                    .at(|| Step::Index(index))?;
                    self.payload = wire_form::close_packed(buf, packed);
                }
            }
            _ => {
                let mut last = 0;
                for (index, element) in Items::of(list).enumerate() {
                    let element = element.own();
                    let mark = wire::open(buf, 0x0a, last);
                    let start = buf.len();
                    self.encode(item, &element, buf).at(|| Step::Index(index))?;
                    last = buf.len() - start;
                    wire::close(buf, mark);
                }
            }
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
        let count = dict.len();
        buf.reserve(count.saturating_mul(24));
        let map = wire::open(buf, 0x1a, count.saturating_mul(16));
        if !self.sorted || in_order(dict) {
            let node = self.arena.node(item);
            for (key, value) in Entries::of(dict) {
                // What is put as it is needs no references.
                if let Some(key) = key.text() {
                    if matches!(node, Node::Int)
                        && let Some(number) = value.integer()
                    {
                        wire_form::put_integer_entry(buf, key, number);
                        continue;
                    }
                    if matches!(node, Node::Float)
                        && let Some(number) = value.float()
                    {
                        wire_form::put_float_entry(buf, key, number);
                        continue;
                    }
                    if matches!(node, Node::Str)
                        && let Some(text) = value.text()
                    {
                        wire_form::put_string_entry(buf, key, text);
                        continue;
                    }
                }
                let (key, value) = (key.own(), value.own());
                let Ok(name) = key.cast::<PyString>() else {
                    return not_a_key(&key);
                };
                self.encode_entry(item, name, &value, buf)?;
            }
        } else {
            let mut entries = Vec::with_capacity(count);
            for (key, value) in dict {
                match key.cast_into::<PyString>() {
                    Ok(name) => entries.push((name, value)),
                    Err(error) => return not_a_key(&error.into_inner()),
                }
            }
            let mut keys = Vec::with_capacity(entries.len());
            for (index, (name, _)) in entries.iter().enumerate() {
                keys.push((utf8(name).at(|| key_step(name))?, index));
            }
            wire::sort_keys(&mut keys);
            for (_, index) in keys {
                let (name, value) = &entries[index];
                self.encode_entry(item, name, value, buf)?;
            }
        }
        wire::close(buf, map);
        self.leave();
        Ok(())
    }

    #[inline]
    fn encode_entry(
        &mut self,
        item: NodeId,
        name: &Bound<'py, PyString>,
        value: &Bound<'py, PyAny>,
        buf: &mut Vec<u8>,
    ) -> Outcome<()> {
        let key = utf8(name).at(|| key_step(name))?;
        match self.arena.node(item) {
            Node::Int => {
                let number = integer(value).at(|| key_step(name))?;
                wire_form::put_integer_entry(buf, key, number);
            }
            Node::Float => {
                let number = float(value).at(|| key_step(name))?;
                wire_form::put_float_entry(buf, key, number);
            }
            Node::Str => {
                wire_form::put_string_entry(buf, key, text(value).at(|| key_step(name))?);
            }
            _ => {
                let entry = wire::open(buf, 0x0a, 0);
                wire::put_bytes(buf, 0x0a, key);
                let mark = wire::open(buf, 0x12, 0);
                self.encode(item, value, buf).at(|| key_step(name))?;
                wire::close(buf, mark);
                wire::close(buf, entry);
            }
        }
        Ok(())
    }

    // The variant of exactly the value's type; failing that, the only one that takes the value.
    fn encode_union(
        &mut self,
        id: NodeId,
        variants: &[Variant],
        chooser: Option<&CustomPlan>,
        value: &Bound<'py, PyAny>,
        buf: &mut Vec<u8>,
    ) -> Outcome<()> {
        self.enter()?;
        let kind = value.get_type();
        let exact = |variant: &&Variant| variant.exact.as_ref().is_some_and(|class| kind.is(class));
        let mut candidates: Vec<_> = variants.iter().filter(exact).collect();
        if let [only] = candidates[..] {
            self.encode_variant(only, value, buf)?;
        } else if let Some(chooser) = chooser {
            if let Some(bytes) = self.custom(chooser, None, value.clone())? {
                buf.extend_from_slice(bytes.cast::<PyBytes>().map_err(PyErr::from)?.as_bytes());
            }
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
        let sorted = std::mem::replace(&mut self.sorted, true);
        let written = self.encode(variant.node, value, buf);
        self.sorted = sorted;
        self.depth = depth;
        written?;
        wire::close(buf, literal);
        wire::put_bytes(buf, 0x12, &variant.literal_type);
        wire::close(buf, union);
        wire::close(buf, scalar);
        Ok(())
    }
}

// Whether the keys stand in the order of the wire already; `false` as well for what is no key at all.
fn in_order(dict: &Bound<'_, PyDict>) -> bool {
    let mut last: Option<Bound<'_, PyString>> = None;
    for (key, _) in dict {
        let Ok(key) = key.cast_into::<PyString>() else {
            return false;
        };
        let Ok(bytes) = utf8(&key) else {
            return false;
        };
        let behind = last
            .as_ref()
            .and_then(|last| utf8(last).ok())
            .is_none_or(|last| wire::key_order(last, bytes).is_lt());
        if !behind {
            return false;
        }
        last = Some(key);
    }
    true
}

#[cold]
fn not_a_key<T>(key: &Bound<'_, PyAny>) -> Outcome<T> {
    let failed = Err(Failure::misfit("type", describe(key), "str as key"));
    failed.at(|| key_step(key))
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
