//! What the page's map is drawn from. Small files are put together, so that a browser can hold it.

use std::collections::{BTreeMap, HashMap};

use bareboat_model::ImagePath;
use serde::{Serialize, Serializer, ser::SerializeTuple};

use super::super::Inspection;
use crate::packages::{Installed, Inventory};
use crate::view::View;

/// Files that are drawn one by one: the largest.
const MOST_FILES: usize = 6000;
/// Groups of smaller files.
const MOST_GROUPS: usize = 3000;
/// Longer paths are cut.
const LONGEST: usize = 500;

/// What the script reads.
#[derive(Serialize)]
pub(super) struct Data {
    /// What made each layer, the lowest first.
    layers: Vec<String>,
    /// Packages, each with its kind and its name and version.
    packages: Vec<[String; 2]>,
    folders: Vec<String>,
    leaves: Vec<Leaf>,
}

/// A file, or some small ones of a folder.
struct Leaf {
    folder: usize,
    name: String,
    bytes: u64,
    files: u64,
    layer: usize,
    package: Option<usize>,
    lost: bool,
}

/// In the order that the script knows; a word for each would be most of the page.
impl Serialize for Leaf {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut tuple = serializer.serialize_tuple(7)?;
        tuple.serialize_element(&self.folder)?;
        tuple.serialize_element(&self.name)?;
        tuple.serialize_element(&self.bytes)?;
        tuple.serialize_element(&self.files)?;
        tuple.serialize_element(&self.layer)?;
        tuple.serialize_element(&self.package.map_or(-1, |package| package as i64))?;
        tuple.serialize_element(&u8::from(self.lost))?;
        tuple.end()
    }
}

/// A content of a layer.
struct Content<'a> {
    path: &'a ImagePath,
    bytes: u64,
    layer: usize,
    owner: Option<&'a Installed>,
    lost: bool,
}

pub(super) fn data(told: &Inspection, view: &View, inventory: &Inventory) -> Data {
    let kept = view.contents().map(|(path, item)| Content {
        path,
        bytes: item.size(),
        layer: item.layer + 1,
        owner: inventory.owner(path),
        lost: false,
    });
    let lost = view.layers.iter().enumerate().flat_map(|(number, layer)| {
        let of = move |lost: &'_ crate::view::Lost| (number + 1, lost.size);
        layer.lost.iter().map(move |lost| (of(lost), &lost.path))
    });
    let lost = lost.map(|((layer, bytes), path)| Content { path, bytes, layer, owner: None, lost: true });
    // Empty files have no place on the map, and are counted; nothing is lost with them.
    let lost = lost.filter(|content| content.bytes > 0);
    let mut contents: Vec<Content<'_>> = kept.chain(lost).collect();
    contents
        .sort_by(|a, b| b.bytes.cmp(&a.bytes).then_with(|| a.path.cmp(b.path)).then(a.layer.cmp(&b.layer)));
    let small = contents.split_off(contents.len().min(MOST_FILES));
    let mut names = Names::default();
    let mut leaves: Vec<Leaf> = contents.iter().map(|content| names.file(content)).collect();
    leaves.extend(names.groups(&small));
    Data {
        layers: told.layers.iter().map(|layer| layer.command.clone().unwrap_or_default()).collect(),
        packages: names.packages,
        folders: names.folders,
        leaves,
    }
}

/// Folders and packages by number.
#[derive(Default)]
struct Names {
    folders: Vec<String>,
    by_folder: HashMap<ImagePath, usize>,
    packages: Vec<[String; 2]>,
    by_package: HashMap<*const Installed, usize>,
}

impl Names {
    fn file(&mut self, content: &Content<'_>) -> Leaf {
        let name = content.path.to_string();
        Leaf {
            folder: self.folder(&content.path.parent().unwrap_or_default()),
            name: cut(name.rsplit('/').next().unwrap_or_default()),
            bytes: content.bytes,
            files: 1,
            layer: content.layer,
            package: content.owner.map(|owner| self.package(owner)),
            lost: content.lost,
        }
    }

    /// Puts small files together: those of a folder, or of one further up if there are too many folders.
    fn groups(&mut self, small: &[Content<'_>]) -> Vec<Leaf> {
        type Key<'a> = (Vec<&'a [u8]>, usize, Option<*const Installed>, bool);
        let mut groups: BTreeMap<Key<'_>, (u64, u64, &Content<'_>)> = BTreeMap::new();
        for depth in [usize::MAX, 8, 5, 3, 2, 1, 0] {
            groups.clear();
            for content in small {
                let parent = content.path.components().rev().skip(1).collect::<Vec<_>>();
                let folder: Vec<&[u8]> = parent.into_iter().rev().take(depth).collect();
                // Near the root, there may be as many packages as there were folders.
                let owner = content.owner.filter(|_| depth > 1).map(std::ptr::from_ref);
                let sum =
                    groups.entry((folder, content.layer, owner, content.lost)).or_insert((0, 0, content));
                *sum = (sum.0 + content.bytes, sum.1 + 1, sum.2);
            }
            if groups.len() <= MOST_GROUPS {
                break;
            }
        }
        let mut leaves: Vec<Leaf> = groups
            .into_iter()
            .map(|((folder, layer, owner, lost), (bytes, files, first))| Leaf {
                folder: self.folder(&ImagePath::parse(&folder.join(&b'/')).unwrap_or_default()),
                name: format!("{files} small files"),
                bytes,
                files,
                layer,
                package: owner.and(first.owner).map(|owner| self.package(owner)),
                lost,
            })
            .collect();
        // Pointers have no order that lasts.
        leaves
            .sort_by(|a, b| (a.folder, a.layer, a.lost, b.bytes).cmp(&(b.folder, b.layer, b.lost, a.bytes)));
        leaves
    }

    fn folder(&mut self, path: &ImagePath) -> usize {
        if let Some(&number) = self.by_folder.get(path) {
            return number;
        }
        self.folders.push(cut(&path.to_string()));
        self.by_folder.insert(path.clone(), self.folders.len() - 1);
        self.folders.len() - 1
    }

    fn package(&mut self, owner: &Installed) -> usize {
        let Self { packages, by_package, .. } = self;
        *by_package.entry(owner).or_insert_with(|| {
            let package = &owner.package;
            let name = [package.name.as_str(), &package.version].join(" ");
            // A slash would be a folder to the script's addresses.
            packages
                .push([package.kind.name().to_owned(), cut(bareboat_model::escape(name.trim_end()).trim())]);
            packages.len() - 1
        })
    }
}

/// The beginning and the end of what is too long.
fn cut(text: &str) -> String {
    let letters = text.chars().count();
    if letters <= LONGEST {
        return text.to_owned();
    }
    let begin: String = text.chars().take(LONGEST / 2).collect();
    let end: String = text.chars().skip(letters - LONGEST / 2).collect();
    format!("{begin}…{end}")
}
