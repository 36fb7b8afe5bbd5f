//! Programs written in Go and in Rust, by what their compilers leave in them.

use std::io::Read;

use bareboat_formats::build_info::{BuildInfo, scan};
use bareboat_model::{Context, Error, ImagePath, Result};
use memchr::memmem;
use serde::Deserialize;

use super::node::json_error;
use super::{Files, Found, Kind, Package};

/// Smaller ones hold no runtime of either language.
const SMALLEST: u64 = 32 << 10;

const ELF: &[u8] = b"\x7fELF";

/// Whether a file may be a program or a shared library.
pub(super) fn is_candidate(name: &[u8], mode: u32, size: u64) -> bool {
    let library = || name.ends_with(b".so") || memmem::find(name, b".so.").is_some();
    size >= SMALLEST && (mode & 0o111 != 0 || library())
}

pub(super) fn read(path: &ImagePath, content: &mut dyn Read, found: &mut Found) -> Result<()> {
    let mut start = [0; 4];
    if content.read_exact(&mut start).is_err() || start != ELF {
        return Ok(());
    }
    match scan(&mut start.chain(content))? {
        None => Ok(()),
        Some(BuildInfo::Go { toolchain, modules }) => go(&toolchain, &modules, path, found),
        Some(BuildInfo::OldGo) => Err(Error::new("what is in a program of Go before 1.18 is not read")),
        Some(BuildInfo::Rust(json)) => rust(&json, path, found),
    }
}

fn package(kind: Kind, name: &str, version: &str, path: &ImagePath) -> Package {
    let files = Files { paths: vec![path.clone()], folders: Vec::new() };
    Package { files, ..Package::new(kind, name, version) }
}

/// Go's modules, with those that replace others in their place, and its standard library under the name that
/// vulnerability databases give it.
fn go(toolchain: &str, modules: &str, path: &ImagePath, found: &mut Found) -> Result<()> {
    for line in modules.lines() {
        let words: Vec<&str> = line.split('\t').collect();
        match words[..] {
            ["mod" | "dep", name, version, ..] => found.push(package(Kind::Go, name, version, path))?,
            ["=>", name, version, ..] => {
                found.packages.pop();
                found.push(package(Kind::Go, name, version, path))?;
            }
            _ => {}
        }
    }
    let version = toolchain.split_whitespace().next().unwrap_or_default();
    found.push(package(Kind::Go, "stdlib", version.strip_prefix("go").unwrap_or(version), path))
}

#[derive(Deserialize)]
struct Audit {
    packages: Vec<Crate>,
}

#[derive(Deserialize)]
struct Crate {
    name: String,
    version: String,
    /// `build` for what only ran while the program was built.
    #[serde(default)]
    kind: Option<String>,
}

fn rust(json: &[u8], path: &ImagePath, found: &mut Found) -> Result<()> {
    let audit: Audit =
        serde_json::from_slice(json).map_err(json_error).context(|| "the list of `cargo auditable`")?;
    let runtime = audit.packages.iter().filter(|one| one.kind.as_deref() != Some("build"));
    for one in runtime {
        found.push(package(Kind::Rust, &one.name, &one.version, path))?;
    }
    Ok(())
}
