//! Images in tar files, of both kinds: whatever is in them, all that can be read of them is bounded, and copied whole or not at all.
//!
//! What is text is the documents of an image, which are put into an archive with the right digests; all else is an archive.
#![no_main]

use std::path::Path;
use std::sync::LazyLock;

use bareboat_fuzz::{archive, tar_of, with_right_sums};
use bareboat_io::http::{Http, HttpOptions};
use bareboat_io::registry::RegistryOptions;
use bareboat_io::store::Store;
use bareboat_io::transport::{Choice, CopyOptions, Outside, Registries, copy_between};
use bareboat_model::Silent;
use libfuzzer_sys::fuzz_target;

struct World {
    folder: tempfile::TempDir,
    store: Store,
    http: Http,
    registries: Registries,
}

static WORLD: LazyLock<World> = LazyLock::new(|| {
    let folder = tempfile::tempdir().expect("a folder");
    let store = Store::open(folder.path().join("cache")).expect("a cache");
    let offline = HttpOptions { offline: true, ..HttpOptions::default() };
    let registries = Registries::new(RegistryOptions { http: offline.clone(), ..RegistryOptions::default() });
    World { folder, store, http: Http::new(offline).expect("a client"), registries }
});

fuzz_target!(|bytes: &[u8]| {
    let World { folder, store, http, registries } = &*WORLD;
    let outside = Outside { store, registries, http, threads: 1, progress: &Silent };
    let (file, out) = (folder.path().join("image.tar"), folder.path().join("out"));
    let tar = match std::str::from_utf8(bytes) {
        Ok(text) if !text.contains('\0') => tar_of(&archive(text)),
        _ => with_right_sums(bytes),
    };
    std::fs::write(&file, tar).expect("a file");
    let options = CopyOptions { choice: Choice::All, with_referrers: true, pulled_from: None };
    for transport in ["oci-archive", "docker-archive"] {
        let from = format!("{transport}:{}", file.display()).parse().expect("a place");
        let to = format!("oci:{}", out.display()).parse().expect("a place");
        let copied = copy_between(&from, &to, &options, &outside).is_ok();
        assert_eq!(copied, out.exists(), "half an image");
        if copied {
            check(&out);
            std::fs::remove_dir_all(&out).expect("the copy can be removed");
        }
    }
    let _ = std::fs::remove_dir_all(folder.path().join("cache"));
});

/// Each blob is what its name says.
fn check(layout: &Path) {
    for blob in std::fs::read_dir(layout.join("blobs/sha256")).expect("blobs").flatten() {
        let bytes = std::fs::read(blob.path()).expect("a blob");
        assert_eq!(bareboat_model::Digest::of(&bytes).hex(), blob.file_name().to_string_lossy());
    }
}
