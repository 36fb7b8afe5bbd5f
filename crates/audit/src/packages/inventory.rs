//! What is found in all files of an image, put together: its packages, and which of them brought a file.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use bareboat_model::ImagePath;

use super::{Files, Found, Kind, ListedFor, Package, dpkg};

/// A package that is in the image.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Installed {
    /// The package. Its `files` are those that are in the image, by the paths that they have there.
    pub package: Package,
    /// The file that tells of it: a database, or a file of its own.
    pub at: ImagePath,
}

/// The packages of an image.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Inventory {
    packages: Vec<Installed>,
    unread: Vec<(ImagePath, String)>,
    files: HashMap<ImagePath, usize>,
    folders: HashMap<ImagePath, usize>,
    /// dpkg's by name, for the files that it keeps of each.
    debs: HashMap<String, usize>,
}

impl Inventory {
    /// Puts together what is found in the files that an image has in the end, in the order of their paths.
    ///
    /// `file` says what a path of a database is in the image: the path with links in its folders followed (dpkg knows
    /// `/bin/sh` where `/bin` is a link), or none when nothing is there or it is a directory. A link as such is a file.
    pub fn new<'a>(
        found: impl IntoIterator<Item = (&'a ImagePath, &'a Found)>,
        file: impl Fn(&ImagePath) -> Option<ImagePath>,
    ) -> Self {
        let mut inventory = Self::default();
        let mut lists: HashMap<&ListedFor, Vec<&Files>> = HashMap::new();
        let mut seen = BTreeSet::new();
        let mut packages = Vec::new();
        for (at, found) in found {
            inventory.unread.extend(found.unread.iter().map(|cause| (at.clone(), cause.clone())));
            if let Some(listed) = &found.listed {
                lists.entry(&listed.package).or_default().push(&listed.files);
            }
            // A distribution's package is in an image once, though two databases may tell of it.
            let mut is_new = |package: &'a Package| {
                let place = if package.kind.is_system() { None } else { Some(at) };
                seen.insert((package.kind, &package.name, &package.version, &package.architecture, place))
            };
            packages
                .extend(found.packages.iter().filter(|package| is_new(package)).map(|package| (at, package)));
        }
        let installed = packages.into_iter().map(|(at, package)| installed(at, package, &mut lists, &file));
        let mut installed: Vec<_> = installed.enumerate().collect();
        installed.sort_by(|(_, a), (_, b)| order(a).cmp(&order(b)));
        let mut claimants: Vec<_> =
            installed.iter().enumerate().map(|(nth, (first, _))| (*first, nth)).collect();
        claimants.sort_unstable();
        inventory.packages = installed.into_iter().map(|(_, one)| one).collect();
        inventory.claim(claimants.into_iter().map(|(_, nth)| nth).collect());
        inventory
    }

    /// The packages, by kind, name, version and place.
    pub fn packages(&self) -> &[Installed] {
        &self.packages
    }

    /// Files that tell of packages and could not be read, or not to their end, with the cause.
    pub fn unread(&self) -> &[(ImagePath, String)] {
        &self.unread
    }

    /// The package that brought a file: what a distribution says of it, else a language, else the package in whose
    /// folder it lies. What dpkg itself keeps of a package is taken for the package's.
    pub fn owner(&self, path: &ImagePath) -> Option<&Installed> {
        if let Some(&nth) = self.files.get(path) {
            return self.packages.get(nth);
        }
        let mut folder = Some(path.clone());
        while let Some(here) = folder {
            if let Some(&nth) = self.folders.get(&here) {
                return self.packages.get(nth);
            }
            folder = here.parent();
        }
        self.packages.get(*self.debs.get(&dpkg::keeps_of(path)?)?)
    }

    /// How many packages there are of each kind.
    pub fn counts(&self) -> BTreeMap<Kind, usize> {
        let mut counts = BTreeMap::new();
        for one in &self.packages {
            *counts.entry(one.package.kind).or_default() += 1;
        }
        counts
    }

    /// Gives each path to the first that claims it: distributions before languages, and of several packages that one
    /// file tells of, the one that it names first.
    fn claim(&mut self, mut claimants: Vec<usize>) {
        claimants.sort_by_key(|&nth| !self.packages[nth].package.kind.is_system());
        for nth in claimants {
            let one = &self.packages[nth];
            if one.package.kind == Kind::Deb {
                self.debs.entry(one.package.name.clone()).or_insert(nth);
            }
            for path in &one.package.files.paths {
                self.files.entry(path.clone()).or_insert(nth);
            }
            for folder in one.package.files.folders.iter().filter(|folder| !folder.is_root()) {
                self.folders.entry(folder.clone()).or_insert(nth);
            }
        }
    }
}

fn order(one: &Installed) -> impl Ord + '_ {
    (one.package.kind, &one.package.name, &one.package.version, &one.at)
}

/// A list goes to the first package that it fits: thousands of one name would each have a copy of it.
fn installed(
    at: &ImagePath,
    package: &Package,
    lists: &mut HashMap<&ListedFor, Vec<&Files>>,
    file: &impl Fn(&ImagePath) -> Option<ImagePath>,
) -> Installed {
    let mut named = vec![ListedFor::At(at.clone())];
    if package.kind == Kind::Deb {
        let name = &package.name;
        named = [None, package.architecture.clone()]
            .map(|architecture| ListedFor::Deb { name: name.clone(), architecture })
            .to_vec();
    }
    let lists = named.iter().filter_map(|name| lists.remove(name)).flatten();
    let (mut paths, mut folders) = (BTreeSet::new(), BTreeSet::new());
    for files in lists.chain([&package.files]) {
        paths.extend(files.paths.iter().filter_map(file));
        folders.extend(files.folders.iter().cloned());
    }
    let files = Files { paths: paths.into_iter().collect(), folders: folders.into_iter().collect() };
    // The lists are long and are made anew.
    let package = Package {
        files,
        name: package.name.clone(),
        version: package.version.clone(),
        architecture: package.architecture.clone(),
        source: package.source.clone(),
        licence: package.licence.clone(),
        kind: package.kind,
    };
    Installed { package, at: at.clone() }
}
