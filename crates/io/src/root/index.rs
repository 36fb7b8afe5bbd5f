//! What is in an image, by path: kept beside the unpacked files, which cannot tell all of it.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufReader, BufWriter, Write as _};
use std::path::Path;

use bareboat_formats::entry::{self, Content};
use bareboat_model::{Error, HashingWriter, ImagePath, Result};

use crate::store;
use crate::store::seal::seal;

/// One file, directory or link of an image, at the path where it is.
pub type Entry = entry::Entry<Content>;

/// What an [`Entry`] is: never a hard link or a whiteout.
pub type Kind = entry::Kind<Content>;

pub(super) fn write(file: &Path, entries: &BTreeMap<ImagePath, Entry>) -> Result<()> {
    let write = || {
        let mut lines = HashingWriter::new(BufWriter::new(File::create(file)?));
        entry::write_lines(entries.values(), &mut lines)?;
        let (mut file, digest, length) = lines.finish();
        file.write_all(&seal(length, &digest))?;
        Ok(file.flush()?)
    };
    write().map_err(|error: Error| error.context(format!("cannot write `{}`", file.display())))
}

pub(super) fn read(file: &Path) -> Result<BTreeMap<ImagePath, Entry>> {
    let read = || {
        let sealed = store::Entry::of(File::open(file)?)?.ok_or_else(|| Error::new("it is not whole"))?;
        sealed.read(|lines| {
            let entries = entry::read_lines(BufReader::new(lines));
            entries.map(|entry| entry.map(|entry: Entry| (entry.path.clone(), entry))).collect()
        })
    };
    read().map_err(|error: Error| {
        error
            .context(format!("cannot read `{}` in the cache", file.display()))
            .with_hint("bareboat cache verify removes what is damaged; then run again")
    })
}
