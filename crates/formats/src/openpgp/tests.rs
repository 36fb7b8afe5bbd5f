//! Verification from outside: every way a signature can be good, and the ways it can fail.

use bareboat_model::{Error, Result, Timestamp};
use pgp::crypto::hash::HashAlgorithm;
use pgp::packet::{Notation, RevocationCode, Signature, SignatureType, Subpacket, SubpacketData};
use proptest::prelude::*;

use super::testing::{
    Claims, DAY, KEY, MADE, NOW, OTHER, RSA, Signing, TestKey, armoured, clearsigned, detached,
};
use super::{Keyring, Policy, Verified, verify_clearsigned, verify_detached};

const TEXT: &str = "Origin: Test\nSuite: stable\n- odd\n";

fn policy() -> Policy {
    Policy { now: Timestamp::from_seconds(NOW), allow_sha1_bindings: false }
}

fn keyring(key: &TestKey, claims: &Claims) -> Keyring {
    Keyring::parse(&key.certificate(claims)).unwrap()
}

/// What is signed of a clear-signed text: all but the last line end.
fn body(text: &str) -> &str {
    text.strip_suffix('\n').unwrap()
}

fn sign(key: &TestKey, how: &Signing) -> Signature {
    key.sign(body(TEXT), how)
}

/// Verifies [`TEXT`], signed by `key` in that way, with a certificate that makes these claims.
fn outcome(key: &TestKey, claims: &Claims, how: &Signing) -> Result<Verified> {
    let message = clearsigned(TEXT, &[sign(key, how)]);
    verify_clearsigned(message.as_bytes(), &keyring(key, claims), &policy())
}

fn refusal(claims: &Claims, how: &Signing) -> String {
    outcome(&KEY, claims, how).unwrap_err().to_string()
}

/// The signature with other bytes in place of the first that are `from`.
fn patched(signature: &Signature, from: &[u8], to: &[u8]) -> Signature {
    let mut bytes = detached(std::slice::from_ref(signature));
    let at = bytes.windows(from.len()).position(|window| window == from).unwrap();
    bytes[at..at + to.len()].copy_from_slice(to);
    super::signature::read(&bytes).unwrap().remove(0)
}

fn day(days: i64) -> Timestamp {
    Timestamp::from_seconds(MADE + days * DAY)
}

#[test]
fn a_good_signature_gives_the_text_and_the_signer() {
    let expected = Verified { text: TEXT.to_owned(), signers: vec![KEY.subkey_fingerprint()] };
    assert_eq!(outcome(&KEY, &Claims::default(), &Signing::default()).unwrap(), expected);
}

#[test]
fn every_strong_hash_and_both_kinds_of_keys_are_accepted() {
    for key in [&KEY, &RSA] {
        for hash in [HashAlgorithm::Sha256, HashAlgorithm::Sha384, HashAlgorithm::Sha512] {
            let how = Signing { hash, ..Signing::default() };
            assert!(outcome(key, &Claims::default(), &how).is_ok(), "{hash}");
        }
    }
}

#[test]
fn a_changed_text_is_refused() {
    let message = clearsigned(TEXT, &[sign(&KEY, &Signing::default())]);
    let keyring = keyring(&KEY, &Claims::default());
    let changed = message.replace("stable", "stably");
    let error = verify_clearsigned(changed.as_bytes(), &keyring, &policy()).unwrap_err();
    let expected = format!("the text does not match its signature by 0x{}", KEY.subkey_fingerprint());
    assert_eq!(error.to_string(), expected);
    assert!(error.hint().is_some());
}

#[test]
fn no_byte_of_a_message_can_be_changed_unnoticed() {
    let message = clearsigned(TEXT, &[sign(&KEY, &Signing::default())]).into_bytes();
    let keyring = keyring(&KEY, &Claims::default());
    for at in 0..message.len() {
        let mut changed = message.clone();
        changed[at] ^= 0x04;
        if let Ok(verified) = verify_clearsigned(&changed, &keyring, &policy()) {
            assert_eq!(verified.text, TEXT, "byte {at}");
        }
    }
}

#[test]
fn an_expired_signature_is_refused() {
    let how = Signing { made: NOW - DAY, lifetime: Some(DAY), ..Signing::default() };
    let expected = format!(
        "no acceptable signature: signature by 0x{}: it expired on {}",
        KEY.subkey_fingerprint(),
        policy().now
    );
    assert_eq!(refusal(&Claims::default(), &how), expected);
    let how = Signing { lifetime: Some(DAY + 1), ..how };
    assert!(outcome(&KEY, &Claims::default(), &how).is_ok());
}

