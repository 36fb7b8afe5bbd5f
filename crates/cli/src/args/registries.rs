//! The commands that speak of what a registry or a layout holds.

use clap::Args as ClapArgs;

use super::Patience;

/// List the tags of a repository, or the images of a layout or an archive
#[derive(ClapArgs, Debug)]
pub(crate) struct List {
    /// The repository: HOST/REPOSITORY; or oci:DIR, oci-archive:FILE, docker-archive:FILE, or the name of what was built here
    pub(crate) repository: String,
    /// List what is there for other images, too: attachments, and the tags (sha256-…) of their lists
    #[arg(long)]
    pub(crate) all: bool,
    #[command(flatten)]
    pub(crate) patience: Patience,
}

/// Give an image more tags, where it is
///
/// Only the manifest is sent again, under the new name; no layer moves. A tag that another image has goes over to this one.
#[derive(ClapArgs, Debug)]
pub(crate) struct Tag {
    /// The image: HOST/REPOSITORY[:TAG][@DIGEST], oci:DIR[:TAG], or the name of one built here
    pub(crate) image: String,
    /// The new tags, in the same repository or layout
    #[arg(required = true, value_name = "NEWTAG")]
    pub(crate) tags: Vec<String>,
    #[command(flatten)]
    pub(crate) patience: Patience,
}

/// Delete a tag, or an image by its digest
///
/// By digest, all tags of the image go with it. What is attached to it (signatures, records) stays in a registry, without a name,
/// and is told; so do the images of an index, and are not told. In a layout, all goes that no other image needs. Not every registry
/// allows either.
#[derive(ClapArgs, Debug)]
pub(crate) struct Delete {
    /// What to delete: HOST/REPOSITORY:TAG, HOST/REPOSITORY@DIGEST, oci:DIR:TAG or oci:DIR@DIGEST
    #[arg(value_name = "REF")]
    pub(crate) image: String,
    /// With an image, delete what is attached to it, and what is attached to that
    #[arg(long)]
    pub(crate) with_referrers: bool,
    #[command(flatten)]
    pub(crate) patience: Patience,
}

/// Log in to a registry
///
/// The registry is asked first. Name and password are kept where docker, podman and skopeo look for them: in the file that
/// REGISTRY_AUTH_FILE names, else in Docker's config.json, or with the helper that this file names.
#[derive(ClapArgs, Debug)]
pub(crate) struct Login {
    /// The registry: HOST[:PORT]
    pub(crate) registry: String,
    /// The name [default: ask]
    #[arg(short, long = "username", alias = "user", value_name = "NAME")]
    pub(crate) user: Option<String>,
    /// Known of other tools, and refused: whoever lists processes could read it
    #[arg(short, long, hide = true, value_name = "PASSWORD")]
    pub(crate) password: Option<String>,
    /// Read the password from standard input, up to the end
    #[arg(long, requires = "user")]
    pub(crate) password_stdin: bool,
    #[command(flatten)]
    pub(crate) patience: Patience,
}

/// Forget the password for a registry
#[derive(ClapArgs, Debug)]
pub(crate) struct Logout {
    /// The registry: HOST[:PORT]
    pub(crate) registry: String,
}
