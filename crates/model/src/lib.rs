//! The vocabulary that every other crate speaks: errors, digests, platforms, Debian versions and
//! dependencies, in-image paths, timestamps, and how progress is told. Pure values, no I/O.

pub mod bytes_as_text;
mod dependency;
mod digest;
mod error;
mod escape;
mod links;
mod location;
mod nearest;
mod path;
mod place;
mod platform;
mod progress;
mod reference;
mod timestamp;
mod version;

pub use dependency::{Alternatives, Relation, RelationOp, parse_relations};
pub use digest::{Digest, Hasher, HashingReader, HashingWriter};
pub use error::{Context, Error, Result};
pub use escape::{escape, escape_json, shorten};
pub use location::{Location, Selector};
pub use nearest::nearest;
pub use path::ImagePath;
pub use place::{Place, Word, error_at};
pub use platform::{Arch, Platform};
pub use progress::{Bar, Progress, Silent};
pub use reference::Reference;
pub use timestamp::Timestamp;
pub use version::Version;
