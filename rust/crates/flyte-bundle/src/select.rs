//! Which files of a tree belong into a bundle: a parallel walk that follows links and leaves out what ignore rules name.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs::{self, DirEntry, FileType, Metadata};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use flyte_hash::{
    Error, FileIdentity, Interrupt, Pulse, TreeFile, map_parallel, open_regular, run_workers,
    sorted_order,
};

use crate::repository::Repository;
use crate::rules::{Chain, Rules, Verdict, extend, is_git_ignored, may_return, verdict};
use crate::standard;
use crate::stat::Stat;

/// A tree of a million files and folders is no code; extraction refuses it too.
const MOST_FILES: usize = 1_000_000;
const LOOK_AGAIN: Duration = Duration::from_millis(20);

/// Why files were not selected.
#[derive(Debug, thiserror::Error)]
pub enum SelectError {
    /// The operating system refused, or a name cannot stand in a tree.
    #[error(transparent)]
    File(#[from] Error),
    /// More files than a bundle may have.
    #[error("`{}` has more than {MOST_FILES} files and folders; hint: take a folder further down as the root, or name large folders in `.flyteignore`", root.display())]
    TooMany {
        /// The folder that was walked.
        root: PathBuf,
    },
}

type Result<T> = std::result::Result<T, SelectError>;

/// What to leave out, and where to look.
#[derive(Debug, Clone)]
pub struct SelectOptions {
    /// Leave out caches, environments and build output.
    pub standard: bool,
    /// Heed `.gitignore`, `.git/info/exclude` and, for files that git tracks all the same, git's index.
    pub git: bool,
    /// Heed `.flyteignore`.
    pub flyteignore: bool,
    /// Names below the root to select; all if `None`.
    pub within: Option<Vec<Vec<u8>>>,
}

/// Why something that was met has no part in the selection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SkipReason {
    /// A Unix socket.
    Socket,
    /// A named pipe.
    Fifo,
    /// A device, or something else that is no regular file.
    Special,
    /// A symlink to nothing.
    DanglingLink,
    /// A symlink to a folder that it lies in, at whatever distance.
    LinkLoop,
    /// The operating system refused to open it.
    Unreadable,
    /// It was there, and then it was not.
    Vanished,
}

impl SkipReason {
    /// As one phrase.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Socket => "socket",
            Self::Fifo => "FIFO",
            Self::Special => "special file",
            Self::DanglingLink => "dangling link",
            Self::LinkLoop => "link loop",
            Self::Unreadable => "unreadable",
            Self::Vanished => "vanished",
        }
    }

    fn of(error: &io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::NotFound => Self::Vanished,
            _ => Self::Unreadable,
        }
    }
}

/// A selected file, as it was when it was met.
#[derive(Debug, Clone)]
pub struct SelectedFile {
    /// Name and path.
    pub file: TreeFile,
    /// Size, times and the rest.
    pub stat: Stat,
}

impl AsRef<[u8]> for SelectedFile {
    fn as_ref(&self) -> &[u8] {
        &self.file.name
    }
}

/// Selected files in the byte order of their names.
#[derive(Debug, Clone)]
pub struct Selection {
    /// The files.
    pub files: Vec<SelectedFile>,
    /// What was met and cannot be bundled, by name.
    pub skipped: Vec<(Vec<u8>, SkipReason)>,
    /// When the first look was taken.
    pub began: SystemTime,
}

impl Selection {
    fn new(
        mut files: Vec<SelectedFile>,
        mut skipped: Vec<(Vec<u8>, SkipReason)>,
        began: SystemTime,
    ) -> Result<Self> {
        files.sort_unstable_by(|left, right| left.file.name.cmp(&right.file.name));
        skipped.sort_unstable_by(|left, right| left.0.cmp(&right.0));
        sorted_order(&files)?;
        Ok(Self {
            files,
            skipped,
            began,
        })
    }

