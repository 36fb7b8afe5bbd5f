//! Budgets: what an image may at most have, for builds that watch over it.

use std::fmt;
use std::str::FromStr;

use bareboat_model::{Error, Result, escape};
use serde::Serialize;

use super::{Dive, DiveRules, Inspection};

/// A number of bytes, as people write it: `50MB`, `1.5 GiB`, `1200`.
///
/// ```
/// use bareboat_audit::inspect::Bytes;
/// assert_eq!("1.5kB".parse::<Bytes>().unwrap(), Bytes(1500));
/// assert_eq!("2 MiB".parse::<Bytes>().unwrap(), Bytes(2 << 20));
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Bytes(pub u64);

impl FromStr for Bytes {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let wrong = || {
            Error::new(format!("`{}` is no size", escape(text)))
                .with_hint("write one as 50MB, 1.5GiB or 1200")
        };
        let end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
        let (number, unit) = text.split_at(end);
        let number: f64 = number.parse().map_err(|_| wrong())?;
        let unit: f64 = match unit.trim_start().to_ascii_lowercase().as_str() {
            "" | "b" => 1.0,
            "k" | "kb" => 1e3,
            "m" | "mb" => 1e6,
            "g" | "gb" => 1e9,
            "t" | "tb" => 1e12,
            "ki" | "kib" => 1024.0,
            "mi" | "mib" => 1_048_576.0,
            "gi" | "gib" => 1_073_741_824.0,
            "ti" | "tib" => 1_099_511_627_776.0,
            _ => return Err(wrong()),
        };
        let bytes = (number * unit).round();
        // Numbers above are not exact any more, and no image has them.
        if bytes <= 9e15 { Ok(Self(bytes as u64)) } else { Err(wrong()) }
    }
}

/// How much waste is allowed.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum MostWaste {
    /// So many bytes.
    Bytes(u64),
    /// So many hundredths of what the layers carry.
    Percent(f64),
}

impl FromStr for MostWaste {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let Some(number) = text.strip_suffix('%') else {
            return text.parse().map(|Bytes(bytes)| Self::Bytes(bytes));
        };
        let percent: Option<f64> = number.trim_end().parse().ok();
        percent
            .filter(|percent| (0.0..=100.0).contains(percent))
            .map(Self::Percent)
            .ok_or_else(|| Error::new(format!("`{}` is no part of a hundred", escape(text))))
    }
}

/// What an image may at most have.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub struct Budgets {
    /// Bytes of the contents of all layers: about what an engine says that the image takes.
    pub size: Option<u64>,
    /// Waste, without the base's.
    pub waste: Option<MostWaste>,
    /// Layers.
    pub layers: Option<usize>,
    /// What dive says of it.
    pub dive: DiveRules,
}

/// Whether a budget was kept.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Verdict {
    /// `size`, `waste`, `waste-percent`, `layers`; or dive's `lowest-efficiency`, `highest-wasted-bytes`,
    /// `highest-user-wasted-percent`.
    pub budget: &'static str,
    /// What it allows.
    #[serde(flatten)]
    pub limit: Limit,
    /// What there is. Of nothing in nothing, as dive has it, no number.
    pub found: f64,
    /// Whether that is within it.
    pub passed: bool,
}

/// What a budget allows.
#[derive(Clone, Copy, PartialEq, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Limit {
    /// No more than this.
    Most(f64),
    /// No less than this.
    Least(f64),
}

impl Verdict {
    /// What is no number is above and below nothing: dive lets it pass.
    fn new(budget: &'static str, limit: Limit, found: f64) -> Self {
        let failed = match limit {
            Limit::Most(most) => found > most,
            Limit::Least(least) => found < least,
        };
        Self { budget, limit, found, passed: !failed }
    }
}

impl Budgets {
    /// Judges the image: a verdict for each budget that is set.
    pub fn judge(&self, image: &Inspection, dive: Option<&Dive>) -> Vec<Verdict> {
        let most = |budget, most: f64, found: f64| Verdict::new(budget, Limit::Most(most), found);
        let mut verdicts = Vec::new();
        verdicts.extend(self.size.map(|size| most("size", size as f64, image.size.layers as f64)));
        verdicts.extend(self.waste.map(|waste| match waste {
            MostWaste::Bytes(bytes) => most("waste", bytes as f64, image.waste.own() as f64),
            MostWaste::Percent(percent) => {
                let found = 100.0 * super::waste::ratio(image.waste.own(), image.size.layers);
                most("waste-percent", percent, found)
            }
        }));
        verdicts.extend(self.layers.map(|layers| most("layers", layers as f64, image.layers.len() as f64)));
        let Some(dive) = dive else { return verdicts };
        let efficiency = self.dive.efficiency();
        verdicts.extend(
            efficiency.map(|least| Verdict::new("lowest-efficiency", Limit::Least(least), dive.efficiency)),
        );
        let wasted = self.dive.wasted();
        verdicts.extend(wasted.map(|wasted| most("highest-wasted-bytes", wasted as f64, dive.wasted as f64)));
        verdicts.extend(self.dive.user_wasted().map(|share| {
            most("highest-user-wasted-percent", share, dive.wasted as f64 / dive.user_size as f64)
        }));
        verdicts
    }

    /// Whether any is one of dive's.
    pub(super) fn need_dive(&self) -> bool {
        let dive = &self.dive;
        dive.efficiency().is_some() || dive.wasted().is_some() || dive.user_wasted().is_some()
    }
}

impl fmt::Display for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_as_people_write_them() {
        for (text, expected) in [
            ("0", Some(0)),
            ("1200", Some(1200)),
            ("50MB", Some(50_000_000)),
            ("50 mb", Some(50_000_000)),
            ("50M", Some(50_000_000)),
            ("2Ki", Some(2048)),
            ("1GiB", Some(1 << 30)),
            ("1.5GiB", Some(3 << 29)),
            (".5k", Some(500)),
            ("", None),
            ("MB", None),
            ("1.2.3", None),
            ("-1", None),
            ("1 XB", None),
            ("1e9", None),
            ("99999999TB", None),
            ("50%", None),
        ] {
            assert_eq!(text.parse::<Bytes>().ok().map(|bytes| bytes.0), expected, "{text}");
        }
    }

    #[test]
    fn waste_is_a_size_or_a_part_of_a_hundred() {
        for (text, expected) in [
            ("5%", Some(MostWaste::Percent(5.0))),
            ("0.5 %", Some(MostWaste::Percent(0.5))),
            ("5MB", Some(MostWaste::Bytes(5_000_000))),
            ("101%", None),
            ("NaN%", None),
            ("%", None),
        ] {
            assert_eq!(text.parse::<MostWaste>().ok(), expected, "{text}");
        }
    }
}
