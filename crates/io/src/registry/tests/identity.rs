//! Who asks: passwords, tokens, and where they must not go.

use super::*;

#[test]
fn one_token_serves_all_requests_that_need_the_same() {
    let fixture = Fixture::bearer().log_in();
    let client = fixture.client();
    let image = fixture.image("team/app:1");
    let blob = fixture.push(&client, "team/app", b"a layer").unwrap();
    fixture.push(&client, "team/app", b"another").unwrap();
    client.push_manifest(&image, oci::MANIFEST, &small_manifest()).unwrap();
    client.manifest(&image).unwrap();
    client.fetch_blob(&image, &blob, &fixture.partial(), &Silent).unwrap();
    let tokens: Vec<_> = fixture.told().into_iter().filter(|line| line.contains("/token")).collect();
    assert_eq!(
        tokens,
        [
            "GET /token?account=me&service=fake%20registry&scope=repository%3Ateam/app%3Apull%2Cpush 200",
            "GET /token?account=me&service=fake%20registry&scope=repository%3Ateam/app%3Apull 200",
        ]
    );
    // The password went to the token server, and nowhere else.
    for exchange in fixture.registry.exchanges() {
        let basic = exchange.authorization.is_some_and(|header| header.starts_with("Basic"));
        assert_eq!(basic, exchange.target.starts_with("/token"), "{}", exchange.target);
    }
    // Who says that he will push looks around with the same token.
    fixture.registry.forget();
    let client = fixture.client();
    client.will_push(&image);
    assert!(client.has_blob(&image, &blob).unwrap());
    fixture.push(&client, "team/app", b"a third").unwrap();
    client.push_manifest(&image, oci::MANIFEST, &small_manifest()).unwrap();
    client.manifest(&image).unwrap();
    assert_eq!(fixture.registry.count("/token"), 1);
    // Of several threads, one fetches the token.
    fixture.registry.forget();
    let client = fixture.client();
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| assert!(client.has_blob(&image, &blob).unwrap()));
        }
    });
    assert_eq!(fixture.registry.count("/token"), 1);
}

#[test]
fn a_token_that_ended_is_replaced() {
    let fixture = Fixture::bearer().log_in();
    let client = fixture.client();
    let image = fixture.image("app:1");
    fixture.registry.put_manifest("app", "1", oci::MANIFEST, &small_manifest());
    client.manifest(&image).unwrap();
    // The registry forgets it earlier than it said.
    fixture.registry.fault_times(
        "/manifests/",
        unauthorized(&format!("Bearer realm=\"{}/token\"", fixture.registry.url())),
        1,
    );
    client.manifest(&image).unwrap();
    assert_eq!(fixture.registry.count("GET /token"), 2);

    let short = Fixture::bearer().log_in();
    short.registry.set(|settings| {
        if let Auth::Bearer { life, .. } = &mut settings.auth {
            *life = 2;
        }
    });
    short.registry.put_manifest("app", "1", oci::MANIFEST, &small_manifest());
    let client = short.client();
    client.manifest(&short.image("app:1")).unwrap();
    client.manifest(&short.image("app:1")).unwrap();
    assert_eq!(short.registry.count("GET /token"), 2);
}

#[test]
fn who_has_no_password_may_be_allowed_to_pull() {
    let fixture = Fixture::bearer();
    fixture.registry.set(|settings| {
        if let Auth::Bearer { anonymous_pull, .. } = &mut settings.auth {
            *anonymous_pull = true;
        }
    });
    fixture.registry.put_manifest("app", "1", oci::MANIFEST, &small_manifest());
    let client = fixture.client();
    client.manifest(&fixture.image("app:1")).unwrap();
    let error = fixture.push(&client, "app", b"x").unwrap_err();
    assert!(error.to_string().ends_with("the registry answers 401 Unauthorized: unauthorized"), "{error}");
    let host = fixture.registry.host();
    assert_eq!(
        error.hint(),
        Some(format!("log in, unless the name is wrong: bareboat login {host}").as_str())
    );
}

