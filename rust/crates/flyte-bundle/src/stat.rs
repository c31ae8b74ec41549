//! What is known of a file without reading it.

use std::fs::Metadata;

/// While all of this stays the same, so does the content, but for what was written within the clock's grain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stat {
    /// Length in bytes.
    pub size: u64,
    /// Time of the last change of the content, in nanoseconds since 1970.
    pub modified: i64,
    /// Time of the last change of the content or of what this says of it; not known everywhere, then 0.
    pub changed: i64,
    /// Device and number there.
    pub inode: (u64, u64),
    /// Whether the owner may execute it.
    pub executable: bool,
}

impl Stat {
    /// What `metadata` says.
    #[cfg(unix)]
    pub(crate) fn of(metadata: &Metadata) -> Self {
        use std::os::unix::fs::MetadataExt;
        let nanoseconds =
            |seconds: i64, rest: i64| seconds.saturating_mul(1_000_000_000).saturating_add(rest);
        Self {
            size: metadata.len(),
            modified: nanoseconds(metadata.mtime(), metadata.mtime_nsec()),
            changed: nanoseconds(metadata.ctime(), metadata.ctime_nsec()),
            inode: (metadata.dev(), metadata.ino()),
            executable: flyte_hash::is_executable(metadata),
        }
    }

    /// What `metadata` says.
    #[cfg(not(unix))]
    pub(crate) fn of(metadata: &Metadata) -> Self {
        let since = |time: std::time::SystemTime| time.duration_since(std::time::UNIX_EPOCH).ok();
        let modified = metadata.modified().ok().and_then(since);
        Self {
            size: metadata.len(),
            modified: modified.map_or(0, |since| since.as_nanos() as i64),
            changed: 0,
            inode: (0, 0),
            executable: flyte_hash::is_executable(metadata),
        }
    }
}
