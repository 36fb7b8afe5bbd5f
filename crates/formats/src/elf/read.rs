//! Reads from an ELF file what the dynamic linker and `ldconfig` read: type, machine, needed libraries,
//! search paths and notes. By program headers, as the loader does; sections play no part.

use bareboat_model::{Context, Error, Result};
use object::Endianness;
use object::elf;
use object::read::elf::{Dyn, FileHeader, NoteIterator, ProgramHeader};

use super::versions::read_versions;

/// What an ELF file says about itself.
///
/// Names that are not UTF-8 have U+FFFD in the place of the bad bytes.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Elf {
    /// 64-bit (`ELFCLASS64`) rather than 32-bit.
    pub class64: bool,
    /// Little-endian (`ELFDATA2LSB`).
    pub little_endian: bool,
    /// `e_machine`; compare with [`bareboat_model::Arch::elf_machine`].
    pub machine: u16,
    /// What kind of file this is.
    pub kind: ElfKind,
    /// `DT_SONAME`: the name under which other files need this one.
    pub soname: Option<String>,
    /// `DT_NEEDED`, in the file's order.
    pub needed: Vec<String>,
    /// `DT_VERNEED`: which versions of which libraries the file's symbols are of, in the file's order.
    pub needed_versions: Vec<NeededVersion>,
    /// `DT_VERDEF`: the versions that the file's own symbols have.
    pub defined_versions: Vec<String>,
    /// `DT_RUNPATH`, split at its colons; `$ORIGIN` is not expanded.
    pub runpath: Vec<String>,
    /// `DT_RPATH`, split at its colons. The loader ignores it when there is a `DT_RUNPATH`.
    pub rpath: Vec<String>,
    /// `PT_INTERP`: the loader that the kernel starts for this file.
    pub interpreter: Option<String>,
    /// The `NT_GNU_BUILD_ID` note.
    pub build_id: Option<Vec<u8>>,
    /// The `NT_GNU_ABI_TAG` note: operating system (0 is Linux) and the oldest kernel's three numbers.
    pub abi_tag: Option<[u32; 4]>,
    /// The bits of `GNU_PROPERTY_X86_ISA_1_NEEDED`: bit 0 is x86-64, bit 1 x86-64-v2 and so on.
    pub x86_isa_needed: u32,
    /// Whether there is a dynamic section, so that the dynamic linker has work to do.
    pub dynamic: bool,
}

impl Elf {
    /// A file that says nothing but its kind.
    pub(crate) fn empty(kind: ElfKind) -> Self {
        Self {
            class64: true,
            little_endian: true,
            machine: 0,
            kind,
            soname: None,
            needed: Vec::new(),
            needed_versions: Vec::new(),
            defined_versions: Vec::new(),
            runpath: Vec::new(),
            rpath: Vec::new(),
            interpreter: None,
            build_id: None,
            abi_tag: None,
            x86_isa_needed: 0,
            dynamic: false,
        }
    }
}

/// A version that the symbols of a file are of: `GLIBC_2.34` of `libc.so.6`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NeededVersion {
    /// The library, by the name under which it is needed.
    pub library: String,
    /// The version.
    pub version: String,
    /// Whether the loader goes on without it (`VER_FLG_WEAK`).
    pub weak: bool,
}

/// `e_type`, as far as it matters.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ElfKind {
    /// An object file or a kernel module (`ET_REL`).
    Relocatable,
    /// An executable at a fixed address (`ET_EXEC`).
    Executable,
    /// A shared library, or an executable that can be loaded anywhere (`ET_DYN`).
    SharedObject,
    /// A core dump or a type this tool does not know.
    Other,
}

/// More `DT_NEEDED` entries than any program has; a bound against hostile files.
const MOST_NEEDED: usize = 4096;
/// Linux loads no file whose program headers take more than 64 KiB (`load_elf_phdrs` in fs/binfmt_elf.c).
const MOST_PROGRAM_HEADER_BYTES: usize = 65536;
/// Notes beyond this many bytes of a segment are not read; real ones take some hundred.
const MOST_NOTE_BYTES: usize = 65536;
/// Linux's PATH_MAX, for every name and every search path.
const LONGEST_STRING: usize = 4096;

