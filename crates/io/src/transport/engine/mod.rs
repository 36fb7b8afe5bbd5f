//! Docker's engine, and Podman's that speaks as Docker's does: images through its socket.
//!
//! An engine hands out and takes what `docker save` writes and `docker load` reads, and nothing else.

mod client;
mod socket;

use bareboat_model::{Context, Error, Result, escape};

use super::docker_archive::{self, check, full_reference};
use super::files::Files;
use super::stored::Stored;
use super::tarball;
use super::{Destination, Graph, Outside, Source, Work};

pub(super) use client::Engine;

/// The image that the engine calls `reference`: saved into a file of the store's, and read from there.
pub(super) fn open(engine: &Engine, reference: &str, outside: &Outside<'_>) -> Result<Box<dyn Source>> {
    let mut scratch = outside.store.scratch()?;
    let bar = outside.progress.begin(&format!("saving {} from the engine", escape(reference)), None);
    engine.save(reference, &mut scratch)?;
    drop(bar);
    docker_archive::open(Files::unnamed(scratch.as_file())?, None)
        .context(|| format!("cannot read what the engine at `{}` sends", engine.place()))
}

/// A name in an engine.
pub(super) struct EngineDestination {
    engine: Engine,
    reference: String,
}

impl EngineDestination {
    pub(super) fn new(engine: Engine, reference: &str) -> Result<Self> {
        if reference.starts_with("sha256:") {
            return Err(
                Error::new("an ID is no name to give an image").with_hint("write docker-daemon:NAME:TAG")
            );
        }
        Ok(Self { engine, reference: full_reference(reference) })
    }
}

impl Destination for EngineDestination {
    fn check(&self, graph: &Graph) -> Result<()> {
        check(graph)
    }

    fn holds_attachments(&self) -> bool {
        false
    }

    fn write(&self, graph: &Graph, source: &dyn Source, work: &Work<'_>) -> Result<()> {
        let (_, manifest) = graph.only()?;
        // An engine's ID is the config's digest; where containerd keeps the images, the manifest's.
        let ids = [manifest.config.digest.to_string(), graph.top.digest.to_string()];
        if self.engine.id(&self.reference)?.is_some_and(|id| ids.contains(&id)) {
            graph.blobs.iter().for_each(|blob| work.tally.skipped(blob));
            return Ok(());
        }
        let mut scratch = work.store.scratch()?;
        let mut write = |source: &dyn Source| {
            tarball::write_to(&mut scratch, |tar| {
                docker_archive::fill(tar, &self.reference, graph, source, work)
            })
        };
        match source.is_far() {
            true => write(&Stored::with(source, &graph.blobs, work)?)?,
            false => write(source)?,
        }
        let _bar = work.progress.begin(&format!("loading {} into the engine", self.reference), None);
        self.engine.load(scratch.as_file())
    }
}
