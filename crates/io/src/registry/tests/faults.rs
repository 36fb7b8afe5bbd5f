//! Registries that answer wrongly, slowly, or without end.

use std::io;

use super::*;

#[test]
fn wrong_blobs_are_told_with_both_digests_or_sizes() {
    let fixture = Fixture::new();
    let client = fixture.client();
    let image = fixture.image("app");
    let layer = content(1000);
    let digest = Digest::of(&layer);
    let fetch = |size| {
        let blob = Descriptor::new(oci::LAYER, digest, size);
        client.fetch_blob(&image, &blob, &fixture.partial(), &Silent).unwrap_err().to_string()
    };
    let wrong = vec![1; 1000];
    fixture.registry.put_wrong_blob("app", digest, &wrong);
    let error = fetch(1000);
    assert!(error.ends_with(&format!("expected {digest}, found {}", Digest::of(&wrong))), "{error}");
    assert!(!fixture.partial().exists());
    for size in [999, 1001] {
        assert!(
            fetch(size).ends_with(&format!("expected {size} bytes, the server has 1000")),
            "{}",
            fetch(size)
        );
        let blob = Descriptor::new(oci::LAYER, digest, size);
        let error = client.has_blob(&image, &blob).unwrap_err().to_string();
        assert!(error.ends_with(&format!("expected {size} bytes, the registry has 1000")), "{error}");
        let error = client.open_blob(&image, &blob, 0).map(drop).unwrap_err().to_string();
        assert!(error.ends_with(&format!("expected {size} bytes, the registry has 1000")), "{error}");
    }
    fixture.registry.fault("GET /v2/app/blobs/", Fault::TooLong { extra: 1 });
    assert!(fetch(1000).ends_with("it is longer than the 1000 bytes that it should have"), "{}", fetch(1000));
    fixture.registry.mend();
    fixture.registry.fault("GET /v2/app/blobs/", Fault::Cut { after: 10 });
    assert!(fetch(1000).contains("after 10 of 1000 bytes (tried 3 times)"), "{}", fetch(1000));
}

#[test]
fn a_manifest_that_is_not_what_it_was_said_to_be_is_refused() {
    let fixture = Fixture::new();
    let client = fixture.client();
    let bytes = small_manifest();
    let digest = fixture.registry.put_manifest("app", "1", oci::MANIFEST, &bytes);
    let by_tag = fixture.image("app:1");
    let mut other = bytes.clone();
    other.push(b' ');
    let found = Digest::of(&other);
    let header = ("Docker-Content-Digest".to_owned(), digest.to_string());
    let kind = ("Content-Type".to_owned(), oci::MANIFEST.to_owned());
    fixture
        .registry
        .fault("/manifests/", Fault::Answer { status: 200, headers: vec![header, kind], body: other });
    let error = client.manifest(&by_tag.with_digest(digest)).unwrap_err().to_string();
    assert!(error.ends_with(&format!("expected {digest}, found {found}")), "{error}");
    let error = client.manifest(&by_tag).unwrap_err().to_string();
    assert!(error.ends_with(&format!("the registry says that it is {digest}, found {found}")), "{error}");
    fixture.registry.mend();

    fixture.registry.put_manifest("app", "list", oci::INDEX, &Index::new(Vec::new()).to_bytes().unwrap());
    fixture.registry.fault(
        "/manifests/list",
        Fault::Answer {
            status: 200,
            headers: vec![("Content-Type".into(), oci::MANIFEST.into())],
            body: Index::new(Vec::new()).to_bytes().unwrap(),
        },
    );
    let error = client.manifest(&fixture.image("app:list")).unwrap_err().to_string();
    assert!(error.contains("the registry calls it `application/vnd.oci.image.manifest.v1+json`"), "{error}");

    let signed = r#"{"schemaVersion":1,"name":"app","fsLayers":[]}"#;
    fixture.registry.put_manifest(
        "app",
        "old",
        "application/vnd.docker.distribution.manifest.v1+prettyjws",
        signed.as_bytes(),
    );
    let error = client.manifest(&fixture.image("app:old")).unwrap_err();
    assert!(
        error
            .to_string()
            .ends_with("it is an image of Docker's schema 1, which has no digests for its files"),
        "{error}"
    );
    assert!(error.hint().is_some());
}

#[test]
fn a_manifest_of_100_mb_is_not_read() {
    let fixture = Fixture::new();
    let huge = vec![b' '; 17 << 20];
    fixture.registry.put_manifest("app", "1", oci::MANIFEST, &huge);
    let read = || fixture.client().manifest(&fixture.image("app:1")).unwrap_err().to_string();
    assert!(read().ends_with("the answer is longer than the 16777216 bytes expected at most"), "{}", read());
    // Also where its length is not told.
    fixture.registry.fault("/manifests/", Fault::TooLong { extra: 10 });
    assert!(read().ends_with("the answer is longer than the 16777216 bytes expected at most"), "{}", read());
}

