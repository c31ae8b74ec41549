//! One pass over a plan on several threads: read, digest, compress, and write in order.
//!
//! Workers take blocks in turn. A block needs the last 32 KiB of the one before, which another worker is reading at the
//! same time; whoever completes the next block in order writes it. The number of blocks in flight is bounded.

use std::collections::BTreeMap;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use blake3::hazmat::ChainingValue;
use flyte_hash::{
    Blake3Digest, Error, Interrupt, Md5, Pulse, Result, SegmentDigests, open_known, read_full_at,
    run_workers,
};

use crate::deflate::{Compressor, GZIP_HEADER, gzip_trailer};
use crate::destination::Destination;
use crate::matches::WINDOW;
use crate::plan::{Piece, Plan};
use crate::tar;

/// Waiting threads look again this often, so that an interrupt never waits for a wake-up.
const LOOK_AGAIN: Duration = Duration::from_millis(20);

/// What went to the destination.
pub(crate) struct Written {
    /// Digest of each file's content, in the plan's order.
    pub(crate) contents: Vec<Blake3Digest>,
    /// MD5 of the compressed bytes.
    pub(crate) md5: [u8; 16],
    /// Number of compressed bytes.
    pub(crate) size: u64,
}

enum PieceDigest {
    Whole(Blake3Digest),
    Segment(ChainingValue),
}

struct DoneBlock {
    compressed: Vec<u8>,
    crc: crc32fast::Hasher,
    digests: Vec<PieceDigest>,
}

/// The part of the output that only one thread at a time holds, and only in the order of blocks.
struct Output {
    md5: Md5,
    size: u64,
    crc: crc32fast::Hasher,
    contents: Vec<Blake3Digest>,
    segments: SegmentDigests,
}

struct State {
    claimed: usize,
    written: usize,
    windows: BTreeMap<usize, Vec<u8>>,
    done: BTreeMap<usize, DoneBlock>,
    output: Option<Output>,
}

struct Pipeline<'a> {
    plan: &'a Plan,
    destination: &'a Destination,
    level: u32,
    most_in_flight: usize,
    state: Mutex<State>,
    changed: Condvar,
}

/// Write the planned archive to `destination`.
pub(crate) fn run(
    plan: &Plan,
    destination: &Destination,
    level: u32,
    threads: usize,
    interrupted: Interrupt<'_>,
) -> Result<Written> {
    let blocks = plan.block_ends.len();
    let threads = threads.clamp(1, blocks);
    destination.write(&GZIP_HEADER)?;
    let mut md5 = Md5::new();
    md5.update(&GZIP_HEADER);
    let output = Output {
        md5,
        size: GZIP_HEADER.len() as u64,
        crc: crc32fast::Hasher::new(),
        contents: Vec::with_capacity(plan.files.len()),
        segments: SegmentDigests::default(),
    };
    let state = State {
        claimed: 0,
        written: 0,
        windows: BTreeMap::new(),
        done: BTreeMap::new(),
        output: Some(output),
    };
    let pipeline = Pipeline {
        plan,
        destination,
        level,
        most_in_flight: 2 * threads + 2,
        state: Mutex::new(state),
        changed: Condvar::new(),
    };
    run_workers(threads, interrupted, |pulse| pipeline.work(pulse))?;
    let state = pipeline
        .state
        .into_inner()
        .unwrap_or_else(PoisonError::into_inner);
    let mut output = state.output.ok_or(Error::Interrupted)?;
    let trailer = gzip_trailer(output.crc.finalize(), plan.length);
    destination.write(&trailer)?;
    output.md5.update(&trailer);
    Ok(Written {
        contents: output.contents,
        md5: output.md5.finalize(),
        size: output.size + trailer.len() as u64,
    })
}

