//! Dates, times and durations between Python and the wire: seconds and nanoseconds since the epoch, in UTC.

use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyDate, PyDateTime, PyDelta, PyDict};

use super::error::Outcome;

const SECONDS_OF_DAY: i64 = 86_400;
const EPOCH_ORDINAL: i64 = 719_163;
/// The range of `google.protobuf.Duration`, in seconds.
const LONGEST_DURATION: i64 = 315_576_000_000;

struct Clock {
    epoch: Py<PyAny>,
    delta: Py<PyAny>,
    date: Py<PyAny>,
    utc: Py<PyAny>,
}

fn clock(py: Python<'_>) -> PyResult<&'static Clock> {
    static CLOCK: PyOnceLock<Clock> = PyOnceLock::new();
    CLOCK.get_or_try_init(py, || {
        let datetime = py.import("datetime")?;
        let utc = datetime.getattr("timezone")?.getattr("utc")?;
        Ok(Clock {
            epoch: datetime
                .getattr("datetime")?
                .call1((1970, 1, 1, 0, 0, 0, 0, &utc))?
                .unbind(),
            delta: datetime.getattr("timedelta")?.unbind(),
            date: datetime.getattr("date")?.unbind(),
            utc: utc.unbind(),
        })
    })
}

fn parts(delta: &Bound<'_, PyAny>) -> PyResult<(i64, i64, i64)> {
    let py = delta.py();
    let days = delta.getattr(pyo3::intern!(py, "days"))?.extract()?;
    let seconds = delta.getattr(pyo3::intern!(py, "seconds"))?.extract()?;
    let micros = delta
        .getattr(pyo3::intern!(py, "microseconds"))?
        .extract()?;
    Ok((days, seconds, micros))
}

/// Seconds and nanoseconds (never negative) since the epoch; a naive datetime counts as UTC.
pub(crate) fn timestamp(value: &Bound<'_, PyDateTime>) -> Outcome<(i64, i32)> {
    let py = value.py();
    let clock = clock(py)?;
    let aware = if value
        .call_method0(pyo3::intern!(py, "utcoffset"))?
        .is_none()
    {
        let keywords = PyDict::new(py);
        keywords.set_item("tzinfo", &clock.utc)?;
        value.call_method("replace", (), Some(&keywords))?
    } else {
        value.clone().into_any()
    };
    let (days, seconds, micros) = parts(&aware.sub(clock.epoch.bind(py))?)?;
    Ok((days * SECONDS_OF_DAY + seconds, (micros * 1000) as i32))
}

/// Seconds since the epoch at the start of a day, in UTC.
pub(crate) fn midnight(value: &Bound<'_, PyDate>) -> Outcome<i64> {
    let ordinal: i64 = value
        .call_method0(pyo3::intern!(value.py(), "toordinal"))?
        .extract()?;
    Ok((ordinal - EPOCH_ORDINAL) * SECONDS_OF_DAY)
}

/// Seconds and nanoseconds of one sign.
pub(crate) fn duration(value: &Bound<'_, PyDelta>) -> Outcome<(i64, i32)> {
    let (days, seconds, micros) = parts(value)?;
    let mut seconds = days * SECONDS_OF_DAY + seconds;
    let mut nanos = micros * 1000;
    if !(-LONGEST_DURATION..=LONGEST_DURATION).contains(&seconds) {
        return Err(super::error::Failure::misfit(
            "value",
            super::error::describe(value),
            "a timedelta of at most 10,000 years",
        ));
    }
    if seconds < 0 && nanos > 0 {
        seconds += 1;
        nanos -= 1_000_000_000;
    }
    Ok((seconds, nanos as i32))
}

/// A `datetime` in UTC.
pub(crate) fn to_datetime(py: Python<'_>, seconds: i64, nanos: i32) -> Outcome<Bound<'_, PyAny>> {
    let delta = to_timedelta(py, seconds, nanos)?;
    Ok(clock(py)?.epoch.bind(py).add(delta)?)
}

/// A `date`, the day in UTC.
pub(crate) fn to_date(py: Python<'_>, seconds: i64) -> Outcome<Bound<'_, PyAny>> {
    let ordinal = seconds.div_euclid(SECONDS_OF_DAY) + EPOCH_ORDINAL;
    Ok(clock(py)?
        .date
        .bind(py)
        .call_method1("fromordinal", (ordinal,))?)
}

/// A `timedelta`; parts of a microsecond are cut off.
pub(crate) fn to_timedelta(py: Python<'_>, seconds: i64, nanos: i32) -> Outcome<Bound<'_, PyAny>> {
    Ok(clock(py)?
        .delta
        .bind(py)
        .call1((0, seconds, nanos / 1000))?)
}
