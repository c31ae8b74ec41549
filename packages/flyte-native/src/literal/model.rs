//! Models that another library dumps as JSON and validates (pydantic): its calls are made from here, one per value.
//!
//! What goes through is done with two calls and no step in Python. Whatever does not is given to the hooks of flyte-types,
//! which know the reasons and the words for them; so they see exactly the values that fail or need more care. Models of plain
//! kinds are read without any call (`shape`).

use flyte_literal::msgpack::Reader;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyTuple, PyType};

use super::convert::Run;
use super::error::{Failure, Outcome};
use super::plan::CustomPlan;
use super::shape::Shape;

/// A model's serialiser and validator.
pub(crate) struct ModelPlan {
    pub(crate) class: Py<PyType>,
    /// `(instance, **keywords) -> bytes` of JSON, an object.
    dump: Py<PyAny>,
    dump_keywords: Py<PyDict>,
    /// `(plain data, **keywords) -> instance`
    validate: Py<PyAny>,
    validate_keywords: Py<PyDict>,
    pub(crate) hooks: CustomPlan,
    /// Of a model that asks for nothing but kinds.
    shape: Option<Shape>,
}

// ("model", class, dump, its keywords, validate, its keywords, ("custom", slot, label, encode, decode), shape or None)
type ModelDescription<'py> = (
    String,
    Bound<'py, PyType>,
    Py<PyAny>,
    Py<PyDict>,
    Py<PyAny>,
    Py<PyDict>,
    Bound<'py, PyTuple>,
    Option<Bound<'py, PyTuple>>,
);

impl ModelPlan {
    pub(crate) fn new(parts: &Bound<'_, PyTuple>) -> PyResult<Self> {
        let described: ModelDescription<'_> = parts.extract()?;
        let (_, class, dump, dump_keywords, validate, validate_keywords, hooks, shape) = described;
        let shape = match shape {
            Some(shape) => Shape::new(&shape)?,
            None => None,
        };
        Ok(ModelPlan {
            class: class.unbind(),
            dump,
            dump_keywords,
            validate,
            validate_keywords,
            hooks: super::plan::custom(&hooks)?,
            shape,
        })
    }
}

impl<'py> Run<'_, 'py> {
    pub(crate) fn pack_model(
        &mut self,
        model: &ModelPlan,
        value: &Bound<'py, PyAny>,
        buf: &mut Vec<u8>,
    ) -> Outcome<()> {
        let start = buf.len();
        if value.get_type_ptr() == model.class.bind(self.py).as_type_ptr() {
            let keywords = model.dump_keywords.bind(self.py);
            match model.dump.bind(self.py).call((value,), Some(keywords)) {
                Ok(json) => {
                    if let Ok(json) = json.cast::<PyBytes>()
                        && json.as_bytes().first() == Some(&b'{')
                        && flyte_literal::json_to_msgpack(buf, json.as_bytes()).is_ok()
                    {
                        return Ok(());
                    }
                    buf.truncate(start);
                }
                Err(error) => not_final(self.py, error)?,
            }
        }
        let hook = model.hooks.encode.as_ref();
        if let Some(plain) = self.custom(&model.hooks, hook, value.clone())? {
            self.pack_any(&plain, buf)?;
        }
        Ok(())
    }

    pub(crate) fn unpack_model(
        &mut self,
        model: &ModelPlan,
        reader: &mut Reader<'_>,
    ) -> Outcome<Bound<'py, PyAny>> {
        let before = reader.clone();
        if let Some(shape) = &model.shape {
            let owed = self.owed;
            if let Some(instance) = self.unpack_shape(shape, reader)? {
                return Ok(instance);
            }
            (*reader, self.owed) = (before.clone(), owed);
        }
        let plain = self.unpack_any(reader)?;
        let keywords = model.validate_keywords.bind(self.py).copy()?;
        // A validator may write into the context, which is for this value alone.
        if let Some(context) = keywords.get_item("context")?
            && let Ok(context) = context.cast_into::<PyDict>()
        {
            keywords.set_item("context", context.copy()?)?;
        }
        match model.validate.bind(self.py).call((plain,), Some(&keywords)) {
            Ok(instance) => return Ok(instance),
            Err(error) => not_final(self.py, error)?,
        }
        // Read once more: a validator may have changed what it was given.
        let plain = self.unpack_any(&mut before.clone())?;
        let value = self.custom(&model.hooks, model.hooks.decode.as_ref(), plain)?;
        Ok(value.unwrap_or_else(|| self.py.None().into_bound(self.py)))
    }
}

fn not_final(py: Python<'_>, error: PyErr) -> Outcome<()> {
    let failure = Box::<Failure>::from(error);
    if failure.is_final(py) {
        Err(failure)
    } else {
        Ok(())
    }
}
