//! What `bareboat run` cannot run: all that is told before there is a sandbox.

use std::os::unix::fs::PermissionsExt as _;

use crate::bench::Bench;

/// One file and nothing to run.
const BARE: &str = "name = \"bare\"\nbase = \"scratch\"\nplatforms = [\"linux/amd64\"]\n\
                    files = [{ from = \"bareboat.toml\", to = \"/etc/\" }]\n";

fn built(recipe: &str) -> Bench {
    let bench = Bench::new(recipe);
    let output = bench.command(["build", "--quiet"]).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", crate::bench::said(&output));
    bench
}

fn refused(bench: &Bench, args: &[&str]) -> String {
    bench.fails_with(&mut bench.command([&["run"], args].concat()))
}

#[test]
fn images_that_are_not_there_are_told_with_what_was_looked_for() {
    let bench = Bench::new(BARE);
    let refused = |bench: &Bench, args: &[&str]| refused(bench, &[args, &["--offline"]].concat());
    insta::assert_snapshot!(refused(&bench, &["bare"]), @r"
    error: cannot fetch `docker.io/library/bare:latest`: --offline forbids the network
    hint: there is no `.bareboat/bare` here, so `bare` means docker.io/library/bare:latest
    ");
    insta::assert_snapshot!(refused(&bench, &["debian:13"]), @r"
    error: cannot fetch `docker.io/library/debian:13`: --offline forbids the network
    hint: there is no `.bareboat/debian` here, so `debian:13` means docker.io/library/debian:13
    ");
    insta::assert_snapshot!(refused(&bench, &["registry.test/app@sha256:abc"]), @r"
    error: cannot read the image `registry.test/app@sha256:abc`: `registry.test/app@sha256:abc` is no name of an image: `abc` is not a SHA-256 digest (64 hex digits)
    hint: names are written HOST[:PORT]/REPOSITORY[:TAG] or …@sha256:DIGEST
    ");
    insta::assert_snapshot!(refused(&bench, &["docker-daemon:app:1"]), @r"
    error: cannot read the image `docker-daemon:app:1`: cannot use the engine at `[DIR]/no-engine`: there is no such socket
    hint: start it, or say where one listens: DOCKER_HOST=unix:///PATH
    ");
    insta::assert_snapshot!(refused(&bench, &["../x"]), @r"
    error: cannot read the image `../x`: `../x` is no name of an image: `..` is no registry
    hint: names are written HOST[:PORT]/REPOSITORY[:TAG] or …@sha256:DIGEST
    ");
    insta::assert_snapshot!(refused(&bench, &["oci:missing"]), @r"error: cannot read the image `oci:missing`: no such file or directory");
    insta::assert_snapshot!(refused(&bench, &["oci:"]), @r"error: cannot read the image `oci:`: `oci:` names no file or folder");
    insta::assert_snapshot!(refused(&bench, &["\u{1b}[31mred"]), @r"
    error: cannot read the image `\u{1b}[31mred`: `\u{1b}[31mred` is no name of an image: `\u{1b}[31mred` is no part of a repository's name
    hint: names are of lower-case letters and digits, with `.`, `_`, `-` or `/` between them
    ");
}

#[test]
fn what_the_image_does_not_have_is_named() {
    let bench = built(BARE);
    insta::assert_snapshot!(refused(&bench, &["bare"]), @r"
    error: cannot run the image `bare`: the image names no program, and neither does the command line
    hint: name one after `--`
    ");
    insta::assert_snapshot!(refused(&bench, &[".bareboat/bare"]), @r"
    error: cannot read the image `.bareboat/bare`: it is a folder, and its transport is not named
    hint: write oci:.bareboat/bare
    ");
    insta::assert_snapshot!(refused(&bench, &["bare:2"]), @r"
    error: cannot read the image `oci:.bareboat/bare:2`: it has no tag `2`, expected one of: latest
    hint: this is an image in `.bareboat/bare`; one in a registry is docker://bare:2
    ");
    insta::assert_snapshot!(refused(&bench, &["bare", "--platform", "linux/arm64"]), @r"error: cannot read the image `oci:.bareboat/bare`: it has nothing for linux/arm64, only for linux/amd64");
    insta::assert_snapshot!(refused(&bench, &["bare", "--user", "daemon"]), @r"
    error: cannot run as `daemon`: there is no user `daemon` in its /etc/passwd
    hint: use a number
    ");
    insta::assert_snapshot!(refused(&bench, &["bare", "--user", "0:daemons"]), @r"
    error: cannot run as `0:daemons`: there is no group `daemons` in its /etc/group
    hint: use a number
    ");
}

#[test]
fn options_that_make_no_sense_are_named() {
    let bench = built(BARE);
    insta::assert_snapshot!(refused(&bench, &["bare", "--workdir", "etc"]), @r"error: cannot use --workdir: path `etc` does not start with `/`");
    insta::assert_snapshot!(refused(&bench, &["bare", "--mount", "x"]), @r"
    error: invalid value 'x' for '--mount <HOST:PATH[:ro]>': it names no path in the image; write HOST:PATH or HOST:PATH:ro

    For more information, try '--help'.
    ");
    insta::assert_snapshot!(refused(&bench, &["bare", "--env", "=x"]), @r"
    error: invalid value '=x' for '--env <NAME=VALUE>': it has no name; write NAME=VALUE, or NAME to pass on this machine's

    For more information, try '--help'.
    ");
    insta::assert_snapshot!(refused(&bench, &["bare", "--timeout", "0"]), @r"
    error: invalid value '0' for '--timeout <SECONDS>': 0 is not in 1..=86400

    For more information, try '--help'.
    ");
    insta::assert_snapshot!(refused(&bench, &["bare", "--mount", "missing:/x", "--", "/etc/bareboat.toml"]), @r"error: cannot make the sandbox: cannot mount `missing`: no such file or directory");
    insta::assert_snapshot!(
        refused(&bench, &["bare", "--mount", ".:/etc/bareboat.toml", "--", "/etc/bareboat.toml"]),
        @r"error: cannot make the sandbox: cannot mount `.`: `/etc/bareboat.toml` is a file in the image, expected a folder"
    );
    insta::assert_snapshot!(refused(&bench, &["bare", "--workdir", "/etc/bareboat.toml/x", "--", "/x"]), @r"error: cannot make the sandbox: its working directory `/etc/bareboat.toml/x`: `/etc/bareboat.toml` is a file in the image");
}

#[test]
fn a_damaged_layer_is_told_and_leaves_no_root() {
    let bench = built(BARE);
    for entry in bench.listing("cache") {
        let path = bench.path("cache").join(&entry);
        if entry.starts_with("blobs/") && path.is_file() {
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
            let length = path.metadata().unwrap().len();
            std::fs::write(&path, vec![b'x'; usize::try_from(length).unwrap()]).unwrap();
        }
    }
    insta::assert_snapshot!(refused(&bench, &["bare", "--", "/x"]), @r"
    error: cannot unpack the image `bare`: cannot unpack layer 1 ([DIGEST]): a file in the cache is damaged: expected [DIGEST], found [DIGEST]
    hint: it was removed: run again
    ");
    assert!(
        !bench
            .listing("cache")
            .iter()
            .any(|path| path.split_once("roots-").is_some_and(|(_, below)| below.contains('/')))
    );
}
