//! The tar reader: one pass, bounded, and strict where readers disagree.
//!
//! Single headers are decoded by the `tar` crate. The walk from member to member is by hand, because the
//! crate's reads extended headers of any size into memory, splits PAX records at newlines, and lets a tar
//! end without its end marker.

use std::fmt;
use std::io::{self, Read};

use bareboat_model::{Context, Error, ImagePath, Result};
use tar::{EntryType, Header};

use super::member::{self, Extensions, Member};
use super::pax::{self, shown};
use super::{LARGEST_EXTENSION, padding};
use crate::compress::Limited;

/// tar pads an archive to whole records: 10 KiB unless told otherwise, and of tape drives never more than this.
const LARGEST_RECORD: u64 = 16 << 20;

/// How much one archive may hold.
///
/// The default is beyond what packages and layers hold, and stops a bomb before it fills a disk.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Limits {
    /// The most members.
    pub members: u64,
    /// The most bytes of the whole archive, unpacked.
    pub unpacked: u64,
}

/// 2 million members, 32 GiB.
impl Default for Limits {
    fn default() -> Self {
        Self { members: 2_000_000, unpacked: 32 << 30 }
    }
}

impl Limits {
    /// What a package or layer of `size` bytes may unpack to. Text and zeros shrink a lot, but nothing of Debian's is
    /// both large and 200 times smaller; bombs are 1,000 times and more.
    #[must_use]
    pub fn of_compressed(size: u64) -> Self {
        let most = Self::default();
        let unpacked = (64 << 20) + size.saturating_mul(200);
        Self { unpacked: unpacked.min(most.unpacked), ..most }
    }

    /// What a layer of anybody's image of `size` bytes may unpack to. Such layers hold files of hundreds of megabytes of zeros,
    /// such as databases made beforehand and /var/log/lastlog, in which each user has a place by his number.
    #[must_use]
    pub fn of_layer(size: u64) -> Self {
        let most = Self::default();
        let unpacked = (2 << 30) + size.saturating_mul(200);
        Self { unpacked: unpacked.min(most.unpacked), ..most }
    }

    /// The same for a layer that is looked at and written nowhere: zeros take time then, and no room. Who copies a sparse file
    /// of 10 GB into an image has a layer of 10 MB.
    #[must_use]
    pub fn of_layer_looked_at(size: u64) -> Self {
        let most = Self::default();
        let unpacked = (12 << 30) + size.saturating_mul(200);
        Self { unpacked: unpacked.min(most.unpacked), ..most }
    }
}

/// Reads an archive to its end and gives each member to `each`, with its content. What `each` leaves of a
/// content is skipped; only files have one.
///
/// PAX and GNU long names are understood. Refused are sparse files, members of unknown types, PAX global
/// headers that change members, contents of what has none, names that come twice, and bytes after the end:
/// readers disagree about all of these.
///
/// # Errors
/// When the archive is broken, truncated, or larger than `limits`; the message names the member and its
/// number. What `each` fails with is passed on as it is.
pub fn read(
    reader: impl Read,
    limits: &Limits,
    each: impl FnMut(Member, &mut dyn Read) -> Result<()>,
) -> Result<()> {
    members(reader, limits, End::Marked, each)?.read_end()
}

/// As [`read`], for the layer of an image: whatever follows the end marker is skipped, as the engines do. eStargz keeps its
/// table of contents there (containerd's stargz-snapshotter, docs/estargz.md). There may be no end marker after a member:
/// `umoci insert` writes none. What was cut off there has another digest.
///
/// # Errors
/// As [`read`].
pub fn read_layer(
    reader: impl Read,
    limits: &Limits,
    each: impl FnMut(Member, &mut dyn Read) -> Result<()>,
) -> Result<()> {
    let mut source = members(reader, limits, End::MarkedOrNot, each)?;
    io::copy(&mut source.reader, &mut io::sink())?;
    Ok(())
}

/// How an archive ends.
#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    Marked,
    MarkedOrNot,
}

