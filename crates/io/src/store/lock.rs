//! Locks between processes (and threads), so that two do not do the same work.
//!
//! A lock is `flock` on a file of its own: the kernel frees it when its process ends, however that happens.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use bareboat_model::{Digest, Result};

use super::Store;
use crate::files::{is_at, open_or_make};

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
        let file = open_or_make(path)?;
        file.lock()?;
        // The one who held it before removed the file: then this lock guards nothing, as others make a new
        // file.
        if is_at(&file, path)? {
            return Ok(file);
        }
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        // While the lock is held, so that nobody else's file is removed. One that stays does no harm.
        let _ = fs::remove_file(&self.path);
    }
}
