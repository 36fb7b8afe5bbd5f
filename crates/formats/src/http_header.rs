//! Headers by which registries steer their clients: what they want before they answer (`WWW-Authenticate`, RFC 9110 section
//! 11.6.1), and where a list goes on (`Link`, RFC 8288).

use std::collections::BTreeMap;

/// How to prove who one is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Challenge {
    /// By name and password.
    Basic,
    /// By a token, to be had elsewhere (the registries' token specification).
    Bearer {
        /// Where tokens are handed out.
        realm: String,
        /// What the registry is called there.
        service: Option<String>,
        /// What the token must allow.
        scope: Option<String>,
    },
}

/// The challenge to answer, of all that `WWW-Authenticate` headers offer: a token rather than a password.
///
/// ```
/// use bareboat_formats::http_header::{Challenge, challenge};
/// assert_eq!(challenge(["Negotiate, Basic realm=\"a registry\""]), Some(Challenge::Basic));
/// ```
pub fn challenge<'a>(headers: impl IntoIterator<Item = &'a str>) -> Option<Challenge> {
    let mut basic = false;
    for offer in headers.into_iter().flat_map(parse) {
        match offer.scheme.as_str() {
            "basic" => basic = true,
            "bearer" => {
                let mut params = offer.params;
                if let Some(realm) = params.remove("realm").filter(|realm| !realm.is_empty()) {
                    let mut take = |name: &str| params.remove(name).filter(|value| !value.is_empty());
                    return Some(Challenge::Bearer { realm, service: take("service"), scope: take("scope") });
                }
            }
            _ => {}
        }
    }
    basic.then_some(Challenge::Basic)
}

/// One challenge: its scheme and the names of its parameters in lower case.
#[derive(Debug, Default)]
struct Offer {
    scheme: String,
    params: BTreeMap<String, String>,
}

/// All challenges of one header. What is malformed ends the reading; what stood before it counts.
fn parse(header: &str) -> Vec<Offer> {
    let mut offers: Vec<Offer> = Vec::new();
    let mut rest = header;
    loop {
        rest = rest.trim_start_matches([' ', '\t', ',']);
        let (name, after) = split_token(rest);
        if name.is_empty() {
            return offers;
        }
        // `name = value` belongs to the challenge before it; a name by itself begins one.
        let value = after.trim_start_matches([' ', '\t']).strip_prefix('=');
        match (value, offers.last_mut()) {
            (Some(value), Some(offer)) => {
                let Some((value, after)) = split_value(value.trim_start_matches([' ', '\t'])) else {
                    return offers;
                };
                // The first of two counts: what comes behind must not override it.
                offer.params.entry(name.to_ascii_lowercase()).or_insert(value);
                rest = after;
            }
            (Some(_), None) => return offers,
            (None, _) => {
                offers.push(Offer { scheme: name.to_ascii_lowercase(), params: BTreeMap::new() });
                rest = skip_token68(after);
            }
        }
    }
}

/// A token (RFC 9110 section 5.6.2) and what follows it.
fn split_token(text: &str) -> (&str, &str) {
    let is_token = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c);
    text.split_at(text.find(|c| !is_token(c)).unwrap_or(text.len()))
}

/// A token or a quoted string, and what follows it. None if the quotes are never closed.
fn split_value(text: &str) -> Option<(String, &str)> {
    let Some(quoted) = text.strip_prefix('"') else {
        // Some servers leave the quotes away where the standard wants them.
        let (value, rest) = text.split_at(text.find([',', ' ', '\t']).unwrap_or(text.len()));
        return Some((value.to_owned(), rest));
    };
    let mut value = String::new();
    let mut letters = quoted.char_indices();
    while let Some((at, c)) = letters.next() {
        match c {
            '"' => return Some((value, &quoted[at + 1..])),
            '\\' => value.push(letters.next()?.1),
            c => value.push(c),
        }
    }
    None
}

/// Skips the bare value that may stand in place of parameters, as in `Negotiate YII=`.
fn skip_token68(text: &str) -> &str {
    let start = text.trim_start_matches([' ', '\t']);
    let end =
        start.find(|c: char| !c.is_ascii_alphanumeric() && !"-._~+/".contains(c)).unwrap_or(start.len());
    let after = start[end..].trim_start_matches('=').trim_start_matches([' ', '\t']);
    if end > 0 && start.len() < text.len() && (after.is_empty() || after.starts_with(',')) {
        after
    } else {
        text
    }
}

