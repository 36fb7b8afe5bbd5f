//! `bareboat login`, `logout`, `list`, `tag` and `delete`: against a registry, and in a layout.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::process::Stdio;

use bareboat_testkit::{Auth, FakeRegistry, Settings};

use crate::bench::{Bench, HELLO, said};

const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const IMAGE: &[u8] = br#"{"schemaVersion":2,"config":{"mediaType":"x","digest":"sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855","size":0},"layers":[]}"#;

/// A registry with an image under two tags, and a name for it that is the same in each run.
fn registry(settings: Settings) -> (FakeRegistry, insta::internals::SettingsBindDropGuard) {
    let registry = FakeRegistry::with(settings);
    registry.put_manifest("team/app", "1.0", MANIFEST, IMAGE);
    registry.put_manifest("team/app", "latest", MANIFEST, IMAGE);
    let mut settings = insta::Settings::clone_current();
    settings.add_filter(&registry.host().replace('.', r"\."), "[HOST]");
    (registry, settings.bind_to_scope())
}

impl Bench {
    /// Logs in with a password on standard input.
    fn logs_in(&self, host: &str, password: &str) -> (Option<i32>, String) {
        let mut command = self.command(["login", host, "-u", "me", "--password-stdin"]);
        self.with_input(&mut command, password)
    }

    fn with_input(&self, command: &mut std::process::Command, input: &str) -> (Option<i32>, String) {
        let mut child = command.stdin(Stdio::piped()).spawn().unwrap();
        child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
        let output = child.wait_with_output().unwrap();
        (output.status.code(), said(&output) + std::str::from_utf8(&output.stdout).unwrap())
    }
}

