//! What a layer says of a path, without the bytes of contents: what is kept of a tar once it was read.

use std::io::{BufRead, Write};

use bareboat_model::{Digest, Error, ImagePath, Result, bytes_as_text};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::tar::{Device, Member, MemberKind};
use crate::whiteout;

/// What an allocation takes beside its bytes: what the allocator rounds up and keeps, and for paths two counts.
pub const AN_ALLOCATION: usize = 40;

/// A member of a layer's tar. `C` is what whoever read it knows of a file's content.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Entry<C> {
    /// Where the layer has it: no link was followed, and whiteouts have the names that make them such.
    #[serde(with = "bytes_as_text::path")]
    pub path: ImagePath,
    /// What it is.
    pub kind: Kind<C>,
    /// Permission bits, set-id and sticky bits included (07777).
    pub mode: u32,
    /// Numeric owner.
    pub uid: u32,
    /// Numeric group.
    pub gid: u32,
    /// Seconds since the epoch.
    pub mtime: i64,
    /// Extended attributes, by name; most often none.
    #[serde(default, skip_serializing_if = "<[_]>::is_empty")]
    pub xattrs: Box<[(Vec<u8>, Vec<u8>)]>,
}

/// What an [`Entry`] is.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind<C> {
    /// A regular file.
    File(C),
    /// A directory.
    Directory,
    /// A symbolic link to this target, as written.
    #[serde(with = "bytes_as_text")]
    Symlink(Vec<u8>),
    /// Another name of the file that is at this path.
    #[serde(with = "bytes_as_text::path")]
    HardLink(ImagePath),
    /// A character or block device.
    Device(Device),
    /// A named pipe.
    Pipe,
    /// Nothing by itself: its name says what it takes away from lower layers ([`crate::whiteout`]).
    Whiteout,
}

/// The content of a file, by what it is.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Content {
    /// How many bytes.
    pub size: u64,
    /// The digest of the bytes.
    pub digest: Digest,
}

impl<C> Entry<C> {
    /// Takes over what a tar says. `content` is asked for that of a file, given its size.
    ///
    /// # Errors
    /// When a number is beyond what Linux takes, a whiteout takes nothing away that has a name, and those of `content`.
    pub fn of_member(member: Member, content: impl FnOnce(u64) -> Result<C>) -> Result<Self> {
        let path = &member.path;
        let too_big = |what: &str| Error::new(format!("`{path}` has a {what} beyond 32 bits"));
        let kind = match (whiteout::parse(path)?, member.kind) {
            (Some(_), _) => Kind::Whiteout,
            (None, MemberKind::File { size }) => Kind::File(content(size)?),
            (None, MemberKind::Directory) => Kind::Directory,
            (None, MemberKind::Symlink(target)) => Kind::Symlink(target),
            (None, MemberKind::HardLink(target)) => Kind::HardLink(target),
            (None, MemberKind::Device(device)) => Kind::Device(device),
            (None, MemberKind::Fifo) => Kind::Pipe,
        };
        Ok(Self {
            kind,
            mode: member.mode,
            uid: u32::try_from(member.uid).map_err(|_| too_big("user id"))?,
            gid: u32::try_from(member.gid).map_err(|_| too_big("group id"))?,
            mtime: member.mtime,
            xattrs: member.xattrs.into_iter().collect(),
            path: member.path,
        })
    }

    /// A directory that no layer names: something was put below it.
    pub fn implied(path: ImagePath) -> Self {
        Self { path, kind: Kind::Directory, mode: 0o755, uid: 0, gid: 0, mtime: 0, xattrs: Box::default() }
    }

