//! All packages of the chosen suites and architecture, and who provides what.

use std::collections::HashMap;

use bareboat_formats::packages::{self, Package};
use bareboat_model::{Arch, Context, Error, Relation, Result, Version, escape, parse_relations};

/// Names as near to an unknown one as a slip of the hand, at most this many in a hint.
const NEAREST_NAMES: usize = 3;

/// Names that all packages together may provide. Debian's provide some 150,000.
const MOST_PROVIDED: usize = 2_000_000;

/// Packages that may provide one name: ordering them takes the square of their number. In Debian they are some hundreds.
const MOST_PROVIDERS: usize = 5_000;

/// About what a stanza takes in Debian's indexes: how much room to make beforehand.
const BYTES_PER_STANZA: usize = 800;

/// One version of one package, as an archive or a lock offers it.
#[derive(Clone, Debug)]
pub struct Candidate<'a> {
    /// Where it comes from.
    pub origin: Origin,
    /// Its version, ready to compare.
    pub version: Version,
    /// Its stanza in the index, or what the lock keeps of it.
    pub control: Package<'a>,
}

impl<'a> Candidate<'a> {
    /// The package's name.
    pub fn name(&self) -> &'a str {
        self.control.name
    }
}

/// Who offers a candidate.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Origin {
    /// An index of the archive with this number, as given to [`Builder::add_index`].
    Index(usize),
    /// The lock: no index may list it any more.
    Lock,
    /// The base image: it is installed there.
    Image,
}

/// The place of a candidate in its universe.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub(super) struct PackageId(usize);

/// All packages that a request can choose from, for one architecture.
///
/// Borrows the texts of the indexes; relations other than `Provides` are read only when a package is looked at.
#[derive(Debug)]
pub struct Universe<'a> {
    arch: Arch,
    indexes: Vec<&'a str>,
    packages: Vec<Candidate<'a>>,
    /// Highest version first.
    by_name: HashMap<&'a str, Vec<PackageId>>,
    /// In the order of the indexes.
    providers: HashMap<String, Vec<Provider>>,
}

/// A package that provides some name, and how.
#[derive(Debug)]
pub(super) struct Provider {
    pub(super) package: PackageId,
    pub(super) provides: Relation,
}

impl<'a> Universe<'a> {
    /// An empty universe for packages of `arch` and those for all architectures.
    pub fn builder(arch: Arch) -> Builder<'a> {
        Builder { arch, indexes: Vec::new(), packages: Vec::new() }
    }

    /// The architecture that packages are chosen for.
    pub fn arch(&self) -> Arch {
        self.arch
    }

    /// How many candidates there are, all versions counted.
    pub fn len(&self) -> usize {
        self.packages.len()
    }

    /// Whether there is nothing to choose from.
    pub fn is_empty(&self) -> bool {
        self.packages.is_empty()
    }

    /// All versions of the package `name`, the highest first.
    pub fn versions(&self, name: &str) -> impl Iterator<Item = &Candidate<'a>> {
        self.named(name).iter().map(|&id| self.get(id))
    }

    /// Whether there is such a package, or one that provides it.
    ///
    /// # Errors
    /// When there is none, with those of nearly this name.
    pub fn check_name(&self, name: &str) -> Result<()> {
        match self.named(name).is_empty() && self.providers(name).is_empty() {
            true => Err(unknown_package(self, name)),
            false => Ok(()),
        }
    }

    pub(super) fn get(&self, id: PackageId) -> &Candidate<'a> {
        &self.packages[id.0]
    }

    pub(super) fn named(&self, name: &str) -> &[PackageId] {
        self.by_name.get(name).map_or(&[], Vec::as_slice)
    }

    pub(super) fn providers(&self, name: &str) -> &[Provider] {
        self.providers.get(name).map_or(&[], Vec::as_slice)
    }

    /// The texts of the indexes, in the order in which they were added.
    pub(super) fn indexes(&self) -> &[&'a str] {
        &self.indexes
    }

    /// Names that exist and are near to one that does not: the nearest first.
    pub fn nearest_names(&self, unknown: &str) -> Vec<&str> {
        let near = |name: &str| {
            let distance = strsim::damerau_levenshtein(unknown, name);
            (distance * 3 <= unknown.len().max(name.len())).then_some(distance)
        };
        let names = self.by_name.keys().filter_map(|&name| Some((near(name)?, name)));
        let mut nearest: Vec<(usize, &str)> = names.collect();
        nearest.sort_unstable();
        nearest.into_iter().take(NEAREST_NAMES).map(|(_, name)| name).collect()
    }
}

