//! What is in an image, by path: kept beside the unpacked files, which cannot tell all of it.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufReader, BufWriter, Write as _};
use std::path::Path;

use bareboat_formats::entry;
use bareboat_model::{Error, ImagePath, Result};

/// One file, directory or link of an image, at the path where it is; of a file, how many bytes it has.
pub type Entry = entry::Entry<u64>;

/// What an [`Entry`] is: never a hard link or a whiteout.
pub type Kind = entry::Kind<u64>;

pub(super) fn write(file: &Path, entries: &BTreeMap<ImagePath, Entry>) -> Result<()> {
    let write = || {
        let mut lines = BufWriter::new(File::create(file)?);
        entry::write_lines(entries.values(), &mut lines)?;
        Ok(lines.flush()?)
    };
    write().map_err(|error: Error| error.context(format!("cannot write `{}`", file.display())))
}

pub(super) fn read(file: &Path) -> Result<BTreeMap<ImagePath, Entry>> {
    let entries = File::open(file).map_err(Error::from).and_then(|lines| {
        let entries = entry::read_lines(BufReader::new(lines));
        entries.map(|entry| entry.map(|entry: Entry| (entry.path.clone(), entry))).collect()
    });
    entries.map_err(|error| {
        error
            .context(format!("cannot read `{}` in the cache", file.display()))
            .with_hint("remove its folder, and run again")
    })
}
