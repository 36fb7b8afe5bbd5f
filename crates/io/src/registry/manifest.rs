//! Manifests: by tag or digest, verified, their kind told by header and document alike.

use bareboat_formats::oci::{self, Descriptor};
use bareboat_model::{Digest, Error, Reference, Result, escape};
use serde::Deserialize;
use ureq::Body;
use ureq::http::{HeaderName, Method, Response, StatusCode, header};

use super::reply::{self, Refusal};
use super::session::Call;
use super::{Registry, Spot, doing};
use crate::http::retry::Failure;

/// Registries take manifests of up to 4 MiB ("Pushing Manifests"); more is read, in case one of them takes more.
const LARGEST: u64 = 16 << 20;

/// What a registry says the digest of an answer is.
pub(super) const DIGEST: HeaderName = HeaderName::from_static("docker-content-digest");

/// All kinds that we can read; without `Accept`, registries answer with schema 1.
const ACCEPT: [&str; 4] = [oci::MANIFEST, oci::INDEX, oci::DOCKER_MANIFEST, oci::DOCKER_MANIFEST_LIST];

/// What of a manifest tells its kind.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Kind {
    schema_version: Option<u32>,
    media_type: Option<String>,
    manifests: Option<serde::de::IgnoredAny>,
    layers: Option<serde::de::IgnoredAny>,
    config: Option<serde::de::IgnoredAny>,
}

impl Registry {
    /// The manifest (or index) that a reference names, by digest if it has one, with its bytes as they are.
    ///
    /// # Errors
    /// When there is none, it cannot be fetched, or it is not what its digest or headers say.
    pub fn manifest(&self, image: &Reference) -> Result<(Descriptor, Vec<u8>)> {
        let found = self.inner.pulling(image, |spot| self.manifest_from(spot, image));
        let found = found.and_then(|found| found.ok_or_else(|| missing(image)));
        doing(found, "fetch", image)
    }

    /// What a reference names, if it is there, without fetching it.
    ///
    /// # Errors
    /// When it cannot be told.
    pub(crate) fn manifest_if_there(&self, image: &Reference) -> Result<Option<Descriptor>> {
        let found = self.inner.at_home(image, |spot| self.look_at(spot, image));
        doing(found, "look for", image)
    }

    /// One request; None if there is no such manifest.
    fn manifest_from(
        &self,
        spot: &Spot,
        image: &Reference,
    ) -> Result<Option<(Descriptor, Vec<u8>)>, Failure> {
        let Some(response) = self.ask(spot, Method::GET, image)? else { return Ok(None) };
        self.read_manifest(response, image).map(Some)
    }

    /// Reads an answer that is a manifest, and holds it against what it must be.
    pub(super) fn read_manifest(
        &self,
        response: Response<Body>,
        image: &Reference,
    ) -> Result<(Descriptor, Vec<u8>), Failure> {
        let media_type = reply::header(&response, header::CONTENT_TYPE).map(str::to_owned);
        let announced = announced_digest(&response);
        let bytes = reply::bytes(response, LARGEST, &self.inner.options.http)?;
        // Of these, the digest is taken without the signatures in them: nothing here can hold it against anything.
        if media_type.as_deref().is_some_and(|header| is_schema_1(&bare(header))) {
            return Err(schema_1().into());
        }
        let digest = Digest::of(&bytes);
        match (image.digest(), announced) {
            (Some(wanted), _) if wanted != digest => {
                return Err(Error::new(format!("expected {wanted}, found {digest}")).into());
            }
            (None, Some(announced)) if announced != digest => {
                let error = format!("the registry says that it is {announced}, found {digest}");
                return Err(Error::new(error).into());
            }
            _ => {}
        }
        let media_type = kind(media_type.as_deref(), &bytes)?;
        Ok((Descriptor::new(media_type, digest, bytes.len() as u64), bytes))
    }

    fn look_at(&self, spot: &Spot, image: &Reference) -> Result<Option<Descriptor>, Failure> {
        let Some(response) = self.ask(spot, Method::HEAD, image)? else { return Ok(None) };
        let media_type = reply::header(&response, header::CONTENT_TYPE).map(bare);
        let size = reply::header(&response, header::CONTENT_LENGTH).and_then(|length| length.parse().ok());
        let digest = announced_digest(&response).or(image.digest());
        match (media_type, size, digest) {
            (Some(media_type), Some(size), Some(digest)) => {
                Ok(Some(Descriptor::new(media_type, digest, size)))
            }
            // The headers are optional ("Checking if content exists in the registry").
            _ => Ok(self.manifest_from(spot, image)?.map(|(descriptor, _)| descriptor)),
        }
    }

