//! The calls of CPython's stable ABI that pyo3 has no safe form for. The only unsafe code of the workspace.
//!
//! Each function upholds on its own what it needs: a caller can neither leak, free nor see a half-made object. All take
//! `Bound` or `Python` values, so the thread is attached to the interpreter.

#![allow(unsafe_code)]

use pyo3::exceptions::PyMemoryError;
use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyFloat, PyInt, PyList, PySet, PyString, PyTuple, PyType};

use std::ffi::c_int;

/// The value of an `int` object that fits 64 bits; `None` for a larger one, without a Python error.
#[inline]
pub(crate) fn int_value(value: &Bound<'_, PyInt>) -> Option<i64> {
    let mut overflow: c_int = 0;
    // SAFETY: the object is an `int` (that is what the type says), so this only reads its digits: it calls no
    // `__index__`, and -1 is the value -1 unless `overflow` says otherwise.
    let number = unsafe { ffi::PyLong_AsLongLongAndOverflow(value.as_ptr(), &raw mut overflow) };
    (overflow == 0).then_some(number)
}

/// An object seen in the list or dict that owns it, without a reference of one's own: counting one up and down again costs as
/// much as reading a number.
///
/// It is to be read before any Python code runs, which could take it out of its container; `own` is for all that runs some.
pub(crate) struct Seen<'a, 'py>(Borrowed<'a, 'py, PyAny>);

impl<'py> Seen<'_, 'py> {
    /// The integer, if this is an `int` and nothing but that, of 64 bits.
    #[inline]
    pub(crate) fn integer(&self) -> Option<i64> {
        let object: &Bound<'py, PyAny> = &self.0;
        int_value(object.cast_exact::<PyInt>().ok()?)
    }

    /// The number, if this is a `float` and nothing but that.
    #[inline]
    pub(crate) fn float(&self) -> Option<f64> {
        let object: &Bound<'py, PyAny> = &self.0;
        Some(object.cast_exact::<PyFloat>().ok()?.value())
    }

    /// The UTF-8 bytes, if this is a `str` and nothing but that, without lone surrogates.
    #[inline]
    pub(crate) fn text(&self) -> Option<&[u8]> {
        let object: &Bound<'py, PyAny> = &self.0;
        let text = object.cast_exact::<PyString>().ok()?;
        Some(text.to_str().ok()?.as_bytes())
    }

    /// A reference of one's own.
    #[inline]
    pub(crate) fn own(self) -> Bound<'py, PyAny> {
        self.0.to_owned()
    }
}

/// The items of a list, as many as it had at the beginning; fewer if it has become shorter.
pub(crate) struct Items<'a, 'py> {
    list: &'a Bound<'py, PyList>,
    next: usize,
    /// How many it had at the beginning.
    pub(crate) count: usize,
}

impl<'a, 'py> Items<'a, 'py> {
    pub(crate) fn of(list: &'a Bound<'py, PyList>) -> Self {
        Items {
            list,
            next: 0,
            count: list.len(),
        }
    }
}

impl<'a, 'py> Iterator for Items<'a, 'py> {
    type Item = Seen<'a, 'py>;

    #[inline]
    fn next(&mut self) -> Option<Seen<'a, 'py>> {
        if self.next == self.count {
            return None;
        }
        let py = self.list.py();
        // SAFETY: `PyList_GetItem` checks the index and gives an object that the list owns, or null with an error set, which
        // is cleared. The caller reads it before Python code runs.
        unsafe {
            let item = ffi::PyList_GetItem(self.list.as_ptr(), self.next as ffi::Py_ssize_t);
            self.next += 1;
            if item.is_null() {
                ffi::PyErr_Clear();
                return None;
            }
            Some(Seen(Borrowed::from_ptr(py, item)))
        }
    }
}

/// The entries of a dict, as many as it had at the beginning; fewer if it has become smaller.
pub(crate) struct Entries<'a, 'py> {
    dict: &'a Bound<'py, PyDict>,
    position: ffi::Py_ssize_t,
    left: usize,
}

