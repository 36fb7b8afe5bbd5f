//! Why something is in the image, or is not.

use crate::bench::{Bench, said};

/// A bench with a recipe like most: a base, a package and a file.
fn app() -> Bench {
    let bench = Bench::new(
        "name = \"hello\"\nbase = \"base\"\nplatforms = [\"linux/amd64\"]\npackages = [\"hello\"]\n\
         [[files]]\nfrom = \"main.sh\"\nto = \"/app/\"\n",
    );
    bench.write("main.sh", "hello\n");
    bench
}

#[test]
fn a_package_is_explained_by_who_needs_it() {
    let bench = app();
    insta::assert_snapshot!(bench.says(&["build", "--explain", "zlib1g"]), @r"
    zlib1g is in because the base `base` asks for it
    also libssl3t64 needs `zlib1g (>= 1:1.1.4)`
    ");
    insta::assert_snapshot!(bench.says(&["lock", "--explain", "gcc-14-base"]), @r"gcc-14-base is in because libgcc-s1 needs `gcc-14-base (= 14.2.0-19)`, which is in because libc6 needs `libgcc-s1`, which the base `base-nossl` asks for");
    insta::assert_snapshot!(bench.says(&["build", "--explain", "hello"]), @r"hello is in because the recipe asks for it");
    insta::assert_snapshot!(bench.says(&["build", "--explain", "libc6", "--format", "json"]), @r#"
    {
      "schema": "bareboat.explain/1",
      "what": "libc6",
      "lines": [
        "libc6 is in because the base `base-nossl` asks for it",
        "also hello needs `libc6 (>= 2.34)`",
        "also libgcc-s1 needs `libc6 (>= 2.35)`",
        "also libssl3t64 needs `libc6 (>= 2.38)`",
        "also libzstd1 needs `libc6 (>= 2.34)`",
        "also zlib1g needs `libc6 (>= 2.14)`"
      ]
    }
    "#);
    assert!(!bench.path("project/bareboat.lock").exists(), "an explanation writes nothing");
}

#[test]
fn a_path_is_explained_by_who_brought_it() {
    let bench = app();
    let mut said = String::new();
    for path in [
        "/usr/bin/hello",
        "/lib64/ld-linux-x86-64.so.2",
        "/app/main.sh",
        "/etc/passwd",
        "/usr/lib/ssl/certs",
        "/home/nonroot",
        "/app",
        "/",
    ] {
        said += &bench.says(&["build", "--explain", path]);
        said += "\n";
    }
    insta::assert_snapshot!(said, @r"
    /usr/bin/hello is a file of package hello
    hello is in because the recipe asks for it

    /lib64/ld-linux-x86-64.so.2 is /usr/lib/x86_64-linux-gnu/ld-linux-x86-64.so.2, through links
    /usr/lib/x86_64-linux-gnu/ld-linux-x86-64.so.2 is a file of package libc6
    libc6 is in because the base `base-nossl` asks for it
    also hello needs `libc6 (>= 2.34)`
    also libgcc-s1 needs `libc6 (>= 2.35)`
    also libssl3t64 needs `libc6 (>= 2.38)`
    also libzstd1 needs `libc6 (>= 2.34)`
    also zlib1g needs `libc6 (>= 2.14)`

    /app/main.sh is a file of ./bareboat.toml: files from main.sh

    /etc/passwd is a file of effect users

    /usr/lib/ssl/certs is /etc/ssl/certs, through links
    /etc/ssl/certs is a directory of package ca-certificates
    ca-certificates is in because the base `static` asks for it

    /home/nonroot is a directory of the recipe's [directories]

    /app is a directory of ./bareboat.toml: files from main.sh

    / is a directory of package base-files
    base-files is in because the base `static` asks for it
    ");
    assert!(!bench.path("project/.bareboat").exists(), "an explanation writes nothing");
}

#[test]
fn what_is_not_in_the_image_is_said_not_to_be() {
    let bench = app();
    let refused = |what| {
        let output = bench.command(["build", "--explain", what]).output().unwrap();
        assert_eq!(output.status.code(), Some(2));
        said(&output)
    };
    insta::assert_snapshot!(refused("zlib2g"), @r"
    error: cannot explain `zlib2g`: it is not among the packages
    hint: did you mean `zlib1g`?
    ");
    insta::assert_snapshot!(refused("openssl"), @r"
    error: cannot explain `openssl`: it is not among the packages
    hint: the recipe does `without` it; it is a dependency of `ca-certificates`
    ");
    insta::assert_snapshot!(refused("/usr/bin/nope"), @r"error: cannot explain `/usr/bin/nope`: it is not in the image, and nothing would bring it");
}
