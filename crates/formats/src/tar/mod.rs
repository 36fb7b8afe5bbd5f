//! Tar archives: a strict, streaming reader and a deterministic writer.
//!
//! Nothing here touches a file system: what members do to one another is for whoever holds the whole tree.

mod member;
mod pax;
mod read;
#[cfg(test)]
mod tests;
mod write;

pub use member::{Device, Member, MemberKind};
pub use read::{Limits, read, read_layer};
pub use write::{Entry, EntryKind, Writer};

/// Headers and contents come in blocks of this many bytes (POSIX pax, "ustar Interchange Format").
const BLOCK: usize = 512;

/// The largest set of PAX records or long name that is read or written: Go's readers, so all the engines,
/// refuse more. A Linux file can have at most 64 KiB in one extended attribute.
const LARGEST_EXTENSION: u64 = 1 << 20;

/// How many bytes fill up the last block of a content.
fn padding(size: u64) -> u64 {
    size.wrapping_neg() % BLOCK as u64
}
