//! Which files of a directory `ldconfig` lists, under which name, and which links it makes.

use std::collections::BTreeMap;

use bareboat_model::{Arch, ImagePath};

use super::{Hwcaps, Library, SearchDirectory, compare_names, flags};
use crate::elf::{Elf, ElfKind};

/// A file in a search directory that could be a library: a regular file, or a symbolic link to one, whose name
/// [`is_candidate_name`] takes and whose bytes are ELF.
#[derive(Clone, Debug)]
pub struct Candidate {
    /// The name in the directory.
    pub file_name: Vec<u8>,
    /// Whether the name is a symbolic link.
    pub is_symlink: bool,
    /// The file itself, all links followed.
    pub target: ImagePath,
    /// What the file says about itself.
    pub elf: Elf,
}

/// A symbolic link that `ldconfig` would make: the library's soname, beside it, when it is not there yet.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Link {
    /// The link, absolute.
    pub path: Vec<u8>,
    /// The file name it leads to, in the same directory.
    pub target: Vec<u8>,
}

/// What `ldconfig` would do.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Selection {
    /// For [`super::write`], in the order of the search path.
    pub libraries: Vec<Library>,
    /// Links that are missing. Debian's packages ship theirs; a library of one's own may lack it. A path that
    /// exists and is no symbolic link is left alone by `ldconfig`, and should be.
    pub links: Vec<Link>,
}

/// Whether `ldconfig` looks into a file of this name: `lib*.so*` and `ld-*.so*`, without what package managers
/// and prelink leave behind for a moment.
///
/// ```
/// use bareboat_formats::ld_so_cache::is_candidate_name;
/// assert!(is_candidate_name(b"libz.so.1") && is_candidate_name(b"ld-linux-x86-64.so.2"));
/// assert!(!is_candidate_name(b"libz.a") && !is_candidate_name(b"libz.so.1.dpkg-new"));
/// ```
pub fn is_candidate_name(name: &[u8]) -> bool {
    let starts = name.starts_with(b"lib") || name.starts_with(b"ld-");
    let has_so = memchr::memmem::find(name, b".so").is_some();
    let temporary = [&b".dpkg-new"[..], b".dpkg-tmp", b".#prelink#"].iter().any(|end| name.ends_with(end))
        || name.len() >= 17 && name[name.len() - 17..].starts_with(b".#prelink#.")
        // rpm's: a semicolon and eight hexadecimal digits.
        || name.len() >= 9
            && name[name.len() - 9] == b';'
            && name[name.len() - 8..].iter().all(u8::is_ascii_hexdigit);
    starts && has_so && !temporary
}

/// What `ldconfig` would list and link, given the directories of the search path, in its order, with their files.
///
/// Of several files with one soname in one directory a file wins over a link to the same soname, then the higher
/// name (`libx.so.1.10` over `libx.so.1.9`). In the cache stands the directory with the soname; in
/// `glibc-hwcaps` directories, which get no links, the file's own name.
pub fn select(directories: &[(SearchDirectory, Vec<Candidate>)], arch: Arch) -> Selection {
    let mut selection = Selection::default();
    for (directory, candidates) in directories {
        let winners = winners(candidates, arch);
        for (soname, winner) in &winners {
            let file_name = match &directory.hwcaps {
                Some(_) => winner.file_name,
                None => soname,
            };
            if directory.hwcaps.is_none() && !winner.is_link {
                selection.links.extend(missing_link(directory, soname, winner.candidate, candidates));
            }
            selection.libraries.push(Library {
                soname: soname.to_vec(),
                path: below(directory, file_name),
                flags: winner.flags,
                hwcaps: directory.hwcaps.as_ref().map(|name| Hwcaps {
                    name: name.clone(),
                    isa_level: isa_level(winner.candidate.elf.x86_isa_needed),
                }),
            });
        }
    }
    selection
}

struct Winner<'a> {
    candidate: &'a Candidate,
    file_name: &'a [u8],
    /// A link that carries a soname; one that does not counts as a file.
    is_link: bool,
    flags: u32,
}

fn winners(candidates: &[Candidate], arch: Arch) -> BTreeMap<&[u8], Winner<'_>> {
    let mut winners: BTreeMap<&[u8], Winner<'_>> = BTreeMap::new();
    for candidate in candidates {
        // Executables that can be loaded anywhere are listed too, if they are called so.
        let is_library = candidate.elf.kind == ElfKind::SharedObject && candidate.elf.dynamic;
        let Some(flags) = flags(&candidate.elf, arch).filter(|_| is_library) else { continue };
        let file_name = &candidate.file_name[..];
        let soname = candidate.elf.soname.as_deref().map_or(file_name, str::as_bytes);
        let is_link = candidate.is_symlink && carries_soname(file_name, soname);
        let soname = if is_link { file_name } else { soname };
        let new = Winner { candidate, file_name, is_link, flags };
        match winners.get(soname) {
            Some(old) if !beats(&new, old) => {}
            _ => {
                winners.insert(soname, new);
            }
        }
    }
    winners
}

/// Whether a link is one of a library's two rightful links: the soname itself, or `libx.so` for the linker.
fn carries_soname(file_name: &[u8], soname: &[u8]) -> bool {
    file_name == soname || file_name.ends_with(b".so") && soname.starts_with(file_name)
}

fn beats(new: &Winner<'_>, old: &Winner<'_>) -> bool {
    // Names that compare alike (`.01`, `.1`) go by their bytes: the real program takes what readdir gives first.
    let by_name = compare_names(new.file_name, old.file_name).then_with(|| old.file_name.cmp(new.file_name));
    (!new.is_link && old.is_link) || (new.is_link == old.is_link && by_name.is_gt())
}

