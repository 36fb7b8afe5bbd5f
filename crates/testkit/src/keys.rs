//! OpenPGP keys for signing fake archives: made from a name, so that they are the same in every run.
//!
//! Like Debian's own, a key is a version 4 certificate whose primary key certifies and whose subkey signs.
//! Version 4 signatures by Ed25519 and RSA hold no randomness, so signed files are the same in every run too.

use std::collections::BTreeMap;
use std::sync::{Mutex, OnceLock};
use std::time::{Duration, SystemTime};

use bareboat_model::Timestamp;
use pgp::composed::{
    ArmorOptions, CleartextSignedMessage, DetachedSignature, SignedKeyDetails, SignedSecretKey,
    SignedSecretSubKey,
};
use pgp::crypto::ed25519::{Mode, SecretKey as Ed25519};
use pgp::crypto::{hash::HashAlgorithm, public_key::PublicKeyAlgorithm, rsa::SecretKey as Rsa};
use pgp::packet::{
    KeyFlags, PacketTrait, PubKeyInner, PublicKey, PublicSubkey, RevocationCode, SecretKey, SecretSubkey,
    Signature, SignatureConfig, SignatureType, Subpacket, SubpacketData, UserId,
};
use pgp::ser::Serialize;
use pgp::types::{
    EddsaLegacyPublicParams, KeyDetails, KeyVersion, Password, PlainSecretParams, PublicParams,
    RsaPublicParams, SecretParams, SigningKey,
};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng as _;

/// What a key is made of.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Algorithm {
    /// Ed25519 in the framing that GnuPG 2.2 and Debian's newest keys have (EdDSALegacy in RFC 9580).
    Ed25519,
    /// RSA of 2048 bits. Making one takes a moment.
    Rsa2048,
}

/// The hash that a signature is made over.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SignatureHash {
    /// What Debian uses.
    Sha256,
    /// Strong as well.
    Sha512,
    /// Broken: nothing must trust it. Only RSA keys can still make one.
    Sha1,
}

/// Describes a key; [`KeyBuilder::build`] makes it. Equal descriptions make equal keys.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct KeyBuilder {
    name: String,
    algorithm: Algorithm,
    created: Timestamp,
    expires: Option<Timestamp>,
    revoked: Option<Timestamp>,
}

/// A key that signs.
#[derive(Clone, Debug)]
pub struct Key {
    secret: SignedSecretKey,
}

