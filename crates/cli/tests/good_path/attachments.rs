//! What is attached to images: the record of a build, and what others attach.

use bareboat_formats::oci::{CONFIG, Descriptor, INDEX, Index, MANIFEST, Manifest};
use bareboat_model::Digest;
use bareboat_testkit::{FakeRegistry, Settings};
use serde_json::Value;

use crate::bench::{Bench, HELLO, said};

fn built(recipe: &str) -> Bench {
    let bench = Bench::new(recipe);
    bench.says(&["build", "--provenance", "-o", "oci:image"]);
    bench
}

fn json(bench: &Bench, args: &[&str]) -> Value {
    serde_json::from_str(&bench.says(args)).unwrap()
}

/// The record, found and shown as a person would.
fn statement(bench: &Bench) -> Value {
    let listed = json(bench, &["referrers", "oci:image", "--format", "json"]);
    let digest = listed["attachments"][0]["digest"].as_str().unwrap();
    json(bench, &["referrers", "oci:image", "--cat", digest])
}

fn is_digest_set(value: &Value) -> bool {
    let hex = value["sha256"].as_str().unwrap_or_default();
    hex.len() == 64 && hex.bytes().all(|byte| byte.is_ascii_hexdigit())
}

fn is_uri(value: &Value) -> bool {
    let text = value.as_str().unwrap_or_default();
    text.split_once(':').is_some_and(|(scheme, rest)| {
        !rest.is_empty() && scheme.bytes().all(|byte| byte.is_ascii_alphanumeric()) && !text.contains(' ')
    })
}

/// in-toto's `spec/v1/statement.md` and `resource_descriptor.md`, SLSA's `provenance/v1`: what must be there, and of which kind.
fn check_shape(statement: &Value) {
    assert_eq!(statement["_type"], "https://in-toto.io/Statement/v1");
    assert_eq!(statement["predicateType"], "https://slsa.dev/provenance/v1");
    let subjects = statement["subject"].as_array().unwrap();
    assert!(!subjects.is_empty() && subjects.iter().all(|one| is_digest_set(&one["digest"])));
    let definition = &statement["predicate"]["buildDefinition"];
    assert!(is_uri(&definition["buildType"]), "{definition}");
    assert!(definition["externalParameters"].is_object());
    for one in definition["resolvedDependencies"].as_array().unwrap() {
        // A resource needs one of uri, digest and content.
        assert!(is_digest_set(&one["digest"]), "{one}");
        assert!(one.get("uri").is_none_or(is_uri), "{one}");
    }
    let builder = &statement["predicate"]["runDetails"]["builder"];
    assert!(is_uri(&builder["id"]), "{builder}");
    assert!(builder["version"].as_object().unwrap().values().all(Value::is_string));
}

