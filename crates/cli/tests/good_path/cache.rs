//! `bareboat cache`: what is in it, what goes, and that nobody who works loses anything by it.

use std::fs;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::{Duration, SystemTime};

use crate::bench::{Bench, HELLO, said};

impl Bench {
    /// As if nothing in the cache had been used for so many days.
    fn let_days_pass(&self, days: u32) {
        let then = SystemTime::now() - Duration::from_hours(24) * days;
        for name in self.listing("cache") {
            fs::File::open(self.path("cache").join(name)).unwrap().set_modified(then).unwrap();
        }
    }

    /// The cache's packages.
    pub(crate) fn packages(&self) -> Vec<PathBuf> {
        let blobs = self.listing("cache/blobs").into_iter().map(|name| self.path("cache/blobs").join(name));
        blobs.filter(|path| path.is_file() && fs::read(path).unwrap().starts_with(b"!<arch>")).collect()
    }

    /// Changes a byte of each, as a bad disk would.
    pub(crate) fn damage(&self, paths: &[PathBuf]) {
        for path in paths {
            let mut bytes = fs::read(path).unwrap();
            *bytes.last_mut().unwrap() ^= 1;
            fs::write(path, bytes).unwrap();
        }
    }
}

/// Sizes follow the compressors and the file system.
fn without_sizes() -> insta::internals::SettingsBindDropGuard {
    let mut settings = insta::Settings::clone_current();
    settings.add_filter(r" +[\d.]+ k?B\b", " [SIZE]");
    settings.bind_to_scope()
}

