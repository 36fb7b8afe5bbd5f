//! Images written to every place, read back, and written again.

mod copying;
mod far;
mod forge;
mod hostile;

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::Path;

use bareboat_formats::oci::{self, Descriptor, Index, Manifest, REF_NAME};
use bareboat_formats::tar;
use bareboat_model::{Arch, Digest, Platform, Silent, Timestamp};

use super::*;
use crate::http::HttpOptions;
use crate::registry::{Places, RegistryOptions};

/// A store with layers, and images of them.
struct World {
    folder: tempfile::TempDir,
    store: Store,
    http: Http,
    registries: Registries,
}

/// Without long pauses.
fn quick() -> HttpOptions {
    HttpOptions { pause: std::time::Duration::from_millis(1), ..HttpOptions::default() }
}

impl World {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path().join("cache")).unwrap();
        let registries = Registries::new(RegistryOptions {
            places: Places::default(),
            http: quick(),
            ..Default::default()
        });
        Self { folder, store, http: Http::new(HttpOptions::default()).unwrap(), registries }
    }

    fn layer(&self, media_type: &str, bytes: &[u8]) -> Descriptor {
        let (digest, size) = self.store.insert_blob(|to| Ok(to.write_all(bytes)?)).unwrap();
        Descriptor::new(media_type, digest, size)
    }

    fn image(&self, arch: Arch, layers: &[&[u8]]) -> BuiltImage {
        let diff_ids = layers.iter().map(|bytes| Digest::of(bytes)).collect();
        let layers = layers.iter().map(|bytes| self.layer(oci::LAYER, bytes)).collect();
        self.image_of(arch, layers, diff_ids)
    }

    fn image_of(&self, arch: Arch, layers: Vec<Descriptor>, diff_ids: Vec<Digest>) -> BuiltImage {
        let platform = Platform { arch };
        let mut config = oci::ImageConfig::new(platform, Timestamp::EPOCH);
        config.rootfs.diff_ids = diff_ids;
        let config = config.to_bytes().unwrap();
        let manifest_bytes =
            Manifest::new(Descriptor::of(oci::CONFIG, &config), layers.clone()).to_bytes().unwrap();
        let manifest = Descriptor::of(oci::MANIFEST, &manifest_bytes);
        BuiltImage { manifest, manifest_bytes, config_bytes: config, layers, platform }
    }

    fn one(&self, layers: &[&[u8]]) -> ImageSet {
        ImageSet { images: vec![self.image(Arch::Amd64, layers)], index: None }
    }

    fn two(&self) -> ImageSet {
        let images =
            vec![self.image(Arch::Amd64, &[b"a", b"both"]), self.image(Arch::Arm64, &[b"b", b"both"])];
        let index =
            Index::new(images.iter().map(|image| image.manifest.clone()).collect()).to_bytes().unwrap();
        ImageSet { images, index: Some((Descriptor::of(oci::INDEX, &index), index)) }
    }

    fn path(&self, name: &str) -> std::path::PathBuf {
        self.folder.path().join(name)
    }

    fn write(&self, output: &str, set: &ImageSet) -> Result<()> {
        let (transport, rest) = output.split_once(':').unwrap();
        let output = format!("{transport}:{}/{rest}", self.folder.path().display());
        super::write(&output.parse().unwrap(), set, &self.outside(), "hello")
    }

    /// Copies between two places, whose `DIR` is the world's folder.
    fn copy(&self, from: &str, to: &str) -> Result<Copied> {
        self.copy_with(from, to, CopyOptions::default())
    }

    fn copy_with(&self, from: &str, to: &str, options: CopyOptions) -> Result<Copied> {
        let place = |text: &str| text.replace("DIR", &self.folder.path().display().to_string()).parse();
        copy_between(&place(from)?, &place(to)?, &options, &self.outside())
    }

    fn outside(&self) -> Outside<'_> {
        let Self { store, http, registries, .. } = self;
        Outside { store, registries, http, threads: 3, progress: &Silent }
    }
}

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

fn tags(layout: &Path) -> Vec<String> {
    let index = Index::parse(&fs::read(layout.join("index.json")).unwrap()).unwrap();
    index.manifests.iter().map(|one| one.annotations[REF_NAME].clone()).collect()
}

