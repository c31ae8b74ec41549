//! How the files of an archive are laid out: which pieces of which files make each block of the stream.

use std::path::PathBuf;

use flyte_hash::{
    FileIdentity, Interrupt, Result, SEGMENT_SIZE, TreeFile, inspect, map_parallel, sorted_order,
};

use crate::select::Selection;
use crate::tar;

/// A block is closed once it has this many bytes; with the last piece it has at most `SEGMENT_SIZE` more, and headers.
const BLOCK_SIZE: usize = 512 * 1024;

/// A file as it was when the archive was planned.
#[derive(Debug)]
pub(crate) struct PlannedFile {
    pub(crate) name: Vec<u8>,
    pub(crate) path: PathBuf,
    pub(crate) executable: bool,
    pub(crate) identity: FileIdentity,
}

/// Bytes of one file: all of a short one, or one segment of a longer one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Piece {
    pub(crate) file: usize,
    pub(crate) offset: u64,
    pub(crate) length: usize,
}

/// The whole archive: files in order, and the pieces of each block.
#[derive(Debug)]
pub(crate) struct Plan {
    pub(crate) files: Vec<PlannedFile>,
    pub(crate) pieces: Vec<Piece>,
    /// Where the pieces of each block end.
    pub(crate) block_ends: Vec<usize>,
    /// The zeros after the last entry.
    pub(crate) trailer: usize,
    /// Length of the uncompressed archive in bytes.
    pub(crate) length: u64,
}

impl Plan {
    /// Look at all files and lay them out.
    pub(crate) fn new(
        files: &[TreeFile],
        threads: usize,
        interrupted: Interrupt<'_>,
    ) -> Result<Self> {
        let order = sorted_order(files)?;
        let planned = map_parallel(threads, interrupted, &order, |_, index, _| {
            let TreeFile { name, path } = &files[*index];
            let (identity, executable) = inspect(path)?;
            Ok(PlannedFile {
                name: name.clone(),
                path: path.clone(),
                executable,
                identity,
            })
        })?;
        Ok(Self::lay_out(planned))
    }

    /// Lay out the files of a selection, as they were when it was made.
    pub(crate) fn of(selection: &Selection) -> Self {
        let files = selection.files.iter().map(|file| PlannedFile {
            name: file.file.name.clone(),
            path: file.file.path.clone(),
            executable: file.stat.executable,
            identity: file.stat.identity,
        });
        Self::lay_out(files.collect())
    }

    fn lay_out(files: Vec<PlannedFile>) -> Self {
        let mut plan = Self {
            files: Vec::new(),
            pieces: Vec::new(),
            block_ends: Vec::new(),
            trailer: 0,
            length: 0,
        };
        let mut block = 0;
        for (index, file) in files.iter().enumerate() {
            let size = file.identity.length;
            let mut offset = 0;
            loop {
                let length = (size - offset).min(SEGMENT_SIZE as u64) as usize;
                let piece = Piece {
                    file: index,
                    offset,
                    length,
                };
                plan.pieces.push(piece);
                let stream_length = piece.stream_length(file);
                plan.length += stream_length as u64;
                block += stream_length;
                if block >= BLOCK_SIZE {
                    plan.block_ends.push(plan.pieces.len());
                    block = 0;
                }
                offset += length as u64;
                if offset == size {
                    break;
                }
            }
        }
        if plan
            .block_ends
            .last()
            .is_none_or(|end| *end < plan.pieces.len())
        {
            plan.block_ends.push(plan.pieces.len());
        }
        plan.trailer = tar::trailer(plan.length);
        plan.length += plan.trailer as u64;
        plan.files = files;
        plan
    }

    /// The pieces of block `index`.
    pub(crate) fn block(&self, index: usize) -> &[Piece] {
        let start = index
            .checked_sub(1)
            .map_or(0, |before| self.block_ends[before]);
        &self.pieces[start..self.block_ends[index]]
    }
}

impl Piece {
    /// Whether the file ends with this piece.
    pub(crate) fn is_last(&self, file: &PlannedFile) -> bool {
        self.offset + self.length as u64 == file.identity.length
    }

    /// Bytes in the stream: headers before the first piece, padding after the last.
    fn stream_length(&self, file: &PlannedFile) -> usize {
        let headers = if self.offset == 0 {
            tar::header_length(&file.name)
        } else {
            0
        };
        let padding = if self.is_last(file) {
            tar::padding(file.identity.length)
        } else {
            0
        };
        headers + self.length + padding
    }
}
