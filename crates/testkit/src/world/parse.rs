//! Reads `packages.txt`, which says at its head how it is written, for one suite and architecture.

use bareboat_model::Arch;

use crate::deb::{Deb, DebBuilder};
use crate::elf;

/// The release of Debian that a package is made for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Release {
    Bookworm,
    Trixie,
}

impl Release {
    pub(super) fn codename(self) -> &'static str {
        match self {
            Self::Bookworm => "bookworm",
            Self::Trixie => "trixie",
        }
    }

    fn python(self) -> &'static str {
        match self {
            Self::Bookworm => "3.11",
            Self::Trixie => "3.13",
        }
    }

    /// Where the essential libraries are: Debian moved them into /usr for trixie.
    fn libraries(self) -> &'static str {
        match self {
            Self::Bookworm => "/lib",
            Self::Trixie => "/usr/lib",
        }
    }
}

/// One field with the lines of its value, conditions and variables resolved.
struct Field {
    name: String,
    lines: Vec<String>,
}

impl Field {
    fn value(&self) -> String {
        self.lines.join("\n")
    }
}

/// All packages of `text` for one suite and architecture; those of architecture `all` are among them.
pub(super) fn packages(text: &str, release: Release, arch: Arch) -> Vec<Deb> {
    let stanzas = text.split("\n\n").map(|stanza| fields(stanza, release, arch));
    stanzas
        .filter(|fields| !fields.is_empty() && fields.iter().all(|field| field.name != "Skip"))
        .map(|fields| package(&fields, arch))
        .collect()
}

fn fields(stanza: &str, release: Release, arch: Arch) -> Vec<Field> {
    let mut fields: Vec<Field> = Vec::new();
    for line in stanza.lines().filter(|line| !line.starts_with('#')) {
        let continues = line.starts_with(' ');
        let Some(line) = for_this(line.trim_start(), release, arch) else { continue };
        let line = substitute(line, release, arch);
        if continues {
            let field = fields.last_mut().unwrap_or_else(|| panic!("`{line}` continues nothing"));
            field.lines.push(line);
        } else {
            let (name, value) = line.split_once(':').unwrap_or_else(|| panic!("`{line}` is not a field"));
            let lines = Some(value.trim().to_owned()).filter(|value| !value.is_empty());
            fields.push(Field { name: name.to_owned(), lines: lines.into_iter().collect() });
        }
    }
    let version = fields.iter().find(|field| field.name == "Version").map(Field::value).unwrap_or_default();
    for line in fields.iter_mut().flat_map(|field| &mut field.lines) {
        *line = line.replace("{version}", &version);
    }
    fields
}

/// The line without its conditions, when they all hold.
fn for_this(mut line: &str, release: Release, arch: Arch) -> Option<&str> {
    let conditions = ["bookworm", "trixie", "amd64", "arm64"];
    while let Some((condition, rest)) = line.strip_prefix('[').and_then(|rest| rest.split_once("] ")) {
        if !conditions.contains(&condition) {
            break;
        }
        if condition != release.codename() && condition != arch.debian() {
            return None;
        }
        line = rest;
    }
    Some(line)
}

fn substitute(line: &str, release: Release, arch: Arch) -> String {
    let loader = match arch {
        Arch::Amd64 => "ld-linux-x86-64.so.2",
        Arch::Arm64 => "ld-linux-aarch64.so.1",
    };
    line.replace("{triplet}", arch.triplet())
        .replace("{loader}", loader)
        .replace("{lib}", release.libraries())
        .replace("{py}", release.python())
}

fn package(fields: &[Field], arch: Arch) -> Deb {
    let value = |name: &str| fields.iter().find(|field| field.name == name).map(Field::value);
    let required = |name: &str| value(name).unwrap_or_else(|| panic!("a package without {name}"));
    let name = required("Package");
    let mut builder = DebBuilder::new(&name, &required("Version"));
    let mut link = None;
    for field in fields {
        builder = match &*field.name {
            "Package" | "Version" => builder,
            "Architecture" => builder.arch(if field.value() == "any" { arch.debian() } else { "all" }),
            "Files" => builder.tree(&field.value()),
            "Library" => field.lines.iter().fold(builder, |builder, line| library(builder, line, arch)),
            "Program" => field.lines.iter().fold(builder, |builder, line| program(builder, line, arch)),
            "Conffiles" => field.value().split_whitespace().fold(builder, DebBuilder::conffile),
            "Doc" => {
                link = Some(field.value());
                builder
            }
            other => match other.strip_prefix("Script-") {
                Some(script) => builder.script(script, &(field.value() + "\n")),
                None => builder.field(other, &field.value()),
            },
        };
    }
    documented(builder, &name, link.as_deref()).build()
}

/// `PATH [SONAME [NEEDED…]]`; a soname of `-` is none.
fn library(builder: DebBuilder, line: &str, arch: Arch) -> DebBuilder {
    let words: Vec<&str> = line.split_whitespace().collect();
    let [path, soname, needed @ ..] = &*words else { panic!("`{line}` is not a library") };
    let (folder, file_name) = path.rsplit_once('/').unwrap_or(("", path));
    let bytes =
        if *soname == "-" { elf::plugin(arch, needed) } else { elf::shared_object(arch, soname, needed) };
    let runs = file_name.starts_with("ld-linux") || file_name == "libc.so.6";
    let builder = builder.file(path, if runs { 0o755 } else { 0o644 }, bytes);
    if matches!(*soname, "-") || *soname == file_name {
        return builder;
    }
    builder.tree(&format!("{folder}/{soname} -> {file_name}"))
}

/// `PATH [NEEDED…]`.
fn program(builder: DebBuilder, line: &str, arch: Arch) -> DebBuilder {
    let words: Vec<&str> = line.split_whitespace().collect();
    let [path, needed @ ..] = &*words else { panic!("`{line}` is not a program") };
    builder.file(path, 0o755, elf::executable(arch, needed))
}

fn documented(builder: DebBuilder, name: &str, link: Option<&str>) -> DebBuilder {
    match link {
        Some(target) => builder.tree(&format!("/usr/share/doc/{name} -> {target}")),
        None => builder
            .file(&format!("/usr/share/doc/{name}/changelog.Debian.gz"), 0o644, "a changelog\n")
            .file(&format!("/usr/share/doc/{name}/copyright"), 0o644, format!("The licence of {name}.\n")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "# note\n\nPackage: a\n[trixie] Version: 2\n[bookworm] Version: 1\nArchitecture: any\n\
                        Depends: b (= {version})\nLibrary: {lib}/{triplet}/liba.so.1.2 liba.so.1\n\n\
                        Package: gone\n[trixie] Skip: yes\nVersion: 1\nArchitecture: all\n";

    #[test]
    fn conditions_and_variables_are_resolved() {
        let trixie = packages(TEXT, Release::Trixie, Arch::Arm64);
        assert_eq!(trixie.iter().map(Deb::file_name).collect::<Vec<_>>(), ["a_2_arm64.deb"]);
        assert!(trixie[0].control.contains("Depends: b (= 2)\n"));
        let bookworm = packages(TEXT, Release::Bookworm, Arch::Amd64);
        assert_eq!(
            bookworm.iter().map(Deb::file_name).collect::<Vec<_>>(),
            ["a_1_amd64.deb", "gone_1_all.deb"]
        );
    }
}
