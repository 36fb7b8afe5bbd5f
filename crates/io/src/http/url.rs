//! URLs: paths encoded for them, `file:` URLs turned into paths, and passwords kept out of messages.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;
use std::path::PathBuf;

use bareboat_model::{Error, Result, escape};

/// `path` as it stands in a URL: every byte that RFC 3986 section 2.3 does not call unreserved is written
/// `%XX`, apart from the slashes. Version numbers in pool paths hold `+`, which some servers take for a
/// space.
///
/// ```
/// assert_eq!(bareboat_io::http::encode_path("pool/g++_1:2~rc1.deb"), "pool/g%2B%2B_1%3A2~rc1.deb");
/// ```
pub fn encode_path(path: &str) -> String {
    let mut out = String::with_capacity(path.len());
    for &byte in path.as_bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' => {
                out.push(byte as char);
            }
            _ => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out
}

/// `url` for a message: escaped, and with the password (or token) before an `@` left out.
///
/// ```
/// let shown = bareboat_io::http::without_password("https://me:secret@mirror.test/debian");
/// assert_eq!(shown, "https://me:…@mirror.test/debian");
/// ```
pub fn without_password(url: &str) -> String {
    let shown = || {
        let (scheme, rest) = url.split_once("://")?;
        let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        let (user, host) = authority.rsplit_once('@')?;
        let user = user.split(':').next().unwrap_or_default();
        Some(format!("{scheme}://{user}:…@{host}{path}"))
    };
    escape(&shown().unwrap_or_else(|| url.to_owned()))
}

/// The path that a `file:` URL names (RFC 8089); `None` for any other scheme.
pub(super) fn disk_path(url: &str) -> Option<Result<PathBuf>> {
    let rest = url.strip_prefix("file:")?;
    let path = match rest.strip_prefix("//") {
        Some(after) => after.strip_prefix("localhost").unwrap_or(after),
        None => rest,
    };
    if !path.starts_with('/') {
        return Some(Err(Error::new("a file: URL must hold an absolute path, as file:///srv/debian")));
    }
    Some(decode(path).map(|bytes| OsString::from_vec(bytes).into()))
}

fn decode(path: &str) -> Result<Vec<u8>> {
    let mut bytes = Vec::with_capacity(path.len());
    let mut rest = path.as_bytes();
    while let [first, after @ ..] = rest {
        rest = after;
        if *first != b'%' {
            bytes.push(*first);
            continue;
        }
        let digits = after.first_chunk().and_then(|&[high, low]| Some([hex_digit(high)?, hex_digit(low)?]));
        let Some([high, low]) = digits else {
            return Err(Error::new("a `%` in it is not followed by two hex digits"));
        };
        bytes.push(high << 4 | low);
        rest = &after[2..];
    }
    Ok(bytes)
}

fn hex_digit(byte: u8) -> Option<u8> {
    (byte as char).to_digit(16).map(|digit| digit as u8)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn file_urls_name_paths() {
        for (url, expected) in [
            ("file:///srv/debian/pool/g%2B%2B", Some("/srv/debian/pool/g++")),
            ("file:/srv/debian", Some("/srv/debian")),
            ("file://localhost/srv", Some("/srv")),
            ("file:srv", None),
            ("file://elsewhere", None),
            ("file:///a%2", None),
            ("file:///a%zz", None),
            ("file:///a%+1", None),
            ("file:///a%é", None),
        ] {
            let path = disk_path(url).unwrap();
            assert_eq!(path.ok(), expected.map(PathBuf::from), "{url}");
        }
        assert!(disk_path("http://mirror.test/").is_none());
    }

    #[test]
    fn every_encoded_path_is_decoded_to_itself() {
        let all: String = (1..=255).filter_map(char::from_u32).collect();
        assert_eq!(decode(&encode_path(&all)).unwrap(), all.as_bytes());
    }

    #[test]
    fn urls_without_a_password_are_shown_as_they_are() {
        for url in ["http://mirror.test:8080/a@b", "file:///a", "nonsense", "http://mirror.test"] {
            assert_eq!(without_password(url), url);
        }
        assert_eq!(without_password("https://token@mirror.test"), "https://token:…@mirror.test");
        assert_eq!(without_password("http://mirror.test/\x1b[2J"), "http://mirror.test/\\u{1b}[2J");
    }
}
