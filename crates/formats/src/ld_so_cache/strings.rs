//! The cache's string table: a string that is another one's tail is not written twice.
//!
//! The order is that of glibc's `stringtable_finalize`: descending by the strings read backwards, so that a tail
//! comes right behind a string that ends in it.

use std::collections::{BTreeMap, BTreeSet};

/// Strings with their offsets in [`StringTable::bytes`].
#[derive(Debug)]
pub(super) struct StringTable<'a> {
    /// All strings, each with its NUL.
    pub(super) bytes: Vec<u8>,
    offsets: BTreeMap<&'a [u8], usize>,
}

impl<'a> StringTable<'a> {
    pub(super) fn new(strings: impl IntoIterator<Item = &'a [u8]>) -> Self {
        let distinct: BTreeSet<&[u8]> = strings.into_iter().collect();
        let mut ordered: Vec<&[u8]> = distinct.into_iter().collect();
        ordered.sort_by(|left, right| right.iter().rev().cmp(left.iter().rev()));
        let mut table = Self { bytes: Vec::new(), offsets: BTreeMap::new() };
        let mut previous: &[u8] = &[];
        for string in ordered {
            // A tail of the one before ends where that one ends: at the NUL written last.
            if table.bytes.is_empty() || !previous.ends_with(string) {
                table.bytes.extend_from_slice(string);
                table.bytes.push(0);
            }
            table.offsets.insert(string, table.bytes.len() - 1 - string.len());
            previous = string;
        }
        table
    }

    /// Where `string` starts. 0 for one that was not put in.
    pub(super) fn offset(&self, string: &[u8]) -> usize {
        self.offsets.get(string).copied().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn tails_are_shared() {
        let table = StringTable::new([&b"libz.so.1"[..], b"/lib/libz.so.1", b"so.1", b"x"]);
        assert_eq!(table.bytes, b"x\0/lib/libz.so.1\0");
        assert_eq!((table.offset(b"x"), table.offset(b"libz.so.1"), table.offset(b"so.1")), (0, 7, 12));
    }

    proptest! {
        #[test]
        fn every_string_stands_at_its_offset(strings: Vec<Vec<u8>>) {
            let strings: Vec<Vec<u8>> =
                strings.into_iter().map(|s| s.into_iter().filter(|&b| b != 0).collect()).collect();
            let table = StringTable::new(strings.iter().map(Vec::as_slice));
            for string in &strings {
                let from = table.offset(string);
                prop_assert_eq!(&table.bytes[from..from + string.len()], &string[..]);
                prop_assert_eq!(table.bytes[from + string.len()], 0);
            }
        }
    }
}
