//! Making room and verifying, also while others are at work.

use std::os::unix::fs::PermissionsExt as _;

use super::*;

const DAY: Duration = Duration::from_hours(24);

/// As if it had been used last so many days ago.
fn unused_for(path: &Path, days: u32) {
    let then = SystemTime::now() - DAY * days;
    fs::File::open(path).unwrap().set_modified(then).unwrap();
}

fn keep(days: u32) -> Keep {
    Keep { used_within: Some(DAY * days), at_most: None }
}

/// Blobs, an entry, a root with a folder that cannot be written to, and a download under way: unused for 40 days each.
fn filled(store: &Store) -> Digest {
    insert(store, b"{\"schemaVersion\": 2}").unwrap();
    let (package, _) = insert(store, b"!<arch>\n").unwrap();
    let key = Digest::of(b"key");
    store.write_entry("layer-1", &key, |file| Ok(file.write_all(b"content")?)).unwrap();
    let root = store.directory("roots-1", &key, |aside| {
        fs::create_dir(aside.join("closed"))?;
        fs::write(aside.join("closed/file"), b"12345")?;
        fs::hard_link(aside.join("closed/file"), aside.join("again"))?;
        Ok(fs::set_permissions(aside.join("closed"), fs::Permissions::from_mode(0o555))?)
    });
    fs::write(store.partial(&Digest::of(b"deb")).unwrap(), b"de").unwrap();
    for path in files_below(store.dir()) {
        unused_for(&path, 40);
    }
    unused_for(&root.unwrap(), 40);
    package
}

fn kinds(store: &Store) -> Vec<(&'static str, u64)> {
    let mut found: Vec<_> =
        store.things().unwrap().iter().map(|thing| (thing.kind.words(), thing.bytes)).collect();
    found.sort_unstable();
    found
}

#[test]
fn things_are_known_by_kind() {
    let (_dir, store) = store();
    assert_eq!(kinds(&store), []);
    filled(&store);
    let expected = [
        ("finished layers and files", 7 + 48),
        ("manifests and configs", 20),
        ("packages", 8),
        ("partial downloads", 2),
        ("unpacked roots", 5),
    ];
    assert_eq!(kinds(&store), expected);
}

#[test]
fn what_was_used_stays() {
    let (_dir, store) = store();
    let package = filled(&store);
    assert!(store.has_blob(&package, 8), "which is a use");
    let would = store.clean(keep(30), true).unwrap();
    assert_eq!((would.removed.len(), would.kept.count, store.things().unwrap().len()), (4, 1, 5));
    let cleaned = store.clean(keep(30), false).unwrap();
    assert_eq!(cleaned.removed, would.removed);
    assert_eq!(cleaned.kept, Amount { count: 1, bytes: 8 });
    assert_eq!(files_below(store.dir()), [store.blob_path(&package)]);
    // The folder that cannot be written to, too.
    assert_eq!(fs::read_dir(store.dir().join("tmp")).unwrap().count(), 0);
    assert_eq!(fs::read_dir(store.dir().join("roots-1")).unwrap().count(), 0);
}

#[test]
fn each_way_of_using_is_noted_and_not_too_often() {
    let (_dir, store) = store();
    let package = filled(&store);
    let key = Digest::of(b"key");
    let unused = || store.things().unwrap().iter().filter(|thing| thing.unused > DAY).count();
    assert_eq!(unused(), 5);
    store.open_blob(&package).unwrap().unwrap();
    assert_eq!(unused(), 4);
    store.open_entry("layer-1", &key).unwrap().unwrap();
    assert_eq!(unused(), 3);
    store.directory("roots-1", &key, |_| panic!("it is there")).unwrap();
    assert_eq!(unused(), 2);

    let half_a_day_ago = SystemTime::now() - DAY / 2;
    let path = store.blob_path(&package);
    fs::File::open(&path).unwrap().set_modified(half_a_day_ago).unwrap();
    assert!(store.has_blob(&package, 8));
    assert_eq!(fs::metadata(&path).unwrap().modified().unwrap(), half_a_day_ago);
}

#[test]
fn what_others_may_be_using_stays() {
    let (_dir, store) = store();
    let package = filled(&store);
    let root = store.dir().join("roots-1").join(Digest::of(b"key").hex());
    let other = Store::open(store.dir()).unwrap();
    assert!(other.has_blob(&package, 8));
    let held = other.hold_directory(&root).unwrap();
    let cleaned = store.clean(Keep::NOTHING, false).unwrap();
    assert_eq!(cleaned.in_use, Amount { count: 2, bytes: 13 });
    assert_eq!(kinds(&store), [("packages", 8), ("unpacked roots", 5)]);
    drop(held);
    store.clean(Keep::NOTHING, false).unwrap();
    assert_eq!(kinds(&store), [("packages", 8)]);
    drop(other);
    store.clean(Keep::NOTHING, false).unwrap();
    assert_eq!(kinds(&store), []);
}

#[test]
fn nothing_but_the_store_s_own_is_removed() {
    let (_dir, store) = store();
    filled(&store);
    let foreign = [
        "letter",
        "blobs/sha256/ab/short",
        "photos/1.jpg",
        "roots-1/mine/file",
        "entries/layer-1/x",
        "tmp/mine",
    ];
    for name in foreign {
        let path = store.dir().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, b"precious").unwrap();
    }
    store.clean(Keep::NOTHING, false).unwrap();
    let mut expected = foreign.map(|name| store.dir().join(name)).to_vec();
    let mut found = files_below(store.dir());
    expected.sort();
    found.sort();
    assert_eq!(found, expected);
}

