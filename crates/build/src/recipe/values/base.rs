//! What an image starts from.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use bareboat_model::{Error, Result, escape};

use super::text_value;
use crate::recipe::catalog;

/// What a recipe builds on.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Base {
    /// Nothing at all: not even a user or a certificate.
    Scratch,
    /// A recipe that ships with bareboat, by its name for the recipe's suite: `python3`, or with a variant,
    /// `python3:debug`.
    Catalog(String),
    /// Another recipe: its file, or the folder that holds its `bareboat.toml`; relative to the recipe.
    Recipe(PathBuf),
    /// An image, by transport or in a registry.
    Image(String),
}

impl Default for Base {
    fn default() -> Self {
        Self::Catalog("static".to_owned())
    }
}

/// The words before the colon that make a text an image reference.
const TRANSPORTS: [&str; 5] = ["oci:", "oci-archive:", "docker-archive:", "docker-daemon:", "docker://"];

impl FromStr for Base {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        if text.is_empty() || text.len() > 4096 || text.contains(|c: char| c.is_control()) {
            return Err(Error::new(format!(
                "`{}` cannot be a base, expected a catalog name, scratch, a recipe's path or an image",
                escape(&text.chars().take(100).collect::<String>())
            )));
        }
        Ok(match text {
            "scratch" => Self::Scratch,
            _ if TRANSPORTS.iter().any(|transport| text.starts_with(transport)) => {
                Self::Image(text.to_owned())
            }
            _ if text.ends_with(".toml") || text.starts_with('/') || text.starts_with('.') => {
                Self::Recipe(PathBuf::from(text))
            }
            _ if names_a_variant(text) => Self::Catalog(text.to_owned()),
            _ if names_a_registry(text) => Self::Image(text.to_owned()),
            _ if text.contains('/') => Self::Recipe(PathBuf::from(text)),
            _ => Self::Catalog(text.to_owned()),
        })
    }
}

/// Whether the text is a name of the catalog with a variant, or means to be: one of the two parts is known.
fn names_a_variant(text: &str) -> bool {
    let is_known = |(entry, variant): (&str, &str)| catalog::is_name(entry) || catalog::is_variant(variant);
    !text.contains('/') && text.split_once(':').is_some_and(is_known)
}

/// Whether the text is a registry reference: its first component looks like a host, by the rule that engines use
/// (a dot, a colon, or `localhost`), or it has a tag or digest.
fn names_a_registry(text: &str) -> bool {
    match text.split_once('/') {
        Some((host, _)) => host == "localhost" || host.contains(['.', ':']) || text.contains(['@', ':']),
        None => text.contains(['@', ':']),
    }
}

impl fmt::Display for Base {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Scratch => f.write_str("scratch"),
            Self::Catalog(text) | Self::Image(text) => f.write_str(text),
            Self::Recipe(path) => path.display().fmt(f),
        }
    }
}

text_value!(
    Base,
    "What to build on: a catalog name, `scratch`, the path of another recipe, or an image reference.",
    "^.+$"
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_form_of_the_text_decides_what_a_base_is() {
        let catalog = |name: &str| Base::Catalog(name.to_owned());
        let recipe = |path: &str| Base::Recipe(path.into());
        let image = |reference: &str| Base::Image(reference.to_owned());
        for (text, base) in [
            ("scratch", Base::Scratch),
            ("python3", catalog("python3")),
            ("../common", recipe("../common")),
            ("common/base", recipe("common/base")),
            ("base.toml", recipe("base.toml")),
            ("/srv/base", recipe("/srv/base")),
            ("oci:dir:tag", image("oci:dir:tag")),
            ("docker://registry.test/a", image("docker://registry.test/a")),
            ("registry.test/static:nonroot", image("registry.test/static:nonroot")),
            ("localhost/x", image("localhost/x")),
            ("localhost:5000/x", image("localhost:5000/x")),
            ("debian:trixie", image("debian:trixie")),
            ("python3:debug", catalog("python3:debug")),
            ("static:debug-root", catalog("static:debug-root")),
            ("registry.test/static:debug", image("registry.test/static:debug")),
        ] {
            assert_eq!(text.parse::<Base>().unwrap(), base, "{text}");
            assert_eq!(base.to_string(), text);
        }
    }

    #[test]
    fn an_empty_or_steering_base_is_refused() {
        for text in ["", "a\nb", "x\u{1b}[2J"] {
            assert!(text.parse::<Base>().is_err(), "{text:?}");
        }
    }
}