#[test]
fn it_is_shown_by_kind() {
    let bench = Bench::new(HELLO);
    let _sizes = without_sizes();
    insta::assert_snapshot!(bench.says(&["cache"]), @r"[DIR]/cache: nothing is in it");
    bench.builds();
    insta::assert_snapshot!(bench.says(&["cache"]), @r"
    [DIR]/cache

    packages                            4 [SIZE]
    layers                              2 [SIZE]
    unpacked packages and layers        8 [SIZE]
    finished layers and files          10 [SIZE]
    archive listings                    6 [SIZE]
    verified layouts                    1 [SIZE]
    together                           31 [SIZE]
    ");
    let json: serde_json::Value = serde_json::from_str(&bench.says(&["cache", "--format", "json"])).unwrap();
    assert_eq!(json["schema"], "bareboat.cache/1");
    assert_eq!(json["dir"], bench.path("cache").display().to_string());
    let kinds = json["kinds"].as_array().unwrap();
    let sum = |key: &str| kinds.iter().map(|kind| kind[key].as_u64().unwrap()).sum::<u64>();
    assert_eq!(
        (json["total"]["count"].as_u64(), json["total"]["bytes"].as_u64()),
        (Some(sum("count")), Some(sum("bytes")))
    );
    let on_disk: u64 = bench
        .listing("cache")
        .iter()
        .map(|name| bench.path("cache").join(name).symlink_metadata().unwrap())
        .filter(|found| found.is_file())
        .map(|found| found.len())
        .sum();
    assert_eq!(sum("bytes"), on_disk);
}

#[test]
fn what_was_not_used_for_long_goes() {
    let bench = Bench::new(HELLO);
    let _sizes = without_sizes();
    let digest = bench.builds();
    insta::assert_snapshot!(bench.says(&["cache", "gc"]), @r"removed 0 things (0 B), kept 31 (67.0 kB)");
    bench.let_days_pass(29);
    bench.says(&["cache", "gc"]);
    assert_eq!(bench.packages().len(), 4);
    bench.let_days_pass(31);
    insta::assert_snapshot!(bench.says(&["cache", "gc", "--dry-run"]), @r"
    packages                            4 [SIZE]
    layers                              2 [SIZE]
    unpacked packages and layers        8 [SIZE]
    finished layers and files          10 [SIZE]
    archive listings                    6 [SIZE]
    verified layouts                    1 [SIZE]
    together                           31 [SIZE]

    would remove 31 things (67.0 kB), keep 0 (0 B)
    ");
    assert_eq!(bench.packages().len(), 4);
    // Using is what counts.
    assert_eq!(bench.builds(), digest);
    bench.says(&["cache", "gc"]);
    assert_eq!(bench.packages().len(), 4);
    bench.let_days_pass(3);
    insta::assert_snapshot!(bench.says(&["cache", "gc", "--keep-days", "3"]), @r"
    packages                            4 [SIZE]
    layers                              2 [SIZE]
    unpacked packages and layers        8 [SIZE]
    finished layers and files          10 [SIZE]
    verified layouts                    1 [SIZE]
    together                           25 [SIZE]

    removed 25 things (33.0 kB), kept 0 (0 B)
    ");
    insta::assert_snapshot!(bench.says(&["cache"]), @r"[DIR]/cache: nothing is in it");
    assert_eq!(bench.builds(), digest);
}

#[test]
fn no_more_is_kept_than_may_be() {
    let bench = Bench::new(HELLO);
    bench.builds();
    let kept = |said: &str| {
        serde_json::from_str::<serde_json::Value>(said).unwrap()["kept"]["bytes"].as_u64().unwrap()
    };
    let before = kept(&bench.says(&["cache", "gc", "--format", "json", "--max-size", "1TB"]));
    let after = kept(&bench.says(&["cache", "gc", "--format", "json", "--max-size", "3kB"]));
    assert!(before > 3000 && after <= 3000 && after > 0, "{before} {after}");
    insta::assert_snapshot!(bench.refuses(&["cache", "gc", "--max-size", "much"]), @r"
    error: invalid value 'much' for '--max-size <SIZE>': write a number and a unit, such as 500MB, 10GB or 2GiB

    For more information, try '--help'.
    ");
}

#[test]
fn everything_goes_at_once() {
    let bench = Bench::new(HELLO);
    let _sizes = without_sizes();
    bench.builds();
    bench.says(&["cache", "clear"]);
    let left: Vec<_> =
        bench.listing("cache").into_iter().filter(|name| bench.path("cache").join(name).is_file()).collect();
    assert_eq!(left, [] as [&str; 0]);
    insta::assert_snapshot!(bench.says(&["cache", "clear"]), @r"removed 0 things (0 B), kept 0 (0 B)");
}

#[test]
fn damage_is_named_and_removed() {
    let bench = Bench::new(HELLO);
    let _sizes = without_sizes();
    bench.builds();
    insta::assert_snapshot!(bench.says(&["cache", "verify"]), @r"31 things, [SIZE]: none is damaged");
    bench.damage(&bench.packages()[..1]);
    let output = bench.command(["cache", "verify"]).output().unwrap();
    assert_eq!((output.status.code(), &*said(&output)), (Some(1), ""));
    let told = String::from_utf8(output.stdout).unwrap();
    assert!(
        told.starts_with("damaged, and removed: sha256:") && told.ends_with(": 1 was damaged\n"),
        "{told}"
    );
    assert_eq!(bench.packages().len(), 3);
    let json = bench.says(&["cache", "verify", "--format", "json"]);
    assert!(json.starts_with("{\n  \"schema\": \"bareboat.cache-verify/1\",\n"), "{json}");
}

#[test]
fn damage_to_what_was_made_of_images_is_found_and_mended() {
    let bench = Bench::new(HELLO);
    bench.builds();
    bench.write("t.yaml", "schemaVersion: 2.0.0\nfileExistenceTests:\n- {name: passwd, path: /etc/passwd}\n");
    let looks = || (bench.says(&["test", "hello", "-c", "t.yaml"]), bench.says(&["inspect", "hello"]));
    let before = looks();
    for (part, kind) in [
        ("/tree/etc/passwd", "unpacked roots"),
        ("/index.json", "unpacked roots"),
        ("entries/layer-listings-", "views of layers"),
        ("entries/contents-", "unpacked packages and layers"),
    ] {
        let of_part = |name: &String| name.contains(part) && bench.path("cache").join(name).is_file();
        let name = bench.listing("cache").into_iter().find(of_part).unwrap();
        bench.damage(&[bench.path("cache").join(&name)]);
        let output = bench.command(["cache", "verify", "--format", "json"]).output().unwrap();
        assert_eq!(output.status.code(), Some(1), "{name}");
        let told: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        let damaged = &told["damaged"][0];
        assert_eq!(
            (damaged["kind"].as_str(), damaged["removed"].as_bool()),
            (Some(kind), Some(true)),
            "{told}"
        );
        assert!(name.contains(damaged["name"].as_str().unwrap()), "{told}");
        bench.says(&["cache", "verify"]);
        assert_eq!(looks(), before, "{name}");
    }
}

#[test]
fn a_package_damaged_in_the_cache_is_fetched_again() {
    let bench = Bench::new(HELLO);
    let digest = bench.builds();
    bench.damage(&bench.packages());
    // What was made of the packages would do without them.
    fs::remove_dir_all(bench.path("cache/entries")).unwrap();
    fs::remove_dir_all(bench.path("project/.bareboat")).unwrap();
    let output = bench.command(["build"]).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    let again = said(&output)
        .lines()
        .filter(|line| line.ends_with("was damaged in the cache, and is fetched again"))
        .count();
    assert_eq!(again, 4, "{}", said(&output));
    assert!(String::from_utf8(output.stdout).unwrap().contains(&digest));
    bench.says(&["cache", "verify"]);
}

#[test]
fn builds_and_those_who_make_room_do_not_disturb_each_other() {
    let bench = Bench::new(HELLO);
    let digest = bench.builds();
    for round in 0..4 {
        let clear = |args: &[&str]| bench.command(args).stdout(Stdio::null()).spawn().unwrap();
        let mut others = vec![
            clear(&["cache", "clear"]),
            clear(&["cache", "gc", "--max-size", "1kB"]),
            clear(&["cache", "verify"]),
        ];
        let builds: Vec<_> = (0..3)
            .map(|number| {
                let output = format!("oci:{}", bench.path(&format!("out-{round}-{number}")).display());
                bench.command(["build", "--quiet", "-o", &output]).spawn().unwrap()
            })
            .collect();
        others.push(clear(&["cache", "clear"]));
        // Killed at any moment, it leaves a store that can be used.
        others[round].kill().unwrap();
        for build in builds {
            let output = build.wait_with_output().unwrap();
            assert_eq!(output.status.code(), Some(0), "{}", said(&output));
            assert_eq!(String::from_utf8(output.stdout).unwrap().trim(), digest);
        }
        for (number, other) in others.into_iter().enumerate() {
            let output = other.wait_with_output().unwrap();
            assert!(number == round || output.status.success(), "{number}: {}", said(&output));
        }
    }
    bench.says(&["cache", "verify"]);
    assert_eq!(bench.builds(), digest);
}
