//! Layers, one on top of another, into a folder: as an engine mounts them (OCI image specification, layer.md).
//!
//! Where a path really is, links followed, is decided by the index alone. So the disk is only ever asked for paths
//! without links, below the folder, and a link that a hostile layer planted leads nowhere.

use std::collections::{BTreeMap, HashSet};
use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, BufRead as _, BufReader, Read};
use std::os::fd::{AsFd as _, OwnedFd};
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

use bareboat_formats::compress::{Compression, decoder};
use bareboat_formats::oci::Descriptor;
use bareboat_formats::tar::{self, Member, MemberKind};
use bareboat_formats::whiteout::{self, Whiteout};
use bareboat_model::{Bar, Context, Digest, Error, HashingReader, ImagePath, Result, Timestamp};
use rustix::fs::{AtFlags, Gid, Mode, OFlags, Timespec, Timestamps, Uid};
use rustix::io::Errno;

use super::index::{Entry, Kind, link};
use crate::files::beneath;
use crate::store::Store;

const BUFFER: usize = 256 << 10;

/// Images with a million files have some 60 MB of paths.
const MOST_PATH_BYTES: usize = 256 << 20;

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
        tree.layer = number;
        tree.emptied.clear();
        put_on(&mut tree, layer, diff_id, store)
            .context(|| format!("cannot unpack layer {} ({})", number + 1, layer.digest))?;
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
    folder: OwnedFd,
    keeps_owners: bool,
    entries: BTreeMap<ImagePath, Entry>,
    /// Which layer brought what, as whiteouts speak of lower ones only.
    brought_by: BTreeMap<ImagePath, usize>,
    layer: usize,
    members_left: u64,
    bytes_left: u64,
    path_bytes: usize,
    /// The folder that the last member was put into: most often the next one's too.
    last: Option<(ImagePath, OwnedFd)>,
    /// Below which nothing older than the layer is left: it may say so a million times.
    emptied: HashSet<ImagePath>,
}

impl Unpacking {
    fn new(dir: &Path, keeps_owners: bool) -> Result<Self> {
        let tar::Limits { members, unpacked } = tar::Limits::default();
        Ok(Self {
            folder: File::open(dir)?.into(),
            keeps_owners,
            entries: BTreeMap::from([(ImagePath::ROOT, implied())]),
            brought_by: BTreeMap::new(),
            layer: 0,
            members_left: members,
            bytes_left: unpacked,
            path_bytes: 0,
            last: None,
            emptied: HashSet::new(),
        })
    }

    fn take(&mut self, member: Member, content: &mut dyn Read) -> Result<()> {
        match whiteout::parse(&member.path)? {
            Some(Whiteout::Below(folder)) => {
                let folder = folder.follow(|path| link(&self.entries, path))?;
                self.remove_older(&folder, false)
            }
            Some(Whiteout::Path(path)) => {
                let path = self.real(&path)?;
                self.remove_older(&path, true)
            }
            Some(Whiteout::Note) => Ok(()),
            None => self.put(member, content),
        }
    }

    fn put(&mut self, member: Member, content: &mut dyn Read) -> Result<()> {
        let place = self.real(&member.path)?;
        let mut entry = match &member.kind {
            MemberKind::HardLink(target) => return self.link(&place, target),
            _ => entry(&member)?,
        };
        let merges = entry.is_directory() && self.entries.get(&place).is_some_and(Entry::is_directory);
        if !merges {
            self.make_room(&place)?;
            entry.digest = self.create(&place, &entry, content)?;
        }
        self.insert(place, entry)
    }

    /// The path with the links of its directories followed. Whatever is in the index is there by such a path, so one below
    /// a directory of it is one already; members deep down would take long otherwise.
    fn real(&self, path: &ImagePath) -> Result<ImagePath> {
        match path.parent().and_then(|parent| self.entries.get(&parent)) {
            Some(parent) if parent.is_directory() => Ok(path.clone()),
            _ => path.follow_parent(|path| link(&self.entries, path)),
        }
    }

    /// Gives what is at `target` another name.
    fn link(&mut self, place: &ImagePath, target: &ImagePath) -> Result<()> {
        let original = self.real(target)?;
        let missing = || Error::new(format!("it is a hard link to `{target}`, which is no file"));
        let entry = self.entries.get(&original).filter(|entry| !entry.is_directory()).ok_or_else(missing)?;
        let entry = entry.clone();
        if original == *place {
            return Ok(());
        }
        self.make_room(place)?;
        if is_on_disk(&entry) {
            let from = self.open_folder(&original.parent().unwrap_or_default())?;
            let into = self.open_folder(&place.parent().unwrap_or_default())?;
            rustix::fs::linkat(from, name(&original), into, name(place), AtFlags::empty())
                .map_err(io_error)?;
        }
        self.insert(place.clone(), entry)
    }

    /// Sees to it that `place` is free and that its directories are there.
    fn make_room(&mut self, place: &ImagePath) -> Result<()> {
        self.remove(place)?;
        let missing: Vec<ImagePath> = std::iter::successors(place.parent(), ImagePath::parent)
            .take_while(|directory| !self.entries.get(directory).is_some_and(Entry::is_directory))
            .collect();
        for directory in missing.into_iter().rev() {
            self.remove(&directory)?;
            let entry = implied();
            self.create(&directory, &entry, &mut io::empty())?;
            self.insert(directory, entry)?;
        }
        Ok(())
    }

