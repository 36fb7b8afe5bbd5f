//! The pipeline as a whole: what the commands call.

mod effects;
mod explain;
mod locking;
mod outputs;
mod project;
mod steps;
mod summary;

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::time::Instant;

use bareboat_formats::oci::{self, Descriptor, Index};
use bareboat_io::http::{Http, HttpOptions};
use bareboat_io::store::Store;
use bareboat_io::transport::{self, Attachment, BuiltImage, ImageSet, Outside, Registries};
use bareboat_model::{Context, Error, Location, Platform, Progress, Result, Timestamp};

use crate::assemble::{Assembled, Plan, assemble};
use crate::fetch;
use crate::files::deckhand;
use crate::lock::Lock;
use crate::provenance;
use crate::recipe::Loaded;
use crate::relock::{self, Knowledge};

use project::Project;

pub use effects::{EffectsReport, EffectsRequest, PackageEffects, effects};
pub use explain::{Explanation, explain};
pub use locking::{lock, update};
pub use summary::{HiddenFile, ImageSummary, LayerSummary, LockSummary, Summary};

/// What all work shares: the cache, the network, the threads, and whoever watches.
pub struct Workshop<'a> {
    store: Store,
    http: Http,
    registries: Registries,
    threads: usize,
    progress: &'a dyn Progress,
}

impl<'a> Workshop<'a> {
    /// Makes ready for the network, as `http` and `registries` say.
    ///
    /// # Errors
    /// When the environment names certificates that cannot be read.
    pub fn new(
        store: Store,
        http: HttpOptions,
        registries: Registries,
        threads: Option<usize>,
        progress: &'a dyn Progress,
    ) -> Result<Self> {
        let processors = || std::thread::available_parallelism().map_or(1, usize::from);
        let threads = threads.unwrap_or_else(processors);
        Ok(Self { store, http: Http::new(http)?, registries, threads, progress })
    }

    /// What images are read and written with.
    pub fn outside(&self) -> Outside<'_> {
        let Self { store, http, registries, threads, progress } = self;
        Outside { store, registries, http, threads: *threads, progress: *progress }
    }

    fn sources(&self) -> relock::Sources<'_> {
        relock::Sources { http: &self.http, store: &self.store, progress: self.progress }
    }
}

/// What is to be built.
#[derive(Clone, Debug)]
pub struct BuildRequest {
    /// The recipe, or the folder of its `bareboat.toml`.
    pub recipe: PathBuf,
    /// Where the image goes; `.bareboat/NAME` beside the recipe when there is none.
    pub outputs: Vec<Location>,
    /// The platforms; the recipe's, else this machine's, when there is none.
    pub platforms: Vec<Platform>,
    /// Whether the lock must serve as it is.
    pub locked: bool,
    /// Whether the recipe's steps may run.
    pub steps: bool,
    /// Libraries that may be missing, beyond those that the recipe names.
    pub allow_missing: BTreeSet<String>,
    /// Whether a record of how the image was built is attached to it.
    pub provenance: bool,
}

/// Builds an image, and writes it to all outputs.
///
/// # Errors
/// When anything on the way fails. No output is half-written then.
pub fn build(workshop: &Workshop<'_>, request: &BuildRequest) -> Result<Summary> {
    let began = Instant::now();
    let project = Project::load(workshop, &request.recipe, &request.platforms)?;
    let Project { loaded, platforms, .. } = &project;
    let outputs = outputs(loaded, request, platforms)?;
    outputs.iter().try_for_each(|output| transport::probe(output, &workshop.outside()))?;
    for &platform in platforms {
        // Before anything is fetched or run for an image that cannot be.
        deckhand::aboard(&loaded.recipe, platform)?;
    }
    let (lock, lock_summary) = locking::ensure(workshop, &project, request.locked)?;
    if request.steps {
        steps::run(&loaded.recipe.steps, workshop.progress)?;
    }
    let mut images = Vec::new();
    let mut summaries = Vec::new();
    for &platform in platforms {
        let (image, summary) = one_platform(workshop, &project, &lock, platform, request)?;
        images.push(image);
        summaries.push(summary);
    }
    let set = image_set(&images)?;
    let attachments = match request.provenance {
        true => attachments(loaded, &lock, request, &set)?,
        false => Vec::new(),
    };
    outputs::write(workshop, &outputs, &set, &attachments, loaded.recipe.name.as_str())?;
    Ok(Summary {
        name: loaded.recipe.name.to_string(),
        digest: set.descriptor()?.digest,
        outputs: outputs.iter().map(ToString::to_string).collect(),
        base: project.bases.locked,
        lock: lock_summary,
        images: summaries,
        attachments: attachments.into_iter().map(|one| one.manifest.digest).collect(),
        seconds: began.elapsed().as_secs_f64(),
    })
}

fn attachments(
    loaded: &Loaded,
    lock: &Lock,
    request: &BuildRequest,
    set: &ImageSet,
) -> Result<Vec<Attachment>> {
    let build = provenance::Build {
        name: loaded.recipe.name.as_str(),
        tiers: &loaded.tiers,
        lock,
        source_date: source_date()?,
        steps: request.steps && !loaded.recipe.steps.is_empty(),
        allow_missing: &request.allow_missing,
    };
    provenance::attachments(&build, set)
}

