//! Debian packages as a recipe asks for them.

use std::fmt;
use std::str::FromStr;

use bareboat_model::{Error, Result, Version, escape};

use super::text_value;

/// A Debian package that a recipe asks for, perhaps in one version: `libpq5` or `libpq5=15.7-0+deb12u1`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PackageSpec {
    /// The package.
    pub name: String,
    /// The only version that will do; the archive's candidate when there is none.
    pub version: Option<Version>,
}

impl FromStr for PackageSpec {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let (name, version) = match text.split_once('=') {
            Some((name, version)) => (name, Some(Version::parse(version)?)),
            None => (text, None),
        };
        Ok(Self { name: package_name(name)?, version })
    }
}

impl fmt::Display for PackageSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)?;
        self.version.as_ref().map_or(Ok(()), |version| write!(f, "={version}"))
    }
}

text_value!(
    PackageSpec,
    "A Debian package, perhaps in one version: NAME or NAME=VERSION.",
    "^[a-z0-9][a-z0-9+.-]+(=.+)?$"
);

/// Checks the name of a Debian package (Debian Policy 5.6.1).
///
/// # Errors
/// When `text` cannot name a package.
pub fn package_name(text: &str) -> Result<String> {
    let starts_well = text.starts_with(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit());
    let goes_well =
        text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'+' | b'-' | b'.'));
    if starts_well && goes_well && (2..=200).contains(&text.len()) {
        return Ok(text.to_owned());
    }
    Err(Error::new(format!(
        "`{}` cannot name a Debian package, expected two or more lower-case letters, digits, `+`, `-` and `.`",
        escape(text)
    )))
}

/// The name of a package, without a version.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) struct PackageName(pub(crate) String);

impl FromStr for PackageName {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        package_name(text).map(Self)
    }
}

text_value!(PackageName, "A Debian package's name.", "^[a-z0-9][a-z0-9+.-]+$");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packages_have_a_name_and_perhaps_a_version() {
        for text in ["libc6", "libstdc++6", "libssl3t64=3.5.7-1~deb13u3", "xx=1:2.0-1"] {
            assert_eq!(text.parse::<PackageSpec>().unwrap().to_string(), text);
        }
        for bad in
            ["", "a", "Libc6", "libc6:amd64", "libc6=", "=1.0", "+a", "a b", "libc6 (= 1)", "libc6=1=2/3"]
        {
            assert!(bad.parse::<PackageSpec>().is_err(), "{bad}");
        }
    }
}
