//! Lists: tags, referrers, and lists without end.

use super::*;

#[test]
fn lists_come_in_pages() {
    let fixture = Fixture::with(Settings { page: 3, ..Settings::default() });
    for n in 0..10 {
        fixture.registry.put_manifest("app", &format!("v{n}"), oci::MANIFEST, b"{}");
    }
    let client = fixture.client();
    assert_eq!(
        client.tags(&fixture.image("app")).unwrap(),
        (0..10).map(|n| format!("v{n}")).collect::<Vec<_>>()
    );
    assert_eq!(fixture.registry.count("/tags/list"), 4);
}

#[test]
fn a_full_page_without_a_link_is_asked_to_go_on() {
    let fixture = Fixture::new();
    let body = |from: usize, to: usize| {
        let tags: Vec<String> = (from..to).map(|number| format!("t{number:04}")).collect();
        Fault::Body(serde_json::json!({ "tags": tags }).to_string().into_bytes())
    };
    fixture.registry.fault_times("/v2/app/tags/list?n=1000&last=t0999", body(1000, 1007), 1);
    fixture.registry.fault_times("/v2/app/tags/list", body(0, 1000), 1);
    assert_eq!(fixture.client().tags(&fixture.image("app")).unwrap().len(), 1007);
    // One that knows nothing of pages.
    fixture.registry.fault("/v2/all/tags/list", body(0, 1007));
    assert_eq!(fixture.client().tags(&fixture.image("all")).unwrap().len(), 1007);
    assert_eq!(fixture.registry.count("/v2/all/tags/list"), 1);
    fixture.registry.fault("/v2/full/tags/list", body(0, 1000));
    assert_eq!(fixture.client().tags(&fixture.image("full")).unwrap().len(), 1000);
}

