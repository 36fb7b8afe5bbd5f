//! The recipes that come with the program, as bases of the shortest recipes there are.

use bareboat_model::Arch;
use bareboat_testkit::elf;

use crate::bench::Bench;
use crate::layout::{Image, Layout, text};

const ENTRIES: [&str; 7] = ["static", "base-nossl", "base", "cc", "python3", "nodejs", "java"];
const SUITES: [&str; 2] = ["trixie", "bookworm"];
const PLATFORMS: [&str; 2] = ["linux/amd64", "linux/arm64"];

/// Builds an entry for a suite and platform in a recipe of its own: all of them share the cache.
fn build(bench: &Bench, entry: &str, suite: &str, platform: &str) -> Image {
    let name = entry.replace(':', "-");
    let recipe = format!("{name}-{suite}.toml");
    bench.write(&recipe, format!("name = \"hello\"\nbase = \"{entry}\"\nsuite = \"{suite}\"\n"));
    let dir = bench.path(&format!("project/{name}-{suite}-{}", platform.replace('/', "-")));
    bench.digest(&[&recipe, "--platform", platform, "-o", &format!("oci:{}", dir.display())]);
    Layout::open(&dir).only()
}

/// All entries for all suites and platforms.
fn each(mut look: impl FnMut(&str, &Image)) {
    let bench = Bench::new("");
    for suite in SUITES {
        for entry in ENTRIES {
            for platform in PLATFORMS {
                look(&format!("{suite} {entry} {platform}"), &build(&bench, entry, suite, platform));
            }
        }
    }
}

