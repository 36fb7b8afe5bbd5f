//! Durations as coreutils' `sleep` reads them: 5, 0.5, 5s, 2m, 1h, 1d, infinity; and 200ms besides.

use crate::message::misuse;
use crate::text;

/// Nanoseconds; the largest value is for ever.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Duration(pub u64);

const SECOND: u64 = 1_000_000_000;

impl Duration {
    /// No end.
    pub const INFINITE: Self = Self(u64::MAX);

    /// Whole seconds.
    pub const fn seconds(seconds: u64) -> Self {
        Self(seconds.saturating_mul(SECOND))
    }

    /// Reads a duration, or ends; longer than five centuries is for ever.
    #[inline(never)]
    pub fn parse(text: &[u8]) -> Self {
        match read(text) {
            Some(duration) => duration,
            None => misuse(
                "expected a duration such as 5, 0.5, 200ms, 30s, 2m, 1h, 1d or infinity, found %",
                text,
            ),
        }
    }
}

/// What may stand after a number (in one string: a table would be larger), and how long it is.
const UNITS: [u64; 5] = [86_400 * SECOND, 3600 * SECOND, 60 * SECOND, SECOND, SECOND / 1000];

fn read(text: &[u8]) -> Option<Duration> {
    if text::same(text, b"infinity") || text::same(text, b"inf") {
        return Some(Duration::INFINITE);
    }
    let (mut total, mut place, mut digits, mut after_point) = (0u64, 0, 0, false);
    let end = text::position(text, b"dhms");
    let unit = match text::from(text, end) {
        b"ms" => 4,
        b"" => 3,
        [letter] => text::position(b"dhms", &[*letter]),
        _ => return None,
    };
    let unit = *UNITS.get(unit)?;
    for &byte in text::first(text, end) {
        let digit = u64::from(byte.wrapping_sub(b'0'));
        if byte == b'.' && !after_point {
            (after_point, place) = (true, unit);
        } else if digit > 9 {
            return None;
        } else {
            digits += 1;
            place /= 10;
            total = match after_point {
                true => total.saturating_add(digit * place),
                false => total.saturating_mul(10).saturating_add(digit * unit),
            };
        }
    }
    (digits > 0).then_some(Duration(total))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn coreutils_forms_are_read() {
        for (text, milliseconds) in [
            ("5", 5_000),
            ("0.5", 500),
            (".25", 250),
            ("5.", 5_000),
            ("5s", 5_000),
            ("2m", 120_000),
            ("1h", 3_600_000),
            ("1d", 86_400_000),
            ("1.5m", 90_000),
            ("200ms", 200),
            ("0", 0),
            ("007", 7_000),
            ("0.0010", 1),
        ] {
            assert_eq!(read(text.as_bytes()), Some(Duration(milliseconds * 1_000_000)), "{text}");
        }
    }

    #[test]
    fn what_is_too_long_is_for_ever() {
        for text in ["infinity", "inf", "99999999999999999999999999", "999999999999999d"] {
            assert_eq!(read(text.as_bytes()), Some(Duration::INFINITE), "{text}");
        }
    }

    #[test]
    fn what_is_no_duration_is_refused() {
        for text in
            ["", "s", ".", "-1", "+1", "1x", "1ss", "1 s", "1..5", "1.2.3", "0x10", "1e3", "1s2", "nan", " 1"]
        {
            assert_eq!(read(text.as_bytes()), None, "{text}");
        }
    }
}
