//! Listings in the store, so that no layer is read twice.

use std::collections::BTreeMap;
use std::io::{BufReader, BufWriter, Write as _};

use bareboat_formats::compress::{Compression, LayerCompression, Limited, decoder, layer_encoder};
use bareboat_formats::entry;
use bareboat_io::store::Store;
use bareboat_model::{Context, Digest, Error, Result};
use serde::{Deserialize, Serialize};

use super::listing::Listing;
use crate::packages::Found;

const BUFFER: usize = 256 << 10;

/// With the version of what is in one: a layer's listing is the same as long as the code that makes it is.
pub(super) const KIND: &str = "layer-listings-3";

/// Two million entries have less.
const LARGEST: u64 = 1 << 30;

/// A layer: the digest and the size of what is stored, and the digest of its tar. That these belong together was verified
/// when the listing was made.
pub(super) type Name = (Digest, u64, Digest);

fn key((stored, size, diff_id): &Name) -> Digest {
    Digest::of(format!("{stored} {size} {diff_id}").as_bytes())
}

/// What stands before the entries, each in a line of its own.
#[derive(Serialize, Deserialize)]
struct Head {
    tar_size: u64,
    found: BTreeMap<u32, Found>,
}

/// The listing of a layer, if it was read before. One that cannot be understood counts as none.
pub(super) fn get(name: &Name, store: &Store) -> Result<Option<Listing>> {
    let Some(packed) = store.read_entry(KIND, &key(name))? else { return Ok(None) };
    let read = || -> Result<Listing> {
        let mut lines =
            BufReader::with_capacity(BUFFER, Limited::new(decoder(Compression::Zstd, &packed[..])?, LARGEST));
        let head: Head =
            entry::read_lines(&mut lines).next().transpose()?.ok_or_else(|| Error::new("it is empty"))?;
        let mut entries = entry::read_lines(lines).collect::<Result<Vec<_>>>()?;
        entries.shrink_to_fit();
        Ok(Listing { tar_size: head.tar_size, entries, found: head.found })
    };
    Ok(read().ok())
}

pub(super) fn put(name: &Name, listing: &Listing, store: &Store) -> Result<()> {
    let head = Head { tar_size: listing.tar_size, found: listing.found.clone() };
    store.write_entry(KIND, &key(name), |file| {
        let encoder = layer_encoder(LayerCompression::Zstd { level: 1 }, 1, file)?;
        let mut writer = BufWriter::with_capacity(BUFFER, encoder);
        entry::write_lines([&head], &mut writer)
            .and_then(|()| entry::write_lines(&listing.entries, &mut writer))
            .context(|| "cannot write the layer's listing to the cache")?;
        writer.flush()?;
        let encoder = writer.into_inner().map_err(std::io::IntoInnerError::into_error)?;
        encoder.finish().map(drop)
    })
}
