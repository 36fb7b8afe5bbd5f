//! Keys and signatures for the tests, made to order: dates, hashes, flags and faults as a test wants them.

use std::sync::LazyLock;

use pgp::composed::{
    ArmorOptions, KeyType, SecretKeyParamsBuilder, SignedKeyDetails, SignedPublicKey, SignedPublicSubKey,
    SignedSecretKey, SubkeyParamsBuilder,
};
use pgp::crypto::hash::HashAlgorithm;
use pgp::packet::{
    KeyFlags, RevocationCode, Signature, SignatureConfig, SignatureType, Subpacket, SubpacketData,
};
use pgp::ser::Serialize as _;
use pgp::types::{Duration, KeyDetails, Password, SignedUser, SigningKey, Tag, Timestamp};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;

/// When the test keys were made: 2025-01-01.
pub(super) const MADE: i64 = 1_735_689_600;
pub(super) const DAY: i64 = 86_400;

/// One year after [`MADE`].
pub(super) const NOW: i64 = MADE + 365 * DAY;

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_secs(u32::try_from(seconds).unwrap())
}

fn generate(kind: KeyType, seed: u64) -> SignedSecretKey {
    let made = at(MADE);
    let subkey = SubkeyParamsBuilder::default()
        .key_type(kind.clone())
        .can_sign(true)
        .created_at(made)
        .build()
        .unwrap();
    SecretKeyParamsBuilder::default()
        .key_type(kind)
        .can_certify(true)
        .created_at(made)
        .primary_user_id("Test <test@archive.test>".into())
        .subkey(subkey)
        .build()
        .unwrap()
        .generate(ChaCha8Rng::seed_from_u64(seed))
        .unwrap()
}

/// Two Ed25519 keys with a subkey each, and an RSA key: Ed25519 takes no SHA-1.
pub(super) static KEY: LazyLock<TestKey> = LazyLock::new(|| TestKey(generate(KeyType::Ed25519Legacy, 1)));
pub(super) static OTHER: LazyLock<TestKey> = LazyLock::new(|| TestKey(generate(KeyType::Ed25519Legacy, 2)));
pub(super) static RSA: LazyLock<TestKey> = LazyLock::new(|| TestKey(generate(KeyType::Rsa(2048), 3)));

/// The secret parts; what is said about them is made anew by [`TestKey::certificate`].
pub(super) struct TestKey(SignedSecretKey);

/// What a certificate says about its keys.
#[derive(Clone)]
pub(super) struct Claims {
    pub hash: HashAlgorithm,
    /// Days after [`MADE`].
    pub primary_expires: Option<i64>,
    pub subkey_expires: Option<i64>,
    pub primary_signs: bool,
    pub subkey_signs: bool,
    pub back_signature: bool,
    pub primary_revoked: Option<(RevocationCode, i64)>,
    pub subkey_revoked: Option<(RevocationCode, i64)>,
    /// When all this was said, in days after [`MADE`].
    pub said: i64,
}

impl Default for Claims {
    fn default() -> Self {
        Self {
            hash: HashAlgorithm::Sha512,
            primary_expires: None,
            subkey_expires: None,
            primary_signs: false,
            subkey_signs: true,
            back_signature: true,
            primary_revoked: None,
            subkey_revoked: None,
            said: 0,
        }
    }
}

/// How a document is signed.
pub(super) struct Signing {
    pub kind: SignatureType,
    pub hash: HashAlgorithm,
    pub made: i64,
    /// Seconds.
    pub lifetime: Option<i64>,
    pub extra: Vec<Subpacket>,
    pub by_primary: bool,
}

impl Default for Signing {
    fn default() -> Self {
        Self {
            kind: SignatureType::Text,
            hash: HashAlgorithm::Sha256,
            made: NOW - DAY,
            lifetime: None,
            extra: Vec::new(),
            by_primary: false,
        }
    }
}

impl TestKey {
    pub(super) fn fingerprint(&self) -> String {
        format!("{:X}", self.0.primary_key.fingerprint())
    }

    pub(super) fn subkey_fingerprint(&self) -> String {
        format!("{:X}", self.0.secret_subkeys[0].key.fingerprint())
    }

    /// The certificate in binary.
    pub(super) fn certificate(&self, claims: &Claims) -> Vec<u8> {
        self.public(claims).to_bytes().unwrap()
    }

    /// The certificate in ASCII armour.
    pub(super) fn armoured(&self) -> Vec<u8> {
        self.public(&Claims::default()).to_armored_bytes(ArmorOptions::default()).unwrap()
    }

    fn public(&self, claims: &Claims) -> SignedPublicKey {
        let secret = &self.0.primary_key;
        let primary = secret.public_key();
        let id = self.0.details.users[0].id.clone();
        let said = MADE + claims.said * DAY;

        let mut about_primary = flags(claims.primary_signs);
        about_primary.extend(lifetime(claims.primary_expires));
        let user = config(secret, SignatureType::CertPositive, claims.hash, said, about_primary)
            .sign_certification(secret, primary, &Password::empty(), Tag::UserId, &id)
            .unwrap();
        let revocations = claims.primary_revoked.map(|(code, day)| {
            config(secret, SignatureType::KeyRevocation, claims.hash, MADE + day * DAY, reason(code))
                .sign_key(secret, &Password::empty(), primary)
                .unwrap()
        });
        SignedPublicKey {
            primary_key: primary.clone(),
            details: SignedKeyDetails {
                revocation_signatures: revocations.into_iter().collect(),
                direct_signatures: Vec::new(),
                users: vec![SignedUser::new(id, vec![user])],
                user_attributes: Vec::new(),
            },
            public_subkeys: vec![self.public_subkey(claims, said)],
        }
    }

