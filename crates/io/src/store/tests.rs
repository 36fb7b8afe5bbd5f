//! What the store keeps and what it does not, also with many threads and after a kill.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::sync::atomic::{AtomicUsize, Ordering};

use super::*;

mod cleaning;

fn store() -> (tempfile::TempDir, Store) {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path().join("cache")).unwrap();
    (dir, store)
}

fn insert(store: &Store, bytes: &[u8]) -> Result<(Digest, u64)> {
    store.insert_blob(|to| Ok(to.write_all(bytes)?))
}

fn files_below(dir: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(dir) else { return Vec::new() };
    let mut files = Vec::new();
    for path in entries.flatten().map(|entry| entry.path()) {
        if path.is_dir() { files.extend(files_below(&path)) } else { files.push(path) }
    }
    files
}

#[test]
fn blobs_are_found_by_their_digest() {
    let (_dir, store) = store();
    let digest = Digest::of(b"layer");
    assert!(store.open_blob(&digest).unwrap().is_none() && !store.has_blob(&digest, 5));
    assert_eq!(insert(&store, b"layer").unwrap(), (digest, 5));
    assert!(store.has_blob(&digest, 5) && !store.has_blob(&digest, 6));
    let mut read = Vec::new();
    store.open_blob(&digest).unwrap().unwrap().read_to_end(&mut read).unwrap();
    assert_eq!(read, b"layer");
    assert_eq!(insert(&store, b"layer").unwrap(), (digest, 5));
    assert_eq!(files_below(store.dir()), [store.blob_path(&digest)]);
}

#[test]
fn a_damaged_blob_is_replaced() {
    let (_dir, store) = store();
    let (digest, size) = insert(&store, b"layer").unwrap();
    fs::write(store.blob_path(&digest), b"lay").unwrap();
    assert!(!store.has_blob(&digest, size));
    insert(&store, b"layer").unwrap();
    assert!(store.has_blob(&digest, size));
}

#[test]
fn a_blob_damaged_without_a_change_of_length_is_found_by_reading_it() {
    let (_dir, store) = store();
    let (digest, size) = insert(&store, b"layer").unwrap();
    let first = |from: &mut (dyn Read + Send)| {
        let mut byte = [0];
        from.read_exact(&mut byte)?;
        Ok(byte[0])
    };
    assert_eq!(store.read_blob(&digest, first).unwrap(), b'l');
    fs::write(store.blob_path(&digest), b"Layer").unwrap();
    let error = store.read_blob(&digest, first).unwrap_err().to_string();
    let found = Digest::of(b"Layer");
    assert_eq!(error, format!("a file in the cache is damaged: expected {digest}, found {found}"));
    assert!(!store.has_blob(&digest, size));
    assert!(store.read_blob(&digest, first).unwrap_err().to_string().contains("cannot find"));
}

#[test]
fn nothing_is_kept_of_a_write_that_failed() {
    let (_dir, store) = store();
    let failed = store.insert_blob(|to| {
        to.write_all(b"half")?;
        Err(Error::new("the source is gone"))
    });
    assert_eq!(failed.unwrap_err().to_string(), "the source is gone");
    let failed = store.write_entry("layer", &Digest::of(b"key"), |_| Err(Error::new("no")));
    assert!(failed.is_err());
    assert!(files_below(store.dir()).is_empty());
}

#[test]
fn a_download_is_adopted_and_an_old_one_is_swept() {
    let (_dir, store) = store();
    let digest = Digest::of(b"deb");
    let partial = store.partial(&digest).unwrap();
    fs::write(&partial, b"deb").unwrap();
    let old = store.partial(&Digest::of(b"old")).unwrap();
    fs::write(&old, b"o").unwrap();
    let long_ago = SystemTime::now() - PARTIAL_KEPT - Duration::from_secs(60);
    fs::File::options().write(true).open(&old).unwrap().set_modified(long_ago).unwrap();
    drop(store.scratch().unwrap());
    assert!(partial.exists() && !old.exists());
    store.adopt_file(&partial, &digest).unwrap();
    assert!(store.has_blob(&digest, 3) && !partial.exists());
}

#[test]
fn entries_are_found_by_kind_and_key() {
    let (_dir, store) = store();
    let key = Digest::of(b"recipe");
    for content in [&b"first"[..], b"", b"second and longer"] {
        store.write_entry("layer", &key, |file| Ok(file.write_all(content)?)).unwrap();
        assert_eq!(store.read_entry("layer", &key).unwrap().unwrap(), content);
    }
    assert_eq!(store.read_entry("unpacked", &key).unwrap(), None);
    assert_eq!(store.read_entry("layer", &Digest::of(b"other")).unwrap(), None);
    assert!(store.write_entry("../x", &key, |_| Ok(())).is_err());
}

