//! What of a git repository decides over ignored files: `info/exclude` and the names in the index.
//!
//! The index is read here (`gitformat-index(5)`, versions 2 to 4), because asking git costs more than the whole walk; only
//! for a split or sparse index git is asked. The user's own `core.excludesFile` has no part: a version must not depend on it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

/// A repository whose working tree starts at `top`.
#[derive(Debug)]
pub(crate) struct Repository {
    top: PathBuf,
    git_folder: PathBuf,
    /// Bytes of a path before the part that is relative to `top`.
    skip: usize,
    tracked: OnceLock<Vec<Vec<u8>>>,
}

impl Repository {
    /// The repository whose working tree starts at `top`, if there is one; `name` is what paths call that folder.
    pub(crate) fn at(top: &Path, name: &[u8]) -> Option<Self> {
        let marker = top.join(".git");
        let git_folder = match fs::metadata(&marker).ok()? {
            found if found.is_dir() => marker,
            found if found.is_file() && found.len() < 64 * 1024 => {
                top.join(path_in(&fs::read(&marker).ok()?, b"gitdir:")?)
            }
            _ => return None,
        };
        git_folder.join("HEAD").symlink_metadata().ok()?;
        Some(Self {
            top: top.to_path_buf(),
            git_folder,
            skip: name.len() + usize::from(!name.is_empty()),
            tracked: OnceLock::new(),
        })
    }

    /// The content of `info/exclude`, which linked working trees share.
    pub(crate) fn exclude(&self) -> Option<Vec<u8>> {
        let shared = fs::read(self.git_folder.join("commondir"))
            .ok()
            .and_then(|content| path_in(&content, b""))
            .map_or_else(
                || self.git_folder.clone(),
                |shared| self.git_folder.join(shared),
            );
        fs::read(shared.join("info").join("exclude")).ok()
    }

    /// Whether git has the file `path` in its index.
    pub(crate) fn is_tracked(&self, path: &[u8]) -> bool {
        path.get(self.skip..).is_some_and(|path| {
            self.tracked()
                .binary_search_by(|name| name.as_slice().cmp(path))
                .is_ok()
        })
    }

    /// Whether git has anything at or below the folder `path` in its index.
    pub(crate) fn is_tracked_below(&self, path: &[u8]) -> bool {
        let Some(path) = path.get(self.skip..) else {
            return false;
        };
        let mut folder = path.to_vec();
        folder.push(b'/');
        let names = self.tracked();
        let at = names.partition_point(|name| *name < folder);
        self.is_tracked_name(path) || names.get(at).is_some_and(|name| name.starts_with(&folder))
    }

    /// A submodule stands in the index by its folder's name.
    fn is_tracked_name(&self, name: &[u8]) -> bool {
        self.tracked()
            .binary_search_by(|other| other.as_slice().cmp(name))
            .is_ok()
    }

    fn tracked(&self) -> &[Vec<u8>] {
        self.tracked.get_or_init(|| {
            let Ok(content) = fs::read(self.git_folder.join("index")) else {
                return Vec::new();
            };
            let mut names = names_of_index(&content)
                .or_else(|| self.names_from_git())
                .unwrap_or_default();
            names.sort_unstable();
            names.dedup();
            names
        })
    }

    fn names_from_git(&self) -> Option<Vec<Vec<u8>>> {
        let output = Command::new("git")
            .arg("-C")
            .arg(&self.top)
            .args(["ls-files", "-z", "--cached"])
            .stdin(Stdio::null())
            .stderr(Stdio::null())
            .output()
            .ok()?;
        output.status.success().then(|| {
            let names = output.stdout.split(|byte| *byte == 0);
            names
                .filter(|name| !name.is_empty())
                .map(<[u8]>::to_vec)
                .collect()
        })
    }
}

fn path_in(content: &[u8], label: &[u8]) -> Option<PathBuf> {
    let text = std::str::from_utf8(content.strip_prefix(label)?).ok()?;
    Some(PathBuf::from(text.trim()))
}

/// The names in an index; `None` if it is of a kind, or damaged in a way, that only git understands.
fn names_of_index(content: &[u8]) -> Option<Vec<Vec<u8>>> {
    let number = |at: usize| -> Option<u32> {
        Some(u32::from_be_bytes(
            content.get(at..at + 4)?.try_into().ok()?,
        ))
    };
    let version = number(4)?;
    if !content.starts_with(b"DIRC") || !(2..=4).contains(&version) {
        return None;
    }
    let count = number(8)? as usize;
    let mut names: Vec<Vec<u8>> = Vec::with_capacity(count.min(content.len() / 62));
    let mut at = 12;
    for _ in 0..count {
        let start = at;
        let flags = u16::from_be_bytes(content.get(at + 60..at + 62)?.try_into().ok()?);
        at += 62
            + if version > 2 && flags & 0x4000 != 0 {
                2
            } else {
                0
            };
        let mut name = Vec::new();
        if version == 4 {
            let (cut, next) = variable_width(content, at)?;
            let before = names.last().map_or(&[][..], Vec::as_slice);
            name.extend_from_slice(before.get(..before.len().checked_sub(cut)?)?);
            at = next;
        }
        let length = content.get(at..)?.iter().position(|byte| *byte == 0)?;
        name.extend_from_slice(&content[at..at + length]);
        at += length + 1;
        if version < 4 {
            // Entries are padded to 8 bytes, with one NUL at least.
            at = start + (at - 1 - start + 8) / 8 * 8;
        }
        names.push(name);
    }
    // Extensions until the checksum (20 bytes, or 32 with SHA-256); those in lower case change what the entries mean.
    while content.len().saturating_sub(at) > 32 {
        let kind = content.get(at..at + 4)?;
        if kind.first()?.is_ascii_lowercase() {
            return None;
        }
        at += 8 + number(at + 4)? as usize;
    }
    Some(names)
}

/// The number format of pack offsets (`gitformat-pack(5)`).
fn variable_width(content: &[u8], mut at: usize) -> Option<(usize, usize)> {
    let mut byte = *content.get(at)?;
    let mut value = usize::from(byte & 127);
    while byte & 128 != 0 {
        at += 1;
        byte = *content.get(at)?;
        value = value.checked_add(1)?.checked_mul(128)? + usize::from(byte & 127);
    }
    Some((value, at + 1))
}
