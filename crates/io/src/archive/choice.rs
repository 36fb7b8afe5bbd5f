//! Which mirrors and keys Debian's own suites come from: what a person said, else what this machine's APT
//! uses.

use std::ffi::OsString;
use std::path::Path;

use bareboat_formats::apt_sources::{SignedBy, Source};
use bareboat_formats::openpgp::Keyring;
use bareboat_model::{Context, Error, Result};

use super::Archive;
use crate::files::read_bounded;

/// The suites and code names of Debian's own archive, from the oldest that is still served.
const DEBIAN_SUITES: [&str; 14] = [
    "buster",
    "bullseye",
    "bookworm",
    "trixie",
    "forky",
    "duke",
    "sid",
    "unstable",
    "experimental",
    "testing",
    "stable",
    "oldstable",
    "oldoldstable",
    "rc-buggy",
];

/// What APT sources may name and cannot be fetched here: `cdrom:`, `mirror+file:`, `tor+http:`…
const SCHEMES: [&str; 3] = ["http://", "https://", "file:"];

/// Keyrings are some hundred kilobytes.
const LARGEST_KEYRING: u64 = 16 << 20;

/// What a person said about where Debian is, in the recipe or the environment. All of it may be left open.
#[derive(Clone, Debug, Default)]
pub struct MirrorChoice {
    /// The main mirror, such as `http://mirror.test/debian`.
    pub mirror: Option<String>,
    /// The mirror of the security suite, such as `http://mirror.test/debian-security`.
    pub security_mirror: Option<String>,
    /// The keys to trust.
    pub keyring: Option<Keyring>,
    /// The components; empty for `main`.
    pub components: Vec<String>,
}

impl MirrorChoice {
    /// What the environment says: `BAREBOAT_MIRROR`, `BAREBOAT_SECURITY_MIRROR`, and `BAREBOAT_KEYRING`,
    /// which names a file.
    ///
    /// # Errors
    /// When the keyring cannot be read, or a mirror is not UTF-8.
    pub fn from_env() -> Result<Self> {
        Self::from_vars(|name| std::env::var_os(name))
    }

    fn from_vars(env: impl Fn(&str) -> Option<OsString>) -> Result<Self> {
        let set = |name: &str| env(name).filter(|value| !value.is_empty());
        let text = |name: &str| {
            let value = set(name).map(OsString::into_string).transpose();
            value.map_err(|_| Error::new(format!("the environment's {name} is not UTF-8")))
        };
        let keyring = set("BAREBOAT_KEYRING").map(|path| {
            let hint = "BAREBOAT_KEYRING names this file";
            read_keyring(Path::new(&path)).map_err(|error| error.with_hint(hint))
        });
        Ok(Self {
            mirror: text("BAREBOAT_MIRROR")?,
            security_mirror: text("BAREBOAT_SECURITY_MIRROR")?,
            keyring: keyring.transpose()?,
            components: Vec::new(),
        })
    }

    /// This choice, and where it leaves something open, `other`'s.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        Self {
            mirror: self.mirror.or(other.mirror),
            security_mirror: self.security_mirror.or(other.security_mirror),
            keyring: self.keyring.or(other.keyring),
            components: if self.components.is_empty() { other.components } else { self.components },
        }
    }
}

/// The three suites that make up a Debian release: `suite` and its `-updates` from the main mirror, its
/// `-security` from the security mirror. `machine` are this machine's APT sources, for what `choice` leaves
/// open.
///
/// # Errors
/// When there is no mirror, a mirror is not a URL, or the keyring holds no keys.
pub fn debian_archives(suite: &str, choice: &MirrorChoice, machine: &[Source]) -> Result<Vec<Archive>> {
    let own_main = machine_source(machine, Area::Main);
    let own_security = machine_source(machine, Area::Security);
    let main = main_mirror(choice, own_main)?;
    let security = security_mirror(choice, own_security, &main)?;
    let archive = |name: &str, mirror: &str, suite: String, keyring: &Keyring| Archive {
        name: name.to_owned(),
        mirror: mirror.to_owned(),
        suite,
        components: match &choice.components[..] {
            [] => vec!["main".to_owned()],
            given => given.to_vec(),
        },
        keyring: keyring.clone(),
        allow_sha1_bindings: false,
    };
    let main_keys = keyring(choice, own_main)?;
    let security_keys = keyring(choice, own_security.or(own_main))?;
    Ok(vec![
        archive("debian", &main, suite.to_owned(), &main_keys),
        archive("debian", &main, format!("{suite}-updates"), &main_keys),
        archive("debian-security", &security, format!("{suite}-security"), &security_keys),
    ])
}

