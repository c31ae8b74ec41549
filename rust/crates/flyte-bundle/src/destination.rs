//! A file that appears under its name only when it is complete and on disk.

use std::ffi::OsString;
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process;
use std::sync::atomic::{AtomicU64, Ordering};

use flyte_hash::{Error, Result};

static COUNTER: AtomicU64 = AtomicU64::new(0);

/// A temporary file beside `path`; removed when dropped without [`Destination::commit`].
pub(crate) struct Destination {
    path: PathBuf,
    temporary: PathBuf,
    file: Option<File>,
}

impl Destination {
    /// Create the temporary file.
    pub(crate) fn create(path: &Path) -> Result<Self> {
        let Some(name) = path.file_name() else {
            return Err(Error::io(
                "create",
                path,
                io::Error::new(
                    io::ErrorKind::InvalidInput,
                    "the destination has no file name",
                ),
            ));
        };
        if path.is_dir() {
            return Err(Error::io(
                "create",
                path,
                io::ErrorKind::IsADirectory.into(),
            ));
        }
        loop {
            let temporary = path.with_file_name(temporary_name(name));
            match OpenOptions::new()
                .write(true)
                .create_new(true)
                .open(&temporary)
            {
                Ok(file) => {
                    return Ok(Self {
                        path: path.to_path_buf(),
                        temporary,
                        file: Some(file),
                    });
                }
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(Error::io("create", path, error)),
            }
        }
    }

    /// Append `bytes`.
    pub(crate) fn write(&self, bytes: &[u8]) -> Result<()> {
        match &self.file {
            Some(file) => (&mut &*file)
                .write_all(bytes)
                .map_err(|error| Error::io("write", &self.path, error)),
            None => Ok(()),
        }
    }

    /// Bring the content to disk and give the file its name, replacing what had it.
    pub(crate) fn commit(self) -> Result<()> {
        self.rename(File::sync_data)
    }

    /// Give the file its name at once: for a cache that can tell a half-written file from a whole one.
    pub(crate) fn publish(self) -> Result<()> {
        self.rename(|_| Ok(()))
    }

    fn rename(mut self, prepare: impl FnOnce(&File) -> io::Result<()>) -> Result<()> {
        if let Some(file) = self.file.take() {
            let outcome = prepare(&file).and_then(|()| {
                drop(file);
                std::fs::rename(&self.temporary, &self.path)
            });
            if let Err(error) = outcome {
                let _ = std::fs::remove_file(&self.temporary);
                return Err(Error::io("write", &self.path, error));
            }
        }
        Ok(())
    }
}

impl Drop for Destination {
    fn drop(&mut self) {
        if self.file.take().is_some() {
            let _ = std::fs::remove_file(&self.temporary);
        }
    }
}

fn temporary_name(name: &std::ffi::OsStr) -> OsString {
    let mut temporary = OsString::from(".");
    // A long name stays within the 255 bytes of a file name.
    match name.len() <= 200 {
        true => temporary.push(name),
        false => temporary.push("archive"),
    }
    temporary.push(format!(
        ".{}-{}.tmp",
        process::id(),
        COUNTER.fetch_add(1, Ordering::Relaxed)
    ));
    temporary
}

#[cfg(test)]
mod tests {
    use super::Destination;

    #[test]
    fn nothing_is_seen_before_the_commit_and_nothing_is_left_without_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("archive");
        let destination = Destination::create(&path).unwrap();
        destination.write(b"half").unwrap();
        assert!(!path.exists());
        drop(destination);
        assert_eq!(0, std::fs::read_dir(folder.path()).unwrap().count());
        let destination = Destination::create(&path).unwrap();
        destination.write(b"whole").unwrap();
        destination.commit().unwrap();
        assert_eq!(b"whole".as_slice(), std::fs::read(&path).unwrap());
        assert_eq!(1, std::fs::read_dir(folder.path()).unwrap().count());
    }
}