#[test]
fn a_signature_from_the_future_is_refused_beyond_a_little_skew() {
    let how = |made| Signing { made, ..Signing::default() };
    assert!(outcome(&KEY, &Claims::default(), &how(NOW + 10)).is_ok());
    assert!(
        refusal(&Claims::default(), &how(NOW + 11))
            .contains("it was made on 2026-01-01T00:00:11Z, which is after now")
    );
}

#[test]
fn expired_keys_are_refused_with_the_date() {
    for (claims, expires) in [
        (Claims { primary_expires: Some(300), ..Claims::default() }, day(300)),
        (Claims { subkey_expires: Some(365), ..Claims::default() }, day(365)),
    ] {
        let expected = format!("is good but the key expired on {expires}");
        let error = refusal(&claims, &Signing::default());
        assert!(error.ends_with(&expected), "{error}");
        let early = Signing { made: MADE + DAY, ..Signing::default() };
        assert!(refusal(&claims, &early).ends_with(&expected), "signed before it expired");
    }
    let claims = Claims { primary_expires: Some(366), subkey_expires: Some(366), ..Claims::default() };
    assert!(outcome(&KEY, &claims, &Signing::default()).is_ok());
}

#[test]
fn a_newer_self_signature_extends_a_keys_life() {
    let old = KEY.certificate(&Claims { primary_expires: Some(300), ..Claims::default() });
    let new = KEY.certificate(&Claims { primary_expires: Some(400), said: 200, ..Claims::default() });
    let message = clearsigned(TEXT, &[sign(&KEY, &Signing::default())]);
    for both in [[&old[..], &new[..]], [&new[..], &old[..]]] {
        let keyring = Keyring::parse(&both.concat()).unwrap();
        assert_eq!(keyring.fingerprints().count(), 1);
        assert!(verify_clearsigned(message.as_bytes(), &keyring, &policy()).is_ok());
        // On day 100 the newer statement was not yet made, and the older one stood.
        let how = Signing { made: MADE + 99 * DAY, ..Signing::default() };
        let message = clearsigned(TEXT, &[sign(&KEY, &how)]);
        let then = Policy { now: day(100), ..policy() };
        assert!(verify_clearsigned(message.as_bytes(), &keyring, &then).is_ok());
    }
}

#[test]
fn a_key_that_is_compromised_was_never_good() {
    for code in [RevocationCode::KeyCompromised, RevocationCode::NoReason, RevocationCode::Private100] {
        for claims in [
            Claims { primary_revoked: Some((code, 364)), ..Claims::default() },
            Claims { subkey_revoked: Some((code, 364)), ..Claims::default() },
        ] {
            let how = Signing { made: MADE + DAY, ..Signing::default() };
            let error = refusal(&claims, &how);
            assert!(error.ends_with(&format!("is good but the key was revoked on {}", day(364))), "{error}");
        }
    }
}

#[test]
fn a_key_that_is_retired_was_good_before() {
    for code in [RevocationCode::KeyRetired, RevocationCode::KeySuperseded] {
        for claims in [
            Claims { primary_revoked: Some((code, 100)), ..Claims::default() },
            Claims { subkey_revoked: Some((code, 100)), ..Claims::default() },
        ] {
            let signed_on = |day: i64| Signing { made: MADE + day * DAY, ..Signing::default() };
            assert!(outcome(&KEY, &claims, &signed_on(99)).is_ok());
            assert!(refusal(&claims, &signed_on(100)).contains("the key was revoked on"));
        }
    }
}

#[test]
fn an_older_copy_does_not_undo_a_revocation() {
    let revoked = Claims { primary_revoked: Some((RevocationCode::KeyCompromised, 1)), ..Claims::default() };
    let mut keyring = keyring(&KEY, &revoked);
    keyring.extend(self::keyring(&KEY, &Claims::default()));
    let message = clearsigned(TEXT, &[sign(&KEY, &Signing::default())]);
    let error = verify_clearsigned(message.as_bytes(), &keyring, &policy()).unwrap_err();
    assert!(error.to_string().contains("was revoked"), "{error}");
}

