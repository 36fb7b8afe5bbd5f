//! What software an image holds: the databases of distributions and what languages leave beside or in their modules,
//! read in one pass over the files of the layers.
//!
//! A file of interest is known by its path ([`interest`]); its [`Reader`] streams it and gives [`Found`]. What is found
//! in all files is put together by [`Inventory::new`]. Everything here is hostile: sizes and counts are bounded, and
//! what could not be read is said in [`Found::unread`], never passed over.
//!
//! To add a kind: a file with a `read` of its own, a variant of [`Kind`], and a line in [`interest`] and
//! [`Reader::read`].

mod apk;
mod dotnet;
mod dpkg;
mod inventory;
mod java;
mod node;
mod php;
mod program;
mod python;
mod rpm;
mod ruby;
mod text;

use std::io::Read;

use bareboat_model::{Error, ImagePath};
use serde::{Deserialize, Serialize};

pub use inventory::{Installed, Inventory};

/// Who knows a package.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// dpkg.
    Deb,
    /// apk.
    Apk,
    /// rpm.
    Rpm,
    /// A distribution of Python's.
    Python,
    /// A module of Node's.
    Node,
    /// A gem.
    Ruby,
    /// A jar, by its Maven coordinates or its manifest.
    Java,
    /// A module in a program written in Go.
    Go,
    /// A crate in a program written in Rust.
    Rust,
    /// A package of Composer's.
    Php,
    /// A package of NuGet's.
    Dotnet,
}

impl Kind {
    /// The name for people.
    pub fn name(self) -> &'static str {
        match self {
            Self::Deb => "deb",
            Self::Apk => "apk",
            Self::Rpm => "rpm",
            Self::Python => "python",
            Self::Node => "node",
            Self::Ruby => "ruby",
            Self::Java => "java",
            Self::Go => "go",
            Self::Rust => "rust",
            Self::Php => "php",
            Self::Dotnet => "dotnet",
        }
    }

    /// Whether a distribution installed it: its claim to a file comes before a language's.
    pub fn is_system(self) -> bool {
        matches!(self, Self::Deb | Self::Apk | Self::Rpm)
    }
}

/// What a distribution builds a package from.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub struct Source {
    /// Its name.
    pub name: String,
    /// Its version, where it is written down.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
}

/// One package, as the file that tells of it has it. Texts are as they are: escape them where they are shown.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Package {
    /// Who knows it.
    pub kind: Kind,
    /// Its name.
    pub name: String,
    /// Its version; empty where none is written down.
    pub version: String,
    /// What it runs on, where that is written down.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub architecture: Option<String>,
    /// What it was built from, where that is written down.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<Source>,
    /// Its licence, where that stands beside its name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub licence: Option<String>,
    /// What belongs to it, as far as this file tells.
    #[serde(default, skip_serializing_if = "Files::is_empty")]
    pub files: Files,
}

impl Package {
    fn new(kind: Kind, name: impl Into<String>, version: impl Into<String>) -> Self {
        Self {
            kind,
            name: name.into(),
            version: version.into(),
            architecture: None,
            source: None,
            licence: None,
            files: Files::default(),
        }
    }
}

/// Paths that belong to a package.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Files {
    /// One by one. Directories may be among them, and belong to many.
    #[serde(default, with = "text::paths", skip_serializing_if = "Vec::is_empty")]
    pub paths: Vec<ImagePath>,
    /// Folders with all that is in them.
    #[serde(default, with = "text::paths", skip_serializing_if = "Vec::is_empty")]
    pub folders: Vec<ImagePath>,
}

impl Files {
    /// Whether nothing belongs to it.
    pub fn is_empty(&self) -> bool {
        self.paths.is_empty() && self.folders.is_empty()
    }
}

/// Files of a package that another file describes.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Listed {
    /// Which package.
    pub package: ListedFor,
    /// Its files.
    pub files: Files,
}

/// How a list names its package.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ListedFor {
    /// dpkg's: by name, and by architecture where several can be installed.
    Deb {
        /// The package's name.
        name: String,
        /// The architecture.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        architecture: Option<String>,
    },
    /// The package that is described in the file at this path.
    At(#[serde(with = "bareboat_model::bytes_as_text::path")] ImagePath),
}

/// What one file tells of packages.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Found {
    /// The packages that it describes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub packages: Vec<Package>,
    /// The files of a package that another file describes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub listed: Option<Listed>,
    /// What of it could not be read, and why. The packages may then not be all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unread: Option<String>,
}

impl Found {
    /// Whether the file tells nothing.
    pub fn is_empty(&self) -> bool {
        self.packages.is_empty() && self.listed.is_none() && self.unread.is_none()
    }
}

/// More packages than any file of a real image tells of; the largest distributions have some 60,000 in all.
const MOST_PACKAGES: usize = 200_000;
/// No name or version of a real package is longer.
const LONGEST_TEXT: usize = 1024;

impl Found {
    /// Adds a package.
    fn push(&mut self, package: Package) -> Result<(), Error> {
        if self.packages.len() >= MOST_PACKAGES {
            return Err(Error::new(format!("more than {MOST_PACKAGES} packages")));
        }
        if let Some(long) =
            [&package.name, &package.version].into_iter().find(|text| text.len() > LONGEST_TEXT)
        {
            return Err(Error::new(format!("a package's name or version of {} bytes", long.len())));
        }
        self.packages.push(package);
        Ok(())
    }
}

