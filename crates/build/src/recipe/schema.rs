//! A recipe as it stands in its file: every key, its type, and its description. The JSON schema comes from here.
//!
//! The doc comments of the fields are what an editor shows to the person who writes a recipe.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;

use super::table::{self, Located};
use super::values::{
    AccountId, AccountName, Base, Capability, Compression, Destination, ImagePattern, Kept, LayerCount,
    LibraryName, LinkTarget, MirrorUrl, Mode, Name, Owner, PackageName, PackageSpec, Pattern, PlainPath,
    PlatformName, Port, Signal, SourcePath, Word,
};

/// What an image is made of.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", expecting = "a table")]
#[schemars(title = "bareboat.toml")]
pub(super) struct RecipeFile {
    /// The image's name: lower-case letters, digits and single separators. The only key that must be there.
    pub(super) name: Name,
    /// What to build on: a catalog name (static, base-nossl, base, cc, python3, nodejs, java; with a variant, python3:debug), `scratch`, the path of another recipe, or an
    /// image reference. Default: `static`.
    pub(super) base: Option<Located<Base>>,
    /// The Debian suite, such as trixie; with its -updates and -security. Default: the base recipe's, else trixie.
    pub(super) suite: Option<Located<Word>>,
    /// Debian packages beyond the base, NAME or NAME=VERSION. What they depend on comes along; what they only
    /// recommend does not.
    #[serde(default)]
    pub(super) packages: Vec<Located<PackageSpec>>,
    /// Packages whose absence is meant: a dependency on them is not followed, because only maintainer scripts need
    /// it. A package that `packages` names, here or in a recipe on top, is taken in all the same.
    #[serde(default)]
    pub(super) without: Vec<PackageName>,
    /// Libraries that may be missing, by the name that programs need them by, such as libasound.so.2: for what a
    /// program loads on demand. Any other that is missing ends the build.
    #[serde(default)]
    pub(super) allow_missing: Vec<LibraryName>,
    /// The platforms to build for: linux/amd64, linux/arm64. Default: the base recipe's, else this machine's.
    #[serde(default)]
    pub(super) platforms: Vec<PlatformName>,
    /// What the image's config says to the engine that runs it.
    #[serde(default, deserialize_with = "table::table")]
    pub(super) image: ImageTable,
    /// Files of yours to put into the image.
    #[serde(default, deserialize_with = "table::array")]
    #[schemars(with = "Vec<FileTable>")]
    pub(super) files: Vec<Located<FileTable>>,
    /// Symbolic links: path in the image = what it points to.
    #[serde(default)]
    pub(super) links: BTreeMap<Located<PlainPath>, LinkTarget>,
    /// Put deckhand at /usr/local/bin/deckhand: a tiny static program for images without a shell, which sleeps, prints files,
    /// keeps logs, probes and waits. Default: as the base recipe says, else false.
    pub(super) deckhand: Option<Located<bool>>,
    /// Directories to make, or to give an owner and mode: path in the image = owner and mode.
    #[serde(default, deserialize_with = "table::map")]
    pub(super) directories: BTreeMap<PlainPath, DirectoryTable>,
    /// Users to add to /etc/passwd, each with a group of the same name. root, nobody and nonroot are always there.
    #[serde(default, deserialize_with = "table::map")]
    pub(super) users: BTreeMap<Located<AccountName>, UserTable>,
    /// Groups to add to /etc/group, beyond those that users bring.
    #[serde(default, deserialize_with = "table::map")]
    pub(super) groups: BTreeMap<Located<AccountName>, GroupTable>,
    /// Certificate authorities to trust beyond Debian's.
    #[serde(default, deserialize_with = "table::table")]
    pub(super) certificates: CertificatesTable,
    /// What to leave out of packages, and what not to.
    #[serde(default, deserialize_with = "table::table")]
    pub(super) prune: PruneTable,
    /// What is done with programs in Python.
    #[serde(default, deserialize_with = "table::table")]
    pub(super) python: PythonTable,
    /// Commands to run on this machine, in the recipe's folder and in this order, before the image is assembled.
    /// Nothing is ever run inside the image.
    #[serde(default, deserialize_with = "table::array")]
    #[schemars(with = "Vec<StepTable>")]
    pub(super) steps: Vec<Located<StepTable>>,
    /// How the image is cut into layers.
    #[serde(default, deserialize_with = "table::table")]
    pub(super) layers: LayersTable,
    /// Where Debian's packages come from, when the environment does not say. Default: this machine's APT sources.
    #[serde(default, deserialize_with = "table::table")]
    pub(super) archive: ArchiveTable,
    /// Further archives, each signed with its own key.
    #[serde(default, deserialize_with = "table::array")]
    #[schemars(with = "Vec<ThirdPartyTable>")]
    pub(super) archives: Vec<Located<ThirdPartyTable>>,
}

