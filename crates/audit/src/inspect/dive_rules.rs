//! The rules that dive judges an image by, as its options and its file `.dive-ci` have them (dive 0.13.1).

use std::path::Path;
use std::str::FromStr;

use bareboat_formats::yaml::{self, Entry, Node, Value};
use bareboat_model::{Error, Result, error_at, escape, nearest};

use super::Bytes;

/// What is said of a rule.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Rule<T> {
    /// That it does not count.
    Off,
    /// Where it begins to fail.
    Limit(T),
}

/// A part of a whole, from 0 to 1.
#[derive(Clone, Copy, PartialEq, PartialOrd, Debug)]
pub struct Share(pub f64);

impl FromStr for Share {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let number = text.parse().ok().filter(|share| (0.0..=1.0).contains(share));
        number.map(Self).ok_or_else(|| Error::new(format!("`{}` is no number from 0 to 1", escape(text))))
    }
}

impl<T: FromStr<Err = Error>> FromStr for Rule<T> {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        match text {
            "" | "disabled" | "off" | "false" => Ok(Self::Off),
            limit => limit.parse().map(Self::Limit),
        }
    }
}

impl<T> Rule<T> {
    fn limit(self) -> Option<T> {
        match self {
            Self::Off => None,
            Self::Limit(limit) => Some(limit),
        }
    }
}

/// dive's rules; none where nothing is said of one.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub struct DiveRules {
    /// Fails below.
    pub lowest_efficiency: Option<Rule<Share>>,
    /// Fails above.
    pub highest_wasted_bytes: Option<Rule<Bytes>>,
    /// Fails above: a share, whatever its name says.
    pub highest_user_wasted_percent: Option<Rule<Share>>,
}

const EFFICIENCY: [&str; 2] = ["lowest-efficiency", "lowestEfficiency"];
const WASTED: [&str; 2] = ["highest-wasted-bytes", "highestWastedBytes"];
const USER_WASTED: [&str; 2] = ["highest-user-wasted-percent", "highestUserWastedPercent"];

impl DiveRules {
    /// What dive judges by where nobody says anything else.
    pub const USUAL: Self = Self {
        lowest_efficiency: Some(Rule::Limit(Share(0.9))),
        highest_wasted_bytes: None,
        highest_user_wasted_percent: Some(Rule::Limit(Share(0.1))),
    };

    /// Reads a `.dive-ci`. `file` is what messages call it.
    ///
    /// # Errors
    /// When it is no such file: what is wrong is said at its place.
    ///
    /// ```
    /// use bareboat_audit::inspect::{DiveRules, Rule, Share};
    /// let rules = DiveRules::parse("rules:\n  lowest-efficiency: 0.95\n", ".dive-ci".as_ref()).unwrap();
    /// assert_eq!(rules.lowest_efficiency, Some(Rule::Limit(Share(0.95))));
    /// ```
    pub fn parse(text: &str, file: &Path) -> Result<Self> {
        let root = yaml::parse(text, file)?;
        let mut found = Self::default();
        for (key, rules) in entries(&root, text, file)?.iter().filter(|(_, rules)| !rules.is_null()) {
            if key.text != "rules" {
                let message = format!("unknown key `{}`, expected `rules`", escape(&key.text));
                return Err(error_at(file, text, key.span.clone(), &message));
            }
            for entry in entries(rules, text, file)? {
                found.take(entry).map_err(|(span, message)| error_at(file, text, span, &message))?;
            }
        }
        Ok(found)
    }

