//! The lock's file: its layout, both directions, and what is refused.

use std::path::Path;

use bareboat_model::{Arch, Digest, Platform, Timestamp, Version};
use proptest::prelude::*;

use super::*;
use crate::recipe::parse;

const AMD64: Platform = Platform { arch: Arch::Amd64 };
const ARM64: Platform = Platform { arch: Arch::Arm64 };

fn version(text: &str) -> Version {
    Version::parse(text).unwrap()
}

fn package(name: &str, version_text: &str, architecture: &str) -> LockedPackage {
    LockedPackage {
        name: name.to_owned(),
        version: version(version_text),
        architecture: architecture.to_owned(),
        source: "openssl".to_owned(),
        source_version: version(version_text),
        archive: DEBIAN.to_owned(),
        path: format!("pool/main/o/openssl/{name}_{version_text}_{architecture}.deb"),
        size: 12,
        sha256: Digest::of(version_text.as_bytes()),
        multi_arch: String::new(),
        pre_depends: String::new(),
        depends: String::new(),
        provides: String::new(),
        conflicts: String::new(),
        breaks: String::new(),
    }
}

fn lock(packages: &[(Platform, LockedPackage)]) -> Lock {
    let mut lock = Lock {
        request: Request {
            suite: "trixie".to_owned(),
            components: vec!["main".to_owned()],
            packages: vec!["libssl3t64".to_owned(), "tzdata=2026c-0+deb13u1".to_owned()],
            without: vec![],
            archives: vec![],
        },
        base: None,
        suites: vec![SuiteRelease {
            archive: DEBIAN.to_owned(),
            suite: "trixie".to_owned(),
            date: Timestamp::from_seconds(1_795_000_000),
            sha256: Digest::of(b"Release"),
        }],
        packages: BTreeMap::new(),
    };
    for (platform, package) in packages {
        lock.packages.entry(*platform).or_default().insert(package.name.clone(), package.clone());
    }
    lock
}

