//! What can be said on the command line.

use std::ffi::OsString;
use std::path::PathBuf;

use bareboat_build::recipe::{DEFAULT_SUITE, LibraryName};
use bareboat_io::store::Store;
use bareboat_io::transport::AnyPlatform;
use bareboat_model::{Error, Location, Platform};
use bareboat_sandbox::{Mount, Network};
use clap::{Args as ClapArgs, Parser, Subcommand, ValueEnum};

use crate::inspect::Inspect;

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
                  Exit codes: 0 done, 1 the answer is no (a test failed, a budget was not kept, images differ),\n\
                  2 it could not be done (input or environment), 3 a bug in bareboat;\n\
                  bareboat run ends as the program that it runs.")]
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
    #[arg(long = "format", global = true, value_enum, default_value_t = Written::Text, value_name = "FORMAT")]
    pub(crate) written: Written,
    /// The same for the commands that know only two ways; see [`Args::settle`]
    #[arg(skip)]
    pub(crate) format: Format,
}

/// Where things are kept, and how they may be got.
#[derive(ClapArgs, Debug)]
pub(crate) struct Place {
    /// The folder for downloads and finished layers (`bareboat cache` shows it); it may be deleted at any time
    /// [env: BAREBOAT_CACHE] [default: bareboat in the user's cache folder, such as ~/.cache/bareboat]
    #[arg(long, global = true, value_name = "DIR")]
    pub(crate) cache: Option<PathBuf>,
    /// Use no network: everything must be in the cache
    #[arg(long, global = true)]
    pub(crate) offline: bool,
    /// Speak to registries without encryption (HTTP); to those of this machine that know no TLS it is done anyway
    #[arg(long, global = true)]
    pub(crate) plain_http: bool,
    /// How many threads work [default: one a processor]
    #[arg(long, global = true, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=512))]
    pub(crate) threads: Option<u16>,
}

impl Place {
    /// The cache that all commands share.
    ///
    /// # Errors
    /// When no folder for it can be found or used.
    pub(crate) fn store(&self) -> Result<Store, Error> {
        Store::open(self.cache.clone().map_or_else(Store::default_dir, Ok)?)
    }

    /// How many threads work.
    pub(crate) fn threads(&self) -> usize {
        let processors = || std::thread::available_parallelism().map_or(1, usize::from);
        self.threads.map_or_else(processors, usize::from)
    }
}

/// How long mirrors are waited for.
#[derive(ClapArgs, Debug)]
pub(crate) struct Patience {
    /// Give up on a mirror that sends nothing for so long [env: BAREBOAT_TIMEOUT] [default: 30]
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..=3600))]
    pub(crate) timeout: Option<u64>,
}

/// With the hint, which clap knows nothing of.
fn output(text: &str) -> Result<Location, String> {
    crate::image::output(text).map_err(told)
}

pub(crate) fn platform(text: &str) -> Result<AnyPlatform, String> {
    text.parse().map_err(told)
}

pub(crate) fn told(error: Error) -> String {
    match error.hint() {
        Some(hint) => format!("{error}; {hint}"),
        None => error.to_string(),
    }
}

/// How an answer is written.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub(crate) enum Written {
    /// For people
    Text,
    /// For programs: one object, with its schema's name
    Json,
    /// For a comment on a pull request; only diff
    Markdown,
}

/// The ways that all commands know.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) enum Format {
    /// For people
    #[default]
    Text,
    /// For programs
    Json,
}

impl Args {
    /// Refuses what clap cannot know: a way to write answers that the command has not.
    ///
    /// # Errors
    /// When the command cannot answer that way.
    pub(crate) fn settle(mut self) -> Result<Self, Error> {
        self.story.format = match self.story.written {
            Written::Json => Format::Json,
            Written::Markdown if !matches!(self.command, Command::Diff(_)) => {
                return Err(Error::new("cannot answer in Markdown: only `bareboat diff` does")
                    .with_hint("say --format text or --format json"));
            }
            Written::Text | Written::Markdown => Format::Text,
        };
        Ok(self)
    }
}

#[derive(Subcommand, Debug)]
pub(crate) enum Command {
    Build(Build),
    Lock(Lock),
    Update(Update),
    Catalog(Catalog),
    Effects(Effects),
    Run(Run),
    Test(Test),
    Inspect(Box<Inspect>),
    Copy(Copy),
    Pull(Pull),
    Push(Push),
    Cache(Cache),
    Diff(Diff),
    Referrers(Referrers),
    List(List),
    Tag(Tag),
    Delete(Delete),
    Login(Login),
    Logout(Logout),
}

