//! Reading an image layout, in a folder or in a tar file.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

use bareboat_formats::oci::{Descriptor, Index, REF_NAME};
use bareboat_model::{Digest, Error, Result, Selector, escape};
use serde::Deserialize;

use super::{INDEX_FILE, blob_path};
use crate::transport::files::Files;
use crate::transport::graph::{Kind, MOST_DOCUMENTS, plain};
use crate::transport::source::{LARGEST_DOCUMENT, MEND, same};
use crate::transport::{DEFAULT_TAG, Source};

/// One image of a layout.
pub(crate) struct LayoutSource {
    files: Files,
    index: Index,
    top: Descriptor,
    attached: OnceLock<Result<BTreeMap<Digest, Vec<Descriptor>>>>,
    /// The bytes that were read to find what is attached.
    searched: AtomicU64,
}

/// The most bytes that are read to find what is attached: an index may list one large blob many times.
const MOST_SEARCHED: u64 = 256 << 20;

/// As many entries of a layout's index are looked at: more than any layout has.
const MOST_ENTRIES: usize = 100_000;

impl LayoutSource {
    /// The image that `name` names; without a name the only one, or `latest`.
    pub(crate) fn open(files: Files, name: Option<&Selector>) -> Result<Self> {
        let index = index(&files)?;
        let top = match name {
            Some(Selector::Digest(digest)) => by_digest(&files, &index, digest)?,
            Some(Selector::Tag(tag)) => by_tag(&index, tag).cloned().ok_or_else(|| has_no(&index, tag))?,
            None => unnamed(&index)?,
        };
        Ok(Self { files, index, top, attached: OnceLock::new(), searched: AtomicU64::new(0) })
    }

    /// The image with this descriptor.
    pub(crate) fn at(files: Files, index: Index, top: Descriptor) -> Self {
        Self { files, index, top, attached: OnceLock::new(), searched: AtomicU64::new(0) }
    }
}

/// The index of all images in it, if there is one.
pub(in crate::transport) fn index_if_there(files: &Files) -> Result<Option<Index>> {
    files.document(INDEX_FILE)?.map(|bytes| Index::parse(&bytes)).transpose()
}

/// The index of all images in it.
pub(super) fn index(files: &Files) -> Result<Index> {
    let missing = || Error::new(format!("there is no `{INDEX_FILE}`, so it is no OCI layout"));
    index_if_there(files)?.ok_or_else(missing)
}

fn tag_of(one: &Descriptor) -> Option<&str> {
    one.annotations.get(REF_NAME).map(String::as_str)
}

fn by_tag<'a>(index: &'a Index, tag: &str) -> Option<&'a Descriptor> {
    index.manifests.iter().find(|one| tag_of(one) == Some(tag))
}

/// The only one, `latest`, or the only one with a tag: attachments have none.
fn unnamed(index: &Index) -> Result<Descriptor> {
    if let [only] = &index.manifests[..] {
        return Ok(only.clone());
    }
    if let Some(latest) = by_tag(index, DEFAULT_TAG) {
        return Ok(latest.clone());
    }
    let tagged: Vec<&Descriptor> = index.manifests.iter().filter(|one| tag_of(one).is_some()).collect();
    match &tagged[..] {
        [only] => Ok((*only).clone()),
        _ => Err(has_no(index, DEFAULT_TAG)),
    }
}

/// Nothing in the layout has this tag.
pub(super) fn has_no(index: &Index, tag: &str) -> Error {
    let tags: Vec<String> = index.manifests.iter().filter_map(tag_of).map(escape).collect();
    match (tags.is_empty(), index.manifests.is_empty()) {
        (true, true) => Error::new("there is no image in it"),
        (true, false) => Error::new(format!("it has no tag `{}`, nor any other", escape(tag)))
            .with_hint("name the image by its digest: oci:DIR@sha256:… (bareboat list oci:DIR tells them)"),
        _ => Error::new(format!("it has no tag `{}`, expected one of: {}", escape(tag), tags.join(", "))),
    }
}