#[test]
fn an_entry_cut_short_anywhere_counts_as_absent() {
    let (_dir, store) = store();
    let key = Digest::of(b"key");
    store.write_entry("layer", &key, |file| Ok(file.write_all(b"content")?)).unwrap();
    let path = &files_below(store.dir())[0];
    let whole = fs::read(path).unwrap();
    for length in 0..whole.len() {
        fs::write(path, &whole[..length]).unwrap();
        assert_eq!(store.read_entry("layer", &key).unwrap(), None, "{length}");
    }
}

#[test]
fn many_threads_store_the_same_and_different_things() {
    let (_dir, store) = store();
    std::thread::scope(|scope| {
        for thread in 0..8_u32 {
            let store = &store;
            scope.spawn(move || {
                for n in 0..25_u32 {
                    insert(store, &n.to_le_bytes()).unwrap();
                    insert(store, &[thread.to_le_bytes(), n.to_le_bytes()].concat()).unwrap();
                }
            });
        }
    });
    let files = files_below(store.dir());
    assert_eq!(files.len(), 25 + 8 * 25);
    for file in files {
        let digest = Digest::of(&fs::read(&file).unwrap());
        assert_eq!(store.blob_path(&digest), file);
    }
}

#[test]
fn a_lock_lets_one_work_at_a_time_and_leaves_nothing() {
    let (_dir, store) = store();
    let (inside, done) = (AtomicUsize::new(0), AtomicUsize::new(0));
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                for _ in 0..50 {
                    let _guard = store.lock("download", &Digest::of(b"deb")).unwrap();
                    assert_eq!(inside.fetch_add(1, Ordering::SeqCst), 0);
                    std::thread::yield_now();
                    inside.fetch_sub(1, Ordering::SeqCst);
                    done.fetch_add(1, Ordering::SeqCst);
                }
            });
        }
    });
    assert_eq!(done.load(Ordering::SeqCst), 400);
    assert!(files_below(store.dir()).is_empty());
}

#[test]
fn what_a_killed_run_left_is_swept_by_the_next() {
    let (_dir, store) = store();
    let left = store.dir().join("tmp/scratch-killed");
    fs::create_dir_all(left.parent().unwrap()).unwrap();
    fs::write(&left, b"half").unwrap();
    let held = Store::open(store.dir()).unwrap().scratch().unwrap();
    assert!(!left.exists());
    let (digest, size) = insert(&store, b"layer").unwrap();
    assert!(store.has_blob(&digest, size) && held.path().exists());
}

#[test]
fn a_cache_that_cannot_be_written_is_named() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("file"), b"").unwrap();
    let store = Store::open(dir.path().join("file/cache")).unwrap();
    let errors = [
        insert(&store, b"x").map(drop).unwrap_err(),
        store.lock("download", &Digest::of(b"")).map(drop).unwrap_err(),
        store.partial(&Digest::of(b"")).map(drop).unwrap_err(),
    ];
    for error in errors {
        let expected = format!("cannot write to the cache `{}`: not a directory", store.dir().display());
        assert_eq!(error.to_string(), expected);
        assert!(error.hint().is_some_and(|hint| hint.contains("BAREBOAT_CACHE")));
    }
}

#[test]
fn the_environment_says_where_the_store_is() {
    for (env, expected) in [
        (&[("BAREBOAT_CACHE", "/c"), ("XDG_CACHE_HOME", "/x"), ("HOME", "/h")][..], Some("/c")),
        (&[("BAREBOAT_CACHE", ""), ("XDG_CACHE_HOME", "/x"), ("HOME", "/h")], Some("/x/bareboat")),
        (&[("XDG_CACHE_HOME", "relative"), ("HOME", "/h")], Some("/h/.cache/bareboat")),
        (&[], None),
    ] {
        let env: BTreeMap<_, _> = env.iter().copied().collect();
        let dir = dir_from(|name| env.get(name).map(OsString::from));
        assert_eq!(dir.ok(), expected.map(PathBuf::from), "{env:?}");
    }
}

#[test]
fn what_is_no_file_is_not_waited_for() {
    let (_dir, store) = store();
    let digest = Digest::of(b"layer");
    let (blob, entry) = (store.blob_path(&digest), store.entry_path("kind-1", &digest));
    for path in [&blob, &entry] {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        assert!(std::process::Command::new("mkfifo").arg(path).status().unwrap().success());
    }
    assert!(store.open_blob(&digest).unwrap().is_none());
    assert!(store.read_entry("kind-1", &digest).unwrap().is_none());
    insert(&store, b"layer").unwrap();
    store.write_entry("kind-1", &digest, |file| Ok(file.write_all(b"x")?)).unwrap();
    assert!(blob.is_file() && entry.is_file());
}
