//! `bareboat delete`.

use bareboat_io::registry::Registry;
use bareboat_io::transport;
use bareboat_model::{Error, Location, Progress as _, Reference, Result, Selector, escape};
use serde::Serialize;

use crate::args::{Args, Delete, Format};
use crate::image::{Harbour, place};
use crate::output::{Failure, answer, answer_json};
use crate::summary::line;
use crate::terminal::Terminal;

/// What JSON says.
#[derive(Serialize)]
struct Deleted {
    repository: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    digest: Option<String>,
    tags: Vec<String>,
}

pub(crate) fn run(command: &Delete, args: &Args, terminal: &Terminal) -> Result<(), Failure> {
    let deleted = match place(&command.image)? {
        Location::Registry(image) => {
            check_is_named(&command.image)?;
            let harbour = Harbour::open(args, command.patience.timeout, terminal)?;
            in_registry(harbour.registry()?, &image, terminal)?
        }
        Location::Oci { dir, name: Some(name) } => {
            let removed = transport::remove_name(&dir, &name, &args.place.store()?)?;
            let whole = matches!(name, Selector::Digest(_));
            Deleted {
                repository: format!("oci:{}", dir.display()),
                digest: whole.then(|| removed.digest.to_string()),
                tags: removed.tags,
            }
        }
        Location::Oci { name: None, .. } => return Err(not_named(&command.image).into()),
        _ => {
            let error =
                format!("cannot delete `{}`: it is in no repository and no layout", escape(&command.image));
            return Err(Error::new(error).into());
        }
    };
    terminal.finish();
    if args.story.format == Format::Json {
        return answer_json("bareboat.delete/1", &deleted);
    }
    let mut text = String::new();
    line(&mut text, "deleted from", &[escape(&deleted.repository)]);
    if let Some(digest) = &deleted.digest {
        line(&mut text, "image", std::slice::from_ref(digest));
    }
    if !deleted.tags.is_empty() {
        line(&mut text, "tags", &deleted.tags.iter().map(|tag| escape(tag)).collect::<Vec<_>>());
    }
    answer(&text)
}

fn in_registry(registry: &Registry, image: &Reference, terminal: &Terminal) -> Result<Deleted> {
    let repository = image.name();
    if let Some(digest) = image.digest() {
        registry.delete_manifest(image)?;
        let list = registry.delete_list(image, &digest).unwrap_or_else(|error| {
            terminal.warn(&format!("the list of what was attached stays: {error}"));
            None
        });
        return Ok(Deleted {
            repository,
            digest: Some(digest.to_string()),
            tags: list.into_iter().collect(),
        });
    }
    registry.delete_tag(image)?;
    Ok(Deleted { repository, digest: None, tags: image.tag().map(str::to_owned).into_iter().collect() })
}

/// Nobody means `latest` without saying so.
fn check_is_named(text: &str) -> Result<()> {
    let last = text.rsplit('/').next().unwrap_or(text);
    if last.contains([':', '@']) { Ok(()) } else { Err(not_named(text)) }
}

fn not_named(text: &str) -> Error {
    let text = escape(text);
    Error::new(format!("cannot delete `{text}`: it names no tag and no digest"))
        .with_hint(format!("write {text}:TAG or {text}@sha256:…"))
}
