//! Test files that cannot be used, and images that cannot be tested.

use crate::bench::{Bench, HELLO};

const FILE: &str = "schemaVersion: 2.0.0\nfileExistenceTests: [{name: root, path: /}]\n";

/// What is said of this test file. The image does not matter: files are read first.
fn refused(bench: &Bench, text: &str, more: &[&str]) -> String {
    bench.write("t.yaml", text);
    let args = ["test", "oci:nowhere", "-c", "t.yaml"];
    bench.fails_with(&mut bench.command(args.iter().chain(more)))
}

#[test]
fn a_test_file_with_a_mistake_is_named_with_its_place() {
    let bench = Bench::new(HELLO);
    insta::assert_snapshot!(refused(&bench, &FILE.replace("path", "paht"), &[]), @r"
    error: cannot read `t.yaml:2:35`: unknown key `paht`, did you mean `path`?
      |
    2 | fileExistenceTests: [{name: root, paht: /}]
      |                                   ^^^^
    ");
    insta::assert_snapshot!(refused(&bench, &FILE.replace("/}", "[]}"), &[]), @r"
    error: cannot read `t.yaml:2:41`: `path` is a list, expected text
      |
    2 | fileExistenceTests: [{name: root, path: []}]
      |                                         ^^
    ");
    let regex =
        "schemaVersion: 1.0.0\nfileContentTests:\n- name: a\n  path: /a\n  expectedContents: ['a**']\n";
    insta::assert_snapshot!(refused(&bench, regex, &[]), @r"
    error: cannot read `t.yaml:5:22`: invalid regular expression `a**`: invalid nested repetition operator: `*` after another
      |
    5 |   expectedContents: ['a**']
      |                      ^^^^^
    ");
    insta::assert_snapshot!(refused(&bench, "schemaVersion: 2.1.0\n", &[]), @r"
    error: cannot read `t.yaml:1:16`: unknown schema version `2.1.0`, expected 2.0.0 or 1.0.0
      |
    1 | schemaVersion: 2.1.0
      |                ^^^^^
    ");
    insta::assert_snapshot!(refused(&bench, "a: [1\nb: 2\n", &[]), @r"
    error: cannot read `t.yaml:2:2`: illegal placement of ':' indicator
      |
    2 | b: 2
      |  ^
    ");
}

#[test]
fn a_test_file_that_cannot_be_read_is_named() {
    let bench = Bench::new(HELLO);
    std::fs::create_dir(bench.path("project/folder")).unwrap();
    let refused = |file: &str| bench.fails_with(&mut bench.command(["test", "oci:nowhere", "-c", file]));
    insta::assert_snapshot!(refused("nothing.yaml"), @r"error: cannot read `nothing.yaml`: there is no such file");
    insta::assert_snapshot!(refused("folder"), @r"error: cannot read `folder`: it is not a regular file");
    bench.write("bytes.yaml", b"\xff\xfe");
    insta::assert_snapshot!(refused("bytes.yaml"), @r"error: cannot read `bytes.yaml`: it is not UTF-8");
    bench.write("large.yaml", " ".repeat(2 << 20));
    insta::assert_snapshot!(refused("large.yaml"), @r"error: cannot read `large.yaml`: it is longer than the [N] bytes expected at most");
}

#[test]
fn this_machine_is_not_given_away() {
    let bench = Bench::new(HELLO);
    let with = |options: &str| format!("{FILE}containerRunOptions:\n  {options}\n");
    insta::assert_snapshot!(refused(&bench, &with("bindMounts: ['/etc:/host']"), &[]), @r"
    error: cannot test with `t.yaml:4:16`: it asks for `/etc` of this machine
    hint: --allow-host gives test files what they name; give it only to files that you trust
    ");
    insta::assert_snapshot!(refused(&bench, &with("envFile: /etc/shadow"), &[]), @r"
    error: cannot test with `t.yaml:4:12`: it asks for the file `/etc/shadow` of this machine
    hint: --allow-host gives test files what they name; give it only to files that you trust
    ");
    insta::assert_snapshot!(refused(&bench, &with("envVars: [TOKEN]"), &[]), @r"
    error: cannot test with `t.yaml:4:13`: it asks for the variable `TOKEN` of this machine
    hint: --allow-host gives test files what they name; give it only to files that you trust
    ");
    insta::assert_snapshot!(refused(&bench, &with("envFile: nothing.env"), &["--allow-host"]), @r"error: cannot test with `t.yaml:4:12`: cannot read the variables in `nothing.env`: there is no such file");
    insta::assert_snapshot!(refused(&bench, &with("bindMounts: ['/nowhere:/host']"), &["--allow-host"]), @r"error: cannot test with `t.yaml:4:16`: cannot mount `/nowhere`: no such file or directory");
}

#[test]
fn what_only_an_engine_has_is_refused() {
    let bench = Bench::new(HELLO);
    let with = |options: &str| format!("{FILE}containerRunOptions:\n  {options}\n");
    insta::assert_snapshot!(refused(&bench, &with("privileged: true"), &[]), @r"
    error: cannot read `t.yaml:4:15`: `privileged` needs an engine
      |
    4 |   privileged: true
      |               ^^^^
    hint: take it out: tests run as the image's user, or as `user` says
    ");
    insta::assert_snapshot!(refused(&bench, &with("allocateTty: true"), &[]), @r"
    error: cannot test with `t.yaml:4:16`: `allocateTty` needs an engine
    hint: take it out: the programs' output is read from pipes
    ");
    insta::assert_snapshot!(refused(&bench, &with("capabilities: [SYS_ADMIN]"), &["--allow-host"]), @r"
    error: cannot test with `t.yaml:4:18`: the capability `SYS_ADMIN` needs an engine
    hint: take it out: programs run without privileges
    ");
}

#[test]
fn an_image_that_is_not_there_is_named() {
    let bench = Bench::new(HELLO);
    insta::assert_snapshot!(refused(&bench, FILE, &[]), @r"error: cannot read the image `oci:nowhere`: no such file or directory");
}
