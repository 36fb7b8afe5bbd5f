//! Addresses in text: 192.0.2.1 and 2001:db8::1 (RFC 4291, section 2.2). By hand: the standard library's reader would be a
//! sixth of the program.

use super::Addresses;
use crate::text;

/// Adds the address that a text is, if it is one.
#[inline(never)]
pub fn literal(text: &[u8], found: &mut Addresses) -> bool {
    let mut bytes = [0; 16];
    let length = if v4(text, &mut bytes) {
        4
    } else if v6(text, &mut bytes) {
        16
    } else {
        return false;
    };
    found.push(text::first(&bytes, length));
    true
}

#[inline(never)]
fn v4(mut text: &[u8], bytes: &mut [u8; 16]) -> bool {
    let mut dots = 0;
    for place in bytes.iter_mut().take(4) {
        dots += usize::from(text::position(text, b".") < text.len());
        let digits = text::take(&mut text, b".");
        // Leading zeros mean octal to some.
        let plain = digits.len() == 1 || digits.first() != Some(&b'0');
        match text::number(digits) {
            Some(number @ 0..256) if plain => *place = number as u8,
            _ => return false,
        }
    }
    text.is_empty() && dots == 3
}

/// Without the form that ends in an IPv4 address.
#[inline(never)]
fn v6(mut text: &[u8], bytes: &mut [u8; 16]) -> bool {
    *bytes = [0; 16];
    // Where `::` is (beyond the end: nowhere), and how many bytes there are so far.
    let (mut gap, mut length) = (17, 0);
    if let Some(after) = text::after(text, b"::") {
        (gap, text) = (0, after);
    }
    while !text.is_empty() {
        let before = text.len();
        let group = text::take(&mut text, b":");
        let number = hexadecimal(group);
        if number > 0xffff || length == 16 || text.is_empty() && group.len() < before {
            return false;
        }
        bytes[length] = (number >> 8) as u8;
        bytes[length + 1] = number as u8;
        length += 2;
        if let Some(after) = text::after(text, b":") {
            if gap < 17 {
                return false;
            }
            (gap, text) = (length, after);
        }
    }
    // What came after the gap goes to the end.
    let moved = 16 - length;
    for from in (gap..length).rev() {
        bytes.swap(from, from + moved);
    }
    (gap < 17) == (moved > 0)
}

/// One to four hexadecimal digits; too large a number for what is none.
#[inline(never)]
fn hexadecimal(digits: &[u8]) -> u32 {
    let mut number = if (1..5).contains(&digits.len()) { 0 } else { 0x10000 };
    for &byte in digits {
        number = number << 4 | char::from(byte).to_digit(16).unwrap_or(0x10000);
        if number > 0xffff {
            break;
        }
    }
    number
}

#[cfg(test)]
mod tests {
    use super::*;

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
            let is_one = literal(text.as_bytes(), &mut found);
            let read = found.as_slice().first().map(|address| address.to_std());
            assert_eq!(
                (is_one, read),
                (text.parse::<std::net::IpAddr>().is_ok(), text.parse().ok()),
                "{text}"
            );
        }
    }
}
