//! A small shared object with everything that reading and stripping look at, made by hand.

/// Section types and flags of the ELF specification.
const PROGBITS: u32 = 1;
const SYMTAB: u32 = 2;
const STRTAB: u32 = 3;
const RELA: u32 = 4;
const DYNAMIC: u32 = 6;
const ALLOC: u64 = 2;
const INFO_LINK: u64 = 0x40;

const DYNSTR: &[u8] = b"\0libc.so.6\0libm.so.6\0libx.so.1\0$ORIGIN:/opt/lib\0/old\0/lib/ld.so\0rest";
const INTERPRETER: &[u8] = b"/lib/ld.so\0";

struct Section {
    name: &'static str,
    kind: u32,
    flags: u64,
    link: u32,
    info: u32,
    alignment: u64,
    data: Vec<u8>,
}

/// The file. Its sections, by index: 1 `.interp`, 2 `.dynstr`, 3 `.debug_line` (between loaded ones, as no linker
/// puts it), 4 `.dynamic`, 5 `.note`, 6 `.rela.plt` (loaded, refers to `.symtab`), 7 `.comment`, 8 `.debug_info`,
/// 9 `.rela.debug_info`, 10 `.symtab`, 11 `.strtab`, 12 `.shstrtab`.
pub(super) fn shared_object() -> Vec<u8> {
    let mut sections = sections();
    let mut names = vec![0];
    let name_offsets: Vec<u32> = sections
        .iter()
        .map(|section| {
            let offset = names.len() as u32;
            names.extend_from_slice(section.name.as_bytes());
            names.push(0);
            offset
        })
        .collect();
    sections.last_mut().unwrap().data = names;

    // One PT_LOAD at address 0, so addresses are offsets; PT_INTERP, PT_DYNAMIC, PT_NOTE.
    let mut out = vec![0; 64 + 4 * 56];
    let mut offsets = Vec::new();
    for section in &sections {
        out.resize(out.len().next_multiple_of(section.alignment as usize), 0);
        offsets.push(out.len() as u64);
        out.extend_from_slice(&section.data);
    }
    let dynstr = offsets[1];
    let dynamic = offsets[3] as usize;
    out[dynamic + 7 * 16 + 8..][..8].copy_from_slice(&dynstr.to_le_bytes());
    let loaded = offsets[5] + sections[5].data.len() as u64;
    let spans = [(1_u32, 0, loaded), (3, 0, 0), (2, 3, 0), (4, 4, 0)];
    for (index, (kind, section, size)) in spans.into_iter().enumerate() {
        let (from, size) =
            if kind == 1 { (0, size) } else { (offsets[section], sections[section].data.len() as u64) };
        let header = [u64::from(kind) | 4 << 32, from, from, from, size, size, 8];
        let raw: Vec<u8> = header.into_iter().flat_map(u64::to_le_bytes).collect();
        out[64 + index * 56..][..56].copy_from_slice(&raw);
    }

    out.resize(out.len().next_multiple_of(8), 0);
    let table = out.len() as u64;
    out.resize(out.len() + 64, 0);
    for ((section, name), offset) in sections.iter().zip(name_offsets).zip(offsets) {
        let address = if section.flags & ALLOC == 0 { 0 } else { offset };
        let words = [
            u64::from(name) | u64::from(section.kind) << 32,
            section.flags,
            address,
            offset,
            section.data.len() as u64,
            u64::from(section.link) | u64::from(section.info) << 32,
            section.alignment,
            0,
        ];
        out.extend(words.into_iter().flat_map(u64::to_le_bytes));
    }
    out[..16].copy_from_slice(b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0");
    out[16..64].copy_from_slice(&header_rest(table, sections.len() as u16 + 1));
    out
}

/// Where the dynamic section is: the third program header's offset.
pub(super) fn dynamic_offset(bytes: &[u8]) -> usize {
    u64::from_le_bytes(bytes[64 + 2 * 56 + 8..][..8].try_into().unwrap()) as usize
}

fn header_rest(table: u64, sections: u16) -> Vec<u8> {
    let mut rest = Vec::new();
    for half in [3_u16, 62] {
        rest.extend(half.to_le_bytes());
    }
    rest.extend(1_u32.to_le_bytes());
    for word in [0, 64, table] {
        rest.extend(word.to_le_bytes());
    }
    rest.extend(0_u32.to_le_bytes());
    for half in [64, 56, 4, 64, sections, sections - 1] {
        rest.extend(half.to_le_bytes());
    }
    rest
}

fn sections() -> Vec<Section> {
    let section = |name, kind, flags, data: &[u8]| Section {
        name,
        kind,
        flags,
        link: 0,
        info: 0,
        alignment: 8,
        data: data.to_vec(),
    };
    let junk = |byte: u8| vec![byte; 100];
    vec![
        section(".interp", PROGBITS, ALLOC, INTERPRETER),
        section(".dynstr", STRTAB, ALLOC, DYNSTR),
        section(".debug_line", PROGBITS, 0, &junk(1)),
        Section { link: 2, ..section(".dynamic", DYNAMIC, ALLOC, &dynamic()) },
        section(".note", PROGBITS, ALLOC, &notes()),
        Section { link: 10, info: 4, ..section(".rela.plt", RELA, ALLOC | INFO_LINK, &junk(2)) },
        Section { alignment: 1, ..section(".comment", PROGBITS, 0, b"made by hand\0") },
        section(".debug_info", PROGBITS, 0, &junk(3)),
        Section { link: 10, info: 8, ..section(".rela.debug_info", RELA, INFO_LINK, &junk(4)) },
        Section { link: 11, info: 1, ..section(".symtab", SYMTAB, 0, &junk(5)) },
        section(".strtab", STRTAB, 0, &junk(6)),
        section(".shstrtab", STRTAB, 0, b""),
    ]
}

fn dynamic() -> Vec<u8> {
    // NEEDED, NEEDED, SONAME, RUNPATH, RPATH, SYMTAB (unread), STRSZ, STRTAB (set when its place is known), NULL.
    let entries: [(u64, u64); 9] =
        [(1, 1), (1, 11), (14, 21), (29, 31), (15, 48), (6, 0), (10, DYNSTR.len() as u64), (5, 0), (0, 0)];
    entries.into_iter().flat_map(|(tag, value)| [tag, value]).flat_map(u64::to_le_bytes).collect()
}

fn notes() -> Vec<u8> {
    let note = |kind: u32, desc: &[u8]| {
        let mut bytes: Vec<u8> =
            [4, desc.len() as u32, kind].into_iter().flat_map(u32::to_le_bytes).collect();
        bytes.extend_from_slice(b"GNU\0");
        bytes.extend_from_slice(desc);
        bytes.resize(bytes.len().next_multiple_of(8), 0);
        bytes
    };
    let words = |values: &[u32]| values.iter().flat_map(|value| value.to_le_bytes()).collect::<Vec<u8>>();
    // Build ID, ABI tag, properties: type X86_ISA_1_NEEDED, 4 bytes, value, padding.
    [note(3, &[0xab; 20]), note(1, &words(&[0, 3, 2, 0])), note(5, &words(&[0xc000_8002, 4, 0b11, 0]))]
        .concat()
}