/// Reads an ELF file; `None` when the bytes do not start with ELF's magic number.
///
/// ```
/// use bareboat_formats::elf;
/// assert!(elf::parse(b"#!/bin/sh\n").unwrap().is_none());
/// assert!(elf::parse(b"\x7fELF\x02\x01\x01").is_err());
/// ```
///
/// # Errors
/// When a header, the dynamic section or its strings lie outside the file or are out of bounds.
pub fn parse(bytes: &[u8]) -> Result<Option<Elf>> {
    if !bytes.starts_with(&elf::ELFMAG) {
        return Ok(None);
    }
    // e_ident[EI_CLASS], ELF specification, "ELF Identification".
    match bytes.get(4) {
        Some(1) => read::<elf::FileHeader32<Endianness>>(bytes),
        Some(2) => read::<elf::FileHeader64<Endianness>>(bytes),
        Some(other) => Err(Error::new(format!("ELF class is {other}, expected 1 or 2"))),
        None => Err(Error::new(format!("ELF file ends after {} bytes, inside its header", bytes.len()))),
    }
    .map(Some)
}

/// The error of the `object` crate, in our words: its own start with a capital.
pub(super) fn malformed(what: &str) -> impl FnOnce(object::read::Error) -> Error {
    let what = what.to_owned();
    move |error| {
        let cause = error.to_string();
        Error::new(format!("cannot read {what}: {}", cause.replacen("Invalid ELF", "invalid", 1)))
    }
}

fn read<H: FileHeader<Endian = Endianness>>(bytes: &[u8]) -> Result<Elf> {
    let header = H::parse(bytes).map_err(malformed("the ELF header"))?;
    let endian = header.endian().map_err(malformed("the ELF header"))?;
    let segments = header.program_headers(endian, bytes).map_err(malformed("the ELF program headers"))?;
    if size_of_val(segments) > MOST_PROGRAM_HEADER_BYTES {
        return Err(Error::new(format!(
            "ELF file has {} program headers, more than Linux takes",
            segments.len()
        )));
    }

    let kind = match header.e_type(endian) {
        elf::ET_REL => ElfKind::Relocatable,
        elf::ET_EXEC => ElfKind::Executable,
        elf::ET_DYN => ElfKind::SharedObject,
        _ => ElfKind::Other,
    };
    let mut elf = Elf {
        class64: header.is_class_64(),
        little_endian: header.is_little_endian(),
        machine: header.e_machine(endian).0,
        ..Elf::empty(kind)
    };
    for segment in segments {
        match segment.p_type(endian) {
            elf::PT_INTERP if elf.interpreter.is_none() => {
                let data = segment.data(endian, bytes).map_err(|()| outside("interpreter"))?;
                elf.interpreter = Some(string_at(data, 0).context(|| "ELF interpreter")?);
            }
            elf::PT_NOTE => read_notes::<H>(segment, endian, bytes, &mut elf),
            elf::PT_DYNAMIC if !elf.dynamic => {
                let entries: &[H::Dyn] =
                    segment.data_as_array(endian, bytes).map_err(|()| outside("dynamic section"))?;
                let loaded = Loaded::<H> { segments, endian, bytes };
                let strings = Strings::find(entries, &loaded)?;
                read_dynamic::<H>(entries, &strings, endian, &mut elf)?;
                read_versions(entries, &strings, &loaded, &mut elf)?;
            }
            _ => {}
        }
    }
    Ok(elf)
}

fn outside(what: &str) -> Error {
    Error::new(format!("the ELF {what} lies outside the file"))
}

/// What a file is in memory.
pub(super) struct Loaded<'data, H: FileHeader> {
    segments: &'data [H::ProgramHeader],
    pub(super) endian: Endianness,
    bytes: &'data [u8],
}

impl<'data, H: FileHeader<Endian = Endianness>> Loaded<'data, H> {
    /// The file's bytes from an address to the end of its segment.
    pub(super) fn at(&self, address: u64, what: &str) -> Result<&'data [u8]> {
        let outside = || outside(&format!("{what} at address {address:#x}"));
        let (segment, from) = self
            .segments
            .iter()
            .filter(|segment| segment.p_type(self.endian) == elf::PT_LOAD)
            .find_map(|segment| {
                let from = address.checked_sub(segment.p_vaddr(self.endian).into())?;
                (from < segment.p_filesz(self.endian).into()).then_some((segment, from))
            })
            .ok_or_else(outside)?;
        let data = segment.data(self.endian, self.bytes).map_err(|()| outside())?;
        usize::try_from(from).ok().and_then(|from| data.get(from..)).ok_or_else(outside)
    }
}

