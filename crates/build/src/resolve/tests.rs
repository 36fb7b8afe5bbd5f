//! Small universes and what comes of them. The archive itself is compared with apt in `tests/live/apt-resolution`.

use bareboat_formats::packages;
use bareboat_model::{Arch, Version};
use proptest::prelude::*;

use super::*;

/// An index from lines such as `a 1.0; Depends: b (>= 2), c | d`.
fn index(lines: &str) -> String {
    let stanza = |line: &str| {
        let mut parts = line.trim().split("; ");
        let (name, version) = parts.next().unwrap().split_once(' ').unwrap();
        let mut stanza = format!("Package: {name}\nVersion: {version}\nSize: 1\nFilename: pool/{name}.deb\n");
        stanza += &format!("SHA256: {}\n", "0".repeat(64));
        let fields: Vec<&str> = parts.collect();
        if !fields.iter().any(|field| field.starts_with("Architecture:")) {
            stanza += "Architecture: amd64\n";
        }
        fields.iter().for_each(|field| stanza += &format!("{field}\n"));
        stanza
    };
    lines.lines().filter(|line| !line.trim().is_empty()).map(stanza).collect::<Vec<_>>().join("\n")
}

/// `a b=2` asks for both; ` -c` goes without `c`; ` c~1` prefers version 1 of `c`; ` c@1` is in the base image.
fn request(words: &str) -> Request {
    let mut request = Request::default();
    for word in words.split_whitespace() {
        if let Some(name) = word.strip_prefix('-') {
            request.without.insert(name.to_owned());
        } else if let Some((name, version)) = word.split_once('~') {
            request.prefer.insert(name.to_owned(), Version::parse(version).unwrap());
        } else if let Some((name, version)) = word.split_once('@') {
            request.installed.insert(name.to_owned(), Version::parse(version).unwrap());
        } else {
            let (name, version) = word.split_once('=').map_or((word, None), |(name, v)| (name, Some(v)));
            let version = version.map(|version| Version::parse(version).unwrap());
            request.packages.push(Requested { name: name.to_owned(), version });
        }
    }
    request
}

/// Resolves `words` among the packages of `lines`, and gives `then` the outcome.
fn with<T>(lines: &str, words: &str, then: impl FnOnce(Result<Resolution<'_>>) -> T) -> T {
    let text = index(lines);
    let mut builder = Universe::builder(Arch::Amd64);
    builder.add_index(0, &text).unwrap();
    let request = request(words);
    let installed = request.installed.iter().map(|(name, version)| index(&format!("{name} {version}")));
    let installed: Vec<String> = installed.collect();
    for text in &installed {
        builder.add_installed(packages::parse(text).next().unwrap().unwrap()).unwrap();
    }
    let universe = builder.build().unwrap();
    then(resolve(&universe, &request))
}

/// The chosen packages in order, as `a b=2`: with the version where it is not 1.
fn chosen(lines: &str, words: &str) -> String {
    let name = |selected: &Selected<'_>| match selected.package.control.version {
        "1" => selected.package.name().to_owned(),
        version => format!("{}={version}", selected.package.name()),
    };
    with(lines, words, |outcome| outcome.unwrap().packages.iter().map(name).collect::<Vec<_>>().join(" "))
}

/// The error, with its hint in brackets.
fn refusal(lines: &str, words: &str) -> String {
    with(lines, words, |outcome| {
        let error = outcome.unwrap_err();
        error.hint().map_or(error.to_string(), |hint| format!("{error} [{hint}]"))
    })
}

