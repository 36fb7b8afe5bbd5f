//! One member, from its header and from what extended headers said of it before.

use std::collections::BTreeMap;
use std::fmt;

use bareboat_model::{Context, Error, ImagePath, Result};
use serde::{Deserialize, Serialize};
use tar::{EntryType, Header};

use super::pax::{self, Records, XATTR, shown};

/// One member as it was read.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Member {
    /// Where it goes.
    pub path: ImagePath,
    /// What it is.
    pub kind: MemberKind,
    /// Permissions with setuid, setgid and sticky: at most 07777.
    pub mode: u32,
    /// The owner.
    pub uid: u64,
    /// The group.
    pub gid: u64,
    /// Seconds since 1970-01-01 UTC, rounded down.
    pub mtime: i64,
    /// Extended attributes.
    pub xattrs: BTreeMap<Vec<u8>, Vec<u8>>,
}

/// What a member is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum MemberKind {
    /// A regular file of `size` bytes.
    File {
        /// The content's size in bytes.
        size: u64,
    },
    /// A directory.
    Directory,
    /// A symbolic link to this target, as it was: it may point anywhere. Never empty, without NUL.
    Symlink(Vec<u8>),
    /// Another name of an earlier file.
    HardLink(ImagePath),
    /// A character or block device.
    Device(Device),
    /// A named pipe.
    Fifo,
}

/// Which device: what is behind two of one name may be a disk or nothing.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Device {
    /// Whether it is a block device, and not one of characters.
    pub block: bool,
    /// The number of its driver.
    pub major: u32,
    /// The number that it has there.
    pub minor: u32,
}

/// `char 1:3`
impl fmt::Display for Device {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = if self.block { "block" } else { "char" };
        write!(f, "{kind} {}:{}", self.major, self.minor)
    }
}

impl Member {
    /// The size of the content, which only files have.
    pub(super) fn size(&self) -> u64 {
        match self.kind {
            MemberKind::File { size } => size,
            _ => 0,
        }
    }
}

/// What extended headers said of the member that follows them.
#[derive(Default)]
pub(super) struct Extensions {
    pub(super) pax: Option<Records>,
    pub(super) gnu_name: Option<Vec<u8>>,
    pub(super) gnu_link: Option<Vec<u8>>,
}

impl Extensions {
    pub(super) fn is_empty(&self) -> bool {
        self.pax.is_none() && self.gnu_name.is_none() && self.gnu_link.is_none()
    }

    fn record(&self, keyword: &str) -> Option<&[u8]> {
        // An empty value means that the header's own holds (POSIX pax, "pax Extended Header").
        let value = self.pax.as_ref()?.get(keyword.as_bytes())?;
        Some(&value[..]).filter(|value| !value.is_empty())
    }

    fn number(&self, keyword: &str) -> Result<Option<u64>> {
        let wrong = |text: &[u8]| Error::new(format!("PAX {keyword} `{}` is not a number", shown(text)));
        self.record(keyword).map(|text| pax::number(text).ok_or_else(|| wrong(text))).transpose()
    }
}

/// The member's name, wherever it stands.
pub(super) fn path(header: &Header, extensions: &Extensions) -> Result<ImagePath> {
    match (extensions.record("path"), &extensions.gnu_name) {
        (Some(_), Some(_)) => Err(Error::new("it has two long names, one of PAX and one of GNU")),
        (Some(name), None) => ImagePath::parse(name),
        (None, Some(name)) => ImagePath::parse(name),
        (None, None) => ImagePath::parse(&header_path(header)),
    }
}

/// The name of a header alone, with its prefix.
fn header_path(header: &Header) -> Vec<u8> {
    header.path_bytes().into_owned()
}

/// A member from its header and what was said of it before.
pub(super) fn from_header(header: &Header, extensions: &Extensions, path: ImagePath) -> Result<Member> {
    let no_number = |field: &str| Error::new(format!("its {field} is not a number"));
    let sparse = |keyword: &&Vec<u8>| keyword.starts_with(b"GNU.sparse.");
    if extensions.pax.as_ref().is_some_and(|records| records.keys().find(sparse).is_some()) {
        return Err(Error::new("it is a sparse file, which is not supported"));
    }
    let size = match extensions.number("size")? {
        Some(size) => size,
        None => size_field(header)?,
    };
    let uid = match extensions.number("uid")? {
        Some(uid) => uid,
        None => header.uid().map_err(|_| no_number("owner"))?,
    };
    let gid = match extensions.number("gid")? {
        Some(gid) => gid,
        None => header.gid().map_err(|_| no_number("group"))?,
    };
    let mtime = match extensions.record("mtime") {
        Some(text) => pax::seconds(text).ok_or_else(|| no_number("PAX mtime"))?,
        None => mtime_field(header)?,
    };
    let kind = kind(header, extensions, size)?;
    if path.is_root() && kind != MemberKind::Directory {
        return Err(Error::new("the root can only be a directory"));
    }
    let mode = header.mode().map_err(|_| no_number("mode"))? & 0o7777;
    Ok(Member { path, kind, mode, uid, gid, mtime, xattrs: xattrs(extensions) })
}

