//! What refers to an image: signatures, records, lists of parts. By the registry's list, or the one under the fallback tag
//! (distribution specification, "Listing Referrers" and "Referrers Tag Schema").

use std::time::{Duration, Instant};

use bareboat_formats::oci::{self, Descriptor, Index};
use bareboat_model::{Context, Digest, Error, Reference, Result};
use serde::Deserialize;
use serde_json::Value;
use ureq::http::{Method, StatusCode, header};

use super::reply;
use super::url::with_param;
use super::{Registry, Spot, lock};
use crate::http::retry::Failure;

/// How often the list under the fallback tag is written again, because somebody else wrote it at the same time.
const MOST_WRITES: usize = 10;

/// How long is waited before it is looked whether an entry stayed: at least, for machines that are busy; and at most.
const SHORTEST_WAIT: Duration = Duration::from_millis(100);
const LONGEST_WAIT: Duration = Duration::from_secs(2);

/// What of a manifest stands in the list.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Referrer {
    subject: Option<Subject>,
    artifact_type: Option<String>,
    config: Option<Config>,
    #[serde(default)]
    annotations: Option<std::collections::BTreeMap<String, String>>,
}

#[derive(Deserialize)]
struct Subject {
    digest: Digest,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Config {
    media_type: String,
}

impl Registry {
    /// All that refers to the manifest with this digest in the reference's repository; where the registry can choose, only what has
    /// the artifact type `kind`.
    ///
    /// # Errors
    /// When the list cannot be fetched, or is none.
    pub fn referrers(&self, image: &Reference, of: &Digest, kind: Option<&str>) -> Result<Vec<Descriptor>> {
        let listed = self.inner.at_home(image, |spot| {
            let mut all = Vec::new();
            let list = spot.path(&format!("referrers/{of}"));
            let list = kind.map_or_else(|| list.clone(), |kind| with_param(&list, "artifactType", kind));
            let found = self.pages(spot, &list, |bytes| {
                all.extend(Index::parse(bytes)?.manifests);
                Ok(all.len())
            })?;
            Ok(found.map(|()| all))
        });
        let listed = listed.and_then(|listed| match listed {
            Some(listed) => Ok(listed),
            None => Ok(self.list_under_tag(image, of)?.map(|index| index.manifests).unwrap_or_default()),
        });
        listed.context(|| format!("cannot list what refers to `{}@{of}`", image.name()))
    }

    /// Deletes the list of what refers to the manifest with this digest, where the registry keeps it under the fallback tag. Gives
    /// the tag, if there was one.
    ///
    /// # Errors
    /// When the registry does not allow it.
    pub fn delete_list(&self, image: &Reference, of: &Digest) -> Result<Option<String>> {
        let tag = fallback_tag(of);
        let Some(list) = self.manifest_if_there(&image.with_tag(&tag)?)? else { return Ok(None) };
        self.delete_manifest(&image.with_digest(list.digest)).map(|()| Some(tag))
    }

    /// The list under the fallback tag, if there is one.
    fn list_under_tag(&self, image: &Reference, of: &Digest) -> Result<Option<Index>> {
        let tag = image.with_tag(&fallback_tag(of))?;
        Ok(self.inner.at_home(&tag, |spot| self.fetch_list(spot, &tag))?.map(|list| list.index))
    }

    /// One request; None if there is no such list.
    fn fetch_list(&self, spot: &Spot, tag: &Reference) -> Result<Option<List>, Failure> {
        let Some(response) = self.ask(spot, Method::GET, tag)? else { return Ok(None) };
        // Weak ones (`W/…`) never match (RFC 9110 section 13.1.1).
        let version = reply::header(&response, header::ETAG).filter(|version| version.starts_with('"'));
        let version = version.map(str::to_owned);
        let (_, bytes) = self.read_manifest(response, tag)?;
        Ok(Some(List { index: Index::parse(&bytes)?, version }))
    }

    /// Puts a manifest that was just pushed on the list of its subject, if it has one and the registry keeps no lists.
    pub(super) fn list_by_tag(&self, image: &Reference, media_type: &str, bytes: &[u8]) -> Result<()> {
        let Some((subject, entry)) = entry(media_type, bytes) else { return Ok(()) };
        let tag = image.with_tag(&fallback_tag(&subject))?;
        self.add_to_list(&tag, &entry)
            .context(|| format!("cannot put it on the list of what refers to `{subject}`"))
    }

    /// Reads the list, writes it, and looks whether that stayed. A registry that tells versions of what it has (`ETag`) may refuse
    /// to replace another than was read; the others take whatever comes last ("Referrers Tag Schema"), so who read the list
    /// before us and wrote it after us took our entry out. That is over after about the time that our own turn took.
    fn add_to_list(&self, tag: &Reference, entry: &Descriptor) -> Result<()> {
        // Threads of one run take turns.
        let _turn = lock(&self.inner.list_writer);
        for _ in 0..MOST_WRITES {
            let start = Instant::now();
            let list = self.inner.at_home(tag, |spot| self.fetch_list(spot, tag))?;
            let condition = list.as_ref().map_or(Some((header::IF_NONE_MATCH, "*".to_owned())), |list| {
                list.version.clone().map(|version| (header::IF_MATCH, version))
            });
            let mut index = list.map_or_else(|| Index::new(Vec::new()), |list| list.index);
            if index.manifests.iter().any(|listed| listed.digest == entry.digest) {
                return Ok(());
            }
            index.manifests.push(entry.clone());
            let bytes = index.to_bytes()?;
            self.inner.at_home(tag, |spot| {
                let response = self.put_manifest(spot, tag, oci::INDEX, &bytes, condition.as_ref())?;
                if response.status() == StatusCode::PRECONDITION_FAILED {
                    reply::drain(response, &self.inner.options.http);
                    return Ok(());
                }
                self.taken(response, &Digest::of(&bytes)).map(drop)
            })?;
            std::thread::sleep(start.elapsed().saturating_mul(2).clamp(SHORTEST_WAIT, LONGEST_WAIT));
        }
        Err(Error::new("others change the list all the time"))
    }
}

/// A list under the fallback tag, as it was read.
struct List {
    index: Index,
    /// What the registry calls this state of it.
    version: Option<String>,
}

/// `sha256-HEX`.
fn fallback_tag(of: &Digest) -> String {
    format!("sha256-{}", of.hex())
}

/// The subject of a manifest, and the manifest as it stands in the subject's list.
fn entry(media_type: &str, bytes: &[u8]) -> Option<(Digest, Descriptor)> {
    let referrer: Referrer = serde_json::from_slice(bytes).ok()?;
    let subject = referrer.subject?.digest;
    let mut entry = Descriptor::of(media_type, bytes);
    let kind = referrer.artifact_type.filter(|kind| !kind.is_empty());
    if let Some(kind) = kind.or(referrer.config.map(|config| config.media_type)) {
        entry.extra.insert("artifactType".to_owned(), Value::String(kind));
    }
    entry.annotations = referrer.annotations.unwrap_or_default();
    Some((subject, entry))
}