    /// Both selections as one; what has one name comes from `self`.
    pub fn union(&self, other: &Self) -> Result<Self> {
        let known: BTreeSet<&[u8]> = self.files.iter().map(AsRef::as_ref).collect();
        let added = other
            .files
            .iter()
            .filter(|file| !known.contains(file.as_ref()));
        let mut skipped = self.skipped.clone();
        skipped.extend(
            other
                .skipped
                .iter()
                .filter(|pair| !self.skipped.contains(pair))
                .cloned(),
        );
        Self::new(
            self.files.iter().chain(added).cloned().collect(),
            skipped,
            self.began.min(other.began),
        )
    }

    /// The same without the files that cannot be opened now; they are among the skipped.
    pub fn readable(&self, threads: usize, interrupted: Interrupt<'_>) -> Result<Self> {
        let refused = map_parallel(threads, interrupted, &self.files, |_, file, _| {
            Ok(match open_regular(&file.file.path) {
                Ok(_) => None,
                Err(Error::Io { source, .. }) => Some(SkipReason::of(&source)),
                Err(_) => Some(SkipReason::Special),
            })
        })?;
        let mut files = Vec::with_capacity(self.files.len());
        let mut skipped = self.skipped.clone();
        for (file, reason) in self.files.iter().zip(refused) {
            match reason {
                None => files.push(file.clone()),
                Some(reason) => skipped.push((file.file.name.clone(), reason)),
            }
        }
        Self::new(files, skipped, self.began)
    }
}

/// Take the named files as they are: whatever the rules say, each must be a regular file.
pub fn select_files(
    files: Vec<TreeFile>,
    threads: usize,
    interrupted: Interrupt<'_>,
) -> Result<Selection> {
    let began = SystemTime::now();
    let stats = map_parallel(threads, interrupted, &files, |_, file, _| {
        // A first look of flyte-hash's gives its errors: folders, sockets and the like.
        flyte_hash::inspect(&file.path)?;
        fs::metadata(&file.path)
            .map(|metadata| Stat::of(&metadata))
            .map_err(|error| Error::io("inspect", &file.path, error))
    })?;
    let selected = files
        .into_iter()
        .zip(stats)
        .map(|(file, stat)| SelectedFile { file, stat })
        .collect();
    Selection::new(selected, Vec::new(), began)
}

/// Walk the folder `root` and select its files.
pub fn select_tree(
    root: &Path,
    options: &SelectOptions,
    threads: usize,
    interrupted: Interrupt<'_>,
) -> Result<Selection> {
    let began = SystemTime::now();
    let root = fs::canonicalize(root).map_err(|error| Error::io("open", root, error))?;
    if !root.is_dir() {
        return Err(Error::io("open", &root, io::ErrorKind::NotADirectory.into()).into());
    }
    // The root itself is not skipped like folders below it: who cannot read it shall know.
    fs::read_dir(&root).map_err(|error| Error::io("open", &root, error))?;
    let start = start_at(&root, options);
    let walk = Walk {
        options,
        prefix: start.name.len() + usize::from(!start.name.is_empty()),
        wanted: options
            .within
            .as_ref()
            .map(|names| names.iter().cloned().collect()),
        count: AtomicUsize::new(0),
        state: Mutex::new(State {
            waiting: vec![start],
            busy: 0,
            files: Vec::new(),
            skipped: Vec::new(),
        }),
        changed: Condvar::new(),
    };
    run_workers(threads, interrupted, |pulse| {
        walk.work(pulse);
        Ok(())
    })?;
    if walk.count.load(Ordering::Relaxed) > MOST_FILES {
        return Err(SelectError::TooMany { root });
    }
    let state = walk
        .state
        .into_inner()
        .unwrap_or_else(PoisonError::into_inner);
    Selection::new(state.files, state.skipped, began)
}

/// Folders from here upwards, so that a link to one of them is seen.
#[derive(Debug)]
struct Above {
    identity: (u64, u64),
    parent: Option<Arc<Above>>,
}

