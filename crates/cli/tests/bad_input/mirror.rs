//! Mirrors that answer slowly, wrongly, half, or not at all.

use std::time::Duration;

use bareboat_testkit::Fault;

use crate::bench::{Bench, HELLO};

const PACKAGE: &str = "hello_2.10-5_amd64.deb";
const INDEX: &str = "dists/trixie/main/binary-amd64/";

#[test]
fn a_slow_mirror_is_waited_for() {
    let bench = Bench::new(HELLO);
    bench.mirror.fault(PACKAGE, Fault::Slow { chunk: 400, pause: Duration::from_millis(300) });
    bench.builds();
}

#[test]
fn a_mirror_that_stalls_is_given_up() {
    let bench = Bench::new(HELLO);
    bench.mirror.fault(PACKAGE, Fault::Stall { after: 100, pause: Duration::from_secs(60) });
    insta::assert_snapshot!(bench.fails(), @r"error: cannot fetch `[MIRROR]/debian/pool/main/h/hello/hello_2.10-5_amd64.deb`: the server stalled: nothing came for 1 s, after 100 of [N] bytes (tried 4 times)");
    bench.builds_when_mended();
}

#[test]
fn a_missing_package_is_named_with_what_to_do() {
    let bench = Bench::new(HELLO);
    bench.mirror.fault(PACKAGE, Fault::Status(404));
    insta::assert_snapshot!(bench.fails(), @r"
    error: cannot fetch `pool/main/h/hello/hello_2.10-5_amd64.deb`: it is not at `[MIRROR]/debian`
    hint: the archive may have a newer version: run `bareboat update hello`
    ");
    bench.builds_when_mended();
}

#[test]
fn a_missing_index_is_named() {
    let bench = Bench::new(HELLO);
    bench.mirror.fault(INDEX, Fault::Status(404));
    insta::assert_snapshot!(bench.fails(), @r"
    error: cannot use the amd64 index of `main` in `trixie` at `[MIRROR]/debian`: the mirror lacks `main/binary-amd64/Packages.xz`, which its Release file lists
    hint: the mirror may be in the middle of an update: try again in some minutes
    ");
    bench.builds_when_mended();
}

#[test]
fn a_server_error_is_tried_again() {
    let bench = Bench::new(HELLO);
    bench.mirror.fault_times("InRelease", Fault::Status(500), 1);
    bench.mirror.fault_times(INDEX, Fault::Busy { retry_after: 1 }, 1);
    bench.mirror.fault_times(PACKAGE, Fault::HangUp, 1);
    bench.builds();
    assert!(bench.mirror.count(PACKAGE) >= 2);
}

#[test]
fn a_server_error_that_stays_is_told() {
    let bench = Bench::new(HELLO);
    bench.mirror.fault(PACKAGE, Fault::Status(500));
    insta::assert_snapshot!(bench.fails(), @r"error: cannot fetch `[MIRROR]/debian/pool/main/h/hello/hello_2.10-5_amd64.deb`: the server answers 500 Internal Server Error (tried 4 times)");
    bench.builds_when_mended();
}

#[test]
fn half_a_body_is_gone_on_with() {
    let bench = Bench::new(HELLO);
    bench.mirror.fault_times(PACKAGE, Fault::Cut { after: 600 }, 1);
    bench.builds();
    let requests = bench.mirror.requests();
    let resumed = requests.iter().find(|request| request.path.ends_with(PACKAGE) && request.from.is_some());
    assert_eq!(resumed.and_then(|request| request.from), Some(600));
}

#[test]
fn half_a_body_again_and_again_is_told() {
    let bench = Bench::new(HELLO);
    bench.mirror.fault(PACKAGE, Fault::Cut { after: 0 });
    insta::assert_snapshot!(bench.fails(), @r"error: cannot fetch `[MIRROR]/debian/pool/main/h/hello/hello_2.10-5_amd64.deb`: the connection was closed early, after 0 of [N] bytes (tried 4 times)");
    bench.builds_when_mended();
}

#[test]
fn wrong_bytes_name_both_digests() {
    let bench = Bench::new(HELLO);
    bench.mirror.fault(PACKAGE, Fault::Corrupt);
    let message = bench.fails();
    assert_eq!(message.matches("sha256:").count(), 2, "{message}");
    insta::assert_snapshot!(message, @r"error: cannot fetch `[MIRROR]/debian/pool/main/h/hello/hello_2.10-5_amd64.deb`: expected [DIGEST], found [DIGEST]");
    bench.builds_when_mended();
}

#[test]
fn a_login_page_instead_of_a_release_is_found_out() {
    let bench = Bench::new(HELLO);
    bench.mirror.fault("dists/", Fault::Body(b"<html>Please log in</html>".to_vec()));
    insta::assert_snapshot!(bench.fails(), @r"error: cannot verify the Release file of `trixie` at `[MIRROR]/debian`: line 1: `<html>Please log in</html>`, expected `-----BEGIN PGP SIGNED MESSAGE-----`");
    bench.builds_when_mended();
}

#[test]
fn more_bytes_than_announced_are_refused() {
    let bench = Bench::new(HELLO);
    bench.mirror.fault(PACKAGE, Fault::TooLong { extra: 1 << 20 });
    insta::assert_snapshot!(bench.fails(), @r"error: cannot fetch `[MIRROR]/debian/pool/main/h/hello/hello_2.10-5_amd64.deb`: it is longer than the [N] bytes that it should have");
    bench.builds_when_mended();
}

#[test]
fn redirects_in_a_circle_end() {
    let bench = Bench::new(HELLO);
    bench.mirror.fault("dists/", Fault::Redirect("/debian/dists/trixie/InRelease".to_owned()));
    insta::assert_snapshot!(bench.fails(), @r"error: cannot fetch `[MIRROR]/debian/dists/trixie/InRelease`: the server redirects more than 5 times");
}

#[test]
fn a_mirror_that_is_not_there_is_named() {
    let bench = Bench::new(HELLO);
    // Port 1 of the loopback: nothing listens there, and the refusal comes at once.
    let message =
        bench.fails_with(bench.command(["build"]).env("BAREBOAT_MIRROR", "http://127.0.0.1:1/debian"));
    insta::assert_snapshot!(message, @r"error: cannot fetch `http://127.0.0.1:1/debian/dists/trixie/InRelease`: connection refused (tried 4 times)");
}
