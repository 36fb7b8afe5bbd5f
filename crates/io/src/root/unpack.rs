//! Layers, one on top of another, into a folder: as an engine mounts them (OCI image specification, layer.md).
//!
//! Where a path really is, links followed, is decided by the index alone. So the disk is only ever asked for paths
//! without links, below the folder, and a link that a hostile layer planted leads nowhere.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, BufRead as _, BufReader, Read};
use std::os::fd::{AsFd as _, OwnedFd};
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

use bareboat_formats::compress::{Compression, decoder};
use bareboat_formats::entry::Content;
use bareboat_formats::oci::Descriptor;
use bareboat_formats::overlay::{Did, Overlay};
use bareboat_formats::tar::{self, Member};
use bareboat_model::{Bar, Context, Digest, Error, HashingReader, ImagePath, Result, Timestamp};
use rustix::fs::{AtFlags, Gid, Mode, OFlags, Timespec, Timestamps, Uid};
use rustix::io::Errno;

use super::index::{Entry, Kind};
use crate::files::beneath;
use crate::store::Store;

const BUFFER: usize = 256 << 10;

/// What the index of an image may take, as far as it can be told: that of one with a million files takes half of it.
const MOST_MEMORY: usize = 512 << 20;

/// Mode bits that a disk gets: not set-uid and set-gid, for the programs are also in reach of this machine's users.
const KEPT_BITS: u32 = 0o1777;

/// Unpacks the layers, the lowest first, into the empty folder `dir`; gives all that is in it.
///
/// # Errors
/// When a layer is broken, is not what `diff_id` says, or holds more than any image does.
pub(super) fn layers(
    dir: &Path,
    layers: &[(Descriptor, Digest)],
    keeps_owners: bool,
    store: &Store,
    bar: &dyn Bar,
) -> Result<BTreeMap<ImagePath, Entry>> {
    let mut tree = Unpacking::new(dir, keeps_owners)?;
    for (number, (layer, diff_id)) in layers.iter().enumerate() {
        put_on(&mut tree, layer, diff_id, store)
            .context(|| format!("cannot unpack layer {} ({})", number + 1, layer.digest))?;
        tree.overlay.end_layer();
        bar.advance(layer.size);
    }
    tree.finish()
}

fn put_on(tree: &mut Unpacking, layer: &Descriptor, diff_id: &Digest, store: &Store) -> Result<()> {
    let mut limits = tar::Limits::of_layer(layer.size);
    limits.members = limits.members.min(tree.members_left);
    limits.unpacked = limits.unpacked.min(tree.bytes_left);
    let (found, size) = store.read_blob(&layer.digest, |blob| {
        let mut reader = BufReader::with_capacity(BUFFER, blob);
        let compression = Compression::sniff(reader.fill_buf()?);
        let mut hashing = HashingReader::new(decoder(compression, reader)?);
        tar::read_layer(&mut hashing, &limits, |member, content| {
            tree.members_left = tree.members_left.saturating_sub(1);
            let path = member.path.clone();
            tree.take(member, content).context(|| format!("cannot put `{path}` in place"))
        })?;
        Ok(hashing.finish())
    })?;
    tree.bytes_left = tree.bytes_left.saturating_sub(size);
    if found != *diff_id {
        return Err(Error::new(format!("expected a tar of {diff_id}, found {found}")));
    }
    Ok(())
}

/// A folder, and what was put into it so far.
struct Unpacking {
    disk: Disk,
    overlay: Overlay<Entry>,
    members_left: u64,
    bytes_left: u64,
}

impl Unpacking {
    fn new(dir: &Path, keeps_owners: bool) -> Result<Self> {
        let tar::Limits { members, unpacked } = tar::Limits::default();
        let disk = Disk { folder: File::open(dir)?.into(), keeps_owners, last: None };
        Ok(Self { disk, overlay: Overlay::new(MOST_MEMORY), members_left: members, bytes_left: unpacked })
    }

