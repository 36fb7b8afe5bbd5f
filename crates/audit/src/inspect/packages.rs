//! The packages of an image, and what they take.

use std::collections::{BTreeMap, HashMap};

use serde::Serialize;

use crate::packages::{Installed, Inventory, Kind};
use crate::view::View;

/// The packages of an image.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Packages {
    /// How many there are of each kind.
    pub counts: BTreeMap<&'static str, usize>,
    /// The bytes of the files that no package brought.
    pub unowned: u64,
    /// All of them, by kind and name.
    pub list: Vec<PackageTold>,
    /// Files that tell of packages and could not be read, with the cause.
    pub unread: Vec<Unread>,
}

/// A package.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct PackageTold {
    /// Who knows it.
    pub kind: Kind,
    /// Its name.
    pub name: String,
    /// Its version; empty where none is written down.
    pub version: String,
    /// What it runs on, where that is written down.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub architecture: Option<String>,
    /// The file that tells of it, escaped.
    pub at: String,
    /// The bytes of its files.
    pub bytes: u64,
}

/// A file that could not be read.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Unread {
    /// The path, escaped.
    pub path: String,
    /// Why.
    pub cause: String,
}

pub(super) fn packages(view: &View, inventory: &Inventory) -> Packages {
    let mut unowned = 0;
    let mut sizes: HashMap<*const Installed, u64> = HashMap::new();
    for (path, item) in view.contents() {
        match inventory.owner(path) {
            Some(owner) => *sizes.entry(owner).or_default() += item.size(),
            None => unowned += item.size(),
        }
    }
    let told = |one: &Installed| PackageTold {
        kind: one.package.kind,
        name: one.package.name.clone(),
        version: one.package.version.clone(),
        architecture: one.package.architecture.clone(),
        at: one.at.to_string(),
        bytes: sizes.get(&std::ptr::from_ref(one)).copied().unwrap_or_default(),
    };
    let unread = inventory.unread().iter();
    Packages {
        counts: inventory.counts().into_iter().map(|(kind, count)| (kind.name(), count)).collect(),
        unowned,
        list: inventory.packages().iter().map(told).collect(),
        unread: unread.map(|(path, cause)| Unread { path: path.to_string(), cause: cause.clone() }).collect(),
    }
}
