//! Recipes: what an image is made of, as a person writes it in `bareboat.toml`.
//!
//! [`parse`] reads one file; [`load`] also reads what it builds on, and gives one recipe with everything in it.

mod catalog;
mod diagnostic;
mod load;
mod merge;
mod parse;
mod schema;
pub(crate) mod table;
#[cfg(test)]
mod tests;
mod values;

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use bareboat_model::{ImagePath, Platform};

pub use bareboat_model::Place;
pub use catalog::{
    CatalogSize, catalog_names, catalog_purpose, catalog_size, catalog_suites, catalog_text, catalog_variants,
};
pub use load::{Loaded, Tier, load};
pub use parse::{json_schema, parse};
pub use values::{
    Base, Capability, Compression, CompressionFormat, Destination, Identity, Kept, LayerCount, LibraryName,
    Mode, Name, Owner, PackageSpec, Port, Protocol, PruneSet, Signal, Word, glob, package_name,
};

pub(crate) use diagnostic::{error_from, toml_error};
pub(crate) use values::PackageName;

/// The suite of a recipe that names none: Debian 13, stable since August 2025.
pub const DEFAULT_SUITE: &str = "trixie";

/// A recipe: one file's ([`parse`]), or one with all that it builds on ([`load`]).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Recipe {
    /// The image's name.
    pub name: Name,
    /// What it builds on. After [`load`]: `Scratch` or `Image`, for recipes below have become part of this one.
    pub base: Base,
    /// Where the base is named, for messages; the start of the file when the recipe leaves it to the default.
    pub base_place: Place,
    /// The Debian suite. After [`load`] there always is one.
    pub suite: Option<Word>,
    /// Where it is named, if it is.
    pub suite_place: Option<Place>,
    /// The packages asked for, no name twice.
    pub packages: Vec<PackageSpec>,
    /// Where each of them is asked for: by the lowest recipe that names it.
    pub package_places: BTreeMap<String, Place>,
    /// Packages on which no dependency is followed. After [`load`] none of them is in `packages`.
    pub without: Vec<String>,
    /// Libraries that may be missing: their sonames.
    pub allow_missing: BTreeSet<String>,
    /// The platforms to build for; empty for this machine's.
    pub platforms: Vec<Platform>,
    /// What goes into the image's config.
    pub image: ImageSettings,
    /// Files of the person's, in the order in which later ones win.
    pub files: Vec<FileEntry>,
    /// Symbolic links: path to target.
    pub links: BTreeMap<ImagePath, String>,
    /// Whether deckhand is to be in the image, if the recipe says so.
    pub deckhand: Option<Deckhand>,
    /// Directories to make or to give an owner and a mode.
    pub directories: BTreeMap<ImagePath, Directory>,
    /// Users beyond root, nobody and nonroot.
    pub users: BTreeMap<String, User>,
    /// Groups beyond those that users bring: name to number.
    pub groups: BTreeMap<String, u32>,
    /// Certificate authorities to add to the bundle.
    pub certificates: Vec<Certificate>,
    /// What to leave out of packages.
    pub prune: Prune,
    /// Whether to compile Python's files.
    pub python_bytecode: Option<bool>,
    /// Commands to run on this machine first.
    pub steps: Vec<Step>,
    /// How to cut the image into layers.
    pub layers: Layers,
    /// Where Debian's packages come from.
    pub archive: Archive,
    /// Further archives, no name twice.
    pub archives: Vec<ThirdPartyArchive>,
}

/// What goes into the image's config and manifest. What is `None` or empty is left to the base, else unset.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct ImageSettings {
    /// The program and its first arguments.
    pub entrypoint: Option<Vec<String>>,
    /// Further arguments.
    pub cmd: Option<Vec<String>>,
    /// Environment variables.
    pub env: BTreeMap<String, String>,
    /// Who the program runs as.
    pub user: Option<Owner>,
    /// Where that is said, if a recipe says it.
    pub user_place: Option<Place>,
    /// The folder it starts in.
    pub workdir: Option<ImagePath>,
    /// Ports it listens on.
    pub ports: BTreeSet<Port>,
    /// Folders whose data is kept apart.
    pub volumes: BTreeSet<ImagePath>,
    /// The signal that asks it to stop.
    pub stop_signal: Option<Signal>,
    /// Labels of the config.
    pub labels: BTreeMap<String, String>,
    /// Annotations of the manifest.
    pub annotations: BTreeMap<String, String>,
}

