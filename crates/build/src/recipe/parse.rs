//! One recipe file: from text to a [`Recipe`], with every complaint at its place.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use bareboat_model::{Error, ImagePath, Platform, Result, escape};

use super::schema::{
    ArchiveTable, DirectoryTable, FileTable, ImageTable, LayersTable, PruneTable, RecipeFile, StepTable,
    ThirdPartyTable, UserTable,
};
use super::table::Located;
use super::values::{AccountName, LinkTarget, PlainPath, SourcePath};
use super::{
    Archive, Certificate, Deckhand, Directory, FileEntry, ImageSettings, Layers, Mode, Owner, PackageSpec,
    Place, Prune, Recipe, Step, ThirdPartyArchive, User, Word, error_from, toml_error,
};

/// More than any person writes, and little enough to read whole.
pub(super) const LARGEST_FILE: u64 = 1 << 20;

/// Users and groups that every image has.
const BUILT_IN_ACCOUNTS: [&str; 3] = ["root", "nobody", "nonroot"];

/// Reads the recipe in `text`. `file` is what messages call it, and its folder is what paths are relative to;
/// nothing is read from disk.
///
/// # Errors
/// For whatever is wrong in the text: with file, line and column, the line itself, and a guess at what was meant.
///
/// ```
/// use std::path::Path;
/// let recipe = bareboat_build::recipe::parse("name = \"hello\"", Path::new("bareboat.toml")).unwrap();
/// assert_eq!(recipe.base.to_string(), "static");
///
/// let error = bareboat_build::recipe::parse("nmae = \"hello\"", Path::new("bareboat.toml")).unwrap_err();
/// assert!(error.to_string().starts_with(
///     "cannot read `bareboat.toml:1:1`: unknown key `nmae`, did you mean `name`?"
/// ));
/// ```
pub fn parse(text: &str, file: &Path) -> Result<Recipe> {
    let source = Source { text, file };
    if text.len() as u64 > LARGEST_FILE {
        let shown = escape(&file.display().to_string());
        return Err(Error::new(format!(
            "cannot read `{shown}`: {} bytes, expected at most {LARGEST_FILE}",
            text.len()
        )));
    }
    let written: RecipeFile = toml::from_str(text).map_err(|error| toml_error(file, text, &error))?;
    source.recipe(written)
}

/// The JSON schema of a recipe, as text with a newline at the end: what `docs/recipe.schema.json` holds.
pub fn json_schema() -> String {
    let schema = schemars::schema_for!(RecipeFile);
    format!("{:#}\n", schema.to_value())
}

/// The text under the reader's eyes.
struct Source<'a> {
    text: &'a str,
    file: &'a Path,
}

