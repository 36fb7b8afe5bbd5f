//! Drops symbol tables and debug sections from an executable or a shared library, as
//! `strip --strip-unneeded` does, and leaves every byte that can be loaded as it is.
//!
//! By hand, because the rewriting libraries encode `.dynsym`, `.gnu.hash` and `.dynstr` anew: a correct
//! file, but one whose loaded bytes differ. Here the file's head, up to the end of all segments and all
//! allocated sections, is copied as it stands; behind it go the other sections that are kept, a new
//! section name table and a new section header table.

use std::borrow::Cow;
use std::collections::BTreeSet;

use bareboat_model::{Error, Result};
use object::elf::{self, FileHeader64, ProgramHeader64, SectionHeader64};
use object::endian::{LittleEndian as LE, U32, U64};
use object::pod::{bytes_of, bytes_of_slice};
use object::read::elf::{FileHeader, ProgramHeader, SectionHeader};

use super::read::malformed;

type Header = FileHeader64<LE>;
type Section = SectionHeader64<LE>;

/// The alignment of a section header table of 64-bit files.
const TABLE_ALIGNMENT: u64 = 8;
/// Longer than the section names of any compiler; a bound against hostile files.
const LONGEST_NAME: usize = 255;
/// Where a 64-bit ELF header says where the section headers are and how many: the only fields of the loaded
/// part that change. Offsets of `e_shoff` and of `e_shnum` with `e_shstrndx` (ELF-64 object file format).
const CHANGING_FIELDS: [std::ops::Range<usize>; 2] = [40..48, 60..64];

/// The file without symbol tables and debug sections, or the file as it is.
///
/// As it is come: files that are not ELF, object files and kernel modules, 32-bit and big-endian files, files
/// with more sections than the header can count, and files that would not get smaller. The build ID, unwind
/// tables and dynamic symbols are loaded, so they stay.
///
/// # Errors
/// When the file contradicts itself: headers or sections outside the file. And when the result would change a
/// loaded byte, which would be a bug of this function.
pub fn strip(bytes: &[u8]) -> Result<Cow<'_, [u8]>> {
    if !is_strippable(bytes) {
        return Ok(Cow::Borrowed(bytes));
    }
    let header = Header::parse(bytes).map_err(malformed("the ELF header"))?;
    let is_program = matches!(header.e_type(LE), elf::ET_EXEC | elf::ET_DYN);
    // From SHN_LORESERVE on the true numbers hide in section 0. No linked program comes near.
    let counts_are_plain = (1..elf::SHN_LORESERVE).contains(&header.e_shnum.get(LE));
    if !is_program || !counts_are_plain {
        return Ok(Cow::Borrowed(bytes));
    }
    let Some(sections) = Sections::read(header, bytes)? else { return Ok(Cow::Borrowed(bytes)) };
    let plan = Plan::new(&sections)?;
    if !plan.drops_any() {
        return Ok(Cow::Borrowed(bytes));
    }
    let Some(stripped) = assemble(header, &sections, &plan, bytes)? else {
        return Ok(Cow::Borrowed(bytes));
    };
    loaded_bytes_are_identical(bytes, &stripped)?;
    Ok(Cow::Owned(stripped))
}

/// Whether every byte that the kernel or the loader can map is the same in both files, and mapped alike.
///
/// Compared are the program headers and all bytes up to the end of the last segment, without the header's three
/// fields about section headers (`e_shoff`, `e_shnum`, `e_shstrndx`), which nothing reads at run time.
///
/// # Errors
/// When they differ; the message names the first byte that does.
pub fn loaded_bytes_are_identical(before: &[u8], after: &[u8]) -> Result<()> {
    let (head_before, head_after) = (loaded_head(before)?, loaded_head(after)?);
    if head_before.len() != head_after.len() {
        return Err(Error::new(format!(
            "the loaded part is {} bytes long, expected {}",
            head_after.len(),
            head_before.len()
        )));
    }
    let mut start = 0;
    let end = head_before.len();
    for skipped in CHANGING_FIELDS.into_iter().chain(std::iter::once(end..end)) {
        let (from, to) = (start.min(end), skipped.start.min(end));
        if let Some(at) = first_difference(&head_before[from..to], &head_after[from..to]) {
            return Err(Error::new(format!("the loaded byte at offset {} is changed", from + at)));
        }
        start = skipped.end;
    }
    Ok(())
}

