//! The files of a mirror in memory, and ways to damage them.

use std::collections::BTreeMap;
use std::ops::{Deref, DerefMut};
use std::path::Path;

/// Files by their path below the mirror's root, without a leading slash.
///
/// A `BTreeMap` in all respects ([`Deref`]); the methods here damage single files on purpose.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Files(BTreeMap<String, Vec<u8>>);

impl Files {
    /// No files.
    pub fn new() -> Self {
        Self::default()
    }

    /// The same files below `folder`.
    #[must_use]
    pub fn under(self, folder: &str) -> Self {
        Self(self.0.into_iter().map(|(path, bytes)| (format!("{folder}/{path}"), bytes)).collect())
    }

    /// The one path that holds `part`, such as `hello_1.0` for a package in the pool.
    ///
    /// # Panics
    /// When no path does, or several.
    pub fn path_with(&self, part: &str) -> String {
        let found: Vec<&String> = self.0.keys().filter(|path| path.contains(part)).collect();
        match found.as_slice() {
            [one] => (*one).clone(),
            [] => panic!("no file with `{part}` among {:?}", self.0.keys().collect::<Vec<_>>()),
            several => panic!("several files with `{part}`: {several:?}"),
        }
    }

    /// Flips one bit of the byte at `offset` of `path`. A negative offset counts from the end.
    ///
    /// # Panics
    /// When there is no such file or byte.
    pub fn flip(&mut self, path: &str, offset: i64) {
        let bytes = self.bytes_mut(path);
        let index = if offset < 0 { bytes.len() as i64 + offset } else { offset };
        let byte = usize::try_from(index).ok().and_then(|index| bytes.get_mut(index));
        *byte.unwrap_or_else(|| panic!("`{path}` has no byte {offset}")) ^= 0x01;
    }

    /// Cuts `path` down to its first half.
    ///
    /// # Panics
    /// When there is no such file.
    pub fn halve(&mut self, path: &str) {
        let bytes = self.bytes_mut(path);
        bytes.truncate(bytes.len() / 2);
    }

    /// Replaces the first `from` in the text of `path` by `to`.
    ///
    /// # Panics
    /// When there is no such file or no such text in it.
    pub fn replace_text(&mut self, path: &str, from: &str, to: &str) {
        let bytes = self.bytes_mut(path);
        let at = bytes.windows(from.len()).position(|window| window == from.as_bytes());
        let at = at.unwrap_or_else(|| panic!("`{path}` does not hold `{from}`"));
        bytes.splice(at..at + from.len(), to.bytes());
    }

    /// Removes all files whose path holds `part`.
    ///
    /// # Panics
    /// When there is none.
    pub fn remove_with(&mut self, part: &str) {
        let before = self.0.len();
        self.0.retain(|path, _| !path.contains(part));
        assert!(self.0.len() < before, "no file with `{part}`");
    }

    /// Writes all files below `folder`, for mirrors that are reached by `file:` URLs.
    ///
    /// # Panics
    /// When the disk refuses.
    pub fn write_to(&self, folder: &Path) {
        for (path, bytes) in &self.0 {
            let path = folder.join(path);
            std::fs::create_dir_all(path.parent().unwrap_or(folder)).expect("a folder for the fixture");
            std::fs::write(path, bytes).expect("a file of the fixture");
        }
    }

    fn bytes_mut(&mut self, path: &str) -> &mut Vec<u8> {
        self.0.get_mut(path).unwrap_or_else(|| panic!("no file `{path}`"))
    }
}

impl Deref for Files {
    type Target = BTreeMap<String, Vec<u8>>;

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

impl DerefMut for Files {
    fn deref_mut(&mut self) -> &mut Self::Target {
        &mut self.0
    }
}

impl FromIterator<(String, Vec<u8>)> for Files {
    fn from_iter<I: IntoIterator<Item = (String, Vec<u8>)>>(files: I) -> Self {
        Self(files.into_iter().collect())
    }
}

impl IntoIterator for Files {
    type Item = (String, Vec<u8>);
    type IntoIter = std::collections::btree_map::IntoIter<String, Vec<u8>>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

impl Extend<(String, Vec<u8>)> for Files {
    fn extend<I: IntoIterator<Item = (String, Vec<u8>)>>(&mut self, files: I) {
        self.0.extend(files);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(path: &str, bytes: &[u8]) -> Files {
        Files::from_iter([(path.to_owned(), bytes.to_vec())])
    }

    #[test]
    fn a_flipped_byte_differs_in_one_bit() {
        let mut files = one("a", b"abc");
        files.flip("a", -1);
        assert_eq!(files["a"], b"abb");
        files.flip("a", 0);
        assert_eq!(files["a"], b"`bb");
    }

    #[test]
    fn text_is_replaced_once() {
        let mut files = one("Release", b"Suite: a\nCodename: a\n");
        files.replace_text("Release", ": a", ": longer");
        assert_eq!(files["Release"], b"Suite: longer\nCodename: a\n");
    }

    #[test]
    #[should_panic(expected = "several files with `deb`")]
    fn an_ambiguous_part_of_a_path_is_refused() {
        let mut files = one("pool/a.deb", b"");
        files.extend(one("pool/b.deb", b""));
        files.path_with("deb");
    }

    #[test]
    fn files_go_below_a_folder_and_to_disk() {
        let dir = tempfile::tempdir().unwrap();
        one("dists/x", b"bytes").under("debian").write_to(dir.path());
        assert_eq!(std::fs::read(dir.path().join("debian/dists/x")).unwrap(), b"bytes");
    }
}
