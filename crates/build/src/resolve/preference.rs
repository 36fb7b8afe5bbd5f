//! Who goes first: the candidate version of a package, and the order among packages that meet the same relation.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use bareboat_model::{Error, Relation, Result, Version, escape};

use super::introduction::{Introduction, introduction};
use super::universe::Origin;
use super::universe::{PackageId, Universe, in_backticks, unknown_package};
use super::{Request, Requested};

/// Debian policy 2.5, the highest first.
const PRIORITIES: [&str; 5] = ["required", "important", "standard", "optional", "extra"];

/// Whether it is essential, and the place of its priority. Orders the better first.
type Rank = (Reverse<bool>, usize);

/// The candidates that a request leaves, in the order in which they are tried.
#[derive(Debug)]
pub(super) struct Preference<'u, 'r> {
    universe: &'u Universe<'u>,
    /// Versions that the request insists on, by package name.
    pinned: BTreeMap<&'r str, &'r Version>,
    /// Versions that the lock has, by package name.
    locked: &'r BTreeMap<String, Version>,
    /// Versions that the base image has, by package name.
    installed: &'r BTreeMap<String, Version>,
}

impl<'u, 'r> Preference<'u, 'r> {
    /// # Errors
    /// When two versions of one package are asked for.
    pub(super) fn new(universe: &'u Universe<'u>, request: &'r Request) -> Result<Self> {
        let mut pinned = BTreeMap::new();
        for (name, version) in
            request.packages.iter().filter_map(|asked| Some((&*asked.name, asked.version.as_ref()?)))
        {
            if let Some(other) = pinned.insert(name, version).filter(|&other| other != version) {
                let name = escape(name);
                let error = format!("both version {other} and version {version} of `{name}` are requested");
                return Err(Error::new(error));
            }
        }
        Ok(Self { universe, pinned, locked: &request.prefer, installed: &request.installed })
    }

    /// The packages of the base image, but for those of which the request insists on another version.
    pub(super) fn installed(&self) -> Vec<PackageId> {
        let wanted =
            |name: &str, version: &Version| self.pinned.get(name).is_none_or(|pinned| *pinned == version);
        let in_universe = |(name, version): (&String, &Version)| {
            let ids = self.universe.named(name).iter();
            ids.copied().find(|&id| self.universe.get(id).version == *version)
        };
        self.installed
            .iter()
            .filter(|(name, version)| wanted(name, version))
            .filter_map(in_universe)
            .collect()
    }

    /// The packages that a request by name can mean: that package, or else the only one to provide the name.
    ///
    /// # Errors
    /// When there is no such package or no such version, or several provide the name.
    pub(super) fn requested(&self, asked: &Requested) -> Result<Vec<PackageId>> {
        let name = escape(&asked.name);
        let found = self.versions(&asked.name);
        let versions: Vec<&str> =
            self.universe.versions(&asked.name).map(|other| other.version.as_str()).collect();
        match &asked.version {
            _ if !found.is_empty() => Ok(found),
            Some(version) if !versions.is_empty() => Err(Error::new(format!(
                "version {version} of `{name}` is requested, but the archive has only {}",
                versions.join(", ")
            ))),
            Some(_) => Err(unknown_package(self.universe, &asked.name)),
            None => self.sole_provider(&asked.name),
        }
    }

    fn sole_provider(&self, name: &str) -> Result<Vec<PackageId>> {
        let found = self.meeting(&Relation::any_version(name));
        let mut names: Vec<&str> = found.iter().map(|&id| self.universe.get(id).name()).collect();
        names.sort_unstable();
        names.dedup();
        match names[..] {
            [] => Err(unknown_package(self.universe, name)),
            [_] => Ok(found),
            _ => Err(Error::new(format!("`{}` is a virtual package", escape(name)))
                .with_hint(format!("ask for one of those that provide it: {}", in_backticks(&names)))),
        }
    }

    /// The versions of the package `name` that may be chosen: apt's candidate, which is the one asked for or else the
    /// highest; and before the highest, the locked one.
    pub(super) fn versions(&self, name: &str) -> Vec<PackageId> {
        // What the base image has is taken as it is, or not at all: see `installed`.
        let of_archive = |id: &PackageId| self.universe.get(*id).origin != Origin::Image;
        let versions: Vec<PackageId> = self.universe.named(name).iter().copied().filter(of_archive).collect();
        let exactly =
            |wanted: &Version| versions.iter().find(|&&id| self.universe.get(id).version == *wanted);
        if let Some(wanted) = self.pinned.get(name) {
            return exactly(wanted).copied().into_iter().collect();
        }
        let locked = self.locked.get(name).and_then(exactly);
        let highest = versions.first().filter(|&highest| Some(highest) != locked);
        locked.into_iter().chain(highest).copied().collect()
    }

    /// The packages that meet a relation: the one of that name, then those that provide it.
    pub(super) fn meeting(&self, relation: &Relation) -> Vec<PackageId> {
        let mut found = self.versions(&relation.name);
        found.retain(|&id| self.universe.meets_by_name(id, relation));
        let providers = self.universe.providing(relation).map(|provider| provider.package);
        let providers: BTreeSet<PackageId> = providers.filter(|id| !found.contains(id)).collect();
        let place = |id: &PackageId| {
            let versions = self.versions(self.universe.get(*id).name());
            versions.iter().position(|version| version == id)
        };
        let mut ranked: BTreeMap<Rank, Vec<(usize, PackageId)>> = BTreeMap::new();
        for (place, id) in providers.into_iter().filter_map(|id| Some((place(&id)?, id))) {
            ranked.entry(self.rank(id)).or_default().push((place, id));
        }
        for mut equals in ranked.into_values() {
            if equals.len() > 1 {
                equals.sort_by_cached_key(|&(place, id)| (Reverse(self.introduction(id)), place));
            }
            found.extend(equals.into_iter().map(|(_, id)| id));
        }
        found
    }

    /// apt's order among providers: essential packages, then the higher priority; then the one that it met last.
    fn rank(&self, id: PackageId) -> Rank {
        let control = &self.universe.get(id).control;
        let priority = PRIORITIES.iter().position(|&name| name == control.priority);
        (Reverse(control.essential), priority.unwrap_or(PRIORITIES.len()))
    }

    fn introduction(&self, id: PackageId) -> Option<Introduction> {
        introduction(self.universe.indexes(), self.universe.get(id).name())
    }
}
