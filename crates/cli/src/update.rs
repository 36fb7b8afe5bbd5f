//! `bareboat update`.

use bareboat_build::pipeline;

use crate::args::{Args, Format, Update};
use crate::build::workshop;
use crate::output::{Failure, answer, answer_json};
use crate::summary;
use crate::terminal::Terminal;

pub(crate) fn run(command: &Update, args: &Args, terminal: &Terminal) -> Result<(), Failure> {
    let workshop = workshop(args, &command.patience, terminal)?;
    let updated = pipeline::update(&workshop, &command.recipe, &command.packages, command.dry_run)?;
    terminal.finish();
    match args.story.format {
        Format::Text => {
            answer(&summary::of_lock(&updated, if command.dry_run { "would update" } else { "updated" }))
        }
        Format::Json => answer_json("bareboat.update/1", &updated),
    }
}
