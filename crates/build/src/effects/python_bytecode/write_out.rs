//! A tree as files of this machine, for a program to see: contents, links and the owner's right to execute; no owners, no dates.
//!
//! The tree has no link below a link and no `..` (`Tree::place`), so each name is made in the folder that was made before it.

use std::fs::{self, OpenOptions};
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{OpenOptionsExt as _, symlink};
use std::path::Path;

use bareboat_model::{Context, Result};

use crate::tree::{ContentReader, Kind, Tree};

/// Writes all of `tree` into the empty folder `root`.
///
/// # Errors
/// When a content cannot be read, or something cannot be written.
pub(super) fn write_out(tree: &Tree, root: &Path) -> Result<()> {
    let mut reader = ContentReader::default();
    for (path, node) in tree.iter().filter(|(path, _)| !path.is_root()) {
        let place = root.join(std::ffi::OsStr::from_bytes(path.as_bytes()));
        let failing = || format!("cannot write `{path}` for Python to see");
        match &node.kind {
            Kind::Directory { .. } => fs::create_dir(&place).context(failing)?,
            Kind::Symlink(target) => symlink(std::ffi::OsStr::from_bytes(target), &place).context(failing)?,
            Kind::File { content, .. } => {
                let mode = 0o644 | node.mode & 0o111;
                let mut file = OpenOptions::new()
                    .write(true)
                    .create_new(true)
                    .mode(mode)
                    .open(&place)
                    .context(failing)?;
                io::copy(&mut reader.open(content)?, &mut file).context(failing)?;
            }
        }
    }
    Ok(())
}
