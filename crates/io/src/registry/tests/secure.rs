//! Encryption: whose certificates are trusted, and what is not sent without it.

use bareboat_testkit::Certificate;

use super::*;

impl Fixture {
    /// A registry with this certificate, and a client that knows where certificates lie.
    fn secure(certificate: Certificate) -> Self {
        Self::behind(&Tls::with(certificate), Settings::default())
    }

    fn behind(tls: &Tls, settings: Settings) -> Self {
        let mut fixture = Self::of(FakeRegistry::with_tls(settings, tls));
        fixture.options.places.certificates = vec![fixture.folder.path().join("certs.d")];
        fixture.registry.put_manifest("app", "1", oci::MANIFEST, &small_manifest());
        fixture
    }

    /// Puts a file into the registry's folder of certificates.
    fn knows(self, name: &str, pem: &str) -> Self {
        let folder = self.folder.path().join("certs.d").join(self.registry.host());
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join(name), pem).unwrap();
        self
    }

    /// How fetching a manifest ends.
    fn ends(&self) -> String {
        match self.client().manifest(&self.image("app:1")) {
            Ok(_) => "done".to_owned(),
            Err(error) => error.to_string().replace(&self.registry.host(), "HOST"),
        }
    }
}

#[test]
fn a_certificate_must_be_of_a_known_authority_for_the_right_name_and_not_expired() {
    let own = Authority::new("own");
    let told = |words: &str| format!("cannot fetch `HOST/app:1`: no secure connection: {words}");
    let unknown = told("the server's certificate is from an authority that is not known here");
    assert_eq!(Fixture::secure(own.signs(&["127.0.0.1"])).ends(), unknown);
    let other = Authority::new("other");
    assert_eq!(Fixture::secure(own.signs(&["127.0.0.1"])).knows("ca.crt", other.pem()).ends(), unknown);
    for (certificate, ends) in [
        (own.signs(&["127.0.0.1"]), "done".to_owned()),
        (own.signs(&["h.test", "127.0.0.1"]), "done".to_owned()),
        (own.signs(&["h.test"]), told("the server's certificate is for another name")),
        (own.signed_long_ago(&["127.0.0.1"]), told("the server's certificate has expired")),
    ] {
        assert_eq!(Fixture::secure(certificate).knows("ca.crt", own.pem()).ends(), ends);
    }
}

#[test]
fn any_certificate_is_taken_where_registries_conf_says_insecure() {
    let own = Authority::new("own");
    for certificate in [own.signs(&["h.test"]), own.signed_long_ago(&["127.0.0.1"])] {
        let mut fixture = Fixture::secure(certificate);
        let conf = fixture.folder.path().join("registries.conf");
        let host = fixture.registry.host();
        std::fs::write(&conf, format!("[[registry]]\nlocation = \"{host}\"\ninsecure = true\n")).unwrap();
        fixture.options.places.conf = vec![conf];
        assert_eq!(fixture.ends(), "done");
    }
}

#[test]
fn a_registry_is_shown_the_certificate_that_lies_beside_its_authority() {
    let (own, people) = (Authority::new("own"), Authority::new("people"));
    let asks = || {
        let tls = Tls::with(own.signs(&["127.0.0.1"])).to_clients_of(&people);
        Fixture::behind(&tls, Settings::default()).knows("ca.crt", own.pem())
    };
    let wanted = "cannot fetch `HOST/app:1`: no secure connection: the server wants a certificate of ours";
    assert_eq!(asks().ends(), wanted);
    let me = people.signs(&["me"]);
    assert_eq!(asks().knows("client.cert", me.pem()).knows("client.key", &me.key_pem()).ends(), "done");
    let stranger = own.signs(&["me"]);
    let shown = asks().knows("client.cert", stranger.pem()).knows("client.key", &stranger.key_pem());
    assert!(
        shown.ends().starts_with("cannot fetch `HOST/app:1`: no secure connection: "),
        "{}",
        shown.ends()
    );
    let mixed = asks().knows("client.cert", me.pem()).knows("client.key", &stranger.key_pem());
    assert!(mixed.ends().ends_with("it does not belong to the certificate beside it"), "{}", mixed.ends());
}

#[test]
fn a_registry_with_tls_is_not_spoken_to_without() {
    let own = Authority::new("own");
    let mut fixture = Fixture::secure(own.signs(&["127.0.0.1"])).knows("ca.crt", own.pem());
    fixture.options.plain_http = true;
    fixture.options.http.retries = 0;
    assert!(fixture.ends().starts_with("cannot fetch `HOST/app:1`: "), "{}", fixture.ends());
    assert!(fixture.registry.exchanges().is_empty());
}

#[test]
fn a_redirect_does_not_leave_encryption() {
    let own = Authority::new("own");
    let tls = Tls::with(own.signs(&["127.0.0.1"]));
    let settings = |to: String| Settings {
        auth: Auth::bearer(USER.0, USER.1),
        redirect_blobs: Some(to),
        ..Settings::default()
    };
    let layer = content(1000);
    let fetch = |to: String| {
        let fixture = Fixture::behind(&tls, settings(to)).knows("ca.crt", own.pem()).log_in();
        let blob = Descriptor::new(oci::LAYER, fixture.registry.put_blob("app", &layer), 1000);
        fixture.client().fetch_blob(&fixture.image("app"), &blob, &fixture.partial(), &Silent)
    };
    let error = fetch("http://storage.test".to_owned()).unwrap_err().to_string();
    assert!(error.contains(": the registry sends us from https to `http://storage.test/storage/"), "{error}");
    assert!(error.ends_with("`, without encryption"), "{error}");
    // Within this machine nobody reads along; still, what is the registry's is for the registry.
    let storage = FakeRegistry::start();
    storage.put_blob("any", &layer);
    fetch(storage.url()).unwrap();
    assert_eq!(storage.exchanges().iter().map(|one| one.authorization.clone()).collect::<Vec<_>>(), [None]);
}
