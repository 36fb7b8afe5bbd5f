//! Which path is in which layer, and which layers stay as they are when something changes.

use std::collections::BTreeSet;

use bareboat_testkit::tree::Kind;
use bareboat_testkit::{DebBuilder, Files, Suite, World};

use crate::bench::{Bench, trixie};
use crate::layout::Image;

const APP: &str = "name = \"hello\"\nbase = \"python3\"\nplatforms = [\"linux/amd64\"]\npackages = [\"python3-yaml\"]\n\
                   [[files]]\nfrom = \"main.py\"\nto = \"/app/\"\n";

fn app(more: &str) -> Bench {
    let bench = Bench::new(&format!("{APP}{more}"));
    bench.write("main.py", "print()\n");
    bench
}

/// The titles of the layers that `new` has and `old` has not.
fn changed<'a>(old: &Image, new: &'a Image) -> Vec<&'a str> {
    let before: BTreeSet<&String> = old.layers.iter().map(|layer| &layer.digest).collect();
    let fresh = new.layers.iter().filter(|layer| !before.contains(&layer.digest));
    fresh.map(|layer| &*layer.title).collect()
}

#[test]
fn there_are_at_most_as_many_layers_as_the_recipe_says() {
    let bench = app("");
    let whole = bench.built().tree().without_times().to_string();
    for max in 1..=9 {
        bench.write("bareboat.toml", format!("{APP}[layers]\nmax = {max}\n"));
        let image = bench.built();
        assert_eq!(image.layers.len(), max.min(8), "{:?}", image.titles());
        assert_eq!(image.tree().without_times().to_string(), whole, "with at most {max}");
    }
}

