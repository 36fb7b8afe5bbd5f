//! Archives that lack what is asked for, or that cannot be trusted.

use bareboat_model::Timestamp;
use bareboat_testkit::{DebBuilder, Files, Key, KeyBuilder, Suite, release_date};

use crate::bench::{Bench, HELLO, trixie};

/// A mirror with one package in all three suites of trixie, where `change` has its say about the main one.
pub(crate) fn archive(change: impl FnOnce(Suite) -> Suite) -> Files {
    let hello =
        DebBuilder::new("hello", "1.0").arch("amd64").tree("/usr/bin/hello 0755 \"hello\\n\"").build();
    trixie(change(Suite::new("trixie").package(&hello)))
}

fn with(change: impl FnOnce(Suite) -> Suite) -> Bench {
    Bench::with_files(HELLO, archive(change))
}

fn days_after_release(days: i64) -> Timestamp {
    Timestamp::from_seconds(release_date().seconds() + days * 86_400)
}

#[test]
fn a_package_that_does_not_exist_names_the_nearest_one() {
    let bench = Bench::new(&HELLO.replace("[\"hello\"]", "[\"helo\"]"));
    insta::assert_snapshot!(bench.fails(), @r"
    error: cannot resolve `helo`, asked for at ./bareboat.toml:4:13, for linux/amd64: the archive has no package `helo`
    hint: did you mean `hello`?
    ");
    bench.write("bareboat.toml", HELLO);
    bench.builds();
}

#[test]
fn an_impossible_request_is_told_as_a_chain() {
    let bench = Bench::with_files(HELLO, {
        let hello = DebBuilder::new("hello", "1.0").arch("amd64").depends("libhello (>= 2)").build();
        let library = DebBuilder::new("libhello", "1.0").arch("amd64").build();
        archive(|_| Suite::new("trixie").packages([&hello, &library]))
    });
    insta::assert_snapshot!(bench.fails(), @r"error: cannot resolve the packages for linux/amd64: hello (requested) needs `libhello (>= 2)`, but the archive has only libhello 1.0");
}

#[test]
fn a_suite_that_the_mirror_lacks_is_named() {
    let bench = Bench::new(&format!("suite = \"forky\"\n{HELLO}"));
    insta::assert_snapshot!(bench.fails(), @r"
    error: cannot use suite `forky`, asked for at ./bareboat.toml:1:9: cannot fetch the Release file of `forky` at `[MIRROR]/debian`: the mirror has no such suite
    hint: look at [MIRROR]/debian/dists/ for the suites that it has
    ");
}

#[test]
fn a_mirror_that_serves_another_suite_is_found_out() {
    insta::assert_snapshot!(with(|suite| suite.codename("bookworm").suite_name("oldstable")).fails(), @r"
    error: cannot use the Release file of `trixie` at `[MIRROR]/debian`: asked for `trixie`, the mirror serves `bookworm` or `oldstable`
    hint: the mirror is set up wrongly, or somebody between it and here exchanges files
    ");
}

#[test]
fn an_expired_release_is_refused_with_its_date() {
    let bench = with(|suite| suite.valid_until(days_after_release(7)));
    insta::assert_snapshot!(bench.fails(), @r"
    error: cannot use the Release file of `trixie` at `[MIRROR]/debian`: the Release file expired on 2025-11-22T00:00:00Z, and now it is [NOW]
    hint: the mirror is out of date, or this machine's clock is wrong
    ");
    bench.builds_when_mended();
}

#[test]
fn a_release_from_the_future_is_refused_with_its_date() {
    insta::assert_snapshot!(with(|suite| suite.date(Timestamp::from_seconds(4_102_444_800))).fails(), @r"
    error: cannot verify the Release file of `trixie` at `[MIRROR]/debian`: no acceptable signature: signature by 0xB9650C310052C559258932D499367D61733CDB0D: it was made on 2100-01-01T00:00:00Z, which is after now, [NOW]
    hint: this machine's clock is wrong
    ");
}

#[test]
fn an_unknown_key_is_named() {
    let bench = with(|suite| suite.signed_by(&[Key::stranger()]));
    insta::assert_snapshot!(bench.fails(), @r"
    error: cannot verify the Release file of `trixie` at `[MIRROR]/debian`: it is signed by 0xBC416BA6418E68CD7FAE18E843C397D71CAEEEB3, and no such key is trusted
    hint: if that archive is to be trusted, name the file of its key: BAREBOAT_KEYRING, or in the recipe `keyring` of [archive] or `key` of [[archives]]
    ");
    bench.builds_when_mended();
}

#[test]
fn a_second_signature_by_an_unknown_key_does_no_harm() {
    with(|suite| suite.signed_by(&[Key::stranger(), Key::archive()])).builds();
}

#[test]
fn expired_and_revoked_keys_are_refused() {
    let bench = with(|suite| suite.signed_by(&[Key::expired()]));
    std::fs::write(bench.path("keyring.gpg"), Key::expired().public()).unwrap();
    insta::assert_snapshot!(bench.fails(), @r"
    error: cannot verify the Release file of `trixie` at `[MIRROR]/debian`: no acceptable signature: signature by 0x5B77CF57DC88CC2A6DB6A258E19B65EF89961198 is good but the key expired on 2024-01-01T00:00:00Z
    hint: get the archive's current key, or a newer state of the mirror
    ");
    let bench = with(|suite| suite.signed_by(&[Key::revoked()]));
    std::fs::write(bench.path("keyring.gpg"), Key::revoked().public()).unwrap();
    insta::assert_snapshot!(bench.fails(), @r"error: cannot verify the Release file of `trixie` at `[MIRROR]/debian`: no acceptable signature: signature by 0x0C207BFF69AEB096E770B89468B0D9A9B6D1D1D5 is good but the key was revoked on 2024-01-01T00:00:00Z");
}

#[test]
fn a_key_that_was_not_valid_yet_is_refused() {
    let young = KeyBuilder::new("young").created(days_after_release(1)).build();
    let bench = with(|suite| suite.signed_by(std::slice::from_ref(&young)));
    std::fs::write(bench.path("keyring.gpg"), young.public()).unwrap();
    insta::assert_snapshot!(bench.fails(), @r"error: cannot verify the Release file of `trixie` at `[MIRROR]/debian`: no acceptable signature: signature by 0x1D1F61ADC79A8202593BB0AFF5B1E84CCDE2FCF5 is good but the key was made only on 2025-11-16T00:00:00Z, after the signature");
}

#[test]
fn an_unsigned_suite_is_refused() {
    insta::assert_snapshot!(with(|suite| suite.signed_by(&[])).fails(), @r"error: cannot verify the Release file of `trixie` at `[MIRROR]/debian`: it is not signed: there is neither InRelease nor Release.gpg");
}

#[test]
fn a_keyring_that_is_none_is_named() {
    let bench = Bench::new(HELLO);
    std::fs::write(bench.path("keyring.gpg"), "not a keyring\n").unwrap();
    insta::assert_snapshot!(bench.fails(), @r"
    error: cannot read the keyring `[DIR]/keyring.gpg`: there is no OpenPGP certificate in it
    hint: BAREBOAT_KEYRING names this file
    ");
}

#[test]
fn a_changed_release_does_not_match_its_signature() {
    let mut files = archive(|suite| suite);
    files.replace_text("debian/dists/trixie/InRelease", "Codename: trixie", "Codename: trixiE");
    let bench = Bench::with_files(HELLO, files);
    insta::assert_snapshot!(bench.fails(), @r"
    error: cannot verify the Release file of `trixie` at `[MIRROR]/debian`: the text does not match its signature by 0xB9650C310052C559258932D499367D61733CDB0D
    hint: the file was changed or damaged on its way; try again, or another mirror
    ");
    bench.builds_when_mended();
}

#[test]
fn a_changed_index_names_both_digests() {
    let mut files = archive(|suite| suite.without_by_hash());
    files.flip("debian/dists/trixie/main/binary-amd64/Packages.xz", 40);
    let bench = Bench::with_files(HELLO, files);
    let message = bench.fails();
    assert_eq!(message.matches("sha256:").count(), 2, "{message}");
    insta::assert_snapshot!(message, @r"error: cannot use the amd64 index of `main` in `trixie` at `[MIRROR]/debian`: cannot fetch `[MIRROR]/debian/dists/trixie/main/binary-amd64/Packages.xz`: expected [DIGEST], found [DIGEST]");
    bench.builds_when_mended();
}

#[test]
fn a_changed_package_names_both_digests() {
    let mut files = archive(|suite| suite);
    files.flip("debian/pool/main/h/hello/hello_1.0_amd64.deb", -1);
    let bench = Bench::with_files(HELLO, files);
    let message = bench.fails();
    assert_eq!(message.matches("sha256:").count(), 2, "{message}");
    insta::assert_snapshot!(message, @r"error: cannot fetch `[MIRROR]/debian/pool/main/h/hello/hello_1.0_amd64.deb`: expected [DIGEST], found [DIGEST]");
    bench.mirror.replace(archive(|suite| suite));
    bench.builds();
}

#[test]
fn an_index_that_names_a_path_outside_of_the_pool_is_refused() {
    let hello = DebBuilder::new("hello", "1.0").arch("amd64").build();
    let files = archive(|_| {
        Suite::new("trixie")
            .package_listed_as(&hello, |stanza| stanza.replace("Filename: pool/", "Filename: ../../pool/"))
    });
    insta::assert_snapshot!(Bench::with_files(HELLO, files).fails(), @r"error: cannot read the amd64 index of `trixie` at `[MIRROR]/debian`: line 1, package `hello`: path `../../pool/main/h/hello/hello_1.0_amd64.deb` has an empty, `.` or `..` component");
}

#[test]
fn an_index_that_is_no_index_is_named_with_its_line() {
    let hello = DebBuilder::new("hello", "1.0").arch("amd64").build();
    let files =
        archive(|_| Suite::new("trixie").package_listed_as(&hello, |stanza| stanza.replace("Version: ", "")));
    insta::assert_snapshot!(Bench::with_files(HELLO, files).fails(), @r"error: cannot read the amd64 index of `trixie` at `[MIRROR]/debian`: line 2: `1.0` is no field, there is no colon");
}

#[test]
fn a_mirror_that_went_back_is_refused() {
    let bench = with(|suite| suite);
    bench.builds();
    bench.mirror.replace(archive(|suite| suite.date(days_after_release(-30))));
    insta::assert_snapshot!(bench.fails_with(&mut bench.command(["update"])), @r"
    error: cannot use suite `trixie` of `debian`: the mirror has its state of 2025-10-16T00:00:00Z, and the lock is of 2025-11-15T00:00:00Z
    hint: the mirror is behind, or somebody holds updates back: try again later, or another mirror
    ");
}
