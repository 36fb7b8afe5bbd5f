//! What one layer holds, without the contents: a line for each member of its tar.

use std::io::{self, Read};

use bareboat_formats::tar::{self, Member, MemberKind};
use bareboat_formats::whiteout::{self, Whiteout};
use bareboat_model::{Context, Digest, Error, Hasher, ImagePath, Result, bytes_as_text};
use serde::{Deserialize, Serialize};

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
}

impl Listing {
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

/// Reads a layer's tar to its end. `room` says whether one more member may be kept.
///
/// # Errors
/// When it is no tar that can be read, or holds more than `limits` or any layer does.
pub(super) fn of_tar(
    tar: impl Read,
    limits: &tar::Limits,
    room: &dyn Fn() -> Result<()>,
) -> Result<Vec<Entry>> {
    let mut entries = Vec::new();
    let mut text = 0;
    let mut chunk = vec![0; CHUNK];
    tar::read(tar, limits, |member, content| {
        room()?;
        let named = member.path.clone();
        let entry = of_member(member, content, &mut chunk).context(|| format!("cannot take `{named}`"))?;
        text += entry.as_ref().map_or(0, text_of);
        if text > MOST_TEXT {
            return Err(Error::new(format!(
                "its paths and attributes together have more than {MOST_TEXT} bytes"
            )));
        }
        entries.extend(entry);
        Ok(())
    })?;
    entries.shrink_to_fit();
    Ok(entries)
}

/// None for what means nothing: notes of a storage driver.
fn of_member(member: Member, content: &mut dyn Read, chunk: &mut [u8]) -> Result<Option<Entry>> {
    let (path, kind) = match whiteout::parse(&member.path)? {
        Some(Whiteout::Path(path)) => (path, Kind::Whiteout),
        Some(Whiteout::Below(path)) => (path, Kind::Opaque),
        Some(Whiteout::Note) => return Ok(None),
        None => (member.path, kind(member.kind, content, chunk)?),
    };
    let too_big = |what: &str| Error::new(format!("it has a {what} beyond 32 bits"));
    Ok(Some(Entry {
        path,
        kind,
        mode: member.mode,
        uid: u32::try_from(member.uid).map_err(|_| too_big("user id"))?,
        gid: u32::try_from(member.gid).map_err(|_| too_big("group id"))?,
        mtime: member.mtime,
        xattrs: member.xattrs.into_iter().collect(),
    }))
}

fn kind(kind: MemberKind, content: &mut dyn Read, chunk: &mut [u8]) -> Result<Kind> {
    Ok(match kind {
        MemberKind::File { size } => Kind::File { size, digest: digest(content, chunk)? },
        MemberKind::Directory => Kind::Directory,
        MemberKind::Symlink(target) => Kind::Symlink(target),
        MemberKind::HardLink(path) => Kind::HardLink(path),
        MemberKind::Device => Kind::Device,
        MemberKind::Fifo => Kind::Pipe,
    })
}

fn digest(content: &mut dyn Read, chunk: &mut [u8]) -> Result<Digest> {
    let mut hasher = Hasher::new();
    loop {
        match content.read(chunk) {
            Ok(0) => return Ok(hasher.finish()),
            Ok(n) => hasher.update(&chunk[..n]),
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