/// Reads up to the end marker.
fn members<R: Read>(
    reader: R,
    limits: &Limits,
    end: End,
    mut each: impl FnMut(Member, &mut dyn Read) -> Result<()>,
) -> Result<Source<R>> {
    let source = Source { reader: Limited::new(reader, limits.unpacked), position: 0 };
    let mut archive = Archive { source, most: limits.members, number: 0, end };
    while let Some(member) = archive.next_member()? {
        let size = member.size();
        let name = MemberName { number: archive.number, path: member.path.clone() };
        // What is too much is not read first.
        if archive.source.position.saturating_add(size) > limits.unpacked {
            let message = format!("unpacks to more than {} bytes", limits.unpacked);
            return Err(Error::new(message).context(&name));
        }
        let mut content = Content { source: &mut archive.source, left: size, name };
        each(member, &mut content)?;
        content.skip_rest()?;
        archive.source.skip(padding(size))?;
    }
    Ok(archive.source)
}

/// The bytes of the archive, counted and limited.
struct Source<R> {
    reader: Limited<R>,
    position: u64,
}

impl<R: Read> Source<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n = self.reader.read(buffer)?;
        self.position += n as u64;
        Ok(n)
    }

    /// Fills `buffer`, or fails.
    fn read_exact(&mut self, buffer: &mut [u8]) -> Result<()> {
        let is_filled = self.read_exact_or_nothing(buffer)?;
        if is_filled || buffer.is_empty() { Ok(()) } else { Err(self.too_early()) }
    }

    /// The same, but says when there is not one more byte.
    fn read_exact_or_nothing(&mut self, mut buffer: &mut [u8]) -> Result<bool> {
        let begin = self.position;
        while !buffer.is_empty() {
            match self.read(buffer) {
                Ok(0) if self.position == begin => return Ok(false),
                Ok(0) => return Err(self.too_early()),
                Ok(n) => buffer = &mut buffer[n..],
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(true)
    }

    fn too_early(&self) -> Error {
        Error::new(format!("the archive ends too early, at byte {}", self.position))
    }

    fn skip(&mut self, mut count: u64) -> Result<()> {
        let mut scrap = [0; 16 << 10];
        while count > 0 {
            let n = count.min(scrap.len() as u64);
            self.read_exact(&mut scrap[..n as usize])?;
            count -= n;
        }
        Ok(())
    }

    /// Reads the whole content of an extended header.
    fn read_extension(&mut self, size: u64) -> Result<Vec<u8>> {
        if size > LARGEST_EXTENSION {
            return Err(Error::new(format!(
                "{size} bytes of names and attributes, at most {LARGEST_EXTENSION} are read"
            )));
        }
        let mut content = vec![0; size as usize];
        self.read_exact(&mut content)?;
        self.skip(padding(size))?;
        Ok(content)
    }

    /// Reads what follows the end marker, which can only be zeros up to the end of a record; also so that a
    /// decoder below sees its own end and checks its checksum.
    fn read_end(&mut self) -> Result<()> {
        let end = self.position;
        let mut scrap = [0; 16 << 10];
        loop {
            let at = self.position;
            match self.read(&mut scrap) {
                Ok(0) => return Ok(()),
                Ok(_) if self.position - end > LARGEST_RECORD => {
                    return Err(Error::new(format!(
                        "the archive goes on for more than {LARGEST_RECORD} bytes after its end marker"
                    )));
                }
                Ok(n) if scrap[..n].iter().all(|&byte| byte == 0) => {}
                Ok(_) => {
                    return Err(Error::new(format!(
                        "the archive goes on after its end marker, after byte {at}"
                    )));
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error.into()),
            }
        }
    }
}

/// The content of one member: exactly as many bytes as its header said, or an error.
struct Content<'a, R> {
    source: &'a mut Source<R>,
    left: u64,
    name: MemberName,
}

impl<R: Read> Content<'_, R> {
    fn skip_rest(self) -> Result<()> {
        self.source.skip(self.left).context(|| &self.name)
    }
}

impl<R: Read> Read for Content<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let room = usize::try_from(self.left).map_or(buffer.len(), |left| left.min(buffer.len()));
        if room == 0 {
            return Ok(0);
        }
        let n = match self.source.read(&mut buffer[..room]) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => return Err(error),
            result => result.context(|| &self.name)?,
        };
        if n == 0 {
            let message = format!("its content ends {} bytes too early", self.left);
            return Err(Error::new(message).context(&self.name).into());
        }
        self.left -= n as u64;
        Ok(n)
    }
}