/// A folder to be read, with what holds in it.
struct Folder {
    path: PathBuf,
    /// Relative to the repository's top, or to the root where there is none.
    name: Vec<u8>,
    git: Option<Arc<Chain>>,
    flyte: Option<Arc<Chain>>,
    verdict: Verdict,
    repository: Option<Arc<Repository>>,
    /// Only what git tracks counts: the folder itself is ignored.
    tracked_only: bool,
    above: Option<Arc<Above>>,
}

struct State {
    waiting: Vec<Folder>,
    busy: usize,
    files: Vec<SelectedFile>,
    skipped: Vec<(Vec<u8>, SkipReason)>,
}

struct Walk<'a> {
    options: &'a SelectOptions,
    /// Bytes of a name before the part that is relative to the root.
    prefix: usize,
    wanted: Option<BTreeSet<Vec<u8>>>,
    count: AtomicUsize,
    state: Mutex<State>,
    changed: Condvar,
}

/// What one folder gives.
#[derive(Default)]
struct Found {
    folders: Vec<Folder>,
    files: Vec<SelectedFile>,
    skipped: Vec<(Vec<u8>, SkipReason)>,
}

/// The root, with the rules of the folders above it. The user chose it: that it is itself ignored does not count.
fn start_at(root: &Path, options: &SelectOptions) -> Folder {
    let top = root
        .ancestors()
        .find(|folder| Repository::at(folder, b"").is_some());
    let mut start = Folder {
        path: top.unwrap_or(root).to_path_buf(),
        name: Vec::new(),
        git: None,
        flyte: None,
        verdict: Verdict::default(),
        repository: None,
        tracked_only: false,
        above: None,
    };
    if let Some(top) = top {
        start.enter_repository(Repository::at(top, b""), options);
        let below = root.strip_prefix(top).unwrap_or(Path::new(""));
        for component in below.components() {
            // The root's own rules are read with the root.
            start.read_rules(options, true, true);
            start.path.push(component);
            start.name = joined(&start.name, component.as_os_str());
        }
    }
    for folder in root
        .ancestors()
        .skip(1)
        .collect::<Vec<_>>()
        .into_iter()
        .rev()
    {
        if let Ok(metadata) = fs::metadata(folder) {
            start.above = Some(Arc::new(Above {
                identity: FileIdentity::of(&metadata).inode,
                parent: start.above.take(),
            }));
        }
    }
    start
}

impl Folder {
    /// Rules of an outer repository end here.
    fn enter_repository(&mut self, repository: Option<Repository>, options: &SelectOptions) {
        let Some(repository) = repository.filter(|_| options.git) else {
            return;
        };
        let exclude = repository.exclude();
        self.git = extend(
            &None,
            exclude.and_then(|content| Rules::parse(&content, &self.name)),
        );
        self.tracked_only = false;
        self.repository = Some(Arc::new(repository));
    }

    fn read_rules(&mut self, options: &SelectOptions, git: bool, flyte: bool) {
        if options.git && git {
            let path = self.path.join(".gitignore");
            // Git does not follow a link here either.
            let is_file = fs::symlink_metadata(&path).is_ok_and(|found| found.is_file());
            let content = is_file.then(|| fs::read(&path).ok()).flatten();
            self.git = extend(
                &self.git,
                content.and_then(|content| Rules::parse(&content, &self.name)),
            );
        }
        if options.flyteignore && flyte {
            let content = fs::read(self.path.join(".flyteignore")).ok();
            self.flyte = extend(
                &self.flyte,
                content.and_then(|content| Rules::parse(&content, &self.name)),
            );
        }
    }
}