/// List what is attached to an image: signatures, records of builds, lists of parts
///
/// What refers to the image, to the images in its index, and to what is attached to these; and what BuildKit puts into the
/// index. bareboat copy --with-referrers takes them along; bareboat build --provenance attaches a record.
#[derive(ClapArgs, Debug)]
pub(crate) struct Referrers {
    /// The image
    pub(crate) image: String,
    /// Show the content of one, by its digest or the first digits of it
    #[arg(long, value_name = "DIGEST")]
    pub(crate) cat: Option<String>,
    #[command(flatten)]
    pub(crate) patience: Patience,
}

/// Tell what differs between two images: files, packages, settings, layers and sizes
///
/// Files of packages that came, went or moved are summed up with the package, folders that came or went as a whole are one
/// line. Layers that both images have are read once, and what was seen in a layer is kept for the next time.
#[derive(ClapArgs, Debug)]
pub(crate) struct Diff {
    /// The image before
    pub(crate) before: String,
    /// The image after
    pub(crate) after: String,
    /// Leave out what a program in the images cannot tell: dates, histories, the order and packing of layers
    #[arg(long)]
    pub(crate) semantic: bool,
    /// Show the lines that differ in this one file, links followed
    #[arg(long, value_name = "PATH")]
    pub(crate) file: Option<String>,
    /// Tell everything, each path by itself
    #[arg(long, conflicts_with = "file")]
    pub(crate) all: bool,
    /// Exit with code 1 when the images differ
    #[arg(long)]
    pub(crate) exit_code: bool,
    /// The platform to compare, such as linux/arm/v7 [default: this machine's, or the only one]
    #[arg(long, value_name = "OS/ARCH[/VARIANT]", value_parser = platform)]
    pub(crate) platform: Option<AnyPlatform>,
    #[command(flatten)]
    pub(crate) patience: Patience,
}

/// List the tags of a repository, or the images of a layout
#[derive(ClapArgs, Debug)]
pub(crate) struct List {
    /// The repository: HOST/REPOSITORY; or oci:DIR, or the name of what was built here
    pub(crate) repository: String,
    /// List what is there for other images, too: attachments, and the tags (sha256-…) of their lists
    #[arg(long)]
    pub(crate) all: bool,
    #[command(flatten)]
    pub(crate) patience: Patience,
}

/// Give an image more tags, where it is
///
/// Only the manifest is sent again, under the new name; no layer moves. A tag that another image has goes over to this one.
#[derive(ClapArgs, Debug)]
pub(crate) struct Tag {
    /// The image: HOST/REPOSITORY[:TAG][@DIGEST], oci:DIR[:TAG], or the name of one built here
    pub(crate) image: String,
    /// The new tags, in the same repository or layout
    #[arg(required = true, value_name = "NEWTAG")]
    pub(crate) tags: Vec<String>,
    #[command(flatten)]
    pub(crate) patience: Patience,
}

/// Delete a tag, or an image by its digest
///
/// By digest, all tags of the image go with it. Not every registry allows either.
#[derive(ClapArgs, Debug)]
pub(crate) struct Delete {
    /// What to delete: HOST/REPOSITORY:TAG, HOST/REPOSITORY@DIGEST, oci:DIR:TAG or oci:DIR@DIGEST
    #[arg(value_name = "REF")]
    pub(crate) image: String,
    #[command(flatten)]
    pub(crate) patience: Patience,
}

/// Log in to a registry
///
/// The registry is asked first. Name and password are kept where docker, podman and skopeo look for them: in the file that
/// REGISTRY_AUTH_FILE names, else in Docker's config.json, or with the helper that this file names.
#[derive(ClapArgs, Debug)]
pub(crate) struct Login {
    /// The registry: HOST[:PORT]
    pub(crate) registry: String,
    /// The name [default: ask]
    #[arg(short, long = "username", alias = "user", value_name = "NAME")]
    pub(crate) user: Option<String>,
    /// Known of other tools, and refused: whoever lists processes could read it
    #[arg(short, long, hide = true, value_name = "PASSWORD")]
    pub(crate) password: Option<String>,
    /// Read the password from standard input, up to the end
    #[arg(long, requires = "user")]
    pub(crate) password_stdin: bool,
    #[command(flatten)]
    pub(crate) patience: Patience,
}

