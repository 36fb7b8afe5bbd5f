//! Zip archives read front to back, as they stream by: jars lie in layers, and a layer is never held in memory.
//!
//! By hand because the `zip` crate wants to seek to the directory at the end, and its streaming reader refuses members
//! whose size stands behind them, which is how `jar` writes all of them. Layout: PKWARE's APPNOTE 6.3.10.
//!
//! Everyone else begins at the directory. So it is read, too, and an archive whose directory tells of other members than
//! stand in front of it is refused in the end: otherwise it could show one content here and another to Java.

use std::cell::Cell;
use std::hash::{BuildHasher, RandomState};
use std::io::{BufRead, Read};

use bareboat_model::{Context, Error, Result};
use flate2::bufread::DeflateDecoder;

/// What stands before a member, before the directory, before the end, and behind a member of unknown size (4.3).
const MEMBER: [u8; 4] = *b"PK\x03\x04";
const DIRECTORY: [u8; 4] = *b"PK\x01\x02";
const END: [u8; 4] = *b"PK\x05\x06";
const DESCRIPTOR: [u8; 4] = *b"PK\x07\x08";

/// What stands between the directory and the end of an archive of zip64 (4.3.14, 4.3.15).
const END_64: [u8; 4] = *b"PK\x06\x06";
const LOCATOR_64: [u8; 4] = *b"PK\x06\x07";

/// General purpose bits: encrypted; sizes stand behind the data (4.4.4).
const ENCRYPTED: u16 = 1;
const SIZES_BEHIND: u16 = 8;

/// The largest jars have some 100,000 members.
const MOST_MEMBERS: usize = 1 << 19;
/// All that is inflated of an archive and of those in it: a bomb costs seconds, not hours.
const MOST_INFLATED: u64 = 2 << 30;
/// A program may stand in front of the archive, such as the shell script of Spring Boot's executable jars.
const LONGEST_PREFIX: usize = 1 << 20;

/// Takes the name and the content of a member.
pub type Visit<'a> = dyn FnMut(&[u8], &mut dyn Read) -> Result<()> + 'a;

/// What may yet be inflated of an archive, and of all archives in it together.
pub struct Budget(Cell<u64>);

impl Default for Budget {
    fn default() -> Self {
        Self(Cell::new(MOST_INFLATED))
    }
}

/// Calls `visit` with the name and the content of each member, in the order of the archive. What `visit` leaves
/// unread is skipped.
///
/// # Errors
/// When the archive is malformed, larger than the bounds, or uses what cannot be read in a stream; when its directory
/// tells of other members; and those of `visit`.
pub fn walk(input: &mut dyn BufRead, budget: &Budget, visit: &mut Visit<'_>) -> Result<()> {
    let hasher = RandomState::new();
    let mut members = Names::default();
    let mut signature = first_signature(input)?;
    while signature == MEMBER {
        let header = Header::read(input)?;
        members.add(&hasher, &header.name)?;
        member(&header, input, budget, visit)?;
        signature = take(input)?;
    }
    if directory(input, signature, &hasher)? != members {
        return Err(Error::new("the directory of the zip archive tells of other members than are in it"));
    }
    match input.fill_buf()? {
        [] => Ok(()),
        _ => Err(Error::new("something stands behind the end of the zip archive")),
    }
}

/// Names in any order, of which only so much is kept that others are told apart.
#[derive(PartialEq, Eq, Default)]
struct Names {
    count: usize,
    sum: u64,
}

impl Names {
    fn add(&mut self, hasher: &RandomState, name: &[u8]) -> Result<()> {
        if self.count == MOST_MEMBERS {
            return Err(Error::new(format!("more than {MOST_MEMBERS} members in a zip archive")));
        }
        self.count += 1;
        self.sum = self.sum.wrapping_add(hasher.hash_one(name));
        Ok(())
    }
}

