//! Python values to msgpack, as the payload of a binary literal.

use flyte_literal::msgpack;
use pyo3::prelude::*;
use pyo3::types::{
    PyBool, PyByteArray, PyBytes, PyDate, PyDateTime, PyDelta, PyDict, PyFloat, PyInt, PyList,
    PyString, PyTuple,
};

use super::convert::Run;
use super::encode::{boolean, exact_integer, exact_text, text, utf8};
use super::error::{At, Failure, Outcome, Step, attribute_step, describe, key_step};
use super::ffi::{Entries, Items};
use super::plan::{Leaf, NodeId, ObjectPlan, Pack};

fn number(value: &Bound<'_, PyAny>, buf: &mut Vec<u8>) -> Outcome<()> {
    if let Some(number) = exact_integer(value) {
        msgpack::put_int(buf, number);
    } else if let Ok(number) = value.extract::<i64>() {
        msgpack::put_int(buf, number);
    } else if let Ok(number) = value.extract::<u64>() {
        msgpack::put_uint(buf, number);
    } else {
        return Err(Failure::misfit(
            "value",
            describe(value),
            "an int between -2**63 and 2**64 - 1",
        ));
    }
    Ok(())
}

impl<'a, 'py> Run<'a, 'py> {
    /// Append the msgpack form of `value`.
    #[inline]
    pub(crate) fn pack(
        &mut self,
        id: NodeId,
        value: &Bound<'py, PyAny>,
        buf: &mut Vec<u8>,
    ) -> Outcome<()> {
        self.pack_leaf(self.arena.pack(id).leaf(), id, value, buf)
    }

    #[inline(always)]
    fn pack_leaf(
        &mut self,
        leaf: Leaf,
        id: NodeId,
        value: &Bound<'py, PyAny>,
        buf: &mut Vec<u8>,
    ) -> Outcome<()> {
        if leaf.text
            && let Some(text) = exact_text(value)
        {
            return Ok(msgpack::put_str(buf, text)?);
        }
        if leaf.int
            && let Some(number) = exact_integer(value)
        {
            msgpack::put_int(buf, number);
            return Ok(());
        }
        if leaf.float
            && let Ok(float) = value.cast_exact::<PyFloat>()
        {
            msgpack::put_float(buf, float.value());
            return Ok(());
        }
        if let Some(item) = leaf.list
            && let Ok(list) = value.cast::<PyList>()
        {
            return self.pack_list(item, list, buf);
        }
        self.pack_other(id, value, buf)
    }

