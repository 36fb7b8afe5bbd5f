//! What came of a build: the same value for the person's summary and for the program's JSON.

use std::collections::BTreeMap;
use std::path::PathBuf;

use bareboat_model::{Digest, Platform};
use serde::Serialize;

use crate::assemble::Assembled;
use crate::closure::SmallerBase;
use crate::effects::{Applied, Finding};
use crate::files::deckhand::Aboard;
use crate::lock::{BaseImage, Change};
use crate::prune::Pruned;
use crate::resolve::LeftOut;
use crate::tree::Kind;
use crate::unpack::Mention;

/// A finished build.
#[derive(Clone, Debug, Serialize)]
pub struct Summary {
    /// The image's name.
    pub name: String,
    /// The digest of what was written: of the index when there is more than one platform, else of the manifest.
    pub digest: Digest,
    /// Where it was written.
    pub outputs: Vec<String>,
    /// The image that it builds on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub base: Option<BaseImage>,
    /// The lock that was followed, and what was changed in it first.
    pub lock: LockSummary,
    /// One for each platform.
    pub images: Vec<ImageSummary>,
    /// The manifests that were attached to the image and, where there are several, to the index.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub attachments: Vec<Digest>,
    /// How long it took.
    pub seconds: f64,
}

/// What became of the lock.
#[derive(Clone, Debug, Serialize)]
pub struct LockSummary {
    /// The file.
    pub file: PathBuf,
    /// Whether it was written.
    pub written: bool,
    /// Why it did not satisfy the recipe; empty when it did, or when there was none.
    pub reasons: Vec<String>,
    /// What moved, came or went.
    pub changes: Vec<Change>,
    /// How many packages it holds, by platform.
    pub packages: BTreeMap<Platform, usize>,
}

/// One platform's image.
#[derive(Clone, Debug, Serialize)]
pub struct ImageSummary {
    /// What it runs on.
    pub platform: Platform,
    /// The digest of its manifest.
    pub digest: Digest,
    /// How many packages have files in it.
    pub packages: usize,
    /// How many files and links it holds.
    pub files: u64,
    /// The bytes of its files; a file with several names counts once.
    pub bytes: u64,
    /// The bytes of its layers as they are stored: compressed, but for plain layers of a base image.
    pub stored: u64,
    /// The layers, the lowest first.
    pub layers: Vec<LayerSummary>,
    /// What was pruned, by set.
    pub pruned: BTreeMap<String, Pruned>,
    /// What was done in place of maintainer scripts.
    pub effects: Vec<Applied>,
    /// deckhand, where the recipe takes it aboard.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deckhand: Option<Aboard>,
    /// Packages of whose maintainer scripts something was not done, and of what kind that is.
    pub scripts: BTreeMap<String, Vec<Mention>>,
    /// What of it only running them would tell.
    pub not_reproduced: BTreeMap<String, Vec<Finding>>,
    /// Dependencies that were not followed, because the recipe is `without` them.
    pub left_out: Vec<LeftOut>,
    /// Files that hide another's.
    pub hidden: Vec<HiddenFile>,
    /// Libraries that are not there, as the recipe allows, and how many files need each.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub allowed_missing: BTreeMap<String, usize>,
    /// A base that would do as well.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub smaller_base: Option<SmallerBase>,
}

/// One layer.
#[derive(Clone, Debug, Serialize)]
pub struct LayerSummary {
    /// What is in it: source packages, `settings` or `files`.
    pub title: String,
    /// The digest of the layer as it is stored.
    pub digest: Digest,
    /// Its size as it is stored.
    pub stored: u64,
    /// Its size as a tar.
    pub bytes: u64,
    /// Whether it was found in the cache.
    pub reused: bool,
}

/// A file that hides another's.
#[derive(Clone, Debug, Serialize)]
pub struct HiddenFile {
    /// Where.
    pub path: String,
    /// Whose file is in the image.
    pub by: String,
    /// Whose is not.
    pub instead_of: String,
}

impl ImageSummary {
    pub(super) fn new(
        image: &Assembled,
        packages: usize,
        deckhand: Option<Aboard>,
        left_out: Vec<LeftOut>,
    ) -> Self {
        let (files, bytes) = count(image);
        let layers: Vec<LayerSummary> =
            image.layers.iter().map(|(title, layer)| LayerSummary::new(title, layer)).collect();
        let hidden = image.hidden().iter().map(|hidden| HiddenFile {
            path: hidden.path.to_string(),
            by: hidden.winner.to_string(),
            instead_of: hidden.loser.to_string(),
        });
        Self {
            platform: image.platform,
            digest: image.digest(),
            packages,
            files,
            bytes,
            stored: layers.iter().map(|layer| layer.stored).sum(),
            layers,
            pruned: image.pruned.sets.clone(),
            effects: image.effects.clone(),
            deckhand,
            scripts: image
                .scripts
                .iter()
                .map(|(name, mentions)| (name.to_string(), mentions.clone()))
                .collect(),
            not_reproduced: image
                .not_reproduced
                .iter()
                .map(|(name, findings)| (name.to_string(), findings.clone()))
                .collect(),
            left_out,
            hidden: hidden.collect(),
            allowed_missing: image.allowed_missing.clone(),
            smaller_base: image.smaller_base.clone(),
        }
    }
}

impl LayerSummary {
    fn new(title: &str, layer: &crate::layers::Layer) -> Self {
        Self {
            title: title.to_owned(),
            digest: layer.descriptor.digest,
            stored: layer.descriptor.size,
            bytes: layer.unpacked,
            reused: layer.reused,
        }
    }
}

fn count(image: &Assembled) -> (u64, u64) {
    let (mut files, mut bytes) = (0, 0);
    for (path, node) in image.tree.iter() {
        files += u64::from(!node.is_directory());
        if let Kind::File { content, link_group } = &node.kind {
            let first_name = link_group.as_ref().is_none_or(|group| **group == *path);
            bytes += if first_name { content.size() } else { 0 };
        }
    }
    (files, bytes)
}
