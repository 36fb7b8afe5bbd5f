//! Layouts and archives that are not what they should be: one clear error each, and nothing is written.

use serde_json::json;

use super::forge::Forge;
use super::*;

/// The error of copying a layout that `make` makes.
fn refused(make: impl FnOnce(&mut Forge)) -> String {
    let world = World::new();
    make(&mut Forge::new(&world, "src"));
    let all = CopyOptions { choice: Choice::All, with_referrers: true, ..CopyOptions::default() };
    let error = world.copy_with("oci:DIR/src", "oci:DIR/out", all).unwrap_err();
    assert_eq!(names(world.folder.path()).iter().filter(|name| name.contains("out")).count(), 0);
    assert!(!world.path("cache/partial").exists());
    error.to_string().replace(&world.folder.path().display().to_string(), "DIR")
}

#[track_caller]
fn ends(error: &str, end: &str) {
    assert!(error.ends_with(end), "{error}\nexpected … {end}");
}

#[test]
fn blobs_that_are_damaged_or_missing() {
    let error = refused(|forge| {
        let layer = forge.blob(oci::LAYER, "layer");
        let image = forge.image("linux/amd64", std::slice::from_ref(&layer));
        fs::write(forge.path(&layer.digest), "LAYER").unwrap();
        forge.top("x", &image);
    });
    assert!(
        error.contains("cannot copy blob sha256:") && error.contains("it is damaged: expected"),
        "{error}"
    );
    let error = refused(|forge| {
        let layer = forge.blob(oci::LAYER, "layer");
        let image = forge.image("linux/amd64", std::slice::from_ref(&layer));
        fs::write(forge.path(&layer.digest), "lay").unwrap();
        forge.top("x", &image);
    });
    ends(&error, "is damaged: expected 5 bytes, found 3");
    let error = refused(|forge| {
        let layer = forge.blob(oci::LAYER, "layer");
        let image = forge.image("linux/amd64", std::slice::from_ref(&layer));
        fs::remove_file(forge.path(&layer.digest)).unwrap();
        forge.top("x", &image);
    });
    ends(&error, "is missing");
    let error = refused(|forge| {
        let layer = forge.blob(oci::LAYER, "layer");
        let other = Descriptor { size: 6, ..layer.clone() };
        let image = forge.image("linux/amd64", &[layer, other]);
        forge.top("x", &image);
    });
    ends(&error, "is said to have 5 and 6 bytes");
}

#[test]
fn manifests_that_are_damaged_or_too_large() {
    let error = refused(|forge| {
        let image = forge.image("linux/amd64", &[]);
        fs::write(forge.path(&image.digest), "{}").unwrap();
        forge.top("x", &image);
    });
    assert!(error.contains("cannot read manifest sha256:") && error.contains("it is damaged"), "{error}");
    // As the index has it, and as it is: both times before it is read.
    for said in [100 << 20, 1000] {
        let error = refused(|forge| {
            let image = Descriptor::new(oci::MANIFEST, Digest::of(b"?"), said);
            fs::File::create(forge.path(&image.digest)).unwrap().set_len(100 << 20).unwrap();
            forge.top("x", &image);
        });
        assert!(error.contains("16777216 "), "{error}");
    }
    ends(
        &refused(|forge| {
            let old = forge.blob("application/vnd.docker.distribution.manifest.v1+prettyjws", "{}");
            forge.top("x", &old);
        }),
        "it is a Docker manifest of schema 1, which engines no longer read either",
    );
    ends(
        &refused(|forge| {
            let thing = forge.blob("text/\u{1b}plain", "{}");
            forge.top("x", &thing);
        }),
        "it is a `text/\\u{1b}plain`, expected an image",
    );
}

#[test]
fn a_manifest_that_calls_itself_something_else() {
    let error = refused(|forge| {
        let image = forge.image("linux/amd64", &[]);
        forge.top("x", &Descriptor { media_type: oci::DOCKER_MANIFEST.to_owned(), ..image });
    });
    ends(
        &error,
        "it calls itself `application/vnd.oci.image.manifest.v1+json`, expected `application/vnd.docker.distribution.manifest.v2+json`",
    );
}

#[test]
fn indexes_within_indexes() {
    let error = refused(|forge| {
        let mut index = forge.index(&[("", forge.image("linux/amd64", &[]))]);
        for _ in 0..9 {
            index = forge.index(&[("", index)]);
        }
        forge.top("x", &index);
    });
    ends(&error, "its indexes are nested deeper than 8");
    // One that names its own digest is not what that digest says; and one that could be is refused before it is read again.
    let error = refused(|forge| {
        let itself = Descriptor::new(oci::INDEX, Digest::of(b"?"), 10);
        let bytes = Index::new(vec![itself.clone()]).to_bytes().unwrap();
        let itself = Descriptor { size: bytes.len() as u64, ..itself };
        fs::write(forge.path(&itself.digest), bytes).unwrap();
        forge.top("x", &itself);
    });
    assert!(error.contains("it is damaged"), "{error}");
    let error = refused(|forge| {
        let many: Vec<_> = (0..2001)
            .map(|n| {
                ("", forge.blob(oci::INDEX, format!("{{\"schemaVersion\":2,\"manifests\":[],\"n\":{n}}}")))
            })
            .collect();
        let index = forge.index(&many);
        forge.top("x", &index);
    });
    ends(&error, "it has more than 2000 manifests");
}

