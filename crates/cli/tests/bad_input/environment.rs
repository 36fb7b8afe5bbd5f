//! A full disk, a read-only cache, a killed run, two runs at once, and no network on purpose.

use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use bareboat_testkit::Fault;

use crate::bench::{Bench, HELLO, said};

#[test]
fn a_disk_that_takes_no_more_leaves_nothing_half_written() {
    let bench = Bench::new(HELLO);
    // A limit on the size of files stands for the disk: the write fails in the middle, and no root is needed.
    // The signal that comes with it is ignored, so that it is an error as ENOSPC is. 1 block is 512 bytes.
    let script = "trap '' XFSZ; ulimit -f 2; exec \"$0\" build";
    let mut command = bench.program(Path::new("/bin/sh"));
    command.args(["-c", script, env!("CARGO_BIN_EXE_bareboat")]);
    insta::assert_snapshot!(bench.fails_with(&mut command), @r"
    error: cannot keep the Release file of `trixie` at `[MIRROR]/debian`: a file gets larger than it may be in `[DIR]/cache/tmp`
    hint: make room there, or choose another disk: BAREBOAT_CACHE for the cache, -o for the image
    ");
    bench.builds();
}

#[test]
fn a_read_only_cache_is_named_with_what_to_do() {
    let bench = Bench::new(HELLO);
    set_mode(&bench.path("cache"), 0o555);
    insta::assert_snapshot!(bench.fails_with(&mut as_nobody(&bench)), @r"
    error: cannot keep the Release file of `trixie` at `[MIRROR]/debian`: cannot write to the cache `[DIR]/cache`: permission denied
    hint: set BAREBOAT_CACHE to a folder that can be written and has room
    ");
    set_mode(&bench.path("cache"), 0o755);
    bench.builds();
}

#[test]
fn a_warm_read_only_cache_is_enough() {
    let bench = Bench::new(HELLO);
    let digest = bench.builds();
    for folder in bench.listing("cache") {
        let path = bench.path("cache").join(folder);
        set_mode(&path, if path.is_dir() { 0o555 } else { 0o444 });
    }
    set_mode(&bench.path("cache"), 0o555);
    std::fs::create_dir(bench.path("out")).unwrap();
    set_mode(&bench.path("out"), 0o777);
    let mut command = as_nobody(&bench);
    command.args(["--quiet", "--offline", "-o"]).arg(format!("oci:{}", bench.path("out/hello").display()));
    let output = command.output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    assert_eq!(String::from_utf8_lossy(&output.stdout).trim(), digest);
    for folder in bench.listing("cache") {
        set_mode(&bench.path("cache").join(folder), 0o755);
    }
}

/// The build by somebody whom modes bind: root is bound by none, so root's tests run as nobody.
fn as_nobody(bench: &Bench) -> Command {
    let root = std::fs::metadata("/proc/self").unwrap().uid() == 0;
    if !root {
        return bench.command(["build"]);
    }
    let program = bench.path("bareboat");
    // By another process: a copy that this one has open for writing cannot be run while a sister test forks (ETXTBSY).
    let copied = Command::new("cp").arg(env!("CARGO_BIN_EXE_bareboat")).arg(&program).status().unwrap();
    assert!(copied.success());
    set_mode(&bench.path("."), 0o755);
    let mut command = bench.program(&program);
    command.arg("build").gid(65534).uid(65534);
    command
}

fn set_mode(path: &Path, mode: u32) {
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
}

#[test]
fn a_cache_that_is_a_file_is_named() {
    let bench = Bench::new(HELLO);
    let file = bench.path("keyring.gpg");
    let message = bench.fails_with(bench.command(["build"]).env("BAREBOAT_CACHE", file));
    insta::assert_snapshot!(message, @r"
    error: cannot use the cache `[DIR]/keyring.gpg`: it is not a folder
    hint: set BAREBOAT_CACHE to a folder that can be written and has room
    ");
}

#[test]
fn a_killed_run_leaves_a_usable_cache_and_no_image() {
    let bench = Bench::new(HELLO);
    bench.mirror.fault("hello_2.10-5_amd64.deb", Fault::Stall { after: 600, pause: Duration::from_secs(60) });
    let mut run = bench.start();
    while bench.mirror.count("hello_2.10-5_amd64.deb") == 0 {
        assert!(run.try_wait().unwrap().is_none(), "it ended before it could be killed");
        std::thread::sleep(Duration::from_millis(5));
    }
    run.kill().unwrap();
    run.wait().unwrap();
    assert!(!bench.path("project/.bareboat/hello/index.json").exists());
    bench.builds_when_mended();
}

#[test]
fn two_builds_at_once_make_the_same_image() {
    let bench = Bench::new(HELLO);
    bench.mirror.fault(".deb", Fault::Slow { chunk: 500, pause: Duration::from_millis(20) });
    let both = [bench.start(), bench.start()].map(|run| run.wait_with_output().unwrap());
    for output in &both {
        assert_eq!(output.status.code(), Some(0), "{}", said(output));
    }
    for package in ["hello_2.10-5_amd64.deb", "libc6_2.41-12_amd64.deb"] {
        assert_eq!(bench.mirror.count(package), 1, "`{package}` was fetched twice");
    }
    let digest = bench.builds();
    assert_eq!(Bench::new(HELLO).builds(), digest);
}

#[test]
fn no_network_on_purpose_says_what_is_missing() {
    let bench = Bench::new(HELLO);
    insta::assert_snapshot!(bench.fails_with(&mut bench.command(["build", "--offline"])), @r"
    error: cannot fetch `[MIRROR]/debian/dists/trixie/InRelease`: it is not in the cache, and --offline forbids the network
    hint: run once without --offline; what was fetched stays in the cache
    ");
    assert_eq!(bench.mirror.requests(), []);
    let digest = bench.builds();
    bench.mirror.forget();
    std::fs::remove_dir_all(bench.path("project/.bareboat")).unwrap();
    let offline = bench.command(["build", "--offline", "--quiet"]).output().unwrap();
    assert_eq!(offline.status.code(), Some(0), "{}", said(&offline));
    assert_eq!(String::from_utf8_lossy(&offline.stdout).trim(), digest);
    assert_eq!(bench.mirror.requests(), []);
}

#[test]
fn an_output_that_cannot_be_written_is_named() {
    let bench = Bench::new(HELLO);
    let output = "oci-archive:bareboat.toml/hello.tar";
    insta::assert_snapshot!(bench.fails_with(&mut bench.command(["build", "-o", output])), @r"error: cannot write the image to `oci-archive:bareboat.toml/hello.tar`: `bareboat.toml` is not a folder");
}

#[test]
fn a_folder_for_images_that_is_a_link_is_refused() {
    let bench = Bench::new(HELLO);
    let outside = bench.path("outside");
    std::fs::create_dir(&outside).unwrap();
    std::os::unix::fs::symlink(&outside, bench.path("project/.bareboat")).unwrap();
    insta::assert_snapshot!(bench.fails(), @r"
    error: cannot write to `./.bareboat`: it is a link
    hint: remove it, or name an output with -o
    ");
    assert_eq!(std::fs::read_dir(&outside).unwrap().count(), 0);
}

#[test]
fn a_pipe_or_a_device_instead_of_a_file_is_not_read() {
    let bench = Bench::new(HELLO);
    std::os::unix::fs::symlink("/dev/zero", bench.path("project/bareboat.lock")).unwrap();
    insta::assert_snapshot!(bench.fails(), @r"error: cannot read `./bareboat.lock`: it is not a regular file");
    std::fs::remove_file(bench.path("project/bareboat.toml")).unwrap();
    let made = Command::new("mkfifo").arg(bench.path("project/bareboat.toml")).status().unwrap();
    assert!(made.success());
    insta::assert_snapshot!(bench.fails(), @r"error: cannot read `./bareboat.toml`: it is not a regular file");
}
