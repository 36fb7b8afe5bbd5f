//! What is attached to an image: signatures, lists of parts, records of builds.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::io::Read;

use bareboat_formats::oci::{Descriptor, Index, Manifest};
use bareboat_model::{Context, Digest, Error, HashingReader, Result};

use super::Source;
use super::graph::{Kind, document};
use super::source::{LARGEST_DOCUMENT, same};

/// Nobody attaches more to one image; a registry may say what it likes.
const MOST: usize = 10_000;

/// The most bytes of all their manifests together.
const MOST_BYTES: u64 = 64 << 20;

/// The largest blob that is read whole. Lists of parts of large images have some ten megabytes.
const LARGEST_BLOB: u64 = 64 << 20;

/// BuildKit's annotations of attestations that stand in an index beside the images (its `docs/attestations`).
const BUILDKIT_TYPE: &str = "vnd.docker.reference.type";
const BUILDKIT_SUBJECT: &str = "vnd.docker.reference.digest";

/// Something that is attached to an image, or to what is attached to it.
#[derive(Clone, PartialEq, Debug)]
pub struct Attached {
    /// Its manifest.
    pub manifest: Descriptor,
    /// What it is attached to.
    pub subject: Digest,
    /// What kind of thing it is: its artifact type, else the type of its config.
    pub kind: String,
    /// Free words about it.
    pub annotations: BTreeMap<String, String>,
    /// Its contents.
    pub blobs: Vec<Descriptor>,
    /// Whether it stands in the image's index, as BuildKit has it, and does not name a subject.
    pub in_index: bool,
    /// Why its manifest could not be read, if so: kind, annotations and contents are then what its descriptor says.
    pub unread: Option<String>,
}

/// What is attached to the image that `source` has, to the images in its index, and to what is attached to these; by what it is
/// attached to. With an artifact type, only what has that, and is attached to the image or to what has it, too: a registry asked
/// for it does not tell of the others.
///
/// # Errors
/// When it cannot be told, or there is more than anybody attaches.
pub fn attachments(source: &dyn Source, kind: Option<&str>) -> Result<Vec<Attached>> {
    let top = source.top()?;
    let mut found = Found { source, kind, all: Vec::new(), seen: BTreeSet::new(), bytes: 0 };
    let mut waiting = VecDeque::from([top.digest]);
    if Kind::of(&top.media_type)? == Kind::Index {
        for one in Index::parse(&document(source, &top)?)?.manifests {
            match subject_in_index(&one) {
                Some(subject) => drop(found.take(one, subject, true)?),
                None => waiting.push_back(one.digest),
            }
        }
    }
    let mut seen = BTreeSet::new();
    while let Some(subject) = waiting.pop_front() {
        if !seen.insert(subject) {
            continue;
        }
        for one in source.referrers(&subject, kind)? {
            waiting.extend(found.take(one, subject, false)?);
        }
    }
    Ok(found.all)
}

/// What was found until now, each thing once.
struct Found<'a> {
    source: &'a dyn Source,
    kind: Option<&'a str>,
    all: Vec<Attached>,
    seen: BTreeSet<(Digest, Option<Digest>)>,
    bytes: u64,
}

impl Found<'_> {
    /// Reads it, and hands its digest back if it is new, and of the kind that is looked for.
    fn take(&mut self, one: Descriptor, subject: Digest, in_index: bool) -> Result<Option<Digest>> {
        // A manifest names one subject, so what a registry lists again for another is no other. In an index, one may
        // stand for several images.
        if !self.seen.insert((one.digest, in_index.then_some(subject))) {
            return Ok(None);
        }
        if self.seen.len() > MOST {
            return Err(Error::new(format!("more than {MOST} things are attached to it")));
        }
        // One that is too large is not read.
        self.bytes += Some(one.size).filter(|size| *size <= LARGEST_DOCUMENT).unwrap_or(0);
        if self.bytes > MOST_BYTES {
            return Err(Error::new(format!(
                "what is attached to it has more than {MOST_BYTES} bytes of manifests"
            )));
        }
        let digest = one.digest;
        let attached = read(self.source, one, subject, in_index);
        if self.kind.is_some_and(|kind| kind != attached.kind) {
            return Ok(None);
        }
        self.all.push(attached);
        Ok(Some(digest))
    }
}

fn subject_in_index(one: &Descriptor) -> Option<Digest> {
    one.annotations.get(BUILDKIT_TYPE)?;
    one.annotations.get(BUILDKIT_SUBJECT)?.parse().ok()
}

fn read(source: &dyn Source, one: Descriptor, subject: Digest, in_index: bool) -> Attached {
    let said = one.extra.get("artifactType").and_then(|kind| kind.as_str()).unwrap_or(&one.media_type);
    let mut attached = Attached {
        subject,
        kind: said.to_owned(),
        annotations: one.annotations.clone(),
        blobs: Vec::new(),
        in_index,
        unread: None,
        manifest: one,
    };
    match document(source, &attached.manifest).and_then(|bytes| Manifest::parse(&bytes)) {
        Ok(manifest) => {
            attached.kind = manifest.artifact_type().to_owned();
            attached.annotations.extend(manifest.annotations);
            attached.blobs = manifest.layers;
        }
        Err(error) => attached.unread = Some(error.to_string()),
    }
    attached
}

/// A blob of an attachment, verified.
///
/// # Errors
/// When it is missing, not what its descriptor says, or too large.
pub fn attached_blob(source: &dyn Source, blob: &Descriptor) -> Result<Vec<u8>> {
    let read = || {
        if blob.size > LARGEST_BLOB {
            return Err(Error::new(format!("it has {} bytes, at most {LARGEST_BLOB} are read", blob.size)));
        }
        let mut reader = HashingReader::new(source.open(blob, 0)?);
        let mut bytes = Vec::new();
        (&mut reader).take(blob.size.saturating_add(1)).read_to_end(&mut bytes)?;
        let (found, size) = reader.finish();
        same(blob, &found, size).map(|()| bytes)
    };
    read().context(|| format!("cannot read blob {}", blob.digest))
}
