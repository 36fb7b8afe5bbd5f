//! What can be said on the command line.

mod build;
mod images;
mod registries;
mod run;

use std::path::PathBuf;

use bareboat_io::store::Store;
use bareboat_io::transport::AnyPlatform;
use bareboat_model::{Error, Location};
use clap::{Args as ClapArgs, Parser, Subcommand, ValueEnum};

pub(crate) use build::{Build, Catalog, Effects, Lock, Update};
pub(crate) use images::{Cache, CacheAction, Copy, Diff, Pull, Push, Referrers, What};
pub(crate) use registries::{Delete, List, Login, Logout, Tag};
pub(crate) use run::{Run, Test};

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

/// Above the options that all commands have.
const GLOBAL: &str = "Options of all commands";

/// How much is told.
#[derive(ClapArgs, Debug)]
#[command(next_help_heading = GLOBAL)]
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
#[command(next_help_heading = GLOBAL)]
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
    /// Make a request that failed for the moment so many times again [env: BAREBOAT_RETRIES] [default: 3]
    #[arg(long, global = true, value_name = "N", value_parser = clap::value_parser!(u32).range(0..=100))]
    pub(crate) retries: Option<u32>,
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

/// How long mirrors and registries are waited for. Programs have a time limit of the same name (`run`, `test`): there, the
/// environment alone says it.
#[derive(ClapArgs, Debug)]
pub(crate) struct Patience {
    /// Give up on a mirror or registry that sends nothing for so long [env: BAREBOAT_TIMEOUT] [default: 30]
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
    /// For a comment on a pull request. Only diff can, and its own help says so; the help of this option is every command's
    #[value(hide = true)]
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
    Diff(Diff),
    Copy(Copy),
    Pull(Pull),
    Push(Push),
    List(List),
    Tag(Tag),
    Delete(Delete),
    Referrers(Referrers),
    Login(Login),
    Logout(Logout),
    Cache(Cache),
}