#[test]
fn every_entry_builds_for_every_suite_and_platform() {
    let mut table = String::new();
    each(|name, image| {
        let settings = &image.config["config"];
        assert_eq!(settings["User"], "65532:65532", "{name}");
        assert_eq!(settings["WorkingDir"], "/home/nonroot", "{name}");
        assert!(name.ends_with(text(&image.config["architecture"])), "{name}");
        let (suite, _) = name.split_once(' ').unwrap();
        assert!(image.text("/usr/lib/os-release").contains(&format!("VERSION_CODENAME={suite}\n")), "{name}");
        assert!(image.text("/etc/passwd").contains("\nnonroot:x:65532:65532:"), "{name}");
        assert_eq!(image.text("/etc/ssl/certs/ca-certificates.crt").matches("BEGIN").count(), 3, "{name}");
        table += &format!("{name}: {} packages in {}\n", packages(image).len(), image.titles().join(" | "));
    });
    insta::assert_snapshot!(table, @r"
    trixie static linux/amd64: 5 packages in base-files ca-certificates media-types netbase tzdata | settings
    trixie static linux/arm64: 5 packages in base-files ca-certificates media-types netbase tzdata | settings
    trixie base-nossl linux/amd64: 8 packages in base-files ca-certificates media-types netbase tzdata | gcc-14 glibc | settings
    trixie base-nossl linux/arm64: 8 packages in base-files ca-certificates media-types netbase tzdata | gcc-14 glibc | settings
    trixie base linux/amd64: 11 packages in base-files ca-certificates media-types netbase tzdata | gcc-14 glibc | libzstd openssl zlib | settings
    trixie base linux/arm64: 11 packages in base-files ca-certificates media-types netbase tzdata | gcc-14 glibc | libzstd openssl zlib | settings
    trixie cc linux/amd64: 13 packages in base-files ca-certificates media-types netbase tzdata | gcc-14 glibc | libzstd openssl zlib | gcc-14 | settings
    trixie cc linux/arm64: 13 packages in base-files ca-certificates media-types netbase tzdata | gcc-14 glibc | libzstd openssl zlib | gcc-14 | settings
    trixie python3 linux/amd64: 32 packages in base-files ca-certificates media-types netbase tzdata | gcc-14 glibc | libzstd openssl zlib | gcc-14 | bzip2 db5.3 expat glibc libffi ncurses openssl python3-defaults python3.13 readline sqlite3 util-linux xz-utils | settings
    trixie python3 linux/arm64: 32 packages in base-files ca-certificates media-types netbase tzdata | gcc-14 glibc | libzstd openssl zlib | gcc-14 | bzip2 db5.3 expat glibc libffi ncurses openssl python3-defaults python3.13 readline sqlite3 util-linux xz-utils | settings
    trixie nodejs linux/amd64: 15 packages in base-files ca-certificates media-types netbase tzdata | gcc-14 glibc | libzstd openssl zlib | gcc-14 | nodejs | settings
    trixie nodejs linux/arm64: 15 packages in base-files ca-certificates media-types netbase tzdata | gcc-14 glibc | libzstd openssl zlib | gcc-14 | nodejs | settings
    trixie java linux/amd64: 19 packages in base-files ca-certificates media-types netbase tzdata | gcc-14 glibc | libzstd openssl zlib | gcc-14 | fontconfig fonts-dejavu freetype glibc harfbuzz openjdk-21 | settings
    trixie java linux/arm64: 19 packages in base-files ca-certificates media-types netbase tzdata | gcc-14 glibc | libzstd openssl zlib | gcc-14 | fontconfig fonts-dejavu freetype glibc harfbuzz openjdk-21 | settings
    bookworm static linux/amd64: 5 packages in base-files ca-certificates media-types netbase tzdata | settings
    bookworm static linux/arm64: 5 packages in base-files ca-certificates media-types netbase tzdata | settings
    bookworm base-nossl linux/amd64: 8 packages in base-files ca-certificates media-types netbase tzdata | gcc-12 glibc | settings
    bookworm base-nossl linux/arm64: 8 packages in base-files ca-certificates media-types netbase tzdata | gcc-12 glibc | settings
    bookworm base linux/amd64: 11 packages in base-files ca-certificates media-types netbase tzdata | gcc-12 glibc | libzstd openssl zlib | settings
    bookworm base linux/arm64: 11 packages in base-files ca-certificates media-types netbase tzdata | gcc-12 glibc | libzstd openssl zlib | settings
    bookworm cc linux/amd64: 13 packages in base-files ca-certificates media-types netbase tzdata | gcc-12 glibc | libzstd openssl zlib | gcc-12 | settings
    bookworm cc linux/arm64: 13 packages in base-files ca-certificates media-types netbase tzdata | gcc-12 glibc | libzstd openssl zlib | gcc-12 | settings
    bookworm python3 linux/amd64: 41 packages in base-files ca-certificates media-types netbase tzdata | gcc-12 glibc | libzstd openssl zlib | gcc-12 | bzip2 db5.3 e2fsprogs expat glibc keyutils krb5 libffi libnsl libtirpc libxcrypt ncurses python3-defaults python3.11 readline sqlite3 util-linux xz-utils | settings
    bookworm python3 linux/arm64: 41 packages in base-files ca-certificates media-types netbase tzdata | gcc-12 glibc | libzstd openssl zlib | gcc-12 | bzip2 db5.3 e2fsprogs expat glibc keyutils krb5 libffi libnsl libtirpc libxcrypt ncurses python3-defaults python3.11 readline sqlite3 util-linux xz-utils | settings
    bookworm nodejs linux/amd64: 15 packages in base-files ca-certificates media-types netbase tzdata | gcc-12 glibc | libzstd openssl zlib | gcc-12 | nodejs | settings
    bookworm nodejs linux/arm64: 15 packages in base-files ca-certificates media-types netbase tzdata | gcc-12 glibc | libzstd openssl zlib | gcc-12 | nodejs | settings
    bookworm java linux/amd64: 19 packages in base-files ca-certificates media-types netbase tzdata | gcc-12 glibc | libzstd openssl zlib | gcc-12 | fontconfig fonts-dejavu freetype glibc harfbuzz openjdk-17 | settings
    bookworm java linux/arm64: 19 packages in base-files ca-certificates media-types netbase tzdata | gcc-12 glibc | libzstd openssl zlib | gcc-12 | fontconfig fonts-dejavu freetype glibc harfbuzz openjdk-17 | settings
    ");
}

#[test]
fn no_entry_holds_a_shell_or_a_package_manager() {
    each(|name, image| {
        for program in ["sh", "dash", "bash", "busybox", "dpkg", "apt", "openssl", "mawk", "tar", "perl"] {
            let path = format!("/usr/bin/{program}");
            assert!(image.tree().get(&path).is_none(), "{name} has {path}");
        }
    });
}

#[test]
fn the_variant_debug_has_a_shell_apart_and_the_variant_root_is_root() {
    let bench = Bench::new("");
    for (base, user, workdir) in
        [("static:debug", "65532:65532", "/home/nonroot"), ("base-nossl:debug-root", "0:0", "/")]
    {
        let image = build(&bench, base, "trixie", "linux/amd64");
        let tools: Vec<String> = image.tree().entries.iter().map(|entry| entry.path.to_string()).collect();
        let tools: Vec<&str> = tools.iter().filter_map(|path| path.strip_prefix("/busybox/")).collect();
        assert_eq!(tools.join(" "), "[ [[ ash busybox cat sh vi");
        assert!(image.tree().get("/usr/bin/sh").is_none());
        let settings = &image.config["config"];
        assert_eq!((text(&settings["User"]), text(&settings["WorkingDir"])), (user, workdir), "{base}");
        assert!(settings["Env"].to_string().contains(":/busybox\""), "{settings}");
    }
}

#[test]
fn java_trusts_what_the_bundle_trusts() {
    let image = build(&Bench::new(""), "java", "trixie", "linux/amd64");
    let tree = image.tree();
    let bareboat_testkit::tree::Kind::File(store) = &tree.get("/etc/ssl/certs/java/cacerts").unwrap().kind
    else {
        panic!("it is no file");
    };
    // Magic, version 2, three entries.
    assert_eq!(store[..12], [0xfe, 0xed, 0xfe, 0xed, 0, 0, 0, 2, 0, 0, 0, 3]);
}

#[test]
fn every_library_is_of_the_platform_that_was_asked_for() {
    let machine = |arch| elf::executable(arch, &[])[18..20].to_vec();
    each(|name, image| {
        let arch = if name.ends_with("amd64") { Arch::Amd64 } else { Arch::Arm64 };
        for entry in image.tree().entries {
            if let bareboat_testkit::tree::Kind::File(content) = &entry.kind
                && content.starts_with(b"\x7fELF")
            {
                assert_eq!(content[18..20], machine(arch), "{name}: {}", entry.path);
            }
        }
    });
}

#[test]
fn every_package_is_there_for_scanners_to_see() {
    let bench = Bench::new("");
    insta::assert_snapshot!(packages(&build(&bench, "cc", "trixie", "linux/amd64")).join(" "), @r"base-files ca-certificates gcc-14-base libc6 libgcc-s1 libgomp1 libssl3t64 libstdc++6 libzstd1 media-types netbase tzdata zlib1g");
    insta::assert_snapshot!(packages(&build(&bench, "python3", "bookworm", "linux/arm64")).join(" "), @r"base-files ca-certificates gcc-12-base libbz2-1.0 libc-bin libc6 libcom-err2 libcrypt1 libdb5.3 libexpat1 libffi8 libgcc-s1 libgomp1 libgssapi-krb5-2 libk5crypto3 libkeyutils1 libkrb5-3 libkrb5support0 liblzma5 libncursesw6 libnsl2 libpython3-stdlib libpython3.11-minimal libpython3.11-stdlib libreadline8 libsqlite3-0 libssl3 libstdc++6 libtinfo6 libtirpc-common libtirpc3 libuuid1 libzstd1 media-types netbase python3 python3-minimal python3.11 python3.11-minimal tzdata zlib1g");
}

/// The packages that the image says it holds.
fn packages(image: &Image) -> Vec<String> {
    let tree = image.tree();
    let paths = tree.entries.iter().map(|entry| entry.path.to_string());
    let names = paths.filter_map(|path| Some(path.strip_prefix("/var/lib/dpkg/status.d/")?.to_owned()));
    names.filter(|name| !name.ends_with(".md5sums")).collect()
}

#[test]
fn the_tree_of_static_is_what_it_says() {
    let image = build(&Bench::new(""), "static", "trixie", "linux/amd64");
    insta::assert_snapshot!(image.tree().without_times(), @r##"
    /bin -> usr/bin
    /boot/ 0755
    /dev/ 0755
    /etc/ 0755
    /etc/ca-certificates/ 0755
    /etc/ca-certificates/update.d/ 0755
    /etc/debian_version 0644 "13.2\n"
    /etc/default/ 0755
    /etc/dpkg/ 0755
    /etc/dpkg/origins/ 0755
    /etc/dpkg/origins/debian 0644 "Vendor: Debian\n"
    /etc/ethertypes 0644 "IPv4 0800\n"
    /etc/group 0644 "root:x:0:\nnobody:x:65534:\ntty:x:5:\nstaff:x:50:\nnonroot:x:65532:\n"
    /etc/host.conf 0644 "multi on\n"
    /etc/issue 0644 "Debian GNU/Linux \\n \\l\n\n"
    /etc/localtime -> /usr/share/zoneinfo/Etc/UTC
    /etc/mime.types 0644 "text/plain txt\n"
    /etc/nsswitch.conf 0644 <330 bytes, sha256 8ae1d0cee86b…>
    /etc/os-release -> ../usr/lib/os-release
    /etc/passwd 0644 <149 bytes, sha256 9003b1335e3e…>
    /etc/profile.d/ 0755
    /etc/protocols 0644 "tcp 6 TCP\nudp 17 UDP\n"
    /etc/rpc 0644 "portmapper 100000\n"
    /etc/services 0644 "http 80/tcp\nhttps 443/tcp\n"
    /etc/ssl/ 0755
    /etc/ssl/certs/ 0755
    /etc/ssl/certs/ca-certificates.crt 0644 <189 bytes, sha256 b90ceaae7b11…>
    /home/ 0755
    /home/nonroot/ 0755 65532:65532
    /lib -> usr/lib
    /lib64 -> usr/lib64
    /proc/ 0755
    /root/ 0700
    /run/ 0755
    /run/lock/ 1777
    /sbin -> usr/sbin
    /sys/ 0755
    /tmp/ 1777
    /usr/ 0755
    /usr/bin/ 0755
    /usr/include/ 0755
    /usr/lib/ 0755
    /usr/lib/os-release 0644 <139 bytes, sha256 ce2f73a82ff5…>
    /usr/lib64/ 0755
    /usr/sbin/ 0755
    /usr/share/ 0755
    /usr/share/common-licenses/ 0755
    /usr/share/common-licenses/Apache-2.0 0644 "Apache License, Version 2.0\n"
    /usr/share/common-licenses/GPL -> GPL-3
    /usr/share/common-licenses/GPL-3 0644 "GNU General Public License, version 3\n"
    /usr/share/doc/ 0755
    /usr/share/doc/base-files/ 0755
    /usr/share/doc/base-files/copyright 0644 "The licence of base-files.\n"
    /usr/share/doc/ca-certificates/ 0755
    /usr/share/doc/ca-certificates/copyright 0644 "The licence of ca-certificates.\n"
    /usr/share/doc/media-types/ 0755
    /usr/share/doc/media-types/copyright 0644 "The licence of media-types.\n"
    /usr/share/doc/netbase/ 0755
    /usr/share/doc/netbase/copyright 0644 "The licence of netbase.\n"
    /usr/share/doc/tzdata/ 0755
    /usr/share/doc/tzdata/copyright 0644 "The licence of tzdata.\n"
    /usr/share/info/ 0755
    /usr/share/man/ 0755
    /usr/share/zoneinfo/ 0755
    /usr/share/zoneinfo/Etc/ 0755
    /usr/share/zoneinfo/Etc/UTC 0644 <11 bytes, sha256 670c23489c9a…>
    /usr/share/zoneinfo/Europe/ 0755
    /usr/share/zoneinfo/Europe/Berlin 0644 <16 bytes, sha256 1dbd704fd774…>
    /usr/share/zoneinfo/UTC -> Etc/UTC
    /usr/share/zoneinfo/tzdata.zi 0644 "# version 2025b\n"
    /usr/src/ 0755
    /var/ 0755
    /var/cache/ 0755
    /var/lib/ 0755
    /var/lib/dpkg/ 0755
    /var/lib/dpkg/status.d/ 0755
    /var/lib/dpkg/status.d/base-files 0644 <526 bytes, sha256 7e1ed58efe8d…>
    /var/lib/dpkg/status.d/base-files.md5sums 0644 <259 bytes, sha256 5a67fb0e679c…>
    /var/lib/dpkg/status.d/ca-certificates 0644 <310 bytes, sha256 e144d6a39bc4…>
    /var/lib/dpkg/status.d/ca-certificates.md5sums 0644 "7a58d65e53980762b19ceb3e33db1ff9  usr/share/doc/ca-certificates/copyright\n"
    /var/lib/dpkg/status.d/media-types 0644 <331 bytes, sha256 0a7df1e08689…>
    /var/lib/dpkg/status.d/media-types.md5sums 0644 "a480de7ce4546b28a26713278a1766a9  usr/share/doc/media-types/copyright\n"
    /var/lib/dpkg/status.d/netbase 0644 <431 bytes, sha256 ebb6cdb3c3bc…>
    /var/lib/dpkg/status.d/netbase.md5sums 0644 "60489935f58de021d93f1c9498985813  usr/share/doc/netbase/copyright\n"
    /var/lib/dpkg/status.d/tzdata 0644 <303 bytes, sha256 3df506748c42…>
    /var/lib/dpkg/status.d/tzdata.md5sums 0644 <256 bytes, sha256 92b640fd2bc5…>
    /var/local/ 0755
    /var/lock -> /run/lock
    /var/log/ 0755
    /var/run -> /run
    /var/tmp/ 1777
    "##);
}

#[test]
fn the_tree_of_base_has_the_libraries_and_what_finds_them() {
    let bench = Bench::new("");
    let [below, here] = ["static", "base"].map(|entry| build(&bench, entry, "bookworm", "linux/amd64"));
    let below: Vec<String> = below.tree().without_times().to_string().lines().map(str::to_owned).collect();
    let all = here.tree().without_times().to_string();
    let more: Vec<&str> = all.lines().filter(|line| !below.iter().any(|old| old == line)).collect();
    insta::assert_snapshot!(more.join("\n"), @r##"
    /etc/ld.so.cache 0644 <863 bytes, sha256 3455f26cdbd9…>
    /etc/ld.so.conf.d/ 0755
    /etc/ld.so.conf.d/x86_64-linux-gnu.conf 0644 "# Multiarch support\n/usr/local/lib/x86_64-linux-gnu\n/lib/x86_64-linux-gnu\n/usr/lib/x86_64-linux-gnu\n"
    /lib64 -> usr/lib64
    /usr/lib/ssl/ 0755
    /usr/lib/ssl/cert.pem -> /etc/ssl/certs/ca-certificates.crt
    /usr/lib/ssl/certs -> /etc/ssl/certs
    /usr/lib/x86_64-linux-gnu/ 0755
    /usr/lib/x86_64-linux-gnu/ld-linux-x86-64.so.2 0755 <552 bytes, sha256 8a0f98885d54…>
    /usr/lib/x86_64-linux-gnu/libc.so.6 0755 <576 bytes, sha256 35f37c653cd4…>
    /usr/lib/x86_64-linux-gnu/libcrypto.so.3 0644 <576 bytes, sha256 04abd85f9126…>
    /usr/lib/x86_64-linux-gnu/libgcc_s.so.1 0644 <576 bytes, sha256 1ebcb88c9be1…>
    /usr/lib/x86_64-linux-gnu/libm.so.6 0644 <568 bytes, sha256 36a7bfc8335d…>
    /usr/lib/x86_64-linux-gnu/libnss_dns.so.2 0644 <576 bytes, sha256 acfcd1b44398…>
    /usr/lib/x86_64-linux-gnu/libnss_files.so.2 0644 <576 bytes, sha256 a85ded3f7baf…>
    /usr/lib/x86_64-linux-gnu/libpthread.so.0 0644 <576 bytes, sha256 7c036039749c…>
    /usr/lib/x86_64-linux-gnu/libresolv.so.2 0644 <576 bytes, sha256 d77cc705f5d8…>
    /usr/lib/x86_64-linux-gnu/libssl.so.3 0644 <600 bytes, sha256 7ac457161740…>
    /usr/lib/x86_64-linux-gnu/libz.so.1 -> libz.so.1.2.13
    /usr/lib/x86_64-linux-gnu/libz.so.1.2.13 0644 <568 bytes, sha256 fcd6b5c5a668…>
    /usr/lib/x86_64-linux-gnu/libzstd.so.1 -> libzstd.so.1.5.4
    /usr/lib/x86_64-linux-gnu/libzstd.so.1.5.4 0644 <568 bytes, sha256 118366b327fd…>
    /usr/lib/x86_64-linux-gnu/ossl-modules/ 0755
    /usr/lib/x86_64-linux-gnu/ossl-modules/legacy.so 0644 <576 bytes, sha256 7926c620a4ec…>
    /usr/lib64/ 0755
    /usr/lib64/ld-linux-x86-64.so.2 -> /lib/x86_64-linux-gnu/ld-linux-x86-64.so.2
    /usr/share/doc/gcc-12-base/ 0755
    /usr/share/doc/gcc-12-base/copyright 0644 "The licence of gcc-12-base.\n"
    /usr/share/doc/libc6/ 0755
    /usr/share/doc/libc6/copyright 0644 "The licence of libc6.\n"
    /usr/share/doc/libgcc-s1 -> gcc-12-base
    /usr/share/doc/libssl3/ 0755
    /usr/share/doc/libssl3/copyright 0644 "The licence of libssl3.\n"
    /usr/share/doc/libzstd1/ 0755
    /usr/share/doc/libzstd1/copyright 0644 "The licence of libzstd1.\n"
    /usr/share/doc/zlib1g/ 0755
    /usr/share/doc/zlib1g/copyright 0644 "The licence of zlib1g.\n"
    /var/lib/dpkg/status.d/gcc-12-base 0644 <264 bytes, sha256 a74631aa7ed2…>
    /var/lib/dpkg/status.d/gcc-12-base.md5sums 0644 "2b8215009d363fa3f3768b560700622c  usr/share/doc/gcc-12-base/copyright\n"
    /var/lib/dpkg/status.d/libc6 0644 <404 bytes, sha256 8c8979adb0fb…>
    /var/lib/dpkg/status.d/libc6.md5sums 0644 <583 bytes, sha256 68f39dbe9460…>
    /var/lib/dpkg/status.d/libgcc-s1 0644 <362 bytes, sha256 5251a77ee546…>
    /var/lib/dpkg/status.d/libgcc-s1.md5sums 0644 "2f5fc55fdd914b0f8f2c5bf2ea35d377  usr/lib/x86_64-linux-gnu/libgcc_s.so.1\n"
    /var/lib/dpkg/status.d/libssl3 0644 <282 bytes, sha256 953809230c4a…>
    /var/lib/dpkg/status.d/libssl3.md5sums 0644 <293 bytes, sha256 661c98aeca55…>
    /var/lib/dpkg/status.d/libzstd1 0644 <281 bytes, sha256 db5278a45ad1…>
    /var/lib/dpkg/status.d/libzstd1.md5sums 0644 <143 bytes, sha256 14cf347e91f2…>
    /var/lib/dpkg/status.d/zlib1g 0644 <292 bytes, sha256 089f4c31717b…>
    /var/lib/dpkg/status.d/zlib1g.md5sums 0644 <139 bytes, sha256 b1e3b8095166…>
    "##);
}

#[test]
fn a_catalog_entry_shares_its_layers_with_those_above_it() {
    let bench = Bench::new("");
    let [base, cc, python] =
        ["base", "cc", "python3"].map(|entry| build(&bench, entry, "trixie", "linux/amd64"));
    for (below, above) in [(&base, &cc), (&cc, &python)] {
        let shared = below.layers.iter().filter(|layer| layer.title != "settings");
        for (layer, other) in shared.zip(&above.layers) {
            assert_eq!(layer.tree.to_string(), other.tree.to_string());
            assert_eq!(layer.digest, other.digest);
        }
    }
}
