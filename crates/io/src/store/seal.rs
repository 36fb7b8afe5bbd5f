//! How a file ends that was computed here: with its length, its digest and a mark. So one that a loss of power cut short is
//! known for it at once, and one that a disk damaged when it is read.

use bareboat_model::{Digest, Error, Result};

const MARK: &[u8; 8] = b"bareboat";

/// The length of a seal.
pub(crate) const SEAL: usize = 48;

/// What ends a file of these bytes.
pub(crate) fn seal(length: u64, digest: &Digest) -> [u8; SEAL] {
    let mut seal = [0; SEAL];
    seal[..8].copy_from_slice(&length.to_le_bytes());
    seal[8..40].copy_from_slice(digest.as_bytes());
    seal[40..].copy_from_slice(MARK);
    seal
}

/// Whether this ends a file of this length, as far as that can be told without reading the file.
pub(crate) fn is_seal(seal: &[u8; SEAL], length: u64) -> bool {
    seal[..8] == length.to_le_bytes() && seal[40..] == *MARK
}

/// Compares the digest of what was read with the sealed one.
///
/// # Errors
/// When they differ.
pub(crate) fn check(seal: &[u8; SEAL], found: &Digest) -> Result<()> {
    if seal[8..40] == *found.as_bytes() {
        return Ok(());
    }
    Err(Error::new(format!("its bytes are not those that were written: found {found}")))
}
