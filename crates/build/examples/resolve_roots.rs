//! Resolves each of many packages on its own and prints the answers: our side of `tests/live/apt-resolution`.
//!
//!     resolve_roots ROOTS INDEX...
//!
//! A line for each root: its name, a tab, and either `name=version` sorted and separated by spaces, or `!` and the error.
//! To stderr: how long it took to read the indexes and to resolve.

#![allow(clippy::print_stdout, clippy::print_stderr)]

use std::fs;
use std::time::Instant;

use bareboat_build::resolve::{Request, Requested, Universe, resolve};
use bareboat_model::{Arch, Context, Error, Result};

fn main() -> Result<()> {
    let mut files = std::env::args().skip(1);
    let roots = files.next().ok_or_else(|| Error::new("usage: resolve_roots ROOTS INDEX..."))?;
    let roots = fs::read_to_string(&roots).context(|| format!("cannot read `{roots}`"))?;
    let indexes = files
        .map(|file| fs::read_to_string(&file).context(|| format!("cannot read `{file}`")))
        .collect::<Result<Vec<_>>>()?;

    let start = Instant::now();
    let mut builder = Universe::builder(Arch::Amd64);
    for (archive, text) in indexes.iter().enumerate() {
        builder.add_index(archive, text)?;
    }
    let universe = builder.build()?;
    eprintln!("{} packages read in {:.0?}", universe.len(), start.elapsed());

    let start = Instant::now();
    for root in roots.lines() {
        println!("{root}\t{}", answer(&universe, root));
    }
    eprintln!("{} roots resolved in {:.0?}", roots.lines().count(), start.elapsed());
    Ok(())
}

fn answer(universe: &Universe<'_>, root: &str) -> String {
    let packages = vec![Requested { name: root.to_owned(), version: None }];
    match resolve(universe, &Request { packages, ..Request::default() }) {
        Err(error) => format!("! {error}"),
        Ok(resolution) => {
            let named = |selected: &bareboat_build::resolve::Selected<'_>| {
                format!("{}={}", selected.package.name(), selected.package.version)
            };
            let mut answer: Vec<String> = resolution.packages.iter().map(named).collect();
            answer.sort_unstable();
            answer.join(" ")
        }
    }
}
