//! The rows of one table of an SQLite database, for rpm's database in images.
//!
//! By hand, because the library is eight megabytes of C that would run on a stranger's file with its schema and
//! triggers; a walk over the pages of one table is all that is needed. The format: sqlite.org/fileformat2.html.

use std::collections::BTreeSet;

use bareboat_model::{Error, Result};

const MAGIC: &[u8] = b"SQLite format 3\0";
/// Kinds of pages of a table's tree (1.6).
const LEAF: u8 = 0x0d;
const INTERIOR: u8 = 0x05;
/// The header of the file stands in front of the first page's own header.
const FILE_HEADER: usize = 100;
/// A tree of real databases has four levels.
const DEEPEST: usize = 20;
/// The most columns that SQLite can be built to take (sqlite.org/limits.html).
const MOST_COLUMNS: usize = 32_767;

/// A value of a row. Numbers with a fraction are [`Value::Other`].
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Value {
    /// A whole number.
    Integer(i64),
    /// Text, in UTF-8 or not.
    Text(Vec<u8>),
    /// Bytes.
    Blob(Vec<u8>),
    /// Nothing, or a number with a fraction.
    Other,
}

/// Whether a file begins as a database does.
pub fn is_sqlite(bytes: &[u8]) -> bool {
    bytes.starts_with(MAGIC)
}

/// Calls `visit` with each row of `table`. What stands in a write-ahead log beside the file is not seen.
///
/// # Errors
/// When the file is no database, has no such table, or its pages are malformed; and those of `visit`.
pub fn rows(bytes: &[u8], table: &str, visit: &mut dyn FnMut(Vec<Value>) -> Result<()>) -> Result<()> {
    let database = Database::new(bytes)?;
    let mut root = None;
    // The schema is itself a table, whose root is page 1: type, name, name of table, root page, SQL.
    database.walk(1, &mut |row| {
        if let [Value::Text(kind), Value::Text(name), _, Value::Integer(page), ..] = &row[..]
            && kind == b"table"
            && name.eq_ignore_ascii_case(table.as_bytes())
        {
            root = usize::try_from(*page).ok();
        }
        Ok(())
    })?;
    let root = root.ok_or_else(|| Error::new(format!("no table `{table}` in the database")))?;
    database.walk(root, visit)
}

struct Database<'a> {
    bytes: &'a [u8],
    page_size: usize,
    /// The part of a page that is used: extensions may keep some bytes at its end.
    usable: usize,
}

impl<'a> Database<'a> {
    fn new(bytes: &'a [u8]) -> Result<Self> {
        if !is_sqlite(bytes) {
            return Err(Error::new("no SQLite database"));
        }
        let page_size = match half(bytes, 16)? {
            1 => 65536,
            size => size,
        };
        let usable = page_size.saturating_sub(usize::from(byte(bytes, 20)?));
        if !page_size.is_power_of_two() || page_size < 512 || usable < 480 {
            return Err(Error::new(format!("pages of {page_size} bytes in the database")));
        }
        Ok(Self { bytes, page_size, usable })
    }