#[test]
fn packages_are_chosen_as_apt_chooses_them() {
    for (what, lines, words, expected) in [
        ("pre-dependencies come first", "a 1; Depends: b; Pre-Depends: c\nb 1\nc 1", "a", "a c b"),
        ("depth first", "a 1; Depends: b, c\nb 1; Depends: d\nc 1\nd 1", "a", "a b d c"),
        ("requests before what they need", "a 1; Depends: b\nb 1\nc 1", "a c", "a c b"),
        ("the highest version", "a 1\na 1:0\na 2", "a", "a=1:0"),
        ("the version asked for", "a 1\na 2", "a=1", "a"),
        ("the first alternative", "a 1; Depends: b | c\nb 1\nc 1", "a", "a b"),
        ("the alternative that exists", "a 1; Depends: b | c\nc 1", "a", "a c"),
        ("the alternative that is in already", "a 1; Depends: b | c\nb 1\nc 1", "a c", "a c"),
        ("the alternative that is late enough", "a 1; Depends: b (>= 2) | c\nb 1\nc 1", "a", "a c"),
        ("not the older version that would do", "a 1; Depends: b (<< 2) | c\nb 1\nb 2\nc 1", "a", "a c"),
        ("the real package before a provider", "a 1; Depends: v\np 1; Provides: v\nv 1", "a", "a v"),
        ("the only provider of a request", "p 1; Provides: v", "v", "p"),
        (
            "a provided version",
            "a 1; Depends: v (>= 2)\np 1; Provides: v\nq 1; Provides: v (= 2)",
            "a",
            "a q",
        ),
        (
            "the provider of the highest priority",
            "a 1; Depends: v\np 1; Provides: v; Priority: important\nq 1; Provides: v; Priority: optional",
            "a",
            "a p",
        ),
        (
            "the essential provider",
            "a 1; Depends: v\np 1; Provides: v; Priority: required\nq 1; Provides: v; Essential: yes",
            "a",
            "a q",
        ),
        (
            "the provider met last",
            "q 1; Provides: v; Suggests: x\nx 1; Provides: v\np 1; Provides: v\na 1; Depends: v",
            "a",
            "a p",
        ),
        ("what the image has is not chosen again", "a 1; Depends: b\nb 1", "a b@1", "a"),
        ("nor what it has of an older version", "a 1; Depends: b\nb 2", "a b@1", "a"),
        (
            "unless the newer one is needed",
            "a 1; Depends: b (>= 2)\nb 2; Depends: c\nc 1",
            "a b@1",
            "b=2 c a",
        ),
        ("or the one it has is in the way", "a 1; Breaks: b (<< 2)\nb 2", "a b@1", "b=2 a"),
        ("a request that the image meets", "a 1\nb 2", "a b b@1", "a"),
        ("another version asked for", "b 2", "b=2 b@1", "b=2"),
        ("the alternative that the image has", "a 1; Depends: b | c\nb 1", "a c@1", "a"),
        ("recommendations are no needs", "a 1; Recommends: b\nb 1", "a", "a"),
        ("packages for all architectures", "a 1; Depends: b\nb 1; Architecture: all", "a", "a b"),
        ("not those of another", "a 1; Depends: b | c\nb 1; Architecture: arm64\nc 1", "a", "a c"),
        (
            "needs of another architecture do not count",
            "a 1; Depends: b [arm64], c [!arm64]\nc 1",
            "a",
            "a c",
        ),
        (
            "any wants allowed",
            "a 1; Depends: b:any | c:any\nb 1; Multi-Arch: foreign\nc 1; Multi-Arch: allowed",
            "a",
            "a c",
        ),
        ("its own architecture", "a 1; Depends: b:arm64 | c:amd64\nb 1\nc 1", "a", "a c"),
        ("circles end", "a 1; Depends: b\nb 1; Depends: a", "a", "a b"),
        (
            "a conflict leads to the next alternative",
            "a 1; Depends: b | c\nb 1; Conflicts: a\nc 1",
            "a",
            "a c",
        ),
        (
            "so does a conflict from the other side",
            "a 1; Depends: b | c; Breaks: b (<< 2)\nb 1\nc 1",
            "a",
            "a c",
        ),
        (
            "and one with a name that is provided",
            "a 1; Depends: b | c; Conflicts: v\nb 1; Provides: v\nc 1",
            "a",
            "a c",
        ),
        ("a late enough version breaks nothing", "a 1; Depends: b; Breaks: b (<< 1)\nb 1", "a", "a b"),
        (
            "a versioned conflict spares what is provided without",
            "a 1; Depends: b; Conflicts: v (<< 2)\nb 1; Provides: v",
            "a",
            "a b",
        ),
        ("nobody conflicts with himself", "a 1; Provides: v; Conflicts: v", "a", "a"),
        ("a request given twice", "a 1", "a a", "a"),
        ("a virtual request that is met", "p 1; Provides: v", "p v", "p"),
    ] {
        assert_eq!(chosen(lines, words), expected, "{what}");
    }
}

