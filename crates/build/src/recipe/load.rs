//! A recipe with all that it builds on: the chain of base recipes, read from the top and merged from the bottom.

use std::path::{Path, PathBuf};

use bareboat_io::files::read_bounded;
use bareboat_model::{Context, Digest, Error, Result, escape, nearest};

use super::parse::LARGEST_FILE;
use super::{Base, DEFAULT_SUITE, Place, Recipe, Word, catalog, parse};

/// No sane chain of recipes is longer.
const DEEPEST: usize = 16;

/// The file of a recipe, in a folder that is named instead of it.
const FILE_NAME: &str = "bareboat.toml";

/// A recipe, and the recipes below it.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// All of them in one.
    pub recipe: Recipe,
    /// What each of them adds, the bottom first, the one that was loaded last.
    pub tiers: Vec<Tier>,
    /// The folder of the recipe that was loaded.
    pub folder: PathBuf,
}

impl Loaded {
    /// The Debian suite: the recipe's own, else the nearest base recipe's that names one, else [`DEFAULT_SUITE`].
    pub fn suite(&self) -> &str {
        self.recipe.suite.as_ref().map_or(DEFAULT_SUITE, Word::as_str)
    }
}

impl Loaded {
    /// A recipe that asks for these packages and nothing else, with the archives and the suite of `recipe`, or of
    /// [`DEFAULT_SUITE`]; `suite` goes before both.
    ///
    /// # Errors
    /// When the recipe cannot be loaded, or a name is none.
    pub fn of_packages(packages: &[String], suite: Option<&str>, recipe: Option<&Path>) -> Result<Self> {
        let mut loaded = match recipe {
            Some(recipe) => load(recipe)?,
            None => {
                let text = "name = \"packages\"\nbase = \"scratch\"\n";
                let recipe = parse(text, Path::new(FILE_NAME))?;
                Self { recipe, tiers: Vec::new(), folder: PathBuf::new() }
            }
        };
        let suite = suite.unwrap_or(loaded.suite());
        let suite = suite.parse().context(|| format!("cannot use the suite `{}`", escape(suite)))?;
        let cannot = |name: &str| format!("cannot look at `{}`", escape(name));
        let asked = packages.iter().map(|name| name.parse().context(|| cannot(name)));
        loaded.recipe.packages = asked.collect::<Result<_>>()?;
        loaded.recipe.package_places.clear();
        loaded.recipe.without.clear();
        loaded.recipe.base = Base::Scratch;
        loaded.recipe.suite = Some(suite);
        loaded.tiers.clear();
        Ok(loaded)
    }
}

/// Recipes that build on each other, the top first, each with its file and the digest of its text.
type Chain = Vec<(Recipe, PathBuf, Digest)>;

/// One recipe of a chain.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Tier {
    /// The name that it gives itself.
    pub name: String,
    /// Its file; `catalog/SUITE/NAME.toml` for a recipe of the catalog.
    pub origin: PathBuf,
    /// The digest of its text.
    pub text: Digest,
    /// The packages that it names.
    pub packages: Vec<String>,
    /// The packages whose absence it means, and those below it.
    pub without: Vec<String>,
}

/// Reads the recipe in `file` (or in the `bareboat.toml` of the folder `file`) and the recipes that it builds on,
/// and merges them by the rules of docs/recipe.md.
///
/// # Errors
/// When a recipe cannot be read or is wrong, a base is not known, or recipes build on each other in a circle. The
/// message names file, line and column.
pub fn load(file: &Path) -> Result<Loaded> {
    let chain = read_chain(file)?;
    let suite = chosen_suite(&chain)?;
    let folder =
        chain.first().map_or_else(PathBuf::new, |(recipe, ..)| recipe.base_place.folder().to_owned());
    let chain = with_catalog(chain, &suite)?;

    let mut tiers = Vec::new();
    let mut merged: Option<Recipe> = None;
    for (recipe, origin, text) in chain.into_iter().rev() {
        let packages = recipe.packages.iter().map(|package| package.name.clone()).collect();
        let name = recipe.name.to_string();
        let together = match merged {
            Some(base) => recipe.on(base),
            None => recipe.alone(),
        };
        tiers.push(Tier { name, origin, text, packages, without: together.without.clone() });
        merged = Some(together);
    }
    let mut recipe = merged.ok_or_else(|| Error::new("the recipe is empty"))?;
    recipe.suite = Some(suite);
    Ok(Loaded { recipe, tiers, folder })
}

