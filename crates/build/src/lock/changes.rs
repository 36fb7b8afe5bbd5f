//! What moved between two locks.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use bareboat_model::{Platform, Version};
use serde::Serialize;

use super::{Lock, LockedPackage};

/// A package that one lock has and another has not, or has otherwise.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Change {
    /// The platform it is for.
    pub platform: Platform,
    /// The package.
    pub package: String,
    /// The version in the old lock; none for a package that came.
    pub from: Option<Version>,
    /// The version in the new lock; none for a package that went.
    pub to: Option<Version>,
}

/// `libssl3t64 3.5.1-1 → 3.5.7-1`, `libpq5 17.5-1 added`, `libpq5 17.5-1 removed`; the platform is not said.
impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.package)?;
        match (&self.from, &self.to) {
            (Some(from), Some(to)) if from.as_str() == to.as_str() => write!(f, " {to}, built anew"),
            (Some(from), Some(to)) => write!(f, " {from} → {to}"),
            (None, Some(to)) => write!(f, " {to} added"),
            (Some(from), None) => write!(f, " {from} removed"),
            (None, None) => Ok(()),
        }
    }
}

/// What moved from `old` to `new`, by platform and name. A package of the same version but other bytes has moved.
pub fn changes(old: &Lock, new: &Lock) -> Vec<Change> {
    let none = BTreeMap::new();
    let platforms: BTreeSet<Platform> = old.platforms().chain(new.platforms()).collect();
    let mut changes = Vec::new();
    for platform in platforms {
        let before = old.packages.get(&platform).unwrap_or(&none);
        let after = new.packages.get(&platform).unwrap_or(&none);
        let names: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
        for name in names {
            let (from, to) = (before.get(name), after.get(name));
            if from.map(identity) != to.map(identity) {
                let version = |package: &LockedPackage| package.version.clone();
                let package = name.clone();
                changes.push(Change { platform, package, from: from.map(version), to: to.map(version) });
            }
        }
    }
    changes
}

fn identity(package: &LockedPackage) -> (&str, &bareboat_model::Digest) {
    (package.version.as_str(), &package.sha256)
}
