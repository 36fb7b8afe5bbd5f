//! Debian package versions, ordered as dpkg orders them.
//!
//! The comparison is written by hand: it is twenty lines, sits at the heart of resolving, and the one crate for it
//! brings eighteen others along.

use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::{Error, Result, escape};

/// A Debian version: `[epoch:]upstream[-revision]`, as deb-version(7) has it.
///
/// Keeps its text as written. Equality is dpkg's: `1.0`, `0:1.0` and `1.0-0` are the same version, so compare
/// [`Version::as_str`] where the spelling matters.
///
/// ```
/// use bareboat_model::Version;
/// let version = Version::parse("1:2.36-9+deb12u4").unwrap();
/// assert_eq!((version.epoch(), version.upstream(), version.revision()), (1, "2.36", Some("9+deb12u4")));
/// assert!(Version::parse("1.0~rc1").unwrap() < Version::parse("1.0").unwrap());
/// ```
#[derive(Clone)]
pub struct Version(Box<str>);

impl Version {
    /// Reads a version.
    ///
    /// Takes what dpkg takes from an archive; so an upstream version need not start with a digit, though policy
    /// wants it.
    ///
    /// # Errors
    /// When a part is empty, the epoch is no number, or a character is not allowed in its part.
    pub fn parse(text: &str) -> Result<Self> {
        check(text)
            .map_err(|cause| Error::new(format!("cannot read version `{}`: {cause}", escape(text))))?;
        Ok(Self(text.into()))
    }

    /// The version as it was written.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The number before the first colon; 0 when there is none.
    pub fn epoch(&self) -> u32 {
        self.0.split_once(':').and_then(|(epoch, _)| epoch.parse().ok()).unwrap_or(0)
    }

    /// The upstream version: what is left without epoch and revision.
    pub fn upstream(&self) -> &str {
        split_revision(self.without_epoch()).0
    }

    /// The Debian revision: what follows the last hyphen, if there is one.
    pub fn revision(&self) -> Option<&str> {
        split_revision(self.without_epoch()).1
    }

    /// The version as it stands in a package's file name, which has no epoch.
    pub fn without_epoch(&self) -> &str {
        self.0.split_once(':').map_or(&*self.0, |(_, rest)| rest)
    }
}

/// Splits at the last hyphen.
fn split_revision(text: &str) -> (&str, Option<&str>) {
    text.rsplit_once('-').map_or((text, None), |(upstream, revision)| (upstream, Some(revision)))
}

/// The rules of dpkg's `parseversion`; where dpkg only warns about a character, this refuses it.
fn check(text: &str) -> Result<(), String> {
    if text.is_empty() {
        return Err("it is empty".to_owned());
    }
    let rest = match text.split_once(':') {
        Some((epoch, rest)) => check_epoch(epoch).map(|()| rest)?,
        None => text,
    };
    let (upstream, revision) = split_revision(rest);
    if upstream.is_empty() {
        return Err("the upstream version is empty".to_owned());
    }
    if revision == Some("") {
        return Err("the revision after the hyphen is empty".to_owned());
    }
    let upstream_start = text.len() - rest.len();
    let revision_start = upstream_start + upstream.len();
    let strange = text.char_indices().skip(upstream_start).find(|&(at, c)| !allowed(c, at > revision_start));
    match strange {
        Some((at, c)) => Err(format!("character `{}` at offset {at} is not allowed", escape(&c.to_string()))),
        None => Ok(()),
    }
}

/// dpkg keeps the epoch in an `int`.
fn check_epoch(epoch: &str) -> Result<(), String> {
    let digits = !epoch.is_empty() && epoch.bytes().all(|b| b.is_ascii_digit());
    match epoch.parse::<i32>() {
        Ok(_) if digits => Ok(()),
        _ => Err(format!("the epoch `{}` is not a number from 0 to {}", escape(epoch), i32::MAX)),
    }
}

/// Characters of the upstream version and of the revision, deb-version(7).
fn allowed(c: char, in_revision: bool) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '.' | '+' | '~') || (matches!(c, '-' | ':') && !in_revision)
}

