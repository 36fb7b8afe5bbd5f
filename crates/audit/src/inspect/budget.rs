//! Budgets: what an image may at most have, for builds that watch over it.

use std::fmt;
use std::str::FromStr;

use bareboat_model::{Error, Result, escape};
use serde::Serialize;

use super::Inspection;

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
            "kib" => 1024.0,
            "mib" => 1_048_576.0,
            "gib" => 1_073_741_824.0,
            "tib" => 1_099_511_627_776.0,
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
}

/// Whether a budget was kept.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Verdict {
    /// `size`, `waste`, `waste-percent` or `layers`.
    pub budget: &'static str,
    /// What it allows.
    pub most: f64,
    /// What there is.
    pub found: f64,
    /// Whether that is within it.
    pub passed: bool,
}

impl Budgets {
    /// Judges the image: a verdict for each budget that is set.
    pub fn judge(&self, image: &Inspection) -> Vec<Verdict> {
        let mut verdicts = Vec::new();
        let mut judge = |budget, most: f64, found: f64| {
            verdicts.push(Verdict { budget, most, found, passed: found <= most });
        };
        if let Some(most) = self.size {
            judge("size", most as f64, image.size.layers as f64);
        }
        match self.waste {
            Some(MostWaste::Bytes(most)) => judge("waste", most as f64, image.waste.own() as f64),
            Some(MostWaste::Percent(most)) => {
                let found = 100.0 * super::waste::ratio(image.waste.own(), image.size.layers);
                judge("waste-percent", most, found);
            }
            None => {}
        }
        if let Some(most) = self.layers {
            judge("layers", most as f64, image.layers.len() as f64);
        }
        verdicts
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
