//! The bytes of the cache: the format `glibc-ld.so.cache1.1` with its extensions (dl-cache.h of glibc 2.33
//! and later), little-endian.
//!
//! ```text
//! header       48 bytes   magic, number of entries, length of the strings, byte order, offset of the extensions
//! entries      24 each    flags, offset of the name, offset of the path, 0, hwcaps
//! strings
//! extensions   at a multiple of 4: magic, number of sections, per section: tag, flags, offset, length
//! ```

use std::collections::BTreeMap;

use bareboat_model::{Context, Error, Result};

use super::strings::StringTable;
use super::{Hwcaps, Library, compare};

const MAGIC: &[u8; 20] = b"glibc-ld.so.cache1.1";
const HEADER_LEN: usize = 48;
const ENTRY_LEN: usize = 24;
/// `cache_file_new_flags_endian_little`.
const LITTLE_ENDIAN: u8 = 2;
const EXTENSION_MAGIC: u32 = 0xeaa4_2174;
const EXTENSION_HEADER_LEN: usize = 8;
const SECTION_LEN: usize = 16;
/// `cache_extension_tag_generator`: the name of the program that wrote the file.
const GENERATOR_TAG: u32 = 0;
/// `cache_extension_tag_glibc_hwcaps`: offsets of the names of `glibc-hwcaps` directories.
const HWCAPS_TAG: u32 = 1;
/// `DL_CACHE_HWCAP_EXTENSION`: the low half of an entry's hwcaps is an index into that section.
const HWCAPS_EXTENSION: u64 = 1 << 62;
/// Where an entry's hwcaps hold the x86 level (`DL_CACHE_HWCAP_ISA_LEVEL_MASK`, 10 bits).
const ISA_LEVEL_SHIFT: u32 = 32;
const ISA_LEVEL_MASK: u64 = 0x3ff;

/// What a cache file says.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Cache {
    /// The libraries in the file's order.
    pub libraries: Vec<Library>,
    /// The program that wrote the file, when it left its name.
    pub generator: Option<String>,
}

/// The file that `ldconfig` would write for `libraries`, which come in the order of the search path.
///
/// With the same libraries and the generator string of Debian's `ldconfig` ([`super::debian_generator`]) the
/// result is the same to the byte.
///
/// # Errors
/// When the file would be larger than its 32-bit offsets can tell, or a name holds a NUL.
pub fn write(libraries: &[Library], generator: Option<&str>) -> Result<Vec<u8>> {
    let mut libraries: Vec<&Library> = libraries.iter().collect();
    libraries.sort_by(|left, right| compare(left, right));
    let hwcaps = hwcaps_names(&libraries);
    let texts = libraries.iter().flat_map(|library| [&library.soname[..], &library.path[..]]);
    let texts: Vec<&[u8]> = texts.chain(hwcaps.keys().copied()).collect();
    if let Some(bad) = texts.iter().find(|text| text.contains(&0)) {
        return Err(Error::new(format!("library name `{}` holds a NUL byte", bad.escape_ascii())));
    }
    let strings = StringTable::new(texts);
    let strings_at = HEADER_LEN + libraries.len() * ENTRY_LEN;
    let extensions_at = (strings_at + strings.bytes.len()).next_multiple_of(4);
    let offset = |text: &[u8]| number(strings_at + strings.offset(text));

    let mut out = Vec::with_capacity(extensions_at + 256);
    out.extend_from_slice(MAGIC);
    out.extend(number(libraries.len())?.to_le_bytes());
    out.extend(number(strings.bytes.len())?.to_le_bytes());
    out.extend([LITTLE_ENDIAN, 0, 0, 0]);
    let has_extensions = generator.is_some() || !hwcaps.is_empty();
    out.extend(if has_extensions { number(extensions_at)? } else { 0 }.to_le_bytes());
    out.resize(HEADER_LEN, 0);
    for library in libraries {
        out.extend(library.flags.to_le_bytes());
        out.extend(offset(&library.soname)?.to_le_bytes());
        out.extend(offset(&library.path)?.to_le_bytes());
        // The oldest kernel, of which glibc takes no notice since 2.36.
        out.extend(0_u32.to_le_bytes());
        out.extend(library.hwcaps.as_ref().map_or(0, |caps| hwcaps_field(caps, &hwcaps)).to_le_bytes());
    }
    out.extend_from_slice(&strings.bytes);
    if has_extensions {
        out.resize(extensions_at, 0);
        let name_offsets = hwcaps.keys().map(|name| offset(name)).collect::<Result<Vec<u32>>>()?;
        write_extensions(&mut out, generator, &name_offsets)?;
    }
    Ok(out)
}

