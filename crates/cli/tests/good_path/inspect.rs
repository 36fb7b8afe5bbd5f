//! `bareboat inspect`, on dive's test images and on one that was built here.

use std::path::{Path, PathBuf};

use crate::bench::{Bench, HELLO, said};

/// dive's own test images, which lie beside the project: too large to keep in it.
pub(crate) fn dive_image(name: &str) -> PathBuf {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/tests/dive").join(name);
    assert!(path.is_file(), "`{}` is missing: dive's test images must lie there", path.display());
    path
}

/// What dive 0.13.1 tells of its images with `--json`; of those that it can read.
#[test]
fn dives_numbers_are_dives_to_the_last_digit() {
    let bench = Bench::new(HELLO);
    for (name, efficiency, size, wasted, user_ratio) in [
        ("test-docker-image.tar", "0.9844212134184309", "1220598", "32025", "0.4834911001404049"),
        ("test-kaniko-image.tar", "0.9793688490216431", "1326410", "46245", "0.4884502043790995"),
        ("removed-directory.tar", "1.0", "1001000", "0", "0.0"),
        ("test-oci-gzip-image.tar", "1.0", "11189", "0", "null"),
        ("test-oci-zstd-image.tar", "1.0", "11189", "0", "null"),
        ("test-oci-estargz-image.tar", "1.0", "11189", "0", "null"),
        ("test-oci-uncompressed-image.tar", "1.0", "11189", "0", "null"),
    ] {
        let transport = if name.contains("-oci-") { "oci-archive" } else { "docker-archive" };
        let image = format!("{transport}:{}", dive_image(name).display());
        let json = bench.says(&["inspect", &image, "--dive", "--format", "json"]);
        for (key, value) in [
            ("efficiency", efficiency),
            ("size", size),
            ("wasted", wasted),
            ("wasted_user_ratio", user_ratio),
        ] {
            let dive = json.split("\"dive\": {").nth(1).unwrap();
            assert!(dive.contains(&format!("\"{key}\": {value},")), "{name}: {key} is not {value}\n{dive}");
        }
    }
}