    /// Puts a member in place in memory, and does on the disk what that took.
    fn take(&mut self, member: Member, content: &mut dyn Read) -> Result<()> {
        let entry = entry(member)?;
        let step = self.overlay.take(&entry, entry.clone())?;
        for (path, gone) in &step.gone {
            self.disk.remove(path, gone)?;
        }
        for directory in &step.made {
            self.disk.create(directory, &Entry::implied(ImagePath::ROOT), &mut io::empty())?;
        }
        match &step.did {
            Did::Put(place) => {
                if let Some(found) = self.disk.create(place, &entry, content)?
                    && let Some(Kind::File(content)) =
                        self.overlay.get_mut(place).map(|placed| &mut placed.node.kind)
                {
                    content.digest = found;
                }
                Ok(())
            }
            Did::Linked { place, original } => match self.overlay.get(place) {
                Some(placed) if is_on_disk(&placed.node) => self.disk.link(original, place),
                _ => Ok(()),
            },
            Did::Merged(_) | Did::Nothing => Ok(()),
        }
    }

    /// Gives all directories their mode, owner and date, the deepest first.
    fn finish(mut self) -> Result<BTreeMap<ImagePath, Entry>> {
        let entries: BTreeMap<ImagePath, Entry> = self
            .overlay
            .into_nodes()
            .map(|(path, placed)| (path.clone(), Entry { path, ..placed.node }))
            .collect();
        for entry in entries.values().rev().filter(|entry| entry.kind.is_directory()) {
            self.disk.settle_directory(entry)?;
        }
        Ok(entries)
    }
}

/// The folder. It is only ever asked for paths that the overlay has found to be without links.
struct Disk {
    folder: OwnedFd,
    keeps_owners: bool,
    /// The folder that the last member was put into: most often the next one's too.
    last: Option<(ImagePath, OwnedFd)>,
}

impl Disk {
    /// Gives what is at `original` another name.
    fn link(&mut self, original: &ImagePath, place: &ImagePath) -> Result<()> {
        let from = self.open_folder(&original.parent().unwrap_or_default())?;
        let into = self.open_folder(&place.parent().unwrap_or_default())?;
        Ok(rustix::fs::linkat(from, name(original), into, name(place), AtFlags::empty()).map_err(io_error)?)
    }

    /// Makes what is on the disk of an entry; gives the digest of a file. Directories get their mode and owner at the end.
    fn create(&mut self, place: &ImagePath, entry: &Entry, content: &mut dyn Read) -> Result<Option<Digest>> {
        if !is_on_disk(entry) {
            return Ok(None);
        }
        let keeps_owners = self.keeps_owners;
        let folder = self.open_folder(&place.parent().unwrap_or_default())?;
        let name = name(place);
        match &entry.kind {
            Kind::Directory => rustix::fs::mkdirat(folder, name, Mode::RWXU).map_err(io_error)?,
            Kind::Symlink(target) => {
                rustix::fs::symlinkat(OsStr::from_bytes(target), &folder, name).map_err(io_error)?;
                if keeps_owners {
                    own(rustix::fs::chownat(
                        &folder,
                        name,
                        Some(uid(entry)),
                        Some(gid(entry)),
                        AtFlags::SYMLINK_NOFOLLOW,
                    ))?;
                }
                rustix::fs::utimensat(&folder, name, &times(entry), AtFlags::SYMLINK_NOFOLLOW)
                    .map_err(io_error)?;
            }
            _ => {
                let flags =
                    OFlags::CREATE | OFlags::EXCL | OFlags::WRONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
                let file =
                    rustix::fs::openat(folder, name, flags, Mode::RUSR | Mode::WUSR).map_err(io_error)?;
                let mut file = File::from(file);
                let mut content = HashingReader::new(content);
                io::copy(&mut content, &mut file)?;
                settle(&file, entry, keeps_owners)?;
                return Ok(Some(content.finish().0));
            }
        }
        Ok(None)
    }

