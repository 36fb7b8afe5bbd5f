//! What every signature must be, whatever it signs: strong, in date, and fully understood.

use bareboat_model::{Error, Result, Timestamp};
use pgp::crypto::hash::HashAlgorithm;
use pgp::packet::{Packet, PacketTrait, Signature, SignatureVersion, Subpacket, SubpacketData};

use super::armor;

/// How far a signature's date may lie ahead of this machine's clock, in seconds. As APT bounds a Release's date
/// (`Acquire::Max-FutureTime`).
const CLOCK_SKEW: i64 = 10;

/// More signatures than any Release file has: Debian's have three.
const MAX_SIGNATURES: usize = 64;

/// Reads signatures, binary or ASCII-armoured.
pub(super) fn read(bytes: &[u8]) -> Result<Vec<Signature>> {
    let mut signatures = Vec::new();
    for packet in armor::packets(bytes, armor::Block::Signature)? {
        match packet {
            Packet::Signature(signature) => signatures.push(signature),
            other => {
                return Err(Error::new(format!(
                    "an OpenPGP packet with tag {} among the signatures",
                    u8::from(other.tag())
                )));
            }
        }
        if signatures.len() > MAX_SIGNATURES {
            return Err(Error::new(format!("more than {MAX_SIGNATURES} signatures")));
        }
    }
    if signatures.is_empty() {
        return Err(Error::new("there is no signature in it"));
    }
    Ok(signatures)
}

/// Which hashes a signature may use.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Hashes {
    /// SHA-256, SHA-384 and SHA-512.
    Strong,
    /// SHA-1 too.
    StrongAndSha1,
}

/// Checks everything that does not need the key, and tells when the signature was made.
pub(super) fn check(signature: &Signature, hashes: Hashes, now: Timestamp) -> Result<Timestamp> {
    let config = signature
        .config()
        .filter(|_| matches!(signature.version(), SignatureVersion::V4 | SignatureVersion::V6))
        .ok_or_else(|| {
            Error::new(format!("it is of version {}, not 4 or 6", u8::from(signature.version())))
        })?;
    match config.hash_alg {
        HashAlgorithm::Sha256 | HashAlgorithm::Sha384 | HashAlgorithm::Sha512 => {}
        HashAlgorithm::Sha1 if hashes == Hashes::StrongAndSha1 => {}
        weak => {
            return Err(Error::new(format!("it uses {}, not SHA-256, SHA-384 or SHA-512", hash_name(weak))));
        }
    }
    if let Some(unknown) = config.hashed_subpackets().find(|subpacket| is_unknown_critical(subpacket)) {
        let tag = unknown.typ().as_u8(false);
        return Err(Error::new(format!(
            "it has a critical subpacket of type {tag}, which is not understood"
        )));
    }
    let created = created(signature).ok_or_else(|| Error::new("it has no date"))?;
    if created.seconds() > now.seconds().saturating_add(CLOCK_SKEW) {
        return Err(Error::new(format!("it was made on {created}, which is after now, {now}"))
            .with_hint("this machine's clock is wrong"));
    }
    // Zero means that it does not expire (section 5.2.3.18).
    let lifetime = signature.signature_expiration_time().map_or(0, |seconds| i64::from(seconds.as_secs()));
    let expires = Timestamp::from_seconds(created.seconds() + lifetime);
    if lifetime > 0 && expires <= now {
        return Err(Error::new(format!("it expired on {expires}")));
    }
    Ok(created)
}

/// When the signature was made, as far as it says so where it is signed itself.
pub(super) fn created(signature: &Signature) -> Option<Timestamp> {
    signature.created().map(|created| Timestamp::from_seconds(i64::from(created.as_secs())))
}

/// Whether a subpacket must be understood for the signature to be good (section 5.2.3.7), and is not.
fn is_unknown_critical(subpacket: &Subpacket) -> bool {
    let unknown = matches!(
        subpacket.data,
        SubpacketData::Other(..)
            | SubpacketData::Experimental(..)
            | SubpacketData::Notation(_)
            | SubpacketData::RegularExpression(_)
            | SubpacketData::TrustSignature(..)
            | SubpacketData::SignatureTarget(..)
            | SubpacketData::IntendedRecipientFingerprint(_)
    );
    subpacket.is_critical && unknown
}

fn hash_name(hash: HashAlgorithm) -> String {
    match hash {
        HashAlgorithm::Sha1 => "SHA-1".to_owned(),
        HashAlgorithm::Other(number) => format!("hash algorithm {number}"),
        known => known.to_string(),
    }
}

/// The key that a signature says it is by: a fingerprint, else a key ID.
pub(super) fn issuer(signature: &Signature) -> String {
    let fingerprint = signature.issuer_fingerprint().first().map(|fingerprint| format!("{fingerprint:X}"));
    let id = || signature.issuer_key_id().first().map(|id| hex_upper(id.as_ref()));
    fingerprint.or_else(id).map_or_else(|| "an unnamed key".to_owned(), |id| format!("0x{id}"))
}

fn hex_upper(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02X}")).collect()
}
