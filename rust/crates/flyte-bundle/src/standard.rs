//! What is never part of a bundle: caches, environments and build output, by the names the reference uses, and `.flyte`, where
//! the records of this machine are: they change with every run, and some are secret.

/// Ignored wherever they stand.
const NAMES: [&[u8]; 7] = [
    b".flyte",
    b"__pycache__",
    b".ruff_cache",
    b".mypy_cache",
    b".pytest_cache",
    b".venv",
    b".idea",
];
/// Ignored at the root of the bundle only.
const NAMES_AT_ROOT: [&[u8]; 6] = [b".cache", b"venv", b"env", b".env", b"dist", b"build"];
const SUFFIXES: [&[u8]; 5] = [b".pyc", b".log", b".egg-info", b".egg", b".whl"];

/// Whether the file or folder `name`, at the root or below, is left out.
pub(crate) fn is_ignored(name: &[u8], at_root: bool) -> bool {
    NAMES.contains(&name)
        || (at_root && NAMES_AT_ROOT.contains(&name))
        || SUFFIXES.iter().any(|suffix| name.ends_with(suffix))
}
