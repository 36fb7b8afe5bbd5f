//! Java key stores (JKS) that hold certificate authorities: what Java reads as its `cacerts`.
//!
//! By hand, because no library writes the format, and the same bytes must come out each time. The format is that of
//! `sun.security.provider.JavaKeyStore`: a header, entries, and a digest over both with the password. Every Java since 1.2
//! reads it, without a password too.

use bareboat_model::{Error, Result};
use sha1::{Digest as _, Sha1};

const MAGIC: u32 = 0xfeed_feed;
const VERSION: u32 = 2;
/// The tag of an entry that is a certificate and no key.
const TRUSTED_CERTIFICATE: u32 = 2;
/// The password that Java's documentation, Debian and everybody else gives to `cacerts`: it keeps nothing secret.
const PASSWORD: &str = "changeit";
/// `JavaKeyStore.getPreKeyedHash` puts these words behind the password.
const WHITENER: &[u8] = b"Mighty Aphrodite";

/// A certificate authority.
#[derive(Clone, Copy, Debug)]
pub struct Authority<'a> {
    /// The name by which `keytool` shows it; unique in a store, in lower case.
    pub alias: &'a str,
    /// The certificate, in DER.
    pub der: &'a [u8],
}

/// The store of these authorities, in their order. `seconds` since the epoch is the date that each of them carries.
///
/// ```
/// use bareboat_formats::jks::{Authority, write};
/// let store = write(&[Authority { alias: "ours", der: &[0x30, 0] }], 0).unwrap();
/// assert_eq!(store[..8], [0xfe, 0xed, 0xfe, 0xed, 0, 0, 0, 2]);
/// ```
///
/// # Errors
/// When there are more authorities, or longer ones, than the format can count.
pub fn write(authorities: &[Authority<'_>], seconds: i64) -> Result<Vec<u8>> {
    let mut store = Vec::new();
    store.extend(MAGIC.to_be_bytes());
    store.extend(VERSION.to_be_bytes());
    store.extend(count(authorities.len())?.to_be_bytes());
    for authority in authorities {
        store.extend(TRUSTED_CERTIFICATE.to_be_bytes());
        text(&mut store, authority.alias)?;
        store.extend(seconds.saturating_mul(1000).to_be_bytes());
        text(&mut store, "X.509")?;
        store.extend(count(authority.der.len())?.to_be_bytes());
        store.extend(authority.der);
    }
    let mut hasher = Sha1::new();
    PASSWORD.encode_utf16().for_each(|unit| hasher.update(unit.to_be_bytes()));
    hasher.update(WHITENER);
    hasher.update(&store);
    store.extend(hasher.finalize());
    Ok(store)
}

fn count(number: usize) -> Result<u32> {
    u32::try_from(number).map_err(|_| Error::new(format!("{number} is more than a key store can count")))
}

/// As `DataOutputStream.writeUTF`, whose encoding is UTF-8 for all but NUL and what is beyond the basic plane.
fn text(store: &mut Vec<u8>, text: &str) -> Result<()> {
    let plain = text.chars().all(|c| c != '\0' && u32::from(c) < 0x1_0000);
    match u16::try_from(text.len()) {
        Ok(length) if plain => store.extend(length.to_be_bytes()),
        _ => {
            return Err(Error::new(
                "a name in a key store is too long, or has characters that it cannot hold",
            ));
        }
    }
    store.extend(text.as_bytes());
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_store_is_header_entries_and_digest() {
        let empty = write(&[], 0).unwrap();
        // What `keytool` makes of a store from which the only entry was deleted.
        let digest: String = empty[12..].iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!((empty.len(), digest.as_str()), (32, "e2686e45fb43dfa4d992dd41ceb6b21c6330d792"));
        let one = write(&[Authority { alias: "a", der: b"DER" }], 1).unwrap();
        assert_eq!(one[8..12], [0, 0, 0, 1]);
        assert_eq!(one[12..19], [0, 0, 0, 2, 0, 1, b'a']);
        assert_eq!(one[19..27], 1000_i64.to_be_bytes());
        assert_eq!(&one[27..41], b"\0\x05X.509\0\0\0\x03DER");
        assert_eq!(one.len(), 41 + 20);
    }

    #[test]
    fn what_the_format_cannot_hold_is_refused() {
        let long = "x".repeat(70_000);
        for alias in ["\0", "\u{1f6f6}", &long] {
            assert!(write(&[Authority { alias, der: b"" }], 0).is_err());
        }
    }
}
