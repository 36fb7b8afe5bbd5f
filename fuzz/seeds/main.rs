//! Writes a starting corpus for every target to `fuzz/corpus`, from the fixtures that the tests use.

use std::fs;
use std::path::{Path, PathBuf};

use bareboat_build::lock::{BaseImage, DEBIAN, Lock, LockedPackage, Request, RequestedArchive, SuiteRelease};
use bareboat_formats::ld_so_cache::{Hwcaps, Library, debian_generator, write};
use bareboat_fuzz::{BETWEEN, archive, tar_of};
use bareboat_model::{Arch, Digest, Platform, Version};
use bareboat_testkit::{Compression, DebBuilder, Key, Tree, elf, release_date, world};

/// A shared object with all that stripping looks at, as `crates/formats/src/elf/test_file.rs` makes it.
const EVERYTHING: &[u8] = include_bytes!("everything.so");

const TREE: &str = "/usr/ 0755\n/usr/bin/ 0755\n/usr/bin/hello 0755 \"hi\"\n/bin -> usr/bin\n/usr/bin/hi => /usr/bin/hello\n";

fn main() {
    let fuzz = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut corpus = Corpus { root: fuzz.join("corpus"), count: 0 };
    packages_and_tars(&mut corpus);
    indexes(&mut corpus);
    binaries(&mut corpus);
    texts(&mut corpus, fuzz);
    image_packages(&mut corpus);
    images(&mut corpus);
    layers(&mut corpus);
    println!("{} seeds in {}", corpus.count, corpus.root.display());
}

struct Corpus {
    root: PathBuf,
    count: usize,
}

impl Corpus {
    fn add(&mut self, target: &str, name: &str, bytes: impl AsRef<[u8]>) {
        let folder = self.root.join(target);
        fs::create_dir_all(&folder).expect("the corpus folder can be made");
        fs::write(folder.join(name), bytes).expect("a seed can be written");
        self.count += 1;
    }
}

