//! What a recipe's author is told when something is wrong.

use std::path::Path;

use super::parse;

/// The whole message for `text` after a good `name` line, which is line 1.
fn complaint(text: &str) -> String {
    let error = match parse(&format!("name = \"x\"\n{text}"), Path::new("bareboat.toml")) {
        Ok(recipe) => panic!("`{text}` is accepted: {recipe:?}"),
        Err(error) => error,
    };
    let hint = error.hint().map(|hint| format!("\nhint: {hint}")).unwrap_or_default();
    format!("{error}{hint}")
}

/// Only where and what, for tables of many: `LINE:COLUMN MESSAGE`.
fn short(text: &str) -> String {
    let message = complaint(text);
    let line = message.lines().next().unwrap_or_default();
    line.replacen("cannot read `bareboat.toml:", "", 1).replacen("`: ", " ", 1)
}

/// Each text is refused with `LINE:COLUMN MESSAGE`.
fn assert_complaints(cases: &[(&str, &str)]) {
    for (text, expected) in cases {
        assert_eq!(short(text), *expected, "{text}");
    }
}

#[test]
fn the_shape_of_the_file_is_checked() {
    assert_complaints(&[
        (r#"pakages = ["libpq5"]"#, "2:1 unknown key `pakages`, did you mean `packages`?"),
        (
            "colour = 1",
            "2:1 unknown key `colour`, expected one of name, base, suite, packages, without, allow-missing, platforms, image, files, links, deckhand, directories, users, groups, certificates, prune, python, steps, layers, archive, archives",
        ),
        ("deckhand = \"yes\"", r#"2:12 expected true or false, found string "yes""#),
        (r#"packages = "libpq5""#, r#"2:12 expected an array, found string "libpq5""#),
        (r#"packages = ["libpq5", 5]"#, "2:23 expected a string, found integer `5`"),
        (r#"packages = ["libpq5""#, "2:21 unclosed array, expected `]`"),
        (
            r#"packages = [
"a"#,
            "3:3 unclosed array, expected `]`",
        ),
        (r#"image = [["x"]]"#, "2:9 expected a table, found an array"),
        (r#"steps = [["x"]]"#, "2:10 expected a table, found an array"),
        ("users = { app = [1000] }", "2:17 expected a table, found an array"),
        (r#"name = "y""#, "2:1 key `name` is there twice"),
        ("packages = 1979-05-27", "2:12 expected an array, found a table"),
        (
            "x = 1.5",
            "2:1 unknown key `x`, expected one of name, base, suite, packages, without, allow-missing, platforms, image, files, links, deckhand, directories, users, groups, certificates, prune, python, steps, layers, archive, archives",
        ),
        ("base =", "2:7 a value is missing"),
        (r#"base "x""#, "2:6 key with no value, expected `=`"),
    ]);
}

#[test]
fn packages_and_names_are_checked() {
    assert_complaints(&[
        (
            r#"packages = ["Lib Pq"]"#,
            "2:13 `Lib Pq` cannot name a Debian package, expected two or more lower-case letters, digits, `+`, `-` and `.`",
        ),
        (
            r#"packages = ["a"]"#,
            "2:13 `a` cannot name a Debian package, expected two or more lower-case letters, digits, `+`, `-` and `.`",
        ),
        (r#"packages = ["libpq5", "libc6", "libpq5=1.0"]"#, "2:32 package `libpq5` is asked for twice"),
        (
            r#"packages = ["libpq5=1.0 0"]"#,
            "2:13 cannot read version `1.0 0`: character ` ` at offset 3 is not allowed",
        ),
        (
            r#"platforms = ["linux/riscv64"]"#,
            "2:14 unknown platform `linux/riscv64`, expected one of linux/amd64, linux/arm64",
        ),
        (
            r#"suite = "../x""#,
            "2:9 `../x` is not a name, expected letters, digits and `.`, `_`, `+` or `-` between them",
        ),
        (
            r#"base = """#,
            "2:8 `` cannot be a base, expected a catalog name, scratch, a recipe's path or an image",
        ),
    ]);
}

#[test]
fn image_settings_are_checked() {
    assert_complaints(&[
        (
            r#"[image]
entrypont = ["x"]"#,
            "3:1 unknown key `entrypont`, did you mean `entrypoint`?",
        ),
        (
            r#"[image]
ports = ["99999"]"#,
            "3:10 `99999` is not a port, expected a number from 1 to 65535, perhaps with /tcp, /udp or /sctp",
        ),
        (
            r#"[image]
workdir = "app""#,
            "3:11 path `app` does not start with `/`",
        ),
        (
            r#"[image]
user = "no body""#,
            "3:8 `no body` cannot name a user or group, expected a letter or `_`, then letters, digits, `_`, `-` and `.`, at most 32",
        ),
        (
            r#"[image]
stop-signal = "SIGTEMR""#,
            "3:15 `SIGTEMR` is not a signal, did you mean `SIGTERM`?",
        ),
        (
            r#"[image]
env = { "A=B" = "x" }"#,
            "3:9 `A=B` cannot be an environment variable, expected a name without `=` and no NUL",
        ),
        ("[image]\nenv = { A = 1 }", "3:13 expected a string, found integer `1`"),
        ("[image]\n[image]", "3:2 key `image` is there twice"),
    ]);
}

#[test]
fn files_links_and_directories_are_checked() {
    assert_complaints(&[
        (
            r#"[[files]]
from = "a"
to = "app""#,
            "4:6 path `app` does not start with `/`",
        ),
        (
            r#"[[files]]
from = "a""#,
            "2:1 key `to` is missing",
        ),
        (
            r#"[[files]]
from = "/etc/passwd"
to = "/a""#,
            "3:8 path `/etc/passwd` is absolute, expected one relative to the recipe's folder",
        ),
        (
            r#"[[files]]
from = "../x"
to = "/a""#,
            "3:8 path `../x` leaves the recipe's folder with `..`; put the recipe above what it takes",
        ),
        (
            r#"[[files]]
from = "a[b"
to = "/a""#,
            "3:8 `a[b` is not a pattern: unclosed character class; missing ']'",
        ),
        (
            r#"[[files]]
from = "a"
to = "/a"
mode = "0999""#,
            r#"5:8 `0999` is not a mode, expected octal digits such as "0644""#,
        ),
        (
            r#"[[files]]
from = "a"
to = "/a"
mode = 644"#,
            "5:8 expected a string, found integer `644`",
        ),
        (
            r#"[[files]]
from = "a"
to = "/a"
mode = 0644"#,
            r#"5:8 a number cannot begin with 0; a mode is a string, such as "0644""#,
        ),
        (
            r#"[[files]]
from = "a"
to = "/a"
strip = "yes""#,
            r#"5:9 expected true or false, found string "yes""#,
        ),
        (
            r#"[[files]]
from = "a"
to = "/a"
capabilities = ["cap_net_bind_servce"]"#,
            "5:17 unknown capability `cap_net_bind_servce`, did you mean `cap_net_bind_service`?",
        ),
        (
            r#"[[files]]
from = "a"
to = "/a"
[[files]]
from = "a"
to = "/a""#,
            "7:6 `a` is copied to `/a` twice",
        ),
        (
            r#"[[files]]
from = "a"
to = "/a"
[links]
"/a" = "b""#,
            "6:1 `/a` is both a link and the destination of files",
        ),
        (
            r#"[links]
"/a/" = "b""#,
            "3:1 path `/a/` is not in its plain form, write `/a`",
        ),
        (
            r#"[links]
"/a" = """#,
            "3:8 `` cannot be a link's target, expected 1 to 4095 bytes without NUL",
        ),
        (
            r#"[links]
"/a" = "b"
[directories]
"/a" = {}"#,
            "3:1 `/a` is both a link and a directory",
        ),
        (
            r#"[directories]
"/a" = { owner = "a:b:c" }"#,
            "3:18 `b:c` cannot name a user or group, expected a letter or `_`, then letters, digits, `_`, `-` and `.`, at most 32",
        ),
        (
            r#"[directories]
"/a/../b" = {}"#,
            "3:1 path `/a/../b` leaves the root with `..`",
        ),
    ]);
}

#[test]
fn users_and_groups_are_checked() {
    assert_complaints(&[
        ("[users.root]\nuid = 0", "2:8 user `root` is in every image already"),
        ("[users.app]\ngid = 0", "2:1 key `uid` is missing"),
        ("[users.app]\nuid = -1", "3:7 -1 is not a user or group id, expected 0 to 4294967294"),
        (
            "[users.app]\nuid = 4294967295",
            "3:7 4294967295 is not a user or group id, expected 0 to 4294967294",
        ),
        (
            r#"[users."a b"]
uid = 1"#,
            "2:8 `a b` cannot name a user or group, expected a letter or `_`, then letters, digits, `_`, `-` and `.`, at most 32",
        ),
        ("[users.app]\nuid = 1\n[groups.app]\ngid = 1", "4:9 group `app` comes with the user `app` already"),
    ]);
}

#[test]
fn the_rest_is_checked() {
    assert_complaints(&[
        (
            r#"[certificates]
add = ["/etc/x.pem"]"#,
            "3:8 path `/etc/x.pem` is absolute, expected one relative to the recipe's folder",
        ),
        (
            r#"[prune]
keep = ["gconf"]"#,
            "3:9 unknown set `gconf`, did you mean `gconv`?",
        ),
        (
            r#"[prune]
paths = ["usr/share"]"#,
            "3:10 pattern `usr/share` does not start with `/`",
        ),
        ("[[steps]]\nrun = []", "2:1 `run` names no program"),
        ("[layers]\nmax = 0", "3:7 0 layers are impossible, expected 1 to 125"),
        ("[layers]\nmax = 126", "3:7 126 layers are impossible, expected 1 to 125"),
        (
            r#"[layers]
max = "12""#,
            r#"3:7 expected a whole number, found string "12""#,
        ),
        (
            r#"[layers]
compression = "xz""#,
            "3:15 unknown compression `xz`, expected gzip or zstd, perhaps with a level such as zstd:19",
        ),
        (
            r#"[layers]
compression = "zstd:23""#,
            "3:15 `23` is not a level of zstd, expected 1 to 19",
        ),
        (
            r#"[archive]
mirror = "ftp://mirror.test/debian""#,
            "3:10 `ftp://mirror.test/debian` is not a mirror's address: scheme `ftp`, expected http, https or file",
        ),
        (
            r#"[[archives]]
name = "debian"
mirror = "http://mirror.test"
suites = ["x"]
key = "k.asc""#,
            "2:1 `debian` is the name of Debian's own archive, choose another",
        ),
        (
            r#"[[archives]]
name = "x"
mirror = "http://mirror.test"
suites = []
key = "k.asc""#,
            "2:1 archive `x` has no suites",
        ),
        ("[layers]\nmax = 1.5", "3:7 expected a whole number, found number `1.5`"),
    ]);
}

#[test]
fn the_line_is_shown_with_a_caret() {
    insta::assert_snapshot!(complaint("packages = [\"libc6\", \"libpq5\"]  # é\npakages = [\"libpq5\"]"), @r#"
    cannot read `bareboat.toml:3:1`: unknown key `pakages`, did you mean `packages`?
      |
    3 | pakages = ["libpq5"]
      | ^^^^^^^
    "#);
    insta::assert_snapshot!(complaint("\n\n\n\n\n\n\n\nimage = { user = \"nonroot\", ports = [\"80\", \"http\"] }"), @r#"
    cannot read `bareboat.toml:10:44`: `http` is not a port, expected a number from 1 to 65535, perhaps with /tcp, /udp or /sctp
       |
    10 | image = { user = "nonroot", ports = ["80", "http"] }
       |                                            ^^^^^^
    "#);
}

#[test]
fn a_file_without_a_name_says_so() {
    for (text, expected) in [
        ("", "cannot read `bareboat.toml:1:1`: key `name` is missing"),
        ("base = \"static\"\n", "cannot read `bareboat.toml:1:1`: key `name` is missing"),
    ] {
        let message = parse(text, Path::new("bareboat.toml")).unwrap_err().to_string();
        assert_eq!(message.lines().next(), Some(expected));
    }
}

#[test]
fn deep_nesting_and_long_files_are_refused() {
    let deep = format!("x = {}", "[".repeat(100_000));
    assert!(short(&deep).contains("recurs"), "{}", short(&deep));
    let long = "#".repeat(2 << 20);
    let error = parse(&long, Path::new("bareboat.toml")).unwrap_err();
    assert_eq!(error.to_string(), "cannot read `bareboat.toml`: 2097152 bytes, expected at most 1048576");
}

#[test]
fn a_full_recipe_is_read() {
    let text = r#"
        name      = "hello"
        base      = "python3"
        suite     = "trixie"
        packages  = ["libpq5", "libxml2=2.12.7+dfsg-3"]
        without   = ["perl-base"]
        platforms = ["linux/arm64", "linux/amd64", "linux/arm64/v8"]

        [image]
        entrypoint = ["/usr/bin/python3", "/app/main.py"]
        cmd        = []
        env        = { LANG = "C.UTF-8" }
        user       = "app:1000"
        workdir    = "/app"
        ports      = ["8080", "53/udp"]
        volumes    = ["/data"]
        stop-signal = "SIGRTMIN+3"
        labels     = { a = "b" }
        annotations = { c = "d" }

        [[files]]
        from  = "src"
        to    = "/app"
        owner = "root:root"
        mode  = "0644"
        strip = true
        capabilities = ["cap_net_bind_service"]
        exclude = ["**/__pycache__"]

        [links]
        "/usr/local/bin/concierge" = "server"

        [directories]
        "/data" = { owner = "nonroot", mode = "0750" }

        [users.app]
        uid = 1000
        groups = ["data"]

        [groups.data]
        gid = 2000

        [certificates]
        add = ["corp-ca.pem"]

        [prune]
        keep  = ["gconv"]
        paths = ["/usr/share/perl5/**"]

        [[steps]]
        run = ["cargo", "build", "--release"]

        [layers]
        max = 12
        compression = "zstd:19"

        [archive]
        mirror = "http://mirror.test/debian/"
        security-mirror = "file:///srv/security"
        keyring = "keys.gpg"
        components = ["main", "non-free-firmware"]

        [[archives]]
        name = "vendor"
        mirror = "https://vendor.test/apt"
        suites = ["stable"]
        key = "vendor.asc"
        allow-sha1-bindings = true
    "#;
    let recipe = parse(text, Path::new("proj/bareboat.toml")).unwrap();
    assert_eq!(recipe.packages[1].to_string(), "libxml2=2.12.7+dfsg-3");
    assert_eq!(recipe.platforms.len(), 2);
    assert_eq!(recipe.image.user.as_ref().map(ToString::to_string).as_deref(), Some("app:1000"));
    assert_eq!(
        recipe.image.ports.iter().map(ToString::to_string).collect::<Vec<_>>(),
        ["53/udp", "8080/tcp"]
    );
    let file = &recipe.files[0];
    assert_eq!(
        (file.source(), file.place.to_string()),
        ("proj/src".into(), "proj/bareboat.toml:21:9".to_owned())
    );
    assert_eq!((file.to.to_string().as_str(), file.to.into, file.strip), ("/app", false, true));
    let app = &recipe.users["app"];
    assert_eq!((app.uid, app.gid), (1000, 1000));
    assert_eq!((app.home.to_string(), app.shell.to_string()), ("/home/app".into(), "/sbin/nologin".into()));
    assert_eq!(recipe.groups["data"], 2000);
    assert_eq!(recipe.certificates[0].source(), Path::new("proj/corp-ca.pem"));
    assert_eq!(recipe.steps[0].place.folder(), Path::new("proj"));
    assert_eq!((recipe.layers.max(), recipe.layers.compression().to_string()), (12, "zstd:19".to_owned()));
    assert_eq!(recipe.archive.mirror.as_deref(), Some("http://mirror.test/debian"));
    assert_eq!(recipe.archive.keyring.as_deref(), Some(Path::new("proj/keys.gpg")));
    assert_eq!(recipe.archives[0].key, Path::new("proj/vendor.asc"));
    assert_eq!(recipe.archives[0].components[0].as_str(), "main");
}

#[test]
fn an_absolute_keyring_stays_where_it_is() {
    let recipe = parse("name = \"x\"\narchive.keyring = \"/k.gpg\"", Path::new("a/bareboat.toml")).unwrap();
    assert_eq!(recipe.archive.keyring.as_deref(), Some(Path::new("/k.gpg")));
}

#[test]
fn the_schema_in_docs_is_the_schema() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/recipe.schema.json");
    let schema = super::json_schema();
    if std::env::var_os("UPDATE_SCHEMA").is_some() {
        std::fs::write(&file, &schema).unwrap();
    }
    let written = std::fs::read_to_string(&file).unwrap();
    assert!(written == schema, "docs/recipe.schema.json is out of date: run this test with UPDATE_SCHEMA=1");
}

proptest::proptest! {
    #[test]
    fn no_text_makes_the_reader_panic(text in "\\PC*") {
        let _ = parse(&text, Path::new("bareboat.toml"));
    }

    #[test]
    fn no_change_to_a_recipe_makes_the_reader_panic(at in 0usize..400, bytes in "\\PC{0,8}") {
        let mut text = include_str!("../../../../catalog/trixie/static.toml").to_owned();
        let at = (0..=at).rev().find(|&at| text.is_char_boundary(at)).unwrap_or(0);
        text.insert_str(at, &bytes);
        let _ = parse(&text, Path::new("bareboat.toml"));
    }
}

#[test]
fn the_reference_in_docs_names_every_key() {
    let reference = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/recipe.md");
    let reference = std::fs::read_to_string(reference).unwrap();
    let schema: serde_json::Value = serde_json::from_str(&super::json_schema()).unwrap();
    let tables = schema["$defs"].as_object().unwrap().values().chain([&schema]);
    for key in tables.flat_map(|table| table["properties"].as_object().unwrap().keys()) {
        let named = [
            format!("`{key}`"),
            format!(".{key}`"),
            format!("`[{key}]"),
            format!("`[[{key}]]"),
            format!("`[{key}."),
        ];
        assert!(named.iter().any(|form| reference.contains(form)), "docs/recipe.md does not name `{key}`");
    }
    for set in super::PruneSet::ALL {
        assert!(
            reference.contains(&format!("| `{}` |", set.name())),
            "docs/recipe.md does not name `{}`",
            set.name()
        );
    }
}
