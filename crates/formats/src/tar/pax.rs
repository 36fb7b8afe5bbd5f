//! PAX records: `LENGTH KEYWORD=VALUE\n`, where the length counts the whole record (POSIX pax, "pax Extended
//! Header").
//!
//! By hand, because the `tar` crate splits records at newlines, and so refuses an extended attribute (or a
//! name) that holds one.

use std::collections::BTreeMap;

use bareboat_model::{Error, Result, escape};

/// The prefix of the keywords that hold extended attributes, which star began and everyone took over.
pub(super) const XATTR: &[u8] = b"SCHILY.xattr.";

/// Records by keyword.
pub(super) type Records = BTreeMap<Vec<u8>, Vec<u8>>;

/// Reads all records of one extended header.
///
/// A keyword that comes twice is refused: POSIX lets the last one win, some readers take the first.
pub(super) fn parse(mut bytes: &[u8]) -> Result<Records> {
    let mut records = Records::new();
    let size = bytes.len();
    while !bytes.is_empty() {
        let broken = |why: &str| Error::new(format!("PAX record at byte {}: {why}", size - bytes.len()));
        let (record, rest) = split_record(bytes).ok_or_else(|| broken("the length is wrong"))?;
        let equals = record.iter().position(|&b| b == b'=').ok_or_else(|| broken("`=` is missing"))?;
        let (keyword, value) = (&record[..equals], &record[equals + 1..]);
        if records.insert(keyword.to_vec(), value.to_vec()).is_some() {
            return Err(broken(&format!("`{}` comes twice", shown(keyword))));
        }
        bytes = rest;
    }
    Ok(records)
}

/// The first record without its length, space and newline; and what follows it.
fn split_record(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    // Twenty digits hold any 64-bit number.
    let space = bytes.iter().take(21).position(|&b| b == b' ')?;
    let length = number(&bytes[..space])?;
    let length =
        usize::try_from(length).ok().filter(|&length| length > space + 1 && length <= bytes.len())?;
    let (record, rest) = bytes.split_at(length);
    Some((record[space + 1..].strip_suffix(b"\n")?, rest))
}

/// A decimal number: digits only, without the sign that `str::parse` would take.
pub(super) fn number(digits: &[u8]) -> Option<u64> {
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    std::str::from_utf8(digits).ok()?.parse().ok()
}

/// Seconds of a time such as `-1.5`, without the fraction: rounded down, as file times are.
pub(super) fn seconds(text: &[u8]) -> Option<i64> {
    let (whole, fraction) = match text.iter().position(|&byte| byte == b'.') {
        Some(dot) => (&text[..dot], &text[dot + 1..]),
        None => (text, &text[..0]),
    };
    let digits = whole.strip_prefix(b"-").unwrap_or(whole);
    if !digits.iter().chain(fraction).all(u8::is_ascii_digit) {
        return None;
    }
    let seconds: i64 = std::str::from_utf8(whole).ok()?.parse().ok()?;
    let below_the_whole = whole.starts_with(b"-") && fraction.iter().any(|&digit| digit != b'0');
    seconds.checked_sub(i64::from(below_the_whole))
}

/// Writes all records, sorted by keyword.
pub(super) fn render(records: &Records) -> Vec<u8> {
    let mut out = Vec::new();
    for (keyword, value) in records {
        // The length counts its own digits.
        let rest = keyword.len() + value.len() + b" =\n".len();
        let mut length = rest + 1;
        while rest + length.to_string().len() != length {
            length = rest + length.to_string().len();
        }
        out.extend_from_slice(format!("{length} ").as_bytes());
        out.extend_from_slice(keyword);
        out.push(b'=');
        out.extend_from_slice(value);
        out.push(b'\n');
    }
    out
}

/// A keyword or name for an error message.
pub(super) fn shown(name: &[u8]) -> String {
    escape(&String::from_utf8_lossy(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_count_their_own_digits() {
        // A record of 9, 10 and 11 bytes; and one where the digits themselves push the length over 100.
        for (value, record) in [("1", "9 path=1\n"), ("12", "11 path=12\n"), ("123", "12 path=123\n")] {
            let records = Records::from([(b"path".to_vec(), value.into())]);
            assert_eq!(render(&records), record.as_bytes());
        }
        for length in 80..110 {
            let records = Records::from([(b"path".to_vec(), b"x".repeat(length))]);
            assert_eq!(parse(&render(&records)).unwrap(), records);
        }
    }

    #[test]
    fn times_are_rounded_down() {
        for (text, expected) in [
            ("0", Some(0)),
            ("1.9", Some(1)),
            ("-1", Some(-1)),
            ("-1.000", Some(-1)),
            ("-1.5", Some(-2)),
            ("-0.5", Some(-1)),
            ("9223372036854775807", Some(i64::MAX)),
            ("9223372036854775808", None),
            ("-9223372036854775807.1", Some(i64::MIN)),
            ("-9223372036854775808", Some(i64::MIN)),
            ("-9223372036854775808.1", None),
            ("", None),
            ("+1", None),
            ("1.x", None),
            ("--1", None),
        ] {
            assert_eq!(seconds(text.as_bytes()), expected, "{text}");
        }
    }
}
