//! Images from one place on this machine to another: digests stay.

use bareboat_testkit::FakeEngine;
use serde_json::json;

use super::forge::Forge;
use super::*;

const ALL: CopyOptions = CopyOptions { choice: Choice::All, with_referrers: false, pulled_from: None };

fn for_platform(platform: &str) -> CopyOptions {
    CopyOptions {
        choice: Choice::For(platform.parse().unwrap()),
        with_referrers: false,
        ..CopyOptions::default()
    }
}

/// A layout `src` with one image `one`, and an index `two` of it and another, nested, with an attestation.
fn source(world: &World) -> (Descriptor, Descriptor) {
    let mut forge = Forge::new(world, "src");
    let layers = [forge.blob(oci::LAYER, "lower"), forge.blob(oci::LAYER, "upper")];
    let amd64 = forge.image("linux/amd64", &layers);
    let arm = forge.image("linux/s390x", &layers[..1]);
    let attestation = forge.manifest(&forge.blob("application/vnd.in-toto+json", "{}"), &[], json!({}));
    let inner = forge.index(&[("linux/s390x", arm)]);
    let two = forge.index(&[("linux/amd64", amd64.clone()), ("unknown/unknown", attestation), ("", inner)]);
    forge.top("one", &amd64);
    forge.top("two", &two);
    (amd64, two)
}

fn digests(layout: &Path) -> Vec<Digest> {
    Index::parse(&fs::read(layout.join("index.json")).unwrap())
        .unwrap()
        .manifests
        .iter()
        .map(|one| one.digest)
        .collect()
}

#[test]
fn one_image_goes_round_all_places_and_stays_what_it_is() {
    let world = World::new();
    let (one, _) = source(&world);
    let way = [
        "oci:DIR/src:one",
        "oci:DIR/a",
        "oci-archive:DIR/b.tar:x",
        "docker-archive:DIR/c.tar:team/app:1",
        "oci:DIR/d:tag",
        "docker-archive:DIR/e.tar",
        "oci-archive:DIR/f.tar",
        "oci:DIR/g",
    ];
    for pair in way.windows(2) {
        assert_eq!(world.copy(pair[0], pair[1]).unwrap().top.digest, one.digest, "{pair:?}");
    }
    assert_eq!(digests(&world.path("g")), [one.digest]);
    assert_eq!(sound_blobs(&world.path("g")), 4);
    // Names are kept where the next place has none of its own.
    let names: serde_json::Value =
        serde_json::from_slice(&read_tar(&world.path("e.tar"))["manifest.json"]).unwrap();
    assert_eq!(names[0]["RepoTags"], json!(["d:tag"]));
}

#[test]
fn what_a_broken_run_left_beside_a_layout_goes_with_the_next_copy() {
    let world = World::new();
    source(&world);
    world.copy("oci:DIR/src:one", "oci:DIR/a").unwrap();
    let left = world.path(".a.partial-layout");
    fs::create_dir(&left).unwrap();
    world.copy("oci:DIR/src:one", "oci:DIR/a:2").unwrap();
    assert!(!left.exists());
}

#[test]
fn of_several_platforms_one_is_copied_or_all() {
    let world = World::new();
    let (one, two) = source(&world);
    for (name, options, digest, blobs) in [
        ("all", ALL, two.digest, 2 + 3 + 3 + 2),
        ("amd64", for_platform("linux/amd64"), one.digest, 4),
        ("variant", for_platform("linux/amd64/v3"), one.digest, 4),
    ] {
        let copied = world.copy_with("oci:DIR/src:two", &format!("oci:DIR/{name}"), options).unwrap();
        assert_eq!((copied.top.digest, sound_blobs(&world.path(name))), (digest, blobs), "{name}");
    }
    let other = world.copy_with("oci:DIR/src:two", "oci:DIR/other", for_platform("linux/s390x")).unwrap();
    assert_ne!(other.top.digest, one.digest);
    let refused =
        |image: &str, options| world.copy_with(image, "oci:DIR/no", options).unwrap_err().to_string();
    let error = refused("oci:DIR/src:two", for_platform("linux/arm/v7"));
    assert!(error.ends_with("it has nothing for linux/arm/v7, only for linux/amd64, linux/s390x"), "{error}");
    let error = refused("oci:DIR/src:one", for_platform("windows/amd64"));
    assert!(error.ends_with("it has nothing for windows/amd64, only for linux/amd64"), "{error}");
    assert!(!world.path("no").exists());
}

