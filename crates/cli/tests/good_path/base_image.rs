//! Images as bases: their layers stay, their packages count, their settings are inherited.

use serde_json::Value;

use crate::bench::{Bench, said};
use crate::layout::{Layout, text};

const ON_IMAGE: &str = "name = \"hello\"\nbase = \"oci:below\"\nplatforms = [\"linux/amd64\"]\npackages = [\"hello\"]\n\
                        [[files]]\nfrom = \"main.sh\"\nto = \"/app/\"\n";

/// A bench with an image of this base in `below`, written to all three kinds of places, and `recipe` to build on it.
fn bench(base: &str, recipe: &str) -> Bench {
    let below = format!(
        "name = \"below\"\nbase = \"{base}\"\nplatforms = [\"linux/amd64\"]\n\
         [image]\nworkdir = \"/srv\"\nlabels = {{ kept = \"yes\", changed = \"no\" }}\n"
    );
    let bench = Bench::new(&below);
    bench.says(&[
        "build",
        "-o",
        "oci:below",
        "-o",
        "oci-archive:below.oci.tar",
        "-o",
        "docker-archive:below.docker.tar",
    ]);
    std::fs::remove_file(bench.path("project/bareboat.lock")).unwrap();
    bench.write("bareboat.toml", recipe);
    bench.write("main.sh", "hello\n");
    bench
}

fn locked(bench: &Bench) -> Vec<String> {
    let lock = std::fs::read_to_string(bench.path("project/bareboat.lock")).unwrap();
    lock.lines().filter_map(|line| line.strip_prefix("name = ")).map(|name| name.replace('"', "")).collect()
}

#[test]
fn the_layers_stay_and_nothing_comes_twice() {
    let bench = bench("base", ON_IMAGE);
    let below = Layout::open(&bench.path("project/below")).only();
    let image = bench.built();
    assert_eq!(locked(&bench), ["hello"], "libc6 and its like are in the image below");
    let digests = |layers: &[crate::layout::Layer]| -> Vec<String> {
        layers.iter().map(|layer| layer.digest.clone()).collect()
    };
    let count = below.layers.len();
    assert_eq!(digests(&image.layers[..count]), digests(&below.layers));
    let above: Vec<&str> = image.layers[count..].iter().map(|layer| &*layer.title).collect();
    assert_eq!(above, ["hello", "files"]);
    assert_eq!(image.text("/app/main.sh"), "hello\n");
    assert!(image.text("/var/lib/dpkg/status.d/libc6").contains("Package: libc6"));
    assert!(image.text("/var/lib/dpkg/status.d/hello").contains("Package: hello"));
}

#[test]
fn what_a_package_needs_and_the_image_lacks_comes_with_it() {
    let bench = bench("static", ON_IMAGE);
    bench.builds();
    assert_eq!(locked(&bench), ["gcc-14-base", "hello", "libc6", "libgcc-s1"]);
}

