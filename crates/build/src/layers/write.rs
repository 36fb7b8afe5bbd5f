//! A layer's bytes: a deterministic tar, compressed; made once for what it holds, and then found again.
//!
//! The store remembers layers by a digest over all that decides their bytes: each path with its metadata and
//! the digest of its content, the compression, and the version of this format. So a build in which nothing
//! changed reads no content at all.

use std::collections::BTreeMap;
use std::io::{self, Write};

use bareboat_formats::compress::{LayerCompression, layer_encoder};
use bareboat_formats::oci::Descriptor;
use bareboat_formats::tar::{Entry, EntryKind, Writer};
use bareboat_io::store::Store;
use bareboat_model::{
    Bar, Context, Digest, Error, Hasher, HashingWriter, ImagePath, Progress, Result, Silent,
};
use serde::{Deserialize, Serialize};

use super::plan::LayerPlan;
use crate::tree::{Content, ContentReader, Kind, LinkGroup, Node, Tree, Xattrs};

/// Changes whenever the same tree gives other bytes; see docs/format.md.
const FORMAT: &str = "layer-1";

/// A finished layer, in the store.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Layer {
    /// Media type, digest and size of the compressed layer.
    pub descriptor: Descriptor,
    /// The digest of the tar inside.
    pub diff_id: Digest,
    /// The size of the tar inside, in bytes.
    pub unpacked: u64,
    /// Whether it was found in the store, made earlier.
    #[serde(skip)]
    pub reused: bool,
}

/// How layers are written.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// gzip or zstd, with a level.
    pub compression: LayerCompression,
    /// No file is dated later than this: SOURCE_DATE_EPOCH.
    pub newest: Option<i64>,
    /// The date of all directories. Directories are shared between layers, so no package's date is theirs.
    pub directories: i64,
    /// How many threads compress. The bytes do not depend on it.
    pub threads: usize,
}

/// Writes the layers that `plans` describe into the store, or finds them there. Each comes with its title.
///
/// # Errors
/// When a content cannot be read or is no longer what it was, or the store cannot be written.
pub fn write(
    tree: &Tree,
    plans: Vec<LayerPlan>,
    settings: &Settings,
    store: &Store,
    progress: &dyn Progress,
) -> Result<Vec<(String, Layer)>> {
    let layers: Vec<Wanted<'_>> = plans.iter().map(|plan| Wanted::new(tree, plan, settings)).collect();
    let found = layers.iter().map(|layer| find(store, &layer.key)).collect::<Result<Vec<_>>>()?;
    let missing = layers.iter().zip(&found).filter(|(_, found)| found.is_none()).map(|(layer, _)| layer);
    let sizes: Vec<u64> = missing.map(Wanted::size).collect();
    let bar: Box<dyn Bar> = match sizes.len() {
        0 => Box::new(Silent),
        1 => progress.begin("making 1 layer", Some(sizes[0])),
        many => progress.begin(&format!("making {many} layers"), Some(sizes.iter().sum())),
    };
    let ready = |(layer, found): (Wanted<'_>, Option<Layer>)| {
        let (how, ready) = match found {
            Some(found) => ("found", Layer { reused: true, ..found }),
            None => ("made", layer.make(settings, store, &*bar)?),
        };
        progress.story(&format!("{how} layer {} ({})", layer.title, ready.descriptor.digest));
        Ok((layer.title.to_owned(), ready))
    };
    layers.into_iter().zip(found).map(ready).collect()
}

/// A layer to be.
struct Wanted<'a> {
    title: &'a str,
    members: Vec<Member<'a>>,
    key: Digest,
}

impl<'a> Wanted<'a> {
    fn new(tree: &'a Tree, plan: &'a LayerPlan, settings: &Settings) -> Self {
        let members = members(tree, plan, settings);
        let key = key(&members, settings);
        Self { title: &plan.title, members, key }
    }

    /// The bytes of its files.
    fn size(&self) -> u64 {
        let contents = self.members.iter().filter_map(|member| member.node.content());
        contents.map(Content::size).sum()
    }

    fn make(&self, settings: &Settings, store: &Store, bar: &dyn Bar) -> Result<Layer> {
        let layer = make(&self.members, settings, store, bar)
            .context(|| format!("cannot make the layer `{}`", self.title))?;
        let json = serde_json::to_vec(&layer).map_err(|error| Error::new(error.to_string()))?;
        store.write_entry(FORMAT, &self.key, |file| Ok(file.write_all(&json)?))?;
        Ok(layer)
    }
}

