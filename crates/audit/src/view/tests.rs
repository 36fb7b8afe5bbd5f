//! Layers in, a view out.

use std::collections::BTreeMap;
use std::io::Write as _;

use bareboat_formats::compress::{LayerCompression, layer_encoder};
use bareboat_formats::oci::{LAYER, LAYER_GZIP};
use bareboat_formats::tar::{self, EntryKind, Writer};
use bareboat_io::store::Store;
use bareboat_model::{Error, Silent};

use super::*;

/// A tar of `path` (an empty file), `path:content`, `path/`, `path->target`, `path=>target` (a hard link), each perhaps with
/// `*MODE` at its end.
fn layer(text: &str) -> Vec<u8> {
    let mut writer = Writer::new(Vec::new());
    for member in text.split_whitespace() {
        let (member, mode) = member.split_once('*').unwrap_or((member, "644"));
        let mode = u32::from_str_radix(mode, 8).unwrap();
        let target;
        let (path, content, kind) = if let Some((path, to)) = member.split_once("=>") {
            target = ImagePath::absolute(to).unwrap();
            (path, "", EntryKind::HardLink(&target))
        } else if let Some((path, to)) = member.split_once("->") {
            (path, "", EntryKind::Symlink(to.as_bytes()))
        } else if member.ends_with('/') {
            (member, "", EntryKind::Directory)
        } else {
            let (path, content) = member.split_once(':').unwrap_or((member, ""));
            (path, content, EntryKind::File { size: content.len() as u64 })
        };
        let path = ImagePath::absolute(path).unwrap();
        let entry =
            tar::Entry { path: &path, kind, mode, uid: 0, gid: 0, mtime: 0, xattrs: &BTreeMap::new() };
        writer.append(&entry, &mut content.as_bytes()).unwrap();
    }
    writer.finish().unwrap()
}

/// Layers by digest, in memory.
pub(crate) struct Fixture {
    blobs: BTreeMap<Digest, Vec<u8>>,
    pub(crate) layers: Vec<(Descriptor, Digest)>,
    store: Store,
    _folder: tempfile::TempDir,
}

impl Layers for Fixture {
    fn open(&self, layer: &Descriptor) -> Result<Box<dyn Read + Send + '_>> {
        let blob = self.blobs.get(&layer.digest).ok_or_else(|| Error::new("it is not there"))?;
        Ok(Box::new(&blob[..]))
    }
}

impl Fixture {
    fn of_tars(tars: impl IntoIterator<Item = Vec<u8>>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path()).unwrap();
        let mut fixture = Self { blobs: BTreeMap::new(), layers: Vec::new(), store, _folder: folder };
        for tar in tars {
            fixture.layers.push((Descriptor::of(LAYER, &tar), Digest::of(&tar)));
            fixture.blobs.insert(Digest::of(&tar), tar);
        }
        fixture
    }

    pub(crate) fn of(layers: &[&str]) -> Self {
        Self::of_tars(layers.iter().map(|text| layer(text)))
    }

    pub(crate) fn read(&self) -> Result<View> {
        read(&self.layers, self, &self.store, 3, &Silent)
    }
}

/// `/a:SIZE@LAYER /d/@0 …` of what is there, and `+/a ~/b(mode) =/c -/d` of what each layer did (but for directories that only
/// lie above).
fn shown(view: &View) -> (String, Vec<String>) {
    let files = view.files().filter(|(path, _)| !path.is_root()).map(|(path, item)| match &item.entry.kind {
        Kind::File(content) => format!("{path}:{}@{}", content.size, item.layer),
        Kind::Directory => format!("{path}/@{}", item.layer),
        Kind::Symlink(target) => format!("{path}->{}@{}", String::from_utf8_lossy(target), item.layer),
        other => format!("{path}?{}@{}", other.word(), item.layer),
    });
    let layers = view.layers.iter().map(|layer| {
        let changes = layer.changes.iter().map(|change| {
            let path = &change.path;
            match change.happened {
                Happened::Added => format!("+{path}"),
                Happened::Changed(how) => format!("~{path}({})", how.words().join(",")),
                Happened::Repeated => format!("={path}"),
                Happened::Removed => format!("-{path}"),
            }
        });
        let lost = layer.lost.iter().map(|lost| {
            let how = if lost.replaced { "replaced" } else { "removed" };
            format!("!{}:{}({how} by {})", lost.path, lost.size, lost.by)
        });
        changes.chain(lost).collect::<Vec<_>>().join(" ")
    });
    (files.collect::<Vec<_>>().join(" "), layers.collect())
}