/// The two trees that Debian's suites are in.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Area {
    Main,
    Security,
}

impl Area {
    fn holds(self, suite: &str) -> bool {
        match self {
            Self::Main => DEBIAN_SUITES.contains(&suite.strip_suffix("-updates").unwrap_or(suite)),
            // Until bullseye the suite was called `buster/updates`.
            Self::Security => suite
                .strip_suffix("-security")
                .or_else(|| suite.strip_suffix("/updates"))
                .is_some_and(|release| DEBIAN_SUITES.contains(&release)),
        }
    }

    fn folder(self) -> &'static str {
        match self {
            Self::Main => "/debian",
            Self::Security => "/debian-security",
        }
    }
}

/// This machine's source for Debian itself: the first whose folder has Debian's name, as third parties call
/// their suites by Debian's code names too; else the first with a suite of Debian's.
fn machine_source(machine: &[Source], area: Area) -> Option<&Source> {
    let fits = |source: &&Source| {
        source.suites.iter().any(|suite| area.holds(suite))
            && source.components.iter().any(|component| component == "main")
            && usable_uri(source).is_some()
    };
    let is_named = |source: &&Source| usable_uri(source).is_some_and(|uri| uri.ends_with(area.folder()));
    machine.iter().filter(fits).find(is_named).or_else(|| machine.iter().find(fits))
}

fn usable_uri(source: &Source) -> Option<&str> {
    let mut uris = source.uris.iter().map(|uri| uri.trim_end_matches('/'));
    uris.find(|uri| SCHEMES.iter().any(|scheme| uri.starts_with(scheme)))
}

fn main_mirror(choice: &MirrorChoice, own: Option<&Source>) -> Result<String> {
    match (&choice.mirror, own.and_then(usable_uri)) {
        (Some(given), _) => checked(given),
        (None, Some(own)) => Ok(own.to_owned()),
        (None, None) => Err(Error::new(
            "cannot find a Debian mirror: neither the recipe nor the environment nor this machine's APT sources name one",
        )
        .with_hint("set BAREBOAT_MIRROR, or `mirror` under [archive] in the recipe, to a URL that ends in /debian")),
    }
}

fn security_mirror(choice: &MirrorChoice, own: Option<&Source>, main: &str) -> Result<String> {
    if let Some(given) = &choice.security_mirror {
        return checked(given);
    }
    let sibling =
        main.strip_suffix(Area::Main.folder()).map(|host| format!("{host}{}", Area::Security.folder()));
    // Who names a main mirror does not want this machine's, if the one named can tell its sibling.
    let own = own.and_then(usable_uri).map(str::to_owned);
    let found = if choice.mirror.is_some() { sibling.or(own) } else { own.or(sibling) };
    found.ok_or_else(|| {
        Error::new(format!(
            "cannot find a mirror of Debian's security suite: `{main}` does not end in /debian"
        ))
        .with_hint("set BAREBOAT_SECURITY_MIRROR, or `security-mirror` under [archive] in the recipe")
    })
}

fn checked(mirror: &str) -> Result<String> {
    if !SCHEMES.iter().any(|scheme| mirror.starts_with(scheme)) {
        let shown = crate::http::without_password(mirror);
        return Err(Error::new(format!("cannot use the mirror `{shown}`: it is not a URL"))
            .with_hint("write http://, https:// or file:///"));
    }
    Ok(mirror.trim_end_matches('/').to_owned())
}

