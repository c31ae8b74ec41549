//! Extraction that stays inside its folder, appears whole, and may be done by many processes at once.
//!
//! Everything is written to a temporary folder first. Where the destination does not exist yet, that folder is renamed
//! to it; otherwise its files are renamed into it one by one, so that a reader sees no half file in either case.

use std::collections::HashSet;
use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process;
use std::sync::atomic::{AtomicU64, Ordering};

use flate2::bufread::MultiGzDecoder;
use flyte_hash::{Error as FileError, Interrupt, Pulse, open_regular};

use crate::members::{Member, MemberKind, Members, Problem};

static COUNTER: AtomicU64 = AtomicU64::new(0);
const COPY_SIZE: usize = 128 * 1024;
/// Files, folders and links; a tree of a million is not a code bundle.
const MOST_MEMBERS: u64 = 1_000_000;

/// Why an archive was not extracted.
#[derive(Debug, thiserror::Error)]
pub enum ExtractError {
    /// A file could not be read or written.
    #[error(transparent)]
    File(#[from] FileError),
    /// The archive is damaged, unsafe or too large.
    #[error("archive `{}`: {problem}", path.display())]
    Archive {
        /// The archive's path.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
}

type Result<T> = std::result::Result<T, ExtractError>;

/// What was extracted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ExtractSummary {
    /// Number of files and links.
    pub files: u64,
    /// Bytes of content.
    pub size: u64,
}

/// Extract the tar.gz `archive` into the folder `destination`, which is made if it does not exist.
///
/// Regular files, folders, symlinks and hard links within the archive are accepted; absolute names, `..`, links that
/// could leave the folder, devices and FIFOs are refused, and so is an archive whose tar is longer than `limit` bytes.
/// Nothing of a refused archive appears. Owners, times and set-uid bits are not restored.
pub fn extract_archive(
    archive: &Path,
    destination: &Path,
    limit: u64,
    interrupted: Interrupt<'_>,
) -> Result<ExtractSummary> {
    let source = open_regular(archive)?;
    let temporary = TemporaryFolder::create(destination)?;
    let mut extraction = Extraction {
        archive,
        root: &temporary.path,
        made: HashSet::new(),
        links: Vec::new(),
        summary: ExtractSummary::default(),
        pulse: Pulse::alone(interrupted),
    };
    extraction.run(&source.file, limit)?;
    let summary = extraction.summary;
    temporary.publish(destination)?;
    Ok(summary)
}

struct Extraction<'a> {
    archive: &'a Path,
    root: &'a Path,
    /// Folders that exist below the root, so that each is made once.
    made: HashSet<PathBuf>,
    /// Symlinks come last: nothing is ever written through one.
    links: Vec<(PathBuf, PathBuf)>,
    summary: ExtractSummary,
    pulse: Pulse<'a>,
}

