//! What the maintainer scripts of packages would do, and what of it the tool does.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;

use bareboat_formats::deb822;
use bareboat_model::{Arch, Error, Platform, Result};
use serde::Serialize;

use super::Workshop;
use crate::base_image::Bases;
use crate::effects::{Accounts, Finding, follow};
use crate::fetch;
use crate::recipe::Loaded;
use crate::relock::{self, Move};
use crate::tree::Tree;
use crate::unpack::{Unpacked, place_packages};

/// Which packages are asked about.
#[derive(Clone, Debug)]
pub struct EffectsRequest {
    /// The packages.
    pub packages: Vec<String>,
    /// Whether those that they depend on are told as well.
    pub dependencies: bool,
    /// The suite; the recipe's when there is none.
    pub suite: Option<String>,
    /// The recipe whose archives and suite are taken.
    pub recipe: Option<PathBuf>,
    /// The platform; this machine's when there is none.
    pub platform: Option<Platform>,
}

/// What the scripts of packages would do.
#[derive(Clone, Debug, Serialize)]
pub struct EffectsReport {
    /// For which platform.
    pub platform: Platform,
    /// Of which suite.
    pub suite: String,
    /// The packages that were asked about.
    pub packages: Vec<PackageEffects>,
    /// Packages that they depend on and whose scripts do something.
    pub dependencies: Vec<String>,
}

/// What the scripts of one package would do.
#[derive(Clone, Debug, Serialize)]
pub struct PackageEffects {
    /// The package.
    pub package: String,
    /// Its version.
    pub version: String,
    /// The maintainer scripts that it has.
    pub scripts: Vec<String>,
    /// What became of each of their commands that matters.
    pub findings: Vec<Finding>,
}

/// Follows the scripts of packages, in an image of them and what they depend on. Writes nothing.
///
/// # Errors
/// When a package is not known, or it cannot be fetched or unpacked.
pub fn effects(workshop: &Workshop<'_>, request: &EffectsRequest) -> Result<EffectsReport> {
    let loaded = Loaded::of_packages(&request.packages, request.suite.as_deref(), request.recipe.as_deref())?;
    let platform = platform(request.platform, &loaded)?;
    let bases = Bases::default();
    let lock = relock::relock(&loaded, &bases, &[platform], None, &Move::All, &workshop.sources())?;
    let locked: Vec<_> = lock.packages.into_values().flat_map(|packages| packages.into_values()).collect();
    let mirrors = || relock::mirrors(&loaded, workshop.progress);
    let source = fetch::Source::new(&workshop.http, &workshop.store, &mirrors);
    let unpacked = fetch::bring(&source, &locked, workshop.threads, workshop.progress)?;
    let names = locked.iter().map(|package| Arc::from(package.name.as_str()));
    let packages: Vec<(Arc<str>, Unpacked)> =
        crate::assemble::in_placing_order(names.zip(unpacked), &Default::default());

    let mut tree = Tree::new();
    let mut accounts = Accounts::of(&tree, &Default::default(), &Default::default())?;
    place_packages(&mut tree, &packages)?;
    let mut followed = follow(&mut tree, &mut accounts, &packages, platform.arch, 0)?;

    let asked: BTreeSet<&str> = loaded.recipe.packages.iter().map(|package| package.name.as_str()).collect();
    let is_asked = |name: &str| request.dependencies || asked.contains(name);
    let told = packages.iter().filter(|(name, _)| is_asked(name));
    let told: Vec<PackageEffects> = told
        .map(|(name, unpacked)| PackageEffects {
            package: name.to_string(),
            version: version(unpacked),
            scripts: unpacked.scripts.keys().cloned().collect(),
            findings: followed.findings.remove(name).unwrap_or_default(),
        })
        .collect();
    let mut told = told;
    told.sort_by(|a, b| a.package.cmp(&b.package));
    Ok(EffectsReport {
        platform,
        suite: loaded.suite().to_owned(),
        packages: told,
        dependencies: followed.findings.into_keys().map(|name| name.to_string()).collect(),
    })
}

fn platform(asked: Option<Platform>, loaded: &Loaded) -> Result<Platform> {
    let own = || loaded.recipe.platforms.first().copied().or(Arch::host().map(|arch| Platform { arch }));
    asked.or_else(own).ok_or_else(|| {
        Error::new(format!("packages for this machine ({}) cannot be looked at", std::env::consts::ARCH))
            .with_hint("name a platform with --platform linux/amd64 or linux/arm64")
    })
}

fn version(unpacked: &Unpacked) -> String {
    let control = deb822::single(&unpacked.control);
    control.ok().and_then(|stanza| stanza.get("Version").map(str::to_owned)).unwrap_or_default()
}
