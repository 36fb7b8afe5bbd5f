//! The root file system of an image, unpacked on this machine's disk: once for each set of layers.
//!
//! What a disk cannot hold as it is in the image stands in an index beside the files: an ordinary user owns all that he
//! unpacks, devices are not made, and set-id bits are not set. So the index is what the image is, and the folder is what
//! a program can be run on.

mod index;
#[cfg(test)]
mod tests;
mod unpack;
mod verify;

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs::File;
use std::io::Read as _;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use bareboat_model::{Context, Digest, Error, ImagePath, Progress, Result};

pub use index::{Entry, Kind};
pub use verify::damage;

use crate::files::open_as_root;
use crate::store::Store;
use crate::transport::Found;

/// The store's folder for roots, with the version of what is in one.
const KIND: &str = "roots-3";
const TREE: &str = "tree";
const INDEX: &str = "index.jsonl";

/// An image's root file system, in a folder of the store.
#[derive(Debug)]
pub struct Root {
    folder: PathBuf,
    dir: PathBuf,
    entries: OnceLock<BTreeMap<ImagePath, Entry>>,
    /// So that nobody makes room by removing it, for as long as a program runs on it.
    _held: File,
}

impl Root {
    /// The root of the image; its layers are unpacked if that was not done before.
    ///
    /// # Errors
    /// When a layer is broken or is not what the image's config says, or the store cannot be written.
    pub fn of(image: &Found, store: &Store, progress: &dyn Progress) -> Result<Self> {
        let keeps_owners = rustix::process::geteuid().is_root();
        let folder = store.directory(KIND, &key(image, keeps_owners), |aside| {
            let bytes = image.layers.iter().map(|(layer, _)| layer.size).sum();
            let bar = progress.begin("unpacking the image", Some(bytes));
            let tree = aside.join(TREE);
            std::fs::create_dir(&tree)?;
            let entries = unpack::layers(&tree, &image.layers, keeps_owners, store, &*bar)?;
            index::write(&aside.join(INDEX), &entries)?;
            // The folder gets its name only when all in it is on the disk.
            Ok(rustix::fs::syncfs(File::open(aside)?).map_err(std::io::Error::from)?)
        })?;
        let held = store.hold_directory(&folder)?;
        Ok(Self { dir: folder.join(TREE), folder, entries: OnceLock::new(), _held: held })
    }

    /// The folder that holds the files. Nothing may be written into it: others use it too.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Everything in the image, by path, as its layers have it.
    ///
    /// # Errors
    /// When the index cannot be read.
    pub fn entries(&self) -> Result<&BTreeMap<ImagePath, Entry>> {
        if let Some(entries) = self.entries.get() {
            return Ok(entries);
        }
        let entries = index::read(&self.folder.join(INDEX))?;
        Ok(self.entries.get_or_init(|| entries))
    }

    /// What is at `path` once its directories' links are followed, but not its own; with the place where it really is.
    ///
    /// # Errors
    /// When links lead in a circle, or the index cannot be read.
    pub fn entry(&self, path: &ImagePath) -> Result<Option<(ImagePath, &Entry)>> {
        let entries = self.entries()?;
        let real = path.follow_parent(|path| entries.get(path)?.kind.link())?;
        Ok(entries.get(&real).map(|entry| (real.clone(), entry)))
    }

    /// What a program would find at `path`: all links followed; with the place where it really is.
    ///
    /// # Errors
    /// When links lead in a circle, or the index cannot be read.
    pub fn lookup(&self, path: &ImagePath) -> Result<Option<(ImagePath, &Entry)>> {
        let entries = self.entries()?;
        let real = path.follow(|path| entries.get(path)?.kind.link())?;
        Ok(entries.get(&real).map(|entry| (real.clone(), entry)))
    }

    /// Opens the regular file at `path` as a program in the image would, without leaving the root; none if there is none.
    ///
    /// # Errors
    /// When it is no regular file, links lead in a circle, or it cannot be opened.
    pub fn open(&self, path: &ImagePath) -> Result<Option<File>> {
        open_as_root(&self.dir, Path::new(OsStr::from_bytes(path.as_bytes())))
            .context(|| format!("cannot open `{path}` of the image"))
    }

    /// The bytes of the regular file at `path`; none if there is none.
    ///
    /// # Errors
    /// As [`Root::open`], and when it has more than `most` bytes.
    pub fn read(&self, path: &ImagePath, most: u64) -> Result<Option<Vec<u8>>> {
        let Some(file) = self.open(path)? else { return Ok(None) };
        let failing = || format!("cannot read `{path}` of the image");
        let mut bytes = Vec::new();
        file.take(most.saturating_add(1)).read_to_end(&mut bytes).context(failing)?;
        if bytes.len() as u64 > most {
            return Err(
                Error::new(format!("it is longer than the {most} bytes expected at most")).context(failing())
            );
        }
        Ok(Some(bytes))
    }
}

/// Names what is unpacked: the layers, what they claim to hold, and whether the disk keeps the owners.
fn key(image: &Found, keeps_owners: bool) -> Digest {
    let mut text = format!("owners {keeps_owners}\n");
    for (layer, diff_id) in &image.layers {
        text.push_str(&format!("{} {diff_id}\n", layer.digest));
    }
    Digest::of(text.as_bytes())
}
