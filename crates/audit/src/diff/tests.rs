//! Two images in, what differs out.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::Read;

use bareboat_formats::oci::{CONFIG, Descriptor, ImageConfig, LAYER, MANIFEST};
use bareboat_formats::tar::{self, EntryKind, Writer};
use bareboat_io::store::Store;
use bareboat_model::{Error, ImagePath, Result, Silent, Timestamp};

use super::*;
use crate::view::{self, Layers as _};

/// A member of a layer: its path, which ends in a slash for a directory, its content, its mode and its date.
type Member<'a> = (&'a str, &'a str, u32, i64);

fn layer(members: &[Member<'_>]) -> Vec<u8> {
    let mut writer = Writer::new(Vec::new());
    for (name, content, mode, mtime) in members {
        let path = ImagePath::parse(name.as_bytes()).unwrap();
        let kind = match content.strip_prefix("->") {
            _ if name.ends_with('/') => EntryKind::Directory,
            Some(target) => EntryKind::Symlink(target.as_bytes()),
            None => EntryKind::File { size: content.len() as u64 },
        };
        let xattrs = &BTreeMap::new();
        let entry = tar::Entry { path: &path, kind, mode: *mode, uid: 0, gid: 0, mtime: *mtime, xattrs };
        let content = if name.ends_with('/') || content.starts_with("->") { "" } else { content };
        writer.append(&entry, &mut content.as_bytes()).unwrap();
    }
    writer.finish().unwrap()
}

struct Blobs(BTreeMap<Digest, Vec<u8>>);

impl view::Layers for Blobs {
    fn open(&self, layer: &Descriptor) -> Result<Box<dyn Read + Send + '_>> {
        let blob = self.0.get(&layer.digest).ok_or_else(|| Error::new("it is not there"))?;
        Ok(Box::new(&blob[..]))
    }
}

struct Image {
    digest: Digest,
    manifest: Manifest,
    config: ImageConfig,
    view: View,
    inventory: Inventory,
}

