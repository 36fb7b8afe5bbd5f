//! Taking manifests, tags and blobs out of a registry, where it allows that.

use bareboat_formats::oci::Descriptor;
use bareboat_model::{Context, Error, Reference, Result};
use ureq::http::{Method, StatusCode};

use super::reply::{self, Refusal};
use super::session::Call;
use super::{Registry, Spot};
use crate::http::retry::Failure;

const NOT_ALLOWED: &str = "deleting is off in this registry; its administrator can allow it \
                           (REGISTRY_STORAGE_DELETE_ENABLED=true for the registry of Docker)";

impl Registry {
    /// Deletes the manifest with the reference's digest, and with it all its tags.
    ///
    /// # Errors
    /// When the reference has no digest, there is no such manifest, or the registry does not allow it.
    pub fn delete_manifest(&self, image: &Reference) -> Result<()> {
        let delete = || {
            let digest = image.digest().ok_or_else(|| Error::new("it is not named by its digest"))?;
            self.delete(image, &format!("manifests/{digest}"))
        };
        delete().context(|| format!("cannot delete `{image}`"))
    }

    /// Deletes the reference's tag; the manifest stays.
    ///
    /// # Errors
    /// When the reference has no tag, there is none, or the registry deletes by digest only.
    pub fn delete_tag(&self, image: &Reference) -> Result<()> {
        let delete = || {
            let tag = image.tag().ok_or_else(|| Error::new("it has no tag"))?;
            self.delete(image, &format!("manifests/{tag}"))
        };
        delete().context(|| format!("cannot delete the tag `{image}`"))
    }

    /// Deletes a blob from the reference's repository.
    ///
    /// # Errors
    /// When there is none, or the registry does not allow it.
    pub fn delete_blob(&self, image: &Reference, blob: &Descriptor) -> Result<()> {
        let deleted = self.delete(image, &format!("blobs/{}", blob.digest));
        deleted.context(|| format!("cannot delete the blob `{}` of `{}`", blob.digest, image.name()))
    }

    fn delete(&self, image: &Reference, what: &str) -> Result<()> {
        let by_tag = image.digest().is_none() && what.starts_with("manifests/");
        self.inner.at_home(image, |spot: &Spot| -> Result<(), Failure> {
            let scopes = spot.scope("pull,delete");
            let response = self.inner.send(&spot.host, &Call::new(Method::DELETE, spot.path(what), &spot.name, &scopes))?;
            if response.status().is_success() {
                reply::drain(response, &self.inner.options.http);
                return Ok(());
            }
            let refusal = Refusal::read(response, &self.inner.options.http);
            let unsupported = refusal.status == StatusCode::METHOD_NOT_ALLOWED || refusal.has_code("UNSUPPORTED");
            let cannot_by_tag = by_tag && (unsupported || refusal.has_code("DIGEST_INVALID"));
            Err(match refusal {
                refusal if cannot_by_tag => refusal.with_hint(
                    "many registries delete by digest only, which takes all tags of the image with it: name it NAME@sha256:…",
                ),
                refusal if unsupported => refusal.with_hint(NOT_ALLOWED),
                refusal => refusal,
            }
            .into())
        })
    }
}
