//! rpm's headers, as its database keeps them, and the database of SUSE's kind ("ndb").
//!
//! By hand: the `rpm` crate reads package files, with the signatures and the compressions that belong to them, and no
//! database. A header is a table of tags and a store of values (rpm's docs/manual/format_header.md).

use bareboat_model::{Error, Result};

/// One header: an installed package.
pub struct Header<'a> {
    index: &'a [u8],
    store: &'a [u8],
}

/// Tags (rpm's include/rpm/rpmtag.h).
#[expect(missing_docs, reason = "rpm's own names")]
pub mod tag {
    pub const NAME: u32 = 1000;
    pub const VERSION: u32 = 1001;
    pub const RELEASE: u32 = 1002;
    pub const EPOCH: u32 = 1003;
    pub const LICENSE: u32 = 1014;
    pub const ARCH: u32 = 1022;
    pub const OLD_FILE_NAMES: u32 = 1027;
    pub const SOURCE_RPM: u32 = 1044;
    pub const DIR_INDEXES: u32 = 1116;
    pub const BASE_NAMES: u32 = 1117;
    pub const DIR_NAMES: u32 = 1118;
}

/// Types of values.
const INT32: u32 = 4;
const STRING: u32 = 6;
const STRING_ARRAY: u32 = 8;
const I18N_STRING: u32 = 9;

/// rpm's own bound (lib/header.c, `hdrchkTags`).
const MOST_TAGS: usize = 0xffff;

/// Linux's PATH_MAX.
const LONGEST_PATH: usize = 4096;

impl<'a> Header<'a> {
    /// Reads a header as a database has it: two counts, then index and store.
    ///
    /// # Errors
    /// When it is cut off or has more tags than rpm itself would take.
    pub fn parse(bytes: &'a [u8]) -> Result<Self> {
        let count = word(bytes, 0)? as usize;
        let length = word(bytes, 4)? as usize;
        if count > MOST_TAGS {
            return Err(Error::new(format!("an rpm header with {count} tags")));
        }
        let (index, rest) = bytes[8..].split_at_checked(count * 16).ok_or_else(cut_off)?;
        Ok(Self { index, store: rest.get(..length).ok_or_else(cut_off)? })
    }

    /// The type, the count, and the store from where the values begin.
    fn find(&self, tag: u32) -> Option<(u32, usize, &'a [u8])> {
        let entry =
            self.index.chunks_exact(16).find(|entry| word(entry, 0).is_ok_and(|found| found == tag))?;
        let field = |at| word(entry, at).ok();
        let values = self.store.get(field(8)? as usize..)?;
        Some((field(4)?, field(12)? as usize, values))
    }

    /// The first text of a tag.
    pub fn text(&self, tag: u32) -> Option<&'a [u8]> {
        let (kind, ..) = self.find(tag)?;
        (kind == STRING).then(|| self.texts(tag).next()).flatten().or_else(|| self.texts(tag).next())
    }

    /// All texts of a tag.
    pub fn texts(&self, tag: u32) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        let (count, values) = match self.find(tag) {
            Some((STRING, _, values)) => (1, values),
            Some((STRING_ARRAY | I18N_STRING, count, values)) => (count, values),
            _ => (0, &[][..]),
        };
        let ends_within = memchr::memrchr(0, values).map_or(&[][..], |last| &values[..last]);
        ends_within.split(|&byte| byte == 0).take(count)
    }

    /// All numbers of a tag.
    pub fn numbers(&self, tag: u32) -> impl Iterator<Item = u32> + use<'a> {
        let (count, values) = match self.find(tag) {
            Some((INT32, count, values)) => (count, values),
            _ => (0, &[][..]),
        };
        let chunks = values.chunks_exact(4).take(count);
        chunks.map(|bytes| u32::from_be_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]))
    }

    /// The paths of the package's files: a folder for each, and its name in it.
    pub fn files(&self) -> impl Iterator<Item = Vec<u8>> + use<'a> {
        let folders: Vec<_> = self.texts(tag::DIR_NAMES).collect();
        let split = self.numbers(tag::DIR_INDEXES).zip(self.texts(tag::BASE_NAMES));
        let joined = split.filter_map(move |(folder, name)| {
            let folder = *folders.get(folder as usize)?;
            // A folder of megabytes would cost that for each of its files.
            (folder.len() + name.len() <= LONGEST_PATH).then(|| [folder, name].concat())
        });
        // Whole paths, as rpm wrote them before its version 4.
        joined.chain(self.texts(tag::OLD_FILE_NAMES).map(<[u8]>::to_vec))
    }
}