impl KeyBuilder {
    /// A valid Ed25519 key of the beginning of 2020 that never expires. `name` decides the key's bytes.
    pub fn new(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            algorithm: Algorithm::Ed25519,
            created: Timestamp::from_seconds(1_577_836_800),
            expires: None,
            revoked: None,
        }
    }

    /// What it is made of.
    #[must_use]
    pub fn algorithm(mut self, algorithm: Algorithm) -> Self {
        self.algorithm = algorithm;
        self
    }

    /// When it was made.
    #[must_use]
    pub fn created(mut self, at: Timestamp) -> Self {
        self.created = at;
        self
    }

    /// From when on it is no longer valid: the primary key and the subkey alike.
    #[must_use]
    pub fn expires(mut self, at: Timestamp) -> Self {
        self.expires = Some(at);
        self
    }

    /// From when on it is revoked as compromised, which makes all its signatures worthless.
    #[must_use]
    pub fn revoked(mut self, at: Timestamp) -> Self {
        self.revoked = Some(at);
        self
    }

    /// Makes the key, or takes it from an earlier call in this process.
    ///
    /// # Panics
    /// When rPGP refuses to make it.
    pub fn build(&self) -> Key {
        static MADE: OnceLock<Mutex<BTreeMap<KeyBuilder, Key>>> = OnceLock::new();
        let mut made = MADE.get_or_init(Mutex::default).lock().expect("no test fails while a key is made");
        made.entry(self.clone()).or_insert_with(|| Key { secret: self.make().expect("a key") }).clone()
    }

    fn make(&self) -> pgp::errors::Result<SignedSecretKey> {
        let primary_inner = self.public_inner("primary")?;
        let primary = SecretKey::new(PublicKey::from_inner(primary_inner.0)?, primary_inner.1)?;
        let subkey_inner = self.public_inner("subkey")?;
        let subkey = SecretSubkey::new(PublicSubkey::from_inner(subkey_inner.0)?, subkey_inner.1)?;

        let user =
            UserId::from_str(Default::default(), format!("{} <{}@debian.test>", self.name, self.name))?;
        let mut certify = KeyFlags::default();
        certify.set_certify(true);
        let mut config = self.binding(SignatureType::CertPositive, &primary, certify)?;
        config.hashed_subpackets.push(Subpacket::regular(SubpacketData::IsPrimary(true))?);
        let certification = config.sign_certification(
            &primary,
            primary.public_key(),
            &Password::empty(),
            user.tag(),
            &user,
        )?;

        let back_signature = self.bare(SignatureType::KeyBinding, &subkey)?.sign_primary_key_binding(
            &subkey,
            subkey.public_key(),
            &Password::empty(),
            primary.public_key(),
        )?;
        let mut sign = KeyFlags::default();
        sign.set_sign(true);
        let mut config = self.binding(SignatureType::SubkeyBinding, &primary, sign)?;
        config
            .hashed_subpackets
            .push(Subpacket::regular(SubpacketData::EmbeddedSignature(Box::new(back_signature)))?);
        let binding = config.sign_subkey_binding(
            &primary,
            primary.public_key(),
            &Password::empty(),
            subkey.public_key(),
        )?;

        let revocations = self.revocation(&primary)?.into_iter().collect();
        let users = vec![user.into_signed(certification)];
        Ok(SignedSecretKey::new(
            primary,
            SignedKeyDetails::new(revocations, vec![], users, vec![]),
            vec![],
            vec![SignedSecretSubKey::new(subkey, vec![binding])],
        ))
    }

    /// Public and secret key material for one of the two keys of the certificate.
    fn public_inner(&self, role: &str) -> pgp::errors::Result<(PubKeyInner, SecretParams)> {
        let seed = *bareboat_model::Digest::of(format!("{} {role}", self.name).as_bytes()).as_bytes();
        let (algorithm, public, secret) = match self.algorithm {
            Algorithm::Ed25519 => {
                let key = Ed25519::try_from_bytes(seed, Mode::EdDSALegacy)?;
                let public = PublicParams::EdDSALegacy(EddsaLegacyPublicParams::from(&key));
                let secret =
                    PlainSecretParams::EdDSALegacy(pgp::crypto::eddsa_legacy::SecretKey::Ed25519(key));
                (PublicKeyAlgorithm::EdDSALegacy, public, secret)
            }
            Algorithm::Rsa2048 => {
                let key = Rsa::generate(ChaCha8Rng::from_seed(seed), 2048)?;
                (
                    PublicKeyAlgorithm::RSA,
                    PublicParams::RSA(RsaPublicParams::from(&key)),
                    PlainSecretParams::RSA(key),
                )
            }
        };
        let inner = PubKeyInner::new(KeyVersion::V4, algorithm, at(self.created), None, public)?;
        Ok((inner, SecretParams::Plain(secret)))
    }

    /// A signature by `signer` over keys, dated when the key was made.
    fn bare(&self, kind: SignatureType, signer: &impl SigningKey) -> pgp::errors::Result<SignatureConfig> {
        signature(kind, signer, self.created, HashAlgorithm::Sha256)
    }

    fn binding(
        &self,
        kind: SignatureType,
        signer: &impl SigningKey,
        flags: KeyFlags,
    ) -> pgp::errors::Result<SignatureConfig> {
        let mut config = self.bare(kind, signer)?;
        config.hashed_subpackets.push(Subpacket::regular(SubpacketData::KeyFlags(flags))?);
        if let Some(expires) = self.expires {
            let valid = seconds_between(self.created, expires);
            config.hashed_subpackets.push(Subpacket::regular(SubpacketData::KeyExpirationTime(valid))?);
        }
        Ok(config)
    }

    fn revocation(&self, primary: &SecretKey) -> pgp::errors::Result<Option<Signature>> {
        let Some(revoked) = self.revoked else { return Ok(None) };
        let mut config = signature(SignatureType::KeyRevocation, primary, revoked, HashAlgorithm::Sha256)?;
        let reason =
            SubpacketData::RevocationReason(RevocationCode::KeyCompromised, b"for a test"[..].into());
        config.hashed_subpackets.push(Subpacket::regular(reason)?);
        config.sign_key(primary, &Password::empty(), primary.public_key()).map(Some)
    }
}