#[test]
fn room_is_made_from_the_top() {
    let mut table = String::new();
    for max in [8, 5, 3, 2] {
        let bench = app(&format!("[layers]\nmax = {max}\n"));
        table += &format!("{max}: {}\n", bench.built().titles().join(" | "));
    }
    insta::assert_snapshot!(table, @r"
    8: base-files ca-certificates media-types netbase tzdata | gcc-14 glibc | libzstd openssl zlib | gcc-14 | bzip2 db5.3 expat glibc libffi ncurses openssl python3-defaults python3.13 readline sqlite3 util-linux xz-utils | libyaml pyyaml | settings | files
    5: base-files ca-certificates media-types netbase tzdata | gcc-14 glibc | bzip2 db5.3 expat gcc-14 glibc libffi libyaml libzstd ncurses openssl python3-defaults python3.13 pyyaml readline sqlite3 util-linux xz-utils zlib | settings | files
    3: base-files bzip2 ca-certificates db5.3 expat gcc-14 glibc libffi libyaml libzstd media-types ncurses netbase openssl python3-defaults python3.13 pyyaml readline sqlite3 tzdata util-linux xz-utils zlib | settings | files
    2: base-files bzip2 ca-certificates db5.3 expat gcc-14 glibc libffi libyaml libzstd media-types ncurses netbase openssl python3-defaults python3.13 pyyaml readline sqlite3 tzdata util-linux xz-utils zlib settings | files
    ");
}

#[test]
fn no_file_is_in_two_layers() {
    let image = app("").built();
    let mut seen = BTreeSet::new();
    for entry in image.layers.iter().flat_map(|layer| &layer.tree.entries) {
        assert!(entry.kind == Kind::Directory || seen.insert(&entry.path), "`{}` twice", entry.path);
    }
}

#[test]
fn your_files_are_in_the_last_layer() {
    let image = app("").built();
    let last = image.layers.last().unwrap();
    insta::assert_snapshot!(last.tree.clone().without_times(), @r#"
    /app/ 0755
    /app/main.py 0644 "print()\n"
    "#);
}

#[test]
fn a_changed_file_of_yours_changes_the_last_layer_only() {
    let bench = app("");
    let before = bench.built();
    bench.write("main.py", "print('again')\n");
    let answer = bench.says(&["build"]);
    assert!(answer.contains("(1 new)"), "{answer}");
    assert_eq!(changed(&before, &bench.image()), ["files"]);
}

#[test]
fn a_changed_setting_of_the_config_changes_no_layer() {
    let bench = app("");
    let before = bench.built();
    bench.write("bareboat.toml", format!("{APP}[image]\ncmd = [\"/app/main.py\"]\n"));
    assert_eq!(changed(&before, &bench.built()), Vec::<&str>::new());
}

#[test]
fn a_user_more_changes_the_settings_only() {
    let bench = app("");
    let before = bench.built();
    bench.write("bareboat.toml", format!("{APP}[users.app]\nuid = 1000\n"));
    assert_eq!(changed(&before, &bench.built()), ["settings"]);
}

#[test]
fn a_package_more_leaves_the_layers_of_the_base_alone() {
    let bench = app("");
    let before = bench.built();
    bench.write("bareboat.toml", APP.replace("\"python3-yaml\"", "\"python3-yaml\", \"hello\""));
    assert_eq!(changed(&before, &bench.built()), ["hello libyaml pyyaml"]);
}

#[test]
fn images_on_one_base_share_its_layers() {
    let bench = Bench::new("name = \"hello\"\nbase = \"python3\"\nplatforms = [\"linux/amd64\"]\n");
    let below = bench.built();
    let shared = below.layers.len() - 1;
    bench.write("bareboat.toml", APP);
    bench.write("main.py", "print()\n");
    let above = bench.built();
    let digests = |image: &Image| -> Vec<String> {
        image.layers[..shared].iter().map(|layer| layer.digest.clone()).collect()
    };
    assert_eq!(below.titles()[shared], "settings");
    assert_eq!(digests(&below), digests(&above));
}

#[test]
fn a_security_update_changes_the_layers_that_have_its_source() {
    let bench = app("");
    let before = bench.built();
    bench.mirror.replace(World::after_security_update().files);
    bench.says(&["update"]);
    let after = bench.built();
    let with_openssl: Vec<&str> = after
        .titles()
        .into_iter()
        .filter(|title| title.split(' ').any(|source| source == "openssl"))
        .collect();
    assert_eq!(changed(&before, &after), with_openssl);
}

/// A mirror with three large sources, one of two packages, and a small one; with this version of the source `tea`.
fn large(tea: &str) -> Files {
    let deb = |name: &str, source: &str, version: &str, size: usize| {
        let content = format!("{name} {version} ").repeat(size);
        DebBuilder::new(name, version)
            .field("Source", source)
            .file(&format!("/usr/lib/{name}"), 0o644, content)
            .build()
    };
    let debs = [
        deb("libtea", "tea", tea, 100_000),
        deb("tea-data", "tea", tea, 100_000),
        deb("coffee", "coffee", "1", 200_000),
        deb("cocoa", "cocoa", "1", 200_000),
        deb("sugar", "sugar", "1", 10),
    ];
    trixie(Suite::new("trixie").packages(&debs))
}

const LARGE: &str = "name = \"hello\"\nbase = \"scratch\"\nplatforms = [\"linux/amd64\"]\n\
                     packages = [\"libtea\", \"tea-data\", \"coffee\", \"cocoa\", \"sugar\"]\n";

#[test]
fn a_large_source_has_a_layer_of_its_own() {
    let bench = Bench::with_files(LARGE, large("1"));
    assert_eq!(bench.built().titles(), ["cocoa", "coffee", "sugar", "tea", "settings"]);
}

#[test]
fn an_update_of_a_large_source_changes_its_layer_only() {
    let bench = Bench::with_files(LARGE, large("1"));
    let before = bench.built();
    bench.mirror.replace(large("2"));
    bench.says(&["update"]);
    assert_eq!(changed(&before, &bench.built()), ["tea"]);
}

#[test]
fn a_layer_is_made_once_for_all_recipes_that_want_it() {
    let bench = app("");
    bench.builds();
    bench.write("other/bareboat.toml", APP.replace("name = \"hello\"", "name = \"other\""));
    bench.write("other/main.py", "print('other')\n");
    let answer = bench.says(&["build", "other"]);
    assert!(answer.contains("8 layers (1 new)"), "{answer}");
}
