//! Tiny valid ELF files: a dynamic section and nothing to run.
//!
//! Both ways of reading one are served: by program headers (as the loader and `ldconfig` do) and by
//! section headers (as binutils do).

use bareboat_model::Arch;

/// The size of the file's header. The file is loaded at address 0, so offsets are addresses.
const HEADER: usize = 64;
const PROGRAM_HEADER: usize = 56;
const SECTION_HEADER: usize = 64;
const PAGE: u64 = 0x1000;

const PT_LOAD: u32 = 1;
const PT_DYNAMIC: u32 = 2;
const PT_INTERP: u32 = 3;

const DT_NEEDED: u64 = 1;
const DT_STRTAB: u64 = 5;
const DT_STRSZ: u64 = 10;
const DT_SONAME: u64 = 14;

/// A shared library with its `SONAME` and the names it needs.
pub fn shared_object(arch: Arch, soname: &str, needed: &[&str]) -> Vec<u8> {
    build(arch, None, Some(soname), needed, &[])
}

/// A shared object without a `SONAME`, as plugins and extension modules are.
pub fn plugin(arch: Arch, needed: &[&str]) -> Vec<u8> {
    build(arch, None, None, needed, &[])
}

/// A dynamic, position-independent program with Debian's loader as its interpreter.
pub fn executable(arch: Arch, needed: &[&str]) -> Vec<u8> {
    executable_with_debug(arch, needed, &[])
}

/// The same with a `.debug_info` section, which no program header names.
pub fn executable_with_debug(arch: Arch, needed: &[&str], debug: &[u8]) -> Vec<u8> {
    let loader = match arch {
        Arch::Amd64 => "/lib64/ld-linux-x86-64.so.2",
        Arch::Arm64 => "/lib/ld-linux-aarch64.so.1",
    };
    build(arch, Some(loader), None, needed, debug)
}

fn build(
    arch: Arch,
    interpreter: Option<&str>,
    soname: Option<&str>,
    needed: &[&str],
    debug: &[u8],
) -> Vec<u8> {
    let mut strings = Strings::new();
    let mut dynamic: Vec<(u64, u64)> =
        needed.iter().map(|name| (DT_NEEDED, strings.add(name) as u64)).collect();
    dynamic.extend(soname.map(|name| (DT_SONAME, strings.add(name) as u64)));

    // Layout: header, program headers, interpreter, .dynstr, .dynamic, .shstrtab, .debug_info, section headers.
    let programs = 2 + usize::from(interpreter.is_some());
    let interpreter_at = HEADER + programs * PROGRAM_HEADER;
    let interpreter = interpreter.map(|path| [path.as_bytes(), b"\0"].concat()).unwrap_or_default();
    let strings_at = interpreter_at + interpreter.len();
    let dynamic_at = (strings_at + strings.bytes.len()).next_multiple_of(8);
    dynamic.extend([(DT_STRTAB, strings_at as u64), (DT_STRSZ, strings.bytes.len() as u64), (0, 0)]);
    let dynamic_size = dynamic.len() * 16;
    let mut names = Strings::new();
    let sections = [".dynstr", ".dynamic", ".shstrtab"].map(|name| names.add(name) as u32);
    let names_at = dynamic_at + dynamic_size;
    let debug_name = (!debug.is_empty()).then(|| names.add(".debug_info") as u32);
    let debug_at = (names_at + names.bytes.len()).next_multiple_of(8);
    let sections_at = (debug_at + debug.len()).next_multiple_of(8);

    let mut out = file_header(arch, programs as u16, sections_at as u64, 4 + u16::from(debug_name.is_some()));
    program_header(&mut out, PT_LOAD, 0, debug_at, PAGE);
    program_header(&mut out, PT_DYNAMIC, dynamic_at, dynamic_size, 8);
    if !interpreter.is_empty() {
        program_header(&mut out, PT_INTERP, interpreter_at, interpreter.len(), 1);
    }
    out.extend(&interpreter);
    out.extend(&strings.bytes);
    out.resize(dynamic_at, 0);
    for (tag, value) in dynamic {
        out.extend(tag.to_le_bytes());
        out.extend(value.to_le_bytes());
    }
    out.extend(&names.bytes);
    out.resize(debug_at, 0);
    out.extend(debug);
    out.resize(sections_at, 0);
    out.resize(sections_at + SECTION_HEADER, 0); // section 0 is empty by definition
    let section = |kind, flags, at, size, link, entry| Section { kind, flags, at, size, link, entry };
    // SHT_STRTAB 3, SHT_DYNAMIC 6; SHF_WRITE 1, SHF_ALLOC 2. The dynamic section links to its strings.
    section(3, 2, strings_at, strings.bytes.len(), 0, 0).write(&mut out, sections[0]);
    section(6, 3, dynamic_at, dynamic_size, 1, 16).write(&mut out, sections[1]);
    section(3, 0, names_at, names.bytes.len(), 0, 0).write(&mut out, sections[2]);
    if let Some(name) = debug_name {
        section(1, 0, debug_at, debug.len(), 0, 0).write(&mut out, name); // SHT_PROGBITS
    }
    out
}

fn file_header(arch: Arch, programs: u16, sections_at: u64, sections: u16) -> Vec<u8> {
    let mut out = b"\x7fELF\x02\x01\x01".to_vec(); // 64-bit, little-endian, version 1
    out.resize(16, 0);
    out.extend(3u16.to_le_bytes()); // ET_DYN
    out.extend(arch.elf_machine().to_le_bytes());
    out.extend(1u32.to_le_bytes());
    out.extend(0u64.to_le_bytes()); // no entry point
    out.extend((HEADER as u64).to_le_bytes());
    out.extend(sections_at.to_le_bytes());
    out.extend(0u32.to_le_bytes());
    for half in [HEADER as u16, PROGRAM_HEADER as u16, programs, SECTION_HEADER as u16, sections, 3] {
        out.extend(half.to_le_bytes());
    }
    out
}

fn program_header(out: &mut Vec<u8>, kind: u32, at: usize, size: usize, align: u64) {
    out.extend(kind.to_le_bytes());
    out.extend(6u32.to_le_bytes()); // readable and writable
    for value in [at as u64, at as u64, at as u64, size as u64, size as u64, align] {
        out.extend(value.to_le_bytes());
    }
}

struct Section {
    kind: u32,
    flags: u64,
    at: usize,
    size: usize,
    link: u32,
    entry: u64,
}

impl Section {
    fn write(&self, out: &mut Vec<u8>, name: u32) {
        let address = if self.flags & 2 == 0 { 0 } else { self.at as u64 };
        out.extend(name.to_le_bytes());
        out.extend(self.kind.to_le_bytes());
        for value in [self.flags, address, self.at as u64, self.size as u64] {
            out.extend(value.to_le_bytes());
        }
        out.extend(self.link.to_le_bytes());
        out.extend(0u32.to_le_bytes());
        out.extend(8u64.to_le_bytes());
        out.extend(self.entry.to_le_bytes());
    }
}

/// A string table: NUL-terminated names, the empty one first.
struct Strings {
    bytes: Vec<u8>,
}

impl Strings {
    fn new() -> Self {
        Self { bytes: vec![0] }
    }

    fn add(&mut self, name: &str) -> usize {
        let at = self.bytes.len();
        self.bytes.extend(name.as_bytes());
        self.bytes.push(0);
        at
    }
}