impl<'a, 'py> Entries<'a, 'py> {
    pub(crate) fn of(dict: &'a Bound<'py, PyDict>) -> Self {
        Entries {
            dict,
            position: 0,
            left: dict.len(),
        }
    }
}

impl<'a, 'py> Iterator for Entries<'a, 'py> {
    type Item = (Seen<'a, 'py>, Seen<'a, 'py>);

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        self.left = self.left.checked_sub(1)?;
        let py = self.dict.py();
        let (mut key, mut value) = (std::ptr::null_mut(), std::ptr::null_mut());
        // SAFETY: `PyDict_Next` checks the position, even of a dict that has changed, and gives two objects that the dict
        // owns. The caller reads them before Python code runs.
        unsafe {
            let found = ffi::PyDict_Next(
                self.dict.as_ptr(),
                &raw mut self.position,
                &raw mut key,
                &raw mut value,
            );
            (found != 0).then(|| {
                (
                    Seen(Borrowed::from_ptr(py, key)),
                    Seen(Borrowed::from_ptr(py, value)),
                )
            })
        }
    }
}

/// A list of known length while its items are made.
///
/// It is hidden from the garbage collector until it is full: no Python code that runs in between (a hook, a finaliser)
/// can find it with `gc.get_objects` and read an item that is not there yet.
pub(crate) struct Filling<'py> {
    list: Bound<'py, PyList>,
    length: ffi::Py_ssize_t,
    filled: ffi::Py_ssize_t,
}

impl<'py> Filling<'py> {
    /// Make room for `length` items; the caller has seen as many in the data, so that no claim allocates.
    pub(crate) fn new(py: Python<'py>, length: usize) -> PyResult<Self> {
        let length = ffi::Py_ssize_t::try_from(length)
            .map_err(|_| PyMemoryError::new_err("a list of so many items"))?;
        // SAFETY: returns a new reference to a list, or null with an error set, which `from_owned_ptr_or_err` takes.
        // A list that is tracked may be untracked; deallocation accepts both, and empty items.
        let list = unsafe {
            let list = Bound::from_owned_ptr_or_err(py, ffi::PyList_New(length))?;
            ffi::PyObject_GC_UnTrack(list.as_ptr().cast());
            list.cast_into_unchecked()
        };
        Ok(Filling {
            list,
            length,
            filled: 0,
        })
    }

    /// Add an item; one too many is an error.
    #[inline]
    pub(crate) fn push(&mut self, item: Bound<'py, PyAny>) -> PyResult<()> {
        // SAFETY: the list is ours alone. `PyList_SetItem` takes the reference over in any case, and checks the index.
        let status =
            unsafe { ffi::PyList_SetItem(self.list.as_ptr(), self.filled, item.into_ptr()) };
        if status != 0 {
            return Err(PyErr::fetch(self.list.py()));
        }
        self.filled += 1;
        Ok(())
    }

    /// The list, when all of its items are there.
    pub(crate) fn finish(self) -> Bound<'py, PyList> {
        assert_eq!(self.filled, self.length, "a list with empty items");
        // SAFETY: all items are set, and the list was untracked by `new` and not tracked since.
        unsafe { ffi::PyObject_GC_Track(self.list.as_ptr().cast()) };
        self.list
    }
}

/// A `str` of UTF-8 bytes; `None` if they are not UTF-8.
#[inline]
pub(crate) fn string<'py>(py: Python<'py>, bytes: &[u8]) -> PyResult<Option<Bound<'py, PyString>>> {
    if bytes.is_ascii() {
        return latin1(py, bytes).map(Some);
    }
    match bytes.len() {
        0..=32 => wide::<32>(py, bytes),
        33..=64 => wide::<64>(py, bytes),
        65..=256 => wide::<256>(py, bytes),
        _ => match std::str::from_utf8(bytes) {
            Ok(text) => Ok(Some(PyString::new(py, text))),
            Err(_) => Ok(None),
        },
    }
}

