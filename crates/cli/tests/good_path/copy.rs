//! Images from one place to another, by the commands that do it.

use bareboat_testkit::{FakeEngine, FakeRegistry};

use crate::bench::{Bench, HELLO, said};
use crate::layout::Layout;

const BARE: &str = "name = \"bare\"\nbase = \"scratch\"\nplatforms = [\"linux/amd64\"]\n";

/// A bench with an image that was built, and a registry that the messages call `[REGISTRY]`.
fn bench(recipe: &str) -> (Bench, FakeRegistry, insta::internals::SettingsBindDropGuard) {
    let (bench, registry) = (Bench::new(recipe), FakeRegistry::start());
    let mut settings = insta::Settings::clone_current();
    settings.add_filter(&registry.host(), "[REGISTRY]");
    settings.add_filter(r"\d+(\.\d+)? k?B\b", "[N] B");
    settings.add_filter(r#"("bytes": )\d+"#, "$1[N]");
    bench.says(&["build", "--quiet"]);
    (bench, registry, settings.bind_to_scope())
}

#[test]
fn an_image_is_pushed_and_pulled() {
    let (bench, registry, _filters) = bench(BARE);
    let name = format!("{}/team/bare:1.0", registry.host());
    insta::assert_snapshot!(bench.says(&["push", &name]), @r"
    copied       oci:.bareboat/bare
    to           [REGISTRY]/team/bare:1.0
    digest       [DIGEST]
    moved        2 blobs, [N] B
    ");
    insta::assert_snapshot!(bench.says(&["push", "oci:.bareboat/bare", &name]), @r"
    copied       oci:.bareboat/bare
    to           [REGISTRY]/team/bare:1.0
    digest       [DIGEST]
    moved        0 blobs, [N] B
    there        2 blobs, [N] B
    ");
    insta::assert_snapshot!(bench.says(&["pull", &name]), @r"
    copied       [REGISTRY]/team/bare:1.0
    to           oci:.bareboat/bare:1.0
    digest       [DIGEST]
    moved        0 blobs, [N] B
    there        2 blobs, [N] B
    ");
    insta::assert_snapshot!(bench.says(&["pull", &name, "oci-archive:bare.tar", "--format", "json"]), @r#"
    {
      "schema": "bareboat.copy/1",
      "from": "[REGISTRY]/team/bare:1.0",
      "to": "oci-archive:bare.tar",
      "digest": "[DIGEST]",
      "media_type": "application/vnd.oci.image.manifest.v1+json",
      "manifests": 1,
      "attachments": 0,
      "moved": {
        "blobs": 1,
        "bytes": [N]
      },
      "skipped": {
        "blobs": 1,
        "bytes": [N]
      },
      "mounted": 0
    }
    "#);
    let digest = Layout::open(&bench.path("project/.bareboat/bare")).index["manifests"][0]["digest"].clone();
    assert_eq!(
        bench.says(&["copy", "--quiet", "oci-archive:bare.tar", "docker-archive:b.tar"]).trim(),
        digest
    );
    assert_eq!(bench.says(&["copy", "--quiet", "bare:1.0", &name]).trim(), digest);
}

#[test]
fn a_build_writes_to_all_places_at_once() {
    let (bench, registry, _filters) = bench(BARE);
    let engine = FakeEngine::start(&bench.path("engine.sock"));
    let name = format!("{}/team/bare:2", registry.host());
    let mut command =
        bench.command(["build", "--quiet", "-o", &name, "-o", "docker-daemon:bare:2", "-o", "oci:out"]);
    let output = command.env("DOCKER_HOST", engine.host()).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    assert_eq!((registry.tags("team/bare"), engine.loaded().len()), (vec!["2".to_owned()], 1));
    let digest = Layout::open(&bench.path("project/out")).index["manifests"][0]["digest"].clone();
    assert_eq!(String::from_utf8(output.stdout).unwrap().trim(), digest);
}

#[test]
fn an_image_in_a_registry_is_built_on_as_the_lock_has_it() {
    let (bench, registry, _filters) = bench(&HELLO.replace("name = \"hello\"", "name = \"below\""));
    let name = format!("{}/team/below:1", registry.host());
    bench.says(&["push", &name]);
    std::fs::remove_file(bench.path("project/bareboat.lock")).unwrap();
    bench.write(
        "bareboat.toml",
        format!("name = \"hello\"\nbase = \"{name}\"\nplatforms = [\"linux/amd64\"]\n"),
    );
    let first = bench.builds();
    assert!(std::fs::read_to_string(bench.path("project/bareboat.lock")).unwrap().contains(&name));
    // The tag moves: the lock still names the image that it names.
    bench.write("other/bareboat.toml", BARE);
    bench.says(&["build", "--quiet", "other", "-o", &name]);
    assert_eq!(bench.builds(), first);
    // What the lock names is in the cache.
    assert_eq!(bench.says(&["build", "--quiet", "--offline", "--locked"]).trim(), first);
    bench.says(&["update", "--quiet"]);
    assert_ne!(bench.builds(), first);
}

#[test]
fn of_several_platforms_it_is_told_which_was_taken() {
    let recipe = BARE.replace("[\"linux/amd64\"]", "[\"linux/amd64\", \"linux/arm64\"]");
    let (bench, registry, _filters) = bench(&recipe);
    let built = bench.says(&["build", "--quiet"]).trim().to_owned();
    let name = format!("{}/team/bare:1", registry.host());
    assert_eq!(bench.says(&["push", "--quiet", &name]).trim(), built, "push sends all of them");
    assert_ne!(bench.says(&["push", "--quiet", "--platform", "linux/arm64", &name]).trim(), built);
    insta::assert_snapshot!(bench.says(&["copy", "bare", "oci:out", "--platform", "linux/arm64"]), @r"
    copied       oci:.bareboat/bare
    to           oci:out
    digest       [DIGEST]
    platform     linux/arm64, 1 of 2 (--all-platforms takes all)
    moved        2 blobs, [N] B
    ");
    let json = bench.says(&["copy", "bare", "oci:out", "--platform", "linux/amd64", "--format", "json"]);
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["platform"], serde_json::json!({ "name": "linux/amd64", "of": 2 }));
    let all = bench.says(&["copy", "bare", "oci:out", "--all-platforms"]);
    assert!(!all.contains("platform") && all.contains("before"), "{all}");
}

#[test]
fn what_a_place_cannot_hold_or_others_cannot_read_is_told() {
    let (bench, registry, _filters) = bench(BARE);
    bench.says(&["build", "--quiet", "--provenance", "-o", "oci:with"]);
    insta::assert_snapshot!(bench.says(&["copy", "--with-referrers", "oci:with", "docker-archive:a.tar"]), @r"
    warning: there is no place at the destination for what is attached to the image
    copied       oci:with
    to           docker-archive:a.tar
    digest       [DIGEST]
    moved        2 blobs, [N] B
    ");
    let layout = Layout::open(&bench.path("project/.bareboat/bare"));
    let manifest = layout.blob(&layout.index["manifests"][0]);
    let manifest = String::from_utf8(manifest).unwrap();
    let manifest = manifest
        .replace("vnd.oci.image.manifest.v1+json", "vnd.docker.distribution.manifest.v2+json")
        .replace("vnd.oci.image.config.v1+json", "vnd.docker.container.image.v1+json")
        .replace("vnd.oci.image.layer.v1.tar+gzip", "vnd.docker.image.rootfs.diff.tar.gzip");
    let name = format!("{}/team/bare", registry.host());
    bench.says(&["push", &name]);
    let dockers = "application/vnd.docker.distribution.manifest.v2+json";
    registry.put_manifest("team/bare", "dockers", dockers, manifest.as_bytes());
    let name = format!("{name}:dockers");
    insta::assert_snapshot!(bench.says(&["copy", &name, "oci:out"]), @r"
    warning: the image keeps Docker's manifest (schema 2), and with it its digest: skopeo and umoci do not find such an image in an OCI layout by its tag
    copied       [REGISTRY]/team/bare:dockers
    to           oci:out
    digest       [DIGEST]
    moved        2 blobs, [N] B
    ");
    assert!(!bench.says(&["pull", &name, "--verbose"]).contains("warning"));
}
