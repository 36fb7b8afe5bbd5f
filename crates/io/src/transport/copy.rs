//! From one place to another: nothing is unpacked, packed or rewritten, so digests stay what they are.

use bareboat_formats::oci::Descriptor;
use bareboat_model::{Context, Digest, Location, Result};

use super::stored::Stored;
use super::{Choice, Chosen, Destination, Graph, Outside, Source, Work, destination, source};

/// What is copied.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct CopyOptions {
    /// Which of the platforms.
    pub choice: Choice,
    /// Whether what is attached to the image comes along: signatures, SBOMs, attestations.
    pub with_referrers: bool,
    /// The repository that is pulled from, where nobody named the destination: a layout notes it with the tag, and does not
    /// take the tag from an image that came otherwise.
    pub pulled_from: Option<String>,
}

/// What was copied.
#[derive(Clone, PartialEq, Debug)]
pub struct Copied {
    /// What the image is at the destination.
    pub top: Descriptor,
    /// Which of several platforms it is, if not all of them.
    pub of_several: Option<Chosen>,
    /// How many manifests and indexes belong to it.
    pub documents: usize,
    /// How many of these are attached.
    pub attachments: usize,
    /// How many blobs were moved, and their bytes.
    pub moved: (usize, u64),
    /// How many were there already, and their bytes.
    pub skipped: (usize, u64),
    /// How many of those the registry took from another of its repositories.
    pub mounted: usize,
    /// The image that had the name before, if another had.
    pub replaced: Option<Digest>,
}

/// Copies the image at `from` to `to`, where its name appears last.
///
/// # Errors
/// When something of it is missing or damaged, the destination cannot hold it, or it cannot be written.
pub fn copy_between(
    from: &Location,
    to: &Location,
    options: &CopyOptions,
    outside: &Outside<'_>,
) -> Result<Copied> {
    let source = source(from, outside)?;
    let copy = || {
        let destination = destination(to, outside, &default_name(from))?;
        // What somebody fetched before need not come again.
        match source.is_far() {
            true => copy(&Stored::new(&*source, outside.store), &*destination, options, outside),
            false => copy(&*source, &*destination, options, outside),
        }
    };
    copy().context(|| format!("cannot copy `{from}` to `{to}`"))
}

/// As [`copy_between`], with both ends open.
///
/// # Errors
/// See there.
pub fn copy(
    source: &dyn Source,
    destination: &dyn Destination,
    options: &CopyOptions,
    outside: &Outside<'_>,
) -> Result<Copied> {
    let mut graph = Graph::of(source, &options.choice, options.with_referrers)?;
    let attached = graph.attachments.len();
    if attached > 0 && !destination.holds_attachments() {
        let (no_place, what) = ("there is no place at the destination for", "attached to the image");
        let number = if attached == 1 { "what is".to_owned() } else { format!("the {attached} things") };
        outside.progress.warn(&format!("{no_place} {number} {what}"));
        graph = Graph::of(source, &options.choice, false)?;
    }
    destination.check(&graph)?;
    // What is pulled without a place is read here and nowhere else.
    if let Some(caveat) = destination.caveat(&graph).filter(|_| options.pulled_from.is_none()) {
        outside.progress.warn(caveat);
    }
    let work = Work { pulled_from: options.pulled_from.clone(), ..outside.work() };
    destination.write(&graph, source, &work)?;
    Ok(Copied {
        top: graph.top.clone(),
        of_several: graph.of_several.clone(),
        documents: graph.documents.len(),
        attachments: graph.attachments.len(),
        moved: work.tally.moves(),
        skipped: work.tally.skips(),
        mounted: work.tally.mounts(),
        replaced: work.tally.replacement().filter(|before| *before != graph.top.digest),
    })
}

/// What an engine calls the image if nobody says: as it is called where it comes from.
fn default_name(from: &Location) -> String {
    let of_path = |path: &std::path::Path| {
        let name = path.file_stem().unwrap_or_default().to_string_lossy().to_lowercase();
        let is_name = |name: &str| name.parse::<bareboat_model::Reference>().is_ok();
        if is_name(&name) { name } else { "image".to_owned() }
    };
    match from {
        Location::Oci { dir, name } => tagged(of_path(dir), name.as_ref()),
        Location::OciArchive { file, name } => tagged(of_path(file), name.as_ref()),
        Location::DockerArchive { file, reference } => reference.clone().unwrap_or_else(|| of_path(file)),
        Location::DockerDaemon { reference } if reference.starts_with("sha256:") => "image".to_owned(),
        Location::DockerDaemon { reference } => reference.clone(),
        Location::Registry(reference) => {
            let name = reference.name();
            let short = name.strip_prefix("docker.io/").unwrap_or(&name);
            let short = short.strip_prefix("library/").unwrap_or(short);
            reference.tag().map_or(short.to_owned(), |tag| format!("{short}:{tag}"))
        }
    }
}

fn tagged(name: String, selector: Option<&bareboat_model::Selector>) -> String {
    match selector {
        Some(bareboat_model::Selector::Tag(tag)) => format!("{name}:{tag}"),
        _ => name,
    }
}
