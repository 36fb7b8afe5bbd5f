//! Mirrors and blocked registries, as `registries.conf` has them.

use super::*;

/// A `registries.conf` that sends pulls of `hub.test` elsewhere.
fn with_mirrors(fixture: &mut Fixture, text: &str) {
    let path = fixture.folder.path().join("registries.conf");
    std::fs::write(&path, text).unwrap();
    fixture.options.places.conf = vec![path];
}

#[test]
fn pulls_ask_mirrors_first_and_say_what_went_wrong_there() {
    let (broken, empty) = (FakeRegistry::start(), FakeRegistry::start());
    broken.fault("/v2/", Fault::Status(502));
    let mut fixture = Fixture::new();
    let home = fixture.registry.host();
    let conf = format!(
        "[[registry]]\nprefix = \"hub.test/team\"\nlocation = \"{home}/copies\"\n\
         [[registry.mirror]]\nlocation = \"{}/m\"\n[[registry.mirror]]\nlocation = \"{}\"\n",
        broken.host(),
        empty.host()
    );
    with_mirrors(&mut fixture, &conf);
    fixture.registry.put_manifest("copies/app", "1", oci::MANIFEST, &small_manifest());
    let layer = content(100);
    let blob = Descriptor::new(oci::LAYER, fixture.registry.put_blob("copies/app", &layer), 100);
    let client = fixture.client();
    let image: Reference = "hub.test/team/app:1".parse().unwrap();
    client.manifest(&image).unwrap();
    client.fetch_blob(&image, &blob, &fixture.partial(), &Silent).unwrap();
    let story = lock(&fixture.story.0).clone();
    let (b, e) = (broken.host(), empty.host());
    assert_eq!(
        story,
        [
            format!("mirror `{b}/m/app` of `hub.test/team/app`: the registry answers 502 Bad Gateway"),
            format!("mirror `{e}/app` of `hub.test/team/app`: it does not have it"),
            format!("mirror `{e}/app` of `hub.test/team/app`: it does not have it"),
        ]
    );
    assert_eq!(broken.count("/v2/m/"), 1);
}

#[test]
fn a_mirror_that_sends_something_else_is_passed_over() {
    let mirror = FakeRegistry::start();
    let mut fixture = Fixture::new();
    let conf = format!(
        "[[registry]]\nlocation = \"{}\"\n[[registry.mirror]]\nlocation = \"{}\"\n",
        fixture.registry.host(),
        mirror.host()
    );
    with_mirrors(&mut fixture, &conf);
    let layer = content(1000);
    let blob = Descriptor::new(oci::LAYER, fixture.registry.put_blob("app", &layer), 1000);
    for length in [999, 1000] {
        mirror.put_wrong_blob("app", blob.digest, &vec![0; length]);
        fixture.client().fetch_blob(&fixture.image("app"), &blob, &fixture.partial(), &Silent).unwrap();
        assert_eq!(std::fs::read(fixture.partial()).unwrap(), layer);
        std::fs::remove_file(fixture.partial()).unwrap();
    }
    // Pushes go home.
    fixture.push(&fixture.client(), "app", b"new").unwrap();
    assert_eq!(mirror.count("POST"), 0);
}

#[test]
fn what_the_administrator_blocks_is_not_asked() {
    let mut fixture = Fixture::new();
    let conf = format!("[[registry]]\nlocation = \"{}/evil\"\nblocked = true\n", fixture.registry.host());
    with_mirrors(&mut fixture, &conf);
    let error = fixture.client().manifest(&fixture.image("evil/app:1")).unwrap_err().to_string();
    assert!(error.contains("registries.conf of this machine blocks"), "{error}");
    assert!(fixture.push(&fixture.client(), "evil/app", b"x").is_err());
    assert!(fixture.registry.exchanges().is_empty());
    assert!(fixture.push(&fixture.client(), "good/app", b"x").is_ok());
}
