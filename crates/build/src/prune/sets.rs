//! What the named sets hold: files that no program in an image reads.

use crate::recipe::PruneSet;

/// Whether a path of a package (without its leading slash) belongs to the set.
pub(super) fn belongs(set: PruneSet, path: &[u8]) -> bool {
    match set {
        PruneSet::Docs => docs(path),
        PruneSet::Man => under(path, &["usr/share/man"]),
        PruneSet::Info => under(path, &["usr/share/info"]),
        PruneSet::Locales => under(path, &["usr/share/locale", "usr/share/i18n"]),
        PruneSet::Gconv => gconv(path),
        PruneSet::Headers => headers(path),
        PruneSet::StaticLibs => static_libs(path),
        PruneSet::Lintian => under(path, &["usr/share/lintian", "usr/share/linda"]),
        PruneSet::Completions => completions(path),
        PruneSet::CaSources => under(path, &["usr/share/ca-certificates"]),
        PruneSet::Templates => under(path, TEMPLATES),
    }
}

/// The bundle is made already, nothing is configured any more, and no package manager will come.
const TEMPLATES: &[&str] = &[
    "usr/share/base-files",
    "usr/share/libc-bin",
    "etc/ca-certificates",
    "usr/share/apport",
    "etc/apt",
    "usr/lib/apt",
];

fn under(path: &[u8], directories: &[&str]) -> bool {
    directories
        .iter()
        .any(|directory| path.strip_prefix(directory.as_bytes()).is_some_and(|rest| rest.starts_with(b"/")))
}

fn below_lib(path: &[u8]) -> bool {
    under(path, &["usr/lib", "usr/lib32", "usr/lib64", "usr/libx32"])
}

/// Links in /usr/share/doc are how packages share one directory with its copyright: those stay.
fn docs(path: &[u8]) -> bool {
    let kept = |rest: &[u8]| {
        let mut names = rest.split(|&b| b == b'/');
        let (_package, name, more) = (names.next(), names.next(), names.next());
        name.is_none() || (name == Some(b"copyright") && more.is_none())
    };
    path.strip_prefix(b"usr/share/doc/").is_some_and(|rest| !kept(rest))
        || under(path, &["usr/share/doc-base", "usr/share/bug", "usr/share/gtk-doc"])
}

fn gconv(path: &[u8]) -> bool {
    below_lib(path) && path.split(|&b| b == b'/').any(|name| name == b"gconv")
}

fn headers(path: &[u8]) -> bool {
    under(path, &["usr/include", "usr/share/pkgconfig", "usr/share/aclocal"])
        || (below_lib(path) && path.split(|&b| b == b'/').any(|name| matches!(name, b"pkgconfig" | b"cmake")))
}

fn static_libs(path: &[u8]) -> bool {
    below_lib(path) && (path.ends_with(b".a") || path.ends_with(b".la"))
}

fn completions(path: &[u8]) -> bool {
    under(path, &["usr/share/bash-completion", "usr/share/zsh", "usr/share/fish", "etc/bash_completion.d"])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_path_belongs_to_the_set_it_should() {
        let cases = [
            ("usr/share/doc/libc6/changelog.Debian.gz", Some("docs")),
            ("usr/share/doc/libc6/copyright", None),
            ("usr/share/doc/libgcc-s1", None),
            ("usr/share/doc/x/examples/copyright", Some("docs")),
            ("usr/share/man/man1/x.1.gz", Some("man")),
            ("usr/share/manual/x", None),
            ("usr/lib/x86_64-linux-gnu/gconv/UTF-16.so", Some("gconv")),
            ("usr/lib/x86_64-linux-gnu/libc.a", Some("static-libs")),
            ("usr/lib/x86_64-linux-gnu/libc.so.6", None),
            ("usr/include/stdio.h", Some("headers")),
            ("usr/lib/x86_64-linux-gnu/pkgconfig/x.pc", Some("headers")),
            ("usr/share/locale/de/LC_MESSAGES/x.mo", Some("locales")),
            ("usr/lib/locale/C.utf8/LC_CTYPE", None),
            ("usr/share/common-licenses/GPL-3", None),
        ];
        for (path, expected) in cases {
            let found =
                PruneSet::ALL.iter().find(|set| belongs(**set, path.as_bytes())).map(|set| set.name());
            assert_eq!(found, expected, "{path}");
        }
    }
}
