//! OCI image layouts in a folder (image-layout.md of the OCI image specification).

mod names;
mod orphans;
mod read;
mod verified;
mod write;

use bareboat_model::Digest;

pub use names::{Named, Removed, add_names, archive_names, is_of_attachments, names, remove_name};
pub(super) use read::LayoutSource;
pub(super) use read::index_if_there;
pub(super) use write::{LayoutDestination, check_folder};

pub(super) const INDEX_FILE: &str = "index.json";

/// What is to be known of an image that is not written in OCI's words.
pub(super) const DOCKERS: &str = "the image keeps Docker's manifest (schema 2), and with it its digest: skopeo and umoci do not find such an \
                                  image in an OCI layout by its tag";

/// Where a layout keeps a blob.
pub(super) fn blob_path(digest: &Digest) -> String {
    format!("blobs/sha256/{}", digest.hex())
}
