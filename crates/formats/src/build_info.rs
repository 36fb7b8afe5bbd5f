//! What compilers write into programs about the modules that they are made of: Go's build information, and the list
//! that `cargo auditable` adds to Rust's.
//!
//! Both are found by their beginnings while the program streams by. Their sections would tell where they lie, but the
//! table of sections is at the end of a file, and programs of hundreds of megabytes are not kept in memory for it.

use std::io::{Cursor, Read};

use bareboat_model::{Context, Error, Result};
use flate2::read::ZlibDecoder;
use flate2::{Decompress, FlushDecompress};
use memchr::memmem;

/// What a program tells about itself.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum BuildInfo {
    /// Go 1.18 and later.
    Go {
        /// The toolchain, such as `go1.22.1`.
        toolchain: String,
        /// Lines of words parted by tabs: `mod`, `dep`, `=>`, `build` (Go's `runtime/debug`). May be empty.
        modules: String,
    },
    /// Go before 1.18, whose information is spread over the program and reached by addresses.
    OldGo,
    /// The JSON of `cargo auditable`.
    Rust(Vec<u8>),
}

// Go, debug/buildinfo/buildinfo.go: 14 bytes, the size of a pointer, flags; the strings begin 32 bytes on.
const GO_MAGIC: &[u8] = b"\xff Go build";
const GO_MAGIC_REST: &[u8] = b"inf:";
const GO_ALIGNMENT: u64 = 16;
const GO_HEADER: usize = 32;
const GO_STRINGS_INLINE: u8 = 2;
/// Before and behind the modules stand 16 bytes that only serve to find them.
const GO_SENTINEL: usize = 16;

/// How the list of `cargo auditable` begins, once it is decompressed with zlib (its `PARSING.md`).
const RUST_START: &[u8] = br#"{"packages":["#;

const WINDOW: usize = 256 << 10;
/// What must lie in the window behind a beginning, so that it can be told from chance.
const LOOKAHEAD: usize = 512;
/// Real lists have some thousand entries of a hundred bytes.
const LARGEST: u64 = 8 << 20;
/// Places that could be zlib, of which a program of 500 MB has some 30,000 by chance.
const MOST_ATTEMPTS: usize = 200_000;

/// Looks for build information in a program. What is behind it is left in `input`.
///
/// # Errors
/// When reading fails, when the information is cut off or too large, or when the file is made to waste time.
pub fn scan(input: &mut dyn Read) -> Result<Option<BuildInfo>> {
    let go = memmem::Finder::new(GO_MAGIC);
    let mut window = Window { bytes: vec![0; WINDOW], filled: 0, from: 0, ended: false };
    let mut zlib = Attempts { decoder: Decompress::new(true), left: MOST_ATTEMPTS };
    loop {
        window.fill(input)?;
        let searched = window.searched();
        let go_at = go.find_iter(window.held()).find(|&at| at < searched && window.is_go(at));
        let rust_at = zlib.find(window.held(), go_at.unwrap_or(searched))?;
        if let Some(at) = rust_at {
            return rust(Cursor::new(&window.held()[at..]).chain(input)).map(Some);
        }
        if let Some(at) = go_at {
            return go_info(window.held(), at, input).map(Some);
        }
        if window.ended {
            return Ok(None);
        }
        window.drop_searched();
    }
}

/// The part of the program that is looked at.
struct Window {
    bytes: Vec<u8>,
    filled: usize,
    /// How far into the program the window begins.
    from: u64,
    ended: bool,
}