#[test]
fn a_key_must_be_meant_for_signing() {
    let not_for_signing = Claims { subkey_signs: false, ..Claims::default() };
    assert!(refusal(&not_for_signing, &Signing::default()).ends_with("the key is not meant for signing"));
    let by_primary = Signing { by_primary: true, ..Signing::default() };
    assert!(refusal(&Claims::default(), &by_primary).ends_with("the key is not meant for signing"));
    let primary_signs = Claims { primary_signs: true, ..Claims::default() };
    let verified = outcome(&KEY, &primary_signs, &by_primary).unwrap();
    assert_eq!(verified.signers, [KEY.fingerprint()]);
}

#[test]
fn a_subkey_must_have_agreed_to_its_binding() {
    let claims = Claims { back_signature: false, ..Claims::default() };
    let error = refusal(&claims, &Signing::default());
    assert!(error.ends_with("the subkey did not sign its binding to the primary key"), "{error}");
}

#[test]
fn sha1_never_signs_a_text() {
    let how = Signing { hash: HashAlgorithm::Sha1, ..Signing::default() };
    let message = clearsigned(TEXT, &[sign(&RSA, &how)]);
    let lenient = Policy { allow_sha1_bindings: true, ..policy() };
    let error =
        verify_clearsigned(message.as_bytes(), &keyring(&RSA, &Claims::default()), &lenient).unwrap_err();
    assert!(error.to_string().ends_with("it uses SHA-1, not SHA-256, SHA-384 or SHA-512"), "{error}");
}

#[test]
fn sha1_binds_keys_only_when_that_is_allowed() {
    let claims = Claims { hash: HashAlgorithm::Sha1, ..Claims::default() };
    let message = clearsigned(TEXT, &[sign(&RSA, &Signing::default())]);
    let keyring = keyring(&RSA, &claims);
    let error = verify_clearsigned(message.as_bytes(), &keyring, &policy()).unwrap_err();
    assert!(error.to_string().ends_with("the key is bound to its owner by SHA-1 signatures only"), "{error}");
    let lenient = Policy { allow_sha1_bindings: true, ..policy() };
    assert!(verify_clearsigned(message.as_bytes(), &keyring, &lenient).is_ok());
}

#[test]
fn what_is_critical_must_be_understood() {
    let notation = Notation { readable: true, name: "a@b.test"[..].into(), value: "c"[..].into() };
    let how = |extra| Signing { extra: vec![extra], ..Signing::default() };
    let critical = Subpacket::critical(SubpacketData::Notation(notation.clone())).unwrap();
    assert!(refusal(&Claims::default(), &how(critical)).ends_with("which is not understood"));

    let regular = [SubpacketData::Notation(notation), SubpacketData::Other(60, vec![1].into())];
    for data in regular {
        let regular = how(Subpacket::regular(data).unwrap());
        assert!(outcome(&KEY, &Claims::default(), &regular).is_ok());
    }
    // rPGP does not sign what it does not know: the bit is set afterwards.
    let unknown = how(Subpacket::regular(SubpacketData::Other(60, vec![1].into())).unwrap());
    let signature = patched(&sign(&KEY, &unknown), &[2, 60, 1], &[2, 60 | 0x80, 1]);
    let message = clearsigned(TEXT, &[signature]);
    let error =
        verify_clearsigned(message.as_bytes(), &keyring(&KEY, &Claims::default()), &policy()).unwrap_err();
    assert!(
        error.to_string().ends_with("a critical subpacket of type 60, which is not understood"),
        "{error}"
    );
}

#[test]
fn only_signatures_over_documents_count() {
    // Version 4, type text; and type "generic certification".
    let signature = patched(&sign(&KEY, &Signing::default()), &[4, 0x01], &[4, 0x10]);
    let message = clearsigned(TEXT, &[signature]);
    let error =
        verify_clearsigned(message.as_bytes(), &keyring(&KEY, &Claims::default()), &policy()).unwrap_err();
    assert!(error.to_string().ends_with("it is not over a document"), "{error}");
}

#[test]
fn one_trusted_signer_among_unknown_ones_is_enough() {
    let signatures = [sign(&OTHER, &Signing::default()), sign(&KEY, &Signing::default())];
    let message = clearsigned(TEXT, &signatures);
    let verified =
        verify_clearsigned(message.as_bytes(), &keyring(&KEY, &Claims::default()), &policy()).unwrap();
    assert_eq!(verified.signers, [KEY.subkey_fingerprint()]);
}

