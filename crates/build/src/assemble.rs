//! One platform's image: from what the lock and the recipe name to layers, config and manifest.
//!
//! unpack → root tree → files → effects → prune → layers → image. A pure function of the recipe, the lock, and
//! the bytes that they name.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use bareboat_formats::compress::LayerCompression;
use bareboat_io::store::Store;
use bareboat_model::{Digest, Platform, Progress, Result, Timestamp};

use crate::base_image::BaseImage;
use crate::closure::{self, Chain, Missing, SmallerBase, View};
use crate::effects::{self, Accounts, Applied, Finding, Outcome, Setting};
use crate::files;
use crate::image::{self, Documents};
use crate::layers::{self, Layer, PackageGroup};
use crate::lock::LockedPackage;
use crate::prune;
use crate::recipe::{CompressionFormat, ImageSettings, Loaded};
use crate::tree::{Hidden, Owner, Tree};
use crate::unpack::{Mention, Unpacked, place_packages};

/// What an assembly needs besides the packages.
pub struct Plan<'a> {
    /// The recipe with its bases.
    pub loaded: &'a Loaded,
    /// The image that it builds on.
    pub base: Option<&'a BaseImage>,
    /// What the image runs on.
    pub platform: Platform,
    /// Which recipe of the chain of bases brought each package: 0 is the lowest.
    pub tiers: &'a BTreeMap<String, usize>,
    /// SOURCE_DATE_EPOCH, when it is set.
    pub source_date: Option<Timestamp>,
    /// How many threads compress.
    pub threads: usize,
    /// Libraries that may be missing, beyond those that the recipe names.
    pub allow_missing: &'a BTreeSet<String>,
    /// Who knows which packages have a file of each of these names; asked only when one is missing.
    pub owners: &'a Owners<'a>,
}

/// Names of packages by the file names that they have.
pub type Owners<'a> = dyn Fn(&BTreeSet<String>) -> BTreeMap<String, Vec<String>> + 'a;

/// An assembled image: all its blobs are in the store, but for the two documents.
#[derive(Debug)]
pub struct Assembled {
    /// What it runs on.
    pub platform: Platform,
    /// Config and manifest.
    pub documents: Documents,
    /// The layers with their titles, the lowest first.
    pub layers: Vec<(String, Layer)>,
    /// The whole file system.
    pub tree: Tree,
    /// What was done in place of maintainer scripts.
    pub effects: Vec<Applied>,
    /// Packages of whose scripts something was not done, and of what kind that is.
    pub scripts: BTreeMap<Arc<str>, Vec<Mention>>,
    /// What of it only running them would tell.
    pub not_reproduced: BTreeMap<Arc<str>, Vec<Finding>>,
    /// What was pruned.
    pub pruned: prune::Report,
    /// Libraries that are not there, as the recipe allows, and who needs them.
    pub allowed_missing: BTreeMap<String, usize>,
    /// A base that would do as well.
    pub smaller_base: Option<SmallerBase>,
}

impl Assembled {
    /// The digest of the manifest.
    pub fn digest(&self) -> Digest {
        Digest::of(&self.documents.manifest)
    }

    /// Files that hide others.
    pub fn hidden(&self) -> &[Hidden] {
        self.tree.hidden()
    }
}

/// Assembles the image of one platform from its unpacked packages, which stand in the order of `packages`.
///
/// # Errors
/// When the packages or files cannot be put together, or a layer cannot be written.
pub fn assemble(
    plan: &Plan<'_>,
    packages: &[LockedPackage],
    unpacked: Vec<Unpacked>,
    store: &Store,
    progress: &dyn Progress,
) -> Result<Assembled> {
    let recipe = &plan.loaded.recipe;
    let names = packages.iter().map(|package| Arc::from(package.name.as_str()));
    let named: Vec<(Arc<str>, Unpacked)> = in_placing_order(names.zip(unpacked), plan.tiers);
    let mut tree = plan.base.map_or_else(Tree::empty, |base| base.tree.clone());
    let mut accounts = Accounts::of(&tree, &recipe.users, &recipe.groups)?;
    tree.plant_links();
    let conffiles = place_packages(&mut tree, &named)?;
    let made = plan.source_date.unwrap_or_default().seconds();
    let followed = effects::follow(&mut tree, &mut accounts, &named, plan.platform.arch, made)?;
    let top = plan.loaded.tiers.len().saturating_sub(1);
    files::place_all(&mut tree, plan.loaded, plan.platform, &accounts, made)?;
    let certificates = files::certificates(recipe)?;
    let setting = Setting {
        packages: &named,
        base_status: plan.base.map_or(&[], |base| &base.status),
        conffiles: &conffiles,
        accounts: &accounts,
        certificates: &certificates,
        alternatives: &followed.alternatives,
        python_bytecode: recipe.python_bytecode.unwrap_or_default(),
        arch: plan.platform.arch,
        store,
        mtime: made,
    };
    let mut effects = followed.applied;
    effects.extend(effects::apply(&mut tree, &setting)?);
    let pruned = prune::prune(&mut tree, &recipe.prune.keep, &recipe.prune.paths)?;
    tree.drop_idle_seeds();
    effects.extend(effects::record(&mut tree, &setting)?);
    let settings = match plan.base {
        Some(base) => recipe.image.clone().on(base.settings.clone()),
        None => recipe.image.clone(),
    };
    let (allowed_missing, smaller_base) = close(plan, packages, &tree, &settings, store)?;

    let groups = groups(packages, plan.tiers);
    let how = layers::Settings {
        compression: compression(recipe.layers.compression()),
        newest: plan.source_date.map(Timestamp::seconds),
        directories: made,
        threads: plan.threads,
    };
    let plans = layers::plan(&tree, &groups, top, recipe.layers.max());
    let own = layers::write(&tree, plans, &how, store, progress)?;
    let mut layers = plan.base.map_or_else(Vec::new, |base| base.layers.clone());
    layers.extend(own);

    let created = plan.source_date.unwrap_or_else(|| newest(&named, plan.base));
    for doubt in files::doubts(&tree, &settings, plan.platform) {
        progress.warn(&doubt);
    }
    let history = plan.base.map_or(&[][..], |base| &base.history);
    let documents = image::documents(&settings, &accounts, plan.platform, created, history, &layers)?;
    let scripts = not_done(&followed.findings);
    let not_reproduced = unknown(followed.findings);
    Ok(Assembled {
        platform: plan.platform,
        documents,
        layers,
        tree,
        effects,
        scripts,
        not_reproduced,
        pruned,
        allowed_missing,
        smaller_base,
    })
}