/// The first byte is the place of the kind's path in the target's list.
fn image_packages(corpus: &mut Corpus) {
    let gzipped = include_bytes!("../../crates/audit/testdata/rpmdb.sqlite.gz");
    let mut database = Vec::new();
    let gzip = bareboat_formats::compress::Compression::Gzip;
    bareboat_formats::compress::decoder(gzip, &gzipped[..])
        .and_then(|mut decoder| Ok(std::io::Read::read_to_end(&mut decoder, &mut database)?))
        .expect("the test data unpack");
    let jar = b"PK\x03\x04\x14\0\0\0\0\0\0\0\0\0\0\0\0\0\x03\0\0\0\x03\0\0\0\x14\0\0\0META-INF/MANIFEST.MFa: PK\x01\x02";
    let go = [
        &b"\x7fELF\0\0\0\0\0\0\0\0\0\0\0\0\xff Go buildinf:\x08\x02"[..],
        &[0; 16],
        b"\x06go1.22\x25",
        &[b'x'; 16],
        b"dep\ta\tv1",
        &[b'x'; 16],
    ];
    let seeds: [(u8, &[u8]); 13] = [
        (0, b"Package: a\nStatus: install ok installed\nVersion: 1\nSource: b (2)\n\n"),
        (1, b"/.\n/bin/a\n"),
        (2, b"d41d8cd98f00b204e9800998ecf8427e  bin/a\n"),
        (3, b"P:a\nV:1\nF:lib\nR:a\n\n"),
        (4, &database),
        (6, b"Name: a\nVersion: 1\n"),
        (7, b"a/b.py,sha256=x,1\n../../bin/a,,\n"),
        (8, br#"{"name":"a","version":"1","license":{"type":"MIT"}}"#),
        (9, jar),
        (10, br#"{"packages":[{"name":"a/b","version":"1","license":["MIT"]}]}"#),
        (11, br#"{"libraries":{"a/1":{"type":"package"}}}"#),
        (13, b"Name: a\nVersion: 1\n"),
        (12, &go.concat()),
    ];
    for (kind, content) in seeds {
        corpus.add("image_packages", &kind.to_string(), [&[kind][..], content].concat());
    }
}

fn images(corpus: &mut Corpus) {
    let config = r#"{"architecture":"amd64","os":"linux","config":{"Env":["A=1"]},"rootfs":{"type":"layers","diff_ids":[]}}"#;
    let descriptor = |media_type: &str, text: &str| {
        let (digest, size) = (Digest::of(text.as_bytes()), text.len());
        format!(
            r#"{{"mediaType":"application/vnd.oci.image.{media_type}.v1+json","digest":"{digest}","size":{size}}}"#
        )
    };
    let layer = descriptor("layer", "");
    let manifest = format!(
        r#"{{"schemaVersion":2,"config":{},"layers":[{layer}],"subject":{layer},"artifactType":"a/b","annotations":{{"a":"b"}},"x":[1]}}"#,
        descriptor("config", config)
    );
    let platform = r#""platform":{"os":"linux","architecture":"arm","variant":"v7","os.version":"1"}"#;
    let index = format!(
        r#"{{"schemaVersion":2,"manifests":[{},{{{platform}}}]}}"#,
        descriptor("manifest", &manifest)
    );
    let full = r#"{"created":"2026-01-02T03:04:05Z","architecture":"amd64","os":"linux","variant":"v2","config":{"User":"1:2",
        "ExposedPorts":{"80/tcp":{}},"Env":["A=1"],"Entrypoint":["/a"],"Cmd":["b"],"Volumes":{"/v":{}},"WorkingDir":"/w",
        "Labels":{"a":"b"},"StopSignal":"SIGTERM","Healthcheck":{"Test":["NONE"]}},"rootfs":{"type":"layers","diff_ids":[]},
        "history":[{"created":"2026-01-02T03:04:05Z","created_by":"x","empty_layer":true}]}"#;
    for (name, text) in
        [("config", config), ("full-config", full), ("manifest", &manifest), ("index", &index)]
    {
        corpus.add("oci_documents", name, text);
    }
    for (number, text) in
        ["debian:13", "localhost:5000/a/b:1", "oci:dir:tag", "docker-daemon:x:1"].iter().enumerate()
    {
        corpus.add("location", &number.to_string(), text);
    }
    let saved = r##"[{"Config":"#0","RepoTags":["x:1"],"Layers":["#1"]}]"##;
    let kind = |kind: &str| format!(r#""mediaType":"application/vnd.oci.image.{kind}.v1+json""#);
    let (config_kind, manifest_kind, index_kind) = (kind("config"), kind("manifest"), kind("index"));
    let diff_id = Digest::of(b"layer");
    let image = [
        config.replace(r#""diff_ids":[]"#, &format!(r#""diff_ids":["{diff_id}"]"#)),
        "layer".to_owned(),
        format!(
            r#"{{"schemaVersion":2,{manifest_kind},"config":{{{config_kind},@0}},"layers":[{{"mediaType":"application/vnd.oci.image.layer.v1.tar",@1}}]}}"#
        ),
        format!(r#"{{"schemaVersion":2,"manifests":[{{{manifest_kind},@2,{platform}}}]}}"#),
    ];
    let [config, layer, manifest, inner] = &image;
    let top = format!(r#"{{"schemaVersion":2,"manifests":[{{{index_kind},@3}}]}}"#);
    let nested = [config, layer, manifest, inner, &top, saved].join(BETWEEN);
    corpus.add("image_archive", "nested", &nested);
    let attached =
        manifest.replace("]}", &format!(r#"],"subject":{{{manifest_kind},@2}},"artifactType":"a/b"}}"#));
    let top = format!(r#"{{"schemaVersion":2,"manifests":[{{{manifest_kind},@2}},{{{manifest_kind},@3}}]}}"#);
    corpus.add("image_archive", "attached", [config, layer, manifest, &attached, &top, saved].join(BETWEEN));
    corpus.add("image_archive", "both", tar_of(&archive(&nested)));
}

fn packages_and_tars(corpus: &mut Corpus) {
    for compression in Compression::ALL {
        let deb = DebBuilder::new("hello", "1:2.0-1")
            .arch("amd64")
            .depends("libc6 (>= 2.36), awk | mawk")
            .tree(TREE)
            .script("postinst", "#!/bin/sh\nset -e\n")
            .compression(compression);
        let extension = compression.extension();
        corpus.add("deb", &format!("data{extension}"), deb.build().bytes);
        let plain = deb.control_compression(Compression::None);
        corpus.add("deb", &format!("plain-control{extension}"), plain.build().bytes);
    }
    corpus.add("tar", "tree", Tree::parse(TREE).to_tar(1_748_736_000));
    let long = format!("/{}/ 0755\n", "long/".repeat(60).trim_end_matches('/'));
    corpus.add("tar", "long-name", Tree::parse(&long).to_tar(0));
}

/// Release files, signatures and package lists of the testkit's small Debian.
fn indexes(corpus: &mut Corpus) {
    for (number, (path, bytes)) in world().files.iter().enumerate() {
        let name = path.rsplit('/').next().unwrap_or_default();
        let targets: &[&str] = match name {
            "Release" => &["release", "deb822"],
            "InRelease" | "Release.gpg" => &["clearsigned"],
            "Packages" => &["packages", "deb822"],
            _ => continue,
        };
        // Large seeds make slow targets; a few stanzas show the fuzzer all there is.
        let bytes = &bytes[..bytes.len().min(8192)];
        targets.iter().for_each(|target| corpus.add(target, &format!("{number}-{name}"), bytes));
    }
    corpus.add("clearsigned", "keyring", &world().keyring);
    let archive = Key::archive();
    corpus.add("clearsigned", "message", archive.clearsign("Origin: Debian\n- dash\n", release_date()));
    corpus.add("clearsigned", "detached", archive.detached("text", release_date()));
    corpus.add("clearsigned", "armoured-keyring", archive.public_armoured());
}

fn binaries(corpus: &mut Corpus) {
    for arch in Arch::ALL {
        let library = elf::shared_object(arch, "libx.so.1", &["libc.so.6"]);
        let program = elf::executable(arch, &["libx.so.1"]);
        for target in ["elf", "strip"] {
            corpus.add(target, &format!("library-{arch}"), &library);
            corpus.add(target, &format!("program-{arch}"), &program);
            corpus.add(target, "everything", EVERYTHING);
        }
    }
    let library = |name: &str, hwcaps: Option<&str>| Library {
        soname: name.into(),
        path: format!("/lib/{name}").into_bytes(),
        flags: 0x303,
        hwcaps: hwcaps.map(|name| Hwcaps { name: name.into(), isa_level: 2 }),
    };
    let libraries =
        [library("libc.so.6", None), library("libz.so.1", None), library("libz.so.1", Some("x86-64-v3"))];
    let generator = debian_generator("2.41-12");
    for (name, count) in [("empty", 0), ("plain", 2), ("hwcaps", 3)] {
        let bytes = write(&libraries[..count], Some(&generator)).expect("a small cache can be written");
        corpus.add("ld_so_cache", name, bytes);
    }
}

fn texts(corpus: &mut Corpus, fuzz: &Path) {
    for (name, header) in [
        (
            "challenge",
            "Negotiate YII==, Basic realm=\"a\\\"b\", Bearer realm=\"https://h.test/t\",service=s,scope=\"repository:a/b:pull\"",
        ),
        ("link", "</prev>; rel=\"prev\", </v2/a/tags/list?n=2&last=b>; rel=\"next\""),
        ("manifest", "{\"schemaVersion\":2,\"config\":{},\"layers\":[]}"),
    ] {
        corpus.add("http_header", name, header);
    }
    let script = "#!/bin/sh\nset -e\n. /usr/share/debconf/confmodule\ncase \"$1\" in\n  configure|abort-*) if [ -z \"$2\" ] && \
        ! getent passwd a >/dev/null; then adduser --system --home \"/var/lib/${x:-a}\" a || true; fi ;;\n  *) exit 1 ;;\nesac\n\
        for f in a b; do ln -sf \"$f\" $(dirname /a/b) 2>&1; done\nwhile read -r line; do echo \"${line%%#*}\"; done <<EOF\n$a\nEOF\n\
        f() { return 0; }\n";
    corpus.add("scripts", "postinst", script);
    corpus.add(
        "scripts",
        "sysusers",
        "#Type Name ID GECOS Home Shell\nu a 1:2 \"A b\" /var/lib/a /bin/sh\ng b -\nm a b\nr - 1-9\n",
    );
    corpus.add(
        "scripts",
        "tmpfiles",
        "d /run/a 0755 a b - -\nL+ /x - - - - ../y\nf %t/z 0644 root root 1d text\n",
    );
    let list = "deb [arch=amd64 signed-by=/k.gpg] http://mirror.test/debian trixie main # x\ndeb-src cdrom:[x] a b\n";
    corpus.add("apt_sources", "list", list);
    let sources = "Types: deb deb-src\n# note\nURIs: http://mirror.test/debian\nSuites: trixie trixie-updates\n\
        Components: main\nEnabled: yes\nSigned-By:\n -----BEGIN PGP PUBLIC KEY BLOCK-----\n .\n mQ==\n\
        \x20-----END PGP PUBLIC KEY BLOCK-----\n";
    corpus.add("apt_sources", "sources", sources);
    let root = fuzz.join("..");
    for (index, recipe) in files_below(&root.join("catalog"), "toml")
        .into_iter()
        .chain(files_below(&root.join("examples"), "toml"))
        .chain(files_below(&fuzz.join("seeds"), "toml"))
        .enumerate()
    {
        corpus.add("recipe", &index.to_string(), fs::read(recipe).expect("a recipe can be read"));
    }
    corpus.add("lock", "everything", lock().render());
    corpus.add("lock", "empty", Lock::default().render());
}

fn layers(corpus: &mut Corpus) {
    for (index, tree) in [
        "/a/ 0755\n/a/.wh.b 0644 \"\"\n/usr/ 0755\n/usr/bin/ 0755\n/usr/bin/.wh..wh..opq 0644 \"\"\n/usr/bin/new 0644 \"x\"\n",
        "/.wh.bin 0644 \"\"\n/bin/ 0755\n/bin/x 0644 \"y\"\n/bin/z => /bin/x\n",
        "/var/ 0755\n/var/lib/ 0755\n/var/lib/dpkg/ 0755\n/var/lib/dpkg/status 0644 \"Package: a\\nVersion: 1\\n\"\n",
    ]
    .iter()
    .enumerate()
    {
        let below = Tree::parse(TREE).to_tar(0);
        let length = u16::try_from(below.len()).expect("a small tar").to_le_bytes();
        for target in ["layers", "unpack"] {
            corpus.add(target, &index.to_string(), [&length[..], &below, &Tree::parse(tree).to_tar(0)].concat());
        }
    }
}

/// A lock in which every field is set.
fn lock() -> Lock {
    let package = LockedPackage {
        name: "libssl3t64".into(),
        version: Version::parse("1:3.5.4-1~deb13u1").expect("a version"),
        architecture: "amd64".into(),
        source: "openssl".into(),
        source_version: Version::parse("3.5.4-1").expect("a version"),
        archive: DEBIAN.into(),
        path: "pool/main/o/openssl/libssl3t64_3.5.4-1_amd64.deb".into(),
        size: 12,
        sha256: Digest::of(b"package"),
        multi_arch: "same".into(),
        pre_depends: "zlib1g (>= 1:1.1.4)".into(),
        depends: "libc6 (>= 2.38), awk | mawk".into(),
        provides: "libssl3 (= 3.5.4-1)".into(),
        conflicts: "libssl3 (<< 3.5.4)".into(),
        breaks: "openssh-client".into(),
    };
    Lock {
        request: Request {
            suite: "trixie".into(),
            components: vec!["main".into()],
            packages: vec!["libssl3t64".into(), "tzdata=2026c-0+deb13u1".into()],
            without: vec!["perl".into()],
            archives: vec![RequestedArchive {
                name: "vendor".into(),
                suites: vec!["stable".into()],
                components: vec!["main".into()],
            }],
        },
        base: Some(BaseImage { reference: "registry.test/x:1".into(), digest: Digest::of(b"manifest") }),
        suites: vec![SuiteRelease {
            archive: DEBIAN.into(),
            suite: "trixie".into(),
            date: release_date(),
            sha256: Digest::of(b"Release"),
        }],
        packages: [(Platform { arch: Arch::Amd64 }, [(package.name.clone(), package)].into())].into(),
    }
}

/// The files below `folder` with this extension, sorted; without build output and hidden folders.
fn files_below(folder: &Path, extension: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_path_buf()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).into_iter().flatten().flatten() {
            let path = entry.path();
            let hidden = entry.file_name().to_string_lossy().starts_with('.');
            if path.is_dir() && !hidden && !path.ends_with("target") && !path.ends_with("corpus") {
                folders.push(path);
            } else if path.extension().is_some_and(|found| found == extension)
                && !path.ends_with("Cargo.lock")
            {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}
