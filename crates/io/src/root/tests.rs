//! Layers in, a folder and an index out.

use bareboat_formats::oci::{Descriptor, ImageConfig, LAYER};
use bareboat_model::Silent;

use super::*;

/// A tar of `path` (a file that holds its layer's number), `path/`, `path -> target`, `path => target` (a hard link), and
/// `path !` (a device).
fn layer(text: &str, number: usize) -> Vec<u8> {
    let mut tar = tar::Builder::new(Vec::new());
    for member in text.split_whitespace() {
        let mut header = tar::Header::new_gnu();
        header.set_mode(0o644);
        let (path, kind, target) = if let Some((path, target)) = member.split_once("=>") {
            (path, tar::EntryType::Link, Some(target))
        } else if let Some((path, target)) = member.split_once("->") {
            (path, tar::EntryType::Symlink, Some(target))
        } else if let Some(path) = member.strip_suffix('!') {
            (path, tar::EntryType::Char, None)
        } else if member.ends_with('/') {
            header.set_mode(0o755);
            (member, tar::EntryType::Directory, None)
        } else {
            (member, tar::EntryType::Regular, None)
        };
        header.set_uid(0);
        header.set_gid(0);
        header.set_mtime(1);
        header.set_entry_type(kind);
        let bytes = number.to_string();
        let bytes = if kind == tar::EntryType::Regular { bytes.as_bytes() } else { b"" };
        header.set_size(bytes.len() as u64);
        let old = header.as_old_mut();
        old.name[..path.len()].copy_from_slice(path.as_bytes());
        if let Some(target) = target {
            old.linkname[..target.len()].copy_from_slice(target.as_bytes());
        }
        header.set_cksum();
        tar.append(&header, bytes).unwrap();
    }
    tar.into_inner().unwrap()
}

struct World {
    folder: tempfile::TempDir,
    store: Store,
}

impl World {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("outside")).unwrap();
        std::fs::write(folder.path().join("outside/canary"), "untouched").unwrap();
        let store = Store::open(folder.path().join("cache")).unwrap();
        Self { folder, store }
    }

    fn image(&self, layers: &[&str]) -> Found {
        let layers = layers.iter().enumerate().map(|(number, text)| {
            let bytes = layer(text, number);
            let (digest, size) = self.store.insert_blob(|out| Ok(out.write_all(&bytes)?)).unwrap();
            (Descriptor::new(LAYER, digest, size), digest)
        });
        let layers = layers.collect();
        Found { digest: Digest::of(b"image"), config: ImageConfig::default(), layers }
    }

    fn root(&self, layers: &[&str]) -> Result<Root> {
        Root::of(&self.image(layers), &self.store, &Silent)
    }

    fn is_untouched(&self) -> bool {
        let outside = self.folder.path().join("outside");
        let names: Vec<_> = std::fs::read_dir(&outside).unwrap().flatten().map(|it| it.file_name()).collect();
        names == ["canary"] && std::fs::read(outside.join("canary")).unwrap() == b"untouched"
    }
}

/// `/a:0 /d/ /l@`: the digit is what is in the file; of the index, and of the disk.
fn shown(root: &Root) -> (String, String) {
    let mut in_index = Vec::new();
    let mut on_disk = Vec::new();
    for (path, entry) in root.entries().unwrap().iter().filter(|(path, _)| !path.is_root()) {
        let place = root.dir().join(OsStr::from_bytes(path.as_bytes()));
        let data = place.symlink_metadata();
        let mark = |is_directory, is_link| {
            if is_directory {
                "/"
            } else if is_link {
                "@"
            } else {
                ""
            }
        };
        let is_link = matches!(entry.kind, Kind::Symlink(_));
        let content = match &entry.kind {
            Kind::File(_) => format!(":{}", std::fs::read_to_string(&place).unwrap()),
            Kind::Device(_) => "!".to_owned(),
            _ => String::new(),
        };
        in_index.push(format!("{path}{}{content}", mark(entry.kind.is_directory(), is_link)));
        if let Ok(data) = data {
            on_disk.push(format!("{path}{}", mark(data.is_dir(), data.is_symlink())));
        }
    }
    (in_index.join(" "), on_disk.join(" "))
}