/// The address that a `Link` header calls `next` (RFC 8288): `</v2/x/tags/list?last=b>; rel="next"`.
pub fn next_link(header: &str) -> Option<&str> {
    let mut rest = header;
    loop {
        let (target, after) = rest.trim_start_matches([' ', '\t', ',']).strip_prefix('<')?.split_once('>')?;
        let (params, others) = after
            .split_once(", <")
            .map_or((after, None), |(params, _)| (params, Some(&after[params.len() + 2..])));
        let is_next = params.split(';').any(|param| {
            let (name, value) = param.split_once('=').unwrap_or((param, ""));
            name.trim().eq_ignore_ascii_case("rel")
                && value
                    .trim()
                    .trim_matches('"')
                    .split(' ')
                    .any(|relation| relation.eq_ignore_ascii_case("next"))
        });
        if is_next {
            return Some(target);
        }
        rest = others?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bearer(realm: &str, service: Option<&str>, scope: Option<&str>) -> Option<Challenge> {
        let owned = |text: Option<&str>| text.map(str::to_owned);
        Some(Challenge::Bearer { realm: realm.to_owned(), service: owned(service), scope: owned(scope) })
    }

    #[test]
    fn challenges_are_read_as_the_standard_has_them() {
        let hub = r#"Bearer realm="https://auth.test/token",service="registry.test",scope="repository:a/b:pull,push""#;
        for (headers, expected) in [
            (
                vec![hub],
                bearer("https://auth.test/token", Some("registry.test"), Some("repository:a/b:pull,push")),
            ),
            (vec![r#"Basic realm="Registry Realm""#], Some(Challenge::Basic)),
            (vec!["Basic"], Some(Challenge::Basic)),
            (vec!["bAsIc ReAlM=x"], Some(Challenge::Basic)),
            // Several in one header, and in several.
            (vec![r#"Basic realm="x, Bearer realm=y", Bearer realm="z""#], bearer("z", None, None)),
            (vec![r#"Basic realm="x""#, r#"Bearer realm="z""#], bearer("z", None, None)),
            (vec!["Negotiate YII==, Basic realm=x"], Some(Challenge::Basic)),
            (vec!["Negotiate, Bearer realm=z"], bearer("z", None, None)),
            // Quotes, escapes, spaces, missing quotes.
            (vec![r#"Bearer realm="a\"b\\c""#], bearer(r#"a"b\c"#, None, None)),
            (vec![r#"Bearer realm = "z" , service = "s""#], bearer("z", Some("s"), None)),
            (
                vec!["Bearer realm=https://auth.test/token,service=s"],
                bearer("https://auth.test/token", Some("s"), None),
            ),
            (vec![r#",, Bearer realm="z",,scope="""#], bearer("z", None, None)),
            (vec![r#"Bearer realm="z",realm="evil""#], bearer("z", None, None)),
            // What is none.
            (vec![], None),
            (vec![""], None),
            (vec!["Digest realm=x"], None),
            (vec!["Bearer"], None),
            (vec![r#"Bearer realm="""#], None),
            (vec![r#"Bearer realm="z"#], None),
            (vec![r#"Bearer realm="z\"#], None),
            (vec![r#"realm="z""#], None),
            (vec!["Bearer realm"], None),
            (vec!["\u{1b}[2J é"], None),
        ] {
            assert_eq!(challenge(headers.iter().copied()), expected, "{headers:?}");
        }
    }

    #[test]
    fn the_next_page_is_found() {
        for (header, expected) in [
            (r#"</v2/x/tags/list?n=2&last=b>; rel="next""#, Some("/v2/x/tags/list?n=2&last=b")),
            ("</next>; rel=next", Some("/next")),
            (r#"</prev>; rel="prev", </a,b>; title="x"; REL="last next""#, Some("/a,b")),
            (r#"</prev>; rel="prev""#, None),
            ("", None),
            ("</broken", None),
            ("/bare; rel=next", None),
        ] {
            assert_eq!(next_link(header), expected, "{header}");
        }
    }

    proptest::proptest! {
        /// Pieces of headers in any order: nothing panics, and what is found stood there.
        #[test]
        fn any_header_can_be_read(
            pieces in proptest::collection::vec("Bearer|Basic|realm|rel|next|[ ,;=\"\\\\<>~/é]|[a-z]{1,3}", 0..40)
        ) {
            let header = pieces.concat();
            if let Some(Challenge::Bearer { realm, .. }) = challenge([header.as_str()]) {
                proptest::prop_assert!(!realm.is_empty());
            }
            proptest::prop_assert!(next_link(&header).is_none_or(|next| header.contains(next)));
        }
    }
}
