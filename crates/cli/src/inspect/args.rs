//! What can be said to `bareboat inspect`.

use std::path::{Path, PathBuf};
use std::str::FromStr;

use bareboat_audit::inspect::{Bytes, DiveRules, MostWaste, Rule, Share};
use bareboat_io::files::read_bounded;
use bareboat_io::transport::AnyPlatform;
use bareboat_model::{Context as _, Error, ImagePath, escape};
use clap::Args as ClapArgs;

use crate::args::{Patience, platform, told};

/// With the hint, which clap knows nothing of.
fn of_text<T: FromStr<Err = Error>>(text: &str) -> Result<T, String> {
    text.parse().map_err(told)
}

/// Above what ends with exit code 1 if it is not kept.
const BUDGETS: &str = "Budgets";

/// Look into an image: how it runs, its layers, packages, biggest files and waste
///
/// Waste is what the layers carry and the image does not have: contents that a later layer replaced or removed, without the
/// copy that is still there. A budget that is not kept is told, and ends with exit code 1. What the numbers mean stands in
/// docs/inspect.md.
#[derive(ClapArgs, Debug)]
pub(crate) struct Inspect {
    /// The image: by its transport, or the name of one built here
    pub(crate) image: String,
    /// The platform, such as linux/arm/v7 [default: this machine's, or the only one]
    #[arg(long, value_name = "OS/ARCH[/VARIANT]", value_parser = platform)]
    pub(crate) platform: Option<AnyPlatform>,
    /// List all packages; JSON always does
    #[arg(long)]
    pub(crate) packages: bool,
    /// How many of the biggest files and folders, and of what is wasted, to tell
    #[arg(long, value_name = "N", default_value_t = 10)]
    pub(crate) top: usize,
    /// The image that this one builds on: what it wastes by itself is told apart, and counts for no budget
    #[arg(long, value_name = "IMAGE")]
    pub(crate) base: Option<String>,
    /// Tell dive's numbers, too: just as dive tells them
    #[arg(long)]
    pub(crate) dive: bool,
    /// Allow the contents of all layers at most so many bytes, such as 50MB or 1GiB
    #[arg(long, value_name = "SIZE", help_heading = BUDGETS, value_parser = of_text::<Bytes>)]
    pub(crate) max_size: Option<Bytes>,
    /// Allow at most so much waste: bytes, or a part of what the layers carry, such as 5%
    #[arg(long, value_name = "SIZE|PERCENT", help_heading = BUDGETS, value_parser = of_text::<MostWaste>)]
    pub(crate) max_waste: Option<MostWaste>,
    /// Allow at most so many layers
    #[arg(long, value_name = "N", help_heading = BUDGETS)]
    pub(crate) max_layers: Option<usize>,
    /// Draw the files, or those below a path
    #[arg(long, value_name = "PATH", num_args = 0..=1, default_missing_value = "/", value_parser = of_text::<InImage>, group = "instead")]
    pub(crate) tree: Option<InImage>,
    /// How deep to draw
    #[arg(long, value_name = "N", default_value_t = 2, requires = "tree")]
    pub(crate) depth: usize,
    /// Write the bytes of a file as the image has it, links followed
    #[arg(long, value_name = "PATH", value_parser = of_text::<InImage>, group = "instead")]
    pub(crate) cat: Option<InImage>,
    /// Write the manifest as it is: of several platforms the index, or with --platform the one's manifest
    #[arg(long, group = "instead", conflicts_with = "html")]
    pub(crate) raw: bool,
    /// Write the config as it is
    #[arg(long, group = "instead", conflicts_with = "html")]
    pub(crate) config: bool,
    /// Draw it as a page for a browser, in one file: a map of what takes room, by folder, layer, package and waste
    #[arg(long, value_name = "FILE")]
    pub(crate) html: Option<PathBuf>,
    /// Explore it in the terminal: layers at the left, files at the right, with dive's keys
    #[arg(long, group = "instead")]
    pub(crate) tui: bool,
    #[command(flatten)]
    pub(crate) patience: Patience,
    /// Last, as its heading goes on.
    #[command(flatten)]
    pub(crate) judge: DiveJudge,
}

/// dive's rules, for whoever has them already.
#[derive(ClapArgs, Debug)]
#[command(next_help_heading = BUDGETS)]
pub(crate) struct DiveJudge {
    /// Judge as dive --ci does: by the rules in .dive-ci if it is there, by dive's own where they say nothing
    #[arg(long)]
    ci: bool,
    /// The same, by the rules in another file
    #[arg(long, value_name = "FILE")]
    ci_config: Option<PathBuf>,
    /// dive's rule: no less efficiency than this, from 0 to 1, or off
    #[arg(long, value_name = "RATIO", alias = "lowestEfficiency", value_parser = of_text::<Rule<Share>>)]
    lowest_efficiency: Option<Rule<Share>>,
    /// dive's rule: no more wasted bytes, as dive counts them, or off
    #[arg(long, value_name = "SIZE", alias = "highestWastedBytes", value_parser = of_text::<Rule<Bytes>>)]
    highest_wasted_bytes: Option<Rule<Bytes>>,
    /// dive's rule: wasted bytes in parts of all layers but the lowest, from 0 to 1, or off
    #[arg(long, value_name = "RATIO", alias = "highestUserWastedPercent", value_parser = of_text::<Rule<Share>>)]
    highest_user_wasted_percent: Option<Rule<Share>>,
}

/// Where dive looks for its rules.
const DIVES_FILE: &str = ".dive-ci";

/// A file of rules has a few lines.
const MOST_RULES: u64 = 1 << 20;

impl DiveJudge {
    /// What is said on the command line, then what the file says, then what dive does.
    ///
    /// # Errors
    /// When the file cannot be read, or is none of dive's.
    pub(super) fn rules(&self) -> Result<DiveRules, Error> {
        let said = DiveRules {
            lowest_efficiency: self.lowest_efficiency,
            highest_wasted_bytes: self.highest_wasted_bytes,
            highest_user_wasted_percent: self.highest_user_wasted_percent,
        };
        if !self.ci && self.ci_config.is_none() {
            return Ok(said);
        }
        let file = self.ci_config.as_deref().unwrap_or(Path::new(DIVES_FILE));
        let failing = || format!("cannot read `{}`", escape(&file.to_string_lossy()));
        let written = match read_bounded(file, MOST_RULES).context(failing)? {
            Some(bytes) => {
                let text =
                    String::from_utf8(bytes).map_err(|_| Error::new("it is no text")).context(failing)?;
                DiveRules::parse(&text, file)?
            }
            None if self.ci_config.is_some() => {
                return Err(Error::new("there is no such file").context(failing()));
            }
            None => DiveRules::default(),
        };
        Ok(said.or(written).or(DiveRules::USUAL))
    }
}

/// A path in an image, from its root: it can be nowhere else, so the slash may be left out.
#[derive(Clone, Debug)]
pub(crate) struct InImage(pub(crate) ImagePath);

impl FromStr for InImage {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        ImagePath::absolute(&format!("/{}", text.trim_start_matches('/'))).map(Self)
    }
}
