//! What goes in and comes out, whole and in parts.

use super::*;

#[test]
fn an_image_goes_in_and_comes_out() {
    let fixture = Fixture::new();
    let client = fixture.client();
    let image = fixture.image("team/app:1.0");
    let layer = content(300_000);
    let blob = fixture.push(&client, "team/app", &layer).unwrap();
    assert!(client.has_blob(&image, &blob).unwrap());
    let bytes = small_manifest();
    let pushed = client.push_manifest(&image, oci::MANIFEST, &bytes).unwrap();
    assert_eq!(client.manifest_if_there(&image).unwrap().unwrap(), Descriptor::of(oci::MANIFEST, &bytes));
    let (found, got) = client.manifest(&image).unwrap();
    assert_eq!((found.digest, got), (pushed.digest, bytes));
    client.fetch_blob(&image, &blob, &fixture.partial(), &Silent).unwrap();
    assert_eq!(std::fs::read(fixture.partial()).unwrap(), layer);
    assert_eq!(client.tags(&image).unwrap(), ["1.0"]);
    assert_eq!(
        fixture.told(),
        [
            "POST /v2/team/app/blobs/uploads/ 202",
            "PUT /v2/team/app/blobs/uploads/1?state=s&digest=sha256:10e5ea24 201",
            "HEAD /v2/team/app/blobs/sha256:10e5ea24 200",
            "PUT /v2/team/app/manifests/1.0 201",
            "HEAD /v2/team/app/manifests/1.0 200",
            "GET /v2/team/app/manifests/1.0 200",
            "GET /v2/team/app/blobs/sha256:10e5ea24 200",
            "GET /v2/team/app/tags/list?n=1000 200",
        ]
    );
}

#[test]
fn what_is_not_there_is_said() {
    let fixture = Fixture::new();
    let client = fixture.client();
    let host = fixture.registry.host();
    let image = fixture.image("team/app:1.0");
    let blob = Descriptor::of(oci::LAYER, b"x");
    assert_eq!(client.manifest_if_there(&image).unwrap(), None);
    assert!(!client.has_blob(&image, &blob).unwrap());
    let error = client.manifest(&image).unwrap_err().to_string();
    assert_eq!(
        error,
        format!("cannot fetch `{host}/team/app:1.0`: the registry has no such repository or tag")
    );
    let error = client.fetch_blob(&image, &blob, &fixture.partial(), &Silent).unwrap_err().to_string();
    let digest = blob.digest;
    assert_eq!(
        error,
        format!("cannot fetch the blob `{digest}` of `{host}/team/app`: the registry does not have it")
    );
    assert!(client.open_blob(&image, &blob, 0).is_err());
    let error = client.tags(&image).unwrap_err().to_string();
    assert_eq!(
        error,
        format!("cannot list the tags of `{host}/team/app`: the registry has no such repository")
    );
}

#[test]
fn blobs_go_in_pieces_where_that_is_wanted() {
    let layer = content(250_000);
    // Asked for by us, and with the registry's own idea of the least size.
    for (least, expected) in [
        (None, ["0-99999", "100000-199999", "200000-249999"].as_slice()),
        (Some(150_000), &["0-149999", "150000-249999"]),
    ] {
        let mut fixture = Fixture::with(Settings { least_piece: least, ..Settings::default() });
        fixture.options.chunk = Some(100_000);
        let blob = fixture.push(&fixture.client(), "app", &layer).unwrap();
        assert_eq!(fixture.registry.blob("app", &blob.digest).unwrap(), layer);
        let ranges: Vec<_> =
            fixture.registry.exchanges().into_iter().filter_map(|exchange| exchange.content_range).collect();
        assert_eq!(ranges, expected);
    }
    // A registry, or a proxy, that does not take them whole.
    let fixture = Fixture::with(Settings { monolithic: false, ..Settings::default() });
    let blob = fixture.push(&fixture.client(), "app", &layer).unwrap();
    assert_eq!(fixture.registry.blob("app", &blob.digest).unwrap(), layer);
    assert_eq!(fixture.registry.count("PATCH"), 1);
}

#[test]
fn a_broken_upload_goes_on_where_the_registry_says() {
    let layer = content(300_000);
    for chunk in [None, Some(200_000)] {
        let mut fixture = Fixture::new();
        fixture.options.chunk = chunk;
        let method = if chunk.is_some() { "PATCH" } else { "PUT" };
        fixture.registry.fault_times(
            &format!("{method} /v2/app/blobs/uploads/"),
            Fault::CutUpload { after: 70_000 },
            1,
        );
        let bar = Counter::default();
        let blob = Descriptor::of(oci::LAYER, &layer);
        let open = || Ok(Box::new(Cursor::new(layer.clone())) as Box<dyn Read + Send>);
        fixture.client().push_blob(&fixture.image("app"), &blob, &open, &bar).unwrap();
        assert_eq!(fixture.registry.blob("app", &blob.digest).unwrap(), layer);
        assert_eq!(fixture.registry.count("POST"), 1);
        assert!(
            fixture
                .registry
                .exchanges()
                .iter()
                .any(|e| e.content_range.as_deref().is_some_and(|range| range.starts_with("70000-")))
        );
        assert_eq!(*lock(&bar.0), 300_000);
    }
}

