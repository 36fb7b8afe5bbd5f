//! Base64 (RFC 4648, section 4), three bytes at a time.

const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// The four digits of one to three bytes; padded if they are fewer than three.
#[inline(never)]
pub fn digits(bytes: &[u8]) -> [u8; 4] {
    let mut bits = 0u32;
    for place in 0..3 {
        bits = bits << 8 | u32::from(bytes.get(place).copied().unwrap_or_default());
    }
    let mut digits = [b'='; 4];
    // Of so many bytes, one digit more says something.
    for digit in digits.iter_mut().take(bytes.len() + 1) {
        *digit = DIGITS[(bits >> 18 & 63) as usize];
        bits <<= 6;
    }
    digits
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
            let encoded: Vec<u8> = text.as_bytes().chunks(3).flat_map(digits).collect();
            assert_eq!(String::from_utf8(encoded).unwrap(), expected);
        }
        assert_eq!(digits(&[0xff, 0xff, 0xff]), *b"////");
    }
}