#[test]
fn the_file_is_made_to_be_read_in_diffs() {
    let mut ssl = package("libssl3t64", "3.5.7-1", "amd64");
    ssl.multi_arch = "same".to_owned();
    ssl.depends = "libc6 (>= 2.38), zlib1g (>= 1:1.1.4)".to_owned();
    let mut lock = lock(&[(AMD64, ssl)]);
    lock.request.archives = vec![RequestedArchive {
        name: "vendor".to_owned(),
        suites: vec!["stable".to_owned()],
        components: vec!["main".to_owned()],
    }];
    lock.base =
        Some(BaseImage { reference: "registry.test/x:1".to_owned(), digest: Digest::of(b"manifest") });
    insta::assert_snapshot!(lock.render(), @r#"
    # Written by bareboat; commit it, do not edit it.
    version = 1
    platforms = [
        "linux/amd64",
    ]

    [request]
    suite = "trixie"
    components = [
        "main",
    ]
    packages = [
        "libssl3t64",
        "tzdata=2026c-0+deb13u1",
    ]
    without = []

    [[request.archives]]
    name = "vendor"
    suites = [
        "stable",
    ]
    components = [
        "main",
    ]

    [base]
    reference = "registry.test/x:1"
    digest = "sha256:05b3abf2579a5eb66403cd78be557fd860633a1fe2103c7642030defe32c657f"

    [[suites]]
    archive = "debian"
    suite = "trixie"
    date = "2026-11-18T11:06:40Z"
    sha256 = "e020e3c67bd0c31227720bd8eb2c3a777d162e0987e8fd8438b007c170266476"

    [[packages]]
    platform = "linux/amd64"
    name = "libssl3t64"
    version = "3.5.7-1"
    architecture = "amd64"
    source = "openssl"
    source-version = "3.5.7-1"
    archive = "debian"
    path = "pool/main/o/openssl/libssl3t64_3.5.7-1_amd64.deb"
    size = 12
    sha256 = "3880f594987c05bd4fbe98d2af4ea5ac13f6de46135bfb549dec7f7d58136d78"
    multi-arch = "same"
    depends = "libc6 (>= 2.38), zlib1g (>= 1:1.1.4)"
    "#);
    assert_eq!(Lock::parse(&lock.render(), Path::new("l")).unwrap(), lock);
}

#[test]
fn a_platform_without_packages_is_kept() {
    let mut lock = lock(&[]);
    lock.packages.insert(ARM64, BTreeMap::new());
    assert_eq!(Lock::parse(&lock.render(), Path::new("l")).unwrap(), lock);
}

#[test]
fn what_is_wrong_is_named_with_its_place() {
    let good = lock(&[(AMD64, package("libssl3t64", "3.5.7-1", "amd64"))]).render();
    for (from, to, expected) in [
        ("version = 1", "version = 2", "2:11 version 2 of the lock format, expected version 1"),
        ("version = 1", "", "1:1 key `version` is missing"),
        ("version = 1", "version = 1\ncolour = 1", "3:1 unknown key `colour`, expected one of version, "),
        ("suite = \"trixie\"", "suite = \"..\"", "8:9 `..` is not a name"),
        ("\"libssl3t64\",", "\"lib ssl\",", "13:5 `lib ssl` cannot name a Debian package"),
        ("date = \"2026", "date = \"x2026", "21:8 `x2026-11-18T11:06:40Z` is not an RFC 3339 date"),
        (
            "platform = \"linux/amd64\"",
            "platform = \"linux/arm64\"",
            "24:1 package `libssl3t64` is for linux/arm64, which",
        ),
        ("\"3.5.7-1\"\narch", "\"3 5\"\narch", "27:11 cannot read version `3 5`"),
        (
            "architecture = \"amd64\"",
            "architecture = \"i386\"",
            "24:1 package `libssl3t64` is for linux/amd64, expected",
        ),
        (
            "archive = \"debian\"\npath",
            "archive = \"other\"\npath",
            "24:1 package `libssl3t64` is from `other`, which",
        ),
        ("pool/main/o", "pool/../o", "32:8 path `pool/../o/openssl/"),
        ("pool/main/o", "/pool/main/o", "32:8 path `/pool/main/o/openssl/"),
        ("pool/main/o", "pool//o", "32:8 path `pool//o/"),
        ("pool/main/o", "pool/o?x", "32:8 path `pool/o?x/"),
        ("without = []", "without = [\"dpkg=1\"]", "16:12 `dpkg=1` cannot name a Debian package"),
        ("size = 12", "size = -12", "33:8 expected a whole number, found integer `-12`"),
        ("size = 12", "size = \"12\"", "33:8 expected a whole number, found string \"12\""),
        ("size = 12\n", "", "24:1 key `size` is missing"),
        ("size = 12", "size = 12\ndepends = \"libc6 (>= \"", "34:11 "),
        (
            "size = 12",
            "size = 12\nmulti-arch = \"maybe\"",
            "34:14 unknown value `maybe`, expected same, foreign",
        ),
        ("size = 12", "size = 12\nsize = 13", "34:1 key `size` is there twice"),
        ("[request]", "[requests]", "7:2 unknown key `requests`, did you mean `request`?"),
    ] {
        let bad = good.replacen(from, to, 1);
        assert_ne!(bad, good, "{from}");
        let error = Lock::parse(&bad, Path::new("bareboat.lock")).unwrap_err();
        let message =
            error.to_string().replacen("cannot read `bareboat.lock:", "", 1).replacen("`: ", " ", 1);
        assert!(message.starts_with(expected), "{from} → {to}: {message}");
        assert!(error.hint().is_some());
    }
}

#[test]
fn a_package_is_there_once_for_each_platform() {
    let good = lock(&[(AMD64, package("libssl3t64", "3.5.7-1", "amd64"))]).render();
    let again = &good[good.find("\n[[packages]]").unwrap()..];
    let error = Lock::parse(&format!("{good}{again}"), Path::new("l")).unwrap_err().to_string();
    assert!(error.contains("package `libssl3t64` is there twice for linux/amd64"), "{error}");
}

#[test]
fn a_digest_is_64_hex_digits() {
    let good = lock(&[(AMD64, package("libssl3t64", "3.5.7-1", "amd64"))]).render();
    let digest = Digest::of(b"Release").hex();
    let error = Lock::parse(&good.replace(&digest, &digest[1..]), Path::new("l")).unwrap_err().to_string();
    assert!(error.starts_with("cannot read `l:22:10`: "), "{error}");
    assert!(error.contains("is not a SHA-256 digest"), "{error}");
}

#[test]
fn too_large_a_file_is_not_even_read() {
    let error = Lock::parse(&"#".repeat((32 << 20) + 1), Path::new("l")).unwrap_err().to_string();
    assert_eq!(error, "cannot read `l`: 33554433 bytes, expected at most 33554432");
}

#[test]
fn a_request_is_what_the_recipe_asks_for_in_one_order() {
    let text = "name = 'x'\npackages = ['tzdata', 'libssl3t64=3.5.7-1']\nwithout = ['zz', 'aa']\n\
        archive.components = ['non-free', 'main']\n[[archives]]\nname = 'b'\nmirror = 'http://m.test'\n\
        suites = ['s2', 's1']\nkey = 'k'\n[[archives]]\nname = 'a'\nmirror = 'http://m.test'\nsuites = ['s']\nkey = 'k'";
    let request = Request::of(&parse(text, Path::new("r")).unwrap(), "trixie");
    assert_eq!(request.suite, "trixie");
    assert_eq!(request.packages, ["libssl3t64=3.5.7-1", "tzdata"]);
    assert_eq!(request.without, ["aa", "zz"]);
    assert_eq!(request.components, ["main", "non-free"]);
    let archives: Vec<_> =
        request.archives.iter().map(|archive| (&archive.name[..], archive.suites.join(" "))).collect();
    assert_eq!(archives, [("a", "s".to_owned()), ("b", "s1 s2".to_owned())]);
}

#[test]
fn a_lock_serves_what_it_was_made_for() {
    let lock = lock(&[(AMD64, package("libssl3t64", "3.5.7-1", "amd64"))]);
    assert_eq!(lock.satisfies(&lock.request, None, &[AMD64]), Satisfaction::Yes);
    assert_eq!(lock.satisfies(&lock.request, None, &[]), Satisfaction::Yes);
}

#[test]
fn a_lock_that_does_not_serve_says_why() {
    let lock = lock(&[(AMD64, package("libssl3t64", "3.5.7-1", "amd64"))]);
    let vendor = || RequestedArchive { name: "vendor".to_owned(), ..Default::default() };
    type Edit = Box<dyn Fn(&mut Request)>;
    let cases: Vec<(Edit, &str)> = vec![
        (
            Box::new(|r| r.packages.push("libpq5".to_owned())),
            "the recipe asks for `libpq5`, the lock does not",
        ),
        (
            Box::new(|r| r.packages[1] = "tzdata".to_owned()),
            "the recipe asks for `tzdata`, the lock for `tzdata=2026c-0+deb13u1`",
        ),
        (
            Box::new(|r| drop(r.packages.remove(0))),
            "the lock is for `libssl3t64` too, the recipe no longer asks for it",
        ),
        (
            Box::new(|r| r.suite = "sid".to_owned()),
            "the recipe asks for suite `sid`, the lock is for `trixie`",
        ),
        (
            Box::new(|r| r.components.push("contrib".to_owned())),
            "the recipe asks for the components `main, contrib`, the lock is for `main`",
        ),
        (Box::new(|r| r.without.push("dpkg".to_owned())), "the recipe leaves out `dpkg`, the lock does not"),
        (
            Box::new(move |r| r.archives.push(vendor())),
            "the recipe asks for archive `vendor`, the lock does not",
        ),
    ];
    for (edit, reason) in cases {
        let mut request = lock.request.clone();
        edit(&mut request);
        assert_eq!(lock.satisfies(&request, None, &[AMD64]), Satisfaction::No(vec![reason.to_owned()]));
    }
    let reason = "the lock has nothing for linux/arm64".to_owned();
    assert_eq!(lock.satisfies(&lock.request, None, &[AMD64, ARM64]), Satisfaction::No(vec![reason]));
}

#[test]
fn what_a_recipe_no_longer_wants_is_a_reason_too() {
    let request = lock(&[]).request;
    let mut lock = lock(&[]);
    lock.request.without = vec!["dpkg".to_owned()];
    lock.request.archives = vec![RequestedArchive { name: "vendor".to_owned(), ..Default::default() }];
    assert_eq!(
        lock.satisfies(&request, None, &[]),
        Satisfaction::No(vec![
            "the lock leaves out `dpkg`, the recipe no longer does".to_owned(),
            "the lock uses archive `vendor`, the recipe no longer does".to_owned(),
        ])
    );
    let mut request = lock.request.clone();
    request.archives[0].suites.push("new".to_owned());
    assert_eq!(
        lock.satisfies(&request, None, &[]),
        Satisfaction::No(vec![
            "the recipe asks for other suites or components of archive `vendor`".to_owned()
        ])
    );
}

#[test]
fn changes_are_told_by_platform_and_name() {
    let mut rebuilt = package("same", "1-1", "all");
    rebuilt.sha256 = Digest::of(b"other bytes");
    let old = lock(&[
        (AMD64, package("same", "1-1", "all")),
        (AMD64, package("gone", "1-1", "amd64")),
        (AMD64, package("moved", "3.5.1-1", "amd64")),
        (ARM64, package("still", "1-1", "arm64")),
    ]);
    let new = lock(&[
        (AMD64, rebuilt),
        (AMD64, package("came", "2-1", "amd64")),
        (AMD64, package("moved", "3.5.7-1", "amd64")),
        (ARM64, package("still", "1-1", "arm64")),
    ]);
    let told = changes(&old, &new).iter().map(ToString::to_string).collect::<Vec<_>>();
    assert_eq!(
        told,
        ["came 2-1 added", "gone 1-1 removed", "moved 3.5.1-1 → 3.5.7-1", "same 1-1, built anew"]
    );
    assert!(changes(&old, &old).is_empty());
    let without_arm = Lock { packages: [(AMD64, old.packages[&AMD64].clone())].into(), ..old.clone() };
    let [change] = &changes(&old, &without_arm)[..] else { panic!("one change") };
    assert_eq!((change.platform, change.package.as_str(), change.to.is_none()), (ARM64, "still", true));
}

fn any_package(platform: Platform) -> impl Strategy<Value = LockedPackage> {
    let architecture = prop_oneof![Just("all".to_owned()), Just(platform.arch.debian().to_owned())];
    let version = "[0-9]{1,2}(:[0-9]{1,3})?[a-z0-9.+~]{0,6}(-[a-z0-9.+~]{1,4})?";
    let relation = "([a-z][a-z0-9+.-]{1,8}( \\(>= [0-9]{1,3}\\))?(, [a-z]{2,6} \\| [a-z]{2,6})?)?";
    let multi_arch = prop_oneof![Just(""), Just("same"), Just("foreign"), Just("allowed")];
    let texts = (
        "[a-z][a-z0-9+.-]{1,10}",
        version,
        "[a-z0-9]{2,9}",
        version,
        "pool/[a-zA-Z0-9_+~%é\" -]{1,20}\\.deb",
    );
    (texts, architecture, 0..i64::MAX as u64, any::<[u8; 8]>(), multi_arch, [relation; 5]).prop_map(
        |((name, own, source, other, path), architecture, size, seed, multi_arch, relations)| {
            let [pre_depends, depends, provides, conflicts, breaks] = relations;
            LockedPackage {
                name,
                version: version_or(&own),
                architecture,
                source,
                source_version: version_or(&other),
                archive: DEBIAN.to_owned(),
                path,
                size,
                sha256: Digest::of(&seed),
                multi_arch: multi_arch.to_owned(),
                pre_depends,
                depends,
                provides,
                conflicts,
                breaks,
            }
        },
    )
}

/// Generated versions are mostly good; what is not becomes one that is.
fn version_or(text: &str) -> Version {
    Version::parse(text).unwrap_or_else(|_| version("1.0-1"))
}

proptest! {
    #[test]
    fn every_lock_survives_its_file(
        amd64 in prop::collection::vec(any_package(AMD64), 0..6),
        arm64 in prop::collection::vec(any_package(ARM64), 0..6),
    ) {
        let packages: Vec<_> = amd64.into_iter().map(|package| (AMD64, package))
            .chain(arm64.into_iter().map(|package| (ARM64, package)))
            .collect();
        let lock = lock(&packages);
        let text = lock.render();
        let read = Lock::parse(&text, Path::new("bareboat.lock")).unwrap();
        prop_assert_eq!(&read, &lock);
        prop_assert_eq!(read.render(), text);
    }

    #[test]
    fn no_change_to_a_lock_makes_the_reader_panic(at in 0usize..900, cut in 0usize..20, text in "\\PC{0,6}") {
        let good = lock(&[(AMD64, package("libssl3t64", "3.5.7-1", "amd64"))]).render();
        let at = at.min(good.len());
        let end = (at + cut).min(good.len());
        let bad = format!("{}{text}{}", &good[..at], &good[end..]);
        let _ = Lock::parse(&bad, Path::new("bareboat.lock"));
    }
}
