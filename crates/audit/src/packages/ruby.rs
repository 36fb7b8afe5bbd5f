//! Gems, by the name of their specification: `specifications/NAME-VERSION[-PLATFORM].gemspec`. What it says inside is
//! Ruby, which is not run.

use bareboat_model::{ImagePath, Result};

use super::{Files, Found, Kind, Package};

pub(super) fn read(path: &ImagePath, found: &mut Found) -> Result<()> {
    let name = path.file_name().unwrap_or_default();
    let stem = String::from_utf8_lossy(name.strip_suffix(b".gemspec").unwrap_or(name)).into_owned();
    let Some((name, version, platform)) = split(&stem) else { return Ok(()) };
    let mut package = Package::new(Kind::Ruby, name, version);
    package.architecture = platform.map(str::to_owned);
    let folder = gems(path).and_then(|gems| gems.join(&[b"gems/", stem.as_bytes()].concat()).ok());
    package.files = Files { paths: vec![path.clone()], folders: folder.into_iter().collect() };
    found.push(package)
}

/// The folder that holds `specifications` and `gems`.
fn gems(path: &ImagePath) -> Option<ImagePath> {
    let folder = path.parent()?;
    let specifications = if folder.file_name() == Some(b"default") { folder.parent()? } else { folder };
    specifications.parent()
}

/// A name may hold hyphens; a version begins with a digit and holds a full stop or only digits.
fn split(stem: &str) -> Option<(&str, &str, Option<&str>)> {
    let is_version = |text: &str| {
        text.starts_with(|c: char| c.is_ascii_digit())
            && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '.')
    };
    stem.match_indices('-').find_map(|(at, _)| {
        let rest = &stem[at + 1..];
        let (version, platform) = rest.split_once('-').map_or((rest, None), |(v, p)| (v, Some(p)));
        let is_platform = platform.is_none_or(|platform| !platform.starts_with(|c: char| c.is_ascii_digit()));
        (is_version(version) && is_platform).then_some((&stem[..at], version, platform))
    })
}

#[cfg(test)]
mod tests {
    use super::split;

    #[test]
    fn names_and_versions_are_told_apart() {
        for (stem, parts) in [
            ("rake-13.0.6", Some(("rake", "13.0.6", None))),
            ("net-http-2-1.0", Some(("net-http-2", "1.0", None))),
            ("net-imap-0.3.4.1", Some(("net-imap", "0.3.4.1", None))),
            ("nokogiri-1.15.4-x86_64-linux", Some(("nokogiri", "1.15.4", Some("x86_64-linux")))),
            ("rails-7.1.0.rc1", Some(("rails", "7.1.0.rc1", None))),
            ("noversion", None),
        ] {
            assert_eq!(split(stem), parts);
        }
    }
}
