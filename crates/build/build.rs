//! Compiles deckhand, the helper that images may take aboard, for each architecture whose standard library this compiler has.
//!
//! One call of rustc with the flags in `deckhand/rustc-flags`, and the linker that comes with it. In deckhand's folder, with
//! relative paths: nothing of where this is stands in the program, so the same compiler makes the same bytes anywhere.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

/// What an image's architecture is to bareboat, and to rustc.
const ARCHITECTURES: [(&str, &str); 2] =
    [("AMD64", "x86_64-unknown-linux-gnu"), ("ARM64", "aarch64-unknown-linux-gnu")];

fn main() {
    if let Err(problem) = run() {
        println!("cargo::error={problem}");
    }
}

fn run() -> Result<(), String> {
    let deckhand = Path::new(&variable("CARGO_MANIFEST_DIR")?).join("../../deckhand");
    let out = PathBuf::from(variable("OUT_DIR")?);
    println!("cargo::rerun-if-changed=build.rs");
    for part in ["src", "rustc-flags", "layout.ld"] {
        println!("cargo::rerun-if-changed={}", deckhand.join(part).display());
    }
    let mut code = String::new();
    for (name, target) in ARCHITECTURES {
        let program = out.join(format!("deckhand-{target}"));
        let value = if has_library(target)? {
            compile(&deckhand, target, &program)?;
            format!("Some(include_bytes!({program:?}))")
        } else {
            "None".to_owned()
        };
        code.push_str(&format!("const {name}: Option<&[u8]> = {value};\n"));
    }
    fs::write(out.join("deckhand.rs"), code).map_err(|error| format!("cannot write deckhand.rs: {error}"))
}

fn variable(name: &str) -> Result<String, String> {
    env::var(name).map_err(|error| format!("cannot read {name}: {error}"))
}

fn rustc() -> Result<Command, String> {
    Ok(Command::new(variable("RUSTC")?))
}

/// Whether `core` is there for a target: `rustup target add` brings it for others than this machine's.
fn has_library(target: &str) -> Result<bool, String> {
    let asked = rustc()?.args(["--print", "target-libdir", "--target", target]).output();
    let answer = asked.map_err(|error| format!("cannot run rustc: {error}"))?;
    let folder = PathBuf::from(String::from_utf8_lossy(&answer.stdout).trim());
    // A folder may be left behind when a target is removed.
    let Ok(mut entries) = fs::read_dir(folder) else { return Ok(false) };
    Ok(entries
        .any(|entry| entry.is_ok_and(|entry| entry.file_name().to_string_lossy().starts_with("libcore-"))))
}

fn compile(deckhand: &Path, target: &str, program: &Path) -> Result<(), String> {
    let mut command = rustc()?;
    command
        .current_dir(deckhand)
        .args(["@rustc-flags", "--target", target, "-o"])
        .arg(program)
        .arg("src/main.rs");
    let done = command.output().map_err(|error| format!("cannot run rustc: {error}"))?;
    if done.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&done.stderr).replace('\n', "\\n");
    Err(format!("cannot compile deckhand for {target}: {said}"))
}