impl Ord for Version {
    fn cmp(&self, other: &Self) -> Ordering {
        self.epoch()
            .cmp(&other.epoch())
            .then_with(|| compare_part(self.upstream(), other.upstream()))
            .then_with(|| compare_part(self.revision().unwrap_or(""), other.revision().unwrap_or("")))
    }
}

/// deb-version(7), "Sorting algorithm": stretches of non-digits and of digits in turn, the first by [`weight`], the
/// second as numbers of any length.
fn compare_part(a: &str, b: &str) -> Ordering {
    let (mut a, mut b) = (a.as_bytes(), b.as_bytes());
    while !a.is_empty() || !b.is_empty() {
        while starts_with_non_digit(a) || starts_with_non_digit(b) {
            match weight(a.first()).cmp(&weight(b.first())) {
                Ordering::Equal => (a, b) = (&a[1..], &b[1..]),
                different => return different,
            }
        }
        let (number_a, number_b) = (take_number(&mut a), take_number(&mut b));
        match number_a.len().cmp(&number_b.len()).then(number_a.cmp(number_b)) {
            Ordering::Equal => {}
            different => return different,
        }
    }
    Ordering::Equal
}

fn starts_with_non_digit(text: &[u8]) -> bool {
    text.first().is_some_and(|byte| !byte.is_ascii_digit())
}

/// Where a byte sorts among non-digits: a tilde before the end, then letters, then all else.
/// A digit ends the stretch and so weighs what the end weighs.
fn weight(byte: Option<&u8>) -> i32 {
    match byte {
        Some(b'~') => -1,
        None | Some(b'0'..=b'9') => 0,
        Some(&letter) if letter.is_ascii_alphabetic() => i32::from(letter),
        Some(&other) => i32::from(other) + 256,
    }
}

/// Takes the digits in front, and gives them without leading zeros.
fn take_number<'a>(text: &mut &'a [u8]) -> &'a [u8] {
    let end = text.iter().position(|byte| !byte.is_ascii_digit()).unwrap_or(text.len());
    let (digits, rest) = text.split_at(end);
    *text = rest;
    let zeros = digits.iter().take_while(|&&byte| byte == b'0').count();
    &digits[zeros..]
}

