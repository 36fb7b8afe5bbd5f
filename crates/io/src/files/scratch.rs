//! Files that are written aside, to be renamed when they are whole.
//!
//! A scratch file is locked for as long as its process lives. One that nobody holds was left behind by a run
//! that was killed, and is swept away by the next. (`O_TMPFILE` would leave nothing behind, but such a file
//! cannot be renamed over another.)

use std::ffi::OsStr;
use std::fs::{File, Permissions};
use std::io::{self, ErrorKind, Read, Seek, SeekFrom, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use bareboat_model::{Error, Result};
use tempfile::{NamedTempFile, TempPath};

/// A file without a final name. It is removed when this value is dropped, unless it was renamed by then.
///
/// Failures to write tell the folder, and say in words when the disk is full.
pub struct Scratch {
    file: File,
    path: TempPath,
    folder: PathBuf,
}

impl Scratch {
    /// A new file in `folder`, whose name begins with `prefix`. Others may read it, as the umask has it.
    ///
    /// # Errors
    /// When it cannot be created.
    pub fn create(folder: &Path, prefix: &str) -> io::Result<Self> {
        loop {
            let named = tempfile::Builder::new()
                .prefix(prefix)
                .permissions(Permissions::from_mode(0o666))
                .tempfile_in(folder)
                .map_err(|error| in_words(&without_path(error), folder))?;
            lock(named.as_file())?;
            // Between creation and lock a sweeper may have taken it for a leftover.
            if named.as_file().metadata()?.nlink() > 0 {
                let (file, path) = named.into_parts();
                return Ok(Self { file, path, folder: folder.to_owned() });
            }
            forget(named);
        }
    }

    /// The file, for positioned or read access.
    pub fn as_file(&self) -> &File {
        &self.file
    }

    /// Where the file is now.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Sees to it that the bytes are on the disk, and gives the file its name. What had the name is replaced.
    ///
    /// # Errors
    /// When either fails; the scratch file is removed then.
    pub fn persist_synced(self, name: &Path) -> Result<()> {
        self.file.sync_all().map_err(|error| in_words(&error, &self.folder))?;
        self.persist(name)
    }

    /// Gives the file its name. A loss of power may cut its bytes off.
    ///
    /// # Errors
    /// When the file cannot be renamed; it is removed then.
    pub fn persist(self, name: &Path) -> Result<()> {
        self.path.persist(name).map_err(|failed| in_words(&failed.error, &self.folder).into())
    }

    fn told<T>(&self, result: io::Result<T>) -> io::Result<T> {
        result.map_err(|error| match error.kind() {
            ErrorKind::Interrupted => error,
            _ => in_words(&error, &self.folder),
        })
    }
}

impl Write for Scratch {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.file.write(bytes);
        self.told(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Read for Scratch {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.file.read(buffer)
    }
}

impl Seek for Scratch {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.file.seek(to)
    }
}

/// Removes the scratch files in `folder` that nobody writes any more. What cannot be removed stays.
pub(crate) fn sweep(folder: &Path, prefix: &str) {
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    for entry in entries.flatten() {
        let is_ours = entry.file_name().as_bytes().starts_with(prefix.as_bytes());
        if is_ours && entry.file_type().is_ok_and(|kind| kind.is_file()) {
            remove_if_abandoned(&entry.path());
        }
    }
}

fn remove_if_abandoned(path: &Path) {
    let Ok(file) = File::open(path) else { return };
    if file.try_lock().is_ok() {
        // Best effort: a leftover that cannot be removed does no harm.
        let _ = std::fs::remove_file(path);
    }
}

/// Some network file systems know no locks; nothing is swept there either, as [`sweep`] gets no lock.
fn lock(file: &File) -> io::Result<()> {
    match file.lock() {
        Err(error) if error.kind() == ErrorKind::Unsupported => Ok(()),
        other => other,
    }
}

fn forget(named: NamedTempFile) {
    // It is gone already.
    let _ = named.close();
}

/// tempfile adds the path to its errors' words; ours are added with more sense further up.
fn without_path(error: io::Error) -> io::Error {
    io::Error::from(error.kind())
}

/// `error` with the folder, if the disk is at fault.
pub(crate) fn in_words(error: &io::Error, folder: &Path) -> io::Error {
    let full = |what: &str| {
        let hint = "make room there, or choose another disk: BAREBOAT_CACHE for the cache, -o for the image";
        Error::new(format!("{what} in `{}`", folder.display())).with_hint(hint).into()
    };
    match error.kind() {
        ErrorKind::StorageFull => full("no space left"),
        ErrorKind::QuotaExceeded => full("the quota is used up"),
        ErrorKind::FileTooLarge => full("a file gets larger than it may be"),
        kind => match error.raw_os_error() {
            Some(code) => io::Error::from_raw_os_error(code),
            None => io::Error::new(kind, error.to_string()),
        },
    }
}

/// A prefix for scratch files beside `path`, so that they are known for what they are.
pub(crate) fn prefix_for(path: &Path) -> String {
    let name = path.file_name().map(OsStr::to_string_lossy).unwrap_or_default();
    format!(".{name}.partial-")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scratch_file_vanishes_unless_it_gets_a_name() {
        let folder = tempfile::tempdir().unwrap();
        let mut scratch = Scratch::create(folder.path(), "x-").unwrap();
        scratch.write_all(b"kept").unwrap();
        scratch.persist(&folder.path().join("name")).unwrap();
        drop(Scratch::create(folder.path(), "x-").unwrap());
        let left: Vec<_> =
            std::fs::read_dir(folder.path()).unwrap().flatten().map(|e| e.file_name()).collect();
        assert_eq!(left, ["name"]);
        assert_eq!(std::fs::read(folder.path().join("name")).unwrap(), b"kept");
    }

    #[test]
    fn leftovers_are_swept_and_files_in_use_are_not() {
        let folder = tempfile::tempdir().unwrap();
        let leftover = folder.path().join("x-killed");
        let foreign = folder.path().join("somebody's");
        std::fs::write(&leftover, b"half").unwrap();
        std::fs::write(&foreign, b"whole").unwrap();
        let in_use = Scratch::create(folder.path(), "x-").unwrap();
        sweep(folder.path(), "x-");
        assert!(!leftover.exists() && foreign.exists() && in_use.path().exists());
    }

    #[test]
    fn a_full_disk_is_told_with_its_folder() {
        let full = in_words(&ErrorKind::StorageFull.into(), Path::new("/var/cache/bareboat"));
        assert_eq!(Error::from(full).to_string(), "no space left in `/var/cache/bareboat`");
    }

    #[test]
    fn what_fails_otherwise_is_told_in_the_system_s_words() {
        let folder = tempfile::tempdir().unwrap();
        let missing = Scratch::create(&folder.path().join("missing"), "x-").map(drop).unwrap_err();
        assert_eq!(missing.kind(), ErrorKind::NotFound);
    }
}
