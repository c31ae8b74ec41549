//! The state of one conversion: the nodes, and the places that Python code converts.

use pyo3::prelude::*;
use pyo3::types::{PyList, PyTuple};

use super::error::{Failure, Outcome};
use super::keys::Keys;
use super::plan::{Arena, CustomPlan};

/// What happens at a custom place.
pub(crate) enum Places<'py> {
    /// Call the synchronous hook.
    Call,
    /// Only note (slot, value); the bytes written meanwhile are thrown away.
    Collect(Bound<'py, PyList>),
    /// Take the next of what was awaited, in the order of the notes.
    Replay(Bound<'py, PyList>, usize),
}

/// One run over a value.
pub(crate) struct Run<'a, 'py> {
    pub(crate) py: Python<'py>,
    pub(crate) arena: &'a Arena,
    pub(crate) places: Places<'py>,
    pub(crate) depth: usize,
    /// Whether maps are written in the order of their keys. In the bytes of a union hashes see them as they are.
    pub(crate) sorted: bool,
    /// Length of the msgpack payload written last, a guess of the next one's.
    pub(crate) payload: usize,
    /// Items of the open msgpack arrays that are still to come: each needs a byte at least.
    pub(crate) owed: usize,
    pub(crate) keys: Keys<'py>,
}

impl<'a, 'py> Run<'a, 'py> {
    pub(crate) fn new(py: Python<'py>, arena: &'a Arena, places: Places<'py>) -> Self {
        Run {
            py,
            arena,
            places,
            depth: 0,
            sorted: true,
            payload: 0,
            owed: 0,
            keys: Keys::default(),
        }
    }

    pub(crate) fn enter(&mut self) -> Outcome<()> {
        self.depth += 1;
        if self.depth > flyte_literal::MAX_DEPTH {
            return Err(Failure::misfit(
                "depth",
                format!(
                    "a value nested deeper than {} levels",
                    flyte_literal::MAX_DEPTH
                ),
                "a value that does not contain itself",
            ));
        }
        Ok(())
    }

    pub(crate) fn leave(&mut self) {
        self.depth -= 1;
    }

    /// Where replaying stands; a union resets it when a variant did not fit.
    pub(crate) fn position(&self) -> usize {
        match &self.places {
            Places::Call => 0,
            Places::Collect(list) => list.len(),
            Places::Replay(_, next) => *next,
        }
    }

    pub(crate) fn rewind(&mut self, position: usize) -> PyResult<()> {
        match &mut self.places {
            Places::Call => {}
            Places::Collect(list) => list.del_slice(position, list.len())?,
            Places::Replay(_, next) => *next = position,
        }
        Ok(())
    }

    /// Convert a custom place; `None` while collecting.
    pub(crate) fn custom(
        &mut self,
        plan: &CustomPlan,
        hook: Option<&Py<PyAny>>,
        value: Bound<'py, PyAny>,
    ) -> Outcome<Option<Bound<'py, PyAny>>> {
        if let Some(hook) = hook {
            return Ok(Some(hook.bind(self.py).call1((value,))?));
        }
        match &mut self.places {
            Places::Call => Err(Failure::misfit(
                "await",
                format!("a {} outside an awaited conversion", plan.label),
                "the async form of this conversion",
            )),
            Places::Collect(list) => {
                list.append(PyTuple::new(
                    self.py,
                    [
                        plan.slot
                            .into_pyobject(self.py)
                            .map_err(PyErr::from)?
                            .into_any(),
                        value,
                    ],
                )?)?;
                Ok(None)
            }
            Places::Replay(list, next) => {
                let item = list.get_item(*next)?;
                *next += 1;
                Ok(Some(item))
            }
        }
    }
}