#[test]
fn the_search_goes_back_to_the_choice_that_is_to_blame() {
    let lines = "
        a 1; Depends: b | c, d, e
        b 1
        c 1
        d 1; Depends: x | y
        x 1
        y 1
        e 1; Conflicts: b";
    assert_eq!(chosen(lines, "a"), "a c d x e");
}

#[test]
fn a_deep_chain_needs_no_stack() {
    let last = 20_000;
    let lines: String = (0..last).map(|at| format!("p{at} 1; Depends: p{}\n", at + 1)).collect();
    let chosen = chosen(&format!("{lines}p{last} 1"), "p0");
    assert_eq!(chosen.split(' ').count(), last + 1);
}

#[test]
fn a_riddle_without_end_is_given_up() {
    // Pigeons: 12 packages that each need one of 11 holes, where no two may share one.
    let pigeons = 12;
    let needs = |pigeon| (1..pigeons).map(|hole| format!("p{pigeon}h{hole}")).collect::<Vec<_>>().join(" | ");
    let mut lines = String::new();
    for pigeon in 1..=pigeons {
        lines += &format!("p{pigeon} 1; Depends: {}\n", needs(pigeon));
        for hole in 1..pigeons {
            lines += &format!("p{pigeon}h{hole} 1; Provides: h{hole}; Conflicts: h{hole}\n");
        }
    }
    let all = (1..=pigeons).map(|pigeon| format!("p{pigeon}")).collect::<Vec<_>>().join(" ");
    assert_eq!(
        refusal(&lines, &all),
        "no answer after 5000 dead ends [ask for one of the alternatives by name]"
    );
}

#[test]
fn locked_versions_stay_where_they_still_do() {
    for (lines, words, expected) in [
        ("a 1; Depends: b\nb 1\nb 2", "a b~1", "a b"),
        ("a 1; Depends: b (>= 2)\nb 1\nb 2", "a b~1", "a b=2"),
        ("a 1; Depends: b\nb 2", "a b~1", "a b=2"),
        ("a 1\na 2", "a=2 a~1", "a=2"),
        ("a 1; Depends: b, c\nb 1\nb 2\nc 1; Depends: b (>= 2)", "a b~1", "a b=2 c"),
        ("a 1; Depends: v\nb 1; Provides: v\nb 2; Provides: v", "a b~1", "a b"),
    ] {
        assert_eq!(chosen(lines, words), expected, "{words}: {lines}");
    }
}

#[test]
fn a_locked_package_can_be_chosen_when_no_index_lists_it() {
    let (listed, locked) = (index("a 1; Depends: b\nb 3"), index("b 2; Depends: c\nc 1"));
    let mut builder = Universe::builder(Arch::Amd64);
    builder.add_index(0, &listed).unwrap();
    for package in packages::parse(&locked) {
        builder.add_locked(package.unwrap()).unwrap();
    }
    let universe = builder.build().unwrap();
    let resolution = resolve(&universe, &request("a b~2")).unwrap();
    let chosen: Vec<_> = resolution
        .packages
        .iter()
        .map(|selected| (selected.package.name(), selected.package.origin))
        .collect();
    assert_eq!(chosen, [("a", Origin::Index(0)), ("b", Origin::Lock), ("c", Origin::Lock)]);
}

#[test]
fn of_equal_versions_the_index_added_first_counts() {
    let (first, second) = (index("a 1; Depends: b\nb 1"), index("a 1.0-0\na 1\nc 1"));
    let mut builder = Universe::builder(Arch::Amd64);
    builder.add_index(7, &first).unwrap();
    builder.add_index(8, &second).unwrap();
    let universe = builder.build().unwrap();
    let resolution = resolve(&universe, &request("a=1 c")).unwrap();
    let origins: Vec<_> = resolution.packages.iter().map(|selected| selected.package.origin).collect();
    assert_eq!(origins, [Origin::Index(7), Origin::Index(8), Origin::Index(7)]);
}

