//! One `[[files]]` entry: what it stands for on this machine, and where each file goes.

use std::io::{Read, Seek};
use std::path::Path;
use std::sync::Arc;

use bareboat_formats::elf;
use bareboat_io::files::{HostEntry, HostFiles, HostKind};
use bareboat_model::{Context, Error, HashingReader, ImagePath, Result};
use globset::{GlobSet, GlobSetBuilder};

use super::{capability, packages_do_not_come_here};
use crate::effects::Accounts;
use crate::recipe::{FileEntry, Mode, glob};
use crate::tree::{Content, Node, Owner, Tree};

/// The largest file that is stripped: it is held in memory for that.
const LARGEST_STRIPPED: u64 = 4 << 30;

pub(super) fn place(
    tree: &mut Tree,
    entry: &FileEntry,
    owner: &Owner,
    accounts: &Accounts,
    mtime: i64,
) -> Result<()> {
    let files = HostFiles::new(entry.place.folder())?;
    let (uid, gid) = accounts.resolve(&entry.owner)?;
    for found in files.resolve(&entry.from, &excludes(entry)?)? {
        let to = destination(entry, &found)?;
        let taking =
            || format!("cannot put `{}` at `{to}`", bareboat_model::escape(&found.path.to_string_lossy()));
        let mut node = match &found.kind {
            HostKind::Directory { .. } => Node::directory(directory_mode(entry), owner.clone()),
            HostKind::Symlink(target) => Node::symlink(target.as_slice(), mtime, owner.clone()),
            HostKind::File { mode, .. } => {
                let content = content(&files, entry, &found.path).context(taking)?;
                Node::file(content, file_mode(entry, *mode), mtime, owner.clone())
            }
        };
        (node.uid, node.gid) = (uid, gid);
        if !entry.capabilities.is_empty() && matches!(found.kind, HostKind::File { .. }) {
            node.xattrs.insert(capability::XATTR.to_vec(), capability::value(&entry.capabilities));
        }
        tree.place(&to, node, &packages_do_not_come_here).context(taking)?;
    }
    Ok(())
}

/// What a build leaves beside the recipe: an image that held its own last state would be another one each time.
const LEFT_BY_BUILDS: [&str; 2] = ["**/.bareboat", "**/bareboat.lock"];

fn excludes(entry: &FileEntry) -> Result<GlobSet> {
    let mut globs = GlobSetBuilder::new();
    for pattern in entry.exclude.iter().map(String::as_str).chain(LEFT_BY_BUILDS) {
        globs.add(glob(pattern)?);
    }
    globs.build().map_err(|error| Error::new(error.to_string()))
}

/// A file goes to `to` itself, what a folder holds or a glob matches goes below it; with a slash at the end of
/// `to`, a file or folder goes into it under its own name.
fn destination(entry: &FileEntry, found: &HostEntry) -> Result<ImagePath> {
    let mut to = entry.to.path.clone();
    if entry.to.into && !entry.is_glob() {
        let own_name = Path::new(&entry.from).file_name();
        to = to.join(own_name.unwrap_or_default().as_encoded_bytes())?;
    }
    to.join(&found.relative)
}

/// As git has it: a file is executable or it is not. The other bits on disk come from the umask that it was
/// checked out or compiled with, and the image must not depend on that.
fn file_mode(entry: &FileEntry, on_disk: u32) -> u32 {
    let executable = on_disk & 0o100 != 0;
    entry.mode.map_or(if executable { 0o755 } else { 0o644 }, Mode::bits)
}

/// A folder can be entered by whoever may read its files.
fn directory_mode(entry: &FileEntry) -> u32 {
    entry.mode.map_or(0o755, |mode| mode.bits() & 0o666 | (mode.bits() & 0o444) >> 2)
}

fn content(files: &HostFiles, entry: &FileEntry, path: &Path) -> Result<Content> {
    let mut file = files.open(path)?;
    if entry.strip
        && let Some(stripped) = stripped(&mut file)?
    {
        return Ok(Content::from_bytes(stripped));
    }
    file.rewind()?;
    let mut hashing = HashingReader::new(file);
    std::io::copy(&mut hashing, &mut std::io::sink())?;
    let (digest, size) = hashing.finish();
    // Read again when a layer needs it, and checked against the digest then.
    Ok(Content::in_file(digest, size, Arc::new(entry.place.folder().join(path))))
}

/// The file without its debug symbols, when it is an ELF file.
fn stripped(file: &mut std::fs::File) -> Result<Option<Vec<u8>>> {
    let mut magic = Vec::new();
    file.take(4).read_to_end(&mut magic)?;
    if magic != b"\x7fELF" {
        return Ok(None);
    }
    let size = file.metadata()?.len();
    if size > LARGEST_STRIPPED {
        return Err(Error::new(format!("it has {size} bytes, too many to strip; set `strip = false`")));
    }
    file.rewind()?;
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes)?;
    let stripped = elf::strip(&bytes).context(|| "cannot strip it")?;
    Ok(Some(stripped.into_owned()))
}
