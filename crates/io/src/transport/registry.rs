//! Registries as sources and destinations.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Read};
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use bareboat_formats::oci::{self, Descriptor};
use bareboat_model::{Bar, Digest, Error, Reference, Result};
use serde::Deserialize;

use super::each::each;
use super::graph::{Kind, document, is_foreign};
use super::source::{LARGEST_DOCUMENT, Verifying};
use super::{Destination, Graph, Outside, Source, Work, stored};
use crate::registry::Registry;
use crate::store::Store;

/// An image in a registry.
pub(super) struct RegistrySource<'a> {
    registry: &'a Registry,
    store: &'a Store,
    reference: Reference,
    top: Descriptor,
    threads: usize,
    /// Manifests are asked for once.
    documents: Mutex<BTreeMap<Digest, Vec<u8>>>,
}

impl<'a> RegistrySource<'a> {
    /// What the reference names. One that is named by its digest and was fetched before needs no network.
    pub(super) fn open(reference: &Reference, outside: &Outside<'a>) -> Result<Self> {
        let store = outside.store;
        let registry = outside.registries.client()?;
        let kept = reference.digest().and_then(|digest| kept(store, &digest));
        let (top, bytes) = match kept {
            Some(kept) => kept,
            None => registry.manifest(reference)?,
        };
        keep(store, &top, &bytes)?;
        let documents = Mutex::new(BTreeMap::from([(top.digest, bytes)]));
        Ok(Self { registry, store, reference: reference.clone(), top, threads: outside.threads, documents })
    }
}

/// What of a document tells what it is.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Outline {
    media_type: Option<String>,
    manifests: Option<serde_json::Value>,
}

/// A document that was fetched before.
fn kept(store: &Store, digest: &Digest) -> Option<(Descriptor, Vec<u8>)> {
    let mut bytes = Vec::new();
    store.open_blob(digest).ok()??.take(LARGEST_DOCUMENT).read_to_end(&mut bytes).ok()?;
    if Digest::of(&bytes) != *digest {
        return None;
    }
    let outline: Outline = serde_json::from_slice(&bytes).ok()?;
    let guessed = if outline.manifests.is_some() { oci::INDEX } else { oci::MANIFEST };
    let media_type = outline.media_type.unwrap_or_else(|| guessed.to_owned());
    Some((Descriptor::of(media_type, &bytes), bytes))
}

fn keep(store: &Store, document: &Descriptor, bytes: &[u8]) -> Result<()> {
    if !store.has_blob(&document.digest, document.size) {
        store.insert_blob(|to| Ok(to.write_all(bytes)?))?;
    }
    Ok(())
}

impl Source for RegistrySource<'_> {
    fn top(&self) -> Result<Descriptor> {
        Ok(self.top.clone())
    }

    fn document(&self, wanted: &Descriptor) -> Result<Vec<u8>> {
        let known = || self.documents.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(bytes) = known().get(&wanted.digest) {
            return Ok(bytes.clone());
        }
        let bytes = match kept(self.store, &wanted.digest) {
            Some((_, bytes)) => bytes,
            None => self.registry.manifest(&self.reference.with_digest(wanted.digest))?.1,
        };
        if bytes.len() as u64 != wanted.size {
            let found = bytes.len();
            return Err(Error::new(format!("it is damaged: expected {} bytes, found {found}", wanted.size)));
        }
        keep(self.store, wanted, &bytes)?;
        known().insert(wanted.digest, bytes.clone());
        Ok(bytes)
    }

    fn prepare(&self, documents: &[Descriptor]) -> Result<()> {
        each(documents, self.threads, |one| document(self, one).map(drop))
    }

    fn open(&self, blob: &Descriptor, offset: u64) -> Result<Box<dyn Read + Send>> {
        match self.store.has_blob(&blob.digest, blob.size) {
            true => stored::open(self.store, blob, offset),
            false => self.registry.open_blob(&self.reference, blob, offset),
        }
    }

    fn fetch(&self, blob: &Descriptor, partial: &Path, bar: &dyn Bar) -> Result<()> {
        self.registry.fetch_blob(&self.reference, blob, partial, bar)
    }

    fn referrers(&self, of: &Digest, kind: Option<&str>) -> Result<Vec<Descriptor>> {
        self.registry.referrers(&self.reference, of, kind)
    }

    fn repository(&self) -> Option<&Reference> {
        Some(&self.reference)
    }

    fn is_far(&self) -> bool {
        true
    }
}

/// A name in a registry.
pub(super) struct RegistryDestination<'a> {
    registry: &'a Registry,
    reference: Reference,
}

impl<'a> RegistryDestination<'a> {
    pub(super) fn open(registry: &'a Registry, reference: &Reference) -> Self {
        registry.will_push(reference);
        Self { registry, reference: reference.clone() }
    }
}

