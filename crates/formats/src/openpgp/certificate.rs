//! One certificate, and whether one of its keys may sign: self-signatures, bindings, expiry, revocation.

use std::collections::BTreeSet;

use bareboat_model::{Error, Result, Timestamp};
use pgp::composed::{SignedPublicKey, SignedPublicSubKey};
use pgp::packet::{KeyFlags, RevocationCode, Signature, SignatureType, SubpacketData};
use pgp::ser::Serialize as _;
use pgp::types::{KeyDetails, KeyVersion, PublicParams, SignedUser, Tag};

use super::Policy;
use super::signature::{self, Hashes};

/// NIST SP 800-131A allows no shorter RSA keys.
const MIN_RSA_BITS: u16 = 2048;

/// A primary key with its subkeys and all that was ever said about them.
#[derive(Clone, Debug)]
pub(super) struct Certificate {
    key: SignedPublicKey,
    /// The fingerprints of the keys that may be used, when not all may.
    only: Option<BTreeSet<String>>,
}

/// One key of a certificate.
#[derive(Clone, Copy)]
pub(super) struct Candidate<'a> {
    certificate: &'a Certificate,
    /// None for the primary key.
    subkey: Option<&'a SignedPublicSubKey>,
}

/// What a key's owner says about it, in the newest valid self-signatures.
struct Statement {
    expires: Option<Timestamp>,
    may_sign: bool,
}

impl Certificate {
    pub(super) fn new(key: SignedPublicKey) -> Self {
        Self { key, only: None }
    }

    pub(super) fn fingerprint(&self) -> String {
        fingerprint(&self.key.primary_key)
    }

    /// The primary key and the subkeys, as far as they may be used.
    pub(super) fn candidates(&self) -> impl Iterator<Item = Candidate<'_>> {
        let subkeys = self.key.public_subkeys.iter().map(Some);
        let all = std::iter::once(None).chain(subkeys).map(|subkey| Candidate { certificate: self, subkey });
        all.filter(|key| self.only.as_ref().is_none_or(|only| only.contains(&key.fingerprint())))
    }

    /// The part of this certificate that `wanted` names, in the syntax of `Signed-By`; none when it is empty.
    pub(super) fn restrict_to(mut self, wanted: &BTreeSet<String>) -> Option<Self> {
        let primary = self.fingerprint();
        let all = wanted.contains(&primary);
        let named = |key: &Candidate<'_>| {
            let own = key.fingerprint();
            all || wanted.contains(&own) || wanted.contains(&format!("{own}!"))
        };
        let only: BTreeSet<String> = self.candidates().filter(named).map(|key| key.fingerprint()).collect();
        self.only = Some(only);
        self.only.as_ref().is_some_and(|only| !only.is_empty()).then_some(self)
    }

    /// What either copy of the same certificate knows.
    pub(super) fn merge(mut self, other: Self) -> Self {
        self.only = self.only.zip(other.only).map(|(mine, its)| &mine | &its);
        let (mine, its) = (&mut self.key, other.key);
        mine.details.revocation_signatures.extend(its.details.revocation_signatures);
        mine.details.direct_signatures.extend(its.details.direct_signatures);
        for user in its.details.users {
            match mine.details.users.iter_mut().find(|known| known.id.id() == user.id.id()) {
                Some(known) => known.signatures.extend(user.signatures),
                None => mine.details.users.push(user),
            }
        }
        for subkey in its.public_subkeys {
            let known = mine
                .public_subkeys
                .iter_mut()
                .find(|known| known.key.fingerprint() == subkey.key.fingerprint());
            match known {
                Some(known) => known.signatures.extend(subkey.signatures),
                None => mine.public_subkeys.push(subkey),
            }
        }
        self
    }

    /// Checks that the primary key stood, when it says so itself, at `signed` and stands now.
    fn check_primary(&self, signed: Timestamp, policy: &Policy) -> Result<Statement> {
        let primary = &self.key.primary_key;
        check_strength(primary)?;
        let revocations = self.key.details.revocation_signatures.iter();
        check_revocations(revocations.filter(|revocation| revocation.verify_key(primary).is_ok()), signed)?;
        let statement = self.statement(policy)?;
        check_lifetime(primary, statement.expires, signed, policy.now)?;
        Ok(statement)
    }

    /// Joins what the direct-key signature and the newest user ID say. The former goes first, as in GnuPG.
    fn statement(&self, policy: &Policy) -> Result<Statement> {
        let primary = &self.key.primary_key;
        let direct = newest(&self.key.details.direct_signatures, policy, |direct| {
            direct.typ() == Some(SignatureType::Key) && direct.verify_key(primary).is_ok()
        });
        let users = self.key.details.users.iter().filter_map(|user| self.user_statement(user, policy));
        let user = users.max_by_key(|user| signature::created(user));
        let statements: Vec<&Signature> = direct.into_iter().chain(user).collect();
        if statements.is_empty() {
            return Err(self.without_statement(policy));
        }
        let lifetime = statements.iter().find_map(|statement| statement.key_expiration_time());
        let flags = statements.iter().find_map(|statement| key_flags(statement));
        Ok(Statement {
            expires: expiry(primary, lifetime),
            // Old keys say nothing about their use, and may be used for anything (section 5.2.3.29).
            may_sign: flags.is_none_or(KeyFlags::sign),
        })
    }

    /// The newest valid self-signature over a user ID that is not revoked.
    fn user_statement<'a>(&self, user: &'a SignedUser, policy: &Policy) -> Option<&'a Signature> {
        let primary = &self.key.primary_key;
        let by_self =
            |signature: &Signature| signature.verify_certification(primary, Tag::UserId, &user.id).is_ok();
        let statement =
            newest(&user.signatures, policy, |signature| is_certification(signature) && by_self(signature))?;
        let revoked = user.signatures.iter().any(|revocation| {
            revocation.typ() == Some(SignatureType::CertRevocation)
                && signature::created(revocation) >= signature::created(statement)
                && by_self(revocation)
        });
        (!revoked).then_some(statement)
    }

    /// Says why there is no valid self-signature: often it is for SHA-1.
    fn without_statement(&self, policy: &Policy) -> Error {
        let lenient = Policy { allow_sha1_bindings: true, ..*policy };
        if !policy.allow_sha1_bindings && self.statement(&lenient).is_ok() {
            return sha1_only();
        }
        Error::new("the key has no valid self-signature")
    }
}

