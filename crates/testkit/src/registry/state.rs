//! What a registry keeps.

use std::collections::BTreeMap;

use bareboat_model::Digest;

/// Repositories, and uploads under way.
#[derive(Default)]
pub(super) struct State {
    repositories: BTreeMap<String, Repository>,
    pub(super) uploads: BTreeMap<u64, Vec<u8>>,
    last_upload: u64,
}

/// Media type and bytes.
pub(super) type Manifest = (String, Vec<u8>);

#[derive(Default)]
struct Repository {
    blobs: BTreeMap<Digest, Vec<u8>>,
    manifests: BTreeMap<Digest, Manifest>,
    tags: BTreeMap<String, Digest>,
}

impl State {
    pub(super) fn put_blob(&mut self, repository: &str, digest: Digest, bytes: Vec<u8>) {
        self.repositories.entry(repository.to_owned()).or_default().blobs.insert(digest, bytes);
    }

    pub(super) fn blob(&self, repository: &str, digest: Digest) -> Option<&Vec<u8>> {
        self.repositories.get(repository)?.blobs.get(&digest)
    }

    /// A blob of any repository.
    pub(super) fn stored(&self, digest: Digest) -> Option<&Vec<u8>> {
        self.repositories.values().find_map(|repository| repository.blobs.get(&digest))
    }

    pub(super) fn put_manifest(
        &mut self,
        repository: &str,
        tag: Option<&str>,
        media_type: &str,
        bytes: &[u8],
    ) -> Digest {
        let digest = Digest::of(bytes);
        let repository = self.repositories.entry(repository.to_owned()).or_default();
        repository.manifests.insert(digest, (media_type.to_owned(), bytes.to_vec()));
        if let Some(tag) = tag {
            repository.tags.insert(tag.to_owned(), digest);
        }
        digest
    }

    pub(super) fn manifest(&self, repository: &str, tag_or_digest: &str) -> Option<(Digest, &Manifest)> {
        let repository = self.repositories.get(repository)?;
        let digest = match tag_or_digest.parse() {
            Ok(digest) => digest,
            Err(_) => *repository.tags.get(tag_or_digest)?,
        };
        Some((digest, repository.manifests.get(&digest)?))
    }

    pub(super) fn manifests(&self, repository: &str) -> impl Iterator<Item = (&Digest, &Manifest)> {
        self.repositories.get(repository).into_iter().flat_map(|repository| &repository.manifests)
    }

    pub(super) fn is_there(&self, repository: &str) -> bool {
        self.repositories.contains_key(repository)
    }

    pub(super) fn tags(&self, repository: &str) -> Vec<String> {
        self.repositories.get(repository).into_iter().flat_map(|found| found.tags.keys().cloned()).collect()
    }

    pub(super) fn begin_upload(&mut self) -> u64 {
        self.last_upload += 1;
        self.uploads.insert(self.last_upload, Vec::new());
        self.last_upload
    }

    /// Whether there was such a tag.
    pub(super) fn delete_tag(&mut self, repository: &str, tag: &str) -> bool {
        self.repositories.get_mut(repository).is_some_and(|found| found.tags.remove(tag).is_some())
    }

    /// Whether there was such a manifest.
    pub(super) fn delete_manifest(&mut self, repository: &str, digest: Digest) -> bool {
        let Some(repository) = self.repositories.get_mut(repository) else { return false };
        repository.tags.retain(|_, tagged| *tagged != digest);
        repository.manifests.remove(&digest).is_some()
    }
}
