//! Reading a layer of a base image once, as packages are read (`unpack::cached`).

use std::io::{BufRead as _, BufReader, BufWriter, Write as _};
use std::path::PathBuf;

use bareboat_formats::compress::{Compression, decoder};
use bareboat_formats::oci::Descriptor;
use bareboat_formats::tar;
use bareboat_io::store::Store;
use bareboat_model::{Context, Digest, Error, HashingReader, Result};
use serde::{Deserialize, Serialize};

use crate::unpack::{CONTENTS, Contents, Member};

/// The kind of store entries that list what a layer holds.
const LIST: &str = "unpacked-layer-2";

const BUFFER: usize = 256 << 10;

/// One layer, unpacked.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct UnpackedLayer {
    /// The digest of the tar inside: verified.
    diff_id: Digest,
    /// How many bytes the tar has.
    pub(super) size: u64,
    /// What it brings and takes away, in the order of the tar.
    pub(super) members: Vec<Member>,
    contents_size: u64,
    /// Where the contents lie.
    #[serde(skip)]
    pub(super) contents: PathBuf,
}

#[cfg(test)]
impl UnpackedLayer {
    /// A layer without bytes.
    pub(super) fn of_members(members: Vec<Member>, contents: PathBuf) -> Self {
        let diff_id = Digest::of(b"");
        Self { diff_id, size: 0, members, contents_size: 0, contents }
    }
}

/// Gives back what the layer, a blob of the store, holds; unpacks it if that was not done before.
///
/// # Errors
/// When it is broken, or the tar inside is not the one that `diff_id` names.
pub(super) fn unpack(store: &Store, layer: &Descriptor, diff_id: &Digest) -> Result<UnpackedLayer> {
    let failing = || format!("cannot unpack layer {}", layer.digest);
    let unpacked = match read_list(store, &layer.digest)? {
        Some(unpacked) => unpacked,
        None => unpack_afresh(store, layer).context(failing)?,
    };
    if unpacked.diff_id == *diff_id {
        return Ok(unpacked);
    }
    Err(Error::new(format!("expected a tar of {diff_id}, found {}", unpacked.diff_id)).context(failing()))
}

fn read_list(store: &Store, layer: &Digest) -> Result<Option<UnpackedLayer>> {
    let Some(bytes) = store.read_entry(LIST, layer)? else { return Ok(None) };
    let Ok(mut unpacked) = serde_json::from_slice::<UnpackedLayer>(&bytes) else { return Ok(None) };
    unpacked.contents = store.entry_path(CONTENTS, layer);
    let contents = store.open_entry(CONTENTS, layer)?;
    Ok(contents.is_some_and(|contents| contents.length == unpacked.contents_size).then_some(unpacked))
}

fn unpack_afresh(store: &Store, layer: &Descriptor) -> Result<UnpackedLayer> {
    let mut members = Vec::new();
    let mut read = None;
    store.write_entry(CONTENTS, &layer.digest, |file| {
        let mut contents = Contents::new(BufWriter::with_capacity(BUFFER, file));
        let inside = store.read_blob(&layer.digest, |blob| {
            let mut reader = BufReader::with_capacity(BUFFER, blob);
            let compression = Compression::sniff(reader.fill_buf()?);
            let mut hashing = HashingReader::new(decoder(compression, reader)?);
            tar::read_layer(&mut hashing, &tar::Limits::of_layer(layer.size), |member, bytes| {
                members.push(contents.take(member, bytes)?);
                Ok(())
            })?;
            Ok(hashing.finish())
        })?;
        read = Some((inside, contents.finish()?));
        Ok(())
    })?;
    let ((diff_id, size), contents_size) = read.ok_or_else(|| Error::new("the layer was not read"))?;
    let contents = store.entry_path(CONTENTS, &layer.digest);
    let unpacked = UnpackedLayer { diff_id, size, members, contents_size, contents };
    let list = serde_json::to_vec(&unpacked).map_err(|error| Error::new(error.to_string()))?;
    store.write_entry(LIST, &layer.digest, |file| Ok(file.write_all(&list)?))?;
    Ok(unpacked)
}
