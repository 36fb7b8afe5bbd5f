//! What the recipe itself puts into the image, takes out of it, and sets.

use std::os::unix::fs::{PermissionsExt as _, symlink};

use bareboat_model::Arch;
use bareboat_testkit::{DebBuilder, Suite, elf};

use crate::bench::{Bench, HELLO, said, trixie};

/// HELLO with these lines, and a folder `src` to take files from.
fn with(lines: &str) -> Bench {
    let bench = Bench::new(&format!("{HELLO}{lines}"));
    for (path, content) in [
        ("src/main.py", "main\n"),
        ("src/lib/util.py", "util\n"),
        ("src/lib/data.json", "{}\n"),
        ("src/lib/__pycache__/util.pyc", "compiled\n"),
        ("src/run.sh", "#!/bin/sh\n"),
    ] {
        bench.write(path, content);
    }
    std::fs::set_permissions(bench.path("project/src/run.sh"), std::fs::Permissions::from_mode(0o775))
        .unwrap();
    bench
}

/// What an entry of `[[files]]` makes of `src`, below /app and /srv.
fn taken(entry: &str) -> String {
    with(&format!("[[files]]\n{entry}\n")).built().listing(&["/app", "/srv"])
}

#[test]
fn a_file_goes_where_it_is_told() {
    insta::assert_snapshot!(taken("from = \"src/main.py\"\nto = \"/app\""), @r#"/app 0644 "main\n""#);
    insta::assert_snapshot!(taken("from = \"src/main.py\"\nto = \"/app/\""), @r#"
    /app/ 0755
    /app/main.py 0644 "main\n"
    "#);
}

#[test]
fn a_folder_goes_with_what_is_in_it() {
    insta::assert_snapshot!(taken("from = \"src\"\nto = \"/app\""), @r##"
    /app/ 0755
    /app/lib/ 0755
    /app/lib/__pycache__/ 0755
    /app/lib/__pycache__/util.pyc 0644 "compiled\n"
    /app/lib/data.json 0644 "{}\n"
    /app/lib/util.py 0644 "util\n"
    /app/main.py 0644 "main\n"
    /app/run.sh 0755 "#!/bin/sh\n"
    "##);
    insta::assert_snapshot!(taken("from = \"src/lib\"\nto = \"/app/\""), @r#"
    /app/ 0755
    /app/lib/ 0755
    /app/lib/__pycache__/ 0755
    /app/lib/__pycache__/util.pyc 0644 "compiled\n"
    /app/lib/data.json 0644 "{}\n"
    /app/lib/util.py 0644 "util\n"
    "#);
}

#[test]
fn a_glob_keeps_what_its_wildcards_stand_for() {
    insta::assert_snapshot!(taken("from = \"src/**/*.py\"\nto = \"/app\""), @r#"
    /app/ 0755
    /app/lib/ 0755
    /app/lib/util.py 0644 "util\n"
    /app/main.py 0644 "main\n"
    "#);
    insta::assert_snapshot!(taken("from = \"src/*.{py,sh}\"\nto = \"/app\""), @r##"
    /app/ 0755
    /app/main.py 0644 "main\n"
    /app/run.sh 0755 "#!/bin/sh\n"
    "##);
}

#[test]
fn what_is_excluded_stays_out() {
    insta::assert_snapshot!(taken("from = \"src\"\nto = \"/app\"\nexclude = [\"**/__pycache__\", \"*.sh\"]"), @r#"
    /app/ 0755
    /app/lib/ 0755
    /app/lib/data.json 0644 "{}\n"
    /app/lib/util.py 0644 "util\n"
    /app/main.py 0644 "main\n"
    "#);
}

#[test]
fn owner_and_mode_are_those_of_the_recipe() {
    insta::assert_snapshot!(taken("from = \"src/lib\"\nto = \"/srv\"\nowner = \"nonroot:0\"\nmode = \"0640\""), @r#"
    /srv/ 0750 65532:0
    /srv/__pycache__/ 0750 65532:0
    /srv/__pycache__/util.pyc 0640 65532:0 "compiled\n"
    /srv/data.json 0640 65532:0 "{}\n"
    /srv/util.py 0640 65532:0 "util\n"
    "#);
}

#[test]
fn a_link_is_taken_as_a_link() {
    let bench = with("[[files]]\nfrom = \"src\"\nto = \"/app\"\nexclude = [\"lib\"]\n");
    symlink("main.py", bench.path("project/src/start")).unwrap();
    insta::assert_snapshot!(bench.built().listing(&["/app"]), @r##"
    /app/ 0755
    /app/main.py 0644 "main\n"
    /app/run.sh 0755 "#!/bin/sh\n"
    /app/start -> main.py
    "##);
}

#[test]
fn stripping_leaves_what_is_loaded_and_drops_the_rest() {
    let bench = with("[[files]]\nfrom = \"bin/*\"\nto = \"/app\"\nstrip = true\n");
    let debug = b"debug".repeat(1000);
    let program = elf::executable_with_debug(Arch::Amd64, &["libc.so.6"], &debug);
    bench.write("bin/server", &program);
    bench.write("bin/notes.txt", "no ELF file\n");
    let tree = bench.built().tree();
    let stripped = tree.content("/app/server");
    assert!(stripped.len() + debug.len() <= program.len(), "{} of {}", stripped.len(), program.len());
    // What is loaded, up to the names of sections; the header says where those are.
    let loaded = program.windows(9).position(|bytes| bytes == b"\0.dynstr\0").unwrap();
    assert!(stripped[64..loaded] == program[64..loaded]);
    assert_eq!(tree.content("/app/notes.txt"), b"no ELF file\n");
}

#[test]
fn links_and_directories_are_made() {
    let bench = with(
        r#"
[links]
"/usr/local/bin/concierge" = "server"
"/app/current" = "/usr/bin/hello"

[directories]
"/data" = { owner = "nonroot", mode = "0750" }
"/data/cache" = {}
"/usr/bin" = { mode = "0711" }
"#,
    );
    insta::assert_snapshot!(bench.built().listing(&["/usr/local", "/usr/bin", "/app", "/data"]), @r"
    /app/ 0755
    /app/current -> /usr/bin/hello
    /data/ 0750 65532:65532
    /data/cache/ 0755
    /usr/bin/ 0711
    /usr/bin/hello 0755 <624 bytes, sha256 d51a6d203c4f…>
    /usr/local/ 0755
    /usr/local/bin/ 0755
    /usr/local/bin/concierge -> server
    ");
}

#[test]
fn users_and_groups_are_added_to_those_every_image_has() {
    let bench = with(
        r#"
[users.app]
uid = 1000
home = "/data"
shell = "/usr/bin/hello"
groups = ["crew"]

[users.guest]
uid = 1001
gid = 2001

[groups.crew]
gid = 3000

[directories]
"/data" = { owner = "app" }
"/shared" = { owner = "guest:crew", mode = "2775" }
"#,
    );
    let image = bench.built();
    insta::assert_snapshot!(image.text("/etc/passwd"), @r"
    root:x:0:0:root:/root:/sbin/nologin
    nobody:x:65534:65534:nobody:/nonexistent:/sbin/nologin
    nonroot:x:65532:65532:nonroot:/home/nonroot:/sbin/nologin
    app:x:1000:1000:app:/data:/usr/bin/hello
    guest:x:1001:2001:guest:/home/guest:/sbin/nologin
    ");
    insta::assert_snapshot!(image.text("/etc/group"), @r"
    root:x:0:
    nobody:x:65534:
    tty:x:5:
    staff:x:50:
    nonroot:x:65532:
    crew:x:3000:app
    app:x:1000:
    guest:x:2001:
    ");
    insta::assert_snapshot!(image.listing(&["/data", "/shared"]), @r"
    /data/ 0755 1000:1000
    /shared/ 2775 1001:3000
    ");
}

#[test]
fn a_certificate_of_yours_is_behind_debians() {
    let bench =
        Bench::new("name = \"hello\"\nplatforms = [\"linux/amd64\"]\n[certificates]\nadd = [\"corp.pem\"]\n");
    bench.write("corp.pem", "-----BEGIN CERTIFICATE-----\nWW91cnM=\n-----END CERTIFICATE-----");
    let answer = bench.says(&["build"]);
    assert!(answer.contains("ca-bundle (4 certificates, 1 of yours)"), "{answer}");
    insta::assert_snapshot!(bench.image().text("/etc/ssl/certs/ca-certificates.crt"), @r"
    -----BEGIN CERTIFICATE-----
    QWxwaGE=
    -----END CERTIFICATE-----
    -----BEGIN CERTIFICATE-----
    WnVsdQ==
    -----END CERTIFICATE-----
    -----BEGIN CERTIFICATE-----
    ZVBLSQ==
    -----END CERTIFICATE-----
    -----BEGIN CERTIFICATE-----
    WW91cnM=
    -----END CERTIFICATE-----
    ");
}

#[test]
fn a_step_makes_what_the_image_takes() {
    let recipe = "[[steps]]\nrun = [\"mkdir\", \"out\"]\n[[steps]]\nrun = [\"sh\", \"-c\", \"echo made; echo made >out/file\"]\n\
                  [[files]]\nfrom = \"out\"\nto = \"/app\"\n";
    let bench = with(recipe);
    let output = bench.command(["build", "-q"]).output().unwrap();
    assert_eq!((output.status.code(), said(&output)), (Some(0), "made\n".to_owned()));
    insta::assert_snapshot!(bench.image().listing(&["/app"]), @r#"
    /app/ 0755
    /app/file 0644 "made\n"
    "#);
    let again = bench.command(["build", "-q", "--no-steps"]).output().unwrap();
    assert_eq!((again.stdout, again.stderr), (output.stdout, Vec::new()));
}

#[test]
fn a_set_that_is_kept_stays() {
    let bench = with("[prune]\nkeep = [\"docs\", \"man\", \"gconv\"]\n");
    insta::assert_snapshot!(bench.built().listing(&["/usr/share", "/usr/lib/x86_64-linux-gnu/gconv"]), @r#"
    /usr/lib/x86_64-linux-gnu/gconv/ 0755
    /usr/lib/x86_64-linux-gnu/gconv/UTF-16.so 0644 <520 bytes, sha256 cda5c88a2029…>
    /usr/lib/x86_64-linux-gnu/gconv/UTF-32.so 0644 <520 bytes, sha256 cda5c88a2029…>
    /usr/lib/x86_64-linux-gnu/gconv/gconv-modules 0644 "alias UTF-16// UTF16//\n"
    /usr/share/ 0755
    /usr/share/doc/ 0755
    /usr/share/doc/gcc-14-base/ 0755
    /usr/share/doc/gcc-14-base/changelog.Debian.gz 0644 "a changelog\n"
    /usr/share/doc/gcc-14-base/copyright 0644 "The licence of gcc-14-base.\n"
    /usr/share/doc/hello/ 0755
    /usr/share/doc/hello/changelog.Debian.gz 0644 "a changelog\n"
    /usr/share/doc/hello/copyright 0644 "The licence of hello.\n"
    /usr/share/doc/libc6/ 0755
    /usr/share/doc/libc6/changelog.Debian.gz 0644 "a changelog\n"
    /usr/share/doc/libc6/copyright 0644 "The licence of libc6.\n"
    /usr/share/doc/libgcc-s1 -> gcc-14-base
    /usr/share/man/ 0755
    /usr/share/man/man1/ 0755
    /usr/share/man/man1/hello.1.gz 0644 "a manual page\n"
    "#);
    assert!(
        bench.image().text("/var/lib/dpkg/status.d/hello.md5sums").contains("usr/share/man/man1/hello.1.gz")
    );
}

#[test]
fn paths_of_the_recipes_choice_are_taken_out() {
    let bench = with("[prune]\npaths = [\"/usr/share/doc/**\", \"/usr/lib/**/lib{m,nss_dns}.so.*\"]\n");
    insta::assert_snapshot!(bench.built().listing(&["/usr/share", "/usr/lib/x86_64-linux-gnu"]), @r"
    /usr/lib/x86_64-linux-gnu/ 0755
    /usr/lib/x86_64-linux-gnu/ld-linux-x86-64.so.2 0755 <552 bytes, sha256 8a0f98885d54…>
    /usr/lib/x86_64-linux-gnu/libc.so.6 0755 <576 bytes, sha256 35f37c653cd4…>
    /usr/lib/x86_64-linux-gnu/libgcc_s.so.1 0644 <576 bytes, sha256 1ebcb88c9be1…>
    /usr/lib/x86_64-linux-gnu/libnss_files.so.2 0644 <576 bytes, sha256 a85ded3f7baf…>
    /usr/lib/x86_64-linux-gnu/libpthread.so.0 0644 <576 bytes, sha256 7c036039749c…>
    /usr/lib/x86_64-linux-gnu/libresolv.so.2 0644 <576 bytes, sha256 d77cc705f5d8…>
    ");
    assert!(!bench.image().text("/var/lib/dpkg/status.d/libc6.md5sums").contains("libm.so.6"));
}

#[test]
fn a_file_of_yours_over_a_packages_is_said_aloud() {
    let bench = with(
        "[[files]]\nfrom = \"src/run.sh\"\nto = \"/usr/bin/hello\"\n[[files]]\nfrom = \"src/main.py\"\nto = \"/etc/passwd\"\n",
    );
    insta::assert_snapshot!(hidden(&bench), @r"
    hidden       /usr/bin/hello of package hello (by ./bareboat.toml: files from src/run.sh)
    hidden       /etc/passwd of effect users (by ./bareboat.toml: files from src/main.py)
    ");
    assert_eq!(bench.image().text("/usr/bin/hello"), "#!/bin/sh\n");
    assert_eq!(bench.image().text("/etc/passwd"), "main\n");
    assert!(!bench.image().text("/var/lib/dpkg/status.d/hello.md5sums").contains("usr/bin/hello\n"));
}

/// What a build says of files that hide others.
fn hidden(bench: &Bench) -> String {
    let answer = bench.says(&["build"]);
    answer.lines().filter(|line| line.starts_with("hidden")).map(|line| format!("{line}\n")).collect()
}

#[test]
fn a_later_entry_goes_over_an_earlier_one() {
    let bench = with(
        "[[files]]\nfrom = \"src\"\nto = \"/app\"\n[[files]]\nfrom = \"src/run.sh\"\nto = \"/app/main.py\"\n",
    );
    insta::assert_snapshot!(hidden(&bench), @r"hidden       /app/main.py of ./bareboat.toml: files from src (by ./bareboat.toml: files from src/run.sh)");
    assert_eq!(bench.image().text("/app/main.py"), "#!/bin/sh\n");
}

/// A mirror with two packages that both have /usr/bin/tool.
fn rivals(newer: DebBuilder) -> Bench {
    let older = DebBuilder::new("old-tool", "1").tree("/usr/bin/tool 0755 \"old\\n\"").build();
    let newer = newer.tree("/usr/bin/tool 0755 \"new\\n\"").build();
    let files = trixie(Suite::new("trixie").packages([&older, &newer]));
    Bench::with_files(&HELLO.replace("[\"hello\"]", "[\"old-tool\", \"new-tool\"]"), files)
}

#[test]
fn a_package_takes_over_a_file_when_it_replaces_the_other() {
    let bench = rivals(DebBuilder::new("new-tool", "2").field("Replaces", "old-tool (<< 2)"));
    insta::assert_snapshot!(hidden(&bench), @r"hidden       /usr/bin/tool of package old-tool (by package new-tool)");
    assert_eq!(bench.image().text("/usr/bin/tool"), "new\n");
    let kept = bench.image().listing(&["/var/lib/dpkg/status.d"]);
    assert!(kept.contains("new-tool.md5sums") && !kept.contains("old-tool.md5sums"), "{kept}");
}

#[test]
fn two_packages_that_want_one_path_and_do_not_replace_each_other_are_refused() {
    let bench = rivals(DebBuilder::new("new-tool", "2"));
    let output = bench.command(["build"]).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    insta::assert_snapshot!(said(&output), @r"
    error: cannot place package `old-tool`: `/usr/bin/tool` is wanted by package new-tool and by package old-tool, and neither replaces the other
    hint: ask for only one of them
    ");
}

#[test]
fn a_file_of_yours_does_not_settle_a_quarrel_of_packages() {
    let bench = rivals(DebBuilder::new("new-tool", "2"));
    bench.write("tool", "yours\n");
    let recipe = std::fs::read_to_string(bench.path("project/bareboat.toml")).unwrap();
    bench.write("bareboat.toml", recipe + "[[files]]\nfrom = \"tool\"\nto = \"/usr/bin/\"\n");
    let output = bench.command(["build"]).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
}