fn first_difference(before: &[u8], after: &[u8]) -> Option<usize> {
    if before == after {
        return None;
    }
    before.iter().zip(after).position(|(a, b)| a != b)
}

/// Whether this is an ELF file of a kind that images hold: 64-bit and little-endian.
fn is_strippable(bytes: &[u8]) -> bool {
    bytes.starts_with(&elf::ELFMAG) && bytes.get(4..6) == Some(&[elf::ELFCLASS64.0, elf::ELFDATA2LSB.0])
}

/// The bytes up to the end of the last segment and of the program headers.
fn loaded_head(bytes: &[u8]) -> Result<&[u8]> {
    let header = Header::parse(bytes).map_err(malformed("the ELF header"))?;
    let end = segments_end(header, bytes)?;
    usize::try_from(end).ok().and_then(|end| bytes.get(..end)).ok_or_else(|| {
        Error::new(format!("an ELF segment ends at {end}, outside the file of {} bytes", bytes.len()))
    })
}

fn segments_end(header: &Header, bytes: &[u8]) -> Result<u64> {
    let segments = header.program_headers(LE, bytes).map_err(malformed("the ELF program headers"))?;
    let headers_end = header.e_phoff(LE).saturating_add(size_of_val(segments) as u64);
    let segment_end = |segment: &ProgramHeader64<LE>| {
        let (offset, size) = segment.file_range(LE);
        if size == 0 { 0 } else { offset.saturating_add(size) }
    };
    let end = segments.iter().map(segment_end).max().unwrap_or(0);
    Ok(end.max(headers_end).max(size_of::<Header>() as u64))
}

/// The part that is copied as it stands: up to the end of all segments and all allocated sections.
fn head<'data>(header: &Header, sections: &Sections<'_>, bytes: &'data [u8]) -> Result<&'data [u8]> {
    let allocated = sections.headers.iter().filter(|section| is_allocated(section));
    let end = allocated
        .filter_map(|section| section.file_range(LE))
        .map(|(at, size)| at.saturating_add(size))
        .max();
    let end = segments_end(header, bytes)?.max(end.unwrap_or(0));
    usize::try_from(end).ok().and_then(|end| bytes.get(..end)).ok_or_else(|| {
        Error::new(format!(
            "an ELF segment or section ends at {end}, outside the file of {} bytes",
            bytes.len()
        ))
    })
}

/// The section header table and the section names.
struct Sections<'data> {
    headers: &'data [Section],
    names: &'data [u8],
    names_index: usize,
}

impl<'data> Sections<'data> {
    /// `None` when the names are loaded or missing, as no linker leaves them.
    fn read(header: &Header, bytes: &'data [u8]) -> Result<Option<Self>> {
        let headers = header.section_headers(LE, bytes).map_err(malformed("the ELF section headers"))?;
        let names_index = usize::from(header.e_shstrndx.get(LE).0);
        let Some(section) = headers.get(names_index).filter(|section| !is_allocated(section)) else {
            return Ok(None);
        };
        let names = section.data(LE, bytes).map_err(malformed("the ELF section names"))?;
        Ok(Some(Self { headers, names, names_index }))
    }

    fn name(&self, section: &Section) -> Result<&'data [u8]> {
        let start = section.sh_name(LE) as usize;
        let wrong = || Error::new(format!("the ELF section name at offset {start} is not within 255 bytes"));
        let rest = self.names.get(start..).ok_or_else(wrong)?;
        let rest = &rest[..rest.len().min(LONGEST_NAME + 1)];
        let end = rest.iter().position(|&byte| byte == 0).ok_or_else(wrong)?;
        Ok(&rest[..end])
    }
}

fn is_allocated(section: &Section) -> bool {
    section.sh_flags(LE).contains(elf::SHF_ALLOC)
}

