//! Base64 (RFC 4648, section 4), three bytes at a time.

const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// So many groups of three bytes at once.
pub const GROUPS: usize = 1024;

/// Writes the digits of the first `count` bytes, the last group padded; gives how many there are.
#[inline(never)]
pub fn encode(bytes: &mut [u8; 3 * GROUPS], count: usize, digits: &mut [u8; 4 * GROUPS]) -> usize {
    // What a last group lacks is zeros, and then `=`.
    for place in count..count + 2 {
        if let Some(byte) = bytes.get_mut(place) {
            *byte = 0;
        }
    }
    // All groups, whatever they hold: simpler than only those that are wanted.
    for (three, four) in bytes.as_chunks::<3>().0.iter().zip(digits.as_chunks_mut::<4>().0) {
        let mut bits = u32::from_be_bytes([three[0], three[1], three[2], 0]);
        for digit in four {
            *digit = DIGITS.get((bits >> 26) as usize).copied().unwrap_or_default();
            bits <<= 6;
        }
    }
    let mut length = count / 3 * 4;
    let rest = count % 3;
    if rest > 0 {
        length += 4;
        for place in length - (3 - rest)..length {
            if let Some(digit) = digits.get_mut(place) {
                *digit = b'=';
            }
        }
    }
    length
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_vectors_of_rfc_4648_hold() {
        for (text, expected) in [
            ("", ""),
            ("f", "Zg=="),
            ("fo", "Zm8="),
            ("foo", "Zm9v"),
            ("foob", "Zm9vYg=="),
            ("fooba", "Zm9vYmE="),
            ("foobar", "Zm9vYmFy"),
        ] {
            let (mut bytes, mut digits) = ([0xff; 3 * GROUPS], [0; 4 * GROUPS]);
            bytes[..text.len()].copy_from_slice(text.as_bytes());
            let length = encode(&mut bytes, text.len(), &mut digits);
            assert_eq!(std::str::from_utf8(&digits[..length]), Ok(expected));
        }
        let (mut bytes, mut digits) = ([0xff; 3 * GROUPS], [0; 4 * GROUPS]);
        assert_eq!(encode(&mut bytes, 3 * GROUPS, &mut digits), 4 * GROUPS);
        assert!(digits.iter().all(|digit| *digit == b'/'));
    }
}