#[inline]
fn latin1<'py>(py: Python<'py>, bytes: &[u8]) -> PyResult<Bound<'py, PyString>> {
    // SAFETY: reads `len` bytes at the pointer (a slice is never longer than `isize::MAX`) and copies them into a new
    // `str`; null means an error that is set.
    unsafe {
        let length = bytes.len() as ffi::Py_ssize_t;
        let text = ffi::PyUnicode_DecodeLatin1(bytes.as_ptr().cast(), length, std::ptr::null());
        Ok(Bound::from_owned_ptr_or_err(py, text)?.cast_into_unchecked())
    }
}

// CPython's own decoder grows a buffer by guesses and cuts it to length in the end, which costs several times what the
// decoding of a short text does. From code points it makes the object in one step.
#[cfg(not(windows))]
fn wide<'py, const N: usize>(
    py: Python<'py>,
    bytes: &[u8],
) -> PyResult<Option<Bound<'py, PyString>>> {
    let mut points = [0u32; N];
    let Some(count) = flyte_literal::code_points(bytes, &mut points) else {
        return Ok(None);
    };
    // SAFETY: outside Windows `wchar_t` has 32 bits and is what UTF-32 says. `count` points were written, each below
    // 0x110000 and none a surrogate. They are copied; null means an error that is set.
    unsafe {
        let text = ffi::PyUnicode_FromWideChar(points.as_ptr().cast(), count as ffi::Py_ssize_t);
        Ok(Some(
            Bound::from_owned_ptr_or_err(py, text)?.cast_into_unchecked(),
        ))
    }
}

#[cfg(windows)]
fn wide<'py, const N: usize>(
    py: Python<'py>,
    bytes: &[u8],
) -> PyResult<Option<Bound<'py, PyString>>> {
    match std::str::from_utf8(bytes) {
        Ok(text) => Ok(Some(PyString::new(py, text))),
        Err(_) => Ok(None),
    }
}

/// Makes instances of a class whose `__new__` is that of `object`, with no code of the class running.
pub(crate) struct Maker {
    class: Py<PyType>,
    new: ffi::newfunc,
    no_arguments: Py<PyTuple>,
}

impl Maker {
    /// `None` if the class makes its instances in another way than `object` does, or is abstract.
    pub(crate) fn of(class: &Bound<'_, PyType>) -> PyResult<Option<Self>> {
        const IS_ABSTRACT: u64 = 1 << 20;
        let object = class.py().get_type::<PyAny>();
        let flags: u64 = class.getattr("__flags__")?.extract()?;
        // SAFETY: both are type objects, and every type may be asked for its slots.
        let (new, plain_new) = unsafe {
            (
                ffi::PyType_GetSlot(class.as_type_ptr(), ffi::Py_tp_new),
                ffi::PyType_GetSlot(object.as_type_ptr(), ffi::Py_tp_new),
            )
        };
        if new.is_null() || new != plain_new || flags & IS_ABSTRACT != 0 {
            return Ok(None);
        }
        // SAFETY: what is in the slot `tp_new` is a `newfunc`, and it is not null.
        let new = unsafe { std::mem::transmute::<*mut std::ffi::c_void, ffi::newfunc>(new) };
        Ok(Some(Maker {
            class: class.clone().unbind(),
            new,
            no_arguments: PyTuple::empty(class.py()).unbind(),
        }))
    }

    /// A new instance without attributes.
    #[inline]
    pub(crate) fn make<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        // SAFETY: `object.__new__(class)`, for a class that has no other `__new__`: gives a new reference, or null with an
        // error set. Class and tuple are kept alive by `self`.
        unsafe {
            let class = self.class.bind(py).as_type_ptr();
            let arguments = self.no_arguments.bind(py).as_ptr();
            Bound::from_owned_ptr_or_err(py, (self.new)(class, arguments, std::ptr::null_mut()))
        }
    }
}

