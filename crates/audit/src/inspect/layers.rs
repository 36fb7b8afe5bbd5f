//! What each layer is, and what it does.

use std::collections::HashSet;

use bareboat_model::Digest;
use serde::Serialize;

use super::settings::Step;
use crate::view::{Change, Happened, Kind, View};

/// A layer.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct LayerTold {
    /// Which it is, counted from 1 for the lowest.
    pub number: usize,
    /// What it is stored under.
    pub digest: Digest,
    /// The digest of its tar.
    pub diff_id: Digest,
    /// How it is stored.
    pub media_type: String,
    /// Its bytes as it is stored and fetched, most often compressed.
    pub stored: u64,
    /// The bytes of its tar.
    pub tar: u64,
    /// The bytes of the contents in it.
    pub bytes: u64,
    /// What was done to make it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub command: Option<String>,
    /// When, as it says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub created: Option<String>,
    /// Whether it is of the base that was named.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub in_base: bool,
    /// Paths where nothing was.
    pub added: Count,
    /// Paths where something else was. Directories that only have another date are not counted.
    pub changed: Count,
    /// Paths that come again as they were.
    pub repeated: Count,
    /// Paths where nothing is any more. The bytes are those that were there, and stay in the layers below.
    pub removed: Count,
    /// The bytes of its contents that the image does not have any more.
    pub wasted: u64,
}

/// Some paths.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize)]
pub struct Count {
    /// How many.
    pub paths: u64,
    /// The bytes of their contents.
    pub bytes: u64,
}

pub(super) fn layers(view: &View, history: &[Step], base: usize) -> Vec<LayerTold> {
    let told = view.layers.iter().enumerate().map(|(number, layer)| {
        let step = history.iter().find(|step| step.layer == Some(number + 1));
        let mut told = LayerTold {
            number: number + 1,
            digest: layer.descriptor.digest,
            diff_id: layer.diff_id,
            media_type: layer.descriptor.media_type.clone(),
            stored: layer.descriptor.size,
            tar: layer.listing.tar_size,
            bytes: layer.listing.size(),
            command: step.map(|step| step.command.clone()).filter(|command| !command.is_empty()),
            created: step.and_then(|step| step.created.clone()),
            in_base: number < base,
            added: Count::default(),
            changed: Count::default(),
            repeated: Count::default(),
            removed: Count::default(),
            wasted: layer.lost.iter().map(|lost| lost.size).sum(),
        };
        count(view, &layer.changes, &mut told);
        told
    });
    told.collect()
}

fn count(view: &View, changes: &[Change], told: &mut LayerTold) {
    let mut seen = HashSet::new();
    for change in changes {
        let (before, after) = (view.before(change), view.after(change));
        let is_directory = after.is_some_and(|after| after.entry.kind == Kind::Directory);
        let count = match change.happened {
            Happened::Added => &mut told.added,
            Happened::Changed(how) if is_directory && how.is_only_time() => continue,
            Happened::Changed(_) => &mut told.changed,
            Happened::Repeated if is_directory => continue,
            Happened::Repeated => &mut told.repeated,
            Happened::Removed => &mut told.removed,
        };
        count.paths += 1;
        // Another name of a file brings no bytes.
        if let Some(item) = after.or(before).filter(|item| seen.insert(item.id())) {
            count.bytes += item.size();
        }
    }
}
