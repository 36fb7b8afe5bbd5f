//! The files that an image is kept in: in a folder, or in one tar file.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufRead as _, BufReader, Read, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::{FileExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bareboat_formats::compress::{Compression, Limited, decoder};
use bareboat_formats::tar::{self, Limits, MemberKind};
use bareboat_model::{Context, Digest, Error, ImagePath, Result, bytes_as_text, escape};
use serde::{Deserialize, Serialize};

use super::source::LARGEST_DOCUMENT;
use crate::files::open_if_there;
use crate::store::Store;

const BUFFER: usize = 256 << 10;

/// The kind of store entries that list what an archive holds, and where.
const MEMBERS: &str = "archive-members-2";

/// Files by path.
pub(super) enum Files {
    /// In a folder.
    Folder(PathBuf),
    /// In a tar file: where each begins in it, and how long it is.
    Tar { file: Arc<File>, members: BTreeMap<ImagePath, (u64, u64)> },
}

impl Files {
    pub(super) fn folder(dir: &Path) -> Result<Self> {
        match std::fs::metadata(dir) {
            Ok(data) if data.is_dir() => Ok(Self::Folder(dir.to_owned())),
            Ok(_) => Err(Error::new("it is not a folder")),
            Err(error) => Err(error.into()),
        }
    }

    /// The files in the archive at `path`.
    pub(super) fn archive(path: &Path, store: &Store) -> Result<Self> {
        let file = open_if_there(path)?.ok_or_else(|| Error::new("there is no such file"))?;
        Self::tar(file, store)
    }

    /// The files in an open archive. Some keep what `docker save` writes compressed: then it is unpacked aside.
    pub(super) fn tar(file: File, store: &Store) -> Result<Self> {
        let mut start = Vec::new();
        (&file).take(Compression::MAGIC_LENGTH as u64).read_to_end(&mut start)?;
        let compression = Compression::sniff(&start);
        (&file).seek(SeekFrom::Start(0))?;
        if compression != Compression::None {
            let mut scratch = store.scratch()?;
            let reader = decoder(compression, BufReader::with_capacity(BUFFER, file))?;
            io::copy(&mut Limited::new(reader, Limits::default().unpacked), &mut scratch)?;
            let members = members(scratch.as_file())?;
            // The name goes away with `scratch`; the bytes stay for as long as they are open.
            let file = Arc::new(scratch.as_file().try_clone()?);
            return Ok(Self::Tar { file, members });
        }
        let identity = identity(&file)?;
        let members = match remembered(&identity, store)? {
            Some(members) => members,
            None => {
                let members = members(&file)?;
                remember(&identity, &members, store)?;
                members
            }
        };
        Ok(Self::Tar { file: Arc::new(file), members })
    }

    /// The files in an archive that has no name, and will not be met again.
    pub(super) fn unnamed(file: &File) -> Result<Self> {
        Ok(Self::Tar { members: members(file)?, file: Arc::new(file.try_clone()?) })
    }

    /// The file at `path` from `offset` on, and its whole length; none when there is no such file.
    pub(super) fn open(&self, path: &str, offset: u64) -> Result<Option<(Box<dyn Read + Send>, u64)>> {
        // The path may come from the image: it must not lead out of the folder.
        let inside = ImagePath::parse(path.as_bytes())?;
        match self {
            Self::Folder(dir) => {
                let inside = String::from_utf8_lossy(inside.as_bytes()).into_owned();
                let Some(mut file) = open_if_there(&dir.join(inside))? else { return Ok(None) };
                let size = file.metadata()?.len();
                file.seek(SeekFrom::Start(offset))?;
                Ok(Some((Box::new(file), size)))
            }
            Self::Tar { file, members } => Ok(members.get(&inside).map(|&(begin, size)| {
                let offset = offset.min(size);
                let part = Span { file: file.clone(), at: begin + offset, left: size - offset };
                (Box::new(part) as Box<dyn Read + Send>, size)
            })),
        }
    }

    /// The length of the file at `path`, if there is one.
    pub(super) fn size(&self, path: &str) -> Option<u64> {
        self.open(path, 0).ok().flatten().map(|(_, size)| size)
    }