impl Extraction<'_> {
    fn run(&mut self, source: &File, limit: u64) -> Result<()> {
        let decoder = MultiGzDecoder::new(BufReader::with_capacity(COPY_SIZE, source));
        let mut members = Members::new(decoder, limit);
        let mut count = 0;
        let mut buffer = vec![0; COPY_SIZE];
        while let Some(member) = members.next().map_err(|problem| self.problem(problem))? {
            count += 1;
            if count > MOST_MEMBERS {
                return Err(self.refuse(&format!("has more than {MOST_MEMBERS} members")));
            }
            let relative = self.relative_path(&member)?;
            match &member.kind {
                MemberKind::Folder => self.make_folder(&relative)?,
                _ if relative.as_os_str().is_empty() => {
                    return Err(self.refuse_member(&member, "has no name"));
                }
                MemberKind::File { executable } => {
                    self.copy(&mut members, &relative, *executable, &mut buffer)?;
                }
                MemberKind::Symlink => self.note_link(&member, relative)?,
                MemberKind::HardLink => self.hard_link(&member, &relative)?,
                MemberKind::Other(what) => {
                    return Err(self.refuse_member(
                        &member,
                        &format!("is a {what}; hint: bundles hold files, folders and links"),
                    ));
                }
            }
        }
        members.finish().map_err(|problem| self.problem(problem))?;
        self.make_links()
    }

    fn copy(
        &mut self,
        members: &mut Members<impl Read>,
        relative: &Path,
        executable: bool,
        buffer: &mut [u8],
    ) -> Result<()> {
        let mut file = self.make(relative, "write", |path| create_file(path, executable))?;
        let failed = |error| FileError::io("write", &self.root.join(relative), error);
        loop {
            if self.pulse.should_stop() {
                return Err(FileError::Interrupted.into());
            }
            let count = members
                .read_content(buffer)
                .map_err(|problem| self.problem(problem))?;
            if count == 0 {
                break;
            }
            file.write_all(&buffer[..count]).map_err(failed)?;
            self.summary.size += count as u64;
        }
        self.summary.files += 1;
        Ok(())
    }

    /// The member's path below the root: without `.` and empty components, never with `..`.
    fn relative_path(&self, member: &Member) -> Result<PathBuf> {
        components(&member.name)
            .map_err(|what| self.refuse_member(member, what))
            .map(|parts| parts.into_iter().map(to_os).collect())
    }

    fn make_folder(&mut self, relative: &Path) -> Result<()> {
        if relative.as_os_str().is_empty() || self.made.contains(relative) {
            return Ok(());
        }
        let path = self.root.join(relative);
        fs::create_dir_all(&path).map_err(|error| FileError::io("make folder", &path, error))?;
        self.made.insert(relative.to_path_buf());
        Ok(())
    }

    /// Make something new at `relative`, in place of a file that an earlier member made there.
    fn make<T>(
        &mut self,
        relative: &Path,
        action: &'static str,
        new: impl Fn(&Path) -> io::Result<T>,
    ) -> Result<T> {
        if let Some(parent) = relative.parent() {
            self.make_folder(parent)?;
        }
        let path = self.root.join(relative);
        let made = match new(&path) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                fs::remove_file(&path).and_then(|()| new(&path))
            }
            outcome => outcome,
        };
        made.map_err(|error| FileError::io(action, &path, error).into())
    }

    fn note_link(&mut self, member: &Member, relative: PathBuf) -> Result<()> {
        let depth = relative.components().count() - 1;
        if !stays_inside(&member.link, depth) {
            return Err(self.refuse_member(member, "is a symlink that could leave the folder"));
        }
        if let Some(parent) = relative.parent() {
            self.make_folder(parent)?;
        }
        self.links
            .push((relative, PathBuf::from(to_os(&member.link))));
        Ok(())
    }

    fn hard_link(&mut self, member: &Member, relative: &Path) -> Result<()> {
        let parts = components(&member.link)
            .map_err(|_| self.refuse_member(member, "is a link that leaves the folder"))?;
        let target = self
            .root
            .join(parts.into_iter().map(to_os).collect::<PathBuf>());
        if !fs::symlink_metadata(&target).is_ok_and(|metadata| metadata.is_file()) {
            return Err(
                self.refuse_member(member, "is a link to a file that does not come before it")
            );
        }
        if target == self.root.join(relative) {
            return Ok(());
        }
        self.make(relative, "link", |path| fs::hard_link(&target, path))?;
        self.summary.files += 1;
        Ok(())
    }

    fn make_links(&mut self) -> Result<()> {
        for (relative, target) in std::mem::take(&mut self.links) {
            self.make(&relative, "link", |path| platform::symlink(&target, path))?;
            self.summary.files += 1;
        }
        Ok(())
    }

    fn problem(&self, problem: Problem) -> ExtractError {
        match problem {
            Problem::Read(error) if error.raw_os_error().is_some() => {
                FileError::io("read", self.archive, error).into()
            }
            Problem::Read(error) => self.refuse(&format!("is damaged: {error}")),
            Problem::Format(what) => self.refuse(&what),
        }
    }

    fn refuse(&self, what: &str) -> ExtractError {
        ExtractError::Archive {
            path: self.archive.to_path_buf(),
            problem: what.to_owned(),
        }
    }

    fn refuse_member(&self, member: &Member, what: &str) -> ExtractError {
        self.refuse(&format!(
            "member `{}` {what}",
            String::from_utf8_lossy(&member.name)
        ))
    }
}

/// Components of a member's name, or what is wrong with it.
fn components(name: &[u8]) -> std::result::Result<Vec<&[u8]>, &'static str> {
    if name.starts_with(b"/") {
        return Err("is absolute");
    }
    if name.contains(&0) {
        return Err("contains a NUL byte");
    }
    let parts: Vec<&[u8]> = name
        .split(|byte| *byte == b'/')
        .filter(|part| !matches!(*part, b"" | b"."))
        .collect();
    match parts.contains(&b"..".as_slice()) {
        true => Err("has a `..` component"),
        false => Ok(parts),
    }
}

/// Whether a symlink `depth` folders below the root stays inside whatever other links there are.
///
/// Going up is allowed at the start only: there the folders are real. After a name, which may be a link itself, `..`
/// could lead anywhere.
fn stays_inside(target: &[u8], depth: usize) -> bool {
    if target.is_empty() || target.starts_with(b"/") || target.contains(&0) {
        return false;
    }
    let parts: Vec<&[u8]> = target
        .split(|byte| *byte == b'/')
        .filter(|part| !matches!(*part, b"" | b"."))
        .collect();
    let ups = parts.iter().take_while(|part| **part == b"..").count();
    ups <= depth && !parts[ups..].contains(&b"..".as_slice())
}