    // Apart, so that the few kinds above do not pay for the frame that all the others need.
    #[inline(never)]
    fn pack_other(
        &mut self,
        id: NodeId,
        value: &Bound<'py, PyAny>,
        buf: &mut Vec<u8>,
    ) -> Outcome<()> {
        let arena = self.arena;
        let misfit =
            |run: &Self| Failure::misfit("type", describe(value), arena.pack_label(run.py, id));
        match arena.pack(id) {
            // A bool where a number is declared stays a bool on the wire, as the reference writes it.
            Pack::Int if value.is_instance_of::<PyBool>() => {
                msgpack::put_bool(buf, boolean(value)?)
            }
            Pack::Int if value.is_instance_of::<PyInt>() => number(value, buf)?,
            Pack::Float => {
                if let Ok(float) = value.cast::<PyFloat>() {
                    msgpack::put_float(buf, float.value());
                } else if value.is_instance_of::<PyBool>() {
                    msgpack::put_bool(buf, boolean(value)?);
                } else if value.is_instance_of::<PyInt>() {
                    number(value, buf)?;
                } else {
                    return Err(misfit(self));
                }
            }
            Pack::Bool => msgpack::put_bool(buf, boolean(value)?),
            Pack::None if value.is_none() => msgpack::put_nil(buf),
            Pack::Bytes => {
                if let Ok(bytes) = value.cast::<PyBytes>() {
                    msgpack::put_bin(buf, bytes.as_bytes())?;
                } else if let Ok(bytes) = value.cast::<PyByteArray>() {
                    msgpack::put_bin(buf, &bytes.to_vec())?;
                } else {
                    return Err(misfit(self));
                }
            }
            Pack::Any => self.pack_any(value, buf)?,
            Pack::Datetime if value.is_instance_of::<PyDateTime>() => iso(value, buf)?,
            Pack::Date if value.is_instance_of::<PyDate>() => iso(value, buf)?,
            Pack::Duration if value.is_instance_of::<PyDelta>() => {
                msgpack::put_float(buf, value.call_method0("total_seconds")?.extract()?);
            }
            Pack::Enum(class) => {
                if !value.is_instance(class.bind(self.py))? {
                    return Err(misfit(self));
                }
                self.pack_any(&value.getattr("value")?, buf)?;
            }
            Pack::List(item) => {
                if let Ok(list) = value.cast::<PyList>() {
                    return self.pack_list(*item, list, buf);
                } else if let Ok(tuple) = value.cast::<PyTuple>() {
                    self.pack_items(*item, tuple.len(), tuple.iter(), buf)?;
                } else {
                    return Err(misfit(self));
                }
            }
            Pack::Items(item, class) => {
                if !value.is_instance(class.bind(self.py))? {
                    return Err(misfit(self));
                }
                let items = value.try_iter()?.collect::<PyResult<Vec<_>>>()?;
                self.pack_items(*item, items.len(), items.into_iter(), buf)?;
            }
            Pack::Tuple(items) => {
                let Some(tuple) = value
                    .cast::<PyTuple>()
                    .ok()
                    .filter(|tuple| tuple.len() == items.len())
                else {
                    return Err(misfit(self));
                };
                self.enter()?;
                msgpack::put_array(buf, items.len())?;
                for (index, (item, element)) in items.iter().zip(tuple.iter()).enumerate() {
                    self.pack(*item, &element, buf).at(|| Step::Index(index))?;
                }
                self.leave();
            }
            Pack::Dict(key_node, value_node) => {
                let dict = value.cast::<PyDict>().map_err(|_| misfit(self))?;
                self.enter()?;
                let count = dict.len();
                msgpack::put_map(buf, count)?;
                let mut written = 0;
                for (key, value) in Entries::of(dict) {
                    let (key, value) = (key.own(), value.own());
                    self.pack(*key_node, &key, buf).at(|| key_step(&key))?;
                    self.pack(*value_node, &value, buf).at(|| key_step(&key))?;
                    written += 1;
                }
                self.leave();
                return same_count(count, written);
            }
            Pack::Optional(_) if value.is_none() => msgpack::put_nil(buf),
            Pack::Optional(item) => self.pack(*item, value, buf)?,
            Pack::Union(variants) => {
                let kind = value.get_type();
                let exact = variants
                    .iter()
                    .find(|(class, _)| class.as_ref().is_some_and(|class| kind.is(class)));
                if let Some((_, node)) = exact {
                    return self.pack(*node, value, buf);
                }
                let (start, position, depth) = (buf.len(), self.position(), self.depth);
                for (_, node) in variants {
                    match self.pack(*node, value, buf) {
                        Ok(()) => return Ok(()),
                        Err(failure) if failure.is_final(self.py) => return Err(failure),
                        Err(_) => {
                            buf.truncate(start);
                            self.rewind(position)?;
                            self.depth = depth;
                        }
                    }
                }
                return Err(misfit(self));
            }
            Pack::Model(model) => self.pack_model(model, value, buf)?,
            Pack::Custom(custom) => {
                if let Some(plain) = self.custom(custom, custom.encode.as_ref(), value.clone())? {
                    self.pack_any(&plain, buf)?;
                }
            }
            Pack::Str => msgpack::put_str(buf, text(value)?)?,
            Pack::Object(object) => return self.pack_object(object, value, buf),
            Pack::Ref(_) => unreachable!("`Arena::pack` follows references"),
            _ => return Err(misfit(self)),
        }
        Ok(())
    }

