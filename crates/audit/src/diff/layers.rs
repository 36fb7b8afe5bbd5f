//! Which layers two images share, and what a host that has the one must fetch for the other.

use std::collections::{BTreeMap, BTreeSet};

use bareboat_model::Digest;
use serde::Serialize;

use super::Side;

/// The same of both images.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize)]
pub struct Pair<T> {
    /// Of the image before.
    pub before: T,
    /// Of the image after.
    pub after: T,
}

impl<T> From<[T; 2]> for Pair<T> {
    fn from([before, after]: [T; 2]) -> Self {
        Self { before, after }
    }
}

/// How large the images are, in bytes.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Sizes {
    /// All files of the image, each once.
    pub files: Pair<u64>,
    /// The layers unpacked, with what upper layers hide of lower ones.
    pub raw: Pair<u64>,
    /// The layers as they are stored and sent.
    pub stored: Pair<u64>,
    /// What a host that has the image before must fetch for the image after: layers and config that it has not.
    pub fetch: u64,
    /// How many files, directories and links there are.
    pub entries: Pair<u64>,
    /// How many packages there are.
    pub packages: Pair<u64>,
}

/// The layers of both images.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Layers {
    /// How many there are.
    pub count: Pair<u64>,
    /// How many are stored alike in both: a host that has them need not fetch them.
    pub shared: u64,
    /// How many have the same content in both, and are stored otherwise: compressed in another way.
    pub repacked: u64,
    /// Those that only the image before has.
    pub removed: Vec<LayerOnly>,
    /// Those that only the image after has.
    pub added: Vec<LayerOnly>,
}

/// A layer that only one of the images has.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct LayerOnly {
    /// Its place, counted from 1 at the bottom.
    pub number: u64,
    /// Its digest as it is stored.
    pub digest: Digest,
    /// The digest of its content.
    pub diff_id: Digest,
    /// Its size as it is stored.
    pub stored: u64,
    /// Its size unpacked.
    pub raw: u64,
}

pub(super) fn sizes(before: &Side<'_>, after: &Side<'_>) -> Sizes {
    let pair = |of: &dyn Fn(&Side<'_>) -> u64| Pair { before: of(before), after: of(after) };
    let has: BTreeSet<Digest> = before.view.layers.iter().map(|layer| layer.descriptor.digest).collect();
    let blobs = after.view.layers.iter().map(|layer| &layer.descriptor);
    let missing: BTreeMap<Digest, u64> = blobs
        .filter(|descriptor| !has.contains(&descriptor.digest))
        .map(|descriptor| (descriptor.digest, descriptor.size))
        .collect();
    let (old, new) = (&before.manifest.config, &after.manifest.config);
    let config = if old.digest == new.digest { 0 } else { new.size };
    Sizes {
        files: pair(&|side| side.view.size()),
        raw: pair(&|side| side.view.layers.iter().map(|layer| layer.listing.tar_size).sum()),
        stored: pair(&|side| side.view.layers.iter().map(|layer| layer.descriptor.size).sum()),
        fetch: missing.values().sum::<u64>() + config,
        // Without the root, which every image has.
        entries: pair(&|side| side.view.len().saturating_sub(1) as u64),
        packages: pair(&|side| side.inventory.packages().len() as u64),
    }
}

pub(super) fn compare(before: &Side<'_>, after: &Side<'_>) -> Layers {
    let ids = |side: &Side<'_>| -> BTreeMap<Digest, Digest> {
        side.view.layers.iter().map(|layer| (layer.diff_id, layer.descriptor.digest)).collect()
    };
    let (old, new) = (ids(before), ids(after));
    let both = new.iter().filter_map(|(id, digest)| Some((digest, old.get(id)?)));
    let (shared, repacked): (Vec<_>, Vec<_>) = both.partition(|(new, old)| new == old);
    Layers {
        count: Pair { before: before.view.layers.len() as u64, after: after.view.layers.len() as u64 },
        shared: shared.len() as u64,
        repacked: repacked.len() as u64,
        removed: only(before, &new),
        added: only(after, &old),
    }
}

fn only(side: &Side<'_>, other: &BTreeMap<Digest, Digest>) -> Vec<LayerOnly> {
    let layers = (1..).zip(&side.view.layers).filter(|(_, layer)| !other.contains_key(&layer.diff_id));
    let told = layers.map(|(number, layer)| LayerOnly {
        number,
        digest: layer.descriptor.digest,
        diff_id: layer.diff_id,
        stored: layer.descriptor.size,
        raw: layer.listing.tar_size,
    });
    told.collect()
}
