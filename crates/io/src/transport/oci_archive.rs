//! OCI image layouts in one tar file.

use std::path::Path;

use bareboat_formats::oci::{Index, LAYOUT_FILE};
use bareboat_model::Result;

use super::{ImageSet, tarball};
use crate::store::Store;

pub(super) fn write(file: &Path, tag: &str, set: &ImageSet, store: &Store) -> Result<()> {
    let index = Index::new(vec![set.top(tag)?]).to_bytes()?;
    tarball::write(file, |tar| {
        tar.folder("blobs")?;
        tar.folder("blobs/sha256")?;
        for (digest, blob) in set.blobs() {
            let path = format!("blobs/sha256/{}", digest.hex());
            blob.read(&digest, store, |mut content| tar.file(&path, blob.size, &mut content))?;
        }
        tar.file("index.json", index.len() as u64, &mut &index[..])?;
        tar.file(LAYOUT_FILE.0, LAYOUT_FILE.1.len() as u64, &mut &LAYOUT_FILE.1[..])
    })
}
