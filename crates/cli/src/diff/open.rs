//! The two images, opened and looked into.

use bareboat_audit::diff::Side;
use bareboat_audit::packages::Inventory;
use bareboat_audit::view::{self, View};
use bareboat_formats::oci::Manifest;
use bareboat_io::store::Store;
use bareboat_io::transport::{AnyPlatform, Image};
use bareboat_model::{Context as _, Digest, Error, ImagePath, Progress, Result, escape};

use crate::image::Harbour;

/// The largest file whose content is compared.
const LARGEST_FILE: u64 = 8 << 20;

/// An image that was opened.
pub(super) struct Opened<'a> {
    name: String,
    image: Image<'a>,
    manifest: Manifest,
    store: &'a Store,
}

impl<'a> Opened<'a> {
    /// Opens the image that `name` names, for `platform` or what fits this machine.
    pub(super) fn new(
        name: &str,
        platform: Option<&AnyPlatform>,
        harbour: &'a Harbour,
        progress: &'a dyn Progress,
    ) -> Result<Self> {
        let image = harbour.look(name, platform, progress)?;
        let manifest = Manifest::parse(&image.manifest_bytes)?;
        Ok(Self { name: escape(name), image, manifest, store: &harbour.store })
    }

    /// The digest of its manifest.
    pub(super) fn digest(&self) -> Digest {
        self.image.manifest.digest
    }

    /// The digest of the index that it is in, if it was named by one.
    pub(super) fn index(&self) -> Option<Digest> {
        self.image.index()
    }

    /// The platform that it is for.
    pub(super) fn platform(&self) -> String {
        let config = &self.image.config;
        let parts = [Some(&config.os), Some(&config.architecture), config.variant.as_ref()];
        let parts: Vec<&str> = parts.into_iter().flatten().map(String::as_str).collect();
        escape(&parts.join("/"))
    }

    pub(super) fn view(&self, threads: usize, progress: &dyn Progress) -> Result<View> {
        let layers = &self.image.layers;
        self.image
            .check_layers()
            .and_then(|()| view::read(layers, &self.image, self.store, threads, progress))
            .context(|| format!("cannot look into the image `{}`", self.name))
    }

    pub(super) fn side<'b>(&'b self, view: &'b View, inventory: &'b Inventory) -> Side<'b> {
        Side { digest: self.digest(), manifest: &self.manifest, config: &self.image.config, view, inventory }
    }

    /// The content of a file, links followed; none when it is not there.
    pub(super) fn content(
        &self,
        path: &ImagePath,
        threads: usize,
        progress: &dyn Progress,
    ) -> Result<Option<Vec<u8>>> {
        let view = self.view(threads, progress)?;
        let failing = || format!("cannot read `{path}` in the image `{}`", self.name);
        let Some((_, item)) = view.lookup(path).context(failing)? else { return Ok(None) };
        if item.size() > LARGEST_FILE {
            let error = format!("it has {} bytes, at most {LARGEST_FILE} are compared", item.size());
            return Err(Error::new(error).context(failing()));
        }
        let mut content = Vec::new();
        view::copy_content(&view, &item, &self.image, &mut content).context(failing)?;
        Ok(Some(content))
    }
}
