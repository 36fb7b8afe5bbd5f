//! Byte strings: to compare, to cut, to read as numbers. Each once, out of line: written out where they are used, these
//! few lines would be half of the program.

use core::ffi::CStr;

/// Whether they are the same.
#[inline(never)]
pub fn same(a: &[u8], b: &[u8]) -> bool {
    a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a == b)
}

/// Whether they are the same but for the case of ASCII letters.
#[inline(never)]
pub fn same_name(a: &[u8], b: &[u8]) -> bool {
    a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a.to_ascii_lowercase() == b.to_ascii_lowercase())
}

/// What follows a beginning.
#[inline(never)]
pub fn after<'t>(text: &'t [u8], beginning: &[u8]) -> Option<&'t [u8]> {
    let (start, rest) = text.split_at_checked(beginning.len())?;
    same(start, beginning).then_some(rest)
}

/// Where one of these bytes is first; the length when there is none.
#[inline(never)]
pub fn position(text: &[u8], bytes: &[u8]) -> usize {
    let is_one = |byte: &u8| bytes.iter().any(|other| other == byte);
    let mut at = 0;
    while text.get(at).is_some_and(|byte| !is_one(byte)) {
        at += 1;
    }
    at
}

/// Takes what is before the first of these bytes, and that byte; all when there is none.
#[inline(never)]
pub fn take<'t>(rest: &mut &'t [u8], bytes: &[u8]) -> &'t [u8] {
    let taken = first(rest, position(rest, bytes));
    *rest = from(rest, taken.len() + 1);
    taken
}

/// At most so many bytes.
#[inline(never)]
pub fn first(text: &[u8], length: usize) -> &[u8] {
    text.get(..length).unwrap_or(text)
}

/// What is left without so many bytes.
#[inline(never)]
pub fn from(text: &[u8], start: usize) -> &[u8] {
    text.get(start..).unwrap_or_default()
}

/// A number of decimal digits, and nothing else.
#[inline(never)]
pub fn number(digits: &[u8]) -> Option<u64> {
    let mut number = 0u64;
    for byte in digits {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            return None;
        }
        number = number.checked_mul(10)?.checked_add(u64::from(digit))?;
    }
    (!digits.is_empty()).then_some(number)
}

/// Whether bytes are UTF-8 (RFC 3629, section 4).
#[inline(never)]
pub fn is_utf8(text: &[u8]) -> bool {
    let (mut wanted, mut least, mut code) = (0, 0, 0u32);
    for &byte in text {
        if wanted > 0 {
            wanted -= 1;
            code = code << 6 | u32::from(byte & 0x3f);
            let done = wanted == 0;
            let surrogate = code & !0x7ff == 0xd800;
            if byte & 0xc0 != 0x80 || done && (code < least || code > 0x10_ffff || surrogate) {
                return false;
            }
        } else {
            (wanted, least, code) = match byte {
                0..0x80 => continue,
                0xc0..0xe0 => (1, 0x80, u32::from(byte & 0x1f)),
                0xe0..0xf0 => (2, 0x800, u32::from(byte & 0xf)),
                0xf0..0xf8 => (3, 0x1_0000, u32::from(byte & 7)),
                _ => return false,
            };
        }
    }
    wanted == 0
}

/// A C string without its first bytes.
#[inline(never)]
pub fn tail(word: &'static CStr, start: usize) -> &'static CStr {
    let start = start.min(word.to_bytes().len());
    // SAFETY: `start` is at most the length, where the zero byte is; what ends in it and lives for ever still does.
    unsafe { CStr::from_ptr(word.as_ptr().add(start)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_digits_only() {
        for (text, expected) in [("0", Some(0)), ("007", Some(7)), ("18446744073709551615", Some(u64::MAX))] {
            assert_eq!(number(text.as_bytes()), expected);
        }
        for text in ["", "+1", "-1", "1 ", "1x", "18446744073709551616"] {
            assert_eq!(number(text.as_bytes()), None, "{text}");
        }
    }

    #[test]
    fn utf8_is_what_the_standard_library_says_it_is() {
        let parts: &[&[u8]] = &[
            b"a",
            b"\x80",
            b"\xc2",
            b"\xc0\x80",
            b"\xc3\xa9",
            b"\xe2\x82\xac",
            b"\xe2\x82",
            b"\xe0\x80\x80",
            b"\xed\xa0\x80",
            b"\xf0\x9f\x9a\xa2",
            b"\xf4\x90\x80\x80",
            b"\xf0\x80\x80\x80",
            b"\xff",
            b"\xed\x9f\xbf",
            b"\xee\x80\x80",
        ];
        for a in parts {
            for b in parts {
                let text = [*a, *b].concat();
                assert_eq!(is_utf8(&text), std::str::from_utf8(&text).is_ok(), "{text:?}");
            }
        }
    }

    #[test]
    fn cutting_never_goes_beyond() {
        for (text, taken, left) in [("a=b=c", "a", "b=c"), ("abc", "abc", ""), ("a:", "a", ""), ("", "", "")]
        {
            let mut rest = text.as_bytes();
            assert_eq!((take(&mut rest, b"=:"), rest), (taken.as_bytes(), left.as_bytes()));
        }
        assert_eq!(tail(c"abc", 1), c"bc");
        assert_eq!(tail(c"abc", 9), c"");
        assert_eq!(after(b"http://x", b"http://"), Some(&b"x"[..]));
        assert_eq!(after(b"htt", b"http://"), None);
    }
}
