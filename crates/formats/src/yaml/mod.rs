//! YAML (and so JSON) that a person wrote, as nodes that know where they stand.
//!
//! Scalars are left as written: what `yes` or `0644` means depends on who reads it. Aliases and merge keys (`<<`) are
//! resolved, under a budget: a bomb is refused before it grows.

mod read;
mod scalar;

use std::ops::Range;
use std::sync::Arc;

use bareboat_model::Word;

pub use read::{documents, parse};
pub use scalar::Scalar;

/// A value, and the bytes of the text that it stands for.
#[derive(Clone, Debug)]
pub struct Node {
    /// What it is.
    pub value: Value,
    /// Where it stands; of an alias, where the value that it names stands.
    pub span: Range<usize>,
    /// How many nodes it is, with all below it.
    weight: usize,
}

/// What a [`Node`] is.
#[derive(Clone, Debug)]
pub enum Value {
    /// A word, number or text.
    Scalar {
        /// Without quotes and escapes.
        text: String,
        /// Whether it was written without quotes and without a tag that makes it a string.
        plain: bool,
    },
    /// A list.
    Sequence(Vec<Arc<Node>>),
    /// Keys with their values, in the order of the text. No key is there twice.
    Mapping(Vec<Entry>),
}

/// A key of a mapping with its value.
pub type Entry = (Key, Arc<Node>);

/// A key of a mapping.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Key {
    /// Without quotes and escapes.
    pub text: String,
    /// Where it stands.
    pub span: Range<usize>,
}

impl Node {
    /// Whether it stands for no value: nothing, `~` or `null`.
    pub fn is_null(&self) -> bool {
        self.scalar() == Some(Scalar::Null)
    }

    /// A scalar as a word; nothing for lists, mappings and null.
    pub fn word(&self) -> Option<Word> {
        match &self.value {
            Value::Scalar { text, .. } if !self.is_null() => {
                Some(Word { text: text.clone(), span: self.span.clone() })
            }
            _ => None,
        }
    }

    /// Whether it is true or false to Kubernetes.
    pub fn boolean(&self) -> Option<bool> {
        match self.scalar() {
            Some(Scalar::Boolean(value)) => Some(value),
            _ => None,
        }
    }

    /// The value of a key; nothing when there is none, or this is no mapping.
    pub fn get(&self, key: &str) -> Option<&Node> {
        self.entry(key).map(|(_, value)| &**value)
    }

    /// A key with its value.
    pub fn entry(&self, key: &str) -> Option<&Entry> {
        self.entries().iter().find(|(found, _)| found.text == key)
    }

    /// The keys with their values; none of what is no mapping.
    pub fn entries(&self) -> &[Entry] {
        match &self.value {
            Value::Mapping(entries) => entries,
            _ => &[],
        }
    }

    /// The values of a list; none of what is no list.
    pub fn items(&self) -> &[Arc<Node>] {
        match &self.value {
            Value::Sequence(items) => items,
            _ => &[],
        }
    }

    /// What it is, for a message.
    ///
    /// ```
    /// let node = bareboat_formats::yaml::parse("[1]", std::path::Path::new("f.yaml")).unwrap();
    /// assert_eq!(node.kind(), "a list");
    /// ```
    pub fn kind(&self) -> &'static str {
        match &self.value {
            _ if self.is_null() => "nothing",
            Value::Scalar { .. } => "text",
            Value::Sequence(_) => "a list",
            Value::Mapping(_) => "a mapping",
        }
    }
}