/// What becomes of each section of the old table.
struct Plan {
    fates: Vec<Fate>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Fate {
    /// Goes to this index of the new table.
    Keep(u32),
    /// Goes, but leaves an empty header: dynamic symbols name sections by index, so no allocated section may move.
    Blank,
    /// Goes.
    Drop,
}

impl Plan {
    fn new(sections: &Sections<'_>) -> Result<Self> {
        let dropped = dropped_sections(sections)?;
        let last_allocated = sections.headers.iter().rposition(is_allocated).unwrap_or(0);
        let mut next = 0;
        let fates = (0..sections.headers.len()).map(|index| {
            let fate = match (dropped.contains(&index), index < last_allocated) {
                (true, false) => return Fate::Drop,
                (true, true) => Fate::Blank,
                (false, _) => Fate::Keep(next),
            };
            next += 1;
            fate
        });
        Ok(Self { fates: fates.collect() })
    }

    fn drops_any(&self) -> bool {
        self.fates.iter().any(|fate| !matches!(fate, Fate::Keep(_)))
    }

    /// The new index of a section, 0 (`SHN_UNDEF`) when it is gone.
    fn new_index(&self, old: u32) -> u32 {
        match self.fates.get(old as usize) {
            Some(Fate::Keep(index)) => *index,
            _ => 0,
        }
    }
}

/// The sections that nothing needs at run time: symbol tables with their strings, relocations against them,
/// and debug information.
fn dropped_sections(sections: &Sections<'_>) -> Result<BTreeSet<usize>> {
    // Section 0 is the table's empty first entry. The names can be one section with the symbols' strings.
    let is_droppable = |index: usize, section: &Section| {
        index != 0 && index != sections.names_index && !is_allocated(section)
    };
    let droppable =
        || sections.headers.iter().enumerate().filter(|&(index, section)| is_droppable(index, section));
    let mut dropped = BTreeSet::new();
    for (index, section) in droppable() {
        let kind = section.sh_type(LE);
        if matches!(kind, elf::SHT_SYMTAB | elf::SHT_SYMTAB_SHNDX) || is_debug(sections.name(section)?) {
            dropped.insert(index);
        }
        if kind == elf::SHT_SYMTAB {
            let strings = section.sh_link(LE) as usize;
            if sections.headers.get(strings).is_some_and(|section| is_droppable(strings, section)) {
                dropped.insert(strings);
            }
        }
    }
    for (index, section) in droppable() {
        let relocates = matches!(section.sh_type(LE), elf::SHT_REL | elf::SHT_RELA);
        if relocates && dropped.contains(&(section.sh_link(LE) as usize)) {
            dropped.insert(index);
        }
    }
    Ok(dropped)
}

/// The names that binutils takes for debug information (`_bfd_elf_make_section_from_shdr` in bfd/elf.c).
fn is_debug(name: &[u8]) -> bool {
    const PREFIXES: [&[u8]; 6] =
        [b".debug", b".zdebug", b".gnu.debuglto_.debug_", b".gnu.linkonce.wi.", b".line", b".stab"];
    name == b".gdb_index" || PREFIXES.iter().any(|prefix| name.starts_with(prefix))
}

/// The new file: head, kept sections, names, header table. `None` when it is not smaller than the old one.
fn assemble(header: &Header, sections: &Sections<'_>, plan: &Plan, bytes: &[u8]) -> Result<Option<Vec<u8>>> {
    let mut out = head(header, sections, bytes)?.to_vec();
    let head_len = out.len() as u64;
    let mut names = vec![0];
    let mut table: Vec<Section> = Vec::new();
    let mut names_index = 0;
    for (index, (section, fate)) in sections.headers.iter().zip(&plan.fates).enumerate() {
        let mut kept = match fate {
            Fate::Drop => continue,
            Fate::Blank => blank(),
            Fate::Keep(_) => relinked(section, plan),
        };
        if matches!(fate, Fate::Keep(_)) {
            kept.sh_name.set(LE, push_name(&mut names, sections.name(section)?));
            if index == sections.names_index {
                names_index = table.len();
            } else if !is_allocated(section) && end_of(section) > head_len {
                let data = section.data(LE, bytes).map_err(malformed("an ELF section"))?;
                kept.sh_offset.set(LE, append(&mut out, data, section.sh_addralign(LE)));
            }
        }
        table.push(kept);
        // Also the bound for hostile tables, whose sections lie one over the other.
        if out.len() + names.len() >= bytes.len() {
            return Ok(None);
        }
    }
    let names_offset = append(&mut out, &names, 1);
    if let Some(section) = table.get_mut(names_index) {
        section.sh_offset.set(LE, names_offset);
        section.sh_size.set(LE, names.len() as u64);
    }
    let table_offset = append(&mut out, bytes_of_slice(&table), TABLE_ALIGNMENT);
    let mut header = *header;
    header.e_shoff.set(LE, table_offset);
    // Both are at most what they were, and that was a u16.
    header.e_shnum.set(LE, table.len() as u16);
    header.e_shstrndx.set(LE, elf::SymbolSection(names_index as u16));
    out[..size_of::<Header>()].copy_from_slice(bytes_of(&header));
    Ok((out.len() < bytes.len()).then_some(out))
}

/// Where the section's bytes end in the file; 0 when it has none there.
fn end_of(section: &Section) -> u64 {
    section.file_range(LE).map_or(0, |(offset, size)| offset.saturating_add(size))
}

/// The header with its references to other sections renumbered.
fn relinked(section: &Section, plan: &Plan) -> Section {
    let mut kept = *section;
    kept.sh_link.set(LE, plan.new_index(section.sh_link(LE)));
    let relocates = matches!(section.sh_type(LE), elf::SHT_REL | elf::SHT_RELA);
    if relocates || section.sh_flags(LE).contains(elf::SHF_INFO_LINK) {
        kept.sh_info.set(LE, plan.new_index(section.sh_info(LE)));
    }
    kept
}

/// A header of type `SHT_NULL`.
fn blank() -> Section {
    Section {
        sh_name: U32::new(LE, 0),
        sh_type: U32::new(LE, elf::SHT_NULL),
        sh_flags: U64::new(LE, elf::SectionFlags(0)),
        sh_addr: U64::new(LE, 0),
        sh_offset: U64::new(LE, 0),
        sh_size: U64::new(LE, 0),
        sh_link: U32::new(LE, 0),
        sh_info: U32::new(LE, 0),
        sh_addralign: U64::new(LE, 0),
        sh_entsize: U64::new(LE, 0),
    }
}

/// Puts `data` at the next multiple of `alignment` and says where that is. Nothing maps these bytes, so an
/// alignment that is no power of two or beyond a page is not worth an error.
fn append(out: &mut Vec<u8>, data: &[u8], alignment: u64) -> u64 {
    let alignment = if alignment.is_power_of_two() && alignment <= 4096 { alignment as usize } else { 1 };
    out.resize(out.len().next_multiple_of(alignment), 0);
    let offset = out.len() as u64;
    out.extend_from_slice(data);
    offset
}

/// Adds a name to the string table and says where it is.
fn push_name(names: &mut Vec<u8>, name: &[u8]) -> u32 {
    if name.is_empty() {
        return 0;
    }
    let offset = names.len() as u32;
    names.extend_from_slice(name);
    names.push(0);
    offset
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::elf::{self, test_file};
    use proptest::prelude::*;

    fn section_names(bytes: &[u8]) -> Vec<String> {
        let header = Header::parse(bytes).unwrap();
        let sections = header.sections(LE, bytes).unwrap();
        let names = sections.iter().map(|section| sections.section_name(LE, section).unwrap());
        names.map(|name| String::from_utf8(name.to_vec()).unwrap()).collect()
    }

    #[test]
    fn the_running_test_is_stripped_and_every_loaded_byte_stays() {
        let bytes = std::fs::read(std::env::current_exe().unwrap()).unwrap();
        let stripped = strip(&bytes).unwrap();
        assert!(stripped.len() < bytes.len() / 2, "{} of {} bytes", stripped.len(), bytes.len());
        loaded_bytes_are_identical(&bytes, &stripped).unwrap();
        assert_eq!(elf::parse(&stripped).unwrap(), elf::parse(&bytes).unwrap());
        let names = section_names(&stripped);
        let has = |name: &str| names.iter().any(|n| n == name);
        assert!([".debug_info", ".symtab", ".strtab"].iter().all(|dropped| !has(dropped)), "{names:?}");
        assert!([".eh_frame", ".dynsym", ".text", ".shstrtab"].iter().all(|kept| has(kept)), "{names:?}");
    }

    #[test]
    fn references_between_sections_follow_their_new_numbers() {
        let bytes = test_file::shared_object();
        let stripped = strip(&bytes).unwrap();
        assert_eq!(
            section_names(&stripped),
            ["", ".interp", ".dynstr", "", ".dynamic", ".note", ".rela.plt", ".comment", ".shstrtab"],
        );
        let header = Header::parse(&*stripped).unwrap();
        let sections = header.sections(LE, &*stripped).unwrap();
        let all: Vec<&Section> = sections.iter().collect();
        assert_eq!(all[3].sh_type(LE), object::elf::SHT_NULL);
        assert_eq!((all[4].sh_link(LE), all[6].sh_link(LE), all[6].sh_info(LE)), (2, 0, 4));
        assert_eq!(all[7].data(LE, &*stripped).unwrap(), b"made by hand\0");
    }

    #[test]
    fn a_missing_reference_drops_nothing() {
        let mut bytes = test_file::shared_object();
        let table = u64::from_le_bytes(bytes[40..48].try_into().unwrap()) as usize;
        // The links of .rela.debug_info and .symtab: section 0 is nobody's symbol table and nobody's strings.
        for index in [9, 10] {
            bytes[table + index * 64 + 40..][..4].fill(0);
        }
        let names = section_names(&strip(&bytes).unwrap());
        assert_eq!(names[7..], [".comment", ".rela.debug_info", ".strtab", ".shstrtab"]);
    }

    #[test]
    fn stripping_twice_changes_nothing_more() {
        let once = strip(&test_file::shared_object()).unwrap().into_owned();
        assert!(matches!(strip(&once).unwrap(), Cow::Borrowed(_)));
    }

    #[test]
    fn what_is_not_a_linked_program_is_left_as_it_is() {
        let mut object_file = test_file::shared_object();
        object_file[16] = 1;
        let mut big_endian = test_file::shared_object();
        big_endian[5] = 2;
        let mut without_sections = test_file::shared_object();
        without_sections[40..48].fill(0);
        without_sections[60..64].fill(0);
        for bytes in [&b"#!/bin/sh\n"[..], b"", &object_file, &big_endian, &without_sections] {
            assert!(matches!(strip(bytes).unwrap(), Cow::Borrowed(_)));
        }
    }

    #[test]
    fn a_changed_loaded_byte_is_found() {
        let bytes = test_file::shared_object();
        let stripped = strip(&bytes).unwrap().into_owned();
        let end = loaded_head(&bytes).unwrap().len();
        for at in [24, 48, 56, 64, 300, end - 1] {
            let mut changed = stripped.clone();
            changed[at] ^= 1;
            let error = loaded_bytes_are_identical(&bytes, &changed).unwrap_err().to_string();
            assert!(error.contains(&format!("offset {at} ")) || at == 56 || at == 64, "{at}: {error}");
        }
        loaded_bytes_are_identical(&bytes, &stripped).unwrap();
    }

    #[test]
    fn sections_outside_the_file_are_refused() {
        let good = test_file::shared_object();
        let table = u64::from_le_bytes(good[40..48].try_into().unwrap()) as usize;
        let mut bytes = good.clone();
        bytes[table + 7 * 64 + 24..][..8].copy_from_slice(&u64::MAX.to_le_bytes());
        assert_eq!(
            strip(&bytes).unwrap_err().to_string(),
            "cannot read an ELF section: invalid section size or offset"
        );
        let mut bytes = good;
        bytes[table + 5 * 64 + 24..][..8].copy_from_slice(&0x10_0000_u64.to_le_bytes());
        assert!(
            strip(&bytes).unwrap_err().to_string().starts_with("an ELF segment or section ends at 10486")
        );
    }

    proptest! {
        #[test]
        fn damaged_files_keep_their_loaded_bytes_or_are_refused(
            damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
        ) {
            let mut bytes = test_file::shared_object();
            for (at, value) in damage {
                let at = at.index(bytes.len());
                bytes[at] = value;
            }
            if let Ok(stripped) = strip(&bytes) {
                prop_assert!(stripped.len() <= bytes.len());
                if let Cow::Owned(stripped) = stripped {
                    prop_assert!(loaded_bytes_are_identical(&bytes, &stripped).is_ok());
                }
            }
        }
    }
}
