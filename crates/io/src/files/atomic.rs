//! Outputs that appear whole or not at all: written beside their place, synced, renamed.

use std::fs::{self, File, Permissions};
use std::io::{self, ErrorKind};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use bareboat_model::{Context, Error, Result};
use tempfile::TempDir;

use super::scratch::{Scratch, prefix_for, sweep};

/// As many links in a row are followed as the kernel follows.
const MOST_LINKS: usize = 40;

/// Writes the file at `path`, or the one that a link there leads to, replacing what is there in one step. Folders that are missing are created.
///
/// ```
/// # let folder = tempfile::tempdir().unwrap();
/// # let path = folder.path().join("out/bareboat.lock");
/// use std::io::Write;
/// bareboat_io::files::write_file(&path, |file| Ok(file.write_all(b"version = 1\n")?))?;
/// # assert_eq!(std::fs::read(&path).unwrap(), b"version = 1\n");
/// # Ok::<(), bareboat_model::Error>(())
/// ```
///
/// # Errors
/// When `fill` fails or the file cannot be written. What was at `path` is untouched then.
pub fn write_file(path: &Path, fill: impl FnOnce(&mut Scratch) -> Result<()>) -> Result<()> {
    let write = || write_at(&behind_links(path)?, fill);
    write().context(|| format!("cannot write `{}`", path.display()))
}

/// As [`write_file`], in a folder that somebody else may have filled: a link there is replaced, and never followed.
///
/// # Errors
/// As [`write_file`].
pub fn replace_file(path: &Path, fill: impl FnOnce(&mut Scratch) -> Result<()>) -> Result<()> {
    write_at(path, fill).context(|| format!("cannot write `{}`", path.display()))
}

fn write_at(path: &Path, fill: impl FnOnce(&mut Scratch) -> Result<()>) -> Result<()> {
    let found = fs::symlink_metadata(path);
    if found.is_ok_and(|found| !found.is_symlink() && !found.is_file()) {
        return Err(is_no_file(path));
    }
    let folder = prepare_folder(path)?;
    let prefix = prefix_for(path);
    sweep(&folder, &prefix);
    let mut scratch = Scratch::create(&folder, &prefix)?;
    fill(&mut scratch)?;
    scratch.persist_synced(path)?;
    sync_folder(&folder)
}

/// What the links at `path` lead to: a file, or nothing yet.
fn behind_links(path: &Path) -> Result<PathBuf> {
    // Some links under /proc lead to what has no name, so what they say is not where they lead.
    if fs::metadata(path).is_ok_and(|found| !found.is_file()) {
        return Err(is_no_file(path));
    }
    let mut path = path.to_owned();
    for _ in 0..MOST_LINKS {
        let Ok(target) = fs::read_link(&path) else { return Ok(path) };
        path = path.parent().unwrap_or(Path::new("")).join(target);
    }
    Err(Error::new("its links lead to links without end"))
}

fn is_no_file(path: &Path) -> Error {
    if path.is_dir() {
        return Error::new("it is a folder");
    }
    Error::new("it is a device or a pipe, expected a file, or a name that is free")
}

/// What [`create_directory`] found.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Created {
    /// Nothing (or an empty folder) was there: now the new one is.
    New,
    /// A folder with something in it was there, or came there meanwhile. It is untouched.
    Occupied,
}

/// Makes a folder with everything in it, in one step. `fill` gets the folder while it has another name.
///
/// # Errors
/// When `fill` fails or the folder cannot be made. Nothing is at `path` then that was not there before.
pub fn create_directory(path: &Path, fill: impl FnOnce(&Path) -> Result<()>) -> Result<Created> {
    let create = || -> Result<Created> {
        if is_occupied(path)? {
            return Ok(Created::Occupied);
        }
        let folder = prepare_folder(path)?;
        let prefix = prefix_for(path);
        sweep_folders(&folder, &prefix);
        let aside = ScratchFolder::create(&folder, &prefix)?;
        fill(aside.path())?;
        sync_folder(aside.path())?;
        // rename(2) replaces an empty directory, and no other.
        match fs::rename(aside.path(), path) {
            Ok(()) => sync_folder(&folder).map(|()| Created::New),
            Err(error) if matches!(error.kind(), ErrorKind::DirectoryNotEmpty | ErrorKind::AlreadyExists) => {
                Ok(Created::Occupied)
            }
            Err(error) => Err(error.into()),
        }
    };
    create().context(|| format!("cannot write `{}`", path.display()))
}