/// The string table of the dynamic section: `DT_STRSZ` bytes at the address `DT_STRTAB`.
pub(super) struct Strings<'data>(&'data [u8]);

impl<'data> Strings<'data> {
    fn find<H: FileHeader<Endian = Endianness>>(
        entries: &[H::Dyn],
        loaded: &Loaded<'data, H>,
    ) -> Result<Self> {
        let Some(address) = value::<H>(entries, loaded.endian, elf::DT_STRTAB) else { return Ok(Self(&[])) };
        let size = value::<H>(entries, loaded.endian, elf::DT_STRSZ).unwrap_or(u64::MAX);
        let table = loaded.at(address, "string table")?;
        let size = usize::try_from(size).unwrap_or(usize::MAX).min(table.len());
        Ok(Self(&table[..size]))
    }

    pub(super) fn get(&self, offset: u64) -> Result<String> {
        string_at(self.0, usize::try_from(offset).unwrap_or(usize::MAX))
    }
}

/// The dynamic entries up to the terminating `DT_NULL`, as tag and value.
fn live<H: FileHeader<Endian = Endianness>>(
    entries: &[H::Dyn],
    endian: Endianness,
) -> impl Iterator<Item = (elf::DynamicTag, u64)> {
    entries
        .iter()
        .map(move |entry| (entry.d_tag(endian), entry.d_val(endian).into()))
        .take_while(|&(tag, _)| tag != elf::DT_NULL)
}

fn read_dynamic<H: FileHeader<Endian = Endianness>>(
    entries: &[H::Dyn],
    strings: &Strings<'_>,
    endian: Endianness,
    elf: &mut Elf,
) -> Result<()> {
    elf.dynamic = !entries.is_empty();
    for (tag, value) in live::<H>(entries, endian) {
        match tag {
            elf::DT_SONAME => elf.soname = Some(strings.get(value).context(|| "ELF DT_SONAME")?),
            elf::DT_RUNPATH => elf.runpath = split_path(&strings.get(value).context(|| "ELF DT_RUNPATH")?),
            elf::DT_RPATH => elf.rpath = split_path(&strings.get(value).context(|| "ELF DT_RPATH")?),
            elf::DT_NEEDED => {
                if elf.needed.len() == MOST_NEEDED {
                    return Err(Error::new(format!("ELF file needs more than {MOST_NEEDED} libraries")));
                }
                elf.needed.push(strings.get(value).context(|| "ELF DT_NEEDED")?);
            }
            _ => {}
        }
    }
    Ok(())
}

/// What the first dynamic entry with this tag says.
pub(super) fn value<H: FileHeader<Endian = Endianness>>(
    entries: &[H::Dyn],
    endian: Endianness,
    wanted: elf::DynamicTag,
) -> Option<u64> {
    live::<H>(entries, endian).find(|&(tag, _)| tag == wanted).map(|(_, value)| value)
}

/// Reads the notes up to the first malformed one: the loader takes no offence at a bad note either.
fn read_notes<H: FileHeader<Endian = Endianness>>(
    segment: &H::ProgramHeader,
    endian: Endianness,
    bytes: &[u8],
    elf: &mut Elf,
) {
    let Ok(data) = segment.data(endian, bytes) else { return };
    let data = &data[..data.len().min(MOST_NOTE_BYTES)];
    let Ok(mut notes) = NoteIterator::<H>::new(endian, segment.p_align(endian), data) else { return };
    while let Ok(Some(note)) = notes.next() {
        if note.name() != elf::ELF_NOTE_GNU {
            continue;
        }
        match note.n_type(endian) {
            elf::NT_GNU_BUILD_ID => elf.build_id = Some(note.desc().to_vec()),
            elf::NT_GNU_ABI_TAG => elf.abi_tag = abi_tag(note.desc(), elf.little_endian),
            elf::NT_GNU_PROPERTY_TYPE_0 => {
                let Some(mut properties) = note.gnu_properties(endian) else { continue };
                while let Ok(Some(property)) = properties.next() {
                    if property.pr_type() == elf::GNU_PROPERTY_X86_ISA_1_NEEDED {
                        elf.x86_isa_needed |= property.data_u32(endian).unwrap_or(0);
                    }
                }
            }
            _ => {}
        }
    }
}

