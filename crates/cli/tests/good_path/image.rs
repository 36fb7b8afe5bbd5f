//! The image as the OCI specification has it, and the same image every time.

use bareboat_testkit::tree::Kind;
use serde_json::{Value, json};

use crate::bench::{Bench, HELLO};
use crate::layout::{Image, Layout, text};

/// All that a recipe can say of an image's config.
const SETTINGS: &str = r#"
[image]
entrypoint  = ["/usr/bin/hello", "--greeting"]
cmd         = ["hi"]
env         = { LANG = "C.UTF-8", A = "1" }
user        = "app"
workdir     = "/srv"
ports       = ["8080", "53/udp"]
volumes     = ["/data"]
stop-signal = "SIGINT"
labels      = { "org.example.team" = "harbour" }
annotations = { "org.opencontainers.image.source" = "here" }

[users.app]
uid = 1000

[[files]]
from = "main.sh"
to   = "/app/"
capabilities = ["cap_net_bind_service"]
"#;

fn with_settings() -> Bench {
    let bench = Bench::new(&format!("{HELLO}{SETTINGS}"));
    bench.write("main.sh", "hello\n");
    bench
}

fn two_platforms() -> Bench {
    let bench = Bench::new(&HELLO.replace("\"linux/amd64\"", "\"linux/arm64\", \"linux/amd64\""));
    bench.builds();
    bench
}

