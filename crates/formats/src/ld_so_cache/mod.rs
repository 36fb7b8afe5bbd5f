//! `/etc/ld.so.cache`: which libraries `ldconfig` would list, in what order, and the file it would write.
//!
//! Three steps, each pure: [`search_path`] says which directories are looked at, [`select`] which of their
//! files are listed, [`write`] makes the file. What was found out by comparing with the real `ldconfig` of
//! Debian 12 (glibc 2.36) and 13 (glibc 2.41) stands where it is used.
//!
//! By hand, because no crate writes this format. The result is compared with the real program's, byte for byte,
//! in the live suite.

mod file;
mod scan;
mod search_path;
mod strings;

use std::cmp::Ordering;

use bareboat_model::Arch;

use crate::elf::Elf;

pub use file::{Cache, parse, write};
pub use scan::{Candidate, Link, Selection, is_candidate_name, select};
pub use search_path::{SearchDirectory, hwcaps_name, search_path};

/// One line of the cache: a name that programs need, and the file that has it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Library {
    /// The name as in `DT_NEEDED`, such as `libz.so.1`.
    pub soname: Vec<u8>,
    /// The absolute path, such as `/lib/x86_64-linux-gnu/libz.so.1`.
    pub path: Vec<u8>,
    /// Library type and architecture; see [`flags`].
    pub flags: u32,
    /// Set when the file is in a `glibc-hwcaps` directory: an optimised twin for newer processors.
    pub hwcaps: Option<Hwcaps>,
}

/// Which processors an optimised library is for.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Hwcaps {
    /// The directory's name below `glibc-hwcaps`, such as `x86-64-v3`.
    pub name: Vec<u8>,
    /// What the file's own x86 property note asks for: 0 for x86-64 or no note, 1 for x86-64-v2, and so on.
    pub isa_level: u32,
}

/// `FLAG_ELF_LIBC6` in glibc's ldconfig.h: the type of every library since libc5 is gone.
const ELF_LIBC6: u32 = 0x0003;
/// `FLAG_X8664_LIB64`.
const X86_64: u32 = 0x0300;
/// `FLAG_X8664_LIBX32`.
const X32: u32 = 0x0800;
/// `FLAG_AARCH64_LIB64`.
const AARCH64: u32 = 0x0a00;
/// `EM_386`.
const I386_MACHINE: u16 = 3;

/// The flags that `arch`'s `ldconfig` gives a file, or `None` when it passes over files of that machine.
///
/// 32-bit Arm libraries beside arm64 ones are passed over, unlike in the real program.
pub fn flags(elf: &Elf, arch: Arch) -> Option<u32> {
    let machine = match (arch, elf.machine, elf.class64) {
        (Arch::Amd64, I386_MACHINE, false) => 0,
        (_, machine, _) if machine != arch.elf_machine() => return None,
        (Arch::Amd64, _, true) => X86_64,
        (Arch::Amd64, _, false) => X32,
        (Arch::Arm64, _, true) => AARCH64,
        (Arch::Arm64, _, false) => return None,
    };
    Some(ELF_LIBC6 | machine)
}

/// What Debian's `ldconfig` writes into the cache as its own name, from the version of the package `libc-bin`.
///
/// ```
/// assert_eq!(
///     bareboat_formats::ld_so_cache::debian_generator("2.41-12+deb13u4"),
///     "ldconfig (Debian GLIBC 2.41-12+deb13u4) stable release version 2.41",
/// );
/// ```
pub fn debian_generator(libc_bin_version: &str) -> String {
    let upstream = libc_bin_version.rsplit_once('-').map_or(libc_bin_version, |(upstream, _)| upstream);
    format!("ldconfig (Debian GLIBC {libc_bin_version}) stable release version {upstream}")
}

/// The order of library names that the loader's binary search relies on (`_dl_cache_libcmp` in dl-cache.c):
/// bytes, except that runs of digits compare as numbers and come after anything else.
fn compare_names(left: &[u8], right: &[u8]) -> Ordering {
    let (mut left, mut right) = (left, right);
    loop {
        match (left, right) {
            ([], []) => return Ordering::Equal,
            ([a, ..], [b, ..]) if a.is_ascii_digit() && b.is_ascii_digit() => {
                let (a, rest_of_left) = split_number(left);
                let (b, rest_of_right) = split_number(right);
                let order = a.len().cmp(&b.len()).then_with(|| a.cmp(b));
                if order.is_ne() {
                    return order;
                }
                (left, right) = (rest_of_left, rest_of_right);
            }
            ([a, ..], _) if a.is_ascii_digit() => return Ordering::Greater,
            (_, [b, ..]) if b.is_ascii_digit() => return Ordering::Less,
            ([a, rest_of_left @ ..], [b, rest_of_right @ ..]) if a == b => {
                (left, right) = (rest_of_left, rest_of_right);
            }
            _ => return left.first().cmp(&right.first()),
        }
    }
}

/// The digits at the start, without leading zeros, and what follows them.
fn split_number(text: &[u8]) -> (&[u8], &[u8]) {
    let end = text.iter().position(|byte| !byte.is_ascii_digit()).unwrap_or(text.len());
    let (digits, rest) = text.split_at(end);
    let zeros = digits.iter().take_while(|&&digit| digit == b'0').count();
    (&digits[zeros..], rest)
}

/// The order of the file: names descending, and of one name first the one to be tried first.
fn compare(left: &Library, right: &Library) -> Ordering {
    compare_names(&right.soname, &left.soname)
        .then_with(|| right.flags.cmp(&left.flags))
        // The loader stops at the first entry without hwcaps, so those with come before.
        .then_with(|| right.hwcaps.is_some().cmp(&left.hwcaps.is_some()))
        .then_with(|| hwcaps_of(left).cmp(&hwcaps_of(right)))
}

fn hwcaps_of(library: &Library) -> Option<&[u8]> {
    library.hwcaps.as_ref().map(|hwcaps| &hwcaps.name[..])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::elf::ElfKind;

    #[test]
    fn numbers_in_names_compare_as_numbers_and_after_letters() {
        for (left, right, order) in [
            ("libc.so.6", "libc.so.6", Ordering::Equal),
            ("libc.so.10", "libc.so.9", Ordering::Greater),
            ("libc.so.010", "libc.so.10", Ordering::Equal),
            ("libc.so", "libc.so.6", Ordering::Less),
            ("libm.so.6", "libc.so.6", Ordering::Greater),
            ("lib1.so", "liba.so", Ordering::Greater),
            ("lib1", "lib", Ordering::Greater),
            ("lib.99999999999999999999", "lib.100000000000000000000", Ordering::Less),
            ("", "", Ordering::Equal),
        ] {
            assert_eq!(compare_names(left.as_bytes(), right.as_bytes()), order, "{left} and {right}");
            assert_eq!(compare_names(right.as_bytes(), left.as_bytes()), order.reverse());
        }
    }

    #[test]
    fn flags_follow_machine_and_class() {
        let mut elf = Elf::empty(ElfKind::SharedObject);
        for (arch, machine, class64, expected) in [
            (Arch::Amd64, 62, true, Some(0x303)),
            (Arch::Amd64, 62, false, Some(0x803)),
            (Arch::Amd64, 3, false, Some(0x3)),
            (Arch::Amd64, 183, true, None),
            (Arch::Arm64, 183, true, Some(0xa03)),
            (Arch::Arm64, 62, true, None),
            (Arch::Arm64, 3, false, None),
        ] {
            (elf.machine, elf.class64) = (machine, class64);
            assert_eq!(flags(&elf, arch), expected, "{arch} {machine} {class64}");
        }
    }
}
