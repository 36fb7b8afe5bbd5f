//! Files of this machine: written whole or not at all, and read without leaving the folder that was named.

mod atomic;
pub(crate) mod beneath;
mod bounded;
mod host;
mod scratch;
mod walk;

pub use atomic::{Created, ScratchFolder, create_directory, replace_file, write_file};
pub(crate) use atomic::{is_occupied, prepare_folder, sweep_folders, sync_folder};
pub use beneath::open_as_root;
pub use host::{HostEntry, HostFiles, HostKind, is_nested_deep};
pub use scratch::Scratch;

pub use bounded::read_bounded;
pub(crate) use bounded::{is_at, no_links, open_if_there, open_or_make, open_partial};
pub(crate) use scratch::{in_words, prefix_for, sweep};
