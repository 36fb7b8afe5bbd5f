//! Paths in the image, paths beside the recipe, and glob patterns.

use std::fmt;
use std::str::FromStr;

use bareboat_model::{Error, ImagePath, Result, escape};
use globset::{Glob, GlobBuilder};

use super::text_value;

/// An absolute path in the image, in its plain form: no `.`, no doubled or trailing slash. So two keys of one table
/// can never mean the same path.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(in crate::recipe) struct PlainPath(pub(in crate::recipe) ImagePath);

impl FromStr for PlainPath {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let path = ImagePath::absolute(text)?;
        if path.as_bytes() != &text.as_bytes()[1..] {
            return Err(Error::new(format!(
                "path `{}` is not in its plain form, write `{path}`",
                escape(text)
            )));
        }
        Ok(Self(path))
    }
}

text_value!(PlainPath, "An absolute path in the image.", "^/");

/// Where `to` of a `[[files]]` entry points.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Destination {
    /// The path in the image.
    pub path: ImagePath,
    /// Whether it was written with a slash at the end: what is copied goes into this folder, under its own name.
    pub into: bool,
}

impl FromStr for Destination {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        Ok(Self { path: ImagePath::absolute(text)?, into: text.ends_with('/') })
    }
}

impl fmt::Display for Destination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.path)?;
        f.write_str(if self.into && !self.path.is_root() { "/" } else { "" })
    }
}

text_value!(
    Destination,
    "An absolute path in the image; a folder to copy into when it ends with a slash.",
    "^/"
);

/// A path or glob beside the recipe: relative, and never outside the recipe's folder.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(in crate::recipe) struct SourcePath(pub(in crate::recipe) String);

impl FromStr for SourcePath {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let wrong = |why: &str| Error::new(format!("path `{}` {why}", escape(text)));
        if text.is_empty() {
            return Err(Error::new("the path is empty, write `.` for the recipe's own folder"));
        }
        if text.starts_with('/') {
            return Err(wrong("is absolute, expected one relative to the recipe's folder"));
        }
        if text.split('/').any(|component| component == "..") {
            return Err(wrong("leaves the recipe's folder with `..`; put the recipe above what it takes"));
        }
        if text.contains('\0') || text.len() > 4096 {
            return Err(wrong("holds a NUL byte or is longer than 4096 bytes"));
        }
        if is_glob(text) {
            glob(text)?;
        }
        Ok(Self(text.to_owned()))
    }
}

text_value!(SourcePath, "A file, folder or glob, relative to the recipe's folder.", "^[^/]");

/// Whether a text is a pattern rather than a plain path: it holds one of `*`, `?`, `[` and `{`.
pub(in crate::recipe) fn is_glob(text: &str) -> bool {
    text.contains(['*', '?', '[', '{'])
}

/// Reads a pattern as recipes mean it: `*` and `?` stay within one path component, `**` crosses them, `{a,b}` is
/// either, `[a-z]` is one character, and a leading or trailing `./` has no meaning.
///
/// # Errors
/// When the pattern is malformed or longer than 4096 bytes.
pub fn glob(pattern: &str) -> Result<Glob> {
    let wrong = |why: &str| Error::new(format!("`{}` is not a pattern: {why}", escape(pattern)));
    if pattern.is_empty() || pattern.len() > 4096 {
        return Err(wrong("expected 1 to 4096 bytes"));
    }
    if bareboat_io::files::is_nested_deep(pattern) {
        return Err(wrong("its braces are nested too deep"));
    }
    GlobBuilder::new(pattern.trim_start_matches("./"))
        .literal_separator(true)
        .backslash_escape(true)
        .build()
        .map_err(|error| wrong(&error.kind().to_string()))
}

/// A pattern that has been checked.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(in crate::recipe) struct Pattern(pub(in crate::recipe) String);

impl FromStr for Pattern {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        if text.starts_with(['/', '!']) {
            return Err(Error::new(format!(
                "pattern `{}` starts with `{}`, expected one relative to the folder that is copied",
                escape(text),
                &text[..1]
            )));
        }
        // `secret/` means the folder, as in .gitignore.
        let folder = text.strip_suffix('/').unwrap_or(text);
        glob(folder)?;
        Ok(Self(folder.to_owned()))
    }
}

text_value!(Pattern, "A glob: `*` stays within a name, `**` crosses folders.", "^.+$");

/// A pattern of absolute paths in the image.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(in crate::recipe) struct ImagePattern(pub(in crate::recipe) String);

impl FromStr for ImagePattern {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        if !text.starts_with('/') {
            return Err(Error::new(format!("pattern `{}` does not start with `/`", escape(text))));
        }
        glob(text)?;
        Ok(Self(text.to_owned()))
    }
}

text_value!(ImagePattern, "A glob of absolute paths in the image.", "^/");

/// What a symbolic link points to: absolute, or relative to the link's folder.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(in crate::recipe) struct LinkTarget(pub(in crate::recipe) String);

impl FromStr for LinkTarget {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        // symlink(2): a target is 1 to PATH_MAX - 1 bytes.
        if text.is_empty() || text.len() > 4095 || text.contains('\0') {
            return Err(Error::new(format!(
                "`{}` cannot be a link's target, expected 1 to 4095 bytes without NUL",
                escape(&text.chars().take(100).collect::<String>())
            )));
        }
        Ok(Self(text.to_owned()))
    }
}

text_value!(LinkTarget, "What the link points to: absolute, or relative to the link's folder.", "^.+$");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sources_stay_in_the_recipes_folder() {
        for good in [".", "src", "./src", "a/b", "dist/*.whl", "**/*.py", "..a", "a/..b"] {
            assert_eq!(good.parse::<SourcePath>().unwrap().0, good);
        }
        for bad in ["", "/a", "..", "a/../b", "a/..", "a\0b", "a[", "{a", &"a".repeat(4097)] {
            assert!(bad.parse::<SourcePath>().is_err(), "{bad}");
        }
    }

    #[test]
    fn a_slash_at_the_end_means_into() {
        for (text, into, shown) in
            [("/app", false, "/app"), ("/app/", true, "/app/"), ("/", true, "/"), ("//a/./b/", true, "/a/b/")]
        {
            let destination: Destination = text.parse().unwrap();
            assert_eq!((destination.into, destination.to_string().as_str()), (into, shown));
        }
        for bad in ["", "app", "./app", "/a/../b"] {
            assert!(bad.parse::<Destination>().is_err(), "{bad}");
        }
    }

    #[test]
    fn patterns_match_as_documented() {
        for (pattern, path, expected) in [
            ("*.py", "a.py", true),
            ("*.py", "a/b.py", false),
            ("**/*.py", "a/b.py", true),
            ("./src/*", "src/a", true),
            ("src/**", "src/a/b", true),
            ("{a,b}/c", "b/c", true),
            ("[a-c]", "b", true),
            (r"\*", "*", true),
            (r"\*", "a", false),
            ("/usr/share/x/**", "/usr/share/x/y/z", true),
        ] {
            let matcher = glob(pattern).unwrap().compile_matcher();
            assert_eq!(matcher.is_match(path), expected, "{pattern} on {path}");
        }
    }
}
