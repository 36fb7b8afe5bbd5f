//! Which packages: a request and a universe in, apt's choices out, each with the reason why it is in.
//!
//! `universe` holds what there is to choose from, `satisfy` says what meets a relation, `preference` who goes first
//! (`introduction` settles ties),
//! `search` looks for a set that holds together, `impossible` tells why there is none, `explain` why a package is in.
//!
//! By hand, because it is the core of the tool: the general solvers that were tried find *a* solution, and seldom
//! apt's. `docs/apt-differences.md` says where this one differs from apt.

mod explain;
mod impossible;
mod introduction;
mod preference;
mod satisfy;
mod search;
mod universe;

use std::collections::{BTreeMap, BTreeSet};

use bareboat_model::{Result, Version};
use serde::Serialize;

pub use explain::{Explanation, Link, explain};
use universe::PackageId;
pub use universe::{Builder, Candidate, Origin, Universe};

/// What is asked for.
#[derive(Clone, Debug, Default)]
pub struct Request {
    /// The packages asked for by name, in the order of the recipe.
    pub packages: Vec<Requested>,
    /// Packages whose absence is meant: a dependency that they would meet is not followed, unless one of
    /// [`Request::packages`] asks for them.
    pub without: BTreeSet<String>,
    /// Versions from the lock, by package name: taken before higher ones, where they meet what is asked of them.
    pub prefer: BTreeMap<String, Version>,
    /// Packages that are there already, in the base image. They stay unless another version is needed.
    pub installed: BTreeMap<String, Version>,
}

/// A package asked for by name.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Requested {
    /// The name of a package, or a virtual name that exactly one package provides.
    pub name: String,
    /// The only version that will do, if any is named.
    pub version: Option<Version>,
}

/// A set of packages that holds together.
#[derive(Debug)]
pub struct Resolution<'u> {
    /// Requested packages first, then each dependency in the order of its declaration, depth first. Without those
    /// that are there already.
    pub packages: Vec<Selected<'u>>,
    /// Dependencies that were not followed because of [`Request::without`].
    pub left_out: Vec<LeftOut>,
    universe: &'u Universe<'u>,
}

/// A package that was chosen, and why.
#[derive(Debug)]
pub struct Selected<'u> {
    /// The package.
    pub package: &'u Candidate<'u>,
    id: PackageId,
    /// What made the resolver look at it first; others may need it too.
    pub why: Why,
}

/// Why a package was chosen.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Why {
    /// The recipe asks for it.
    Requested,
    /// The version that the base image has of it would not do.
    InPlaceOfImages,
    /// Another package needs it.
    DependencyOf {
        /// The name of that package.
        by: String,
        /// What it asks for, as in its control file: `libc6 (>= 2.36) | libc6.1`.
        relation: String,
    },
}

/// A dependency that was not followed.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize)]
pub struct LeftOut {
    /// The name of the package that declares it.
    pub by: String,
    /// The dependency, as in its control file.
    pub relation: String,
}

/// Chooses packages as `apt-get install --no-install-recommends` would on an empty system.
///
/// # Errors
/// When a package does not exist, or no set of packages holds together: the chain of packages that makes it so.
pub fn resolve<'u>(universe: &'u Universe<'u>, request: &Request) -> Result<Resolution<'u>> {
    search::Search::new(universe, request)?.run()
}

#[cfg(test)]
mod tests;
