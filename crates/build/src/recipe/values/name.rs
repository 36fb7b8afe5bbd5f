//! Names of images, suites, archives and components.

use std::fmt;
use std::str::FromStr;

use bareboat_model::{Error, Result, escape};

use super::text_value;

/// The name of an image: one component of a repository name, as the OCI distribution specification has it
/// (section "Pulling manifests"), so that it can be pushed anywhere and used as a file name.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Name(String);

/// A registry takes 255 bytes for host and repository together; this leaves room for the rest.
const LONGEST_NAME: usize = 128;

impl Name {
    /// The name as written.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Name {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        if text.is_empty() {
            return Err(Error::new("the image's name is empty"));
        }
        if text.len() > LONGEST_NAME || !is_repository_component(text) {
            return Err(Error::new(format!(
                "`{}` cannot be an image's name, expected lower-case letters, digits and single `.`, `_` or `-` \
                 between them, at most {LONGEST_NAME}",
                escape(text)
            )));
        }
        Ok(Self(text.to_owned()))
    }
}

/// `[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*`
fn is_repository_component(text: &str) -> bool {
    let alphanumeric = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    let ends_well = text.starts_with(alphanumeric) && text.ends_with(alphanumeric);
    ends_well
        && text.split(alphanumeric).all(|separator| {
            matches!(separator, "" | "." | "_" | "__") || separator.chars().all(|c| c == '-')
        })
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

text_value!(
    Name,
    "The image's name: one component of a repository name.",
    r"^[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*$"
);

/// The name of a suite, an archive or a component: a word that is safe in paths.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Word(String);

impl Word {
    /// The word as written.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Word {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let starts_well = text.starts_with(|c: char| c.is_ascii_alphanumeric());
        let goes_well =
            text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'+' | b'-'));
        if starts_well && goes_well && text.len() <= 100 && !text.contains("..") {
            return Ok(Self(text.to_owned()));
        }
        Err(Error::new(format!(
            "`{}` is not a name, expected letters, digits and `.`, `_`, `+` or `-` between them",
            escape(text)
        )))
    }
}

impl fmt::Display for Word {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

text_value!(
    Word,
    "A name of letters, digits and `.`, `_`, `+` or `-` between them.",
    "^[A-Za-z0-9][A-Za-z0-9._+-]*$"
);

/// The name by which programs need a library (`DT_SONAME` and `DT_NEEDED` of ELF files): `libasound.so.2`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct LibraryName(pub(crate) String);

impl FromStr for LibraryName {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let plain = |c: char| !c.is_control() && !c.is_whitespace() && c != '/';
        if !text.is_empty() && text.len() <= 255 && text.chars().all(plain) {
            return Ok(Self(text.to_owned()));
        }
        Err(Error::new(format!(
            "`{}` cannot be a library's name, expected one such as libasound.so.2",
            escape(text)
        )))
    }
}

impl fmt::Display for LibraryName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

text_value!(LibraryName, "The name by which programs need a library, such as libasound.so.2.", "^[^/\\s]+$");

/// Where an archive is: a URL that starts with `http://`, `https://` or `file://`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(in crate::recipe) struct MirrorUrl(pub(in crate::recipe) String);

impl FromStr for MirrorUrl {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let wrong = |why: &str| Error::new(format!("`{}` is not a mirror's address: {why}", escape(text)));
        let Some((scheme, rest)) = text.split_once("://") else {
            return Err(wrong("expected http://…, https://… or file:///…"));
        };
        if !matches!(scheme, "http" | "https" | "file") {
            return Err(wrong(&format!("scheme `{}`, expected http, https or file", escape(scheme))));
        }
        if scheme == "file" && !rest.starts_with('/') {
            return Err(wrong("a file: address needs an absolute path after `file://`"));
        }
        if rest.is_empty() || rest.starts_with('/') && scheme != "file" {
            return Err(wrong("it names no host"));
        }
        if rest.chars().any(|c| c.is_whitespace() || c.is_control() || matches!(c, '?' | '#')) {
            return Err(wrong("it holds a blank, a control character, `?` or `#`"));
        }
        Ok(Self(text.trim_end_matches('/').to_owned()))
    }
}

text_value!(MirrorUrl, "Where the archive is: http://…, https://… or file:///….", "^(https?|file)://.+");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_images_are_repository_components() {
        for good in ["a", "hello", "a.b_c-d", "a__b", "a--b", "7"] {
            assert_eq!(good.parse::<Name>().unwrap().to_string(), good);
        }
        for bad in ["", "A", "a/b", ".a", "a-", "a..b", "a___b", "a.-b", "a b", "é", &"a".repeat(129)] {
            assert!(bad.parse::<Name>().is_err(), "{bad}");
        }
    }

    #[test]
    fn words_are_safe_in_paths() {
        for good in ["trixie", "non-free-firmware", "stable", "v1.2+x_y"] {
            assert_eq!(good.parse::<Word>().unwrap().to_string(), good);
        }
        for bad in ["", ".", "..", "-a", "a/b", "a..b", "a b", &"a".repeat(101)] {
            assert!(bad.parse::<Word>().is_err(), "{bad}");
        }
    }

    #[test]
    fn mirrors_are_http_or_files() {
        for (given, kept) in [
            ("http://mirror.test/debian/", "http://mirror.test/debian"),
            ("https://u:p@mirror.test:8080", "https://u:p@mirror.test:8080"),
            ("file:///srv/debian", "file:///srv/debian"),
        ] {
            assert_eq!(given.parse::<MirrorUrl>().unwrap().0, kept);
        }
        for bad in [
            "",
            "mirror.test",
            "ftp://mirror.test",
            "http://",
            "http:///x",
            "file://srv",
            "http://a b",
            "http://a/?x",
        ] {
            assert!(bad.parse::<MirrorUrl>().is_err(), "{bad}");
        }
    }
}