#[test]
fn tags_are_listed_given_and_taken_away() {
    let bench = Bench::new("");
    let (registry, _filters) = registry(Settings::default());
    let image = format!("{}/team/app", registry.host());
    insta::assert_snapshot!(bench.says(&["list", &image]), @r"
    1.0
    latest
    ");
    insta::assert_snapshot!(bench.says(&["tag", &format!("{image}:1.0"), "1", "stable"]), @r"
    image        [HOST]/team/app
    digest       [DIGEST]
    tagged       1, stable
    ");
    insta::assert_snapshot!(bench.says(&["list", &image, "--format", "json"]), @r#"
    {
      "schema": "bareboat.list/1",
      "repository": "[HOST]/team/app",
      "tags": [
        "1",
        "1.0",
        "latest",
        "stable"
      ],
      "untagged": []
    }
    "#);
    // As docker has it.
    let other = bench.says(&["tag", &format!("{image}:1.0"), &format!("{image}:2.0")]);
    assert!(other.ends_with("tagged       2.0\n"), "{other}");
    insta::assert_snapshot!(bench.says(&["delete", &format!("{image}:stable")]), @r"
    deleted from [HOST]/team/app
    tags         stable
    ");
    insta::assert_snapshot!(bench.says(&["delete", &format!("{image}@{}", digest_of(IMAGE))]), @r"
    deleted from [HOST]/team/app
    image        [DIGEST]
    ");
    assert!(registry.tags("team/app").is_empty());
    // Whether it speaks TLS is found out once a run, and not at all where that is said.
    registry.put_manifest("team/app", "1.0", MANIFEST, IMAGE);
    registry.forget();
    for (args, asked) in [(&["list", &image][..], 1), (&["list", &image, "--plain-http"], 0)] {
        bench.says(args);
        assert_eq!(registry.told().iter().filter(|line| line.starts_with("GET /v2/ ")).count(), asked);
        registry.forget();
    }
    assert_eq!(registry.count("/blobs/"), 0);
}

fn digest_of(bytes: &[u8]) -> String {
    FakeRegistry::start().put_manifest("x", "x", MANIFEST, bytes).to_string()
}

#[test]
fn the_same_in_a_layout() {
    let bench = Bench::new(HELLO);
    let digest = bench.builds();
    insta::assert_snapshot!(bench.says(&["tag", "hello", "1.0", "1"]), @r"
    image        oci:.bareboat/hello
    digest       [DIGEST]
    tagged       1.0, 1
    ");
    bench.says(&["tag", "hello", "hello:1"]);
    insta::assert_snapshot!(bench.says(&["list", "hello"]), @r"
    1
    1.0
    latest
    ");
    insta::assert_snapshot!(bench.says(&["delete", "hello:latest"]), @r"
    deleted from oci:.bareboat/hello
    tags         latest
    ");
    insta::assert_snapshot!(bench.says(&["list", "oci:.bareboat/hello", "--format", "json"]), @r#"
    {
      "schema": "bareboat.list/1",
      "repository": "oci:.bareboat/hello",
      "tags": [
        "1",
        "1.0"
      ],
      "untagged": []
    }
    "#);
    bench.says(&["copy", "hello:1.0", "oci-archive:one.tar:2.0"]);
    assert_eq!(bench.says(&["list", "oci-archive:one.tar"]), "2.0\n");
    bench.says(&["copy", "hello:1.0", "docker-archive:saved.tar:team/hello:3.0"]);
    assert_eq!(bench.says(&["list", "docker-archive:saved.tar"]), "team/hello:3.0\n");
    let blobs = || bench.listing("project/.bareboat/hello/blobs").len();
    assert!(blobs() > 3);
    insta::assert_snapshot!(bench.says(&["delete", &format!("oci:.bareboat/hello@{digest}")]), @r"
    deleted from oci:.bareboat/hello
    image        [DIGEST]
    tags         1, 1.0
    ");
    assert_eq!(blobs(), 1);
    insta::assert_snapshot!(bench.says(&["list", "hello"]), @"");
    insta::assert_snapshot!(bench.refuses(&["delete", &format!("oci:.bareboat/hello@{digest}")]), @r"error: cannot delete `oci:.bareboat/hello@[DIGEST]`: it has no image with this digest");
    insta::assert_snapshot!(bench.refuses(&["delete", "hello:1"]), @r"error: cannot delete `oci:.bareboat/hello:1`: there is no image in it");
    insta::assert_snapshot!(bench.refuses(&["inspect", "hello"]), @r"error: cannot read the image `oci:.bareboat/hello`: there is no image in it");
}

#[test]
fn what_a_layout_has_is_told_to_whoever_names_what_it_has_not() {
    let bench = Bench::new(HELLO);
    let digest = bench.builds();
    insta::assert_snapshot!(bench.refuses(&["delete", "hello:2"]), @r"error: cannot delete `oci:.bareboat/hello:2`: it has no tag `2`, expected one of: latest");
    // As skopeo leaves it where nobody named a tag.
    let index = bench.path("project/.bareboat/hello/index.json");
    let text = std::fs::read_to_string(&index).unwrap();
    assert!(text.contains("org.opencontainers.image.ref.name"), "{text}");
    std::fs::write(&index, text.replace("org.opencontainers.image.ref.name", "another")).unwrap();
    insta::assert_snapshot!(bench.refuses(&["inspect", "hello:1"]), @r"
    error: cannot read the image `oci:.bareboat/hello:1`: it has no tag `1`, nor any other
    hint: name the image by its digest: oci:DIR@sha256:… (bareboat list oci:DIR tells them)
    ");
    assert!(bench.says(&["list", "hello"]).contains(&digest));
}

#[test]
fn logging_in_lets_the_other_commands_in() {
    let bench = Bench::new("");
    let auth = Auth::bearer("me", "sesame");
    let (registry, _filters) = registry(Settings { auth, ..Settings::default() });
    let host = registry.host();
    let image = format!("{host}/team/app");
    insta::assert_snapshot!(bench.refuses(&["list", &image]), @r"
    error: cannot list the tags of `[HOST]/team/app`: cannot get a token for `[HOST]`: the registry answers 401 Unauthorized: incorrect username or password
    hint: log in, unless the name is wrong: bareboat login [HOST]
    ");
    let (code, words) = bench.logs_in(&host, "wrong\n");
    assert_eq!(code, Some(2));
    insta::assert_snapshot!(words, @r"
    error: cannot log in to `[HOST]`: cannot get a token for `[HOST]`: the registry answers 401 Unauthorized: incorrect username or password
    hint: name or password may be wrong
    ");
    assert!(!bench.path("home/.docker/config.json").exists());

    let (code, words) = bench.logs_in(&host, "sesame\n");
    assert_eq!(code, Some(0), "{words}");
    insta::assert_snapshot!(words, @r"logged in to [HOST] as me; kept in `[DIR]/home/.docker/config.json`, without encryption");
    let config = bench.path("home/.docker/config.json");
    assert_eq!(fs::metadata(&config).unwrap().permissions().mode() & 0o777, 0o600);
    insta::assert_snapshot!(fs::read_to_string(&config).unwrap(), @r#"
    {
      "auths": {
        "[HOST]": {
          "auth": "bWU6c2VzYW1l"
        }
      }
    }
    "#);
    assert_eq!(bench.says(&["list", &image]), "1.0\nlatest\n");

    insta::assert_snapshot!(bench.says(&["logout", &host]), @r"logged out of [HOST]: removed from `[DIR]/home/.docker/config.json`");
    insta::assert_snapshot!(bench.says(&["logout", &host]), @r"not logged in to [HOST]");
    bench.refuses(&["list", &image]);
}

/// A credential helper that keeps what it gets in a file beside it.
const HELPER: &str = r#"#!/bin/sh
kept=$0.kept
case $1 in
store) cat >"$kept" ;;
get) [ -e "$kept" ] && cat "$kept" || { echo "credentials not found in native keychain"; exit 1; } ;;
erase) rm "$kept" ;;
esac
"#;

#[test]
fn a_helper_keeps_the_password_where_the_file_names_one() {
    let bench = Bench::new("");
    let (registry, _filters) =
        registry(Settings { auth: Auth::basic("me", "sesame"), ..Settings::default() });
    let host = registry.host();
    let helper = bench.path("home/docker-credential-test");
    fs::write(&helper, HELPER).unwrap();
    fs::set_permissions(&helper, fs::Permissions::from_mode(0o755)).unwrap();
    let auth = bench.path("home/auth.json");
    fs::write(&auth, r#"{"credsStore":"test","psFormat":"x"}"#).unwrap();
    let path = format!("{}:/usr/bin:/bin", bench.path("home").display());
    let command = |args: &[&str]| {
        let mut command = bench.command(args);
        command.env("PATH", &path).env("REGISTRY_AUTH_FILE", &auth);
        command
    };
    let (code, words) =
        bench.with_input(&mut command(&["login", &host, "-u", "me", "--password-stdin"]), "sesame");
    assert_eq!(code, Some(0), "{words}");
    insta::assert_snapshot!(words, @r"logged in to [HOST] as me; kept in `docker-credential-test`, named in `[DIR]/home/auth.json`");
    insta::assert_snapshot!(fs::read_to_string(&auth).unwrap(), @r#"
    {
      "auths": {
        "[HOST]": {}
      },
      "credsStore": "test",
      "psFormat": "x"
    }
    "#);
    let image = format!("{host}/team/app");
    assert_eq!(bench.says_with(&mut command(&["list", &image])), "1.0\nlatest\n");
    insta::assert_snapshot!(bench.says_with(&mut command(&["logout", &host, "--format", "json"])), @r#"
    {
      "schema": "bareboat.logout/1",
      "registry": "[HOST]",
      "forgotten": [
        "`docker-credential-test`, named in `[DIR]/home/auth.json`"
      ]
    }
    "#);
    assert!(!bench.path("home/docker-credential-test.kept").exists());
}
