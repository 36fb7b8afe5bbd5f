//! A small Debian with all that the catalog asks for: both suites, both architectures, three archives each.
//!
//! Believable where bareboat looks: relations, merged /usr as each suite has it, sonames, conffiles,
//! maintainer scripts, certificates, things to prune. The contents are a few bytes.

mod parse;

use std::sync::OnceLock;

use bareboat_model::Arch;

use crate::{Archive, Deb, Files, Key, Mirror, Suite};
use parse::Release;

/// Its mirror's files, and the key to trust.
#[derive(Clone, Debug)]
pub struct World {
    /// Below `debian/` the suites and their -updates, below `debian-security/` the -security ones.
    pub files: Files,
    /// The keyring that all of them are signed with, in binary form.
    pub keyring: Vec<u8>,
}

impl World {
    /// Serves the files. The mirror is at `URL/debian`, the security mirror at `URL/debian-security`.
    pub fn serve(&self) -> Mirror {
        Mirror::serve(self.files.clone())
    }

    /// The same world after a security update of openssl in both suites: 3.5.4 and 3.0.18.
    #[must_use]
    pub fn after_security_update() -> Self {
        static MADE: OnceLock<World> = OnceLock::new();
        MADE.get_or_init(|| make(true)).clone()
    }
}

/// The small Debian. Made once in a process.
pub fn world() -> &'static World {
    static MADE: OnceLock<World> = OnceLock::new();
    MADE.get_or_init(|| make(false))
}

/// Versions that the -updates and -security suites have: package, and its version in the main suite and there.
struct Moved {
    release: Release,
    package: &'static str,
    from: &'static str,
    to: &'static str,
}

const fn moved(release: Release, package: &'static str, from: &'static str, to: &'static str) -> Moved {
    Moved { release, package, from, to }
}

/// In -updates from the beginning.
const UPDATES: [Moved; 2] = [
    moved(Release::Trixie, "tzdata", "2025b-4+deb13u1", "2025c-1+deb13u1"),
    moved(Release::Bookworm, "tzdata", "2025b-0+deb12u1", "2025c-0+deb12u1"),
];

/// In -security from the beginning.
const SECURITY: [Moved; 2] = [
    moved(Release::Trixie, "libexpat1", "2.7.1-2", "2.7.1-2+deb13u1"),
    moved(Release::Bookworm, "libexpat1", "2.5.0-1+deb12u1", "2.5.0-1+deb12u2"),
];

/// In -security after the update.
const SECURITY_UPDATE: [Moved; 5] = [
    moved(Release::Trixie, "libssl3t64", "3.5.1-1+deb13u1", "3.5.4-1~deb13u1"),
    moved(Release::Trixie, "openssl-provider-legacy", "3.5.1-1+deb13u1", "3.5.4-1~deb13u1"),
    moved(Release::Trixie, "openssl", "3.5.1-1+deb13u1", "3.5.4-1~deb13u1"),
    moved(Release::Bookworm, "libssl3", "3.0.17-1~deb12u3", "3.0.18-1~deb12u1"),
    moved(Release::Bookworm, "openssl", "3.0.17-1~deb12u3", "3.0.18-1~deb12u1"),
];

const PACKAGES: &str = include_str!("packages.txt");

fn make(updated: bool) -> World {
    let (mut main, mut security) = (Archive::new(), Archive::new());
    for release in [Release::Bookworm, Release::Trixie] {
        let codename = release.codename();
        main = main
            .suite(Suite::new(codename).packages(&debs(PACKAGES, release)))
            .suite(Suite::new(&format!("{codename}-updates")).packages(&moved_debs(&UPDATES, release)));
        let mut fixes = moved_debs(&SECURITY, release);
        if updated {
            fixes.extend(moved_debs(&SECURITY_UPDATE, release));
        }
        security = security.suite(Suite::new(&format!("{codename}-security")).packages(&fixes));
    }
    let mut files = main.build().under("debian");
    files.extend(security.build().under("debian-security"));
    World { files, keyring: Key::archive().public() }
}

/// The packages for all architectures, those of architecture `all` once.
fn debs(text: &str, release: Release) -> Vec<Deb> {
    let mut debs = parse::packages(text, release, Arch::Amd64);
    let others = parse::packages(text, release, Arch::Arm64);
    debs.extend(others.into_iter().filter(|deb| deb.arch != "all"));
    debs
}

fn moved_debs(moved: &[Moved], release: Release) -> Vec<Deb> {
    let of_release = moved.iter().filter(|moved| moved.release == release);
    let text: Vec<String> =
        of_release.map(|moved| stanza(moved.package).replace(moved.from, moved.to)).collect();
    debs(&text.join("\n\n"), release)
}

fn stanza(package: &str) -> &'static str {
    let first = format!("Package: {package}\n");
    let found = PACKAGES.split("\n\n").find(|stanza| stanza.starts_with(&first));
    found.unwrap_or_else(|| panic!("no package `{package}` in the world"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_suite_is_signed_and_every_package_there() {
        let files = &world().files;
        for path in [
            "debian/dists/trixie/InRelease",
            "debian/dists/bookworm-updates/InRelease",
            "debian-security/dists/trixie-security/InRelease",
            "debian/pool/main/z/zlib/zlib1g_1.2.13.dfsg-1_arm64.deb",
            "debian/pool/main/p/python3.13/libpython3.13-stdlib_3.13.5-2_amd64.deb",
            "debian-security/pool/main/e/expat/libexpat1_2.7.1-2+deb13u1_amd64.deb",
        ] {
            assert!(files.contains_key(path), "no {path}");
        }
    }

    #[test]
    fn the_security_update_is_only_there_afterwards() {
        let path = "debian-security/pool/main/o/openssl/libssl3t64_3.5.4-1~deb13u1_amd64.deb";
        assert!(!world().files.contains_key(path));
        assert!(World::after_security_update().files.contains_key(path));
    }
}