/// The names of the `glibc-hwcaps` directories in use, with their indexes: they are numbered in byte order.
fn hwcaps_names<'a>(libraries: &[&'a Library]) -> BTreeMap<&'a [u8], u64> {
    let mut names: BTreeMap<&[u8], u64> = libraries
        .iter()
        .filter_map(|library| library.hwcaps.as_ref())
        .map(|caps| (&caps.name[..], 0))
        .collect();
    names.values_mut().zip(0..).for_each(|(index, number)| *index = number);
    names
}

fn hwcaps_field(hwcaps: &Hwcaps, names: &BTreeMap<&[u8], u64>) -> u64 {
    let index = names.get(&hwcaps.name[..]).copied().unwrap_or_default();
    let level = u64::from(hwcaps.isa_level) & ISA_LEVEL_MASK;
    HWCAPS_EXTENSION | level << ISA_LEVEL_SHIFT | index
}

/// The directory of sections names the generator first, yet the hwcaps come first in the file.
fn write_extensions(out: &mut Vec<u8>, generator: Option<&str>, hwcaps: &[u32]) -> Result<()> {
    let sections = usize::from(generator.is_some()) + usize::from(!hwcaps.is_empty());
    let hwcaps_at = out.len() + EXTENSION_HEADER_LEN + sections * SECTION_LEN;
    let hwcaps_len = size_of_val(hwcaps);
    out.extend(EXTENSION_MAGIC.to_le_bytes());
    out.extend(number(sections)?.to_le_bytes());
    let mut section = |tag: u32, at: usize, len: usize| -> Result<()> {
        for value in [tag, 0, number(at)?, number(len)?] {
            out.extend(value.to_le_bytes());
        }
        Ok(())
    };
    if let Some(generator) = generator {
        section(GENERATOR_TAG, hwcaps_at + hwcaps_len, generator.len())?;
    }
    if !hwcaps.is_empty() {
        section(HWCAPS_TAG, hwcaps_at, hwcaps_len)?;
    }
    out.extend(hwcaps.iter().flat_map(|offset| offset.to_le_bytes()));
    out.extend_from_slice(generator.unwrap_or_default().as_bytes());
    Ok(())
}

fn number(value: usize) -> Result<u32> {
    u32::try_from(value)
        .map_err(|_| Error::new(format!("library cache would be {value} bytes long, over 4 GiB")))
}

/// Reads a cache file of the format that [`write()`] writes.
///
/// # Errors
/// When it is of another format, or an offset in it points outside; the message names the entry.
pub fn parse(bytes: &[u8]) -> Result<Cache> {
    if !bytes.starts_with(MAGIC) {
        return Err(Error::new("not a library cache: it does not start with `glibc-ld.so.cache1.1`"));
    }
    let count = u32_at(bytes, 20).context(|| "library cache header")? as usize;
    let byte_order = bytes.get(28).copied().unwrap_or_default();
    if byte_order != LITTLE_ENDIAN {
        return Err(Error::new(format!(
            "library cache has byte order {byte_order}, expected 2 (little-endian)"
        )));
    }
    let extensions_at = u32_at(bytes, 32).context(|| "library cache header")? as usize;
    let extensions = Extensions::parse(bytes, extensions_at).context(|| "library cache extensions")?;
    let room = bytes.len().saturating_sub(HEADER_LEN) / ENTRY_LEN;
    if count > room {
        return Err(Error::new(format!("library cache says {count} entries, and has room for {room}")));
    }
    let libraries = (0..count)
        .map(|index| {
            let at = HEADER_LEN + index * ENTRY_LEN;
            read_entry(bytes, at, &extensions).context(|| format!("library cache entry {index}"))
        })
        .collect::<Result<_>>()?;
    Ok(Cache { libraries, generator: extensions.generator })
}