impl Image {
    fn new(layers: &[&[Member<'_>]], settings: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path()).unwrap();
        let mut config = ImageConfig::new("linux/amd64".parse().unwrap(), Timestamp::from_seconds(0));
        config.config = serde_json::from_str(settings).unwrap();
        let tars: Vec<_> = layers.iter().map(|members| layer(members)).collect();
        let named: Vec<_> = tars.iter().map(|tar| (Descriptor::of(LAYER, tar), Digest::of(tar))).collect();
        config.rootfs.diff_ids = named.iter().map(|(_, id)| *id).collect();
        let blobs = Blobs(tars.into_iter().map(|tar| (Digest::of(&tar), tar)).collect());
        assert!(named.iter().all(|(layer, _)| blobs.open(layer).is_ok()));
        let view = view::read(&named, &blobs, &store, 1, &Silent).unwrap();
        let config_bytes = config.to_bytes().unwrap();
        let layers = named.into_iter().map(|(layer, _)| layer).collect();
        let manifest = Manifest::new(Descriptor::of(CONFIG, &config_bytes), layers);
        let digest = Descriptor::of(MANIFEST, &manifest.to_bytes().unwrap()).digest;
        let inventory = view.packages();
        Self { digest, manifest, config, view, inventory }
    }

    fn side(&self) -> Side<'_> {
        Side {
            digest: self.digest,
            manifest: &self.manifest,
            config: &self.config,
            view: &self.view,
            inventory: &self.inventory,
        }
    }
}

const NO_SETTINGS: &str = "{}";

fn files(diff: &Diff) -> String {
    let mut out = String::new();
    for file in &diff.files {
        let package = file.package.as_ref().map(|owner| owner.name.as_str()).unwrap_or_default();
        writeln!(out, "{:?} {} {} {package}", file.change, file.path, file.differences.join(",")).unwrap();
    }
    out
}

#[test]
fn what_differs_between_files_is_told() {
    let before = Image::new(
        &[&[
            ("same", "x", 0o644, 1),
            ("content", "x", 0o644, 1),
            ("mode", "x", 0o644, 1),
            ("date", "x", 0o644, 1),
            ("gone/", "", 0o755, 1),
            ("gone/file", "x", 0o644, 1),
            ("kind", "x", 0o644, 1),
            ("link", "->a", 0o777, 1),
        ]],
        NO_SETTINGS,
    );
    let after = Image::new(
        &[&[
            ("same", "x", 0o644, 1),
            ("content", "y", 0o644, 1),
            ("mode", "x", 0o4755, 1),
            ("date", "x", 0o644, 2),
            ("kind/", "", 0o755, 1),
            ("link", "->b", 0o777, 1),
            ("new", "x", 0o644, 1),
        ]],
        NO_SETTINGS,
    );
    let strict = compare(&before.side(), &after.side(), false);
    insta::assert_snapshot!(files(&strict), @r"
    Changed /content content 
    Changed /date time 
    Removed /gone  
    Removed /gone/file  
    Changed /kind kind,mode 
    Changed /link link 
    Changed /mode mode 
    Added /new
    ");
    let semantic = compare(&before.side(), &after.side(), true);
    assert_eq!(semantic.files.len() + 1, strict.files.len());
    assert!(!semantic.files.iter().any(|file| file.path.to_string() == "/date"));
    let json = serde_json::to_value(&strict.files[0]).unwrap();
    insta::assert_snapshot!(json, @r#"{"after":{"bytes":1,"digest":"sha256:a1fce4363854ff888cff4b8e7875d600c2682390412a8cf79b37d0b11148b0fa","gid":0,"kind":"file","mode":"0644","mtime":1,"uid":0,"xattrs":[]},"before":{"bytes":1,"digest":"sha256:2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881","gid":0,"kind":"file","mode":"0644","mtime":1,"uid":0,"xattrs":[]},"change":"changed","differences":["content"],"path":"/content"}"#);
}

/// A layer of one device: the writer of tars makes none.
fn device(kind: u8, major: u8) -> Vec<u8> {
    let mut tar = layer(&[("dev/x", "", 0o666, 0)]);
    let at = tar.windows(6).position(|bytes| bytes == b"dev/x\0").unwrap();
    let header = &mut tar[at..at + 512];
    header[156] = kind;
    header[329..337].copy_from_slice(format!("000000{major}\0").as_bytes());
    header[337..345].copy_from_slice(b"0000003\0");
    header[148..156].fill(b' ');
    let sum: u32 = header.iter().map(|&byte| u32::from(byte)).sum();
    header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    tar
}

#[test]
fn devices_are_told_apart_by_their_numbers() {
    let listing = |kind, major| {
        let tar = device(kind, major);
        let name = (Descriptor::of(LAYER, &tar), Digest::of(&tar));
        (name.0, name.1, view::Listing::of_tar(&tar[..], &tar::Limits::default()).unwrap())
    };
    let differ = |one, other| {
        let view = View::of_listings(vec![one, other]).unwrap();
        let changes = view.layers[1].changes.iter();
        changes
            .map(|change| format!("{:?}", change.happened))
            .filter(|told| told.contains("device: true"))
            .count()
    };
    assert_eq!(differ(listing(b'3', 1), listing(b'3', 2)), 1);
    assert_eq!(differ(listing(b'3', 1), listing(b'4', 1)), 1);
    assert_eq!(differ(listing(b'3', 1), listing(b'3', 1)), 0);
}

#[test]
fn an_image_is_equal_to_itself_and_to_another_packing() {
    let members: &[Member<'_>] = &[("a", "x", 0o644, 1), ("b", "x", 0o644, 1)];
    let one = Image::new(&[members], NO_SETTINGS);
    let two = Image::new(&[&members[..1], &members[1..]], NO_SETTINGS);
    assert!(compare(&one.side(), &one.side(), false).equal);
    assert!(compare(&one.side(), &two.side(), true).equal);
    let packed = compare(&one.side(), &two.side(), false);
    assert!(!packed.equal && packed.files.is_empty());
    assert_eq!((packed.layers.removed.len(), packed.layers.added.len()), (1, 2));
}

#[test]
fn what_must_be_fetched_is_what_is_not_there() {
    let base: &[Member<'_>] = &[("a", "x", 0o644, 1)];
    let before = Image::new(&[base, &[("old", "y", 0o644, 1)]], NO_SETTINGS);
    let new: &[Member<'_>] = &[("new", "z", 0o644, 1)];
    // A layer that is there twice is fetched once.
    let after = Image::new(&[base, new, new], NO_SETTINGS);
    let diff = compare(&before.side(), &after.side(), false);
    let layer = after.manifest.layers[1].size;
    assert_eq!(diff.sizes.fetch, layer + after.manifest.config.size);
    assert_eq!((diff.layers.shared, diff.layers.count), (1, Pair { before: 2, after: 3 }));
    assert_eq!(compare(&before.side(), &before.side(), false).sizes.fetch, 0);
}

#[test]
fn settings_are_told_one_by_one() {
    let before = r#"{"Entrypoint":["/bin/sh","-c"],"Env":["PATH=/bin","OLD=1","SAME=1"],"User":"0",
        "ExposedPorts":{"80/tcp":{}},"Labels":{"a":"1","org.opencontainers.image.created":"x"}}"#;
    let after = r#"{"Entrypoint":["/app"],"Env":["SAME=1","PATH=/usr/bin","NEW=a=b"],"User":"0","Cmd":["serve"],
        "ExposedPorts":{"8080/tcp":{}},"Labels":{"a":"2"},"Healthcheck":{"Test":["NONE"]}}"#;
    let (mut before, after) = (Image::new(&[], before), Image::new(&[], after));
    before.config.history =
        serde_json::from_str(r#"[{"created_by":"RUN a"},{"created_by":"RUN b"}]"#).unwrap();
    let told = |semantic| {
        let diff = compare(&before.side(), &after.side(), semantic);
        let line =
            |one: Setting| format!("{} {:?}: {:?} → {:?}\n", one.setting, one.name, one.before, one.after);
        diff.config.into_iter().map(line).collect::<String>()
    };
    insta::assert_snapshot!(told(true), @r#"
    entrypoint None: Some("[\"/bin/sh\",\"-c\"]") → Some("[\"/app\"]")
    cmd None: None → Some("[\"serve\"]")
    env Some("NEW"): None → Some("a=b")
    env Some("OLD"): Some("1") → None
    env Some("PATH"): Some("/bin") → Some("/usr/bin")
    port Some("80/tcp"): Some("exposed") → None
    port Some("8080/tcp"): None → Some("exposed")
    label Some("a"): Some("1") → Some("2")
    healthcheck None: None → Some("{\"Test\":[\"NONE\"]}")
    "#);
    assert!(told(false).contains("history"), "{}", told(false));
}

const OLD: &str = "Package: libc6\nVersion: 2.36-9\nArchitecture: amd64\n\nPackage: perl\nVersion: 5.36\n\n\
    Package: down\nVersion: 2:1\n";
const NEW: &str = "Package: libc6\nVersion: 2.36-10\nArchitecture: amd64\n\nPackage: down\nVersion: 9\n\n\
    Package: added\nVersion: 1\n";

#[test]
fn packages_are_told_with_their_versions_and_explain_their_files() {
    let before = Image::new(
        &[&[
            ("var/lib/dpkg/status", OLD, 0o644, 1),
            ("var/lib/dpkg/info/perl.list", "/usr\n/usr/bin/perl\n/usr/share/perl/a\n", 0o644, 1),
            ("usr/bin/perl", "perl", 0o755, 1),
            ("usr/share/perl/", "", 0o755, 1),
            ("usr/share/perl/a", "12345", 0o644, 1),
            ("app/node_modules/a/package.json", r#"{"name":"a","version":"1.0.0-rc.1"}"#, 0o644, 1),
        ]],
        NO_SETTINGS,
    );
    let after = Image::new(
        &[&[
            ("var/lib/dpkg/status", NEW, 0o644, 1),
            ("app/node_modules/a/package.json", r#"{"name":"a","version":"1.0.0"}"#, 0o644, 1),
        ]],
        NO_SETTINGS,
    );
    let diff = compare(&before.side(), &after.side(), true);
    let line = |one: &PackageChange| {
        let (was, is) = (one.before.join(" "), one.after.join(" "));
        format!(
            "{} {} {:?} {was} → {is}, {} files, {} bytes\n",
            one.kind.name(),
            one.name,
            one.change,
            one.files,
            one.bytes
        )
    };
    insta::assert_snapshot!(diff.packages.iter().map(line).collect::<String>(), @r"
    deb added Added  → 1, 0 files, 0 bytes
    deb down Downgraded 2:1 → 9, 0 files, 0 bytes
    deb libc6 Upgraded 2.36-9 → 2.36-10, 0 files, 0 bytes
    deb perl Removed 5.36 → , 3 files, -46 bytes
    node a Upgraded 1.0.0-rc.1 → 1.0.0, 1 files, -5 bytes
    ");
    insta::assert_snapshot!(lines(&group(&diff.files, &diff.packages)), @r"
    Changed /var/lib/dpkg/status
    of packages 4, only time 0
    ");
}

fn lines(groups: &Groups<'_>) -> String {
    let mut out = String::new();
    for line in &groups.lines {
        match line {
            Line::One(file) => writeln!(out, "{:?} {}", file.change, file.path),
            Line::Folder(all) => {
                writeln!(out, "{:?} {}/ {} files, {} bytes", all.change, all.folder, all.files, all.bytes)
            }
            Line::Within(all) => {
                writeln!(out, "{:?} {} files in {}, {} bytes", all.change, all.files, all.folder, all.bytes)
            }
        }
        .unwrap();
    }
    writeln!(out, "of packages {}, only time {}", groups.of_packages, groups.only_time).unwrap();
    out
}

#[test]
fn folders_that_came_or_went_are_one_line() {
    let doc: Vec<String> = (0..9).map(|nth| format!("usr/share/doc/{nth}/copyright")).collect();
    let mut members: Vec<Member<'_>> = vec![
        ("usr/bin/keep", "x", 0o755, 1),
        ("usr/share/doc/", "", 0o755, 1),
        ("opt/app/", "", 0o755, 1),
        ("opt/app/sub/", "", 0o755, 1),
        ("opt/app/sub/one", "123", 0o644, 1),
        ("opt/app/two", "4567", 0o644, 1),
        ("opt/single/", "", 0o755, 1),
        ("opt/single/file", "x", 0o644, 1),
        ("opt/empty/", "", 0o755, 1),
        ("date", "x", 0o755, 1),
    ];
    members.extend(doc.iter().map(|path| (path.as_str(), "c", 0o644, 1)));
    let before = Image::new(&[&members], NO_SETTINGS);
    let after = Image::new(
        &[&[
            ("usr/bin/keep", "x", 0o755, 1),
            ("usr/share/doc/", "", 0o755, 1),
            ("opt/", "", 0o755, 1),
            ("date", "x", 0o755, 2),
        ]],
        NO_SETTINGS,
    );
    let diff = compare(&before.side(), &after.side(), false);
    insta::assert_snapshot!(lines(&group(&diff.files, &diff.packages)), @r"
    Removed /opt/app/ 2 files, 7 bytes
    Removed /opt/empty
    Removed /opt/single/file
    Removed 9 files in /usr/share/doc, 9 bytes
    of packages 0, only time 1
    ");
}
