//! What a recipe is when it stands on another: the rules that docs/recipe.md states, in code.

use std::collections::{BTreeMap, BTreeSet};

use super::{Archive, ImageSettings, Layers, PackageSpec, Prune, Recipe, ThirdPartyArchive};

impl Recipe {
    /// This recipe on top of `base`: lists are appended, tables merged key by key, single values replaced. The name
    /// and the place of the base are this recipe's; what it builds on is what `base` builds on.
    #[must_use]
    pub(super) fn on(self, base: Self) -> Self {
        let merged = Self {
            name: self.name,
            base: base.base,
            base_place: base.base_place,
            suite_place: self.suite_place.or(base.suite_place),
            suite: self.suite.or(base.suite),
            packages: merged_packages(base.packages, self.packages),
            package_places: overlaid(self.package_places, base.package_places),
            without: appended(base.without, self.without),
            allow_missing: base.allow_missing.into_iter().chain(self.allow_missing).collect(),
            platforms: if self.platforms.is_empty() { base.platforms } else { self.platforms },
            image: self.image.on(base.image),
            files: appended(base.files, self.files),
            links: overlaid(base.links, self.links),
            deckhand: self.deckhand.or(base.deckhand),
            directories: overlaid(base.directories, self.directories),
            users: overlaid(base.users, self.users),
            groups: overlaid(base.groups, self.groups),
            certificates: appended(base.certificates, self.certificates),
            prune: self.prune.on(base.prune),
            python_bytecode: self.python_bytecode.or(base.python_bytecode),
            steps: appended(base.steps, self.steps),
            layers: Layers {
                max: self.layers.max.or(base.layers.max),
                compression: self.layers.compression.or(base.layers.compression),
            },
            archive: self.archive.on(base.archive),
            archives: merged_archives(base.archives, self.archives),
        };
        merged.alone()
    }

    /// This recipe with nothing below it. Who names a package wants it: so `packages` takes out of `without`.
    #[must_use]
    pub(super) fn alone(mut self) -> Self {
        let mut seen: BTreeSet<String> = self.packages.iter().map(|package| package.name.clone()).collect();
        self.without.retain(|name| seen.insert(name.clone()));
        self
    }
}

impl ImageSettings {
    /// These settings on top of `base`'s.
    #[must_use]
    pub(crate) fn on(self, base: Self) -> Self {
        // As in Dockerfiles: arguments that were meant for another program are no use to this one.
        let inherited_cmd = if self.entrypoint.is_some() { None } else { base.cmd };
        Self {
            entrypoint: self.entrypoint.or(base.entrypoint),
            cmd: self.cmd.or(inherited_cmd),
            env: overlaid(base.env, self.env),
            user_place: if self.user.is_some() { self.user_place } else { base.user_place },
            user: self.user.or(base.user),
            workdir: self.workdir.or(base.workdir),
            ports: base.ports.into_iter().chain(self.ports).collect(),
            volumes: base.volumes.into_iter().chain(self.volumes).collect(),
            stop_signal: self.stop_signal.or(base.stop_signal),
            labels: overlaid(base.labels, self.labels),
            annotations: overlaid(base.annotations, self.annotations),
        }
    }
}

impl Prune {
    fn on(self, base: Self) -> Self {
        Self {
            keep: base.keep.into_iter().chain(self.keep).collect(),
            paths: appended(base.paths, self.paths),
        }
    }
}

impl Archive {
    fn on(self, base: Self) -> Self {
        Self {
            mirror: self.mirror.or(base.mirror),
            security_mirror: self.security_mirror.or(base.security_mirror),
            keyring: self.keyring.or(base.keyring),
            components: self.components.or(base.components),
        }
    }
}

fn appended<T>(mut below: Vec<T>, above: Vec<T>) -> Vec<T> {
    below.extend(above);
    below
}

fn overlaid<K: Ord, V>(mut below: BTreeMap<K, V>, above: BTreeMap<K, V>) -> BTreeMap<K, V> {
    below.extend(above);
    below
}

/// A package named by both keeps its place, with the version that the upper recipe asks for, if it asks for one.
fn merged_packages(mut below: Vec<PackageSpec>, above: Vec<PackageSpec>) -> Vec<PackageSpec> {
    for package in above {
        match below.iter_mut().find(|other| other.name == package.name) {
            Some(other) => other.version = package.version.or(other.version.take()),
            None => below.push(package),
        }
    }
    below
}