#[test]
fn an_upload_whose_last_answer_was_lost_is_not_sent_again() {
    let layer = content(150_000);
    for chunk in [None, Some(100_000)] {
        let mut fixture = Fixture::new();
        fixture.options.chunk = chunk;
        fixture.registry.fault_times("PUT /v2/app/blobs/uploads/", Fault::LoseAnswer, 1);
        let blob = fixture.push(&fixture.client(), "app", &layer).unwrap();
        assert_eq!(fixture.registry.blob("app", &blob.digest).unwrap(), layer);
        assert_eq!((fixture.registry.count("POST"), fixture.registry.count("PUT")), (1, 1));
    }
}

#[test]
fn a_large_blob_that_does_not_go_whole_goes_in_pieces() {
    let fixture = Fixture::new();
    fixture.registry.fault_times("PUT /v2/app/blobs/uploads/", Fault::HangUp, 1);
    let layer = content(20 << 20);
    let blob = fixture.push(&fixture.client(), "app", &layer).unwrap();
    assert_eq!(fixture.registry.blob("app", &blob.digest).unwrap(), layer);
    assert_eq!(fixture.registry.count("PATCH"), 2);
}

#[test]
fn an_upload_that_the_registry_lost_begins_anew() {
    let mut fixture = Fixture::new();
    fixture.options.chunk = Some(100_000);
    fixture.registry.fault_times(
        "PATCH",
        Fault::Answer { status: 404, headers: Vec::new(), body: Vec::new() },
        1,
    );
    let layer = content(150_000);
    let blob = fixture.push(&fixture.client(), "app", &layer).unwrap();
    assert_eq!(fixture.registry.blob("app", &blob.digest).unwrap(), layer);
    assert_eq!(fixture.registry.count("POST"), 2);
    fixture.registry.fault("PATCH", Fault::Answer { status: 404, headers: Vec::new(), body: Vec::new() });
    let error = fixture.push(&fixture.client(), "app", &layer).unwrap_err().to_string();
    assert!(error.ends_with("the registry loses the upload again and again"), "{error}");
}

#[test]
fn a_blob_that_is_not_what_it_was_said_to_be_is_not_pushed() {
    let fixture = Fixture::new();
    let client = fixture.client();
    let image = fixture.image("app");
    let blob = Descriptor::of(oci::LAYER, &content(1000));
    let opens = |bytes: Vec<u8>| move || Ok(Box::new(Cursor::new(bytes.clone())) as Box<dyn Read + Send>);
    let error = client.push_blob(&image, &blob, &opens(content(900)), &Silent).unwrap_err().to_string();
    assert!(error.ends_with("the blob ends after 900 bytes, 100 early"), "{error}");
    let error = client.push_blob(&image, &blob, &opens(vec![0; 1000]), &Silent).unwrap_err().to_string();
    assert!(error.ends_with("the registry answers 400 Bad Request: digest invalid"), "{error}");
    let gone = || Err(Error::new("the file is gone"));
    let error = client.push_blob(&image, &blob, &gone, &Silent).unwrap_err().to_string();
    assert!(error.ends_with(": the file is gone"), "{error}");
    assert_eq!(fixture.registry.blob("app", &blob.digest), None);
}

#[test]
fn a_blob_is_taken_over_from_another_repository() {
    let fixture = Fixture::new();
    let client = fixture.client();
    let digest = fixture.registry.put_blob("base", b"a layer");
    let (image, from) = (fixture.image("app"), fixture.image("base"));
    assert!(client.mount_blob(&image, &digest, &from).unwrap());
    assert!(fixture.registry.blob("app", &digest).is_some());
    let elsewhere: Reference = "other.test/base".parse().unwrap();
    assert!(!client.mount_blob(&image, &digest, &elsewhere).unwrap());

    // What the registry begins in its place is gone on with.
    fixture.registry.set(|settings| settings.mount = false);
    fixture.registry.forget();
    assert!(!client.mount_blob(&fixture.image("other"), &digest, &from).unwrap());
    fixture.push(&client, "other", b"a layer").unwrap();
    assert_eq!((fixture.registry.count("POST"), fixture.registry.count("PUT")), (1, 1));
}

