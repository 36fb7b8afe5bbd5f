//! Places that are named without their transport, or are none: told before anything is done.

use bareboat_testkit::{FakeRegistry, Fault};

use crate::bench::Bench;

const BARE: &str = "name = \"bare\"\nbase = \"scratch\"\nplatforms = [\"linux/amd64\"]\n";

#[test]
fn files_and_registries_without_more_are_told_from_images() {
    let bench = Bench::new(BARE);
    bench.builds_as("bare");
    let refused = |args: &[&str]| bench.fails_with(&mut bench.command(args));
    let copy = |to: &str| bench.command(["copy", "bare", to]).output().unwrap().status.code();
    assert_eq!((copy("oci-archive:one.tar"), copy("docker-archive:two.tar")), (Some(0), Some(0)));
    insta::assert_snapshot!(refused(&["copy", "one.tar", "oci:out"]), @r"
    error: cannot read the image `one.tar`: it is a file, and its transport is not named
    hint: write oci-archive:one.tar
    ");
    insta::assert_snapshot!(refused(&["inspect", "./two.tar"]), @r"
    error: cannot read the image `./two.tar`: it is a file, and its transport is not named
    hint: write docker-archive:./two.tar
    ");
    insta::assert_snapshot!(refused(&["copy", ".bareboat/bare", "oci:out"]), @r"
    error: cannot read the image `.bareboat/bare`: it is a folder, and its transport is not named
    hint: write oci:.bareboat/bare
    ");
    insta::assert_snapshot!(refused(&["copy", "bare", "three.tar"]), @r"
    error: cannot write to `three.tar`: `three.tar` names no transport
    hint: write oci-archive:three.tar, or docker-archive:three.tar for docker load
    ");
    insta::assert_snapshot!(refused(&["copy", "bare", "./out"]), @r"
    error: cannot write to `./out`: `./out` names no transport
    hint: write oci:./out for a folder, oci-archive:./out for a file
    ");
    insta::assert_snapshot!(refused(&["copy", "bare", "localhost:5000"]), @r"
    error: cannot write to `localhost:5000`: `localhost:5000` is no name of an image: this is a registry
    hint: name a repository in it: localhost:5000/REPOSITORY
    ");
    insta::assert_snapshot!(refused(&["pull", "127.0.0.1:5801"]), @r"
    error: `127.0.0.1:5801` is no name of an image: this is a registry
    hint: name a repository in it: 127.0.0.1:5801/REPOSITORY
    ");
    insta::assert_snapshot!(refused(&["push", "bare", "127.0.0.1:5801"]), @r"
    error: cannot write to `127.0.0.1:5801`: `127.0.0.1:5801` is no name of an image: this is a registry
    hint: name a repository in it: 127.0.0.1:5801/REPOSITORY
    ");
    insta::assert_snapshot!(refused(&["pull", "docker-archive:two.tar"]), @r"
    error: cannot pull `docker-archive:two.tar`: it is in no registry
    hint: bareboat copy reads all transports
    ");
    insta::assert_snapshot!(refused(&["push", "bare", "docker-archive:two.tar"]), @r"
    error: cannot push to `docker-archive:two.tar`: it is in no registry
    hint: bareboat copy writes to all transports
    ");
    insta::assert_snapshot!(refused(&["push", "docker-archive:two.tar"]), @r"
    error: cannot push to `docker-archive:two.tar`: it is in no registry
    hint: bareboat copy writes to all transports
    ");
    let output = bench.command(["build", "-o", "127.0.0.1:5801"]).output().unwrap();
    let error = String::from_utf8_lossy(&output.stderr).lines().next().unwrap_or_default().to_owned();
    insta::assert_snapshot!(error, @r"error: invalid value '127.0.0.1:5801' for '--output <TRANSPORT>': `127.0.0.1:5801` is no name of an image: this is a registry; name a repository in it: 127.0.0.1:5801/REPOSITORY");
}

#[test]
fn places_that_nobody_is_at_end_a_build_before_it_begins() {
    let bench = Bench::new(BARE);
    bench.write("file", "");
    let refused = |to: &str| {
        let host = format!("unix://{}", bench.path("engine.sock").display());
        bench.fails_with(bench.command(["build", "-o", "oci:out", "-o", to]).env("DOCKER_HOST", host))
    };
    insta::assert_snapshot!(refused("docker-daemon:bare"), @r"
    error: cannot write the image to `docker-daemon:bare`: cannot use the engine at `[DIR]/engine.sock`: there is no such socket
    hint: start it, or say where one listens: DOCKER_HOST=unix:///PATH
    ");
    insta::assert_snapshot!(refused("127.0.0.1:1/team/bare"), @r"error: cannot look for `127.0.0.1:1/team/bare:latest`: connection refused (tried 4 times)");
    insta::assert_snapshot!(refused(&format!("oci:{}", bench.path("project/file/sub/dir").display())), @r"error: cannot write the image to `oci:[DIR]/project/file/sub/dir`: `[DIR]/project/file` is not a folder");
    // Known before anything is fetched or made.
    bench.write("thesis/chapter.txt", "years");
    insta::assert_snapshot!(refused(&format!("oci:{}", bench.path("project/thesis").display())), @r"
    error: cannot write the image to `oci:[DIR]/project/thesis`: the folder holds other things, and is no OCI layout
    hint: name a folder that is new or empty, or an OCI layout
    ");
    assert!(!bench.path("project/out").exists() && !bench.path("project/bareboat.lock").exists());
}

#[test]
fn outputs_that_were_written_although_another_failed_are_named() {
    let (bench, registry) = (Bench::new(BARE), FakeRegistry::start());
    registry.fault("POST /v2/team/bare/blobs/uploads", Fault::Status(403));
    let name = format!("{}/team/bare", registry.host());
    for outputs in [["oci:out", &name], [&name, "oci:out"]] {
        let output = bench.command(["build", "-o", outputs[0], "-o", outputs[1]]).output().unwrap();
        assert_eq!(output.status.code(), Some(2));
        let error = String::from_utf8(output.stderr).unwrap();
        assert!(error.contains("403 Forbidden"), "{error}");
        assert!(error.trim_end().ends_with("the image was written to oci:out"), "{error}");
    }
    // The second tag finds what was sent for the first.
    registry.mend();
    registry.forget();
    let (first, second) = (format!("{name}:1"), format!("{name}:2"));
    let output = bench.command(["build", "-o", &first, "-o", "oci:other", "-o", &second]).output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    let told = registry.told();
    let uploads: Vec<_> = told.iter().filter_map(|line| line.split_once("&digest=")).collect();
    let blobs: std::collections::BTreeSet<_> = uploads.iter().map(|(_, digest)| digest).collect();
    assert!(!blobs.is_empty() && blobs.len() == uploads.len(), "{told:?}");
    assert_eq!(registry.tags("team/bare"), ["1", "2"]);
}