/// Forget the password for a registry
#[derive(ClapArgs, Debug)]
pub(crate) struct Logout {
    /// The registry: HOST[:PORT]
    pub(crate) registry: String,
}

/// Copy an image from one place to another, as it is
///
/// Places are written oci:DIR[:TAG], oci-archive:FILE[:TAG], docker-archive:FILE[:REF], docker-daemon:REF and
/// HOST/REPOSITORY[:TAG]. Nothing is unpacked or packed, so all digests stay; what the destination has is not sent again; the
/// name appears when everything is there. A layout keeps its other images, an archive that is there is replaced. What was broken off goes on where it ended when it is run again.
#[derive(ClapArgs, Debug)]
pub(crate) struct Copy {
    /// The image: by its transport, or the name of one built here
    #[arg(value_name = "SRC")]
    pub(crate) from: String,
    /// Where it goes
    #[arg(value_name = "DST")]
    pub(crate) to: String,
    #[command(flatten)]
    pub(crate) what: What,
}

/// Fetch an image from a registry
#[derive(ClapArgs, Debug)]
pub(crate) struct Pull {
    /// The image: HOST/REPOSITORY[:TAG][@DIGEST]
    #[arg(value_name = "REF")]
    pub(crate) from: String,
    /// Where it goes [default: oci:.bareboat/NAME:TAG, where the other commands find it as NAME:TAG; an image there that did not
    /// come from the same repository stays]
    #[arg(value_name = "DST")]
    pub(crate) to: Option<String>,
    #[command(flatten)]
    pub(crate) what: What,
}

/// Send an image to a registry
#[derive(ClapArgs, Debug)]
#[command(override_usage = "bareboat push [OPTIONS] [SRC] <REF>")]
pub(crate) struct Push {
    /// The image [default: the one that was built here], and where it goes: HOST/REPOSITORY[:TAG]
    #[arg(value_name = "SRC REF", required = true, num_args = 1..=2)]
    pub(crate) images: Vec<String>,
    #[command(flatten)]
    pub(crate) what: What,
}

/// What of an image is copied.
#[derive(ClapArgs, Debug)]
pub(crate) struct What {
    /// The platform to copy, such as linux/arm/v7 [default: this machine's, or the only one]
    #[arg(long, value_name = "OS/ARCH[/VARIANT]", value_parser = platform)]
    pub(crate) platform: Option<AnyPlatform>,
    /// Copy all platforms, under the index that they are in
    #[arg(long, conflicts_with = "platform")]
    pub(crate) all_platforms: bool,
    /// Copy what is attached to the image, too: signatures, SBOMs, attestations
    #[arg(long)]
    pub(crate) with_referrers: bool,
    /// Keep all digests, as is always done
    #[arg(long, hide = true)]
    pub(crate) preserve_digests: bool,
    #[command(flatten)]
    pub(crate) patience: Patience,
}

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

/// Test an image with container-structure-test's files, without an engine
///
/// Files, contents, licences and metadata are looked up in the image; commands run in a sandbox, each test on a fresh
/// copy of the image that it may write to. The files may be of schema 2.0.0 or 1.0.0. Exit code 1 says that a test failed.
#[derive(ClapArgs, Debug)]
#[command(override_usage = "bareboat test [OPTIONS] <IMAGE> --config <FILE>...")]
pub(crate) struct Test {
    /// The image: NAME of one that was built here, oci:DIR[:TAG], oci-archive:FILE[:TAG], docker-archive:FILE[:REF],
    /// docker-daemon:REF, or HOST/REPOSITORY[:TAG]
    pub(crate) image: String,
    /// The test files, YAML or JSON
    #[arg(short, long = "config", value_name = "FILE", required = true, num_args = 1..)]
    pub(crate) config: Vec<PathBuf>,
    /// Write the results to a file as JUnit XML, too
    #[arg(long, value_name = "FILE")]
    pub(crate) junit: Option<PathBuf>,
    /// The platform to test, such as linux/arm64 [default: this machine's]
    #[arg(long, value_name = "OS/ARCH")]
    pub(crate) platform: Option<Platform>,
    /// End a command that runs for so long, and take the test as failed
    #[arg(long, value_name = "SECONDS", default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..=86400))]
    pub(crate) timeout: u64,
    /// What commands can reach
    #[arg(long, value_enum, default_value_t = NetworkChoice::None)]
    pub(crate) network: NetworkChoice,
    /// Give test files what they name of this machine: bindMounts, envFile and envVars of containerRunOptions.
    /// Only for files that you trust
    #[arg(long)]
    pub(crate) allow_host: bool,
}