#[test]
fn it_tells_what_there_is_what_each_layer_did_and_what_was_lost() {
    for (layers, files, changes) in [
        (&["/a:1 /b:22"][..], "/a:1@0 /b:2@0", &["+/a +/b"][..]),
        (&["/a:1 /b:22", "/b:33"], "/a:1@0 /b:2@1", &["+/a +/b !/b:2(replaced by 1)", "~/b(content)"]),
        (&["/a:1", "/a:1"], "/a:1@1", &["+/a !/a:1(replaced by 1)", "=/a"]),
        (&["/a:1", "/a:1*755"], "/a:1@1", &["+/a !/a:1(replaced by 1)", "~/a(mode)"]),
        (&["/a:1", "/.wh.a"], "", &["+/a !/a:1(removed by 1)", "-/a"]),
        (&["/a:1", "/.wh.a", "/a:1"], "/a:1@2", &["+/a !/a:1(removed by 1)", "-/a", "+/a"]),
        (
            &["/d/x:1 /d/y:22", "/.wh.d"],
            "",
            &["+/d +/d/x +/d/y !/d/x:1(removed by 1) !/d/y:2(removed by 1)", "-/d -/d/x -/d/y"],
        ),
        (
            &["/d/x:1 /d/y:22", "/d/.wh..wh..opq /d/y:3"],
            "/d/@0 /d/y:1@1",
            &["+/d +/d/x +/d/y !/d/x:1(removed by 1) !/d/y:2(replaced by 1)", "-/d/x ~/d/y(content)"],
        ),
        (&["/d/x:1", "/d:22"], "/d:2@1", &["+/d +/d/x !/d/x:1(removed by 1)", "~/d(kind,mode) -/d/x"]),
        (&["/a:1 /a:22"], "/a:2@0", &["+/a !/a:1(replaced by 0)"]),
        // Both names of a file must go before its content is lost.
        (&["/a:1 /b=>/a", "/.wh.a"], "/b:1@0", &["+/a +/b", "-/a"]),
        (&["/a:1 /b=>/a", "/.wh.a /.wh.b"], "", &["+/a +/b !/a:1(removed by 1)", "-/a -/b"]),
        (&["/a:1", "/b=>/a", "/.wh.a", "/.wh.b"], "", &["+/a !/b:1(removed by 3)", "+/b", "-/a", "-/b"]),
        (&["/a:1", "/a=>/a"], "/a:1@0", &["+/a", ""]),
        (&["/u/l/ /l->u/l", "/l/x:1"], "/l->u/l@0 /u/@0 /u/l/@0 /u/l/x:1@1", &["+/l +/u +/u/l", "+/u/l/x"]),
        (
            &["/u/l/x:1 /l->u/l /l/x:22"],
            "/l->u/l@0 /u/@0 /u/l/@0 /u/l/x:2@0",
            &["+/l +/u +/u/l +/u/l/x !/u/l/x:1(replaced by 0)"],
        ),
        (&["/l->a", "/l->b"], "/l->b@1", &["+/l", "~/l(link)"]),
        (&["/a:1", "/.wh.b /n/.wh..wh..opq /.wh..wh.aufs"], "/a:1@0", &["+/a", ""]),
        (&["/d/*755", "/d/*700"], "/d/@1", &["+/d", "~/d(mode)"]),
    ] {
        let view = Fixture::of(layers).read().unwrap();
        let (found, did) = shown(&view);
        assert_eq!(found, files, "{layers:?}");
        assert_eq!(did, changes, "{layers:?}");
        // Nothing is forgotten: what layers carry is in the image or lost.
        let carried: u64 = view.layers.iter().map(|layer| layer.listing.size()).sum();
        let lost: u64 = view.layers.iter().flat_map(|layer| &layer.lost).map(|lost| lost.size).sum();
        assert_eq!(carried, view.size() + lost, "{layers:?}");
    }
}