impl Key {
    /// The key that fake archives are signed with unless told otherwise, and that their keyring trusts.
    pub fn archive() -> Self {
        KeyBuilder::new("archive").build()
    }

    /// A good key that nobody trusts.
    pub fn stranger() -> Self {
        KeyBuilder::new("stranger").build()
    }

    /// A key that expired on 2024-01-01.
    pub fn expired() -> Self {
        KeyBuilder::new("expired").expires(Timestamp::from_seconds(1_704_067_200)).build()
    }

    /// A key that was revoked on 2024-01-01 because it was compromised.
    pub fn revoked() -> Self {
        KeyBuilder::new("revoked").revoked(Timestamp::from_seconds(1_704_067_200)).build()
    }

    /// The certificate in its binary form, as Debian's keyrings are: several may be concatenated.
    pub fn public(&self) -> Vec<u8> {
        self.secret.to_public_key().to_bytes().expect("a certificate in memory")
    }

    /// The certificate in its armoured form (`.asc`).
    pub fn public_armoured(&self) -> String {
        self.secret
            .to_public_key()
            .to_armored_string(ArmorOptions::default())
            .expect("a certificate in memory")
    }

    /// The primary key's fingerprint: 40 upper-case hex digits.
    pub fn fingerprint(&self) -> String {
        self.secret.primary_key.fingerprint().to_string().to_uppercase()
    }

    /// The fingerprint of the subkey that signs: 40 upper-case hex digits.
    pub fn signing_fingerprint(&self) -> String {
        self.signer().fingerprint().to_string().to_uppercase()
    }

    /// `text` as a clear-signed message (`InRelease`), signed `at` this moment.
    pub fn clearsign(&self, text: &str, at: Timestamp) -> Vec<u8> {
        clearsign(text, &[self], at)
    }

    /// The armoured detached signature over `text` (`Release.gpg`), made `at` this moment.
    pub fn detached(&self, text: &str, at: Timestamp) -> Vec<u8> {
        let config = signature(SignatureType::Binary, self.signer(), at, HashAlgorithm::Sha256);
        let signature =
            config.and_then(|config| config.sign(self.signer(), &Password::empty(), text.as_bytes()));
        DetachedSignature::new(signature.expect("a signature"))
            .to_armored_bytes(ArmorOptions::default())
            .expect("a signature in memory")
    }

    /// As [`Key::clearsign`], over another hash, and no longer valid after `expires` when that is given.
    pub fn clearsign_with(
        &self,
        text: &str,
        at: Timestamp,
        hash: SignatureHash,
        expires: Option<Timestamp>,
    ) -> Vec<u8> {
        armour(CleartextSignedMessage::new_many(signed_part(text), |text| {
            Ok(vec![self.sign_text(text, at, hash.algorithm(), expires)?])
        }))
    }

    fn signer(&self) -> &SecretSubkey {
        &self.secret.secret_subkeys[0].key
    }

    fn sign_text(
        &self,
        text: &str,
        at: Timestamp,
        hash: HashAlgorithm,
        expires: Option<Timestamp>,
    ) -> pgp::errors::Result<Signature> {
        let mut config = signature(SignatureType::Text, self.signer(), at, hash)?;
        if let Some(expires) = expires {
            let valid = SubpacketData::SignatureExpirationTime(seconds_between(at, expires));
            config.hashed_subpackets.push(Subpacket::regular(valid)?);
        }
        config.sign(self.signer(), &Password::empty(), text.as_bytes())
    }
}

