//! When the lock changes, how much of it, and what is said of it.

use bareboat_testkit::{Deb, DebBuilder, Files, Suite, World};

use crate::bench::{Bench, HELLO, trixie};

/// HELLO with these packages instead.
fn asking_for(packages: &str) -> String {
    HELLO.replace("[\"hello\"]", &format!("[{packages}]"))
}

/// A bench with openssl in its lock, and a mirror that has since moved on.
fn locked_before_the_update() -> Bench {
    let bench = Bench::new(&asking_for("\"openssl\""));
    bench.says(&["lock"]);
    bench.mirror.replace(World::after_security_update().files);
    bench
}

fn lock(bench: &Bench) -> String {
    std::fs::read_to_string(bench.path("project/bareboat.lock")).unwrap()
}

#[test]
fn a_package_more_moves_nothing_else() {
    let bench = locked_before_the_update();
    bench.write("bareboat.toml", asking_for("\"openssl\", \"netbase\""));
    insta::assert_snapshot!(bench.says(&["lock"]), @r"
    the recipe asks for `netbase`, the lock does not
      netbase 6.5 added
    locked       ./bareboat.lock: 9 packages for linux/amd64
    ");
    assert!(lock(&bench).contains("3.5.1-1+deb13u1"));
}

#[test]
fn a_package_more_moves_what_it_must_and_nothing_else() {
    let deb = |name, version, depends| DebBuilder::new(name, version).depends(depends).build();
    let [before, after] = ["1", "2"].map(|version| [deb("library", version, ""), deb("other", version, "")]);
    let tool = deb("tool", "1", "library (>= 2)");
    let bench = Bench::with_files(&asking_for("\"library\", \"other\""), mirror(before.iter()));
    bench.says(&["lock"]);
    bench.mirror.replace(mirror(after.iter().chain([&tool])));
    bench.write("bareboat.toml", asking_for("\"library\", \"other\", \"tool\""));
    insta::assert_snapshot!(bench.says(&["lock"]), @r"
    the recipe asks for `tool`, the lock does not
      library 1 → 2
      tool 1 added
    locked       ./bareboat.lock: 3 packages for linux/amd64
    ");
}

/// A mirror with these packages in trixie.
fn mirror<'a>(packages: impl Iterator<Item = &'a Deb>) -> Files {
    trixie(Suite::new("trixie").packages(packages))
}

#[test]
fn another_version_in_the_recipe_moves_that_package() {
    let bench = Bench::new(&asking_for("\"libssl3t64=3.5.1-1+deb13u1\", \"tzdata\""));
    bench.says(&["lock"]);
    bench.mirror.replace(World::after_security_update().files);
    bench.write("bareboat.toml", asking_for("\"libssl3t64=3.5.4-1~deb13u1\", \"tzdata\""));
    insta::assert_snapshot!(bench.says(&["lock"]), @r"
    the recipe asks for `libssl3t64=3.5.4-1~deb13u1`, the lock for `libssl3t64=3.5.1-1+deb13u1`
      libssl3t64 3.5.1-1+deb13u1 → 3.5.4-1~deb13u1
    locked       ./bareboat.lock: 9 packages for linux/amd64
    ");
}

#[test]
fn a_package_less_needs_no_network() {
    let bench = Bench::new(&asking_for("\"openssl\", \"netbase\""));
    bench.says(&["lock"]);
    bench.mirror.forget();
    bench.write("bareboat.toml", asking_for("\"netbase\""));
    insta::assert_snapshot!(bench.says(&["lock"]), @r"
    the lock is for `openssl` too, the recipe no longer asks for it
      gcc-14-base 14.2.0-19 removed
      libc6 2.41-12 removed
      libgcc-s1 14.2.0-19 removed
      libssl3t64 3.5.1-1+deb13u1 removed
      libzstd1 1.5.7+dfsg-1 removed
      openssl 3.5.1-1+deb13u1 removed
      openssl-provider-legacy 3.5.1-1+deb13u1 removed
      zlib1g 1:1.3.dfsg+really1.3.1-1+b1 removed
    locked       ./bareboat.lock: 1 package for linux/amd64
    ");
    assert_eq!(bench.mirror.requests(), []);
}

#[test]
fn a_package_that_the_lock_holds_already_needs_no_network() {
    let bench = locked_before_the_update();
    bench.mirror.forget();
    bench.write("bareboat.toml", asking_for("\"openssl\", \"zlib1g\""));
    insta::assert_snapshot!(bench.says(&["lock"]), @r"
    the recipe asks for `zlib1g`, the lock does not
    locked       ./bareboat.lock: 8 packages for linux/amd64
    ");
    assert_eq!(bench.mirror.requests(), []);
}

#[test]
fn a_dependency_that_is_left_out_goes_with_what_only_it_needed() {
    let bench = locked_before_the_update();
    bench.write(
        "bareboat.toml",
        asking_for("\"openssl\"") + "without = [\"openssl-provider-legacy\", \"libgcc-s1\"]\n",
    );
    insta::assert_snapshot!(bench.says(&["lock"]), @r"
    the recipe leaves out `libgcc-s1`, the lock does not
    the recipe leaves out `openssl-provider-legacy`, the lock does not
      gcc-14-base 14.2.0-19 removed
      libgcc-s1 14.2.0-19 removed
      openssl-provider-legacy 3.5.1-1+deb13u1 removed
    locked       ./bareboat.lock: 5 packages for linux/amd64
    ");
}

#[test]
fn another_suite_is_another_lock() {
    let bench = Bench::new(HELLO);
    bench.says(&["lock"]);
    bench.write("bareboat.toml", HELLO.to_owned() + "suite = \"bookworm\"\n");
    insta::assert_snapshot!(bench.says(&["lock"]), @r"
    the recipe asks for suite `bookworm`, the lock is for `trixie`
      gcc-12-base 12.2.0-14+deb12u1 added
      gcc-14-base 14.2.0-19 removed
      hello 2.10-5 → 2.10-3
      libc6 2.41-12 → 2.36-9+deb12u13
      libgcc-s1 14.2.0-19 → 12.2.0-14+deb12u1
    locked       ./bareboat.lock: 4 packages for linux/amd64
    ");
    bench.builds();
    assert!(bench.image().text("/var/lib/dpkg/status.d/hello").contains("\nVersion: 2.10-3\n"));
}

#[test]
fn another_platform_leaves_the_first_as_it_is() {
    let bench = locked_before_the_update();
    insta::assert_snapshot!(bench.says(&["lock", "--platform", "linux/arm64"]), @r"
    the lock has nothing for linux/arm64
      gcc-14-base 14.2.0-19 added for linux/arm64
      libc6 2.41-12 added for linux/arm64
      libgcc-s1 14.2.0-19 added for linux/arm64
      libssl3t64 3.5.4-1~deb13u1 added for linux/arm64
      libzstd1 1.5.7+dfsg-1 added for linux/arm64
      openssl 3.5.4-1~deb13u1 added for linux/arm64
      openssl-provider-legacy 3.5.4-1~deb13u1 added for linux/arm64
      zlib1g 1:1.3.dfsg+really1.3.1-1+b1 added for linux/arm64
    locked       ./bareboat.lock: 8 packages for linux/amd64, 8 packages for linux/arm64
    ");
}

#[test]
fn what_does_not_concern_packages_leaves_the_lock_alone() {
    let bench = locked_before_the_update();
    let before = lock(&bench);
    bench.write("bareboat.toml", asking_for("\"openssl\"") + "[image]\nworkdir = \"/srv\"\n");
    insta::assert_snapshot!(bench.says(&["lock"]), @r"up to date   ./bareboat.lock: 8 packages for linux/amd64");
    bench.builds();
    assert_eq!(lock(&bench), before);
}

#[test]
fn a_lock_follows_the_base_that_changed() {
    let bench = Bench::new("name = \"hello\"\nbase = \"./base.toml\"\nplatforms = [\"linux/amd64\"]\n");
    bench.write("base.toml", asking_for("\"netbase\""));
    bench.says(&["lock"]);
    bench.write("base.toml", asking_for("\"netbase\", \"media-types\""));
    insta::assert_snapshot!(bench.says(&["lock"]), @r"
    the recipe asks for `media-types`, the lock does not
      media-types 13.0.0 added
    locked       ./bareboat.lock: 2 packages for linux/amd64
    ");
}

#[test]
fn a_lock_that_serves_is_enough_for_locked() {
    let bench = Bench::new(HELLO);
    bench.says(&["lock"]);
    let before = lock(&bench);
    let digest = bench.digest(&["--locked"]);
    insta::assert_snapshot!(bench.says(&["lock", "--locked"]), @r"up to date   ./bareboat.lock: 4 packages for linux/amd64");
    assert_eq!(lock(&bench), before);
    assert_eq!(bench.builds(), digest);
}

#[test]
fn a_locked_build_fetches_packages_and_no_index() {
    let bench = Bench::new(HELLO);
    bench.says(&["lock"]);
    std::fs::remove_dir_all(bench.path("cache")).unwrap();
    bench.mirror.forget();
    bench.digest(&["--locked"]);
    let requests = bench.mirror.requests();
    assert!(requests.iter().all(|request| request.path.contains("/pool/")), "{requests:?}");
    assert_eq!(requests.len(), 4);
}

#[test]
fn a_warm_cache_needs_no_network_even_for_another_output() {
    let bench = Bench::new(HELLO);
    bench.builds();
    bench.mirror.forget();
    bench.says(&["build", "--offline", "-o", "oci-archive:hello.tar"]);
    bench.says(&["lock", "--offline"]);
    bench.says(&["build", "--offline", "--explain", "libc6"]);
    assert_eq!(bench.mirror.requests(), []);
}

#[test]
fn offline_on_a_warm_cache_resolves_a_changed_recipe() {
    let bench = Bench::new(HELLO);
    bench.says(&["lock"]);
    bench.mirror.forget();
    bench.write("bareboat.toml", HELLO.replace("\"hello\"]", "\"hello\", \"netbase\"]"));
    bench.says(&["lock", "--offline"]);
    assert!(lock(&bench).contains("pool/main/n/netbase/"));
    assert_eq!(bench.mirror.requests(), []);
}

#[test]
fn a_deleted_lock_is_made_anew_from_what_the_mirror_has_now() {
    let bench = locked_before_the_update();
    let before = lock(&bench);
    std::fs::remove_file(bench.path("project/bareboat.lock")).unwrap();
    insta::assert_snapshot!(bench.says(&["lock"]), @r"locked       ./bareboat.lock: 8 packages for linux/amd64");
    let now = lock(&bench);
    assert!(!before.contains("3.5.4-1~deb13u1") && now.contains("3.5.4-1~deb13u1"));
}

#[test]
fn a_deleted_lock_comes_back_the_same_when_nothing_moved() {
    let bench = Bench::new(HELLO);
    bench.says(&["lock"]);
    let before = lock(&bench);
    std::fs::remove_file(bench.path("project/bareboat.lock")).unwrap();
    bench.says(&["lock"]);
    assert_eq!(lock(&bench), before);
}

#[test]
fn the_lock_is_a_text_to_review() {
    let bench = Bench::new(&(asking_for("\"zlib1g\"") + "without = [\"libgcc-s1\"]\n"));
    bench.says(&["lock"]);
    insta::assert_snapshot!(lock(&bench), @r#"
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
        "zlib1g",
    ]
    without = [
        "libgcc-s1",
    ]

    [[suites]]
    archive = "debian"
    suite = "trixie"
    date = "2025-11-15T00:00:00Z"
    sha256 = "[HEX]"

    [[suites]]
    archive = "debian"
    suite = "trixie-updates"
    date = "2025-11-15T00:00:00Z"
    sha256 = "[HEX]"

    [[suites]]
    archive = "debian-security"
    suite = "trixie-security"
    date = "2025-11-15T00:00:00Z"
    sha256 = "[HEX]"

    [[packages]]
    platform = "linux/amd64"
    name = "libc6"
    version = "2.41-12"
    architecture = "amd64"
    source = "glibc"
    source-version = "2.41-12"
    archive = "debian"
    path = "pool/main/g/glibc/libc6_2.41-12_amd64.deb"
    size = [N]
    sha256 = "[HEX]"
    multi-arch = "same"
    depends = "libgcc-s1"
    breaks = "base-files (<< 13.3~), chrony (<< 4.2-3~)"

    [[packages]]
    platform = "linux/amd64"
    name = "zlib1g"
    version = "1:1.3.dfsg+really1.3.1-1+b1"
    architecture = "amd64"
    source = "zlib"
    source-version = "1:1.3.dfsg+really1.3.1-1"
    archive = "debian"
    path = "pool/main/z/zlib/zlib1g_1.3.dfsg+really1.3.1-1+b1_amd64.deb"
    size = [N]
    sha256 = "[HEX]"
    multi-arch = "same"
    depends = "libc6 (>= 2.14)"
    provides = "libz1"
    "#);
}
