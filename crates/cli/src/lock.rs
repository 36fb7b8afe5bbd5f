//! `bareboat lock`.

use bareboat_build::pipeline::{self, BuildRequest};

use crate::args::{Args, Format, Lock};
use crate::build::{explain, workshop};
use crate::output::{Failure, answer, answer_json};
use crate::summary;
use crate::terminal::Terminal;

pub(crate) fn run(command: &Lock, args: &Args, terminal: &Terminal) -> Result<(), Failure> {
    let workshop = workshop(args, &command.patience, terminal)?;
    let request = BuildRequest {
        recipe: command.recipe.clone(),
        outputs: Vec::new(),
        platforms: command.platforms.clone(),
        locked: command.locked,
        steps: false,
        allow_missing: Default::default(),
        provenance: false,
    };
    if let Some(what) = &command.explain {
        return explain(&workshop, &request, what, args.story.format);
    }
    let locked = pipeline::lock(&workshop, &request)?;
    terminal.finish();
    match args.story.format {
        Format::Text => answer(&summary::of_lock(&locked, "locked")),
        Format::Json => answer_json("bareboat.lock/1", &locked),
    }
}
