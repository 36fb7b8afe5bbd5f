//! File trees as text: to build packages and layers from, and to compare them with.
//!
//! One line is one member:
//!
//! ```text
//! # comment
//! /usr/bin/ 0755                          a directory: a trailing slash and a mode
//! /usr/bin/hello 0755 "#!hello\n"         a file: a mode and the content
//! /srv/data 0640 0:42 "…"                 any of them may have an owner; root (0:0) when there is none
//! /bin -> usr/bin                         a symbolic link
//! /usr/bin/hi => /usr/bin/hello           a hard link
//! /dev/null 0666 char 1:3                 a device: `char` or `block`, major:minor
//! /run/pipe 0600 fifo
//! /usr/bin/ping 0755 "…" xattr.security.capability="\x01\x00" mtime=1700000000
//! "../../etc/passwd" 0644 "…"             a quoted path is taken byte for byte: for hostile archives
//! /link -> "/a target"                    targets may be quoted too; a hard link's is then byte for byte
//! ```
//!
//! Content, quoted paths and attribute values know the escapes `\n \t \r \\ \" \xNN`. Text that is made from a tree
//! ([`Display`](std::fmt::Display)) is sorted by path and has the same form, except that content which is
//! binary or long is only named by size and digest, which [`Tree::parse`] does not read back.

mod archive;
mod text;

use std::collections::BTreeMap;

/// A file tree, as an archive has it: members in order, possibly several of one path.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Tree {
    /// The members in the order of the text or the archive.
    pub entries: Vec<Entry>,
}

/// One member of a [`Tree`].
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Entry {
    /// Where it is.
    pub path: Name,
    /// What it is.
    pub kind: Kind,
    /// Permission bits, at most `0o7777`. Always `0o777` for symbolic links.
    pub mode: u32,
    /// Owner.
    pub uid: u64,
    /// Group.
    pub gid: u64,
    /// Seconds after the epoch; `None` takes the archive's own default.
    pub mtime: Option<i64>,
    /// Extended attributes by name, such as `security.capability`.
    pub xattrs: BTreeMap<String, Vec<u8>>,
}

/// What a member is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Kind {
    /// A directory.
    Directory,
    /// A regular file with its content.
    File(Vec<u8>),
    /// A symbolic link to this target.
    Symlink(Vec<u8>),
    /// A further name of another member.
    HardLink(Name),
    /// A character device: major, minor.
    CharDevice(u32, u32),
    /// A block device: major, minor.
    BlockDevice(u32, u32),
    /// A named pipe.
    Fifo,
}

/// A member's name.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Name {
    /// Normalised, without leading and trailing slash; empty for the root.
    Path(Vec<u8>),
    /// Written into the archive byte for byte.
    Raw(Vec<u8>),
}

impl Name {
    /// A member's name out of an archive: normalised when it is of the usual kind (`./usr/`, `usr`), raw when not.
    fn of_member(bytes: &[u8]) -> Self {
        let inner = bytes.strip_prefix(b"./").unwrap_or(bytes);
        let inner = inner.strip_suffix(b"/").unwrap_or(inner);
        if inner.is_empty() || inner == b"." {
            return Self::Path(Vec::new());
        }
        let usual = inner.split(|&b| b == b'/').all(|name| !matches!(name, b"" | b"." | b".."));
        if usual { Self::Path(inner.to_vec()) } else { Self::Raw(bytes.to_vec()) }
    }

    /// The bytes without a leading `./`, or the raw ones.
    pub fn as_bytes(&self) -> &[u8] {
        match self {
            Self::Path(bytes) | Self::Raw(bytes) => bytes,
        }
    }
}

impl Entry {
    /// A member that belongs to root and has no time of its own.
    pub fn new(path: Name, kind: Kind, mode: u32) -> Self {
        Self { path, kind, mode, uid: 0, gid: 0, mtime: None, xattrs: BTreeMap::new() }
    }
}

impl Tree {
    /// No members.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a regular file of root's. `path` is absolute.
    ///
    /// # Panics
    /// When `path` is not absolute or not normal.
    pub fn file(&mut self, path: &str, mode: u32, content: impl Into<Vec<u8>>) -> &mut Self {
        let path = text::absolute(path);
        self.entries.push(Entry::new(path, Kind::File(content.into()), mode));
        self
    }

    /// Adds the members of another tree behind the own ones.
    pub fn extend(&mut self, other: Self) -> &mut Self {
        self.entries.extend(other.entries);
        self
    }

    /// The member at the absolute `path`.
    pub fn get(&self, path: &str) -> Option<&Entry> {
        let path = text::absolute(path);
        self.entries.iter().find(|entry| entry.path == path)
    }

    /// The content of the regular file at `path`.
    ///
    /// # Panics
    /// When there is none.
    pub fn content(&self, path: &str) -> &[u8] {
        match self.get(path).map(|entry| &entry.kind) {
            Some(Kind::File(content)) => content,
            Some(_) => panic!("`{path}` is not a regular file"),
            None => panic!("no `{path}` among\n{self}"),
        }
    }

    /// The same tree with no member's time told, for comparisons that are not about time.
    #[must_use]
    pub fn without_times(mut self) -> Self {
        for entry in &mut self.entries {
            entry.mtime = None;
        }
        self
    }

    /// The same tree where every parent directory that is missing, the root included, is added in
    /// front of its first child with mode 0755, as Debian's packages have them.
    #[must_use]
    pub fn with_parents(self) -> Self {
        let mut seen = std::collections::BTreeSet::new();
        let mut entries = Vec::with_capacity(self.entries.len());
        for entry in self.entries {
            if let Name::Path(path) = &entry.path {
                for parent in parents(path) {
                    if seen.insert(parent.to_vec()) {
                        entries.push(Entry::new(Name::Path(parent.to_vec()), Kind::Directory, 0o755));
                    }
                }
                seen.insert(path.clone());
            }
            entries.push(entry);
        }
        Self { entries }
    }
}

/// The root and every directory above `path`, from the root downwards.
fn parents(path: &[u8]) -> impl Iterator<Item = &[u8]> {
    let root = (!path.is_empty()).then_some(&path[..0]);
    let slashes = path.iter().enumerate().filter(|&(_, &byte)| byte == b'/');
    root.into_iter().chain(slashes.map(|(at, _)| &path[..at]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn missing_parents_are_added_once_and_in_front() {
        let tree = Tree::parse("/usr/bin/ 0700\n/usr/bin/a 0755 \"\"\n/usr/b 0644 \"\"").with_parents();
        let paths: Vec<_> = tree.entries.iter().map(|e| e.path.as_bytes().to_vec()).collect();
        assert_eq!(paths, [&b""[..], b"usr", b"usr/bin", b"usr/bin/a", b"usr/b"]);
        assert_eq!(tree.get("/usr/bin").unwrap().mode, 0o700);
    }

    #[test]
    fn an_explicit_root_is_not_doubled() {
        let tree = Tree::parse("/ 0700\n/a 0644 \"\"").with_parents();
        assert_eq!(tree.entries.len(), 2);
        assert_eq!(tree.entries[0].mode, 0o700);
    }
}