/// A member for messages: ``member 3 (`/usr/bin/env`)``.
struct MemberName {
    number: u64,
    path: ImagePath,
}

impl fmt::Display for MemberName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "member {} (`{}`)", self.number, self.path)
    }
}

struct Archive<R> {
    source: Source<R>,
    /// The most members.
    most: u64,
    /// Of the member that was read last, counted from 1.
    number: u64,
    end: End,
}

impl<R: Read> Archive<R> {
    /// The next member; none at the end marker.
    fn next_member(&mut self) -> Result<Option<Member>> {
        self.number += 1;
        let number = self.number;
        let in_member = || format!("member {number}");
        if number > self.most {
            let limit = self.most;
            // Only a further member is too much; the end marker is not one.
            return match self.next_header().context(in_member)? {
                None => Ok(None),
                Some(_) => Err(Error::new(format!("the archive has more than {limit} members"))),
            };
        }
        let mut extensions = Extensions::default();
        while let Some(header) = self.next_header().context(in_member)? {
            if !self.take_extension(&header, &mut extensions).context(in_member)? {
                let path = member::path(&header, &extensions).context(in_member)?;
                let name = MemberName { number, path: path.clone() };
                return member::from_header(&header, &extensions, path).context(|| name).map(Some);
            }
        }
        if !extensions.is_empty() {
            return Err(Error::new("the archive ends after an extended header").context(in_member()));
        }
        Ok(None)
    }

    /// The next header with a right checksum; none for a block of zeros.
    fn next_header(&mut self) -> Result<Option<Header>> {
        let at = self.source.position;
        let mut header = Header::new_old();
        if !self.source.read_exact_or_nothing(header.as_mut_bytes())? {
            return match self.end {
                End::MarkedOrNot => Ok(None),
                End::Marked => Err(self.source.too_early()),
            };
        }
        if header.as_bytes().iter().all(|&byte| byte == 0) {
            return Ok(None);
        }
        let sum: u32 = header.as_bytes().iter().map(|&byte| u32::from(byte)).sum();
        let own: u32 = header.as_old().cksum.iter().map(|&byte| u32::from(byte)).sum();
        let (found, expected) = (header.cksum().ok(), sum - own + 8 * u32::from(b' '));
        if found != Some(expected) {
            let found = found.map_or("no number".to_owned(), |found| format!("{found:o}"));
            return Err(Error::new(format!(
                "no tar header at byte {at}: its checksum is {found}, expected {expected:o}"
            )));
        }
        Ok(Some(header))
    }

    /// Takes a header that only speaks of the next one. False when it is a member's own.
    fn take_extension(&mut self, header: &Header, extensions: &mut Extensions) -> Result<bool> {
        let twice = |what: &str| Err(Error::new(format!("it has two {what}")));
        match header.entry_type() {
            EntryType::XHeader => {
                let records = pax::parse(&self.source.read_extension(member::size_field(header)?)?)?;
                if extensions.pax.replace(records).is_some() {
                    return twice("PAX headers");
                }
            }
            EntryType::GNULongName => {
                let name = self.source.read_extension(member::size_field(header)?)?;
                if extensions.gnu_name.replace(until_nul(name)).is_some() {
                    return twice("GNU long names");
                }
            }
            EntryType::GNULongLink => {
                let name = self.source.read_extension(member::size_field(header)?)?;
                if extensions.gnu_link.replace(until_nul(name)).is_some() {
                    return twice("GNU long link targets");
                }
            }
            EntryType::XGlobalHeader => {
                let records = pax::parse(&self.source.read_extension(member::size_field(header)?)?)?;
                // `git archive` notes the commit there. All else would change every later member.
                if let Some(keyword) = records.keys().find(|keyword| *keyword != b"comment") {
                    let message =
                        format!("a PAX global header sets `{}`, which is not supported", shown(keyword));
                    return Err(Error::new(message));
                }
            }
            _ => return Ok(false),
        }
        Ok(true)
    }
}

/// GNU ends long names with a NUL.
fn until_nul(mut name: Vec<u8>) -> Vec<u8> {
    if let Some(nul) = name.iter().position(|&byte| byte == 0) {
        name.truncate(nul);
    }
    name
}
