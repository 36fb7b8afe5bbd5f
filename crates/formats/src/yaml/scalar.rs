//! What a plain scalar means to Kubernetes: YAML 1.1 as `sigs.k8s.io/yaml` reads it (its `goyaml.v2`, `resolve.go`), where
//! `yes` is true and `0644` is octal.

use super::{Node, Value};

/// What a scalar means.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Scalar<'a> {
    /// Nothing, `~`, `null`.
    Null,
    /// `true`, and `yes`, `on` and `y` too.
    Boolean(bool),
    /// A whole number in base 2, 8, 10 or 16.
    Integer(i128),
    /// Another number.
    Float(f64),
    /// All else, and all that stands in quotes. Dates are text: nothing in a pod is a date.
    Text(&'a str),
}

impl Node {
    /// What a scalar means to Kubernetes; nothing for lists and mappings.
    ///
    /// ```
    /// use bareboat_formats::yaml::{Scalar, parse};
    /// let mode = parse("0644", std::path::Path::new("f.yaml")).unwrap();
    /// assert_eq!(mode.scalar(), Some(Scalar::Integer(0o644)));
    /// ```
    pub fn scalar(&self) -> Option<Scalar<'_>> {
        match &self.value {
            Value::Scalar { text, plain: false } => Some(Scalar::Text(text)),
            Value::Scalar { text, plain: true } => Some(resolved(text)),
            _ => None,
        }
    }
}

fn resolved(text: &str) -> Scalar<'_> {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Scalar::Null,
        "y" | "Y" | "yes" | "Yes" | "YES" | "true" | "True" | "TRUE" | "on" | "On" | "ON" => {
            return Scalar::Boolean(true);
        }
        "n" | "N" | "no" | "No" | "NO" | "false" | "False" | "FALSE" | "off" | "Off" | "OFF" => {
            return Scalar::Boolean(false);
        }
        ".nan" | ".NaN" | ".NAN" => return Scalar::Float(f64::NAN),
        ".inf" | ".Inf" | ".INF" | "+.inf" | "+.Inf" | "+.INF" => return Scalar::Float(f64::INFINITY),
        "-.inf" | "-.Inf" | "-.INF" => return Scalar::Float(f64::NEG_INFINITY),
        _ => {}
    }
    if !text.starts_with(|c: char| c.is_ascii_digit() || matches!(c, '+' | '-' | '.')) {
        return Scalar::Text(text);
    }
    let digits = text.replace('_', "");
    match integer(&digits) {
        Some(number) => Scalar::Integer(number),
        None if is_float(&digits) => digits.parse().map_or(Scalar::Text(text), Scalar::Float),
        None => Scalar::Text(text),
    }
}

/// As Go's `strconv.ParseInt` reads it with base 0: the prefix tells the base, and so does a leading zero.
fn integer(text: &str) -> Option<i128> {
    let (negative, digits) = match text.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let lower = digits.to_ascii_lowercase();
    let (digits, base) = match lower.get(..2) {
        Some("0x") => (&lower[2..], 16),
        Some("0o") => (&lower[2..], 8),
        Some("0b") => (&lower[2..], 2),
        Some(two) if two.starts_with('0') => (&lower[1..], 8),
        _ => (&*lower, 10),
    };
    let digit = |c: char| c.is_digit(base);
    let number = i128::from_str_radix(Some(digits).filter(|digits| digits.chars().all(digit))?, base).ok()?;
    let number = if negative { -number } else { number };
    // What fits neither 64 bits with a sign nor without one is a number with a fraction.
    (i128::from(i64::MIN)..=i128::from(u64::MAX)).contains(&number).then_some(number)
}

/// `[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?`
fn is_float(text: &str) -> bool {
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    let (mantissa, exponent) = unsigned
        .split_once(['e', 'E'])
        .map_or((unsigned, None), |(mantissa, exponent)| (mantissa, Some(exponent)));
    let digits = |text: &str| text.chars().all(|c| c.is_ascii_digit());
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let has_digits = !whole.is_empty() || !fraction.is_empty();
    let exponent_fits = exponent.is_none_or(|exponent| {
        let exponent = exponent.strip_prefix(['-', '+']).unwrap_or(exponent);
        !exponent.is_empty() && digits(exponent)
    });
    has_digits && digits(whole) && digits(fraction) && exponent_fits
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scalars_mean_what_kubernetes_takes_them_for() {
        for (text, expected) in [
            ("yes", Scalar::Boolean(true)),
            ("y", Scalar::Boolean(true)),
            ("Off", Scalar::Boolean(false)),
            ("tRue", Scalar::Text("tRue")),
            ("~", Scalar::Null),
            ("10", Scalar::Integer(10)),
            ("0644", Scalar::Integer(0o644)),
            ("0o17", Scalar::Integer(15)),
            ("0x1F", Scalar::Integer(31)),
            ("-0b11", Scalar::Integer(-3)),
            ("1_000", Scalar::Integer(1000)),
            ("+1", Scalar::Integer(1)),
            ("0", Scalar::Integer(0)),
            ("-0", Scalar::Integer(0)),
            ("08", Scalar::Float(8.0)),
            ("1.5", Scalar::Float(1.5)),
            (".5", Scalar::Float(0.5)),
            ("1e3", Scalar::Float(1000.0)),
            (".", Scalar::Text(".")),
            ("1.2.3", Scalar::Text("1.2.3")),
            ("500m", Scalar::Text("500m")),
            ("2026-11-21", Scalar::Text("2026-11-21")),
            ("-c", Scalar::Text("-c")),
            ("0x", Scalar::Text("0x")),
            ("--1", Scalar::Text("--1")),
            ("18446744073709551615", Scalar::Integer(i128::from(u64::MAX))),
            ("99999999999999999999", Scalar::Float(1e20)),
            (".inf", Scalar::Float(f64::INFINITY)),
        ] {
            assert_eq!(resolved(text), expected, "{text}");
        }
    }
}
