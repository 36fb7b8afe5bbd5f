//! Taking manifests and tags out of a registry, where it allows that.

use bareboat_model::{Context, Error, Reference, Result};
use ureq::http::{Method, StatusCode};

use super::reply::{self, Refusal};
use super::session::Call;
use super::{Registry, Spot};
use crate::http::retry::Failure;

const NOT_ALLOWED: &str = "deleting is off in this registry; its administrator can allow it \
                           (REGISTRY_STORAGE_DELETE_ENABLED=true for the registry of Docker)";

const BY_DIGEST: &str = "many registries delete by digest only, which takes all tags of the image with it";

impl Registry {
    /// Deletes the manifest with the reference's digest, and with it all its tags.
    ///
    /// # Errors
    /// When the reference has no digest, there is no such manifest, or the registry does not allow it.
    pub fn delete_manifest(&self, image: &Reference) -> Result<()> {
        let delete = || {
            let digest = image.digest().ok_or_else(|| Error::new("it is not named by its digest"))?;
            self.delete(image, &format!("manifests/{digest}"), None)
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
            let image = image.with_tag(tag)?;
            let there = self.manifest_if_there(&image)?.ok_or_else(|| Error::new("there is no such tag"))?;
            let by_digest = image.with_digest(there.digest);
            self.delete(&image, &format!("manifests/{tag}"), Some(&by_digest))
        };
        delete().context(|| format!("cannot delete the tag `{image}`"))
    }

    /// `by_digest` is what else could be deleted, where a tag is.
    fn delete(&self, image: &Reference, what: &str, by_digest: Option<&Reference>) -> Result<()> {
        self.inner.at_home(image, |spot: &Spot| -> Result<(), Failure> {
            let scopes = spot.scope("pull,delete");
            let response = self
                .inner
                .send(&spot.host, &Call::new(Method::DELETE, spot.path(what), &spot.name, &scopes))?;
            if response.status().is_success() {
                reply::drain(response, &self.inner.options.http);
                return Ok(());
            }
            let refusal = Refusal::read(response, &self.inner.options.http);
            let unsupported =
                refusal.status == StatusCode::METHOD_NOT_ALLOWED || refusal.has_code("UNSUPPORTED");
            Err(match by_digest {
                Some(image) if unsupported || refusal.status == StatusCode::BAD_REQUEST => {
                    refusal.with_hint(&format!("{BY_DIGEST}: bareboat delete {image}"))
                }
                None if unsupported => refusal.with_hint(NOT_ALLOWED),
                _ => refusal,
            }
            .into())
        })
    }
}
