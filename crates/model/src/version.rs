//! Debian package versions, ordered as dpkg orders them.

use std::fmt;

/// A Debian version: `[epoch:]upstream[-revision]`.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Version(String);

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
