//! What differs between two images: files, packages, settings, layers and sizes. Pure: two images that were looked into
//! go in, a value comes out, which a person and a program are told alike.

mod config;
mod files;
mod groups;
mod layers;
mod packages;
#[cfg(test)]
mod tests;
mod versions;

use bareboat_formats::oci::{ImageConfig, Manifest};
use bareboat_model::Digest;
use serde::Serialize;

pub use config::Setting;
pub use files::{FileChange, Owner, State, What};
pub use groups::{Groups, Line, Several, group};
pub use layers::{LayerOnly, Layers, Pair, Sizes};
pub use packages::{Direction, PackageChange};

use crate::packages::Inventory;
use crate::view::View;

/// One of the two images.
#[derive(Clone, Copy)]
pub struct Side<'a> {
    /// The digest of its manifest.
    pub digest: Digest,
    /// Its manifest.
    pub manifest: &'a Manifest,
    /// Its config.
    pub config: &'a ImageConfig,
    /// Its files.
    pub view: &'a View,
    /// Its packages.
    pub inventory: &'a Inventory,
}

/// All that differs from the image before to the image after.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Diff {
    /// Whether nothing differs of what was compared.
    pub equal: bool,
    /// Whether dates, histories and the order and packing of layers were left out of the comparison.
    pub semantic: bool,
    /// The digests of the manifests.
    pub digests: Pair<Digest>,
    /// How large the images are.
    pub sizes: Sizes,
    /// Which layers they share.
    pub layers: Layers,
    /// The settings that differ.
    pub config: Vec<Setting>,
    /// The packages that differ.
    pub packages: Vec<PackageChange>,
    /// The files that differ, by path.
    pub files: Vec<FileChange>,
    /// What could not be compared, because a file that tells of packages could not be read.
    pub unread: Vec<Unread>,
}

/// A file that tells of packages and could not be read.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize)]
pub struct Unread {
    /// Where it is.
    pub path: String,
    /// Why it could not be read.
    pub cause: String,
    /// Whether it is so in the image before.
    pub before: bool,
    /// Whether it is so in the image after.
    pub after: bool,
}

/// Compares two images. When `semantic`, only what a program in them could tell: no dates, no history, no packing.
pub fn compare(before: &Side<'_>, after: &Side<'_>, semantic: bool) -> Diff {
    let files = files::compare(before, after, semantic);
    let packages = packages::compare(before, after, &files);
    let config = config::compare(before, after, semantic);
    let layers = layers::compare(before, after);
    let same_packing = before.digest == after.digest;
    let equal = files.is_empty() && packages.is_empty() && config.is_empty() && (semantic || same_packing);
    Diff {
        equal,
        semantic,
        digests: Pair { before: before.digest, after: after.digest },
        sizes: layers::sizes(before, after),
        layers,
        config,
        packages,
        files,
        unread: unread(before, after),
    }
}

fn unread(before: &Side<'_>, after: &Side<'_>) -> Vec<Unread> {
    let mut all = std::collections::BTreeMap::new();
    for (side, is_after) in [(before, false), (after, true)] {
        for (path, cause) in side.inventory.unread() {
            let seen: &mut (bool, bool) = all.entry((path.to_string(), cause.clone())).or_default();
            if is_after { seen.1 = true } else { seen.0 = true }
        }
    }
    let unread =
        all.into_iter().map(|((path, cause), (before, after))| Unread { path, cause, before, after });
    unread.collect()
}