fn read_entry(bytes: &[u8], at: usize, extensions: &Extensions) -> Result<Library> {
    let hwcaps = u64::from(u32_at(bytes, at + 16)?) | u64::from(u32_at(bytes, at + 20)?) << 32;
    let hwcaps = if hwcaps & HWCAPS_EXTENSION == 0 {
        None
    } else {
        let index = hwcaps as u32;
        let name = extensions.hwcaps.get(index as usize);
        let name = name.ok_or_else(|| Error::new(format!("hwcaps name {index} is not in the file")))?;
        let isa_level = (hwcaps >> ISA_LEVEL_SHIFT & ISA_LEVEL_MASK) as u32;
        Some(Hwcaps { name: string_at(bytes, *name)?.to_vec(), isa_level })
    };
    Ok(Library {
        flags: u32_at(bytes, at)?,
        soname: string_at(bytes, u32_at(bytes, at + 4)?)?.to_vec(),
        path: string_at(bytes, u32_at(bytes, at + 8)?)?.to_vec(),
        hwcaps,
    })
}

#[derive(Default)]
struct Extensions {
    generator: Option<String>,
    /// Offsets of the names.
    hwcaps: Vec<u32>,
}

impl Extensions {
    fn parse(bytes: &[u8], at: usize) -> Result<Self> {
        let mut extensions = Self::default();
        if at == 0 {
            return Ok(extensions);
        }
        let magic = u32_at(bytes, at)?;
        if magic != EXTENSION_MAGIC {
            return Err(Error::new(format!("magic number is {magic:#x}, expected {EXTENSION_MAGIC:#x}")));
        }
        let count = u32_at(bytes, at + 4)?.min(16) as usize;
        for index in 0..count {
            let section = at + EXTENSION_HEADER_LEN + index * SECTION_LEN;
            let data = slice_at(bytes, u32_at(bytes, section + 8)?, u32_at(bytes, section + 12)?)?;
            match u32_at(bytes, section)? {
                GENERATOR_TAG => extensions.generator = Some(String::from_utf8_lossy(data).into_owned()),
                HWCAPS_TAG => {
                    extensions.hwcaps =
                        data.as_chunks().0.iter().map(|&word| u32::from_le_bytes(word)).collect();
                }
                _ => {}
            }
        }
        Ok(extensions)
    }
}

/// Linux's PATH_MAX, for names and paths.
const LONGEST_STRING: usize = 4096;

fn string_at(bytes: &[u8], offset: u32) -> Result<&[u8]> {
    let wrong = || Error::new(format!("no string of at most {LONGEST_STRING} bytes at offset {offset}"));
    let rest = bytes.get(offset as usize..).ok_or_else(wrong)?;
    let rest = &rest[..rest.len().min(LONGEST_STRING + 1)];
    let end = rest.iter().position(|&byte| byte == 0).ok_or_else(wrong)?;
    Ok(&rest[..end])
}

fn u32_at(bytes: &[u8], offset: usize) -> Result<u32> {
    let word = bytes.get(offset..).and_then(|rest| rest.first_chunk());
    word.map(|&word| u32::from_le_bytes(word))
        .ok_or_else(|| Error::new(format!("the file ends before offset {}", offset.saturating_add(4))))
}