#[test]
fn redirects_do_not_go_on_for_ever() {
    let fixture = Fixture::new();
    fixture.registry.fault("/manifests/", Fault::Redirect("/v2/app/manifests/1".to_owned()));
    let error = fixture.client().manifest(&fixture.image("app:1")).unwrap_err().to_string();
    assert!(error.ends_with("the registry redirects more than 5 times"), "{error}");
    fixture.registry.mend();
    fixture.registry.fault("/manifests/", Fault::Redirect("gopher://x/".to_owned()));
    let error = fixture.client().manifest(&fixture.image("app:1")).unwrap_err().to_string();
    assert!(error.ends_with("`gopher://x/` is no address"), "{error}");
}

#[test]
fn faults_that_pass_are_waited_out() {
    for fault in [Fault::Status(500), Fault::Status(429), Fault::Busy { retry_after: 0 }, Fault::HangUp] {
        let fixture = Fixture::new();
        let layer = content(1000);
        fixture.registry.fault_times("/v2/app/", fault.clone(), 2);
        fixture.push(&fixture.client(), "app", &layer).unwrap();
        fixture.registry.fault_times("/v2/app/", fault, 2);
        let blob = Descriptor::of(oci::LAYER, &layer);
        fixture.client().fetch_blob(&fixture.image("app"), &blob, &fixture.partial(), &Silent).unwrap();
    }
}

#[test]
fn faults_that_stay_are_told() {
    let fixture = Fixture::new();
    let client = fixture.client();
    let denied = r#"{"errors":[{"code":"DENIED","message":"no \u001b[2J entry","detail":[1]},{"code":"X"}]}"#;
    let long = format!(r#"{{"errors":[{{"code":"A","message":"{}"}}]}}"#, "x".repeat(5000));
    let busy = |after: &str| Fault::Answer {
        status: 429,
        headers: vec![("Retry-After".into(), after.into())],
        body: Vec::new(),
    };
    for (fault, words) in [
        (Fault::Status(500), "the registry answers 500 Internal Server Error (tried 3 times)".to_owned()),
        (
            busy("600"),
            "the registry answers 429 Too Many Requests, and the server asks to come back in 600 s"
                .to_owned(),
        ),
        (busy("soon"), "the registry answers 429 Too Many Requests (tried 3 times)".to_owned()),
        (
            Fault::Answer { status: 403, headers: Vec::new(), body: denied.into() },
            r"the registry answers 403 Forbidden: no \u{1b}[2J entry: X".to_owned(),
        ),
        (
            Fault::Answer { status: 400, headers: Vec::new(), body: long.into() },
            format!("the registry answers 400 Bad Request: {}…", "x".repeat(300)),
        ),
        (
            Fault::Answer {
                status: 400,
                headers: vec![("Content-Type".into(), "text/plain; charset=utf-8".into())],
                body: "Client sent an HTTP request\nto an HTTPS server.".into(),
            },
            "the registry answers 400 Bad Request: Client sent an HTTP request to an HTTPS server."
                .to_owned(),
        ),
        (
            Fault::Answer { status: 400, headers: Vec::new(), body: vec![0xff; 100_000] },
            "the registry answers 400 Bad Request".to_owned(),
        ),
    ] {
        fixture.registry.mend();
        fixture.registry.fault("/manifests/", fault);
        let error = client.manifest(&fixture.image("app:1")).unwrap_err().to_string();
        assert!(error.ends_with(&words), "{error}");
    }
}

#[test]
fn a_pause_until_a_date_is_honoured() {
    let fixture = Fixture::new();
    fixture.registry.put_manifest("app", "1", oci::MANIFEST, &small_manifest());
    // A date that is over: no pause.
    let header = ("Retry-After".to_owned(), "Sun, 06 Nov 1994 08:49:37 GMT".to_owned());
    fixture.registry.fault_times(
        "/manifests/",
        Fault::Answer { status: 429, headers: vec![header], body: Vec::new() },
        2,
    );
    let start = Instant::now();
    fixture.client().manifest(&fixture.image("app:1")).unwrap();
    assert!(start.elapsed() < Duration::from_secs(10));
}

#[test]
fn a_registry_that_stalls_is_left() {
    let fixture = Fixture::new().impatient();
    let layer = content(100_000);
    let digest = fixture.registry.put_blob("app", &layer);
    let blob = Descriptor::new(oci::LAYER, digest, 100_000);
    fixture.registry.fault_times(
        "GET /v2/app/blobs/",
        Fault::Stall { after: 1000, pause: Duration::from_secs(20) },
        1,
    );
    let start = Instant::now();
    fixture.client().fetch_blob(&fixture.image("app"), &blob, &fixture.partial(), &Silent).unwrap();
    fixture.registry.fault("/manifests/", Fault::Stall { after: 0, pause: Duration::from_secs(20) });
    let error = fixture.client().manifest(&fixture.image("app:1")).unwrap_err().to_string();
    assert!(error.contains("the server stalled: nothing came for 0.3 s"), "{error}");
    assert!(start.elapsed() < Duration::from_secs(10));
}

/// A client that waits for less than half a second, and gives up who is too slow after about one: long enough that a machine with much
/// to do is not taken for a server that stalls.
fn hurried(fixture: &Fixture) -> Registry {
    let (timeout, grace) = (Duration::from_millis(400), Duration::from_millis(800));
    let http = HttpOptions { timeout, grace, retries: 0, ..fixture.options.http.clone() };
    Registry::new(RegistryOptions { http, ..fixture.options.clone() }).unwrap()
}

#[test]
fn a_registry_that_drips_is_left() {
    let fixture = Fixture::new();
    let drip = || Fault::Slow { chunk: 1, pause: Duration::from_millis(20) };
    let layer = content(1000);
    let blob = Descriptor::new(oci::LAYER, fixture.registry.put_blob("app", &layer), 1000);
    fixture.registry.put_manifest("app", "1", oci::MANIFEST, &small_manifest());
    fixture.registry.fault("GET /v2/app/", drip());
    let (client, image) = (hurried(&fixture), fixture.image("app:1"));
    let fetched = client.fetch_blob(&image, &blob, &fixture.partial(), &Silent);
    let mut streamed = client.open_blob(&image, &blob, 0).unwrap();
    let streamed = io::copy(&mut streamed, &mut io::sink()).map_err(Error::from);
    for error in [fetched.unwrap_err(), streamed.unwrap_err(), client.manifest(&image).unwrap_err()] {
        assert!(error.to_string().contains(": the server is too slow: "), "{error}");
    }
    // What came is kept, for who asks again.
    assert!(layer.starts_with(&std::fs::read(fixture.partial()).unwrap()));
}

#[test]
fn a_registry_that_stalls_or_drips_before_its_answer_begins_is_left() {
    for pause in [Duration::from_secs(20), Duration::from_millis(10)] {
        let fixture = Fixture::new();
        fixture.registry.fault("/v2/app/", Fault::DripHead { pause });
        let error = hurried(&fixture).manifest(&fixture.image("app:1")).unwrap_err().to_string();
        assert!(error.ends_with(": the server stalled: nothing came for 0.4 s"), "{error}");
    }
}

#[test]
fn a_registry_that_is_not_there_is_said() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let host = listener.local_addr().unwrap();
    drop(listener);
    let fixture = Fixture::new();
    let image: Reference = format!("{host}/app:1").parse().unwrap();
    let error = fixture.client().manifest(&image).unwrap_err().to_string();
    assert_eq!(error, format!("cannot fetch `{host}/app:1`: connection refused (tried 3 times)"));
    let mut options = fixture.options.clone();
    options.http.offline = true;
    let error = Registry::new(options).unwrap().manifest(&image).unwrap_err().to_string();
    assert_eq!(error, format!("cannot fetch `{host}/app:1`: --offline forbids the network"));
}

