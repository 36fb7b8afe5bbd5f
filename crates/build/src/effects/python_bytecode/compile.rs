//! The image's Python at work, in the sandbox.

use std::cell::OnceCell;
use std::path::Path;
use std::time::Duration;

use bareboat_io::files::ScratchFolder;
use bareboat_io::store::Store;
use bareboat_model::{Context, Error, ImagePath, Result, escape};
use bareboat_sandbox::{Mount, Output, Sandbox, Status};

use super::PYTHON;
use super::write_out::write_out;
use crate::tree::Tree;

/// Where the program sees the sources' names and puts what it makes.
const WORK: &str = "/.bareboat";
/// Debian's whole standard library takes some seconds.
const LONGEST: Duration = Duration::from_secs(900);
/// What it says: a line a file.
const MOST_SAID: usize = 64 << 20;
/// The largest compiled file that is taken: the largest of Debian's has 600 kB.
const LARGEST: u64 = 64 << 20;

/// Compiles each file of a list into a file named by its number, and says where it belongs; nothing for what is no
/// Python of this version, such as templates.
const SCRIPT: &str = r#"
import importlib.util, py_compile, sys
with open("/.bareboat/sources", encoding="utf-8") as sources:
    for number, path in enumerate(sources.read().splitlines()):
        try:
            py_compile.compile(path, cfile=f"/.bareboat/{number}", doraise=True,
                               invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH)
            print(number, importlib.util.cache_from_source(path))
        except (py_compile.PyCompileError, SyntaxError, ValueError, UnicodeError, RecursionError):
            pass
"#;

pub(super) struct Interpreter<'a> {
    tree: &'a Tree,
    store: &'a Store,
    /// The tree as files: written when it is needed for the first time.
    root: OnceCell<ScratchFolder>,
}

impl<'a> Interpreter<'a> {
    pub(super) fn new(tree: &'a Tree, store: &'a Store) -> Self {
        Self { tree, store, root: OnceCell::new() }
    }

    /// Compiles these files; `take` gets each one's number, where it goes, and its bytes.
    pub(super) fn compile(
        &self,
        sources: &[&ImagePath],
        mut take: impl FnMut(usize, String, &[u8]) -> Result<()>,
    ) -> Result<()> {
        let work = self.store.scratch_folder()?;
        let names: Vec<String> = sources.iter().map(ToString::to_string).collect();
        std::fs::write(work.path().join("sources"), names.join("\n"))
            .context(|| "cannot write the list of files")?;
        let said = self.run(work.path())?;
        for line in said.lines() {
            let wrong = || Error::new(format!("`{PYTHON}` said `{}`", escape(line)));
            let (number, path) = line.split_once(' ').ok_or_else(wrong)?;
            let number: usize =
                number.parse().ok().filter(|number| *number < sources.len()).ok_or_else(wrong)?;
            let bytes = bareboat_io::files::read_bounded(&work.path().join(number.to_string()), LARGEST)?;
            take(number, path.to_owned(), &bytes.ok_or_else(wrong)?)?;
        }
        Ok(())
    }

    fn run(&self, work: &Path) -> Result<String> {
        let mut sandbox = Sandbox::new(self.root()?);
        sandbox.mounts =
            vec![Mount { host: work.to_owned(), path: ImagePath::absolute(WORK)?, read_only: false }];
        sandbox.timeout = Some(LONGEST);
        sandbox.output = Output::Capture { limit: MOST_SAID };
        // The order of sets is in what is compiled. (With -I, Python would not look at it.)
        sandbox.set_env("PYTHONHASHSEED", "0");
        sandbox.set_env("LC_ALL", "C.UTF-8");
        let outcome = sandbox.run(&[PYTHON, "-s", "-P", "-S", "-B", "-c", SCRIPT].map(Into::into))?;
        let last_words = String::from_utf8_lossy(&outcome.stderr);
        let last_words = last_words.trim().lines().last().unwrap_or_default();
        match outcome.status {
            Status::Exited(0) if !outcome.truncated => {
                Ok(String::from_utf8_lossy(&outcome.stdout).into_owned())
            }
            Status::TimedOut => {
                Err(Error::new(format!("`{PYTHON}` took longer than {} s", LONGEST.as_secs())))
            }
            status => {
                Err(Error::new(format!("`{PYTHON}` ended with {}: {}", status.code(), escape(last_words))))
            }
        }
    }

    fn root(&self) -> Result<&Path> {
        if let Some(root) = self.root.get() {
            return Ok(root.path());
        }
        let folder = self.store.scratch_folder()?;
        write_out(self.tree, folder.path())?;
        std::fs::create_dir_all(folder.path().join(WORK.trim_start_matches('/')))?;
        Ok(self.root.get_or_init(|| folder).path())
    }
}
