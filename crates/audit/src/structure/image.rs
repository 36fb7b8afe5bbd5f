//! An image that was unpacked, as the tests look at it.

use bareboat_formats::overlay::below;
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
            root::Kind::File(content) if content.size > most => {
                let size = content.size;
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
            Some((real, entry)) if entry.kind.is_directory() => real,
            _ => return Ok(None),
        };
        let inside = below(entries, &real)
            .filter(|(path, entry)| entry.kind.is_directory() && path.parent().as_ref() == Some(&real));
        Ok(Some(inside.filter_map(|(path, _)| path.file_name().map(<[u8]>::to_vec)).collect()))
    }
}

fn kind(kind: &root::Kind) -> EntryKind {
    match kind {
        // Hard links and whiteouts are in no index.
        root::Kind::File(_) | root::Kind::HardLink(_) | root::Kind::Whiteout => EntryKind::File,
        root::Kind::Directory => EntryKind::Directory,
        root::Kind::Symlink(_) => EntryKind::Symlink,
        root::Kind::Device(device) if device.block => EntryKind::BlockDevice,
        root::Kind::Device(_) => EntryKind::CharDevice,
        root::Kind::Pipe => EntryKind::Fifo,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use bareboat_formats::oci::{Descriptor, ImageConfig, LAYER};
    use bareboat_formats::tar::{self, Writer};
    use bareboat_io::store::Store;
    use bareboat_io::transport::Found;
    use bareboat_model::{Digest, Silent};

    use super::*;

    #[test]
    fn folders_are_found_though_a_longer_name_sorts_before_them() {
        let mut tar = Writer::new(Vec::new());
        for path in ["/doc", "/doc-base", "/doc/x", "/doc/x/y", "/doc/z"] {
            let path = ImagePath::absolute(path).unwrap();
            let kind = tar::EntryKind::Directory;
            let xattrs = &BTreeMap::new();
            let entry = tar::Entry { path: &path, kind, mode: 0o755, uid: 0, gid: 0, mtime: 0, xattrs };
            tar.append(&entry, &mut std::io::empty()).unwrap();
        }
        let tar = tar.finish().unwrap();
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path()).unwrap();
        let (digest, size) = store.insert_blob(|out| Ok(std::io::Write::write_all(out, &tar)?)).unwrap();
        let layers = vec![(Descriptor::new(LAYER, digest, size), digest)];
        let image = Found { digest: Digest::of(b""), config: ImageConfig::default(), layers };
        let root = Root::of(&image, &store, &Silent).unwrap();
        let names = root.folders(&ImagePath::absolute("/doc").unwrap()).unwrap().unwrap();
        assert_eq!(names, [b"x", b"z"]);
    }
}