    fn page(&self, number: usize) -> Result<&'a [u8]> {
        let start = number.checked_sub(1).and_then(|index| index.checked_mul(self.page_size));
        start
            .and_then(|start| self.bytes.get(start..start.checked_add(self.page_size)?))
            .ok_or_else(|| Error::new(format!("page {number} is outside the database")))
    }

    /// Visits the rows of a tree, in order. No page of the tree is read twice, so a circle has an end; nor are the rows
    /// longer in all than the database, so that many that say to lie in one place cost no more than honest ones.
    fn walk(&self, root: usize, visit: &mut dyn FnMut(Vec<Value>) -> Result<()>) -> Result<()> {
        let mut seen = BTreeSet::new();
        let mut waiting = vec![(root, 0)];
        let mut left = self.bytes.len();
        while let Some((number, depth)) = waiting.pop() {
            if depth > DEEPEST || !seen.insert(number) {
                return Err(Error::new(format!("page {number} of the database is reached twice")));
            }
            let page = self.page(number)?;
            let header = if number == 1 { FILE_HEADER } else { 0 };
            let cells = half(page, header + 3)?;
            match byte(page, header)? {
                LEAF => {
                    for cell in 0..cells {
                        let at = half(page, header + 8 + 2 * cell)?;
                        let payload = self.payload(page, at, left)?;
                        left -= payload.len();
                        visit(record(&payload)?)?;
                    }
                }
                INTERIOR => {
                    waiting.push((word(page, header + 8)?, depth + 1));
                    for cell in (0..cells).rev() {
                        let at = half(page, header + 12 + 2 * cell)?;
                        waiting.push((word(page, at)?, depth + 1));
                    }
                }
                kind => return Err(Error::new(format!("page {number} of the database is of kind {kind}"))),
            }
        }
        Ok(())
    }

    /// The bytes of a row; what does not fit into its page goes on in a chain of others (1.6, 1.7).
    fn payload(&self, page: &[u8], mut at: usize, most: usize) -> Result<Vec<u8>> {
        let length = usize::try_from(varint(page, &mut at)?).unwrap_or(usize::MAX);
        varint(page, &mut at)?;
        if length > most {
            return Err(Error::new("the rows are longer than the database"));
        }
        let here = self.kept_in_page(length);
        let mut payload = page.get(at..at + here).ok_or_else(outside)?.to_vec();
        let mut next = if here < length { word(page, at + here)? } else { 0 };
        while payload.len() < length {
            let page = self.page(next)?;
            let part = (length - payload.len()).min(self.usable - 4);
            payload.extend_from_slice(page.get(4..4 + part).ok_or_else(outside)?);
            next = word(page, 0)?;
        }
        Ok(payload)
    }

    fn kept_in_page(&self, length: usize) -> usize {
        let most = self.usable - 35;
        if length <= most {
            return length;
        }
        let least = (self.usable - 12) * 32 / 255 - 23;
        let fitting = least + (length - least) % (self.usable - 4);
        if fitting <= most { fitting } else { least }
    }
}

/// The values of a row: their types first, then the values (2.1).
fn record(payload: &[u8]) -> Result<Vec<Value>> {
    let mut types = 0;
    let header = usize::try_from(varint(payload, &mut types)?).unwrap_or(usize::MAX);
    let mut at = header;
    let mut values = Vec::new();
    while types < header {
        if values.len() == MOST_COLUMNS {
            return Err(Error::new(format!("a row of more than {MOST_COLUMNS} columns")));
        }
        let kind = varint(payload, &mut types)?;
        let length = match kind {
            1..=4 => kind as usize,
            5 => 6,
            6 | 7 => 8,
            12.. => usize::try_from((kind - 12) / 2).unwrap_or(usize::MAX),
            _ => 0,
        };
        let end = at.checked_add(length).ok_or_else(outside)?;
        let bytes = payload.get(at..end).ok_or_else(outside)?;
        values.push(value(kind, bytes));
        at = end;
    }
    Ok(values)
}

fn value(kind: u64, bytes: &[u8]) -> Value {
    match kind {
        1..=6 => {
            let negative = bytes.first().is_some_and(|&first| first >= 0x80);
            let start = if negative { -1 } else { 0 };
            Value::Integer(bytes.iter().fold(start, |number, &byte| number << 8 | i64::from(byte)))
        }
        8 | 9 => Value::Integer(kind as i64 - 8),
        12.. if kind.is_multiple_of(2) => Value::Blob(bytes.to_vec()),
        12.. => Value::Text(bytes.to_vec()),
        _ => Value::Other,
    }
}

/// A number in up to nine bytes, the high bits first.
fn varint(bytes: &[u8], at: &mut usize) -> Result<u64> {
    let mut number = 0;
    for nth in 0..9 {
        let byte = byte(bytes, *at)?;
        *at += 1;
        if nth == 8 {
            return Ok(number << 8 | u64::from(byte));
        }
        number = number << 7 | u64::from(byte & 0x7f);
        if byte < 0x80 {
            break;
        }
    }
    Ok(number)
}

fn byte(bytes: &[u8], at: usize) -> Result<u8> {
    bytes.get(at).copied().ok_or_else(outside)
}

