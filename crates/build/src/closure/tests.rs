//! Trees as text, one line a file, and what the loader would miss in them.

use std::collections::BTreeMap;

use bareboat_formats::ld_so_cache::search_path;
use bareboat_model::{Arch, ImagePath};

use super::facts::Facts;
use super::*;
use crate::recipe::{ImageSettings, Tier};
use crate::tree::{Content, Entry, Node, Owner, Precedence};

const LOADER: &str = "/lib/ld-linux-x86-64.so.2";

/// Lines of `PATH key=value …` (keys `needs`, `soname`, `interp`, `runpath`, `rpath`, `wants` (`LIBRARY:VERSION`), `has`,
/// `tier`) and `PATH -> TARGET`.
struct World {
    tree: Tree,
    files: BTreeMap<ImagePath, Facts>,
}

fn world(text: &str) -> World {
    let mut world = World { tree: Tree::empty(), files: BTreeMap::new() };
    for line in text.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let mut words = line.split_whitespace();
        let path = ImagePath::absolute(words.next().unwrap()).unwrap();
        let mut tier = 0;
        let mut facts = Facts::default();
        let node = if let Some((_, target)) = line.split_once(" -> ") {
            Node::symlink(target, 0, owner(0))
        } else {
            for word in words {
                let (key, value) = word.split_once('=').unwrap();
                let value = value.to_owned();
                match key {
                    "needs" => facts.needed.push(value),
                    "soname" => facts.soname = Some(value),
                    "interp" => facts.interpreter = Some(value),
                    "runpath" => facts.runpath.push(value),
                    "rpath" => facts.rpath.push(value),
                    "has" => facts.defined_versions.push(value),
                    "tier" => tier = value.parse().unwrap(),
                    _ => {
                        let (library, version) = value.split_once(':').unwrap();
                        facts.needed_versions.push((library.to_owned(), version.to_owned()));
                    }
                }
            }
            Node::file(Content::from_bytes(*b"\x7fELF"), 0o755, 0, owner(tier))
        };
        let is_link = matches!(node.kind, crate::tree::Kind::Symlink(_));
        let place = world.tree.place(&path, node, &|_, _, _| Precedence::Refuse).unwrap();
        if !is_link {
            world.files.insert(place, facts);
        }
    }
    world
}

fn owner(tier: usize) -> Owner {
    Owner::Recipe(Entry { text: "a recipe".into(), tier })
}

fn closure(world: &World, ld_so_conf: &str, library_path: Option<&str>) -> Closure {
    let directories = search_path(Arch::Amd64, ld_so_conf, &mut |_| Ok(Vec::new())).unwrap();
    let view = View { tree: &world.tree, arch: Arch::Amd64, directories: &directories, library_path };
    look(&view, &world.files, &["allowed.so".to_owned()].into(), MOST_LOADED).unwrap()
}

#[test]
fn libraries_that_load_one_another_without_end_are_refused() {
    let lines = (0..40).map(|n| format!("/usr/lib/lib{n}.so needs=lib{}.so\n", (n + 1) % 40));
    let world = world(&lines.collect::<String>());
    let view = View {
        tree: &world.tree,
        arch: Arch::Amd64,
        directories: &search_path(Arch::Amd64, "", &mut |_| Ok(Vec::new())).unwrap(),
        library_path: None,
    };
    assert!(look(&view, &world.files, &BTreeSet::new(), 40 * 40).is_ok());
    let error = look(&view, &world.files, &BTreeSet::new(), 40 * 40 - 1).err().unwrap().to_string();
    assert!(error.ends_with("the image's programs and libraries load more than 1599 libraries"), "{error}");
}

/// What is missing, a line each.
fn missing(text: &str) -> String {
    told(&closure(&world(text), "/opt/lib", Some("/env")))
}

fn told(closure: &Closure) -> String {
    match closure.missing.is_empty() {
        true => String::new(),
        false => complaint(&closure.missing, &BTreeMap::new())
            .to_string()
            .split_once('\n')
            .unwrap()
            .1
            .replace("  ", ""),
    }
}