#[test]
fn a_download_goes_on_where_it_broke() {
    let fixture = Fixture::new();
    let client = fixture.client();
    let layer = content(300_000);
    let digest = fixture.registry.put_blob("app", &layer);
    let blob = Descriptor::new(oci::LAYER, digest, 300_000);
    let image = fixture.image("app");
    let offsets = || -> Vec<u64> {
        let blobs = fixture.registry.exchanges().into_iter().filter(|e| e.target.contains("/blobs/"));
        blobs.map(|exchange| exchange.from.unwrap_or(0)).collect()
    };
    fixture.registry.fault_times("/blobs/", Fault::Cut { after: 120_000 }, 1);
    client.fetch_blob(&image, &blob, &fixture.partial(), &Silent).unwrap();
    assert_eq!((std::fs::read(fixture.partial()).unwrap(), offsets()), (layer.clone(), vec![0, 120_000]));

    fixture.registry.forget();
    std::fs::write(fixture.partial(), &layer[..50]).unwrap();
    client.fetch_blob(&image, &blob, &fixture.partial(), &Silent).unwrap();
    assert_eq!((std::fs::read(fixture.partial()).unwrap(), offsets()), (layer.clone(), vec![50]));

    // The same while it is streamed, from a registry with ranges and from one without.
    for ranges in [true, false] {
        fixture.registry.set(|settings| settings.ranges = ranges);
        fixture.registry.forget();
        fixture.registry.fault_times("/blobs/", Fault::Cut { after: 120_000 }, 1);
        let mut bytes = Vec::new();
        client.open_blob(&image, &blob, 0).unwrap().read_to_end(&mut bytes).unwrap();
        assert_eq!((bytes, offsets()), (layer.clone(), vec![0, 120_000]));
        let mut bytes = Vec::new();
        client.open_blob(&image, &blob, 1000).unwrap().read_to_end(&mut bytes).unwrap();
        assert_eq!(bytes, layer[1000..]);
    }
    assert_eq!(client.open_blob(&image, &blob, 300_000).unwrap().read(&mut [0; 9]).unwrap(), 0);
}

#[test]
fn a_part_that_was_wrong_is_fetched_again() {
    let fixture = Fixture::new();
    let layer = content(1000);
    let digest = fixture.registry.put_blob("app", &layer);
    std::fs::write(fixture.partial(), vec![0; 500]).unwrap();
    let blob = Descriptor::new(oci::LAYER, digest, 1000);
    fixture.client().fetch_blob(&fixture.image("app"), &blob, &fixture.partial(), &Silent).unwrap();
    assert_eq!(std::fs::read(fixture.partial()).unwrap(), layer);
}

#[test]
fn a_registry_without_digests_in_its_headers_is_asked_for_the_manifest_itself() {
    let fixture = Fixture::with(Settings { digest_headers: false, ..Settings::default() });
    let bytes = small_manifest();
    let digest = fixture.registry.put_manifest("app", "1", oci::MANIFEST, &bytes);
    let found = fixture.client().manifest_if_there(&fixture.image("app:1")).unwrap().unwrap();
    assert_eq!(found.digest, digest);
}

#[test]
fn a_manifest_goes_under_its_own_digest_only() {
    let fixture = Fixture::new();
    let wrong = Digest::of(b"other");
    let image = fixture.image("app").with_digest(wrong);
    let bytes = small_manifest();
    let error = fixture.client().push_manifest(&image, oci::MANIFEST, &bytes).unwrap_err().to_string();
    assert!(error.ends_with(&format!("expected {wrong}, found {}", Digest::of(&bytes))), "{error}");
    assert!(fixture.told().is_empty());
}

#[test]
fn things_are_deleted_where_that_is_allowed() {
    let fixture = Fixture::new();
    let client = fixture.client();
    let bytes = small_manifest();
    let digest = fixture.registry.put_manifest("app", "1", oci::MANIFEST, &bytes);
    fixture.registry.put_manifest("app", "2", oci::MANIFEST, &bytes);
    let image = fixture.image("app:1");
    client.delete_tag(&image).unwrap();
    assert_eq!(fixture.registry.tags("app"), ["2"]);
    client.delete_manifest(&image.with_digest(digest)).unwrap();
    assert_eq!(fixture.registry.manifest("app", &digest.to_string()), None);
    assert!(client.delete_tag(&image).unwrap_err().to_string().contains("there is no such tag"));

    fixture.registry.set(|settings| (settings.delete, settings.delete_tags) = (false, false));
    let error = client.delete_manifest(&image.with_digest(digest)).unwrap_err();
    assert!(
        error.to_string().ends_with("the registry answers 405 Method Not Allowed: unsupported"),
        "{error}"
    );
    assert!(error.hint().unwrap().starts_with("deleting is off in this registry"));
    fixture.registry.put_manifest("app", "1", oci::MANIFEST, &bytes);
    let hint = client.delete_tag(&image).unwrap_err().hint().unwrap().to_owned();
    assert!(hint.starts_with("many registries delete by digest only"), "{hint}");
    assert!(hint.ends_with(&format!(": bareboat delete {}", image.with_digest(digest))), "{hint}");
    assert!(client.delete_manifest(&image).is_err());
}
