//! The names in a layout's index: listed, given, taken away.

use std::collections::BTreeSet;
use std::path::Path;

use bareboat_formats::oci::{Descriptor, REF_NAME};
use bareboat_model::{Context, Digest, Error, Location, Result, Selector};

use super::read::{LayoutSource, has_no, index};
use super::verified::Verified;
use super::write::Layout;
use super::{blob_path, orphans};
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

/// An entry of a layout's index.
#[derive(Clone, PartialEq, Debug)]
pub struct Named {
    /// Its tag, if it has one.
    pub tag: Option<String>,
    /// What it is.
    pub image: Descriptor,
    /// Whether it is there for another image, to which it is attached.
    pub attached: bool,
}

/// Whether a tag is one of those under which tools keep what is attached to an image: the list of the distribution specification
/// ("Referrers Tag Schema"), or with something after it what cosign writes (`.sig`, `.att`, `.sbom`).
pub fn is_of_attachments(tag: &str) -> bool {
    let Some(rest) = tag.strip_prefix("sha256-") else { return false };
    let (hex, suffix) = rest.split_once('.').unwrap_or((rest, ""));
    Digest::from_hex(hex).is_ok() && suffix.bytes().all(|byte| byte.is_ascii_lowercase())
}

/// What is in the layout at `dir`, sorted by tag.
///
/// # Errors
/// When there is no layout.
pub fn names(dir: &Path) -> Result<Vec<Named>> {
    let names = Files::folder(dir).and_then(|files| names_in(&files));
    names.context(|| format!("cannot list `oci:{}`", dir.display()))
}

/// The same of a layout in a tar file.
///
/// # Errors
/// When there is none.
pub fn archive_names(file: &Path, store: &Store) -> Result<Vec<Named>> {
    let names = Files::archive(file, store).and_then(|files| names_in(&files));
    names.context(|| format!("cannot list `oci-archive:{}`", file.display()))
}

fn names_in(files: &Files) -> Result<Vec<Named>> {
    let read = |digest: &Digest| files.document(&blob_path(digest)).ok().flatten();
    let named = |image: Descriptor| {
        let tag = image.annotations.get(REF_NAME).cloned();
        let attached = match &tag {
            Some(tag) => is_of_attachments(tag),
            None => orphans::subject(&image, &read).is_some(),
        };
        Named { tag, image, attached }
    };
    let mut names: Vec<Named> = index(files)?.manifests.into_iter().map(named).collect();
    names.sort_by(|one, other| one.tag.cmp(&other.tag));
    Ok(names)
}

/// Gives an image of the layout at `dir` more tags. They are taken from whichever image has them.
///
/// # Errors
/// When there is no such image, or the layout cannot be written.
pub fn add_names(dir: &Path, image: Option<&Selector>, tags: &[String], store: &Store) -> Result<Descriptor> {
    let add = || -> Result<Descriptor> {
        let verified = Verified::of(dir, store);
        let layout = Layout { dir, verified: &verified };
        index(&Files::folder(dir)?)?;
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
        index(&Files::folder(dir)?)?;
        let _lock = layout.lock_safely()?;
        let mut gone = Vec::new();
        let digest = layout.change_index(|index| {
            let is_it = |one: &Descriptor| match image {
                Selector::Tag(tag) => one.annotations.get(REF_NAME) == Some(tag),
                Selector::Digest(digest) => one.digest == *digest,
            };
            gone = index.manifests.extract_if(.., |one| is_it(one)).collect();
            // Before they go: what is attached to them nobody could find any more.
            orphans::drop(index, &gone, &BTreeSet::new(), &|digest| layout.document(digest));
            gone.first().map(|one| one.digest).ok_or_else(|| match image {
                Selector::Tag(tag) => has_no(index, tag),
                Selector::Digest(_) => Error::new("it has no image with this digest"),
            })
        })?;
        layout.prune();
        let mut tags: Vec<_> = gone.iter().filter_map(|one| one.annotations.get(REF_NAME).cloned()).collect();
        tags.sort();
        Ok(Removed { digest, tags })
    };
    let what = || Location::Oci { dir: dir.to_owned(), name: Some(image.clone()) };
    remove().context(|| format!("cannot delete `{}`", what()))
}