impl Destination for RegistryDestination<'_> {
    fn check(&self, graph: &Graph) -> Result<()> {
        match self.reference.digest() {
            Some(digest) if digest != graph.top.digest => {
                Err(Error::new(format!("the image is {}, and no other can have that name", graph.top.digest))
                    .with_hint("name a tag"))
            }
            _ => Ok(()),
        }
    }

    fn write(&self, graph: &Graph, source: &dyn Source, work: &Work<'_>) -> Result<()> {
        let there = self.documents_there(graph, work)?;
        // A registry takes a manifest only when it has what the manifest names, and keeps that as long as the manifest.
        let of_those: BTreeSet<Digest> = graph
            .manifests
            .iter()
            .filter(|(manifest, _)| there.contains(&manifest.digest))
            .flat_map(|(_, manifest)| manifest.layers.iter().chain([&manifest.config]))
            .filter(|blob| !is_foreign(blob))
            .map(|blob| blob.digest)
            .collect();
        let (known, others): (Vec<_>, Vec<_>) =
            graph.blobs.iter().cloned().partition(|blob| of_those.contains(&blob.digest));
        known.iter().for_each(|blob| work.tally.skipped(blob));
        work.each(&others, |blob| self.put_blob(blob, source, work))?;
        self.put_documents(graph, &there, work)?;
        self.put_top(graph, work)
    }
}

impl RegistryDestination<'_> {
    /// Each is asked for: a registry may have an index without all that is in it.
    fn documents_there(&self, graph: &Graph, work: &Work<'_>) -> Result<BTreeSet<Digest>> {
        let there = Mutex::new(BTreeSet::new());
        let documents: Vec<Descriptor> = graph.documents.iter().map(|(one, _)| one.clone()).collect();
        work.each(&documents, |document| {
            if self.registry.manifest_if_there(&self.reference.with_digest(document.digest))?.is_some() {
                there.lock().unwrap_or_else(PoisonError::into_inner).insert(document.digest);
            }
            Ok(())
        })?;
        Ok(there.into_inner().unwrap_or_else(PoisonError::into_inner))
    }

    /// All but the top: manifests several at once, then what names them, and attachments one after another, for where they
    /// are put on a list under a tag. These are put again even if they are there: the list may have been deleted.
    fn put_documents(&self, graph: &Graph, there: &BTreeSet<Digest>, work: &Work<'_>) -> Result<()> {
        let attached: BTreeSet<Digest> = graph.attachments.iter().map(|one| one.digest).collect();
        let missing: BTreeMap<Digest, &(Descriptor, Vec<u8>)> = graph
            .documents
            .iter()
            .filter(|(one, _)| one.digest != graph.top.digest)
            .filter(|(one, _)| !there.contains(&one.digest) || attached.contains(&one.digest))
            .map(|document| (document.0.digest, document))
            .collect();
        let put = |one: &Descriptor| match missing.get(&one.digest) {
            Some((document, bytes)) => {
                let by_digest = self.reference.with_digest(document.digest);
                self.registry.push_manifest(&by_digest, &document.media_type, bytes).map(drop)
            }
            None => Ok(()),
        };
        let (first, rest): (Vec<_>, Vec<_>) =
            graph.documents.iter().map(|(one, _)| one.clone()).partition(|one| {
                Kind::of(&one.media_type).is_ok_and(|kind| kind == Kind::Manifest)
                    && !attached.contains(&one.digest)
            });
        work.each(&first, put)?;
        rest.iter().try_for_each(put)
    }

    fn put_blob(&self, blob: &Descriptor, source: &dyn Source, work: &Work<'_>) -> Result<()> {
        if self.registry.has_blob(&self.reference, blob)? {
            work.tally.skipped(blob);
            return Ok(());
        }
        let elsewhere = source.repository().filter(|from| {
            from.registry() == self.reference.registry() && from.repository() != self.reference.repository()
        });
        if let Some(from) = elsewhere
            && self.registry.mount_blob(&self.reference, &blob.digest, from)?
        {
            work.tally.mounted(blob);
            return Ok(());
        }
        let bar = work.bar("pushing", blob);
        let pushed = self.registry.push_blob(&self.reference, blob, &|| source.open(blob, 0), &*bar);
        pushed
            .map_err(|error| if source.is_far() { error } else { damage(source, blob).unwrap_or(error) })?;
        work.tally.moved(blob);
        Ok(())
    }

    /// The image's own manifest, under the tag: from then on it has the name.
    fn put_top(&self, graph: &Graph, work: &Work<'_>) -> Result<()> {
        let Some((top, bytes)) = graph.documents.iter().find(|(one, _)| one.digest == graph.top.digest)
        else {
            return Err(Error::new("the image has no manifest"));
        };
        let name = match self.reference.tag() {
            Some(tag) => self.reference.with_tag(tag)?,
            None => self.reference.clone(),
        };
        match self.registry.manifest_if_there(&name)? {
            Some(there) if there.digest == top.digest => return Ok(()),
            Some(before) => work.tally.replaced(before.digest),
            None => {}
        }
        self.registry.push_manifest(&name, &top.media_type, bytes).map(drop)
    }
}

/// Why a registry may have refused a blob: it is not what it should be.
fn damage(source: &dyn Source, blob: &Descriptor) -> Option<Error> {
    let read = || -> Result<()> {
        let mut reader = Verifying::new(source.open(blob, 0)?, blob);
        Ok(io::copy(&mut reader, &mut io::sink()).map(drop)?)
    };
    read().err().map(|error| error.context(format!("cannot copy blob {}", blob.digest)))
}