fn one_platform(
    workshop: &Workshop<'_>,
    project: &Project,
    lock: &Lock,
    platform: Platform,
    request: &BuildRequest,
) -> Result<(Assembled, ImageSummary)> {
    let Project { loaded, bases, .. } = project;
    let packages: Vec<_> =
        lock.packages.get(&platform).into_iter().flat_map(|packages| packages.values()).cloned().collect();
    let knowledge = Knowledge::of(lock, bases, platform)?;
    let mirrors = || relock::mirrors(loaded, workshop.progress);
    let source = fetch::Source::new(&workshop.http, &workshop.store, &mirrors);
    let unpacked = fetch::bring(&source, &packages, workshop.threads, workshop.progress)?;
    let tiers = knowledge.tiers(loaded)?;
    let plan = Plan {
        loaded,
        base: bases.of(platform),
        platform,
        tiers: &tiers,
        source_date: source_date()?,
        threads: workshop.threads,
        allow_missing: &request.allow_missing,
        owners: &|names| owners(workshop, loaded, platform, names),
    };
    let image = assemble(&plan, &packages, unpacked, &workshop.store, workshop.progress)?;
    let aboard = deckhand::aboard(&loaded.recipe, platform)?;
    let summary = ImageSummary::new(&image, packages.len(), aboard, knowledge.left_out(loaded)?);
    Ok((image, summary))
}

/// The packages that have a file of each name. That nobody can be asked is no reason to say anything else than what is
/// missing.
fn owners(
    workshop: &Workshop<'_>,
    loaded: &Loaded,
    platform: Platform,
    names: &BTreeSet<String>,
) -> BTreeMap<String, Vec<String>> {
    relock::owners(loaded, platform, &workshop.sources(), names).unwrap_or_else(|error| {
        workshop.progress.story(&format!("cannot tell which packages have what is missing: {error}"));
        BTreeMap::new()
    })
}

fn outputs(loaded: &Loaded, request: &BuildRequest, platforms: &[Platform]) -> Result<Vec<Location>> {
    if request.outputs.is_empty() {
        let folder = loaded.folder.join(".bareboat");
        // Somebody else may have written the recipe: what it brings along must not say where on this machine we write.
        let dir = folder.join(loaded.recipe.name.as_str());
        if let Some(link) = [&folder, &dir].into_iter().find(|path| path.is_symlink()) {
            let error = format!("cannot write to `{}`: it is a link", link.display());
            return Err(Error::new(error).with_hint("remove it, or name an output with -o"));
        }
        return Ok(vec![Location::Oci { dir, name: None }]);
    }
    let of_one =
        |output: &&Location| matches!(output, Location::DockerArchive { .. } | Location::DockerDaemon { .. });
    let archive = request.outputs.iter().find(of_one);
    match archive {
        Some(output) if platforms.len() > 1 => Err(Error::new(format!(
            "cannot write `{output}`: it holds one platform, and this image has {}",
            platforms.len()
        ))
        .with_hint("name one with --platform, or write an oci-archive")),
        _ => Ok(request.outputs.clone()),
    }
}

fn image_set(images: &[Assembled]) -> Result<ImageSet> {
    let set: Vec<BuiltImage> = images.iter().map(image).collect();
    let index = match &set[..] {
        [_] => None,
        _ => {
            let platform = |image: &BuiltImage| Descriptor {
                platform: Some(image.platform.into()),
                ..image.manifest.clone()
            };
            let bytes = Index::new(set.iter().map(platform).collect()).to_bytes()?;
            Some((Descriptor::of(oci::INDEX, &bytes), bytes))
        }
    };
    Ok(ImageSet { images: set, index })
}

fn image(assembled: &Assembled) -> BuiltImage {
    let documents = &assembled.documents;
    BuiltImage {
        platform: assembled.platform,
        manifest: Descriptor::of(oci::MANIFEST, &documents.manifest),
        manifest_bytes: documents.manifest.clone(),
        config_bytes: documents.config.clone(),
        layers: assembled.layers.iter().map(|(_, layer)| layer.descriptor.clone()).collect(),
    }
}

/// SOURCE_DATE_EPOCH, by its specification: seconds, in decimal digits.
fn source_date() -> Result<Option<Timestamp>> {
    let Some(value) = std::env::var_os("SOURCE_DATE_EPOCH").filter(|value| !value.is_empty()) else {
        return Ok(None);
    };
    let seconds = value.to_str().and_then(|text| text.parse().ok()).filter(|seconds: &i64| *seconds >= 0);
    let seconds = seconds
        .ok_or_else(|| {
            Error::new(format!(
                "`{}` is not a number of seconds",
                bareboat_model::escape(&value.to_string_lossy())
            ))
        })
        .context(|| "cannot use SOURCE_DATE_EPOCH")?;
    Ok(Some(Timestamp::from_seconds(seconds)))
}