/// Gathers indexes and locked packages into a [`Universe`].
#[derive(Debug)]
pub struct Builder<'a> {
    arch: Arch,
    indexes: Vec<&'a str>,
    packages: Vec<Candidate<'a>>,
}

impl<'a> Builder<'a> {
    /// Adds a Packages index of the archive that the caller numbers `archive`.
    ///
    /// Where two indexes list the same version of a package, the one added first counts.
    ///
    /// # Errors
    /// When a stanza, or the version in it, cannot be read.
    pub fn add_index(&mut self, archive: usize, text: &'a str) -> Result<()> {
        self.indexes.push(text);
        self.packages.reserve(text.len() / BYTES_PER_STANZA);
        for package in packages::parse(text) {
            self.add(Origin::Index(archive), package?)?;
        }
        Ok(())
    }

    /// Adds a package that a lock names, so that it can be chosen again when no index lists it any more.
    ///
    /// Add locked packages after the indexes: what an archive says of the same version is fresher.
    ///
    /// # Errors
    /// When its version cannot be read.
    pub fn add_locked(&mut self, package: Package<'a>) -> Result<()> {
        self.add(Origin::Lock, package)
    }

    /// Adds a package that the base image has. Name it in [`super::Request::installed`] too.
    ///
    /// # Errors
    /// When its version cannot be read.
    pub fn add_installed(&mut self, package: Package<'a>) -> Result<()> {
        self.add(Origin::Image, package)
    }

    fn add(&mut self, origin: Origin, control: Package<'a>) -> Result<()> {
        if control.architecture == self.arch.debian() || control.architecture == "all" {
            let version = Version::parse(control.version)
                .context(|| format!("cannot read package `{}`", escape(control.name)))?;
            self.packages.push(Candidate { origin, version, control });
        }
        Ok(())
    }

    /// The universe of all that was added.
    ///
    /// # Errors
    /// When a `Provides` field cannot be read.
    pub fn build(self) -> Result<Universe<'a>> {
        let mut by_name: HashMap<&str, Vec<PackageId>> = HashMap::with_capacity(self.packages.len());
        let mut providers: HashMap<String, Vec<Provider>> = HashMap::new();
        let mut provided = 0;
        for (at, candidate) in self.packages.iter().enumerate() {
            let package = PackageId(at);
            let version = |id: PackageId| &self.packages[id.0].version;
            let versions = by_name.entry(candidate.name()).or_default();
            let place = versions.partition_point(|&other| version(other) > &candidate.version);
            if versions.get(place).is_some_and(|&other| version(other) == &candidate.version) {
                continue;
            }
            versions.insert(place, package);
            for provides in read_provides(candidate)? {
                provided += 1;
                if provided > MOST_PROVIDED {
                    return Err(Error::new(format!("the packages provide more than {MOST_PROVIDED} names")));
                }
                let of_name = providers.entry(provides.name.clone()).or_default();
                if of_name.len() == MOST_PROVIDERS {
                    let name = escape(&provides.name);
                    return Err(Error::new(format!("more than {MOST_PROVIDERS} packages provide `{name}`")));
                }
                of_name.push(Provider { package, provides });
            }
        }
        Ok(Universe { arch: self.arch, indexes: self.indexes, packages: self.packages, by_name, providers })
    }
}

/// The provided names. Alternatives make no sense here; deb-control(5) has none, and apt reads them as a list.
fn read_provides(candidate: &Candidate<'_>) -> Result<impl Iterator<Item = Relation> + use<>> {
    let groups = parse_relations(candidate.control.provides)
        .context(|| format!("cannot read what `{}` provides", escape(candidate.name())))?;
    Ok(groups.into_iter().flat_map(|group| group.0))
}

/// The error for a name that no package has and none provides.
pub(super) fn unknown_package(universe: &Universe<'_>, name: &str) -> Error {
    let error = Error::new(format!("the archive has no package `{}`", escape(name)));
    match universe.nearest_names(name)[..] {
        [] => error,
        ref names => error.with_hint(format!("did you mean {}?", in_backticks(names).replace(", ", " or "))),
    }
}

/// Names that a message lists before it only counts.
const MOST_TOLD: usize = 10;

/// `` `a`, `b` ``
pub(super) fn in_backticks(names: &[&str]) -> String {
    let told = names.iter().take(MOST_TOLD).map(|name| format!("`{}`", escape(name)));
    let told = told.collect::<Vec<_>>().join(", ");
    match names.len().checked_sub(MOST_TOLD) {
        None | Some(0) => told,
        Some(more) => format!("{told} and {more} more"),
    }
}
