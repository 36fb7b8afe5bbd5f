//! Images that cannot be looked into, and what is not in them.

use crate::bench::{Bench, HELLO};

fn bench() -> Bench {
    let bench = Bench::new(
        "name = \"hello\"\nbase = \"static\"\nplatforms = [\"linux/amd64\"]\n[[files]]\nfrom = \"tool\"\nto = \"/app/tool\"\n\
         [links]\n\"/app/loop\" = \"loop\"\n",
    );
    bench.write("tool", "#!no\n");
    let built = bench.command(["build", "-o", "oci:hello.oci"]).output().unwrap();
    assert!(built.status.success());
    bench
}

#[test]
fn what_is_not_in_the_image_is_named() {
    let bench = bench();
    let refused = |args: &[&str]| {
        bench.fails_with(
            &mut bench.command(["inspect", "oci:hello.oci", "--platform", "linux/amd64"].iter().chain(args)),
        )
    };
    insta::assert_snapshot!(refused(&["--cat", "/missing"]), @r"
    error: cannot show `/missing` of the image: there is no such file
    hint: --tree draws what there is
    ");
    insta::assert_snapshot!(refused(&["--cat", "/app"]), @r"error: cannot show `/app` of the image: it is a directory, not a file");
    insta::assert_snapshot!(refused(&["--cat", "/app/loop"]), @r"error: cannot show `/app/loop` of the image: links lead in a circle at `/app/loop`, on the way to `/app/loop`");
    insta::assert_snapshot!(refused(&["--tree", "/missing"]), @r"error: cannot draw `/missing` of the image: there is no such file");
    insta::assert_snapshot!(refused(&["--html", "hello.oci"]), @r"error: cannot write `hello.oci`: it is a folder");
    insta::assert_snapshot!(refused(&["--html", "no/such/page.html"]), @r"error: cannot write `no/such/page.html`: there is no such folder");
    insta::assert_snapshot!(refused(&["--html", "-"]), @r"
    error: cannot write `-`: the page goes into a file
    hint: for a file of that name, write ./-
    ");
    assert!(!bench.path("project/no").exists());
    let args = ["inspect", "oci:hello.oci", "--platform", "linux/amd64", "--html", "page.html"];
    let written = String::from_utf8(bench.command(args).output().unwrap().stdout).unwrap();
    assert_eq!(written, "written to page.html\n");
    assert!(bench.path("project/page.html").is_file());
    insta::assert_snapshot!(refused(&["--base", "oci:nowhere"]), @r"error: cannot read the image `oci:nowhere`: no such file or directory");
}

#[test]
fn a_layer_that_is_gone_is_missed_although_its_listing_is_in_the_cache() {
    let bench = bench();
    let args = ["inspect", "oci:hello.oci", "--platform", "linux/amd64"];
    let looked = bench.command(args).output().unwrap();
    assert!(looked.status.success());
    let blobs = bench.path("project/hello.oci/blobs/sha256");
    let is_layer = |path: &std::path::PathBuf| {
        std::fs::read(path).unwrap().starts_with(&[0x1f, 0x8b])
            || std::fs::read(path).unwrap().starts_with(&[0x28, 0xb5, 0x2f, 0xfd])
    };
    let paths = std::fs::read_dir(blobs).unwrap().map(|entry| entry.unwrap().path());
    let layers: Vec<_> = paths.filter(is_layer).collect();
    let flip = || {
        for layer in &layers {
            let flipped: Vec<u8> = std::fs::read(layer).unwrap().iter().map(|byte| byte ^ 1).collect();
            std::fs::write(layer, flipped).unwrap();
        }
    };
    flip();
    let said = bench.fails_with(&mut bench.command(args.iter().chain(&["--cat", "/app/tool"])));
    assert!(said.contains("cannot show `/app/tool` of the image: cannot read layer "), "{said}");
    assert!(said.contains(": it is damaged: expected sha256:"), "{said}");
    flip();
    let layer = &layers[0];
    let bytes = std::fs::read(layer).unwrap();
    std::fs::write(layer, &bytes[1..]).unwrap();
    let said = bench.fails_with(&mut bench.command(args));
    assert!(said.contains(" is damaged: expected "), "{said}");
    std::fs::remove_file(layer).unwrap();
    let said = bench.fails_with(&mut bench.command(args));
    assert!(said.contains("cannot look into the image `oci:hello.oci`: cannot read layer "), "{said}");
    assert!(said.contains(" is missing"), "{said}");
    let said = bench.fails_with(&mut bench.command(["diff", args[1], args[1], "--file", "/app/tool"]));
    assert!(said.contains(" is missing"), "{said}");
}

#[test]
fn slips_in_options_are_told() {
    let bench = Bench::new(HELLO);
    let refused =
        |args: &[&str]| bench.fails_with(&mut bench.command(["inspect", "oci:x"].iter().chain(args)));
    insta::assert_snapshot!(refused(&["--max-size", "50 parsecs"]), @r"
    error: invalid value '50 parsecs' for '--max-size <SIZE>': `50 parsecs` is no size; write one as 50MB, 1.5GiB or 1200

    For more information, try '--help'.
    ");
    insta::assert_snapshot!(refused(&["--max-waste", "120%"]), @r"
    error: invalid value '120%' for '--max-waste <SIZE|PERCENT>': `120%` is no part of a hundred

    For more information, try '--help'.
    ");
    insta::assert_snapshot!(refused(&["--cat", "/a", "--tree"]), @r"
    error: the argument '--cat <PATH>' cannot be used with '--tree [<PATH>]'

    Usage: bareboat inspect --cat <PATH> <IMAGE>

    For more information, try '--help'.
    ");
}
