//! What the writer writes, the reader and the `tar` crate read; what is hostile, the reader refuses.

use std::collections::BTreeMap;
use std::io::{self, Read};

use bareboat_model::{Digest, ImagePath, Result};
use proptest::prelude::*;
use tar::Header;

use super::*;

/// An entry that owns what it holds.
#[derive(Clone, Debug)]
struct Owned {
    path: ImagePath,
    kind: OwnedKind,
    mode: u32,
    uid: u32,
    gid: u32,
    mtime: i64,
    xattrs: BTreeMap<Vec<u8>, Vec<u8>>,
}

#[derive(Clone, Debug)]
enum OwnedKind {
    File(Vec<u8>),
    Directory,
    Symlink(Vec<u8>),
    HardLink(ImagePath),
}

impl Owned {
    fn file(path: &[u8], content: &[u8]) -> Self {
        let path = ImagePath::parse(path).unwrap();
        let kind = OwnedKind::File(content.to_vec());
        Self { path, kind, mode: 0o644, uid: 0, gid: 0, mtime: 0, xattrs: BTreeMap::new() }
    }

    fn content(&self) -> &[u8] {
        match &self.kind {
            OwnedKind::File(content) => content,
            _ => b"",
        }
    }

    fn entry(&self) -> Entry<'_> {
        let kind = match &self.kind {
            OwnedKind::File(content) => EntryKind::File { size: content.len() as u64 },
            OwnedKind::Directory => EntryKind::Directory,
            OwnedKind::Symlink(target) => EntryKind::Symlink(target),
            OwnedKind::HardLink(path) => EntryKind::HardLink(path),
        };
        let Self { path, mode, uid, gid, mtime, xattrs, .. } = self;
        Entry { path, kind, mode: *mode, uid: *uid, gid: *gid, mtime: *mtime, xattrs }
    }

    fn holds_newline(&self) -> bool {
        let target = match &self.kind {
            OwnedKind::Symlink(target) => &target[..],
            OwnedKind::HardLink(path) => path.as_bytes(),
            OwnedKind::File(_) | OwnedKind::Directory => b"",
        };
        let texts =
            [self.path.as_bytes(), target].into_iter().chain(self.xattrs.values().map(|value| &value[..]));
        texts.into_iter().any(|text| text.contains(&b'\n'))
    }

    fn member(&self) -> Member {
        let kind = match &self.kind {
            OwnedKind::File(content) => MemberKind::File { size: content.len() as u64 },
            OwnedKind::Directory => MemberKind::Directory,
            OwnedKind::Symlink(target) => MemberKind::Symlink(target.clone()),
            OwnedKind::HardLink(path) => MemberKind::HardLink(path.clone()),
        };
        Member {
            path: self.path.clone(),
            kind,
            mode: self.mode,
            uid: self.uid.into(),
            gid: self.gid.into(),
            mtime: self.mtime,
            xattrs: self.xattrs.clone(),
        }
    }
}

fn write(entries: &[Owned]) -> Vec<u8> {
    let mut writer = Writer::new(Vec::new());
    for entry in entries {
        writer.append(&entry.entry(), &mut entry.content()).unwrap();
    }
    writer.finish().unwrap()
}

fn read_with(bytes: &[u8], limits: &Limits) -> Result<Vec<(Member, Vec<u8>)>> {
    let mut members = Vec::new();
    read(bytes, limits, |member, content| {
        let mut bytes = Vec::new();
        content.read_to_end(&mut bytes)?;
        members.push((member, bytes));
        Ok(())
    })?;
    Ok(members)
}

fn read_all(bytes: &[u8]) -> Result<Vec<(Member, Vec<u8>)>> {
    read_with(bytes, &Limits::default())
}

