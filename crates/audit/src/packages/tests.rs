//! Each kind of file as it is written, the same cut short, and what is found put together.

use std::fmt::Write as _;

use bareboat_model::ImagePath;

use super::*;

fn at(path: &str) -> ImagePath {
    ImagePath::parse(path.as_bytes()).unwrap()
}

fn read(path: &str, content: &[u8]) -> Found {
    let reader =
        interest(&at(path), 0o755, content.len() as u64).unwrap_or_else(|| panic!("no interest in {path}"));
    reader.read(&mut &*content)
}

/// `kind name version`, then what else is known.
fn told(found: &Found) -> String {
    let mut out = String::new();
    for package in &found.packages {
        write!(out, "{} {} {}", package.kind.name(), package.name, package.version).unwrap();
        let source = package.source.as_ref();
        let source = source.map(|source| format!("{} {:?}", source.name, source.version));
        for (what, value) in [("on", &package.architecture), ("from", &source), ("under", &package.licence)] {
            if let Some(value) = value {
                write!(out, " {what} {value}").unwrap();
            }
        }
        if !package.files.is_empty() {
            write!(out, " {:?} {:?}", package.files.paths, package.files.folders).unwrap();
        }
        out.push('\n');
    }
    if let Some(listed) = &found.listed {
        writeln!(out, "{:?}: {:?}", listed.package, listed.files.paths).unwrap();
    }
    if let Some(cause) = &found.unread {
        writeln!(out, "unread: {cause}").unwrap();
    }
    out
}

const STATUS: &[u8] = b"Package: libc6\nStatus: install ok installed\nArchitecture: amd64\nSource: glibc (2.36-9)\n\
    Version: 2.36-9+deb12u4\nDescription: library\n more\n\nPackage: gone\nStatus: deinstall ok config-files\n\
    Version: 1\n\nPackage: bash\nVersion: 5.2-1\nSource: bash\n";

const APK: &[u8] =
    b"C:Q1abc=\nP:musl\nV:1.2.4-r2\nA:x86_64\nL:MIT\no:musl\nF:lib\nR:ld-musl-x86_64.so.1\na:0:0:755\n\
    F:usr/lib\nR:libc.so\n\nP:busybox\nV:1.36\n";