#[test]
fn links_are_looked_up_as_a_program_would() {
    let view = Fixture::of(&["/usr/bin/x:1 /bin->usr/bin /loop->loop /up->../../../usr"]).read().unwrap();
    let lookup =
        |path| view.lookup(&ImagePath::absolute(path).unwrap()).map(|it| it.map(|it| it.0.to_string()));
    assert_eq!(lookup("/bin/x").unwrap().as_deref(), Some("/usr/bin/x"));
    assert_eq!(lookup("/up/bin/x").unwrap().as_deref(), Some("/usr/bin/x"));
    assert_eq!(lookup("/bin/y").unwrap(), None);
    assert!(lookup("/loop").unwrap_err().to_string().starts_with("links lead in a circle"));
}

#[test]
fn a_layer_is_read_once() {
    let mut fixture = Fixture::of(&["/a:1", "/b:22", "/a:1"]);
    let first = fixture.read().unwrap();
    fixture.blobs.clear();
    let again = fixture.read().unwrap();
    assert_eq!(shown(&again), shown(&first));
    // A listing that cannot be understood counts as none.
    for (layer, diff_id) in &fixture.layers {
        let key = Digest::of(format!("{} {} {diff_id}", layer.digest, layer.size).as_bytes());
        fixture.store.write_entry(cached::KIND, &key, |file| Ok(file.write_all(b"rubbish")?)).unwrap();
    }
    assert!(fixture.read().unwrap_err().to_string().ends_with("it is not there"));
}

/// Names and digests of the fixtures' layers shortened.
fn said(result: Result<View>) -> String {
    let words = result.unwrap_err().to_string();
    words.split("sha256:").enumerate().fold(String::new(), |all, (number, part)| match number {
        0 => part.to_owned(),
        _ => all + "SHA" + part.get(64..).unwrap_or_default(),
    })
}

#[test]
fn layers_that_are_not_what_they_should_be_are_refused() {
    let good = || Fixture::of(&["/a:1", "/b:22"]);
    let mut wrong_tar = good();
    wrong_tar.layers[1].1 = Digest::of(b"another");
    assert_eq!(said(wrong_tar.read()), "cannot read layer 2 (SHA): expected a tar of SHA, found SHA");

    let damaged = |harm: fn(&mut Vec<u8>)| {
        let mut fixture = good();
        let name = fixture.layers[0].0.digest;
        fixture.blobs.get_mut(&name).map(harm);
        fixture.read()
    };
    let expected = "cannot read layer 1 (SHA): it is damaged: expected SHA of 2048 bytes, found SHA of";
    assert_eq!(said(damaged(|blob| blob[600] = 7)), format!("{expected} 2048 bytes"));
    assert_eq!(said(damaged(|blob| blob.truncate(900))), format!("{expected} 900 bytes"));
    assert_eq!(
        said(damaged(|blob| blob.push(0))),
        "cannot read layer 1 (SHA): it is damaged: it has more than the expected 2048 bytes"
    );

    let mut missing = good();
    missing.blobs.clear();
    assert_eq!(said(missing.read()), "cannot read layer 1 (SHA): it is not there");
}