/// The image with this digest, also if it is one of an index's.
fn by_digest(files: &Files, index: &Index, digest: &Digest) -> Result<Descriptor> {
    let mut todo: Vec<Descriptor> = index.manifests.iter().rev().cloned().collect();
    let mut seen = BTreeSet::new();
    while let Some(one) = todo.pop() {
        if one.digest == *digest {
            return Ok(one);
        }
        if !seen.insert(one.digest)
            || seen.len() > MOST_DOCUMENTS
            || Kind::of(&one.media_type)? != Kind::Index
        {
            continue;
        }
        if todo.len() > MOST_ENTRIES {
            return Err(Error::new(format!("its indexes have more than {MOST_ENTRIES} entries")));
        }
        // An image of which only a part is there is still good for that part.
        if let Ok(bytes) = document(files, &one) {
            todo.extend(Index::parse(&bytes)?.manifests);
        }
    }
    Err(Error::new(format!("it has no image {digest}")))
}

fn missing(path: &str) -> Error {
    Error::new(format!("`{path}` is missing")).with_hint(MEND)
}

fn document(files: &Files, wanted: &Descriptor) -> Result<Vec<u8>> {
    let path = blob_path(&wanted.digest);
    // What has another length is not read: an index may say of one large blob as often as it likes that it is a document.
    if let Some(size) = files.size(&path)
        && size != wanted.size
        && size <= LARGEST_DOCUMENT
    {
        let (wanted, digest) = (wanted.size, wanted.digest);
        return Err(Error::new(format!(
            "it is damaged: expected {digest} of {wanted} bytes, found {size} bytes"
        ))
        .with_hint(MEND));
    }
    let bytes = files.document(&path)?.ok_or_else(|| missing(&path))?;
    same(wanted, &Digest::of(&bytes), bytes.len() as u64).map(|()| bytes)
}

/// What a manifest refers to.
#[derive(Deserialize)]
struct Referring {
    #[serde(default)]
    subject: Option<Descriptor>,
}

impl LayoutSource {
    /// The entries of the index that refer to something, by what that is. What cannot be read refers to nothing.
    fn attached(&self) -> Result<&BTreeMap<Digest, Vec<Descriptor>>> {
        self.attached.get_or_init(|| self.find_attached()).as_ref().map_err(Clone::clone)
    }

    fn find_attached(&self) -> Result<BTreeMap<Digest, Vec<Descriptor>>> {
        let mut attached: BTreeMap<Digest, Vec<Descriptor>> = BTreeMap::new();
        let mut seen = BTreeSet::new();
        let entries = self.index.manifests.iter().filter(|one| one.size <= LARGEST_DOCUMENT);
        for one in entries.take(MOST_ENTRIES) {
            if !seen.insert(one.digest) {
                continue;
            }
            self.search(one)?;
            let bytes = self.document(one).unwrap_or_default();
            let subject = serde_json::from_slice::<Referring>(&bytes).ok().and_then(|one| one.subject);
            if let Some(subject) = subject {
                attached.entry(subject.digest).or_default().push(one.clone());
            }
        }
        Ok(attached)
    }

    /// Counts a document that is about to be read.
    fn search(&self, one: &Descriptor) -> Result<()> {
        if self.searched.fetch_add(one.size, Ordering::Relaxed).saturating_add(one.size) <= MOST_SEARCHED {
            return Ok(());
        }
        Err(Error::new(format!(
            "to find what is attached, more than {MOST_SEARCHED} bytes would have to be read"
        )))
    }
}

impl Source for LayoutSource {
    fn top(&self) -> Result<Descriptor> {
        Ok(plain(&self.top))
    }

    fn document(&self, wanted: &Descriptor) -> Result<Vec<u8>> {
        document(&self.files, wanted)
    }

    fn open(&self, blob: &Descriptor, offset: u64) -> Result<Box<dyn Read + Send>> {
        let path = blob_path(&blob.digest);
        let (reader, size) = self.files.open(&path, offset)?.ok_or_else(|| missing(&path))?;
        if size != blob.size {
            return Err(Error::new(format!(
                "`{path}` is damaged: expected {} bytes, found {size}",
                blob.size
            ))
            .with_hint(MEND));
        }
        Ok(reader)
    }

    /// A layout has no list of them: they stand in its index, and name their subject themselves. Those that older
    /// registry clients keep under a tag made of the digest count as well.
    fn referrers(&self, of: &Digest, _kind: Option<&str>) -> Result<Vec<Descriptor>> {
        let tag = of.to_string().replace(':', "-");
        let mut found = self.attached()?.get(of).cloned().unwrap_or_default();
        if let Some(list) = by_tag(&self.index, &tag) {
            self.search(list)?;
            found.extend(Index::parse(&self.document(list)?)?.manifests);
        }
        Ok(found)
    }
}
