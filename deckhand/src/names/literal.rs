//! Addresses in text: 192.0.2.1 and 2001:db8::1 (RFC 4291, section 2.2). By hand: the standard library's reader would be a
//! tenth of the program.

use super::Addresses;
use crate::text::Text;

/// Adds the address that a word is, if it is one.
#[inline(never)]
pub fn literal(text: Text<'_>, found: &mut Addresses) {
    let mut bytes = [0; 16];
    if v4(text, &mut bytes) {
        found.push(bytes.get(..4).unwrap_or_default());
    } else if v6(text, &mut bytes) {
        found.push(&bytes);
    }
}

#[inline(never)]
fn v4(mut text: Text<'_>, bytes: &mut [u8; 16]) -> bool {
    for (count, place) in bytes.iter_mut().take(4).enumerate() {
        if count > 0 {
            if text.byte() != b'.' {
                return false;
            }
            text = text.next();
        }
        let (number, rest) = text.number();
        // Leading zeros mean octal to some.
        if number > 255 || text.byte() == b'0' && text.next().byte().is_ascii_digit() {
            return false;
        }
        (*place, text) = (number as u8, rest);
    }
    text.is_word_end()
}

/// Without the form that ends in an IPv4 address.
#[inline(never)]
fn v6(mut text: Text<'_>, bytes: &mut [u8; 16]) -> bool {
    *bytes = [0; 16];
    // Where `::` is (beyond the end: nowhere), and how many bytes there are so far.
    let (mut gap, mut length) = (17, 0);
    if text.byte() == b':' {
        text = text.next();
        if text.byte() != b':' {
            return false;
        }
    }
    while !text.is_word_end() {
        if text.byte() == b':' {
            // The second of two colons.
            if gap < 17 {
                return false;
            }
            (gap, text) = (length, text.next());
            continue;
        }
        let (mut number, mut digits) = (0u32, 0);
        while let Some(digit) = char::from(text.byte()).to_digit(16) {
            number = number << 4 | digit;
            digits += 1;
            text = text.next();
        }
        let Some(place) = bytes.get_mut(length..length + 2) else { return false };
        if digits == 0 || digits > 4 {
            return false;
        }
        place.copy_from_slice(&(number as u16).to_be_bytes());
        length += 2;
        if text.byte() == b':' {
            text = text.next();
            if text.is_word_end() {
                return false;
            }
        }
    }
    // What came after the gap goes to the end.
    let moved = 16 - length;
    for from in (gap..length).rev() {
        bytes.swap(from, from + moved);
    }
    (gap < 17) == (moved > 0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::names::Addresses;

    #[test]
    fn addresses_are_those_of_the_standard_library() {
        for text in [
            "127.0.0.1",
            "0.0.0.0",
            "255.255.255.255",
            "256.0.0.1",
            "1.2.3",
            "1.2.3.4.5",
            "1.2.3.",
            "1.2.3.4.",
            "01.2.3.4",
            "1.2.3.4 ",
            "",
            ".",
            "::",
            "::1",
            "1::",
            "fe80::1",
            "2001:DB8::ff:1",
            "1:2:3:4:5:6:7:8",
            "1:2:3:4:5:6:7",
            "1:2:3:4:5:6:7:8:9",
            "1::2::3",
            ":::",
            "1:::2",
            ":1",
            "1:",
            "1:2:3:4:5:6:7::",
            "::2:3:4:5:6:7:8",
            "1:2:3:4::5:6:7:8",
            "1:2:3::6:7:8",
            "1:2:3:4:5:6:7:1.2.3.4",
            "12345::",
            "g::",
            "::1%eth0",
            "localhost",
            ":",
            "1:2:3:4:5:6:7:",
            "0::0",
            "a:b::c:d",
            "::a:b:c",
        ] {
            let mut found = Addresses::none();
            literal(Text::of(&std::ffi::CString::new(text).unwrap()), &mut found);
            let read = found.as_mut_slice().first().map(|address| address.to_std());
            // A word ends at a space, and this is about words.
            assert_eq!(read, text.trim_end().parse().ok(), "{text}");
        }
    }
}
