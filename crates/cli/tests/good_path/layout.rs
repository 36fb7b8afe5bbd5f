//! Reads images back as any other program would: by the OCI specification, each blob checked against its descriptor.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use bareboat_model::Digest;
use bareboat_testkit::tree::{Entry, Name};
use bareboat_testkit::{Compression, Tree};
use serde_json::Value;

use crate::bench::Bench;

/// An OCI layout in a folder.
pub(crate) struct Layout {
    dir: PathBuf,
    pub(crate) index: Value,
}

/// One platform's image.
pub(crate) struct Image {
    pub(crate) manifest: Value,
    pub(crate) config: Value,
    /// The lowest first.
    pub(crate) layers: Vec<Layer>,
}

/// One layer, unpacked.
pub(crate) struct Layer {
    pub(crate) digest: String,
    /// What the image's history calls it.
    pub(crate) title: String,
    pub(crate) tar: Vec<u8>,
    pub(crate) tree: Tree,
}

impl Bench {
    /// The layout that a build without `-o` made.
    pub(crate) fn layout(&self) -> Layout {
        Layout::open(&self.path("project/.bareboat/hello"))
    }

    /// The image in it, which must be one.
    pub(crate) fn image(&self) -> Image {
        self.layout().only()
    }

    /// Builds, and gives the image.
    pub(crate) fn built(&self) -> Image {
        self.builds();
        self.image()
    }
}

impl Layout {
    pub(crate) fn open(dir: &Path) -> Self {
        let version = std::fs::read_to_string(dir.join("oci-layout")).unwrap();
        assert_eq!(version, r#"{"imageLayoutVersion":"1.0.0"}"#);
        let index = serde_json::from_slice(&std::fs::read(dir.join("index.json")).unwrap()).unwrap();
        Self { dir: dir.to_owned(), index }
    }

    /// The blob that a descriptor names.
    pub(crate) fn blob(&self, descriptor: &Value) -> Vec<u8> {
        let digest = text(&descriptor["digest"]);
        let path = self.dir.join("blobs").join(digest.replacen(':', "/", 1));
        let bytes = std::fs::read(&path).unwrap();
        assert_eq!(Digest::of(&bytes).to_string(), digest);
        assert_eq!(descriptor["size"], bytes.len());
        bytes
    }

    pub(crate) fn json(&self, descriptor: &Value) -> Value {
        serde_json::from_slice(&self.blob(descriptor)).unwrap()
    }

    /// The layout's image when it holds one, for one platform.
    pub(crate) fn only(&self) -> Image {
        let [one] = &self.index["manifests"].as_array().unwrap()[..] else { panic!("{:#}", self.index) };
        self.image(one)
    }

    /// The image whose manifest this descriptor names.
    pub(crate) fn image(&self, descriptor: &Value) -> Image {
        let manifest = self.json(descriptor);
        let config = self.json(&manifest["config"]);
        let descriptors = manifest["layers"].as_array().unwrap().iter();
        let history = config["history"].as_array().unwrap().iter();
        let diff_ids = config["rootfs"]["diff_ids"].as_array().unwrap().iter();
        assert_eq!((history.len(), diff_ids.len()), (descriptors.len(), descriptors.len()));
        let layers = descriptors.zip(history).zip(diff_ids);
        let layers = layers.map(|((layer, history), diff_id)| self.layer(layer, history, diff_id)).collect();
        Image { layers, manifest, config }
    }

    fn layer(&self, descriptor: &Value, history: &Value, diff_id: &Value) -> Layer {
        let compression = match text(&descriptor["mediaType"]) {
            "application/vnd.oci.image.layer.v1.tar+gzip" => Compression::Gz,
            "application/vnd.oci.image.layer.v1.tar+zstd" => Compression::Zst,
            other => panic!("no layer is of type `{other}`"),
        };
        let tar = compression.decompress(&self.blob(descriptor));
        assert_eq!(Digest::of(&tar).to_string(), text(diff_id));
        let title = text(&history["created_by"]).strip_prefix("bareboat: ").unwrap();
        Layer {
            digest: text(&descriptor["digest"]).to_owned(),
            title: title.to_owned(),
            tree: Tree::from_tar(&tar),
            tar,
        }
    }
}

impl Image {
    /// What a runtime makes of the layers. No layer changes a directory of another.
    pub(crate) fn tree(&self) -> Tree {
        let mut merged: BTreeMap<Name, Entry> = BTreeMap::new();
        for entry in self.layers.iter().flat_map(|layer| &layer.tree.entries) {
            if let Some(before) = merged.insert(entry.path.clone(), entry.clone()) {
                assert_eq!(before.to_string(), entry.to_string());
            }
        }
        Tree { entries: merged.into_values().collect() }
    }

    /// The tree as text without times, below one of these folders or files.
    pub(crate) fn listing(&self, below: &[&str]) -> String {
        let mut tree = self.tree().without_times();
        tree.entries.retain(|entry| {
            let path = format!("/{}/", String::from_utf8_lossy(entry.path.as_bytes()));
            below.iter().any(|folder| path.starts_with(&format!("{}/", folder.trim_end_matches('/'))))
        });
        tree.to_string()
    }

    /// A text file of the image.
    pub(crate) fn text(&self, path: &str) -> String {
        String::from_utf8(self.tree().content(path).to_vec()).unwrap()
    }

    /// What its layers are called, the lowest first.
    pub(crate) fn titles(&self) -> Vec<&str> {
        self.layers.iter().map(|layer| &*layer.title).collect()
    }
}

/// The text in a JSON value that must be one.
pub(crate) fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("`{value}` is no text"))
}
