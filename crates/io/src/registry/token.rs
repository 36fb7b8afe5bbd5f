//! Tokens: fetched once for what they allow, kept until they end.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use bareboat_model::Error;
use serde::Deserialize;

use crate::http::retry::Failure;

/// How long a token holds if its server does not say ("should default to 60 seconds", token specification).
const USUAL_LIFE: u64 = 60;

/// A token that ends this soon is not used any more: a request takes a moment to arrive.
const LAST_SECONDS: u64 = 5;

/// A token for many scopes is some kilobytes.
pub(super) const LARGEST_ANSWER: u64 = 1 << 20;

/// No server takes a longer header: the usual limits are 8 to 32 KiB.
const LONGEST: usize = 64 << 10;

/// What a token is for.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(super) struct Purpose {
    /// The registry that asks for it, by its address. Another one may name the same realm, service and scopes, and would be
    /// handed what is not its own.
    pub(super) registry: String,
    /// Where it is handed out.
    pub(super) realm: String,
    /// For whom.
    pub(super) service: Option<String>,
    /// What it allows, such as `repository:team/app:pull`.
    pub(super) scopes: BTreeSet<String>,
}

/// A token, until when it holds.
#[derive(Clone)]
pub(super) struct Token {
    pub(super) text: String,
    until: Instant,
}

/// What token servers answer.
#[derive(Deserialize)]
struct Answer {
    token: Option<String>,
    access_token: Option<String>,
    expires_in: Option<f64>,
}

impl Token {
    /// Reads a server's answer.
    pub(super) fn read(bytes: &[u8], now: Instant) -> Result<Self, Error> {
        let answer: Answer = serde_json::from_slice(bytes)
            .map_err(|_| Error::new("the token server does not answer with a token"))?;
        let text = answer.token.into_iter().chain(answer.access_token).find(|text| !text.is_empty());
        let text = text.ok_or_else(|| Error::new("the token server does not answer with a token"))?;
        if text.len() > LONGEST {
            return Err(Error::new(format!("the token server's token is too large: {} bytes", text.len())));
        }
        if !text.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(Error::new("the token server's token holds what no token may hold"));
        }
        let life = answer
            .expires_in
            .filter(|life| *life >= 1.0 && *life < 1e9)
            .map_or(USUAL_LIFE, |life| life as u64);
        Ok(Self { text, until: now + Duration::from_secs(life.saturating_sub(LAST_SECONDS)) })
    }
}

/// The tokens of a run.
#[derive(Default)]
pub(super) struct Tokens(Mutex<HashMap<Purpose, Arc<Mutex<Option<Token>>>>>);

impl Tokens {
    /// The token for `purpose`: the one that is kept, unless it is the one that was `refused`; else what `fetch` brings.
    /// Of several threads that want the same token, one fetches it.
    pub(super) fn get(
        &self,
        purpose: &Purpose,
        refused: Option<&str>,
        fetch: impl FnOnce() -> Result<Token, Failure>,
    ) -> Result<String, Failure> {
        let place = {
            let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(known.entry(purpose.clone()).or_default())
        };
        let mut kept = place.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(token) = kept.as_ref()
            && token.until > Instant::now()
            && refused != Some(token.text.as_str())
        {
            return Ok(token.text.clone());
        }
        let token = fetch()?;
        let text = token.text.clone();
        *kept = Some(token);
        Ok(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_of_token_servers() {
        let now = Instant::now();
        for (answer, expected) in [
            (r#"{"token":"t"}"#, Some(("t", 55))),
            (r#"{"access_token":"a","expires_in":300,"issued_at":"2026-01-01T00:00:00Z"}"#, Some(("a", 295))),
            (r#"{"token":"t","access_token":"a","expires_in":0}"#, Some(("t", 55))),
            (r#"{"token":"","access_token":"a","expires_in":-1}"#, Some(("a", 55))),
            (r#"{"token":"t","expires_in":1e300}"#, Some(("t", 55))),
            (r#"{"token":"t","expires_in":3}"#, Some(("t", 0))),
            (r#"{"token":"a b"}"#, None),
            ("{\"token\":\"a\\r\\nX: y\"}", None),
            (r#"{}"#, None),
            ("<html>", None),
        ] {
            let token = Token::read(answer.as_bytes(), now).ok();
            let found = token.as_ref().map(|t| (t.text.as_str(), (t.until - now).as_secs()));
            assert_eq!(found, expected, "{answer}");
        }
    }

    #[test]
    fn a_token_that_no_server_takes_is_refused() {
        let answer = format!(r#"{{"token":"{}"}}"#, "a".repeat(900_000));
        let error = Token::read(answer.as_bytes(), Instant::now()).err().unwrap().to_string();
        assert_eq!(error, "the token server's token is too large: 900000 bytes");
    }

    #[test]
    fn a_token_is_fetched_once_and_again_when_it_was_refused() {
        let tokens = Tokens::default();
        let purpose =
            Purpose { registry: "h".into(), realm: "r".into(), service: None, scopes: BTreeSet::new() };
        let fetched = std::cell::Cell::new(0);
        let get = |refused: Option<&str>| {
            let fetch = || {
                fetched.set(fetched.get() + 1);
                let text = format!("t{}", fetched.get());
                Ok(Token { text, until: Instant::now() + Duration::from_secs(60) })
            };
            tokens.get(&purpose, refused, fetch).unwrap()
        };
        assert_eq!([get(None), get(None), get(Some("other"))], ["t1", "t1", "t1"]);
        assert_eq!([get(Some("t1")), get(Some("t1"))], ["t2", "t2"]);
    }
}
