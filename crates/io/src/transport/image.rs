//! An image for one platform, opened to be looked into.

use std::io::Read;

use bareboat_formats::oci::{
    self, DOCKER_LAYER, DOCKER_LAYER_GZIP, Descriptor, ImageConfig, LAYER, LAYER_GZIP, LAYER_ZSTD, Manifest,
};
use bareboat_model::{Context, Digest, Error, Location, Result, escape};

use super::graph::{document, is_foreign};
use super::platforms::{Choice, choose, is_image, platform_of, serves};
use super::source::{check_size, small_blob};
use super::{Outside, Source, Work, foreign, source, stored};

/// The most layers of one image: what overlay file systems mount.
pub(super) const MOST_LAYERS: usize = 500;

/// An image that was opened: its documents are read and verified, its layers are where they are.
pub struct Image<'a> {
    /// What was named: a manifest, or an index.
    pub top: Descriptor,
    /// The manifest of the image for the platform.
    pub manifest: Descriptor,
    /// The manifest itself.
    pub manifest_bytes: Vec<u8>,
    /// How it runs.
    pub config: ImageConfig,
    /// The config as it is.
    pub config_bytes: Vec<u8>,
    /// The layers, the lowest first, each with the digest of the tar inside: claimed, not verified.
    pub layers: Vec<(Descriptor, Digest)>,
    location: String,
    source: Box<dyn Source + 'a>,
    outside: Outside<'a>,
}

/// An image whose layers are in the store.
#[derive(Clone, Debug)]
pub struct Found {
    /// What was named: a manifest or an index.
    pub digest: Digest,
    /// How it runs.
    pub config: ImageConfig,
    /// The layers under their OCI types, the lowest first, each with the digest of the tar inside: claimed, not verified.
    pub layers: Vec<(Descriptor, Digest)>,
}

/// Opens the image at `location`.
///
/// # Errors
/// When it is not there, has nothing for the platform, is broken, or is no image.
pub fn open<'a>(location: &Location, choice: &Choice, outside: &Outside<'a>) -> Result<Image<'a>> {
    let source = source(location, outside)?;
    Image::of(location.to_string(), source, choice, outside)
        .context(|| format!("cannot read the image `{location}`"))
}

/// The manifest or index at `location`, as it is.
///
/// # Errors
/// When it is not there, or is not what its digest says.
pub fn top_document(location: &Location, outside: &Outside<'_>) -> Result<Vec<u8>> {
    let read = || {
        let source = source(location, outside)?;
        document(&*source, &source.top()?)
    };
    read().context(|| format!("cannot read the image `{location}`"))
}

impl<'a> Image<'a> {
    fn of(
        location: String,
        source: Box<dyn Source + 'a>,
        choice: &Choice,
        outside: &Outside<'a>,
    ) -> Result<Self> {
        let top = source.top()?;
        let natural = Choice::Natural;
        let choice = if *choice == Choice::All { &natural } else { choice };
        let (manifest, _) = choose(&*source, &top, choice)?;
        let manifest_bytes = document(&*source, &manifest)?;
        let parsed = Manifest::parse(&manifest_bytes)?;
        if !is_image(&parsed) {
            let found = escape(&parsed.config.media_type);
            return Err(Error::new(format!("it is no image: its config is a `{found}`")));
        }
        if source.is_far() {
            // Kept, so that an image whose digest is known needs no network the next time.
            check_size(&parsed.config)?;
            stored::bring(&*source, &parsed.config, &outside.work())?;
        }
        let config_bytes = small_blob(&*source, &parsed.config)?;
        let config = ImageConfig::parse(&config_bytes)?;
        if let Choice::For(wanted) = choice
            && !serves(&config, wanted)
        {
            let its = platform_of(&config);
            return Err(Error::new(format!("it has nothing for {wanted}, only for {its}")));
        }
        let layers = with_diff_ids(&config, parsed.layers)?;
        let outside = *outside;
        Ok(Self { top, manifest, manifest_bytes, config, config_bytes, layers, location, source, outside })
    }

