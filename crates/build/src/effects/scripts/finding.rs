//! What became of each command of a script that matters.

use serde::Serialize;

use crate::effects::left_out::LeftOut;
use crate::unpack::{Mention, mentions_of_line};

/// One command of a maintainer script, and what became of it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Finding {
    /// The script, such as `postinst`, or the file that it sources.
    pub script: String,
    /// The line, from 1.
    pub line: usize,
    /// The command, as it stands there.
    pub text: String,
    /// The command with its values, as far as they are known.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub command: String,
    /// What became of it.
    #[serde(flatten)]
    pub outcome: Outcome,
}

/// What became of a command.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[serde(tag = "outcome", rename_all = "kebab-case")]
pub enum Outcome {
    /// The tool did the same.
    Reproduced {
        /// The effect's name.
        effect: &'static str,
        /// What it did.
        what: String,
    },
    /// It is not done, on purpose.
    LeftOut(&'static LeftOut),
    /// It cannot be known what it does.
    Unknown {
        /// Why.
        why: String,
    },
}

/// How an effect ends: with what it did, if anything, or why not.
pub(in crate::effects) type Done = std::result::Result<Option<Outcome>, Outcome>;

impl Outcome {
    pub(in crate::effects) fn unknown(why: impl Into<String>) -> Self {
        Self::Unknown { why: why.into() }
    }

    pub(in crate::effects) fn done(effect: &'static str, what: impl Into<String>) -> Self {
        Self::Reproduced { effect, what: what.into() }
    }
}

impl Finding {
    /// Of what kind the command is, when it was not done.
    pub fn kinds(&self) -> Vec<Mention> {
        match &self.outcome {
            Outcome::Reproduced { .. } => Vec::new(),
            Outcome::LeftOut(rule) => vec![rule.kind],
            Outcome::Unknown { .. } => {
                let kinds: Vec<Mention> = mentions_of_line(&self.text).collect();
                if kinds.is_empty() { vec![Mention::Programs] } else { kinds }
            }
        }
    }
}
