//! Writing to an image layout in a folder.
//!
//! A layout may hold other images, which stay. Its index is exchanged last, so whoever reads it meanwhile
//! sees the old images or the new ones. Two writers take turns: each holds a lock on the `oci-layout` file.
//!
//! A layout that is new is made under another name beside its place. If its blobs come from afar and the run fails, that
//! folder stays, and the next run goes on with it.

use std::collections::BTreeSet;
use std::fs::{self, File, Metadata, OpenOptions};
use std::io::{ErrorKind, Write};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use bareboat_formats::oci::{self, Descriptor, Index, LAYOUT_FILE, Manifest, REF_NAME};
use bareboat_model::{Context, Digest, Error, Result, escape};

use super::verified::Verified;
use super::{DOCKERS, INDEX_FILE, orphans, read};
use crate::files::{
    is_at, is_occupied, no_links, prefix_for, prepare_folder, read_bounded, replace_file, sync_folder,
};
use crate::transport::files::Files;
use crate::transport::graph::{DEEPEST, plain};
use crate::transport::source::LARGEST_DOCUMENT;
use crate::transport::stored::named;
use crate::transport::{Destination, Graph, Source, Work};

/// How the names of blobs under way begin. The layout's lock says that they are nobody else's.
const PARTIAL: &str = ".partial-";

/// Where `bareboat pull` found the image that has the tag: HOST/REPOSITORY.
const PULLED_FROM: &str = "dev.bareboat.pulled-from";

/// A layout in a folder, and the tag that the image gets in it.
pub(crate) struct LayoutDestination {
    pub(crate) dir: PathBuf,
    pub(crate) tag: String,
}

impl Destination for LayoutDestination {
    fn check(&self, _graph: &Graph) -> Result<()> {
        Ok(())
    }

    fn caveat(&self, graph: &Graph) -> Option<&'static str> {
        graph.is_dockers().then_some(DOCKERS)
    }

    fn write(&self, graph: &Graph, source: &dyn Source, work: &Work<'_>) -> Result<()> {
        let verified = Verified::of(&self.dir, work.store);
        // Of those who make it at once, one is first, and the others find it there: soon.
        while !is_occupied(&self.dir)? {
            if self.write_new(graph, source, work, &verified)? {
                verified.keep();
                return Ok(());
            }
        }
        self.write_into(graph, source, work, &verified)?;
        verified.keep();
        self.sweep();
        Ok(())
    }
}

