//! The outer archive of a Debian package: `ar`, of which deb(5) uses the simplest form.
//!
//! By hand, because it is sixty bytes a member, and the strictness is the point.

use std::io::{self, Read};

use bareboat_model::{Context, Error, Result, escape};

/// What an archive begins with.
const MAGIC: &[u8; 8] = b"!<arch>\n";
/// The size of a member's header.
const HEADER: usize = 60;
/// What a member's header ends with.
const HEADER_END: &[u8] = b"`\n";

/// What a member's header says.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Header {
    /// The name, of at most 16 printable ASCII characters, without GNU's `/` at the end.
    pub name: String,
    /// Seconds since 1970-01-01 UTC.
    pub mtime: i64,
    /// The content's size in bytes.
    pub size: u64,
}

/// Reads an archive member by member.
///
/// ```
/// use std::io::Read;
/// use bareboat_formats::ar::Reader;
/// let archive = b"!<arch>\nhello           0           0     0     100644  3         `\nhi!\n";
/// let mut reader = Reader::new(&archive[..]).unwrap();
/// let header = reader.next_member().unwrap().unwrap();
/// assert_eq!((header.name.as_str(), header.size), ("hello", 3));
/// let mut content = String::new();
/// reader.content().read_to_string(&mut content).unwrap();
/// assert_eq!(content, "hi!");
/// assert!(reader.next_member().unwrap().is_none());
/// ```
pub struct Reader<R> {
    inner: R,
    /// How many bytes were read.
    position: u64,
    /// The name and rest of the member that was read last.
    name: String,
    left: u64,
    padded: bool,
}

impl<R: Read> Reader<R> {
    /// Reads the magic.
    ///
    /// # Errors
    /// When it is another, or reading fails.
    pub fn new(inner: R) -> Result<Self> {
        let mut reader = Self { inner, position: 0, name: String::new(), left: 0, padded: false };
        let mut magic = [0; MAGIC.len()];
        let read = reader.fill(&mut magic)?;
        if magic != *MAGIC {
            let found = escape(&String::from_utf8_lossy(&magic[..read]));
            return Err(Error::new(format!(
                "no ar archive: it begins with `{found}`, expected `!<arch>\\n`"
            )));
        }
        Ok(reader)
    }

    /// Skips what is left of the last member and reads the header of the next; none at the end.
    ///
    /// # Errors
    /// When the archive is broken or truncated; the message names the offset.
    pub fn next_member(&mut self) -> Result<Option<Header>> {
        self.skip_rest()?;
        let at = self.position;
        let mut bytes = [0; HEADER];
        match self.fill(&mut bytes)? {
            0 => return Ok(None),
            HEADER => {}
            read => {
                return Err(ends_too_early(at + read as u64).context(format_args!("ar header at byte {at}")));
            }
        }
        let header = parse(&bytes).context(|| format!("ar header at byte {at}"))?;
        self.name.clone_from(&header.name);
        self.left = header.size;
        self.padded = header.size % 2 == 1;
        Ok(Some(header))
    }

    /// The content of the member that was read last: exactly its size, or an error.
    pub fn content(&mut self) -> impl Read + '_ {
        Content(self)
    }

    fn skip_rest(&mut self) -> Result<()> {
        let mut scrap = [0; 16 << 10];
        while self.left > 0 {
            self.read_content(&mut scrap)?;
        }
        // Contents of odd size are followed by one byte, so that headers stand at even offsets.
        if std::mem::take(&mut self.padded) && self.fill(&mut [0])? == 0 {
            return Err(ends_too_early(self.position).context(format_args!("ar member `{}`", self.name)));
        }
        Ok(())
    }

    fn read_content(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let room = usize::try_from(self.left).map_or(buffer.len(), |left| left.min(buffer.len()));
        if room == 0 {
            return Ok(0);
        }
        let n = self.inner.read(&mut buffer[..room])?;
        if n == 0 {
            let error = ends_too_early(self.position).context(format_args!("ar member `{}`", self.name));
            return Err(error.into());
        }
        self.position += n as u64;
        self.left -= n as u64;
        Ok(n)
    }

    /// Reads until the buffer is full or the input ends, and says how far it came.
    fn fill(&mut self, buffer: &mut [u8]) -> Result<usize> {
        let mut filled = 0;
        while filled < buffer.len() {
            match self.inner.read(&mut buffer[filled..]) {
                Ok(0) => break,
                Ok(n) => filled += n,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error.into()),
            }
        }
        self.position += filled as u64;
        Ok(filled)
    }
}

struct Content<'a, R>(&'a mut Reader<R>);

impl<R: Read> Read for Content<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.read_content(buffer)
    }
}

fn ends_too_early(position: u64) -> Error {
    Error::new(format!("the archive ends too early, at byte {position}"))
}

/// The fields: name 16, mtime 12, owner 6, group 6, mode 8, size 10, end 2.
fn parse(bytes: &[u8; HEADER]) -> Result<Header> {
    if &bytes[58..] != HEADER_END {
        return Err(Error::new("no ar header: it does not end in a backquote and a newline"));
    }
    let mtime = number(&bytes[16..28]).ok_or_else(|| bad_field("mtime", &bytes[16..28]))?;
    let size = number(&bytes[48..58]).ok_or_else(|| bad_field("size", &bytes[48..58]))?;
    Ok(Header { name: name(&bytes[..16])?, mtime, size: size.unsigned_abs() })
}