/// An archive named by both is the upper recipe's.
fn merged_archives(
    mut below: Vec<ThirdPartyArchive>,
    above: Vec<ThirdPartyArchive>,
) -> Vec<ThirdPartyArchive> {
    below.retain(|archive| above.iter().all(|other| other.name != archive.name));
    appended(below, above)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::recipe::parse;

    fn recipe(text: &str) -> Recipe {
        parse(&format!("name = \"x\"\n{text}"), Path::new("x.toml")).unwrap()
    }

    /// What `look` sees of `above` on `below`.
    fn merged(below: &str, above: &str, look: impl Fn(Recipe) -> String) -> String {
        look(recipe(above).on(recipe(below)))
    }

    #[test]
    fn packages_are_appended_and_the_upper_version_counts() {
        let packages =
            |recipe: Recipe| recipe.packages.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ");
        for (below, above, expected) in [
            ("'aa', 'bb'", "'cc'", "aa bb cc"),
            ("'aa', 'bb'", "'bb', 'aa'", "aa bb"),
            ("'aa', 'bb=1'", "'bb=2'", "aa bb=2"),
            ("'aa=1'", "'aa'", "aa=1"),
            ("'aa'", "'aa=1'", "aa=1"),
        ] {
            let list = |names: &str| format!("packages = [{names}]");
            assert_eq!(merged(&list(below), &list(above), packages), expected);
        }
    }

    #[test]
    fn a_package_that_is_named_is_not_left_out() {
        let without = |recipe: Recipe| recipe.without.join(" ");
        for (below, above, expected) in [
            ("without = ['aa', 'bb']", "without = ['cc', 'aa']", "aa bb cc"),
            ("without = ['aa', 'bb']", "packages = ['aa']", "bb"),
            ("packages = ['aa']", "without = ['aa', 'bb']", "bb"),
        ] {
            assert_eq!(merged(below, above, without), expected);
        }
        assert!(recipe("packages = ['aa']\nwithout = ['aa']").alone().without.is_empty());
    }

    #[test]
    fn an_entrypoint_drops_the_cmd_below_it() {
        let command = |recipe: Recipe| format!("{:?} {:?}", recipe.image.entrypoint, recipe.image.cmd);
        for (below, above, expected) in [
            ("entrypoint = ['a']\ncmd = ['b']", "", r#"Some(["a"]) Some(["b"])"#),
            ("entrypoint = ['a']\ncmd = ['b']", "cmd = ['c']", r#"Some(["a"]) Some(["c"])"#),
            ("entrypoint = ['a']\ncmd = ['b']", "entrypoint = ['c']", r#"Some(["c"]) None"#),
            ("cmd = ['b']", "entrypoint = ['c']\ncmd = ['d']", r#"Some(["c"]) Some(["d"])"#),
            ("cmd = ['b']", "cmd = []", r"None Some([])"),
        ] {
            let image = |keys: &str| format!("[image]\n{keys}");
            assert_eq!(merged(&image(below), &image(above), command), expected);
        }
    }

    #[test]
    fn tables_are_merged_by_key_and_single_values_replaced() {
        let below = "suite = 'bookworm'\nplatforms = ['linux/amd64']\nlinks = { '/a' = '1', '/b' = '2' }\n\
            image = { env = { A = '1', B = '2' }, user = 'root', ports = ['80'], workdir = '/w' }\n\
            layers = { max = 3, compression = 'gzip' }\narchive.mirror = 'http://a.test'\n\
            users.app.uid = 1\ndirectories = { '/d' = { mode = '0700' } }";
        let above = "links = { '/b' = '3', '/c' = '4' }\n\
            image = { env = { B = '3' }, user = 'nonroot', ports = ['443'] }\n\
            layers = { max = 5 }\narchive.mirror = 'http://b.test'\nusers.app.uid = 2\n\
            directories = { '/d' = {} }";
        let recipe = recipe(above).on(recipe(below));
        assert_eq!(recipe.suite.unwrap().as_str(), "bookworm");
        assert_eq!(recipe.platforms.len(), 1);
        assert_eq!(recipe.links.values().collect::<Vec<_>>(), ["1", "3", "4"]);
        assert_eq!(recipe.image.env.into_values().collect::<Vec<_>>(), ["1", "3"]);
        assert_eq!(recipe.image.user.unwrap().to_string(), "nonroot");
        assert_eq!(recipe.image.workdir.unwrap().to_string(), "/w");
        assert_eq!(recipe.image.ports.len(), 2);
        assert_eq!((recipe.layers.max(), recipe.layers.compression.unwrap().to_string()), (5, "gzip".into()));
        assert_eq!(recipe.archive.mirror.as_deref(), Some("http://b.test"));
        assert_eq!(recipe.users["app"].uid, 2);
        assert_eq!(recipe.directories.into_values().next().unwrap().mode.bits(), 0o755);
    }

    #[test]
    fn lists_are_appended_the_lower_first() {
        let text = |name: &str| {
            format!(
                "files = [{{ from = '{name}', to = '/' }}]\nsteps = [{{ run = ['{name}'] }}]\n\
                 certificates.add = ['{name}']\nprune.paths = ['/{name}']\n\
                 archives = [{{ name = '{name}', mirror = 'http://m.test', suites = ['s'], key = 'k' }}, \
                 {{ name = 'same', mirror = 'http://{name}.test', suites = ['s'], key = 'k' }}]"
            )
        };
        let recipe = recipe(&text("b")).on(recipe(&text("a")));
        assert_eq!(recipe.files.iter().map(|file| &file.from[..]).collect::<Vec<_>>(), ["a", "b"]);
        assert_eq!(recipe.steps.iter().map(|step| &step.run[0][..]).collect::<Vec<_>>(), ["a", "b"]);
        assert_eq!(recipe.certificates.iter().map(|file| &file.from[..]).collect::<Vec<_>>(), ["a", "b"]);
        assert_eq!(recipe.prune.paths, ["/a", "/b"]);
        let archives = recipe.archives.iter().map(|archive| (archive.name.as_str(), &archive.mirror[..]));
        assert_eq!(
            archives.collect::<Vec<_>>(),
            [("a", "http://m.test"), ("b", "http://m.test"), ("same", "http://b.test")]
        );
    }
}