#[test]
fn libraries_are_found_where_the_loader_looks() {
    for (place, rest, found) in [
        ("/lib/liba.so", "", true),
        ("/usr/lib/x86_64-linux-gnu/liba.so", "", true),
        ("/opt/lib/liba.so", "", true),
        ("/env/liba.so", "", true),
        ("/srv/liba.so", "", false),
        ("/app/lib/liba.so", "runpath=$ORIGIN/../lib", true),
        ("/app/lib/liba.so", "runpath=${ORIGIN}/../lib", true),
        ("/app/lib/liba.so", "rpath=/app/lib", true),
        ("/srv/lib/x86_64-linux-gnu/liba.so", "runpath=/srv/$LIB", true),
        ("/usr/lib/x86_64-linux-gnu/glibc-hwcaps/x86-64-v3/liba.so", "", false),
    ] {
        let said = missing(&format!("{LOADER}\n{place}\n/app/bin/x interp={LOADER} needs=liba.so {rest}"));
        assert_eq!(said, if found { "" } else { "`/app/bin/x` needs liba.so" }, "{place} {rest}");
    }
}

#[test]
fn what_a_library_needs_is_looked_for_in_its_own_name() {
    let program = |more: &str| {
        format!("{LOADER}\n/srv/liba.so needs=libb.so\n/srv/libb.so\n/x interp={LOADER} needs=liba.so {more}")
    };
    // RUNPATH holds for the file's own needs only; RPATH for those of what it brings as well.
    assert_eq!(missing(&program("rpath=/srv")), "");
    assert_eq!(missing(&program("runpath=/srv")), "`/srv/liba.so` needs libb.so");
}

#[test]
fn a_library_that_is_in_the_process_is_not_looked_for_again() {
    let text = format!(
        "{LOADER}\n/app/libjvm.so\n/app/libjava.so soname=libjava.so needs=libjvm.so\n\
         /app/java interp={LOADER} needs=libjvm.so needs=libjava.so runpath=$ORIGIN"
    );
    assert_eq!(missing(&text), "");
    // By itself, a plugin may count on the program that loads it; a program may not.
    assert_eq!(missing("/app/libjvm.so\n/plugins/libawt.so needs=libjvm.so"), "");
    assert_eq!(missing("/plugins/libawt.so needs=libjvm.so"), "`/plugins/libawt.so` needs libjvm.so");
}

#[test]
fn links_are_followed_and_circles_are_told() {
    let text = format!(
        "/usr{LOADER}\n/lib -> usr/lib\n/usr/lib/liba.so.1.2\n/usr/lib/liba.so.1 -> liba.so.1.2\n/x interp={LOADER} needs=liba.so.1"
    );
    assert_eq!(missing(&text), "");
    let circle = format!(
        "/usr{LOADER}\n/lib -> usr/lib\n/usr/lib/liba.so.1 -> liba.so.1\n/x interp={LOADER} needs=liba.so.1"
    );
    assert_eq!(missing(&circle), "`/x` needs liba.so.1");
    for (loader, said) in [
        ("", "`/x` needs the loader /l, which is not there"),
        ("/l -> l", "`/x` needs the loader /l, links lead in a circle at `/l`, on the way to `/l`"),
        ("/d/file\n/l -> d", "`/x` needs the loader /l, which is no program"),
    ] {
        assert_eq!(missing(&format!("{loader}\n/x interp=/l")), said);
    }
}

#[test]
fn versions_must_be_there() {
    let libc = "/lib/libc.so.6 soname=libc.so.6 has=libc.so.6 has=GLIBC_2.4 has=GLIBC_2.36 has=GLIBC_2.9 has=GLIBC_PRIVATE";
    for (wanted, said) in [
        ("wants=libc.so.6:GLIBC_2.36", ""),
        (
            "wants=libc.so.6:GLIBC_2.38",
            "`/x` needs GLIBC_2.38 of libc.so.6, and `/lib/libc.so.6` goes up to GLIBC_2.36",
        ),
        (
            "wants=libc.so.6:OTHER_1",
            "`/x` needs OTHER_1 of libc.so.6, and `/lib/libc.so.6` has none of the kind",
        ),
        ("needs=libplain.so wants=libplain.so:V_1", ""),
    ] {
        let text = format!("{LOADER}\n/lib/libplain.so\n{libc}\n/x interp={LOADER} needs=libc.so.6 {wanted}");
        assert_eq!(missing(&text), said);
    }
}