#[test]
fn a_build_can_be_told_by_its_record() {
    let bench = built(HELLO);
    insta::assert_snapshot!(bench.says(&["referrers", "oci:image"]), @r"
    [DIGEST]  application/vnd.in-toto+json  2.5 kB
      attached to the image
      in-toto.io/predicate-type: https://slsa.dev/provenance/v1
      holds [DIGEST]  application/vnd.in-toto+json  1.8 kB
    ");
    let statement = statement(&bench);
    check_shape(&statement);
    let text = serde_json::to_string_pretty(&statement).unwrap();
    insta::assert_snapshot!(text, @r#"
    {
      "_type": "https://in-toto.io/Statement/v1",
      "predicate": {
        "buildDefinition": {
          "buildType": "pkg:generic/bareboat#recipe/v1",
          "externalParameters": {
            "platforms": [
              "linux/amd64"
            ],
            "recipe": {
              "digest": {
                "sha256": "[HEX]"
              },
              "name": "hello"
            },
            "steps": false
          },
          "resolvedDependencies": [
            {
              "digest": {
                "sha256": "[HEX]"
              },
              "name": "bareboat.lock"
            },
            {
              "digest": {
                "sha256": "[HEX]"
              },
              "name": "Release of debian trixie"
            },
            {
              "digest": {
                "sha256": "[HEX]"
              },
              "name": "Release of debian trixie-updates"
            },
            {
              "digest": {
                "sha256": "[HEX]"
              },
              "name": "Release of debian-security trixie-security"
            },
            {
              "digest": {
                "sha256": "[HEX]"
              },
              "name": "gcc-14-base",
              "uri": "pkg:deb/debian/gcc-14-base@14.2.0-19?arch=amd64&distro=trixie"
            },
            {
              "digest": {
                "sha256": "[HEX]"
              },
              "name": "hello",
              "uri": "pkg:deb/debian/hello@2.10-5?arch=amd64&distro=trixie"
            },
            {
              "digest": {
                "sha256": "[HEX]"
              },
              "name": "libc6",
              "uri": "pkg:deb/debian/libc6@2.41-12?arch=amd64&distro=trixie"
            },
            {
              "digest": {
                "sha256": "[HEX]"
              },
              "name": "libgcc-s1",
              "uri": "pkg:deb/debian/libgcc-s1@14.2.0-19?arch=amd64&distro=trixie"
            }
          ]
        },
        "runDetails": {
          "builder": {
            "id": "pkg:generic/bareboat",
            "version": {
              "bareboat": "0.1.0"
            }
          }
        }
      },
      "predicateType": "https://slsa.dev/provenance/v1",
      "subject": [
        {
          "digest": {
            "sha256": "[HEX]"
          },
          "name": "hello"
        }
      ]
    }
    "#);
    assert!(!text.contains(&bench.path("").display().to_string()), "a path of this machine");
    let lock = std::fs::read(bench.path("project/bareboat.lock")).unwrap();
    let recipe = std::fs::read(bench.path("project/bareboat.toml")).unwrap();
    assert!(text.contains(&Digest::of(&lock).hex()) && text.contains(&Digest::of(&recipe).hex()));
}

#[test]
fn the_record_does_not_change_the_image_and_is_always_the_same() {
    let bench = built(HELLO);
    let first = std::fs::read(bench.path("project/image/index.json")).unwrap();
    bench.says(&["build", "--provenance", "-o", "oci:again", "--threads", "1"]);
    assert_eq!(std::fs::read(bench.path("project/again/index.json")).unwrap(), first);
    bench.says(&["build", "-o", "oci:plain"]);
    let index = |dir: &str| {
        let bytes = std::fs::read(bench.path(&format!("project/{dir}/index.json"))).unwrap();
        Index::parse(&bytes).unwrap().manifests
    };
    assert_eq!(index("plain")[..], index("image")[..1]);
    insta::assert_snapshot!(bench.says(&["referrers", "oci:plain"]), @r"nothing is attached to oci:plain ([DIGEST])");
}

#[test]
fn each_image_of_an_index_has_the_record() {
    let bench = built(&HELLO.replace("[\"linux/amd64\"]", "[\"linux/amd64\", \"linux/arm64\"]"));
    let listed = json(&bench, &["referrers", "oci:image", "--format", "json"]);
    let attachments = listed["attachments"].as_array().unwrap();
    assert_eq!(attachments.len(), 3);
    assert_eq!(attachments[0]["subject"], listed["digest"]);
    let statement = statement(&bench);
    check_shape(&statement);
    assert_eq!(statement["subject"].as_array().unwrap().len(), 3);
    let platforms = &statement["predicate"]["buildDefinition"]["externalParameters"]["platforms"];
    assert_eq!(*platforms, serde_json::json!(["linux/amd64", "linux/arm64"]));
}

/// `docker save` has no place for attachments, and that is said.
#[test]
fn where_there_is_no_place_for_a_record_it_is_told() {
    let bench = Bench::new(HELLO);
    let output =
        bench.command(["build", "--provenance", "-q", "-o", "docker-archive:a.tar"]).output().unwrap();
    assert!(output.status.success() && said(&output).is_empty(), "{}", said(&output));
    let output = bench.command(["build", "--provenance", "-o", "docker-archive:a.tar"]).output().unwrap();
    assert_eq!(
        said(&output),
        "warning: `docker-archive:a.tar` has no place for the record of how the image was built\n"
    );
}

/// Attachments survive a copy, if asked for.
#[test]
fn attachments_are_copied_along() {
    let bench = built(HELLO);
    bench.says(&["copy", "oci:image", "oci-archive:with.tar", "--with-referrers"]);
    bench.says(&["copy", "oci:image", "oci-archive:without.tar"]);
    let count = |image: &str| {
        json(&bench, &["referrers", image, "--format", "json"])["attachments"].as_array().unwrap().len()
    };
    assert_eq!((count("oci-archive:with.tar"), count("oci-archive:without.tar")), (1, 0));
}

/// BuildKit puts attestations into the index, beside the images, for no platform.
#[test]
fn what_buildkit_puts_into_an_index_is_listed() {
    let bench = built(HELLO);
    let file = bench.path("project/image/index.json");
    let mut layout = Index::parse(&std::fs::read(&file).unwrap()).unwrap();
    let mut image = layout.manifests[0].clone();
    let name = std::mem::take(&mut image.annotations);
    let manifest = Manifest::new(
        Descriptor::of(CONFIG, b"{}"),
        vec![Descriptor::of("application/vnd.in-toto+json", b"{}")],
    );
    let bytes = manifest.to_bytes().unwrap();
    put(&bench, &bytes);
    let mut attestation = Descriptor::of(MANIFEST, &bytes);
    attestation.annotations = [
        ("vnd.docker.reference.type".to_owned(), "attestation-manifest".to_owned()),
        ("vnd.docker.reference.digest".to_owned(), image.digest.to_string()),
    ]
    .into();
    let index = Index::new(vec![image, attestation]).to_bytes().unwrap();
    put(&bench, &index);
    layout.manifests = vec![Descriptor { annotations: name, ..Descriptor::of(INDEX, &index) }];
    bench.write("image/index.json", layout.to_bytes().unwrap());
    insta::assert_snapshot!(bench.says(&["referrers", "oci:image"]), @r"
    [DIGEST]  application/vnd.oci.image.config.v1+json  384 B
      attached to [DIGEST], in its index
      vnd.docker.reference.digest: [DIGEST]
      vnd.docker.reference.type: attestation-manifest
      holds [DIGEST]  application/vnd.in-toto+json  2 B
    ");
}

/// A registry that lists what refers to an image, and one that does not: there the list is under a tag.
#[test]
fn a_record_goes_to_registries_of_both_kinds() {
    for referrers in [true, false] {
        let bench = Bench::new(HELLO);
        let registry = FakeRegistry::with(Settings { referrers, ..Settings::default() });
        let image = format!("{}/team/hello:1", registry.host());
        bench.says(&["build", "--provenance", "-o", &image]);
        let listed = json(&bench, &["referrers", &image, "--format", "json"]);
        assert_eq!(listed["attachments"].as_array().unwrap().len(), 1, "{listed}");
        assert_eq!(listed["attachments"][0]["subject"], listed["digest"]);
        let digest = listed["attachments"][0]["digest"].as_str().unwrap();
        check_shape(&json(&bench, &["referrers", &image, "--cat", digest]));
        let list = format!("sha256-{}", &listed["digest"].as_str().unwrap()["sha256:".len()..]);
        let tags = if referrers { vec!["1".to_owned()] } else { vec!["1".to_owned(), list] };
        assert_eq!(registry.tags("team/hello"), tags);
    }
}

/// In a registry that can choose, in one that keeps the list under a tag and cannot, and in a layout.
#[test]
fn what_is_listed_can_be_one_artifact_type_alone() {
    for referrers in [true, false] {
        let bench = built(HELLO);
        let subject = json(&bench, &["referrers", "oci:image", "--format", "json"])["digest"].clone();
        let mut note = Manifest::new(Descriptor::of("application/vnd.oci.empty.v1+json", b"{}"), Vec::new());
        note.extra.insert("artifactType".into(), "text/note".into());
        let image = serde_json::json!({ "mediaType": MANIFEST, "digest": subject, "size": 1 });
        note.extra.insert("subject".into(), image);
        let bytes = note.to_bytes().unwrap();
        put(&bench, b"{}");
        put(&bench, &bytes);
        let file = bench.path("project/image/index.json");
        let mut layout = Index::parse(&std::fs::read(&file).unwrap()).unwrap();
        layout.manifests.push(Descriptor::of(MANIFEST, &bytes));
        bench.write("image/index.json", layout.to_bytes().unwrap());
        let registry = FakeRegistry::with(Settings { referrers, ..Settings::default() });
        let copy = format!("{}/team/hello:1", registry.host());
        bench.says(&["copy", "--with-referrers", "oci:image", &copy]);
        for place in ["oci:image", &copy] {
            let listed =
                json(&bench, &["referrers", place, "--artifact-type", "text/note", "--format", "json"]);
            let digests: Vec<_> =
                listed["attachments"].as_array().unwrap().iter().map(|one| one["digest"].clone()).collect();
            assert_eq!(digests, [Digest::of(&bytes).to_string()], "{place} {referrers}");
        }
        let none = bench.says(&["referrers", "oci:image", "--artifact-type", "text/other"]);
        assert!(none.starts_with("nothing of type text/other is attached to oci:image ("), "{none}");
    }
}

/// Each build of a changed recipe would add one.
#[test]
fn what_was_attached_leaves_with_the_image_it_was_attached_to() {
    let bench = built(HELLO);
    bench.says(&["build", "--provenance", "-o", "oci:image:kept"]);
    let blobs = || bench.listing("project/image/blobs/sha256").len();
    let untagged = || {
        let bytes = std::fs::read(bench.path("project/image/index.json")).unwrap();
        Index::parse(&bytes).unwrap().manifests.iter().filter(|one| one.annotations.len() < 2).count()
    };
    bench.write("bareboat.toml", format!("{HELLO}[image]\nuser = \"7\"\n"));
    bench.says(&["build", "--provenance", "-o", "oci:image"]);
    let with_both = blobs();
    let one = |image: &str| {
        let listed = json(&bench, &["referrers", image, "--format", "json"]);
        listed["attachments"].as_array().unwrap().len()
    };
    assert_eq!((one("oci:image:latest"), one("oci:image:kept"), untagged()), (1, 1, 4));
    // Now nothing has the first image any more.
    bench.says(&["build", "--provenance", "-o", "oci:image:kept"]);
    assert_eq!((one("oci:image:latest"), one("oci:image:kept"), untagged()), (1, 1, 3));
    assert!(blobs() < with_both);
}

/// Puts bytes among a layout's blobs.
fn put(bench: &Bench, bytes: &[u8]) -> Digest {
    let digest = Digest::of(bytes);
    bench.write(&format!("image/blobs/sha256/{}", digest.hex()), bytes);
    digest
}

#[test]
fn what_strangers_attach_cannot_steer_a_terminal_and_is_told_when_broken() {
    let bench = built(HELLO);
    let file = bench.path("project/image/index.json");
    let mut index = Index::parse(&std::fs::read(&file).unwrap()).unwrap();
    let subject = index.manifests[0].clone();
    let blobs = [&b"one"[..], b"two"].map(|bytes| {
        put(&bench, bytes);
        Descriptor::of("text/\x1b[2J", bytes)
    });
    put(&bench, b"{}");
    let mut manifest = Manifest::artifact("evil/\x1b[31m", &subject, blobs.to_vec());
    manifest.annotations.insert("note\n".to_owned(), "x".repeat(500));
    let bytes = manifest.to_bytes().unwrap();
    put(&bench, &bytes);
    // Attached to the attachment, whose content is missing.
    let signed = Manifest::artifact(
        "signature",
        &Descriptor::of(MANIFEST, &bytes),
        vec![Descriptor::of("x", b"gone")],
    );
    let signature = signed.to_bytes().unwrap();
    put(&bench, &signature);
    index.manifests.extend([Descriptor::of(MANIFEST, &bytes), Descriptor::of(MANIFEST, &signature)]);
    bench.write("image/index.json", index.to_bytes().unwrap());
    insta::assert_snapshot!(bench.says(&["referrers", "oci:image"]), @r"
    [DIGEST]  application/vnd.in-toto+json  2.5 kB
      attached to the image
      in-toto.io/predicate-type: https://slsa.dev/provenance/v1
      holds [DIGEST]  application/vnd.in-toto+json  1.8 kB
    [DIGEST]  evil/\u{1b}[31m  1.2 kB
      attached to the image
      note\n: xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx…
      holds [DIGEST]  text/\u{1b}[2J  3 B
      holds [DIGEST]  text/\u{1b}[2J  3 B
    [DIGEST]  signature  543 B
      attached to [DIGEST]
      holds [DIGEST]  x  4 B
    ");
    let refused = |digest: &str| bench.refuses(&["referrers", "oci:image", "--cat", digest]);
    insta::assert_snapshot!(refused(&Digest::of(&bytes).to_string()), @r"error: cannot show `[DIGEST]`: this may be any of [DIGEST], [DIGEST]");
    insta::assert_snapshot!(refused(&Digest::of(&signature).to_string()), @r"
    error: cannot read blob [DIGEST]: `blobs/sha256/[HEX]` is missing
    hint: copying the image to the same place again replaces what is damaged or missing on this machine
    ");
    insta::assert_snapshot!(refused("sha256:0000000"), @r"
    error: cannot show `sha256:0000000`: nothing of what is attached has this digest
    hint: bareboat referrers IMAGE lists all
    ");
    insta::assert_snapshot!(refused("sha256:"), @r"error: cannot show `sha256:`: expected a digest, or at least 6 digits of one");
    assert_eq!(bench.says(&["referrers", "oci:image", "--cat", &Digest::of(b"one").hex()[..12]]), "one");
}

#[test]
fn what_is_attached_goes_with_an_image_that_is_deleted() {
    let bench = built(HELLO);
    bench.says(&["tag", "oci:image", "other"]);
    bench.says(&["delete", "oci:image:latest"]);
    assert_eq!(bench.says(&["list", "--all", "oci:image"]).lines().count(), 2);
    bench.says(&["delete", "oci:image:other"]);
    assert_eq!(bench.says(&["list", "--all", "oci:image"]), "");
    assert_eq!(bench.listing("project/image/blobs").len(), 1);
}

/// Where a registry keeps no lists of its own, the one that was written for the image goes, too.
#[test]
fn the_list_under_the_fallback_tag_goes_with_its_image() {
    let bench = built(HELLO);
    let registry = FakeRegistry::with(Settings { referrers: false, ..Settings::default() });
    let name = format!("{}/team/app", registry.host());
    let digest = bench.says(&["copy", "-q", "--with-referrers", "oci:image", &name]);
    let list = format!("sha256-{}", digest.trim().strip_prefix("sha256:").unwrap());
    assert_eq!(registry.tags("team/app"), ["latest", &list]);
    assert_eq!(bench.says(&["list", &name]), "latest\n");
    assert_eq!(bench.says(&["list", "--all", &name]), format!("latest\n{list}\n"));
    let told = bench.says(&["delete", &format!("{name}@{}", digest.trim())]);
    assert!(told.contains("tags         sha256-"), "{told}");
    assert!(
        told.ends_with("what is left was attached to the image; --with-referrers takes it along\n"),
        "{told}"
    );
    assert!(registry.tags("team/app").is_empty());
}

#[test]
fn what_is_attached_is_told_or_taken_along_when_an_image_is_deleted() {
    let bench = built(HELLO);
    for referrers in [true, false] {
        let registry = FakeRegistry::with(Settings { referrers, ..Settings::default() });
        let name = format!("{}/team/app", registry.host());
        let image = bench.says(&["copy", "-q", "--with-referrers", "oci:image", &name]);
        let image = image.trim();
        let listed = json(&bench, &["referrers", &name, "--format", "json"]);
        let record = listed["attachments"][0]["digest"].as_str().unwrap();
        let is_there = |digest: &str| registry.manifest("team/app", digest).is_some();
        let deleted = json(&bench, &["delete", &format!("{name}@{image}"), "--format", "json"]);
        assert_eq!(
            (&deleted["left"][0], deleted.get("attached")),
            (&listed["attachments"][0]["digest"], None)
        );
        assert!(!is_there(image) && is_there(record));

        bench.says(&["copy", "-q", "--with-referrers", "oci:image", &name]);
        let deleted =
            json(&bench, &["delete", "--with-referrers", "--format", "json", &format!("{name}@{image}")]);
        assert_eq!(
            (&deleted["attached"][0], deleted.get("left")),
            (&listed["attachments"][0]["digest"], None)
        );
        assert!(!is_there(image) && !is_there(record));
        assert!(registry.tags("team/app").is_empty());
    }
}