/// Checks every blob's name, and gives how many there are.
fn sound_blobs(layout: &Path) -> usize {
    let blobs = layout.join("blobs/sha256");
    for name in names(&blobs) {
        assert_eq!(Digest::of(&fs::read(blobs.join(&name)).unwrap()).hex(), name);
    }
    names(&blobs).len()
}

fn read_tar(path: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut files = BTreeMap::new();
    let file = fs::File::open(path).unwrap();
    tar::read(file, &tar::Limits::default(), |member, content| {
        let mut bytes = Vec::new();
        content.read_to_end(&mut bytes)?;
        files.insert(String::from_utf8(member.path.as_bytes().to_vec()).unwrap(), bytes);
        Ok(())
    })
    .unwrap();
    files
}

#[test]
fn a_layout_holds_the_image_and_nothing_else() {
    let world = World::new();
    let set = world.one(&[b"base", b"app"]);
    world.write("oci:out/hello:1.0", &set).unwrap();
    let layout = world.path("out/hello");
    assert_eq!(names(&layout), ["blobs", "index.json", "oci-layout"]);
    assert_eq!(names(&world.path("out")), ["hello"]);
    assert_eq!(sound_blobs(&layout), 4);
    assert_eq!(tags(&layout), ["1.0"]);
    assert_eq!(fs::read(layout.join("oci-layout")).unwrap(), oci::LAYOUT_FILE.1);
}

#[test]
fn other_images_stay_and_what_nobody_needs_goes() {
    let world = World::new();
    world.write("oci:out:old", &world.two()).unwrap();
    world.write("oci:out:new", &world.one(&[b"base", b"app 1"])).unwrap();
    world.write("oci:out:new", &world.one(&[b"base", b"app 2"])).unwrap();
    world.write("oci:out", &world.one(&[b"base", b"app 2"])).unwrap();
    let layout = world.path("out");
    assert_eq!(tags(&layout), ["old", "new", "latest"]);
    // Of `two`: 3 layers, 2 configs, 2 manifests, 1 index; of the other two images, which are the same: 2
    // layers, a config and a manifest.
    assert_eq!(sound_blobs(&layout), 8 + 4);
    assert_eq!(names(&layout), ["blobs", "index.json", "oci-layout"]);
}

#[test]
fn nothing_is_removed_while_an_image_cannot_be_understood() {
    let world = World::new();
    world.write("oci:out:a", &world.one(&[b"app 1"])).unwrap();
    let layout = world.path("out");
    let mut index = Index::parse(&fs::read(layout.join("index.json")).unwrap()).unwrap();
    let artifact = b"{}";
    fs::write(layout.join("blobs/sha256").join(Digest::of(artifact).hex()), artifact).unwrap();
    index.manifests.push(Descriptor::of("application/vnd.example.artifact", artifact));
    fs::write(layout.join("index.json"), index.to_bytes().unwrap()).unwrap();
    world.write("oci:out:a", &world.one(&[b"app 2"])).unwrap();
    // The layers, configs and manifests of both, and the artifact.
    assert_eq!(sound_blobs(&layout), 7);
}

#[test]
fn writing_the_same_again_touches_no_file() {
    let world = World::new();
    let set = world.one(&[b"app"]);
    world.write("oci:out:a", &set).unwrap();
    let index = world.path("out/index.json");
    let before = fs::metadata(&index).unwrap().modified().unwrap();
    world.write("oci:out:a", &set).unwrap();
    assert_eq!(fs::metadata(&index).unwrap().modified().unwrap(), before);
}

#[test]
fn many_writers_of_one_layout_take_turns() {
    let world = World::new();
    std::thread::scope(|scope| {
        for n in 0..6_u8 {
            let world = &world;
            scope.spawn(move || {
                let set = world.one(&[&[n], b"base"]);
                for _ in 0..3 {
                    world.write(&format!("oci:out:tag{n}"), &set).unwrap();
                }
            });
        }
    });
    let layout = world.path("out");
    let mut tags = tags(&layout);
    tags.sort();
    assert_eq!(tags, ["tag0", "tag1", "tag2", "tag3", "tag4", "tag5"]);
    assert_eq!(sound_blobs(&layout), 6 + 1 + 6 + 6);
}

