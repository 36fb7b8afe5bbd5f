//! Who something belongs to, and who may do what with it.

use std::fmt;
use std::str::FromStr;

use bareboat_model::{Error, Result, escape};

use super::text_value;

/// A user or a group, by name or by number.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Identity {
    /// Looked up in the image's passwd or group.
    Name(String),
    /// Taken as it is.
    Id(u32),
}

impl FromStr for Identity {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        if text.starts_with(|c: char| c.is_ascii_digit()) {
            let id = text.parse().ok().filter(|&id| id <= LARGEST_ID);
            return id.map(Self::Id).ok_or_else(|| {
                Error::new(format!(
                    "`{}` is not a user or group id, expected 0 to {LARGEST_ID}",
                    escape(text)
                ))
            });
        }
        account_name(text).map(Self::Name)
    }
}

impl fmt::Display for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => f.write_str(name),
            Self::Id(id) => write!(f, "{id}"),
        }
    }
}

/// The highest user or group id: 4294967295 is chown(2)'s "leave unchanged".
pub(in crate::recipe) const LARGEST_ID: u32 = u32::MAX - 1;

/// Checks the name of a user or group, by the rule of Debian's useradd(8): at most 32 bytes, and nothing that
/// passwd(5) or a path would read differently.
fn account_name(text: &str) -> Result<String> {
    let starts_well = text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    let goes_well = text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.'));
    if starts_well && goes_well && text.len() <= 32 {
        return Ok(text.to_owned());
    }
    Err(Error::new(format!(
        "`{}` cannot name a user or group, expected a letter or `_`, then letters, digits, `_`, `-` and `.`, \
         at most 32",
        escape(text)
    )))
}

/// The name of a user or group that a recipe makes.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(in crate::recipe) struct AccountName(pub(in crate::recipe) String);

impl FromStr for AccountName {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        account_name(text).map(Self)
    }
}

text_value!(AccountName, "The name of a user or group.", "^[A-Za-z_][A-Za-z0-9_.-]{0,31}$");

/// Who something belongs to or runs as: `nonroot`, `1000`, `root:adm`, `1000:1000`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Owner {
    /// The user.
    pub user: Identity,
    /// The group; the user's own when it is not given (the same number for a user that has no passwd entry).
    pub group: Option<Identity>,
}

impl Owner {
    /// `root:root`, the owner of whatever a recipe says nothing about.
    pub const ROOT: Self = Self { user: Identity::Id(0), group: Some(Identity::Id(0)) };
}

impl Default for Owner {
    fn default() -> Self {
        Self::ROOT
    }
}

impl FromStr for Owner {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        match text.split_once(':') {
            Some((user, group)) => Ok(Self { user: user.parse()?, group: Some(group.parse()?) }),
            None => Ok(Self { user: text.parse()?, group: None }),
        }
    }
}

impl fmt::Display for Owner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.user)?;
        self.group.as_ref().map_or(Ok(()), |group| write!(f, ":{group}"))
    }
}

text_value!(
    Owner,
    "A user and perhaps a group, by name or number: USER or USER:GROUP.",
    "^[A-Za-z0-9_][A-Za-z0-9_.-]*(:[A-Za-z0-9_][A-Za-z0-9_.-]*)?$"
);

/// Permission bits, with set-id and sticky bits: at most `0o7777`. Written as a string of octal digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Mode(u32);

impl Mode {
    /// The mode of directories that a recipe says nothing about: 0755.
    pub const DIRECTORY: Self = Self(0o755);

    /// The bits.
    pub fn bits(self) -> u32 {
        self.0
    }
}

impl FromStr for Mode {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let octal = (3..=5).contains(&text.len()) && text.bytes().all(|b| matches!(b, b'0'..=b'7'));
        let bits = u32::from_str_radix(text, 8).ok().filter(|&bits| octal && bits <= 0o7777);
        bits.map(Self).ok_or_else(|| {
            Error::new(format!("`{}` is not a mode, expected octal digits such as \"0644\"", escape(text)))
        })
    }
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04o}", self.0)
    }
}

text_value!(Mode, "Permissions in octal, such as \"0644\".", "^0?[0-7]{3,4}$");

/// A user or group id that a recipe gives out, written as a number.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::recipe) struct AccountId(pub(in crate::recipe) u32);

impl<'de> serde::Deserialize<'de> for AccountId {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let number = i64::deserialize(deserializer)?;
        u32::try_from(number).ok().filter(|&id| id <= LARGEST_ID).map(Self).ok_or_else(|| {
            serde::de::Error::custom(format!(
                "{number} is not a user or group id, expected 0 to {LARGEST_ID}"
            ))
        })
    }
}

impl schemars::JsonSchema for AccountId {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        "AccountId".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({ "type": "integer", "minimum": 0, "maximum": LARGEST_ID })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn owners_are_names_or_numbers() {
        let name = |name: &str| Identity::Name(name.to_owned());
        for (text, user, group) in [
            ("nonroot", name("nonroot"), None),
            ("1000", Identity::Id(1000), None),
            ("root:adm", name("root"), Some(name("adm"))),
            ("0:4294967294", Identity::Id(0), Some(Identity::Id(4_294_967_294))),
            ("_apt", name("_apt"), None),
        ] {
            let owner: Owner = text.parse().unwrap();
            assert_eq!(owner, Owner { user, group });
            assert_eq!(owner.to_string(), text);
        }
        for bad in ["", ":", "a:", ":a", "-1", "4294967295", "a:b:c", "1a", "a b", "a/b", &"a".repeat(33)] {
            assert!(bad.parse::<Owner>().is_err(), "{bad}");
        }
    }

    #[test]
    fn modes_are_octal() {
        for (text, bits) in [("0644", 0o644), ("755", 0o755), ("4755", 0o4755), ("01777", 0o1777), ("000", 0)]
        {
            assert_eq!(text.parse::<Mode>().unwrap().bits(), bits);
        }
        for bad in ["", "7", "888", "0o644", "17777", "+644", "u+x", "000644"] {
            assert!(bad.parse::<Mode>().is_err(), "{bad}");
        }
    }
}
