//! What `prune.keep` names: a set, or paths.

use std::str::FromStr;

use bareboat_model::{Error, Result};

use super::path::ImagePattern;
use super::prune_set::PruneSet;

/// What stays in the image although pruning would take it out.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Kept {
    /// A named set as a whole.
    Set(PruneSet),
    /// The paths that this glob matches, whatever would take them out.
    Paths(String),
}

impl FromStr for Kept {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        match text.starts_with('/') {
            true => Ok(Self::Paths(text.parse::<ImagePattern>()?.0)),
            false => Ok(Self::Set(text.parse()?)),
        }
    }
}

impl<'de> serde::Deserialize<'de> for Kept {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(super::TextVisitor::new())
    }
}

impl schemars::JsonSchema for Kept {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Kept".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        let sets = PruneSet::ALL.map(PruneSet::name);
        schemars::json_schema!({ "anyOf": [{ "type": "string", "enum": sets }, { "type": "string", "pattern": "^/" }] })
    }
}
