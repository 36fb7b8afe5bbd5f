//! The commands that build images.

use std::path::PathBuf;

use bareboat_build::recipe::{DEFAULT_SUITE, LibraryName};
use bareboat_model::{Location, Platform};
use clap::Args as ClapArgs;

use super::{Patience, output};

/// List the base recipes that come with bareboat, or show one
///
/// A recipe builds on one with base = "NAME", or on one of its variants with base = "NAME:VARIANT". Sizes are those of the day
/// on which they were measured.
#[derive(ClapArgs, Debug)]
pub(crate) struct Catalog {
    /// The entry whose recipe to show [default: list all]
    pub(crate) name: Option<String>,
    /// The Debian suite
    #[arg(long, default_value = DEFAULT_SUITE)]
    pub(crate) suite: String,
    /// The platform whose sizes to tell [default: this machine's]
    #[arg(long, value_name = "OS/ARCH")]
    pub(crate) platform: Option<Platform>,
}

/// Build an image: resolve if needed, fetch, assemble, write
///
/// Debian packages come from the mirror that the recipe, the environment (BAREBOAT_MIRROR,
/// BAREBOAT_SECURITY_MIRROR, BAREBOAT_KEYRING) or this machine's APT sources name, and only if a trusted key
/// signed for them. The versions are those of bareboat.lock, which is written when there is none; commit it.
/// SOURCE_DATE_EPOCH dates the image; without it, the newest package does.
#[derive(ClapArgs, Debug)]
pub(crate) struct Build {
    /// The recipe, or the folder of its bareboat.toml
    #[arg(default_value = ".", hide_default_value = true)]
    pub(crate) recipe: PathBuf,
    /// Where the image goes: oci:DIR[:TAG], oci-archive:FILE[:TAG], docker-archive:FILE[:REF], docker-daemon:REF or
    /// HOST/REPOSITORY[:TAG]; may be repeated
    /// [default: oci:.bareboat/NAME beside the recipe]
    #[arg(short, long = "output", value_name = "TRANSPORT", value_parser = output)]
    pub(crate) outputs: Vec<Location>,
    /// The platform to build for, such as linux/arm64; may be repeated [default: the recipe's, else this machine's]
    #[arg(long = "platform", value_name = "OS/ARCH", value_delimiter = ',')]
    pub(crate) platforms: Vec<Platform>,
    /// Refuse to write the lock: it must satisfy the recipe as it is
    #[arg(long)]
    pub(crate) locked: bool,
    /// Build although this library is missing, such as libasound.so.2; may be repeated. A recipe says it for good:
    /// allow-missing
    #[arg(long, value_name = "LIBRARY")]
    pub(crate) allow_missing: Vec<LibraryName>,
    /// Do not run the recipe's steps
    #[arg(long)]
    pub(crate) no_steps: bool,
    /// Attach a record of what the image was built from (SLSA provenance, not signed), where the output can hold one
    #[arg(long)]
    pub(crate) provenance: bool,
    /// Build nothing; say why a package (by name) or a path (from /) is in the image
    #[arg(long, value_name = "PACKAGE|PATH")]
    pub(crate) explain: Option<String>,
    #[command(flatten)]
    pub(crate) patience: Patience,
}

/// Write the lock: the packages that the recipe stands for, by version and digest
///
/// What the lock already holds stays as it is, as far as it satisfies the recipe.
#[derive(ClapArgs, Debug)]
pub(crate) struct Lock {
    /// The recipe, or the folder of its bareboat.toml
    #[arg(default_value = ".", hide_default_value = true)]
    pub(crate) recipe: PathBuf,
    /// The platform to lock for; may be repeated [default: the recipe's and those in the lock]
    #[arg(long = "platform", value_name = "OS/ARCH", value_delimiter = ',')]
    pub(crate) platforms: Vec<Platform>,
    /// Say why a package is in, and write nothing
    #[arg(long, value_name = "PACKAGE")]
    pub(crate) explain: Option<String>,
    /// Write nothing, and fail if the lock does not satisfy the recipe
    #[arg(long)]
    pub(crate) locked: bool,
    #[command(flatten)]
    pub(crate) patience: Patience,
}

/// Move the lock forward to what the archive has now, and say what moved
#[derive(ClapArgs, Debug)]
pub(crate) struct Update {
    /// The packages to move [default: all]
    pub(crate) packages: Vec<String>,
    /// The recipe, or the folder of its bareboat.toml
    #[arg(short = 'f', long = "recipe", default_value = ".", hide_default_value = true)]
    pub(crate) recipe: PathBuf,
    /// Say what would move, and write nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
    #[command(flatten)]
    pub(crate) patience: Patience,
}

/// Tell what packages' maintainer scripts would do, and what of it a build does
///
/// No script is ever run. Each command in them that matters is told with its line: what a build does in its place, what
/// it leaves out on purpose and why, and what only running the script would tell.
#[derive(ClapArgs, Debug)]
pub(crate) struct Effects {
    /// The packages
    #[arg(required = true, value_name = "PACKAGE")]
    pub(crate) packages: Vec<String>,
    /// Tell of the packages that these depend on as well
    #[arg(long)]
    pub(crate) dependencies: bool,
    /// The Debian suite [default: the recipe's, else trixie]
    #[arg(long)]
    pub(crate) suite: Option<String>,
    /// Take archives, suite and platform from this recipe, or from the folder of its bareboat.toml
    #[arg(short = 'f', long = "recipe")]
    pub(crate) recipe: Option<PathBuf>,
    /// The platform, such as linux/arm64 [default: the recipe's first, else this machine's]
    #[arg(long, value_name = "OS/ARCH")]
    pub(crate) platform: Option<Platform>,
    #[command(flatten)]
    pub(crate) patience: Patience,
}