impl PartialOrd for Version {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Version {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Version {}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl fmt::Debug for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

impl FromStr for Version {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        Self::parse(text)
    }
}

impl Serialize for Version {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Version {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::parse(&String::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// `a < b` or `a = b`, one a line. Blank lines and `#` lines are left out.
    const TABLE: &str = "
        0.0.0 = 0:0.0.0
        0:0.0.0-foo = 0.0.0-foo
        0.0.0 = 0.0.0-0
        0.0.0 = 0.0.0-00
        1:0.0.0 = 1:0.0.0
        1.01 = 1.1
        0.0.0-0 < 0:0.0.1
        0.0.0-0 < 0:0.0.0-a
        0.0.0-0 < 0:0.0.0-1
        0.0.9 < 0.0.10
        9.0.0 < 10.0.0
        1.2.3-1~deb7u1 < 1.2.3-1
        2.7.4+reloaded2-13ubuntu1 < 2.7.4+reloaded2-13+deb9u1
        2.7.4+reloaded2-13 < 2.7.4+reloaded2-13+deb9u1
        0:0.0.0-1 < 0.0.0-a
        2:0.0.44-1 < 2:0.0.44-nobin
        9.9 < 1:0.1
        1.0~~ < 1.0~~a
        1.0~~a < 1.0~
        1.0~ < 1.0
        1.0 < 1.0a
        1.0a < 1.0+
        1.0+ < 1.0.
        1.0-1 < 1.0-1.1
        1.0-1-1 < 1.0-2-1
        0:1.2:3-1 < 0:1.2:4-1
        99999999999999999999 < 100000000000000000000
        a1 < a2
        1.0Z < 1.0a
    ";

    fn check_table(table: &str) -> usize {
        let rows = table.lines().map(str::trim).filter(|row| !row.is_empty() && !row.starts_with('#'));
        let check = |row: &str| {
            let [a, op, b] = row.split(' ').collect::<Vec<_>>()[..] else { panic!("not a row: {row}") };
            let wanted = match op {
                "<" => Ordering::Less,
                "=" => Ordering::Equal,
                ">" => Ordering::Greater,
                _ => panic!("not an operator: {row}"),
            };
            let (a, b) = (Version::parse(a).unwrap(), Version::parse(b).unwrap());
            assert_eq!(a.cmp(&b), wanted, "{row}");
            assert_eq!(b.cmp(&a), wanted.reverse(), "{row}");
        };
        rows.map(check).count()
    }

    #[test]
    fn versions_are_ordered_as_dpkg_orders_them() {
        assert_eq!(check_table(TABLE), 29);
    }

    /// The long tables are no part of the repository: the live suite names the folder that holds them.
    #[test]
    fn the_shared_tables_agree_where_they_are_at_hand() {
        let Some(shared) = std::env::var_os("BAREBOAT_SHARED") else {
            return assert_ne!(check_table(TABLE), 0);
        };
        let folder = std::path::Path::new(&shared).join("tests/dpkg-versions");
        for file in ["osv-scanner-debian-versions.txt", "osv-scanner-debian-versions-generated.txt"] {
            assert_ne!(check_table(&std::fs::read_to_string(folder.join(file)).unwrap()), 0, "{file}");
        }
    }

    #[test]
    fn the_parts_of_a_version_are_told_apart() {
        for (text, epoch, upstream, revision) in [
            ("1.0", 0, "1.0", None),
            ("2:1.0-3", 2, "1.0", Some("3")),
            ("1:2:3-4-5", 1, "2:3-4", Some("5")),
            ("0:a-b", 0, "a", Some("b")),
        ] {
            let version = Version::parse(text).unwrap();
            assert_eq!(
                (version.epoch(), version.upstream(), version.revision()),
                (epoch, upstream, revision)
            );
            assert_eq!(version.to_string(), text);
        }
        assert_eq!(Version::parse("2:1.0-3").unwrap().without_epoch(), "1.0-3");
    }

    #[test]
    fn what_dpkg_refuses_is_refused_with_the_place() {
        for (text, cause) in [
            ("", "it is empty"),
            (":1", "the epoch `` is not a number from 0 to 2147483647"),
            ("+1:1", "the epoch `+1` is not a number from 0 to 2147483647"),
            ("x:1", "the epoch `x` is not a number from 0 to 2147483647"),
            ("2147483648:1", "the epoch `2147483648` is not a number from 0 to 2147483647"),
            ("1:", "the upstream version is empty"),
            ("1:-2", "the upstream version is empty"),
            ("1.0-", "the revision after the hyphen is empty"),
            ("1.0 2", "character ` ` at offset 3 is not allowed"),
            ("1:1.0-\u{1b}", "character `\\u{1b}` at offset 6 is not allowed"),
            ("0:1.0-1:2", "character `:` at offset 7 is not allowed"),
            ("1.0/..", "character `/` at offset 3 is not allowed"),
        ] {
            let error = Version::parse(text).unwrap_err().to_string();
            assert_eq!(error, format!("cannot read version `{}`: {cause}", escape(text)));
        }
    }

    proptest! {
        #[test]
        fn any_version_reads_back_as_written(text in "([0-9]{1,5}:)?[0-9][a-z0-9.+~]{0,9}(-[a-z0-9.+~]{1,5})?") {
            let version = Version::parse(&text).unwrap();
            prop_assert_eq!(version.as_str(), text);
        }

        #[test]
        fn the_order_is_total(
            mut versions in prop::collection::vec("[01]:[0-2a~+.]{1,4}(-[0-1a~]{1,2})?", 3)
        ) {
            versions.sort_by_key(|text| Version::parse(text).unwrap());
            let [a, b, c] = [0, 1, 2].map(|at| Version::parse(&versions[at]).unwrap());
            prop_assert!(a <= b && b <= c && a <= c);
            prop_assert_eq!(a.cmp(&b), b.cmp(&a).reverse());
        }

        #[test]
        fn no_text_makes_it_panic(a in ".{0,20}", b in "[0-9:~.+a-]{0,12}") {
            if let (Ok(a), Ok(b)) = (Version::parse(&a), Version::parse(&b)) {
                prop_assert_eq!(a.cmp(&b), b.cmp(&a).reverse());
            }
        }
    }
}