impl Candidate<'_> {
    /// In upper-case hex.
    pub(super) fn fingerprint(&self) -> String {
        match self.subkey {
            None => fingerprint(&self.certificate.key.primary_key),
            Some(subkey) => fingerprint(&subkey.key),
        }
    }

    /// Whether the signature names this key as its issuer.
    pub(super) fn is_issuer_of(&self, signature: &Signature) -> bool {
        let (fingerprint, id) = match self.subkey {
            None => (self.certificate.key.fingerprint(), self.certificate.key.legacy_key_id()),
            Some(subkey) => (subkey.key.fingerprint(), subkey.key.legacy_key_id()),
        };
        signature.issuer_fingerprint().contains(&&fingerprint) || signature.issuer_key_id().contains(&&id)
    }

    /// Whether this key made the signature over these bytes. Says nothing about whether it was allowed to.
    pub(super) fn matches(&self, signature: &Signature, bytes: &[u8]) -> bool {
        match self.subkey {
            None => signature.verify(&self.certificate.key.primary_key, bytes).is_ok(),
            Some(subkey) => signature.verify(&subkey.key, bytes).is_ok(),
        }
    }

    /// Checks that this key was allowed to sign at `signed`, and that it is neither expired nor revoked now.
    pub(super) fn check(&self, signed: Timestamp, policy: &Policy) -> Result<()> {
        let primary = self.certificate.check_primary(signed, policy)?;
        let may_sign = match self.subkey {
            None => primary.may_sign,
            Some(subkey) => self.check_subkey(subkey, signed, policy)?.may_sign,
        };
        if may_sign { Ok(()) } else { Err(Error::new("the key is not meant for signing")) }
    }

    fn check_subkey(
        &self,
        subkey: &SignedPublicSubKey,
        signed: Timestamp,
        policy: &Policy,
    ) -> Result<Statement> {
        let primary = &self.certificate.key.primary_key;
        check_strength(&subkey.key)?;
        let by_primary = |kind: SignatureType| {
            move |signature: &Signature| {
                signature.typ() == Some(kind) && signature.verify_subkey_binding(primary, &subkey.key).is_ok()
            }
        };
        let is_revocation = by_primary(SignatureType::SubkeyRevocation);
        check_revocations(subkey.signatures.iter().filter(|signature| is_revocation(signature)), signed)?;
        let Some(binding) = newest(&subkey.signatures, policy, by_primary(SignatureType::SubkeyBinding))
        else {
            let lenient = Policy { allow_sha1_bindings: true, ..*policy };
            let by_sha1 =
                newest(&subkey.signatures, &lenient, by_primary(SignatureType::SubkeyBinding)).is_some();
            return Err(if by_sha1 {
                sha1_only()
            } else {
                Error::new("the subkey is not bound to its primary key")
            });
        };
        let statement = Statement {
            expires: expiry(&subkey.key, binding.key_expiration_time()),
            may_sign: key_flags(binding).is_some_and(KeyFlags::sign),
        };
        if statement.may_sign {
            self.check_back_signature(subkey, binding, policy)?;
        }
        check_lifetime(&subkey.key, statement.expires, signed, policy.now)?;
        Ok(statement)
    }

    /// A signing subkey must agree to belong to its primary key (section 5.2.1.9), or else anyone could adopt it.
    fn check_back_signature(
        &self,
        subkey: &SignedPublicSubKey,
        binding: &Signature,
        policy: &Policy,
    ) -> Result<()> {
        let back = binding
            .embedded_signature()
            .ok_or_else(|| Error::new("the subkey did not sign its binding to the primary key"))?;
        signature::check(back, hashes(policy), policy.now)
            .map_err(|error| error.context("the subkey's signature over its binding"))?;
        back.verify_primary_key_binding(&subkey.key, &self.certificate.key.primary_key)
            .map_err(|_| Error::new("the subkey's signature over its binding is wrong"))
    }
}