/// A folder under another name, removed with all that is in it unless it was renamed.
///
/// As with [`Scratch`], a lock tells the sweeper of another run that it is in use.
pub struct ScratchFolder {
    folder: TempDir,
    _lock: File,
}

impl ScratchFolder {
    pub(crate) fn create(parent: &Path, prefix: &str) -> Result<Self> {
        loop {
            let folder = tempfile::Builder::new()
                .prefix(prefix)
                .permissions(Permissions::from_mode(0o777))
                .tempdir_in(parent)
                .map_err(|error| io::Error::from(error.kind()))?;
            let Ok(lock) = File::open(folder.path()) else { continue };
            // Some network file systems know no locks on folders; then nobody sweeps there either.
            let _ = lock.lock();
            // Between creation and lock a sweeper may have taken it for a leftover.
            if lock.metadata()?.nlink() > 0 {
                return Ok(Self { folder, _lock: lock });
            }
        }
    }

    /// The folder.
    pub fn path(&self) -> &Path {
        self.folder.path()
    }
}

impl Drop for ScratchFolder {
    fn drop(&mut self) {
        // What stays is swept by the next run.
        let _ = remove_tree(self.path());
    }
}

/// Removes a folder with all that is in it. Folders of images may be such as their owner may not change.
fn remove_tree(folder: &Path) -> io::Result<()> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() == ErrorKind::PermissionDenied => {
            open_up(folder)?;
            fs::remove_dir_all(folder)
        }
        other => other,
    }
}

fn open_up(folder: &Path) -> io::Result<()> {
    fs::set_permissions(folder, Permissions::from_mode(0o700))?;
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        // Links are not followed: this is the kind of the entry itself.
        if entry.file_type()?.is_dir() {
            open_up(&entry.path())?;
        }
    }
    Ok(())
}

/// Removes the folders in `parent` that a killed run was making. What cannot be removed stays.
pub(crate) fn sweep_folders(parent: &Path, prefix: &str) {
    let Ok(entries) = fs::read_dir(parent) else { return };
    for entry in entries.flatten() {
        let is_ours = entry.file_name().as_bytes().starts_with(prefix.as_bytes());
        if is_ours && entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            let abandoned = File::open(entry.path()).is_ok_and(|folder| folder.try_lock().is_ok());
            if abandoned {
                // Best effort: a leftover that cannot be removed does no harm.
                let _ = remove_tree(&entry.path());
            }
        }
    }
}