    fn remove(&mut self, path: &ImagePath, entry: &Entry) -> Result<()> {
        if !is_on_disk(entry) {
            return Ok(());
        }
        let is_directory = entry.kind.is_directory();
        if is_directory {
            self.last = None;
        }
        let flags = if is_directory { AtFlags::REMOVEDIR } else { AtFlags::empty() };
        let folder = self.open_folder(&path.parent().unwrap_or_default())?;
        Ok(rustix::fs::unlinkat(folder, name(path), flags).map_err(io_error)?)
    }

    /// A directory of the tree, by a path without links.
    fn open_folder(&mut self, path: &ImagePath) -> Result<OwnedFd> {
        if let Some((last, folder)) = &self.last
            && last == path
        {
            return Ok(folder.try_clone()?);
        }
        let flags = OFlags::PATH | OFlags::DIRECTORY;
        let folder =
            beneath::open(self.folder.as_fd(), Path::new(OsStr::from_bytes(path.as_bytes())), flags)?;
        self.last = Some((path.clone(), folder.try_clone()?));
        Ok(folder)
    }

    fn settle_directory(&mut self, entry: &Entry) -> Result<()> {
        self.last = None;
        let flags = OFlags::RDONLY | OFlags::DIRECTORY;
        let path = Path::new(OsStr::from_bytes(entry.path.as_bytes()));
        settle(&File::from(beneath::open(self.folder.as_fd(), path, flags)?), entry, self.keeps_owners)
    }
}

/// Sets owner, mode and date of a file or directory. Without the owners, who unpacks must still get at all of it: to run
/// it, and to delete it.
fn settle(file: &File, entry: &Entry, keeps_owners: bool) -> Result<()> {
    let mut mode = entry.mode & KEPT_BITS;
    if keeps_owners {
        own(rustix::fs::fchown(file, Some(uid(entry)), Some(gid(entry))))?;
    } else {
        mode |= if entry.kind.is_directory() { 0o700 } else { 0o400 };
    }
    rustix::fs::fchmod(file, Mode::from_raw_mode(mode)).map_err(io_error)?;
    Ok(rustix::fs::futimens(file, &times(entry)).map_err(io_error)?)
}

/// In a container that knows only some ids, root cannot give files to all; the index has the owner in any case.
fn own(result: rustix::io::Result<()>) -> Result<()> {
    match result {
        Err(Errno::INVAL | Errno::PERM) => Ok(()),
        other => Ok(other.map_err(io_error)?),
    }
}

fn entry(member: Member) -> Result<Entry> {
    // Its digest is known once it was read.
    let entry = Entry::of_member(member, |size| Ok(Content { size, digest: Digest::of(b"") }))?;
    // The largest number stands for "leave it" in chown(2).
    if entry.uid == u32::MAX || entry.gid == u32::MAX {
        return Err(Error::new("it has an owner that Linux has no number for"));
    }
    Ok(Entry { mtime: Timestamp::from_seconds(entry.mtime).seconds(), ..entry })
}

pub(super) fn is_on_disk(entry: &Entry) -> bool {
    !matches!(entry.kind, Kind::Device(_) | Kind::Pipe)
}

fn name(path: &ImagePath) -> &OsStr {
    OsStr::from_bytes(path.file_name().unwrap_or_default())
}

fn uid(entry: &Entry) -> Uid {
    Uid::from_raw(entry.uid)
}

fn gid(entry: &Entry) -> Gid {
    Gid::from_raw(entry.gid)
}

fn times(entry: &Entry) -> Timestamps {
    let time = Timespec { tv_sec: entry.mtime, tv_nsec: 0 };
    Timestamps { last_access: time, last_modification: time }
}

fn io_error(errno: Errno) -> io::Error {
    errno.into()
}