/// A source whose index holds itself, which no file can.
struct Loop;

impl Source for Loop {
    fn top(&self) -> Result<Descriptor> {
        Ok(Descriptor::new(oci::INDEX, Digest::of(b"loop"), 10))
    }

    fn document(&self, wanted: &Descriptor) -> Result<Vec<u8>> {
        Index::new(vec![wanted.clone()]).to_bytes()
    }

    fn open(&self, _blob: &Descriptor, _offset: u64) -> Result<Box<dyn std::io::Read + Send>> {
        Err(Error::new("there is none"))
    }

    fn referrers(&self, of: &Digest, _kind: Option<&str>) -> Result<Vec<Descriptor>> {
        Ok(vec![Descriptor::new(oci::INDEX, *of, 10)])
    }
}

#[test]
fn an_index_that_holds_itself_is_refused() {
    let error = Graph::of(&Loop, &Choice::All, true).unwrap_err().to_string();
    assert!(error.starts_with("index sha256:") && error.ends_with("holds itself"), "{error}");
    let error = Graph::of(&Loop, &Choice::Natural, true).unwrap_err().to_string();
    assert!(error.starts_with("it has nothing for linux/"), "{error}");
}

#[test]
fn archives_that_are_none() {
    let world = World::new();
    for (bytes, end) in [
        (&b""[..], "ends too early, at byte 0"),
        (b"not a tar", "ends too early, at byte 9"),
        (b"\x1f\x8b\x08 broken", "cannot unpack the gzip data"),
    ] {
        fs::write(world.path("a.tar"), bytes).unwrap();
        for transport in ["oci-archive", "docker-archive"] {
            let error = world.copy(&format!("{transport}:DIR/a.tar"), "oci:DIR/out").unwrap_err().to_string();
            assert!(error.contains(end), "{error}\nexpected … {end}");
        }
    }
    assert_eq!(names(world.folder.path()), ["a.tar", "cache"]);
}

#[test]
fn an_archive_without_an_image() {
    let world = World::new();
    let tar = super::copying::tar_of(&BTreeMap::from([("manifest.json".to_owned(), b"[]".to_vec())]));
    fs::write(world.path("a.tar"), tar).unwrap();
    ends(
        &world.copy("docker-archive:DIR/a.tar", "oci:DIR/out").unwrap_err().to_string(),
        "it holds no image",
    );
}

#[test]
fn paths_in_an_archive_do_not_lead_out_of_it() {
    let world = World::new();
    fs::write(world.path("secret"), "{}").unwrap();
    let saved = json!([{ "Config": "../secret", "RepoTags": null, "Layers": [] }]).to_string();
    let tar = super::copying::tar_of(&BTreeMap::from([("manifest.json".to_owned(), saved.into_bytes())]));
    fs::write(world.path("a.tar"), tar).unwrap();
    let error = world.copy("docker-archive:DIR/a.tar", "oci:DIR/out").unwrap_err().to_string();
    ends(&error, "leaves the root with `..`");
}

#[test]
fn one_large_blob_that_is_listed_many_times_is_read_once() {
    let world = World::new();
    let forge = Forge::new(&world, "src");
    let image = forge.image("linux/amd64", &[]);
    let large = forge.blob(oci::MANIFEST, vec![b' '; 8 << 20]);
    let mut tops = vec![Descriptor {
        annotations: BTreeMap::from([(REF_NAME.to_owned(), "x".to_owned())]),
        ..image.clone()
    }];
    tops.extend((0..2000).map(|_| large.clone()));
    // Of other sizes than it has.
    tops.extend((0..2000).map(|n| Descriptor { size: n, ..large.clone() }));
    fs::write(world.path("src/index.json"), Index::new(tops).to_bytes().unwrap()).unwrap();
    let before = work_of_this_thread();
    let all = || CopyOptions { choice: Choice::All, with_referrers: true, pulled_from: None };
    world.copy_with("oci:DIR/src:x", "oci:DIR/out:x", all()).unwrap();
    // And into it, where a name moves.
    let mut other = Forge::new(&world, "other");
    other.top("x", &other.image("linux/arm64", &[]));
    world.copy_with("oci:DIR/other:x", "oci:DIR/src:x", all()).unwrap();
    // To read it each time would be 32 GB, and to read it once is a moment: however busy the machine is.
    assert!(work_of_this_thread() - before < 10.0, "{} s", work_of_this_thread() - before);
}

/// How many seconds this thread was on a processor (proc_pid_schedstat(5)).
fn work_of_this_thread() -> f64 {
    let text = fs::read_to_string("/proc/thread-self/schedstat").unwrap();
    text.split(' ').next().unwrap().parse::<f64>().unwrap() / 1e9
}

/// A source to which the same things are attached, whatever is asked about.
struct Liar(Vec<Descriptor>);

