//! Against a signed archive made in memory, honest and not.

use std::sync::Arc;

use bareboat_formats::openpgp::Keyring;
use bareboat_model::{Arch, Digest, Result, Silent, Timestamp};
use bareboat_testkit::{self as testkit, Compression, DebBuilder, Fault, Files, Key, Mirror};

use super::*;
use crate::http::{Http, HttpOptions};
use crate::store::Store;

/// A mirror, what is needed to read it, and the moment at which it is read.
struct World {
    mirror: Mirror,
    http: Http,
    store: Store,
    now: Timestamp,
    _folder: tempfile::TempDir,
}

impl World {
    fn new(files: Files) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let pause = std::time::Duration::from_millis(1);
        Self {
            mirror: Mirror::serve(files),
            http: Http::new(HttpOptions { retries: 1, pause, ..HttpOptions::default() }).unwrap(),
            store: Store::open(folder.path()).unwrap(),
            now: Timestamp::from_seconds(testkit::release_date().seconds() + 86_400),
            _folder: folder,
        }
    }

    fn with(suite: testkit::Suite) -> Self {
        Self::new(testkit::Archive::new().suite(suite).build())
    }

    fn archive(&self, suite: &str) -> Archive {
        Archive {
            name: "debian".into(),
            mirror: self.mirror.url(),
            suite: suite.into(),
            components: vec!["main".into()],
            keyring: Keyring::parse(&Key::archive().public()).unwrap(),
            allow_sha1_bindings: false,
        }
    }

    fn release(&self, suite: &str) -> Result<Suite> {
        let archive = self.archive(suite);
        fetch_release(&self.http, &self.store, &archive, self.now, &Silent)?
            .ok_or_else(|| no_such_suite(&archive))
    }

    fn index(&self, component: &str, arch: Arch) -> Result<String> {
        fetch_index(&self.http, &self.store, &self.release("trixie")?, component, arch, &Silent)
    }

    fn error(&self, suite: &str) -> String {
        let error = self.release(suite).map(drop).unwrap_err();
        error.to_string().replace(&self.mirror.url(), "MIRROR")
    }

    fn package(&self, mirrors: &[String], deb: &testkit::Deb) -> Result<()> {
        let (size, digest) = (deb.bytes.len() as u64, Digest::of(&deb.bytes));
        fetch_package(&self.http, &self.store, mirrors, &deb.pool_path("main"), size, &digest, &Silent)
    }
}

fn hello() -> testkit::Deb {
    DebBuilder::new("hello", "1.0+b1").tree("/usr/bin/hello 0755 \"hi\"").build()
}

fn trixie() -> testkit::Suite {
    testkit::Suite::new("trixie").package(&hello())
}

#[test]
fn without_network_the_last_release_serves_until_it_expires() {
    let valid_until = Timestamp::from_seconds(testkit::release_date().seconds() + 7 * 86_400);
    for suite in [trixie(), trixie().without_in_release()] {
        let mut world = World::with(suite.valid_until(valid_until));
        let online = world.release("trixie").unwrap().digest;
        world.index("main", Arch::Amd64).unwrap();
        world.http = Http::new(HttpOptions { offline: true, ..HttpOptions::default() }).unwrap();
        world.mirror.forget();
        assert_eq!(world.release("trixie").unwrap().digest, online);
        world.index("main", Arch::Amd64).unwrap();
        assert_eq!(world.mirror.requests(), []);
        assert!(world.error("bookworm").contains("--offline forbids the network"));
        world.now = Timestamp::from_seconds(valid_until.seconds() + 1);
        assert!(world.error("trixie").contains("expired on 2025-11-22"));
    }
}

#[test]
fn a_suite_is_verified_and_read() {
    for suite in [trixie(), trixie().without_in_release()] {
        let suite = World::with(suite).release("trixie").unwrap();
        assert_eq!(suite.release.codename.as_deref(), Some("trixie"));
        assert_eq!(suite.release.date, testkit::release_date());
        assert_eq!(suite.signers.len(), 1);
    }
}

#[test]
fn the_digest_is_the_signed_text_s_however_it_was_signed() {
    let digest = |suite| World::with(suite).release("trixie").unwrap().digest;
    assert_eq!(digest(trixie()), digest(trixie().without_in_release()));
}

#[test]
fn a_suite_that_may_not_be_used_is_refused() {
    let early = Timestamp::from_seconds(testkit::release_date().seconds() + 60);
    let cases = [
        (trixie().signed_by(&[Key::stranger()]), "cannot verify the Release file of `trixie` at `MIRROR`: "),
        (trixie().signed_by(&[Key::expired()]), "cannot verify the Release file of `trixie` at `MIRROR`: "),
        (
            trixie().valid_until(early),
            "cannot use the Release file of `trixie` at `MIRROR`: the Release file expired on ",
        ),
        (
            trixie().codename("bookworm").suite_name("oldstable"),
            "cannot use the Release file of `trixie` at `MIRROR`: asked for `trixie`, the mirror serves `bookworm` or `oldstable`",
        ),
    ];
    for (suite, cause) in cases {
        let error = World::with(suite).error("trixie");
        assert!(error.starts_with(cause), "{error}");
    }
}

#[test]
fn a_flipped_bit_in_a_release_is_refused() {
    for (suite, name) in [
        (trixie(), "InRelease"),
        (trixie().without_in_release(), "Release"),
        (trixie().without_in_release(), "Release.gpg"),
    ] {
        let mut files = testkit::Archive::new().suite(suite).build();
        let path = format!("dists/trixie/{name}");
        let middle = (files[&path].len() / 2) as i64;
        files.flip(&path, middle);
        assert!(World::new(files).release("trixie").is_err(), "{name}");
    }
}