/// The recipes from `file` down to the first whose base is not a recipe's path; the top first.
fn read_chain(file: &Path) -> Result<Chain> {
    let mut chain: Chain = Vec::new();
    let mut seen: Vec<PathBuf> = Vec::new();
    let mut next = file.to_owned();
    loop {
        let file = if next.is_dir() { next.join(FILE_NAME) } else { next };
        let read = read(&file).and_then(|text| {
            let real = std::fs::canonicalize(&file).unwrap_or_else(|_| file.clone());
            check_circle(&seen, &real)?;
            let is_foreign = file.is_symlink() || seen.first().is_some_and(|top| !is_beside(&real, top));
            seen.push(real);
            let recipe =
                parse(&text, &file).map_err(|error| if is_foreign { untold(&file) } else { error })?;
            Ok((recipe, Digest::of(text.as_bytes())))
        });
        let (recipe, text) = match chain.last() {
            Some((above, ..)) => read.context(|| cannot_build_on(above))?,
            None => read?,
        };
        let below = match &recipe.base {
            // Messages name the file: `./common` reads as a person would write it from here.
            Base::Recipe(path) => {
                Some(recipe.base_place.folder().join(Path::new(path).strip_prefix(".").unwrap_or(path)))
            }
            Base::Scratch | Base::Catalog(_) | Base::Image(_) => None,
        };
        chain.push((recipe, file, text));
        match below {
            Some(path) => next = path,
            None => return Ok(chain),
        }
    }
}

fn is_beside(file: &Path, top: &Path) -> bool {
    top.parent().is_some_and(|folder| file.starts_with(folder))
}

/// What is wrong in a file, without its text: the recipe that names it may be a stranger's, the file a secret of whoever
/// builds it, and messages end in logs.
fn untold(file: &Path) -> Error {
    let shown = escape(&file.display().to_string());
    Error::new(format!("cannot read `{shown}`: it is no recipe"))
        .with_hint("it is outside of the recipe's folder, so its text is not shown: build it by itself to see what is wrong")
}

fn check_circle(seen: &[PathBuf], real: &Path) -> Result<()> {
    let shown = escape(&real.display().to_string());
    if seen.iter().any(|other| other == real) {
        return Err(Error::new(format!("`{shown}` builds on itself")));
    }
    if seen.len() >= DEEPEST {
        return Err(Error::new(format!(
            "more than {DEEPEST} recipes build on each other, down to `{shown}`"
        )));
    }
    Ok(())
}

fn cannot_build_on(recipe: &Recipe) -> String {
    format!("{}: cannot build on `{}`", recipe.base_place, escape(&recipe.base.to_string()))
}

fn read(file: &Path) -> Result<String> {
    let doing = || format!("cannot read `{}`", escape(&file.display().to_string()));
    let missing = || {
        let hint = format!("a recipe is a file named {FILE_NAME}; name the file or its folder");
        Error::new("no such file or directory").with_hint(hint)
    };
    let text = read_bounded(file, LARGEST_FILE).and_then(|text| text.ok_or_else(missing)).context(doing)?;
    String::from_utf8(text)
        .map_err(|error| {
            let offset = error.utf8_error().valid_up_to();
            Error::new(format!("byte {offset} is not UTF-8 text"))
        })
        .context(doing)
}

/// The suite of the topmost recipe that names one.
fn chosen_suite(chain: &[(Recipe, PathBuf, Digest)]) -> Result<Word> {
    match chain.iter().find_map(|(recipe, ..)| recipe.suite.clone()) {
        Some(suite) => Ok(suite),
        None => DEFAULT_SUITE.parse(),
    }
}

