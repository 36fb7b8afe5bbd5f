//! Copies that cannot be made: one message, and nothing half-written anywhere.

use std::time::Duration;

use bareboat_testkit::{FakeEngine, FakeRegistry, Fault};

use crate::bench::{Bench, HELLO};

const BARE: &str = "name = \"bare\"\nbase = \"scratch\"\nplatforms = [\"linux/amd64\"]\n";

#[test]
fn places_that_are_none_are_refused() {
    let bench = Bench::new(BARE);
    let refused = |args: &[&str]| bench.fails_with(&mut bench.command(args));
    bench.builds_as("bare");
    insta::assert_snapshot!(refused(&["copy", "bare", "hello"]), @r"
    error: cannot write to `hello`: `hello` names no transport
    hint: write oci:hello for a folder, or docker://hello for Docker's hub
    ");
    insta::assert_snapshot!(refused(&["copy", "bare", "dir:hello"]), @r"
    error: cannot write to `dir:hello`: unknown transport in `dir:hello`
    hint: write oci:DIR[:TAG], oci-archive:FILE[:TAG], docker-archive:FILE[:REF], docker-daemon:REF or HOST/REPOSITORY:TAG
    ");
    insta::assert_snapshot!(refused(&["copy", "bare", "oci:-"]), @r"
    error: cannot write to `oci:-`: an image cannot be read from standard input or written to standard output
    hint: name a file: oci:FILE
    ");
    insta::assert_snapshot!(refused(&["copy", "bare", "docker-daemon:UPPER"]), @r"
    error: cannot write to `docker-daemon:UPPER`: `UPPER` is no name of an image
    hint: names are of lower-case letters and digits, with `.`, `_`, `-` or `/` between them
    ");
    insta::assert_snapshot!(refused(&["copy", "bare", "127.0.0.1:1/x:bad tag"]), @r"
    error: cannot write to `127.0.0.1:1/x:bad tag`: `127.0.0.1:1/x:bad tag` is no name of an image: `bad tag` is no tag
    hint: tags are of letters, digits, `.`, `_` and `-`, at most 128
    ");
    insta::assert_snapshot!(refused(&["copy", "oci:nowhere", "oci:out"]), @r"error: cannot read the image `oci:nowhere`: no such file or directory");
    insta::assert_snapshot!(refused(&["copy", "bare", "oci:out", "--platform", "linux/arm64"]), @r"error: cannot copy `oci:.bareboat/bare` to `oci:out`: it has nothing for linux/arm64, only for linux/amd64");
    insta::assert_snapshot!(refused(&["push", "oci:out"]), @r"
    error: cannot push to `oci:out`: it is in no registry
    hint: bareboat copy writes to all transports
    ");
    insta::assert_snapshot!(refused(&["pull", "bare", "--offline"]), @r"
    error: cannot fetch `docker.io/library/bare:latest`: --offline forbids the network
    hint: there is no `.bareboat/bare` here, so `bare` means docker.io/library/bare:latest
    ");
    insta::assert_snapshot!(refused(&["pull", "oci:out", "--offline"]), @r"
    error: cannot pull `oci:out`: it is in no registry
    hint: bareboat copy reads all transports
    ");
    let usage = |args: &[&str]| {
        let output = bench.command(args).output().unwrap();
        assert_eq!(output.status.code(), Some(2));
        String::from_utf8_lossy(&output.stderr).lines().next().unwrap_or_default().to_owned()
    };
    insta::assert_snapshot!(usage(&["build", "-o", "hello"]), @r"error: invalid value 'hello' for '--output <TRANSPORT>': `hello` names no transport; write oci:hello for a folder, or docker://hello for Docker's hub");
    insta::assert_snapshot!(usage(&["copy", "bare", "oci:out", "--platform", "linux"]), @r"error: invalid value 'linux' for '--platform <OS/ARCH[/VARIANT]>': `linux` is no platform, expected OS/ARCH or OS/ARCH/VARIANT");
    insta::assert_snapshot!(usage(&["copy", "bare", "oci:out", "--platform", "linux/arm64", "--all-platforms"]), @r"error: the argument '--platform <OS/ARCH[/VARIANT]>' cannot be used with '--all-platforms'");
}

#[test]
fn nothing_to_push_is_told() {
    let bench = Bench::new(BARE);
    let mut command = bench.command(["push", "127.0.0.1:1/team/bare"]);
    insta::assert_snapshot!(bench.fails_with(&mut command), @r"
    error: cannot push to `127.0.0.1:1/team/bare`: no image was built here
    hint: name the image: bareboat push IMAGE REGISTRY/REPOSITORY:TAG
    ");
}

#[test]
fn registries_and_engines_that_are_not_there_are_named() {
    let bench = Bench::new(BARE);
    bench.builds_as("bare");
    let refused = |args: &[&str], host: &str| bench.fails_with(bench.command(args).env("DOCKER_HOST", host));
    let socket = format!("unix://{}", bench.path("engine.sock").display());
    insta::assert_snapshot!(refused(&["copy", "bare", "docker-daemon:bare"], &socket), @r"
    error: cannot copy `oci:.bareboat/bare` to `docker-daemon:bare`: cannot use the engine at `[DIR]/engine.sock`: there is no such socket
    hint: start it, or say where one listens: DOCKER_HOST=unix:///PATH
    ");
    insta::assert_snapshot!(refused(&["run", "docker-daemon:bare"], &socket), @r"
    error: cannot read the image `docker-daemon:bare`: cannot use the engine at `[DIR]/engine.sock`: there is no such socket
    hint: start it, or say where one listens: DOCKER_HOST=unix:///PATH
    ");
    insta::assert_snapshot!(refused(&["run", "docker-daemon:bare"], "tcp://192.0.2.1:2375"), @r"
    error: cannot read the image `docker-daemon:bare`: cannot use DOCKER_HOST: `tcp://192.0.2.1:2375` is on another machine
    hint: write unix:///PATH, or tcp://127.0.0.1:PORT
    ");
    // A socket that nobody listens on any more.
    drop(std::os::unix::net::UnixListener::bind(bench.path("engine.sock")).unwrap());
    insta::assert_snapshot!(refused(&["copy", "bare", "docker-daemon:bare"], &socket), @r"
    error: cannot copy `oci:.bareboat/bare` to `docker-daemon:bare`: cannot use the engine at `[DIR]/engine.sock`: nobody listens there
    hint: start it, or say where one listens: DOCKER_HOST=unix:///PATH
    ");
    std::fs::remove_file(bench.path("engine.sock")).unwrap();
    let _engine = FakeEngine::start(&bench.path("engine.sock"));
    insta::assert_snapshot!(refused(&["copy", "docker-daemon:nope:1", "oci:out"], &socket), @r"
    error: cannot read the image `docker-daemon:nope:1`: cannot use the engine at `[DIR]/engine.sock`: it has no such image
    hint: `docker image ls` tells which there are; one in a registry is named HOST/REPOSITORY:TAG
    ");
}

#[test]
fn what_a_registry_sends_wrong_is_told_and_not_kept() {
    let (bench, registry) = (Bench::new(BARE), FakeRegistry::start());
    bench.builds_as("bare");
    let mut settings = insta::Settings::clone_current();
    settings.add_filter(&registry.host(), "[REGISTRY]");
    let _filters = settings.bind_to_scope();
    let name = format!("{}/team/bare:1", registry.host());
    let refused = |args: &[&str]| bench.fails_with(&mut bench.command(args));
    insta::assert_snapshot!(refused(&["pull", &name, "oci:out"]), @r"
    error: cannot fetch `[REGISTRY]/team/bare:1`: the registry has no such repository or tag
    hint: bareboat list [REGISTRY]/team/bare tells the tags
    ");
    assert_eq!(bench.command(["push", &name]).output().unwrap().status.code(), Some(0));
    registry.fault("GET /v2/team/bare/blobs/", Fault::Corrupt);
    insta::assert_snapshot!(refused(&["copy", &name, "oci-archive:out.tar"]), @r"error: cannot copy `[REGISTRY]/team/bare:1` to `oci-archive:out.tar`: cannot fetch the blob `[DIGEST]` of `[REGISTRY]/team/bare`: expected [DIGEST], found [DIGEST]");
    registry.mend();
    registry.fault("GET /v2/team/bare/manifests/", Fault::Body(b"<html>".to_vec()));
    insta::assert_snapshot!(refused(&["copy", &name, "oci:out"]), @r"error: cannot fetch `[REGISTRY]/team/bare:1`: it is no manifest: expected value at line 1 column 1");
    registry.mend();
    let schema_1 = b"{\"schemaVersion\":1}";
    registry.put_manifest(
        "team/bare",
        "old",
        "application/vnd.docker.distribution.manifest.v1+json",
        schema_1,
    );
    insta::assert_snapshot!(refused(&["copy", &name.replace(":1", ":old"), "oci:out"]), @r"
    error: cannot fetch `[REGISTRY]/team/bare:old`: it is an image of Docker's schema 1, which has no digests for its files
    hint: pull and push it again with a current engine, or build it anew
    ");
}

#[test]
fn whatever_a_registry_does_in_the_middle_leaves_no_output_and_a_good_cache() {
    let unauthorized = Fault::Answer {
        status: 401,
        headers: vec![("WWW-Authenticate".to_owned(), "Basic realm=\"x\"".to_owned())],
        body: Vec::new(),
    };
    let storm =
        Fault::Answer { status: 429, headers: vec![("Retry-After".into(), "0".into())], body: Vec::new() };
    let stall = Fault::Stall { after: 10, pause: Duration::from_secs(30) };
    let faults = [
        (Fault::Status(500), "500 Internal Server Error (tried 4 times)"),
        (storm, "429 Too Many Requests (tried 4 times)"),
        (unauthorized, "401 Unauthorized"),
        (Fault::Cut { after: 10 }, "after 10 of "),
        (stall, "the server stalled: nothing came for 1 s"),
        (Fault::Corrupt, ": expected sha256:"),
        (Fault::TooLong { extra: 1 }, "it is longer than the "),
    ];
    // Each waits between its attempts: so all at once.
    std::thread::scope(|scope| {
        for ((fault, words), to) in faults.into_iter().zip(["oci:out", "oci-archive:out"].iter().cycle()) {
            scope.spawn(move || {
                let (bench, registry) = (Bench::new(HELLO), FakeRegistry::start());
                bench.builds_as("hello");
                let name = format!("{}/team/hello:1", registry.host());
                let works = |args: &[&str]| {
                    let output = bench.command(args).output().unwrap();
                    assert_eq!(output.status.code(), Some(0), "{}", crate::bench::said(&output));
                };
                works(&["push", &name]);
                works(&["cache", "clear"]);
                // After the manifest, and while the other blobs come as they should.
                let blobs = std::fs::read_dir(bench.path("project/.bareboat/hello/blobs/sha256")).unwrap();
                let largest = blobs.flatten().max_by_key(|blob| blob.metadata().unwrap().len()).unwrap();
                let layer = largest.file_name().into_string().unwrap();
                registry.fault(&format!("/blobs/sha256:{layer}"), fault);
                let output = bench.command(["copy", &name, to]).output().unwrap();
                let said = crate::bench::said(&output);
                assert_eq!((output.status.code(), &*output.stdout), (Some(2), &b""[..]), "{said}");
                assert!(said.contains(words) && said.matches("error:").count() == 1, "{words}: {said}");
                // What came so far waits beside it for the next run, under a name that nobody takes for the image.
                assert!(!bench.path("project/out").exists(), "{said}");
                registry.mend();
                works(&["cache", "verify"]);
                works(&["copy", &name, to]);
            });
        }
    });
}