/// What is done with programs in Python.
#[derive(Deserialize, JsonSchema, Default)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", expecting = "a table")]
pub(super) struct PythonTable {
    /// Compile all of Python's files when the image is built, with the image's own Python: programs start faster, and the
    /// image is larger. Default: the base recipe's, else false.
    pub(super) bytecode: Option<bool>,
}

/// What the image's config says to the engine that runs it.
#[derive(Deserialize, JsonSchema, Default)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", expecting = "a table")]
pub(super) struct ImageTable {
    /// The program and its first arguments. Setting it drops a `cmd` that the base set.
    pub(super) entrypoint: Option<Vec<String>>,
    /// Further arguments, which whoever runs the image can replace.
    pub(super) cmd: Option<Vec<String>>,
    /// Environment variables. Added to the base's, name by name.
    #[serde(default)]
    pub(super) env: BTreeMap<Located<String>, String>,
    /// Who the program runs as: USER or USER:GROUP, by name or number. Written into the image numerically.
    pub(super) user: Option<Located<Owner>>,
    /// The folder the program starts in.
    pub(super) workdir: Option<PlainPath>,
    /// Ports the program listens on, such as 8080/tcp. Added to the base's.
    #[serde(default)]
    pub(super) ports: Vec<Port>,
    /// Folders that hold data to be kept apart from the image. Added to the base's.
    #[serde(default)]
    pub(super) volumes: Vec<PlainPath>,
    /// The signal that asks the program to stop. The engine's default is SIGTERM.
    pub(super) stop_signal: Option<Signal>,
    /// Labels of the image's config. Added to the base's, name by name.
    #[serde(default)]
    pub(super) labels: BTreeMap<String, String>,
    /// Annotations of the image's manifest. Added to the base's, name by name.
    #[serde(default)]
    pub(super) annotations: BTreeMap<String, String>,
}

/// Files of yours, and where they go.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", expecting = "a table")]
pub(super) struct FileTable {
    /// A file, a folder or a glob, relative to the recipe's folder and within it.
    pub(super) from: SourcePath,
    /// Where it goes: a file becomes this path, a folder's contents go below it, what a glob matches goes below it.
    /// With a slash at the end: into this folder, under its own name.
    pub(super) to: Located<Destination>,
    /// The owner of everything copied: USER or USER:GROUP. Default: root:root.
    pub(super) owner: Option<Owner>,
    /// The mode of the files copied, in octal; folders get the same with an execute bit wherever there is a read
    /// bit. Default: 0755 for folders and for files that are executable on disk, 0644 for other files.
    pub(super) mode: Option<Mode>,
    /// Drop the debug symbols of ELF files.
    #[serde(default)]
    pub(super) strip: bool,
    /// Capabilities that the files have when they are run, such as cap_net_bind_service.
    #[serde(default)]
    pub(super) capabilities: Vec<Capability>,
    /// Globs of what not to copy, relative to the folder that is copied; a folder that matches goes with all in it.
    #[serde(default)]
    pub(super) exclude: Vec<Pattern>,
}

