//! Making the lock and moving it forward: recipe, old lock and the archives' indexes in, new lock out. The only
//! stage that asks what there is; everything after it asks for bytes by their digest.

mod archives;
mod convert;
mod indexes;
mod owners;

use std::collections::{BTreeMap, BTreeSet};

use bareboat_formats::packages::Package;
use bareboat_io::http::Http;
use bareboat_io::store::Store;
use bareboat_model::{Context, Error, Platform, Progress, Result, Version};

use crate::base_image::Bases;
use crate::lock::{self, Lock, LockedPackage, Satisfaction, SuiteRelease};
use crate::recipe::Loaded;
use crate::resolve::{self, LeftOut, Requested, Resolution, Universe};

pub use archives::{archives, mirrors};
use indexes::Indexes;
pub use owners::owners;

/// What may change in a lock that is made anew.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Move {
    /// Only what the recipe's change makes necessary.
    Least,
    /// These packages; others only where these make it necessary.
    Only(BTreeSet<String>),
    /// Everything.
    All,
}

/// Where indexes come from and where they are kept.
pub struct Sources<'a> {
    /// For downloads.
    pub http: &'a Http,
    /// Where they are kept.
    pub store: &'a Store,
    /// Who is told.
    pub progress: &'a dyn Progress,
}

/// Makes the lock of a recipe for `platforms`, on top of these base images.
///
/// # Errors
/// When no set of packages is what the recipe asks for, or the archives cannot be read or trusted.
pub fn relock(
    loaded: &Loaded,
    bases: &Bases,
    platforms: &[Platform],
    old: Option<&Lock>,
    what: &Move,
    sources: &Sources<'_>,
) -> Result<Lock> {
    let request = lock::Request::of(&loaded.recipe, loaded.suite());
    let old = old.filter(|old| old.request.suite == request.suite);
    if let (Some(old), Move::Least) = (old, what)
        && let Some(lock) = without_network(&request, loaded, bases, platforms, old)
    {
        return Ok(lock);
    }
    let indexes = Indexes::read(loaded, platforms, sources)?;
    if let Some(old) = old {
        check_dates(&indexes, old)?;
    }
    let mut packages = BTreeMap::new();
    for &platform in platforms {
        let before = old.and_then(|old| old.packages.get(&platform));
        let mut kept = kept(before, what);
        // A lock may not name an archive that it has no suite of: the recipe may have dropped one.
        kept.retain(|_, package| indexes.has_archive(&package.archive));
        let installed = installed(bases, platform)?;
        let universe = indexes.universe(platform, &kept, &installed)?;
        check_names(loaded, &universe, platform)?;
        let resolution = resolve::resolve(&universe, &ask(loaded, prefer(&kept), &installed)?)
            .context(|| format!("cannot resolve the packages for {platform}"))?;
        packages.insert(platform, indexes.lock(&resolution, before)?);
    }
    sources
        .progress
        .story(&format!("resolved {} packages", packages.values().map(BTreeMap::len).sum::<usize>()));
    Ok(Lock { request, base: bases.locked.clone(), suites: indexes.releases(), packages })
}

/// Whoever can answer for a mirror can hold security updates back, with an older state that was once signed rightly:
/// Debian's stable suites have no Valid-Until. What the lock has seen is the least.
fn check_dates(indexes: &Indexes, old: &Lock) -> Result<()> {
    for now in indexes.releases() {
        let same = |then: &&SuiteRelease| (&then.archive, &then.suite) == (&now.archive, &now.suite);
        if let Some(then) = old.suites.iter().find(same).filter(|then| now.date < then.date) {
            return Err(Error::new(format!(
                "cannot use suite `{}` of `{}`: the mirror has its state of {}, and the lock is of {}",
                now.suite, now.archive, now.date, then.date
            ))
            .with_hint(
                "the mirror is behind, or somebody holds updates back: try again later, or another mirror",
            ));
        }
    }
    Ok(())
}

/// Every package asked for must be one: a name that is none is a slip in the recipe, and is told with its place.
fn check_names(loaded: &Loaded, universe: &Universe<'_>, platform: Platform) -> Result<()> {
    for package in &loaded.recipe.packages {
        universe.check_name(&package.name).context(|| {
            let place = loaded.recipe.package_places.get(&package.name);
            let place = place.map_or(String::new(), |place| format!(", asked for at {place},"));
            format!("cannot resolve `{}`{place} for {platform}", package.name)
        })?;
    }
    Ok(())
}

/// A recipe that asks for less than the lock holds, or for more of what it holds, needs no index.
fn without_network(
    request: &lock::Request,
    loaded: &Loaded,
    bases: &Bases,
    platforms: &[Platform],
    old: &Lock,
) -> Option<Lock> {
    let sources_are_the_same =
        old.request.components == request.components && old.request.archives == request.archives;
    if !sources_are_the_same {
        return None;
    }
    let mut packages = BTreeMap::new();
    for platform in platforms {
        let before = old.packages.get(platform)?;
        let installed = installed(bases, *platform).ok()?;
        let universe = locked_universe(*platform, before, &installed).ok()?;
        let request = ask(loaded, prefer(before), &installed).ok()?;
        let resolution = resolve::resolve(&universe, &request).ok()?;
        let chosen =
            resolution.packages.iter().filter_map(|selected| before.get_key_value(selected.package.name()));
        packages.insert(*platform, chosen.map(|(name, package)| (name.clone(), package.clone())).collect());
    }
    Some(Lock { request: request.clone(), base: bases.locked.clone(), packages, ..old.clone() })
}

