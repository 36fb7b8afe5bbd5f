//! Moments in whole seconds, as tar, Debian's Release files and OCI configs write them.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::{Error, Result};

/// Seconds since 1970-01-01 UTC. Displayed as RFC 3339: `2026-11-21T00:00:00Z`.
///
/// ```
/// use bareboat_model::Timestamp;
/// let date = Timestamp::from_rfc2822("Sat, 12 Sep 2026 07:55:41 UTC").unwrap();
/// assert_eq!(date.to_string(), "2026-09-12T07:55:41Z");
/// assert_eq!("2026-09-12T07:55:41Z".parse::<Timestamp>().unwrap(), date);
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct Timestamp(i64);

impl Timestamp {
    /// 1970-01-01T00:00:00Z.
    pub const EPOCH: Self = Self(0);

    /// `seconds` after the epoch, held to the years 1970 to 9999 that tar and RFC 3339 can both write.
    pub fn from_seconds(seconds: i64) -> Self {
        Self(seconds.clamp(0, jiff::Timestamp::MAX.as_second()))
    }

    /// Seconds after the epoch.
    pub fn seconds(self) -> i64 {
        self.0
    }

    /// Reads a date of a Release file: RFC 2822, with `UTC` for the zone as Debian writes it.
    ///
    /// # Errors
    /// When the text is not such a date.
    pub fn from_rfc2822(text: &str) -> Result<Self> {
        let numeric_zone = text.trim().strip_suffix("UTC").map(|rest| format!("{rest}+0000"));
        let zoned = jiff::fmt::rfc2822::DateTimeParser::new()
            .relaxed_weekday(true)
            .parse_timestamp(numeric_zone.as_deref().unwrap_or(text.trim()))
            .map_err(|_| Error::new(format!("`{}` is not a date", crate::escape(text))))?;
        Ok(Self::from_seconds(zoned.as_second()))
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let moment = jiff::Timestamp::from_second(self.0).map_err(|_| fmt::Error)?;
        write!(f, "{}", moment.strftime("%Y-%m-%dT%H:%M:%SZ"))
    }
}

impl FromStr for Timestamp {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        text.parse::<jiff::Timestamp>()
            .map(|moment| Self::from_seconds(moment.as_second()))
            .map_err(|_| Error::new(format!("`{}` is not an RFC 3339 date", crate::escape(text))))
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_second_can_be_displayed() {
        for seconds in [i64::MIN, -1, 0, 1_795_000_000, i64::MAX] {
            let shown = Timestamp::from_seconds(seconds).to_string();
            assert!(shown.ends_with('Z'), "{shown}");
        }
    }

    #[test]
    fn what_is_no_date_is_refused() {
        for text in ["", "yesterday", "Sat, 32 Sep 2026 07:55:41 UTC"] {
            assert!(Timestamp::from_rfc2822(text).is_err(), "{text}");
        }
    }
}