impl Walk<'_> {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn work(&self, pulse: &mut Pulse<'_>) {
        while let Some(folder) = self.next(pulse) {
            let found = self.read(folder);
            self.count
                .fetch_add(found.files.len() + found.folders.len(), Ordering::Relaxed);
            let mut state = self.lock();
            state.busy -= 1;
            state.waiting.extend(found.folders);
            state.files.extend(found.files);
            state.skipped.extend(found.skipped);
            drop(state);
            self.changed.notify_all();
        }
    }

    fn next(&self, pulse: &mut Pulse<'_>) -> Option<Folder> {
        loop {
            // The question may run Python code: it is asked before the lock is taken.
            if pulse.should_stop() || self.count.load(Ordering::Relaxed) > MOST_FILES {
                return None;
            }
            let mut state = self.lock();
            if let Some(folder) = state.waiting.pop() {
                state.busy += 1;
                return Some(folder);
            }
            if state.busy == 0 {
                return None;
            }
            drop(
                self.changed
                    .wait_timeout(state, LOOK_AGAIN)
                    .unwrap_or_else(PoisonError::into_inner),
            );
        }
    }

    fn read(&self, mut folder: Folder) -> Found {
        let mut found = Found::default();
        let listing = fs::metadata(&folder.path).and_then(|metadata| {
            folder.above = Some(Arc::new(Above {
                identity: FileIdentity::of(&metadata).inode,
                parent: folder.above.take(),
            }));
            fs::read_dir(&folder.path)?.collect::<io::Result<Vec<DirEntry>>>()
        });
        let entries = match listing {
            Ok(entries) => entries,
            Err(error) => {
                found.skipped.push((
                    self.below_root(&folder.name).to_vec(),
                    SkipReason::of(&error),
                ));
                return found;
            }
        };
        let has = |name: &str| entries.iter().any(|entry| entry.file_name() == name);
        if has(".git")
            && folder.name.len() >= self.prefix
            && !self.below_root(&folder.name).is_empty()
        {
            let repository = Repository::at(&folder.path, &folder.name);
            folder.enter_repository(repository, self.options);
        }
        folder.read_rules(self.options, has(".gitignore"), has(".flyteignore"));
        for entry in &entries {
            self.consider(&folder, entry, &mut found);
        }
        found
    }

    fn consider(&self, folder: &Folder, entry: &DirEntry, found: &mut Found) {
        let own_name = entry.file_name();
        let name = joined(&folder.name, &own_name);
        let below = self.below_root(&name);
        if own_name == ".git" || !self.is_wanted(below) {
            return;
        }
        let own_bytes = own_name.as_encoded_bytes();
        if self.options.standard && standard::is_ignored(own_bytes, below.len() == own_bytes.len())
        {
            return;
        }
        let mut skip = |reason| found.skipped.push((below.to_vec(), reason));
        let (file_type, target) = match entry.file_type() {
            Ok(file_type) if file_type.is_symlink() => match fs::metadata(entry.path()) {
                Ok(target) => (file_type, Some(target)),
                Err(_) if self.leaves_out(folder, &name, false, false).is_none() => return,
                Err(error) if error.kind() == io::ErrorKind::NotFound => {
                    return skip(SkipReason::DanglingLink);
                }
                Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
                    return skip(SkipReason::Unreadable);
                }
                Err(_) => return skip(SkipReason::LinkLoop),
            },
            Ok(file_type) => (file_type, None),
            Err(error) => return skip(SkipReason::of(&error)),
        };
        let final_type = target.as_ref().map_or(file_type, Metadata::file_type);
        // To git a link is a file, whatever it leads to.
        let Some(inside) = self.leaves_out(folder, &name, file_type.is_dir(), final_type.is_dir())
        else {
            return;
        };
        if final_type.is_dir() {
            if target.is_some_and(|target| is_above(&folder.above, FileIdentity::of(&target).inode))
            {
                return skip(SkipReason::LinkLoop);
            }
            found.folders.push(Folder {
                path: entry.path(),
                name,
                above: folder.above.clone(),
                ..inside
            });
            return;
        }
        if !final_type.is_file() {
            return skip(special(final_type));
        }
        let path = entry.path();
        match target.map_or_else(|| entry.metadata(), Ok) {
            Err(error) => skip(SkipReason::of(&error)),
            Ok(metadata) => match unreadable(&path, &metadata) {
                Some(reason) => skip(reason),
                None => found.files.push(SelectedFile {
                    stat: Stat::of(&metadata),
                    file: TreeFile {
                        name: below.to_vec(),
                        path,
                    },
                }),
            },
        }
    }

    /// `None` if the rules leave `name` out; else what holds inside, should it be a folder.
    fn leaves_out(
        &self,
        folder: &Folder,
        name: &[u8],
        is_folder_to_git: bool,
        is_folder: bool,
    ) -> Option<Folder> {
        let mut tracked_only = folder.tracked_only;
        if self.options.git && (tracked_only || is_git_ignored(&folder.git, name, is_folder_to_git))
        {
            let repository = folder.repository.as_ref()?;
            let stays = match is_folder {
                true => repository.is_tracked_below(name),
                false => repository.is_tracked(name),
            };
            if !stays {
                return None;
            }
            tracked_only = true;
        }
        let verdict = verdict(&folder.flyte, folder.verdict, name, is_folder);
        if verdict.is_ignored && !(is_folder && may_return(&folder.flyte, verdict)) {
            return None;
        }
        Some(Folder {
            path: PathBuf::new(),
            name: Vec::new(),
            git: folder.git.clone(),
            flyte: folder.flyte.clone(),
            verdict,
            repository: folder.repository.clone(),
            tracked_only,
            above: None,
        })
    }

    fn below_root<'n>(&self, name: &'n [u8]) -> &'n [u8] {
        name.get(self.prefix..).unwrap_or_default()
    }

    /// Whether `name` is, lies below or leads to something that was asked for.
    fn is_wanted(&self, name: &[u8]) -> bool {
        let Some(wanted) = &self.wanted else {
            return true;
        };
        let ends = name
            .iter()
            .enumerate()
            .filter(|(_, byte)| **byte == b'/')
            .map(|(at, _)| at)
            .chain([name.len()]);
        if wanted.contains(&b""[..]) || ends.into_iter().any(|end| wanted.contains(&name[..end])) {
            return true;
        }
        let inside = [name, b"/"].concat();
        let next = wanted.range(inside.clone()..).next();
        next.is_some_and(|next| next.starts_with(&inside))
    }
}