/// Names of any bytes, short and long.
fn any_path() -> impl Strategy<Value = ImagePath> {
    let name = prop_oneof![
        4 => "[a-z.+_-]{1,30}".prop_map(String::into_bytes),
        1 => "[a-z]{90,255}".prop_map(String::into_bytes),
        1 => prop::collection::vec(any::<u8>(), 1..20),
        1 => Just("naïve".as_bytes().to_vec()),
    ];
    prop::collection::vec(name, 1..6).prop_filter_map("no path", |names| {
        ImagePath::parse(&names.join(&b"/"[..])).ok().filter(|path| !path.is_root())
    })
}

fn any_kind() -> impl Strategy<Value = OwnedKind> {
    prop_oneof![
        prop::collection::vec(any::<u8>(), 0..1500).prop_map(OwnedKind::File),
        Just(OwnedKind::Directory),
        prop::collection::vec(1u8.., 1..300).prop_map(OwnedKind::Symlink),
        any_path().prop_map(OwnedKind::HardLink),
    ]
}

fn any_entry() -> impl Strategy<Value = Owned> {
    let id = || prop_oneof![0u32..70_000, any::<u32>()];
    let mtime = prop_oneof![0i64..2_000_000_000, any::<i64>()];
    let name = "user\\.[a-z.]{1,20}".prop_map(String::into_bytes);
    let xattrs = prop::collection::btree_map(name, prop::collection::vec(any::<u8>(), 0..60), 0..3);
    (any_path(), any_kind(), 0u32..0o10000, id(), id(), mtime, xattrs).prop_map(
        |(path, kind, mode, uid, gid, mtime, xattrs)| Owned { path, kind, mode, uid, gid, mtime, xattrs },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn what_is_written_is_read_again(entries in prop::collection::vec(any_entry(), 0..6)) {
        let bytes = write(&entries);
        prop_assert_eq!(bytes.len() % BLOCK, 0);
        let expected: Vec<_> =
            entries.iter().map(|entry| (entry.member(), entry.content().to_vec())).collect();
        prop_assert_eq!(read_all(&bytes).unwrap(), expected);
    }

    #[test]
    fn the_tar_crate_reads_the_same(entry in any_entry()) {
        // The crate splits PAX records at newlines.
        prop_assume!(!entry.holds_newline());
        let bytes = write(std::slice::from_ref(&entry));
        let mut archive = tar::Archive::new(&bytes[..]);
        let mut found = archive.entries().unwrap().next().unwrap().unwrap();
        prop_assert_eq!(ImagePath::parse(&found.path_bytes()).unwrap(), entry.path.clone());
        prop_assert_eq!(found.header().mode().unwrap(), entry.mode);
        prop_assert_eq!(found.header().uid().unwrap(), u64::from(entry.uid));
        prop_assert_eq!(found.header().gid().unwrap(), u64::from(entry.gid));
        match &entry.kind {
            OwnedKind::Symlink(target) => {
                let link = found.link_name_bytes();
                prop_assert_eq!(link.as_deref(), Some(&target[..]));
            }
            OwnedKind::HardLink(path) => {
                let link = found.link_name_bytes();
                prop_assert_eq!(link.as_deref(), Some(path.as_bytes()));
            }
            _ => {}
        }
        let mut content = Vec::new();
        found.read_to_end(&mut content).unwrap();
        prop_assert_eq!(content, entry.content());
    }

    #[test]
    fn noise_never_panics(at in 0usize..4096, byte: u8, cut in 0usize..4096) {
        let mut bytes = write(&[Owned::file(b"a\xff", b"content"), Owned::file(b"b", b"")]);
        let at = at % bytes.len();
        bytes[at] = byte;
        bytes.truncate(bytes.len() - cut % bytes.len());
        let _ = read_all(&bytes);
    }
}

#[test]
fn the_bytes_are_fixed() {
    let mut directory = Owned::file(b"etc", b"");
    directory.kind = OwnedKind::Directory;
    let mut tool = Owned::file("usr/bin/naïve".as_bytes(), b"\x7fELF");
    tool.mode = 0o4755;
    tool.uid = 3_000_000;
    tool.mtime = 1_700_000_000;
    tool.xattrs.insert(b"security.capability".to_vec(), b"\x01\0\n\x02".to_vec());
    let mut link = Owned::file(b"bin", b"");
    link.kind = OwnedKind::Symlink(b"usr/bin".to_vec());
    let bytes = write(&[directory, tool, link]);
    let digest = "9b7b2514c5096cc20d932186dd678544db67a9817360577ecb4caeaaf18aeedb";
    assert_eq!(Digest::of(&bytes).hex(), digest);
}

#[test]
fn pax_is_used_only_where_ustar_cannot_say_it() {
    let long = |length: usize| [b"d".repeat(length), b"/".to_vec(), b"n".repeat(100)].concat();
    for (path, pax) in [
        (b"n".repeat(100), false),
        (b"n".repeat(101), true),
        (long(155), false),
        (long(156), true),
        ([b"d/".to_vec(), b"n".repeat(101)].concat(), true),
        ("naïve".as_bytes().to_vec(), true),
    ] {
        let bytes = write(&[Owned::file(&path, b"")]);
        assert_eq!(bytes[156] == b'x', pax, "{}", String::from_utf8_lossy(&path));
    }
    let id = |uid| write(&[Owned { uid, ..Owned::file(b"n", b"") }])[156];
    assert_eq!((id(0o7_777_777), id(0o10_000_000)), (b'0', b'x'));
    let mtime = |mtime| write(&[Owned { mtime, ..Owned::file(b"n", b"") }])[156];
    assert_eq!((mtime(0o77_777_777_777), mtime(0o100_000_000_000), mtime(-1)), (b'0', b'x', b'x'));
}

#[test]
fn the_root_is_written_as_dot_slash() {
    let root = Owned { kind: OwnedKind::Directory, path: ImagePath::ROOT, ..Owned::file(b"x", b"") };
    let bytes = write(&[root]);
    assert!(bytes.starts_with(b"./\0"));
    assert_eq!(read_all(&bytes).unwrap()[0].0.path, ImagePath::ROOT);
}

#[test]
fn files_beyond_eight_gigabytes_have_their_size_in_pax() {
    let path = ImagePath::parse(b"huge").unwrap();
    let size = 8 << 30;
    let kind = EntryKind::File { size };
    let entry = Entry { path: &path, kind, mode: 0o644, uid: 0, gid: 0, mtime: 0, xattrs: &BTreeMap::new() };
    let mut writer = Writer::new(Vec::new());
    let error = writer.append(&entry, &mut io::empty()).unwrap_err();
    assert_eq!(
        error.to_string(),
        "cannot archive `/huge`: the content ends after 0 bytes, expected 8589934592"
    );
    let bytes = writer.finish().unwrap();
    assert_eq!(tar::Archive::new(&bytes[..]).entries().unwrap().next().unwrap().unwrap().size(), size);
    let mut seen = None;
    read(&bytes[..], &Limits::default(), |member, _| {
        seen = Some(member.kind);
        Ok(())
    })
    .unwrap_err();
    assert_eq!(seen, Some(MemberKind::File { size }));
}

#[test]
fn content_of_another_size_is_refused() {
    for (content, message) in [
        (&b"1234"[..], "cannot archive `/f`: the content ends after 4 bytes, expected 5"),
        (&b"123456"[..], "cannot archive `/f`: the content is longer than the expected 5 bytes"),
    ] {
        let error = Writer::new(Vec::new())
            .append(&Owned::file(b"f", b"12345").entry(), &mut &content[..])
            .unwrap_err();
        assert_eq!(error.to_string(), message);
    }
}

#[test]
fn what_tar_cannot_hold_is_refused() {
    let plain = Owned::file(b"f", b"");
    let with_xattr = |name: &[u8], value: Vec<u8>| Owned {
        xattrs: BTreeMap::from([(name.to_vec(), value)]),
        ..plain.clone()
    };
    for (entry, message) in [
        (Owned { mode: 0o10_000, ..plain.clone() }, "mode 10000 is larger than 7777"),
        (Owned { kind: OwnedKind::Symlink(vec![]), ..plain.clone() }, "`` is no target for a link"),
        (with_xattr(b"user.a=b", vec![]), "`user.a=b` cannot name an extended attribute in tar"),
        (with_xattr(b"user.a", vec![0; 2 << 20]), "2097181 bytes of names and attributes"),
    ] {
        let error = Writer::new(Vec::new()).append(&entry.entry(), &mut io::empty()).unwrap_err().to_string();
        assert!(error.contains(message), "{error}");
    }
}

#[test]
fn an_archive_cut_anywhere_is_an_error() {
    let mut entry = Owned::file("naïve".as_bytes(), &[7; 600]);
    entry.xattrs.insert(b"user.a".to_vec(), b"b".to_vec());
    let bytes = write(&[entry]);
    // The second of the two zero blocks at the end says nothing.
    for end in 0..bytes.len() - BLOCK {
        assert!(read_all(&bytes[..end]).is_err(), "cut at {end}");
    }
    assert_eq!(
        read_all(&bytes[..1000]).unwrap_err().to_string(),
        "member 1: the archive ends too early, at byte 1000"
    );
    assert_eq!(
        read_all(&bytes[..1600]).unwrap_err().to_string(),
        "member 1 (`/naïve`): its content ends 536 bytes too early"
    );
}

#[test]
fn a_layer_may_end_without_a_mark_but_only_between_members() {
    let bytes = write(&[Owned::file(b"a", &[7; 600]), Owned::file(b"b", &[7; 10])]);
    let members = |end: usize| {
        let mut count = 0;
        read_layer(&bytes[..end], &Limits::default(), |_, _| {
            count += 1;
            Ok(())
        })
        .map(|()| count)
    };
    let (one, two) = (3 * BLOCK, 5 * BLOCK);
    for end in 0..bytes.len() {
        match members(end) {
            Ok(0) => assert_eq!(end, 0),
            Ok(1) => assert_eq!(end, one),
            Ok(2) => assert!(end == two || end >= two + BLOCK, "{end}"),
            other => assert!(other.is_err() && ![one, two].contains(&end), "{end}: {other:?}"),
        }
    }
}

/// A raw member, as no good writer would write it.
fn raw(kind: u8, name: &[u8], link: &[u8], content: &[u8]) -> Vec<u8> {
    let mut header = Header::new_ustar();
    header.as_old_mut().name[..name.len()].copy_from_slice(name);
    header.as_old_mut().linkname[..link.len()].copy_from_slice(link);
    header.set_entry_type(tar::EntryType::new(kind));
    header.set_size(content.len() as u64);
    header.set_mode(0o644);
    header.set_uid(0);
    header.set_gid(0);
    header.set_mtime(0);
    header.set_cksum();
    let mut out = [header.as_bytes(), content].concat();
    out.resize(out.len().next_multiple_of(BLOCK), 0);
    out
}

fn archive(members: &[Vec<u8>]) -> Vec<u8> {
    [members.concat(), vec![0; 2 * BLOCK]].concat()
}

#[test]
fn hostile_archives_are_refused() {
    let file = || raw(b'0', b"f", b"", b"");
    let other_checksum = |mut member: Vec<u8>| {
        member[0] ^= 1;
        member
    };
    for (members, message) in [
        (
            vec![raw(b'0', b"../../etc/shadow", b"", b"")],
            "member 1: path `../../etc/shadow` leaves the root with `..`",
        ),
        (
            vec![raw(b'1', b"l", b"../f", b"")],
            "member 1 (`/l`): its link target: path `../f` leaves the root with `..`",
        ),
        (vec![raw(b'1', b"l", b"", b"")], "member 1 (`/l`): its link target is not a file"),
        (vec![raw(b'2', b"l", b"", b"")], "member 1 (`/l`): its link target `` is none that Linux takes"),
        (vec![raw(b'0', b".", b"", b"")], "member 1 (`/`): the root can only be a directory"),
        (
            vec![file(), raw(b'5', b"d", b"", b"x")],
            "member 2 (`/d`): it is no regular file, but has a content of 1 bytes",
        ),
        (vec![raw(b'S', b"s", b"", b"")], "member 1 (`/s`): it is a sparse file, which is not supported"),
        (vec![raw(b'V', b"v", b"", b"")], "member 1 (`/v`): it is of an unknown type `V`"),
        (
            vec![raw(b'x', b"", b"", b"20 GNU.sparse.size=1\n"), file()],
            "member 1: PAX record at byte 0: the length is wrong",
        ),
        (
            vec![raw(b'x', b"", b"", b"21 GNU.sparse.size=1\n"), file()],
            "member 1 (`/f`): it is a sparse file, which is not supported",
        ),
        (
            vec![raw(b'x', b"", b"", b"9 path=a\n9 path=b\n"), file()],
            "member 1: PAX record at byte 9: `path` comes twice",
        ),
        (vec![raw(b'x', b"", b"", b"9 path:a\n"), file()], "member 1: PAX record at byte 0: `=` is missing"),
        (
            vec![raw(b'x', b"", b"", b"10 path=..\n"), file()],
            "member 1: PAX record at byte 0: the length is wrong",
        ),
        (vec![raw(b'x', b"", b"", b"11 path=..\n"), file()], "member 1: path `..` leaves the root with `..`"),
        (vec![raw(b'x', b"", b"", b"9 uid=-1\n"), file()], "member 1 (`/f`): PAX uid `-1` is not a number"),
        (
            vec![raw(b'x', b"", b"", b"9 path=a\n"), raw(b'x', b"", b"", b"9 path=b\n"), file()],
            "member 1: it has two PAX headers",
        ),
        (
            vec![raw(b'x', b"", b"", b"9 path=a\n"), raw(b'L', b"", b"", b"b\0"), file()],
            "member 1: it has two long names, one of PAX and one of GNU",
        ),
        (
            vec![raw(b'L', b"", b"", b"a\0"), raw(b'L', b"", b"", b"b\0"), file()],
            "member 1: it has two GNU long names",
        ),
        (vec![raw(b'x', b"", b"", b"9 path=a\n")], "member 1: the archive ends after an extended header"),
        (
            vec![raw(b'x', b"", b"", &vec![b' '; 2 << 20])],
            "member 1: 2097152 bytes of names and attributes, at most 1048576 are read",
        ),
        (
            vec![raw(b'g', b"", b"", b"9 path=a\n"), file()],
            "member 1: a PAX global header sets `path`, which is not supported",
        ),
        (vec![file(), vec![0; BLOCK], file()], "the archive goes on after its end marker, after byte 1024"),
        (
            vec![other_checksum(file())],
            "member 1: no tar header at byte 0: its checksum is 6103, expected 6104",
        ),
    ] {
        let error = read_all(&archive(&members)).unwrap_err();
        assert_eq!(error.to_string(), message);
    }
}

#[test]
fn numbers_that_are_none_are_refused() {
    for (at, bytes, message) in [
        (100, &b"zzzz\0\0\0\0"[..], "its mode is not a number"),
        (124, &b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"[..], "its size is not a number"),
        (124, &b"\x80\0\0\x01\0\0\0\0\0\0\0\0"[..], "its size is not a number"),
        (124, &b"\x80\0\0\0\xff\xff\xff\xff\xff\xff\xff\xff"[..], "unpacks to more than"),
        (136, &b"\x80\0\0\0\xff\xff\xff\xff\xff\xff\xff\xff"[..], "its mtime is not a number"),
    ] {
        let mut member = raw(b'0', b"f", b"", b"");
        member[at..at + bytes.len()].copy_from_slice(bytes);
        let mut header = Header::from_byte_slice(&member).clone();
        header.set_cksum();
        let error = read_all(&archive(&[header.as_bytes().to_vec()])).unwrap_err().to_string();
        assert!(error.starts_with("member 1 (`/f`): ") && error.contains(message), "{error}");
    }
}

#[test]
fn other_writers_dialects_are_read() {
    let long = b"n".repeat(150);
    let mut early = raw(b'0', b"early", b"", b"");
    early[136..148].copy_from_slice(b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xfe");
    let mut early = Header::from_byte_slice(&early).clone();
    early.set_cksum();
    let members = read_all(&archive(&[
        raw(b'g', b"", b"", b"17 comment=12345\n"),
        raw(b'L', b"././@LongLink", b"", &[&long[..], b"\0"].concat()),
        raw(b'K', b"././@LongLink", b"", b"target\0"),
        raw(b'2', b"short", b"x", b""),
        raw(0, b"old/", b"", b""),
        raw(b'3', b"dev/null", b"", b""),
        raw(b'6', b"pipe", b"", b""),
        raw(b'x', b"", b"", b"14 mtime=-1.5\n12 unknown=\n"),
        raw(b'0', b"./f", b"", b"content"),
        early.as_bytes().to_vec(),
    ]));
    let shown: Vec<String> = members
        .unwrap()
        .into_iter()
        .map(|(member, content)| {
            let path = member.path.to_string().replace(&"n".repeat(150), "(long)");
            format!("{path} {:?} {} {}", member.kind, member.mtime, content.len())
        })
        .collect();
    assert_eq!(
        shown,
        [
            "/(long) Symlink([116, 97, 114, 103, 101, 116]) 0 0",
            "/old Directory 0 0",
            "/dev/null Device(Device { block: false, major: 0, minor: 0 }) 0 0",
            "/pipe Fifo 0 0",
            "/f File { size: 7 } -2 7",
            "/early File { size: 0 } -2 0",
        ]
    );
}

#[test]
fn limits_hold_and_are_exact() {
    let bytes = write(&[Owned::file(b"a", &[1; 512]), Owned::file(b"b", b"")]);
    let exact = Limits { members: 2, unpacked: bytes.len() as u64 };
    assert_eq!(read_with(&bytes, &exact).unwrap().len(), 2);
    let fewer = Limits { members: 1, ..exact };
    assert_eq!(read_with(&bytes, &fewer).unwrap_err().to_string(), "the archive has more than 1 members");
    let smaller = Limits { unpacked: 1000, ..exact };
    assert_eq!(
        read_with(&bytes, &smaller).unwrap_err().to_string(),
        "member 1 (`/a`): unpacks to more than 1000 bytes"
    );
}

#[test]
fn content_that_is_left_is_skipped_and_errors_pass() {
    let bytes = write(&[Owned::file(b"a", &[1; 5000]), Owned::file(b"b", b"x")]);
    let mut paths = Vec::new();
    read(&bytes[..], &Limits::default(), |member, content| {
        content.read_exact(&mut [0])?;
        paths.push(member.path.to_string());
        Ok(())
    })
    .unwrap();
    assert_eq!(paths, ["/a", "/b"]);
    let error =
        read(&bytes[..], &Limits::default(), |_, _| Err(bareboat_model::Error::new("mine"))).unwrap_err();
    assert_eq!(error.to_string(), "mine");
}

#[test]
fn what_follows_a_layers_end_is_skipped_within_limits() {
    let mut bytes = write(&[Owned::file(b"a", b"x")]);
    let end = bytes.len();
    bytes.extend(write(&[Owned::file(b"stargz.index.json", b"{}")]));
    let names = |limits: &Limits| {
        let mut names = Vec::new();
        read_layer(&bytes[..], limits, |member, _| {
            names.push(member.path.to_string());
            Ok(())
        })
        .map(|()| names)
    };
    assert_eq!(names(&Limits::default()).unwrap(), ["/a"]);
    assert!(read_with(&bytes, &Limits::default()).is_err());
    let limits = Limits { unpacked: end as u64, ..Limits::default() };
    assert_eq!(names(&limits).unwrap_err().to_string(), format!("unpacks to more than {end} bytes"));
}