impl Source for Liar {
    fn top(&self) -> Result<Descriptor> {
        Ok(Descriptor::new(oci::MANIFEST, Digest::of(b"top"), 10))
    }

    fn document(&self, _wanted: &Descriptor) -> Result<Vec<u8>> {
        Manifest::new(Descriptor::of(oci::CONFIG, b"{}"), Vec::new()).to_bytes()
    }

    fn open(&self, _blob: &Descriptor, _offset: u64) -> Result<Box<dyn std::io::Read + Send>> {
        Err(Error::new("there is none"))
    }

    fn referrers(&self, _of: &Digest, _kind: Option<&str>) -> Result<Vec<Descriptor>> {
        Ok(self.0.clone())
    }
}

#[test]
fn attachments_are_each_told_once_and_their_bytes_are_bounded() {
    let one = |n: usize, size| Descriptor::new(oci::MANIFEST, Digest::of(&n.to_le_bytes()), size);
    assert_eq!(attachments(&Liar(vec![one(1, 10), one(1, 10), one(2, 10)]), None).unwrap().len(), 2);
    let error = attachments(&Liar((0..5).map(|n| one(n, 16 << 20)).collect()), None).unwrap_err().to_string();
    assert_eq!(error, "what is attached to it has more than 67108864 bytes of manifests");
}

#[test]
fn files_with_other_names_elsewhere_are_not_written_through() {
    let world = World::new();
    let mut forge = Forge::new(&world, "src");
    let layer = forge.blob(oci::LAYER, "layer");
    let image = forge.image("linux/amd64", std::slice::from_ref(&layer));
    forge.top("x", &image);
    Forge::new(&world, "out").top("y", &image);
    let (victim, empty) = (world.path("victim"), world.path("empty"));
    fs::write(&victim, "theirs").unwrap();
    fs::write(&empty, "").unwrap();
    let partial = format!("out/blobs/sha256/.partial-{}", layer.digest.hex());
    fs::hard_link(&victim, world.path(&partial)).unwrap();
    fs::remove_file(world.path("out/oci-layout")).unwrap();
    fs::hard_link(&empty, world.path("out/oci-layout")).unwrap();
    world.copy("oci:DIR/src:x", "oci:DIR/out:x").unwrap();
    assert_eq!((fs::read(&victim).unwrap(), fs::read(&empty).unwrap()), (b"theirs".to_vec(), Vec::new()));
    assert_eq!(fs::read(world.path("out/oci-layout")).unwrap(), oci::LAYOUT_FILE.1);
}

#[test]
fn what_was_planted_beside_a_new_layout_is_not_part_of_it() {
    let world = World::new();
    let mut forge = Forge::new(&world, "src");
    let layer = forge.blob(oci::LAYER, "layer");
    forge.top("x", &forge.image("linux/amd64", &[layer]));
    let aside = world.path(".out.partial-layout");
    for folder in ["blobs/sha256/deep", "blobs/sha512", "evil"] {
        fs::create_dir_all(aside.join(folder)).unwrap();
    }
    for file in ["evil/a", "run.sh", "oci-layout", "blobs/sha512/x", "blobs/sha256/thing"] {
        fs::write(aside.join(file), "x").unwrap();
    }
    world.copy("oci:DIR/src:x", "oci:DIR/out:x").unwrap();
    assert_eq!(names(&world.path("out")), ["blobs", "index.json", "oci-layout"]);
    assert_eq!(names(&world.path("out/blobs")), ["sha256"]);
    assert_eq!(sound_blobs(&world.path("out")), 3);
    assert_eq!(fs::read(world.path("out/oci-layout")).unwrap(), oci::LAYOUT_FILE.1);
}

#[test]
fn a_copy_that_fails_leaves_nothing_in_a_layout_that_was_there() {
    let world = World::new();
    let mut forge = Forge::new(&world, "src");
    let layers = [forge.blob(oci::LAYER, "good"), forge.blob(oci::LAYER, "bad")];
    fs::write(forge.path(&layers[1].digest), "BAD").unwrap();
    forge.top("x", &forge.image("linux/amd64", &layers));
    let mut there = Forge::new(&world, "out");
    there.top("y", &there.image("linux/amd64", &[]));
    assert!(world.copy("oci:DIR/src:x", "oci:DIR/out:x").is_err());
    assert_eq!(sound_blobs(&world.path("out")), 2);
}

#[test]
fn nothing_stays_in_the_cache_of_a_blob_from_this_machine_that_fails() {
    let world = World::new();
    let mut forge = Forge::new(&world, "src");
    let layer = forge.blob(oci::LAYER, "layer");
    fs::write(forge.path(&layer.digest), "LAYER").unwrap();
    forge.top("x", &forge.image("linux/amd64", &[layer]));
    let name = format!("oci:{}", world.path("src").display()).parse().unwrap();
    let read = open(&name, &Choice::All, &world.outside()).and_then(Image::into_store);
    assert!(read.is_err());
    assert!(files_in(&world.path("cache/partial")).is_empty());
}

fn files_in(folder: &Path) -> Vec<String> {
    if folder.exists() { names(folder) } else { Vec::new() }
}