impl Window {
    fn fill(&mut self, input: &mut dyn Read) -> Result<()> {
        while self.filled < self.bytes.len() {
            match input.read(&mut self.bytes[self.filled..]) {
                Ok(0) => {
                    self.ended = true;
                    break;
                }
                Ok(read) => self.filled += read,
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    fn held(&self) -> &[u8] {
        &self.bytes[..self.filled]
    }

    /// Up to where beginnings are looked for: those behind are found when more of the program is there.
    fn searched(&self) -> usize {
        if self.ended { self.filled } else { self.filled - LOOKAHEAD }
    }

    fn drop_searched(&mut self) {
        let searched = self.searched();
        self.bytes.copy_within(searched..self.filled, 0);
        self.filled -= searched;
        self.from += searched as u64;
    }

    fn is_go(&self, at: usize) -> bool {
        let aligned = (self.from + at as u64).is_multiple_of(GO_ALIGNMENT);
        let rest = &self.held()[at + GO_MAGIC.len()..];
        aligned && rest.starts_with(GO_MAGIC_REST) && matches!(rest.get(4), Some(0 | 4 | 8))
    }
}

fn go_info(held: &[u8], at: usize, input: &mut dyn Read) -> Result<BuildInfo> {
    let Some(header) = held.get(at..at + GO_HEADER) else { return Err(cut_off("Go")) };
    if header[15] & GO_STRINGS_INLINE == 0 {
        return Ok(BuildInfo::OldGo);
    }
    let mut strings = Cursor::new(&held[at + GO_HEADER..]).chain(input);
    let toolchain = go_string(&mut strings)?;
    let modules = go_string(&mut strings)?;
    let inner = modules.get(GO_SENTINEL..modules.len().saturating_sub(GO_SENTINEL)).unwrap_or_default();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Ok(BuildInfo::Go { toolchain: text(&toolchain), modules: text(inner) })
}

/// A string behind its length, which is written in groups of seven bits, the low ones first.
fn go_string(input: &mut dyn Read) -> Result<Vec<u8>> {
    let mut length = 0_u64;
    for shift in (0..35).step_by(7) {
        let mut byte = [0];
        input.read_exact(&mut byte).map_err(|_| cut_off("Go"))?;
        length |= u64::from(byte[0] & 0x7f) << shift;
        if byte[0] < 0x80 {
            break;
        }
    }
    if length > LARGEST {
        return Err(Error::new(format!("Go's build information of {length} bytes")));
    }
    let mut text = Vec::new();
    input.take(length).read_to_end(&mut text)?;
    if text.len() as u64 == length { Ok(text) } else { Err(cut_off("Go")) }
}

fn cut_off(language: &str) -> Error {
    Error::new(format!("{language}'s build information is cut off"))
}

struct Attempts {
    decoder: Decompress,
    left: usize,
}

impl Attempts {
    /// Where, before `end`, zlib data begin that decompress to the beginning of the list.
    fn find(&mut self, held: &[u8], end: usize) -> Result<Option<usize>> {
        for at in memchr::memchr_iter(0x78, &held[..end]) {
            // RFC 1950: the second byte for each level of compression; RFC 1951: the third kind of block is none.
            let likely = matches!(held.get(at + 1), Some(0x01 | 0x5e | 0x9c | 0xda))
                && held.get(at + 2).is_some_and(|block| block & 6 != 6);
            if likely && self.begins_list(&held[at..held.len().min(at + LOOKAHEAD)])? {
                return Ok(Some(at));
            }
        }
        Ok(None)
    }

    fn begins_list(&mut self, data: &[u8]) -> Result<bool> {
        self.left = self.left.checked_sub(1).ok_or_else(|| {
            Error::new(format!("a program in which more than {MOST_ATTEMPTS} places look compressed"))
        })?;
        let mut start = [0; RUST_START.len()];
        self.decoder.reset(true);
        // An error is what chance makes of bytes that are not compressed.
        let _ = self.decoder.decompress(data, &mut start, FlushDecompress::None);
        Ok(start == RUST_START)
    }
}

fn rust(input: impl Read) -> Result<BuildInfo> {
    let mut json = Vec::new();
    ZlibDecoder::new(input)
        .take(LARGEST + 1)
        .read_to_end(&mut json)
        .context(|| "cannot read the list of `cargo auditable`")?;
    if json.len() as u64 > LARGEST {
        return Err(Error::new(format!("a list of `cargo auditable` of more than {LARGEST} bytes")));
    }
    Ok(BuildInfo::Rust(json))
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn go_program(toolchain: &str, modules: &str, before: usize) -> Vec<u8> {
        let mut out = vec![b'x'; before];
        out.extend_from_slice(GO_MAGIC);
        out.extend_from_slice(GO_MAGIC_REST);
        out.extend([0, GO_STRINGS_INLINE]);
        out.extend([0; 16]);
        let modules = format!("{0}{modules}{0}", "0123456789abcdef");
        for text in [toolchain, &modules] {
            let mut length = text.len();
            while length >= 0x80 {
                out.push(length as u8 | 0x80);
                length >>= 7;
            }
            out.push(length as u8);
            out.extend_from_slice(text.as_bytes());
        }
        out.extend([0; 100]);
        out
    }

    fn rust_program(json: &[u8], before: usize) -> Vec<u8> {
        let mut encoder = flate2::write::ZlibEncoder::new(vec![b'x'; before], flate2::Compression::default());
        encoder.write_all(json).unwrap();
        let mut out = encoder.finish().unwrap();
        out.extend(*b"more sections");
        out
    }

    #[test]
    fn go_is_found_wherever_it_lies() {
        let modules = "path\texample.org/a\nmod\texample.org/a\tv1.2.3\t\n".repeat(40);
        for before in [0, 16, WINDOW - 16, WINDOW - LOOKAHEAD, WINDOW, 3 * WINDOW + 4096] {
            let found = scan(&mut &go_program("go1.22.1", &modules, before)[..]).unwrap();
            let wanted = BuildInfo::Go { toolchain: "go1.22.1".to_owned(), modules: modules.clone() };
            assert_eq!(found, Some(wanted), "{before}");
        }
        assert_eq!(scan(&mut &go_program("go1.22.1", "", 8)[..]).unwrap(), None, "not aligned");
    }

    #[test]
    fn rust_is_found_wherever_it_lies() {
        let json = format!(r#"{{"packages":[{}]}}"#, r#"{"name":"a","version":"1.0.0"},"#.repeat(500));
        for before in [0, 7, WINDOW - 3, WINDOW - LOOKAHEAD, 3 * WINDOW] {
            let found = scan(&mut &rust_program(json.as_bytes(), before)[..]).unwrap();
            assert_eq!(found, Some(BuildInfo::Rust(json.clone().into_bytes())), "{before}");
        }
        assert_eq!(scan(&mut &rust_program(b"{\"other\":1}", 9)[..]).unwrap(), None);
    }

    #[test]
    fn what_lies_about_itself_costs_little() {
        let whole = go_program("go1.22.1", "mod\ta\tv1", 0);
        for end in 0..whole.len() - 100 {
            assert!(matches!(scan(&mut &whole[..end]), Ok(None) | Err(_)));
        }
        let mut huge = whole;
        huge[32..37].copy_from_slice(&[0xff; 5]);
        assert_eq!(
            scan(&mut &huge[..]).unwrap_err().to_string(),
            "Go's build information of 34359738367 bytes"
        );
        let wasting = b"x\x01".repeat(MOST_ATTEMPTS + 2);
        assert!(scan(&mut &wasting[..]).unwrap_err().to_string().starts_with("a program in which more than"));
        let bomb = rust_program(&[RUST_START, &vec![b' '; LARGEST as usize]].concat(), 0);
        assert!(scan(&mut &bomb[..]).unwrap_err().to_string().starts_with("a list of `cargo auditable` of"));
    }

    #[test]
    fn old_go_is_told() {
        let mut old = go_program("go1.17", "", 32);
        old[32 + 14..32 + 16].copy_from_slice(&[8, 0]);
        assert_eq!(scan(&mut &old[..]).unwrap(), Some(BuildInfo::OldGo));
    }
}