#[test]
fn an_identity_token_is_traded_for_a_token() {
    let fixture = Fixture::bearer();
    fixture.registry.set(|settings| {
        if let Auth::Bearer { identity, .. } = &mut settings.auth {
            *identity = Some("refresh/me+now".to_owned());
        }
    });
    fixture.registry.put_manifest("app", "1", oci::MANIFEST, &small_manifest());
    let auths =
        format!(r#"{{"auths":{{"{}":{{"identitytoken":"refresh/me+now"}}}}}}"#, fixture.registry.host());
    std::fs::write(&fixture.options.places.auth[0], auths).unwrap();
    fixture.client().manifest(&fixture.image("app:1")).unwrap();
    assert_eq!(fixture.registry.count("POST /token"), 1);
    fixture.push(&fixture.client(), "app", b"x").unwrap();
}

#[test]
fn a_password_goes_with_each_request_where_that_is_wanted() {
    let fixture =
        Fixture::with(Settings { auth: Auth::basic(USER.0, USER.1), ..Settings::default() }).log_in();
    let client = fixture.client();
    fixture.push(&client, "app", b"x").unwrap();
    client.push_manifest(&fixture.image("app:1"), oci::MANIFEST, &small_manifest()).unwrap();
    assert!(fixture.told().iter().all(|line| !line.ends_with("401")), "{:?}", fixture.told());
}

#[test]
fn a_wrong_password_is_told_with_the_file_that_has_it() {
    for auth in [Auth::basic(USER.0, "changed"), Auth::bearer(USER.0, "changed")] {
        let fixture = Fixture::with(Settings { auth, ..Settings::default() }).log_in();
        let error = fixture.client().manifest(&fixture.image("app:1")).unwrap_err();
        assert!(error.to_string().contains("the registry answers 401 Unauthorized"), "{error}");
        let hint = error.hint().unwrap();
        let file = fixture.options.places.auth[0].display();
        assert!(hint.starts_with(&format!("the password of `me` from `{file}` ")), "{hint}");
        assert!(fixture.registry.exchanges().len() < 6);
    }
}

#[test]
fn a_registry_that_asks_again_and_again_is_left() {
    for challenge in ["Basic realm=x", "Bearer realm=\"URL/token\"", "Negotiate", ""] {
        let fixture = Fixture::bearer().log_in();
        let challenge = challenge.replace("URL", &fixture.registry.url());
        fixture.registry.fault("/v2/", unauthorized(&challenge));
        let error = fixture.client().manifest(&fixture.image("app:1")).unwrap_err().to_string();
        assert!(error.ends_with("the registry answers 401 Unauthorized"), "{error}");
        assert!(fixture.registry.exchanges().len() <= 6, "{:?}", fixture.told());
    }
}

#[test]
fn a_password_does_not_go_to_a_token_server_without_encryption() {
    let fixture = Fixture::bearer().log_in();
    fixture.registry.set(|settings| {
        if let Auth::Bearer { realm, .. } = &mut settings.auth {
            *realm = Some("http://tokens.test/token".to_owned());
        }
    });
    let error = fixture.client().manifest(&fixture.image("app:1")).unwrap_err().to_string();
    assert!(error.ends_with("`tokens.test` wants the password without encryption"), "{error}");
}

#[test]
fn answers_of_token_servers_are_not_believed() {
    let fixture = Fixture::bearer().log_in();
    for (fault, words) in [
        (Fault::Body(b"<html>".to_vec()), "the token server does not answer with a token"),
        (
            Fault::Body(br#"{"token":"a\r\nX-Evil: b"}"#.to_vec()),
            "the token server's token holds what no token may hold",
        ),
        (Fault::Body(vec![b' '; 2 << 20]), "the answer is longer than the 1048576 bytes expected at most"),
        (Fault::Status(500), "the registry answers 500 Internal Server Error (tried 3 times)"),
        (Fault::Redirect("http://127.0.0.1:1/".into()), "the registry answers 302 Found"),
    ] {
        fixture.registry.mend();
        fixture.registry.fault("/token", fault);
        let error = fixture.client().manifest(&fixture.image("app:1")).unwrap_err().to_string();
        let host = fixture.registry.host();
        assert!(error.contains(&format!("cannot get a token for `{host}`: {words}")), "{error}");
    }
}

#[test]
fn a_storage_host_does_not_get_what_is_the_registry_s() {
    let storage = FakeRegistry::start();
    let layer = content(200_000);
    let digest = storage.put_blob("any", &layer);
    let fixture = Fixture::with(Settings {
        auth: Auth::bearer(USER.0, USER.1),
        redirect_blobs: Some(storage.url()),
        ..Settings::default()
    })
    .log_in();
    fixture.registry.put_blob("app", &layer);
    storage.fault_times("/storage/", Fault::Cut { after: 100_000 }, 1);
    let blob = Descriptor::new(oci::LAYER, digest, 200_000);
    fixture.client().fetch_blob(&fixture.image("app"), &blob, &fixture.partial(), &Silent).unwrap();
    assert_eq!(std::fs::read(fixture.partial()).unwrap(), layer);
    assert!(storage.exchanges().iter().all(|exchange| exchange.authorization.is_none()));
    assert_eq!(storage.exchanges().iter().map(|e| e.from).collect::<Vec<_>>(), [None, Some(100_000)]);

    // What it answers is its own affair: it is not asked who we are, and does not learn it.
    storage.fault("/storage/", unauthorized(&format!("Bearer realm=\"{}/token\"", storage.url())));
    std::fs::remove_file(fixture.partial()).unwrap();
    let error =
        fixture.client().fetch_blob(&fixture.image("app"), &blob, &fixture.partial(), &Silent).unwrap_err();
    let told = format!("`{}` answers 401 Unauthorized", storage.host());
    assert!(error.to_string().ends_with(&told), "{error}");
    assert_eq!(storage.count("/token"), 0);
}

#[test]
fn a_token_goes_to_the_registry_that_it_was_fetched_for_also_where_another_asks_for_the_same() {
    let home = Fixture::bearer().log_in();
    home.registry.put_manifest("team/app", "1", oci::MANIFEST, &small_manifest());
    let mut auth = Auth::bearer("nobody", "knows");
    if let Auth::Bearer { realm, .. } = &mut auth {
        *realm = Some(format!("{}/token", home.registry.url()));
    }
    let thief = FakeRegistry::with(Settings { auth, ..Settings::default() });
    let client = home.client();
    client.manifest(&home.image("team/app:1")).unwrap();
    let asked: Reference = format!("{}/team/app:1", thief.host()).parse().unwrap();
    let error = client.manifest(&asked).unwrap_err().to_string();
    assert!(error.contains(&format!("cannot get a token for `{}`", thief.host())), "{error}");
    assert!(thief.exchanges().iter().all(|exchange| exchange.authorization.is_none()));
}

fn read(path: &Path) -> serde_json::Value {
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

#[test]
fn logging_in_asks_the_registry_and_keeps_the_rest_of_the_file() {
    use std::os::unix::fs::PermissionsExt as _;
    for auth in [Auth::basic(USER.0, USER.1), Auth::bearer(USER.0, USER.1)] {
        let fixture = Fixture::with(Settings { auth, ..Settings::default() });
        let host = fixture.registry.host();
        let login = |password| Login { registry: &host, user: USER.0, password };
        login(USER.1).check(fixture.options.clone()).unwrap();
        let error = login("wrong").check(fixture.options.clone()).unwrap_err();
        assert!(error.to_string().starts_with(&format!("cannot log in to `{host}`: ")), "{error}");
        assert_eq!(error.hint(), Some("name or password may be wrong"));

        let path = &fixture.options.places.auth[0];
        let old = format!(
            r#"{{"psFormat":"x","auths":{{"https://{host}/v1/":{{"auth":"b2xkOm9sZA=="}},"other.test":{{}}}}}}"#
        );
        std::fs::write(path, old).unwrap();
        login(USER.1).keep(&fixture.options.places).unwrap();
        let expected = serde_json::json!({
            "auths": { host.clone(): { "auth": "bWU6c2VzYW1l" }, "other.test": {} },
            "psFormat": "x",
        });
        assert_eq!(read(path), expected);
        assert_eq!(std::fs::metadata(path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(log_out(&fixture.options.places, &host).unwrap(), [format!("`{}`", path.display())]);
        assert_eq!(read(path)["auths"], serde_json::json!({ "other.test": {} }));
        assert!(log_out(&fixture.options.places, &host).unwrap().is_empty());
    }
}