    /// Opens a layer as it is stored: compressed, and not verified. Whoever reads it to its end compares digest and length.
    ///
    /// # Errors
    /// When there is no such layer, or it cannot be read.
    pub fn open_layer(&self, number: usize) -> Result<Box<dyn Read + Send>> {
        let (layer, _) = self.layers.get(number).ok_or_else(|| Error::new("there is no such layer"))?;
        let open = || {
            if self.source.is_far() || self.comes_from_urls(layer) {
                self.bring(layer, &self.work())?;
                return stored::open(self.outside.store, layer, 0);
            }
            self.source.open(layer, 0)
        };
        open().context(|| format!("cannot read layer {}", layer.digest))
    }

    /// Sees to it, without reading them, that the layers are there and have their sizes: those that lie in folders and
    /// archives. A registry is not asked, nor the owner of a layer that only its owner hands out.
    ///
    /// # Errors
    /// When a layer is missing, or has another size.
    pub fn check_layers(&self) -> Result<()> {
        if self.source.is_far() {
            return Ok(());
        }
        for (number, (layer, _)) in
            self.layers.iter().enumerate().filter(|(_, (layer, _))| !is_foreign(layer))
        {
            let opened = self.source.open(layer, 0).map(drop);
            opened.context(|| format!("cannot read layer {} ({})", number + 1, layer.digest))?;
        }
        Ok(())
    }

    /// The index that the image was found in, if it was named by one.
    #[must_use]
    pub fn index(&self) -> Option<Digest> {
        (self.top.digest != self.manifest.digest
            && matches!(self.top.media_type.as_str(), oci::INDEX | oci::DOCKER_MANIFEST_LIST))
        .then_some(self.top.digest)
    }

    /// Sees to it that all layers are in the store.
    ///
    /// # Errors
    /// When a layer is missing or damaged, or of a kind that is not known.
    pub fn into_store(self) -> Result<Found> {
        let location = self.location.clone();
        self.brought().context(|| format!("cannot read the image `{location}`"))
    }

    fn brought(self) -> Result<Found> {
        let plain = self.layers.iter().map(|(layer, diff_id)| Ok((plain_layer(layer)?, *diff_id)));
        let layers = plain.collect::<Result<Vec<_>>>()?;
        let work = self.work();
        let blobs: Vec<Descriptor> = self.layers.iter().map(|(layer, _)| layer.clone()).collect();
        work.each(&blobs, |layer| self.bring(layer, &work))?;
        Ok(Found { digest: self.top.digest, config: self.config, layers })
    }

    fn work(&self) -> Work<'a> {
        self.outside.work()
    }

    fn bring(&self, layer: &Descriptor, work: &Work<'_>) -> Result<()> {
        match self.comes_from_urls(layer) {
            true => foreign::bring(layer, self.outside.http, work),
            false => stored::bring(&*self.source, layer, work),
        }
    }

    /// Whether a layer is one that only its owner hands out, and is not where the image is.
    fn comes_from_urls(&self, layer: &Descriptor) -> bool {
        is_foreign(layer) && self.source.open(layer, 0).is_err()
    }
}

fn with_diff_ids(config: &ImageConfig, layers: Vec<Descriptor>) -> Result<Vec<(Descriptor, Digest)>> {
    let diff_ids = &config.rootfs.diff_ids;
    if layers.len() != diff_ids.len() || layers.len() > MOST_LAYERS {
        return Err(Error::new(format!(
            "it has {} layers and its config names {}, expected as many and at most {MOST_LAYERS}",
            layers.len(),
            diff_ids.len()
        )));
    }
    Ok(layers.into_iter().zip(diff_ids.iter().copied()).collect())
}

/// The layer under its OCI type, with nothing else that its manifest says of it.
fn plain_layer(layer: &Descriptor) -> Result<Descriptor> {
    let media_type = match layer.media_type.as_str() {
        LAYER | LAYER_GZIP | LAYER_ZSTD => &layer.media_type,
        DOCKER_LAYER_GZIP | oci::FOREIGN_LAYER_GZIP | oci::DOCKER_FOREIGN_LAYER_GZIP => LAYER_GZIP,
        DOCKER_LAYER | oci::FOREIGN_LAYER | oci::DOCKER_FOREIGN_LAYER => LAYER,
        oci::FOREIGN_LAYER_ZSTD => LAYER_ZSTD,
        other => {
            return Err(Error::new(format!(
                "layer {} is a `{}`, expected a tar, plain or compressed with gzip or zstd",
                layer.digest,
                escape(other)
            )));
        }
    };
    Ok(Descriptor::new(media_type, layer.digest, layer.size))
}
