//! Addresses: where a registry's answers point to, and whether that is the same server.

use std::net::IpAddr;

use bareboat_model::{Error, Result, escape};
use ureq::http::Uri;

/// A server: what credentials may be sent to. Scheme, host in lower case, port.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Origin {
    pub(super) scheme: String,
    pub(super) host: String,
    pub(super) port: u16,
}

impl Origin {
    /// The server of `url`.
    pub(super) fn of(url: &str) -> Result<Self> {
        let wrong =
            || Error::new(format!("`{}` is no address", super::shown(&crate::http::without_password(url))));
        let uri: Uri = url.parse().map_err(|_| wrong())?;
        let scheme = uri.scheme_str().ok_or_else(wrong)?.to_ascii_lowercase();
        let host = uri.host().filter(|host| !host.is_empty()).ok_or_else(wrong)?.to_ascii_lowercase();
        let known = match scheme.as_str() {
            "https" => 443,
            "http" => 80,
            _ => return Err(wrong()),
        };
        let authority = uri.authority().map_or("", |authority| authority.as_str());
        let port =
            match authority.rsplit('@').next().and_then(|rest| rest.get(host.len()..)?.strip_prefix(':')) {
                Some(port) => port.parse().map_err(|_| wrong())?,
                None => known,
            };
        Ok(Self { scheme, host, port })
    }

    /// `HOST:PORT`, or `HOST` if the port is the usual one.
    pub(super) fn authority(&self) -> String {
        match (self.scheme.as_str(), self.port) {
            ("https", 443) | ("http", 80) => self.host.clone(),
            _ => format!("{}:{}", self.host, self.port),
        }
    }

    /// Whether what is sent cannot be read on the way: it is encrypted, or does not leave this machine.
    pub(super) fn is_private(&self) -> bool {
        self.scheme == "https" || is_loopback(&self.host)
    }
}

/// Whether an authority (`HOST[:PORT]`) is this machine itself, by name or number.
pub(super) fn is_loopback(authority: &str) -> bool {
    let host = match authority.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => host,
        _ => authority,
    };
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    bare.eq_ignore_ascii_case("localhost")
        || bare.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// What `location` means in an answer from `base`: all kinds of relative references (RFC 3986 section 4.2).
pub(super) fn resolve(base: &str, location: &str) -> Result<String> {
    let location = location.split('#').next().unwrap_or_default();
    let origin = Origin::of(base)?;
    let root = format!("{}://{}", origin.scheme, origin.authority());
    let after_root =
        base.split_once("://").map_or("", |(_, rest)| &rest[rest.find(['/', '?']).unwrap_or(rest.len())..]);
    let path = after_root.split('?').next().unwrap_or_default();
    let is_scheme = |text: &str| text.bytes().all(|byte| byte.is_ascii_alphanumeric());
    let url = if location.split_once("://").is_some_and(|(scheme, _)| is_scheme(scheme)) {
        location.to_owned()
    } else if location.starts_with("//") {
        format!("{}:{location}", origin.scheme)
    } else if location.starts_with('/') {
        format!("{root}{location}")
    } else if location.starts_with('?') {
        format!("{root}{path}{location}")
    } else {
        let folder = &path[..path.rfind('/').map_or(0, |at| at + 1)];
        format!("{root}{folder}{location}")
    };
    let target = Origin::of(&url)?;
    // Behind a proxy that ends TLS, a registry takes itself to be plain HTTP.
    let same = target.host == origin.host && (target.port == origin.port || target.port == 80);
    match (origin.scheme.as_str(), url.strip_prefix("http://")) {
        ("https", Some(rest)) if same => {
            let rest = &rest[rest.find(['/', '?']).unwrap_or(rest.len())..];
            Ok(format!("{root}{rest}"))
        }
        ("https", Some(_)) if !is_loopback(&target.host) || !is_loopback(&origin.host) => {
            Err(Error::new(format!(
                "the registry sends us from https to `{}`, without encryption",
                escape(&crate::http::without_password(&url))
            )))
        }
        _ => Ok(url),
    }
}

/// `url` with one more parameter.
pub(super) fn with_param(url: &str, name: &str, value: &str) -> String {
    let sign = if url.contains('?') { '&' } else { '?' };
    format!("{url}{sign}{name}={}", crate::http::encode_path(value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn locations_are_resolved() {
        let base = "https://r.test:5000/v2/a/blobs/uploads/?mount=x";
        for (location, expected) in [
            ("/v2/up/1?state=a", "https://r.test:5000/v2/up/1?state=a"),
            ("https://r.test:5000/x#part", "https://r.test:5000/x"),
            ("https://store.test/x", "https://store.test/x"),
            ("//store.test/x", "https://store.test/x"),
            ("?state=b", "https://r.test:5000/v2/a/blobs/uploads/?state=b"),
            ("one?u=http://x", "https://r.test:5000/v2/a/blobs/uploads/one?u=http://x"),
            ("http://r.test:5000/v2/up", "https://r.test:5000/v2/up"),
            ("http://r.test/v2/up", "https://r.test:5000/v2/up"),
        ] {
            assert_eq!(resolve(base, location).unwrap(), expected, "{location}");
        }
        for location in [
            "http://store.test/x",
            "http://127.0.0.1:9/x",
            "ftp://store.test/x",
            "https:///x",
            "https://r.test:99999/",
            "http://a b/",
        ] {
            assert!(resolve(base, location).is_err(), "{location}");
        }
        assert_eq!(resolve("https://localhost", "http://127.0.0.1:9/x").unwrap(), "http://127.0.0.1:9/x");
        assert_eq!(resolve("http://r.test", "/x").unwrap(), "http://r.test/x");
        assert_eq!(resolve("http://r.test/y", "http://store.test/x").unwrap(), "http://store.test/x");
    }

    #[test]
    fn servers_are_told_apart() {
        let origin = |url: &str| Origin::of(url).unwrap();
        assert_eq!(origin("https://R.test/x"), origin("https://r.test:443/y?z"));
        assert_ne!(origin("https://r.test/"), origin("http://r.test/"));
        assert_ne!(origin("https://r.test/"), origin("https://r.test:444/"));
        assert_ne!(origin("https://r.test/"), origin("https://r.test.evil.test/"));
        assert_eq!(origin("https://user:pw@r.test/").host, "r.test");
        assert!(origin("http://[::1]:5000/").is_private() && origin("https://r.test/").is_private());
        assert!(!origin("http://r.test/").is_private());
        for (authority, expected) in [
            ("localhost:5000", true),
            ("LOCALHOST", true),
            ("127.9.9.9:1", true),
            ("[::1]:5000", true),
            ("[::1]", true),
            ("10.0.0.1:5000", false),
            ("localhost.evil.test", false),
            ("127.0.0.1.evil.test", false),
        ] {
            assert_eq!(is_loopback(authority), expected, "{authority}");
        }
    }
}