fn keyring(choice: &MirrorChoice, own: Option<&Source>) -> Result<Keyring> {
    if let Some(keyring) = &choice.keyring {
        return Ok(keyring.clone());
    }
    let own = own.and_then(|source| source.signed_by.as_ref());
    match own.and_then(signed_by).filter(|keyring| !keyring.is_empty()) {
        Some(keyring) => Ok(keyring),
        None => Keyring::debian(),
    }
}

/// The keys of a `Signed-By`, as far as they can be had. A file of Debian's own is joined by the built-in
/// keys of Debian: an older machine's may lack the newest.
fn signed_by(signed_by: &SignedBy) -> Option<Keyring> {
    match signed_by {
        SignedBy::Files(paths) => {
            let mut all: Option<Keyring> = None;
            for path in paths {
                let mut keyring = read_keyring(path).ok()?;
                if is_debians_own(path) {
                    keyring.extend(Keyring::debian().ok()?);
                }
                match &mut all {
                    Some(all) => all.extend(keyring),
                    None => all = Some(keyring),
                }
            }
            all
        }
        SignedBy::Fingerprints(allowed) => {
            let allowed = allowed.iter().map(|fingerprint| fingerprint.trim_end_matches('!'));
            Some(Keyring::debian().ok()?.restrict_to(allowed))
        }
        SignedBy::Key(armoured) => Keyring::parse(armoured.as_bytes()).ok(),
    }
}

fn is_debians_own(path: &Path) -> bool {
    path.starts_with("/usr/share/keyrings")
        && path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("debian-archive-"))
}

