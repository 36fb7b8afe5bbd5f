//! Other programs: to find them as a shell does, and to start them.

use core::ffi::CStr;

use crate::buffer::Buffer;
use crate::kernel::file::{Status, may_execute, pipe};
use crate::kernel::process::{execute, exit, fork, lead_group};
use crate::kernel::signal::Set;
use crate::kernel::{Answer, Errno, Fd};
use crate::message::{add, note, note_error};
use crate::text;
use crate::words::Words;

/// The exit code of a command that is not there, as in every shell.
const NOT_THERE: u8 = 127;
/// The exit code of a command that cannot be run, as in every shell.
const NOT_RUNNABLE: u8 = 126;

/// Where commands are looked for without PATH: what container engines set.
const DEFAULT_PATH: &[u8] = b"/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
/// Linux' own limit for a path, with its zero byte.
const LONGEST_PATH: usize = 4096;

/// How to start a command.
pub struct Start<'a> {
    /// The command and its arguments.
    pub words: Words,
    pub environment: Words,
    /// Where its standard output and error go, if not where ours go.
    pub output: Option<&'a Fd>,
    /// The signals that it holds back.
    pub mask: Set,
    /// Whether it leads a process group of its own.
    pub leads_group: bool,
}

/// A path with room for it.
struct Path {
    bytes: [u8; LONGEST_PATH],
}

impl Start<'_> {
    /// Starts it: its process, or the exit code that a shell would give, with a message.
    #[inline(never)]
    pub fn start(&self) -> Result<i32, u8> {
        let name = self.words.peek().to_bytes();
        let mut path = Path { bytes: [0; LONGEST_PATH] };
        let path = path.find(name, self.environment)?;
        self.start_at(path).map_err(|error| {
            if error != Errno::NOT_FOUND {
                return not_run(name, error);
            }
            // It was there a moment ago: so what is not there is something that it needs.
            note("cannot run %: the loader or interpreter that it names is not there", name);
            NOT_THERE
        })
    }

    #[inline(never)]
    fn start_at(&self, path: &CStr) -> Answer<i32> {
        // Nothing is ever written to this pipe but why the program could not be run; becoming the program closes it.
        let (news, teller) = pipe()?;
        let child = fork()?;
        if child == 0 {
            let error = self.become_it(path).err().unwrap_or(Errno::NOT_FOUND);
            // What exec gives are numbers below 256.
            let _ = teller.write(&[error.0 as u8]);
            exit(NOT_RUNNABLE);
        }
        drop(teller);
        if self.leads_group {
            // Both sides do this, so that it has happened whoever comes first.
            lead_group(child);
        }
        let mut error = [0u8; 1];
        match news.read(&mut error) {
            Ok(1) => Err(Errno(usize::from(error[0]))),
            _ => Ok(child),
        }
    }

    /// In the child.
    fn become_it(&self, path: &CStr) -> Answer<()> {
        if self.leads_group {
            lead_group(0);
        }
        if let Some(output) = self.output {
            output.give_as(1)?;
            output.give_as(2)?;
        }
        self.mask.restore();
        execute(path, self.words, self.environment)
    }
}

impl Path {
    /// Finds a command: by its path if it has a slash, else on PATH.
    #[inline(never)]
    fn find(&mut self, name: &[u8], environment: Words) -> Result<&CStr, u8> {
        let path = environment.variable(b"PATH=").unwrap_or(DEFAULT_PATH);
        let mut rest = path;
        let mut worst = Errno::NOT_FOUND;
        // As is an empty name, which is no file of any folder.
        let has_slash = name.is_empty() || text::position(name, b"/") < name.len();
        loop {
            let is_last = has_slash || text::position(rest, b":") == rest.len();
            let folder = text::take(&mut rest, b":");
            // An empty entry is the current folder (POSIX, 8.3).
            let folder = if folder.is_empty() { b"." } else { folder };
            match self.put(if has_slash { b"" } else { folder }, name) {
                Ok(()) => return Ok(self.as_c_str()),
                Err(Errno::NOT_FOUND) => {}
                Err(error) => worst = error,
            }
            if is_last {
                break;
            }
        }
        let code = not_run(name, worst);
        if !has_slash && code == NOT_THERE {
            add(b" on PATH, ");
            add(path);
        }
        Err(code)
    }

    /// Puts the path there, and looks whether it can be run.
    #[inline(never)]
    fn put(&mut self, folder: &[u8], name: &[u8]) -> Answer<()> {
        let mut buffer = Buffer::at(&mut self.bytes, 0);
        if !folder.is_empty() {
            buffer.push(folder).push_byte(b'/');
        }
        buffer.push(name).push_byte(0);
        if buffer.is_cut() {
            return Err(Errno::TOO_LONG);
        }
        let mut status = Status::none();
        status.read(self.as_c_str())?;
        if status.is_directory() {
            return Err(Errno::DENIED);
        }
        may_execute(self.as_c_str())
    }

    fn as_c_str(&self) -> &CStr {
        CStr::from_bytes_until_nul(&self.bytes).unwrap_or_default()
    }
}

#[inline(never)]
fn not_run(name: &[u8], error: Errno) -> u8 {
    note_error("cannot run %: ", name, error);
    if error == Errno::NOT_FOUND { NOT_THERE } else { NOT_RUNNABLE }
}
