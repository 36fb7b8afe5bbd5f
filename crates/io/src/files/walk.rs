//! All that lies below one folder, without following any link.

use std::ffi::{OsStr, OsString};
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::Path;

use bareboat_model::{Context, Error, Result, escape};
use rustix::fs::{AtFlags, Dir, FileType, Mode, OFlags};

use super::host::HostKind;

/// Deeper folders than this are a mistake or malice; each level holds a file descriptor open.
const DEEPEST: usize = 128;

/// More files than any image has.
const MOST_ENTRIES: usize = 4_000_000;

/// What was found at one path.
pub(super) struct Found {
    /// The names from the folder down, separated by `/`.
    pub(super) relative: Vec<u8>,
    pub(super) kind: Kind,
}

/// A [`HostKind`], or something that cannot be in an image.
pub(super) enum Kind {
    Host(HostKind),
    /// A socket, a pipe or a device.
    Other(&'static str),
}

/// Lists everything below `folder`, sorted by the bytes of the path. What `skip` says yes to is left out,
/// with all that is below it. `shown` is the folder's name for messages.
pub(super) fn list(folder: OwnedFd, shown: &Path, skip: &dyn Fn(&[u8]) -> bool) -> Result<Vec<Found>> {
    let mut walk = Walk { found: Vec::new(), shown, skip };
    walk.list_folder(folder.as_fd(), &[], 0)?;
    walk.found.sort_by(|a, b| a.relative.cmp(&b.relative));
    Ok(walk.found)
}

struct Walk<'a> {
    found: Vec<Found>,
    shown: &'a Path,
    skip: &'a dyn Fn(&[u8]) -> bool,
}

impl Walk<'_> {
    fn list_folder(&mut self, folder: BorrowedFd<'_>, relative: &[u8], depth: usize) -> Result<()> {
        let place = |relative: &[u8]| {
            let path = self.shown.join(OsStr::from_bytes(relative));
            format!("cannot read `{}`", escape(&path.to_string_lossy()))
        };
        if depth > DEEPEST {
            return Err(
                Error::new(format!("folders are nested more than {DEEPEST} deep")).context(place(relative))
            );
        }
        let names = names_in(folder).context(|| place(relative))?;
        for name in names {
            let below = join(relative, &name);
            if (self.skip)(&below) {
                continue;
            }
            if self.found.len() >= MOST_ENTRIES {
                return Err(
                    Error::new(format!("it holds more than {MOST_ENTRIES} files")).context(place(&[]))
                );
            }
            let kind = kind_of(folder, &name).context(|| place(&below))?;
            let is_folder = matches!(kind, Kind::Host(HostKind::Directory { .. }));
            self.found.push(Found { relative: below.clone(), kind });
            if is_folder {
                let inner = open_folder(folder, &name).context(|| place(&below))?;
                self.list_folder(inner.as_fd(), &below, depth + 1)?;
            }
        }
        Ok(())
    }
}

fn join(folder: &[u8], name: &OsStr) -> Vec<u8> {
    if folder.is_empty() { name.as_bytes().to_vec() } else { [folder, b"/", name.as_bytes()].concat() }
}

fn names_in(folder: BorrowedFd<'_>) -> io::Result<Vec<OsString>> {
    let mut names = Vec::new();
    for entry in Dir::read_from(folder)? {
        let entry = entry?;
        let name = entry.file_name().to_bytes();
        if name != b"." && name != b".." {
            names.push(OsString::from_vec(name.to_vec()));
        }
    }
    names.sort();
    Ok(names)
}

fn open_folder(folder: BorrowedFd<'_>, name: &OsStr) -> io::Result<OwnedFd> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    Ok(rustix::fs::openat(folder, name, flags, Mode::empty())?)
}

fn kind_of(folder: BorrowedFd<'_>, name: &OsStr) -> io::Result<Kind> {
    let found = rustix::fs::statat(folder, name, AtFlags::SYMLINK_NOFOLLOW)?;
    if FileType::from_raw_mode(found.st_mode) == FileType::Symlink {
        let target = rustix::fs::readlinkat(folder, name, Vec::new())?;
        return Ok(Kind::Host(HostKind::Symlink(target.into_bytes())));
    }
    Ok(kind_from_stat(&found))
}

/// The kind of anything that is no link.
pub(super) fn kind_from_stat(found: &rustix::fs::Stat) -> Kind {
    let mode = found.st_mode & 0o7777;
    match FileType::from_raw_mode(found.st_mode) {
        FileType::RegularFile => {
            Kind::Host(HostKind::File { size: u64::try_from(found.st_size).unwrap_or_default(), mode })
        }
        FileType::Directory => Kind::Host(HostKind::Directory { mode }),
        FileType::Socket => Kind::Other("a socket"),
        FileType::Fifo => Kind::Other("a named pipe"),
        FileType::CharacterDevice | FileType::BlockDevice => Kind::Other("a device"),
        FileType::Symlink | FileType::Unknown => Kind::Other("of an unknown kind"),
    }
}