    // The commonest container.
    fn pack_list(
        &mut self,
        item: NodeId,
        list: &Bound<'py, PyList>,
        buf: &mut Vec<u8>,
    ) -> Outcome<()> {
        self.enter()?;
        let items = Items::of(list);
        let count = items.count;
        msgpack::put_array(buf, count)?;
        let mut written = 0;
        let leaf = self.arena.pack(item).leaf();
        for (index, element) in items.enumerate() {
            written += 1;
            if leaf.text
                && let Some(text) = element.text()
            {
                msgpack::put_str(buf, text)?;
                continue;
            }
            if leaf.int
                && let Some(number) = element.integer()
            {
                msgpack::put_int(buf, number);
                continue;
            }
            if leaf.float
                && let Some(number) = element.float()
            {
                msgpack::put_float(buf, number);
                continue;
            }
            self.pack_leaf(leaf, item, &element.own(), buf)
                .at(|| Step::Index(index))?;
        }
        self.leave();
        same_count(count, written)
    }

    fn pack_items(
        &mut self,
        item: NodeId,
        count: usize,
        items: impl Iterator<Item = Bound<'py, PyAny>>,
        buf: &mut Vec<u8>,
    ) -> Outcome<()> {
        self.enter()?;
        msgpack::put_array(buf, count)?;
        let mut written = 0;
        for (index, element) in items.enumerate() {
            self.pack(item, &element, buf).at(|| Step::Index(index))?;
            written += 1;
        }
        self.leave();
        same_count(count, written)
    }

    #[inline(never)]
    pub(crate) fn pack_object(
        &mut self,
        object: &ObjectPlan,
        value: &Bound<'py, PyAny>,
        buf: &mut Vec<u8>,
    ) -> Outcome<()> {
        let class = object.class.bind(self.py);
        let exact = value.get_type_ptr() == class.as_type_ptr();
        if !exact && !value.is_instance(class)? {
            if let Ok(dict) = value.cast::<PyDict>() {
                return self.pack_object_dict(object, dict, buf);
            }
            return Err(Failure::misfit(
                "type",
                describe(value),
                super::error::type_name(class),
            ));
        }
        self.enter()?;
        msgpack::put_map(buf, object.fields.len())?;
        for field in &object.fields {
            let name = field.name.bind(self.py);
            field.key.put(buf);
            let item = if exact {
                object.reader.get(value, name)?
            } else {
                value.getattr(name)?
            };
            if item.is_none() && field.takes_none(self.py) {
                msgpack::put_nil(buf);
                continue;
            }
            self.pack_leaf(field.leaf, field.node, &item, buf)
                .at(|| attribute_step(name))?;
        }
        self.leave();
        Ok(())
    }

    // A dict in the place of an object: its keys are the fields, defaults fill what is not there.
    fn pack_object_dict(
        &mut self,
        object: &ObjectPlan,
        dict: &Bound<'py, PyDict>,
        buf: &mut Vec<u8>,
    ) -> Outcome<()> {
        let class = super::error::type_name(object.class.bind(self.py));
        self.enter()?;
        for (key, value) in dict {
            let known = text(&key).is_ok_and(|key| object.by_name.contains_key(key));
            if !known {
                let failed = Err(Failure::misfit(
                    "unknown",
                    describe(&value),
                    format!("a field of {class}"),
                ));
                return failed.at(|| key_step(&key));
            }
        }
        msgpack::put_map(buf, object.fields.len())?;
        for field in &object.fields {
            let name = field.name.bind(self.py);
            field.key.put(buf);
            let item = match dict.get_item(name)? {
                Some(item) => item,
                None => match field.default_value(self.py)? {
                    Some(item) => item,
                    None => {
                        let label = self.arena.pack_label(self.py, field.node);
                        let failed = Err(Failure::misfit("missing", "nothing".to_owned(), label));
                        return failed.at(|| attribute_step(name));
                    }
                },
            };
            if item.is_none() && field.takes_none(self.py) {
                msgpack::put_nil(buf);
                continue;
            }
            self.pack(field.node, &item, buf)
                .at(|| attribute_step(name))?;
        }
        self.leave();
        Ok(())
    }

