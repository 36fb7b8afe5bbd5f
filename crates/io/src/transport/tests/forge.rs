//! Layouts made by hand: as others write them, and as nobody should.

use std::fs;
use std::path::PathBuf;

use bareboat_formats::oci::{self, Descriptor, Index};
use bareboat_model::Digest;
use serde_json::{Value, json};

use super::World;

/// A layout under way.
pub(super) struct Forge {
    dir: PathBuf,
    tops: Vec<Descriptor>,
}

impl Forge {
    pub(super) fn new(world: &World, name: &str) -> Self {
        let dir = world.path(name);
        fs::create_dir_all(dir.join("blobs/sha256")).unwrap();
        fs::write(dir.join("oci-layout"), oci::LAYOUT_FILE.1).unwrap();
        Self { dir, tops: Vec::new() }
    }

    pub(super) fn blob(&self, media_type: &str, bytes: impl AsRef<[u8]>) -> Descriptor {
        let descriptor = Descriptor::of(media_type, bytes.as_ref());
        fs::write(self.path(&descriptor.digest), bytes).unwrap();
        descriptor
    }

    pub(super) fn path(&self, digest: &Digest) -> PathBuf {
        self.dir.join("blobs/sha256").join(digest.hex())
    }

    /// An image for the platform, of these layers. Its manifest is written as no program would, and has a field of its own.
    pub(super) fn image(&self, platform: &str, layers: &[Descriptor]) -> Descriptor {
        let (os, architecture) = platform.split_once('/').unwrap();
        let diff_ids: Vec<String> = layers.iter().map(|layer| layer.digest.to_string()).collect();
        let config = json!({ "os": os, "architecture": architecture, "vendor": { "kept": true },
            "rootfs": { "type": "layers", "diff_ids": diff_ids } });
        let config = self.blob(oci::CONFIG, config.to_string());
        self.manifest(&config, layers, json!({}))
    }

    pub(super) fn manifest(&self, config: &Descriptor, layers: &[Descriptor], more: Value) -> Descriptor {
        let mut manifest = json!({ "vendor.field": [1, 2], "schemaVersion": 2, "mediaType": oci::MANIFEST,
            "layers": layers, "config": config });
        manifest.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        self.blob(oci::MANIFEST, format!("{manifest:#}\n"))
    }

    /// An index of images, each with its platform.
    pub(super) fn index(&self, images: &[(&str, Descriptor)]) -> Descriptor {
        let entries = images.iter().map(|(platform, image)| match *platform {
            "" => image.clone(),
            platform => Descriptor { platform: Some(platform.parse().unwrap()), ..image.clone() },
        });
        self.blob(oci::INDEX, Index::new(entries.collect()).to_bytes().unwrap())
    }

    /// Names an image; without a tag, it only stands in the index.
    pub(super) fn top(&mut self, tag: &str, image: &Descriptor) {
        let mut top = image.clone();
        if !tag.is_empty() {
            top.annotations.insert(oci::REF_NAME.to_owned(), tag.to_owned());
        }
        self.tops.push(top);
        let index = Index::new(self.tops.clone()).to_bytes().unwrap();
        fs::write(self.dir.join("index.json"), index).unwrap();
    }
}