/// Run an image here: without a daemon, without root, its root read-only
///
/// The program sees the image's files, a /tmp of its own, what is mounted into it, and nothing else of this machine; it
/// has no capability and cannot get one. What it leaves running ends with it. Its exit code is bareboat's own: 128 and the
/// number of the signal that ended it, 124 after --timeout, 2 if it could not be run.
#[derive(ClapArgs, Debug)]
pub(crate) struct Run {
    /// The image: NAME of one that was built here, oci:DIR[:TAG], oci-archive:FILE[:TAG], docker-archive:FILE[:REF],
    /// docker-daemon:REF, or HOST/REPOSITORY[:TAG]
    pub(crate) image: String,
    /// In place of the image's arguments; its entrypoint stays
    #[arg(last = true, value_name = "ARGS")]
    pub(crate) args: Vec<OsString>,
    /// Set a variable of the environment; NAME alone passes on this machine's; may be repeated
    #[arg(short, long = "env", value_name = "NAME=VALUE", value_parser = crate::run::parse_env)]
    pub(crate) env: Vec<(String, Option<OsString>)>,
    /// Run as this user, by name or number, with an optional :GROUP [default: the image's]
    #[arg(short, long, value_name = "USER[:GROUP]")]
    pub(crate) user: Option<String>,
    /// Start in this directory [default: the image's]
    #[arg(short, long, value_name = "PATH")]
    pub(crate) workdir: Option<String>,
    /// Run this program in place of the image's entrypoint and arguments
    #[arg(long, value_name = "PROGRAM")]
    pub(crate) entrypoint: Option<OsString>,
    /// Show a file or folder of this machine at a path in the image; may be repeated
    #[arg(long = "mount", value_name = "HOST:PATH[:ro]", value_parser = crate::run::parse_mount)]
    pub(crate) mounts: Vec<Mount>,
    /// What the program can reach
    #[arg(long, value_enum, default_value_t = NetworkChoice::None)]
    pub(crate) network: NetworkChoice,
    /// Let the program change its root; what it changes is kept in memory, and gone at the end
    #[arg(long)]
    pub(crate) writable: bool,
    /// End the program when it runs for longer
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..=86_400))]
    pub(crate) timeout: Option<u64>,
    /// The platform to run for, where the image has several [default: this machine's]
    #[arg(long, value_name = "OS/ARCH")]
    pub(crate) platform: Option<Platform>,
}

/// What a program can reach.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub(crate) enum NetworkChoice {
    /// Itself, on a loopback interface of its own
    None,
    /// All that this machine can reach, and this machine itself
    Host,
}

impl From<NetworkChoice> for Network {
    fn from(choice: NetworkChoice) -> Self {
        match choice {
            NetworkChoice::None => Self::None,
            NetworkChoice::Host => Self::Host,
        }
    }
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

/// Show what is in the cache, or make room there
///
/// All commands share one cache: packages, layers, manifests, and what was made of them. Anything in it may be removed at
/// any time; what is needed again is fetched or made again.
#[derive(ClapArgs, Debug)]
pub(crate) struct Cache {
    #[command(subcommand)]
    pub(crate) action: Option<CacheAction>,
}

#[derive(Subcommand, Debug)]
pub(crate) enum CacheAction {
    /// Remove what was not used for long, the longest unused first
    ///
    /// What running commands use stays. Uses are noted once a day.
    Gc {
        /// Keep what was used in the last days [default: 30, without --max-size]
        #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(0..=36_500))]
        keep_days: Option<u32>,
        /// Keep no more than this, such as 10GB
        #[arg(long, value_name = "SIZE", value_parser = crate::cache::parse_bytes)]
        max_size: Option<crate::cache::Bytes>,
        /// Say what would be removed, and remove nothing
        #[arg(long)]
        dry_run: bool,
    },
    /// Read all blobs, name what is damaged and remove it; exit code 1 if anything was
    ///
    /// What is made of blobs, such as unpacked roots and lists of files, is not read: `cache clear` removes it, and it is made again.
    Verify,
    /// Remove everything that no running command may need
    Clear,
}