fn abi_tag(desc: &[u8], little_endian: bool) -> Option<[u32; 4]> {
    let (words, []) = desc.as_chunks::<4>() else { return None };
    let words: &[[u8; 4]; 4] = words.try_into().ok()?;
    Some(words.map(|word| if little_endian { u32::from_le_bytes(word) } else { u32::from_be_bytes(word) }))
}

fn string_at(table: &[u8], offset: usize) -> Result<String> {
    let rest = table.get(offset..).ok_or_else(|| {
        Error::new(format!("string at offset {offset} lies outside its table of {} bytes", table.len()))
    })?;
    let rest = &rest[..rest.len().min(LONGEST_STRING + 1)];
    let text = rest.split(|&byte| byte == 0).next().unwrap_or_default();
    if text.len() > LONGEST_STRING {
        return Err(Error::new(format!("string at offset {offset} is longer than {LONGEST_STRING} bytes")));
    }
    Ok(String::from_utf8_lossy(text).into_owned())
}

fn split_path(path: &str) -> Vec<String> {
    path.split(':').filter(|directory| !directory.is_empty()).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::elf::test_file;
    use proptest::prelude::*;

    #[test]
    fn the_running_test_is_read() {
        let bytes = std::fs::read(std::env::current_exe().unwrap()).unwrap();
        let elf = parse(&bytes).unwrap().unwrap();
        assert_eq!(elf.kind, ElfKind::SharedObject);
        assert!(elf.dynamic && elf.needed.iter().any(|name| name.starts_with("libc.so")), "{elf:?}");
        assert!(elf.interpreter.is_some_and(|name| name.contains("ld-linux")));
        let host = bareboat_model::Arch::host().map(bareboat_model::Arch::elf_machine);
        assert!(host.is_none_or(|machine| machine == elf.machine));
    }

    #[test]
    fn every_field_of_a_made_file_is_read() {
        let elf = parse(&test_file::shared_object()).unwrap().unwrap();
        let expected = Elf {
            machine: 62,
            soname: Some("libx.so.1".into()),
            needed: vec!["libc.so.6".into(), "libm.so.6".into()],
            runpath: vec!["$ORIGIN".into(), "/opt/lib".into()],
            rpath: vec!["/old".into()],
            interpreter: Some("/lib/ld.so".into()),
            build_id: Some(vec![0xab; 20]),
            abi_tag: Some([0, 3, 2, 0]),
            x86_isa_needed: 0b11,
            dynamic: true,
            ..Elf::empty(ElfKind::SharedObject)
        };
        assert_eq!(elf, expected);
    }

    #[test]
    fn broken_files_are_refused_with_the_place() {
        let good = test_file::shared_object();
        let refused = |at: usize, new: &[u8]| {
            let mut bytes = good.clone();
            bytes[at..at + new.len()].copy_from_slice(new);
            parse(&bytes).unwrap_err().to_string()
        };
        assert_eq!(refused(4, &[7]), "ELF class is 7, expected 1 or 2");
        assert!(refused(32, &[0xff; 8]).starts_with("cannot read the ELF program headers: "));
        let dynamic = test_file::dynamic_offset(&good);
        assert_eq!(
            refused(dynamic + 8, &0x1234_u64.to_le_bytes()),
            "ELF DT_NEEDED: string at offset 4660 lies outside its table of 68 bytes"
        );
        assert_eq!(
            refused(dynamic, &[5, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0]),
            "the ELF string table at address 0x10000 lies outside the file"
        );
        assert_eq!(
            parse(&good[..5]).unwrap_err().to_string(),
            "cannot read the ELF header: invalid header size or alignment"
        );
        assert_eq!(
            parse(b"\x7fELF").unwrap_err().to_string(),
            "ELF file ends after 4 bytes, inside its header"
        );
    }

    proptest! {
        #[test]
        fn no_damage_makes_the_reader_panic(at in 0..2000_usize, value: u8, cut in 0..2000_usize) {
            let mut bytes = test_file::shared_object();
            let at = at % bytes.len();
            bytes[at] = value;
            let _ = parse(&bytes);
            let _ = parse(&bytes[..cut.min(bytes.len())]);
        }
    }
}