const NDB: &[u8] = b"RpmP";
const NDB_SLOT: &[u8] = b"Slot";
const NDB_BLOB: &[u8] = b"BlbS";
const NDB_PAGE: usize = 4096;
const NDB_BLOCK: usize = 16;

/// Whether a file begins as SUSE's kind of database does.
pub fn is_ndb(bytes: &[u8]) -> bool {
    bytes.starts_with(NDB)
}

/// The headers in a database of SUSE's kind: pages of slots, each of which says where a blob lies
/// (rpm's lib/backend/ndb/rpmpkg.c; all numbers are little-endian).
///
/// # Errors
/// When it is no such database, a blob lies outside, or blobs lie in one another.
pub fn ndb_headers(bytes: &[u8]) -> Result<Vec<&[u8]>> {
    let little = |at: usize| -> Result<usize> {
        let four = bytes.get(at..).and_then(|rest| rest.first_chunk::<4>()).ok_or_else(cut_off)?;
        Ok(u32::from_le_bytes(*four) as usize)
    };
    if !is_ndb(bytes) {
        return Err(Error::new("no database of rpm's"));
    }
    let pages = little(12)?;
    let slots = pages.checked_mul(NDB_PAGE).and_then(|end| bytes.get(..end)).ok_or_else(cut_off)?;
    let mut found = Vec::new();
    let mut left = bytes.len() - slots.len();
    // The header takes the first two slots.
    for (nth, slot) in slots.chunks_exact(16).enumerate().skip(2) {
        if !slot.starts_with(NDB_SLOT) {
            return Err(Error::new(format!("slot {nth} of rpm's database is none")));
        }
        if slot[4..8] == [0; 4] {
            continue;
        }
        let at = little(nth * 16 + 8)?.saturating_mul(NDB_BLOCK);
        let end = at.saturating_add(16);
        let head = bytes.get(at..end).ok_or_else(cut_off)?;
        if !head.starts_with(NDB_BLOB) || head[4..8] != slot[4..8] {
            return Err(Error::new(format!("slot {nth} of rpm's database leads to no blob")));
        }
        let length = little(at + 12)?;
        // Blobs in one another would cost as much as there are slots for them.
        left = left
            .checked_sub(length.saturating_add(16))
            .ok_or_else(|| Error::new("the blobs of rpm's database are longer than the database"))?;
        found.push(bytes.get(end..end.saturating_add(length)).ok_or_else(cut_off)?);
    }
    Ok(found)
}

fn word(bytes: &[u8], at: usize) -> Result<u32> {
    let four = bytes.get(at..).and_then(|rest| rest.first_chunk::<4>()).ok_or_else(cut_off)?;
    Ok(u32::from_be_bytes(*four))
}

