//! Who uses the store, and what of it was used when: so that `gc` takes nothing away from under a running command.
//!
//! Two things together make that sure.
//!
//! * Every command that works with the store holds a shared lock on the store's folder until it ends. Whoever wants to
//!   remove things tries for the exclusive lock. With it, nobody else is there, and those who come wait until it is
//!   freed; what goes away is only renamed in that time, so they do not wait long.
//! * Without it, only what nobody used for [`CALM`] is removed: a thing's use is noted by its time of change, at most
//!   once in [`NOTED`], and a command that runs for longer than that holds what it uses by a lock of its own
//!   ([`Store::hold_directory`]). Between looking at that time and removing, somebody could begin to use the thing: so
//!   both are done under one lock, which a user only needs when he has a use to note.
//!
//! The locks are on folders, which is `flock` without a file that would have to be made and kept. A file system that has
//! no such locks never grants the exclusive one, and there the second rule is all that holds.

use std::fs::{File, Metadata};
use std::path::Path;
use std::time::{Duration, SystemTime};

use bareboat_model::Result;
use rustix::fs::{AtFlags, CWD, Timespec, Timestamps, UTIME_NOW, UTIME_OMIT};

use super::Store;

/// How often a use is noted at most.
pub(super) const NOTED: Duration = Duration::from_hours(24);

/// What was not used for so long may go although others are at work. More than [`NOTED`], as that is how wrong the note
/// may be, by far longer than a command works without using what it found.
pub(super) const CALM: Duration = Duration::from_hours(48);

/// Locked by who notes a use, and by who removes for want of use.
const NOTES: &str = "locks";

impl Store {
    /// Makes known that this process uses the store. A store that is not there yet is used by nobody.
    pub(super) fn enter(&self) {
        if self.in_use.get().is_none()
            && let Ok(folder) = File::open(&self.dir)
        {
            // What cannot be locked here cannot be locked exclusively either.
            let _ = folder.lock_shared();
            // Another thread may have been quicker; then its lock counts and this one goes.
            let _ = self.in_use.set(folder);
        }
    }

    /// Whether this process is alone with the store, and stays so until [`Store::let_others_in`].
    pub(super) fn is_alone(&self) -> bool {
        self.enter();
        let Some(folder) = self.in_use.get() else { return false };
        let alone = folder.try_lock().is_ok();
        if !alone {
            // Trying for the one lock gives the other up.
            let _ = folder.lock_shared();
        }
        alone
    }

    pub(super) fn let_others_in(&self) {
        if let Some(folder) = self.in_use.get() {
            let _ = folder.lock_shared();
        }
    }

    /// Notes that what is at `path` is used now. `false` if it went away meanwhile.
    pub(super) fn note_use(&self, path: &Path, found: &Metadata) -> bool {
        if age(found) < NOTED {
            return true;
        }
        // Held until the note is made, so that it is not removed on account of the old one.
        let _guard = self.folder(NOTES).and_then(|folder| {
            let folder = File::open(folder)?;
            folder.lock_shared()?;
            Ok(folder)
        });
        let now = Timestamps {
            last_access: Timespec { tv_sec: 0, tv_nsec: UTIME_OMIT },
            last_modification: Timespec { tv_sec: 0, tv_nsec: UTIME_NOW },
        };
        match rustix::fs::utimensat(CWD, path, &now, AtFlags::SYMLINK_NOFOLLOW) {
            Err(rustix::io::Errno::NOENT) => false,
            // A store that may only be read cannot be cleaned by this user either.
            Ok(()) | Err(_) => true,
        }
    }

    /// Holds a folder of the store as long as the result lives, however long that is.
    ///
    /// # Errors
    /// When the folder is gone.
    pub(crate) fn hold_directory(&self, path: &Path) -> Result<File> {
        let folder = File::open(path)?;
        // Where there are no such locks, its time of change has to do.
        let _ = folder.lock_shared();
        Ok(folder)
    }

    /// Does `remove` if what is at `path` has not been used for [`CALM`], and nobody begins to use it meanwhile; gives what
    /// that gives. `None` if it may be in use.
    pub(super) fn if_calm<T>(&self, path: &Path, remove: impl FnOnce() -> Result<T>) -> Result<Option<T>> {
        let notes = File::open(self.folder(NOTES)?)?;
        notes.lock()?;
        let may_be_used = path
            .symlink_metadata()
            .is_ok_and(|found| age(&found) < CALM || (found.is_dir() && is_held(path)));
        if may_be_used { Ok(None) } else { remove().map(Some) }
    }
}

/// Whether a command holds a folder of the store.
pub(super) fn is_held(path: &Path) -> bool {
    File::open(path).is_ok_and(|folder| folder.try_lock().is_err())
}

/// How long ago it was changed, or its use noted. Times to come count as now.
pub(super) fn age(found: &Metadata) -> Duration {
    let noted = found.modified().unwrap_or_else(|_| SystemTime::now());
    SystemTime::now().duration_since(noted).unwrap_or_default()
}