/// Reads the directory and the end, with its comment (4.3.12 to 4.3.16).
fn directory(input: &mut dyn BufRead, mut signature: [u8; 4], hasher: &RandomState) -> Result<Names> {
    let mut names = Names::default();
    loop {
        match signature {
            DIRECTORY => {
                let fixed: [u8; 42] = take(input)?;
                let half = |at: usize| u16::from_le_bytes([fixed[at], fixed[at + 1]]);
                let mut name = vec![0; usize::from(half(24))];
                input.read_exact(&mut name)?;
                names.add(hasher, &name)?;
                skip(input, u64::from(half(26)) + u64::from(half(28)))?;
            }
            END_64 => {
                let size = u64::from_le_bytes(take(input)?);
                skip(input, size)?;
            }
            LOCATOR_64 => skip(input, 16)?,
            END => {
                let fixed: [u8; 18] = take(input)?;
                skip(input, u64::from(u16::from_le_bytes([fixed[16], fixed[17]])))?;
                return Ok(names);
            }
            _ => return Err(Error::new("no zip member where one should begin")),
        }
        signature = take(input)?;
    }
}

fn skip(input: &mut dyn BufRead, length: u64) -> Result<()> {
    std::io::copy(&mut input.take(length), &mut std::io::sink())?;
    Ok(())
}

fn first_signature(input: &mut dyn BufRead) -> Result<[u8; 4]> {
    let mut last = take::<4>(input).context(|| "no zip archive")?;
    for _ in 0..LONGEST_PREFIX {
        if last == MEMBER || last == END {
            return Ok(last);
        }
        let [next] = take(input).context(|| "no zip archive")?;
        last = [last[1], last[2], last[3], next];
    }
    Err(Error::new("no zip archive"))
}

struct Header {
    flags: u16,
    method: u16,
    compressed: u64,
    zip64: bool,
    name: Vec<u8>,
}

impl Header {
    /// Reads what follows the signature of a member (4.3.7).
    fn read(input: &mut dyn BufRead) -> Result<Self> {
        let fixed: [u8; 26] = take(input)?;
        let half = |at: usize| u16::from_le_bytes([fixed[at], fixed[at + 1]]);
        let word = |at: usize| u32::from_le_bytes([fixed[at], fixed[at + 1], fixed[at + 2], fixed[at + 3]]);
        let mut name = vec![0; usize::from(half(22))];
        input.read_exact(&mut name)?;
        let mut extra = vec![0; usize::from(half(24))];
        input.read_exact(&mut extra)?;
        let large = zip64_compressed(&extra);
        let compressed = match word(14) {
            u32::MAX => large.flatten().unwrap_or(u64::from(u32::MAX)),
            size => u64::from(size),
        };
        Ok(Self { flags: half(2), method: half(4), compressed, zip64: large.is_some(), name })
    }
}

/// The compressed size in the extra field of zip64 (4.5.3), where it is the second of two numbers.
fn zip64_compressed(mut extra: &[u8]) -> Option<Option<u64>> {
    while let Some((head, rest)) = extra.split_at_checked(4) {
        let (data, next) = rest.split_at_checked(usize::from(u16::from_le_bytes([head[2], head[3]])))?;
        if head[..2] == [1, 0] {
            let number = data.get(8..16).and_then(|bytes| bytes.try_into().ok());
            return Some(number.map(u64::from_le_bytes));
        }
        extra = next;
    }
    None
}

fn member(header: &Header, input: &mut dyn BufRead, budget: &Budget, visit: &mut Visit<'_>) -> Result<()> {
    if header.flags & SIZES_BEHIND != 0 && header.compressed == 0 {
        return match header.method {
            8 => {
                inflate(&header.name, &mut *input, budget, visit, true)?;
                skip_descriptor(input, header.zip64)
            }
            _ => Err(Error::new("a zip member that is stored without its size")),
        };
    }
    let mut data = input.take(header.compressed);
    match header.method {
        _ if header.flags & ENCRYPTED != 0 => {}
        0 => visit(&header.name, &mut data)?,
        8 => inflate(&header.name, &mut data, budget, visit, false)?,
        // What is compressed in other ways is in no jar.
        _ => {}
    }
    std::io::copy(&mut data, &mut std::io::sink())?;
    if data.limit() > 0 {
        return Err(Error::new("the zip archive ends early"));
    }
    match header.flags & SIZES_BEHIND {
        0 => Ok(()),
        _ => skip_descriptor(input, header.zip64),
    }
}