fn half(bytes: &[u8], at: usize) -> Result<usize> {
    bytes.get(at..at + 2).map(|two| usize::from(two[0]) << 8 | usize::from(two[1])).ok_or_else(outside)
}

fn word(bytes: &[u8], at: usize) -> Result<usize> {
    Ok(half(bytes, at)? << 16 | half(bytes, at + 2)?)
}

fn outside() -> Error {
    Error::new("a part of the database lies outside its page")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `CREATE TABLE Packages(hnum INTEGER PRIMARY KEY, blob BLOB)` with pages of 512 bytes; rows of 3, 600 and 5000
    /// bytes, then 100 of 20, so that rows overflow and the tree has two levels. Made by SQLite 3.40.
    fn database() -> Vec<u8> {
        let packed = include_bytes!("../testdata/packages.sqlite.gz");
        let mut bytes = Vec::new();
        std::io::Read::read_to_end(&mut flate2::read::GzDecoder::new(&packed[..]), &mut bytes).unwrap();
        bytes
    }

    fn lengths(bytes: &[u8]) -> Result<Vec<usize>> {
        let mut found = Vec::new();
        rows(bytes, "Packages", &mut |row| {
            match &row[1] {
                Value::Blob(blob) => found.push(blob.len()),
                other => panic!("{other:?}"),
            }
            Ok(())
        })?;
        Ok(found)
    }

    #[test]
    fn rows_that_sqlite_wrote_are_read() {
        let wanted: Vec<_> = [3, 600, 5000].into_iter().chain([20; 100]).collect();
        assert_eq!(lengths(&database()).unwrap(), wanted);
    }

    #[test]
    fn what_is_no_database_is_refused() {
        let whole = database();
        assert_eq!(lengths(b"SQLite").unwrap_err().to_string(), "no SQLite database");
        let error = rows(&whole, "Files", &mut |_| Ok(())).unwrap_err();
        assert_eq!(error.to_string(), "no table `Files` in the database");
        for end in (0..whole.len()).step_by(97) {
            assert!(rows(&whole[..end], "Packages", &mut |_| Ok(())).is_err());
        }
    }

    #[test]
    fn no_byte_makes_it_panic_or_go_on_for_ever() {
        let mut bytes = database();
        for at in 0..bytes.len() {
            for wrong in [0, 0x7f, 0xff] {
                let right = std::mem::replace(&mut bytes[at], wrong);
                if at < 2048 || at % 13 == 0 {
                    let _ = rows(&bytes, "Packages", &mut |_| Ok(()));
                }
                bytes[at] = right;
            }
        }
    }

    /// One page whose cells are all at one place, with a row that goes on and on through page 2.
    #[test]
    fn rows_that_share_their_bytes_are_not_read_again_and_again() {
        let mut bytes = [MAGIC, &512_u16.to_be_bytes(), &[0; 82]].concat();
        bytes.extend([LEAF, 0, 0, 0, 90, 0, 0, 0]);
        bytes.extend([300_u16.to_be_bytes(); 90].concat());
        bytes.resize(300, 0);
        // 7659 bytes, of which 39 are here.
        bytes.extend([0xbb, 0x6b, 1]);
        bytes.extend([0; 39]);
        bytes.extend(2_u32.to_be_bytes());
        bytes.resize(512, 0);
        bytes.extend(2_u32.to_be_bytes());
        bytes.resize(8192, 0);
        let mut count = 0;
        let database = Database::new(&bytes).unwrap();
        let error = database
            .walk(1, &mut |_| {
                count += 1;
                Ok(())
            })
            .unwrap_err();
        assert_eq!((error.to_string().as_str(), count), ("the rows are longer than the database", 1));
    }

    #[test]
    fn columns_are_bounded() {
        let nulls = [&[0x84, 0x80, 0x00][..], &[0; 65_536 - 3]].concat();
        assert_eq!(record(&nulls).unwrap_err().to_string(), "a row of more than 32767 columns");
    }

    #[test]
    fn numbers_have_signs() {
        assert_eq!(record(&[4, 1, 2, 9, 0xff, 1, 0]).unwrap(), [-1, 256, 1].map(Value::Integer));
    }
}