impl SignatureHash {
    fn algorithm(self) -> HashAlgorithm {
        match self {
            Self::Sha256 => HashAlgorithm::Sha256,
            Self::Sha512 => HashAlgorithm::Sha512,
            Self::Sha1 => HashAlgorithm::Sha1,
        }
    }
}

/// `text`, clear-signed by each of the keys, as Debian does while it changes keys.
pub(crate) fn clearsign(text: &str, keys: &[&Key], at: Timestamp) -> Vec<u8> {
    armour(CleartextSignedMessage::new_many(signed_part(text), |text| {
        keys.iter().map(|key| key.sign_text(text, at, HashAlgorithm::Sha256, None)).collect()
    }))
}

/// The line ending in front of the signature is not part of the text that is signed: RFC 9580, section 7.1.
fn signed_part(text: &str) -> &str {
    text.strip_suffix('\n').unwrap_or(text)
}

fn armour(message: pgp::errors::Result<CleartextSignedMessage>) -> Vec<u8> {
    let message = message.expect("a signed message");
    message.to_armored_bytes(ArmorOptions::default()).expect("a message in memory")
}

/// A version 4 signature that names when and by whom it is made.
fn signature(
    kind: SignatureType,
    signer: &impl SigningKey,
    made: Timestamp,
    hash: HashAlgorithm,
) -> pgp::errors::Result<SignatureConfig> {
    let mut config = SignatureConfig::v4(kind, signer.algorithm(), hash);
    config.hashed_subpackets = vec![
        Subpacket::regular(SubpacketData::SignatureCreationTime(at(made)))?,
        Subpacket::regular(SubpacketData::IssuerFingerprint(signer.fingerprint()))?,
    ];
    config.unhashed_subpackets =
        vec![Subpacket::regular(SubpacketData::IssuerKeyId(signer.legacy_key_id()))?];
    Ok(config)
}

fn at(moment: Timestamp) -> pgp::types::Timestamp {
    let moment = SystemTime::UNIX_EPOCH + Duration::from_secs(moment.seconds().unsigned_abs());
    pgp::types::Timestamp::try_from(moment).expect("a moment before 2106")
}

fn seconds_between(from: Timestamp, to: Timestamp) -> pgp::types::Duration {
    let seconds = u32::try_from(to.seconds() - from.seconds()).expect("the end is after the beginning");
    pgp::types::Duration::from_secs(seconds)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::release_date;

    #[test]
    fn a_key_and_its_signatures_are_the_same_in_every_run() {
        let made_twice = KeyBuilder::new("archive");
        assert_eq!(made_twice.make().unwrap(), made_twice.make().unwrap());
        assert_eq!(
            Key::archive().clearsign("x\n", release_date()),
            Key::archive().clearsign("x\n", release_date())
        );
        assert_ne!(Key::archive().fingerprint(), Key::stranger().fingerprint());
    }

    #[test]
    fn certificates_and_signatures_verify() {
        for key in
            [Key::archive(), Key::expired(), KeyBuilder::new("rsa").algorithm(Algorithm::Rsa2048).build()]
        {
            let public = key.secret.to_public_key();
            public.verify_bindings().unwrap();
            let message = key.clearsign("- dash\nline\n", release_date());
            let (message, _) = CleartextSignedMessage::from_armor(&message[..]).unwrap();
            message.verify(&public.public_subkeys[0].key).unwrap();
            assert_eq!(message.signed_text(), "- dash\r\nline");
        }
    }

    #[test]
    fn a_message_may_have_several_signatures() {
        let message = clearsign("x\n", &[&Key::archive(), &Key::stranger()], release_date());
        let (message, _) = CleartextSignedMessage::from_armor(&message[..]).unwrap();
        assert_eq!(message.signatures().len(), 2);
    }
}