/// A `[[files]]` entry.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct FileEntry {
    /// A path or glob relative to [`FileEntry::place`]'s folder; never absolute, never with `..`.
    pub from: String,
    /// Where it goes.
    pub to: Destination,
    /// The owner of everything copied.
    pub owner: Owner,
    /// The mode of the files copied; 0755 or 0644 when there is none, as they are executable on disk or not.
    pub mode: Option<Mode>,
    /// Whether to drop debug symbols of ELF files.
    pub strip: bool,
    /// File capabilities to set.
    pub capabilities: BTreeSet<Capability>,
    /// Globs (see [`glob`]) of what not to copy, relative to the folder that is copied.
    pub exclude: Vec<String>,
    /// Which recipe asks for this, and where in it.
    pub place: Place,
}

impl FileEntry {
    /// Whether `from` is a pattern rather than one path.
    pub fn is_glob(&self) -> bool {
        values::is_glob(&self.from)
    }

    /// `from` on this machine: joined to the folder of the recipe that says it.
    pub fn source(&self) -> PathBuf {
        self.place.folder().join(&self.from)
    }
}

/// What `deckhand` says.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Deckhand {
    /// Whether it is to be in the image.
    pub aboard: bool,
    /// Which recipe says so, and where in it.
    pub place: Place,
}

/// A `[directories]` entry.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Directory {
    /// Who it belongs to.
    pub owner: Owner,
    /// Its permissions.
    pub mode: Mode,
}

/// A `[users.NAME]` table.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct User {
    /// The user's number.
    pub uid: u32,
    /// The number of the user's own group, which has the user's name.
    pub gid: u32,
    /// The home directory that passwd names; not made by this.
    pub home: ImagePath,
    /// The login shell that passwd names.
    pub shell: ImagePath,
    /// Further groups the user is a member of.
    pub groups: Vec<String>,
}

/// One file of certificate authorities.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Certificate {
    /// The PEM file, relative to [`Certificate::place`]'s folder; may be a glob.
    pub from: String,
    /// Which recipe asks for this, and where in it.
    pub place: Place,
}

impl Certificate {
    /// The file on this machine.
    pub fn source(&self) -> PathBuf {
        self.place.folder().join(&self.from)
    }
}

/// What to leave out of packages.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Prune {
    /// What to keep although it would be left out.
    pub keep: BTreeSet<Kept>,
    /// Globs (see [`glob`]) of further paths to leave out, each with a leading `/`.
    pub paths: Vec<String>,
}

/// A command to run on this machine before the image is assembled.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Step {
    /// The program and its arguments; never empty.
    pub run: Vec<String>,
    /// Which recipe asks for this, and where in it. The command runs in that recipe's folder.
    pub place: Place,
}

/// How to cut the image into layers.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Layers {
    /// At most so many.
    pub max: Option<LayerCount>,
    /// How they are compressed.
    pub compression: Option<Compression>,
}

impl Layers {
    /// The most layers there may be: as the recipe says, else 12.
    pub fn max(&self) -> usize {
        self.max.map_or(12, LayerCount::get)
    }

    /// How layers are compressed: as the recipe says, else gzip, which every engine reads.
    pub fn compression(&self) -> Compression {
        self.compression.unwrap_or(Compression { format: CompressionFormat::Gzip, level: None })
    }
}

/// Where Debian's packages come from; what is `None` is this machine's to say. The environment goes before all of it.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Archive {
    /// The main archive's mirror, without a slash at the end.
    pub mirror: Option<String>,
    /// The security archive's mirror, without a slash at the end.
    pub security_mirror: Option<String>,
    /// The file of keys that may sign, joined to the recipe's folder.
    pub keyring: Option<PathBuf>,
    /// The components to use.
    pub components: Option<Vec<Word>>,
}

impl Archive {
    /// The components to use: as the recipe says, else `main`.
    pub fn components(&self) -> Vec<&str> {
        match &self.components {
            Some(components) => components.iter().map(Word::as_str).collect(),
            None => vec!["main"],
        }
    }
}

/// An archive other than Debian's.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ThirdPartyArchive {
    /// What the lock and messages call it.
    pub name: Word,
    /// Where it is, without a slash at the end.
    pub mirror: String,
    /// Its suites.
    pub suites: Vec<Word>,
    /// Its components.
    pub components: Vec<Word>,
    /// The file of keys that may sign it, joined to the recipe's folder.
    pub key: PathBuf,
    /// Whether keys that are bound with SHA-1 will do.
    pub allow_sha1_bindings: bool,
    /// Which recipe names it, and where in it.
    pub place: Place,
}