fn kind(header: &Header, extensions: &Extensions, size: u64) -> Result<MemberKind> {
    // Before POSIX, directories were files whose name ends in a slash; many readers still take them so.
    let slash_at_the_end = || {
        let long = extensions.record("path").or(extensions.gnu_name.as_deref());
        long.map_or_else(|| header_path(header).ends_with(b"/"), |name| name.ends_with(b"/"))
    };
    let kind = match header.entry_type() {
        EntryType::Regular | EntryType::Continuous if slash_at_the_end() => MemberKind::Directory,
        EntryType::Regular | EntryType::Continuous => MemberKind::File { size },
        EntryType::Directory => MemberKind::Directory,
        EntryType::Symlink => MemberKind::Symlink(symlink_target(header, extensions)?),
        EntryType::Link => MemberKind::HardLink(hard_link_target(header, extensions)?),
        EntryType::Char | EntryType::Block => MemberKind::Device(device(header)?),
        EntryType::Fifo => MemberKind::Fifo,
        EntryType::GNUSparse => return Err(Error::new("it is a sparse file, which is not supported")),
        other => {
            let flag = char::from(other.as_byte()).escape_default();
            return Err(Error::new(format!("it is of an unknown type `{flag}`")));
        }
    };
    match kind {
        MemberKind::File { .. } => Ok(kind),
        _ if size == 0 => Ok(kind),
        _ => Err(Error::new(format!("it is no regular file, but has a content of {size} bytes"))),
    }
}

fn device(header: &Header) -> Result<Device> {
    // Both fields end the part of a header that POSIX and GNU have alike ("ustar Interchange Format"); blank is nought.
    let number = |given: std::io::Result<Option<u32>>, field: &[u8]| match given {
        Ok(number) => Ok(number.unwrap_or_default()),
        Err(_) if field.iter().all(|byte| matches!(byte, 0 | b' ')) => Ok(0),
        Err(_) => Err(Error::new("its device number is not a number")),
    };
    let fields = header.as_bytes();
    Ok(Device {
        block: header.entry_type() == EntryType::Block,
        major: number(header.device_major(), &fields[329..337])?,
        minor: number(header.device_minor(), &fields[337..345])?,
    })
}

fn link_target(header: &Header, extensions: &Extensions) -> Result<Vec<u8>> {
    match (extensions.record("linkpath"), &extensions.gnu_link) {
        (Some(_), Some(_)) => Err(Error::new("it has two long link targets, one of PAX and one of GNU")),
        (Some(target), None) => Ok(target.to_vec()),
        (None, Some(target)) => Ok(target.clone()),
        (None, None) => Ok(header.link_name_bytes().map(|target| target.into_owned()).unwrap_or_default()),
    }
}

fn hard_link_target(header: &Header, extensions: &Extensions) -> Result<ImagePath> {
    let target = ImagePath::parse(&link_target(header, extensions)?).context(|| "its link target")?;
    if target.is_root() {
        return Err(Error::new("its link target is not a file"));
    }
    Ok(target)
}

fn symlink_target(header: &Header, extensions: &Extensions) -> Result<Vec<u8>> {
    let target = link_target(header, extensions)?;
    // Linux's PATH_MAX, with its NUL.
    if target.is_empty() || target.contains(&0) || target.len() > 4095 {
        return Err(Error::new(format!("its link target `{}` is none that Linux takes", shown(&target))));
    }
    Ok(target)
}

fn xattrs(extensions: &Extensions) -> BTreeMap<Vec<u8>, Vec<u8>> {
    let records = extensions.pax.iter().flatten();
    records
        .filter_map(|(keyword, value)| Some((keyword.strip_prefix(XATTR)?.to_vec(), value.clone())))
        .collect()
}

/// The size in the header itself: octal, or GNU's base 256 where it is marked so by the first bit.
pub(super) fn size_field(header: &Header) -> Result<u64> {
    let field = &header.as_old().size;
    let beyond_64_bits = field[0] & 0x80 != 0 && (field[0] != 0x80 || field[1..4] != [0; 3]);
    match header.entry_size() {
        Ok(size) if !beyond_64_bits => Ok(size),
        _ => Err(Error::new("its size is not a number")),
    }
}

/// The time in the header itself: as the size, but it may be negative.
fn mtime_field(header: &Header) -> Result<i64> {
    let field = &header.as_old().mtime;
    let wrong = || Error::new("its mtime is not a number");
    // Base 256 is two's complement: all bits above the last 64 repeat the sign.
    if let ([0xff, 0xff, 0xff, 0xff], Some(bytes)) = (&field[..4], field.last_chunk::<8>()) {
        return Some(i64::from_be_bytes(*bytes)).filter(|mtime| *mtime < 0).ok_or_else(wrong);
    }
    header.mtime().ok().and_then(|mtime| i64::try_from(mtime).ok()).ok_or_else(wrong)
}
