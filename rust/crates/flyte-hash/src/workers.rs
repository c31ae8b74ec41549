//! Bounded, scoped threads with a way to stop: the calling thread works too, and it alone asks whether to stop.

use std::num::NonZero;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::error::{Error, Result};

/// Asked now and then, on the calling thread only; `true` ends the work with [`Error::Interrupted`].
pub type Interrupt<'a> = &'a mut (dyn FnMut() -> bool + 'a);

const BETWEEN_QUESTIONS: Duration = Duration::from_millis(20);
const MOST_THREADS: usize = 16;

/// For callers that never stop.
pub fn never_interrupted() -> bool {
    false
}

/// The number of threads for a wish; 0 means as many as this process may use, at most 16.
pub fn thread_count(wish: usize) -> usize {
    match wish {
        0 => thread::available_parallelism()
            .map_or(1, NonZero::get)
            .min(MOST_THREADS),
        _ => wish.min(256),
    }
}

/// A worker's view of whether to go on.
pub struct Pulse<'a> {
    stop: Option<&'a AtomicBool>,
    question: Option<Interrupt<'a>>,
    asked: Option<Instant>,
}

impl<'a> Pulse<'a> {
    /// The pulse of work on the calling thread alone.
    pub fn alone(interrupted: Interrupt<'a>) -> Self {
        Self {
            stop: None,
            question: Some(interrupted),
            asked: None,
        }
    }

    /// Whether to stop now; cheap enough for every piece of work.
    pub fn should_stop(&mut self) -> bool {
        if self.stop.is_some_and(|stop| stop.load(Ordering::Relaxed)) {
            return true;
        }
        let Some(question) = self.question.as_mut() else {
            return false;
        };
        let now = Instant::now();
        if self
            .asked
            .is_some_and(|asked| now.duration_since(asked) < BETWEEN_QUESTIONS)
        {
            return false;
        }
        self.asked = Some(now);
        let stop_now = question();
        if stop_now && let Some(stop) = self.stop {
            stop.store(true, Ordering::Relaxed);
        }
        stop_now
    }
}

/// Stops the others when its thread panics, so that nobody waits for it.
struct StopOnPanic<'a>(&'a AtomicBool);

impl Drop for StopOnPanic<'_> {
    fn drop(&mut self) {
        if thread::panicking() {
            self.0.store(true, Ordering::Relaxed);
        }
    }
}

/// Run `work` on `threads` threads, the calling one among them, until all return.
///
/// A worker that returns an error stops the others. Errors carry a rank; the lowest rank is returned, so that the same
/// input gives the same error whatever the timing.
pub fn run_workers<W>(threads: usize, interrupted: Interrupt<'_>, work: W) -> Result<()>
where
    W: Fn(&mut Pulse<'_>) -> std::result::Result<(), (usize, Error)> + Sync,
{
    let stop = AtomicBool::new(false);
    let failure: Mutex<Option<(usize, Error)>> = Mutex::new(None);
    let run = |mut pulse: Pulse<'_>| {
        let _guard = StopOnPanic(&stop);
        if let Err((rank, error)) = work(&mut pulse) {
            stop.store(true, Ordering::Relaxed);
            if matches!(error, Error::Interrupted) {
                return;
            }
            let mut slot = failure
                .lock()
                .unwrap_or_else(std::sync::PoisonError::into_inner);
            if slot.as_ref().is_none_or(|(other, _)| rank < *other) {
                *slot = Some((rank, error));
            }
        }
    };
    thread::scope(|scope| {
        for _ in 1..threads {
            let spawned = thread::Builder::new().spawn_scoped(scope, || {
                run(Pulse {
                    stop: Some(&stop),
                    question: None,
                    asked: None,
                })
            });
            if spawned.is_err() {
                // A process at its thread limit works on with those it has.
                break;
            }
        }
        run(Pulse {
            stop: Some(&stop),
            question: Some(interrupted),
            asked: None,
        });
    });
    match failure
        .into_inner()
        .unwrap_or_else(std::sync::PoisonError::into_inner)
    {
        Some((_, error)) => Err(error),
        None if stop.load(Ordering::Relaxed) => Err(Error::Interrupted),
        None => Ok(()),
    }
}

/// Apply `work` to each item on up to `threads` threads and return the results in the items' order.
///
/// The error of the first failing item, by position, is returned.
pub fn map_parallel<I, O, W>(
    threads: usize,
    interrupted: Interrupt<'_>,
    items: &[I],
    work: W,
) -> Result<Vec<O>>
where
    I: Sync,
    O: Send,
    W: Fn(usize, &I, &mut Pulse<'_>) -> Result<O> + Sync,
{
    let next = AtomicUsize::new(0);
    let results: Mutex<Vec<(usize, O)>> = Mutex::new(Vec::with_capacity(items.len()));
    let threads = threads.clamp(1, items.len().max(1));
    run_workers(threads, interrupted, |pulse| {
        let mut own = Vec::new();
        loop {
            if pulse.should_stop() {
                break;
            }
            let index = next.fetch_add(1, Ordering::Relaxed);
            let Some(item) = items.get(index) else { break };
            own.push((
                index,
                work(index, item, pulse).map_err(|error| (index, error))?,
            ));
        }
        results
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
            .append(&mut own);
        Ok(())
    })?;
    let mut results = results
        .into_inner()
        .unwrap_or_else(std::sync::PoisonError::into_inner);
    results.sort_unstable_by_key(|(index, _)| *index);
    Ok(results.into_iter().map(|(_, output)| output).collect())
}

#[cfg(test)]
mod tests {
    use super::{map_parallel, never_interrupted};
    use crate::error::Error;

    #[test]
    fn results_keep_the_order_of_the_items() {
        let items: Vec<usize> = (0..1000).collect();
        let doubled =
            map_parallel(4, &mut never_interrupted, &items, |_, item, _| Ok(item * 2)).unwrap();
        assert_eq!(
            items.iter().map(|item| item * 2).collect::<Vec<_>>(),
            doubled
        );
    }

    #[test]
    fn the_first_failing_item_is_reported() {
        let items: Vec<usize> = (0..100).collect();
        for _ in 0..50 {
            let outcome = map_parallel(4, &mut never_interrupted, &items, |_, item, _| {
                match item % 10 {
                    7 => Err(Error::Changed {
                        path: item.to_string().into(),
                    }),
                    _ => Ok(()),
                }
            });
            assert_eq!(
                "`7` changed while it was read",
                outcome.unwrap_err().to_string()
            );
        }
    }
}