fn find(store: &Store, key: &Digest) -> Result<Option<Layer>> {
    let known = store.read_entry(FORMAT, key)?.and_then(|json| serde_json::from_slice::<Layer>(&json).ok());
    Ok(known.filter(|layer| store.has_blob(&layer.descriptor.digest, layer.descriptor.size)))
}

struct Member<'a> {
    path: &'a ImagePath,
    node: &'a Node,
    mtime: i64,
    /// Set for the second and further names of a file.
    link_to: Option<&'a ImagePath>,
}

fn members<'a>(tree: &'a Tree, plan: &'a LayerPlan, settings: &Settings) -> Vec<Member<'a>> {
    let mut first_names: BTreeMap<&LinkGroup, &ImagePath> = BTreeMap::new();
    let nodes = plan.paths.iter().filter_map(|path| Some((path, tree.get(path)?)));
    nodes
        .map(|(path, node)| {
            let link_to = match &node.kind {
                Kind::File { link_group: Some(group), .. } => {
                    let first = *first_names.entry(group).or_insert(path);
                    (first != path).then_some(first)
                }
                _ => None,
            };
            let own = if node.is_directory() { settings.directories } else { node.mtime };
            Member { path, node, mtime: own.min(settings.newest.unwrap_or(i64::MAX)), link_to }
        })
        .collect()
}

/// The digest over all that decides the layer's bytes. Lengths go before bytes, so that no two lists of
/// members look the same.
fn key(members: &[Member<'_>], settings: &Settings) -> Digest {
    let mut hasher = Hasher::new();
    let mut field = |bytes: &[u8]| {
        hasher.update(&(bytes.len() as u64).to_le_bytes());
        hasher.update(bytes);
    };
    field(FORMAT.as_bytes());
    field(format!("{:?}", settings.compression).as_bytes());
    for Member { path, node, mtime, link_to } in members {
        field(path.as_bytes());
        match (&node.kind, link_to) {
            (_, Some(first)) => [&b"link"[..], first.as_bytes()].iter().for_each(|part| field(part)),
            (Kind::File { content, .. }, None) => {
                field(b"file");
                field(content.digest().as_bytes());
                field(&content.size().to_le_bytes());
            }
            (Kind::Directory { .. }, None) => field(b"directory"),
            (Kind::Symlink(target), None) => [b"symlink", &target[..]].iter().for_each(|part| field(part)),
        }
        for number in [i64::from(node.mode), i64::from(node.uid), i64::from(node.gid), *mtime] {
            field(&number.to_le_bytes());
        }
        field(&(node.xattrs.len() as u64).to_le_bytes());
        node.xattrs.iter().flat_map(|(name, value)| [name, value]).for_each(|part| field(part));
    }
    hasher.finish()
}

fn make(members: &[Member<'_>], settings: &Settings, store: &Store, bar: &dyn Bar) -> Result<Layer> {
    let mut inside = None;
    let (digest, size) = store.insert_blob(|blob| {
        let encoder = layer_encoder(settings.compression, settings.threads, blob)?;
        let mut tar = Writer::new(HashingWriter::new(encoder));
        write_members(&mut tar, members, bar)?;
        let (encoder, diff_id, unpacked) = tar.finish()?.finish();
        encoder.finish()?;
        inside = Some((diff_id, unpacked));
        Ok(())
    })?;
    let (diff_id, unpacked) = inside.ok_or_else(|| Error::new("the layer was not written"))?;
    let descriptor = Descriptor::new(settings.compression.media_type(), digest, size);
    Ok(Layer { descriptor, diff_id, unpacked, reused: false })
}

fn write_members<W: Write>(tar: &mut Writer<W>, members: &[Member<'_>], bar: &dyn Bar) -> Result<()> {
    let mut contents = ContentReader::default();
    for Member { path, node, mtime, link_to } in members {
        let kind = match (&node.kind, link_to) {
            (_, Some(first)) => EntryKind::HardLink(first),
            (Kind::File { content, .. }, None) => EntryKind::File { size: content.size() },
            (Kind::Directory { .. }, None) => EntryKind::Directory,
            (Kind::Symlink(target), None) => EntryKind::Symlink(target),
        };
        let none = Xattrs::new();
        let xattrs = if link_to.is_some() { &none } else { &node.xattrs };
        let entry =
            Entry { path, kind, mode: node.mode, uid: node.uid, gid: node.gid, mtime: *mtime, xattrs };
        match (&node.kind, link_to) {
            (Kind::File { content, .. }, None) => tar.append(&entry, &mut contents.open(content)?),
            _ => tar.append(&entry, &mut io::empty()),
        }
        .context(|| format!("cannot write `{path}`"))?;
        bar.advance(node.content().map_or(0, Content::size));
    }
    Ok(())
}
