//! Paths inside an image: absolute, normalised, and never outside the root.

use std::fmt;
use std::sync::Arc;

use crate::{Error, Result};

/// An absolute, normalised path inside an image. Bytes, because Debian ships names that are not UTF-8.
///
/// Held without the leading slash: the root itself is empty. There is no `.`, no `..`, no empty
/// component and no NUL, so a path cannot name anything outside the root. Ordered by bytes, which
/// puts every directory before what it holds. Clones share the bytes: views of large images hold each path several times.
///
/// ```
/// use bareboat_model::ImagePath;
/// let path = ImagePath::parse(b"./usr//bin/env").unwrap();
/// assert_eq!(path.to_string(), "/usr/bin/env");
/// assert_eq!(path.parent().unwrap().to_string(), "/usr/bin");
/// assert!(ImagePath::parse(b"usr/../../etc/shadow").is_err());
/// ```
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct ImagePath(Option<Arc<[u8]>>);

/// Linux's PATH_MAX.
const LONGEST: usize = 4096;
/// Linux's NAME_MAX.
const LONGEST_NAME: usize = 255;

/// Deeper paths are malice: each of their directories costs memory.
const DEEPEST: usize = 256;

impl ImagePath {
    /// The root directory.
    pub const ROOT: Self = Self(None);

    /// Of bytes that were looked at.
    fn of(bytes: &[u8]) -> Self {
        Self((!bytes.is_empty()).then(|| bytes.into()))
    }

    /// Reads a path with or without a leading `/` or `./`, as archives have them. A trailing `/` is dropped.
    ///
    /// # Errors
    /// When a component is `..`, a byte is NUL, or a length is beyond what Linux takes.
    pub fn parse(bytes: &[u8]) -> Result<Self> {
        let wrong = |why: &str| Error::new(format!("path `{}` {why}", escape_bytes(bytes)));
        if bytes.len() > LONGEST {
            return Err(wrong("is longer than 4096 bytes"));
        }
        if bytes.contains(&0) {
            return Err(wrong("holds a NUL byte"));
        }
        let mut path = Vec::with_capacity(bytes.len());
        let mut depth = 0;
        for component in bytes.split(|&b| b == b'/') {
            match component {
                b"" | b"." => continue,
                b".." => return Err(wrong("leaves the root with `..`")),
                name if name.len() > LONGEST_NAME => return Err(wrong("has a name longer than 255 bytes")),
                _ if depth == DEEPEST => return Err(wrong("is more than 256 directories deep")),
                name => {
                    depth += 1;
                    if !path.is_empty() {
                        path.push(b'/');
                    }
                    path.extend_from_slice(name);
                }
            }
        }
        Ok(Self::of(&path))
    }

    /// Reads a path that a person wrote: it must start with `/`.
    ///
    /// # Errors
    /// As [`ImagePath::parse`], and when the leading `/` is missing.
    pub fn absolute(text: &str) -> Result<Self> {
        if !text.starts_with('/') {
            return Err(Error::new(format!("path `{}` does not start with `/`", crate::escape(text))));
        }
        Self::parse(text.as_bytes())
    }

    /// The bytes, without a leading slash; empty for the root.
    pub fn as_bytes(&self) -> &[u8] {
        self.0.as_deref().unwrap_or_default()
    }

    /// Whether this is the root directory.
    pub fn is_root(&self) -> bool {
        self.0.is_none()
    }

    /// The names from the root downwards.
    pub fn components(&self) -> impl DoubleEndedIterator<Item = &[u8]> {
        self.as_bytes().split(|&b| b == b'/').filter(|name| !name.is_empty())
    }

    /// The directory that holds this path; none for the root.
    pub fn parent(&self) -> Option<Self> {
        if self.is_root() {
            return None;
        }
        let end = self.as_bytes().iter().rposition(|&b| b == b'/').unwrap_or(0);
        Some(Self::of(&self.as_bytes()[..end]))
    }

    /// What is called `name`, which is not looked at, in this directory.
    pub(crate) fn child(&self, name: &[u8]) -> Self {
        if self.is_root() { Self::of(name) } else { Self::of(&[self.as_bytes(), b"/", name].concat()) }
    }

    /// The last name; none for the root.
    pub fn file_name(&self) -> Option<&[u8]> {
        self.components().next_back()
    }

    /// This path with `relative` below it.
    ///
    /// # Errors
    /// As [`ImagePath::parse`].
    pub fn join(&self, relative: &[u8]) -> Result<Self> {
        Self::parse(&[self.as_bytes(), b"/", relative].concat())
    }

    /// Whether this path is `ancestor` or lies below it.
    pub fn is_within(&self, ancestor: &Self) -> bool {
        ancestor.is_root()
            || self
                .as_bytes()
                .strip_prefix(ancestor.as_bytes())
                .is_some_and(|rest| rest.is_empty() || rest[0] == b'/')
    }
}

/// With a leading slash; bytes that are not printable UTF-8 are escaped.
impl fmt::Display for ImagePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "/{}", escape_bytes(self.as_bytes()))
    }
}

impl fmt::Debug for ImagePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

fn escape_bytes(bytes: &[u8]) -> String {
    let mut out = String::new();
    for chunk in bytes.utf8_chunks() {
        out.push_str(&crate::escape(chunk.valid()));
        for byte in chunk.invalid() {
            out.push_str(&format!("\\x{byte:02x}"));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(text: &str) -> ImagePath {
        ImagePath::parse(text.as_bytes()).unwrap()
    }

    #[test]
    fn parsing_normalises() {
        for (given, shown) in
            [("", "/"), ("/", "/"), ("./", "/"), ("./a/./b//c/", "/a/b/c"), ("/x", "/x"), ("a b", "/a b")]
        {
            assert_eq!(path(given).to_string(), shown);
        }
    }

    #[test]
    fn what_could_leave_the_root_is_refused() {
        let long_name = "n".repeat(256);
        let long_path = "a/".repeat(2049);
        for bad in ["..", "a/../b", "/..", "a\0b", &long_name, &long_path] {
            assert!(ImagePath::parse(bad.as_bytes()).is_err());
        }
    }

    #[test]
    fn within_means_whole_components() {
        assert!(path("usr/lib").is_within(&path("usr")));
        assert!(path("usr").is_within(&path("usr")));
        assert!(path("usr").is_within(&ImagePath::ROOT));
        assert!(!path("usr2").is_within(&path("usr")));
    }

    #[test]
    fn odd_names_are_shown_escaped() {
        assert_eq!(ImagePath::parse(b"a\xffb\x1b").unwrap().to_string(), "/a\\xffb\\u{1b}");
    }
}