#[test]
fn the_disk_follows_what_layers_do() {
    for (layers, expected) in [
        (&["a b d/x", "b d"][..], "/a:0 /b:1 /d:1"),
        (&["d", "d/x/"], "/d/ /d/x/"),
        (&["a d/x d/y/z", ".wh.a d/.wh.y"], "/d/ /d/x:0"),
        (&["d/x", "d/z d/.wh..wh..opq"], "/d/ /d/z:1"),
        (&[".wh.nothing no/.wh.thing none/.wh..wh..opq a"], "/a:0"),
        (&["usr/lib/ lib->usr/lib", "lib/x"], "/lib@ /usr/ /usr/lib/ /usr/lib/x:1"),
        (&["a b=>/a", "b", "c=>/a .wh.a"], "/b:1 /c:0"),
        (&["a->b", "c=>/a"], "/a@ /c@"),
        (&["a=>/a"], ""),
        (&["dev/ dev/null!", "dev/zero=>/dev/null"], "/dev/ /dev/null! /dev/zero!"),
        (&["dev/null!", "dev"], "/dev:1"),
    ] {
        let world = World::new();
        match world.root(layers) {
            Ok(root) => {
                let (in_index, on_disk) = shown(&root);
                assert_eq!(in_index, expected, "{layers:?}");
                let without = |text: &str| {
                    let on_disk = text.split(' ').filter(|path| !path.ends_with('!'));
                    on_disk.collect::<Vec<_>>().join(" ").replace([':', '0', '1'], "")
                };
                assert_eq!(on_disk, without(expected), "{layers:?}");
            }
            Err(error) => assert!(expected.is_empty(), "{layers:?}: {error}"),
        }
    }
}

#[test]
fn hostile_layers_write_nothing_outside() {
    for layers in [
        &["x->../../../../outside x/planted"][..],
        &["x->../../../../outside", "x/planted"],
        &["x->../../../../outside/canary x=>/x/y", "x"],
        &["x->../../../../outside x/.wh.canary"],
        &["x->../../../../outside", "x/.wh..wh..opq"],
        &["a->b b->a a/c"],
        &["y=>/../../outside/canary"],
        &["../outside/planted"],
        &["x->/ x/planted"],
    ] {
        let world = World::new();
        // Whether it is refused or taken for a path inside, nothing is written outside.
        drop(world.root(layers));
        assert!(world.is_untouched(), "{layers:?}");
    }
}

#[test]
fn a_root_is_unpacked_once_and_leaves_nothing_half_done() {
    let world = World::new();
    let root = world.root(&["a"]).unwrap();
    std::fs::write(root.dir().join("mark"), "").unwrap();
    assert!(world.root(&["a"]).unwrap().dir().join("mark").exists());
    let roots = world.store.dir().join(KIND);
    let killed = roots.join(".killed.partial-x");
    std::fs::create_dir(&killed).unwrap();
    assert!(world.root(&["b", "a->b b->a a/c"]).is_err());
    let names = std::fs::read_dir(&roots).unwrap().count();
    assert_eq!((names, killed.exists()), (1, false));
}