fn slice_at(bytes: &[u8], offset: u32, len: u32) -> Result<&[u8]> {
    bytes
        .get(offset as usize..)
        .and_then(|rest| rest.get(..len as usize))
        .ok_or_else(|| Error::new(format!("{len} bytes at offset {offset} lie outside the file")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn library(soname: &str, directory: &str) -> Library {
        let path = format!("{directory}/{soname}").into_bytes();
        Library { soname: soname.into(), path, flags: 0x303, hwcaps: None }
    }

    #[test]
    fn a_small_cache_has_these_bytes() {
        let libraries = [library("libb.so.1", "/l"), library("libc.so.6", "/l")];
        let bytes = write(&libraries, Some("me")).unwrap();
        let words = |values: &[u32]| values.iter().flat_map(|v| v.to_le_bytes()).collect::<Vec<u8>>();
        let expected = [
            b"glibc-ld.so.cache1.1".to_vec(),
            words(&[2, 26, 2, 124, 0, 0, 0]),
            words(&[0x303, 99, 96, 0, 0, 0]),
            words(&[0x303, 112, 109, 0, 0, 0]),
            b"/l/libc.so.6\0/l/libb.so.1\0\0\0".to_vec(),
            words(&[0xeaa4_2174, 1, 0, 0, 148, 2]),
            b"me".to_vec(),
        ]
        .concat();
        assert_eq!(bytes, expected);
    }

    #[test]
    fn the_first_directory_and_the_best_processor_come_first() {
        let mut v3 = library("liba.so.1", "/l/glibc-hwcaps/x86-64-v3");
        v3.hwcaps = Some(Hwcaps { name: b"x86-64-v3".to_vec(), isa_level: 2 });
        let mut v2 = library("liba.so.1", "/l/glibc-hwcaps/x86-64-v2");
        v2.hwcaps = Some(Hwcaps { name: b"x86-64-v2".to_vec(), isa_level: 1 });
        let given = [library("liba.so.1", "/l"), v3.clone(), library("liba.so.1", "/a"), v2.clone()];
        let cache = parse(&write(&given, None).unwrap()).unwrap();
        assert_eq!(cache.libraries, [v2, v3, library("liba.so.1", "/l"), library("liba.so.1", "/a")]);
        assert_eq!(cache.generator, None);
    }

    #[test]
    fn broken_caches_are_refused_with_the_place() {
        let good = write(&[library("libc.so.6", "/l")], Some("me")).unwrap();
        let with = |at: usize, byte: u8| {
            let mut bytes = good.clone();
            bytes[at] = byte;
            parse(&bytes).unwrap_err().to_string()
        };
        assert_eq!(with(0, b'G'), "not a library cache: it does not start with `glibc-ld.so.cache1.1`");
        assert_eq!(with(20, 9), "library cache says 9 entries, and has room for 2");
        assert_eq!(with(28, 1), "library cache has byte order 1, expected 2 (little-endian)");
        assert_eq!(with(55, 1), "library cache entry 0: no string of at most 4096 bytes at offset 16777291");
        assert_eq!(with(88, 0), "library cache extensions: magic number is 0xeaa42100, expected 0xeaa42174");
        assert_eq!(
            parse(&good[..40]).unwrap_err().to_string(),
            "library cache extensions: the file ends before offset 92"
        );
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(
            names in prop::collection::vec(("lib[a-c0-9.]{0,6}", prop::option::of("[a-c]{1,2}"), 0..4_u32), 0..20),
            generator in prop::option::of("\\PC*"),
        ) {
            let libraries: Vec<Library> = names.into_iter().map(|(soname, caps, isa_level)| Library {
                hwcaps: caps.map(|name| Hwcaps { name: name.into_bytes(), isa_level }),
                ..library(&soname, "/lib")
            }).collect();
            let bytes = write(&libraries, generator.as_deref()).unwrap();
            let cache = parse(&bytes).unwrap();
            prop_assert_eq!(cache.libraries.len(), libraries.len());
            prop_assert!(libraries.iter().all(|library| cache.libraries.contains(library)));
            prop_assert_eq!(&write(&cache.libraries, generator.as_deref()).unwrap(), &bytes);
            prop_assert_eq!(cache.generator, generator);
        }

        #[test]
        fn no_bytes_make_the_reader_panic(bytes: Vec<u8>) {
            let _ = parse(&bytes);
            let _ = parse(&[&MAGIC[..], &bytes].concat());
        }
    }
}
