//! Reading all layers of an image, several at a time.

use std::collections::BTreeMap;
use std::io::{self, BufRead as _, BufReader, Read};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use bareboat_formats::compress::{Compression, decoder};
use bareboat_formats::oci::Descriptor;
use bareboat_formats::tar;
use bareboat_io::store::Store;
use bareboat_io::transport::MEND;
use bareboat_model::{Bar, Context, Digest, Error, HashingReader, Progress, Result};

use super::cached::Name;
use super::listing::{self, Listing};
use super::{Layers, MOST_MEMORY, View, cached};

const BUFFER: usize = 256 << 10;

/// A decoder, its buffers and what waits in them: beyond some threads, memory grows and nothing gets quicker.
const MOST_THREADS: usize = 8;

/// Looks into the image of these layers, the lowest first, each with the digest of its tar. A layer whose listing is in the
/// store is not read.
///
/// # Errors
/// When a layer cannot be read, is not what its digests say, or holds more than any layer does.
pub fn read(
    layers: &[(Descriptor, Digest)],
    source: &dyn Layers,
    store: &Store,
    threads: usize,
    progress: &dyn Progress,
) -> Result<View> {
    let mut listings = listings(layers, source, store, threads, progress)?;
    let name = |(descriptor, diff_id): &(Descriptor, Digest)| (descriptor.digest, descriptor.size, *diff_id);
    let on_top = layers
        .iter()
        .enumerate()
        .map(|(number, layer)| {
            let comes_again = layers.iter().skip(number + 1).any(|later| name(later) == name(layer));
            let listing = match comes_again {
                true => listings.get(&name(layer)).cloned(),
                false => listings.remove(&name(layer)),
            };
            (layer.0.clone(), layer.1, listing.unwrap_or_default())
        })
        .collect();
    View::of_listings(on_top)
}

type Listings = BTreeMap<Name, Listing>;

/// The listing of each layer, by its digests: an image may have a layer several times.
fn listings(
    layers: &[(Descriptor, Digest)],
    source: &dyn Layers,
    store: &Store,
    threads: usize,
    progress: &dyn Progress,
) -> Result<Listings> {
    let mut found = Listings::new();
    let mut missing: BTreeMap<Name, (usize, &Descriptor)> = BTreeMap::new();
    for (number, (layer, diff_id)) in layers.iter().enumerate() {
        let name = (layer.digest, layer.size, *diff_id);
        if found.contains_key(&name) || missing.contains_key(&name) {
            continue;
        }
        match cached::get(&name, store)? {
            Some(listing) => drop(found.insert(name, listing)),
            None => drop(missing.insert(name, (number, layer))),
        }
    }
    if missing.is_empty() {
        return Ok(found);
    }
    let total = missing.values().map(|(_, layer)| layer.size).sum();
    let bar = progress.begin("looking into the image", Some(total));
    // The largest first, so that none begins when all others are done.
    let mut missing: Vec<_> = missing.into_iter().collect();
    missing.sort_by_key(|(_, (number, layer))| (std::cmp::Reverse(layer.size), *number));
    let held: usize = found.values().map(Listing::memory).sum();
    let memory_left = AtomicUsize::new(MOST_MEMORY.saturating_sub(held));
    let (next, results) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    let work = || {
        while let Some((name, (number, layer))) = missing.get(next.fetch_add(1, Ordering::Relaxed)) {
            let read = || one(layer, &name.2, source, &memory_left, &*bar);
            let had = store.has_blob(&layer.digest, layer.size);
            let read = read().or_else(|error| {
                // Reading removes a blob that is damaged in the cache; opened again, it comes from where it came from.
                if !had || store.has_blob(&layer.digest, layer.size) {
                    return Err(error);
                }
                progress
                    .warn(&format!("layer {} was damaged in the cache, and is fetched again", number + 1));
                read()
            });
            let read = read
                .and_then(|listing| cached::put(name, &listing, store).map(|()| listing))
                .context(|| format!("cannot read layer {} ({})", number + 1, layer.digest));
            let failed = read.is_err();
            results.lock().unwrap_or_else(std::sync::PoisonError::into_inner).push((*number, *name, read));
            if failed {
                // The others stop when they are done with the layer that they are at.
                next.store(missing.len(), Ordering::Relaxed);
            }
        }
    };
    std::thread::scope(|scope| {
        for _ in 1..threads.clamp(1, MOST_THREADS).min(missing.len()) {
            scope.spawn(work);
        }
        work();
    });
    let mut results = results.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
    // Of several errors, always the lowest layer's.
    results.sort_by_key(|(number, ..)| *number);
    for (_, name, read) in results {
        found.insert(name, read?);
    }
    Ok(found)
}

/// Reads a layer from one end to the other, and verifies it.
fn one(
    layer: &Descriptor,
    diff_id: &Digest,
    source: &dyn Layers,
    memory_left: &AtomicUsize,
    bar: &dyn Bar,
) -> Result<Listing> {
    let stored = Watched { inner: source.open(layer)?, bar };
    // One byte more tells that it is too long.
    let mut stored = HashingReader::new(stored.take(layer.size.saturating_add(1)));
    let listed = tar_of(&mut stored, layer, diff_id, memory_left);
    // Also when that failed: most likely because of the damage.
    io::copy(&mut stored, &mut io::sink())?;
    let (found, size) = stored.finish();
    if (found, size) == (layer.digest, layer.size) {
        return listed;
    }
    if size > layer.size {
        return Err(Error::new(format!("it is damaged: it has more than the expected {} bytes", layer.size)));
    }
    Err(Error::new(format!(
        "it is damaged: expected {} of {} bytes, found {found} of {size} bytes",
        layer.digest, layer.size
    ))
    .with_hint(MEND))
}

fn tar_of(
    stored: &mut (impl Read + Send),
    layer: &Descriptor,
    diff_id: &Digest,
    memory_left: &AtomicUsize,
) -> Result<Listing> {
    let room = |bytes| {
        let taken =
            memory_left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(bytes));
        taken.map(drop).map_err(|_| {
            Error::new(format!(
                "the layers hold too much: what is told of it would take more than {} MiB of memory",
                MOST_MEMORY >> 20
            ))
        })
    };
    let mut reader = BufReader::with_capacity(BUFFER, stored);
    let compression = Compression::sniff(reader.fill_buf()?);
    // In large pieces: the tar's own headers and contents are read in small ones.
    let hashing = HashingReader::new(decoder(compression, reader)?);
    let mut tar = BufReader::with_capacity(BUFFER, hashing);
    let listing = listing::of_tar(&mut tar, &tar::Limits::of_layer_looked_at(layer.size), &room)?;
    let (found, tar_size) = tar.into_inner().finish();
    if found != *diff_id {
        return Err(Error::new(format!("expected a tar of {diff_id}, found {found}")));
    }
    Ok(Listing { tar_size, ..listing })
}

/// Tells how far it was read.
struct Watched<'a, R> {
    inner: R,
    bar: &'a dyn Bar,
}

impl<R: Read> Read for Watched<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n = self.inner.read(buffer)?;
        self.bar.advance(n as u64);
        Ok(n)
    }
}