/// A folder beside or in the destination; removed with all it holds when dropped.
struct TemporaryFolder {
    path: PathBuf,
}

impl TemporaryFolder {
    fn create(destination: &Path) -> Result<Self> {
        let exists = destination.is_dir();
        let parent = match destination.parent() {
            _ if exists => destination,
            Some(parent) if !parent.as_os_str().is_empty() => parent,
            _ => Path::new("."),
        };
        fs::create_dir_all(parent).map_err(|error| FileError::io("make folder", parent, error))?;
        loop {
            let name = format!(
                ".extract-{}-{}.tmp",
                process::id(),
                COUNTER.fetch_add(1, Ordering::Relaxed)
            );
            let path = parent.join(name);
            match fs::create_dir(&path) {
                Ok(()) => return Ok(Self { path }),
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(FileError::io("make folder", destination, error).into()),
            }
        }
    }

    fn publish(self, destination: &Path) -> Result<()> {
        if !destination.exists() && fs::rename(&self.path, destination).is_ok() {
            return Ok(());
        }
        // It was there, or another process was faster.
        fs::create_dir_all(destination)
            .map_err(|error| FileError::io("make folder", destination, error))?;
        merge(&self.path, destination)
    }
}

impl Drop for TemporaryFolder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.path);
    }
}

/// Rename all files below `from` to their places below `to`.
fn merge(from: &Path, to: &Path) -> Result<()> {
    let failed = |path: &Path, error| FileError::io("write", path, error);
    for entry in fs::read_dir(from).map_err(|error| failed(from, error))? {
        let entry = entry.map_err(|error| failed(from, error))?;
        let target = to.join(entry.file_name());
        let is_folder = entry
            .file_type()
            .map_err(|error| failed(&target, error))?
            .is_dir();
        if !is_folder {
            fs::rename(entry.path(), &target).map_err(|error| failed(&target, error))?;
            continue;
        }
        match fs::create_dir(&target) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
                return Err(failed(&target, error).into());
            }
            _ => {}
        }
        // A link in its place could lead out of the destination.
        if !fs::symlink_metadata(&target)
            .map_err(|error| failed(&target, error))?
            .is_dir()
        {
            return Err(failed(&target, io::ErrorKind::NotADirectory.into()).into());
        }
        merge(&entry.path(), &target)?;
    }
    Ok(())
}

fn create_file(path: &Path, executable: bool) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    platform::set_mode(&mut options, executable);
    options.open(path)
}

#[cfg(unix)]
mod platform {
    use std::ffi::OsString;
    use std::fs::OpenOptions;
    use std::os::unix::ffi::OsStringExt;
    use std::os::unix::fs::OpenOptionsExt;

    pub(super) use std::os::unix::fs::symlink;

    pub(super) fn set_mode(options: &mut OpenOptions, executable: bool) {
        options.mode(if executable { 0o777 } else { 0o666 });
    }

    pub(super) fn to_os(bytes: &[u8]) -> OsString {
        OsString::from_vec(bytes.to_vec())
    }
}

#[cfg(not(unix))]
mod platform {
    use std::ffi::OsString;
    use std::fs::OpenOptions;
    use std::io;
    use std::path::Path;

    pub(super) fn symlink(_target: &Path, _path: &Path) -> io::Result<()> {
        Err(io::Error::new(
            io::ErrorKind::Unsupported,
            "symlinks are not supported here",
        ))
    }

    pub(super) fn set_mode(_options: &mut OpenOptions, _executable: bool) {}

    pub(super) fn to_os(bytes: &[u8]) -> OsString {
        String::from_utf8_lossy(bytes).into_owned().into()
    }
}

fn to_os(bytes: &[u8]) -> OsString {
    platform::to_os(bytes)
}

#[cfg(test)]
mod tests {
    use super::{components, stays_inside};

    #[test]
    fn names_lose_dots_and_keep_within_the_folder() {
        assert_eq!(Ok(vec![b"a".as_slice(), b"b"]), components(b"./a//b/"));
        assert_eq!(Ok(Vec::new()), components(b"./"));
        for name in [b"/a".as_slice(), b"..", b"a/../b", b"a\0"] {
            assert!(components(name).is_err());
        }
    }

    #[test]
    fn links_go_up_at_their_start_and_not_beyond_the_root() {
        for (target, depth) in [
            ("a", 0),
            ("./a/b", 0),
            ("../a", 1),
            ("../../a", 2),
            (".", 0),
            ("..", 1),
        ] {
            assert!(stays_inside(target.as_bytes(), depth), "{target}");
        }
        for (target, depth) in [
            ("..", 0),
            ("../a", 0),
            ("../../a", 1),
            ("/a", 5),
            ("a/../b", 5),
            ("a/..", 3),
            ("", 3),
        ] {
            assert!(!stays_inside(target.as_bytes(), depth), "{target}");
        }
    }
}
