//! bareboat's own readers on what the test kit makes: a fixture that they cannot read would test nothing.
#![allow(clippy::unwrap_used, reason = "clippy does not see that helpers of tests are tests")]

use std::collections::BTreeSet;

use bareboat_formats::openpgp::{Keyring, Policy, verify_clearsigned, verify_detached};
use bareboat_formats::{deb, elf, packages, release::Release, tar::Limits};
use bareboat_model::{Arch, Digest, Timestamp};
use bareboat_testkit::{
    Algorithm, Archive, Compression, DebBuilder, Key, KeyBuilder, SignatureHash, Suite, Tree, release_date,
    world,
};

fn policy() -> Policy {
    Policy { now: Timestamp::from_seconds(release_date().seconds() + 86_400), allow_sha1_bindings: false }
}

fn keyring(key: &Key) -> Keyring {
    Keyring::parse(&key.public()).unwrap()
}

/// The paths of a package's files, as its reader tells them.
fn paths(bytes: &[u8]) -> bareboat_model::Result<BTreeSet<String>> {
    let mut paths = BTreeSet::new();
    deb::Package::open(bytes, &Limits::default())?.unpack(|member, content| {
        std::io::copy(content, &mut std::io::sink())?;
        paths.insert(member.path.to_string());
        Ok(())
    })?;
    Ok(paths)
}

#[test]
fn packages_are_read_in_every_compression() {
    for compression in Compression::ALL {
        let deb = DebBuilder::new("hello", "1.0")
            .tree("/usr/bin/hello 0755 \"hello\\n\"\n/usr/bin/hi => /usr/bin/hello\n/bin -> usr/bin")
            .compression(compression)
            .build();
        let found = paths(&deb.bytes).unwrap_or_else(|error| panic!("{compression:?}: {error}"));
        let expected = ["/", "/bin", "/usr", "/usr/bin", "/usr/bin/hello", "/usr/bin/hi"];
        assert_eq!(found, expected.map(str::to_owned).into(), "{compression:?}");
        let control = deb::Package::open(&deb.bytes[..], &Limits::default()).unwrap();
        assert_eq!(control.control().fields, deb.control);
        assert_eq!(control.control().built, bareboat_testkit::build_date().seconds());
    }
}

#[test]
fn every_package_of_the_world_is_read_and_its_libraries_are_elf() {
    let mut libraries = 0;
    for (path, bytes) in world().files.iter().filter(|(path, _)| path.ends_with(".deb")) {
        let arch = if path.ends_with("_arm64.deb") { Arch::Arm64 } else { Arch::Amd64 };
        let package = deb::Package::open(&bytes[..], &Limits::default());
        let read = package.and_then(|package| {
            package.unpack(|member, content| {
                let mut bytes = Vec::new();
                content.read_to_end(&mut bytes)?;
                if let Some(elf) = elf::parse(&bytes)? {
                    assert_eq!(elf.machine, arch.elf_machine(), "{}", member.path);
                    assert!(elf.dynamic);
                    libraries += usize::from(elf.soname.is_some());
                }
                Ok(())
            })
        });
        read.unwrap_or_else(|error| panic!("{path}: {error}"));
    }
    assert!(libraries > 50, "only {libraries} libraries with a soname");
}

#[test]
fn elf_files_say_what_they_were_told_to() {
    let library = bareboat_testkit::elf::shared_object(Arch::Arm64, "libx.so.1", &["liby.so.2", "libc.so.6"]);
    let elf = elf::parse(&library).unwrap().unwrap();
    assert_eq!(elf.soname.as_deref(), Some("libx.so.1"));
    assert_eq!(elf.needed, ["liby.so.2", "libc.so.6"]);
    let program = bareboat_testkit::elf::executable(Arch::Amd64, &["libc.so.6"]);
    let elf = elf::parse(&program).unwrap().unwrap();
    assert_eq!(elf.interpreter.as_deref(), Some("/lib64/ld-linux-x86-64.so.2"));
}