    /// A JSON document; none when there is no such file.
    pub(super) fn document(&self, path: &str) -> Result<Option<Vec<u8>>> {
        let read = || {
            let Some((reader, _)) = self.open(path, 0)? else { return Ok(None) };
            let mut bytes = Vec::new();
            reader.take(LARGEST_DOCUMENT + 1).read_to_end(&mut bytes)?;
            if bytes.len() as u64 > LARGEST_DOCUMENT {
                return Err(Error::new(format!(
                    "it is longer than the {LARGEST_DOCUMENT} bytes expected at most"
                )));
            }
            Ok(Some(bytes))
        };
        read().context(|| format!("cannot read `{}`", escape(path)))
    }
}

/// A part of a file that others read, too.
struct Span {
    file: Arc<File>,
    at: u64,
    left: u64,
}

impl Read for Span {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let most = buffer.len().min(usize::try_from(self.left).unwrap_or(usize::MAX));
        let n = self.file.read_at(&mut buffer[..most], self.at)?;
        self.at += n as u64;
        self.left -= n as u64;
        Ok(n)
    }
}

/// Counts the bytes that went by.
struct Counted<'a, R> {
    inner: R,
    position: &'a Cell<u64>,
}

impl<R: Read> Read for Counted<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n = self.inner.read(buffer)?;
        self.position.set(self.position.get() + n as u64);
        Ok(n)
    }
}

/// Where each file of the tar begins, and its length. The tar reader reads no byte ahead.
fn members(file: &File) -> Result<BTreeMap<ImagePath, (u64, u64)>> {
    (&*file).seek(SeekFrom::Start(0))?;
    let mut reader = BufReader::with_capacity(BUFFER, file);
    reader.fill_buf()?;
    let position = Cell::new(0);
    let mut members = BTreeMap::new();
    let mut links = BTreeMap::new();
    tar::read(Counted { inner: reader, position: &position }, &Limits::default(), |member, _| {
        match member.kind {
            MemberKind::File { size } => drop(members.insert(member.path, (position.get(), size))),
            MemberKind::Symlink(target) => {
                let target = beside(&member.path, &target)?;
                links.insert(member.path, target);
            }
            MemberKind::HardLink(target) => drop(links.insert(member.path, target)),
            MemberKind::Directory | MemberKind::Device(_) | MemberKind::Fifo => {}
        }
        Ok(())
    })?;
    // A link may come before what it leads to.
    for (path, target) in links {
        if let Some(&place) = members.get(&target) {
            members.insert(path, place);
        }
    }
    Ok(members)
}

/// Where a link leads: older Dockers write a layer that comes twice as `../OTHER/layer.tar`.
fn beside(link: &ImagePath, target: &[u8]) -> Result<ImagePath> {
    let folder = link.parent().unwrap_or_default();
    let mut steps: Vec<&[u8]> = folder.components().collect();
    for step in target.split(|&byte| byte == b'/') {
        match step {
            b"" | b"." => {}
            b".." => drop(steps.pop()),
            name => steps.push(name),
        }
    }
    ImagePath::parse(&steps.join(&b'/'))
}

/// What a file is as long as nobody writes to it or puts another in its place: no archive is walked through twice.
fn identity(file: &File) -> Result<Digest> {
    let data = file.metadata()?;
    let times = [data.mtime(), data.mtime_nsec(), data.ctime(), data.ctime_nsec()];
    Ok(Digest::of(format!("{} {} {} {times:?}", data.dev(), data.ino(), data.len()).as_bytes()))
}

/// A member and its place, in the store's entry for an archive.
#[derive(Serialize, Deserialize)]
struct Remembered(#[serde(with = "bytes_as_text::path")] ImagePath, u64, u64);

fn remembered(identity: &Digest, store: &Store) -> Result<Option<BTreeMap<ImagePath, (u64, u64)>>> {
    let Some(bytes) = store.read_entry(MEMBERS, identity)? else { return Ok(None) };
    let members: Vec<Remembered> = serde_json::from_slice(&bytes).unwrap_or_default();
    let members: BTreeMap<_, _> =
        members.into_iter().map(|Remembered(path, begin, size)| (path, (begin, size))).collect();
    Ok(Some(members).filter(|members| !members.is_empty()))
}

fn remember(identity: &Digest, members: &BTreeMap<ImagePath, (u64, u64)>, store: &Store) -> Result<()> {
    let members: Vec<Remembered> =
        members.iter().map(|(path, (begin, size))| Remembered(path.clone(), *begin, *size)).collect();
    let json = serde_json::to_vec(&members).map_err(|error| Error::new(error.to_string()))?;
    store.write_entry(MEMBERS, identity, |file| Ok(file.write_all(&json)?))
}
