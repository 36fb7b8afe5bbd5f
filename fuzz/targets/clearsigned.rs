//! Clear-signed messages against Debian's keyring, and keyrings. Nothing that is made here can be genuine.
#![no_main]

use std::sync::OnceLock;

use bareboat_formats::openpgp::{Keyring, Policy, verify_clearsigned, verify_detached};
use bareboat_model::Timestamp;
use libfuzzer_sys::fuzz_target;

static DEBIAN: OnceLock<Keyring> = OnceLock::new();

fuzz_target!(|bytes: &[u8]| {
    let debian = DEBIAN.get_or_init(|| Keyring::debian().expect("the built-in keyring is sound"));
    let policy = Policy { now: Timestamp::from_seconds(1_763_164_800), allow_sha1_bindings: false };
    assert!(verify_clearsigned(bytes, debian, &policy).is_err());
    assert!(verify_detached(b"text", bytes, debian, &policy).is_err());
    if let Ok(keyring) = Keyring::parse(bytes) {
        assert!(keyring.fingerprints().count() > 0);
        let _ = verify_clearsigned(include_bytes!("../seeds/clearsigned.asc"), &keyring, &policy);
    }
});