impl Source<'_> {
    fn place(&self, offset: usize) -> Place {
        Place::of(self.file, self.text, offset)
    }

    fn wrong(&self, offset: usize, message: &str) -> Error {
        error_from(self.file, self.text, offset, message)
    }

    /// A path to a file of this machine, relative to the recipe's folder.
    fn local(&self, path: &str) -> PathBuf {
        self.place(0).folder().join(path)
    }

    fn recipe(&self, written: RecipeFile) -> Result<Recipe> {
        self.check_packages(&written)?;
        self.check_destinations(&written)?;
        self.check_accounts(&written)?;
        let (base, base_place) = match written.base {
            Some(base) => (base.value, self.place(base.offset)),
            None => (Default::default(), self.place(0)),
        };
        let mut platforms: Vec<Platform> = written.platforms.into_iter().map(|name| name.0).collect();
        platforms.sort();
        platforms.dedup();
        let place = |package: &Located<PackageSpec>| (package.value.name.clone(), self.place(package.offset));
        Ok(Recipe {
            package_places: written.packages.iter().map(place).collect(),
            name: written.name,
            base,
            base_place,
            suite_place: written.suite.as_ref().map(|suite| self.place(suite.offset)),
            suite: written.suite.map(|suite| suite.value),
            packages: written.packages.into_iter().map(|package| package.value).collect(),
            without: written.without.into_iter().map(|package| package.0).collect(),
            allow_missing: written.allow_missing.into_iter().map(|name| name.0).collect(),
            platforms,
            image: self.image(written.image)?,
            files: written.files.into_iter().map(|file| self.file_entry(file)).collect(),
            links: links(written.links),
            deckhand: written
                .deckhand
                .map(|Located { offset, value }| Deckhand { aboard: value, place: self.place(offset) }),
            directories: written.directories.into_iter().map(directory).collect(),
            users: written.users.into_iter().map(|(name, table)| user(name, table)).collect::<Result<_>>()?,
            groups: written.groups.into_iter().map(|(name, group)| (name.value.0, group.gid.0)).collect(),
            certificates: written.certificates.add.into_iter().map(|file| self.certificate(file)).collect(),
            prune: prune(written.prune),
            python_bytecode: written.python.bytecode,
            steps: written.steps.into_iter().map(|step| self.step(step)).collect::<Result<_>>()?,
            layers: layers(&written.layers),
            archive: self.archive(written.archive),
            archives: self.archives(written.archives)?,
        })
    }

    fn check_packages(&self, written: &RecipeFile) -> Result<()> {
        let mut seen = BTreeSet::new();
        for package in &written.packages {
            if !seen.insert(&package.value.name) {
                let message = format!("package `{}` is asked for twice", package.value.name);
                return Err(self.wrong(package.offset, &message));
            }
        }
        Ok(())
    }

    /// Two entries that claim one path. A folder may be copied onto a folder, so two `[[files]]` may share a `to`.
    fn check_destinations(&self, written: &RecipeFile) -> Result<()> {
        let mut copied = BTreeSet::new();
        for Located { value, .. } in &written.files {
            if !copied.insert((&value.from.0, &value.to.value)) {
                let message = format!("`{}` is copied to `{}` twice", escape(&value.from.0), value.to.value);
                return Err(self.wrong(value.to.offset, &message));
            }
            let link = written.links.keys().find(|link| link.value.0 == value.to.value.path);
            if let Some(link) = link.filter(|_| !value.to.value.into) {
                let message = format!("`{}` is both a link and the destination of files", link.value.0);
                return Err(self.wrong(link.offset, &message));
            }
        }
        for link in written.links.keys() {
            let what = match () {
                () if link.value.0.is_root() => "the root directory",
                () if written.directories.contains_key(&link.value) => "a directory",
                () => continue,
            };
            let message = format!("`{}` is both a link and {what}", link.value.0);
            return Err(self.wrong(link.offset, &message));
        }
        Ok(())
    }

    fn check_accounts(&self, written: &RecipeFile) -> Result<()> {
        for (what, name) in accounts(written) {
            if BUILT_IN_ACCOUNTS.contains(&name.value.0.as_str()) {
                let message = format!("{what} `{}` is in every image already", name.value.0);
                return Err(self.wrong(name.offset, &message));
            }
        }
        let twice = written.groups.keys().find(|group| written.users.contains_key(group));
        twice.map_or(Ok(()), |group| {
            let name = &group.value.0;
            Err(self.wrong(group.offset, &format!("group `{name}` comes with the user `{name}` already")))
        })
    }

    fn image(&self, table: ImageTable) -> Result<ImageSettings> {
        let mut env = BTreeMap::new();
        for (name, value) in table.env {
            if name.value.is_empty() || name.value.contains(['=', '\0']) || value.contains('\0') {
                let message = format!(
                    "`{}` cannot be an environment variable, expected a name without `=` and no NUL",
                    escape(&name.value)
                );
                return Err(self.wrong(name.offset, &message));
            }
            env.insert(name.value, value);
        }
        Ok(ImageSettings {
            entrypoint: table.entrypoint,
            cmd: table.cmd,
            env,
            user_place: table.user.as_ref().map(|user| self.place(user.offset)),
            user: table.user.map(|user| user.value),
            workdir: table.workdir.map(|path| path.0),
            ports: table.ports.into_iter().collect(),
            volumes: table.volumes.into_iter().map(|path| path.0).collect(),
            stop_signal: table.stop_signal,
            labels: table.labels,
            annotations: table.annotations,
        })
    }

    fn file_entry(&self, Located { offset, value }: Located<FileTable>) -> FileEntry {
        FileEntry {
            from: value.from.0,
            to: value.to.value,
            owner: value.owner.unwrap_or_default(),
            mode: value.mode,
            strip: value.strip,
            capabilities: value.capabilities.into_iter().collect(),
            exclude: value.exclude.into_iter().map(|pattern| pattern.0).collect(),
            place: self.place(offset),
        }
    }

    fn certificate(&self, file: Located<SourcePath>) -> Certificate {
        Certificate { from: file.value.0, place: self.place(file.offset) }
    }

    fn step(&self, Located { offset, value }: Located<StepTable>) -> Result<Step> {
        if value.run.first().is_none_or(String::is_empty) {
            return Err(self.wrong(offset, "`run` names no program"));
        }
        Ok(Step { run: value.run, place: self.place(offset) })
    }

    fn archive(&self, table: ArchiveTable) -> Archive {
        Archive {
            mirror: table.mirror.map(|url| url.0),
            security_mirror: table.security_mirror.map(|url| url.0),
            keyring: table.keyring.map(|file| self.local(&file)),
            components: table.components,
        }
    }

    fn archives(&self, tables: Vec<Located<ThirdPartyTable>>) -> Result<Vec<ThirdPartyArchive>> {
        let mut archives: Vec<ThirdPartyArchive> = Vec::new();
        for Located { offset, value } in tables {
            if matches!(value.name.as_str(), "debian" | "debian-security") {
                let message = format!("`{}` is the name of Debian's own archive, choose another", value.name);
                return Err(self.wrong(offset, &message));
            }
            if let Some(other) = archives.iter().find(|other| other.name == value.name) {
                let message =
                    format!("archive `{}` is there twice, first at line {}", value.name, other.place.line);
                return Err(self.wrong(offset, &message));
            }
            if value.suites.is_empty() {
                return Err(self.wrong(offset, &format!("archive `{}` has no suites", value.name)));
            }
            archives.push(self.third_party(offset, value)?);
        }
        Ok(archives)
    }

    fn third_party(&self, offset: usize, table: ThirdPartyTable) -> Result<ThirdPartyArchive> {
        let components = match table.components {
            Some(components) => components,
            None => vec!["main".parse::<Word>()?],
        };
        Ok(ThirdPartyArchive {
            name: table.name,
            mirror: table.mirror.0,
            suites: table.suites,
            components,
            key: self.local(&table.key),
            allow_sha1_bindings: table.allow_sha1_bindings,
            place: self.place(offset),
        })
    }
}