#[test]
fn whatever_is_changed_in_a_root_is_found() {
    let layers = ["d/x d/y l->d/x dev/ dev/null! h=>/d/y", "d/.wh..wh..opq d/z e/"];
    let damage_after = |change: &dyn Fn(&Path)| {
        let world = World::new();
        let root = world.root(&layers).unwrap();
        change(root.dir());
        let folder = root.dir().parent().unwrap().to_owned();
        damage(&folder).unwrap().map(|error| error.to_string()).unwrap_or_default()
    };
    type Change = fn(&Path);
    let changes: [(Change, &str); 10] = [
        (|_| {}, ""),
        (|dir| std::fs::write(dir.join("h"), "1").unwrap(), "`/h` is not what the image has"),
        (|dir| std::fs::write(dir.join("d/z"), "12").unwrap(), "`/d/z` is not what the image has"),
        (|dir| std::fs::remove_file(dir.join("d/z")).unwrap(), "it has 6 files and folders, expected 7"),
        (|dir| std::fs::write(dir.join("d/new"), "").unwrap(), "`/d/new` is not what the image has"),
        (|dir| std::fs::write(dir.join("dev/null"), "").unwrap(), "`/dev/null` is not what the image has"),
        (
            |dir| {
                std::fs::remove_file(dir.join("l")).unwrap();
                std::os::unix::fs::symlink("d/z", dir.join("l")).unwrap();
            },
            "`/l` is not what the image has",
        ),
        (
            |dir| {
                std::fs::remove_dir(dir.join("e")).unwrap();
                std::os::unix::fs::symlink("d", dir.join("e")).unwrap();
            },
            "`/e` is not what the image has",
        ),
        (
            |dir| std::fs::write(dir.join("../index.jsonl"), "[]").unwrap(),
            "cannot read `DIR/index.jsonl` in the cache: it is not whole",
        ),
        (
            |dir| {
                let index = dir.join("../index.jsonl");
                let mut bytes = std::fs::read(&index).unwrap();
                bytes[0] ^= 1;
                std::fs::write(index, bytes).unwrap();
            },
            "cannot read `DIR/index.jsonl` in the cache: its bytes are not those that were written: ",
        ),
    ];
    for (number, (change, expected)) in changes.iter().enumerate() {
        let told = damage_after(change);
        let told = told
            .split_once("/index.jsonl")
            .map_or(told.clone(), |(_, rest)| format!("cannot read `DIR/index.jsonl{rest}"));
        assert!(told.starts_with(expected) && told.is_empty() == expected.is_empty(), "{number}: {told}");
    }
}

#[test]
fn a_bomb_is_refused_and_nothing_of_it_stays() {
    let world = World::new();
    let mut header = tar::Header::new_gnu();
    header.set_path("zeros").unwrap();
    header.set_size(3 << 30);
    for set in [tar::Header::set_uid, tar::Header::set_gid, tar::Header::set_mtime] {
        set(&mut header, 0);
    }
    header.set_mode(0o644);
    header.set_cksum();
    let (digest, size) = world.store.insert_blob(|out| Ok(out.write_all(header.as_bytes())?)).unwrap();
    let layers = vec![(Descriptor::new(LAYER, digest, size), digest)];
    let image = Found { digest, config: ImageConfig::default(), layers };
    let error = Root::of(&image, &world.store, &Silent).unwrap_err().to_string();
    assert!(error.contains("member 1 (`/zeros`): unpacks to more than "), "{error}");
    assert_eq!(std::fs::read_dir(world.store.dir().join(KIND)).unwrap().count(), 0);
}

#[test]
fn layers_that_are_not_what_the_config_says_are_refused() {
    let world = World::new();
    let mut image = world.image(&["a"]);
    image.layers[0].1 = Digest::of(b"another");
    let error = Root::of(&image, &world.store, &Silent).unwrap_err();
    assert!(error.to_string().contains("expected a tar of"), "{error}");
}

#[test]
fn files_are_read_through_links_inside_the_root_only() {
    let world = World::new();
    let root = world
        .root(&["d/file near->d/file far->/d/file up->../../../../outside/canary d/back->../d/file"])
        .unwrap();
    let read = |path: &str| root.read(&ImagePath::absolute(path).unwrap(), 10);
    for path in ["/d/file", "/near", "/far", "/d/back"] {
        assert_eq!(read(path).unwrap().as_deref(), Some(&b"0"[..]), "{path}");
    }
    assert_eq!(read("/up").unwrap(), None);
    assert_eq!(read("/missing").unwrap(), None);
    assert!(read("/d").is_err());
    let error = root.read(&ImagePath::absolute("/d/file").unwrap(), 0).unwrap_err();
    assert_eq!(
        error.to_string(),
        "cannot read `/d/file` of the image: it is longer than the 0 bytes expected at most"
    );
}
