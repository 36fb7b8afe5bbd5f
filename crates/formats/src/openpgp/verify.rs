//! From signatures to a verdict on the text.

use bareboat_model::{Error, Result};
use pgp::packet::{Signature, SignatureType};

use super::signature::{self, Hashes};
use super::{Keyring, Policy};

/// A text as the two kinds of document signatures see it (RFC 9580, section 5.2.1).
#[derive(Clone, Copy)]
pub(super) struct Signed<'a> {
    /// For type 0x00: byte by byte.
    pub binary: &'a [u8],
    /// For type 0x01: with CR LF at the end of each line.
    pub text: &'a [u8],
}

/// What became of one signature.
enum Verdict {
    /// By this key, and good.
    Good(String),
    /// By a key that is not in the keyring.
    Unknown(String),
    /// By a key that is, but not acceptable.
    Refused(Error),
}

/// The keys that made a good signature; at least one.
///
/// # Errors
/// When there is none, or when a known key's signature does not match the text.
pub(super) fn signers(
    signatures: &[Signature],
    signed: Signed<'_>,
    keyring: &Keyring,
    policy: &Policy,
) -> Result<Vec<String>> {
    let (mut good, mut unknown, mut refused) = (Vec::new(), Vec::new(), Vec::new());
    for signature in signatures {
        match judge(signature, signed, keyring, policy)? {
            Verdict::Good(key) if good.contains(&key) => {}
            Verdict::Good(key) => good.push(key),
            Verdict::Unknown(key) => unknown.push(key),
            Verdict::Refused(error) => refused.push(error),
        }
    }
    if good.is_empty() { Err(nobody(&unknown, &refused)) } else { Ok(good) }
}

fn judge(signature: &Signature, signed: Signed<'_>, keyring: &Keyring, policy: &Policy) -> Result<Verdict> {
    let candidates = keyring.candidates(signature);
    if candidates.is_empty() {
        return Ok(Verdict::Unknown(signature::issuer(signature)));
    }
    let refused = |error: Error| {
        Ok(Verdict::Refused(error.context(format!("signature by {}", signature::issuer(signature)))))
    };
    let bytes = match signature.typ() {
        Some(SignatureType::Binary) => signed.binary,
        Some(SignatureType::Text) => signed.text,
        _ => return refused(Error::new("it is not over a document")),
    };
    let created = match signature::check(signature, Hashes::Strong, policy.now) {
        Ok(created) => created,
        Err(error) => return refused(error),
    };
    let Some(key) = candidates.into_iter().find(|key| key.matches(signature, bytes)) else {
        let issuer = signature::issuer(signature);
        return Err(Error::new(format!("the text does not match its signature by {issuer}"))
            .with_hint("the file was changed or damaged on its way; try again, or another mirror"));
    };
    let fingerprint = key.fingerprint();
    match key.check(created, policy) {
        Ok(()) => Ok(Verdict::Good(fingerprint)),
        Err(error) => {
            let hint = error.hint().map(str::to_owned);
            let error = Error::new(format!("signature by 0x{fingerprint} is good but {error}"));
            Ok(Verdict::Refused(match hint {
                Some(hint) => error.with_hint(hint),
                None => error,
            }))
        }
    }
}

/// Says why no signature counts.
fn nobody(unknown: &[String], refused: &[Error]) -> Error {
    if refused.is_empty() {
        return Error::new(format!("it is signed by {}, and no such key is trusted", unknown.join(", ")))
            .with_hint("if that archive is to be trusted, name the file of its key: BAREBOAT_KEYRING, or in the recipe `keyring` of [archive] or `key` of [[archives]]");
    }
    let reasons: Vec<String> = refused.iter().map(Error::to_string).collect();
    let error = Error::new(format!("no acceptable signature: {}", reasons.join("; ")));
    match refused.iter().find_map(Error::hint) {
        Some(hint) => error.with_hint(hint),
        None => error,
    }
}
