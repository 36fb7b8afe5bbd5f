//! Everything that belongs to an image: its manifests and indexes, and the blobs that they name.

use std::collections::{BTreeMap, BTreeSet};

use bareboat_formats::oci::{self, Descriptor, Index, Manifest};
use bareboat_model::{Context, Digest, Error, Result, escape};
use serde::Deserialize;

use super::Source;
use super::platforms::{self, Choice, Chosen};

/// How many indexes may be nested: an index of an index is legal and rare.
pub(super) const DEEPEST: usize = 8;

/// The most manifests and indexes of one image. The largest that are published have some 50 platforms, each with an
/// attestation.
pub(super) const MOST_DOCUMENTS: usize = 2000;

/// The most bytes of all of them together: they are in memory at once.
const MOST_BYTES: usize = 64 << 20;

/// Docker's manifests before version 2.2, whose layers have no sizes.
const SCHEMA_1: [&str; 2] = [
    "application/vnd.docker.distribution.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.v1+prettyjws",
];

/// What a document is, by its media type.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Kind {
    Index,
    Manifest,
    /// Anything else: copied as a blob if an index has it.
    Other,
}

impl Kind {
    /// # Errors
    /// When it is of a kind that is known, and of no use.
    pub(super) fn of(media_type: &str) -> Result<Self> {
        match media_type {
            oci::INDEX | oci::DOCKER_MANIFEST_LIST => Ok(Self::Index),
            oci::MANIFEST | oci::DOCKER_MANIFEST => Ok(Self::Manifest),
            old if SCHEMA_1.contains(&old) => {
                Err(Error::new("it is a Docker manifest of schema 1, which engines no longer read either")
                    .with_hint("push the image again with a current engine"))
            }
            _ => Ok(Self::Other),
        }
    }
}

/// Layers that their owner does not let others hand out (layer.md, "Non-Distributable Layers"; Docker's word is foreign), and that
/// are to be had from him. One without addresses is where the image is or nowhere: it is a layer like others.
pub(super) fn is_foreign(layer: &Descriptor) -> bool {
    let is_kept = layer.media_type.starts_with("application/vnd.oci.image.layer.nondistributable.")
        || layer.media_type.starts_with("application/vnd.docker.image.rootfs.foreign.");
    let urls = layer.extra.get("urls").and_then(|urls| urls.as_array());
    is_kept && urls.is_some_and(|urls| !urls.is_empty())
}

/// An image with all that is to be copied of it.
#[derive(Debug)]
pub struct Graph {
    /// What is named at the destination.
    pub top: Descriptor,
    /// Manifests and indexes as bytes, each once, what is named before what names it; the top is the last of the image's
    /// own. Attachments come before it.
    pub documents: Vec<(Descriptor, Vec<u8>)>,
    /// The blobs that they name, each once.
    pub blobs: Vec<Descriptor>,
    /// The manifests of images among the documents.
    pub(super) manifests: Vec<(Descriptor, Manifest)>,
    /// Documents that nothing of the image names: attachments.
    pub attachments: Vec<Descriptor>,
    /// Which of several platforms this is, if not all of them.
    pub of_several: Option<Chosen>,
}

impl Graph {
    /// What is to be copied of `source`.
    ///
    /// # Errors
    /// When a document is missing, damaged or no image's, or there is nothing for the platform.
    pub fn of(source: &dyn Source, choice: &Choice, with_referrers: bool) -> Result<Self> {
        let top = source.top()?;
        let (chosen, of_several) = platforms::choose(source, &top, choice)?;
        let mut walk = Walk::new(source);
        walk.document(&chosen, &mut Vec::new())?;
        if with_referrers {
            walk.attachments()?;
        }
        Ok(Graph { of_several, ..walk.finish(chosen) })
    }

    /// The only image, for where no more than one fits.
    pub(super) fn only(&self) -> Result<&(Descriptor, Manifest)> {
        match &self.manifests[..] {
            [one] if self.top.digest == one.0.digest => Ok(one),
            many => Err(Error::new(format!(
                "an engine takes one image at a time, and this has {} under an index",
                many.len()
            ))
            .with_hint("choose one with --platform, or write to oci: or oci-archive:")),
        }
    }

    /// Whether the image is named by a document of Docker's own kind.
    pub(super) fn is_dockers(&self) -> bool {
        [oci::DOCKER_MANIFEST, oci::DOCKER_MANIFEST_LIST].contains(&self.top.media_type.as_str())
    }

    /// The bytes of all blobs.
    pub fn size(&self) -> u64 {
        self.blobs.iter().fold(0, |sum, blob| sum.saturating_add(blob.size))
    }
}

struct Walk<'a> {
    source: &'a dyn Source,
    seen: BTreeSet<Digest>,
    bytes: usize,
    documents: Vec<(Descriptor, Vec<u8>)>,
    blobs: BTreeMap<Digest, Descriptor>,
    manifests: Vec<(Descriptor, Manifest)>,
    attachments: Vec<Descriptor>,
}

impl<'a> Walk<'a> {
    fn new(source: &'a dyn Source) -> Self {
        Self {
            source,
            seen: BTreeSet::new(),
            bytes: 0,
            documents: Vec::new(),
            blobs: BTreeMap::new(),
            manifests: Vec::new(),
            attachments: Vec::new(),
        }
    }