/// Lets `visit` read what is inflated; `to_the_end` where only inflating tells where the next member begins.
fn inflate(
    name: &[u8],
    data: &mut dyn BufRead,
    budget: &Budget,
    visit: &mut Visit<'_>,
    to_the_end: bool,
) -> Result<()> {
    let mut inflated = Inflated { from: DeflateDecoder::new(data), budget };
    visit(name, &mut inflated)?;
    if to_the_end {
        std::io::copy(&mut inflated, &mut std::io::sink())?;
    }
    Ok(())
}

struct Inflated<'a, R> {
    from: R,
    budget: &'a Budget,
}

impl<R: Read> Read for Inflated<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let left = self.budget.0.get();
        if left == 0 {
            return Err(std::io::Error::other(format!("more than {MOST_INFLATED} bytes in a zip archive")));
        }
        let most = usize::try_from(left).unwrap_or(usize::MAX).min(buffer.len());
        let read = self.from.read(&mut buffer[..most])?;
        self.budget.0.set(left - read as u64);
        Ok(read)
    }
}

/// The signature of a descriptor may be absent (4.3.9.3); its sizes are longer in zip64.
fn skip_descriptor(input: &mut dyn BufRead, zip64: bool) -> Result<()> {
    let first: [u8; 4] = take(input)?;
    let sizes = if zip64 { 16 } else { 8 };
    let rest = if first == DESCRIPTOR { 4 + sizes } else { sizes };
    skip(input, rest)
}

