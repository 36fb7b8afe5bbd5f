//! An image that was unpacked, as the tests look at it.

use bareboat_io::root::{self, Root};
use bareboat_model::{ImagePath, Result};

use super::subject::{Content, Entry, EntryKind, Files};

/// A link's mode counts for nothing on Linux, and every link shows this one (symlink(7)).
const LINK_MODE: u32 = 0o777;

impl Files for Root {
    fn look(&self, path: &ImagePath) -> Result<Option<Entry>> {
        if path.is_root() && !self.entries()?.contains_key(path) {
            // Not every image says what its root directory is like; engines make it so.
            return Ok(Some(Entry { kind: EntryKind::Directory, mode: 0o755, uid: 0, gid: 0 }));
        }
        // The index can be read. Links in a circle lead to nothing.
        let found = self.entry(path).ok().flatten();
        Ok(found.map(|(_, entry)| {
            let kind = kind(&entry.kind);
            Entry {
                kind,
                mode: if kind == EntryKind::Symlink { LINK_MODE } else { entry.mode },
                uid: entry.uid.into(),
                gid: entry.gid.into(),
            }
        }))
    }

    fn read(&self, path: &ImagePath, most: u64) -> Result<Content> {
        let nothing = |what: &str| Ok(Content::Nothing(what.to_owned()));
        let Some(named) = self.look(path)? else { return nothing("nothing") };
        let Some((real, entry)) = self.lookup(path).ok().flatten() else {
            return nothing(if named.kind == EntryKind::Symlink { "a link to nothing" } else { "nothing" });
        };
        match entry.kind {
            root::Kind::File(size) if size > most => {
                Ok(Content::Nothing(format!("a file of {size} bytes, and {most} are read at most")))
            }
            root::Kind::File(_) => Ok(match Root::read(self, &real, most)? {
                Some(bytes) => Content::Bytes(bytes),
                None => Content::Nothing("nothing".to_owned()),
            }),
            root::Kind::Directory => nothing("a directory"),
            _ => nothing("a device or pipe"),
        }
    }

    fn folders(&self, path: &ImagePath) -> Result<Option<Vec<Vec<u8>>>> {
        let entries = self.entries()?;
        let real = match self.lookup(path).ok().flatten() {
            Some((real, entry)) if entry.is_directory() => real,
            _ => return Ok(None),
        };
        let below = entries.range(real.clone()..).skip(1).take_while(|(path, _)| path.is_within(&real));
        let inside =
            below.filter(|(path, entry)| entry.is_directory() && path.parent().as_ref() == Some(&real));
        Ok(Some(inside.filter_map(|(path, _)| path.file_name().map(<[u8]>::to_vec)).collect()))
    }
}

fn kind(kind: &root::Kind) -> EntryKind {
    match kind {
        root::Kind::File(_) => EntryKind::File,
        root::Kind::Directory => EntryKind::Directory,
        root::Kind::Symlink(_) => EntryKind::Symlink,
        root::Kind::Device => EntryKind::CharDevice,
        root::Kind::Pipe => EntryKind::Fifo,
    }
}
