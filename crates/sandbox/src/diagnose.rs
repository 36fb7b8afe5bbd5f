//! Why a program could not be executed: the kernel says little more than "no such file", also when it is the program's
//! loader that is missing.

use std::ffi::{CStr, OsStr};
use std::fs::File;
use std::io::Read as _;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use bareboat_formats::elf;
use bareboat_io::files::open_as_root;
use bareboat_model::{Arch, Context as _, Error, ImagePath, Result, escape};
use rustix::io::Errno;

use crate::Sandbox;
use crate::plan::Command;
use crate::report::words;

/// Programs that are read for what is wrong with them; the headers are at the beginning, and beyond this nothing is.
const MOST_READ: u64 = 512 << 20;

/// How many bytes of a search path an error shows.
const MOST_SHOWN: usize = 200;

/// The first line of a script, as far as the kernel reads it (`BINPRM_BUF_SIZE`).
const LONGEST_FIRST_LINE: usize = 256;

/// A script's interpreter may be a script, so many times over (`exec_binprm` in fs/exec.c).
const MOST_INTERPRETERS: usize = 5;

/// The error for a program that the kernel did not execute.
pub(crate) fn told(sandbox: &Sandbox, planned: &Command, command: &OsStr, errno: Errno) -> Error {
    let shown = escape(&command.to_string_lossy());
    let failing = format!("cannot run `{shown}`");
    let found = planned.programs.iter().find_map(|program| {
        let path = absolute(sandbox, program).ok()?;
        let place = Path::new(OsStr::from_bytes(path.as_bytes()));
        let file = open_as_root(&sandbox.root, place).ok()??;
        Some((path, file))
    });
    let Some((path, file)) = found else {
        if let (Errno::ACCESS, [only]) = (errno, &planned.programs[..])
            && let Ok(path) = absolute(sandbox, only)
            && open_as_root(&sandbox.root, Path::new(OsStr::from_bytes(path.as_bytes())))
                .is_err_and(|error| error.raw_os_error().is_none())
        {
            let error = format!("`{path}` is a folder (or a pipe, a device) in the image, expected a file");
            return Error::new(error).context(failing);
        }
        return not_found(sandbox, command, errno).context(failing);
    };
    let error = match errno {
        Errno::ACCESS if !is_executable(&file) => Error::new(format!(
            "`{path}` may not be executed by anybody"
        ))
        .with_hint("its mode has no x: set `mode` of its [[files]] entry, or `chmod +x` where it comes from"),
        Errno::ACCESS => Error::new(format!("user {} may not execute `{path}`", sandbox.user.uid)).with_hint(
            "its mode or owner, or those of a folder on the way to it or to its loader, forbid it",
        ),
        _ => reason(sandbox, &path, file, MOST_INTERPRETERS).unwrap_or_else(|| words(errno)),
    };
    error.context(failing)
}

fn is_executable(file: &File) -> bool {
    file.metadata().is_ok_and(|data| data.permissions().mode() & 0o111 != 0)
}

fn absolute(sandbox: &Sandbox, program: &CStr) -> Result<ImagePath> {
    match program.to_bytes() {
        bytes if bytes.starts_with(b"/") => ImagePath::parse(bytes),
        bytes => sandbox.workdir.join(bytes),
    }
}

fn not_found(sandbox: &Sandbox, command: &OsStr, errno: Errno) -> Error {
    let is_path = command.as_bytes().contains(&b'/');
    let error = match errno {
        Errno::NOENT if is_path => Error::new("there is no such file in the image"),
        Errno::NOENT => {
            let path = sandbox.env("PATH").unwrap_or_default().as_bytes();
            let rest = if path.len() > MOST_SHOWN { " …" } else { "" };
            let shown = String::from_utf8_lossy(&path[..path.len().min(MOST_SHOWN)]);
            Error::new(format!("there is no such program in the image's PATH, {}{rest}", escape(&shown)))
        }
        Errno::LOOP => Error::new("links lead in a circle"),
        other => words(other),
    };
    match command.to_str() {
        Some("sh" | "bash" | "/bin/sh" | "/bin/bash" | "ls" | "cat") => {
            error.with_hint("images without a shell have no shell's programs either; run the image's own")
        }
        _ => error,
    }
}

