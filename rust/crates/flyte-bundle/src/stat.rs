//! What is known of a file without reading it.

use std::fs::Metadata;

use flyte_hash::FileIdentity;

/// While all of this stays the same, so does the content, but for what was written within the clock's grain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stat {
    /// Length, time of the content's last change, and where the file is.
    pub identity: FileIdentity,
    /// Time of the last change of the content or of what this says of it, in nanoseconds since 1970; not known everywhere,
    /// then 0.
    pub changed: i64,
    /// Whether the owner may execute it.
    pub executable: bool,
}

impl Stat {
    /// What `metadata` says.
    pub(crate) fn of(metadata: &Metadata) -> Self {
        Self {
            identity: FileIdentity::of(metadata),
            changed: flyte_hash::changed(metadata),
            executable: flyte_hash::is_executable(metadata),
        }
    }
}