fn missing_link(
    directory: &SearchDirectory,
    soname: &[u8],
    winner: &Candidate,
    candidates: &[Candidate],
) -> Option<Link> {
    let present = candidates.iter().find(|candidate| candidate.file_name == soname);
    match present {
        Some(present) if present.target == winner.target || !present.is_symlink => None,
        _ => Some(Link { path: below(directory, soname), target: winner.file_name.clone() }),
    }
}

fn below(directory: &SearchDirectory, file_name: &[u8]) -> Vec<u8> {
    [&directory.path[..], b"/", file_name].concat()
}

/// The highest level that the property note asks for, counted from 0 for plain x86-64.
fn isa_level(needed: u32) -> u32 {
    needed.checked_ilog2().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(file_name: &str, soname: &str) -> Candidate {
        let mut elf = Elf::empty(ElfKind::SharedObject);
        (elf.machine, elf.class64, elf.dynamic) = (62, true, true);
        elf.soname = Some(soname.to_owned()).filter(|name| !name.is_empty());
        let target = ImagePath::parse(format!("/usr/lib/{file_name}").as_bytes()).unwrap();
        Candidate { file_name: file_name.into(), is_symlink: false, target, elf }
    }

    fn link(file_name: &str, to: &Candidate) -> Candidate {
        Candidate { file_name: file_name.into(), is_symlink: true, ..to.clone() }
    }

    fn selected(hwcaps: Option<&str>, candidates: Vec<Candidate>) -> (Vec<String>, Vec<String>) {
        let lib = SearchDirectory { path: b"/lib".to_vec(), hwcaps: None };
        let directory = hwcaps.map_or(lib.clone(), |name| lib.with_hwcaps(name.as_bytes()));
        let selection = select(&[(directory, candidates)], Arch::Amd64);
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        (
            selection.libraries.iter().map(|l| format!("{} {}", text(&l.soname), text(&l.path))).collect(),
            selection.links.iter().map(|l| format!("{} -> {}", text(&l.path), text(&l.target))).collect(),
        )
    }

    #[test]
    fn a_library_is_listed_by_its_soname_link() {
        let lib = file("libz.so.1.3.1", "libz.so.1");
        let (libraries, links) =
            selected(None, vec![link("libz.so", &lib), link("libz.so.1", &lib), lib.clone()]);
        assert_eq!(libraries, ["libz.so /lib/libz.so", "libz.so.1 /lib/libz.so.1"]);
        assert!(links.is_empty());
    }

    #[test]
    fn a_missing_soname_link_is_named() {
        let (libraries, links) = selected(None, vec![file("libmine.so.1.2", "libmine.so.1")]);
        assert_eq!(libraries, ["libmine.so.1 /lib/libmine.so.1"]);
        assert_eq!(links, ["/lib/libmine.so.1 -> libmine.so.1.2"]);
    }

    #[test]
    fn the_newest_of_one_soname_wins_and_the_link_moves_to_it() {
        let old = file("libx.so.1.9", "libx.so.1");
        let new = file("libx.so.1.10", "libx.so.1");
        let (libraries, links) = selected(None, vec![link("libx.so.1", &old), new, old]);
        assert_eq!(libraries, ["libx.so.1 /lib/libx.so.1"]);
        assert_eq!(links, ["/lib/libx.so.1 -> libx.so.1.10"]);
    }

    #[test]
    fn a_file_that_has_the_sonames_name_is_not_replaced_by_a_link() {
        let (_, links) =
            selected(None, vec![file("libx.so.1", "libx.so.1"), file("libx.so.1.10", "libx.so.1")]);
        assert!(links.is_empty());
    }

    #[test]
    fn a_library_without_soname_goes_by_its_file_name() {
        let plugin = file("libplugin.so", "");
        let (libraries, links) = selected(None, vec![plugin]);
        assert_eq!((libraries.len(), links.len()), (1, 0));
        assert_eq!(libraries, ["libplugin.so /lib/libplugin.so"]);
    }

    #[test]
    fn hwcaps_directories_list_files_and_get_no_links() {
        let mut v3 = file("libx.so.1.10", "libx.so.1");
        v3.elf.x86_isa_needed = 0b111;
        let (libraries, links) = selected(Some("x86-64-v3"), vec![v3.clone()]);
        assert_eq!(libraries, ["libx.so.1 /lib/glibc-hwcaps/x86-64-v3/libx.so.1.10"]);
        assert!(links.is_empty());
        assert_eq!(isa_level(v3.elf.x86_isa_needed), 2);
    }

    #[test]
    fn what_the_loader_cannot_load_is_not_listed() {
        let mut executable = file("libe.so", "libe.so");
        executable.elf.kind = ElfKind::Executable;
        let mut foreign = file("libf.so", "libf.so");
        foreign.elf.machine = 183;
        let mut bare = file("libb.so", "libb.so");
        bare.elf.dynamic = false;
        assert!(selected(None, vec![executable, foreign, bare]).0.is_empty());
    }

    #[test]
    fn names_that_ldconfig_passes_over_are_passed_over() {
        for (name, taken) in [
            ("libc.so.6", true),
            ("ld-linux-aarch64.so.1", true),
            ("libdb-5.3.so", true),
            ("libc.a", false),
            ("c.so", false),
            ("pam_unix.so", false),
            ("libc.so.6.dpkg-tmp", false),
            ("libc.so.6;5f0c2a1b", false),
            ("libc.so.6.#prelink#", false),
            ("libc.so.6.#prelink#.AbCdEf", false),
        ] {
            assert_eq!(is_candidate_name(name.as_bytes()), taken, "{name}");
        }
    }
}