    fn take(&mut self, (key, node): &Entry) -> Result<(), (std::ops::Range<usize>, String)> {
        fn rule<T: FromStr<Err = Error>>(node: &Node) -> Result<Option<Rule<T>>, String> {
            match &node.value {
                Value::Scalar { text, .. } if !node.is_null() => {
                    text.parse().map(Some).map_err(|error: Error| error.to_string())
                }
                _ if node.is_null() => Ok(None),
                _ => Err(format!("it is {}, expected a number or `disabled`", node.kind())),
            }
        }
        let name = key.text.as_str();
        let taken = if EFFICIENCY.contains(&name) {
            rule(node).map(|rule| self.lowest_efficiency = rule)
        } else if WASTED.contains(&name) {
            rule(node).map(|rule| self.highest_wasted_bytes = rule)
        } else if USER_WASTED.contains(&name) {
            rule(node).map(|rule| self.highest_user_wasted_percent = rule)
        } else {
            let known = [EFFICIENCY[0], WASTED[0], USER_WASTED[0]];
            let near = nearest(name, known);
            let guess = near.map_or_else(
                || format!("expected one of {}", known.join(", ")),
                |near| format!("did you mean `{near}`?"),
            );
            return Err((key.span.clone(), format!("unknown rule `{}`, {guess}", escape(name))));
        };
        taken.map_err(|message| (node.span.clone(), message))
    }

    /// These, and what `other` says of those of which nothing is said here.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        Self {
            lowest_efficiency: self.lowest_efficiency.or(other.lowest_efficiency),
            highest_wasted_bytes: self.highest_wasted_bytes.or(other.highest_wasted_bytes),
            highest_user_wasted_percent: self
                .highest_user_wasted_percent
                .or(other.highest_user_wasted_percent),
        }
    }

    pub(super) fn efficiency(self) -> Option<f64> {
        self.lowest_efficiency.and_then(Rule::limit).map(|share| share.0)
    }

    pub(super) fn wasted(self) -> Option<u64> {
        self.highest_wasted_bytes.and_then(Rule::limit).map(|bytes| bytes.0)
    }

    pub(super) fn user_wasted(self) -> Option<f64> {
        self.highest_user_wasted_percent.and_then(Rule::limit).map(|share| share.0)
    }
}

fn entries<'a>(node: &'a Node, text: &str, file: &Path) -> Result<&'a [Entry]> {
    match &node.value {
        Value::Mapping(entries) => Ok(entries),
        _ if node.is_null() => Ok(&[]),
        _ => {
            let message = format!("it is {}, expected a mapping", node.kind());
            Err(error_at(file, text, node.span.clone(), &message))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dives_files_are_read() {
        let rules = |text: &str| DiveRules::parse(text, Path::new(".dive-ci"));
        let read = rules(
            "# as dive's README has it\nrules:\n  lowest-efficiency: 0.95\n  highest-wasted-bytes: 20MB\n  \
             highestUserWastedPercent: disabled\n",
        )
        .unwrap();
        assert_eq!(read.efficiency(), Some(0.95));
        assert_eq!(read.wasted(), Some(20_000_000));
        assert_eq!(read.highest_user_wasted_percent, Some(Rule::Off));
        assert_eq!(rules("").unwrap(), DiveRules::default());
        assert_eq!(rules("rules:\n").unwrap(), DiveRules::default());
        // What the file puts off stays off, what it does not name is dive's.
        let whole = read.or(DiveRules::USUAL);
        assert_eq!((whole.efficiency(), whole.user_wasted()), (Some(0.95), None));
        for (text, expected) in [
            ("rules:\n  lowest-efficiency: 95\n", "`95` is no number from 0 to 1"),
            ("rules:\n  lowest-eficiency: 1\n", "did you mean `lowest-efficiency`?"),
            ("rules:\n  highest-wasted-bytes: [1]\n", "it is a list"),
            ("rule:\n", ""),
            ("rule: {a: b}\n", "unknown key `rule`"),
            ("- a\n", "it is a list, expected a mapping"),
        ] {
            let said = rules(text).err().map(|error| error.to_string()).unwrap_or_default();
            assert!(said.contains(expected) && (expected.is_empty() == said.is_empty()), "{text}: {said}");
        }
    }
}
