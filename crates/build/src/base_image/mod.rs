//! The image that a recipe builds on: its layers stay as they are, below the recipe's own.
//!
//! What it holds is read, so that nothing comes twice: its files are in the tree from the beginning, and its packages
//! count as installed.

mod settings;
mod squash;
mod unpacked;

use std::collections::BTreeMap;
use std::sync::Arc;

use bareboat_formats::oci::{Descriptor, History, ImageConfig};
use bareboat_io::store::Store;
use bareboat_io::transport::{self, Choice, Image, Outside};
use bareboat_model::{Context, Digest, Error, ImagePath, Location, Platform, Result, Timestamp};

use crate::layers::Layer;
use crate::lock;
use crate::recipe::{Base, ImageSettings, Loaded};
use crate::tree::{Owner, Tree};

/// Where distroless images, and this program's, keep a file for each package.
const STATUS_FOLDER: &str = "/var/lib/dpkg/status.d";
/// Where dpkg keeps all in one file.
const STATUS_FILE: &str = "/var/lib/dpkg/status";
/// The largest dpkg database that is read: 10,000 packages have some 10 MB.
const LARGEST_STATUS: u64 = 64 << 20;

/// The base image of each platform; none for recipes that build on nothing but recipes.
#[derive(Clone, Debug, Default)]
pub struct Bases {
    /// What the lock says of it.
    pub locked: Option<lock::BaseImage>,
    by_platform: BTreeMap<Platform, BaseImage>,
}

/// An image, as something to build on.
#[derive(Clone, Debug)]
pub struct BaseImage {
    /// Its layers, the lowest first, each with a title.
    pub layers: Vec<(String, Layer)>,
    /// How each step of making it is told; as many as there are layers, but for those without one.
    pub history: Vec<History>,
    /// How it runs.
    pub settings: ImageSettings,
    /// When it was made, if it says so.
    pub created: Option<Timestamp>,
    /// Its files.
    pub tree: Tree,
    /// The texts of its package database.
    pub status: Vec<String>,
}

impl Bases {
    /// Reads the image that the recipe builds on, if it does, for each platform. One in a registry is the one that `locked`
    /// names, wherever its tag has moved since: in files, people see what they change.
    ///
    /// # Errors
    /// When there is no such image, or it is not what it should be.
    pub fn load(
        loaded: &Loaded,
        platforms: &[Platform],
        locked: Option<&lock::BaseImage>,
        outside: &Outside<'_>,
    ) -> Result<Self> {
        let Base::Image(reference) = &loaded.recipe.base else { return Ok(Self::default()) };
        let at = || format!("{}: cannot build on `{reference}`", loaded.recipe.base_place);
        let place = location(reference, loaded).context(at)?;
        let mut bases = Self::default();
        for &platform in platforms {
            let choice = Choice::For(platform.into());
            let place = pinned(&place, bases.locked.as_ref().or(locked), reference);
            let found = transport::open(&place, &choice, outside).and_then(Image::into_store).context(at)?;
            outside.progress.story(&format!("read the base image {reference} ({})", found.digest));
            let digest = same_for_all(&bases, found.digest, reference).context(at)?;
            bases.locked = Some(lock::BaseImage { reference: reference.clone(), digest });
            bases.by_platform.insert(platform, BaseImage::of(reference, found, outside.store).context(at)?);
        }
        Ok(bases)
    }

    /// The image for this platform.
    pub fn of(&self, platform: Platform) -> Option<&BaseImage> {
        self.by_platform.get(&platform)
    }

    /// The texts of the package database of the image for this platform.
    pub fn status(&self, platform: Platform) -> &[String] {
        self.of(platform).map_or(&[], |base| &base.status)
    }
}

/// The reference, with its path from where the recipe that names it is.
fn location(reference: &str, loaded: &Loaded) -> Result<Location> {
    let folder = loaded.recipe.base_place.folder();
    let place: Location = reference.parse()?;
    Ok(match place {
        Location::Oci { dir, name } => Location::Oci { dir: folder.join(dir), name },
        Location::OciArchive { file, name } => Location::OciArchive { file: folder.join(file), name },
        Location::DockerArchive { file, reference } => {
            Location::DockerArchive { file: folder.join(file), reference }
        }
        elsewhere @ (Location::DockerDaemon { .. } | Location::Registry(_)) => elsewhere,
    })
}

/// The place, by digest where a registry can be asked for it.
fn pinned(place: &Location, locked: Option<&lock::BaseImage>, reference: &str) -> Location {
    match (place, locked) {
        (Location::Registry(image), Some(locked)) if locked.reference == reference => {
            Location::Registry(image.with_digest(locked.digest))
        }
        _ => place.clone(),
    }
}

fn same_for_all(bases: &Bases, digest: Digest, reference: &str) -> Result<Digest> {
    match &bases.locked {
        Some(other) if other.digest != digest => {
            Err(Error::new(format!("`{reference}` changed while it was being read; try again")))
        }
        _ => Ok(digest),
    }
}

impl BaseImage {
    fn of(reference: &str, found: transport::Found, store: &Store) -> Result<Self> {
        let owner = Owner::Image(Arc::from(reference));
        let mut layers = Vec::new();
        let mut unpacked = Vec::new();
        for (number, (descriptor, diff_id)) in found.layers.iter().enumerate() {
            let layer = unpacked::unpack(store, descriptor, diff_id)?;
            layers.push((format!("base image, {}", number + 1), as_layer(descriptor, diff_id, layer.size)));
            unpacked.push((descriptor.digest, layer));
        }
        let tree = squash::tree(&unpacked, &owner)?;
        let status = status(&tree)?;
        let settings = settings::of(&found.config)?;
        let history = history(&found.config, layers.len());
        let created = found.config.created.as_deref().and_then(whole_seconds);
        Ok(Self { layers, history, settings, created, tree, status })
    }
}

fn as_layer(descriptor: &Descriptor, diff_id: &Digest, unpacked: u64) -> Layer {
    Layer { descriptor: descriptor.clone(), diff_id: *diff_id, unpacked, reused: true }
}

/// The image's own history, if it has an entry for each layer.
fn history(config: &ImageConfig, layers: usize) -> Vec<History> {
    let with_layer = config.history.iter().filter(|entry| !entry.empty_layer).count();
    if with_layer == layers {
        return config.history.clone();
    }
    let entry = || History { created_by: Some("base image".to_owned()), ..History::default() };
    std::iter::repeat_with(entry).take(layers).collect()
}

/// Others write fractions of seconds: `2026-01-02T03:04:05.678Z`.
fn whole_seconds(created: &str) -> Option<Timestamp> {
    format!("{}Z", created.get(..19)?).parse().ok()
}

fn status(tree: &Tree) -> Result<Vec<String>> {
    let folder = ImagePath::absolute(STATUS_FOLDER)?;
    let file = ImagePath::absolute(STATUS_FILE)?;
    let together = tree.get(&file).map(|node| (&file, node));
    let of_packages = tree.below(&folder).filter(|(path, _)| !path.as_bytes().ends_with(b".md5sums"));
    let mut texts = Vec::new();
    for (path, node) in of_packages.chain(together) {
        let Some(content) = node.content() else { continue };
        let failing = || format!("cannot read its package database `{path}`");
        let text = String::from_utf8(content.read(LARGEST_STATUS).context(failing)?)
            .map_err(|_| Error::new("it is not UTF-8").context(failing()))?;
        texts.push(text);
    }
    Ok(texts)
}