#[test]
fn what_is_meant_to_be_absent_is_left_out_and_told() {
    for (lines, words, packages, left_out) in [
        ("a 1; Depends: b\nb 1", "a -b", "a", "a: b"),
        ("a 1; Depends: b | c\nb 1\nc 1", "a -b", "a", "a: b | c"),
        ("a 1; Depends: b | c\nb 1\nc 1", "a -c", "a b", ""),
        ("a 1; Depends: b | c\nb 1\nc 1", "a c -b", "a c", ""),
        ("a 1; Depends: v\np 1; Provides: v", "a -v", "a", "a: v"),
        ("a 1; Depends: v\np 1; Provides: v", "a -p", "a", "a: v"),
        ("a 1; Depends: b\nb 1", "a b -b", "a b", ""),
        ("a 1; Depends: b | c, c\nb 1\nc 1", "a -b", "a c", ""),
        ("a 1; Depends: gone", "a -gone", "a", "a: gone"),
    ] {
        assert_eq!(chosen(lines, words), packages, "{words}: {lines}");
        let told = with(lines, words, |outcome| {
            let told = outcome.unwrap().left_out;
            told.iter().map(|left| format!("{}: {}", left.by, left.relation)).collect::<Vec<_>>().join(", ")
        });
        assert_eq!(told, left_out, "{words}: {lines}");
    }
}

#[test]
fn an_impossible_request_is_told_with_its_chain() {
    for (lines, words, expected) in [
        ("libx1 1\nlibx2 1", "libx", "the archive has no package `libx` [did you mean `libx1` or `libx2`?]"),
        (
            "p 1; Provides: v\nq 1; Provides: v",
            "v",
            "`v` is a virtual package [ask for one of those that provide it: `p`, `q`]",
        ),
        ("a 1\na 2", "a=3", "version 3 of `a` is requested, but the archive has only 2, 1"),
        ("a 1\na 2", "a=1 a=2", "both version 1 and version 2 of `a` are requested"),
        (
            "a 1; Depends: b (>= 2)\nb 1.0",
            "a",
            "a (requested) needs `b (>= 2)`, but the archive has only b 1.0",
        ),
        (
            "a 1; Depends: b\nb 1; Depends: c | d (>= 2)\nd 1",
            "a",
            "a (requested) needs `b`, b needs `c | d (>= 2)`, but the archive has no package c, \
             and the archive has only d 1",
        ),
        (
            "a 1; Depends: v (>= 2)\np 1; Provides: v",
            "a",
            "a (requested) needs `v (>= 2)`, but the archive has only p 1, which provides `v`",
        ),
        (
            "a 1; Depends: b:any\nb 1",
            "a",
            "a (requested) needs `b:any`, but the archive has only b 1, which does not serve `:any`",
        ),
        (
            "a 1; Depends: b:any (>= 2)\nb 1; Multi-Arch: allowed",
            "a",
            "a (requested) needs `b:any (>= 2)`, but the archive has only b 1",
        ),
        (
            "a 1; Depends: x\nb 1; Depends: y\nx 1; Conflicts: y\ny 1",
            "a b",
            "b (requested) needs `y`, but y 1 conflicts with x 1, and a (requested) needs `x`",
        ),
        ("a 1; Breaks: b\nb 1", "a b", "b 1 (requested) conflicts with a 1, and a is requested"),
        (
            "a 1; Depends: b (<< 2), c\nb 1\nb 2\nc 1; Depends: b (>= 2)",
            "a b~1",
            "a (requested) needs `c`, c needs `b (>= 2)`, but b 2 cannot be had beside b 1, \
             and a (requested) needs `b (<< 2)`",
        ),
        (
            "a 1; Depends: b | c\nb 1; Depends: gone\nc 1; Conflicts: a",
            "a",
            "a (requested) needs `b | c`, b needs `gone`, but the archive has no package gone; and \
             a (requested) needs `b | c`, but c 1 conflicts with a 1, and a is requested [each of these ways was tried and leads nowhere]",
        ),
        (
            "a 1; Depends: b |",
            "a",
            "cannot read `Depends` of package `a`: cannot read relations `b |`: expected a package name at offset 3, found the end",
        ),
    ] {
        assert_eq!(refusal(lines, words), expected);
    }
}

