//! Durations as coreutils' `sleep` reads them: 5, 0.5, 5s, 2m, 1h, 1d, infinity; and 200ms besides.

use crate::message::misuse;
use crate::text::{Text, text};

/// Nanoseconds; the largest value is for ever.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Duration(pub u64);

const SECOND: u64 = 1_000_000_000;

impl Duration {
    /// No end.
    pub const INFINITE: Self = Self(u64::MAX);

    /// One second.
    pub const SECOND: Self = Self(SECOND);

    /// Reads a duration, or ends; longer than five centuries is for ever.
    #[inline(never)]
    pub fn parse(text: Text<'static>) -> Self {
        match read(text) {
            Some(duration) => duration,
            None => misuse(text!("a duration such as 5, 0.5, 200ms, 30s, 2m, 1h, 1d or infinity"), text),
        }
    }
}

fn read(text: Text<'_>) -> Option<Duration> {
    if text.same(text!("infinity")) {
        return Some(Duration::INFINITE);
    }
    let (whole, mut rest) = text.number();
    // The point and what follows, as billionths: that many digits count.
    let (mut fraction, mut place) = (0, SECOND);
    if rest.byte() == b'.' {
        rest = rest.next();
        while rest.byte().is_ascii_digit() {
            place /= 10;
            fraction += u64::from(rest.byte() - b'0') * place;
            rest = rest.next();
        }
    }
    // No digit at all; but `.5` is one.
    if !text.byte().is_ascii_digit() && (text.byte() != b'.' || !text.next().byte().is_ascii_digit()) {
        return None;
    }
    let whole = if text.byte() == b'.' { 0 } else { whole };
    let (thousandth, unit) = match (rest.byte(), rest.next().byte()) {
        (b'm', b's') => (1, 1),
        (0 | b's', _) => (1000, 1),
        (b'm', _) => (1000, 60),
        (b'h', _) => (1000, 3600),
        (b'd', _) => (1000, 86_400),
        _ => return None,
    };
    let ends = if thousandth == 1 { rest.next().next() } else { rest.next() };
    let unit = thousandth * unit;
    // A unit in thousandths of a second: of a fraction, what is less than a nanosecond is lost.
    let total = whole.saturating_mul(unit * (SECOND / 1000)).saturating_add(fraction / 1000 * unit);
    ends.is_empty().then_some(Duration(total))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn coreutils_forms_are_read() {
        for (text, milliseconds) in [
            (c"5", 5_000),
            (c"0.5", 500),
            (c".25", 250),
            (c"5.", 5_000),
            (c"5s", 5_000),
            (c"2m", 120_000),
            (c"1h", 3_600_000),
            (c"1d", 86_400_000),
            (c"1.5m", 90_000),
            (c"200ms", 200),
            (c"0", 0),
            (c"007", 7_000),
            (c"0.0010", 1),
            (c"1.5ms", 1),
        ] {
            let read = read(Text::of(text)).map(|duration| duration.0 / 1_000_000);
            assert_eq!(read, Some(milliseconds), "{text:?}");
        }
    }

    #[test]
    fn what_is_too_long_is_for_ever() {
        for text in [c"infinity", c"99999999999999999999999999", c"999999999999999d"] {
            assert_eq!(read(Text::of(text)), Some(Duration::INFINITE), "{text:?}");
        }
    }

    #[test]
    fn what_is_no_duration_is_refused() {
        for text in [
            c"", c"s", c".", c".s", c"-1", c"+1", c"1x", c"1ss", c"1 s", c"1..5", c"1.2.3", c"0x10", c"1e3",
            c"1s2", c"nan", c" 1", c"1msx", c"1mm", c"1.s.", c"..5",
        ] {
            assert_eq!(read(Text::of(text)), None, "{text:?}");
        }
    }
}
