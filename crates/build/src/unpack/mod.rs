//! From a .deb to what it brings: read once, kept in the store, placed in the root tree.

mod cached;
mod mentions;
mod place;

pub(crate) use cached::{CONTENTS, Contents};
pub use cached::{Member, Stored, Unpacked, unpack};
pub use mentions::{Mention, mentions_of_line};
pub(crate) use place::node;
pub use place::{Conffiles, place_packages};
