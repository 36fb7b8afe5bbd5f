//! The lock: what a recipe resolved to, by digest. Written by the tool, committed by the person.
//!
//! Values only. `read` and `write` are the two directions of the file, `satisfaction` says whether a lock still serves
//! a recipe, `changes` what moved between two of them.

mod changes;
mod read;
mod satisfaction;
#[cfg(test)]
mod tests;
mod write;

use std::collections::BTreeMap;

use bareboat_model::{Digest, Platform, Timestamp, Version};
use serde::Serialize;

use crate::recipe::{Recipe, Word};

pub use changes::{Change, changes};
pub(crate) use read::LARGEST_FILE;
pub use satisfaction::{Satisfaction, base_reason};

/// The name of the lock's file, beside the recipe.
pub const FILE_NAME: &str = "bareboat.lock";

/// The only version of the format so far.
const FORMAT_VERSION: i64 = 1;

/// The name of Debian's main archive in locks.
pub const DEBIAN: &str = "debian";

/// The name of Debian's security archive in locks.
pub const DEBIAN_SECURITY: &str = "debian-security";

/// What a recipe resolved to.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Lock {
    /// What it was resolved for.
    pub request: Request,
    /// The image that the recipe builds on, when it builds on one.
    pub base: Option<BaseImage>,
    /// The suites that packages were chosen from.
    pub suites: Vec<SuiteRelease>,
    /// The packages of each platform, by name. A platform that needs no packages is there with none.
    pub packages: BTreeMap<Platform, BTreeMap<String, LockedPackage>>,
}

/// What a recipe asks the resolver for: as far as this is the same, a lock still serves.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Request {
    /// The Debian suite.
    pub suite: String,
    /// The components of Debian's archives, sorted.
    pub components: Vec<String>,
    /// The packages asked for, NAME or NAME=VERSION, of the recipe and all below it, sorted.
    pub packages: Vec<String>,
    /// Packages on which no dependency is followed, sorted.
    pub without: Vec<String>,
    /// Archives other than Debian's, by name.
    pub archives: Vec<RequestedArchive>,
}

impl Request {
    /// What a recipe asks for. `suite` is what the recipe leaves to its default.
    pub fn of(recipe: &Recipe, suite: &str) -> Self {
        let archive = |archive: &crate::recipe::ThirdPartyArchive| RequestedArchive {
            name: archive.name.to_string(),
            suites: sorted(archive.suites.iter().map(Word::as_str)),
            components: sorted(archive.components.iter().map(Word::as_str)),
        };
        let mut archives: Vec<RequestedArchive> = recipe.archives.iter().map(archive).collect();
        archives.sort();
        Self {
            suite: recipe.suite.as_ref().map_or(suite, Word::as_str).to_owned(),
            components: sorted(recipe.archive.components()),
            packages: sorted(recipe.packages.iter().map(ToString::to_string)),
            without: sorted(&recipe.without),
            archives,
        }
    }
}

fn sorted<T: ToString>(texts: impl IntoIterator<Item = T>) -> Vec<String> {
    let mut texts: Vec<String> = texts.into_iter().map(|text| text.to_string()).collect();
    texts.sort();
    texts.dedup();
    texts
}

/// An archive other than Debian's that a recipe asks for. Not where it is: mirrors may change.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
pub struct RequestedArchive {
    /// What the recipe calls it.
    pub name: String,
    /// Its suites, sorted.
    pub suites: Vec<String>,
    /// Its components, sorted.
    pub components: Vec<String>,
}

/// The image that a recipe builds on.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct BaseImage {
    /// As the recipe names it.
    pub reference: String,
    /// The manifest or index that this was; of a Docker archive, which has neither, the config.
    pub digest: Digest,
}

/// One suite of one archive, as it was when packages were chosen from it.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct SuiteRelease {
    /// [`DEBIAN`], [`DEBIAN_SECURITY`], or the name of an archive of the recipe.
    pub archive: String,
    /// The suite, such as `trixie-updates`.
    pub suite: String,
    /// The date of its Release.
    pub date: Timestamp,
    /// The digest of its Release, as signed.
    pub sha256: Digest,
}

/// One package of one platform.
///
/// The relations are the fields of its control file, so that it can be chosen again when the archive no longer
/// lists it; a field that it does not have is empty.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LockedPackage {
    /// The package.
    pub name: String,
    /// Its version.
    pub version: Version,
    /// Its architecture, `all` for one that fits any.
    pub architecture: String,
    /// The source package that it was built from.
    pub source: String,
    /// The version of the source package.
    pub source_version: Version,
    /// Which archive has it, by the name in [`SuiteRelease::archive`].
    pub archive: String,
    /// Where in the archive: relative to the mirror, never with `..`.
    pub path: String,
    /// The size of the .deb in bytes.
    pub size: u64,
    /// The digest of the .deb.
    pub sha256: Digest,
    /// `Multi-Arch`: `same`, `foreign`, `allowed` or empty.
    pub multi_arch: String,
    /// `Pre-Depends`
    pub pre_depends: String,
    /// `Depends`
    pub depends: String,
    /// `Provides`
    pub provides: String,
    /// `Conflicts`
    pub conflicts: String,
    /// `Breaks`
    pub breaks: String,
}

impl Lock {
    /// The platforms that the lock is for.
    pub fn platforms(&self) -> impl Iterator<Item = Platform> {
        self.packages.keys().copied()
    }
}
