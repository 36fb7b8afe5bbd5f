//! Paths of files within an archive, as its signed Release and Packages files name them.

use bareboat_model::{Error, Result, escape};

/// Longer paths than this are not in any archive; the longest in Debian has about 200 bytes.
const MAX_LENGTH: usize = 1024;

/// Checks a path that an archive names, and drops a leading `./` (flat archives write `./foo_1_all.deb`).
///
/// Such a path becomes part of a URL and of a file name in the cache: it must stay below where it is put.
///
/// # Errors
/// When the path is empty, absolute or too long, has an empty, `.` or `..` component, a backslash, a blank, or
/// anything that is not printable ASCII.
pub(crate) fn check(path: &str) -> Result<&str> {
    let relative = path.strip_prefix("./").unwrap_or(path);
    let wrong = |why: &str| Err(Error::new(format!("path `{}` {why}", escape(path))));
    if relative.len() > MAX_LENGTH {
        return Err(Error::new(format!(
            "a path has {} bytes, at most {MAX_LENGTH} expected",
            relative.len()
        )));
    }
    if relative.starts_with('/') {
        return wrong("is absolute");
    }
    if relative.split('/').any(|name| matches!(name, "" | "." | "..")) {
        return wrong("has an empty, `.` or `..` component");
    }
    // Debian's file names are made of package names and versions, all ASCII (Policy 5.6).
    if !relative.bytes().all(|b| b.is_ascii_graphic() && b != b'\\') {
        return wrong("has a blank, a backslash or something else that is not printable ASCII");
    }
    Ok(relative)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ordinary_paths_pass() {
        for (given, expected) in [
            (
                "pool/main/g/gcc-14/libstdc++6_14.2.0-19_amd64.deb",
                "pool/main/g/gcc-14/libstdc++6_14.2.0-19_amd64.deb",
            ),
            ("./foo_1%3a2_all.deb", "foo_1%3a2_all.deb"),
            ("a..b/.c", "a..b/.c"),
        ] {
            assert_eq!(check(given).unwrap(), expected);
        }
    }

    #[test]
    fn paths_that_could_lead_elsewhere_are_refused() {
        let long = "a/".repeat(600) + "a";
        for path in [
            "",
            "./",
            "/etc/passwd",
            ".//etc/passwd",
            "..",
            "a/../b",
            "a//b",
            "a/.",
            "a/",
            "a\\b",
            "a b",
            "a\nb",
            &long,
        ] {
            assert!(check(path).is_err(), "{path:?}");
        }
    }
}
