//! Models that are no more than kinds: what their validator would make of data that is of those kinds already.
//!
//! flyte-types finds out which models these are. Data that is anything else, in any place, is left to the validator: so its
//! coercions, defaults and errors are never imitated.

use flyte_literal::msgpack::{Reader, Token};
use pyo3::IntoPyObjectExt;
use pyo3::exceptions::PyValueError;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyFloat, PySet, PyString, PyTuple, PyType};

use super::convert::Run;
use super::error::Outcome;
use super::ffi::{self, Filling, Maker};

/// A model and its fields.
pub(crate) struct Shape {
    maker: Maker,
    fields: Vec<Field>,
    /// The names of all fields.
    names: Py<PySet>,
}

struct Field {
    name: Py<PyString>,
    bytes: Vec<u8>,
    kind: Kind,
}

enum Kind {
    Int,
    Float,
    Bool,
    Str,
    Optional(Box<Kind>),
    List(Box<Kind>),
    /// Keys are text.
    Dict(Box<Kind>),
    Model(Box<Shape>),
}

impl Shape {
    /// Read (class, ((name, kind), ...)); `None` for a class that makes its instances in a way of its own.
    pub(crate) fn new(described: &Bound<'_, PyTuple>) -> PyResult<Option<Self>> {
        let (class, described): (Bound<'_, PyType>, Bound<'_, PyTuple>) = described.extract()?;
        let Some(maker) = Maker::of(&class)? else {
            return Ok(None);
        };
        let names = PySet::empty(class.py())?;
        let mut fields = Vec::new();
        for field in described {
            let (name, kind): (Bound<'_, PyString>, Bound<'_, PyAny>) = field.extract()?;
            let name = PyString::intern(name.py(), name.to_str()?);
            names.add(&name)?;
            let Some(kind) = Kind::new(&kind)? else {
                return Ok(None);
            };
            fields.push(Field {
                bytes: name.to_str()?.as_bytes().to_vec(),
                name: name.unbind(),
                kind,
            });
        }
        Ok(Some(Shape {
            maker,
            fields,
            names: names.unbind(),
        }))
    }
}

impl Kind {
    // A name alone, or (name, kind within), or ("model", class, fields).
    fn new(described: &Bound<'_, PyAny>) -> PyResult<Option<Self>> {
        let Ok(parts) = described.cast::<PyTuple>() else {
            return match described.extract::<String>()?.as_str() {
                "int" => Ok(Some(Kind::Int)),
                "float" => Ok(Some(Kind::Float)),
                "bool" => Ok(Some(Kind::Bool)),
                "str" => Ok(Some(Kind::Str)),
                _ => Err(PyValueError::new_err(format!("not a kind: {described:?}"))),
            };
        };
        let name: String = parts.get_item(0)?.extract()?;
        if name == "model" {
            let shape = Shape::new(&parts.get_slice(1, parts.len()))?;
            return Ok(shape.map(|shape| Kind::Model(Box::new(shape))));
        }
        let Some(inner) = Kind::new(&parts.get_item(1)?)?.map(Box::new) else {
            return Ok(None);
        };
        match name.as_str() {
            "optional" => Ok(Some(Kind::Optional(inner))),
            "list" => Ok(Some(Kind::List(inner))),
            "dict" => Ok(Some(Kind::Dict(inner))),
            _ => Err(PyValueError::new_err(format!("not a kind: {described:?}"))),
        }
    }
}

impl<'py> Run<'_, 'py> {
    /// An instance, if all that comes next is of the kinds of the fields; otherwise `None`, and the reader stands anywhere.
    pub(crate) fn unpack_shape(
        &mut self,
        shape: &Shape,
        reader: &mut Reader<'_>,
    ) -> Outcome<Option<Bound<'py, PyAny>>> {
        let py = self.py;
        match reader.next_token() {
            Ok(Token::Map(count)) if count == shape.fields.len() => {}
            _ => return Ok(None),
        }
        let dict = PyDict::new(py);
        // In their own order, as they are written; another order is left to the validator as well.
        for field in &shape.fields {
            match reader.next_short_text() {
                Some(key) if key == field.bytes => {}
                _ => return Ok(None),
            }
            let Some(value) = self.unpack_kind(&field.kind, reader)? else {
                return Ok(None);
            };
            dict.set_item(field.name.bind(py), value)?;
        }
        let instance = shape.maker.make(py)?;
        let names = ffi::set_copy(shape.names.bind(py))?;
        let none = py.None().into_bound(py);
        ffi::set_attribute(&instance, intern!(py, "__dict__"), &dict)?;
        ffi::set_attribute(&instance, intern!(py, "__pydantic_fields_set__"), &names)?;
        ffi::set_attribute(&instance, intern!(py, "__pydantic_extra__"), &none)?;
        ffi::set_attribute(&instance, intern!(py, "__pydantic_private__"), &none)?;
        Ok(Some(instance))
    }

    fn unpack_kind(
        &mut self,
        kind: &Kind,
        reader: &mut Reader<'_>,
    ) -> Outcome<Option<Bound<'py, PyAny>>> {
        let py = self.py;
        match kind {
            Kind::Str => {
                let text = match reader.next_short_text() {
                    Some(text) => text,
                    None => match reader.next_token() {
                        Ok(Token::Str(text)) => text,
                        _ => return Ok(None),
                    },
                };
                return Ok(ffi::string(py, text)?.map(Bound::into_any));
            }
            Kind::Float => {
                let number = reader.next_double();
                return Ok(number.map(|number| PyFloat::new(py, number).into_any()));
            }
            Kind::Model(shape) => return self.unpack_shape(shape, reader),
            Kind::Optional(inner) => {
                let mut ahead = reader.clone();
                if matches!(ahead.next_token(), Ok(Token::Nil)) {
                    *reader = ahead;
                    return Ok(Some(py.None().into_bound(py)));
                }
                return self.unpack_kind(inner, reader);
            }
            _ => {}
        }
        let Ok(token) = reader.next_token() else {
            return Ok(None);
        };
        Ok(match (kind, token) {
            (Kind::Int, Token::Int(number)) => Some(number.into_bound_py_any(py)?),
            (Kind::Bool, Token::Bool(flag)) => Some(flag.into_bound_py_any(py)?),
            (Kind::List(inner), Token::Array(count)) => {
                // Lists within lists may not all claim the same bytes.
                let owed = self.owed;
                if count.saturating_add(owed) > reader.left() {
                    return Ok(None);
                }
                let mut list = Filling::new(py, count)?;
                for index in 0..count {
                    self.owed = owed + (count - index - 1);
                    let Some(value) = self.unpack_kind(inner, reader)? else {
                        return Ok(None);
                    };
                    list.push(value)?;
                }
                Some(list.finish().into_any())
            }
            (Kind::Dict(inner), Token::Map(count)) => {
                let dict = PyDict::new(py);
                for _ in 0..count {
                    let Some(key) = self.unpack_kind(&Kind::Str, reader)? else {
                        return Ok(None);
                    };
                    let Some(value) = self.unpack_kind(inner, reader)? else {
                        return Ok(None);
                    };
                    dict.set_item(key, value)?;
                }
                Some(dict.into_any())
            }
            _ => None,
        })
    }
}
