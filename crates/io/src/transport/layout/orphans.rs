//! Attachments of an image that leaves a layout leave with it: nobody could find them any more, and each build would add
//! to them.

use std::collections::{BTreeMap, BTreeSet};

use bareboat_formats::oci::{Descriptor, Index, REF_NAME};
use bareboat_model::Digest;
use serde::Deserialize;

use crate::transport::graph::DEEPEST;

/// What may refer to others, as far as it matters here.
#[derive(Deserialize)]
struct Document {
    subject: Option<Descriptor>,
    #[serde(default)]
    manifests: Vec<Descriptor>,
}

/// Reads a document of the layout; nothing for what is no document or is not there.
type Read<'a> = &'a dyn Fn(&Digest) -> Option<Vec<u8>>;

/// Takes out of `index` what is attached to `replaced`, unless that is still named by another tag or is one of `new`. What names
/// no subject, or one that was not here, stays: it is not known what it is for.
pub(super) fn drop(index: &mut Index, replaced: &[Descriptor], new: &BTreeSet<Digest>, read: Read<'_>) {
    let is_tagged = |one: &Descriptor| one.annotations.contains_key(REF_NAME);
    if replaced.is_empty() || index.manifests.iter().all(is_tagged) {
        return;
    }
    let mut kept = new.clone();
    index.manifests.iter().filter(|one| is_tagged(one)).for_each(|one| reach(one, DEEPEST, read, &mut kept));
    let mut gone = BTreeSet::new();
    replaced.iter().for_each(|one| reach(one, DEEPEST, read, &mut gone));
    // Each document is read once, however often the index lists it.
    let mut attached: BTreeMap<Digest, Vec<Digest>> = BTreeMap::new();
    let mut seen = BTreeSet::new();
    for one in index.manifests.iter().filter(|one| !is_tagged(one) && !kept.contains(&one.digest)) {
        if seen.insert(one.digest)
            && let Some(of) = subject(one, read).filter(|of| !kept.contains(of))
        {
            attached.entry(of).or_default().push(one.digest);
        }
    }
    // What is attached to an attachment goes with it.
    let mut dropped = BTreeSet::new();
    let mut waiting: Vec<Digest> = gone.into_iter().collect();
    while let Some(of) = waiting.pop() {
        for one in attached.remove(&of).into_iter().flatten() {
            dropped.insert(one);
            waiting.push(one);
        }
    }
    index.manifests.retain(|one| is_tagged(one) || !dropped.contains(&one.digest));
}

fn document(one: &Descriptor, read: Read<'_>) -> Option<Document> {
    serde_json::from_slice(&read(&one.digest)?).ok()
}

/// What a document refers to, if it does.
pub(super) fn subject(one: &Descriptor, read: Read<'_>) -> Option<Digest> {
    Some(document(one, read)?.subject?.digest)
}

fn reach(one: &Descriptor, depth: usize, read: Read<'_>, found: &mut BTreeSet<Digest>) {
    if !found.insert(one.digest) || depth == 0 {
        return;
    }
    for inner in document(one, read).into_iter().flat_map(|document| document.manifests) {
        reach(&inner, depth - 1, read, found);
    }
}
