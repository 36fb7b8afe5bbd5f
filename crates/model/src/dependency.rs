//! Debian's relation fields: `Depends`, `Provides`, `Conflicts` and their kin, as deb-control(5) has them.

use std::fmt;

use crate::{Arch, Error, Result, Version, escape};

/// A comparison in a versioned relation.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum RelationOp {
    /// `<<`: strictly earlier.
    Earlier,
    /// `<=`: earlier or equal. Also read from the obsolete `<`.
    EarlierOrEqual,
    /// `=`: exactly equal.
    Equal,
    /// `>=`: later or equal. Also read from the obsolete `>`.
    LaterOrEqual,
    /// `>>`: strictly later.
    Later,
}

impl RelationOp {
    /// The operators by their spelling; the longer before their prefixes, the obsolete ones last.
    const SPELLINGS: [(&'static str, Self); 7] = [
        ("<<", Self::Earlier),
        ("<=", Self::EarlierOrEqual),
        (">>", Self::Later),
        (">=", Self::LaterOrEqual),
        ("=", Self::Equal),
        ("<", Self::EarlierOrEqual),
        (">", Self::LaterOrEqual),
    ];

    /// Whether `candidate` stands in this relation to `wanted`.
    pub fn holds(self, candidate: &Version, wanted: &Version) -> bool {
        match self {
            Self::Earlier => candidate < wanted,
            Self::EarlierOrEqual => candidate <= wanted,
            Self::Equal => candidate == wanted,
            Self::LaterOrEqual => candidate >= wanted,
            Self::Later => candidate > wanted,
        }
    }
}

impl fmt::Display for RelationOp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Earlier => "<<",
            Self::EarlierOrEqual => "<=",
            Self::Equal => "=",
            Self::LaterOrEqual => ">=",
            Self::Later => ">>",
        })
    }
}

/// One package named in a relation field, with what is asked of it.
///
/// ```
/// use bareboat_model::{Version, parse_relations};
/// let field = parse_relations("python3:any (>= 3.11~), libc6 (>= 2.36) | libc6.1").unwrap();
/// let python = &field[0].0[0];
/// assert_eq!((python.name.as_str(), python.qualifier.as_deref()), ("python3", Some("any")));
/// assert!(python.satisfied_by(&Version::parse("3.11.2-1").unwrap()));
/// assert_eq!(field[1].to_string(), "libc6 (>= 2.36) | libc6.1");
/// ```
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Relation {
    /// The name of a package, real or virtual.
    pub name: String,
    /// What follows the name's colon: `any`, `native` or an architecture.
    pub qualifier: Option<String>,
    /// The versions that will do; any when absent. In `Provides`, the version that is provided.
    pub version: Option<(RelationOp, Version)>,
    /// The architectures that the relation is for, or with `!` in front is not for; all when empty.
    pub architectures: Vec<String>,
}

impl Relation {
    /// A relation to `name`, whatever its version and architecture.
    pub fn any_version(name: impl Into<String>) -> Self {
        Self { name: name.into(), qualifier: None, version: None, architectures: Vec::new() }
    }

    /// Whether this version is among those asked for. Looks at the version alone.
    pub fn satisfied_by(&self, candidate: &Version) -> bool {
        self.version.as_ref().is_none_or(|(op, wanted)| op.holds(candidate, wanted))
    }

    /// Whether the relation is meant for packages of this architecture: `[amd64 arm64]`, `[!i386]`, `[linux-any]`.
    pub fn applies_to(&self, arch: Arch) -> bool {
        let (excluded, included): (Vec<&str>, Vec<&str>) =
            self.architectures.iter().map(String::as_str).partition(|name| name.starts_with('!'));
        let matches = |name: &&str| matches_architecture(name.trim_start_matches('!'), arch);
        !excluded.iter().any(matches) && (included.is_empty() || included.iter().any(matches))
    }
}

/// Debian policy 11.1.1: architecture wildcards, for the systems that run Linux.
fn matches_architecture(pattern: &str, arch: Arch) -> bool {
    pattern == arch.debian()
        || matches!(pattern, "any" | "linux-any")
        || pattern.strip_prefix("any-").is_some_and(|cpu| cpu == arch.debian())
}

impl fmt::Display for Relation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)?;
        if let Some(qualifier) = &self.qualifier {
            write!(f, ":{qualifier}")?;
        }
        if let Some((op, version)) = &self.version {
            write!(f, " ({op} {version})")?;
        }
        if !self.architectures.is_empty() {
            write!(f, " [{}]", self.architectures.join(" "))?;
        }
        Ok(())
    }
}

/// Relations of which one is enough: `a | b | c`. Never empty when parsed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Alternatives(
    /// In order of preference.
    pub Vec<Relation>,
);

