//! ELF files: what the dynamic linker reads from them, and dropping what it never reads.

mod read;
mod strip;
#[cfg(test)]
mod test_file;

pub use read::{Elf, ElfKind, parse};
pub use strip::{loaded_bytes_are_identical, strip};