#[test]
fn a_suite_that_is_missing_or_unsigned_is_told() {
    let world = World::with(trixie());
    assert_eq!(
        world.error("forky"),
        "cannot fetch the Release file of `forky` at `MIRROR`: the mirror has no such suite"
    );
    let mut files = testkit::Archive::new().suite(trixie().without_in_release()).build();
    files.remove_with("Release.gpg");
    let error = World::new(files).error("trixie");
    assert!(error.ends_with("it is not signed: there is neither InRelease nor Release.gpg"), "{error}");
}

#[test]
fn indexes_are_read_in_every_form_and_kept() {
    for compressions in [
        &[Compression::Xz, Compression::Gz][..],
        &[Compression::Zst],
        &[Compression::Gz],
        &[Compression::None],
    ] {
        for suite in [trixie(), trixie().without_by_hash()] {
            let world = World::with(suite.compressions(compressions));
            let text = world.index("main", Arch::Amd64).unwrap();
            assert!(text.contains("Package: hello\n"), "{compressions:?} {text}");
            assert_eq!(world.mirror.count("Packages") + world.mirror.count("by-hash"), 1);
            world.mirror.forget();
            assert_eq!(world.index("main", Arch::Amd64).unwrap(), text);
            assert_eq!(world.mirror.count("binary-"), 0);
        }
    }
}

#[test]
fn of_several_that_want_an_index_one_fetches_it() {
    let world = World::with(trixie());
    std::thread::scope(|scope| {
        for _ in 0..6 {
            scope.spawn(|| world.index("main", Arch::Amd64).unwrap());
        }
    });
    assert_eq!(world.mirror.count("by-hash"), 1);
}

#[test]
fn a_mirror_without_the_by_hash_paths_is_asked_by_name() {
    let world = World::with(trixie());
    world.mirror.fault("by-hash", Fault::Status(404));
    assert!(world.index("main", Arch::Amd64).is_ok());
}

#[test]
fn packages_for_all_architectures_are_read_from_their_own_index() {
    let native = DebBuilder::new("native", "1").arch("arm64").build();
    let world = World::with(trixie().package(&native).all_apart());
    let text = world.index("main", Arch::Arm64).unwrap();
    assert!(text.contains("Package: hello\n") && text.contains("Package: native\n"), "{text}");
    let packages: Result<Vec<_>> = bareboat_formats::packages::parse(&text).collect();
    assert_eq!(packages.unwrap().len(), 2);
}

#[test]
fn an_index_that_does_not_exist_is_told_with_those_that_do() {
    let error = World::with(trixie()).index("contrib", Arch::Amd64).unwrap_err().to_string();
    assert!(error.contains("cannot use the amd64 index of `contrib` in `trixie`"), "{error}");
    assert!(error.contains("it has the components main and the architectures"), "{error}");
}

#[test]
fn an_index_with_a_flipped_bit_is_refused() {
    let world = World::with(trixie());
    world.mirror.fault("binary-amd64", Fault::Corrupt);
    let error = world.index("main", Arch::Amd64).unwrap_err().to_string();
    assert!(error.contains("expected sha256:") && error.contains("found sha256:"), "{error}");
    world.mirror.mend();
    assert!(world.index("main", Arch::Amd64).is_ok());
}

#[test]
fn an_index_kept_in_the_cache_is_verified_when_it_is_read() {
    let world = World::with(trixie());
    let text = world.index("main", Arch::Amd64).unwrap();
    let key = Digest::of(text.as_bytes());
    world
        .store
        .write_entry("index", &key, |file| Ok(std::io::Write::write_all(file, b"Package: evil\n")?))
        .unwrap();
    assert_eq!(world.index("main", Arch::Amd64).unwrap(), text);
}

#[test]
fn a_package_goes_into_the_store_once() {
    let (world, deb) = (World::with(trixie()), hello());
    let mirrors = [world.mirror.url()];
    std::thread::scope(|scope| {
        for _ in 0..6 {
            scope.spawn(|| world.package(&mirrors, &deb).unwrap());
        }
    });
    assert_eq!(world.mirror.count(".deb"), 1);
    let stored = std::fs::read(world.store.blob_path(&Digest::of(&deb.bytes))).unwrap();
    assert_eq!(stored, deb.bytes);
}

#[test]
fn several_mirrors_are_tried_in_turn() {
    let (world, deb) = (World::with(trixie()), hello());
    let empty = Arc::new(Mirror::serve(Files::new()));
    let broken = Mirror::serve(Files::new());
    broken.fault("", Fault::Status(403));
    world.package(&[empty.url(), broken.url(), world.mirror.url()], &deb).unwrap();
}

#[test]
fn a_package_that_is_gone_comes_with_the_command_to_run() {
    let world = World::new(Files::new());
    let error = world.package(&[world.mirror.url()], &hello()).unwrap_err();
    let shown = error.to_string().replace(&world.mirror.url(), "MIRROR");
    assert_eq!(shown, "cannot fetch `pool/main/h/hello/hello_1.0+b1_all.deb`: it is not at `MIRROR`");
    assert_eq!(error.hint(), Some("the archive may have a newer version: run `bareboat update hello`"));
}

#[test]
fn a_package_with_wrong_bytes_is_refused_and_then_fetched_anew() {
    let (world, deb) = (World::with(trixie()), hello());
    world.mirror.fault(".deb", Fault::Corrupt);
    let error = world.package(&[world.mirror.url()], &deb).unwrap_err().to_string();
    assert!(error.contains(&format!("expected {}", Digest::of(&deb.bytes))), "{error}");
    assert!(!world.store.has_blob(&Digest::of(&deb.bytes), deb.bytes.len() as u64));
    world.mirror.mend();
    world.package(&[world.mirror.url()], &deb).unwrap();
}
