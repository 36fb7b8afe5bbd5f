//! Debian archives: which ones, and verified access to what they hold.
//!
//! The chain of trust: a key signs the Release file, the Release file names its indexes by SHA-256, an index
//! names its packages by SHA-256. Nothing is handed on before the link that leads to it was checked.

mod choice;
mod contents;
mod index;
mod package;
mod release;

use std::fmt;

use bareboat_formats::openpgp::Keyring;
use bareboat_model::escape;

pub use choice::{MirrorChoice, debian_archives, read_keyring};
pub use contents::library_owners;
pub use index::fetch_index;
pub use package::fetch_package;
pub use release::{Suite, fetch_release, no_such_suite};

use crate::http::{encode_path, without_password};

/// One suite of one archive, and who may sign it.
#[derive(Clone)]
pub struct Archive {
    /// How the lock calls it: `debian`, `debian-security`, or the recipe's own name.
    pub name: String,
    /// Where it is, such as `http://mirror.test/debian`, without a slash at the end.
    pub mirror: String,
    /// The suite, such as `trixie-updates`.
    pub suite: String,
    /// The components to use, such as `main`.
    pub components: Vec<String>,
    /// The keys that may sign its Release files.
    pub keyring: Keyring,
    /// Accept keys whose own signatures use SHA-1, as some third parties' still do.
    pub allow_sha1_bindings: bool,
}

impl Archive {
    /// The URL of a file in the suite's folder.
    fn in_suite(&self, file: &str) -> String {
        format!("{}/dists/{}/{}", self.mirror, encode_path(&self.suite), encode_path(file))
    }
}

/// For messages: `` `trixie` at `http://mirror.test/debian` ``.
impl fmt::Display for Archive {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` at `{}`", escape(&self.suite), without_password(&self.mirror))
    }
}

#[cfg(test)]
mod tests;