fn kept(before: Option<&BTreeMap<String, LockedPackage>>, what: &Move) -> BTreeMap<String, LockedPackage> {
    let stays = |name: &str| match what {
        Move::Least => true,
        Move::Only(moving) => !moving.contains(name),
        Move::All => false,
    };
    before
        .into_iter()
        .flatten()
        .filter(|(name, _)| stays(name))
        .map(|(name, package)| (name.clone(), package.clone()))
        .collect()
}

fn prefer(packages: &BTreeMap<String, LockedPackage>) -> BTreeMap<String, Version> {
    packages.iter().map(|(name, package)| (name.clone(), package.version.clone())).collect()
}

/// The packages that the base image has.
fn installed(bases: &Bases, platform: Platform) -> Result<Vec<Package<'_>>> {
    let texts = bases.status(platform).iter();
    let packages = texts.map(|text| convert::installed(text)).collect::<Result<Vec<_>>>();
    Ok(packages.context(|| "cannot read the base image's package database")?.concat())
}

fn ask(
    loaded: &Loaded,
    prefer: BTreeMap<String, Version>,
    installed: &[Package<'_>],
) -> Result<resolve::Request> {
    let requested = |spec: &crate::recipe::PackageSpec| Requested {
        name: spec.name.clone(),
        version: spec.version.clone(),
    };
    let version = |package: &Package<'_>| Ok((package.name.to_owned(), Version::parse(package.version)?));
    Ok(resolve::Request {
        packages: loaded.recipe.packages.iter().map(requested).collect(),
        without: loaded.recipe.without.iter().cloned().collect(),
        prefer,
        installed: installed.iter().map(version).collect::<Result<_>>()?,
    })
}

/// Whether `lock` serves the recipe, and if not, why.
pub fn reasons(lock: &Lock, loaded: &Loaded, bases: &Bases, platforms: &[Platform]) -> Vec<String> {
    let request = lock::Request::of(&loaded.recipe, loaded.suite());
    match lock.satisfies(&request, bases.locked.as_ref(), platforms) {
        Satisfaction::Yes => Vec::new(),
        Satisfaction::No(reasons) => reasons,
    }
}

/// What the lock itself says of one platform's packages: who needs whom. No index is read for it.
pub struct Knowledge<'l> {
    packages: &'l BTreeMap<String, LockedPackage>,
    installed: Vec<Package<'l>>,
    universe: Universe<'l>,
}

fn locked_universe<'l>(
    platform: Platform,
    packages: &'l BTreeMap<String, LockedPackage>,
    installed: &[Package<'l>],
) -> Result<Universe<'l>> {
    let mut builder = Universe::builder(platform.arch);
    for package in packages.values() {
        builder.add_locked(convert::as_index_entry(package))?;
    }
    installed.iter().try_for_each(|package| builder.add_installed(package.clone()))?;
    builder.build()
}

impl<'l> Knowledge<'l> {
    /// Reads the relations of one platform's packages.
    ///
    /// # Errors
    /// When the lock has nothing for the platform, or a relation in it cannot be read.
    pub fn of(lock: &'l Lock, bases: &'l Bases, platform: Platform) -> Result<Self> {
        let missing = || Error::new(format!("the lock has nothing for {platform}"));
        let packages = lock.packages.get(&platform).ok_or_else(missing)?;
        let installed = installed(bases, platform)?;
        let universe = locked_universe(platform, packages, &installed)?;
        Ok(Self { packages, installed, universe })
    }

    /// Resolves the recipe once more, from the lock's packages alone.
    ///
    /// # Errors
    /// When they do not satisfy the recipe: somebody edited the lock.
    pub fn resolution(&self, loaded: &Loaded) -> Result<Resolution<'_>> {
        let request = ask(loaded, prefer(self.packages), &self.installed)?;
        resolve::resolve(&self.universe, &request).map_err(|error| {
            error.with_hint("if the lock was edited by hand, remove it and run `bareboat lock`")
        })
    }

    /// Whether the base image has this package.
    pub fn is_in_image(&self, package: &str) -> bool {
        self.installed.iter().any(|installed| installed.name == package)
    }

    /// Dependencies that were not followed.
    ///
    /// # Errors
    /// As [`Knowledge::resolution`].
    pub fn left_out(&self, loaded: &Loaded) -> Result<Vec<LeftOut>> {
        self.resolution(loaded).map(|resolution| resolution.left_out)
    }

    /// For each package the lowest recipe in the chain of bases that brings it.
    ///
    /// # Errors
    /// As [`Knowledge::resolution`].
    pub fn tiers(&self, loaded: &Loaded) -> Result<BTreeMap<String, usize>> {
        let mut tiers = BTreeMap::new();
        let mut request = ask(loaded, prefer(self.packages), &self.installed)?;
        let all = std::mem::take(&mut request.packages);
        let all_without = std::mem::take(&mut request.without);
        for (number, tier) in loaded.tiers.iter().enumerate() {
            let names: BTreeSet<&str> = tier.packages.iter().map(String::as_str).collect();
            let of_tier = all.iter().filter(|requested| names.contains(requested.name.as_str()));
            request.packages.extend(
                of_tier
                    .filter(|requested| !request.packages.contains(requested))
                    .cloned()
                    .collect::<Vec<_>>(),
            );
            // What this tier leaves out and one above it brings in belongs to the one above: else the layers of
            // this tier would not be those that it has alone, and other images share.
            request.without.clone_from(&all_without);
            request.without.extend(tier.without.iter().cloned());
            // A tier alone may be less than what the tiers above made of it: what does not resolve by itself belongs
            // to the next tier that does.
            let Ok(resolution) = resolve::resolve(&self.universe, &request) else { continue };
            for selected in &resolution.packages {
                tiers.entry(selected.package.name().to_owned()).or_insert(number);
            }
        }
        Ok(tiers)
    }
}