#[test]
fn settings_are_inherited() {
    let recipe = format!(
        "{ON_IMAGE}[image]\nentrypoint = [\"/app/main.sh\"]\nenv = {{ MORE = \"1\" }}\nlabels = {{ changed = \"yes\" }}\n"
    );
    let config = bench("static", &recipe).built().config;
    let mut execution = config["config"].clone();
    execution["Env"] =
        execution["Env"].as_array().unwrap().iter().map(|line| Value::from(name_of(line))).collect();
    insta::assert_snapshot!(serde_json::to_string_pretty(&execution).unwrap(), @r#"
    {
      "Entrypoint": [
        "/app/main.sh"
      ],
      "Env": [
        "MORE",
        "PATH",
        "SSL_CERT_FILE"
      ],
      "Labels": {
        "changed": "yes",
        "kept": "yes"
      },
      "User": "65532:65532",
      "WorkingDir": "/srv"
    }
    "#);
}

fn name_of(line: &Value) -> String {
    text(line).split('=').next().unwrap_or_default().to_owned()
}

#[test]
fn the_same_image_from_anywhere_gives_the_same_digest() {
    let bench = bench("base", ON_IMAGE);
    let digest = bench.builds();
    for place in [
        "oci:below:latest",
        "oci:./below",
        "oci-archive:below.oci.tar",
        "docker-archive:below.docker.tar:below:latest",
    ] {
        bench.write("bareboat.toml", ON_IMAGE.replace("oci:below", place));
        assert_eq!(bench.builds(), digest, "{place}");
    }
}

#[test]
fn users_and_certificates_are_added_to_those_of_the_image() {
    let recipe = ON_IMAGE.replace("[[files]]", "users.app.uid = 1000\n[[files]]");
    let bench = bench("base", &recipe);
    let image = bench.built();
    let has_passwd = |layer: &&crate::layout::Layer| {
        layer.tree.entries.iter().any(|entry| entry.path.as_bytes() == b"etc/passwd")
    };
    let topmost = image.layers.iter().rev().find(has_passwd).unwrap();
    let passwd = String::from_utf8_lossy(topmost.tree.content("/etc/passwd"));
    assert!(passwd.contains("nonroot:x:65532") && passwd.contains("app:x:1000"), "{passwd}");
}

#[test]
fn a_summary_tells_what_was_taken_over() {
    let bench = bench("base", ON_IMAGE);
    insta::assert_snapshot!(bench.says(&["build"]), @r"
    locked       ./bareboat.lock: 1 package for linux/amd64
    built on     oci:below ([DIGEST])
    linux/amd64  1 package, 87 files, 16.8 kB, [N] stored, 6 layers (2 new)
    pruned       45 B in 4 files: man 14 B, info 13 B, docs 12 B, locales 6 B
    effects      status.d (1 package)
    digest       [DIGEST]
    written to   oci:./.bareboat/hello
    time         [TIME]
    ");
    insta::assert_snapshot!(bench.says(&["build", "--explain", "/usr/bin/hello"]), @r"
    /usr/bin/hello is a file of package hello
    hello is in because the recipe asks for it
    ");
    insta::assert_snapshot!(bench.says(&["build", "--explain", "/etc/ssl/certs"]), @r"/etc/ssl/certs is a directory of base image oci:below");
    insta::assert_snapshot!(bench.says(&["build", "--explain", "libc6"]), @r"libc6 is in because the base image has it");
}

#[test]
fn an_image_that_changed_is_told_and_locked() {
    let bench = bench("static", ON_IMAGE);
    bench.builds();
    let on_image = std::fs::read_to_string(bench.path("project/bareboat.toml")).unwrap();
    bench.write("bareboat.toml", "name = \"below\"\nbase = \"base\"\nplatforms = [\"linux/amd64\"]\n");
    let aside = bench.path("project/bareboat.lock");
    let lock = std::fs::read(&aside).unwrap();
    std::fs::remove_file(&aside).unwrap();
    bench.says(&["build", "-o", "oci:below"]);
    std::fs::write(&aside, lock).unwrap();
    bench.write("bareboat.toml", on_image);
    let refused = bench.command(["build", "--locked"]).output().unwrap();
    assert_eq!(refused.status.code(), Some(2));
    insta::assert_snapshot!(said(&refused), @r"
    error: cannot use `./bareboat.lock`: it does not satisfy the recipe: the base image `oci:below` is [DIGEST], the lock is for [DIGEST]
    hint: run `bareboat lock` and commit the lock
    ");
    insta::assert_snapshot!(bench.says(&["update", "--dry-run"]), @r"
    the base image `oci:below` is [DIGEST], the lock is for [DIGEST]
      gcc-14-base 14.2.0-19 removed
      libc6 2.41-12 removed
      libgcc-s1 14.2.0-19 removed
    would update ./bareboat.lock: 1 package for linux/amd64
    ");
    insta::assert_snapshot!(bench.says(&["lock"]), @r"
    the base image `oci:below` is [DIGEST], the lock is for [DIGEST]
      gcc-14-base 14.2.0-19 removed
      libc6 2.41-12 removed
      libgcc-s1 14.2.0-19 removed
    locked       ./bareboat.lock: 1 package for linux/amd64
    ");
    assert_eq!(locked(&bench), ["hello"]);
}

#[test]
fn what_cannot_be_built_on_is_told() {
    let bench = bench("static", ON_IMAGE);
    let mut told = String::new();
    for base in [
        "registry.test/app:1.0",
        "docker-daemon:app:1.0",
        "oci:nowhere",
        "oci:below:other",
        "oci-archive:main.sh",
        "docker-archive:below.oci.tar",
        "docker-archive:below.docker.tar:other",
    ] {
        bench.write("bareboat.toml", ON_IMAGE.replace("oci:below", base));
        told += &bench.refuses(&["build", "--offline"]);
    }
    bench.write("bareboat.toml", ON_IMAGE.replace("amd64", "arm64"));
    told += &bench.refuses(&["build", "--offline"]);
    insta::assert_snapshot!(told, @r"
    error: ./bareboat.toml:2:8: cannot build on `registry.test/app:1.0`: cannot fetch `registry.test/app:1.0`: --offline forbids the network
    error: ./bareboat.toml:2:8: cannot build on `docker-daemon:app:1.0`: cannot read the image `docker-daemon:app:1.0`: cannot use the engine at `[DIR]/no-engine`: there is no such socket
    hint: start it, or say where one listens: DOCKER_HOST=unix:///PATH
    error: ./bareboat.toml:2:8: cannot build on `oci:nowhere`: cannot read the image `oci:./nowhere`: no such file or directory
    error: ./bareboat.toml:2:8: cannot build on `oci:below:other`: cannot read the image `oci:./below:other`: it has no tag `other`, expected one of: latest
    error: ./bareboat.toml:2:8: cannot build on `oci-archive:main.sh`: cannot read the image `oci-archive:./main.sh`: member 1: the archive ends too early, at byte [N]
    error: ./bareboat.toml:2:8: cannot build on `docker-archive:below.oci.tar`: cannot read the image `docker-archive:./below.oci.tar`: there is no `manifest.json`, so `docker save` did not write it
    hint: it is an OCI archive: write oci-archive:FILE
    error: ./bareboat.toml:2:8: cannot build on `docker-archive:below.docker.tar:other`: cannot read the image `docker-archive:./below.docker.tar:other`: it has no image `other:latest`, expected one of: below:latest
    error: ./bareboat.toml:2:8: cannot build on `oci:below`: cannot read the image `oci:./below`: it has nothing for linux/arm64, only for linux/amd64
    ");
}

#[test]
fn a_damaged_layer_is_told() {
    let bench = bench("static", ON_IMAGE);
    let layout = Layout::open(&bench.path("project/below"));
    let manifest = layout.json(&layout.index["manifests"][0]);
    let layer = text(&manifest["layers"][0]["digest"]).replacen(':', "/", 1);
    let path = bench.path("project/below/blobs").join(layer);
    let mut bytes = std::fs::read(&path).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    std::fs::write(&path, bytes).unwrap();
    // The cache has the layer as it was: another one must be asked.
    let elsewhere = bench.path("elsewhere");
    let output = bench.command(["build"]).env("BAREBOAT_CACHE", elsewhere).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    insta::assert_snapshot!(said(&output), @r"
    error: ./bareboat.toml:2:8: cannot build on `oci:below`: cannot read the image `oci:./below`: cannot read blob [DIGEST]: it is damaged: expected [DIGEST], found [DIGEST]
    hint: copying the image to the same place again replaces what is damaged or missing on this machine
    ");
}
