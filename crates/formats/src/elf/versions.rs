//! The versions of symbols that an ELF file needs and defines ("Symbol Versioning" in the Linux Standard Base, core
//! specification): two lists of records, each with a list of names, chained by offsets.
//!
//! The chains are walked by hand, because the `object` crate finds them through section headers only, which the loader
//! never reads and `strip` may drop.

use bareboat_model::{Context, Error, Result};
use object::Endianness;
use object::elf::{self, VersionFlags};
use object::pod::{Pod, from_bytes};
use object::read::elf::FileHeader;

use super::read::{Elf, Loaded, NeededVersion, Strings, value};

/// More than any library has (glibc has some 50); a bound against hostile files, whose chains may be circles.
const MOST: usize = 4096;

pub(super) fn read_versions<H: FileHeader<Endian = Endianness>>(
    entries: &[H::Dyn],
    strings: &Strings<'_>,
    loaded: &Loaded<'_, H>,
    elf: &mut Elf,
) -> Result<()> {
    let endian = loaded.endian;
    let table =
        |tag, what| value::<H>(entries, endian, tag).map(|address| loaded.at(address, what)).transpose();
    if let Some(table) = table(elf::DT_VERNEED, "needed versions")? {
        elf.needed_versions = needed(table, strings, endian).context(|| "ELF DT_VERNEED")?;
    }
    if let Some(table) = table(elf::DT_VERDEF, "defined versions")? {
        elf.defined_versions = defined(table, strings, endian).context(|| "ELF DT_VERDEF")?;
    }
    Ok(())
}

fn needed(table: &[u8], strings: &Strings<'_>, endian: Endianness) -> Result<Vec<NeededVersion>> {
    let mut found = Vec::new();
    let mut at = 0;
    for _ in 0..MOST {
        let one: &elf::Verneed<Endianness> = record(table, at)?;
        let library = strings.get(one.vn_file.get(endian).into())?;
        let mut name_at = at.saturating_add(one.vn_aux.get(endian) as usize);
        for _ in 0..one.vn_cnt.get(endian) {
            let name: &elf::Vernaux<Endianness> = record(table, name_at)?;
            if found.len() == MOST {
                return Err(too_many());
            }
            found.push(NeededVersion {
                library: library.clone(),
                version: strings.get(name.vna_name.get(endian).into())?,
                weak: name.vna_flags.get(endian) & elf::VER_FLG_WEAK != VersionFlags(0),
            });
            name_at = name_at.saturating_add(name.vna_next.get(endian) as usize);
        }
        match one.vn_next.get(endian) {
            0 => return Ok(found),
            next => at = at.saturating_add(next as usize),
        }
    }
    Err(too_many())
}

/// Of each definition, the first name, which is its own; those behind it are the versions that it extends.
fn defined(table: &[u8], strings: &Strings<'_>, endian: Endianness) -> Result<Vec<String>> {
    let mut found = Vec::new();
    let mut at = 0;
    while found.len() < MOST {
        let one: &elf::Verdef<Endianness> = record(table, at)?;
        let name: &elf::Verdaux<Endianness> =
            record(table, at.saturating_add(one.vd_aux.get(endian) as usize))?;
        found.push(strings.get(name.vda_name.get(endian).into())?);
        match one.vd_next.get(endian) {
            0 => return Ok(found),
            next => at = at.saturating_add(next as usize),
        }
    }
    Err(too_many())
}

fn record<T: Pod>(table: &[u8], at: usize) -> Result<&T> {
    let outside = || Error::new(format!("the record at offset {at} lies outside its segment"));
    let (record, _) = table.get(at..).and_then(|rest| from_bytes(rest).ok()).ok_or_else(outside)?;
    Ok(record)
}

fn too_many() -> Error {
    Error::new(format!("more than {MOST} versions of symbols"))
}

#[cfg(test)]
mod tests {
    use super::super::parse;

    #[test]
    fn the_running_test_needs_versions_of_libc() {
        let bytes = std::fs::read(std::env::current_exe().unwrap()).unwrap();
        let elf = parse(&bytes).unwrap().unwrap();
        let of_libc = elf.needed_versions.iter().filter(|one| one.library == "libc.so.6");
        assert!(
            of_libc.filter(|one| one.version.starts_with("GLIBC_2.")).count() > 1,
            "{:?}",
            elf.needed_versions
        );
    }

    #[test]
    fn libc_defines_versions() {
        let maps = std::fs::read_to_string("/proc/self/maps").unwrap();
        let libc = maps
            .lines()
            .filter_map(|line| line.split_whitespace().nth(5))
            .find(|path| path.contains("libc.so"));
        let elf = parse(&std::fs::read(libc.unwrap()).unwrap()).unwrap().unwrap();
        assert_eq!(elf.defined_versions[0], elf.soname.unwrap());
        assert!(elf.defined_versions.iter().any(|version| version == "GLIBC_2.17"));
        assert!(elf.defined_versions.len() > 20);
    }
}
