//! What can be said on the command line.

use std::path::PathBuf;

use bareboat_model::{Error, Output, Platform};
use clap::{Args as ClapArgs, Parser, Subcommand, ValueEnum};

/// Container images that hold a program and what it needs, and nothing else.
///
/// Write a recipe (bareboat.toml), run `bareboat build`, and get an OCI image of Debian packages and your own
/// files: no daemon, no root, no Dockerfile, and the same digest every time.
#[derive(Parser, Debug)]
#[command(name = "bareboat", version, propagate_version = true, max_term_width = 100)]
#[command(after_help = "A first recipe, bareboat.toml:\n\n    \
                  name = \"hello\"\n    \
                  base = \"python3\"\n    \
                  image.entrypoint = [\"/usr/bin/python3\", \"/app/main.py\"]\n    \
                  files = [{ from = \"main.py\", to = \"/app/\" }]\n\n\
                  Exit codes: 0 done, 2 it could not be done (input or environment), 3 a bug in bareboat.")]
pub(crate) struct Args {
    #[command(flatten)]
    pub(crate) story: Story,
    #[command(flatten)]
    pub(crate) place: Place,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// How much is told.
#[derive(ClapArgs, Debug)]
pub(crate) struct Story {
    /// Tell what is done as it is done
    #[arg(short, long, global = true)]
    pub(crate) verbose: bool,
    /// Tell only errors and the answer
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    pub(crate) quiet: bool,
    /// How the answer is written
    #[arg(long, global = true, value_enum, default_value_t = Format::Text)]
    pub(crate) format: Format,
}

/// Where things are kept, and how they may be got.
#[derive(ClapArgs, Debug)]
pub(crate) struct Place {
    /// The folder for downloads and finished layers; it may be deleted at any time
    /// [env: BAREBOAT_CACHE] [default: bareboat in the user's cache folder, such as ~/.cache/bareboat]
    #[arg(long, global = true, value_name = "DIR")]
    pub(crate) cache: Option<PathBuf>,
    /// Use no network: everything must be in the cache
    #[arg(long, global = true)]
    pub(crate) offline: bool,
    /// How many threads work [default: one a processor]
    #[arg(long, global = true, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=512))]
    pub(crate) threads: Option<u16>,
    /// Give up on a mirror that sends nothing for so long [env: BAREBOAT_TIMEOUT] [default: 30]
    #[arg(long, global = true, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..=3600))]
    pub(crate) timeout: Option<u64>,
}

/// With the hint, which clap knows nothing of.
fn output(text: &str) -> Result<Output, String> {
    text.parse().map_err(|error: Error| match error.hint() {
        Some(hint) => format!("{error}; {hint}"),
        None => error.to_string(),
    })
}

/// How an answer is written.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub(crate) enum Format {
    /// For people
    Text,
    /// For programs: one object, with its schema's name
    Json,
}

#[derive(Subcommand, Debug)]
pub(crate) enum Command {
    Build(Build),
    Lock(Lock),
    Update(Update),
    Effects(Effects),
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
    /// Where the image goes: oci:DIR[:TAG], oci-archive:FILE[:TAG], docker-archive:FILE[:REF]; may be repeated
    /// [default: oci:.bareboat/NAME beside the recipe]
    #[arg(short, long = "output", value_name = "TRANSPORT", value_parser = output)]
    pub(crate) outputs: Vec<Output>,
    /// The platform to build for, such as linux/arm64; may be repeated [default: the recipe's, else this machine's]
    #[arg(long = "platform", value_name = "OS/ARCH", value_delimiter = ',')]
    pub(crate) platforms: Vec<Platform>,
    /// Refuse to write the lock: it must satisfy the recipe as it is
    #[arg(long)]
    pub(crate) locked: bool,
    /// Do not run the recipe's steps
    #[arg(long)]
    pub(crate) no_steps: bool,
    /// Build nothing; say why a package (by name) or a path (from /) is in the image
    #[arg(long, value_name = "PACKAGE|PATH")]
    pub(crate) explain: Option<String>,
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
}