#[test]
fn a_layer_that_is_missing_or_damaged_leaves_no_output() {
    let world = World::new();
    let set = world.one(&[b"base", b"app"]);
    fs::write(world.store.blob_path(&set.images[0].layers[1].digest), b"App").unwrap();
    for (output, cause) in
        [("oci:out", "is damaged"), ("oci:out", "cannot find"), ("oci-archive:out.tar", "cannot find")]
    {
        let error = world.write(output, &set).unwrap_err().to_string();
        assert!(error.starts_with("cannot write the image to `oci") && error.contains(cause), "{error}");
        assert_eq!(names(world.folder.path()), ["cache"]);
    }
}

#[test]
fn a_folder_with_other_things_is_left_alone() {
    let world = World::new();
    fs::create_dir(world.path("out")).unwrap();
    fs::write(world.path("out/thesis.txt"), "years").unwrap();
    let error = world.write("oci:out", &world.one(&[b"app"])).unwrap_err();
    assert!(error.to_string().ends_with("the folder holds other things, and is no OCI layout"), "{error}");
    assert_eq!(names(&world.path("out")), ["thesis.txt"]);
}

#[test]
fn an_oci_archive_is_a_layout_and_always_the_same() {
    let world = World::new();
    let set = world.two();
    world.write("oci-archive:a.tar:1.0", &set).unwrap();
    world.write("oci-archive:b.tar:1.0", &set).unwrap();
    assert_eq!(fs::read(world.path("a.tar")).unwrap(), fs::read(world.path("b.tar")).unwrap());
    let files = read_tar(&world.path("a.tar"));
    let index = Index::parse(&files["index.json"]).unwrap();
    assert_eq!(index.manifests[0].annotations[REF_NAME], "1.0");
    assert_eq!(index.manifests[0].digest, set.index.as_ref().unwrap().0.digest);
    let blobs = files.keys().filter(|name| name.starts_with("blobs/sha256/"));
    assert_eq!(blobs.count(), 8);
}

#[test]
fn a_docker_archive_names_its_config_layers_and_tag() {
    let world = World::new();
    let tar = b"not really a tar";
    let packed = zstd_of(tar);
    let layers = vec![world.layer(oci::LAYER_GZIP, b"gzip"), world.layer(oci::LAYER_ZSTD, &packed)];
    let set = ImageSet {
        images: vec![world.image_of(Arch::Amd64, layers, vec![Digest::of(b"?"), Digest::of(tar)])],
        index: None,
    };
    world.write("docker-archive:a.tar", &set).unwrap();
    let files = read_tar(&world.path("a.tar"));
    let manifest: serde_json::Value = serde_json::from_slice(&files["manifest.json"]).unwrap();
    assert_eq!(manifest[0]["RepoTags"], serde_json::json!(["hello:latest"]));
    assert_eq!(files[manifest[0]["Config"].as_str().unwrap()], set.images[0].config_bytes);
    assert_eq!(files[manifest[0]["Layers"][0].as_str().unwrap()], b"gzip");
    assert_eq!(files[manifest[0]["Layers"][1].as_str().unwrap()], tar);
    assert_eq!(files.len(), 4);
}

fn zstd_of(bytes: &[u8]) -> Vec<u8> {
    use bareboat_formats::compress::{LayerCompression, layer_encoder};
    let mut encoder = layer_encoder(LayerCompression::Zstd { level: 3 }, 1, Vec::new()).unwrap();
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

#[test]
fn a_docker_archive_cannot_hold_two_platforms() {
    let world = World::new();
    let error = world.write("docker-archive:a.tar", &world.two()).unwrap_err();
    let cause = "an engine takes one image at a time, and this has 2 under an index";
    assert!(error.to_string().ends_with(cause), "{error}");
    assert_eq!(names(world.folder.path()), ["cache"]);
}

#[test]
fn references_without_a_tag_get_one() {
    for (given, full) in [
        ("hello", "hello:latest"),
        ("hello:1.0", "hello:1.0"),
        ("localhost:5000/hello", "localhost:5000/hello:latest"),
        ("localhost:5000/hello:2", "localhost:5000/hello:2"),
    ] {
        assert_eq!(docker_archive::full_reference(given), full);
    }
}