fn accounts(written: &RecipeFile) -> impl Iterator<Item = (&'static str, &Located<AccountName>)> {
    let users = written.users.keys().map(|name| ("user", name));
    users.chain(written.groups.keys().map(|name| ("group", name)))
}

fn links(table: BTreeMap<Located<PlainPath>, LinkTarget>) -> BTreeMap<ImagePath, String> {
    table.into_iter().map(|(path, target)| (path.value.0, target.0)).collect()
}

fn directory((path, table): (PlainPath, DirectoryTable)) -> (ImagePath, Directory) {
    let owner = table.owner.unwrap_or(Owner::ROOT);
    (path.0, Directory { owner, mode: table.mode.unwrap_or(Mode::DIRECTORY) })
}

fn user(name: Located<AccountName>, table: UserTable) -> Result<(String, User)> {
    let name = name.value.0;
    let home = match table.home {
        Some(home) => home.0,
        None => ImagePath::absolute(&format!("/home/{name}"))?,
    };
    let shell = match table.shell {
        Some(shell) => shell.0,
        None => ImagePath::absolute("/sbin/nologin")?,
    };
    let gid = table.gid.unwrap_or(table.uid).0;
    let groups = table.groups.into_iter().map(|group| group.0).collect();
    Ok((name, User { uid: table.uid.0, gid, home, shell, groups }))
}

fn prune(table: PruneTable) -> Prune {
    Prune {
        keep: table.keep.into_iter().collect(),
        paths: table.paths.into_iter().map(|pattern| pattern.0).collect(),
    }
}

fn layers(table: &LayersTable) -> Layers {
    Layers { max: table.max, compression: table.compression }
}
