//! The short texts of a recipe that mean something: names, owners, modes, ports, versions. Each is checked as it is read.

mod base;
mod capability;
mod kept;
mod layers;
mod name;
mod owner;
mod package;
mod path;
mod platform;
mod prune_set;
mod runtime;

use std::fmt;
use std::marker::PhantomData;
use std::str::FromStr;

use bareboat_model::{Error, Result};
use serde::de::Visitor;

pub use base::Base;
pub use capability::Capability;
pub use kept::Kept;
pub use layers::{Compression, CompressionFormat, LayerCount};
pub use name::{LibraryName, Name, Word};
pub use owner::{Identity, Mode, Owner};
pub use package::{PackageSpec, package_name};
pub use path::{Destination, glob};
pub use prune_set::PruneSet;
pub use runtime::{Port, Protocol, Signal};

pub(super) use name::MirrorUrl;
pub(super) use owner::{AccountId, AccountName};
pub(crate) use package::PackageName;
pub(super) use path::{ImagePattern, LinkTarget, Pattern, PlainPath, SourcePath, is_glob};
pub(super) use platform::PlatformName;

/// Gives a type with `FromStr` what a value in a recipe needs: reading from TOML with the place kept in the error,
/// and its place in the JSON schema (a string with a description and a pattern).
macro_rules! text_value {
    ($type:ty, $description:literal, $pattern:literal) => {
        impl<'de> serde::Deserialize<'de> for $type {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                deserializer.deserialize_str($crate::recipe::values::TextVisitor::new())
            }
        }

        impl schemars::JsonSchema for $type {
            fn inline_schema() -> bool {
                true
            }

            fn schema_name() -> std::borrow::Cow<'static, str> {
                stringify!($type).into()
            }

            fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
                schemars::json_schema!({ "type": "string", "description": $description, "pattern": $pattern })
            }
        }
    };
}
use text_value;

/// Reads a text through `FromStr`. A visitor, because what fails inside one is given the place of the text itself; what
/// fails after it, that of the array around it.
struct TextVisitor<T>(PhantomData<T>);

impl<T> TextVisitor<T> {
    fn new() -> Self {
        Self(PhantomData)
    }
}

impl<T: FromStr<Err = Error>> Visitor<'_> for TextVisitor<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string")
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<T, E> {
        text.parse().map_err(E::custom)
    }
}
