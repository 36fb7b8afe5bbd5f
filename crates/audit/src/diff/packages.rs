//! Packages that differ, with their versions.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet, HashMap};

use serde::Serialize;

use super::Side;
use super::files::{FileChange, Owner};
use super::versions::order;
use crate::packages::{Inventory, Kind};

/// Which way a package went.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Direction {
    /// To a later version.
    Upgraded,
    /// To an earlier version.
    Downgraded,
    /// To another version, of which it cannot be said which is later; or several versions moved.
    Changed,
    /// Only the image after has it.
    Added,
    /// Only the image before has it.
    Removed,
}

/// A package that differs.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct PackageChange {
    /// Who knows it.
    pub kind: Kind,
    /// Its name.
    pub name: String,
    /// Which way it went.
    pub change: Direction,
    /// The versions that only the image before has.
    pub before: Vec<String>,
    /// The versions that only the image after has.
    pub after: Vec<String>,
    /// How many of its files and directories differ.
    pub files: u64,
    /// By how many bytes its files grew.
    pub bytes: i64,
}

type Versions<'a> = BTreeMap<(Kind, &'a str), BTreeSet<&'a str>>;

fn versions(inventory: &Inventory) -> Versions<'_> {
    let mut found = Versions::new();
    for one in inventory.packages() {
        let package = &one.package;
        found.entry((package.kind, &package.name)).or_default().insert(&package.version);
    }
    found
}

pub(super) fn compare(before: &Side<'_>, after: &Side<'_>, files: &[FileChange]) -> Vec<PackageChange> {
    let (old, new) = (versions(before.inventory), versions(after.inventory));
    let files = by_owner(files);
    let none = BTreeSet::new();
    let names: BTreeSet<_> = old.keys().chain(new.keys()).collect();
    let changes = names.into_iter().filter_map(|name| {
        let (was, is) = (old.get(name).unwrap_or(&none), new.get(name).unwrap_or(&none));
        if was == is {
            return None;
        }
        let owner = Owner { kind: name.0, name: name.1.to_owned() };
        let (count, bytes) = files.get(&owner).copied().unwrap_or_default();
        let only = |these: &BTreeSet<&str>, those: &BTreeSet<&str>| -> Vec<String> {
            let mut only: Vec<_> = these.difference(those).map(|version| (*version).to_owned()).collect();
            only.sort_by(|a, b| order(name.0, a, b).then_with(|| a.cmp(b)));
            only
        };
        let (gone, come) = (only(was, is), only(is, was));
        Some(PackageChange {
            kind: owner.kind,
            name: owner.name,
            change: direction(name.0, (was.len(), is.len()), &gone, &come),
            before: gone,
            after: come,
            files: count,
            bytes,
        })
    });
    changes.collect()
}

fn direction(kind: Kind, had_has: (usize, usize), gone: &[String], come: &[String]) -> Direction {
    match (had_has, gone, come) {
        ((0, _), ..) => Direction::Added,
        ((_, 0), ..) => Direction::Removed,
        (_, [old], [new]) => match order(kind, old, new) {
            Ordering::Less => Direction::Upgraded,
            Ordering::Greater => Direction::Downgraded,
            Ordering::Equal => Direction::Changed,
        },
        _ => Direction::Changed,
    }
}

/// How many files of each package differ, and by how many bytes it grew.
fn by_owner(files: &[FileChange]) -> HashMap<Owner, (u64, i64)> {
    let mut found: HashMap<Owner, (u64, i64)> = HashMap::new();
    for file in files {
        if let Some(owner) = &file.package {
            let of_package = found.entry(owner.clone()).or_default();
            let (come, gone) = file.bytes();
            of_package.0 += 1;
            of_package.1 = of_package.1.saturating_add_unsigned(come).saturating_sub_unsigned(gone);
        }
    }
    found
}
