//! Compiled Python, which Debian's packages have their scripts make: a program on a read-only root would compile what it
//! imports anew at each start.
//!
//! Only if the recipe asks for it, because nothing but the image's own Python can make it: that one is run, in the sandbox,
//! without a network, on a copy of the tree. What comes out holds hashes instead of dates (PEP 552, unchecked), so it is
//! the same whenever it is made; each package is compiled by itself, so it is the same whatever else is in the image.

mod compile;
mod write_out;

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::PathBuf;
use std::sync::Arc;

use bareboat_io::store::Store;
use bareboat_model::{Arch, Context, Digest, Error, Hasher, ImagePath, Result};
use serde::{Deserialize, Serialize};

use super::{Applied, Setting, yield_to_nobody};
use crate::tree::{Content, Node, Owner, Tree};
use compile::Interpreter;

const EFFECT: &str = "python-bytecode";
const PYTHON: &str = "/usr/bin/python3";
/// The kinds of the store's entries, with the version of what is in them: what is where, and the bytes.
const LIST: &str = "python-bytecode-2";
const CONTENTS: &str = "python-bytecode-contents-2";

pub(super) fn apply(tree: &mut Tree, setting: &Setting<'_>) -> Result<Option<Applied>> {
    if !setting.python_bytecode {
        return Ok(None);
    }
    let compiled = of_tree(tree, setting).context(|| "cannot compile Python")?;
    let mut files = 0;
    for (source, node) in compiled {
        let owner = node.owner.clone();
        let place = tree.place(&source, node, &yield_to_nobody)?;
        files += usize::from(tree.get(&place).is_some_and(|there| there.owner == owner));
    }
    Ok(Some(Applied { effect: EFFECT, what: format!("{files} files") }))
}

/// One compiled file.
#[derive(Serialize, Deserialize)]
struct Compiled {
    /// Where it goes.
    path: String,
    /// The number of the source among those compiled with it.
    source: usize,
    digest: Digest,
    size: u64,
    offset: u64,
}

/// The sources of one owner.
type Sources = Vec<(ImagePath, Node)>;

fn of_tree(tree: &Tree, setting: &Setting<'_>) -> Result<Vec<(ImagePath, Node)>> {
    let python = ImagePath::absolute(PYTHON)?;
    let (_, node) = tree.lookup(&python).ok_or_else(|| {
        Error::new(format!("the image has no `{PYTHON}`"))
            .with_hint("build on python3, or leave python.bytecode out")
    })?;
    let program = node.content().ok_or_else(|| Error::new(format!("`{PYTHON}` is no file")))?.digest();
    let interpreter = Interpreter::new(tree, setting.store);
    let mut made = Vec::new();
    for (owner, sources) in sources(tree) {
        let key = key(program, &sources);
        let compiled = match known(setting.store, &key)? {
            Some(compiled) => compiled,
            None => {
                check_arch(setting.arch)?;
                compile_and_keep(&interpreter, &sources, setting.store, &key)?
            }
        };
        let contents: Arc<PathBuf> = Arc::new(setting.store.entry_path(CONTENTS, &key));
        for one in compiled {
            let Some((_, source)) = sources.get(one.source) else { continue };
            let content = Content::in_cache(one.digest, one.size, contents.clone(), one.offset);
            made.push((
                ImagePath::absolute(&one.path)?,
                Node::file(content, 0o644, source.mtime, owner.clone()),
            ));
        }
    }
    Ok(made)
}

/// Python's files by who brought them. What belongs to a package is in its layer, as if its scripts had made it.
fn sources(tree: &Tree) -> BTreeMap<Owner, Sources> {
    let mut sources: BTreeMap<Owner, Sources> = BTreeMap::new();
    let files =
        tree.iter().filter(|(path, node)| path.as_bytes().ends_with(b".py") && node.content().is_some());
    for (path, node) in files {
        let owner = match &node.owner {
            Owner::Package(name) => Owner::Script(name.clone()),
            // What the image below has, it has as it is.
            Owner::Image(_) => continue,
            other => other.clone(),
        };
        if str::from_utf8(path.as_bytes()).is_ok_and(|text| !text.contains('\n')) {
            sources.entry(owner).or_default().push((path.clone(), node.clone()));
        }
    }
    sources
}

fn key(program: Digest, sources: &Sources) -> Digest {
    let mut hasher = Hasher::new();
    hasher.update(program.as_bytes());
    for (path, node) in sources {
        hasher.update(path.as_bytes());
        hasher.update(&[0]);
        if let Some(content) = node.content() {
            hasher.update(content.digest().as_bytes());
        }
    }
    hasher.finish()
}

fn known(store: &Store, key: &Digest) -> Result<Option<Vec<Compiled>>> {
    let Some(json) = store.read_entry(LIST, key)? else { return Ok(None) };
    let has_contents = store.open_entry(CONTENTS, key)?.is_some();
    Ok(serde_json::from_slice(&json).ok().filter(|_| has_contents))
}

/// Its bytes are the same for all, but the program that makes them runs on one.
fn check_arch(arch: Arch) -> Result<()> {
    if Arch::host() == Some(arch) {
        return Ok(());
    }
    let error = format!("the image's Python is for {}, which this machine is not", arch.oci());
    Err(Error::new(error).with_hint(format!(
        "build for {} on a machine of that kind, or leave python.bytecode out",
        arch.oci()
    )))
}

fn compile_and_keep(
    interpreter: &Interpreter<'_>,
    sources: &Sources,
    store: &Store,
    key: &Digest,
) -> Result<Vec<Compiled>> {
    let paths: Vec<&ImagePath> = sources.iter().map(|(path, _)| path).collect();
    let mut compiled: Vec<Compiled> = Vec::new();
    let mut tag = String::new();
    store.write_entry(CONTENTS, key, |file| {
        let mut offset = 0;
        tag = interpreter.compile(&paths, |source, bytes| {
            file.write_all(bytes)?;
            let size = bytes.len() as u64;
            let path = String::new();
            compiled.push(Compiled { path, source, digest: Digest::of(bytes), size, offset });
            offset += size;
            Ok(())
        })?;
        Ok(())
    })?;
    for one in &mut compiled {
        one.path = cached(paths[one.source], &tag);
    }
    let json = serde_json::to_vec(&compiled).map_err(|error| Error::new(error.to_string()))?;
    store.write_entry(LIST, key, |file| Ok(file.write_all(&json)?))?;
    Ok(compiled)
}

/// Where Python looks for a file compiled (PEP 3147): `json/__pycache__/tool.cpython-313.pyc` of `json/tool.py`.
fn cached(source: &ImagePath, tag: &str) -> String {
    let text = source.to_string();
    let (folder, name) = text.rsplit_once('/').unwrap_or(("", &text));
    format!("{folder}/__pycache__/{}.{tag}.pyc", name.strip_suffix(".py").unwrap_or(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn compiled_files_are_where_python_looks() {
        for (source, expected) in [
            ("/usr/lib/python3.13/json/tool.py", "/usr/lib/python3.13/json/__pycache__/tool.cpython-313.pyc"),
            ("/main.py", "/__pycache__/main.cpython-313.pyc"),
        ] {
            assert_eq!(cached(&ImagePath::absolute(source).unwrap(), "cpython-313"), expected);
        }
    }
}