#[test]
fn the_only_image_of_an_index_needs_no_platform() {
    let world = World::new();
    let mut forge = Forge::new(&world, "src");
    let image = forge.image("plan9/mips", &[]);
    let index = forge.index(&[("plan9/mips", image.clone())]);
    forge.top("x", &index);
    assert_eq!(world.copy("oci:DIR/src", "oci:DIR/out").unwrap().top.digest, image.digest);
}

#[test]
fn an_image_within_an_index_is_found_by_its_digest() {
    let world = World::new();
    let (one, _) = source(&world);
    let from = format!("oci:DIR/src@{}", one.digest);
    assert_eq!(world.copy(&from, "oci:DIR/out").unwrap().top.digest, one.digest);
    let error =
        world.copy(&format!("oci:DIR/src@{}", Digest::of(b"?")), "oci:DIR/out").unwrap_err().to_string();
    assert!(error.contains("it has no image sha256:"), "{error}");
}

#[test]
fn foreign_layers_stay_where_they_are() {
    let world = World::new();
    let mut forge = Forge::new(&world, "src");
    let own = forge.blob(oci::LAYER, "own");
    let mut foreign = Descriptor::of(oci::DOCKER_FOREIGN_LAYER_GZIP, b"theirs");
    foreign.extra.insert("urls".to_owned(), json!(["http://192.0.2.1/layer"]));
    let image = forge.image("linux/amd64", &[foreign, own]);
    forge.top("x", &image);
    let copied = world.copy("oci:DIR/src", "oci:DIR/out").unwrap();
    assert_eq!((copied.top.digest, sound_blobs(&world.path("out"))), (image.digest, 3));
    let error = world.copy("oci:DIR/src", "docker-archive:DIR/out.tar").unwrap_err().to_string();
    assert!(error.contains("its owner alone hands out"), "{error}");
    // Only what is fetched by https is.
    let opened = open(
        &"oci:DIR/src".replace("DIR", &world.folder.path().display().to_string()).parse().unwrap(),
        &Choice::Natural,
        &world.outside(),
    );
    let error = opened.unwrap().open_layer(0).map(drop).unwrap_err().to_string();
    assert!(error.ends_with("and the manifest names no address of https for it"), "{error}");
}

#[test]
fn a_foreign_layer_that_is_nowhere_else_is_copied() {
    let world = World::new();
    let mut forge = Forge::new(&world, "src");
    let kept = forge.blob(oci::FOREIGN_LAYER, "kept");
    let image = forge.image("linux/amd64", &[kept]);
    forge.top("x", &image);
    let copied = world.copy("oci:DIR/src", "oci:DIR/out").unwrap();
    assert_eq!((copied.moved.0, sound_blobs(&world.path("out"))), (2, 3));
}

#[test]
fn what_is_no_image_is_copied_as_well() {
    let world = World::new();
    let mut forge = Forge::new(&world, "src");
    let chart = forge.blob("application/vnd.example.chart", "chart");
    let artifact = forge.manifest(&forge.blob("application/vnd.example.config", "{}"), &[chart], json!({}));
    forge.top("x", &artifact);
    assert_eq!(world.copy("oci:DIR/src", "oci-archive:DIR/a.tar").unwrap().top.digest, artifact.digest);
    let error = world.copy("oci:DIR/src", "docker-archive:DIR/b.tar").unwrap_err().to_string();
    assert!(error.contains("is no image, but a `application/vnd.example.config`"), "{error}");
    let place = format!("oci:{}", world.path("src").display()).parse().unwrap();
    let error = open(&place, &Choice::Natural, &world.outside()).map(drop).unwrap_err().to_string();
    assert!(error.ends_with("it is no image: its config is a `application/vnd.example.config`"), "{error}");
}

