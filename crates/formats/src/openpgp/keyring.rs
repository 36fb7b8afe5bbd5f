//! A set of certificates that are trusted to sign.

use std::collections::{BTreeMap, BTreeSet};

use bareboat_model::{Error, Result};
use pgp::composed::{SignedPublicKey, SignedPublicKeyParser};
use pgp::packet::Signature;

use super::armor;
use super::certificate::{Candidate, Certificate};

/// Larger keyrings than this hold more than archive keys.
const MAX_KEYRING: usize = 8 << 20;

/// Certificates by the fingerprint of their primary key.
#[derive(Clone, Default, Debug)]
pub struct Keyring {
    certificates: BTreeMap<String, Certificate>,
}

impl Keyring {
    /// Reads certificates: binary, ASCII-armoured, several in a row.
    ///
    /// # Errors
    /// When there is none in `bytes`, when a packet is malformed, or when it is larger than 8 MiB.
    pub fn parse(bytes: &[u8]) -> Result<Self> {
        if bytes.len() > MAX_KEYRING {
            return Err(Error::new(format!(
                "the keyring has {} bytes, at most {MAX_KEYRING} expected",
                bytes.len()
            )));
        }
        let packets = armor::packets(bytes, armor::Block::PublicKey)?;
        let mut keyring = Self::default();
        for key in SignedPublicKeyParser::from_packets(packets.into_iter().map(Ok).peekable()) {
            let number = keyring.certificates.len() + 1;
            let key: SignedPublicKey =
                key.map_err(|_| Error::new(format!("OpenPGP certificate {number} is malformed")))?;
            keyring.add(Certificate::new(key));
        }
        if keyring.is_empty() {
            return Err(Error::new("there is no OpenPGP certificate in it"));
        }
        Ok(keyring)
    }

    /// The keys of Debian's archives, as of Debian 12 and 13, built in.
    ///
    /// # Errors
    /// Never, unless the program was built wrongly.
    pub fn debian() -> Result<Self> {
        Self::parse(include_bytes!("../../data/debian-archive-keyring.gpg"))
    }

    /// Takes the other keyring's certificates too. Where both have the same, what either knows of it counts, so
    /// that a revocation in one is not undone by an older copy in the other.
    pub fn extend(&mut self, other: Self) {
        for certificate in other.certificates.into_values() {
            self.add(certificate);
        }
    }

    /// Whether there is nobody to trust.
    pub fn is_empty(&self) -> bool {
        self.certificates.is_empty()
    }

    /// The fingerprints of the primary keys, in upper-case hex.
    pub fn fingerprints(&self) -> impl Iterator<Item = &str> {
        self.certificates.keys().map(String::as_str)
    }

    /// Only these keys, as APT's `Signed-By` names them: a primary key's fingerprint stands for its subkeys too,
    /// unless a `!` follows it; a subkey's stands for itself. Case does not matter; the result may be empty.
    ///
    /// ```
    /// use bareboat_formats::openpgp::Keyring;
    /// let debian = Keyring::debian()?;
    /// let fingerprint = debian.fingerprints().next().unwrap_or_default().to_owned();
    /// assert_eq!(debian.restrict_to([&fingerprint]).fingerprints().count(), 1);
    /// # Ok::<(), bareboat_model::Error>(())
    /// ```
    #[must_use]
    pub fn restrict_to<S: AsRef<str>>(self, fingerprints: impl IntoIterator<Item = S>) -> Self {
        let wanted: BTreeSet<String> =
            fingerprints.into_iter().map(|fingerprint| fingerprint.as_ref().to_ascii_uppercase()).collect();
        let restricted = self
            .certificates
            .into_iter()
            .filter_map(|(fingerprint, certificate)| Some((fingerprint, certificate.restrict_to(&wanted)?)));
        Self { certificates: restricted.collect() }
    }

    /// The keys that may have made a signature, by what it says of its issuer.
    pub(super) fn candidates(&self, signature: &Signature) -> Vec<Candidate<'_>> {
        let keys = self.certificates.values().flat_map(Certificate::candidates);
        keys.filter(|key| key.is_issuer_of(signature)).collect()
    }

    /// Whether some key could make a good signature at `policy.now`.
    #[cfg(test)]
    pub(super) fn has_usable_key(&self, policy: &super::Policy) -> bool {
        let mut keys = self.certificates.values().flat_map(Certificate::candidates);
        keys.any(|key| key.check(policy.now, policy).is_ok())
    }

    fn add(&mut self, certificate: Certificate) {
        let fingerprint = certificate.fingerprint();
        match self.certificates.remove(&fingerprint) {
            Some(known) => self.certificates.insert(fingerprint, known.merge(certificate)),
            None => self.certificates.insert(fingerprint, certificate),
        };
    }
}
