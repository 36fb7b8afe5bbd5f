//! `bareboat build`.

use bareboat_build::pipeline::{self, BuildRequest, Workshop};

use crate::args::{Args, Build, Format};
use crate::output::{Failure, answer, answer_json};
use crate::summary;
use crate::terminal::Terminal;

pub(crate) fn run(command: &Build, args: &Args, terminal: &Terminal) -> Result<(), Failure> {
    let workshop = workshop(args, terminal)?;
    let request = BuildRequest {
        recipe: command.recipe.clone(),
        outputs: command.outputs.clone(),
        platforms: command.platforms.clone(),
        locked: command.locked,
        steps: !command.no_steps,
    };
    if let Some(what) = &command.explain {
        let explanation = pipeline::explain(&workshop, &request, what)?;
        return match args.story.format {
            Format::Text => answer(&summary::explanation(&explanation)),
            Format::Json => answer_json("bareboat.explain/1", &explanation),
        };
    }
    let built = pipeline::build(&workshop, &request)?;
    terminal.finish();
    match args.story.format {
        Format::Text => answer(&summary::of_build(&built, args.story.quiet, args.story.verbose)),
        Format::Json => answer_json("bareboat.build/1", &built),
    }
}

/// Opens the cache and makes ready for the network, as the command line says.
pub(crate) fn workshop<'a>(args: &Args, terminal: &'a Terminal) -> Result<Workshop<'a>, Failure> {
    let place = &args.place;
    let threads = place.threads.map(usize::from);
    Ok(Workshop::open(place.cache.as_deref(), place.offline, place.timeout, threads, terminal)?)
}
