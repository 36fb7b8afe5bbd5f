//! Listings in the store, so that no layer is read twice.

use std::io::{BufWriter, Read as _, Write as _};

use bareboat_formats::compress::{Compression, LayerCompression, Limited, decoder, layer_encoder};
use bareboat_io::store::Store;
use bareboat_model::{Context, Digest, Error, Result};

use super::listing::Listing;

/// With the version of what is in one: a layer's listing is the same as long as the code that makes it is.
const KIND: &str = "layer-listings-1";

/// Two million entries have less.
const LARGEST: u64 = 1 << 30;

/// A layer: the digest and the size of what is stored, and the digest of its tar. That these belong together was verified
/// when the listing was made.
pub(super) type Name = (Digest, u64, Digest);

fn key((stored, size, diff_id): &Name) -> Digest {
    Digest::of(format!("{stored} {size} {diff_id}").as_bytes())
}

/// The listing of a layer, if it was read before. One that cannot be understood counts as none.
pub(super) fn get(name: &Name, store: &Store) -> Result<Option<Listing>> {
    let Some(packed) = store.read_entry(KIND, &key(name))? else { return Ok(None) };
    let mut json = Vec::new();
    let read = decoder(Compression::Zstd, &packed[..])
        .and_then(|reader| Ok(Limited::new(reader, LARGEST).read_to_end(&mut json)?));
    Ok(read.ok().and_then(|_| serde_json::from_slice(&json).ok()))
}

pub(super) fn put(name: &Name, listing: &Listing, store: &Store) -> Result<()> {
    store.write_entry(KIND, &key(name), |file| {
        let encoder = layer_encoder(LayerCompression::Zstd { level: 1 }, 1, file)?;
        let mut writer = BufWriter::new(encoder);
        serde_json::to_writer(&mut writer, listing)
            .map_err(|error| Error::new(error.to_string()))
            .context(|| "cannot write the layer's listing to the cache")?;
        writer.flush()?;
        let encoder = writer.into_inner().map_err(std::io::IntoInnerError::into_error)?;
        encoder.finish().map(drop)
    })
}
