//! Structure tests: container-structure-test's files (schemas 1.0.0 and 2.0.0), run against an image without an engine.
//!
//! [`parse`] reads a file, strictly; [`run`] makes its tests on a [`Subject`]; [`Report`] is what came of them, for people,
//! for programs, and as JUnit. Where this and the original differ is in docs/structure-tests.md.

mod command;
mod content;
mod env_file;
mod existence;
mod expand;
mod go_regex;
mod host;
mod image;
mod junit;
mod licence;
mod metadata;
mod parse;
mod path;
mod permissions;
mod report;
mod run;
mod sandboxed;
mod schema;
mod subject;
#[cfg(test)]
mod tests;

pub use go_regex::Pattern;
pub use host::FromHost;
pub use junit::junit;
pub use parse::parse;
pub use report::{Failure, FileReport, Outcome, Ran, Report};
pub use run::run;
pub use sandboxed::Sandboxes;
pub use schema::{
    BindMount, CommandTest, ContentTest, Executor, ExistenceTest, Expected, ExpectedValue, LicenceTest,
    MetadataTest, RunOptions, Test, TestFile, TestKind, Variable,
};
pub use subject::{Containers, Content, End, Ended, Entry, EntryKind, Files, Subject, Terms};