fn hashes(policy: &Policy) -> Hashes {
    if policy.allow_sha1_bindings { Hashes::StrongAndSha1 } else { Hashes::Strong }
}

fn sha1_only() -> Error {
    Error::new("the key is bound to its owner by SHA-1 signatures only")
        .with_hint("ask the archive's owner for a renewed key")
}

/// The newest acceptable signature for which `is_valid`, the dear check, holds.
fn newest<'a>(
    signatures: &'a [Signature],
    policy: &Policy,
    is_valid: impl Fn(&Signature) -> bool,
) -> Option<&'a Signature> {
    let mut acceptable: Vec<(Timestamp, &Signature)> = signatures
        .iter()
        .filter_map(|signature| {
            Some((signature::check(signature, hashes(policy), policy.now).ok()?, signature))
        })
        .collect();
    acceptable.sort_by_key(|(created, _)| std::cmp::Reverse(*created));
    acceptable.into_iter().map(|(_, signature)| signature).find(|signature| is_valid(signature))
}

/// Refuses a key that is revoked: for good when it may be in wrong hands or gives no reason, else (superseded,
/// retired) for what it signed since (section 5.2.3.31). Weak hashes do not matter: who forges a revocation gains
/// nothing.
fn check_revocations<'a>(revocations: impl Iterator<Item = &'a Signature>, signed: Timestamp) -> Result<()> {
    for revocation in revocations {
        let soft = matches!(
            revocation.revocation_reason_code(),
            Some(RevocationCode::KeySuperseded | RevocationCode::KeyRetired)
        );
        let created = signature::created(revocation).unwrap_or_default();
        if !soft || created <= signed {
            return Err(Error::new(format!("the key was revoked on {created}")));
        }
    }
    Ok(())
}

fn check_lifetime(
    key: &impl KeyDetails,
    expires: Option<Timestamp>,
    signed: Timestamp,
    now: Timestamp,
) -> Result<()> {
    let created = Timestamp::from_seconds(i64::from(key.created_at().as_secs()));
    if signed < created {
        return Err(Error::new(format!("the key was made only on {created}, after the signature")));
    }
    match expires.filter(|&expires| expires <= now) {
        Some(expires) => Err(Error::new(format!("the key expired on {expires}"))
            .with_hint("get the archive's current key, or a newer state of the mirror")),
        None => Ok(()),
    }
}

/// Zero means that the key does not expire (section 5.2.3.13).
fn expiry(key: &impl KeyDetails, lifetime: Option<pgp::types::Duration>) -> Option<Timestamp> {
    let lifetime = lifetime.map(|lifetime| i64::from(lifetime.as_secs())).filter(|&seconds| seconds > 0)?;
    Some(Timestamp::from_seconds(i64::from(key.created_at().as_secs()) + lifetime))
}

fn check_strength(key: &impl KeyDetails) -> Result<()> {
    if !matches!(key.version(), KeyVersion::V4 | KeyVersion::V6) {
        return Err(Error::new(format!("the key is of version {}, not 4 or 6", u8::from(key.version()))));
    }
    match key.public_params() {
        PublicParams::RSA(rsa) => {
            // The modulus comes first, and its length in bits before it (section 3.2).
            let bits = match rsa.to_bytes().unwrap_or_default().first_chunk() {
                Some(&length) => u16::from_be_bytes(length),
                None => 0,
            };
            if bits < MIN_RSA_BITS {
                return Err(Error::new(format!(
                    "the RSA key has {bits} bits, at least {MIN_RSA_BITS} expected"
                )));
            }
            Ok(())
        }
        PublicParams::ECDSA(_)
        | PublicParams::EdDSALegacy(_)
        | PublicParams::Ed25519(_)
        | PublicParams::Ed448(_) => Ok(()),
        _ => Err(Error::new("the key is neither RSA, ECDSA nor EdDSA")),
    }
}

fn is_certification(signature: &Signature) -> bool {
    matches!(
        signature.typ(),
        Some(
            SignatureType::CertGeneric
                | SignatureType::CertPersona
                | SignatureType::CertCasual
                | SignatureType::CertPositive
        )
    )
}

fn key_flags(signature: &Signature) -> Option<&KeyFlags> {
    signature.config()?.hashed_subpackets().find_map(|subpacket| match &subpacket.data {
        SubpacketData::KeyFlags(flags) => Some(flags),
        _ => None,
    })
}

fn fingerprint(key: &impl KeyDetails) -> String {
    format!("{:X}", key.fingerprint())
}
