//! The image's Python at work, in the sandbox.

use std::cell::OnceCell;
use std::path::{Path, PathBuf};
use std::time::Duration;

use bareboat_io::files::ScratchFolder;
use bareboat_io::store::Store;
use bareboat_model::{Context, Error, ImagePath, Result, escape};
use bareboat_sandbox::{Mount, Output, Sandbox, Status};

use super::PYTHON;
use super::write_out::write_out;
use crate::tree::Tree;

/// Where the program sees the sources' names. It can write to its own /tmp only, and what it makes comes out through a pipe:
/// nothing of this machine is opened by a name that it chose.
const SOURCES: &str = "/.bareboat";
/// Debian's whole standard library takes some seconds.
const LONGEST: Duration = Duration::from_secs(900);
/// All that is compiled of one package: Debian's standard library makes 10 MB.
const MOST: usize = 512 << 20;

/// Says its tag (`cpython-313`) in a line; then, for each file that is Python of this version (and no template), a line with
/// its number and its length compiled, and that many bytes.
const SCRIPT: &str = r#"
import py_compile, sys
out = sys.stdout.buffer
out.write(sys.implementation.cache_tag.encode() + b"\n")
with open("/.bareboat", encoding="utf-8") as sources:
    for number, path in enumerate(sources.read().splitlines()):
        try:
            py_compile.compile(path, cfile="/tmp/compiled", doraise=True,
                               invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH)
        except (py_compile.PyCompileError, SyntaxError, ValueError, UnicodeError, RecursionError):
            continue
        with open("/tmp/compiled", "rb") as compiled:
            code = compiled.read()
        out.write(b"%d %d\n" % (number, len(code)) + code)
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

    /// Compiles these files; `take` gets each one's number and its bytes. Gives the tag that is part of their names.
    pub(super) fn compile(
        &self,
        sources: &[&ImagePath],
        mut take: impl FnMut(usize, &[u8]) -> Result<()>,
    ) -> Result<String> {
        let work = self.store.scratch_folder()?;
        let list = work.path().join("sources");
        let names: Vec<String> = sources.iter().map(ToString::to_string).collect();
        std::fs::write(&list, names.join("\n")).context(|| "cannot write the list of files")?;
        let said = self.run(list)?;
        let wrong = || Error::new(format!("`{PYTHON}` answered something that is no compiled file"));
        let (tag, mut rest) = line(&said).filter(|(tag, _)| is_tag(tag)).ok_or_else(wrong)?;
        let mut next = 0;
        while !rest.is_empty() {
            let (head, bytes) = line(rest).ok_or_else(wrong)?;
            let (number, size) = head.split_once(' ').ok_or_else(wrong)?;
            let number: usize =
                number.parse().ok().filter(|it| (next..sources.len()).contains(it)).ok_or_else(wrong)?;
            let (bytes, behind) =
                bytes.split_at_checked(size.parse().map_err(|_| wrong())?).ok_or_else(wrong)?;
            take(number, bytes)?;
            (next, rest) = (number + 1, behind);
        }
        Ok(tag.to_owned())
    }

    fn run(&self, list: PathBuf) -> Result<Vec<u8>> {
        let mut sandbox = Sandbox::new(self.root()?);
        sandbox.mounts = vec![Mount { host: list, path: ImagePath::absolute(SOURCES)?, read_only: true }];
        sandbox.timeout = Some(LONGEST);
        sandbox.output = Output::Capture { limit: MOST };
        // The order of sets is in what is compiled. (With -I, Python would not look at it.)
        sandbox.set_env("PYTHONHASHSEED", "0");
        sandbox.set_env("LC_ALL", "C.UTF-8");
        let outcome = sandbox.run(&[PYTHON, "-s", "-P", "-S", "-B", "-c", SCRIPT].map(Into::into))?;
        let last_words = String::from_utf8_lossy(&outcome.stderr);
        let last_words = last_words.trim().lines().last().unwrap_or_default();
        match outcome.status {
            Status::Exited(0) if !outcome.truncated => Ok(outcome.stdout),
            Status::Exited(0) => {
                Err(Error::new(format!("`{PYTHON}` made more than {MOST} bytes of one package")))
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
        std::fs::write(folder.path().join(SOURCES.trim_start_matches('/')), "")?;
        Ok(self.root.get_or_init(|| folder).path())
    }
}

/// The first line, if it is short, and what is behind it.
fn line(bytes: &[u8]) -> Option<(&str, &[u8])> {
    let end = bytes.iter().take(100).position(|&byte| byte == b'\n')?;
    Some((str::from_utf8(&bytes[..end]).ok()?, &bytes[end + 1..]))
}

fn is_tag(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_short_and_tags_are_words() {
        assert_eq!(line(b"3 4\nrest"), Some(("3 4", &b"rest"[..])));
        assert_eq!(line(b"no end"), None);
        assert_eq!(line(&[b'x'; 200]), None);
        assert!(is_tag("cpython-313") && !is_tag("") && !is_tag("../x") && !is_tag("a b"));
    }
}