    /// Append plain data of whatever shape.
    pub(crate) fn pack_any(&mut self, value: &Bound<'py, PyAny>, buf: &mut Vec<u8>) -> Outcome<()> {
        self.enter()?;
        if value.is_none() {
            msgpack::put_nil(buf);
        } else if let Ok(value) = value.cast::<PyBool>() {
            msgpack::put_bool(buf, value.is_true());
        } else if value.is_instance_of::<PyInt>() {
            number(value, buf)?;
        } else if let Ok(value) = value.cast::<PyFloat>() {
            msgpack::put_float(buf, value.value());
        } else if let Ok(value) = value.cast::<PyString>() {
            msgpack::put_str(buf, utf8(value)?)?;
        } else if let Ok(value) = value.cast::<PyBytes>() {
            msgpack::put_bin(buf, value.as_bytes())?;
        } else if let Ok(value) = value.cast::<PyByteArray>() {
            msgpack::put_bin(buf, &value.to_vec())?;
        } else if let Ok(dict) = value.cast::<PyDict>() {
            msgpack::put_map(buf, dict.len())?;
            for (key, value) in dict {
                self.pack_any(&key, buf).at(|| key_step(&key))?;
                self.pack_any(&value, buf).at(|| key_step(&key))?;
            }
        } else if let Ok(list) = value.cast::<PyList>() {
            self.pack_any_items(list.len(), list.iter(), buf)?;
        } else if let Ok(tuple) = value.cast::<PyTuple>() {
            self.pack_any_items(tuple.len(), tuple.iter(), buf)?;
        } else {
            return Err(Failure::misfit(
                "type",
                describe(value),
                "plain data (None, bool, int, float, str, bytes, list, tuple, dict)",
            ));
        }
        self.leave();
        Ok(())
    }

    fn pack_any_items(
        &mut self,
        count: usize,
        items: impl Iterator<Item = Bound<'py, PyAny>>,
        buf: &mut Vec<u8>,
    ) -> Outcome<()> {
        msgpack::put_array(buf, count)?;
        for (index, element) in items.enumerate() {
            self.pack_any(&element, buf).at(|| Step::Index(index))?;
        }
        Ok(())
    }
}

// A container may shrink while a property of an element runs; the header would then lie.
fn same_count(claimed: usize, written: usize) -> Outcome<()> {
    if claimed == written {
        return Ok(());
    }
    Err(Failure::misfit(
        "value",
        "a list or dict that changed while it was read".to_owned(),
        "stable values",
    ))
}

fn iso(value: &Bound<'_, PyAny>, buf: &mut Vec<u8>) -> Outcome<()> {
    let text_form = value.call_method0(pyo3::intern!(value.py(), "isoformat"))?;
    msgpack::put_str(buf, text(&text_form)?)?;
    Ok(())
}

impl super::plan::FieldPlan {
    /// `name: T = None` means that `None` is fine, whatever the annotation says.
    pub(crate) fn takes_none(&self, py: Python<'_>) -> bool {
        self.default
            .as_ref()
            .is_some_and(|default| default.is_none(py))
    }

    pub(crate) fn default_value<'py>(
        &self,
        py: Python<'py>,
    ) -> PyResult<Option<Bound<'py, PyAny>>> {
        match (&self.default, &self.factory) {
            (Some(default), _) => Ok(Some(default.bind(py).clone())),
            (None, Some(factory)) => factory.bind(py).call0().map(Some),
            (None, None) => Ok(None),
        }
    }
}