/// Holds the programs against the libraries. What a base image lacks is not this recipe's to mend.
fn close(
    plan: &Plan<'_>,
    packages: &[LockedPackage],
    tree: &Tree,
    settings: &ImageSettings,
    store: &Store,
) -> Result<(BTreeMap<String, usize>, Option<SmallerBase>)> {
    let directories = effects::search_directories(tree, plan.platform.arch)?;
    let library_path = settings.env.get("LD_LIBRARY_PATH").map(String::as_str);
    let view = View { tree, arch: plan.platform.arch, directories: &directories, library_path };
    let allow = plan.loaded.recipe.allow_missing.union(plan.allow_missing).cloned().collect();
    let mut closure = closure::check(&view, &allow, store)?;
    let is_yours =
        |one: &Missing| tree.get(&one.file).is_some_and(|node| !matches!(node.owner, Owner::Image(_)));
    closure.missing.retain(is_yours);
    if !closure.missing.is_empty() {
        let names = closure.missing.iter().filter_map(Missing::file_name).map(str::to_owned).collect();
        return Err(closure::complaint(&closure.missing, &(plan.owners)(&names))
            .context(format!("cannot build for {}", plan.platform)));
    }
    let mut allowed = BTreeMap::new();
    for name in closure.allowed.iter().filter_map(Missing::file_name) {
        *allowed.entry(name.to_owned()).or_default() += 1;
    }
    let chain = Chain { tiers: &plan.loaded.tiers, of_package: plan.tiers, packages };
    let smaller = closure::smaller(&view, &closure, &chain, settings)?;
    Ok((allowed, smaller))
}

/// By name, those of the lowest recipe first: the first to name a directory decides its mode and has it in its layer,
/// and layers of a base must not depend on what is above it. base-files goes before all: it lays the directories
/// out whose modes others take for granted.
pub(crate) fn in_placing_order(
    packages: impl Iterator<Item = (Arc<str>, Unpacked)>,
    tiers: &BTreeMap<String, usize>,
) -> Vec<(Arc<str>, Unpacked)> {
    let place = |name: &Arc<str>| (&**name != "base-files", tiers.get(&**name).copied(), name.clone());
    let mut packages: Vec<_> = packages.collect();
    packages.sort_by_cached_key(|(name, _)| place(name));
    packages
}

/// The date of the newest package, or of the base image.
fn newest(packages: &[(Arc<str>, Unpacked)], base: Option<&BaseImage>) -> Timestamp {
    let built = packages.iter().map(|(_, unpacked)| unpacked.built);
    built.chain(base.and_then(|base| base.created)).max().unwrap_or_default()
}

/// Of what kinds the commands are that were not done, by package.
fn not_done(findings: &BTreeMap<Arc<str>, Vec<Finding>>) -> BTreeMap<Arc<str>, Vec<Mention>> {
    let mut by_package: BTreeMap<Arc<str>, Vec<Mention>> = BTreeMap::new();
    for (package, findings) in findings {
        let mut kinds: Vec<Mention> = findings.iter().flat_map(Finding::kinds).collect();
        kinds.sort_unstable();
        kinds.dedup();
        if !kinds.is_empty() {
            by_package.insert(package.clone(), kinds);
        }
    }
    by_package
}

fn unknown(findings: BTreeMap<Arc<str>, Vec<Finding>>) -> BTreeMap<Arc<str>, Vec<Finding>> {
    let is_unknown = |finding: &Finding| matches!(finding.outcome, Outcome::Unknown { .. });
    let of_package = |(package, findings): (Arc<str>, Vec<Finding>)| {
        let unknown: Vec<Finding> = findings.into_iter().filter(is_unknown).collect();
        (!unknown.is_empty()).then_some((package, unknown))
    };
    findings.into_iter().filter_map(of_package).collect()
}

fn groups(packages: &[LockedPackage], tiers: &BTreeMap<String, usize>) -> BTreeMap<Arc<str>, PackageGroup> {
    let group = |package: &LockedPackage| PackageGroup {
        source: Arc::from(package.source.as_str()),
        tier: tiers.get(&package.name).copied().unwrap_or_default(),
    };
    packages.iter().map(|package| (Arc::from(package.name.as_str()), group(package))).collect()
}

fn compression(wanted: crate::recipe::Compression) -> LayerCompression {
    match (wanted.format, wanted.level) {
        (CompressionFormat::Gzip, Some(level)) => LayerCompression::Gzip { level },
        (CompressionFormat::Gzip, None) => LayerCompression::GZIP,
        (CompressionFormat::Zstd, Some(level)) => LayerCompression::Zstd { level: level.cast_signed() },
        (CompressionFormat::Zstd, None) => LayerCompression::ZSTD,
    }
}