#[test]
fn the_layout_names_one_image_by_its_tag() {
    let bench = Bench::new(HELLO);
    let digest = bench.builds();
    let index = bench.layout().index;
    assert_eq!(text(&index["manifests"][0]["digest"]), digest);
    insta::assert_snapshot!(format!("{index:#}"), @r#"
    {
      "manifests": [
        {
          "annotations": {
            "org.opencontainers.image.ref.name": "latest"
          },
          "digest": "[DIGEST]",
          "mediaType": "application/vnd.oci.image.manifest.v1+json",
          "size": [N]
        }
      ],
      "mediaType": "application/vnd.oci.image.index.v1+json",
      "schemaVersion": 2
    }
    "#);
}

#[test]
fn a_layout_holds_nothing_but_its_image_after_a_second_build() {
    let bench = with_settings();
    bench.builds();
    bench.write("main.sh", "hello again\n");
    let image = bench.built();
    let named = image.layers.len() + 2;
    let blobs = bench.listing("project/.bareboat/hello/blobs/sha256");
    assert_eq!(blobs.len(), named, "layers, config and manifest: {blobs:#?}");
    let beside = bench.listing("project/.bareboat/hello");
    insta::assert_snapshot!(beside.into_iter().filter(|path| !path.contains("sha256/")).collect::<Vec<_>>().join("\n"), @r"
    blobs
    blobs/sha256
    index.json
    oci-layout
    ");
}

#[test]
fn two_platforms_are_tied_together_by_an_index() {
    let bench = two_platforms();
    let layout = bench.layout();
    let index = layout.json(&layout.index["manifests"][0]);
    insta::assert_snapshot!(format!("{index:#}"), @r#"
    {
      "manifests": [
        {
          "digest": "[DIGEST]",
          "mediaType": "application/vnd.oci.image.manifest.v1+json",
          "platform": {
            "architecture": "amd64",
            "os": "linux"
          },
          "size": [N]
        },
        {
          "digest": "[DIGEST]",
          "mediaType": "application/vnd.oci.image.manifest.v1+json",
          "platform": {
            "architecture": "arm64",
            "os": "linux",
            "variant": "v8"
          },
          "size": [N]
        }
      ],
      "mediaType": "application/vnd.oci.image.index.v1+json",
      "schemaVersion": 2
    }
    "#);
    for descriptor in index["manifests"].as_array().unwrap() {
        let image = layout.image(descriptor);
        assert_eq!(image.config["architecture"], descriptor["platform"]["architecture"]);
        assert_eq!(image.config["variant"], descriptor["platform"]["variant"]);
    }
}

#[test]
fn the_manifest_names_config_and_layers() {
    let bench = with_settings();
    insta::assert_snapshot!(format!("{:#}", bench.built().manifest), @r#"
    {
      "annotations": {
        "org.opencontainers.image.source": "here"
      },
      "config": {
        "digest": "[DIGEST]",
        "mediaType": "application/vnd.oci.image.config.v1+json",
        "size": [N]
      },
      "layers": [
        {
          "digest": "[DIGEST]",
          "mediaType": "application/vnd.oci.image.layer.v1.tar+gzip",
          "size": [N]
        },
        {
          "digest": "[DIGEST]",
          "mediaType": "application/vnd.oci.image.layer.v1.tar+gzip",
          "size": [N]
        },
        {
          "digest": "[DIGEST]",
          "mediaType": "application/vnd.oci.image.layer.v1.tar+gzip",
          "size": [N]
        }
      ],
      "mediaType": "application/vnd.oci.image.manifest.v1+json",
      "schemaVersion": 2
    }
    "#);
}

#[test]
fn the_config_says_what_the_recipe_says() {
    let bench = with_settings();
    insta::assert_snapshot!(format!("{:#}", bench.built().config), @r#"
    {
      "architecture": "amd64",
      "config": {
        "Cmd": [
          "hi"
        ],
        "Entrypoint": [
          "/usr/bin/hello",
          "--greeting"
        ],
        "Env": [
          "A=1",
          "LANG=C.UTF-8"
        ],
        "ExposedPorts": {
          "53/udp": {},
          "8080/tcp": {}
        },
        "Labels": {
          "org.example.team": "harbour"
        },
        "StopSignal": "SIGINT",
        "User": "1000:1000",
        "Volumes": {
          "/data": {}
        },
        "WorkingDir": "/srv"
      },
      "created": "2025-06-01T00:00:00Z",
      "history": [
        {
          "created": "2025-06-01T00:00:00Z",
          "created_by": "bareboat: gcc-14 glibc hello"
        },
        {
          "created": "2025-06-01T00:00:00Z",
          "created_by": "bareboat: settings"
        },
        {
          "created": "2025-06-01T00:00:00Z",
          "created_by": "bareboat: files"
        }
      ],
      "os": "linux",
      "rootfs": {
        "diff_ids": [
          "[DIGEST]",
          "[DIGEST]",
          "[DIGEST]"
        ],
        "type": "layers"
      }
    }
    "#);
}

#[test]
fn a_recipe_that_says_nothing_of_running_has_no_settings_in_its_config() {
    assert_eq!(Bench::new(HELLO).built().config["config"], Value::Null);
}

#[test]
fn zstd_is_named_in_the_manifest() {
    let bench = Bench::new(&format!("{HELLO}[layers]\ncompression = \"zstd:19\"\n"));
    let image = bench.built();
    assert_eq!(image.manifest["layers"][0]["mediaType"], "application/vnd.oci.image.layer.v1.tar+zstd");
    let gzipped = Bench::new(HELLO).built();
    assert_eq!(image.config["rootfs"], gzipped.config["rootfs"]);
}

#[test]
fn every_layer_is_sorted_and_names_no_path_twice() {
    for layer in with_settings().built().layers {
        let paths: Vec<&[u8]> = layer.tree.entries.iter().map(|entry| entry.path.as_bytes()).collect();
        assert!(paths.is_sorted_by(|a, b| a < b), "{}", layer.title);
    }
}

#[test]
fn no_member_names_a_user_or_group_or_has_a_header_but_for_capabilities() {
    for layer in with_settings().built().layers {
        for header in headers(&layer.tar) {
            assert_eq!(header[265..329], [0; 64], "user and group are numbers");
            assert_eq!(&header[257..265], b"ustar\x0000");
            assert!(header[156] != b'x' || layer.title == "files", "a PAX header in {}", layer.title);
        }
    }
}

/// The headers of a tar archive, and that it ends as it should.
fn headers(mut tar: &[u8]) -> Vec<&[u8]> {
    let mut headers = Vec::new();
    while tar[0] != 0 {
        let size = std::str::from_utf8(&tar[124..135]).unwrap();
        let size = usize::from_str_radix(size, 8).unwrap().next_multiple_of(512);
        headers.push(&tar[..512]);
        tar = &tar[512 + size..];
    }
    assert_eq!(tar, [0; 1024]);
    headers
}

#[test]
fn a_capability_is_an_extended_attribute() {
    insta::assert_snapshot!(with_settings().built().listing(&["/app"]), @r#"
    /app/ 0755
    /app/main.sh 0644 "hello\n" xattr.security.capability="\x01\x00\x00\x02\x00\x04\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"
    "#);
}

#[test]
fn packages_keep_their_dates_and_all_else_has_none() {
    let mut dates = String::new();
    for entry in with_settings().built().tree().entries {
        let path = entry.path.to_string();
        if ["/usr", "/usr/bin/hello", "/etc/passwd", "/app", "/app/main.sh", "/var/lib/dpkg/status.d/hello"]
            .contains(&&*path)
        {
            dates += &format!("{} {path}\n", entry.mtime.unwrap());
        }
    }
    insta::assert_snapshot!(dates, @r"
    0 /app
    0 /app/main.sh
    0 /etc/passwd
    0 /usr
    1748736000 /usr/bin/hello
    1748736000 /var/lib/dpkg/status.d/hello
    ");
}

#[test]
fn the_source_date_is_the_latest_date_of_all() {
    let bench = with_settings();
    let date = 1_000_000_000;
    bench.says_with(bench.command(["build"]).env("SOURCE_DATE_EPOCH", date.to_string()));
    let image = bench.image();
    assert_eq!(image.config["created"], "2001-09-09T01:46:40Z");
    assert!(image.tree().entries.iter().all(|entry| entry.mtime <= Some(date)));
}

#[test]
fn a_later_source_date_leaves_the_packages_files_alone() {
    let bench = with_settings();
    bench.says_with(bench.command(["build"]).env("SOURCE_DATE_EPOCH", "2000000000"));
    let image = bench.image();
    assert_eq!(image.config["created"], "2033-05-18T03:33:20Z");
    let date = |path| image.tree().get(path).unwrap().mtime.unwrap();
    assert_eq!((date("/usr/bin/hello"), date("/app/main.sh")), (1_748_736_000, 2_000_000_000));
}

#[test]
fn all_outputs_hold_the_same_layers() {
    let bench = with_settings();
    let outputs = ["oci:one", "oci-archive:one.tar:v1", "docker-archive:docker.tar"];
    bench.says(&["build", "-o", outputs[0], "-o", outputs[1], "-o", outputs[2]]);
    let image = Layout::open(&bench.path("project/one")).only();
    let archive = unpacked(&bench, "one.tar");
    let archived = Layout::open(&archive);
    assert_eq!(
        archived.index["manifests"][0]["annotations"],
        json!({"org.opencontainers.image.ref.name": "v1"})
    );
    assert_eq!(archived.only().manifest, image.manifest);

    let docker = unpacked(&bench, "docker.tar");
    let manifest: Value =
        serde_json::from_slice(&std::fs::read(docker.join("manifest.json")).unwrap()).unwrap();
    assert_eq!(manifest[0]["RepoTags"], json!(["hello:latest"]));
    let config = std::fs::read(docker.join(text(&manifest[0]["Config"]))).unwrap();
    assert_eq!(serde_json::from_slice::<Value>(&config).unwrap(), image.config);
    let layers = manifest[0]["Layers"].as_array().unwrap();
    assert_eq!(layers.len(), image.layers.len());
    for (name, layer) in layers.iter().zip(&image.layers) {
        let bytes = std::fs::read(docker.join(text(name))).unwrap();
        assert_eq!(bareboat_testkit::Compression::Gz.decompress(&bytes), layer.tar);
    }
}

#[test]
fn a_docker_archive_has_zstd_layers_unpacked() {
    let bench = Bench::new(&format!("{HELLO}[layers]\ncompression = \"zstd\"\n"));
    bench.says(&["build", "-o", "oci:one", "-o", "docker-archive:docker.tar:harbour/hello:v1"]);
    let image = Layout::open(&bench.path("project/one")).only();
    let docker = unpacked(&bench, "docker.tar");
    let manifest: Value =
        serde_json::from_slice(&std::fs::read(docker.join("manifest.json")).unwrap()).unwrap();
    assert_eq!(manifest[0]["RepoTags"], json!(["harbour/hello:v1"]));
    let lowest = std::fs::read(docker.join(text(&manifest[0]["Layers"][0]))).unwrap();
    assert!(lowest == image.layers[0].tar);
}

/// A tar file of the project, unpacked beside it.
fn unpacked(bench: &Bench, file: &str) -> std::path::PathBuf {
    let dir = bench.path(&format!("project/{file}.unpacked"));
    let tar = std::fs::read(bench.path("project").join(file)).unwrap();
    for entry in bareboat_testkit::Tree::from_tar(&tar).entries {
        if let Kind::File(content) = entry.kind {
            let path = dir.join(std::str::from_utf8(entry.path.as_bytes()).unwrap());
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, content).unwrap();
        }
    }
    dir
}

#[test]
fn a_tag_of_the_output_is_the_images_name() {
    let bench = Bench::new(HELLO);
    bench.says(&["build", "-o", "oci:images:v1"]);
    bench.write("bareboat.toml", format!("{HELLO}[image]\ncmd = [\"/usr/bin/hello\"]\n"));
    bench.says(&["build", "-o", "oci:images:v2"]);
    let layout = Layout::open(&bench.path("project/images"));
    let images: Vec<Image> =
        layout.index["manifests"].as_array().unwrap().iter().map(|one| layout.image(one)).collect();
    assert_eq!(images.len(), 2);
    assert_eq!(images[0].config["rootfs"], images[1].config["rootfs"]);
    assert_ne!(images[0].config["config"], images[1].config["config"]);
}

#[test]
fn the_environment_does_not_reach_the_image() {
    let bench = with_settings();
    let digest = bench.builds();
    let elsewhere = with_settings();
    let script = "umask 077; mkdir -p deep/er; cp -r bareboat.* main.sh deep/er; cd deep/er; touch -d 2001-01-01 main.sh; exec \"$0\" build -q --threads 1";
    let mut command = elsewhere.program(std::path::Path::new("/bin/sh"));
    command.args(["-c", script, env!("CARGO_BIN_EXE_bareboat")]);
    command
        .env("TZ", "Asia/Kathmandu")
        .env("HOME", "/nonexistent")
        .env("LC_ALL", "tr_TR.UTF-8")
        .env("USER", "somebody");
    assert_eq!(elsewhere.says_with(&mut command).trim(), digest);
}