fn take<const N: usize>(input: &mut dyn BufRead) -> Result<[u8; N]> {
    let mut bytes = [0; N];
    input.read_exact(&mut bytes).context(|| "the zip archive ends early")?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::Compression;
    use flate2::write::DeflateEncoder;

    use super::*;

    fn deflated(data: &[u8]) -> Vec<u8> {
        let mut encoder = DeflateEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(data).unwrap();
        encoder.finish().unwrap()
    }

    /// A member with its sizes in front, or behind with (`Some(true)`) and without a signature.
    fn member(name: &str, data: &[u8], method: u16, behind: Option<bool>) -> Vec<u8> {
        let stored = if method == 8 { deflated(data) } else { data.to_vec() };
        let flags = if behind.is_some() { SIZES_BEHIND } else { 0 };
        let size = if behind.is_some() { 0 } else { stored.len() as u32 };
        let mut out = MEMBER.to_vec();
        out.extend([20_u16, flags, method, 0, 0].into_iter().flat_map(u16::to_le_bytes));
        out.extend([0, size, size].into_iter().flat_map(u32::to_le_bytes));
        out.extend([name.len() as u16, 0].into_iter().flat_map(u16::to_le_bytes));
        out.extend_from_slice(name.as_bytes());
        out.extend_from_slice(&stored);
        if let Some(signed) = behind {
            out.extend_from_slice(if signed { &DESCRIPTOR } else { &[] });
            out.extend([0, stored.len() as u32, data.len() as u32].into_iter().flat_map(u32::to_le_bytes));
        }
        out
    }

    /// The directory of members with these names, and the end.
    fn directory(names: &[&str]) -> Vec<u8> {
        let mut out = Vec::new();
        for name in names {
            out.extend_from_slice(&DIRECTORY);
            out.extend([0; 24]);
            out.extend([name.len() as u16, 0, 0].into_iter().flat_map(u16::to_le_bytes));
            out.extend([0; 12]);
            out.extend_from_slice(name.as_bytes());
        }
        out.extend([&END_64[..], &44_u64.to_le_bytes(), &[0; 44], &LOCATOR_64, &[0; 16]].concat());
        out.extend([&END[..], &[0; 16], &7_u16.to_le_bytes(), b"comment"].concat());
        out
    }

    fn names_and_contents(archive: &[u8]) -> Result<Vec<(String, String)>> {
        let mut found = Vec::new();
        walk(&mut &*archive, &Budget::default(), &mut |name, content| {
            let mut text = String::new();
            if !name.starts_with(b"skip") {
                content.read_to_string(&mut text)?;
            }
            found.push((String::from_utf8_lossy(name).into_owned(), text));
            Ok(())
        })?;
        Ok(found)
    }

    #[test]
    fn members_are_read_in_every_way_they_are_written() {
        let archive = [
            b"#!/bin/sh\nexec java -jar $0\n".to_vec(),
            member("a", b"stored", 0, None),
            member("b", b"deflated", 8, None),
            member("skip-c", &[7; 5000], 8, None),
            member("skip-d", &[7; 5000], 8, Some(true)),
            member("e", b"behind", 8, Some(false)),
            directory(&["b", "a", "skip-d", "skip-c", "e"]),
        ]
        .concat();
        let found = names_and_contents(&archive).unwrap();
        let wanted = [("a", "stored"), ("b", "deflated"), ("skip-c", ""), ("skip-d", ""), ("e", "behind")];
        assert_eq!(found, wanted.map(|(name, text)| (name.to_owned(), text.to_owned())));
    }

    #[test]
    fn what_is_no_archive_is_refused() {
        let cut = member("a", b"stored", 0, None);
        for (bytes, cause) in [
            (&b""[..], "no zip archive: the zip archive ends early: failed to fill whole buffer"),
            (&[b'x'; 3000], "no zip archive: the zip archive ends early: failed to fill whole buffer"),
            (&[b'x'; LONGEST_PREFIX + 9], "no zip archive"),
            (&cut[..cut.len() - 2], "the zip archive ends early"),
            (&cut, "the zip archive ends early: failed to fill whole buffer"),
            (&[&cut[..], b"nope"].concat(), "no zip member where one should begin"),
            (&member("a", b"", 0, Some(true)), "a zip member that is stored without its size"),
        ] {
            assert_eq!(names_and_contents(bytes).unwrap_err().to_string(), cause);
        }
    }

    #[test]
    fn members_are_not_hidden_from_here_or_from_others() {
        let [a, b] = ["a", "b"].map(|name| member(name, b"x", 0, None));
        let other = "the directory of the zip archive tells of other members than are in it";
        for (bytes, cause) in [
            (
                [directory(&[]), a.clone(), directory(&["a"])].concat(),
                "something stands behind the end of the zip archive",
            ),
            (
                [a.clone(), directory(&["a"]), b.clone(), directory(&["b"])].concat(),
                "something stands behind the end of the zip archive",
            ),
            ([&a[..], &directory(&["b"])].concat(), other),
            ([&a[..], &directory(&["a", "b"])].concat(), other),
            ([&a[..], &b, &directory(&["a"])].concat(), other),
            (
                [&a[..], &directory(&["a"])[..60]].concat(),
                "the zip archive ends early: failed to fill whole buffer",
            ),
        ] {
            assert_eq!(names_and_contents(&bytes).unwrap_err().to_string(), cause);
        }
    }

    #[test]
    fn a_bomb_has_an_end() {
        let budget = Budget(Cell::new(1000));
        let bomb = [member("a", &[0; 100_000], 8, Some(true)), directory(&["a"])].concat();
        let error = walk(&mut &bomb[..], &budget, &mut |_, _| Ok(())).unwrap_err();
        assert!(error.to_string().starts_with("more than"), "{error}");
    }

    #[test]
    fn archives_in_an_archive_share_what_may_be_inflated() {
        let inner = [member("b", &[0; 600], 8, None), directory(&["b"])].concat();
        let outer =
            [member("a", &inner, 0, None), member("c", &inner, 0, None), directory(&["a", "c"])].concat();
        let budget = Budget(Cell::new(1000));
        let error = walk(&mut &outer[..], &budget, &mut |_, content| {
            walk(&mut std::io::BufReader::new(content), &budget, &mut |_, content| {
                std::io::copy(content, &mut std::io::sink())?;
                Ok(())
            })
        });
        assert!(error.unwrap_err().to_string().starts_with("more than"));
    }
}