#[test]
fn unknown_signers_are_named() {
    let signatures = [sign(&OTHER, &Signing::default()), sign(&RSA, &Signing::default())];
    let expected = format!(
        "it is signed by 0x{}, 0x{}, and no such key is trusted",
        OTHER.subkey_fingerprint(),
        RSA.subkey_fingerprint()
    );
    let message = clearsigned(TEXT, &signatures);
    for keyring in [keyring(&KEY, &Claims::default()), Keyring::default()] {
        let error = verify_clearsigned(message.as_bytes(), &keyring, &policy()).unwrap_err();
        assert_eq!(error.to_string(), expected);
    }
}

#[test]
fn a_wrong_signature_by_a_known_key_condemns_the_text() {
    let mut both = keyring(&KEY, &Claims::default());
    both.extend(keyring(&OTHER, &Claims::default()));
    let signatures = [sign(&KEY, &Signing::default()), OTHER.sign("something else", &Signing::default())];
    let message = clearsigned(TEXT, &signatures);
    assert!(verify_clearsigned(message.as_bytes(), &both, &policy()).is_err());
}

#[test]
fn an_expired_signer_beside_a_good_one_does_no_harm() {
    let mut both = keyring(&KEY, &Claims::default());
    both.extend(keyring(&OTHER, &Claims { primary_expires: Some(1), ..Claims::default() }));
    let message = clearsigned(TEXT, &[sign(&OTHER, &Signing::default()), sign(&KEY, &Signing::default())]);
    let verified = verify_clearsigned(message.as_bytes(), &both, &policy()).unwrap();
    assert_eq!(verified.signers, [KEY.subkey_fingerprint()]);
}

#[test]
fn nothing_may_stand_around_the_signed_text() {
    let message = clearsigned(TEXT, &[sign(&KEY, &Signing::default())]);
    let keyring = keyring(&KEY, &Claims::default());
    assert!(verify_clearsigned((message.clone() + "\n \n").as_bytes(), &keyring, &policy()).is_ok());
    for junk in ["Suite: evil\n", "\n", "\u{feff}"] {
        assert!(verify_clearsigned((junk.to_owned() + &message).as_bytes(), &keyring, &policy()).is_err());
    }
    for junk in ["Suite: evil\n", &message] {
        assert!(verify_clearsigned((message.clone() + junk).as_bytes(), &keyring, &policy()).is_err());
    }
}

#[test]
fn line_ends_do_not_matter_to_a_clear_signed_text() {
    let message = clearsigned(TEXT, &[sign(&KEY, &Signing::default())]).replace('\n', "\r\n");
    let verified =
        verify_clearsigned(message.as_bytes(), &keyring(&KEY, &Claims::default()), &policy()).unwrap();
    assert_eq!(verified.text, TEXT);
}

#[test]
fn a_clear_signed_text_may_carry_a_binary_signature() {
    let how = Signing { kind: SignatureType::Binary, ..Signing::default() };
    let signature = KEY.sign(&body(TEXT).replace('\n', "\r\n"), &how);
    let message = clearsigned(TEXT, &[signature]);
    assert!(verify_clearsigned(message.as_bytes(), &keyring(&KEY, &Claims::default()), &policy()).is_ok());
}

#[test]
fn detached_signatures_are_verified_binary_and_armoured() {
    let keyring = keyring(&KEY, &Claims::default());
    for kind in [SignatureType::Binary, SignatureType::Text] {
        let how = Signing { kind, ..Signing::default() };
        let signatures = [OTHER.sign(TEXT, &how), KEY.sign(TEXT, &how)];
        for signature in [detached(&signatures), armoured(&signatures).into_bytes()] {
            let verified = verify_detached(TEXT.as_bytes(), &signature, &keyring, &policy()).unwrap();
            assert_eq!(verified.text, TEXT);
            let changed = TEXT.replace("stable", "stably");
            assert!(verify_detached(changed.as_bytes(), &signature, &keyring, &policy()).is_err());
        }
    }
}