#[test]
fn distributions_databases_are_read() {
    insta::assert_snapshot!(told(&read("var/lib/dpkg/status", STATUS)), @r#"
    deb libc6 2.36-9+deb12u4 on amd64 from glibc Some("2.36-9")
    deb bash 5.2-1 from bash None
    "#);
    insta::assert_snapshot!(told(&read("var/lib/dpkg/info/libc6:amd64.list", b"/.\n/lib\n/lib/libc.so.6\n")), @r#"Deb { name: "libc6", architecture: Some("amd64") }: [/lib, /lib/libc.so.6]"#);
    insta::assert_snapshot!(told(&read("var/lib/dpkg/status.d/bash.md5sums", b"0123456789abcdef0123456789abcdef  bin/bash\nshort\n")), @r#"Deb { name: "bash", architecture: None }: [/bin/bash]"#);
    insta::assert_snapshot!(told(&read("lib/apk/db/installed", APK)), @r#"
    apk musl 1.2.4-r2 on x86_64 from musl None under MIT [/lib/ld-musl-x86_64.so.1, /usr/lib/libc.so] []
    apk busybox 1.36
    "#);
    insta::assert_snapshot!(told(&read("var/lib/rpm/Packages", b"\0\0")), @"unread: rpm's database in Berkeley DB's format is not read");
    insta::assert_snapshot!(told(&read("var/lib/rpm/rpmdb.sqlite", b"no")), @"unread: no SQLite database");
}

/// Made by rpm 4.18 of Debian 12.
#[test]
fn rpms_own_database_is_read() {
    let mut database = Vec::new();
    let packed = &include_bytes!("../../testdata/rpmdb.sqlite.gz")[..];
    let mut decoder =
        bareboat_formats::compress::decoder(bareboat_formats::compress::Compression::Gzip, packed).unwrap();
    decoder.read_to_end(&mut database).unwrap();
    insta::assert_snapshot!(told(&read("usr/lib/sysimage/rpm/rpmdb.sqlite", &database)), @r#"rpm hello-world 2:1.2-3 on noarch from hello-world Some("1.2-3") under MIT [/etc/hello.conf, /usr/share/hello, /usr/share/hello/a] []"#);
    insta::assert_snapshot!(told(&read("var/lib/rpm/rpmdb.sqlite-wal", b"x")), @"unread: changes to rpm's database that are only in its log are not read");
    assert!(read("var/lib/rpm/rpmdb.sqlite-wal", b"").is_empty());
}

#[test]
fn few_bytes_that_make_many_long_paths_are_told() {
    let folder = [&b"x".repeat(250)[..]; 16].join(&b'/');
    let apk = [&b"P:a\nF:"[..], &folder, b"\n", &b"R:b\n".repeat(100_000)].concat();
    insta::assert_snapshot!(told(&read("lib/apk/db/installed", &apk)), @"unread: it tells of too many files");
    let path = format!("{}/a-1.dist-info/RECORD", String::from_utf8(folder).unwrap());
    insta::assert_snapshot!(told(&read(&path, &b"b\n".repeat(100_000))), @"unread: it tells of too many files");
    let late = [&b"X: y\n".repeat(300_000)[..], b"Name: late\n"].concat();
    insta::assert_snapshot!(told(&read("a-1.dist-info/METADATA", &late)), @"unread: no name in the first 1 MiB");
}

#[test]
fn what_languages_leave_is_read() {
    let metadata =
        b"Metadata-Version: 2.1\nName: requests\nVersion: 2.31.0\nLicense: Apache 2.0\n\nName: not this\n";
    insta::assert_snapshot!(told(&read("a/requests-2.31.0.dist-info/METADATA", metadata)), @"python requests 2.31.0 under Apache 2.0 [] [/a/requests-2.31.0.dist-info]");
    insta::assert_snapshot!(told(&read("a/b-1.egg-info", b"Name: b\nVersion: 1\nLicense: UNKNOWN\n")), @"python b 1 [/a/b-1.egg-info] []");
    let record = b"requests/a.py,sha256=x,1\n\"requests/b,c.py\",,\n../../bin/req,,\n../../../../../out,,\n";
    insta::assert_snapshot!(told(&read("lib/py/requests-2.31.0.dist-info/RECORD", record)), @"At(/lib/py/requests-2.31.0.dist-info/METADATA): [/lib/py/requests/a.py, /lib/py/requests/b,c.py, /bin/req]");
    let module = br#"{"name":"@a/b","version":"1.0.0","license":{"type":"MIT"},"deep":{"name":"no"}}"#;
    insta::assert_snapshot!(told(&read("app/node_modules/@a/b/package.json", module)), @"node @a/b 1.0.0 under MIT [] [/app/node_modules/@a/b]");
    assert!(read("node_modules/x/package.json", br#"{"type":"module"}"#).is_empty());
    insta::assert_snapshot!(told(&read("usr/lib/ruby/gems/3.1.0/specifications/default/json-2.6.1.gemspec", b"")), @"ruby json 2.6.1 [/usr/lib/ruby/gems/3.1.0/specifications/default/json-2.6.1.gemspec] [/usr/lib/ruby/gems/3.1.0/gems/json-2.6.1]");
    let composer =
        br#"{"packages":[{"name":"a/b","version":"v1.2","license":["MIT","GPL"],"install-path":"../a/b"}]}"#;
    insta::assert_snapshot!(told(&read("app/vendor/composer/installed.json", composer)), @"php a/b v1.2 under MIT OR GPL [] [/app/vendor/a/b]");
    let deps = br#"{"libraries":{"Json/13.0.1":{"type":"package"},"app/1.0":{"type":"project"}}}"#;
    insta::assert_snapshot!(told(&read("app/app.deps.json", deps)), @"dotnet Json 13.0.1");
}

/// A stored member of a zip archive.
fn member(name: &str, data: &[u8]) -> Vec<u8> {
    let mut out = b"PK\x03\x04".to_vec();
    out.extend([0; 14]);
    out.extend([data.len() as u32, data.len() as u32].into_iter().flat_map(u32::to_le_bytes));
    out.extend([name.len() as u16, 0].into_iter().flat_map(u16::to_le_bytes));
    out.extend_from_slice(name.as_bytes());
    out.extend_from_slice(data);
    out
}

fn jar(members: &[(&str, &[u8])]) -> Vec<u8> {
    let mut out: Vec<u8> = members.iter().flat_map(|(name, data)| member(name, data)).collect();
    for (name, _) in members {
        out.extend([&b"PK\x01\x02"[..], &[0; 24], &(name.len() as u16).to_le_bytes(), &[0; 16]].concat());
        out.extend_from_slice(name.as_bytes());
    }
    out.extend([&b"PK\x05\x06"[..], &[0; 18]].concat());
    out
}

#[test]
fn a_jar_whose_end_seems_to_come_first_is_told() {
    let jar = jar(&[("META-INF/maven/g/a/pom.properties", b"version=1.0\ngroupId=g\nartifactId=a\n")]);
    let hidden = [&b"PK\x05\x06"[..], &[0; 18], &jar].concat();
    insta::assert_snapshot!(told(&read("a.jar", &hidden)), @"unread: something stands behind the end of the zip archive");
}

#[test]
fn jars_are_read_with_those_in_them() {
    let inner = jar(&[("META-INF/maven/g/a/pom.properties", b"#x\nversion=1.0\ngroupId=g\nartifactId=a\n")]);
    let named = jar(&[("META-INF/MANIFEST.MF", b"Manifest-Version: 1.0\r\nBundle-SymbolicName: org.x;singleton:=true\r\nBundle-Ver\r\n sion: 3.2\r\n\r\nBundle-Version: 9\r\n")]);
    let bare = jar(&[("x.class", b"")]);
    let broken = &b"PK\x03\x04broken"[..];
    let app = jar(&[
        ("BOOT-INF/lib/a.jar", &inner),
        ("BOOT-INF/lib/broken.jar", broken),
        ("BOOT-INF/lib/x.jar", &named),
        ("BOOT-INF/lib/commons-io-2.11.0.jar", &bare),
        ("META-INF/maven/me/app/pom.properties", b"groupId=me\nartifactId=app\nversion=7\n"),
    ]);
    insta::assert_snapshot!(told(&read("app/app.jar", &app)), @r"
    java me:app 7 [/app/app.jar] []
    java g:a 1.0 [/app/app.jar] []
    java org.x 3.2 [/app/app.jar] []
    java commons-io 2.11.0 [/app/app.jar] []
    unread: `BOOT-INF/lib/broken.jar`: the zip archive ends early: failed to fill whole buffer
    ");
    let deep = (0..4).fold(inner, |inner, _| jar(&[("in.jar", &inner)]));
    insta::assert_snapshot!(told(&read("deep.jar", &deep)), @"unread: `in.jar`: `in.jar`: `in.jar`: jars more than 2 deep in one another are not read");
}

#[test]
fn programs_are_read() {
    let mut go = b"\x7fELF".to_vec();
    go.resize(64 << 10, 0);
    go.extend([&b"\xff Go build"[..], b"inf:", &[0, 2], &[0; 16]].concat());
    let sentinel = "0123456789abcdef";
    let modules = "path\tx\nmod\texample.org/x\t(devel)\t\ndep\ta\tv1\th1\n=>\tb\tv2\th1\nbuild\t-x=y\n";
    for text in ["go1.22.1 X:a".to_owned(), format!("{sentinel}{modules}{sentinel}")] {
        // As the length is written when it takes two bytes.
        go.extend([text.len() as u8 & 0x7f | 0x80, (text.len() >> 7) as u8]);
        go.extend(text.as_bytes());
    }
    insta::assert_snapshot!(told(&read("bin/x", &go)), @r"
    go example.org/x (devel) [/bin/x] []
    go b v2 [/bin/x] []
    go stdlib 1.22.1 [/bin/x] []
    ");
    let script = [b"#!/bin/sh\n".to_vec(), vec![b'#'; 64 << 10]].concat();
    assert!(read("bin/script", &script).is_empty());
    assert_eq!(interest(&at("bin/x"), 0o644, 1 << 20), None);
    assert!(interest(&at("lib/x.so.1"), 0o644, 1 << 20).is_some());
}

#[test]
fn what_is_elsewhere_is_of_no_interest() {
    for path in [
        "chroot/var/lib/dpkg/status",
        "package.json",
        "app/package.json",
        "METADATA",
        "x/RECORD",
        "composer/installed.json",
        "x.gemspec",
        "opt/Packages",
        "",
    ] {
        assert_eq!(interest(&at(path), 0o644, 1000), None, "{path}");
    }
}

#[test]
fn what_is_broken_is_told_and_bounded() {
    for (path, content, cause) in [
        ("var/lib/dpkg/status", &b"Package: a\nVersion: 1\n\nno colon\n"[..], "line 4"),
        ("a/node_modules/b/package.json", b"{", "no `package.json`: EOF"),
        ("a/vendor/composer/installed.json", b"3", "data did not match"),
        ("a.deps.json", b"[", "EOF"),
        ("a.jar", b"\x1b[31m", "no zip archive"),
    ] {
        let cause_found = read(path, content).unread.unwrap();
        assert!(cause_found.starts_with(cause), "{cause_found}");
    }
    let deep = "[".repeat(1 << 20);
    assert!(read("a/node_modules/b/package.json", deep.as_bytes()).unread.is_some());
    let long = format!("P:{}\nV:1\n", "x".repeat(5000));
    assert_eq!(
        read("lib/apk/db/installed", long.as_bytes()).unread.unwrap(),
        "a package's name or version of 5000 bytes"
    );
    let many = "P:x\n\n".repeat(MOST_PACKAGES + 1);
    assert_eq!(read("lib/apk/db/installed", many.as_bytes()).unread.unwrap(), "more than 200000 packages");
    let found = interest(&at("x.jar"), 0, 9).unwrap().read(&mut std::io::repeat(b'x'));
    assert_eq!(found.unread.unwrap(), "no zip archive");
    let found =
        interest(&at("a/node_modules/b/package.json"), 0, 9).unwrap().read(&mut std::io::repeat(b' '));
    assert_eq!(found.unread.unwrap(), "it is larger than 8 MiB");
}

#[test]
fn no_cut_makes_a_reader_panic() {
    let app = jar(&[("META-INF/MANIFEST.MF", b"Bundle-Version: 1\n"), ("b-1.jar", &jar(&[]))]);
    for (path, content) in [("var/lib/dpkg/status", STATUS), ("lib/apk/db/installed", APK), ("x.war", &app)] {
        for end in 0..content.len() {
            read(path, &content[..end]);
        }
    }
}

#[test]
fn an_inventory_knows_who_brought_a_file() {
    let files = [
        ("lib/apk/db/installed", read("lib/apk/db/installed", APK)),
        (
            "app/node_modules/a/package.json",
            read("app/node_modules/a/package.json", br#"{"name":"a","version":"1"}"#),
        ),
        (
            "var/lib/dpkg/info/bash.list",
            read("var/lib/dpkg/info/bash.list", b"/bin\n/bin/bash\n/usr/share/gone\n"),
        ),
        ("var/lib/dpkg/status", read("var/lib/dpkg/status", STATUS)),
        (
            "var/lib/dpkg/status.d/bash",
            read("var/lib/dpkg/status.d/bash", b"Package: bash\nVersion: 5.2-1\nSource: bash\n"),
        ),
        ("var/lib/rpm/Packages", read("var/lib/rpm/Packages", b"")),
    ];
    let files: Vec<_> = files.iter().map(|(path, found)| (at(path), found.clone())).collect();
    // `/bin` is a link to `usr/bin`.
    let tree = ["usr/bin/bash", "usr/lib/libc.so"].map(at);
    let file = |path: &ImagePath| {
        let path = if path.is_within(&at("bin")) { at(&format!("/usr{path}")) } else { path.clone() };
        tree.contains(&path).then_some(path)
    };
    let inventory = Inventory::new(files.iter().map(|(path, found)| (path, found)), file);
    let names: Vec<_> = inventory
        .packages()
        .iter()
        .map(|one| format!("{} {}", one.package.name, one.package.version))
        .collect();
    assert_eq!(names, ["bash 5.2-1", "libc6 2.36-9+deb12u4", "busybox 1.36", "musl 1.2.4-r2", "a 1"]);
    let owner = |path| inventory.owner(&at(path)).map(|one| one.package.name.as_str());
    assert_eq!(owner("usr/bin/bash"), Some("bash"));
    assert_eq!(owner("usr/lib/libc.so"), Some("musl"));
    assert_eq!(owner("app/node_modules/a/lib/deep.js"), Some("a"));
    assert_eq!(owner("app/node_modules/b.js"), None);
    assert_eq!(owner("var/lib/dpkg/info/bash.postinst"), Some("bash"));
    assert_eq!(owner("var/lib/dpkg/info/libc6:amd64.md5sums"), Some("libc6"));
    assert_eq!(owner("var/lib/dpkg/status.d/bash"), Some("bash"));
    assert_eq!(owner("var/lib/dpkg/status"), None);
    assert_eq!(owner(""), None);
    assert_eq!(inventory.unread().len(), 1);
    assert_eq!(inventory.packages()[0].package.files.paths, [at("usr/bin/bash")]);
}

#[test]
fn a_list_of_files_is_not_copied_for_each_package_of_its_name() {
    let status = b"Package: a\nVersion: 1\n\nPackage: a\nVersion: 2\n";
    let files = [
        (at("var/lib/dpkg/info/a.list"), read("var/lib/dpkg/info/a.list", b"/bin/a\n")),
        (at("var/lib/dpkg/status"), read("var/lib/dpkg/status", status)),
    ];
    let files = files.iter().map(|(path, found)| (path, found));
    let inventory = Inventory::new(files, |path| Some(path.clone()));
    let listed = inventory.packages().iter().map(|one| one.package.files.paths.len());
    assert_eq!(listed.collect::<Vec<_>>(), [1, 0]);
}

#[test]
fn what_is_found_can_be_kept_as_json() {
    let found = read("lib/apk/db/installed", APK);
    let json = serde_json::to_string(&found).unwrap();
    assert_eq!(serde_json::from_str::<Found>(&json).unwrap(), found);
}
