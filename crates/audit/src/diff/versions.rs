//! Which of two versions is later. Debian's as dpkg has it; of others, what all of their rules agree on.
//!
//! Each language has rules of its own (PEP 440, semver, Maven, RubyGems), and they agree where it matters here: numbers
//! count as numbers, and what is called a pre-release comes before the release. A diff only says "up" or "down" of it.

use std::cmp::Ordering;

use bareboat_model::Version;

use crate::packages::Kind;

pub(super) fn order(kind: Kind, a: &str, b: &str) -> Ordering {
    match (kind, Version::parse(a), Version::parse(b)) {
        (Kind::Deb, Ok(a), Ok(b)) => a.cmp(&b),
        _ => {
            let ((epoch_a, a), (epoch_b, b)) = (epoch(a), epoch(b));
            epoch_a.cmp(&epoch_b).then_with(|| compare(a, b))
        }
    }
}

/// rpm's `1:2.0` and Python's `1!2.0`.
fn epoch(text: &str) -> (u64, &str) {
    let split = text.split_once([':', '!']);
    split.and_then(|(epoch, rest)| Some((epoch.parse().ok()?, rest))).unwrap_or((0, text))
}

/// A stretch of digits or of letters. Only parts are compared, not what parts them.
enum Part<'a> {
    Number(&'a str),
    Word(&'a str),
}

fn compare(a: &str, b: &str) -> Ordering {
    // What follows a plus tells of the build (semver 2.0, 10).
    let [mut a, mut b] = [a, b].map(|text| parts(text.split('+').next().unwrap_or_default()));
    loop {
        let order = match (a.next(), b.next()) {
            (None, None) => return Ordering::Equal,
            (Some(part), None) => against_the_end(&part),
            (None, Some(part)) => against_the_end(&part).reverse(),
            (Some(Part::Number(a)), Some(Part::Number(b))) => number(a, b),
            (Some(Part::Word(a)), Some(Part::Word(b))) => rank(a).cmp(&rank(b)).then_with(|| a.cmp(b)),
            (Some(Part::Number(_)), Some(Part::Word(_))) => Ordering::Greater,
            (Some(Part::Word(_)), Some(Part::Number(_))) => Ordering::Less,
        };
        if order.is_ne() {
            return order;
        }
    }
}

fn parts(text: &str) -> impl Iterator<Item = Part<'_>> {
    let text = text.strip_prefix('v').unwrap_or(text);
    let mut rest = text.trim_start_matches(|c: char| !c.is_alphanumeric());
    std::iter::from_fn(move || {
        let is_digit = rest.starts_with(|c: char| c.is_ascii_digit());
        let end = rest.find(|c: char| !c.is_alphanumeric() || c.is_ascii_digit() != is_digit);
        let (part, after) = rest.split_at(end.unwrap_or(rest.len()));
        rest = after.trim_start_matches(|c: char| !c.is_alphanumeric());
        match part {
            "" => None,
            part if is_digit => Some(Part::Number(part)),
            part => Some(Part::Word(part)),
        }
    })
}

/// Numbers of any length.
fn number(a: &str, b: &str) -> Ordering {
    let [a, b] = [a, b].map(|text| text.trim_start_matches('0'));
    a.len().cmp(&b.len()).then_with(|| a.cmp(b))
}

fn against_the_end(part: &Part<'_>) -> Ordering {
    match part {
        Part::Word(word) if rank(word) < 0 => Ordering::Less,
        // `1.0` and `1` are the same in most rules.
        Part::Number(number) if number.bytes().all(|digit| digit == b'0') => Ordering::Equal,
        _ => Ordering::Greater,
    }
}

/// What comes before a release has a number below nought.
fn rank(word: &str) -> i32 {
    match word.to_ascii_lowercase().as_str() {
        "dev" | "snapshot" | "nightly" | "canary" => -5,
        "a" | "alpha" => -4,
        "b" | "beta" => -3,
        "m" | "milestone" | "pre" | "preview" | "next" => -2,
        "rc" | "c" | "cr" => -1,
        "p" | "post" | "patch" | "sp" => 1,
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn later_versions_are_later() {
        for (kind, earlier, later) in [
            (Kind::Deb, "1.0~rc1-1", "1.0-1"),
            (Kind::Deb, "2:1.0", "3:0.1"),
            (Kind::Rpm, "5.1.8-6.el9", "5.1.8-9.el9"),
            (Kind::Rpm, "9.0-1", "1:1.0-1"),
            (Kind::Apk, "1.2.4_rc1-r0", "1.2.4-r0"),
            (Kind::Apk, "1.2.4-r2", "1.2.4-r10"),
            (Kind::Apk, "1.2.4-r2", "1.2.4_p1-r0"),
            (Kind::Python, "2.0b1", "2.0rc1"),
            (Kind::Python, "2.0.dev3", "2.0"),
            (Kind::Python, "2.0", "2.0.post1"),
            (Kind::Python, "3.0", "1!1.0"),
            (Kind::Node, "1.0.0-beta.2", "1.0.0-beta.11"),
            (Kind::Node, "1.0.0-rc.1", "1.0.0"),
            (Kind::Go, "v1.9.0", "v1.10.0"),
            (Kind::Java, "1.0-SNAPSHOT", "1.0"),
            (Kind::Java, "6.0.0.M1", "6.0.0.RELEASE"),
            (Kind::Ruby, "7.1.0.rc1", "7.1.0"),
            (Kind::Rust, "99999999999999999999.1", "100000000000000000000.0"),
        ] {
            assert_eq!(order(kind, earlier, later), Ordering::Less, "{earlier} {later}");
            assert_eq!(order(kind, later, earlier), Ordering::Greater, "{later} {earlier}");
        }
        for (a, b) in [("1.0", "1"), ("v1.2", "1.2"), ("1.0+build", "1.0"), ("", "")] {
            assert_eq!(order(Kind::Node, a, b), Ordering::Equal, "{a} {b}");
        }
    }
}
