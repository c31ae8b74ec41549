//! msgpack payloads to Python values.

use flyte_literal::msgpack::{Reader, Token};
use pyo3::IntoPyObjectExt;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyFloat, PyInt, PyList, PyString, PyTuple};

use super::convert::Run;
use super::decode::string;
use super::error::{At, Failure, Outcome, Step, attribute_step, describe, key_step};
use super::ffi::{self, Filling};
use super::plan::{Leaf, NodeId, ObjectPlan, Pack};

/// Maps of so many keys at most are taken for records, whose keys come again.
const FEW: usize = 32;

fn found(token: &Token<'_>) -> String {
    match token {
        Token::Bool(value) => format!("{value} (a boolean)"),
        Token::Int(value) => format!("{value} (an integer)"),
        Token::UInt(value) => format!("{value} (an integer)"),
        Token::Float(value) => format!("{value} (a float)"),
        Token::Str(text) => {
            let text: String = String::from_utf8_lossy(text).chars().take(80).collect();
            format!("{text:?} (a string)")
        }
        other => other.name().to_owned(),
    }
}

impl<'a, 'py> Run<'a, 'py> {
    /// The value of a whole payload.
    pub(crate) fn unpack_all(&mut self, id: NodeId, data: &[u8]) -> Outcome<Bound<'py, PyAny>> {
        self.owed = 0;
        let mut reader = Reader::new(data);
        let value = self.unpack(id, &mut reader)?;
        reader.finish()?;
        Ok(value)
    }

    #[inline]
    fn unpack(&mut self, id: NodeId, reader: &mut Reader<'_>) -> Outcome<Bound<'py, PyAny>> {
        self.unpack_leaf(self.arena.pack(id).leaf(), id, reader)
    }

    #[inline(always)]
    fn unpack_leaf(
        &mut self,
        leaf: Leaf,
        id: NodeId,
        reader: &mut Reader<'_>,
    ) -> Outcome<Bound<'py, PyAny>> {
        if leaf.text
            && let Some(text) = reader.next_short_text()
        {
            return string(self.py, text);
        }
        if leaf.int
            && let Some(number) = reader.next_small_int()
        {
            return Ok(number.into_bound_py_any(self.py)?);
        }
        if leaf.float
            && let Some(number) = reader.next_double()
        {
            return Ok(PyFloat::new(self.py, number).into_any());
        }
        self.unpack_other(id, reader)
    }

    #[inline(never)]
    fn unpack_other(&mut self, id: NodeId, reader: &mut Reader<'_>) -> Outcome<Bound<'py, PyAny>> {
        let py = self.py;
        let arena = self.arena;
        let pack = arena.pack(id);
        match pack {
            Pack::Any => return self.unpack_any(reader),
            Pack::Union(variants) => return self.unpack_union(id, variants, reader),
            Pack::Model(model) => return self.unpack_model(model, reader),
            Pack::Custom(custom) => {
                let plain = self.unpack_any(reader)?;
                let value = self.custom(custom, custom.decode.as_ref(), plain)?;
                return Ok(value.unwrap_or_else(|| py.None().into_bound(py)));
            }
            Pack::Enum(class) => {
                let value = self.unpack_any(reader)?;
                return class.bind(py).call1((&value,)).map_err(|_| {
                    Failure::misfit("value", describe(&value), arena.pack_label(py, id))
                });
            }
            Pack::Optional(item) => {
                let mut ahead = reader.clone();
                if ahead.next_token()? == Token::Nil {
                    *reader = ahead;
                    return Ok(py.None().into_bound(py));
                }
                return self.unpack(*item, reader);
            }
            _ => {}
        }
        let token = reader.next_token()?;
        let misfit = || Failure::misfit("type", found(&token), arena.pack_label(py, id));
        Ok(match (pack, token) {
            (Pack::Int, Token::Int(value)) => value.into_bound_py_any(py)?,
            (Pack::Int, Token::UInt(value)) => value.into_bound_py_any(py)?,
            (Pack::Int, Token::Bool(value)) => i64::from(value).into_bound_py_any(py)?,
            // Readers of the protocol accept what older writers and the console stored.
            (Pack::Int, Token::Float(value)) => {
                PyFloat::new(py, value).call_method0("__trunc__")?
            }
            (Pack::Int, Token::Str(text)) => py
                .get_type::<PyInt>()
                .call1((string(py, text)?,))
                .map_err(|_| misfit())?,
            (Pack::Float, Token::Float(value)) => PyFloat::new(py, value).into_any(),
            (Pack::Float, Token::Int(value)) => PyFloat::new(py, value as f64).into_any(),
            (Pack::Float, Token::UInt(value)) => PyFloat::new(py, value as f64).into_any(),
            (Pack::Float, Token::Bool(value)) => {
                PyFloat::new(py, f64::from(u8::from(value))).into_any()
            }
            (Pack::Float, Token::Str(text)) => py
                .get_type::<PyFloat>()
                .call1((string(py, text)?,))
                .map_err(|_| misfit())?,
            (Pack::Bool, Token::Bool(value)) => value.into_bound_py_any(py)?,
            (Pack::Bool, Token::Int(value @ (0 | 1))) => (value == 1).into_bound_py_any(py)?,
            (Pack::Str, Token::Str(text)) => string(py, text)?,
            (Pack::None, Token::Nil) => py.None().into_bound(py),
            (Pack::Bytes, Token::Bin(data)) => PyBytes::new(py, data).into_any(),
            (Pack::Datetime, Token::Str(text)) => from_text(py, "datetime", "fromisoformat", text)?,
            (Pack::Date, Token::Str(text)) => from_text(py, "date", "fromisoformat", text)?,
            (Pack::Duration, Token::Float(seconds)) => to_duration(py, seconds)?,
            (Pack::Duration, Token::Int(seconds)) => to_duration(py, seconds as f64)?,
            (Pack::List(item), Token::Array(count)) => {
                self.unpack_items(*item, count, reader)?.into_any()
            }
            (Pack::Items(item, class), Token::Array(count)) => {
                let items = self.unpack_items(*item, count, reader)?;
                class.bind(py).call1((items,))?
            }
            (Pack::Tuple(nodes), Token::Array(count)) if count == nodes.len() => {
                self.enter()?;
                let mut items = Vec::with_capacity(count);
                for (index, node) in nodes.iter().enumerate() {
                    items.push(self.unpack(*node, reader).at(|| Step::Index(index))?);
                }
                self.leave();
                PyTuple::new(py, items)?.into_any()
            }
            (Pack::Dict(key_node, value_node), Token::Map(count)) => {
                self.enter()?;
                let dict = PyDict::new(py);
                let (key_leaf, leaf) =
                    (arena.pack(*key_node).leaf(), arena.pack(*value_node).leaf());
                for _ in 0..count {
                    let known = if key_leaf.text && count <= FEW {
                        reader.next_short_text()
                    } else {
                        None
                    };
                    let key = match known {
                        Some(key) => self.keys.text(py, key)?,
                        None => self.unpack_leaf(key_leaf, *key_node, reader)?,
                    };
                    let value = self
                        .unpack_leaf(leaf, *value_node, reader)
                        .at(|| key_step(&key))?;
                    dict.set_item(key, value)?;
                }
                self.leave();
                dict.into_any()
            }
            (Pack::Object(object), Token::Map(count)) => {
                self.unpack_object(object, count, reader)?
            }
            _ => return Err(misfit()),
        })
    }

    fn unpack_items(
        &mut self,
        item: NodeId,
        count: usize,
        reader: &mut Reader<'_>,
    ) -> Outcome<Bound<'py, PyList>> {
        self.enter()?;
        let owed = self.owed;
        let mut items = self.room(count, reader)?;
        let leaf = self.arena.pack(item).leaf();
        for index in 0..count {
            self.owed = owed + (count - index - 1);
            let value = self.unpack_leaf(leaf, item, reader);
            items.push(value.at(|| Step::Index(index))?)?;
        }
        self.leave();
        Ok(items.finish())
    }

    // Arrays inside each other may not all claim the same bytes, or a few of them would take any amount of memory.
    fn room(&self, count: usize, reader: &Reader<'_>) -> Outcome<Filling<'py>> {
        if count.saturating_add(self.owed) > reader.left() {
            return Err(flyte_literal::WireError::Truncated.into());
        }
        Ok(Filling::new(self.py, count)?)
    }

    // A variant of the type on the wire first, then the first that takes it.
    fn unpack_union(
        &mut self,
        id: NodeId,
        variants: &[(Option<Py<pyo3::types::PyType>>, NodeId)],
        reader: &mut Reader<'_>,
    ) -> Outcome<Bound<'py, PyAny>> {
        let token = reader.clone().next_token()?;
        let (position, depth, owed) = (self.position(), self.depth, self.owed);
        let fits = |node: NodeId| self.arena.pack_takes(node, &token);
        let first = variants.iter().filter(|(_, node)| fits(*node));
        let then = variants.iter().filter(|(_, node)| !fits(*node));
        let order: Vec<NodeId> = first.chain(then).map(|(_, node)| *node).collect();
        for node in order {
            let mut attempt = reader.clone();
            match self.unpack(node, &mut attempt) {
                Ok(value) => {
                    *reader = attempt;
                    return Ok(value);
                }
                Err(failure) if failure.is_final(self.py) => return Err(failure),
                Err(_) => {
                    self.rewind(position)?;
                    self.depth = depth;
                    self.owed = owed;
                }
            }
        }
        Err(Failure::misfit(
            "type",
            found(&token),
            self.arena.pack_label(self.py, id),
        ))
    }

    fn unpack_object(
        &mut self,
        object: &ObjectPlan,
        count: usize,
        reader: &mut Reader<'_>,
    ) -> Outcome<Bound<'py, PyAny>> {
        let py = self.py;
        self.enter()?;
        // Most classes have few fields: their values need no allocation.
        let mut few: [Option<Bound<'py, PyAny>>; 16] = [const { None }; 16];
        let mut many = Vec::new();
        let values = match few.get_mut(..object.fields.len()) {
            Some(values) => values,
            None => {
                many.resize(object.fields.len(), None);
                &mut many[..]
            }
        };
        for position in 0..count {
            let key = match reader.next_short_text() {
                Some(key) => key,
                None => long_key(reader)?,
            };
            // Fields nearly always come in their own order.
            let index = match object.fields.get(position) {
                Some(field) if field.bytes == key => Some(position),
                _ => object.by_name.get(key).copied(),
            };
            let Some(index) = index else {
                reader.skip()?;
                continue;
            };
            let field = &object.fields[index];
            if field.takes_none(py) && reader.clone().next_token()? == Token::Nil {
                reader.skip()?;
                values[index] = Some(py.None().into_bound(py));
                continue;
            }
            values[index] = Some(
                self.unpack_leaf(field.leaf, field.node, reader)
                    .at(|| attribute_step(field.name.bind(py)))?,
            );
        }
        self.leave();
        self.make_object(object, values)
    }

    fn make_object(
        &self,
        object: &ObjectPlan,
        values: &mut [Option<Bound<'py, PyAny>>],
    ) -> Outcome<Bound<'py, PyAny>> {
        let py = self.py;
        let class = object.class.bind(py);
        let missing = |name: &Bound<'py, PyString>, node: NodeId| {
            let failed = Err(Failure::misfit(
                "missing",
                "nothing".to_owned(),
                self.arena.pack_label(py, node),
            ));
            failed.at(|| attribute_step(name))
        };
        if let Some(maker) = &object.maker {
            let instance = maker.make(py)?;
            for (field, value) in object.fields.iter().zip(values) {
                let name = field.name.bind(py);
                match value.take() {
                    Some(value) => ffi::set_attribute(&instance, name, &value)?,
                    None => match field.default_value(py)? {
                        Some(value) => ffi::set_attribute(&instance, name, &value)?,
                        None => return missing(name, field.node),
                    },
                }
            }
            return Ok(instance);
        }
        let keywords = PyDict::new(py);
        for (field, value) in object
            .fields
            .iter()
            .zip(values)
            .filter(|(field, _)| !field.derived)
        {
            let name = field.name.bind(py);
            match value.take() {
                Some(value) => keywords.set_item(name, value)?,
                None if field.default.is_some() || field.factory.is_some() => {}
                None => return missing(name, field.node),
            }
        }
        Ok(class.call((), Some(&keywords))?)
    }

    pub(crate) fn unpack_any(&mut self, reader: &mut Reader<'_>) -> Outcome<Bound<'py, PyAny>> {
        if let Some(text) = reader.next_short_text() {
            return string(self.py, text);
        }
        let py = self.py;
        self.enter()?;
        let value = match reader.next_token()? {
            Token::Nil => py.None().into_bound(py),
            Token::Bool(value) => value.into_bound_py_any(py)?,
            Token::Int(value) => value.into_bound_py_any(py)?,
            Token::UInt(value) => value.into_bound_py_any(py)?,
            Token::Float(value) => PyFloat::new(py, value).into_any(),
            Token::Str(text) => string(py, text)?,
            Token::Bin(data) => PyBytes::new(py, data).into_any(),
            Token::Array(count) => {
                let owed = self.owed;
                let mut items = self.room(count, reader)?;
                for index in 0..count {
                    self.owed = owed + (count - index - 1);
                    items.push(self.unpack_any(reader)?)?;
                }
                items.finish().into_any()
            }
            Token::Map(count) => {
                let dict = PyDict::new(py);
                for _ in 0..count {
                    let key = match reader.next_short_text() {
                        Some(key) if count <= FEW => self.keys.text(py, key)?,
                        Some(key) => string(py, key)?,
                        None => self.unpack_any(reader)?,
                    };
                    let value = self.unpack_any(reader)?;
                    dict.set_item(key, value)?;
                }
                dict.into_any()
            }
            other @ Token::Ext(..) => {
                return Err(Failure::misfit("type", found(&other), "plain data"));
            }
        };
        self.leave();
        Ok(value)
    }
}