pub(crate) fn is_occupied(path: &Path) -> Result<bool> {
    match fs::read_dir(path) {
        Ok(mut entries) => Ok(entries.next().is_some()),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// The folder that `path` is in, created if it is missing.
pub(crate) fn prepare_folder(path: &Path) -> Result<PathBuf> {
    let folder = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent.to_owned(),
        Some(_) => PathBuf::from("."),
        None => return Err(Error::new("it is the root folder")),
    };
    fs::create_dir_all(&folder)?;
    Ok(folder)
}

/// A new name is on the disk only when its folder is. File systems that cannot sync a folder need not.
pub(crate) fn sync_folder(folder: &Path) -> Result<()> {
    match File::open(folder).and_then(|folder| folder.sync_all()) {
        Err(error) if matches!(error.kind(), ErrorKind::InvalidInput | ErrorKind::Unsupported) => Ok(()),
        other => Ok(other?),
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let mut names: Vec<_> =
            fs::read_dir(folder).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn a_file_that_failed_half_way_leaves_the_old_one() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("deep/er/lock");
        write_file(&path, |file| Ok(file.write_all(b"old")?)).unwrap();
        let failed = write_file(&path, |file| {
            file.write_all(b"ne")?;
            Err(Error::new("the source is gone"))
        });
        assert_eq!(
            failed.unwrap_err().to_string(),
            format!("cannot write `{}`: the source is gone", path.display())
        );
        assert_eq!(fs::read(&path).unwrap(), b"old");
        assert_eq!(names(path.parent().unwrap()), ["lock"]);
    }

    #[test]
    fn a_file_is_readable_as_the_umask_says() {
        let folder = tempfile::tempdir().unwrap();
        let (ours, plain) = (folder.path().join("ours"), folder.path().join("plain"));
        write_file(&ours, |file| Ok(file.write_all(b"x")?)).unwrap();
        fs::write(&plain, "x").unwrap();
        assert_eq!(fs::metadata(ours).unwrap().mode(), fs::metadata(plain).unwrap().mode());
    }

    #[test]
    fn a_folder_is_not_written_over_as_a_file() {
        let folder = tempfile::tempdir().unwrap();
        let failed = write_file(folder.path(), |_| Ok(())).unwrap_err();
        assert!(failed.to_string().ends_with("it is a folder"), "{failed}");
    }

    #[test]
    fn what_is_no_file_is_not_written_over() {
        let folder = tempfile::tempdir().unwrap();
        let pipe = folder.path().join("pipe");
        let made = std::process::Command::new("mkfifo").arg(&pipe).status().unwrap();
        assert!(made.success());
        let link = folder.path().join("link");
        std::os::unix::fs::symlink("pipe", &link).unwrap();
        for path in [Path::new("/dev/null"), &pipe, &link] {
            let failed = write_file(path, |_| Ok(())).unwrap_err().to_string();
            assert!(
                failed.ends_with("it is a device or a pipe, expected a file, or a name that is free"),
                "{failed}"
            );
        }
        assert!(replace_file(&pipe, |_| Ok(())).is_err());
        assert_eq!(names(folder.path()), ["link", "pipe"]);
    }

    #[test]
    fn links_are_followed_to_a_file_or_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        fs::create_dir(at("deep")).unwrap();
        for (link, target) in [("a", "deep/b"), ("deep/b", "../file"), ("new", "deep/new"), ("loop", "loop")]
        {
            std::os::unix::fs::symlink(target, at(link)).unwrap();
        }
        let fill = |file: &mut Scratch| Ok(file.write_all(b"x")?);
        write_file(&at("a"), fill).unwrap();
        write_file(&at("new"), fill).unwrap();
        assert!(at("a").is_symlink() && at("deep/b").is_symlink() && at("new").is_symlink());
        assert!(at("file").is_file() && at("deep/new").is_file());
        assert!(write_file(&at("loop"), fill).is_err());
        replace_file(&at("a"), |file| Ok(file.write_all(b"y")?)).unwrap();
        assert!(!at("a").is_symlink());
        assert_eq!(fs::read(at("file")).unwrap(), b"x");
    }

    #[test]
    fn a_folder_appears_whole_or_not_at_all() {
        let parent = tempfile::tempdir().unwrap();
        let path = parent.path().join("layout");
        let failed = create_directory(&path, |aside| {
            fs::write(aside.join("half"), "x").unwrap();
            Err(Error::new("no"))
        });
        assert!(failed.is_err());
        assert!(names(parent.path()).is_empty());

        fs::create_dir(&path).unwrap();
        let fill = |aside: &Path| Ok(fs::write(aside.join("whole"), "x")?);
        assert_eq!(create_directory(&path, fill).unwrap(), Created::New);
        assert_eq!(names(&path), ["whole"]);
        assert_eq!(create_directory(&path, fill).unwrap(), Created::Occupied);
        assert_eq!(names(parent.path()), ["layout"]);
    }

    #[test]
    fn of_two_that_make_the_same_folder_one_finds_it_occupied() {
        let parent = tempfile::tempdir().unwrap();
        let path = parent.path().join("layout");
        let outer = create_directory(&path, |aside| {
            fs::write(aside.join("slow"), "x").unwrap();
            let inner = create_directory(&path, |aside| Ok(fs::write(aside.join("quick"), "x")?));
            assert_eq!(inner.unwrap(), Created::New);
            Ok(())
        });
        assert_eq!(outer.unwrap(), Created::Occupied);
        assert_eq!(names(&path), ["quick"]);
    }

    #[test]
    fn leftovers_of_killed_runs_are_swept() {
        let parent = tempfile::tempdir().unwrap();
        let path = parent.path().join("out");
        fs::create_dir_all(parent.path().join(".out.partial-abc/blobs")).unwrap();
        fs::write(parent.path().join(".out.partial-def"), "x").unwrap();
        create_directory(&path, |aside| Ok(fs::write(aside.join("whole"), "x")?)).unwrap();
        write_file(&parent.path().join("other"), |_| Ok(())).unwrap();
        assert_eq!(names(parent.path()), [".out.partial-def", "other", "out"]);
    }
}