/// Reads one file.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Reader {
    what: What,
    path: ImagePath,
    size: u64,
}

/// What a file of interest is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum What {
    DpkgStatus,
    DpkgStatusOfOne,
    DpkgList,
    DpkgSums,
    Apk,
    Rpm,
    RpmLog,
    PythonMetadata,
    PythonRecord,
    NodeModule,
    Gem,
    Jar,
    Composer,
    DotnetDeps,
    Program,
}

/// Whether the regular file at `path`, with its permission bits and its size, may tell of packages.
///
/// Decided by the path alone where that is enough. A program is anything that may be executed and shared libraries;
/// whether it is one, its first bytes say to [`Reader::read`].
pub fn interest(path: &ImagePath, mode: u32, size: u64) -> Option<Reader> {
    let names: Vec<&[u8]> = path.components().rev().take(5).collect();
    let what = what(&names, path)
        .or_else(|| program::is_candidate(names.first()?, mode, size).then_some(What::Program))?;
    Some(Reader { what, path: path.clone(), size })
}

/// Where distributions keep what they installed, and where they look for it: also behind links.
pub(crate) const DATABASES: [&[u8]; 10] = [
    b"var/lib/dpkg/status",
    b"var/lib/dpkg/status.d",
    b"lib/apk/db/installed",
    b"usr/lib/apk/db/installed",
    b"var/lib/rpm/rpmdb.sqlite",
    b"var/lib/rpm/Packages.db",
    b"var/lib/rpm/Packages",
    b"usr/lib/sysimage/rpm/rpmdb.sqlite",
    b"usr/lib/sysimage/rpm/Packages.db",
    b"usr/lib/sysimage/rpm/Packages",
];

/// What is told of one of the [`DATABASES`] that is really at `real`, where files are not read as databases.
pub(crate) fn elsewhere(real: &ImagePath) -> Option<Found> {
    if DATABASES.contains(&real.as_bytes()) {
        return None;
    }
    Some(Found { unread: Some(format!("it is a link to `{real}`, which is not read")), ..Found::default() })
}

/// `names` from the last to the first.
fn what(names: &[&[u8]], path: &ImagePath) -> Option<What> {
    let name = *names.first()?;
    Some(match names {
        // `dpkg --root` and chroots in images have databases elsewhere, which are not this image's.
        [b"status", b"dpkg", b"lib", b"var"] => What::DpkgStatus,
        [_, b"status.d", b"dpkg", b"lib", b"var"] if name.ends_with(b".md5sums") => What::DpkgSums,
        [_, b"status.d", b"dpkg", b"lib", b"var"] => What::DpkgStatusOfOne,
        [_, b"info", b"dpkg", b"lib", b"var"] if name.ends_with(b".list") => What::DpkgList,
        [b"installed", b"db", b"apk", b"lib"] | [b"installed", b"db", b"apk", b"lib", b"usr"] => What::Apk,
        _ if rpm::is_database(path) => What::Rpm,
        _ if rpm::is_log(path) => What::RpmLog,
        [b"METADATA", folder, ..] if folder.ends_with(b".dist-info") => What::PythonMetadata,
        [b"RECORD", folder, ..] if folder.ends_with(b".dist-info") => What::PythonRecord,
        [b"PKG-INFO", folder, ..] if folder.ends_with(b".egg-info") || *folder == b"EGG-INFO" => {
            What::PythonMetadata
        }
        [_, _, ..] if name.ends_with(b".egg-info") => What::PythonMetadata,
        [b"package.json", _, b"node_modules", ..] => What::NodeModule,
        [b"package.json", _, scope, b"node_modules", ..] if scope.starts_with(b"@") => What::NodeModule,
        [_, b"specifications", ..] | [_, b"default", b"specifications", ..]
            if name.ends_with(b".gemspec") =>
        {
            What::Gem
        }
        [b"installed.json", b"composer", _, ..] => What::Composer,
        _ if java::is_archive(name) => What::Jar,
        _ if name.ends_with(b".deps.json") => What::DotnetDeps,
        _ => return None,
    })
}

impl Reader {
    /// Reads the file, from its first byte. It need not be read to its end: the rest is the caller's to skip.
    ///
    /// Never fails: what could not be read is told in what is found, also when `content` itself fails. The caller
    /// meets that failure when it goes on with the layer.
    pub fn read(self, content: &mut dyn Read) -> Found {
        let mut found = Found::default();
        let done = match self.what {
            What::DpkgStatus | What::DpkgStatusOfOne => dpkg::status(content, &mut found),
            What::DpkgList => dpkg::list(&self.path, content, &mut found),
            What::DpkgSums => dpkg::sums(&self.path, content, &mut found),
            What::Apk => apk::read(content, &mut found),
            What::Rpm => rpm::read(&self.path, content, &mut found),
            What::RpmLog => rpm::log(self.size),
            What::PythonMetadata => python::metadata(&self.path, content, &mut found),
            What::PythonRecord => python::record(&self.path, content, &mut found),
            What::NodeModule => node::read(&self.path, content, &mut found),
            What::Gem => ruby::read(&self.path, &mut found),
            What::Jar => java::read(&self.path, self.size, content, &mut found),
            What::Composer => php::read(&self.path, content, &mut found),
            What::DotnetDeps => dotnet::read(content, &mut found),
            What::Program => program::read(&self.path, content, &mut found),
        };
        found.unread = done.err().map(|error| bareboat_model::escape(&error.to_string()));
        found
    }
}

#[cfg(test)]
mod tests;
