//! What one layer holds, without the contents: a line for each member of its tar.

use std::collections::BTreeMap;
use std::io::{self, Read};

use bareboat_formats::tar::{self, Member, MemberKind};
use bareboat_formats::whiteout::{self, Whiteout};
use bareboat_model::{Context, Digest, Error, HashingReader, ImagePath, Result, bytes_as_text};
use serde::{Deserialize, Serialize};

use crate::packages::{self, Found};

/// Images with a million files have some 60 MB of paths; extended attributes are few and short.
const MOST_TEXT: usize = 256 << 20;

/// What is read of a content at once.
const CHUNK: usize = 64 << 10;

/// What a layer's tar holds.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Listing {
    /// The length of the tar.
    pub tar_size: u64,
    /// Its members, in its order.
    pub entries: Vec<Entry>,
    /// What files of it tell of packages, by their place among the entries.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub found: BTreeMap<u32, Found>,
}

impl Listing {
    /// Reads a layer's tar, already decompressed, to its end.
    ///
    /// # Errors
    /// When it is no tar that can be read, or holds more than `limits` or any layer does.
    pub fn of_tar(tar: impl Read, limits: &tar::Limits) -> Result<Self> {
        let mut tar = HashingReader::new(tar);
        let listing = of_tar(&mut tar, limits, &|| Ok(()))?;
        Ok(Self { tar_size: tar.finish().1, ..listing })
    }

    /// The bytes of all contents in it.
    pub fn size(&self) -> u64 {
        self.entries.iter().map(|entry| entry.kind.size()).sum()
    }
}

/// A member of a layer's tar.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Entry {
    /// Where the layer has it; of a whiteout, what it takes away (or the directory that it empties). No link was followed.
    #[serde(with = "bytes_as_text::path")]
    pub path: ImagePath,
    /// What it is.
    pub kind: Kind,
    /// Permission bits, set-id and sticky bits included (07777).
    pub mode: u32,
    /// Numeric owner.
    pub uid: u32,
    /// Numeric group.
    pub gid: u32,
    /// Seconds since the epoch.
    pub mtime: i64,
    /// Extended attributes, by name; most often none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub xattrs: Vec<(Vec<u8>, Vec<u8>)>,
}

/// What an [`Entry`] is.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// A regular file.
    File {
        /// The length of its content.
        size: u64,
        /// The digest of its content.
        digest: Digest,
    },
    /// A directory.
    Directory,
    /// A symbolic link to this target, as written.
    #[serde(with = "bytes_as_text")]
    Symlink(Vec<u8>),
    /// Another name of the file that is at this path.
    #[serde(with = "bytes_as_text::path")]
    HardLink(ImagePath),
    /// A character or block device.
    Device,
    /// A named pipe.
    Pipe,
    /// Takes away what lower layers have at the path.
    Whiteout,
    /// Takes away all that lower layers have below the path.
    Opaque,
}

impl Kind {
    /// Whether this is a regular file.
    pub fn is_file(&self) -> bool {
        matches!(self, Self::File { .. })
    }

    /// The length of a file's content; nothing else has one.
    pub fn size(&self) -> u64 {
        match self {
            Self::File { size, .. } => *size,
            _ => 0,
        }
    }

    /// The target of a symbolic link.
    pub fn link(&self) -> Option<&[u8]> {
        match self {
            Self::Symlink(target) => Some(target),
            _ => None,
        }
    }

    /// A word for it: `file`, `directory`, `symlink`, `hard-link`, `device`, `pipe`, `whiteout`, `opaque`.
    pub fn word(&self) -> &'static str {
        match self {
            Self::File { .. } => "file",
            Self::Directory => "directory",
            Self::Symlink(_) => "symlink",
            Self::HardLink(_) => "hard-link",
            Self::Device => "device",
            Self::Pipe => "pipe",
            Self::Whiteout => "whiteout",
            Self::Opaque => "opaque",
        }
    }
}

/// A directory that no layer names.
pub(super) static IMPLIED: Entry = Entry {
    path: ImagePath::ROOT,
    kind: Kind::Directory,
    mode: 0o755,
    uid: 0,
    gid: 0,
    mtime: 0,
    xattrs: Vec::new(),
};

impl Entry {
    /// Whether this takes something away instead of bringing it.
    pub fn is_whiteout(&self) -> bool {
        matches!(self.kind, Kind::Whiteout | Kind::Opaque)
    }
}

