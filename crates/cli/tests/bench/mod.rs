//! A place to run the program in: a recipe, a mirror, a cache of its own, and words that are the same everywhere.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use bareboat_testkit::{Archive, Files, Mirror, Suite, world};
use tempfile::TempDir;

/// A recipe that needs four small packages: hello, libc6 and what that needs.
pub(crate) const HELLO: &str = "name = \"hello\"\nbase = \"scratch\"\nplatforms = [\"linux/amd64\"]\n\
                                packages = [\"hello\"]\n";

/// The files of a mirror where trixie's main suite is this one, and its others are empty.
pub(crate) fn trixie(main: Suite) -> Files {
    let debian = Archive::new().suite(main).suite(Suite::new("trixie-updates"));
    let security = Archive::new().suite(Suite::new("trixie-security"));
    let mut files = debian.build().under("debian");
    files.extend(security.build().under("debian-security"));
    files
}

/// Everything that one test needs, in a folder that goes away with it.
pub(crate) struct Bench {
    dir: TempDir,
    pub(crate) mirror: Mirror,
    _filters: insta::internals::SettingsBindDropGuard,
}

impl Bench {
    /// With the small Debian on the mirror, and this recipe.
    pub(crate) fn new(recipe: &str) -> Self {
        Self::with_files(recipe, world().files.clone())
    }

    /// With these files on the mirror.
    pub(crate) fn with_files(recipe: &str, files: Files) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let mirror = Mirror::serve(files);
        let mut settings = insta::Settings::clone_current();
        settings.add_filter(&mirror.url(), "[MIRROR]");
        settings.add_filter(&dir.path().display().to_string(), "[DIR]");
        settings.add_filter(r"sha256:[0-9a-f]{64}", "[DIGEST]");
        settings.add_filter(r"[0-9a-f]{64}", "[HEX]");
        settings.add_filter(r"/[0-9a-f]{2}/[0-9a-f]{62}", "/[HEX]");
        settings.add_filter(r"(now it is|after now,) [0-9TZ:-]+", "$1 [NOW]");
        settings.add_filter(r"(?m)^(time +)[\d.]+ s$", "$1[TIME]");
        settings.add_filter(r#"("seconds": )[\d.e-]+"#, "$1[TIME]");
        // What a compressor makes of a package may change with its next version.
        settings.add_filter(r"(of|the) \d+ bytes", "$1 [N] bytes");
        settings.add_filter(r"at byte \d+", "at byte [N]");
        settings.add_filter(r#"(?m)^(size = |\s*"size": )\d+"#, "$1[N]");
        settings.add_filter(r"[\d.]+ k?B stored", "[N] stored");
        settings.add_filter(r#"("stored": )\d+"#, "$1[N]");
        let bench = Self { _filters: settings.bind_to_scope(), dir, mirror };
        for folder in ["project", "cache", "home"] {
            std::fs::create_dir(bench.path(folder)).unwrap();
        }
        std::fs::write(bench.path("keyring.gpg"), &world().keyring).unwrap();
        bench.write("bareboat.toml", recipe);
        bench
    }

    /// A path below the bench's folder: `project`, `cache`, `home` and what is in them.
    pub(crate) fn path(&self, relative: &str) -> PathBuf {
        self.dir.path().join(relative)
    }

    /// Writes the recipe, or a file beside it or below.
    pub(crate) fn write(&self, relative: &str, content: impl AsRef<[u8]>) {
        let path = self.path("project").join(relative);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content).unwrap();
    }

    /// The program with its arguments, in an environment that names the bench's mirror, keyring and cache.
    pub(crate) fn command<I: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = I>) -> Command {
        let mut command = self.program(Path::new(env!("CARGO_BIN_EXE_bareboat")));
        command.args(args);
        command
    }

    /// Another program in the same environment.
    pub(crate) fn program(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        command
            .current_dir(self.path("project"))
            .env_clear()
            .env("PATH", "/usr/bin:/bin")
            .env("HOME", self.path("home"))
            // Not the engine of whoever runs the tests.
            .env("DOCKER_HOST", format!("unix://{}", self.path("no-engine").display()))
            .env("BAREBOAT_CACHE", self.path("cache"))
            .env("BAREBOAT_MIRROR", format!("{}/debian", self.mirror.url()))
            .env("BAREBOAT_SECURITY_MIRROR", format!("{}/debian-security", self.mirror.url()))
            .env("BAREBOAT_KEYRING", self.path("keyring.gpg"))
            .env("BAREBOAT_TIMEOUT", "1")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    /// Runs `bareboat build`, which must succeed; gives the image's digest.
    pub(crate) fn builds(&self) -> String {
        let output = self.command(["build", "--quiet"]).output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{}", said(&output));
        assert!(self.path("project/.bareboat/hello/index.json").exists(), "no image");
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }

    /// All paths below a folder of the bench.
    pub(crate) fn listing(&self, folder: &str) -> BTreeSet<String> {
        let mut found = BTreeSet::new();
        walk(&self.path(folder), Path::new(""), &mut found);
        found
    }
}

fn walk(root: &Path, below: &Path, found: &mut BTreeSet<String>) {
    for entry in std::fs::read_dir(root.join(below)).into_iter().flatten().flatten() {
        let relative = below.join(entry.file_name());
        found.insert(relative.display().to_string());
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            walk(root, &relative, found);
        }
    }
}

/// What a program said on stderr.
pub(crate) fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}