impl LayoutDestination {
    /// Makes the layout beside its place, and renames it. Says whether it did: somebody else may have been quicker.
    fn write_new(
        &self,
        graph: &Graph,
        source: &dyn Source,
        work: &Work<'_>,
        verified: &Verified<'_>,
    ) -> Result<bool> {
        let parent = prepare_folder(&self.dir)?;
        let aside = self.aside(&parent);
        let Some(_lock) = take_aside(&aside)? else { return Ok(false) };
        if is_occupied(&self.dir)? {
            // Made by whoever held the lock before.
            let _ = fs::remove_dir_all(&aside);
            return Ok(false);
        }
        let layout = Layout { dir: &aside, verified };
        let made = layout.refuse_links().and_then(|()| {
            layout.clean()?;
            layout.put(&self.tag, graph, source, work)
        });
        if let Err(error) = made {
            let kept = source.is_far() && layout.has_bytes();
            if !kept {
                let _ = fs::remove_dir_all(&aside);
                return Err(error);
            }
            return Err(kept_in(error, &aside));
        }
        layout.prune();
        sync_folder(&aside)?;
        // rename(2) replaces an empty directory, and no other.
        match fs::rename(&aside, &self.dir) {
            Ok(()) => sync_folder(&parent).map(|()| true),
            Err(error) if matches!(error.kind(), ErrorKind::DirectoryNotEmpty | ErrorKind::AlreadyExists) => {
                let _ = fs::remove_dir_all(&aside);
                Ok(false)
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Where a layout is made before it has its name.
    fn aside(&self, parent: &Path) -> PathBuf {
        parent.join(format!("{}layout", prefix_for(&self.dir)))
    }

    /// What a broken run left beside the layout is of no use once the layout was made otherwise.
    fn sweep(&self) {
        let Ok(parent) = prepare_folder(&self.dir) else { return };
        let aside = self.aside(&parent);
        if aside.is_symlink() {
            return;
        }
        // Whoever has the lock is still at it.
        if let Ok(folder) = File::open(&aside)
            && folder.try_lock().is_ok()
        {
            let _ = fs::remove_dir_all(&aside);
        }
    }

    fn write_into(
        &self,
        graph: &Graph,
        source: &dyn Source,
        work: &Work<'_>,
        verified: &Verified<'_>,
    ) -> Result<()> {
        let layout = Layout { dir: &self.dir, verified };
        layout.refuse_links()?;
        let _lock = layout.lock()?;
        match layout.put(&self.tag, graph, source, work) {
            Ok(true) => layout.prune(),
            Ok(false) => {}
            // What came from afar is worth keeping.
            Err(error) if source.is_far() && !layout.unneeded().is_empty() => {
                return Err(kept_in(error, &self.dir));
            }
            Err(error) => {
                layout.prune();
                return Err(error);
            }
        }
        Ok(())
    }
}

/// Whether a layout is in this folder, or can be put there.
///
/// # Errors
/// When the folder holds other things.
pub(in crate::transport) fn check_folder(dir: &Path) -> Result<()> {
    let is_in_use = fs::read_dir(dir).is_ok_and(|mut entries| entries.next().is_some());
    if is_in_use && !dir.join(LAYOUT_FILE.0).exists() { Err(other_things()) } else { Ok(()) }
}

fn other_things() -> Error {
    Error::new("the folder holds other things, and is no OCI layout")
        .with_hint("name a folder that is new or empty, or an OCI layout")
}

fn kept_in(error: Error, dir: &Path) -> Error {
    error.with_hint(format!("what came so far is kept in `{}`: run again to go on", dir.display()))
}

/// Takes the folder in which a new layout is made: made here, or left behind by a run that failed. None when whoever had it
/// made the layout of it meanwhile.
fn take_aside(aside: &Path) -> Result<Option<File>> {
    if aside.is_symlink() {
        return Err(Error::new(format!("`{}` is a link", aside.display())));
    }
    fs::create_dir_all(aside)?;
    let lock = File::open(aside)?;
    // Some network file systems know no locks on folders.
    let _ = lock.lock();
    Ok(is_at(&lock, aside)?.then_some(lock))
}

/// A layout in a folder that is written to.
pub(super) struct Layout<'a> {
    pub(super) dir: &'a Path,
    pub(super) verified: &'a Verified<'a>,
}

impl Layout<'_> {
    /// The folder may be somebody else's, out of a repository: a link in it would lead what is written, and what is
    /// pruned, to another place.
    fn refuse_links(&self) -> Result<()> {
        for name in ["blobs", "blobs/sha256", INDEX_FILE, LAYOUT_FILE.0] {
            let path = self.dir.join(name);
            if path.is_symlink() {
                return Err(Error::new(format!("`{}` is a link", path.display())));
            }
        }
        Ok(())
    }

    /// Waits until nobody else writes to this layout.
    fn lock(&self) -> Result<File> {
        let path = self.dir.join(LAYOUT_FILE.0);
        loop {
            let mut options = OpenOptions::new();
            let file =
                options.read(true).write(true).custom_flags(no_links()).open(&path).map_err(|error| {
                    match error.kind() {
                        ErrorKind::NotFound => other_things(),
                        _ => Error::from(error).context(format!("cannot open `{}`", path.display())),
                    }
                })?;
            file.lock().context(|| format!("cannot lock `{}`", path.display()))?;
            // Whoever had the lock may have put another file in its place.
            if !is_at(&file, &path)? {
                continue;
            }
            return if file.metadata()?.len() > 0 { Ok(file) } else { self.put_locked_layout_file() };
        }
    }

    /// Puts the layout's file in the place of an empty one, which may have another name elsewhere; it is locked before it is
    /// there.
    fn put_locked_layout_file(&self) -> Result<File> {
        let path = self.dir.join(LAYOUT_FILE.0);
        let mut lock = None;
        replace_file(&path, |file| {
            // A scratch file is locked, and so is every other handle of it.
            lock = Some(file.as_file().try_clone()?);
            Ok(file.write_all(LAYOUT_FILE.1)?)
        })?;
        lock.ok_or_else(|| Error::new("it was not written"))
    }

    /// Waits until nobody else writes to this layout, which must lead nowhere else.
    pub(super) fn lock_safely(&self) -> Result<File> {
        self.refuse_links()?;
        self.lock()
    }

    /// Exchanges the index for a changed one.
    pub(super) fn change_index<T>(&self, change: impl FnOnce(&mut Index) -> Result<T>) -> Result<T> {
        let mut index = read::index(&Files::folder(self.dir)?)?;
        let changed = change(&mut index)?;
        self.put_index(&index.to_bytes()?)?;
        Ok(changed)
    }

    /// Adds the image under `tag`, and says whether that changed anything.
    fn put(&self, tag: &str, graph: &Graph, source: &dyn Source, work: &Work<'_>) -> Result<bool> {
        let index = self.index_with(tag, graph, work)?;
        fs::create_dir_all(self.blobs_dir())?;
        let is_known = |blob: &&Descriptor| self.verified.knows(&self.blob_path(&blob.digest), blob);
        let (known, others): (Vec<_>, Vec<_>) = graph.blobs.iter().partition(is_known);
        known.iter().for_each(|blob| work.tally.skipped(blob));
        let others: Vec<Descriptor> = others.into_iter().cloned().collect();
        work.each(&others, |blob| {
            self.put_blob(blob, source, work).map_err(|error| named(source, "copy", blob, error))
        })?;
        graph.documents.iter().try_for_each(|(document, bytes)| self.put_document(document, bytes))?;
        if !others.is_empty() {
            sync_folder(&self.blobs_dir())?;
        }
        self.put_layout_file()?;
        self.put_index(&index)
    }

    fn put_blob(&self, blob: &Descriptor, source: &dyn Source, work: &Work<'_>) -> Result<()> {
        let path = self.blob_path(&blob.digest);
        if self.verified.is_whole(&path, blob) {
            work.tally.skipped(blob);
            return Ok(());
        }
        let partial = self.blobs_dir().join(format!("{PARTIAL}{}", blob.digest.hex()));
        let bar = work.bar("copying", blob);
        if let Err(error) = source.fetch(blob, &partial, &*bar) {
            if !source.is_far() {
                let _ = fs::remove_file(&partial);
            }
            return Err(error);
        }
        File::open(&partial)?.sync_all()?;
        fs::rename(&partial, &path)?;
        self.verified.written(&path, blob);
        work.tally.moved(blob);
        Ok(())
    }

    fn put_document(&self, document: &Descriptor, bytes: &[u8]) -> Result<()> {
        let path = self.blob_path(&document.digest);
        if self.verified.is_whole(&path, document) {
            return Ok(());
        }
        replace_file(&path, |file| Ok(file.write_all(bytes)?))?;
        self.verified.written(&path, document);
        Ok(())
    }

    fn put_layout_file(&self) -> Result<()> {
        let path = self.dir.join(LAYOUT_FILE.0);
        if fs::symlink_metadata(&path).is_ok() {
            return Ok(());
        }
        replace_file(&path, |file| Ok(file.write_all(LAYOUT_FILE.1)?))
    }

    fn put_index(&self, bytes: &[u8]) -> Result<bool> {
        let path = self.dir.join(INDEX_FILE);
        if read_document(&path)?.is_some_and(|there| there == bytes) {
            return Ok(false);
        }
        replace_file(&path, |file| Ok(file.write_all(bytes)?))?;
        Ok(true)
    }

    /// The layout's index with `tag` as it shall be, and all other images as they are. Attachments stand in it without a
    /// tag: that is where readers look for them.
    fn index_with(&self, tag: &str, graph: &Graph, work: &Work<'_>) -> Result<Vec<u8>> {
        let mut index = match read_document(&self.dir.join(INDEX_FILE))? {
            Some(bytes) => Index::parse(&bytes)?,
            None => Index::new(Vec::new()),
        };
        let has_tag = |one: &Descriptor| one.annotations.get(REF_NAME).is_some_and(|name| name == tag);
        let place = index.manifests.iter().position(has_tag).unwrap_or(index.manifests.len());
        let replaced: Vec<Descriptor> = index.manifests.extract_if(.., |one| has_tag(one)).collect();
        let mut top = plain(&graph.top);
        top.annotations.insert(REF_NAME.to_owned(), tag.to_owned());
        note_origin(&mut top, replaced.first(), work.pulled_from.as_deref())?;
        replaced.iter().for_each(|before| work.tally.replaced(before.digest));
        index.manifests.insert(place, top);
        for attachment in &graph.attachments {
            if !index.manifests.iter().any(|one| one.digest == attachment.digest) {
                index.manifests.push(attachment.clone());
            }
        }
        let new = graph.documents.iter().map(|(document, _)| document.digest).collect();
        orphans::drop(&mut index, &replaced, &new, &|digest| self.document(digest));
        index.to_bytes()
    }

    /// A document, if it can be read.
    pub(super) fn document(&self, digest: &Digest) -> Option<Vec<u8>> {
        read_document(&self.blob_path(digest)).ok().flatten()
    }

    fn blobs_dir(&self) -> PathBuf {
        self.dir.join("blobs/sha256")
    }

    fn blob_path(&self, digest: &Digest) -> PathBuf {
        self.blobs_dir().join(digest.hex())
    }

    /// Whether any of the blobs, whole or not, has bytes.
    fn has_bytes(&self) -> bool {
        let entries = fs::read_dir(self.blobs_dir()).into_iter().flatten().flatten();
        entries.into_iter().any(|entry| entry.metadata().is_ok_and(|found| found.len() > 0))
    }

    /// Removes what an earlier run does not leave in a layout under way: anybody may have put it there, and it would be part of
    /// the layout.
    fn clean(&self) -> Result<()> {
        let is_folder = |found: &Metadata| found.is_dir();
        remove_others(self.dir, |name, found| name == "blobs" && is_folder(found))?;
        remove_others(&self.dir.join("blobs"), |name, found| name == "sha256" && is_folder(found))?;
        remove_others(&self.blobs_dir(), |name, found| {
            let digest = Digest::from_hex(name.strip_prefix(PARTIAL).unwrap_or(name));
            digest.is_ok() && found.is_file() && found.nlink() == 1
        })
    }

    /// Removes the blobs that no image of this layout needs any more, and what is left of earlier runs. If one of the images
    /// cannot be understood, nothing is removed; and that a blob cannot be removed is no failure of the image.
    pub(super) fn prune(&self) {
        for path in self.unneeded() {
            let _ = fs::remove_file(path);
        }
    }

    fn unneeded(&self) -> Vec<PathBuf> {
        let Some(needed) = self.needed() else { return Vec::new() };
        let entries = fs::read_dir(self.blobs_dir()).into_iter().flatten().flatten();
        let mut unneeded = Vec::new();
        for entry in entries {
            let name = entry.file_name();
            let Some(name) = name.to_str() else { continue };
            let is_blob = Digest::from_hex(name).is_ok_and(|digest| !needed.contains(&digest));
            if is_blob || name.starts_with(PARTIAL) {
                unneeded.push(entry.path());
            }
        }
        unneeded
    }

    fn needed(&self) -> Option<BTreeSet<Digest>> {
        let index = Index::parse(&read_document(&self.dir.join(INDEX_FILE)).ok()??).ok()?;
        let mut needed = BTreeSet::new();
        for image in &index.manifests {
            self.add_needed(image, DEEPEST, &mut needed)?;
        }
        Some(needed)
    }

    fn add_needed(&self, image: &Descriptor, depth: usize, needed: &mut BTreeSet<Digest>) -> Option<()> {
        if !needed.insert(image.digest) {
            return Some(());
        }
        let bytes = read_document(&self.blob_path(&image.digest)).ok()??;
        match image.media_type.as_str() {
            oci::INDEX | oci::DOCKER_MANIFEST_LIST => {
                let inner = Index::parse(&bytes).ok()?;
                inner.manifests.iter().try_for_each(|one| self.add_needed(one, depth.checked_sub(1)?, needed))
            }
            oci::MANIFEST | oci::DOCKER_MANIFEST => {
                let manifest = Manifest::parse(&bytes).ok()?;
                needed.extend(manifest.layers.iter().chain([&manifest.config]).map(|one| one.digest));
                Some(())
            }
            _ => None,
        }
    }
}

/// Notes with the tag where the image is pulled from, if that is all that was said: then a tag may move with the repository's,
/// and is taken from no image that was built here or came from elsewhere.
fn note_origin(top: &mut Descriptor, before: Option<&Descriptor>, from: Option<&str>) -> Result<()> {
    let Some(from) = from else { return Ok(()) };
    let noted = before.and_then(|before| before.annotations.get(PULLED_FROM));
    match before {
        // The same image under the same name: whoever wrote it first keeps it.
        Some(before) if before.digest == top.digest => {
            top.annotations.extend(noted.map(|noted| (PULLED_FROM.to_owned(), noted.clone())));
            return Ok(());
        }
        Some(before) if noted.is_none_or(|noted| noted != from) => {
            let came = match noted {
                Some(noted) => format!("pulled from `{}`", escape(noted)),
                None => "put there otherwise".to_owned(),
            };
            return Err(Error::new(format!(
                "another image has this name, {}, which was {came}",
                before.digest
            ))
            .with_hint("say where this one goes, such as oci:DIR:TAG; or bareboat delete the other first"));
        }
        _ => top.annotations.insert(PULLED_FROM.to_owned(), from.to_owned()),
    };
    Ok(())
}

/// Removes what is in a folder, if it is there, and does not `belong`.
fn remove_others(folder: &Path, belongs: impl Fn(&str, &Metadata) -> bool) -> Result<()> {
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        other => other?,
    };
    for entry in entries {
        let entry = entry?;
        let (path, found) = (entry.path(), entry.metadata()?);
        if entry.file_name().to_str().is_some_and(|name| belongs(name, &found)) {
            continue;
        }
        let removed = if found.is_dir() { fs::remove_dir_all(&path) } else { fs::remove_file(&path) };
        removed.context(|| format!("cannot remove `{}`", path.display()))?;
    }
    Ok(())
}

fn read_document(path: &Path) -> Result<Option<Vec<u8>>> {
    read_bounded(path, LARGEST_DOCUMENT).context(|| format!("cannot read `{}`", path.display()))
}
