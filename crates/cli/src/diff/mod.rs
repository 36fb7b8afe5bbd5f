//! `bareboat diff`.

mod content;
mod markdown;
mod open;
mod text;
mod words;

use bareboat_audit::diff::{self, Pair, Side};
use bareboat_model::{Digest, ImagePath, escape};
use serde::Serialize;

use crate::args::{Args, Diff, Written};
use crate::image::Harbour;
use crate::layout::columns;
use crate::output::{Failure, answer, answer_json};
use crate::terminal::Terminal;
use open::Opened;

/// The exit code when the images differ and `--exit-code` asks for it.
const DIFFERENT: u8 = 1;

pub(crate) fn run(command: &Diff, args: &Args, terminal: &Terminal) -> Result<(), Failure> {
    let harbour = Harbour::open(args, command.patience.timeout, terminal)?;
    let open = |name: &str| Opened::new(name, command.platform.as_ref(), &harbour, terminal);
    let (before, after) = (open(&command.before)?, open(&command.after)?);
    let differ = match &command.file {
        Some(path) => of_file(command, path, [&before, &after], args, terminal)?,
        None => of_images(command, [&before, &after], args, terminal)?,
    };
    if differ && command.exit_code { Err(Failure::Code(DIFFERENT)) } else { Ok(()) }
}

fn of_images(
    command: &Diff,
    [before, after]: [&Opened<'_>; 2],
    args: &Args,
    terminal: &Terminal,
) -> Result<bool, Failure> {
    let names = [escape(&command.before), escape(&command.after)];
    let names = [names[0].as_str(), names[1].as_str()];
    let indexes = [before.index(), after.index()];
    let platforms = [before.platform(), after.platform()];
    let told = |words: &words::Words, digests: [Digest; 2]| match args.story.written {
        Written::Markdown => answer(&markdown::markdown(names, words)),
        _ => {
            let mut platforms = platforms.iter().cloned();
            let indexes = indexes.map(|index| index.zip(platforms.next()));
            answer(&text::text(names, digests, indexes, words, args.story.quiet, columns()))
        }
    };
    if before.digest() == after.digest() && args.story.written != Written::Json {
        terminal.finish();
        return told(&words::same(&before.digest()), [before.digest(), after.digest()]).map(|()| false);
    }
    // Layers that both have are read once: the first view leaves their listings in the store.
    let threads = args.place.threads();
    let (before_view, after_view) = (before.view(threads, terminal)?, after.view(threads, terminal)?);
    let (before_packages, after_packages) = (before_view.packages(), after_view.packages());
    let side = |opened, view, inventory| Opened::side(opened, view, inventory);
    let (old, new): (Side<'_>, Side<'_>) =
        (side(before, &before_view, &before_packages), side(after, &after_view, &after_packages));
    let found = diff::compare(&old, &new, command.semantic);
    terminal.finish();
    match args.story.written {
        Written::Json => {
            let platforms = platforms.each_ref().map(String::as_str).into();
            let named = Named { images: names.into(), indexes: indexes.into(), platforms, diff: &found };
            answer_json("bareboat.diff/1", &named)?;
        }
        _ => told(&words::words(&found, command.all), [before.digest(), after.digest()])?,
    }
    Ok(!found.equal)
}

/// With the names that the images were called by.
#[derive(Serialize)]
struct Named<'a> {
    images: Pair<&'a str>,
    /// Of the indexes that they were named by; none where one was named by its manifest.
    indexes: Pair<Option<Digest>>,
    platforms: Pair<&'a str>,
    #[serde(flatten)]
    diff: &'a diff::Diff,
}

fn of_file(
    command: &Diff,
    path: &str,
    opened: [&Opened<'_>; 2],
    args: &Args,
    terminal: &Terminal,
) -> Result<bool, Failure> {
    let path = ImagePath::absolute(path)?;
    let threads = args.place.threads();
    let contents = opened.map(|one| one.content(&path, threads, terminal));
    let [before, after] = contents;
    let (before, after) = (before?, after?);
    let names = [escape(&command.before), escape(&command.after)];
    let compared = content::compare(&path, [&names[0], &names[1]], before.as_deref(), after.as_deref())?;
    terminal.finish();
    match args.story.written {
        Written::Json => answer_json("bareboat.diff-file/1", &compared)?,
        Written::Markdown => answer(&markdown::fenced(&compared.diff))?,
        Written::Text => answer(&compared.diff)?,
    }
    Ok(!compared.equal)
}
