//! OpenPGP signatures over Release files: was this text signed by a key that is trusted for it?
//!
//! rPGP reads the packets and does the arithmetic; what counts as a good signature is decided here, because rPGP
//! leaves it open: strength of hashes and keys, expiry, revocation, what a key may be used for. The rules are
//! those of APT: at least one good signature by an allowed key; signatures by unknown keys are passed over, as
//! archives sign with the old and the new key for years; but a signature by a known key that does not match the
//! text condemns the text.
//!
//! Section numbers are those of RFC 9580. Not implemented, and thus never trusted: signatures and keys of
//! versions other than 4 and 6, DSA, designated revokers (section 5.2.3.23).

mod armor;
mod certificate;
mod cleartext;
mod keyring;
mod signature;
mod verify;

#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;

use bareboat_model::{Error, Result, Timestamp};

pub use keyring::Keyring;

/// Larger Release files do not exist: Debian's largest InRelease has 160 kB.
const MAX_MESSAGE: usize = 8 << 20;

/// What makes a signature acceptable, besides the keys.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Policy {
    /// The moment for which expiry and revocation are judged.
    pub now: Timestamp,
    /// Whether a key may be bound to its owner by SHA-1 signatures. Off is right: APT refuses them since
    /// February 2026. Signatures over the text itself must never use SHA-1.
    pub allow_sha1_bindings: bool,
}

/// What a good signature covers.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Verified {
    /// The signed text and nothing else. Lines end with a line feed only; in a clear-signed message dashes are
    /// unescaped and blanks at the ends of lines, which are not signed, are gone.
    pub text: String,
    /// The keys (often subkeys) that made a good signature: fingerprints in upper-case hex.
    pub signers: Vec<String>,
}

/// Verifies a clear-signed message, such as an `InRelease` file.
///
/// # Errors
/// When no allowed key made a good signature, when a known key's signature does not match the text, or when the
/// message is malformed, has anything before or after it, or is larger than 8 MiB. The message names the keys.
pub fn verify_clearsigned(message: &[u8], keyring: &Keyring, policy: &Policy) -> Result<Verified> {
    let message = bounded_text(message)?;
    let parts = cleartext::split(message)?;
    let signatures = signature::read(parts.signatures.as_bytes())?;
    let canonical = parts.text.replace('\n', "\r\n");
    // The line end before the signature block is not signed (section 7.2).
    let canonical = canonical.strip_suffix("\r\n").unwrap_or(&canonical).as_bytes();
    let signed = verify::Signed { binary: canonical, text: canonical };
    let signers = verify::signers(&signatures, signed, keyring, policy)?;
    Ok(Verified { text: parts.text, signers })
}

/// Verifies a text by a signature that stands beside it, such as `Release` by `Release.gpg`. The signature may be
/// binary or ASCII-armoured.
///
/// # Errors
/// As [`verify_clearsigned`].
pub fn verify_detached(
    text: &[u8],
    signature: &[u8],
    keyring: &Keyring,
    policy: &Policy,
) -> Result<Verified> {
    let text = bounded_text(text)?;
    let unified = text.replace("\r\n", "\n");
    // A signature over text does not tell CR LF from LF, so it must not matter which it is; a lone CR would.
    if unified.contains('\r') {
        return Err(Error::new("the text has a carriage return within a line"));
    }
    if signature.len() > MAX_MESSAGE {
        return Err(Error::new(format!(
            "the signature has {} bytes, at most {MAX_MESSAGE} expected",
            signature.len()
        )));
    }
    let signatures = signature::read(signature)?;
    let canonical = unified.replace('\n', "\r\n");
    let signed = verify::Signed { binary: text.as_bytes(), text: canonical.as_bytes() };
    let signers = verify::signers(&signatures, signed, keyring, policy)?;
    Ok(Verified { text: unified, signers })
}

fn bounded_text(bytes: &[u8]) -> Result<&str> {
    if bytes.len() > MAX_MESSAGE {
        return Err(Error::new(format!("it has {} bytes, at most {MAX_MESSAGE} expected", bytes.len())));
    }
    std::str::from_utf8(bytes)
        .map_err(|error| Error::new(format!("byte {} is not UTF-8 text", error.valid_up_to())))
}