fn cut_off() -> Error {
    Error::new("rpm's database is cut off")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A header with texts (a list where there are several) and numbers.
    fn header(texts: &[(u32, &[&str])], numbers: &[(u32, &[u32])]) -> Vec<u8> {
        let (mut index, mut store) = (Vec::new(), Vec::new());
        let mut entry = |tag: u32, kind: u32, count: usize, values: &[u8]| {
            index
                .extend([tag, kind, store.len() as u32, count as u32].into_iter().flat_map(u32::to_be_bytes));
            store.extend_from_slice(values);
        };
        for (tag, values) in texts {
            let bytes: Vec<u8> = values.iter().flat_map(|text| [text.as_bytes(), b"\0"].concat()).collect();
            entry(*tag, if values.len() == 1 { STRING } else { STRING_ARRAY }, values.len(), &bytes);
        }
        for (tag, values) in numbers {
            let bytes: Vec<u8> = values.iter().flat_map(|number| number.to_be_bytes()).collect();
            entry(*tag, INT32, values.len(), &bytes);
        }
        let counts = [(index.len() / 16) as u32, store.len() as u32];
        [counts.into_iter().flat_map(u32::to_be_bytes).collect(), index, store].concat()
    }

    fn bash() -> Vec<u8> {
        header(
            &[
                (tag::NAME, &["bash"]),
                (tag::VERSION, &["5.1.8"]),
                (tag::BASE_NAMES, &["bash", "sh", "bashrc"]),
                (tag::DIR_NAMES, &["/usr/bin/", "/etc/"]),
            ],
            &[(tag::DIR_INDEXES, &[0, 0, 1]), (tag::EPOCH, &[2])],
        )
    }

    #[test]
    fn values_and_files_are_read() {
        let bytes = bash();
        let header = Header::parse(&bytes).unwrap();
        assert_eq!(header.text(tag::NAME), Some(&b"bash"[..]));
        assert_eq!(header.text(tag::LICENSE), None);
        assert_eq!(header.numbers(tag::EPOCH).collect::<Vec<_>>(), [2]);
        let files: Vec<_> = header.files().map(|path| String::from_utf8(path).unwrap()).collect();
        assert_eq!(files, ["/usr/bin/bash", "/usr/bin/sh", "/etc/bashrc"]);
    }

    #[test]
    fn no_byte_makes_it_panic() {
        let whole = bash();
        for end in 0..whole.len() {
            assert!(Header::parse(&whole[..end]).is_err());
        }
        for at in 0..whole.len() {
            for wrong in [0, 1, 0x7f, 0xff] {
                let mut bytes = whole.clone();
                bytes[at] = wrong;
                if let Ok(header) = Header::parse(&bytes) {
                    let _ = (header.text(tag::NAME), header.files().count());
                }
            }
        }
    }

    fn ndb(blobs: &[&[u8]]) -> Vec<u8> {
        let mut out = [NDB, &[0; 4], &[1; 4], &1_u32.to_le_bytes()].concat();
        out.resize(32, 0);
        let mut blocks = Vec::new();
        for (nth, blob) in blobs.iter().enumerate() {
            let index = (nth as u32 + 1).to_le_bytes();
            let at = ((NDB_PAGE + blocks.len()) / NDB_BLOCK) as u32;
            out.extend([NDB_SLOT, &index, &at.to_le_bytes(), &1_u32.to_le_bytes()].concat());
            blocks.extend([NDB_BLOB, &index, &[0; 4], &(blob.len() as u32).to_le_bytes(), blob].concat());
            blocks.resize(blocks.len().next_multiple_of(NDB_BLOCK), 0);
        }
        while out.len() < NDB_PAGE {
            out.extend([NDB_SLOT, &[0; 12]].concat());
        }
        [out, blocks].concat()
    }

    #[test]
    fn a_folder_longer_than_any_path_is_not_joined_with_its_files() {
        let folder = "x".repeat(5000);
        let bytes = header(
            &[(tag::NAME, &["a"]), (tag::BASE_NAMES, &["b", "c"]), (tag::DIR_NAMES, &[&folder, "/"])],
            &[(tag::DIR_INDEXES, &[0, 1])],
        );
        assert_eq!(Header::parse(&bytes).unwrap().files().collect::<Vec<_>>(), [b"/c"]);
    }

    #[test]
    fn slots_do_not_share_a_blob() {
        let mut whole = ndb(&[&[7; 1000], &[7; 4]]);
        whole.copy_within(32..48, 48);
        assert_eq!(
            ndb_headers(&whole).unwrap_err().to_string(),
            "the blobs of rpm's database are longer than the database"
        );
    }

    #[test]
    fn the_database_of_suse_is_read() {
        let blobs = [&b"first"[..], &[7; 100]];
        let whole = ndb(&blobs);
        assert_eq!(ndb_headers(&whole).unwrap(), blobs);
        for end in 0..whole.len() - 16 {
            assert!(ndb_headers(&whole[..end]).is_err(), "{end}");
        }
    }
}