#[test]
fn attachments_come_along_if_asked() {
    let world = World::new();
    let mut forge = Forge::new(&world, "src");
    let image = forge.image("linux/amd64", &[forge.blob(oci::LAYER, "a")]);
    let empty = forge.blob("application/vnd.oci.empty.v1+json", "{}");
    let sbom = forge.manifest(&empty, &[forge.blob("text/x", "sbom")], json!({ "subject": image }));
    let signature = forge.manifest(&empty, &[forge.blob("text/x", "signed")], json!({ "subject": sbom }));
    forge.top("x", &image);
    forge.top("", &sbom);
    forge.top("", &signature);
    let with = CopyOptions { with_referrers: true, ..CopyOptions::default() };
    assert_eq!(world.copy("oci:DIR/src", "oci:DIR/plain").unwrap().attachments, 0);
    for pair in ["oci:DIR/src", "oci:DIR/a", "oci-archive:DIR/b.tar", "oci:DIR/c"].windows(2) {
        assert_eq!(world.copy_with(pair[0], pair[1], with.clone()).unwrap().attachments, 2, "{pair:?}");
    }
    assert_eq!(digests(&world.path("c")), [image.digest, sbom.digest, signature.digest]);
    // An engine has no place for them, and takes the image.
    assert_eq!(
        world.copy_with("oci:DIR/a", "docker-archive:DIR/d.tar", with.clone()).unwrap().attachments,
        0
    );
    // Again, and nothing is there twice or lost.
    assert_eq!(world.copy_with("oci:DIR/a", "oci:DIR/c", with).unwrap().moved.0, 0);
    assert_eq!(digests(&world.path("c")).len(), 3);
}

#[test]
fn blobs_that_are_there_are_left_and_damaged_ones_are_not() {
    let world = World::new();
    let (one, _) = source(&world);
    world.copy("oci:DIR/src:one", "oci:DIR/out").unwrap();
    let copied = world.copy("oci:DIR/src:one", "oci:DIR/out").unwrap();
    assert_eq!((copied.moved, copied.skipped.0), ((0, 0), 3));
    // Somebody writes to a blob: as long as before, and wrong.
    let layer = world.path("out/blobs/sha256").join(Digest::of(b"lower").hex());
    fs::write(&layer, "LOWER").unwrap();
    let copied = world.copy("oci:DIR/src:one", "oci:DIR/out").unwrap();
    assert_eq!((copied.moved, copied.top.digest), ((1, 5), one.digest));
    assert_eq!(sound_blobs(&world.path("out")), 4);
}

#[test]
fn links_in_the_place_of_a_new_layout_are_not_followed() {
    let world = World::new();
    source(&world);
    fs::create_dir(world.path("elsewhere")).unwrap();
    std::os::unix::fs::symlink(world.path("elsewhere"), world.path(".out.partial-layout")).unwrap();
    let error = world.copy("oci:DIR/src:one", "oci:DIR/out").unwrap_err().to_string();
    assert!(error.ends_with("is a link"), "{error}");
    assert!(names(&world.path("elsewhere")).is_empty() && !world.path("out").exists());
}

/// What Docker 25 and later save: an OCI layout, with the names that containerd looks for.
#[test]
fn the_manifests_that_newer_engines_save_are_used() {
    let world = World::new();
    let (one, _) = source(&world);
    world.copy("oci:DIR/src:one", "docker-archive:DIR/a.tar:team/app:1").unwrap();
    let files = read_tar(&world.path("a.tar"));
    let index = Index::parse(&files["index.json"]).unwrap();
    assert_eq!(index.manifests[0].digest, one.digest);
    assert_eq!(index.manifests[0].annotations["io.containerd.image.name"], "docker.io/team/app:1");
    let saved: serde_json::Value = serde_json::from_slice(&files["manifest.json"]).unwrap();
    let paths = saved[0]["Layers"].as_array().unwrap().iter().chain([&saved[0]["Config"]]);
    assert!(paths.into_iter().all(|path| files.contains_key(path.as_str().unwrap())), "{saved}");
    for name in ["", ":team/app:1", ":docker.io/team/app:1"] {
        let from = format!("docker-archive:DIR/a.tar{name}");
        assert_eq!(world.copy(&from, "oci:DIR/out").unwrap().top.digest, one.digest, "{from}");
    }
    let error = world.copy("docker-archive:DIR/a.tar:team/app:2", "oci:DIR/out").unwrap_err().to_string();
    assert!(error.ends_with("it has no image `team/app:2`, expected one of: team/app:1"), "{error}");
}

