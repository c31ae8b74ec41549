//! Keys that come again and again: the `str` objects of the last ones, so that a thousand small maps make each key once.

use pyo3::prelude::*;
use pyo3::types::PyString;

use super::error::Outcome;
use super::ffi;

const SLOTS: usize = 64;
const LONGEST: usize = 24;

struct Known<'py> {
    bytes: [u8; LONGEST],
    length: usize,
    text: Bound<'py, PyString>,
}

/// One place for each of 64 hashes; a new key takes the place of an old one. Empty until the first key comes.
#[derive(Default)]
pub(crate) struct Keys<'py> {
    slots: Vec<Option<Known<'py>>>,
}

impl<'py> Keys<'py> {
    /// A `str` of the bytes of a key.
    #[inline]
    pub(crate) fn text(&mut self, py: Python<'py>, key: &[u8]) -> Outcome<Bound<'py, PyAny>> {
        let ([first, ..], [.., last]) = (key, key) else {
            return super::decode::string(py, key);
        };
        if key.len() > LONGEST {
            return super::decode::string(py, key);
        }
        if self.slots.is_empty() {
            self.slots.resize_with(SLOTS, || None);
        }
        let middle = key[key.len() / 2];
        let hash = usize::from(*first)
            .wrapping_mul(31)
            .wrapping_add(usize::from(*last).wrapping_mul(17))
            .wrapping_add(usize::from(middle).wrapping_mul(5))
            .wrapping_add(key.len());
        let slot = &mut self.slots[hash % SLOTS];
        if let Some(known) = slot
            && known.bytes[..known.length] == *key
        {
            return Ok(known.text.clone().into_any());
        }
        let Some(text) = ffi::string(py, key)? else {
            return Err(flyte_literal::WireError::BadUtf8.into());
        };
        let mut bytes = [0; LONGEST];
        bytes[..key.len()].copy_from_slice(key);
        *slot = Some(Known {
            bytes,
            length: key.len(),
            text: text.clone(),
        });
        Ok(text.into_any())
    }
}
