//! The tar files that images travel in: the same bytes for the same image.

use std::collections::BTreeMap;
use std::io::{BufWriter, Read, Write};
use std::path::Path;

use bareboat_formats::tar::{Entry, EntryKind, Writer};
use bareboat_model::{ImagePath, Result};

use crate::files::{Scratch, write_file};

/// A tar file being written: files of mode 0644 and folders of mode 0755, owned by root, without a date.
pub(super) struct Tarball<'a> {
    writer: Writer<BufWriter<&'a mut Scratch>>,
}

/// Writes the tar file at `path`, whole or not at all.
pub(super) fn write(path: &Path, fill: impl FnOnce(&mut Tarball<'_>) -> Result<()>) -> Result<()> {
    write_file(path, |file| write_to(file, fill))
}

/// Writes a tar file to an open one.
pub(super) fn write_to(file: &mut Scratch, fill: impl FnOnce(&mut Tarball<'_>) -> Result<()>) -> Result<()> {
    let mut tarball = Tarball { writer: Writer::new(BufWriter::with_capacity(128 << 10, file)) };
    fill(&mut tarball)?;
    tarball.writer.finish()?.flush()?;
    Ok(())
}

impl Tarball<'_> {
    pub(super) fn folder(&mut self, path: &str) -> Result<()> {
        self.append(path, EntryKind::Directory, 0o755, &mut std::io::empty())
    }

    pub(super) fn file(&mut self, path: &str, size: u64, content: &mut dyn Read) -> Result<()> {
        self.append(path, EntryKind::File { size }, 0o644, content)
    }

    /// A file of these bytes.
    pub(super) fn bytes(&mut self, path: &str, mut bytes: &[u8]) -> Result<()> {
        self.file(path, bytes.len() as u64, &mut bytes)
    }

    fn append(&mut self, path: &str, kind: EntryKind<'_>, mode: u32, content: &mut dyn Read) -> Result<()> {
        let path = ImagePath::parse(path.as_bytes())?;
        let xattrs = BTreeMap::new();
        let entry = Entry { path: &path, kind, mode, uid: 0, gid: 0, mtime: 0, xattrs: &xattrs };
        self.writer.append(&entry, content)
    }
}