#[test]
fn hostile_layers_are_refused_with_words() {
    let mut cut = layer("/a:1");
    cut.truncate(512);
    for (tar, expected) in [
        (
            cut,
            "cannot read layer 1 (SHA): cannot take `/a`: member 1 (`/a`): its content ends 1 bytes too early",
        ),
        (b"no tar".to_vec(), "cannot read layer 1 (SHA): member 1: the archive ends too early, at byte 6"),
        (
            layer("/etc/.wh.."),
            "cannot read layer 1 (SHA): cannot take `/etc/.wh..`: `/etc/.wh..` takes nothing away that has a name",
        ),
        (
            layer("/a=>/gone"),
            "cannot put `/a` of layer 1 (SHA) in place: it is a hard link to `/gone`, which is no file",
        ),
        (
            layer("/d/ /a=>/d"),
            "cannot put `/a` of layer 1 (SHA) in place: it is a hard link to `/d`, which is no file",
        ),
        (
            layer("/a->b /b->a /a/x"),
            "cannot put `/a/x` of layer 1 (SHA) in place: links lead in a circle at `/a`, on the way to `/a`",
        ),
    ] {
        assert_eq!(said(Fixture::of_tars([tar]).read()), expected);
    }
}

/// A header by hand: the writer refuses such names.
fn raw(path: &[u8], kind: u8, target: &[u8]) -> Vec<u8> {
    let mut header = vec![0; 512];
    header[..path.len()].copy_from_slice(path);
    header[100..107].copy_from_slice(b"0000644");
    for field in [108..115, 116..123, 124..135, 136..147] {
        header[field].fill(b'0');
    }
    header[148..156].fill(b' ');
    header[156] = kind;
    header[157..157 + target.len()].copy_from_slice(target);
    let sum: u32 = header.iter().map(|&byte| u32::from(byte)).sum();
    header[148..155].copy_from_slice(format!("{sum:06o}\0").as_bytes());
    header.resize(512 + 1024, 0);
    header
}

#[test]
fn names_are_bytes_and_cannot_lead_out() {
    for (path, kind, target, expected) in [
        (
            &b"../etc/x"[..],
            b'0',
            &b""[..],
            "cannot read layer 1 (SHA): member 1: path `../etc/x` leaves the root with `..`",
        ),
        (
            b"a",
            b'1',
            b"../../etc/shadow",
            "cannot read layer 1 (SHA): member 1 (`/a`): its link target: path `../../etc/shadow` leaves the root with `..`",
        ),
    ] {
        assert_eq!(said(Fixture::of_tars([raw(path, kind, target)]).read()), expected);
    }
    for (path, shown) in [(&b"/abs"[..], "/abs"), (b"a\x1b[2J\xff", "/a\\u{1b}[2J\\xff")] {
        let view = Fixture::of_tars([raw(path, b'0', b"")]).read().unwrap();
        assert_eq!(view.files().last().unwrap().0.to_string(), shown);
    }
}

#[test]
fn a_bomb_is_refused() {
    let size = 13 << 30;
    let path = ImagePath::absolute("/zeros").unwrap();
    let kind = EntryKind::File { size };
    let entry =
        tar::Entry { path: &path, kind, mode: 0o644, uid: 0, gid: 0, mtime: 0, xattrs: &BTreeMap::new() };
    let mut encoder = layer_encoder(LayerCompression::Zstd { level: 1 }, 1, Vec::new()).unwrap();
    let mut writer = Writer::new(&mut encoder);
    // The header is enough: nobody reads on.
    assert!(writer.append(&entry, &mut std::io::empty()).is_err());
    let blob = encoder.finish().unwrap();
    let mut fixture = Fixture::of(&[]);
    fixture.layers.push((Descriptor::of(LAYER_GZIP, &blob), Digest::of(b"whatever")));
    fixture.blobs.insert(Digest::of(&blob), blob);
    let words = said(fixture.read());
    assert!(words.contains("member 1 (`/zeros`): unpacks to more than "), "{words}");
}