    fn finish(self, top: Descriptor) -> Graph {
        let Self { documents, blobs, manifests, attachments, .. } = self;
        // The top gets its name, and that is the last thing to be done.
        let (last, others): (Vec<_>, Vec<_>) =
            documents.into_iter().partition(|(one, _)| one.digest == top.digest);
        let documents = others.into_iter().chain(last).collect();
        let blobs = blobs.into_values().collect();
        Graph { top, documents, blobs, manifests, attachments, of_several: None }
    }

    /// Walks one document; `above` are those that it is in.
    fn document(&mut self, wanted: &Descriptor, above: &mut Vec<Digest>) -> Result<()> {
        if above.contains(&wanted.digest) {
            return Err(Error::new(format!("index {} holds itself", wanted.digest)));
        }
        if !self.seen.insert(wanted.digest) {
            return Ok(());
        }
        if self.seen.len() > MOST_DOCUMENTS {
            return Err(Error::new(format!("it has more than {MOST_DOCUMENTS} manifests")));
        }
        if above.len() > DEEPEST {
            return Err(Error::new(format!("its indexes are nested deeper than {DEEPEST}")));
        }
        let kind = Kind::of(&wanted.media_type)?;
        if kind == Kind::Other {
            return match above.is_empty() {
                true => Err(no_image(wanted)),
                false => self.blob(wanted),
            };
        }
        let bytes = document(self.source, wanted)?;
        self.bytes += bytes.len();
        if self.bytes > MOST_BYTES {
            return Err(Error::new(format!("its manifests have more than {MOST_BYTES} bytes")));
        }
        if kind == Kind::Index {
            let index = Index::parse(&bytes)?;
            self.prepare(&index.manifests)?;
            above.push(wanted.digest);
            index.manifests.iter().try_for_each(|one| self.document(one, above))?;
            above.pop();
        } else {
            let manifest = Manifest::parse(&bytes)?;
            self.blob(&manifest.config)?;
            manifest
                .layers
                .iter()
                .filter(|layer| !is_foreign(layer))
                .try_for_each(|layer| self.blob(layer))?;
            self.manifests.push((plain(wanted), manifest));
        }
        self.documents.push((plain(wanted), bytes));
        Ok(())
    }

    /// Lets the source fetch several documents at once, if they are not more than may be.
    fn prepare(&self, listed: &[Descriptor]) -> Result<()> {
        let mut room = MOST_BYTES.saturating_sub(self.bytes) as u64;
        let is_next = |one: &&Descriptor| {
            let is_document = Kind::of(&one.media_type).is_ok_and(|kind| kind != Kind::Other);
            is_document && !self.seen.contains(&one.digest)
        };
        let fits = |one: &&Descriptor| room.checked_sub(one.size).map(|left| room = left).is_some();
        let most = MOST_DOCUMENTS.saturating_sub(self.seen.len());
        let next: Vec<_> = listed.iter().filter(is_next).take(most).take_while(fits).map(plain).collect();
        self.source.prepare(&next)
    }

    fn blob(&mut self, blob: &Descriptor) -> Result<()> {
        let known = self.blobs.entry(blob.digest).or_insert_with(|| plain(blob));
        if known.size == blob.size {
            return Ok(());
        }
        Err(Error::new(format!("{} is said to have {} and {} bytes", blob.digest, known.size, blob.size)))
    }

    /// What refers to the documents, and what refers to that.
    fn attachments(&mut self) -> Result<()> {
        let mut next = 0;
        while let Some((subject, _)) = self.documents.get(next) {
            let subject = subject.digest;
            let attached = self.source.referrers(&subject, None)?;
            self.prepare(&attached).context(|| format!("cannot read what is attached to {subject}"))?;
            for attachment in attached {
                if self.seen.contains(&attachment.digest) {
                    continue;
                }
                self.document(&attachment, &mut Vec::new())
                    .context(|| format!("cannot read what is attached to {subject}"))?;
                self.attachments.push(attachment);
            }
            next += 1;
        }
        Ok(())
    }
}

/// What a document calls itself.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Outline {
    media_type: Option<String>,
}

/// A document, with what reading it failed for. One that calls itself something else than whoever names it does is refused:
/// two readers would take it for two images (CVE-2021-41190).
pub(super) fn document(source: &dyn Source, wanted: &Descriptor) -> Result<Vec<u8>> {
    let read = || {
        super::source::check_size(wanted)?;
        let bytes = source.document(wanted)?;
        let outline = serde_json::from_slice::<Outline>(&bytes).ok();
        match outline.and_then(|outline| outline.media_type) {
            Some(own) if own != wanted.media_type => Err(Error::new(format!(
                "it calls itself `{}`, expected `{}`",
                escape(&own),
                escape(&wanted.media_type)
            ))),
            _ => Ok(bytes),
        }
    };
    read().context(|| format!("cannot read manifest {}", wanted.digest))
}

pub(super) fn no_image(wanted: &Descriptor) -> Error {
    Error::new(format!("it is a `{}`, expected an image", escape(&wanted.media_type)))
}

/// The descriptor alone, without what the one place where it stood said of it.
pub(super) fn plain(wanted: &Descriptor) -> Descriptor {
    Descriptor::new(wanted.media_type.clone(), wanted.digest, wanted.size)
}
