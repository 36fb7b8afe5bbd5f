//! Images from and to a registry: resumed, mounted, and named last.

use std::time::{Duration, Instant};

use bareboat_testkit::{FakeRegistry, Fault, Settings};
use serde_json::json;

use super::forge::Forge;
use super::*;

/// A layout with an image of a small and a large layer.
fn source(world: &World) -> Descriptor {
    let mut forge = Forge::new(world, "src");
    let large: Vec<u8> = (0..300_000_u32).flat_map(u32::to_le_bytes).collect();
    let image = forge.image("linux/amd64", &[forge.blob(oci::LAYER, "small"), forge.blob(oci::LAYER, large)]);
    forge.top("x", &image);
    image
}

#[test]
fn a_registry_takes_and_gives_the_same_image() {
    let (world, registry) = (World::new(), FakeRegistry::start());
    let image = source(&world);
    let name = format!("{}/team/app:1", registry.host());
    let copied = world.copy("oci:DIR/src", &name).unwrap();
    assert_eq!((copied.top.digest, copied.moved.0), (image.digest, 3));
    assert_eq!(registry.tags("team/app"), ["1"]);
    // Again: one look at the manifest, and no blob is asked for.
    registry.forget();
    assert_eq!(world.copy("oci:DIR/src", &name).unwrap().skipped.0, 3);
    assert_eq!((registry.count("/blobs/"), registry.count("PUT ")), (0, 0));
    // Into another repository of the same registry: nothing is sent.
    let other = format!("{}/team/other:2", registry.host());
    let copied = world.copy(&name, &other).unwrap();
    assert_eq!((copied.moved.0, copied.mounted), (0, 3));
    for to in ["oci:DIR/a", "oci-archive:DIR/b.tar", "docker-archive:DIR/c.tar"] {
        assert_eq!(world.copy(&other, to).unwrap().top.digest, image.digest, "{to}");
    }
    assert_eq!(sound_blobs(&world.path("a")), 4);
    let wrong = format!("{}/team/app@{}", registry.host(), Digest::of(b"?"));
    let error = world.copy("oci:DIR/src", &wrong).unwrap_err().to_string();
    assert!(error.contains("and no other can have that name"), "{error}");
}

#[test]
fn the_tag_appears_when_all_is_there() {
    let (world, registry) = (World::new(), FakeRegistry::start());
    source(&world);
    let name = format!("{}/team/app:1", registry.host());
    registry.fault("PUT /v2/team/app/blobs/", Fault::Status(403));
    assert!(world.copy("oci:DIR/src", &name).is_err());
    assert!(registry.tags("team/app").is_empty());
    registry.mend();
    world.copy("oci:DIR/src", &name).unwrap();
    assert_eq!(registry.tags("team/app"), ["1"]);
}

#[test]
fn a_broken_copy_goes_on_where_it_ended() {
    let (world, registry) = (World::new(), FakeRegistry::start());
    let image = source(&world);
    let name = format!("{}/team/app:1", registry.host());
    world.copy("oci:DIR/src", &name).unwrap();
    let large = Manifest::parse(&registry.manifest("team/app", "1").unwrap().1).unwrap().layers[1].digest;
    registry.fault(&format!("GET /v2/team/app/blobs/{large}"), Fault::Cut { after: 200_000 });
    let error = world.copy(&name, "oci:DIR/out").unwrap_err();
    assert!(error.hint().is_some_and(|hint| hint.contains("run again to go on")), "{error:?}");
    assert!(!world.path("out").exists());
    registry.mend();
    registry.forget();
    assert_eq!(world.copy(&name, "oci:DIR/out").unwrap().top.digest, image.digest);
    let asked = registry.exchanges();
    let again: Vec<_> = asked.iter().filter(|one| one.target.contains("/blobs/")).collect();
    assert!(again.iter().all(|one| one.from.is_some_and(|from| from >= 200_000)), "{again:?}");
    assert_eq!((names(&world.path("out")).len(), sound_blobs(&world.path("out"))), (3, 4));
    // Into an archive: what came is in the cache.
    registry.fault(&format!("GET /v2/team/app/blobs/{large}"), Fault::Cut { after: 100_000 });
    assert!(world.copy(&name, "oci-archive:DIR/a.tar").is_err());
    assert!(!world.path("a.tar").exists());
    registry.mend();
    assert_eq!(world.copy(&name, "oci-archive:DIR/a.tar").unwrap().top.digest, image.digest);
}