/// dive says that nothing of this image is wasted.
#[test]
fn a_directory_that_was_removed_is_waste() {
    let bench = Bench::new(HELLO);
    let image = format!("docker-archive:{}", dive_image("removed-directory.tar").display());
    let said = bench.says(&["inspect", &image]);
    let waste: Vec<&str> = said.lines().skip_while(|line| !line.starts_with("waste")).take(2).collect();
    insta::assert_snapshot!(waste.join("\n"), @r"
    waste        1.0 MB, 99.9 % of what the layers carry
      1.0 MB  /opt/big (2 files, in layer 2, removed by layer 3)
    ");
}

/// These hold a README and no image; dive refuses them too.
#[test]
fn what_is_no_image_is_refused() {
    let bench = Bench::new(HELLO);
    for name in ["gzip", "zstd", "estargz", "uncompressed"] {
        let path = dive_image(&format!("test-{name}-image.tar"));
        for (transport, lacks) in [("docker-archive", "manifest.json"), ("oci-archive", "index.json")] {
            let said = bench.refuses(&["inspect", &format!("{transport}:{}", path.display())]);
            assert!(said.contains(&format!("there is no `{lacks}`")), "{said}");
        }
    }
}

#[test]
fn an_image_is_told_in_words() {
    let bench = Bench::new(HELLO);
    std::fs::copy(dive_image("test-docker-image.tar"), bench.path("project/image.tar")).unwrap();
    let args = ["inspect", "docker-archive:image.tar", "--platform", "linux/amd64", "--top", "3", "--dive"];
    insta::assert_snapshot!(bench.says(&args), @r"
    looking into the image, 1.47 MB
    image        docker-archive:image.tar, linux/amd64, made 2018-12-28T20:44:23.030424642Z
    digest       [DIGEST]
    runs         sh
    as           root, as no user is set
    in           /
    environment  PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
    size         1.2 MB in 13 files, 1.2 MB in 14 layers, 1.5 MB stored

      layer  stored  contents  added  changed  removed  wasted
          1  1.4 MB    1.2 MB    415        -        -       -  ADD file:ce026b62356eec3ad1214f92be2c9dc063fe205bd5e600be34…
          2  8.2 kB    6.4 kB      1        -        -       -  ADD file:139c3708fb6261126453e34483abd8bf7b26ed16d952fd9769…
          3  3.1 kB       0 B      3        -        -       -  RUN mkdir -p /root/example/really/nested
          4  9.2 kB    6.4 kB      1        -        -  6.4 kB  RUN cp /somefile.txt /root/example/somefile1.txt
          5  9.2 kB    6.4 kB      -        1        -  6.4 kB  RUN chmod 444 /root/example/somefile1.txt
          6  9.2 kB    6.4 kB      1        -        -  6.4 kB  RUN cp /somefile.txt /root/example/somefile2.txt
          7  9.2 kB    6.4 kB      1        -        -  6.4 kB  RUN cp /somefile.txt /root/example/somefile3.txt
          8  9.7 kB    6.4 kB      1        -        1  6.4 kB  RUN mv /root/example/somefile3.txt /root/saved.txt
          9  8.7 kB    6.4 kB      1        -        -       -  RUN cp /root/saved.txt /root/.saved.txt
         10  2.0 kB       0 B      -        -        5       -  RUN rm -rf /root/example/
         11  5.6 kB    2.2 kB      3        -        -       -  ADD dir:7ec14b81316baa1a31c38c97686a8f030c98cba2035c9684127…
         12  8.7 kB    6.4 kB      1        -        -       -  RUN cp /root/saved.txt /tmp/saved.again1.txt
         13  9.2 kB    6.4 kB      1        -        -       -  RUN cp /root/saved.txt /root/.data/saved.again2.txt
         14  8.7 kB    6.4 kB      -        1        -       -  RUN chmod +x /root/saved.txt

    biggest files
       1.1 MB  /bin/[ (layer 1, also /bin/[[, /bin/acpid, /bin/add-shell, 389 more names)
      77.9 kB  /bin/getconf (layer 1)
       6.4 kB  /root/.data/saved.again2.txt (layer 13)

    biggest folders
       1.2 MB  /bin (2 files)
      21.4 kB  /root (5 files)
       8.6 kB  /root/.data (3 files)

    waste        32.0 kB, 2.6 % of what the layers carry
      25.6 kB  /root/example (4 files, in layers 4, 5, 6, 7, removed by layers 5, 8, 10)
       6.4 kB  /root/saved.txt (in layer 8, replaced by layer 14)

    packages     none that tell of themselves

    dive
      efficiency         0.9844212134184309
      wasted bytes       32025 (32.0 kB)
      user wasted        0.4834911001404049 of [N] bytes
      image size         1220598 (1.2 MB)
      2  12.8 kB  /root/example/somefile1.txt
      2  12.8 kB  /root/saved.txt
      2   6.4 kB  /root/example/somefile3.txt
    ");
    let args =
        [&args[..4], &["--quiet", "--max-size", "2MB", "--max-waste", "1%", "--max-layers", "14"]].concat();
    let output = bench.command(&args).output().unwrap();
    assert_eq!(output.status.code(), Some(1), "{}", said(&output));
    insta::assert_snapshot!(String::from_utf8(output.stdout).unwrap(), @r"
    PASS  size    1.2 MB, at most 2.0 MB
    FAIL  waste   2.6 %, at most 1.0 %: 1.6 % too much
    PASS  layers  14, at most 14
    ");
}

#[test]
fn files_are_drawn_and_shown() {
    let bench = Bench::new(HELLO);
    std::fs::copy(dive_image("test-docker-image.tar"), bench.path("project/image.tar")).unwrap();
    let inspect = |args: &[&str]| {
        bench.says(&[&["inspect", "docker-archive:image.tar", "--platform", "linux/amd64"], args].concat())
    };
    insta::assert_snapshot!(inspect(&["--tree", "/root"]), @r"
    looking into the image, 1.47 MB
      21.4 kB  /root/
       8.6 kB  ├── .data/
       6.4 kB  │   ├── saved.again2.txt
        917 B  │   ├── tag.sh
       1.3 kB  │   └── test.sh
       6.4 kB  ├── .saved.txt
       6.4 kB  └── saved.txt
    ");
    insta::assert_snapshot!(inspect(&["--tree", "--depth", "1"]), @r"
     1.2 MB  /
     1.2 MB  ├── bin/ (2 files)
        0 B  ├── dev/
     1.0 kB  ├── etc/ (4 files)
        0 B  ├── home/
    21.4 kB  ├── root/ (5 files)
     6.4 kB  ├── somefile.txt
     6.4 kB  ├── tmp/ (1 file)
        0 B  ├── usr/
        0 B  └── var/
    ");
    insta::assert_snapshot!(inspect(&["--tree", "/etc/passwd", "--format", "json"]), @r#"
    {
      "schema": "bareboat.inspect-tree/1",
      "files": [
        {
          "path": "/etc/passwd",
          "kind": "file",
          "bytes": 340,
          "mode": "0644",
          "uid": 0,
          "gid": 0,
          "mtime": 1545257047,
          "layer": 1,
          "digest": "[DIGEST]"
        }
      ]
    }
    "#);
    assert_eq!(inspect(&["--cat", "etc/passwd"]), inspect(&["--cat", "/etc/passwd"]));
    assert_eq!(inspect(&["--tree", "root"]), inspect(&["--tree", "/root"]));
    insta::assert_snapshot!(inspect(&["--cat", "/etc/passwd"]).lines().next().unwrap_or_default(), @r"root:x:0:0:root:/root:/bin/sh");
}

#[test]
fn what_was_built_here_is_told_by_name() {
    let bench = Bench::new(
        "name = \"hello\"\nbase = \"static\"\nplatforms = [\"linux/amd64\"]\n\
         [image]\nentrypoint = [\"/app/tool\", \"two words\"]\nuser = \"nonroot\"\nworkdir = \"/app\"\n\
         env = { WHERE = \"/app\" }\nlabels = { version = \"1.2\" }\nports = [\"8080/tcp\"]\n\
         [[files]]\nfrom = \"tool\"\nto = \"/app/tool\"\n",
    );
    bench.write("tool", "#!no\n");
    bench.says(&["build", "-o", "oci:.bareboat/hello"]);
    insta::assert_snapshot!(bench.says(&["inspect", "hello", "--platform", "linux/amd64", "--packages", "--top", "4"]), @r"
    image        hello, linux/amd64, made 2025-06-01T00:00:00Z
    digest       [DIGEST]
    runs         /app/tool 'two words'
    as           65532:65532
    in           /app
    ports        8080/tcp
    environment  PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin,
                 SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt, WHERE=/app
    labels       version=1.2
    size         3.9 kB in 35 files, 3.9 kB in 3 layers, [N] stored

      layer  stored  contents  added  changed  removed  wasted
          1  2.9 kB    3.2 kB     83        -        -       -  bareboat: base-files ca-certificates media-types netbase tz…
          2   656 B     732 B      8        -        -       -  bareboat: settings
          3   122 B       5 B      2        -        -       -  bareboat: files

    biggest files
      526 B  /var/lib/dpkg/status.d/base-files (layer 1, package base-files)
      431 B  /var/lib/dpkg/status.d/netbase (layer 1, package netbase)
      331 B  /var/lib/dpkg/status.d/media-types (layer 1, package media-types)
      330 B  /etc/nsswitch.conf (layer 2)

    biggest folders
      2.6 kB  /var/lib/dpkg/status.d (10 files)
       875 B  /etc (13 files)
       382 B  /usr (11 files)
       243 B  /usr/share (10 files)

    waste        none: the layers carry nothing that the image does not have

    packages     5 deb, 880 B in files of no package
      1.0 kB  deb base-files 13.8+deb13u2
       416 B  deb ca-certificates 20250419
       429 B  deb media-types 13.0.0
       521 B  deb netbase 6.5
       625 B  deb tzdata 2025c-1+deb13u1
    ");
}

#[test]
fn of_several_platforms_the_manifest_and_the_index_are_told() {
    let bench =
        Bench::new("name = \"bare\"\nbase = \"scratch\"\nplatforms = [\"linux/amd64\", \"linux/arm64\"]\n");
    bench.says(&["build", "-o", "oci:out"]);
    let digests = |platform: &str| -> Vec<String> {
        let output = bench
            .command(["inspect", "oci:out", "--platform", platform, "--format", "json"])
            .output()
            .unwrap();
        let json: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        ["digest", "index"].iter().map(|key| json[key].as_str().unwrap().to_owned()).collect()
    };
    let (amd64, arm64) = (digests("linux/amd64"), digests("linux/arm64"));
    assert_eq!(amd64[1], arm64[1]);
    assert_ne!(amd64[0], arm64[0]);
    assert!(!amd64.contains(&arm64[0]));
    let said = bench.says(&["inspect", "oci:out", "--platform", "linux/arm64"]);
    let heads: Vec<&str> = said.lines().skip(1).take(2).collect();
    insta::assert_snapshot!(heads.join("\n"), @r"
    digest       [DIGEST]
    index        [DIGEST]
    ");
}

#[test]
fn documents_are_written_to_the_byte() {
    let bench =
        Bench::new("name = \"bare\"\nbase = \"scratch\"\nplatforms = [\"linux/amd64\", \"linux/arm64\"]\n");
    bench.says(&["build", "-o", "oci:out"]);
    let bytes = |args: &[&str]| {
        let output = bench.command(["inspect", "oci:out"].iter().chain(args)).output().unwrap();
        assert!(output.status.success(), "{}", said(&output));
        output.stdout
    };
    let blob = |digest: &serde_json::Value| {
        let hex = digest.as_str().unwrap().strip_prefix("sha256:").unwrap();
        std::fs::read(bench.path("project/out/blobs/sha256").join(hex)).unwrap()
    };
    let parsed = |bytes: &[u8]| serde_json::from_slice::<serde_json::Value>(bytes).unwrap();
    let layout = parsed(&std::fs::read(bench.path("project/out/index.json")).unwrap());
    let index = bytes(&["--raw"]);
    assert_eq!(index, blob(&layout["manifests"][0]["digest"]));
    let arm64 = parsed(&index)["manifests"][1].clone();
    assert_eq!(arm64["platform"]["architecture"], "arm64");
    let manifest = bytes(&["--raw", "--platform", "linux/arm64"]);
    assert_eq!(manifest, blob(&arm64["digest"]));
    let config = bytes(&["--config", "--platform", "linux/arm64"]);
    assert_eq!(config, blob(&parsed(&manifest)["config"]["digest"]));
    assert_eq!(parsed(&config)["architecture"], "arm64");
}

/// A job that ran `dive --ci` goes on with the same rules.
#[test]
fn an_image_is_judged_by_dives_rules() {
    let bench = Bench::new(HELLO);
    std::fs::copy(dive_image("test-docker-image.tar"), bench.path("project/image.tar")).unwrap();
    let judged = |args: &[&str]| {
        let args = [&["inspect", "-q", "docker-archive:image.tar"], args].concat();
        let output = bench.command(&args).output().unwrap();
        (output.status.code(), String::from_utf8(output.stdout).unwrap())
    };
    let (code, told) = judged(&["--ci"]);
    insta::assert_snapshot!(told, @r"
    PASS  lowest-efficiency            0.9844, at least 0.9000
    FAIL  highest-user-wasted-percent  0.4835, at most 0.1000: 0.3835 too much
    ");
    assert_eq!(code, Some(1));
    bench.write(
        ".dive-ci",
        "rules:\n  lowest-efficiency: 0.99\n  highest-wasted-bytes: 20kB\n  highest-user-wasted-percent: off\n",
    );
    let (code, told) = judged(&["--ci"]);
    insta::assert_snapshot!(told, @r"
    FAIL  lowest-efficiency     0.9844, at least 0.9900: 0.0056 too little
    FAIL  highest-wasted-bytes  32.0 kB, at most 20.0 kB: 12.0 kB too much
    ");
    assert_eq!(code, Some(1));
    // What is said on the command line goes first.
    let (code, told) = judged(&["--ci", "--lowestEfficiency=0.95", "--highestWastedBytes=disabled"]);
    insta::assert_snapshot!(told, @r"PASS  lowest-efficiency  0.9844, at least 0.9500");
    assert_eq!(code, Some(0));
    let (code, told) = judged(&["--highest-user-wasted-percent", "0.5", "--max-layers", "14"]);
    insta::assert_snapshot!(told, @r"
    PASS  layers                       14, at most 14
    PASS  highest-user-wasted-percent  0.4835, at most 0.5000
    ");
    assert_eq!(code, Some(0));
}

#[test]
fn attributes_and_other_names_are_told() {
    let bench = Bench::new(HELLO);
    std::fs::copy(dive_image("test-docker-image.tar"), bench.path("project/image.tar")).unwrap();
    let inspect = |args: &[&str]| bench.says(&[&["inspect", "docker-archive:image.tar"], args].concat());
    insta::assert_snapshot!(inspect(&["-v", "--tree", "/root"]), @r"
    looking into the image, 1.47 MB
    drwx------     0:0        21.4 kB  /root/
    drwxr-xr-x     0:0         8.6 kB  ├── .data/
    -rw-r--r--     0:0         6.4 kB  │   ├── saved.again2.txt
    -rwxrwxr-x     0:0          917 B  │   ├── tag.sh
    -rwxr-xr-x     0:0         1.3 kB  │   └── test.sh
    -rw-r--r--     0:0         6.4 kB  ├── .saved.txt
    -rwxr-xr-x     0:0         6.4 kB  └── saved.txt
    ");
    let drawn = inspect(&["--tree", "/bin"]);
    insta::assert_snapshot!(drawn.lines().take(4).collect::<Vec<_>>().join("\n"), @r"
    1.2 MB  /bin/
    1.1 MB  ├── [
    1.1 MB  ├── [[ (the same file as /bin/[)
    1.1 MB  ├── acpid (the same file as /bin/[)
    ");
    let json: serde_json::Value =
        serde_json::from_str(&inspect(&["--tree", "/bin/[[", "--format", "json"])).unwrap();
    assert_eq!(json["files"][0]["same_as"], "/bin/[");
}
