//! The links by which busybox is called under its tools' names, as `busybox --install -s` makes them.
//!
//! They go beside a link `/busybox/busybox` that a recipe has (the catalog's variant `debug`). Which tools there are is
//! read out of the program, because each build of it has others.

use bareboat_model::{Context, Error, ImagePath, Result};
use memchr::memmem;

use super::{Applied, Setting, generate};
use crate::tree::{Node, Owner, Tree};

const EFFECT: &str = "busybox";
const PROGRAM: &str = "/busybox/busybox";
/// Debian's have 2 MB.
const LARGEST: u64 = 16 << 20;
/// Debian's have some 270.
const MOST_APPLETS: usize = 1000;
/// How busybox's table of names begins (`applet_names` of include/applet_tables.h): sorted, each ended by NUL.
const FIRST: &[u8] = b"[\0[[\0";

pub(super) fn apply(tree: &mut Tree, setting: &Setting<'_>) -> Result<Option<Applied>> {
    let Some((program, node)) = tree.lookup(&ImagePath::absolute(PROGRAM)?) else { return Ok(None) };
    let Some(content) = node.content() else { return Ok(None) };
    let failing = || format!("cannot make links to `{program}`");
    let bytes = content.read(LARGEST).context(failing)?;
    let names = applets(&bytes).context(failing)?;
    let mut made = 0;
    for name in names.iter().filter(|name| **name != "busybox") {
        let link = Node::symlink(PROGRAM, setting.mtime, Owner::Effect(EFFECT));
        made += usize::from(generate(tree, &format!("/busybox/{name}"), link)?);
    }
    Ok(Some(Applied { effect: EFFECT, what: format!("{made} links to {PROGRAM}") }))
}

/// The names of the tools in a busybox.
fn applets(program: &[u8]) -> Result<Vec<&str>> {
    let none = || Error::new("it has no table of busybox's tools");
    let start = memmem::find(program, FIRST).ok_or_else(none)?;
    let mut names: Vec<&str> = Vec::new();
    for name in program[start..].split(|&byte| byte == 0).take(MOST_APPLETS) {
        let Ok(name) = str::from_utf8(name) else { break };
        let is_plain = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"[-_.".contains(&byte));
        let is_next = names.last().is_none_or(|last| *last < name);
        if name.is_empty() || name.starts_with('.') || !is_plain || !is_next {
            break;
        }
        names.push(name);
    }
    Ok(names)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_up_to_the_end_of_the_table() {
        for (program, expected) in [
            (&b"\x7fELF..[\0[[\0ash\0zcat\0\0more\0"[..], &["[", "[[", "ash", "zcat"][..]),
            (b"x[\0[[\0ash\0Usage: ash\0zcat\0", &["[", "[[", "ash"]),
            (b"[\0[[\0ash\0../../etc\0", &["[", "[[", "ash"]),
            (b"[\0[[\0zcat\0ash\0", &["[", "[[", "zcat"]),
            (b"[\0[[\0\xff\xfe\0", &["[", "[["]),
        ] {
            assert_eq!(applets(program).unwrap(), expected);
        }
        assert_eq!(applets(b"#!/bin/sh").unwrap_err().to_string(), "it has no table of busybox's tools");
    }
}
