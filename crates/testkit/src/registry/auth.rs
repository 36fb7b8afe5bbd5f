//! Who asks: names and passwords, tokens.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::Auth;
use crate::serve::decode;

/// The tokens that were handed out: what each allows, and until when.
#[derive(Default)]
pub(super) struct Tokens {
    known: BTreeMap<String, (Vec<String>, Instant)>,
    handed_out: u32,
}

/// What a request does, in a scope's words: `repository:NAME:ACTION`.
pub(super) struct Deed<'a> {
    pub(super) repository: &'a str,
    pub(super) action: &'static str,
}

impl Deed<'_> {
    fn is_allowed_by(&self, scopes: &[String]) -> bool {
        // `/v2/` itself asks only that there is a token.
        self.repository.is_empty()
            || scopes.iter().any(|scope| {
                let rest =
                    scope.strip_prefix("repository:").and_then(|rest| rest.strip_prefix(self.repository));
                let actions = rest.and_then(|rest| rest.strip_prefix(':'));
                actions.is_some_and(|actions| actions.split(',').any(|action| action == self.action))
            })
    }
}

/// None if the request may go on; else the challenge that it is answered with.
pub(super) fn challenge(
    auth: &Auth,
    tokens: &Tokens,
    own_url: &str,
    authorization: Option<&str>,
    deed: &Deed<'_>,
) -> Option<String> {
    match auth {
        Auth::None => None,
        Auth::Basic { user, password } => {
            let knows = authorization == Some(&basic(user, password));
            (!knows).then(|| "Basic realm=\"fake\"".to_owned())
        }
        Auth::Bearer { realm, .. } => {
            let token = authorization.and_then(|header| header.strip_prefix("Bearer "));
            let known = token.and_then(|token| tokens.known.get(token));
            if known.is_some_and(|(scopes, until)| deed.is_allowed_by(scopes) && *until > Instant::now()) {
                return None;
            }
            let realm = realm.clone().unwrap_or_else(|| format!("{own_url}/token"));
            let scope = match deed.repository {
                "" => String::new(),
                name => format!(",scope=\"repository:{name}:{}\"", deed.action),
            };
            Some(format!("Bearer realm=\"{realm}\",service=\"fake registry\"{scope}"))
        }
    }
}

/// Answers a request for a token: its text, or nothing for somebody who may have none.
pub(super) fn hand_out(
    auth: &Auth,
    tokens: &mut Tokens,
    authorization: Option<&str>,
    query: &str,
    form: &str,
) -> Option<String> {
    let Auth::Bearer { user, password, identity, anonymous_pull, life, .. } = auth else { return None };
    let value = |text: &str, wanted: &str| -> Vec<String> {
        let pairs = text.split('&').filter_map(|pair| pair.split_once('='));
        pairs.filter(|(name, _)| *name == wanted).map(|(_, value)| decode(value)).collect()
    };
    let knows_identity = identity.as_ref().is_some_and(|identity| {
        value(form, "refresh_token").first() == Some(identity)
            && value(form, "grant_type").first().map(String::as_str) == Some("refresh_token")
    });
    let is_user = authorization == Some(&basic(user, password)) || knows_identity;
    if !is_user && (authorization.is_some() || !form.is_empty() || !anonymous_pull) {
        return None;
    }
    let asked = value(query, "scope").into_iter().chain(value(form, "scope"));
    let asked: Vec<String> =
        asked.flat_map(|scopes| scopes.split(' ').map(str::to_owned).collect::<Vec<_>>()).collect();
    let granted = asked
        .into_iter()
        .filter(|_| is_user || *anonymous_pull)
        .map(|scope| match (is_user, scope.rsplit_once(':')) {
            (false, Some((name, _))) => format!("{name}:pull"),
            _ => scope,
        })
        .collect();
    tokens.handed_out += 1;
    let token = format!("token-{}", tokens.handed_out);
    tokens.known.insert(token.clone(), (granted, Instant::now() + Duration::from_secs(*life)));
    Some(format!(r#"{{"token":"{token}","expires_in":{life}}}"#))
}

fn basic(user: &str, password: &str) -> String {
    format!("Basic {}", STANDARD.encode(format!("{user}:{password}")))
}