#[test]
fn a_text_signature_lets_no_carriage_return_through() {
    let keyring = keyring(&KEY, &Claims::default());
    let signature = detached(&[KEY.sign(TEXT, &Signing::default())]);
    let windows = TEXT.replace('\n', "\r\n");
    let verified = verify_detached(windows.as_bytes(), &signature, &keyring, &policy()).unwrap();
    assert_eq!(verified.text, TEXT);
    assert!(verify_detached(b"a\rb\n", &signature, &keyring, &policy()).is_err());
}

#[test]
fn a_signature_file_without_a_signature_is_refused() {
    let keyring = keyring(&KEY, &Claims::default());
    let certificate = KEY.certificate(&Claims::default());
    for file in [&b""[..], b"hello\n", &certificate] {
        assert!(verify_detached(TEXT.as_bytes(), file, &keyring, &policy()).is_err());
    }
}

#[test]
fn keyrings_are_read_binary_armoured_and_mixed() {
    let binary = KEY.certificate(&Claims::default());
    let armoured = OTHER.armoured();
    for file in [
        [&binary[..], &OTHER.certificate(&Claims::default())[..]].concat(),
        [&binary[..], &armoured[..]].concat(),
        [b"A comment\n", &armoured[..], b"\nanother\n", &KEY.armoured()[..]].concat(),
    ] {
        let keyring = Keyring::parse(&file).unwrap();
        let mut expected = [KEY.fingerprint(), OTHER.fingerprint()];
        expected.sort();
        assert_eq!(keyring.fingerprints().collect::<Vec<_>>(), expected);
    }
}

#[test]
fn what_is_no_keyring_is_refused() {
    let error = |bytes: &[u8]| Keyring::parse(bytes).map(|_| ()).unwrap_err();
    let nothing = Error::new("there is no OpenPGP certificate in it");
    assert_eq!(error(b""), nothing);
    assert_eq!(error(b"hello\n"), nothing);
    let armoured = KEY.armoured();
    assert!(error(&armoured[..armoured.len() - 10]).to_string().contains("without `-----END"));
    let mut binary = KEY.certificate(&Claims::default());
    binary.truncate(binary.len() - 10);
    assert!(error(&binary).to_string().ends_with("is malformed"));
}

#[test]
fn a_keyring_can_be_restricted_to_some_keys() {
    let (primary, subkey) = (KEY.fingerprint(), KEY.subkey_fingerprint());
    for (wanted, trusted) in [
        (primary.to_lowercase(), true),
        (subkey.clone(), true),
        (format!("{subkey}!"), true),
        (format!("{primary}!"), false),
        (OTHER.fingerprint(), false),
    ] {
        let keyring = keyring(&KEY, &Claims::default()).restrict_to([&wanted]);
        let message = clearsigned(TEXT, &[sign(&KEY, &Signing::default())]);
        let verified = verify_clearsigned(message.as_bytes(), &keyring, &policy());
        assert_eq!(verified.is_ok(), trusted, "{wanted}");
    }
    assert!(keyring(&KEY, &Claims::default()).restrict_to(["00"]).is_empty());
}

#[test]
fn every_certificate_of_debians_keyring_has_a_key_that_may_sign() {
    let keyring = Keyring::debian().unwrap();
    assert_eq!(keyring.fingerprints().count(), 9);
    // Before the first of them expires.
    let policy = Policy { now: "2025-08-09T00:00:00Z".parse().unwrap(), allow_sha1_bindings: false };
    for fingerprint in keyring.fingerprints() {
        let only = keyring.clone().restrict_to([fingerprint]);
        assert!(only.has_usable_key(&policy), "{fingerprint}");
    }
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let keyring = keyring(&KEY, &Claims::default());
        let _ = Keyring::parse(&bytes);
        let _ = verify_clearsigned(&bytes, &keyring, &policy());
        let _ = verify_detached(TEXT.as_bytes(), &bytes, &keyring, &policy());
    }

    #[test]
    fn no_damage_to_a_keyring_makes_it_panic(at in 0_usize..600, value: u8, cut in 0_usize..600) {
        let mut bytes = KEY.certificate(&Claims::default());
        let (at, cut) = (at % bytes.len(), cut % bytes.len());
        bytes[at] = value;
        let message = clearsigned(TEXT, &[sign(&KEY, &Signing::default())]);
        for bytes in [&bytes[..], &bytes[..cut]] {
            if let Ok(keyring) = Keyring::parse(bytes) {
                let _ = verify_clearsigned(message.as_bytes(), &keyring, &policy());
            }
        }
    }
}