#[cold]
fn long_key<'a>(reader: &mut Reader<'a>) -> Outcome<&'a [u8]> {
    match reader.next_token()? {
        Token::Str(key) => Ok(key),
        _ => Err(Failure::misfit(
            "type",
            "a key that is not text".to_owned(),
            "str as key",
        )),
    }
}

impl super::plan::Arena {
    // Whether a node's own wire form is this token, without any conversion.
    fn pack_takes(&self, id: NodeId, token: &Token<'_>) -> bool {
        match (self.pack(id), token) {
            (Pack::Optional(item), _) => *token == Token::Nil || self.pack_takes(*item, token),
            (Pack::Union(variants), _) => variants
                .iter()
                .any(|(_, node)| self.pack_takes(*node, token)),
            (pack, token) => matches!(
                (pack, token),
                (Pack::Int, Token::Int(_) | Token::UInt(_))
                    | (Pack::Float | Pack::Duration, Token::Float(_))
                    | (Pack::Bool, Token::Bool(_))
                    | (Pack::Str, Token::Str(_))
                    | (Pack::None, Token::Nil)
                    | (Pack::Bytes, Token::Bin(_))
                    | (
                        Pack::List(_) | Pack::Items(..) | Pack::Tuple(_),
                        Token::Array(_)
                    )
                    | (Pack::Dict(..) | Pack::Object(_), Token::Map(_))
            ),
        }
    }
}

fn to_duration(py: Python<'_>, seconds: f64) -> Outcome<Bound<'_, PyAny>> {
    Ok(py
        .import("datetime")?
        .getattr("timedelta")?
        .call1((0, seconds))?)
}

fn from_text<'py>(
    py: Python<'py>,
    class: &str,
    method: &str,
    text: &[u8],
) -> Outcome<Bound<'py, PyAny>> {
    let text = string(py, text)?;
    py.import("datetime")?
        .getattr(class)?
        .call_method1(method, (&text,))
        .map_err(|_| {
            Failure::misfit(
                "value",
                describe(&text),
                format!("a {class} in ISO 8601 form"),
            )
        })
}
