//! What goes wrong in a conversion, and the one exception it becomes.

use flyte_literal::WireError;
use pyo3::exceptions::{PyKeyboardInterrupt, PyRecursionError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyString, PyType};

pyo3::create_exception!(
    flyte_native,
    LiteralError,
    PyValueError,
    "A value does not fit its type. `args` are (kind, path, came, expected)."
);

/// One step into a value, collected while an error travels up.
pub(crate) enum Step {
    Index(usize),
    Key(String),
    Attribute(String),
}

/// A failed conversion.
pub(crate) struct Failure {
    cause: Cause,
    steps: Vec<Step>,
}

enum Cause {
    /// A value that does not fit: kind, what came, what was expected.
    Misfit(&'static str, String, String),
    /// Something that Python code raised.
    Raised(PyErr),
}

pub(crate) type Outcome<T> = Result<T, Box<Failure>>;

impl Failure {
    pub(crate) fn misfit(
        kind: &'static str,
        came: String,
        expected: impl Into<String>,
    ) -> Box<Self> {
        Box::new(Failure {
            cause: Cause::Misfit(kind, came, expected.into()),
            steps: Vec::new(),
        })
    }

    /// Nothing may swallow what the user or the interpreter wants to stop with.
    pub(crate) fn is_final(&self, py: Python<'_>) -> bool {
        matches!(&self.cause, Cause::Raised(error) if !error.is_instance_of::<pyo3::exceptions::PyException>(py)
            || error.is_instance_of::<PyKeyboardInterrupt>(py) || error.is_instance_of::<PyRecursionError>(py))
    }

    pub(crate) fn into_pyerr(self, py: Python<'_>) -> PyErr {
        let mut path = String::new();
        for step in self.steps.iter().rev() {
            match step {
                Step::Index(index) => path.push_str(&format!("[{index}]")),
                Step::Key(key) => path.push_str(&format!("[{key}]")),
                Step::Attribute(name) => {
                    path.push('.');
                    path.push_str(name);
                }
            }
        }
        match self.cause {
            Cause::Misfit(kind, came, expected) => {
                LiteralError::new_err((kind, path, came, expected))
            }
            Cause::Raised(error) if !error.is_instance_of::<pyo3::exceptions::PyException>(py) => {
                error
            }
            // A hook that converts something itself names the place inside; wrapped, texts would grow with each level.
            Cause::Raised(error) if error.is_instance_of::<LiteralError>(py) => {
                match error
                    .value(py)
                    .getattr("args")
                    .and_then(|args| args.extract::<(String, String, String, String)>())
                {
                    Ok((kind, inner, came, expected)) => {
                        let found =
                            LiteralError::new_err((kind, format!("{path}{inner}"), came, expected));
                        found.set_cause(py, error.cause(py));
                        found
                    }
                    Err(_) => error,
                }
            }
            Cause::Raised(error) => {
                let name = error
                    .get_type(py)
                    .name()
                    .map(|name| name.to_string())
                    .unwrap_or_default();
                let text = error
                    .value(py)
                    .str()
                    .map(|text| text.to_string())
                    .unwrap_or_default();
                let wrapped = LiteralError::new_err((
                    "raised",
                    path,
                    format!("{name}: {text}"),
                    String::new(),
                ));
                wrapped.set_cause(py, Some(error));
                wrapped
            }
        }
    }
}

impl From<PyErr> for Box<Failure> {
    fn from(error: PyErr) -> Self {
        Box::new(Failure {
            cause: Cause::Raised(error),
            steps: Vec::new(),
        })
    }
}

impl From<WireError> for Box<Failure> {
    fn from(error: WireError) -> Self {
        Failure::misfit("wire", error.to_string(), "")
    }
}

/// Adds the place to an error on its way up.
pub(crate) trait At<T> {
    fn at(self, step: impl FnOnce() -> Step) -> Outcome<T>;
}

impl<T> At<T> for Outcome<T> {
    #[inline]
    fn at(self, step: impl FnOnce() -> Step) -> Outcome<T> {
        self.map_err(|mut failure| {
            failure.steps.push(step());
            failure
        })
    }
}

pub(crate) fn wire_error(py: Python<'_>, error: &WireError) -> PyErr {
    Box::<Failure>::from(error.clone()).into_pyerr(py)
}

const LONGEST_REPR: usize = 80;

/// A value and its type, shortened, for messages.
pub(crate) fn describe(value: &Bound<'_, PyAny>) -> String {
    let kind = type_name(&value.get_type());
    if value.is_none() {
        return "None".to_owned();
    }
    match value.repr() {
        Ok(text) => {
            let text = text.to_string();
            if text.chars().count() > LONGEST_REPR {
                let head: String = text.chars().take(LONGEST_REPR).collect();
                format!("{head}... ({kind})")
            } else {
                format!("{text} ({kind})")
            }
        }
        Err(_) => format!("a {kind}"),
    }
}

pub(crate) fn type_name(kind: &Bound<'_, PyType>) -> String {
    kind.name()
        .map_or_else(|_| "object".to_owned(), |name| name.to_string())
}

pub(crate) fn key_step(key: &Bound<'_, PyAny>) -> Step {
    Step::Key(
        key.repr()
            .map_or_else(|_| "?".to_owned(), |text| text.to_string()),
    )
}

pub(crate) fn attribute_step(name: &Bound<'_, PyString>) -> Step {
    Step::Attribute(name.to_string())
}