/// Reads a layer's tar to its end. `room` says whether one more member may be kept. The length of the tar is left out.
///
/// # Errors
/// When it is no tar that can be read, or holds more than `limits` or any layer does.
pub(super) fn of_tar(tar: impl Read, limits: &tar::Limits, room: &dyn Fn() -> Result<()>) -> Result<Listing> {
    let mut listing = Listing::default();
    let mut text = 0;
    let mut chunk = vec![0; CHUNK];
    tar::read_layer(tar, limits, |member, content| {
        room()?;
        let named = member.path.clone();
        let taken = of_member(member, content, &mut chunk).context(|| format!("cannot take `{named}`"))?;
        let Some((entry, found)) = taken else { return Ok(()) };
        text += text_of(&entry) + found.as_ref().map_or(0, text_of_found);
        if text > MOST_TEXT {
            return Err(Error::new(format!(
                "its paths, attributes and packages together have more than {MOST_TEXT} bytes"
            )));
        }
        let index = u32::try_from(listing.entries.len()).map_err(|_| Error::new("too many members"))?;
        listing.found.extend(found.map(|found| (index, found)));
        listing.entries.push(entry);
        Ok(())
    })?;
    listing.entries.shrink_to_fit();
    Ok(listing)
}

/// None for what means nothing: notes of a storage driver.
fn of_member(
    member: Member,
    content: &mut dyn Read,
    chunk: &mut [u8],
) -> Result<Option<(Entry, Option<Found>)>> {
    let mut found = None;
    let (path, kind) = match (whiteout::parse(&member.path)?, member.kind) {
        (Some(Whiteout::Path(path)), _) => (path, Kind::Whiteout),
        (Some(Whiteout::Below(path)), _) => (path, Kind::Opaque),
        (Some(Whiteout::Note), _) => return Ok(None),
        (None, MemberKind::File { size }) => {
            let reader = packages::interest(&member.path, member.mode, size);
            let (digest, told) = read_content(content, reader, chunk)?;
            found = told;
            (member.path, Kind::File { size, digest })
        }
        (None, MemberKind::Directory) => (member.path, Kind::Directory),
        (None, MemberKind::Symlink(target)) => (member.path, Kind::Symlink(target)),
        (None, MemberKind::HardLink(path)) => (member.path, Kind::HardLink(path)),
        (None, MemberKind::Device) => (member.path, Kind::Device),
        (None, MemberKind::Fifo) => (member.path, Kind::Pipe),
    };
    let too_big = |what: &str| Error::new(format!("it has a {what} beyond 32 bits"));
    let entry = Entry {
        path,
        kind,
        mode: member.mode,
        uid: u32::try_from(member.uid).map_err(|_| too_big("user id"))?,
        gid: u32::try_from(member.gid).map_err(|_| too_big("group id"))?,
        mtime: member.mtime,
        xattrs: member.xattrs.into_iter().collect(),
    };
    Ok(Some((entry, found)))
}

/// The digest of a content, and what it tells of packages.
fn read_content(
    content: &mut dyn Read,
    reader: Option<packages::Reader>,
    chunk: &mut [u8],
) -> Result<(Digest, Option<Found>)> {
    let mut hashing = HashingReader::new(content);
    let found = reader.map(|reader| reader.read(&mut hashing)).filter(|found| !found.is_empty());
    loop {
        match hashing.read(chunk) {
            Ok(0) => return Ok((hashing.finish().0, found)),
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error.into()),
        }
    }
}

/// What an entry takes in memory that a hostile layer can make long.
fn text_of(entry: &Entry) -> usize {
    let target = match &entry.kind {
        Kind::Symlink(target) => target.len(),
        Kind::HardLink(path) => path.as_bytes().len(),
        _ => 0,
    };
    let xattrs: usize = entry.xattrs.iter().map(|(name, value)| name.len() + value.len()).sum();
    entry.path.as_bytes().len() + target + xattrs
}

/// The same for what a file tells of packages, roughly: each costs some hundred bytes besides its texts.
fn text_of_found(found: &Found) -> usize {
    let files = |files: &packages::Files| {
        let paths = files.paths.iter().chain(&files.folders);
        paths.map(|path| path.as_bytes().len() + size_of::<ImagePath>()).sum::<usize>()
    };
    let packages = found.packages.iter().map(|package| {
        let texts =
            package.name.len() + package.version.len() + package.licence.as_ref().map_or(0, String::len);
        size_of::<packages::Package>() + texts + files(&package.files)
    });
    packages.sum::<usize>() + found.listed.as_ref().map_or(0, |listed| files(&listed.files))
}