#[test]
fn what_is_kept_of_all_layers_together_is_bounded() {
    let left = std::cell::Cell::new(500_usize);
    let take =
        |bytes| left.get().checked_sub(bytes).map(|now| left.set(now)).ok_or_else(|| Error::new("no room"));
    let tar = layer("/a /b /c /d");
    let read = listing::of_tar(&tar[..], &tar::Limits::default(), &take);
    assert_eq!(read.unwrap_err().to_string(), "no room");
    let listing = Listing::of_tar(&layer("/a /b")[..], &tar::Limits::default()).unwrap();
    let fixture = Fixture::of(&["/a /b"]);
    let listings = || vec![(fixture.layers[0].0.clone(), fixture.layers[0].1, listing.clone())];
    let said = squash::view(listings(), 100).unwrap_err().to_string();
    assert!(said.ends_with("the layers have more paths than are held in memory"), "{said}");
}

#[test]
fn packages_are_those_whose_files_are_still_there() {
    let of = |name: &str, version: u32| {
        format!("/app/node_modules/{name}/package.json:{{\"name\":\"{name}\",\"version\":\"{version}\"}} ")
    };
    let (lower, upper) = (of("a", 1) + &of("b", 1) + &of("c", 1), of("b", 2) + "/app/node_modules/.wh.c");
    let fixture = Fixture::of(&[&lower, &upper]);
    for _ in ["read", "from the cache"] {
        let packages = fixture.read().unwrap().packages();
        let names =
            packages.packages().iter().map(|one| format!("{} {}", one.package.name, one.package.version));
        assert_eq!(names.collect::<Vec<_>>(), ["a 1", "b 2"]);
    }
}

#[test]
fn a_database_that_is_only_a_link_is_told() {
    for (files, told) in [
        ("/opt/s:x /var/lib/dpkg/status=>/opt/s", Some("opt/s")),
        ("/data/dpkg/status:x /var/lib->/data", Some("data/dpkg/status")),
        ("/opt/d/bash:x /var/lib/dpkg/status.d->/opt/d", Some("opt/d")),
        ("/opt/s /var/lib/dpkg/status->/opt/s", None),
        ("/usr/lib/apk/db/installed:P:a /lib->usr/lib", None),
        ("/var/lib/dpkg/status->/opt/gone", None),
    ] {
        let packages = Fixture::of(&[files]).read().unwrap().packages();
        let causes: Vec<_> = packages.unread().iter().map(|(_, cause)| cause.clone()).collect();
        let wanted = told.map(|real| format!("it is a link to `/{real}`, which is not read"));
        assert_eq!(causes, Vec::from_iter(wanted), "{files}");
    }
}

#[test]
fn a_content_is_copied_from_its_layer() {
    let mut fixture = Fixture::of(&["/a:one /b:two /.wh..wh.note /c:three", "/d=>/c"]);
    let view = fixture.read().unwrap();
    let copy = |fixture: &Fixture, path: &str| {
        let mut out = Vec::new();
        let item = view.get(&ImagePath::absolute(path).unwrap()).unwrap();
        copy_content(&view, &item, fixture, &mut out).map(|()| String::from_utf8(out).unwrap())
    };
    for (path, content) in [("/a", "one"), ("/c", "three"), ("/d", "three")] {
        assert_eq!(copy(&fixture, path).unwrap(), content);
    }
    // It is verified although the layer was, for its bytes come from elsewhere now.
    let name = fixture.layers[0].0.digest;
    fixture.blobs.insert(name, layer("/a:one /b:two /.wh..wh.note /c:THREE"));
    let said = copy(&fixture, "/c").unwrap_err().to_string();
    assert!(said.contains("): its content is damaged: expected sha256:"), "{said}");
    fixture.blobs.insert(name, layer("/a:one"));
    let said = copy(&fixture, "/c").unwrap_err().to_string();
    assert!(said.ends_with("): it is not there any more"), "{said}");
}
