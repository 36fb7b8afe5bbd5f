//! ELF files: what the dynamic linker reads from them, and dropping what it never reads.

mod read;
mod strip;
#[cfg(test)]
mod test_file;
mod versions;

pub use read::{Elf, ElfKind, NeededVersion, parse};
pub use strip::{loaded_bytes_are_identical, strip};
