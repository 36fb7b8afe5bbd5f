//! Truncated and lying packages, which a properly signed index names nevertheless.

use bareboat_testkit::compress::xz_bomb;
use bareboat_testkit::{Compression, Deb, DebBuilder, Suite, Tree, ar, build_date};

use super::archive::archive;
use crate::bench::{Bench, HELLO};

/// A mirror whose package `hello` is this one.
fn bench(deb: &Deb) -> Bench {
    Bench::with_files(HELLO, archive(|_| Suite::new("trixie").package(deb)))
}

fn hello() -> DebBuilder {
    DebBuilder::new("hello", "1.0").arch("amd64").tree("/usr/bin/hello 0755 \"hello\\n\"")
}

/// The package with these members in its data, byte for byte.
fn with_data(tree: &str) -> Deb {
    hello().data_tar_raw(Tree::parse(tree).to_tar(0)).build()
}

#[test]
fn a_package_that_ends_in_the_middle_is_named() {
    let mut deb = hello().build();
    deb.bytes.truncate(deb.bytes.len() - 40);
    let bench = bench(&deb);
    insta::assert_snapshot!(bench.fails(), @r"error: cannot unpack `hello`: ar member `data.tar.xz`: the archive ends too early, at byte [N]");
    bench.mirror.replace(archive(|suite| suite));
    insta::assert_snapshot!(bench.fails(), @r"error: cannot unpack `hello`: ar member `data.tar.xz`: the archive ends too early, at byte [N]");
    let moved = bench.command(["update"]).output().unwrap();
    assert_eq!(moved.status.code(), Some(0), "{}", crate::bench::said(&moved));
    bench.builds();
}

#[test]
fn a_package_that_is_none_is_named() {
    let mut deb = hello().build();
    deb.bytes = b"<html>Welcome to the hotel's network</html>".to_vec();
    insta::assert_snapshot!(bench(&deb).fails(), @r"error: cannot unpack `hello`: no ar archive: it begins with `<html>We`, expected `!<arch>\n`");
}

#[test]
fn an_ar_member_that_lies_about_its_size_is_found_out() {
    let mut deb = hello().build();
    let size = deb.bytes.windows(10).position(|window| window == b"4         ").unwrap();
    deb.bytes[size..size + 10].copy_from_slice(b"9999999999");
    insta::assert_snapshot!(bench(&deb).fails(), @r"error: cannot unpack `hello`: ar member `debian-binary`: the archive ends too early, at byte [N]");
}

#[test]
fn a_package_without_data_is_named() {
    let mut deb = hello().build();
    deb.bytes = ar(&[("debian-binary", b"2.0\n")], build_date());
    insta::assert_snapshot!(bench(&deb).fails(), @r"error: cannot unpack `hello`: the package has no `control.tar`");
}

#[test]
fn a_tar_that_ends_in_the_middle_is_named() {
    let mut tar = Tree::parse("/usr/bin/hello 0755 \"hello\\n\"").to_tar(0);
    tar.truncate(515);
    insta::assert_snapshot!(bench(&hello().data_tar_raw(tar).build()).fails(), @r"error: cannot unpack `hello`: member 1 (`/usr/bin/hello`): its content ends 3 bytes too early");
}

#[test]
fn a_tar_with_a_wrong_checksum_is_named() {
    let mut tar = Tree::parse("/usr/bin/hello 0755 \"hello\\n\"").to_tar(0);
    tar[2] ^= 1;
    insta::assert_snapshot!(bench(&hello().data_tar_raw(tar).build()).fails(), @r"error: cannot unpack `hello`: member 1: no tar header at byte [N]: its checksum is 10450, expected 10447");
}

#[test]
fn broken_compression_is_named() {
    let mut data = Compression::Xz.compress(&Tree::parse("/a 0644 \"x\"").to_tar(0));
    let middle = data.len() / 2;
    data[middle] ^= 0xff;
    insta::assert_snapshot!(bench(&hello().data_member_raw("data.tar.xz", data).build()).fails(), @r"error: cannot unpack `hello`: member 1: cannot unpack the xz data: lzma data error");
}

#[test]
fn an_unknown_compression_is_named() {
    insta::assert_snapshot!(bench(&hello().data_member_raw("data.tar.lz9", vec![0; 9]).build()).fails(), @r"error: cannot unpack `hello`: `data.tar.lz9` has an unknown compression");
}

#[test]
fn a_bomb_is_refused_before_it_fills_anything() {
    let bomb = xz_bomb(512 << 20);
    let bench = bench(&hello().data_member_raw("data.tar.xz", bomb).build());
    insta::assert_snapshot!(bench.fails(), @r"error: cannot unpack `hello`: member 1 (`/bomb`): unpacks to more than 83750464 bytes");
}

