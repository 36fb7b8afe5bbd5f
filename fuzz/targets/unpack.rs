//! Two layers unpacked on the disk, one on the other: nothing lies outside, what the index says is there, and it is what looking
//! into the image without unpacking it shows.
#![no_main]

use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;
use std::sync::LazyLock;

use bareboat_audit::view::{Listing, View};
use bareboat_formats::oci::{Descriptor, ImageConfig, LAYER};
use bareboat_formats::tar::Limits;
use bareboat_fuzz::with_right_sums;
use bareboat_io::root::{Kind, Root};
use bareboat_io::store::Store;
use bareboat_io::transport::Found;
use bareboat_model::{Digest, ImagePath, Silent};
use libfuzzer_sys::fuzz_target;

const LIMITS: Limits = Limits { members: 500, unpacked: 4 << 20 };

static WORLD: LazyLock<(tempfile::TempDir, Store)> = LazyLock::new(|| {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("outside"), "theirs").expect("a file");
    let store = Store::open(folder.path().join("cache")).expect("a cache");
    (folder, store)
});

fuzz_target!(|bytes: &[u8]| {
    let (folder, store) = &*WORLD;
    let Some((at, bytes)) = bytes.split_first_chunk::<2>() else { return };
    let (lower, upper) = bytes.split_at(usize::from(u16::from_le_bytes(*at)).min(bytes.len()));
    let tars = [lower, upper].map(with_right_sums);
    let mut listed = Vec::new();
    for tar in &tars {
        // What is too large to be looked at in a moment is left out.
        let Ok(listing) = Listing::of_tar(&**tar, &LIMITS) else { return };
        listed.push((Descriptor::of(LAYER, tar), Digest::of(tar), listing));
        store.insert_blob(|to| Ok(to.write_all(tar)?)).expect("a blob can be kept");
    }
    let layers = listed.iter().map(|(layer, diff_id, _)| (layer.clone(), *diff_id)).collect();
    let image = Found { digest: Digest::of(b""), config: ImageConfig::default(), layers };
    let root = Root::of(&image, store, &Silent);
    let view = View::of_listings(listed);
    if let (Ok(root), Ok(view)) = (&root, &view) {
        let entries = root.entries().expect("an index");
        for (path, entry) in entries {
            let on_disk =
                root.dir().join(Path::new(std::ffi::OsStr::from_bytes(path.as_bytes()))).symlink_metadata();
            let kept = match &entry.kind {
                Kind::File(content) => on_disk.is_ok_and(|found| found.is_file() && found.len() == content.size),
                Kind::Directory => on_disk.is_ok_and(|found| found.is_dir()),
                Kind::Symlink(_) => on_disk.is_ok_and(|found| found.is_symlink()),
                Kind::Device(_) | Kind::Pipe => on_disk.is_err(),
                // A root has neither.
                Kind::HardLink(_) | Kind::Whiteout => false,
            };
            assert!(kept, "{path} is not on the disk as the index has it");
        }
        let shown: Vec<&ImagePath> =
            view.files().map(|(path, _)| path).filter(|path| !path.is_root()).collect();
        let unpacked: Vec<&ImagePath> = entries.keys().filter(|path| !path.is_root()).collect();
        assert_eq!(shown, unpacked);
    }
    assert_eq!(std::fs::read(folder.path().join("outside")).expect("it is there"), b"theirs");
    assert_eq!(std::fs::read_dir(folder.path()).expect("a folder").count(), 2);
    let _ = std::fs::remove_dir_all(folder.path().join("cache"));
});
