//! Reading everything that can be held against a digest, and removing what is not what it should be.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use bareboat_model::{Bar, Context, Digest, HashingReader, Progress, Result};

use super::{Store, Thing};

/// A blob that is not what its name says.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Damaged {
    /// Its name.
    pub digest: Digest,
    /// The digest of its bytes.
    pub found: Digest,
}

/// What came of looking at all blobs.
#[derive(Default, Debug)]
pub struct Verified {
    /// How many blobs there are.
    pub count: u64,
    /// How many bytes were read.
    pub bytes: u64,
    /// Those that are damaged, and were removed.
    pub damaged: Vec<Damaged>,
}

impl Store {
    /// Reads all blobs, and removes those that are damaged.
    ///
    /// # Errors
    /// When the store cannot be read. What cannot be removed is told as damaged all the same.
    pub fn verify(&self, threads: usize, progress: &dyn Progress) -> Result<Verified> {
        self.enter();
        let mut blobs = self.things()?;
        blobs.retain(|thing| thing.digest.is_some());
        // The largest first: the long ones must not come last.
        blobs.sort_by_key(|thing| std::cmp::Reverse(thing.bytes));
        let bytes = blobs.iter().map(|thing| thing.bytes).sum();
        let bar = progress.begin("reading the cache", Some(bytes));
        let damaged = Mutex::new(Vec::new());
        let next = AtomicUsize::new(0);
        let work = || -> Result<()> {
            while let Some(blob) = blobs.get(next.fetch_add(1, Ordering::Relaxed)) {
                let found = look_at(blob, &*bar)
                    .context(|| format!("cannot read `{}` in the cache", blob.path.display()))?;
                damaged.lock().unwrap_or_else(PoisonError::into_inner).extend(found);
            }
            Ok(())
        };
        std::thread::scope(|scope| {
            let workers: Vec<_> =
                (0..threads.clamp(1, blobs.len().max(1))).map(|_| scope.spawn(work)).collect();
            workers.into_iter().try_for_each(|worker| match worker.join() {
                Ok(result) => result,
                Err(panic) => std::panic::resume_unwind(panic),
            })
        })?;
        let mut damaged = damaged.into_inner().unwrap_or_else(PoisonError::into_inner);
        damaged.sort();
        Ok(Verified { count: blobs.len() as u64, bytes, damaged })
    }
}

fn look_at(blob: &Thing, bar: &dyn Bar) -> Result<Option<Damaged>> {
    let Some(digest) = blob.digest else { return Ok(None) };
    let file = match File::open(&blob.path) {
        // Somebody made room meanwhile.
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        other => other?,
    };
    let identity = file.metadata()?;
    let mut reader = HashingReader::new(file);
    io::copy(&mut reader, &mut io::sink())?;
    let (found, _) = reader.finish();
    bar.advance(blob.bytes);
    if found == digest {
        return Ok(None);
    }
    if is_still(&blob.path, (identity.dev(), identity.ino())) {
        // If it cannot be removed, whoever uses it finds the same.
        let _ = fs::remove_file(&blob.path);
    }
    Ok(Some(Damaged { digest, found }))
}

/// Whether nobody has put a good one in its place.
fn is_still(path: &Path, identity: (u64, u64)) -> bool {
    fs::metadata(path).is_ok_and(|found| (found.dev(), found.ino()) == identity)
}