#[test]
fn musl_has_a_path_and_names_of_its_own() {
    let musl = "/lib/ld-musl-x86_64.so.1";
    let program = |place: &str| {
        missing(&format!(
            "{musl}\n{place}\n/x interp={musl} needs=libc.musl-x86_64.so.1 needs=libpthread.so needs=liba.so"
        ))
    };
    assert_eq!(program("/usr/local/lib/liba.so"), "");
    assert_eq!(program("/usr/lib/x86_64-linux-gnu/liba.so"), "`/x` needs liba.so");
}

#[test]
fn what_may_be_missing_is_counted_apart() {
    let world = world("/plugin.so needs=allowed.so needs=other.so");
    let found = closure(&world, "", None);
    assert_eq!((told(&found).as_str(), found.allowed.len()), ("`/plugin.so` needs other.so", 1));
}

#[test]
fn many_are_cut_and_packages_are_named() {
    let lines: String = (10..40).map(|n| format!("/p{n} needs=lib{n}.so\n/q{n} needs=lib{n}.so\n")).collect();
    let found = closure(&world(&lines), "", None);
    let owners = BTreeMap::from([
        ("lib10.so".to_owned(), vec!["ten".to_owned()]),
        ("lib11.so".to_owned(), vec!["eleven".to_owned(), "other".to_owned()]),
    ]);
    let said = complaint(&found.missing, &owners).to_string();
    assert!(said.contains("\n  `/p10` (and one other) needs lib10.so; package ten has it\n"), "{said}");
    assert!(said.contains("needs lib11.so; packages eleven, other have it\n"), "{said}");
    assert!(said.ends_with("\n  and 18 more"), "{said}");
}

#[test]
fn a_smaller_base_is_told() {
    let chain = ["static", "base-nossl", "cc", "app"];
    let tiers: Vec<Tier> = chain
        .iter()
        .map(|name| Tier {
            name: (*name).to_owned(),
            origin: match *name {
                "app" => "bareboat.toml".into(),
                _ => format!("catalog/trixie/{name}.toml").into(),
            },
            text: bareboat_model::Digest::of(b""),
            packages: Vec::new(),
            without: Vec::new(),
        })
        .collect();
    let libraries =
        format!("{LOADER} tier=1\n/lib/libc.so.6 tier=1\n/lib/libstdc++.so.6 needs=libc.so.6 tier=2");
    for (program, expected) in [
        (format!("/x tier=3 interp={LOADER} needs=libstdc++.so.6"), None),
        (format!("/x tier=3 interp={LOADER} needs=libc.so.6"), Some("base-nossl")),
        ("/x tier=3".to_owned(), Some("static")),
        (String::new(), None),
    ] {
        let world = world(&format!("{libraries}\n{program}"));
        let found = closure(&world, "", None);
        let directories = search_path(Arch::Amd64, "", &mut |_| Ok(Vec::new())).unwrap();
        let view =
            View { tree: &world.tree, arch: Arch::Amd64, directories: &directories, library_path: None };
        let chain = Chain { tiers: &tiers, of_package: &BTreeMap::new(), packages: &[] };
        let smaller = smaller(&view, &found, &chain, &ImageSettings::default()).unwrap();
        assert_eq!(smaller.map(|it| it.base).as_deref(), expected, "{program}");
    }
}

#[test]
fn long_names_are_cut() {
    let long = "n".repeat(50_000);
    let said = missing(&format!("/x needs=lib{long}.so"));
    assert!(said.len() < 300 && said.contains("nnn…"), "{}", said.len());
}

#[test]
fn directories_of_a_file_are_bounded() {
    let many: String = (0..300).map(|n| format!(" runpath=/d{n}")).collect();
    let last =
        |n: usize| missing(&format!("{LOADER}\n/d{n}/liba.so\n/x interp={LOADER} needs=liba.so {many}"));
    assert_eq!((last(255).as_str(), last(256).as_str()), ("", "`/x` needs liba.so"));
}
