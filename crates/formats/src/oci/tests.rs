//! Documents that round-trip, and documents that are none.

use bareboat_model::{Arch, Timestamp};

use super::*;

const DIGEST: &str = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

fn text(bytes: Result<Vec<u8>>) -> String {
    String::from_utf8(bytes.unwrap()).unwrap()
}

#[test]
fn a_manifest_is_written_compactly_and_in_order() {
    let config = Descriptor::of(CONFIG, b"");
    let mut manifest = Manifest::new(config, vec![Descriptor::of(LAYER_GZIP, b"")]);
    manifest.annotations.insert("b".to_owned(), "2".to_owned());
    manifest.annotations.insert("a".to_owned(), "1".to_owned());
    let expected = format!(
        concat!(
            r#"{{"schemaVersion":2,"mediaType":"{}","#,
            r#""config":{{"mediaType":"{}","digest":"{}","size":0}},"#,
            r#""layers":[{{"mediaType":"{}","digest":"{}","size":0}}],"#,
            r#""annotations":{{"a":"1","b":"2"}}}}"#
        ),
        MANIFEST, CONFIG, DIGEST, LAYER_GZIP, DIGEST
    );
    assert_eq!(text(manifest.to_bytes()), expected);
    assert_eq!(Manifest::parse(expected.as_bytes()).unwrap(), manifest);
}

