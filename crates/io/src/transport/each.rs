//! Something for each of many blobs, several at once.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use bareboat_formats::oci::Descriptor;
use bareboat_model::Result;

/// Does `one` for each blob on so many threads, the largest first. The first failure ends it.
pub(super) fn each(
    blobs: &[Descriptor],
    threads: usize,
    one: impl Fn(&Descriptor) -> Result<()> + Sync,
) -> Result<()> {
    let mut ordered: Vec<&Descriptor> = blobs.iter().collect();
    ordered.sort_by_key(|blob| std::cmp::Reverse(blob.size));
    let next = AtomicUsize::new(0);
    let stop = AtomicBool::new(false);
    let failed = Mutex::new(None);
    let work = || {
        while !stop.load(Ordering::Relaxed) {
            let Some(blob) = ordered.get(next.fetch_add(1, Ordering::Relaxed)) else { break };
            if let Err(error) = one(blob) {
                stop.store(true, Ordering::Relaxed);
                failed.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error);
            }
        }
    };
    std::thread::scope(|scope| {
        for _ in 1..threads.clamp(1, ordered.len().max(1)) {
            scope.spawn(work);
        }
        work();
    });
    failed.into_inner().unwrap_or_else(PoisonError::into_inner).map_or(Ok(()), Err)
}
