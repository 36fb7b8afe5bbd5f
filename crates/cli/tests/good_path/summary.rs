//! What a person reads, and what a program reads.

use bareboat_testkit::World;

use crate::bench::{Bench, HELLO};

const APP: &str =
    "name = \"hello\"\nbase = \"base\"\nplatforms = [\"linux/amd64\"]\npackages = [\"hello\"]\n";
const FILE: &str = "[[files]]\nfrom = \"main.sh\"\nto = \"/app/\"\n";

/// A bench with a recipe like most: a base, a package and a file.
fn app() -> Bench {
    let bench = Bench::new(&format!("{APP}{FILE}"));
    bench.write("main.sh", "hello\n");
    bench
}

#[test]
fn a_first_build_says_what_is_in_and_what_was_done() {
    insta::assert_snapshot!(app().says(&["build"]), @r#"
    locked       ./bareboat.lock: 12 packages for linux/amd64
    linux/amd64  12 packages, 87 files, 16.8 kB, [N] stored, 6 layers (6 new)
    pruned       1.6 kB in 31 files: gconv 1.1 kB, ca-sources 189 B, docs 149 B, lintian 63 B,
                 templates 48 B, paths 36 B, man 28 B, info 13 B, locales 6 B
    effects      users (root, nobody, nonroot), nsswitch (files and dns),
                 localtime (/etc/localtime → /usr/share/zoneinfo/Etc/UTC), ca-bundle (3 certificates),
                 ld-so-cache (12 libraries), status.d (12 packages)
    not run      base-files (files), netbase (files)
    left out     awk (for base-files), debconf (>= 0.5) | debconf-2.0 (for ca-certificates, tzdata),
                 openssl (>= 1.1.1) (for ca-certificates), openssl-provider-legacy (for libssl3t64)
    hint         base = "base-nossl" would do: nothing of yours uses base (4.6 kB)
    digest       [DIGEST]
    written to   oci:./.bareboat/hello
    time         [TIME]
    "#);
}

#[test]
fn a_second_build_says_that_nothing_is_new() {
    let bench = app();
    bench.builds();
    insta::assert_snapshot!(bench.says(&["build"]), @r#"
    linux/amd64  12 packages, 87 files, 16.8 kB, [N] stored, 6 layers (0 new)
    pruned       1.6 kB in 31 files: gconv 1.1 kB, ca-sources 189 B, docs 149 B, lintian 63 B,
                 templates 48 B, paths 36 B, man 28 B, info 13 B, locales 6 B
    effects      users (root, nobody, nonroot), nsswitch (files and dns),
                 localtime (/etc/localtime → /usr/share/zoneinfo/Etc/UTC), ca-bundle (3 certificates),
                 ld-so-cache (12 libraries), status.d (12 packages)
    not run      base-files (files), netbase (files)
    left out     awk (for base-files), debconf (>= 0.5) | debconf-2.0 (for ca-certificates, tzdata),
                 openssl (>= 1.1.1) (for ca-certificates), openssl-provider-legacy (for libssl3t64)
    hint         base = "base-nossl" would do: nothing of yours uses base (4.6 kB)
    digest       [DIGEST]
    written to   oci:./.bareboat/hello
    time         [TIME]
    "#);
}

#[test]
fn a_quiet_build_says_the_digest_and_nothing_else() {
    let bench = app();
    insta::assert_snapshot!(bench.says(&["build", "-q"]), @r"[DIGEST]");
}

#[test]
fn a_verbose_build_tells_the_story() {
    let bench = Bench::new(HELLO);
    bench.command(["lock"]).output().unwrap();
    insta::assert_snapshot!(bench.says(&["build", "-v", "--threads", "1"]), @r"
    downloading 4 packages
    making 2 layers
    made layer gcc-14 glibc hello ([DIGEST])
    made layer settings ([DIGEST])
    writing oci:./.bareboat/hello
    copying f1dfffd2cb15
    copying dac26c80dbf4
    copying 5b14e9c06c15
    linux/amd64  4 packages, 30 files, 8.6 kB, [N] stored, 2 layers (2 new)
      layer      2.0 kB gcc-14 glibc hello
      layer      746 B settings
    pruned       1.2 kB in 10 files: gconv 1.1 kB, docs 36 B, lintian 19 B, man 14 B, info 13 B,
                 locales 6 B
    effects      users (root, nobody, nonroot), tmp (/tmp and /var/tmp, 1777), nsswitch (files and dns),
                 ld-so-cache (8 libraries), status.d (4 packages)
    digest       [DIGEST]
    written to   oci:./.bareboat/hello
    time         [TIME]
    ");
}

#[test]
fn a_verbose_lock_names_what_it_reads() {
    // The suites are read at once, and told of as they come.
    let bench = Bench::new(HELLO);
    let said = bench.says(&["lock", "-v"]);
    let mut lines: Vec<&str> = said.lines().collect();
    lines.sort_unstable();
    insta::assert_snapshot!(lines.join("\n"), @r"
    downloading the index of trixie
    downloading the index of trixie-security
    downloading the index of trixie-updates
    locked       ./bareboat.lock: 4 packages for linux/amd64
    resolved 4 packages
    verified the Release file of `trixie-security` at `[MIRROR]/debian-security`, of 2025-11-15T00:00:00Z
    verified the Release file of `trixie-updates` at `[MIRROR]/debian`, of 2025-11-15T00:00:00Z
    verified the Release file of `trixie` at `[MIRROR]/debian`, of 2025-11-15T00:00:00Z
    ");
}

#[test]
fn a_build_for_two_platforms_has_a_part_for_each() {
    let bench = Bench::new(&HELLO.replace("\"linux/amd64\"", "\"linux/amd64\", \"linux/arm64\""));
    insta::assert_snapshot!(bench.says(&["build"]), @r"
    locked       ./bareboat.lock: 4 packages for linux/amd64, 4 packages for linux/arm64
    linux/amd64  4 packages, 30 files, 8.6 kB, [N] stored, 2 layers (2 new)
    pruned       1.2 kB in 10 files: gconv 1.1 kB, docs 36 B, lintian 19 B, man 14 B, info 13 B,
                 locales 6 B
    effects      users (root, nobody, nonroot), tmp (/tmp and /var/tmp, 1777), nsswitch (files and dns),
                 ld-so-cache (8 libraries), status.d (4 packages)
    linux/arm64  4 packages, 29 files, 8.7 kB, [N] stored, 2 layers (2 new)
    pruned       1.2 kB in 10 files: gconv 1.1 kB, docs 36 B, lintian 19 B, man 14 B, info 13 B,
                 locales 6 B
    effects      users (root, nobody, nonroot), tmp (/tmp and /var/tmp, 1777), nsswitch (files and dns),
                 ld-so-cache (9 libraries), status.d (4 packages)
    digest       [DIGEST]
    written to   oci:./.bareboat/hello
    time         [TIME]
    ");
}

#[test]
fn a_build_tells_a_program_all_it_tells_a_person() {
    let bench = Bench::new(&format!("{HELLO}without = [\"libgcc-s1\"]\n{FILE}"));
    bench.write("main.sh", "hello\n");
    insta::assert_snapshot!(bench.says(&["build", "--format", "json"]), @r#"
    {
      "schema": "bareboat.build/1",
      "name": "hello",
      "digest": "[DIGEST]",
      "outputs": [
        "oci:./.bareboat/hello"
      ],
      "lock": {
        "file": "./bareboat.lock",
        "written": true,
        "reasons": [],
        "changes": [],
        "packages": {
          "linux/amd64": 2
        }
      },
      "images": [
        {
          "platform": "linux/amd64",
          "digest": "[DIGEST]",
          "packages": 2,
          "files": 24,
          "bytes": 7202,
          "stored": [N],
          "layers": [
            {
              "title": "glibc hello",
              "digest": "[DIGEST]",
              "stored": [N],
              "bytes": 29184,
              "reused": false
            },
            {
              "title": "settings",
              "digest": "[DIGEST]",
              "stored": [N],
              "bytes": 9216,
              "reused": false
            },
            {
              "title": "files",
              "digest": "[DIGEST]",
              "stored": [N],
              "bytes": 2560,
              "reused": false
            }
          ],
          "pruned": {
            "docs": {
              "files": 2,
              "bytes": 24
            },
            "gconv": {
              "files": 3,
              "bytes": 1063
            },
            "info": {
              "files": 1,
              "bytes": 13
            },
            "lintian": {
              "files": 1,
              "bytes": 19
            },
            "locales": {
              "files": 1,
              "bytes": 6
            },
            "man": {
              "files": 1,
              "bytes": 14
            }
          },
          "effects": [
            {
              "effect": "users",
              "what": "root, nobody, nonroot"
            },
            {
              "effect": "tmp",
              "what": "/tmp and /var/tmp, 1777"
            },
            {
              "effect": "nsswitch",
              "what": "files and dns"
            },
            {
              "effect": "ld-so-cache",
              "what": "7 libraries"
            },
            {
              "effect": "status.d",
              "what": "2 packages"
            }
          ],
          "scripts": {},
          "not_reproduced": {},
          "left_out": [
            {
              "by": "libc6",
              "relation": "libgcc-s1"
            }
          ],
          "hidden": []
        }
      ],
      "seconds": [TIME]
    }
    "#);
}

#[test]
fn a_lock_says_how_much_it_holds() {
    let bench = Bench::new(HELLO);
    insta::assert_snapshot!(bench.says(&["lock"]), @r"locked       ./bareboat.lock: 4 packages for linux/amd64");
    insta::assert_snapshot!(bench.says(&["lock"]), @r"up to date   ./bareboat.lock: 4 packages for linux/amd64");
    insta::assert_snapshot!(bench.says(&["lock", "--platform", "linux/arm64"]), @r"
    the lock has nothing for linux/arm64
      gcc-14-base 14.2.0-19 added for linux/arm64
      hello 2.10-5 added for linux/arm64
      libc6 2.41-12 added for linux/arm64
      libgcc-s1 14.2.0-19 added for linux/arm64
    locked       ./bareboat.lock: 4 packages for linux/amd64, 4 packages for linux/arm64
    ");
}

#[test]
fn a_lock_tells_a_program_what_became_of_it() {
    let bench = Bench::new(HELLO);
    insta::assert_snapshot!(bench.says(&["lock", "--format", "json"]), @r#"
    {
      "schema": "bareboat.lock/1",
      "file": "./bareboat.lock",
      "written": true,
      "reasons": [],
      "changes": [],
      "packages": {
        "linux/amd64": 4
      }
    }
    "#);
}

#[test]
fn an_update_lists_what_moved() {
    let bench = app();
    bench.builds();
    insta::assert_snapshot!(bench.says(&["update"]), @r"up to date   ./bareboat.lock: 12 packages for linux/amd64");
    bench.mirror.replace(World::after_security_update().files);
    insta::assert_snapshot!(bench.says(&["update", "--dry-run"]), @r"
      libssl3t64 3.5.1-1+deb13u1 → 3.5.4-1~deb13u1
    would update ./bareboat.lock: 12 packages for linux/amd64
    ");
    insta::assert_snapshot!(bench.says(&["update"]), @r"
      libssl3t64 3.5.1-1+deb13u1 → 3.5.4-1~deb13u1
    updated      ./bareboat.lock: 12 packages for linux/amd64
    ");
    let built = bench.says(&["build"]);
    assert!(built.contains("6 layers (1 new)"), "{built}");
}

#[test]
fn an_update_for_two_platforms_says_what_moved_once() {
    let bench = app();
    bench.says(&["lock", "--platform", "linux/amd64,linux/arm64"]);
    bench.mirror.replace(World::after_security_update().files);
    insta::assert_snapshot!(bench.says(&["update"]), @r"
      libssl3t64 3.5.1-1+deb13u1 → 3.5.4-1~deb13u1
    updated      ./bareboat.lock: 12 packages for linux/amd64, 12 packages for linux/arm64
    ");
}

#[test]
fn an_update_of_one_package_moves_that_one() {
    let bench = Bench::new(&APP.replace("\"hello\"]", "\"hello\", \"openssl\"]"));
    bench.says(&["lock"]);
    bench.mirror.replace(World::after_security_update().files);
    insta::assert_snapshot!(bench.says(&["update", "openssl"]), @r"
      openssl 3.5.1-1+deb13u1 → 3.5.4-1~deb13u1
    updated      ./bareboat.lock: 13 packages for linux/amd64
    ");
    insta::assert_snapshot!(bench.says(&["update", "netbase"]), @r"up to date   ./bareboat.lock: 13 packages for linux/amd64");
    insta::assert_snapshot!(bench.says(&["update", "--format", "json"]), @r#"
    {
      "schema": "bareboat.update/1",
      "file": "./bareboat.lock",
      "written": true,
      "reasons": [],
      "changes": [
        {
          "platform": "linux/amd64",
          "package": "libssl3t64",
          "from": "3.5.1-1+deb13u1",
          "to": "3.5.4-1~deb13u1"
        }
      ],
      "packages": {
        "linux/amd64": 13
      }
    }
    "#);
}
