//! What layers carry and the image does not have.

use std::collections::{BTreeMap, BTreeSet};

use bareboat_model::ImagePath;
use serde::Serialize;

use crate::view::{Lost, View};

/// Bytes of contents that are in layers and not in the image.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Waste {
    /// All of them.
    pub bytes: u64,
    /// In parts of what the layers carry.
    pub ratio: f64,
    /// Those that the layers of the base carry, and took away among themselves: who builds on it cannot help it. Only
    /// where the base was named.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub in_base: Option<u64>,
    /// Where they were, the most first.
    pub paths: Vec<Wasted>,
}

/// A path with contents that are not in the image; of a directory that is gone, all that it held.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Wasted {
    /// The path, escaped.
    pub path: String,
    /// The bytes of the contents that are gone. One that the image still has is not among them.
    pub bytes: u64,
    /// How many contents they are.
    pub copies: u64,
    /// What became of the path.
    pub fate: Fate,
    /// The layers that carry them, counted from 1.
    pub brought_by: BTreeSet<usize>,
    /// The layers that took them away, counted from 1.
    pub taken_by: BTreeSet<usize>,
    /// Whether it is the base's alone.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub in_base: bool,
}

/// What became of a path.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Fate {
    /// Something else is there now.
    Replaced,
    /// Nothing is there.
    Removed,
}

impl Waste {
    /// What whoever builds on the base can help; all where none was named.
    pub fn own(&self) -> u64 {
        self.bytes - self.in_base.unwrap_or_default()
    }
}

/// Finds the waste. The lowest `base` layers are the base's, where one was named.
pub(super) fn waste(view: &View, base: Option<usize>) -> Waste {
    let carried: u64 = view.layers.iter().map(|layer| layer.listing.size()).sum();
    let mut paths: BTreeMap<(ImagePath, bool), Wasted> = BTreeMap::new();
    let (mut bytes, mut in_base) = (0, 0);
    for (number, layer) in view.layers.iter().enumerate() {
        for lost in &layer.lost {
            let is_bases = base.is_some_and(|base| number < base && lost.by < base);
            bytes += lost.size;
            in_base += if is_bases { lost.size } else { 0 };
            let place = place(view, lost);
            let fate = if view.get(&place).is_some() { Fate::Replaced } else { Fate::Removed };
            let shown = place.to_string();
            let wasted = paths.entry((place, is_bases)).or_insert_with(|| Wasted {
                path: shown,
                bytes: 0,
                copies: 0,
                fate,
                brought_by: BTreeSet::new(),
                taken_by: BTreeSet::new(),
                in_base: is_bases,
            });
            wasted.bytes += lost.size;
            wasted.copies += 1;
            wasted.brought_by.insert(number + 1);
            wasted.taken_by.insert(lost.by + 1);
        }
    }
    let mut paths: Vec<Wasted> = paths.into_values().filter(|wasted| wasted.bytes > 0).collect();
    paths.sort_by(|a, b| b.bytes.cmp(&a.bytes).then_with(|| a.path.cmp(&b.path)));
    Waste { bytes, ratio: ratio(bytes, carried), in_base: base.map(|_| in_base), paths }
}

/// Where it was; where directories above it are gone too, the uppermost of these.
fn place(view: &View, lost: &Lost) -> ImagePath {
    let gone = std::iter::successors(Some(lost.path.clone()), ImagePath::parent)
        .take_while(|path| view.get(path).is_none());
    gone.last().unwrap_or_else(|| lost.path.clone())
}

/// In parts of the whole; nothing of nothing is nothing.
pub(super) fn ratio(part: u64, whole: u64) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 }
}
