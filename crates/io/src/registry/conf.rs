//! Mirrors, other places, blocked registries: `registries.conf` as containers' tools have it
//! (containers-registries.conf(5), version 2).
//!
//! Search lists and short names are not taken from there: what an image's name means must not depend on the machine.

use std::path::{Path, PathBuf};

use bareboat_model::{Context, Error, Result, escape};
use serde::Deserialize;

use crate::files::read_bounded;

const LARGEST_FILE: u64 = 4 << 20;

/// What is set for registries on this machine.
#[derive(Clone, Debug, Default)]
pub(super) struct Conf {
    registries: Vec<Entry>,
}

/// Where to pull a repository from.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Source {
    /// `HOST/PATH`.
    pub(super) name: String,
    /// Whether its certificate need not be right.
    pub(super) insecure: bool,
    /// Whether it stands in for another.
    pub(super) is_mirror: bool,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct File {
    registry: Vec<Entry>,
}

#[derive(Clone, Deserialize, Debug, Default)]
#[serde(rename_all = "kebab-case", default)]
struct Entry {
    prefix: String,
    location: String,
    insecure: bool,
    blocked: bool,
    mirror_by_digest_only: bool,
    mirror: Vec<Mirror>,
}

#[derive(Clone, Deserialize, Debug, Default)]
#[serde(rename_all = "kebab-case", default)]
struct Mirror {
    location: String,
    insecure: bool,
    pull_from_mirror: PullFrom,
}

#[derive(Clone, Copy, PartialEq, Eq, Deserialize, Debug, Default)]
#[serde(rename_all = "kebab-case")]
enum PullFrom {
    #[default]
    All,
    DigestOnly,
    TagOnly,
}

impl Conf {
    /// Reads the first of `files` that is there, and all `*.conf` in `folders`, which go before it.
    pub(super) fn read(files: &[PathBuf], folders: &[PathBuf]) -> Result<Self> {
        let mut conf = Self::default();
        for path in files {
            if conf.take_in(path)? {
                break;
            }
        }
        for folder in folders {
            let Ok(entries) = std::fs::read_dir(folder) else { continue };
            let paths = entries.flatten().map(|entry| entry.path());
            let mut paths: Vec<_> =
                paths.filter(|path| path.extension().is_some_and(|end| end == "conf")).collect();
            paths.sort();
            for path in paths {
                conf.take_in(&path)?;
            }
        }
        Ok(conf)
    }

    fn take_in(&mut self, path: &Path) -> Result<bool> {
        let doing = || format!("cannot read `{}`", path.display());
        let Some(bytes) = read_bounded(path, LARGEST_FILE).context(doing)? else { return Ok(false) };
        let text = String::from_utf8(bytes).map_err(|_| Error::new("it is not UTF-8")).context(doing)?;
        self.add(&text).context(doing)?;
        Ok(true)
    }

    /// What comes later replaces an earlier entry of the same prefix.
    fn add(&mut self, text: &str) -> Result<()> {
        let file: File = toml::from_str(text).map_err(|error| Error::new(escape(error.message())))?;
        for mut entry in file.registry {
            if entry.prefix.is_empty() {
                entry.prefix.clone_from(&entry.location);
            }
            entry.prefix.truncate(entry.prefix.trim_end_matches('/').len());
            if entry.prefix.is_empty() {
                return Err(Error::new("a [[registry]] has neither prefix nor location"));
            }
            if entry.mirror.iter().any(|mirror| mirror.location.is_empty()) {
                return Err(Error::new(format!(
                    "a [[registry.mirror]] of `{}` has no location",
                    escape(&entry.prefix)
                )));
            }
            self.registries.retain(|earlier| earlier.prefix != entry.prefix);
            self.registries.push(entry);
        }
        Ok(())
    }

    /// The entry with the longest prefix, and how much of `name` it stands for.
    fn entry(&self, name: &str) -> Option<(&Entry, usize)> {
        let fitting = self.registries.iter().filter_map(|entry| Some((entry, entry.fits(name)?)));
        fitting.max_by_key(|(entry, length)| (*length, !entry.prefix.starts_with('*'), entry.prefix.len()))
    }

    /// Where the repository `name` is pulled from, in the order in which to try.
    pub(super) fn sources(&self, name: &str, by_digest: bool) -> Result<Vec<Source>> {
        let plain = |name: &str, insecure| Source { name: name.to_owned(), insecure, is_mirror: false };
        let Some((entry, length)) = self.entry(name) else { return Ok(vec![plain(name, false)]) };
        self.check(name)?;
        let rest = &name[length..];
        let serves = |mirror: &&Mirror| match mirror.pull_from_mirror {
            PullFrom::All => by_digest || !entry.mirror_by_digest_only,
            PullFrom::DigestOnly => by_digest,
            PullFrom::TagOnly => !by_digest,
        };
        let mirrors = entry.mirror.iter().filter(serves);
        let mut sources: Vec<_> = mirrors
            .map(|mirror| Source {
                name: format!("{}{rest}", mirror.location.trim_end_matches('/')),
                insecure: mirror.insecure,
                is_mirror: true,
            })
            .collect();
        let moved = match entry.location.trim_end_matches('/') {
            "" => name.to_owned(),
            location => format!("{location}{rest}"),
        };
        sources.push(plain(&moved, entry.insecure));
        Ok(sources)
    }