/// The owner and mode of a directory.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", expecting = "a table")]
pub(super) struct DirectoryTable {
    /// USER or USER:GROUP, by name or number. Default: root:root.
    pub(super) owner: Option<Owner>,
    /// Permissions in octal. Default: 0755.
    pub(super) mode: Option<Mode>,
}

/// A user.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", expecting = "a table")]
pub(super) struct UserTable {
    /// The user's number.
    pub(super) uid: AccountId,
    /// The number of the user's own group. Default: the same as the uid.
    pub(super) gid: Option<AccountId>,
    /// The home directory. It is named, not made: say so under `directories` if there is to be one.
    /// Default: /home/NAME.
    pub(super) home: Option<PlainPath>,
    /// The login shell. Default: /sbin/nologin, which need not be in the image.
    pub(super) shell: Option<PlainPath>,
    /// Further groups that the user is a member of.
    #[serde(default)]
    pub(super) groups: Vec<AccountName>,
}

/// A group.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", expecting = "a table")]
pub(super) struct GroupTable {
    /// The group's number.
    pub(super) gid: AccountId,
}

/// Certificate authorities to trust.
#[derive(Deserialize, JsonSchema, Default)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", expecting = "a table")]
pub(super) struct CertificatesTable {
    /// PEM files, relative to the recipe's folder and within it. They go to the end of the image's bundle.
    #[serde(default)]
    pub(super) add: Vec<Located<SourcePath>>,
}

/// What to leave out of packages.
#[derive(Deserialize, JsonSchema, Default)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", expecting = "a table")]
pub(super) struct PruneTable {
    /// What to keep although it would be left out: named sets, and globs of paths in the image.
    #[serde(default)]
    pub(super) keep: Vec<Kept>,
    /// Globs of further paths in the image to leave out of packages.
    #[serde(default)]
    pub(super) paths: Vec<ImagePattern>,
}

/// A command to run on this machine.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", expecting = "a table")]
pub(super) struct StepTable {
    /// The program and its arguments. No shell is involved; name one if you need it.
    #[schemars(length(min = 1))]
    pub(super) run: Vec<String>,
}

/// How the image is cut into layers.
#[derive(Deserialize, JsonSchema, Default)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", expecting = "a table")]
pub(super) struct LayersTable {
    /// How many layers there may be. Packages are grouped by Debian source package; your files are the last layer.
    /// Default: 12.
    pub(super) max: Option<LayerCount>,
    /// gzip or zstd, perhaps with a level: zstd:19. Default: gzip.
    pub(super) compression: Option<Compression>,
}

/// Where Debian's packages come from.
#[derive(Deserialize, JsonSchema, Default)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", expecting = "a table")]
pub(super) struct ArchiveTable {
    /// The mirror of the main archive.
    pub(super) mirror: Option<MirrorUrl>,
    /// The mirror of the security archive.
    pub(super) security_mirror: Option<MirrorUrl>,
    /// A file of OpenPGP keys that may sign, absolute or relative to the recipe's folder.
    pub(super) keyring: Option<String>,
    /// The components to use. Default: main.
    pub(super) components: Option<Vec<Word>>,
}

/// An archive other than Debian's.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", expecting = "a table")]
pub(super) struct ThirdPartyTable {
    /// What the lock and messages call it.
    pub(super) name: Word,
    /// Where it is.
    pub(super) mirror: MirrorUrl,
    /// Its suites.
    #[schemars(length(min = 1))]
    pub(super) suites: Vec<Word>,
    /// The components to use. Default: main.
    pub(super) components: Option<Vec<Word>>,
    /// A file of OpenPGP keys that may sign it, absolute or relative to the recipe's folder.
    pub(super) key: String,
    /// Accept keys that are bound with SHA-1, which is broken. Only for archives that have nothing better.
    #[serde(default)]
    pub(super) allow_sha1_bindings: bool,
}
