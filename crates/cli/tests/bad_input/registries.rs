//! Registries that refuse, and names that are none.

use bareboat_testkit::{FakeRegistry, Fault, Settings};

use crate::bench::Bench;

fn registry(settings: Settings) -> (FakeRegistry, insta::internals::SettingsBindDropGuard) {
    let registry = FakeRegistry::with(settings);
    let mut settings = insta::Settings::clone_current();
    settings.add_filter(&registry.host().replace('.', r"\."), "[HOST]");
    (registry, settings.bind_to_scope())
}

fn refuses(bench: &Bench, args: &[&str]) -> String {
    bench.fails_with(&mut bench.command(args))
}

#[test]
fn what_names_nothing_is_refused_before_anybody_is_asked() {
    let bench = Bench::new("");
    let (registry, _filters) = registry(Settings::default());
    let image = format!("{}/team/app", registry.host());
    insta::assert_snapshot!(refuses(&bench, &["list", &format!("{image}:1.0")]), @r"
    error: cannot list `[HOST]/team/app:1.0`: it is one image of a repository
    hint: name the repository: [HOST]/team/app
    ");
    insta::assert_snapshot!(refuses(&bench, &["list", "oci:layout:1.0"]), @r"
    error: cannot list `oci:layout:1.0`: it is one image of a layout
    hint: name the layout: oci:layout
    ");
    insta::assert_snapshot!(refuses(&bench, &["list", "docker-daemon:x"]), @r"
    error: cannot list `docker-daemon:x`: it is no repository
    hint: write HOST/REPOSITORY, oci:DIR, oci-archive:FILE or docker-archive:FILE, without a tag
    ");
    for archive in ["oci-archive:x.tar", "docker-archive:x.tar"] {
        let expected = format!("error: cannot list `{archive}`: there is no such file");
        assert_eq!(refuses(&bench, &["list", archive]).trim(), expected);
    }
    insta::assert_snapshot!(refuses(&bench, &["tag", &image, "fine", "not/fine"]), @r"
    error: `not/fine` is no tag
    hint: tags are of letters, digits, `.`, `_` and `-`, at most 128
    ");
    insta::assert_snapshot!(refuses(&bench, &["tag", "oci-archive:x.tar", "1"]), @r"
    error: cannot tag `oci-archive:x.tar`: it is in no repository and no layout
    hint: bareboat copy writes it under another name
    ");
    insta::assert_snapshot!(refuses(&bench, &["delete", &image]), @r"
    error: cannot delete `[HOST]/team/app`: it names no tag and no digest
    hint: write [HOST]/team/app:TAG or [HOST]/team/app@sha256:…
    ");
    insta::assert_snapshot!(refuses(&bench, &["delete", "oci:layout"]), @r"
    error: cannot delete `oci:layout`: it names no tag and no digest
    hint: write oci:layout:TAG or oci:layout@sha256:…
    ");
    insta::assert_snapshot!(refuses(&bench, &["login", "team/app"]), @r"
    error: `team/app` is no registry
    hint: write HOST or HOST:PORT
    ");
    insta::assert_snapshot!(refuses(&bench, &["login", "hub"]), @r"
    error: `hub` is no registry
    hint: write HOST or HOST:PORT
    ");
    insta::assert_snapshot!(refuses(&bench, &["login", "hub.test"]), @r"
    error: cannot log in to `hub.test`: there is no terminal to ask on
    hint: give the name with --username, and the password on standard input with --password-stdin
    ");
    insta::assert_snapshot!(refuses(&bench, &["login", "hub.test", "-u", "a:b", "--password-stdin"]), @r"error: cannot log in to `hub.test`: `a:b` is no name");
    insta::assert_snapshot!(refuses(&bench, &["login", "hub.test", "-u", "me", "--password-stdin"]), @r"error: cannot log in to `hub.test`: the password is empty");
    assert!(registry.exchanges().is_empty());
}

#[test]
fn what_is_not_there_or_not_allowed_is_told() {
    let bench = Bench::new("");
    let (registry, _filters) =
        registry(Settings { delete: false, delete_tags: false, ..Settings::default() });
    let host = registry.host();
    let image = format!("{host}/team/app");
    insta::assert_snapshot!(refuses(&bench, &["list", &image]), @r"error: cannot list the tags of `[HOST]/team/app`: the registry has no such repository");
    insta::assert_snapshot!(refuses(&bench, &["tag", &image, "new"]), @r"
    error: cannot fetch `[HOST]/team/app:latest`: the registry has no such repository or tag
    hint: bareboat list [HOST]/team/app tells the tags
    ");
    insta::assert_snapshot!(refuses(&bench, &["delete", &format!("{image}:1.0")]), @r"error: cannot delete the tag `[HOST]/team/app:1.0`: there is no such tag");
    registry.put_manifest("team/app", "2.0", "application/vnd.oci.image.manifest.v1+json", b"{}");
    insta::assert_snapshot!(refuses(&bench, &["delete", &format!("{image}:2.0")]), @r"
    error: cannot delete the tag `[HOST]/team/app:2.0`: the registry answers 405 Method Not Allowed: unsupported
    hint: many registries delete by digest only, which takes all tags of the image with it: bareboat delete [HOST]/team/app@[DIGEST]
    ");
    let digest = registry.put_blob("team/app", b"");
    insta::assert_snapshot!(refuses(&bench, &["delete", &format!("{image}@{digest}")]), @r"
    error: cannot delete `[HOST]/team/app@[DIGEST]`: the registry answers 405 Method Not Allowed: unsupported
    hint: deleting is off in this registry; its administrator can allow it (REGISTRY_STORAGE_DELETE_ENABLED=true for the registry of Docker)
    ");
    insta::assert_snapshot!(refuses(&bench, &["list", "oci:nowhere"]), @r"error: cannot list `oci:nowhere`: no such file or directory");
    insta::assert_snapshot!(refuses(&bench, &["list", &image, "--offline"]), @r"error: cannot list the tags of `[HOST]/team/app`: --offline forbids the network");
}

#[test]
fn what_a_registry_says_cannot_steer_a_terminal() {
    let bench = Bench::new("");
    let (registry, _filters) = registry(Settings::default());
    let image = format!("{}/team/app", registry.host());
    let evil = "{\"errors\":[{\"code\":\"DENIED\",\"message\":\"\\u001b[2J\\u202e gone\"}]}";
    registry.fault_times(
        "/tags/list",
        Fault::Answer { status: 403, headers: Vec::new(), body: evil.into() },
        1,
    );
    insta::assert_snapshot!(refuses(&bench, &["list", &image]), @r"error: cannot list the tags of `[HOST]/team/app`: the registry answers 403 Forbidden: \u{1b}[2J\u{202e} gone");
    registry.fault("/tags/list", Fault::Body(b"{\"tags\":[\"\\u001b[2J\"]}".to_vec()));
    insta::assert_snapshot!(refuses(&bench, &["list", &image]), @r"error: cannot list the tags of `[HOST]/team/app`: it lists `\u{1b}[2J`, which is no tag");
}

#[test]
fn a_password_is_not_taken_where_others_can_read_it() {
    let bench = Bench::new("");
    let (registry, _filters) = registry(Settings::default());
    let host = registry.host();
    insta::assert_snapshot!(refuses(&bench, &["login", &host, "--username", "me", "-p", "secret"]), @r"
    error: cannot log in to `[HOST]`: a password on the command line is there for others to read
    hint: use --password-stdin, or let it be asked for
    ");
    insta::assert_snapshot!(refuses(&bench, &["login", &host, "--user", "me", "--password-stdin"]), @"error: cannot log in to `[HOST]`: the password is empty");
    assert!(registry.exchanges().is_empty());
}

#[test]
fn how_often_a_request_is_made_again_can_be_said() {
    let bench = Bench::new("");
    let (registry, _filters) = registry(Settings::default());
    registry.fault("/tags/list", Fault::Status(503));
    let image = format!("{}/team/app", registry.host());
    insta::assert_snapshot!(refuses(&bench, &["list", &image, "--retries", "0"]), @r"error: cannot list the tags of `[HOST]/team/app`: the registry answers 503 Service Unavailable");
    assert_eq!(registry.count("/tags/list"), 1);
    let list =
        |retries: &str| bench.fails_with(bench.command(["list", &image]).env("BAREBOAT_RETRIES", retries));
    insta::assert_snapshot!(list("1"), @r"error: cannot list the tags of `[HOST]/team/app`: the registry answers 503 Service Unavailable (tried 2 times)");
    insta::assert_snapshot!(list("often"), @r"error: cannot use BAREBOAT_RETRIES: it is `often`, expected a number from 0 to 100");
}