impl fmt::Display for Alternatives {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, relation) in self.0.iter().enumerate() {
            f.write_str(if at == 0 { "" } else { " | " })?;
            relation.fmt(f)?;
        }
        Ok(())
    }
}

/// Reads a relation field's value: groups between commas, all of which are asked for.
///
/// An empty value is an empty list; stray commas are passed over, as apt does.
///
/// # Errors
/// With the offset in bytes, when a name, operator, version or bracket is not as it should be.
pub fn parse_relations(text: &str) -> Result<Vec<Alternatives>> {
    let mut parser = Parser { text, at: 0 };
    parser.field().map_err(|cause| {
        let near: String = text.chars().take(80).collect();
        Error::new(format!("cannot read relations `{}`: {cause}", escape(&near)))
    })
}

/// The most relations of one field. Debian's longest, a Provides of a Rust crate, has some hundreds.
const MOST_RELATIONS: usize = 10_000;

/// Reads from left to right; `at` is an offset in bytes that always lies between two characters.
struct Parser<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Parser<'a> {
    fn field(&mut self) -> Result<Vec<Alternatives>, String> {
        let mut groups = Vec::new();
        loop {
            self.skip_space();
            if self.at == self.text.len() {
                return Ok(groups);
            }
            if self.accept(",") {
                continue;
            }
            if groups.len() == MOST_RELATIONS {
                return Err(format!("more than {MOST_RELATIONS} relations"));
            }
            groups.push(self.alternatives()?);
            self.skip_space();
            if self.at < self.text.len() && !self.accept(",") {
                return Err(self.unexpected("a comma"));
            }
        }
    }

    fn alternatives(&mut self) -> Result<Alternatives, String> {
        let mut relations = vec![self.relation()?];
        loop {
            self.skip_space();
            if !self.accept("|") {
                return Ok(Alternatives(relations));
            }
            self.skip_space();
            relations.push(self.relation()?);
        }
    }

    fn relation(&mut self) -> Result<Relation, String> {
        let name = self.word("a package name", |b| b.is_ascii_alphanumeric() || b"+-._".contains(&b))?;
        let mut relation = Relation::any_version(name);
        if self.accept(":") {
            relation.qualifier = Some(self.architecture()?.to_owned());
        }
        self.skip_space();
        if self.accept("(") {
            relation.version = Some(self.version()?);
            self.skip_space();
        }
        if self.accept("[") {
            relation.architectures = self.restrictions()?;
        }
        Ok(relation)
    }

    /// From behind the opening parenthesis to behind the closing one.
    fn version(&mut self) -> Result<(RelationOp, Version), String> {
        self.skip_space();
        let op = RelationOp::SPELLINGS.iter().find(|(spelling, _)| self.accept(spelling));
        let op = op.map(|&(_, op)| op).ok_or_else(|| self.unexpected("one of << <= = >= >>"))?;
        self.skip_space();
        let start = self.at;
        let version = self.word("a version", |b| !b.is_ascii_whitespace() && b != b')')?;
        let version = Version::parse(version).map_err(|error| format!("at offset {start}: {error}"))?;
        self.skip_space();
        if self.accept(")") { Ok((op, version)) } else { Err(self.unexpected("a closing parenthesis")) }
    }

    /// From behind the opening bracket to behind the closing one.
    fn restrictions(&mut self) -> Result<Vec<String>, String> {
        let mut names = Vec::new();
        loop {
            self.skip_space();
            if !names.is_empty() && self.accept("]") {
                return Ok(names);
            }
            let negation = if self.accept("!") { "!" } else { "" };
            names.push(format!("{negation}{}", self.architecture()?));
        }
    }

    fn architecture(&mut self) -> Result<&'a str, String> {
        self.word("an architecture", |b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
    }

    fn word(&mut self, what: &str, belongs: impl Fn(u8) -> bool) -> Result<&'a str, String> {
        let rest = &self.text[self.at..];
        let end = rest.bytes().position(|b| !belongs(b)).unwrap_or(rest.len());
        let starts_well = rest.starts_with(|c: char| c.is_ascii_alphanumeric());
        match rest.get(..end) {
            Some(word) if starts_well => {
                self.at += end;
                Ok(word)
            }
            _ => Err(self.unexpected(what)),
        }
    }

    fn accept(&mut self, token: &str) -> bool {
        let found = self.text[self.at..].starts_with(token);
        if found {
            self.at += token.len();
        }
        found
    }

    fn skip_space(&mut self) {
        let rest = &self.text[self.at..];
        self.at += rest.len() - rest.trim_ascii_start().len();
    }

    fn unexpected(&self, wanted: &str) -> String {
        let found = match self.text[self.at..].chars().next() {
            Some(c) => format!("`{}`", escape(&c.to_string())),
            None => "the end".to_owned(),
        };
        format!("expected {wanted} at offset {}, found {found}", self.at)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn one(text: &str) -> Relation {
        parse_relations(text).unwrap().remove(0).0.remove(0)
    }

    fn written(text: &str) -> Vec<String> {
        parse_relations(text).unwrap().iter().map(ToString::to_string).collect()
    }

    #[test]
    fn fields_are_read_as_written_in_archives() {
        for (text, groups) in [
            ("", vec![]),
            (" , ", vec![]),
            ("libc6", vec!["libc6"]),
            ("libc6(>=2.36),zlib1g", vec!["libc6 (>= 2.36)", "zlib1g"]),
            ("a | b (<< 2) | c:any,\n d (= 1:2-3)", vec!["a | b (<< 2) | c:any", "d (= 1:2-3)"]),
            ("a (< 1), b (> 1)", vec!["a (<= 1)", "b (>= 1)"]),
            ("a ( >> 1 ) [ amd64 !i386 ] ,", vec!["a (>> 1) [amd64 !i386]"]),
            ("libstdc++6, python3.11-minimal", vec!["libstdc++6", "python3.11-minimal"]),
        ] {
            assert_eq!(written(text), groups, "{text}");
        }
    }

    #[test]
    fn what_is_not_a_relation_is_refused_with_the_place() {
        for (text, cause) in [
            ("a b", "expected a comma at offset 2, found `b`"),
            ("a | | b", "expected a package name at offset 4, found `|`"),
            ("a |", "expected a package name at offset 3, found the end"),
            ("a (2)", "expected one of << <= = >= >> at offset 3, found `2`"),
            ("a (>= 2", "expected a closing parenthesis at offset 7, found the end"),
            ("a (>= )", "expected a version at offset 6, found `)`"),
            (
                "a (>= 1_2)",
                "at offset 6: cannot read version `1_2`: character `_` at offset 1 is not allowed",
            ),
            ("a []", "expected an architecture at offset 3, found `]`"),
            ("a <!nocheck>", "expected a comma at offset 2, found `<`"),
            ("-a", "expected a package name at offset 0, found `-`"),
            ("a\u{1b}", "expected a comma at offset 1, found `\\u{1b}`"),
            ("é", "expected a package name at offset 0, found `é`"),
            ("a (= é)", "expected a version at offset 5, found `é`"),
        ] {
            let error = parse_relations(text).unwrap_err().to_string();
            assert_eq!(error, format!("cannot read relations `{}`: {cause}", escape(text)));
        }
    }

    #[test]
    fn a_relation_is_satisfied_by_the_versions_it_asks_for() {
        for (relation, yes, no) in [
            ("a (<< 2)", "2~", "2"),
            ("a (<= 2)", "2", "2.1"),
            ("a (= 2)", "0:2", "2-1"),
            ("a (>= 2)", "2", "2~"),
            ("a (>> 2)", "2-1", "2"),
        ] {
            assert!(one(relation).satisfied_by(&Version::parse(yes).unwrap()), "{relation} {yes}");
            assert!(!one(relation).satisfied_by(&Version::parse(no).unwrap()), "{relation} {no}");
        }
        assert!(one("a").satisfied_by(&Version::parse("0").unwrap()));
    }

    #[test]
    fn a_restriction_names_the_architectures_it_is_for() {
        for (relation, amd64, arm64) in [
            ("a", true, true),
            ("a [amd64]", true, false),
            ("a [!amd64 !i386]", false, true),
            ("a [linux-any]", true, true),
            ("a [any-arm64 riscv64]", false, true),
        ] {
            assert_eq!(one(relation).applies_to(Arch::Amd64), amd64, "{relation}");
            assert_eq!(one(relation).applies_to(Arch::Arm64), arm64, "{relation}");
        }
    }

    prop_compose! {
        fn relations()(
            name in "[a-z0-9][a-z0-9+.-]{1,8}",
            qualifier in prop::option::of("any|native|amd64"),
            version in prop::option::of((0_usize..5, "[0-9][a-z0-9.+~]{0,6}(-[0-9]{1,2})?")),
            architectures in prop::collection::vec("!?(amd64|arm64|linux-any)", 0..3),
        ) -> Relation {
            let version = version.map(|(op, text)| (RelationOp::SPELLINGS[op].1, Version::parse(&text).unwrap()));
            Relation { name, qualifier, version, architectures }
        }
    }

    proptest! {
        #[test]
        fn any_field_reads_back_from_what_it_displays(
            field in prop::collection::vec(prop::collection::vec(relations(), 1..4).prop_map(Alternatives), 0..4)
        ) {
            let text = field.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
            prop_assert_eq!(parse_relations(&text).unwrap(), field);
        }

        #[test]
        fn no_text_makes_it_panic(text in "[a-c|,:()\\[\\]<>=!0-9 é-]{0,30}") {
            let _ = parse_relations(&text);
        }
    }
}
