//! Where images are: OCI layouts, tar files for OCI and Docker, an engine, registries; and how they get from one to another.
//!
//! A [`Source`] is what can be read, a [`Destination`] what can be written, one of each for every transport. [`copy`] walks
//! what belongs to an image ([`Graph`]) and hands it to the destination, which takes the blobs, the documents, and the
//! name last. Documents travel as bytes: nobody writes them anew, so all digests stay.

mod attachments;
mod built;
mod copy;
mod destination;
mod docker_archive;
mod each;
mod engine;
mod files;
mod foreign;
mod graph;
mod image;
mod layout;
mod oci_archive;
mod part;
mod platforms;
mod registries;
mod registry;
mod sniff;
mod source;
mod stored;
mod tarball;
#[cfg(test)]
mod tests;

use std::path::Path;

use bareboat_model::{Context, Error, Location, Progress, Result, Selector};

pub use attachments::{Attached, attached_blob, attachments};
/// A platform that an image may be for, also one that cannot be built for.
pub use bareboat_formats::oci::Platform as AnyPlatform;
pub use built::{Attachment, BuiltImage, ImageSet, holds_attachments, write, write_with};
pub use copy::{Copied, CopyOptions, copy, copy_between};
pub use destination::{Destination, Tally, Work};
pub use docker_archive::saved_names;
pub use graph::Graph;
pub use image::{Found, Image, open, top_document};
pub use layout::{Named, Removed, add_names, archive_names, is_of_attachments, names, remove_name};
pub use platforms::{Choice, Chosen};
pub use registries::Registries;
pub use sniff::sniff;
pub use source::{MEND, Source};

use crate::http::Http;
use crate::store::Store;
use docker_archive::DockerArchiveDestination;
use engine::{Engine, EngineDestination};
use files::Files;
use layout::{LayoutDestination, LayoutSource};
use oci_archive::OciArchiveDestination;
use registry::{RegistryDestination, RegistrySource};

/// The tag of an image whose output names none, as every other tool has it.
const DEFAULT_TAG: &str = "latest";

/// What images are read and written with.
#[derive(Clone, Copy)]
pub struct Outside<'a> {
    /// The cache.
    pub store: &'a Store,
    /// Registries.
    pub registries: &'a Registries,
    /// The network, for layers that are in no registry.
    pub http: &'a Http,
    /// How many blobs are on their way at once.
    pub threads: usize,
    /// Whoever watches.
    pub progress: &'a dyn Progress,
}

impl<'a> Outside<'a> {
    fn work(&self) -> Work<'a> {
        let Self { store, threads, progress, .. } = *self;
        Work { store, threads, progress, tally: Tally::default(), pulled_from: None }
    }
}

/// Opens what is at `location`, to be read.
///
/// # Errors
/// When there is no such image.
pub fn source<'a>(location: &Location, outside: &Outside<'a>) -> Result<Box<dyn Source + 'a>> {
    if let Location::Registry(reference) = location {
        // Its errors name the image themselves.
        return Ok(Box::new(RegistrySource::open(reference, outside)?));
    }
    near(location, outside).context(|| format!("cannot read the image `{location}`"))
}

/// An image on this machine.
fn near<'a>(location: &Location, outside: &Outside<'a>) -> Result<Box<dyn Source + 'a>> {
    match location {
        Location::Oci { dir, name } => Ok(Box::new(LayoutSource::open(Files::folder(dir)?, name.as_ref())?)),
        Location::OciArchive { file, name } => {
            Ok(Box::new(LayoutSource::open(Files::archive(file, outside.store)?, name.as_ref())?))
        }
        Location::DockerArchive { file, reference } => {
            docker_archive::open(Files::archive(file, outside.store)?, reference.as_deref())
        }
        Location::Registry(reference) => Ok(Box::new(RegistrySource::open(reference, outside)?)),
        Location::DockerDaemon { reference } => engine::open(&Engine::find()?, reference, outside),
    }
}

/// Opens `location`, to be written. `default_name` is what an engine calls the image if `location` does not say.
///
/// # Errors
/// When nothing can be written there.
pub fn destination<'a>(
    location: &Location,
    outside: &Outside<'a>,
    default_name: &str,
) -> Result<Box<dyn Destination + 'a>> {
    Ok(match location {
        Location::Oci { dir, name } => Box::new(LayoutDestination { dir: dir.clone(), tag: tag(name)? }),
        Location::OciArchive { file, name } => {
            Box::new(OciArchiveDestination { file: file.clone(), tag: tag(name)? })
        }
        Location::DockerArchive { file, reference } => Box::new(DockerArchiveDestination {
            file: file.clone(),
            reference: reference.clone().unwrap_or_else(|| default_name.to_owned()),
        }),
        Location::Registry(reference) => {
            Box::new(RegistryDestination::open(outside.registries.client()?, reference))
        }
        Location::DockerDaemon { reference } => Box::new(EngineDestination::new(Engine::find()?, reference)?),
    })
}

/// Whether `location` can be written at all, as far as that is cheap to know: before somebody works for what cannot be kept.
///
/// # Errors
/// When nobody listens where an engine or a registry should, a file is where a folder must be, or a folder holds other things.
pub fn probe(location: &Location, outside: &Outside<'_>) -> Result<()> {
    let probe = || match location {
        Location::Registry(reference) => {
            let registry = outside.registries.client()?;
            registry.will_push(reference);
            registry.manifest_if_there(reference).map(drop)
        }
        Location::DockerDaemon { reference } => {
            Engine::find()?.id(&docker_archive::full_reference(reference)).map(drop)
        }
        Location::Oci { dir, .. } => {
            check_parent(dir)?;
            layout::check_folder(dir)
        }
        Location::OciArchive { file, .. } | Location::DockerArchive { file, .. } => check_parent(file),
    };
    match location {
        // What goes wrong there says where.
        Location::Registry(_) => probe(),
        _ => probe().context(|| format!("cannot write the image to `{location}`")),
    }
}

fn check_parent(path: &Path) -> Result<()> {
    match path.ancestors().skip(1).find(|folder| folder.exists()) {
        Some(folder) if !folder.is_dir() => {
            Err(Error::new(format!("`{}` is not a folder", folder.display())))
        }
        _ => Ok(()),
    }
}

/// The tag to write under.
fn tag(name: &Option<Selector>) -> Result<String> {
    match name {
        Some(Selector::Tag(tag)) => Ok(tag.clone()),
        None => Ok(DEFAULT_TAG.to_owned()),
        Some(Selector::Digest(_)) => {
            Err(Error::new("a digest is no name to write an image under").with_hint("name a tag: DIR:TAG"))
        }
    }
}
