//! `bareboat delete`.

use bareboat_io::registry::Registry;
use bareboat_io::transport;
use bareboat_model::{Digest, Error, Location, Progress as _, Reference, Result, Selector, escape};
use serde::Serialize;

use crate::args::{Args, Delete, Format};
use crate::image::{Harbour, place};
use crate::output::{Failure, answer, answer_json};
use crate::summary::line;
use crate::terminal::Terminal;

/// Nobody attaches more to one image.
const MOST_ATTACHED: usize = 1000;

/// What JSON says.
#[derive(Serialize)]
struct Deleted {
    repository: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    digest: Option<String>,
    tags: Vec<String>,
    /// What was attached to the image, and went with it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    attached: Vec<Digest>,
    /// What was attached to the image, and is still there.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    left: Vec<Digest>,
}

pub(crate) fn run(command: &Delete, args: &Args, terminal: &Terminal) -> Result<(), Failure> {
    let deleted = match place(&command.image)? {
        Location::Registry(image) => {
            check_is_named(&command.image)?;
            let harbour = Harbour::open(args, command.patience.timeout, terminal)?;
            in_registry(harbour.registry()?, &image, command.with_referrers, terminal)?
        }
        Location::Oci { dir, name: Some(name) } => {
            let removed = transport::remove_name(&dir, &name, &args.place.store()?)?;
            let whole = matches!(name, Selector::Digest(_));
            Deleted {
                repository: format!("oci:{}", dir.display()),
                digest: whole.then(|| removed.digest.to_string()),
                tags: removed.tags,
                attached: Vec::new(),
                left: Vec::new(),
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
    for (what, all) in [("attached", &deleted.attached), ("left", &deleted.left)] {
        all.iter().for_each(|digest| line(&mut text, what, &[digest.to_string()]));
    }
    if !deleted.left.is_empty() {
        text.push_str("what is left was attached to the image; --with-referrers takes it along\n");
    }
    answer(&text)
}

fn in_registry(
    registry: &Registry,
    image: &Reference,
    with_referrers: bool,
    terminal: &Terminal,
) -> Result<Deleted> {
    let repository = image.name();
    let Some(digest) = image.digest() else {
        registry.delete_tag(image)?;
        let tags = image.tag().map(str::to_owned).into_iter().collect();
        return Ok(Deleted { repository, digest: None, tags, attached: Vec::new(), left: Vec::new() });
    };
    // Before the image goes: where its list lies under a tag, nobody finds them afterwards.
    let referrers = referrers(registry, image, digest).unwrap_or_else(|error| {
        terminal.warn(&format!("it is not known what is attached: {error}"));
        Vec::new()
    });
    let mut tags: Vec<String> = delete_with_list(registry, image, digest, terminal)?.into_iter().collect();
    let (attached, left) = if with_referrers { (referrers, Vec::new()) } else { (Vec::new(), referrers) };
    for one in &attached {
        tags.extend(delete_with_list(registry, &image.with_digest(*one), *one, terminal)?);
    }
    Ok(Deleted { repository, digest: Some(digest.to_string()), tags, attached, left })
}

/// What refers to the image, and what refers to that.
fn referrers(registry: &Registry, image: &Reference, digest: Digest) -> Result<Vec<Digest>> {
    let mut all = vec![digest];
    let mut next = 0;
    while let Some(of) = all.get(next).copied() {
        for one in registry.referrers(image, &of, None)? {
            if !all.contains(&one.digest) {
                all.push(one.digest);
            }
        }
        if all.len() > MOST_ATTACHED {
            return Err(Error::new(format!("there are more than {MOST_ATTACHED} things")));
        }
        next += 1;
    }
    Ok(all.split_off(1))
}

/// Deletes a manifest, and the list of what refers to it where that lies under a tag. Gives that tag.
fn delete_with_list(
    registry: &Registry,
    image: &Reference,
    digest: Digest,
    terminal: &Terminal,
) -> Result<Option<String>> {
    registry.delete_manifest(image)?;
    Ok(registry.delete_list(image, &digest).unwrap_or_else(|error| {
        terminal.warn(&format!("the list of what was attached stays: {error}"));
        None
    }))
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
