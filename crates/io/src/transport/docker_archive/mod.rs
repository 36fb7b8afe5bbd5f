//! What `docker save` writes and `docker load` reads: a tar file with `manifest.json`, since Docker 1.10; since Docker 25 with
//! an OCI layout in the same file.

mod read;
mod write;

use bareboat_formats::oci::{Descriptor, LAYER_ZSTD, Manifest};
use serde::{Deserialize, Serialize};

use super::DEFAULT_TAG;

pub(super) use read::open;
pub use read::saved_names;
pub(super) use write::{DockerArchiveDestination, check, fill};

/// The file that names the images.
const MANIFEST_FILE: &str = "manifest.json";

/// The annotation by which containerd names images in an archive (containerd, `images.AnnotationImageName`).
const IMAGE_NAME: &str = "io.containerd.image.name";

/// One element of `manifest.json`.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Saved {
    config: String,
    #[serde(default)]
    repo_tags: Option<Vec<String>>,
    #[serde(default)]
    layers: Option<Vec<String>>,
}

/// `reference` with a tag. A colon before the last slash is a port.
pub(super) fn full_reference(reference: &str) -> String {
    let name = reference.rsplit('/').next().unwrap_or(reference);
    if name.contains(':') { reference.to_owned() } else { format!("{reference}:{DEFAULT_TAG}") }
}

/// `docker.io/library/debian:13` is what people call `debian:13`.
fn familiar(reference: &str) -> &str {
    let name = reference.strip_prefix("docker.io/").unwrap_or(reference);
    name.strip_prefix("library/").unwrap_or(name)
}

/// Docker before 23 cannot read Zstandard.
fn is_zstd(layer: &Descriptor) -> bool {
    layer.media_type == LAYER_ZSTD
}

fn has_zstd(manifest: &Manifest) -> bool {
    manifest.layers.iter().any(is_zstd)
}