#[test]
fn nothing_is_said_to_be_kept_where_nothing_is() {
    let (world, registry) = (World::new(), FakeRegistry::start());
    source(&world);
    let name = format!("{}/team/app:1", registry.host());
    world.copy("oci:DIR/src", &name).unwrap();
    registry.fault("GET /v2/team/app/blobs/", Fault::TooLong { extra: 1 });
    let error = world.copy(&name, "oci:DIR/out").unwrap_err();
    assert!(error.hint().is_none(), "{error:?}");
    assert!(!world.path(".out.partial-layout").exists());
}

#[test]
fn what_was_fetched_by_digest_needs_no_network() {
    let (world, registry) = (World::new(), FakeRegistry::start());
    let image = source(&world);
    world.copy("oci:DIR/src", &format!("{}/team/app:1", registry.host())).unwrap();
    let name = format!("{}/team/app@{}", registry.host(), image.digest).parse().unwrap();
    let read = || open(&name, &Choice::Natural, &world.outside()).and_then(Image::into_store).unwrap();
    assert_eq!(read().digest, image.digest);
    registry.forget();
    assert_eq!(read().layers.len(), 2);
    assert!(registry.exchanges().is_empty());
}

#[test]
fn attachments_are_listed_by_the_registry_or_under_a_tag() {
    let world = World::new();
    let mut forge = Forge::new(&world, "src");
    let image = forge.image("linux/amd64", &[forge.blob(oci::LAYER, "a")]);
    let empty = forge.blob("application/vnd.oci.empty.v1+json", "{}");
    let sbom = forge.manifest(&empty, &[forge.blob("text/x", "sbom")], json!({ "subject": image }));
    forge.top("x", &image);
    forge.top("", &sbom);
    let with = CopyOptions { with_referrers: true, ..CopyOptions::default() };
    for (referrers, to) in [(true, "oci:DIR/a"), (false, "oci:DIR/b")] {
        let registry = FakeRegistry::with(Settings { referrers, ..Settings::default() });
        let name = format!("{}/team/app:1", registry.host());
        assert_eq!(world.copy_with("oci:DIR/src", &name, with.clone()).unwrap().attachments, 1);
        assert_eq!(world.copy_with(&name, to, with.clone()).unwrap().attachments, 1, "{referrers}");
    }
    assert_eq!(sound_blobs(&world.path("b")), 6);
}

#[test]
fn a_damaged_blob_is_never_taken() {
    let (world, registry) = (World::new(), FakeRegistry::start());
    source(&world);
    let name = format!("{}/team/app:1", registry.host());
    world.copy("oci:DIR/src", &name).unwrap();
    registry.fault("GET /v2/team/app/blobs/", Fault::Corrupt);
    for to in ["oci:DIR/out", "oci-archive:DIR/out.tar"] {
        let error = world.copy(&name, to).unwrap_err().to_string();
        assert!(error.contains("expected sha256:"), "{error}");
    }
    assert!(!world.path("out").exists() && !world.path("out.tar").exists());
    // And none is sent.
    let small = world.path("src/blobs/sha256").join(Digest::of(b"small").hex());
    fs::write(small, "SMALL").unwrap();
    let error =
        world.copy("oci:DIR/src", &format!("{}/team/new:1", registry.host())).unwrap_err().to_string();
    assert!(error.contains("it is damaged"), "{error}");
    assert!(registry.tags("team/new").is_empty());
}

#[test]
fn manifests_of_an_index_come_several_at_once() {
    let (world, registry) = (World::new(), FakeRegistry::start());
    let mut forge = Forge::new(&world, "src");
    let platforms = ["amd64", "arm64", "riscv64", "s390x", "ppc64le", "386", "mips64le", "loong64"];
    let platforms = platforms.map(|arch| format!("linux/{arch}"));
    let index = forge.index(&platforms.each_ref().map(|one| (one.as_str(), forge.image(one, &[]))));
    forge.top("x", &index);
    let all = CopyOptions { choice: Choice::All, ..CopyOptions::default() };
    let name = format!("{}/team/app:1", registry.host());
    world.copy_with("oci:DIR/src", &name, all.clone()).unwrap();
    // Each of them takes a while; one after another they would take so much longer.
    let pause = Duration::from_millis(400);
    registry.fault("GET /v2/team/app/manifests/sha256:", Fault::Slow { chunk: 1 << 20, pause });
    let start = Instant::now();
    assert_eq!(world.copy_with(&name, "oci:DIR/out", all).unwrap().top.digest, index.digest);
    assert!(start.elapsed() < pause * 7, "{:?}", start.elapsed());
    assert_eq!(registry.count("GET /v2/team/app/manifests/sha256:"), platforms.len());
}
