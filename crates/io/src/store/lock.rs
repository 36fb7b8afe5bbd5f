//! Locks between processes (and threads), so that two do not do the same work.
//!
//! A lock is `flock` on a file of its own: the kernel frees it when its process ends, however that happens.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use bareboat_model::{Digest, Result};

use super::Store;
use crate::files::no_links;

/// A lock that is held. Dropping it frees it.
#[derive(Debug)]
pub struct Guard {
    /// Only to be held: closing it frees the lock.
    _file: File,
    path: PathBuf,
}

impl Store {
    /// Waits until nobody else holds the lock on `key` for this kind of work, and takes it.
    ///
    /// The one who waited should look first whether the work is done by now.
    ///
    /// # Errors
    /// When the store cannot be written.
    pub fn lock(&self, kind: &str, key: &Digest) -> Result<Guard> {
        let take = || -> Result<Guard> {
            let path = self.folder("locks")?.join(format!("{kind}-{}", key.hex()));
            Ok(Guard { _file: take(&path)?, path })
        };
        take().map_err(|error| self.cannot_write(error))
    }
}

fn take(path: &Path) -> io::Result<File> {
    loop {
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .custom_flags(no_links())
            .open(path)?;
        file.lock()?;
        // The one who held it before removed the file: then this lock guards nothing, as others make a new
        // file.
        if is_still_at(path, &file)? {
            return Ok(file);
        }
    }
}

fn is_still_at(path: &Path, file: &File) -> io::Result<bool> {
    let ours = file.metadata()?;
    match fs::metadata(path) {
        Ok(there) => Ok((there.dev(), there.ino()) == (ours.dev(), ours.ino())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        // While the lock is held, so that nobody else's file is removed. One that stays does no harm.
        let _ = fs::remove_file(&self.path);
    }
}