#[test]
fn a_link_in_place_of_a_thing_is_none() {
    let (dir, store) = store();
    let outside = dir.path().join("outside");
    fs::create_dir(&outside).unwrap();
    fs::write(outside.join("file"), b"precious").unwrap();
    fs::create_dir_all(store.dir().join("roots-1")).unwrap();
    std::os::unix::fs::symlink(&outside, store.dir().join("roots-1").join(Digest::of(b"").hex())).unwrap();
    std::os::unix::fs::symlink(&outside, store.dir().join("entries")).unwrap();
    store.clean(Keep::NOTHING, false).unwrap();
    assert!(outside.join("file").exists());
}

#[test]
fn leftovers_of_killed_runs_go_with_the_rest() {
    let (_dir, store) = store();
    for left in ["tmp/scratch-1", "tmp/folder-1/0/blob", "roots-1/.x.partial-1/file"] {
        let path = store.dir().join(left);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, b"half").unwrap();
    }
    store.clean(keep(30), false).unwrap();
    assert_eq!(files_below(store.dir()), [] as [PathBuf; 0]);
}

#[test]
fn damaged_blobs_are_named_and_removed() {
    let (_dir, store) = store();
    let (good, _) = insert(&store, b"good").unwrap();
    let mut bad: Vec<_> = (0..20_u8).map(|n| insert(&store, &[n]).unwrap().0).collect();
    for digest in &bad {
        fs::write(store.blob_path(digest), b"bad").unwrap();
    }
    bad.sort();
    let verify = || store.verify(4, &|_| Ok(None), &bareboat_model::Silent).unwrap();
    let verified = verify();
    assert_eq!((verified.count, verified.bytes), (21, 4 + 20 * 3));
    let why = format!("its bytes are {}", Digest::of(b"bad"));
    let damaged = |name: &Digest| Damaged {
        kind: ThingKind::OtherBlob,
        name: name.to_string(),
        why: why.clone(),
        removed: true,
    };
    assert_eq!(verified.damaged, bad.iter().map(damaged).collect::<Vec<_>>());
    assert_eq!(files_below(store.dir()), [store.blob_path(&good)]);
    assert!(verify().damaged.is_empty());
}

#[test]
fn damaged_entries_and_roots_are_named_and_removed() {
    let (_dir, store) = store();
    let keys = [1, 2, 3, 4].map(|n| Digest::of(&[n]));
    for key in &keys {
        store.write_entry("layer-listings-1", key, |file| Ok(file.write_all(b"listing")?)).unwrap();
    }
    let path = |key: &Digest| store.entry_path("layer-listings-1", key);
    fs::write(path(&keys[1]), b"not sealed").unwrap();
    let mut changed = fs::read(path(&keys[2])).unwrap();
    changed[0] ^= 1;
    fs::write(path(&keys[2]), &changed).unwrap();
    fs::write(path(&keys[3]), &changed[..changed.len() - 1]).unwrap();
    // Who needs it before it is found makes it again.
    assert_eq!(store.read_entry("layer-listings-1", &keys[2]).unwrap(), None);
    let root =
        |key: &Digest| store.directory("roots-2", key, |dir| Ok(fs::write(dir.join("a"), "")?)).unwrap();
    let roots = [1, 2, 3].map(|n| root(&Digest::of(&[n])));
    let held = store.hold_directory(&roots[2]).unwrap();
    let judge = |folder: &Path| Ok((folder != roots[0]).then(|| Error::new("it has no `b`")));
    let verified = store.verify(2, &judge, &bareboat_model::Silent).unwrap();
    drop(held);
    assert_eq!(verified.count, 7);
    let told: Vec<_> = verified.damaged.iter().map(|one| (one.kind, one.why.as_str(), one.removed)).collect();
    let changed = format!("its bytes are not those that were written: found {}", Digest::of(b"misting"));
    let expected = [
        (ThingKind::View, "it is not whole", true),
        (ThingKind::View, "it is not whole", true),
        (ThingKind::View, changed.as_str(), true),
        (ThingKind::Root, "it has no `b`", true),
        (ThingKind::Root, "it has no `b`", false),
    ];
    for one in expected {
        assert!(told.contains(&one), "{one:?}\n{told:?}");
    }
    assert_eq!(told.len(), expected.len());
    assert_eq!(keys.map(|key| path(&key).exists()), [true, false, false, false]);
    assert_eq!(roots.map(|root| root.exists()), [true, false, true]);
    assert_eq!(fs::read_dir(store.dir().join("tmp")).unwrap().count(), 0);
}

#[test]
fn who_works_while_others_make_room_loses_nothing_that_he_was_told_of() {
    let (_dir, store) = store();
    let stop = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|scope| {
        let dir = store.dir();
        for thread in 0..3_u32 {
            let stop = &stop;
            scope.spawn(move || {
                for n in 0..60_u32 {
                    // A store of its own is what another process has.
                    let store = Store::open(dir).unwrap();
                    let bytes = (thread * 10 + n % 5).to_le_bytes();
                    let (digest, size) = insert(&store, &bytes).unwrap();
                    unused_for(&store.blob_path(&digest), 40);
                    if store.has_blob(&digest, size) {
                        let read =
                            store.read_blob(&digest, |blob| Ok(std::io::copy(blob, &mut std::io::sink())?));
                        assert_eq!(read.unwrap(), size);
                    }
                }
                stop.store(true, Ordering::SeqCst);
            });
        }
        let stop = &stop;
        scope.spawn(move || {
            while !stop.load(Ordering::SeqCst) {
                Store::open(dir).unwrap().clean(Keep::NOTHING, false).unwrap();
            }
        });
    });
}