#[test]
fn lists_without_end_end() {
    let fixture = Fixture::new();
    let list = |fault: Fault| {
        fixture.registry.mend();
        fixture.registry.fault("/tags/list", fault);
        fixture.client().tags(&fixture.image("app")).unwrap_err().to_string()
    };
    let tags = r#"{"name":"app","tags":["a"]}"#;
    let error = list(page(tags, "</v2/app/tags/list?n=1&last=a>; rel=\"next\""));
    assert!(error.ends_with("the registry's list goes in a circle"), "{error}");
    let error = list(page(tags, "<http://tags.test/list>; rel=next"));
    assert!(error.ends_with("the registry's list goes on at another server"), "{error}");
    let error = list(Fault::Body(b"[]".to_vec()));
    assert!(error.ends_with("the registry answers with something else than a list of tags"), "{error}");
    let error = list(Fault::Body(vec![b' '; 17 << 20]));
    assert!(error.ends_with("the answer is longer than the 16777216 bytes expected at most"), "{error}");
    let error = list(Fault::Body(br#"{"tags":["ok","\u001b[2J"]}"#.to_vec()));
    assert!(error.ends_with("it lists `\\u{1b}[2J`, which is no tag"), "{error}");
}

/// The error of a list of so many pages, each with this body.
fn listed_in_pages(pages: usize, body: &str) -> String {
    let fixture = Fixture::new();
    for n in 0..pages {
        let path = if n == 0 { "/tags/list?n=".to_owned() } else { format!("/tags/list?p={n}z") };
        let next = format!("</v2/app/tags/list?p={}z>; rel=\"next\"", n + 1);
        fixture.registry.fault(&path, page(body, &next));
    }
    fixture.client().tags(&fixture.image("app")).unwrap_err().to_string()
}

#[test]
fn all_pages_together_are_bounded() {
    let error = listed_in_pages(3, &format!(r#"{{"tags":["a"]}}{}"#, " ".repeat(9 << 20)));
    assert!(error.ends_with("the list has more than 16777216 bytes"), "{error}");
    let error = listed_in_pages(12, r#"{"tags":["a"]}"#);
    assert!(error.ends_with("the registry's list goes on without end"), "{error}");
}

/// A manifest about another one.
fn about(subject: &Descriptor, kind: &str, note: &str) -> Vec<u8> {
    let mut manifest = Manifest::new(Descriptor::of("application/vnd.oci.empty.v1+json", b"{}"), Vec::new());
    manifest.extra.insert("subject".into(), serde_json::to_value(subject).unwrap());
    manifest.extra.insert("artifactType".into(), kind.into());
    manifest.annotations.insert("note".into(), note.into());
    manifest.to_bytes().unwrap()
}

#[test]
fn referrers_are_listed_with_and_without_the_registry_s_help() {
    for helps in [true, false] {
        let fixture = Fixture::with(Settings { referrers: helps, page: 2, ..Settings::default() });
        let client = fixture.client();
        let image = fixture.image("app:1");
        let bytes = small_manifest();
        client.push_manifest(&image, oci::MANIFEST, &bytes).unwrap();
        let subject = Descriptor::of(oci::MANIFEST, &bytes);
        assert!(client.referrers(&image, &subject.digest, None).unwrap().is_empty());
        let mut expected = BTreeSet::new();
        for kind in ["a/1", "a/2", "a/3", "a/3"] {
            let bytes = about(&subject, kind, kind);
            let pushed =
                client.push_manifest(&image.with_digest(Digest::of(&bytes)), oci::MANIFEST, &bytes).unwrap();
            assert_eq!(pushed.listed_by_registry, helps);
            expected.insert(pushed.digest);
        }
        let listed = client.referrers(&image, &subject.digest, None).unwrap();
        assert_eq!(listed.iter().map(|d| d.digest).collect::<BTreeSet<_>>(), expected);
        assert_eq!(listed.len(), 3);
        for descriptor in &listed {
            let kind = descriptor.extra["artifactType"].as_str().unwrap();
            assert_eq!(descriptor.annotations["note"], kind);
        }
        let tag = format!("sha256-{}", subject.digest.hex());
        assert_eq!(fixture.registry.tags("app").contains(&tag), !helps);
    }
}

#[test]
fn a_registry_that_can_choose_sends_only_what_is_asked_for() {
    let fixture = Fixture::with(Settings { page: 2, ..Settings::default() });
    let (client, image) = (fixture.client(), fixture.image("app:1"));
    let subject = Descriptor::of(oci::MANIFEST, &small_manifest());
    for (number, kind) in ["a/1+json", "a/2", "a/1+json", "a/2", "a/1+json"].into_iter().enumerate() {
        let bytes = about(&subject, kind, &number.to_string());
        client.push_manifest(&image.with_digest(Digest::of(&bytes)), oci::MANIFEST, &bytes).unwrap();
    }
    for (kind, count) in [("a/1+json", 3), ("a/1", 0), ("a/2", 2)] {
        assert_eq!(client.referrers(&image, &subject.digest, Some(kind)).unwrap().len(), count, "{kind}");
    }
}

/// Where the registry tells no versions, whoever sleeps long enough between reading and writing can lose an entry.
#[test]
fn two_who_write_one_list_at_once_lose_nothing_where_versions_are_told() {
    let fixture = Fixture::with(Settings { referrers: false, versions: true, ..Settings::default() });
    let image = fixture.image("app:1");
    let subject = Descriptor::of(oci::MANIFEST, &small_manifest());
    std::thread::scope(|scope| {
        for writer in ["a", "b"] {
            let (fixture, subject, image) = (&fixture, &subject, &image);
            scope.spawn(move || {
                // As another process: it shares nothing with the other one.
                let client = fixture.client();
                for number in 0..5 {
                    let bytes = about(subject, "a/1", &format!("{writer} {number}"));
                    let named = image.with_digest(Digest::of(&bytes));
                    client.push_manifest(&named, oci::MANIFEST, &bytes).unwrap();
                }
            });
        }
    });
    assert_eq!(fixture.client().referrers(&image, &subject.digest, None).unwrap().len(), 10);
}

#[test]
fn an_entry_that_somebody_took_out_is_put_in_again() {
    let fixture = Fixture::with(Settings { referrers: false, ..Settings::default() });
    let subject = Descriptor::of(oci::MANIFEST, &small_manifest());
    // As if another had written right behind us what he read before.
    let lost = Fault::Answer { status: 201, headers: Vec::new(), body: Vec::new() };
    fixture.registry.fault_times("PUT /v2/app/manifests/sha256-", lost, 2);
    let bytes = about(&subject, "a/1", "a/1");
    let image = fixture.image("app:1").with_digest(Digest::of(&bytes));
    fixture.client().push_manifest(&image, oci::MANIFEST, &bytes).unwrap();
    assert_eq!(fixture.client().referrers(&image, &subject.digest, None).unwrap().len(), 1);
    assert_eq!(fixture.registry.count("PUT /v2/app/manifests/sha256-"), 3);
}

#[test]
fn a_list_is_written_anew_from_the_registry_itself_and_not_from_a_mirror() {
    let mirror = FakeRegistry::start();
    let mut fixture = Fixture::with(Settings { referrers: false, ..Settings::default() });
    let conf = fixture.folder.path().join("registries.conf");
    let (host, other) = (fixture.registry.host(), mirror.host());
    let text = format!("[[registry]]\nlocation = \"{host}\"\n[[registry.mirror]]\nlocation = \"{other}\"\n");
    std::fs::write(&conf, text).unwrap();
    fixture.options.places.conf = vec![conf];
    let subject = Descriptor::of(oci::MANIFEST, &small_manifest());
    let tag = format!("sha256-{}", subject.digest.hex());
    mirror.put_manifest("app", &tag, oci::INDEX, &Index::new(Vec::new()).to_bytes().unwrap());
    let client = fixture.client();
    let image = fixture.image("app:1");
    for kind in ["a/1", "a/2"] {
        let bytes = about(&subject, kind, kind);
        client.push_manifest(&image.with_digest(Digest::of(&bytes)), oci::MANIFEST, &bytes).unwrap();
    }
    assert_eq!(client.referrers(&image, &subject.digest, None).unwrap().len(), 2);
    assert_eq!(mirror.count("/v2/app/manifests/"), 0);
}