#[test]
fn an_index_names_its_platforms() {
    let mut entry = Descriptor::of(MANIFEST, b"");
    entry.platform = Some(bareboat_model::Platform { arch: Arch::Arm64 }.into());
    let index = Index::new(vec![entry]);
    let bytes = index.to_bytes().unwrap();
    assert!(
        text(Ok(bytes.clone()))
            .contains(r#""platform":{"architecture":"arm64","os":"linux","variant":"v8"}"#)
    );
    assert_eq!(Index::parse(&bytes).unwrap(), index);
}

#[test]
fn an_empty_config_has_only_what_the_specification_requires() {
    let config = ImageConfig::new(bareboat_model::Platform { arch: Arch::Amd64 }, Timestamp::EPOCH);
    assert_eq!(
        text(config.to_bytes()),
        concat!(
            r#"{"created":"1970-01-01T00:00:00Z","architecture":"amd64","os":"linux","#,
            r#""rootfs":{"type":"layers","diff_ids":[]}}"#
        )
    );
}

#[test]
fn fields_that_are_not_known_survive() {
    let config = concat!(
        r#"{"created":"2026-01-02T03:04:05.678Z","architecture":"amd64","os":"linux","#,
        r#""config":{"User":"65532","ExposedPorts":{"8080/tcp":{}},"Env":["A=1","A=2"],"#,
        r#""Entrypoint":["/bin/x"],"Volumes":{"/data":{}},"WorkingDir":"/app","Labels":{"a":"b"},"#,
        r#""StopSignal":"SIGTERM","Healthcheck":{"Test":["CMD","/bin/x"]},"OnBuild":["RUN x"]},"#,
        r#""rootfs":{"type":"layers","diff_ids":[]},"#,
        r#""history":[{"created_by":"x","empty_layer":true,"vendor":1}],"vendor":{"deep":[1,2]}}"#
    );
    assert_eq!(text(ImageConfig::parse(config.as_bytes()).unwrap().to_bytes()), config);
}

#[test]
fn the_nearest_variant_serves() {
    for (own, wanted, rank) in [
        ("linux/amd64", "linux/amd64", Some(0)),
        ("linux/arm64", "aarch64", Some(0)),
        ("amd64", "linux/amd64", Some(0)),
        ("linux/amd64/v1", "linux/x86_64", Some(0)),
        ("linux/amd64", "linux/amd64/v3", Some(2)),
        ("linux/amd64/v3", "linux/amd64", Some(103)),
        ("linux/amd64/v3", "linux/amd64/v2", None),
        ("linux/arm64", "linux/arm64/v8", Some(0)),
        ("linux/arm64/v9", "linux/arm64/v8", None),
        ("linux/arm/v5", "linux/arm/v7", Some(2)),
        ("linux/arm/v7", "linux/arm/v6", None),
        ("linux/arm/v7", "linux/arm", Some(0)),
        ("linux/arm/v6", "linux/arm", Some(1)),
        ("linux/mips/r6", "linux/mips", Some(1000)),
        ("linux/mips/r6", "linux/mips/r5", None),
        ("windows/amd64", "linux/amd64", None),
    ] {
        let platform = |text: &str| text.parse::<Platform>().unwrap();
        assert_eq!(platform(own).rank_for(&platform(wanted)), rank, "{own} for {wanted}");
    }
    for text in ["", "linux", "linux/", "/amd64", "linux/arm/v7/x", "linux/a b", "linux/\u{1b}"] {
        assert!(text.parse::<Platform>().is_err(), "{text:?}");
    }
    assert_eq!("linux/arm/v7".parse::<Platform>().unwrap().to_string(), "linux/arm/v7");
}

#[test]
fn null_is_the_same_as_absent() {
    let config = concat!(
        r#"{"architecture":"amd64","os":"linux","history":null,"config":{"User":null,"Env":null,"#,
        r#""Cmd":null,"Volumes":null,"Labels":null,"ExposedPorts":null,"WorkingDir":null},"#,
        r#""rootfs":{"type":"layers","diff_ids":[]}}"#
    );
    let config = ImageConfig::parse(config.as_bytes()).unwrap();
    assert_eq!(config.config, Execution::default());
    assert!(config.history.is_empty());
}

#[test]
fn documents_that_are_none_are_refused() {
    let descriptor = format!(r#"{{"mediaType":"x","digest":"{DIGEST}","size":0}}"#);
    let refused = |result: Result<()>, message: &str| {
        let error = result.unwrap_err().to_string();
        assert!(error.starts_with(message), "{error}\nexpected {message}");
    };
    let manifest = |text: &str| Manifest::parse(text.as_bytes()).map(drop);
    let index = |text: &str| Index::parse(text.as_bytes()).map(drop);
    refused(manifest(""), "cannot read the image manifest: EOF while parsing");
    refused(manifest("{}"), "cannot read the image manifest: missing field `schemaVersion`");
    refused(
        manifest(&format!(r#"{{"schemaVersion":1,"config":{descriptor},"layers":[]}}"#)),
        "cannot read the image manifest: its schemaVersion is 1, expected 2",
    );
    refused(
        manifest(&format!(r#"{{"schemaVersion":2,"config":{descriptor},"layers":[],"manifests":[]}}"#)),
        "cannot read the image manifest: it has a field `manifests`, which does not belong there",
    );
    refused(
        index(r#"{"schemaVersion":2,"manifests":[],"layers":[]}"#),
        "cannot read the image index: it has a field `layers`, which does not belong there",
    );
    refused(
        index(&format!(r#"{{"schemaVersion":2,"manifests":[{}]}}"#, descriptor.replace("sha256", "md5"))),
        "cannot read the image index: `md5:",
    );
    refused(
        index(&format!(r#"{{"schemaVersion":2,"manifests":[{}]}}"#, descriptor.replace(":0}", ":-1}"))),
        "cannot read the image index: invalid value: integer `-1`",
    );
    refused(
        Index::parse(&vec![b' '; (16 << 20) + 1]).map(drop),
        "cannot read the image index: it has 16777217 bytes, at most 16777216 are read",
    );
    refused(index(&"[".repeat(100_000)), "cannot read the image index: ");
    refused(
        index(&format!(
            r#"{{"schemaVersion":2,"manifests":[{}]}}"#,
            descriptor.replace(":0}", ":4398046511105}")
        )),
        "cannot read the image index: a size of 4398046511105 bytes, at most 4398046511104 are expected",
    );
}

#[test]
fn fields_that_go_would_take_for_others_are_refused() {
    let platform = r#"{"architecture":"arm","os":"linux","variant":"v7"}"#;
    let descriptor = format!(
        r#"{{"mediaType":"x","digest":"{DIGEST}","size":0,"annotations":{{"a":"1"}},"platform":{platform}}}"#
    );
    let manifest = format!(
        r#"{{"schemaVersion":2,"mediaType":"x","config":{descriptor},"layers":[],"annotations":{{}}}}"#
    );
    let index =
        format!(r#"{{"schemaVersion":2,"mediaType":"x","manifests":[{descriptor}],"annotations":{{}}}}"#);
    let config = concat!(
        r#"{"created":"x","author":"x","architecture":"x","variant":"x","os":"x","config":{"User":"x","#,
        r#""ExposedPorts":{},"Env":[],"Entrypoint":[],"Cmd":[],"Volumes":{},"WorkingDir":"x","Labels":{},"StopSignal":"x"},"#,
        r#""rootfs":{"type":"layers","diff_ids":[]},"history":[{"created":"x","created_by":"x","comment":"x","empty_layer":true}]}"#
    );
    type Read = fn(&[u8]) -> Result<()>;
    let documents: [(&str, Read); 3] = [
        (&manifest, |bytes| Manifest::parse(bytes).map(drop)),
        (&index, |bytes| Index::parse(bytes).map(drop)),
        (config, |bytes| ImageConfig::parse(bytes).map(drop)),
    ];
    for (document, read) in documents {
        read(document.as_bytes()).unwrap();
        for (at, _) in document.match_indices("\":") {
            let begin = document[..at].rfind('"').unwrap() + 1;
            let name = &document[begin..at];
            for other in [name.to_ascii_uppercase(), name.replacen('s', "\u{17f}", 1)] {
                if name == "a" || other == name {
                    continue;
                }
                let twice = format!("{}{other}\":null,\"{}", &document[..begin], &document[begin..]);
                let error = read(twice.as_bytes()).unwrap_err().to_string();
                let told = format!("it has a field `{other}`, which others read as `{name}`");
                assert!(error.contains(&told), "{error}\nexpected {told}");
            }
        }
    }
}