    fn insert(&mut self, place: ImagePath, entry: Entry) -> Result<()> {
        self.path_bytes += place.as_bytes().len();
        if self.path_bytes > MOST_PATH_BYTES {
            return Err(Error::new(format!("all paths together have more than {MOST_PATH_BYTES} bytes")));
        }
        self.brought_by.insert(place.clone(), self.layer);
        self.entries.insert(place, entry);
        Ok(())
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

    /// Takes away what lower layers have at `path` and below.
    fn remove_older(&mut self, path: &ImagePath, itself: bool) -> Result<()> {
        let layer = self.layer;
        let mut above = std::iter::successors(path.parent(), ImagePath::parent);
        if above.any(|above| self.emptied.contains(&above)) {
            return Ok(());
        }
        let most = if self.emptied.insert(path.clone()) { usize::MAX } else { usize::from(itself) };
        let is_older = |path: &ImagePath| self.brought_by.get(path).is_none_or(|&by| by < layer);
        let below = self.below(path, itself).take(most);
        let gone: Vec<ImagePath> = below.filter(|path| !path.is_root() && is_older(path)).cloned().collect();
        for path in gone.into_iter().rev() {
            // What this layer put into an older directory keeps it.
            if self.below(&path, false).next().is_none() {
                self.remove_one(&path)?;
            }
        }
        Ok(())
    }

    fn remove(&mut self, path: &ImagePath) -> Result<()> {
        if path.is_root() {
            return Err(Error::new("the root can only be a directory"));
        }
        if !self.entries.contains_key(path) {
            return Ok(());
        }
        let gone: Vec<ImagePath> = self.below(path, true).cloned().collect();
        gone.iter().rev().try_for_each(|path| self.remove_one(path))
    }

    fn below(&self, directory: &ImagePath, itself: bool) -> impl Iterator<Item = &ImagePath> {
        let top = self.entries.get_key_value(directory).filter(|_| itself);
        let below = self.entries.range(directory.first_below()..);
        let below = below.take_while(move |(path, _)| path.is_within(directory));
        top.into_iter().chain(below).map(|(path, _)| path)
    }

    fn remove_one(&mut self, path: &ImagePath) -> Result<()> {
        self.brought_by.remove(path);
        let Some(entry) = self.entries.remove(path) else { return Ok(()) };
        if !is_on_disk(&entry) {
            return Ok(());
        }
        if entry.is_directory() {
            self.last = None;
        }
        let flags = if entry.is_directory() { AtFlags::REMOVEDIR } else { AtFlags::empty() };
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

    /// Gives all directories their mode, owner and date, the deepest first.
    fn finish(mut self) -> Result<BTreeMap<ImagePath, Entry>> {
        let directories: Vec<(ImagePath, Entry)> = self
            .entries
            .iter()
            .filter(|(_, entry)| entry.is_directory())
            .map(|(path, entry)| (path.clone(), entry.clone()))
            .collect();
        for (path, entry) in directories.into_iter().rev() {
            self.last = None;
            let flags = OFlags::RDONLY | OFlags::DIRECTORY;
            let path = Path::new(OsStr::from_bytes(path.as_bytes()));
            settle(&File::from(beneath::open(self.folder.as_fd(), path, flags)?), &entry, self.keeps_owners)?;
        }
        Ok(self.entries)
    }
}

/// Sets owner, mode and date of a file or directory. Without the owners, who unpacks must still get at all of it: to run
/// it, and to delete it.
fn settle(file: &File, entry: &Entry, keeps_owners: bool) -> Result<()> {
    let mut mode = entry.mode & KEPT_BITS;
    if keeps_owners {
        own(rustix::fs::fchown(file, Some(uid(entry)), Some(gid(entry))))?;
    } else {
        mode |= if entry.is_directory() { 0o700 } else { 0o400 };
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

fn entry(member: &Member) -> Result<Entry> {
    let too_big = |what: &str| Error::new(format!("it has a {what} beyond 32 bits"));
    let kind = match &member.kind {
        MemberKind::File { size } => Kind::File(*size),
        MemberKind::Directory => Kind::Directory,
        MemberKind::Symlink(target) => Kind::Symlink(target.clone()),
        MemberKind::Device => Kind::Device,
        MemberKind::Fifo => Kind::Pipe,
        MemberKind::HardLink(_) => return Err(Error::new("it is a hard link")),
    };
    // The largest number stands for "leave it" in chown(2).
    let id = |id: u64| u32::try_from(id).ok().filter(|&id| id != u32::MAX);
    Ok(Entry {
        kind,
        mode: member.mode & 0o7777,
        uid: id(member.uid).ok_or_else(|| too_big("user id"))?,
        gid: id(member.gid).ok_or_else(|| too_big("group id"))?,
        mtime: Timestamp::from_seconds(member.mtime).seconds(),
        digest: None,
        xattrs: member.xattrs.clone().into_iter().collect(),
    })
}

/// A directory that no layer names: something was put below it.
fn implied() -> Entry {
    Entry { kind: Kind::Directory, mode: 0o755, uid: 0, gid: 0, mtime: 0, digest: None, xattrs: Vec::new() }
}

pub(super) fn is_on_disk(entry: &Entry) -> bool {
    !matches!(entry.kind, Kind::Device | Kind::Pipe)
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