#[test]
fn the_server_that_a_registry_redirects_to_is_named() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let other = listener.local_addr().unwrap();
    drop(listener);
    let fixture = Fixture::new();
    fixture.registry.fault("/manifests/", Fault::Redirect(format!("http://{other}/x")));
    let error = fixture.client().manifest(&fixture.image("app:1")).unwrap_err().to_string();
    assert!(error.contains(&format!("cannot reach `{other}`: connection refused")), "{error}");
    fixture.registry.mend();
    for fault in [Fault::Cut { after: 10 }, Fault::Stall { after: 10, pause: Duration::from_secs(20) }] {
        let storage = FakeRegistry::start();
        let to = format!("http://{}", storage.host());
        let fixture = Fixture::with(Settings { redirect_blobs: Some(to), ..Settings::default() });
        let blob = Descriptor::new(oci::LAYER, storage.put_blob("any", &content(1000)), 1000);
        storage.fault("/storage/", fault);
        let (client, image) = (hurried(&fixture), fixture.image("app"));
        let fetched = client.fetch_blob(&image, &blob, &fixture.partial(), &Silent);
        let mut streamed = client.open_blob(&image, &blob, 0).unwrap();
        let streamed = io::copy(&mut streamed, &mut io::sink()).map_err(Error::from);
        for error in [fetched.unwrap_err(), streamed.unwrap_err()] {
            let error = error.to_string();
            assert!(error.contains(&format!(": cannot read from `{}`: the ", storage.host())), "{error}");
            assert!(error.ends_with(", after 10 of 1000 bytes"), "{error}");
        }
    }
    let realm = format!("Bearer realm=\"http://{other}/token\",service=\"s\"");
    fixture.registry.fault("/manifests/", unauthorized(&realm));
    let error = fixture.client().manifest(&fixture.image("app:1")).unwrap_err().to_string();
    assert!(error.contains(&format!("cannot reach `{other}`: connection refused")), "{error}");
}
