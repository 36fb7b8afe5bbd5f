//! Other programs: to find them as a shell does, and to start them.

use crate::buffer::Buffer;
use crate::kernel::file::may_execute;
use crate::kernel::process::{execute, fork, lead_group};
use crate::kernel::signal::Set;
use crate::kernel::{Answer, Errno, Fd};
use crate::message::{end, note_error};
use crate::text::{PLACE, Text, text};
use crate::words::Words;

/// The exit code of a command that is not there, as in every shell.
const NOT_THERE: u8 = 127;
/// The exit code of a command that cannot be run, as in every shell.
const NOT_RUNNABLE: u8 = 126;
/// Where commands are looked for without PATH: what container engines set.
const DEFAULT_PATH: Text<'static> = text!("/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");

/// Starts a command: its process. Its standard output and error go to `output`, if there is one, and it holds back the
/// signals of `mask`; without an output it leads a process group of its own. What cannot be run ends with a message of ours
/// and a shell's exit code, as in a shell after the fork.
#[inline(never)]
pub fn start(
    words: Words,
    environment: Words,
    output: Option<&Fd>,
    mask: Set,
    leads_group: bool,
) -> Answer<usize> {
    let child = fork()?;
    if child != 0 {
        if leads_group {
            // Both sides do this, so that it has happened whoever comes first.
            lead_group(child);
        }
        return Ok(child);
    }
    if leads_group {
        lead_group(0);
    }
    if let Some(output) = output {
        // Where to say what is wrong, if the command cannot be run.
        Fd::ERROR.keep_as(Fd::OLD_ERROR)?;
        output.give_as(1)?;
        output.give_as(2)?;
    }
    mask.restore();
    let code = become_it(words, environment);
    let _ = Fd::OLD_ERROR.give_as(2);
    end(code)
}

/// Becomes the command: by its path if it has a slash, else the first on PATH that can be run. Or gives the exit code.
#[inline(never)]
fn become_it(words: Words, mut environment: Words) -> u8 {
    let name = words.peek();
    let all = environment;
    let mut path = DEFAULT_PATH;
    while !environment.is_empty() {
        path = environment.take().after(text!("PATH=")).unwrap_or(path);
    }
    // As is an empty name, which is no file of any folder.
    let has_slash = name.is_empty() || !name.find(b'/').is_empty();
    let mut worst = Errno::NOT_FOUND;
    let mut rest = path;
    loop {
        let mut bytes = [0; PLACE];
        let mut buffer = Buffer::of(&mut bytes);
        if !has_slash {
            // An empty entry is the current folder (POSIX, 8.3).
            if rest.byte() == b':' || rest.is_empty() {
                buffer.push(b'.');
            }
            rest = buffer.push_until(rest, b':');
            buffer.push(b'/');
        }
        buffer.push_text(name);
        let program = Text::within(&mut bytes);
        match execute(program, words, all) {
            Err(Errno::NOT_FOUND) if may_execute(program).is_ok() => {
                worst = Errno::NO_LOADER;
                break;
            }
            Err(error) if error != Errno::NOT_FOUND => worst = error,
            _ => {}
        }
        if has_slash || rest.is_empty() {
            break;
        }
        rest = rest.next();
    }
    note_error(text!("run"), name, worst);
    if matches!(worst, Errno::NOT_FOUND | Errno::NO_LOADER) { NOT_THERE } else { NOT_RUNNABLE }
}