    /// What it takes in memory, about: a hostile layer can make much of that.
    pub fn memory(&self) -> usize {
        let target = match &self.kind {
            Kind::Symlink(target) => target.len() + AN_ALLOCATION,
            Kind::HardLink(path) => path.as_bytes().len() + AN_ALLOCATION,
            _ => 0,
        };
        let xattr = |(name, value): &(Vec<u8>, Vec<u8>)| 3 * AN_ALLOCATION + name.len() + value.len();
        let xattrs = self.xattrs.iter().map(xattr).sum::<usize>();
        size_of::<Self>() + AN_ALLOCATION + self.path.as_bytes().len() + target + xattrs
    }
}

impl<C> Kind<C> {
    /// Whether this is a directory.
    pub fn is_directory(&self) -> bool {
        matches!(self, Self::Directory)
    }

    /// What is known of a file's content; nothing else has one.
    pub fn content(&self) -> Option<&C> {
        match self {
            Self::File(content) => Some(content),
            _ => None,
        }
    }

    /// The target of a symbolic link.
    pub fn link(&self) -> Option<&[u8]> {
        match self {
            Self::Symlink(target) => Some(target),
            _ => None,
        }
    }

    /// Which device it is; nothing else is one.
    pub fn device(&self) -> Option<&Device> {
        match self {
            Self::Device(device) => Some(device),
            _ => None,
        }
    }

    /// A word for it: `file`, `directory`, `symlink`, `hard-link`, `device`, `pipe`, `whiteout`.
    pub fn word(&self) -> &'static str {
        match self {
            Self::File(_) => "file",
            Self::Directory => "directory",
            Self::Symlink(_) => "symlink",
            Self::HardLink(_) => "hard-link",
            Self::Device(_) => "device",
            Self::Pipe => "pipe",
            Self::Whiteout => "whiteout",
        }
    }
}

impl Kind<Content> {
    /// The length of a file's content; nothing else has one.
    pub fn size(&self) -> u64 {
        self.content().map_or(0, |content| content.size)
    }
}

/// Writes a line for each value, so that they can be read without holding more than one line.
///
/// # Errors
/// Those of `out`.
pub fn write_lines<'a, T: Serialize + 'a>(
    values: impl IntoIterator<Item = &'a T>,
    out: &mut impl Write,
) -> Result<()> {
    for value in values {
        serde_json::to_writer(&mut *out, value).map_err(|error| Error::new(error.to_string()))?;
        out.write_all(b"\n")?;
    }
    Ok(())
}

/// Reads what [`write_lines`] wrote.
pub fn read_lines<T: DeserializeOwned>(mut lines: impl BufRead) -> impl Iterator<Item = Result<T>> {
    let mut line = Vec::new();
    std::iter::from_fn(move || {
        line.clear();
        match lines.read_until(b'\n', &mut line) {
            Ok(0) => None,
            Ok(_) => Some(serde_json::from_slice(&line).map_err(|error| Error::new(error.to_string()))),
            Err(error) => Some(Err(error.into())),
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_read_as_they_were_written() {
        let path = |bytes: &[u8]| ImagePath::parse(bytes).unwrap();
        let entry = |name: &[u8], kind| Entry { kind, ..Entry::implied(path(name)) };
        let entries = [
            entry(b"", Kind::Directory),
            entry(b"a\xff\n", Kind::File(7_u64)),
            entry(b"l", Kind::Symlink(b"../\xfe".to_vec())),
            entry(b"h", Kind::HardLink(path(b"a\xff\n"))),
            Entry { xattrs: [(b"user.x".to_vec(), b"\0".to_vec())].into(), ..entry(b"p", Kind::Pipe) },
            entry(b"d", Kind::Device(Device { block: true, major: 8, minor: 0 })),
        ];
        let mut lines = Vec::new();
        write_lines(&entries, &mut lines).unwrap();
        assert_eq!(lines.iter().filter(|&&byte| byte == b'\n').count(), entries.len());
        assert_eq!(read_lines::<Entry<u64>>(&lines[..]).collect::<Result<Vec<_>>>().unwrap(), entries);
        lines.truncate(lines.len() - 3);
        assert!(read_lines::<Entry<u64>>(&lines[..]).last().unwrap().is_err());
    }
}