    /// One request; None if there is no such manifest.
    pub(super) fn ask(
        &self,
        spot: &Spot,
        method: Method,
        image: &Reference,
    ) -> Result<Option<Response<Body>>, Failure> {
        let scopes = spot.scope("pull");
        let path = spot.path(&format!("manifests/{}", image.selector()));
        let call = Call::new(method, path, &spot.name, &scopes).header(header::ACCEPT, ACCEPT.join(", "));
        let response = self.inner.send(&spot.host, &call)?;
        match response.status() {
            StatusCode::OK => Ok(Some(response)),
            StatusCode::NOT_FOUND => {
                reply::drain(response, &self.inner.options.http);
                Ok(None)
            }
            _ => Err(Refusal::read(response, &self.inner.options.http).into()),
        }
    }
}

fn missing(image: &Reference) -> Error {
    match image.digest() {
        Some(_) => Error::new("the registry has no manifest with this digest"),
        None => Error::new("the registry has no such repository or tag")
            .with_hint(format!("bareboat list {} tells the tags", image.name())),
    }
}

/// What the registry says the digest is; other algorithms than ours say nothing.
pub(super) fn announced_digest(response: &Response<Body>) -> Option<Digest> {
    reply::header(response, DIGEST)?.parse().ok()
}

/// `application/json; charset=utf-8` → `application/json`.
fn bare(media_type: &str) -> String {
    media_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}

fn schema_1() -> Error {
    Error::new("it is an image of Docker's schema 1, which has no digests for its files")
        .with_hint("pull and push it again with a current engine, or build it anew")
}

/// The kind of a manifest. A document that calls itself something else than its header does is refused: two readers
/// would take it for two images (CVE-2021-41190).
fn kind(content_type: Option<&str>, bytes: &[u8]) -> Result<String> {
    let kind: Kind = serde_json::from_slice(bytes)
        .map_err(|error| Error::new(format!("it is no manifest: {}", reply::shown(&error.to_string()))))?;
    let header = content_type.map(bare).filter(|header| !is_general(header));
    if header.as_deref().is_some_and(is_schema_1) || kind.schema_version == Some(1) {
        return Err(schema_1());
    }
    match (header, kind.media_type) {
        (Some(header), Some(own)) if header != own => {
            let own = escape(&own);
            Err(Error::new(format!("the registry calls it `{}`, it calls itself `{own}`", escape(&header))))
        }
        (Some(media_type), _) | (None, Some(media_type)) => Ok(media_type),
        (None, None) if kind.manifests.is_some() && kind.layers.is_none() => Ok(oci::INDEX.to_owned()),
        (None, None) if kind.config.is_some() && kind.manifests.is_none() => Ok(oci::MANIFEST.to_owned()),
        (None, None) => Err(Error::new("neither the registry nor the document says what it is")),
    }
}

/// Whether it says nothing: simple servers have one type for all.
fn is_general(media_type: &str) -> bool {
    matches!(
        media_type,
        "" | "application/json" | "application/octet-stream" | "text/plain" | "binary/octet-stream"
    )
}

fn is_schema_1(media_type: &str) -> bool {
    media_type.starts_with("application/vnd.docker.distribution.manifest.v1+")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn header_and_document_must_agree() {
        let own =
            |media_type: &str| format!(r#"{{"schemaVersion":2,"mediaType":"{media_type}","config":{{}}}}"#);
        for (header, document, expected) in [
            (Some(oci::MANIFEST), own(oci::MANIFEST), Ok(oci::MANIFEST)),
            (
                Some("Application/Vnd.OCI.image.manifest.v1+json; charset=utf-8"),
                own(oci::MANIFEST),
                Ok(oci::MANIFEST),
            ),
            (Some("application/json"), own(oci::DOCKER_MANIFEST), Ok(oci::DOCKER_MANIFEST)),
            (None, own(oci::MANIFEST), Ok(oci::MANIFEST)),
            (Some(oci::MANIFEST), r#"{"schemaVersion":2,"config":{}}"#.into(), Ok(oci::MANIFEST)),
            (None, r#"{"schemaVersion":2,"config":{},"layers":[]}"#.into(), Ok(oci::MANIFEST)),
            (None, r#"{"schemaVersion":2,"manifests":[]}"#.into(), Ok(oci::INDEX)),
            (None, r#"{"schemaVersion":2,"manifests":[],"layers":[],"config":{}}"#.into(), Err("neither")),
            (Some(oci::INDEX), own(oci::MANIFEST), Err("the registry calls it")),
            (
                Some("application/vnd.docker.distribution.manifest.v1+prettyjws"),
                "{}".into(),
                Err("it is an image of Docker's schema 1"),
            ),
            (None, r#"{"schemaVersion":1,"fsLayers":[]}"#.into(), Err("it is an image of Docker's schema 1")),
            (Some("text/html"), "<html>".into(), Err("it is no manifest")),
            (None, "[]".into(), Err("it is no manifest")),
        ] {
            let found = kind(header, document.as_bytes());
            match (expected, found) {
                (Ok(expected), found) => assert_eq!(found.unwrap(), expected, "{header:?} {document}"),
                (Err(start), found) => {
                    let error = found.unwrap_err().to_string();
                    assert!(error.starts_with(start), "{error}");
                }
            }
        }
    }
}
