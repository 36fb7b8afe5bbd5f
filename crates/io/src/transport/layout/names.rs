//! The names in a layout's index: listed, given, taken away.

use std::path::Path;

use bareboat_formats::oci::{Descriptor, REF_NAME};
use bareboat_model::{Context, Digest, Error, Result, Selector};

use super::INDEX_FILE;
use super::read::{LayoutSource, index};
use super::verified::Verified;
use super::write::Layout;
use crate::store::Store;
use crate::transport::Source as _;
use crate::transport::files::Files;
use crate::transport::graph::plain;

/// What was taken out of a layout.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Removed {
    /// The image's digest.
    pub digest: Digest,
    /// The tags that it had and that are gone.
    pub tags: Vec<String>,
}

/// The images in the layout at `dir`: the tag, if it has one, and what it is. Sorted by tag.
///
/// # Errors
/// When there is no layout.
pub fn names(dir: &Path) -> Result<Vec<(Option<String>, Descriptor)>> {
    let list = || -> Result<Vec<_>> {
        let index = index(&Files::folder(dir)?)?;
        let index =
            index.ok_or_else(|| Error::new(format!("there is no `{INDEX_FILE}`, so it is no OCI layout")))?;
        let mut names: Vec<_> =
            index.manifests.into_iter().map(|one| (one.annotations.get(REF_NAME).cloned(), one)).collect();
        names.sort_by(|(one, _), (other, _)| one.cmp(other));
        Ok(names)
    };
    list().context(|| format!("cannot list `oci:{}`", dir.display()))
}

/// Gives an image of the layout at `dir` more tags. They are taken from whichever image has them.
///
/// # Errors
/// When there is no such image, or the layout cannot be written.
pub fn add_names(dir: &Path, image: Option<&Selector>, tags: &[String], store: &Store) -> Result<Descriptor> {
    let add = || -> Result<Descriptor> {
        let verified = Verified::of(dir, store);
        let layout = Layout { dir, verified: &verified };
        let _lock = layout.lock_safely()?;
        let top = LayoutSource::open(Files::folder(dir)?, image)?.top()?;
        layout.change_index(|index| {
            let is_one =
                |one: &Descriptor| one.annotations.get(REF_NAME).is_some_and(|name| tags.contains(name));
            index.manifests.retain(|one| !is_one(one));
            // An entry without a tag has one now.
            index.manifests.retain(|one| one.digest != top.digest || one.annotations.contains_key(REF_NAME));
            index.manifests.extend(tags.iter().map(|tag| {
                let mut named = plain(&top);
                named.annotations.insert(REF_NAME.to_owned(), tag.clone());
                named
            }));
            Ok(())
        })?;
        Ok(top)
    };
    add().context(|| format!("cannot tag an image of `oci:{}`", dir.display()))
}

/// Takes a tag, or an image with all its tags, out of the layout at `dir`, and with it the blobs that nothing there needs any
/// more.
///
/// # Errors
/// When there is no such image, or the layout cannot be written.
pub fn remove_name(dir: &Path, image: &Selector, store: &Store) -> Result<Removed> {
    let remove = || -> Result<Removed> {
        let verified = Verified::of(dir, store);
        let layout = Layout { dir, verified: &verified };
        let _lock = layout.lock_safely()?;
        let mut gone = Vec::new();
        let digest = layout.change_index(|index| {
            let is_it = |one: &Descriptor| match image {
                Selector::Tag(tag) => one.annotations.get(REF_NAME) == Some(tag),
                Selector::Digest(digest) => one.digest == *digest,
            };
            gone = index.manifests.extract_if(.., |one| is_it(one)).collect();
            gone.first().map(|one| one.digest).ok_or_else(|| Error::new("there is no such image in it"))
        })?;
        layout.prune();
        let mut tags: Vec<_> = gone.iter().filter_map(|one| one.annotations.get(REF_NAME).cloned()).collect();
        tags.sort();
        Ok(Removed { digest, tags })
    };
    remove().context(|| format!("cannot delete an image of `oci:{}`", dir.display()))
}