#[test]
fn zeros_without_end_after_the_end_of_a_tar_are_refused() {
    let mut tar = Tree::parse("/a 0644 \"x\"").to_tar(0);
    tar.resize(tar.len() + (20 << 20), 0);
    insta::assert_snapshot!(bench(&hello().data_tar_raw(tar).build()).fails(), @r"error: cannot unpack `hello`: the archive goes on for more than 16777216 bytes after its end marker");
}

#[test]
fn a_path_that_leaves_the_root_is_refused() {
    insta::assert_snapshot!(bench(&with_data("\"../../etc/passwd\" 0644 \"x\"")).fails(), @r"error: cannot unpack `hello`: member 1: path `../../etc/passwd` leaves the root with `..`");
}

#[test]
fn a_hard_link_that_leaves_the_root_is_refused() {
    insta::assert_snapshot!(bench(&with_data("/usr/bin/hi => \"../../etc/shadow\"")).fails(), @r"error: cannot unpack `hello`: member 1 (`/usr/bin/hi`): its link target: path `../../etc/shadow` leaves the root with `..`");
}

#[test]
fn a_hard_link_to_nothing_is_refused() {
    insta::assert_snapshot!(bench(&with_data("/usr/bin/hi => \"/etc/shadow\"")).fails(), @r"error: cannot place package `hello`: hard link `/usr/bin/hi` names `/etc/shadow`, which is not a file of the same package");
}

#[test]
fn a_device_is_refused() {
    insta::assert_snapshot!(bench(&with_data("/dev/sda 0666 block 8:0")).fails(), @r"
    error: cannot unpack `hello`: `/dev/sda` is a device or a pipe, which no image may hold
    hint: runtimes provide /dev; such a package cannot be used
    ");
}

#[test]
fn a_write_through_a_link_stays_in_the_image() {
    let outside = tempfile::tempdir().unwrap();
    let target = outside.path().display();
    let tree = format!("/usr/escape -> {target}\n/usr/escape/file 0644 \"x\"\n/usr/bin/hello 0755 \"\"");
    bench(&with_data(&tree)).builds();
    assert_eq!(std::fs::read_dir(outside.path()).unwrap().count(), 0);
}

#[test]
fn links_in_a_circle_are_refused() {
    let tree = "/usr/a -> b\n/usr/b -> a\n/usr/a/file 0644 \"x\"";
    insta::assert_snapshot!(bench(&with_data(tree)).fails(), @r"error: cannot place package `hello`: links lead in a circle at `/usr/a`, on the way to `/usr/a`");
}

#[test]
fn a_name_that_takes_files_away_in_layers_is_refused() {
    insta::assert_snapshot!(bench(&with_data("/etc/.wh.passwd 0644 \"x\"")).fails(), @r"
    error: cannot unpack `hello`: `/etc/.wh.passwd` would take a file away instead of bringing one
    hint: in layers, names that begin with .wh. mean just that
    ");
}

#[test]
fn a_name_with_a_control_character_is_refused() {
    insta::assert_snapshot!(bench(&with_data("\"/etc/a\\nb\" 0644 \"x\"")).fails(), @r"error: cannot unpack `hello`: `/etc/a\nb` has a control character in its name");
}

#[test]
fn a_path_deeper_than_any_is_refused() {
    let path = format!("{}/x", "/a".repeat(300));
    insta::assert_snapshot!(bench(&with_data(&format!("{path} 0644 \"x\""))).fails(), @r"error: cannot unpack `hello`: member 1: path `./a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/… (603 characters) …/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/x` is more than 256 directories deep");
}

#[test]
fn a_package_that_is_another_than_the_index_says_is_refused() {
    let hello = hello().build();
    let listed = |stanza: String| stanza.replace("Version: 1.0", "Version: 9.0");
    let files =
        archive(|_| Suite::new("trixie").package_listed_as(&hello, |stanza| listed(stanza.to_owned())));
    insta::assert_snapshot!(Bench::with_files(HELLO, files).fails(), @r"
    error: cannot use package `hello`: expected Version `9.0` as in the lock, found `1.0`
    hint: if the lock was edited by hand, remove it and run `bareboat lock`
    ");
}

#[test]
fn a_package_that_provides_everything_is_refused() {
    let names: Vec<String> = (0..20_000).map(|number| format!("n{number}")).collect();
    let hello = hello().field("Provides", &names.join(", ")).build();
    let message = bench(&hello).fails();
    assert!(message.len() < 1000 && message.contains("more than 10000 relations"), "{message}");
}
