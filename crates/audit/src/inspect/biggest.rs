//! The biggest files and folders of an image.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, HashMap};

use bareboat_model::ImagePath;
use serde::Serialize;

use crate::packages::Inventory;
use crate::view::{FileId, View};

/// A folder of which one folder inside has more than this share is not told: the one inside tells more.
const MOSTLY: f64 = 0.8;

/// A file, and what it takes.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct BigFile {
    /// The path, escaped; of several names the first.
    pub path: String,
    /// Its other names (hard links), escaped.
    pub other_names: Vec<String>,
    /// Its bytes.
    pub bytes: u64,
    /// The layer that brought it, counted from 1.
    pub layer: usize,
    /// The package that brought it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub package: Option<String>,
}

/// A folder, and what is in it and below.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct BigFolder {
    /// The path, escaped.
    pub path: String,
    /// The bytes of all files.
    pub bytes: u64,
    /// How many files.
    pub files: u64,
}

/// The biggest files, each once whatever its names.
pub(super) fn files(view: &View, packages: &Inventory, top: usize) -> Vec<BigFile> {
    let mut files: Vec<_> = view.contents().filter(|(_, item)| item.size() > 0).collect();
    // By path already, and the sort is stable.
    files.sort_by_key(|(_, item)| Reverse(item.size()));
    let links = hard_links(view);
    let told = files.into_iter().take(top).map(|(path, item)| BigFile {
        path: path.to_string(),
        other_names: links
            .get(&item.id())
            .map(|names| names.iter().skip(1).map(ToString::to_string).collect())
            .unwrap_or_default(),
        bytes: item.size(),
        layer: item.layer + 1,
        package: packages.owner(path).map(|owner| owner.package.name.clone()),
    });
    told.collect()
}

/// The biggest folders that tell something: not those of which nearly all is in one folder inside.
pub(super) fn folders(view: &View, top: usize) -> Vec<BigFolder> {
    let sizes = sizes(view);
    let mut mostly: BTreeMap<ImagePath, u64> = BTreeMap::new();
    for (path, (bytes, _)) in &sizes {
        if let Some(parent) = path.parent() {
            let largest = mostly.entry(parent).or_default();
            *largest = (*largest).max(*bytes);
        }
    }
    let tells = |path: &ImagePath, bytes: u64| {
        let inside = mostly.get(path).copied().unwrap_or_default();
        bytes > 0 && !path.is_root() && (inside as f64) < bytes as f64 * MOSTLY
    };
    let mut folders: Vec<_> = sizes.iter().filter(|(path, (bytes, _))| tells(path, *bytes)).collect();
    folders.sort_by_key(|(_, (bytes, _))| Reverse(*bytes));
    let told = folders.into_iter().take(top);
    told.map(|(path, &(bytes, files))| BigFolder { path: path.to_string(), bytes, files }).collect()
}

/// The files that have several names, each with all of them, by path.
pub fn hard_links(view: &View) -> HashMap<FileId, Vec<&ImagePath>> {
    let mut first: HashMap<FileId, &ImagePath> = HashMap::new();
    let mut several: HashMap<FileId, Vec<&ImagePath>> = HashMap::new();
    for (path, item) in view.files().filter(|(_, item)| item.entry.kind.content().is_some()) {
        if let Some(first) = first.insert(item.id(), path) {
            several.entry(item.id()).or_insert_with(|| vec![first]).push(path);
        }
    }
    several
}

/// The bytes and files below each folder. A file with several names counts once in each folder that has any of them.
pub fn sizes(view: &View) -> BTreeMap<ImagePath, (u64, u64)> {
    let links = hard_links(view);
    let mut sizes: BTreeMap<ImagePath, (u64, u64)> = BTreeMap::new();
    let mut add = |path: ImagePath, bytes, files| {
        let sum = sizes.entry(path).or_default();
        *sum = (sum.0 + bytes, sum.1 + files);
    };
    // Files come by path, so most are in the folder of the one before: summed up there first.
    let mut direct: BTreeMap<ImagePath, (u64, u64)> = BTreeMap::new();
    for (path, item) in view.contents() {
        if let Some(names) = links.get(&item.id()) {
            let above = names.iter().flat_map(|name| std::iter::successors(name.parent(), ImagePath::parent));
            above.collect::<BTreeSet<_>>().into_iter().for_each(|folder| add(folder, item.size(), 1));
        } else {
            let sum = direct.entry(path.parent().unwrap_or_default()).or_default();
            *sum = (sum.0 + item.size(), sum.1 + 1);
        }
    }
    for (path, (bytes, files)) in direct {
        for folder in std::iter::successors(Some(path), ImagePath::parent) {
            add(folder, bytes, files);
        }
    }
    sizes
}