/// The chain with the entries of the catalog that its last recipe builds on.
fn with_catalog(mut chain: Chain, suite: &Word) -> Result<Chain> {
    while let Some((above, ..)) = chain.last() {
        let Base::Catalog(name) = &above.base else { break };
        let (name, variant) = catalog::split_variant(name);
        let Some(entry) = catalog::entry(suite.as_str(), name) else {
            let suite_place = chain.iter().find_map(|(recipe, ..)| recipe.suite_place.as_ref());
            return Err(unknown_entry(above, suite_place, suite.as_str(), name));
        };
        let entries: Vec<_> = variant.into_iter().flat_map(catalog::variant).chain([entry]).collect();
        for entry in entries {
            let file = entry.file();
            check_circle(&chain.iter().map(|(_, file, _)| file.clone()).collect::<Vec<_>>(), &file)?;
            chain.push((parse(entry.text, &file)?, file, Digest::of(entry.text.as_bytes())));
        }
    }
    Ok(chain)
}

fn unknown_entry(recipe: &Recipe, suite_place: Option<&Place>, suite: &str, name: &str) -> Error {
    let place = &recipe.base_place;
    let names = catalog::catalog_names(suite);
    if names.is_empty() {
        let place = suite_place.unwrap_or(place);
        let suites = catalog::catalog_suites().join(", ");
        return Error::new(format!(
            "cannot read `{place}`: the catalog has nothing for suite `{suite}`, only for {suites}"
        ))
        .with_hint("with base = \"scratch\" a recipe can name any suite that the mirror has");
    }
    let shown = escape(name);
    if let Some((_, variant)) = name.split_once(':').filter(|(entry, _)| names.contains(entry)) {
        let variants: Vec<&str> = catalog::catalog_variants().collect();
        let near = nearest(variant, variants.iter().copied()).map(|near| format!(", did you mean `{near}`?"));
        let near = near.unwrap_or_else(|| format!(", there are {}", variants.join(", ")));
        return Error::new(format!("cannot read `{place}`: unknown variant `{}`{near}", escape(variant)))
            .with_hint(format!("an image of a registry is written in full, such as docker://{shown}"));
    }
    Error::new(match nearest(name, names.iter().copied()) {
        Some(near) => format!("cannot read `{place}`: unknown base `{shown}`, did you mean `{near}`?"),
        None => {
            format!("cannot read `{place}`: unknown base `{shown}`, the catalog has {}", names.join(", "))
        }
    })
    .with_hint("a base that is a recipe of yours is written with a slash, such as ./common")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recipe::Identity;

    /// A folder with these recipes, by file name and text.
    fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in files {
            let file = folder.path().join(name);
            std::fs::create_dir_all(file.parent().unwrap()).unwrap();
            std::fs::write(file, text).unwrap();
        }
        folder
    }

    fn complaint(files: &[(&str, &str)]) -> String {
        let folder = folder(files);
        let error = load(folder.path()).unwrap_err();
        format!("{error:?}").replace(&folder.path().display().to_string(), "DIR")
    }

    #[test]
    fn every_entry_of_the_catalog_loads_for_every_suite() {
        for suite in catalog::catalog_suites() {
            let names = catalog::catalog_names(suite);
            assert_eq!(names, ["static", "base-nossl", "base", "cc", "python3", "nodejs", "java"], "{suite}");
            for name in names {
                let text = format!("name = 'x'\nbase = '{name}'\nsuite = '{suite}'");
                let folder = folder(&[("bareboat.toml", &text)]);
                let loaded = load(folder.path()).unwrap();
                assert_eq!(loaded.suite(), suite);
                assert_eq!(loaded.recipe.base, Base::Scratch);
                let tier = &loaded.tiers[loaded.tiers.len() - 2];
                assert_eq!(tier.name, name);
                assert_eq!(tier.origin, Path::new(&format!("catalog/{suite}/{name}.toml")));
            }
        }
    }

    #[test]
    fn entries_of_the_catalog_name_only_what_is_in_the_program() {
        for suite in catalog::catalog_suites() {
            for name in catalog::catalog_names(suite) {
                let entry = catalog::entry(suite, name).unwrap();
                let recipe = parse(entry.text, &entry.file()).unwrap();
                assert_eq!((recipe.name.as_str(), recipe.suite.unwrap().as_str()), (name, suite));
                assert!(recipe.files.is_empty() && recipe.certificates.is_empty() && recipe.steps.is_empty());
                assert!(recipe.archive == Default::default() && recipe.archives.is_empty());
                assert!(entry.text.lines().count() <= 50, "{suite}/{name} does not fit a screen");
            }
        }
    }

    #[test]
    fn variants_stand_on_any_entry() {
        for (base, tiers, user, workdir) in [
            ("static", "static x", "nonroot", "/home/nonroot"),
            ("static:nonroot", "static nonroot x", "nonroot", "/home/nonroot"),
            ("static:root", "static root x", "root", "/"),
            ("base-nossl:debug", "static base-nossl debug x", "nonroot", "/home/nonroot"),
            ("base-nossl:debug-root", "static base-nossl root debug x", "root", "/"),
        ] {
            let folder = folder(&[("bareboat.toml", &format!("name = 'x'\nbase = '{base}'"))]);
            let Loaded { recipe, tiers: found, .. } = load(folder.path()).unwrap();
            let names: Vec<&str> = found.iter().map(|tier| tier.name.as_str()).collect();
            assert_eq!(names.join(" "), tiers, "{base}");
            assert_eq!(recipe.image.user.unwrap().to_string(), user, "{base}");
            assert_eq!(recipe.image.workdir.unwrap().to_string(), workdir, "{base}");
        }
    }

    #[test]
    fn the_catalog_says_what_images_run_as() {
        let folder =
            folder(&[("bareboat.toml", "name = 'x'\nbase = 'python3'\nimage.entrypoint = ['/app']")]);
        let Loaded { recipe, .. } = load(folder.path()).unwrap();
        assert_eq!(recipe.suite.unwrap().as_str(), DEFAULT_SUITE);
        assert_eq!(recipe.image.user.unwrap().user, Identity::Name("nonroot".into()));
        assert_eq!(recipe.image.entrypoint.unwrap(), ["/app"]);
        assert_eq!(recipe.image.env["LANG"], "C.UTF-8");
        assert!(recipe.image.env.contains_key("PATH") && recipe.image.env.contains_key("SSL_CERT_FILE"));
        assert!(!recipe.without.contains(&"openssl-provider-legacy".to_owned()));
    }

    #[test]
    fn recipes_build_on_recipes_and_remember_who_named_what() {
        let folder = folder(&[
            ("app/bareboat.toml", "name = 'app'\nbase = '../common'\n[[files]]\nfrom = 'a'\nto = '/a'"),
            (
                "common/bareboat.toml",
                "name = 'common'\nbase = '../b.toml'\n\n[[files]]\nfrom = 'c'\nto = '/c'",
            ),
            ("b.toml", "name = 'b'\nbase = 'scratch'\nsuite = 'bookworm'\npackages = ['libc6']"),
        ]);
        let loaded = load(&folder.path().join("app")).unwrap();
        let names: Vec<&str> = loaded.tiers.iter().map(|tier| tier.name.as_str()).collect();
        assert_eq!(names, ["b", "common", "app"]);
        assert_eq!(loaded.tiers[0].packages, ["libc6"]);
        assert_eq!(loaded.suite(), "bookworm");
        assert_eq!(loaded.folder, folder.path().join("app"));
        assert_eq!(loaded.recipe.name.as_str(), "app");
        let sources: Vec<PathBuf> = loaded.recipe.files.iter().map(|file| file.source()).collect();
        assert_eq!(sources, [folder.path().join("app/../common/c"), folder.path().join("app/a")]);
        assert_eq!(loaded.recipe.files[0].place.line, 4);
    }

    #[test]
    fn the_suite_of_the_top_recipe_chooses_the_catalogs() {
        let folder = folder(&[
            ("bareboat.toml", "name = 'app'\nbase = './low.toml'\nsuite = 'bookworm'"),
            ("low.toml", "name = 'low'\nbase = 'base'\nsuite = 'trixie'"),
        ]);
        let loaded = load(folder.path()).unwrap();
        assert!(loaded.recipe.packages.iter().any(|package| package.name == "libssl3"));
    }

    #[test]
    fn an_image_ends_the_chain() {
        let folder = folder(&[("bareboat.toml", "name = 'x'\nbase = 'oci:dir:tag'")]);
        let loaded = load(folder.path()).unwrap();
        assert_eq!((loaded.recipe.base.to_string(), loaded.tiers.len()), ("oci:dir:tag".to_owned(), 1));
    }

    #[test]
    fn circles_and_towers_are_refused() {
        let circle = complaint(&[
            ("bareboat.toml", "name = 'a'\nbase = 'b.toml'"),
            ("b.toml", "name = 'b'\n\nbase = './bareboat.toml'"),
        ]);
        assert_eq!(
            circle,
            "DIR/b.toml:3:8: cannot build on `./bareboat.toml`: `DIR/bareboat.toml` builds on itself"
        );
        let texts: Vec<(String, String)> = (0..20)
            .map(|n| (format!("{n}.toml"), format!("name = 'x'\nbase = '{}.toml'", n + 1)))
            .chain([("bareboat.toml".to_owned(), "name = 'x'\nbase = '0.toml'".to_owned())])
            .collect();
        let files: Vec<(&str, &str)> = texts.iter().map(|(name, text)| (&name[..], &text[..])).collect();
        assert!(complaint(&files).contains("more than 16 recipes build on each other"));
    }

    #[test]
    fn what_cannot_be_found_is_named_with_its_place() {
        for (text, expected) in [
            (
                "base = 'pyton3'",
                "cannot read `DIR/bareboat.toml:2:8`: unknown base `pyton3`, did you mean `python3`? \
                 (hint: a base that is a recipe of yours is written with a slash, such as ./common)",
            ),
            (
                "base = 'python3:debgu'",
                "cannot read `DIR/bareboat.toml:2:8`: unknown variant `debgu`, did you mean `debug`? \
                 (hint: an image of a registry is written in full, such as docker://python3:debgu)",
            ),
            (
                "base = 'alpine'",
                "cannot read `DIR/bareboat.toml:2:8`: unknown base `alpine`, the catalog has static, base-nossl, \
                 base, cc, python3, nodejs, java (hint: a base that is a recipe of yours is written with a slash, such as ./common)",
            ),
            (
                "suite = 'sid'",
                "cannot read `DIR/bareboat.toml:2:9`: the catalog has nothing for suite `sid`, only for bookworm, \
                 trixie (hint: with base = \"scratch\" a recipe can name any suite that the mirror has)",
            ),
            (
                "base = './gone'",
                "DIR/bareboat.toml:2:8: cannot build on `./gone`: cannot read `DIR/gone`: no such file or \
                 directory (hint: a recipe is a file named bareboat.toml; name the file or its folder)",
            ),
        ] {
            assert_eq!(complaint(&[("bareboat.toml", &format!("name = 'x'\n{text}"))]), expected);
        }
        assert_eq!(
            complaint(&[]),
            "cannot read `DIR/bareboat.toml`: no such file or directory \
             (hint: a recipe is a file named bareboat.toml; name the file or its folder)"
        );
    }

    #[test]
    fn a_mistake_in_a_base_recipe_tells_who_builds_on_it() {
        let message = complaint(&[
            ("bareboat.toml", "name = 'a'\nbase = 'b.toml'"),
            ("b.toml", "name = 'b'\npakages = []"),
        ]);
        let first =
            "DIR/bareboat.toml:2:8: cannot build on `b.toml`: cannot read `DIR/b.toml:2:1`: unknown key";
        assert!(message.starts_with(first), "{message}");
    }

    #[test]
    fn bytes_that_are_no_text_are_refused() {
        let folder = folder(&[]);
        std::fs::write(folder.path().join(FILE_NAME), b"name = '\xff'").unwrap();
        assert!(load(folder.path()).unwrap_err().to_string().ends_with("byte 8 is not UTF-8 text"));
    }
}