    /// Whether the certificate of the registry itself need not be right.
    pub(super) fn is_insecure(&self, name: &str) -> bool {
        self.entry(name).is_some_and(|(entry, _)| entry.insecure)
    }

    /// Refuses a name that this machine's administrator blocked.
    pub(super) fn check(&self, name: &str) -> Result<()> {
        match self.entry(name) {
            Some((entry, _)) if entry.blocked => {
                let prefix = escape(&entry.prefix);
                Err(Error::new(format!("registries.conf of this machine blocks `{prefix}`")))
            }
            _ => Ok(()),
        }
    }
}

impl Entry {
    /// How much of `name` the prefix stands for, if it fits: whole parts of a path only. `*.HOST` fits all hosts below.
    fn fits(&self, name: &str) -> Option<usize> {
        let host = name.split('/').next().unwrap_or(name);
        if let Some(domain) = self.prefix.strip_prefix('*').filter(|rest| rest.starts_with('.')) {
            let (domain, path) = domain.split_at(domain.find('/').unwrap_or(domain.len()));
            if !host.ends_with(domain) {
                return None;
            }
            return is_start(&name[host.len()..], path).then_some(host.len() + path.len());
        }
        is_start(name, &self.prefix).then_some(self.prefix.len())
    }
}

fn is_start(name: &str, start: &str) -> bool {
    name.strip_prefix(start).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = r#"
        unqualified-search-registries = ["docker.io"]
        [[registry]]
        prefix = "hub.test/team"
        location = "inner.test:5000/copies/team"
        insecure = true
        [[registry.mirror]]
        location = "near.test/team"
        [[registry.mirror]]
        location = "tags.test"
        pull-from-mirror = "tag-only"
        insecure = true
        [[registry.mirror]]
        location = "digests.test"
        pull-from-mirror = "digest-only"
        [[registry]]
        location = "hub.test"
        mirror-by-digest-only = true
        [[registry.mirror]]
        location = "mirror.test"
        [[registry]]
        prefix = "*.wild.test"
        [[registry.mirror]]
        location = "tame.test/all"
        [[registry]]
        prefix = "evil.test"
        blocked = true
    "#;

    #[test]
    fn mirrors_come_first_and_the_longest_prefix_counts() {
        let mut conf = Conf::default();
        conf.add(FILE).unwrap();
        for (name, by_digest, expected) in [
            ("other.test/x", false, vec!["other.test/x"]),
            (
                "hub.test/team/app",
                false,
                vec!["near.test/team/app", "tags.test/app!", "inner.test:5000/copies/team/app!"],
            ),
            (
                "hub.test/team/app",
                true,
                vec!["near.test/team/app", "digests.test/app", "inner.test:5000/copies/team/app!"],
            ),
            ("hub.test/teams", false, vec!["hub.test/teams"]),
            ("hub.test/teams", true, vec!["mirror.test/teams", "hub.test/teams"]),
            ("a.b.wild.test/x/y", false, vec!["tame.test/all/x/y", "a.b.wild.test/x/y"]),
            ("wild.test/x", false, vec!["wild.test/x"]),
        ] {
            let sources = conf.sources(name, by_digest).unwrap();
            let shown: Vec<_> =
                sources.iter().map(|s| format!("{}{}", s.name, if s.insecure { "!" } else { "" })).collect();
            assert_eq!(shown, expected, "{name} {by_digest}");
            assert!(!sources.last().unwrap().is_mirror);
        }
        assert!(conf.is_insecure("hub.test/team/x") && !conf.is_insecure("hub.test/x"));
        let error = conf.sources("evil.test/x", false).unwrap_err();
        assert_eq!(error.to_string(), "registries.conf of this machine blocks `evil.test`");
    }

    #[test]
    fn a_later_entry_replaces_an_earlier_one() {
        let mut conf = Conf::default();
        conf.add(FILE).unwrap();
        conf.add("[[registry]]\nprefix = \"evil.test\"\nlocation = \"good.test\"").unwrap();
        assert_eq!(conf.sources("evil.test/x", false).unwrap()[0].name, "good.test/x");
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        for text in [
            "[[registry]]",
            "[[registry]]\nprefix = \"x\"\n[[registry.mirror]]",
            "[[registry]]\nprefix = 1",
            "[[registry]\n",
            "[[registry]]\nprefix = \"x\"\n[[registry.mirror]]\nlocation = \"y\"\npull-from-mirror = \"never\"",
        ] {
            assert!(Conf::default().add(text).is_err(), "{text}");
        }
    }
}
