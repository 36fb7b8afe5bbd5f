//! Whether an unpacked root is still what its index says.

use std::collections::{BTreeMap, HashMap};
use std::ffi::OsStr;
use std::fs::File;
use std::io;
use std::os::fd::{AsFd as _, OwnedFd};
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

use bareboat_model::{Digest, Error, HashingReader, ImagePath, Result};
use rustix::fs::{AtFlags, Dir, FileType, Mode, OFlags, Stat};

use super::index::{self, Entry, Kind};
use super::unpack::is_on_disk;
use super::{INDEX, KIND, TREE};
use crate::files::beneath;

/// What is wrong with the root in this folder of the store; none if nothing is, or it is of another version.
///
/// All that is on the disk is read. Owners, modes and dates are not compared: what a disk keeps of them depends on who unpacked.
///
/// # Errors
/// When the folder cannot be read.
pub fn damage(folder: &Path) -> Result<Option<Error>> {
    if folder.parent().and_then(Path::file_name) != Some(OsStr::new(KIND)) {
        return Ok(None);
    }
    let entries = match index::read(&folder.join(INDEX)) {
        Ok(entries) => entries,
        Err(error) => return Ok(Some(error)),
    };
    let tree = File::open(folder.join(TREE))?.into();
    let mut tree = Tree { folder: tree, entries: &entries, read: HashMap::new() };
    tree.damage()
}

struct Tree<'a> {
    folder: OwnedFd,
    entries: &'a BTreeMap<ImagePath, Entry>,
    /// Files that have several names are read once.
    read: HashMap<(u64, u64), Digest>,
}

impl Tree<'_> {
    fn damage(&mut self) -> Result<Option<Error>> {
        let mut folders = vec![ImagePath::ROOT];
        let mut found = 1;
        while let Some(path) = folders.pop() {
            let flags = OFlags::RDONLY | OFlags::DIRECTORY;
            let folder =
                beneath::open(self.folder.as_fd(), Path::new(OsStr::from_bytes(path.as_bytes())), flags)?;
            for entry in Dir::read_from(&folder).map_err(io::Error::from)? {
                let name = entry.map_err(io::Error::from)?.file_name().to_owned();
                if matches!(name.to_bytes(), b"." | b"..") {
                    continue;
                }
                let path = path.join(name.to_bytes())?;
                let name = OsStr::from_bytes(name.to_bytes());
                match self.is_right(&path, &folder, name)? {
                    true if self.entries.get(&path).is_some_and(|entry| entry.kind.is_directory()) => {
                        folders.push(path);
                    }
                    true => {}
                    false => return Ok(Some(Error::new(format!("`{path}` is not what the image has")))),
                }
                found += 1;
            }
        }
        let expected = self.entries.values().filter(|entry| is_on_disk(entry)).count();
        let missing = || Error::new(format!("it has {found} files and folders, expected {expected}"));
        Ok((found != expected).then(missing))
    }

    /// Whether what is called `name` in `folder` is what the index has at `path`.
    fn is_right(&mut self, path: &ImagePath, folder: &OwnedFd, name: &OsStr) -> Result<bool> {
        let Some(entry) = self.entries.get(path) else { return Ok(false) };
        let found = rustix::fs::statat(folder, name, AtFlags::SYMLINK_NOFOLLOW).map_err(io::Error::from)?;
        Ok(match (&entry.kind, FileType::from_raw_mode(found.st_mode)) {
            (Kind::Directory, FileType::Directory) => true,
            (Kind::Symlink(target), FileType::Symlink) => {
                let there = rustix::fs::readlinkat(folder, name, Vec::new()).map_err(io::Error::from)?;
                there.as_bytes() == target
            }
            (Kind::File(content), FileType::RegularFile) => {
                u64::try_from(found.st_size) == Ok(content.size)
                    && self.digest(folder, name, &found)? == content.digest
            }
            _ => false,
        })
    }

    fn digest(&mut self, folder: &OwnedFd, name: &OsStr, found: &Stat) -> Result<Digest> {
        let identity = (found.st_dev, found.st_ino);
        if let Some(known) = self.read.get(&identity) {
            return Ok(*known);
        }
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let file = rustix::fs::openat(folder, name, flags, Mode::empty()).map_err(io::Error::from)?;
        let mut reader = HashingReader::new(File::from(file));
        io::copy(&mut reader, &mut io::sink())?;
        let digest = reader.finish().0;
        if found.st_nlink > 1 {
            self.read.insert(identity, digest);
        }
        Ok(digest)
    }
}