#[test]
fn a_package_is_explained_by_its_chain_and_all_who_need_it() {
    let lines = "
        python3 1; Depends: python3-minimal
        python3-minimal 1; Depends: libexpat1 (>= 2.6), v
        dbus 1; Depends: libexpat1 | gone
        libexpat1 2.6
        p 1; Provides: v";
    for (name, expected) in [
        (
            "libexpat1",
            "libexpat1 is in because python3-minimal needs `libexpat1 (>= 2.6)`, which is in because \
             python3 needs `python3-minimal`, which the recipe asks for\nalso dbus needs `libexpat1 | gone`",
        ),
        (
            "p",
            "p is in because python3-minimal needs `v`, which is in because python3 needs `python3-minimal`, which the recipe asks for",
        ),
        ("dbus", "dbus is in because the recipe asks for it"),
    ] {
        let told = with(lines, "python3 dbus", |outcome| {
            explain(&outcome.unwrap(), name, |_| "the recipe".to_owned()).unwrap().to_string()
        });
        assert_eq!(told, expected);
    }
}

#[test]
fn what_is_not_in_is_explained_too() {
    for (name, expected) in [
        ("c", "cannot explain `c`: it is not among the packages"),
        (
            "libxpat1",
            "cannot explain `libxpat1`: it is not among the packages (hint: did you mean `libexpat1`?)",
        ),
        (
            "b",
            "cannot explain `b`: it is not among the packages (hint: the recipe does `without` it; it is a dependency of `a`)",
        ),
    ] {
        let told = with("a 1; Depends: b (>= 1), libexpat1\nb 1\nlibexpat1 1\nc 1", "a -b", |outcome| {
            format!("{:?}", explain(&outcome.unwrap(), name, |_| "the recipe".to_owned()).unwrap_err())
        });
        assert_eq!(told, expected);
    }
}

/// A universe of eight packages with dependencies, alternatives and conflicts among them.
fn small_universe() -> impl Strategy<Value = String> {
    let name = || (0..8_u8).prop_map(|at| format!("p{at}"));
    let group = || prop::collection::vec(name(), 1..3).prop_map(|names| names.join(" | "));
    let needs = prop::collection::vec(group(), 0..3).prop_map(|groups| groups.join(", "));
    let refuses = prop::collection::vec(name(), 0..2).prop_map(|names| names.join(", "));
    prop::collection::vec((needs, refuses), 8).prop_map(|packages| {
        let line = |(at, (needs, refuses))| format!("p{at} 1; Depends: {needs}; Conflicts: {refuses}\n");
        packages.into_iter().enumerate().map(line).collect()
    })
}

/// Whether the packages in `set` (a bit for each) have what they need and do not refuse one another.
fn holds_together(universe: &Universe<'_>, set: u16) -> bool {
    let has = |name: &str| name[1..].parse::<u32>().is_ok_and(|at| set & (1 << at) != 0);
    (0..8).filter(|at| set & (1 << at) != 0).all(|at| {
        let name = format!("p{at}");
        let relations =
            satisfy::Relations::read(universe.versions(&name).next().unwrap(), Arch::Amd64).unwrap();
        relations.needs.iter().all(|group| group.0.iter().any(|relation| has(&relation.name)))
            && !relations.refuses.iter().any(|refused| refused.name != name && has(&refused.name))
    })
}

proptest! {
    #[test]
    fn an_answer_is_found_exactly_when_there_is_one(lines in small_universe()) {
        let text = index(&lines);
        let mut builder = Universe::builder(Arch::Amd64);
        builder.add_index(0, &text).unwrap();
        let universe = builder.build().unwrap();
        match resolve(&universe, &request("p0 p1")) {
            Ok(resolution) => {
                let bits = resolution.packages.iter().map(|selected| selected.package.name()[1..].parse::<u16>().unwrap());
                let set = bits.map(|at| 1 << at).sum();
                prop_assert!(holds_together(&universe, set) && set & 3 == 3);
            }
            Err(error) => {
                prop_assert!(!(0..256_u16).any(|set| set & 3 == 3 && holds_together(&universe, set)), "{}", error);
            }
        }
    }
}