fn name(field: &[u8]) -> Result<String> {
    let name = field.trim_ascii_end();
    let wrong = |why: &str| Err(Error::new(format!("`{}` {why}", escape(&String::from_utf8_lossy(name)))));
    if name.starts_with(b"/") || name.starts_with(b"#1/") {
        return wrong("is a long name or an index, which packages do not have");
    }
    let name = name.strip_suffix(b"/").unwrap_or(name);
    if name.is_empty() || !name.iter().all(|byte| byte.is_ascii_graphic() && *byte != b'/') {
        return wrong("is no name for a member");
    }
    Ok(String::from_utf8_lossy(name).into_owned())
}

/// Decimal digits, then spaces. At most twelve digits: an `i64` holds them.
fn number(field: &[u8]) -> Option<i64> {
    let digits = field.trim_ascii_end();
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    std::str::from_utf8(digits).ok()?.parse().ok()
}

fn bad_field(which: &str, field: &[u8]) -> Error {
    Error::new(format!("its {which} `{}` is not a number", escape(&String::from_utf8_lossy(field))))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn member(name: &str, mtime: &str, size: &str, content: &[u8]) -> Vec<u8> {
        let header = format!("{name:<16}{mtime:<12}0     0     100644  {size:<10}`\n");
        let padding = &b"\n"[..content.len() % 2];
        [header.as_bytes(), content, padding].concat()
    }

    fn read(bytes: &[u8]) -> Result<Vec<(Header, Vec<u8>)>> {
        let mut reader = Reader::new(bytes)?;
        let mut members = Vec::new();
        while let Some(header) = reader.next_member()? {
            let mut content = Vec::new();
            reader.content().read_to_end(&mut content)?;
            members.push((header, content));
        }
        Ok(members)
    }

    #[test]
    fn members_come_in_order_with_their_contents() {
        let archive =
            [&MAGIC[..], &member("odd", "12", "3", b"abc"), &member("gnu/", "999999999999", "0", b"")]
                .concat();
        let header = |name: &str, mtime, size| Header { name: name.to_owned(), mtime, size };
        assert_eq!(
            read(&archive).unwrap(),
            [(header("odd", 12, 3), b"abc".to_vec()), (header("gnu", 999_999_999_999, 0), Vec::new())]
        );
    }

    #[test]
    fn contents_that_are_not_read_are_skipped() {
        let archive =
            [&MAGIC[..], &member("a", "0", "40001", &[7; 40_001]), &member("b", "0", "1", b"x")].concat();
        let mut reader = Reader::new(&archive[..]).unwrap();
        reader.next_member().unwrap();
        reader.content().read_exact(&mut [0; 10]).unwrap();
        assert_eq!(reader.next_member().unwrap().unwrap().name, "b");
        assert!(reader.next_member().unwrap().is_none());
    }

    #[test]
    fn an_archive_cut_anywhere_but_between_members_is_an_error() {
        let first = [&MAGIC[..], &member("a", "0", "3", b"abc")].concat();
        let archive = [&first[..], &member("b", "0", "1", b"x")].concat();
        for end in 0..archive.len() {
            let between = end == MAGIC.len() || end == first.len();
            assert_eq!(read(&archive[..end]).is_ok(), between, "cut at {end}");
        }
        assert_eq!(
            read(&archive[..70]).unwrap_err().to_string(),
            "ar member `a`: the archive ends too early, at byte 70"
        );
        assert_eq!(
            read(&archive[..50]).unwrap_err().to_string(),
            "ar header at byte 8: the archive ends too early, at byte 50"
        );
    }

    #[test]
    fn broken_headers_are_refused() {
        for (name, mtime, size, message) in [
            ("a", "0", "x", "its size `x         ` is not a number"),
            ("a", "0", "", "its size `          ` is not a number"),
            ("a", "0", "-1", "its size `-1        ` is not a number"),
            ("a", "0", "0x1", "its size `0x1       ` is not a number"),
            ("a", "+1", "0", "its mtime `+1          ` is not a number"),
            ("", "0", "0", "`` is no name for a member"),
            ("a b", "0", "0", "`a b` is no name for a member"),
            ("../a", "0", "0", "`../a` is no name for a member"),
            ("//", "0", "0", "`//` is a long name or an index, which packages do not have"),
            ("#1/20", "0", "0", "`#1/20` is a long name or an index, which packages do not have"),
        ] {
            let error = read(&[&MAGIC[..], &member(name, mtime, size, b"")].concat()).unwrap_err();
            assert_eq!(error.to_string(), format!("ar header at byte 8: {message}"));
        }
        let mut no_end = [&MAGIC[..], &member("a", "0", "0", b"")].concat();
        no_end[66] = b' ';
        assert_eq!(
            read(&no_end).unwrap_err().to_string(),
            "ar header at byte 8: no ar header: it does not end in a backquote and a newline"
        );
        assert_eq!(
            read(b"PK\x03\x04").unwrap_err().to_string(),
            "no ar archive: it begins with `PK\\u{3}\\u{4}`, expected `!<arch>\\n`"
        );
    }

    #[test]
    fn a_size_that_lies_is_an_error() {
        let archive = [&MAGIC[..], &member("a", "0", "9999999999", b"abc")].concat();
        assert_eq!(
            read(&archive).unwrap_err().to_string(),
            "ar member `a`: the archive ends too early, at byte 72"
        );
    }
}
