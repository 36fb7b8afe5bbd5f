//! `bareboat copy`, and its short forms `pull` and `push`.

use std::path::Path;

use bareboat_io::transport::{self, Choice, Copied, CopyOptions};
use bareboat_model::{Error, Location, Reference, Result, Selector, escape};
use serde::Serialize;

use crate::args::{Args, Copy, Format, Pull, Push, What};
use crate::image::{BUILT, Harbour, explain, is_name, output, place};
use crate::output::{Failure, answer, answer_json};
use crate::summary::{count, line, size};
use crate::terminal::Terminal;

/// What `copy`, `pull` and `push` answer.
#[derive(Serialize)]
struct Answer {
    from: String,
    to: String,
    digest: String,
    media_type: String,
    /// The one that was taken of several.
    #[serde(skip_serializing_if = "Option::is_none")]
    platform: Option<Taken>,
    manifests: usize,
    attachments: usize,
    moved: Amount,
    skipped: Amount,
    mounted: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    replaced: Option<String>,
}

#[derive(Serialize)]
struct Taken {
    name: String,
    of: usize,
}

#[derive(Serialize)]
struct Amount {
    blobs: usize,
    bytes: u64,
}

pub(crate) fn copy(command: &Copy, args: &Args, terminal: &Terminal) -> Result<(), Failure> {
    let from = place(&command.from)?;
    let to = output(&command.to).map_err(|error| not_a_place(error, &command.to))?;
    run(&command.from, &from, &to, None, (&command.what, Choice::Natural), args, terminal)
}

pub(crate) fn pull(command: &Pull, args: &Args, terminal: &Terminal) -> Result<(), Failure> {
    // Not one that was built here, and may have the same name.
    let from: Location = command.from.parse()?;
    let Location::Registry(reference) = &from else {
        return Err(Error::new(format!("cannot pull `{from}`: it is in no registry"))
            .with_hint("bareboat copy reads all transports")
            .into());
    };
    let (to, pulled_from) = match &command.to {
        Some(to) => (output(to).map_err(|error| not_a_place(error, to))?, None),
        None => (beside(reference)?, Some(reference.name())),
    };
    run(&command.from, &from, &to, pulled_from, (&command.what, Choice::Natural), args, terminal)
}

pub(crate) fn push(command: &Push, args: &Args, terminal: &Terminal) -> Result<(), Failure> {
    let (from, to) = match &command.images[..] {
        [to] => (built(to)?, to),
        [from, to, ..] => (from.clone(), to),
        [] => return Err(Error::new("name where to push to").into()),
    };
    let to = match to.parse::<Location>() {
        Ok(place @ Location::Registry(_)) => place,
        Ok(_) => {
            let error = format!("cannot push to `{}`: it is in no registry", escape(to));
            return Err(Error::new(error).with_hint("bareboat copy writes to all transports").into());
        }
        Err(error) => return Err(not_a_place(error, to).into()),
    };
    // What was built is sent, with the digest that the build told.
    run(&from, &place(&from)?, &to, None, (&command.what, Choice::All), args, terminal)
}

fn not_a_place(error: Error, to: &str) -> Error {
    error.context(format!("cannot write to `{}`", escape(to)))
}

/// Where a pulled image goes if nobody says: beside those that are built here, under its last name.
fn beside(reference: &Reference) -> Result<Location> {
    let name = reference.repository().rsplit('/').next().unwrap_or_default();
    let dir = Path::new(BUILT).join(name);
    // The folder may have come with somebody else's files.
    if let Some(link) = [Path::new(BUILT), &dir].into_iter().find(|path| path.is_symlink()) {
        return Err(Error::new(format!("cannot write to `{}`: it is a link", link.display()))
            .with_hint("remove it, or say where the image goes"));
    }
    let name = reference.tag().map(|tag| Selector::Tag(tag.to_owned()));
    Ok(Location::Oci { dir, name })
}