    fn public_subkey(&self, claims: &Claims, said: i64) -> SignedPublicSubKey {
        let secret = &self.0.primary_key;
        let (primary, subkey) = (secret.public_key(), &self.0.secret_subkeys[0].key);
        let mut about = flags(claims.subkey_signs);
        about.extend(lifetime(claims.subkey_expires));
        if claims.back_signature {
            let back = config(subkey, SignatureType::KeyBinding, claims.hash, said, Vec::new())
                .sign_primary_key_binding(subkey, subkey.public_key(), &Password::empty(), primary)
                .unwrap();
            about.push(Subpacket::regular(SubpacketData::EmbeddedSignature(Box::new(back))).unwrap());
        }
        let bind = |kind, made, about| {
            config(secret, kind, claims.hash, made, about)
                .sign_subkey_binding(secret, primary, &Password::empty(), subkey.public_key())
                .unwrap()
        };
        let mut signatures = vec![bind(SignatureType::SubkeyBinding, said, about)];
        if let Some((code, day)) = claims.subkey_revoked {
            signatures.push(bind(SignatureType::SubkeyRevocation, MADE + day * DAY, reason(code)));
        }
        SignedPublicSubKey { key: subkey.public_key().clone(), signatures }
    }

    /// Signs a text as it stands.
    pub(super) fn sign(&self, text: &str, how: &Signing) -> Signature {
        let (primary, subkey) = (&self.0.primary_key, &self.0.secret_subkeys[0].key);
        let mut about = how.extra.clone();
        about.extend(how.lifetime.map(|seconds| {
            let seconds = Duration::from_secs(u32::try_from(seconds).unwrap());
            Subpacket::regular(SubpacketData::SignatureExpirationTime(seconds)).unwrap()
        }));
        if how.by_primary {
            let config = config(primary, how.kind, how.hash, how.made, about);
            config.sign(primary, &Password::empty(), text.as_bytes()).unwrap()
        } else {
            let config = config(subkey, how.kind, how.hash, how.made, about);
            config.sign(subkey, &Password::empty(), text.as_bytes()).unwrap()
        }
    }
}

fn config(
    key: &impl SigningKey,
    kind: SignatureType,
    hash: HashAlgorithm,
    made: i64,
    about: Vec<Subpacket>,
) -> SignatureConfig {
    let mut config = SignatureConfig::v4(kind, key.algorithm(), hash);
    config.hashed_subpackets = vec![
        Subpacket::critical(SubpacketData::SignatureCreationTime(at(made))).unwrap(),
        Subpacket::regular(SubpacketData::IssuerFingerprint(key.fingerprint())).unwrap(),
    ];
    config.hashed_subpackets.extend(about);
    config.unhashed_subpackets =
        vec![Subpacket::regular(SubpacketData::IssuerKeyId(key.legacy_key_id())).unwrap()];
    config
}

fn flags(sign: bool) -> Vec<Subpacket> {
    let mut flags = KeyFlags::default();
    flags.set_certify(!sign);
    flags.set_sign(sign);
    vec![Subpacket::critical(SubpacketData::KeyFlags(flags)).unwrap()]
}

fn lifetime(days: Option<i64>) -> Option<Subpacket> {
    let seconds = Duration::from_secs(u32::try_from(days? * DAY).unwrap());
    Some(Subpacket::regular(SubpacketData::KeyExpirationTime(seconds)).unwrap())
}

fn reason(code: RevocationCode) -> Vec<Subpacket> {
    vec![Subpacket::regular(SubpacketData::RevocationReason(code, Vec::new().into())).unwrap()]
}

/// Signatures as a file beside the text.
pub(super) fn detached(signatures: &[Signature]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for signature in signatures {
        pgp::packet::PacketTrait::to_writer_with_header(signature, &mut bytes).unwrap();
    }
    bytes
}

/// The same in ASCII armour.
pub(super) fn armoured(signatures: &[Signature]) -> String {
    struct Bytes(Vec<u8>);
    impl pgp::ser::Serialize for Bytes {
        fn to_writer<W: std::io::Write>(&self, writer: &mut W) -> pgp::errors::Result<()> {
            Ok(writer.write_all(&self.0)?)
        }
        fn write_len(&self) -> usize {
            self.0.len()
        }
    }
    let mut out = Vec::new();
    let bytes = Bytes(detached(signatures));
    pgp::armor::write(&bytes, pgp::armor::BlockType::Signature, &mut out, None, false).unwrap();
    String::from_utf8(out).unwrap()
}

/// A clear-signed message. `text` is signed without its last line end, and must need no escapes but for dashes.
pub(super) fn clearsigned(text: &str, signatures: &[Signature]) -> String {
    let escaped: String = text
        .split_inclusive('\n')
        .flat_map(|line| [if line.starts_with('-') { "- " } else { "" }, line])
        .collect();
    format!("-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA256\n\n{escaped}{}", armoured(signatures))
}
