//! The tar writer: ustar headers, and sorted PAX records only where ustar cannot say it.
//!
//! By hand, because the `tar` crate writes long names as GNU records, large owners in base 256 and its own
//! idea of a deterministic date, and cannot put an extended attribute on an entry. Here nothing is written
//! that the caller did not give: no names of owners, no device numbers, no access times.

use std::collections::BTreeMap;
use std::io::{self, Read, Write};

use bareboat_model::{Context, Error, ImagePath, Result};

use super::pax::{self, Records, XATTR, shown};
use super::{BLOCK, LARGEST_EXTENSION, padding};

/// One member to be written.
#[derive(Clone, Copy, Debug)]
pub struct Entry<'a> {
    /// Where it goes.
    pub path: &'a ImagePath,
    /// What it is.
    pub kind: EntryKind<'a>,
    /// Permissions with setuid, setgid and sticky: at most 07777.
    pub mode: u32,
    /// The owner.
    pub uid: u32,
    /// The group.
    pub gid: u32,
    /// Seconds since 1970-01-01 UTC.
    pub mtime: i64,
    /// Extended attributes, such as `security.capability`.
    pub xattrs: &'a BTreeMap<Vec<u8>, Vec<u8>>,
}

/// What a member to be written is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum EntryKind<'a> {
    /// A regular file of `size` bytes.
    File {
        /// The content's size in bytes.
        size: u64,
    },
    /// A directory.
    Directory,
    /// A symbolic link to this target, taken as it is.
    Symlink(&'a [u8]),
    /// Another name of a file that was written before.
    HardLink(&'a ImagePath),
}

/// Writes a tar archive. It is complete only after [`Writer::finish`].
///
/// ```
/// use std::collections::BTreeMap;
/// use bareboat_formats::tar::{Entry, EntryKind, Writer};
/// use bareboat_model::ImagePath;
/// let mut writer = Writer::new(Vec::new());
/// let path = ImagePath::parse(b"etc/motd").unwrap();
/// let kind = EntryKind::File { size: 5 };
/// let entry = Entry { path: &path, kind, mode: 0o644, uid: 0, gid: 0, mtime: 0, xattrs: &BTreeMap::new() };
/// writer.append(&entry, &mut &b"hello"[..]).unwrap();
/// assert_eq!(writer.finish().unwrap().len(), 4 * 512);
/// ```
pub struct Writer<W> {
    inner: W,
}

impl<W: Write> Writer<W> {
    /// Begins an archive.
    pub fn new(inner: W) -> Self {
        Self { inner }
    }

    /// Writes one member. Only a file's `content` is read, to its end.
    ///
    /// # Errors
    /// When the content is not of exactly the size that the entry says, the entry holds what tar cannot
    /// hold, or reading or writing fails. The archive is then unusable.
    pub fn append(&mut self, entry: &Entry<'_>, content: &mut dyn Read) -> Result<()> {
        let archiving = || format!("cannot archive `{}`", entry.path);
        let headers = headers(entry).context(archiving)?;
        self.inner.write_all(&headers)?;
        match entry.kind {
            EntryKind::File { size } => self.write_content(size, content).context(archiving),
            _ => Ok(()),
        }
    }

    /// Writes the two zero blocks that end an archive, and gives the writer back.
    ///
    /// # Errors
    /// When the writer fails.
    pub fn finish(mut self) -> Result<W> {
        self.inner.write_all(&[0; 2 * BLOCK])?;
        Ok(self.inner)
    }

    fn write_content(&mut self, size: u64, content: &mut dyn Read) -> Result<()> {
        let copied = io::copy(&mut content.take(size), &mut self.inner)?;
        if copied < size {
            return Err(Error::new(format!("the content ends after {copied} bytes, expected {size}")));
        }
        if io::copy(&mut content.take(1), &mut io::sink())? != 0 {
            return Err(Error::new(format!("the content is longer than the expected {size} bytes")));
        }
        io::copy(&mut io::repeat(0).take(padding(size)), &mut self.inner)?;
        Ok(())
    }
}

/// The header of an entry, with the extended header before it where one is needed.
fn headers(entry: &Entry<'_>) -> Result<Vec<u8>> {
    let mut header = Header::new(type_flag(entry.kind));
    let mut records = xattr_records(entry.xattrs)?;
    if entry.mode > 0o7777 {
        return Err(Error::new(format!("mode {:o} is larger than 7777", entry.mode)));
    }
    header.put_number(MODE, u64::from(entry.mode));
    for (field, keyword, id) in [(UID, "uid", entry.uid), (GID, "gid", entry.gid)] {
        if !header.put_number(field, u64::from(id)) {
            records.insert(keyword.into(), id.to_string().into());
        }
    }
    if !u64::try_from(entry.mtime).is_ok_and(|mtime| header.put_number(MTIME, mtime)) {
        records.insert(b"mtime".to_vec(), entry.mtime.to_string().into());
    }
    let name = member_name(entry);
    if !header.put_path(&name) {
        records.insert(b"path".to_vec(), name);
    }
    let target = match entry.kind {
        EntryKind::Symlink(target) => link_target(target)?,
        EntryKind::HardLink(path) => path.as_bytes(),
        EntryKind::File { .. } | EntryKind::Directory => b"",
    };
    if !header.put_text(LINK, target) {
        records.insert(b"linkpath".to_vec(), target.to_vec());
    }
    if let EntryKind::File { size } = entry.kind
        && !header.put_number(SIZE, size)
    {
        records.insert(b"size".to_vec(), size.to_string().into());
    }
    let mut out = extended_header(&records)?;
    out.extend_from_slice(&header.finish());
    Ok(out)
}

/// The records as a member of their own, as they stand before the member they speak of. Empty without records.
fn extended_header(records: &Records) -> Result<Vec<u8>> {
    if records.is_empty() {
        return Ok(Vec::new());
    }
    let content = pax::render(records);
    let size = content.len() as u64;
    if size > LARGEST_EXTENSION {
        let message =
            format!("{size} bytes of names and attributes, at most {LARGEST_EXTENSION} are possible");
        return Err(Error::new(message));
    }
    let mut header = Header::new(b'x');
    header.put_path(b"PaxHeaders/0");
    header.put_number(MODE, 0o644);
    header.put_number(SIZE, size);
    let mut out = header.finish().to_vec();
    out.extend_from_slice(&content);
    out.resize(out.len() + padding(size) as usize, 0);
    Ok(out)
}

fn xattr_records(xattrs: &BTreeMap<Vec<u8>, Vec<u8>>) -> Result<Records> {
    let mut records = Records::new();
    for (name, value) in xattrs {
        if name.is_empty() || name.iter().any(|byte| matches!(byte, b'=' | b'\n' | 0)) {
            return Err(Error::new(format!("`{}` cannot name an extended attribute in tar", shown(name))));
        }
        records.insert([XATTR, name].concat(), value.clone());
    }
    Ok(records)
}

fn type_flag(kind: EntryKind<'_>) -> u8 {
    match kind {
        EntryKind::File { .. } => b'0',
        EntryKind::HardLink(_) => b'1',
        EntryKind::Symlink(_) => b'2',
        EntryKind::Directory => b'5',
    }
}

/// Without a leading slash; directories with one at the end; the root as `./`, as it has no name.
fn member_name(entry: &Entry<'_>) -> Vec<u8> {
    let path = entry.path.as_bytes();
    match entry.kind {
        EntryKind::Directory if path.is_empty() => b"./".to_vec(),
        EntryKind::Directory => [path, b"/"].concat(),
        _ => path.to_vec(),
    }
}

fn link_target(target: &[u8]) -> Result<&[u8]> {
    if target.is_empty() || target.contains(&0) {
        return Err(Error::new(format!("`{}` is no target for a link", shown(target))));
    }
    Ok(target)
}

/// Where a field stands in a header.
type Field = std::ops::Range<usize>;

// POSIX pax, "ustar Interchange Format", table "ustar Header Block".
const NAME: Field = 0..100;
const MODE: Field = 100..108;
const UID: Field = 108..116;
const GID: Field = 116..124;
const SIZE: Field = 124..136;
const MTIME: Field = 136..148;
const CHECKSUM: Field = 148..156;
const TYPE: usize = 156;
const LINK: Field = 157..257;
const MAGIC: Field = 257..265;
const DEVICE_MAJOR: Field = 329..337;
const DEVICE_MINOR: Field = 337..345;
const PREFIX: Field = 345..500;

/// A ustar header in the making.
struct Header([u8; BLOCK]);

impl Header {
    /// All numbers zero, all texts empty.
    fn new(type_flag: u8) -> Self {
        let mut header = Self([0; BLOCK]);
        header.0[TYPE] = type_flag;
        header.0[MAGIC].copy_from_slice(b"ustar\x0000");
        for field in [MODE, UID, GID, SIZE, MTIME, DEVICE_MAJOR, DEVICE_MINOR] {
            header.put_number(field, 0);
        }
        header
    }

    /// Puts a number as octal digits and a NUL. False, and zero stays, when the field is too small for it.
    fn put_number(&mut self, field: Field, number: u64) -> bool {
        let digits = field.len() - 1;
        let octal = format!("{number:0digits$o}");
        let fits = octal.len() == digits;
        if fits {
            self.0[field.start..field.start + digits].copy_from_slice(octal.as_bytes());
            self.0[field.end - 1] = 0;
        }
        fits
    }

    /// Puts a text, cut where the field ends. False when that is not the whole text, or when it holds what
    /// ustar leaves undefined: bytes beyond ASCII.
    fn put_text(&mut self, field: Field, text: &[u8]) -> bool {
        let kept = &text[..text.len().min(field.len())];
        self.0[field.start..field.start + kept.len()].copy_from_slice(kept);
        kept.len() == text.len() && text.is_ascii()
    }

    /// Puts a path into the name, and what has no room there into the prefix. False as for a text.
    fn put_path(&mut self, path: &[u8]) -> bool {
        if path.len() <= NAME.len() {
            return self.put_text(NAME, path);
        }
        // The slash between the two is not stored; a directory's last slash belongs to the name.
        let slashes = (0..path.len() - 1).rev().filter(|&at| path[at] == b'/' && at <= PREFIX.len());
        match slashes.take(1).find(|at| path.len() - at - 1 <= NAME.len()) {
            Some(slash) => self.put_text(PREFIX, &path[..slash]) & self.put_text(NAME, &path[slash + 1..]),
            None => self.put_text(NAME, path),
        }
    }

    /// The block, with its checksum: the sum of all bytes with the checksum's own as spaces.
    fn finish(mut self) -> [u8; BLOCK] {
        self.0[CHECKSUM].fill(b' ');
        let sum: u32 = self.0.iter().map(|&byte| u32::from(byte)).sum();
        // Six digits hold 512 × 255; then a NUL and the space that is there.
        let digits = format!("{sum:06o}\0");
        self.0[CHECKSUM.start..CHECKSUM.start + digits.len()].copy_from_slice(digits.as_bytes());
        self.0
    }
}