/// The image that was built here and is called as the one in the registry; or else the only one.
fn built(to: &str) -> Result<String> {
    let mut names: Vec<String> = std::fs::read_dir(BUILT)
        .into_iter()
        .flatten()
        .flatten()
        .filter(|entry| entry.path().join("index.json").is_file())
        .filter_map(|entry| entry.file_name().into_string().ok())
        .filter(|name| is_name(name))
        .collect();
    names.sort();
    let wanted = to.parse::<Reference>().ok();
    let wanted = wanted.as_ref().and_then(|it| it.repository().rsplit('/').next());
    match (&names[..], names.iter().find(|name| Some(name.as_str()) == wanted)) {
        (_, Some(name)) | ([name], None) => Ok(name.clone()),
        ([], None) => Err(Error::new(format!("cannot push to `{}`: no image was built here", escape(to)))
            .with_hint("name the image: bareboat push IMAGE REGISTRY/REPOSITORY:TAG")),
        _ => Err(Error::new(format!("cannot push to `{}`: which image? {}", escape(to), names.join(", ")))
            .with_hint("name it: bareboat push IMAGE REGISTRY/REPOSITORY:TAG")),
    }
}

fn run(
    named: &str,
    from: &Location,
    to: &Location,
    pulled_from: Option<String>,
    (what, unless_said): (&What, Choice),
    args: &Args,
    terminal: &Terminal,
) -> Result<(), Failure> {
    let harbour = Harbour::open(args, what.patience.timeout, terminal)?;
    let choice = match &what.platform {
        _ if what.all_platforms => Choice::All,
        Some(platform) => Choice::For(platform.clone()),
        None => unless_said,
    };
    let options = CopyOptions { choice, with_referrers: what.with_referrers, pulled_from };
    let copied = transport::copy_between(from, to, &options, &harbour.outside(terminal))
        .map_err(|error| explain(error, named, from))?;
    terminal.finish();
    match args.story.format {
        Format::Text => answer(&text(&copied, from, to, args.story.quiet)),
        Format::Json => answer_json("bareboat.copy/1", &json(&copied, from, to)),
    }
}

fn text(copied: &Copied, from: &Location, to: &Location, quiet: bool) -> String {
    if quiet {
        return format!("{}\n", copied.top.digest);
    }
    let mut text = String::new();
    let amount = |(blobs, bytes): (usize, u64)| format!("{}, {}", count(blobs as u64, "blob"), size(bytes));
    line(&mut text, "copied", &[escape(&from.to_string())]);
    line(&mut text, "to", &[escape(&to.to_string())]);
    line(&mut text, "digest", &[copied.top.digest.to_string()]);
    if let Some(Taken { name, of }) = taken(copied) {
        line(&mut text, "platform", &[format!("{}, 1 of {of} (--all-platforms takes all)", escape(&name))]);
    }
    if let Some(before) = copied.replaced {
        line(&mut text, "before", &[before.to_string()]);
    }
    if copied.attachments > 0 {
        line(&mut text, "attached", &[count(copied.attachments as u64, "manifest")]);
    }
    line(&mut text, "moved", &[amount(copied.moved)]);
    if copied.skipped.0 > 0 {
        let mounted = match copied.mounted {
            0 => String::new(),
            mounted => format!(" ({mounted} mounted)"),
        };
        line(&mut text, "there", &[format!("{}{mounted}", amount(copied.skipped))]);
    }
    text
}

fn taken(copied: &Copied) -> Option<Taken> {
    let chosen = copied.of_several.as_ref()?;
    let name = chosen.platform.as_ref().map_or("unknown".to_owned(), ToString::to_string);
    Some(Taken { name, of: chosen.of })
}

fn json(copied: &Copied, from: &Location, to: &Location) -> Answer {
    let amount = |(blobs, bytes): (usize, u64)| Amount { blobs, bytes };
    Answer {
        from: from.to_string(),
        to: to.to_string(),
        digest: copied.top.digest.to_string(),
        media_type: copied.top.media_type.clone(),
        platform: taken(copied),
        manifests: copied.documents,
        attachments: copied.attachments,
        moved: amount(copied.moved),
        skipped: amount(copied.skipped),
        mounted: copied.mounted,
        replaced: copied.replaced.map(|before| before.to_string()),
    }
}