#[test]
fn a_compressed_archive_and_one_without_manifests_are_read() {
    let world = World::new();
    source(&world);
    world.copy("oci:DIR/src:one", "docker-archive:DIR/a.tar:app:1").unwrap();
    // As Docker before 25 saved it.
    let mut files = read_tar(&world.path("a.tar"));
    files.remove("index.json");
    let old = tar_of(&files);
    fs::write(world.path("old.tar"), &old).unwrap();
    fs::write(world.path("old.tar.zst"), zstd_of(&old)).unwrap();
    let made = world.copy("docker-archive:DIR/old.tar", "oci:DIR/a").unwrap().top.digest;
    assert_eq!(world.copy("docker-archive:DIR/old.tar.zst", "oci:DIR/b").unwrap().top.digest, made);
    assert_eq!(digests(&world.path("a")), digests(&world.path("b")));
    // The ID is the config's digest: that stays.
    let config = Digest::of(
        &files[files
            .keys()
            .find(|name| {
                serde_json::from_slice::<serde_json::Value>(&files[*name])
                    .is_ok_and(|it| it.get("rootfs").is_some())
            })
            .unwrap()],
    );
    assert!(world.path("a/blobs/sha256").join(config.hex()).exists());
}

pub(super) fn tar_of(files: &BTreeMap<String, Vec<u8>>) -> Vec<u8> {
    let mut tar = ::tar::Builder::new(Vec::new());
    for (path, bytes) in files {
        let mut header = ::tar::Header::new_gnu();
        header.set_size(bytes.len() as u64);
        header.set_mode(0o644);
        header.set_uid(0);
        header.set_gid(0);
        header.set_mtime(0);
        header.set_entry_type(if path.ends_with("sha256") || path == "blobs" {
            ::tar::EntryType::Directory
        } else {
            ::tar::EntryType::Regular
        });
        tar.append_data(&mut header, path, &bytes[..]).unwrap();
    }
    tar.into_inner().unwrap()
}

#[test]
fn an_engine_gives_and_takes_images() {
    let world = World::new();
    let (one, _) = source(&world);
    let engine = FakeEngine::start(&world.path("engine.sock"));
    let client = || engine::Engine::named(&engine.host()).unwrap();
    let source = |reference: &str| engine::open(&client(), reference, &world.outside());
    let into = || engine::EngineDestination::new(client(), "team/app").unwrap();
    let layout =
        LayoutSource::open(Files::folder(&world.path("src")).unwrap(), Some(&Selector::Tag("one".into())))
            .unwrap();
    let options = CopyOptions::default();
    copy(&layout, &into(), &options, &world.outside()).unwrap();
    let sent = engine.loaded().remove(0);
    engine.put("team/app:latest", "sha256:other", sent.clone());
    // The same image again: sent, for what has the name is another.
    copy(&layout, &into(), &options, &world.outside()).unwrap();
    assert_eq!(engine.loaded(), [sent.clone(), sent.clone()]);
    engine.put("team/app:latest", &one.digest.to_string(), sent);
    copy(&layout, &into(), &options, &world.outside()).unwrap();
    assert_eq!(engine.loaded().len(), 2);
    assert_eq!(source("team/app:latest").unwrap().top().unwrap().digest, one.digest);
    engine.cut_after(1000);
    let error = source("team/app:latest").map(drop).unwrap_err().to_string();
    assert!(error.starts_with("cannot use the engine at `"), "{error}");
    engine.put("team/app:latest", "sha256:other", Vec::new());
    engine.tell("{\"stream\":\"x\"}\n{\"errorDetail\":{},\"error\":\"no\\u001b space\"}\n");
    let error = copy(&layout, &into(), &options, &world.outside()).unwrap_err().to_string();
    assert!(error.ends_with("it does not load the image: no\\u{1b} space"), "{error}");
    let error = source("nope").map(drop).unwrap_err().to_string();
    assert!(error.ends_with("it has no such image"), "{error}");
    let nobody = engine::Engine::named("unix:///nowhere/engine.sock").unwrap();
    let error = engine::open(&nobody, "x", &world.outside()).map(drop).unwrap_err();
    assert_eq!(error.to_string(), "cannot use the engine at `/nowhere/engine.sock`: there is no such socket");
}