/// Reads a keyring, binary or ASCII-armoured.
///
/// # Errors
/// When it cannot be read, or there is no key in it.
pub fn read_keyring(path: &Path) -> Result<Keyring> {
    let read = || {
        let bytes =
            read_bounded(path, LARGEST_KEYRING)?.ok_or_else(|| Error::new("there is no such file"))?;
        Keyring::parse(&bytes)
    };
    read().context(|| format!("cannot read the keyring `{}`", path.display()))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn machine(list: &str) -> Vec<Source> {
        bareboat_formats::apt_sources::parse_list(list).unwrap()
    }

    fn chosen(choice: &MirrorChoice, list: &str) -> Result<Vec<String>> {
        let archives = debian_archives("trixie", choice, &machine(list))?;
        Ok(archives.iter().map(|archive| format!("{} {}", archive.mirror, archive.suite)).collect())
    }

    fn main_and_security(main: &str, security: &str) -> Vec<String> {
        vec![
            format!("{main} trixie"),
            format!("{main} trixie-updates"),
            format!("{security} trixie-security"),
        ]
    }

    #[test]
    fn mirrors_are_chosen_from_what_was_said_and_from_the_machine() {
        let own =
            "deb http://own.test/debian bookworm main\ndeb http://own.test/security bookworm-security main\n";
        let third = "deb [signed-by=/nowhere] http://php.test/php bookworm main\ndeb http://node.test/ nodistro main\n\
                     deb cdrom:[Debian]/ bookworm main\n";
        for (mirror, security, list, expected_main, expected_security) in [
            (None, None, own, "http://own.test/debian", "http://own.test/security"),
            (None, None, &[third, own].concat(), "http://own.test/debian", "http://own.test/security"),
            (
                None,
                None,
                "deb http://own.test/debian/ sid main\n",
                "http://own.test/debian",
                "http://own.test/debian-security",
            ),
            (
                None,
                None,
                "deb http://own.test/deb stable main\ndeb http://own.test/sec buster/updates main\n",
                "http://own.test/deb",
                "http://own.test/sec",
            ),
            (
                Some("https://a.test/debian/"),
                None,
                own,
                "https://a.test/debian",
                "https://a.test/debian-security",
            ),
            (Some("file:///srv/m"), None, own, "file:///srv/m", "http://own.test/security"),
            (None, Some("http://s.test"), own, "http://own.test/debian", "http://s.test"),
            (Some("http://a.test"), Some("http://b.test"), "", "http://a.test", "http://b.test"),
        ] {
            let choice = MirrorChoice {
                mirror: mirror.map(str::to_owned),
                security_mirror: security.map(str::to_owned),
                ..MirrorChoice::default()
            };
            let expected = main_and_security(expected_main, expected_security);
            assert_eq!(chosen(&choice, list).unwrap(), expected, "{choice:?} {list}");
        }
    }

    #[test]
    fn without_a_mirror_the_person_learns_where_to_name_one() {
        let none = MirrorChoice::default();
        let ubuntu = "deb http://own.test/ubuntu noble main\ndeb http://own.test/x trixie stable\n";
        for (choice, list, cause, hint) in [
            (none.clone(), ubuntu, "cannot find a Debian mirror", "BAREBOAT_MIRROR"),
            (
                none,
                "deb http://own.test/x trixie main\n",
                "cannot find a mirror of Debian's security",
                "BAREBOAT_SECURITY_MIRROR",
            ),
            (
                MirrorChoice { mirror: Some("mirror.test/debian".into()), ..MirrorChoice::default() },
                "",
                "it is not a URL",
                "http://",
            ),
        ] {
            let error = chosen(&choice, list).unwrap_err();
            assert!(error.to_string().contains(cause), "{error}");
            assert!(error.hint().is_some_and(|words| words.contains(hint)), "{error:?}");
        }
    }

    #[test]
    fn the_keyring_is_the_one_given_else_the_machine_s_else_debian_s() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("keyring.gpg");
        fs::write(&file, bareboat_testkit::Key::archive().public()).unwrap();
        let stranger = bareboat_testkit::Key::stranger();
        let keys = |choice: &MirrorChoice, list: &str| -> Vec<String> {
            let archives = debian_archives("trixie", choice, &machine(list)).unwrap();
            archives[0].keyring.fingerprints().map(str::to_owned).collect()
        };
        let debians: Vec<String> = Keyring::debian().unwrap().fingerprints().map(str::to_owned).collect();
        let given = MirrorChoice {
            keyring: Some(Keyring::parse(&stranger.public()).unwrap()),
            ..MirrorChoice::default()
        };
        let open = MirrorChoice::default();
        let signed = format!("deb [signed-by={}] http://own.test/debian trixie main\n", file.display());
        let missing = "deb [signed-by=/nowhere.gpg] http://own.test/debian trixie main\n";
        assert!(keys(&given, &signed).contains(&stranger.fingerprint()));
        assert!(keys(&open, &signed).contains(&bareboat_testkit::Key::archive().fingerprint()));
        assert!(!keys(&open, &signed).contains(&debians[0]));
        assert_eq!(keys(&open, missing), debians);
        let one = format!("deb [signed-by={}] http://own.test/debian trixie main\n", debians[0]);
        assert_eq!(keys(&open, &one), [debians[0].clone()]);
    }

    #[test]
    fn what_is_said_first_wins() {
        let first = MirrorChoice { mirror: Some("a".into()), ..MirrorChoice::default() };
        let second = MirrorChoice {
            mirror: Some("b".into()),
            security_mirror: Some("c".into()),
            keyring: None,
            components: vec!["main".into()],
        };
        let both = first.or(second);
        assert_eq!((both.mirror.as_deref(), both.security_mirror.as_deref()), (Some("a"), Some("c")));
        assert_eq!(both.components, ["main"]);
    }

    #[test]
    fn a_keyring_that_cannot_be_read_is_named() {
        let env = |name: &str| (name == "BAREBOAT_KEYRING").then(|| OsString::from("/nowhere.gpg"));
        let error = MirrorChoice::from_vars(env).unwrap_err();
        assert_eq!(error.to_string(), "cannot read the keyring `/nowhere.gpg`: there is no such file");
    }
}