/// What is wrong with the program itself.
fn reason(sandbox: &Sandbox, path: &ImagePath, file: File, depth: usize) -> Option<Error> {
    let mut start = Vec::new();
    (&file).take(LONGEST_FIRST_LINE as u64).read_to_end(&mut start).ok()?;
    if start.is_empty() {
        return Some(Error::new(format!("`{path}` is empty")));
    }
    if let Some(line) = start.strip_prefix(b"#!") {
        return script(sandbox, path, line, depth);
    }
    let program = match elf(path, start, file) {
        Ok(program) => program,
        Err(error) => return Some(error),
    };
    let loader = program.interpreter?;
    let (loader, found) = match needed(sandbox, path, "loader", loader.as_bytes()) {
        Ok(found) => found,
        Err(error) => return error,
    };
    // A loader's own loader is of no interest to the kernel.
    elf(&loader, Vec::new(), found).err()
}

/// Reads a program for this machine, from its `start` on.
fn elf(path: &ImagePath, mut start: Vec<u8>, file: File) -> Result<elf::Elf> {
    file.take(MOST_READ).read_to_end(&mut start)?;
    let program = elf::parse(&start).context(|| format!("`{path}` is broken"))?.ok_or_else(|| {
        Error::new(format!("`{path}` is no program: neither ELF nor a script with `#!`"))
            .with_hint("a script needs `#!` and its interpreter in the first line")
    })?;
    wrong_machine(path, &program).map_or(Ok(program), Err)
}

fn wrong_machine(path: &ImagePath, program: &elf::Elf) -> Option<Error> {
    let here = Arch::host()?;
    if program.machine == here.elf_machine() && program.class64 {
        return None;
    }
    let its = Arch::ALL.iter().find(|arch| arch.elf_machine() == program.machine && program.class64);
    let its = match (its, program.class64) {
        (Some(arch), _) => arch.to_string(),
        (None, true) => format!("machine {} of ELF", program.machine),
        (None, false) => format!("machine {} of ELF, with 32 bits", program.machine),
    };
    let hint = format!(
        "build the image for linux/{here}, or register an emulator such as qemu-user with binfmt_misc"
    );
    Some(Error::new(format!("`{path}` is for {its}, and this machine is {here}")).with_hint(hint))
}

fn script(sandbox: &Sandbox, path: &ImagePath, line: &[u8], depth: usize) -> Option<Error> {
    let line = line.split(|&byte| byte == b'\n').next().unwrap_or_default();
    let interpreter = line.split(|byte| byte.is_ascii_whitespace()).find(|word| !word.is_empty());
    match interpreter {
        None => Some(Error::new(format!("`{path}` names no interpreter after `#!`"))),
        Some(word) if word.ends_with(b"\r") || line.ends_with(b"\r") => Some(Error::new(format!(
            "the first line of `{path}` ends as on Windows, so its interpreter is not found"
        ))),
        Some(word) => match needed(sandbox, path, "interpreter", word) {
            Err(error) => error,
            Ok((inside, file)) => match depth.checked_sub(1) {
                Some(depth) => reason(sandbox, &inside, file, depth),
                None => {
                    Some(Error::new(format!("`{path}` has an interpreter that is a script too, and so on")))
                }
            },
        },
    }
}

/// Opens what the kernel needs to execute a program: `what`, at `place`. Otherwise, what is wrong with it.
fn needed(
    sandbox: &Sandbox,
    path: &ImagePath,
    what: &str,
    place: &[u8],
) -> Result<(ImagePath, File), Option<Error>> {
    let shown = escape(&String::from_utf8_lossy(place));
    let wrong = |why: &str| Error::new(format!("`{path}` needs the {what} `{shown}`, {why}"));
    let inside = match place.starts_with(b"/") {
        true => ImagePath::parse(place),
        false => sandbox.workdir.join(place),
    };
    let inside = inside.map_err(|_| Some(wrong("which is no path")))?;
    match open_as_root(&sandbox.root, Path::new(OsStr::from_bytes(inside.as_bytes()))) {
        Ok(Some(file)) => Ok((inside, file)),
        Ok(None) if what == "loader" => {
            Err(Some(wrong("which is not in the image").with_hint(
                "a base with the C library has it, such as `base`; or link the program statically",
            )))
        }
        Ok(None) => Err(Some(wrong("which is not in the image"))),
        Err(error) if error.raw_os_error() == Some(libc::ELOOP) => {
            Err(Some(wrong("to which links lead in a circle")))
        }
        Err(_) => Err(None),
    }
}
