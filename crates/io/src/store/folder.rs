//! Folders: derived trees of files, named by a key. They appear whole, as all else in the store.

use std::path::{Path, PathBuf};

use bareboat_model::{Digest, Result};

use super::Store;
use crate::files::{ScratchFolder, create_directory, sweep_folders};

/// How the names of throw-away folders begin.
const SCRATCH: &str = "folder-";

/// How the names of folders begin while they are being made, beside those that are made.
pub(super) const UNFINISHED: &str = ".";

impl Store {
    /// An empty folder on the store's file system that is gone when it is dropped; what a killed run left of its kind is swept.
    ///
    /// # Errors
    /// When the store cannot be written.
    pub fn scratch_folder(&self) -> Result<ScratchFolder> {
        let create = || {
            let tmp = self.folder("tmp")?;
            sweep_folders(&tmp, SCRATCH);
            ScratchFolder::create(&tmp, SCRATCH)
        };
        create().map_err(|error| self.cannot_write(error))
    }

    /// The folder of this name; `fill` makes it, under another name, if it is not there. Of several that want it at once
    /// one makes it, and the others wait.
    ///
    /// # Errors
    /// When `fill` fails or the store cannot be written. Nothing is kept then.
    pub fn directory(
        &self,
        kind: &str,
        key: &Digest,
        fill: impl FnOnce(&Path) -> Result<()>,
    ) -> Result<PathBuf> {
        let path = self.dir.join(kind).join(key.hex());
        self.enter();
        let found = path.symlink_metadata();
        if found.is_ok_and(|found| found.is_dir() && self.note_use(&path, &found)) {
            return Ok(path);
        }
        let _guard = self.lock(kind, key)?;
        let folder = self.folder(kind).map_err(|error| self.cannot_write(error))?;
        // Whatever was being made when a run was killed.
        sweep_folders(&folder, UNFINISHED);
        let mut failed = None;
        let made = create_directory(&path, |aside| fill(aside).map_err(|error| failed.insert(error).clone()));
        match (made, failed) {
            (Ok(_), _) => Ok(path),
            // What could not be made matters, not where.
            (Err(_), Some(error)) => Err(error),
            (Err(error), None) => Err(self.cannot_write(error)),
        }
    }
}