impl Pipeline<'_> {
    fn work(&self, pulse: &mut Pulse<'_>) -> std::result::Result<(), (usize, Error)> {
        let mut compressor = Compressor::new(self.level);
        // The window before a block, which comes last, has its place in front of it.
        let mut block = vec![0; WINDOW];
        while let Some(index) = self.claim(pulse) {
            block.truncate(WINDOW);
            let is_last = index + 1 == self.plan.block_ends.len();
            let digests = self
                .read_block(index, &mut block)
                .map_err(|error| (index, error))?;
            if is_last {
                block.resize(block.len() + self.plan.trailer, 0);
            } else {
                self.publish_window(index, &block[WINDOW..]);
            }
            let Some(window) = self.window_before(index, pulse) else {
                return Ok(());
            };
            let start = WINDOW - window.len();
            block[start..WINDOW].copy_from_slice(&window);
            let compressed = compressor.compress(&block[start..], window.len(), is_last);
            let mut crc = crc32fast::Hasher::new();
            crc.update(&block[WINDOW..]);
            self.finish(
                index,
                DoneBlock {
                    compressed,
                    crc,
                    digests,
                },
            )
            .map_err(|error| (index, error))?;
        }
        Ok(())
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Wait until `ready` gives something; `None` when the work is to stop.
    fn wait_for<T>(
        &self,
        pulse: &mut Pulse<'_>,
        mut ready: impl FnMut(&mut State) -> Option<T>,
    ) -> Option<T> {
        // The question may run Python code: it is asked before the lock is taken.
        loop {
            if pulse.should_stop() {
                return None;
            }
            let mut state = self.lock();
            if let Some(found) = ready(&mut state) {
                return Some(found);
            }
            drop(
                self.changed
                    .wait_timeout(state, LOOK_AGAIN)
                    .unwrap_or_else(PoisonError::into_inner),
            );
        }
    }

    fn claim(&self, pulse: &mut Pulse<'_>) -> Option<usize> {
        self.wait_for(pulse, |state| {
            if state.claimed == self.plan.block_ends.len() {
                return Some(None);
            }
            if state.claimed - state.written >= self.most_in_flight {
                return None;
            }
            state.claimed += 1;
            Some(Some(state.claimed - 1))
        })?
    }

    fn publish_window(&self, index: usize, block: &[u8]) {
        let window = block[block.len().saturating_sub(WINDOW)..].to_vec();
        self.lock().windows.insert(index, window);
        self.changed.notify_all();
    }

    fn window_before(&self, index: usize, pulse: &mut Pulse<'_>) -> Option<Vec<u8>> {
        match index.checked_sub(1) {
            None => Some(Vec::new()),
            Some(before) => self.wait_for(pulse, |state| state.windows.remove(&before)),
        }
    }

    /// Hand in a compressed block; write it, and what waits behind it, when its turn has come.
    fn finish(&self, index: usize, done: DoneBlock) -> Result<()> {
        let mut state = self.lock();
        state.done.insert(index, done);
        // Whoever holds the output looks again after each write, so nothing is left behind.
        let Some(mut output) = state.output.take() else {
            return Ok(());
        };
        loop {
            let next = state.written;
            let Some(block) = state.done.remove(&next) else {
                break;
            };
            drop(state);
            self.write(&mut output, next, block)?;
            state = self.lock();
            state.written += 1;
            self.changed.notify_all();
        }
        state.output = Some(output);
        Ok(())
    }

    fn write(&self, output: &mut Output, index: usize, block: DoneBlock) -> Result<()> {
        self.destination.write(&block.compressed)?;
        output.md5.update(&block.compressed);
        output.size += block.compressed.len() as u64;
        output.crc.combine(&block.crc);
        for (piece, digest) in self.plan.block(index).iter().zip(block.digests) {
            match digest {
                PieceDigest::Whole(digest) => output.contents.push(digest),
                PieceDigest::Segment(value) => {
                    output.segments.push(value);
                    if piece.is_last(&self.plan.files[piece.file]) {
                        output
                            .contents
                            .push(std::mem::take(&mut output.segments).finish());
                    }
                }
            }
        }
        Ok(())
    }

    fn read_block(&self, index: usize, block: &mut Vec<u8>) -> Result<Vec<PieceDigest>> {
        self.plan
            .block(index)
            .iter()
            .map(|piece| self.read_piece(piece, block))
            .collect()
    }

    fn read_piece(&self, piece: &Piece, block: &mut Vec<u8>) -> Result<PieceDigest> {
        let file = &self.plan.files[piece.file];
        let is_last = piece.is_last(file);
        if piece.offset == 0 {
            tar::push_headers(block, &file.name, file.executable, file.identity.length);
        }
        let start = block.len();
        // Files of /proc say that they are empty and are not; others tell by their identity that they have grown.
        let is_empty = file.identity.length == 0;
        block.resize(start + piece.length + usize::from(is_empty), 0);
        let opened = open_known(&file.path, file.identity)?;
        let count = read_full_at(&opened.file, &mut block[start..], piece.offset)
            .map_err(|error| Error::io("read", &file.path, error))?;
        if count != piece.length {
            return Err(Error::Changed {
                path: file.path.clone(),
            });
        }
        opened.check_unchanged(&file.path, &file.identity)?;
        block.truncate(start + piece.length);
        let content = &block[start..];
        let digest = match piece.offset == 0 && is_last {
            true => PieceDigest::Whole(blake3::hash(content)),
            false => PieceDigest::Segment(SegmentDigests::chaining_value(content, piece.offset)),
        };
        if is_last {
            block.resize(block.len() + tar::padding(file.identity.length), 0);
        }
        Ok(digest)
    }
}