/// `object.__setattr__(instance, name, value)`.
#[inline]
pub(crate) fn set_attribute<'py>(
    instance: &Bound<'py, PyAny>,
    name: &Bound<'py, PyString>,
    value: &Bound<'py, PyAny>,
) -> PyResult<()> {
    // SAFETY: three live objects, the name a `str`; the call takes references of its own.
    let status =
        unsafe { ffi::PyObject_GenericSetAttr(instance.as_ptr(), name.as_ptr(), value.as_ptr()) };
    if status == 0 {
        Ok(())
    } else {
        Err(PyErr::fetch(instance.py()))
    }
}

/// A `bytes` object of what was written. Of long ones the end of the buffer is given back while it is copied, so that the two
/// never take their room twice.
pub(crate) fn bytes<'py>(py: Python<'py>, mut buf: Vec<u8>) -> PyResult<Bound<'py, PyBytes>> {
    const LONG: usize = 1 << 20;
    if buf.len() < LONG {
        return Ok(PyBytes::new(py, &buf));
    }
    let length = ffi::Py_ssize_t::try_from(buf.len())
        .map_err(|_| PyMemoryError::new_err("so many bytes"))?;
    // SAFETY: without a source, this gives a new `bytes` object of the length whose content is not set, or null with an error
    // set. Nobody else sees it before each of its bytes is written: the pieces lie end to end, from the last to the first.
    unsafe {
        let object = ffi::PyBytes_FromStringAndSize(std::ptr::null(), length);
        let object = Bound::from_owned_ptr_or_err(py, object)?;
        let content = ffi::PyBytes_AsString(object.as_ptr()).cast::<u8>();
        while !buf.is_empty() {
            let start = (buf.len() - 1) / (LONG / 4) * (LONG / 4);
            let piece = &buf[start..];
            std::ptr::copy_nonoverlapping(piece.as_ptr(), content.add(start), piece.len());
            buf.truncate(start);
            buf.shrink_to_fit();
        }
        Ok(object.cast_into_unchecked())
    }
}

/// A new set of the same items.
#[inline]
pub(crate) fn set_copy<'py>(set: &Bound<'py, PySet>) -> PyResult<Bound<'py, PySet>> {
    // SAFETY: a live object, which is iterated; gives a new reference, or null with an error set.
    unsafe {
        let copy = ffi::PySet_New(set.as_ptr());
        Ok(Bound::from_owned_ptr_or_err(set.py(), copy)?.cast_into_unchecked())
    }
}

/// Reads attributes of instances of one class.
pub(crate) struct Reader {
    /// Attributes are looked up as `object` does: the call may be made directly.
    plain: bool,
}

impl Reader {
    pub(crate) fn of(class: &Bound<'_, PyType>) -> Self {
        let object = class.py().get_type::<PyAny>();
        // SAFETY: both are type objects, and every type may be asked for its slots.
        let plain = unsafe {
            ffi::PyType_GetSlot(class.as_type_ptr(), ffi::Py_tp_getattro)
                == ffi::PyType_GetSlot(object.as_type_ptr(), ffi::Py_tp_getattro)
        };
        Reader { plain }
    }

    /// `getattr(instance, name)`, for an instance of exactly the class.
    #[inline]
    pub(crate) fn get<'py>(
        &self,
        instance: &Bound<'py, PyAny>,
        name: &Bound<'py, PyString>,
    ) -> PyResult<Bound<'py, PyAny>> {
        if !self.plain {
            return instance.getattr(name);
        }
        // SAFETY: two live objects, the name a `str`; gives a new reference, or null with an error set. For an instance of
        // another class this would skip its `__getattr__`, and be wrong but not unsafe.
        unsafe {
            let value = ffi::PyObject_GenericGetAttr(instance.as_ptr(), name.as_ptr());
            Bound::from_owned_ptr_or_err(instance.py(), value)
        }
    }
}