#[test]
fn the_worlds_releases_verify_and_name_the_indexes_that_are_there() {
    let files = &world().files;
    let keyring = Keyring::parse(&world().keyring).unwrap();
    for folder in
        ["debian/dists/trixie", "debian/dists/bookworm-updates", "debian-security/dists/trixie-security"]
    {
        let verified =
            verify_clearsigned(&files[&format!("{folder}/InRelease")], &keyring, &policy()).unwrap();
        let release = &files[&format!("{folder}/Release")];
        assert_eq!(verified.text, String::from_utf8_lossy(release));
        assert_eq!(verified.signers, [Key::archive().signing_fingerprint()]);
        let detached =
            verify_detached(release, &files[&format!("{folder}/Release.gpg")], &keyring, &policy());
        assert_eq!(detached.unwrap().signers, verified.signers);

        let release = Release::parse(&verified.text).unwrap();
        assert!(release.acquire_by_hash);
        assert_eq!(release.date, release_date());
        for (path, index) in release.files.iter().filter(|(path, _)| path.ends_with(".xz")) {
            let bytes = &files[&format!("{folder}/{path}")];
            assert_eq!((index.size, index.sha256), (bytes.len() as u64, Digest::of(bytes)));
        }
    }
}

#[test]
fn indexes_name_the_packages_that_are_in_the_pool() {
    let deb = DebBuilder::new("libhello+1", "1:2~rc1-1").arch("amd64").depends("libc6").build();
    let suite = Suite::new("trixie").compressions(&[Compression::None]).package(&deb);
    let files = Archive::new().suite(suite).build();
    let text = String::from_utf8(files["dists/trixie/main/binary-amd64/Packages"].clone()).unwrap();
    let listed: Vec<_> = packages::parse(&text).collect::<Result<_, _>>().unwrap();
    assert_eq!(listed.len(), 1);
    let bytes = &files[listed[0].path];
    assert_eq!((listed[0].size, listed[0].sha256), (bytes.len() as u64, Digest::of(bytes)));
}

#[test]
fn keys_are_as_good_or_bad_as_they_say() {
    let rsa = KeyBuilder::new("rsa").algorithm(Algorithm::Rsa2048).build();
    for (key, reason) in [
        (Key::archive(), None),
        (rsa.clone(), None),
        (Key::expired(), Some("expired")),
        (Key::revoked(), Some("revoked")),
    ] {
        let message = key.clearsign("Suite: x\n", release_date());
        let verdict = verify_clearsigned(&message, &keyring(&key), &policy());
        match (verdict, reason) {
            (Ok(verified), None) => assert_eq!(verified.text, "Suite: x\n"),
            (Err(error), Some(reason)) => assert!(error.to_string().contains(reason), "{error}"),
            (verdict, _) => panic!("{reason:?}, and the verdict is {verdict:?}"),
        }
    }
    let message = Key::stranger().clearsign("Suite: x\n", release_date());
    assert!(verify_clearsigned(&message, &keyring(&Key::archive()), &policy()).is_err());
    let weak = rsa.clearsign_with("Suite: x\n", release_date(), SignatureHash::Sha1, None);
    assert!(verify_clearsigned(&weak, &keyring(&rsa), &policy()).is_err());
    let strong = rsa.clearsign_with("Suite: x\n", release_date(), SignatureHash::Sha512, None);
    assert!(verify_clearsigned(&strong, &keyring(&rsa), &policy()).is_ok());
    let short = Some(Timestamp::from_seconds(release_date().seconds() + 60));
    let over = rsa.clearsign_with("Suite: x\n", release_date(), SignatureHash::Sha256, short);
    assert!(verify_clearsigned(&over, &keyring(&rsa), &policy()).is_err());
}

#[test]
fn hostile_members_reach_the_reader_as_they_are() {
    for (line, reason) in [
        ("\"../../etc/passwd\" 0644 \"x\"", ".."),
        ("\"usr/../../etc/passwd\" 0644 \"x\"", ".."),
        ("/usr/bin/hi => \"../../etc/shadow\"", ".."),
    ] {
        let deb = DebBuilder::new("hostile", "1").data_tar_raw(Tree::parse(line).to_tar(0)).build();
        let error = paths(&deb.bytes).expect_err(line).to_string();
        assert!(error.contains(reason), "{line}: {error}");
    }
    let deb = DebBuilder::new("devices", "1").tree("/dev/null 0666 char 1:3\n/run/pipe 0644 fifo").build();
    assert!(paths(&deb.bytes).unwrap().contains("/dev/null"));
}

#[test]
fn a_bomb_is_small_and_unpacks_to_what_it_says() {
    let bomb = bareboat_testkit::compress::xz_bomb(40 << 20);
    assert!(bomb.len() < 40_000, "{}", bomb.len());
    let deb = DebBuilder::new("bomb", "1").data_member_raw("data.tar.xz", bomb).build();
    let unpack = |unpacked| {
        let limits = Limits { unpacked, ..Limits::default() };
        deb::Package::open(&deb.bytes[..], &limits).unwrap().unpack(|_, _| Ok(()))
    };
    assert!(unpack(39 << 20).is_err());
    unpack(41 << 20).unwrap();
}
