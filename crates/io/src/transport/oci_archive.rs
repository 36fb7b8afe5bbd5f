//! OCI image layouts in one tar file.

use std::path::PathBuf;

use bareboat_formats::oci::{Descriptor, Index, LAYOUT_FILE, REF_NAME};
use bareboat_model::{Context, Result};

use super::graph::plain;
use super::layout::{DOCKERS, INDEX_FILE, blob_path};
use super::source::Verifying;
use super::stored::Stored;
use super::tarball::{self, Tarball};
use super::{Destination, Graph, Source, Work};

/// A tar file that shall hold a layout of one image, and the image's tag in it.
pub(super) struct OciArchiveDestination {
    pub(super) file: PathBuf,
    pub(super) tag: String,
}

impl Destination for OciArchiveDestination {
    fn check(&self, _graph: &Graph) -> Result<()> {
        Ok(())
    }

    fn caveat(&self, graph: &Graph) -> Option<&'static str> {
        graph.is_dockers().then_some(DOCKERS)
    }

    fn write(&self, graph: &Graph, source: &dyn Source, work: &Work<'_>) -> Result<()> {
        let mut top = plain(&graph.top);
        top.annotations.insert(REF_NAME.to_owned(), self.tag.clone());
        let mut index = Index::new(vec![top]);
        index.manifests.extend(graph.attachments.iter().cloned());
        let index = index.to_bytes()?;
        let fill = |source: &dyn Source| {
            tarball::write(&self.file, |tar| {
                add_blobs(tar, graph, source, work)?;
                tar.bytes(INDEX_FILE, &index)?;
                tar.bytes(LAYOUT_FILE.0, LAYOUT_FILE.1)
            })
        };
        match source.is_far() {
            true => fill(&Stored::with(source, &graph.blobs, work)?),
            false => fill(source),
        }
    }
}

/// A blob in a tar file, of either kind.
enum Piece<'a> {
    Blob(&'a Descriptor),
    Document(&'a [u8]),
}

/// Adds all blobs and documents, in the order of their digests: the same bytes for the same image.
pub(super) fn add_blobs(
    tar: &mut Tarball<'_>,
    graph: &Graph,
    source: &dyn Source,
    work: &Work<'_>,
) -> Result<()> {
    let blobs = graph.blobs.iter().map(|blob| (blob.digest, Piece::Blob(blob)));
    let documents = graph.documents.iter().map(|(one, bytes)| (one.digest, Piece::Document(bytes)));
    let pieces: std::collections::BTreeMap<_, _> = blobs.chain(documents).collect();
    tar.folder("blobs")?;
    tar.folder("blobs/sha256")?;
    for (digest, piece) in pieces {
        match piece {
            Piece::Document(bytes) => tar.bytes(&blob_path(&digest), bytes)?,
            Piece::Blob(blob) => add_blob(tar, blob, source, work)?,
        }
    }
    Ok(())
}

fn add_blob(tar: &mut Tarball<'_>, blob: &Descriptor, source: &dyn Source, work: &Work<'_>) -> Result<()> {
    let bar = work.bar("writing", blob);
    let mut add = || {
        let mut reader = Verifying::new(source.open(blob, 0)?, blob);
        tar.file(&blob_path(&blob.digest), blob.size, &mut reader)
    };
    add().context(|| format!("cannot copy blob {}", blob.digest))?;
    bar.advance(blob.size);
    if !source.is_far() {
        work.tally.moved(blob);
    }
    Ok(())
}