fn joined(folder: &[u8], name: &OsStr) -> Vec<u8> {
    let name = name.as_encoded_bytes();
    match folder {
        [] => name.to_vec(),
        _ => [folder, b"/", name].concat(),
    }
}

fn is_above(above: &Option<Arc<Above>>, identity: (u64, u64)) -> bool {
    std::iter::successors(above.as_deref(), |above| above.parent.as_deref())
        .any(|above| above.identity == identity)
}

/// Why the file cannot be read. Only where not everybody may read it is it tried.
fn unreadable(path: &Path, metadata: &Metadata) -> Option<SkipReason> {
    if is_readable_by_all(metadata) {
        return None;
    }
    match open_regular(path) {
        Ok(_) => None,
        Err(Error::Io { source, .. }) => Some(SkipReason::of(&source)),
        Err(_) => Some(SkipReason::Special),
    }
}

#[cfg(unix)]
fn is_readable_by_all(metadata: &Metadata) -> bool {
    use std::os::unix::fs::MetadataExt;
    metadata.mode() & 0o444 == 0o444
}

#[cfg(not(unix))]
fn is_readable_by_all(_metadata: &Metadata) -> bool {
    true
}

#[cfg(unix)]
fn special(file_type: FileType) -> SkipReason {
    use std::os::unix::fs::FileTypeExt;
    match () {
        () if file_type.is_socket() => SkipReason::Socket,
        () if file_type.is_fifo() => SkipReason::Fifo,
        () => SkipReason::Special,
    }
}

#[cfg(not(unix))]
fn special(_file_type: FileType) -> SkipReason {
    SkipReason::Special
}
