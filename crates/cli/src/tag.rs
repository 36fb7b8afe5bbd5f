//! `bareboat tag`.

use bareboat_io::registry::Registry;
use bareboat_io::transport;
use bareboat_model::{Digest, Error, Location, Reference, Result, Selector, escape};
use serde::Serialize;

use crate::args::{Args, Format, Tag};
use crate::image::{Harbour, place};
use crate::output::{Failure, answer, answer_json};
use crate::summary::line;
use crate::terminal::Terminal;

/// What JSON says.
#[derive(Serialize)]
struct Tagged {
    repository: String,
    digest: Digest,
    tags: Vec<String>,
}

pub(crate) fn run(command: &Tag, args: &Args, terminal: &Terminal) -> Result<(), Failure> {
    // Before anything is asked or written.
    let any: Reference = "any.test/any".parse()?;
    let place = place(&command.image)?;
    let tags: Vec<String> = command.tags.iter().map(|tag| in_same_place(tag, &place)).collect();
    for tag in &tags {
        any.with_tag(tag)?;
    }
    let tagged = match place {
        Location::Registry(image) => {
            let harbour = Harbour::open(args, command.patience.timeout, terminal)?;
            in_registry(harbour.registry()?, &image, &tags)?
        }
        Location::Oci { dir, name } => {
            let top = transport::add_names(&dir, name.as_ref(), &tags, &args.place.store()?)?;
            Tagged { repository: format!("oci:{}", dir.display()), digest: top.digest, tags }
        }
        _ => {
            let error =
                format!("cannot tag `{}`: it is in no repository and no layout", escape(&command.image));
            return Err(Error::new(error).with_hint("bareboat copy writes it under another name").into());
        }
    };
    terminal.finish();
    if args.story.format == Format::Json {
        return answer_json("bareboat.tag/1", &tagged);
    }
    let mut text = String::new();
    line(&mut text, "image", &[escape(&tagged.repository)]);
    line(&mut text, "digest", &[tagged.digest.to_string()]);
    line(&mut text, "tagged", &tagged.tags);
    answer(&text)
}

/// The tag of a whole name, as docker has it, if that is in the same repository or layout as the image.
fn in_same_place(tag: &str, image: &Location) -> String {
    let whole = tag.contains(['/', ':']).then(|| place(tag).ok()).flatten();
    let its = match (whole, image) {
        (Some(Location::Registry(new)), Location::Registry(image))
            if new.name() == image.name() && new.digest().is_none() =>
        {
            new.tag().map(str::to_owned)
        }
        (Some(Location::Oci { dir: new, name: Some(Selector::Tag(name)) }), Location::Oci { dir, .. })
            if new == *dir =>
        {
            Some(name)
        }
        _ => None,
    };
    its.unwrap_or_else(|| tag.to_owned())
}

fn in_registry(registry: &Registry, image: &Reference, tags: &[String]) -> Result<Tagged> {
    registry.will_push(image);
    let (top, bytes) = registry.manifest(image)?;
    for tag in tags {
        registry.push_manifest(&image.with_tag(tag)?, &top.media_type, &bytes)?;
    }
    Ok(Tagged { repository: image.name(), digest: top.digest, tags: tags.to_vec() })
}
