//! /etc/nsswitch.conf: where the C library (and Go's resolver) look names up. libc-bin's postinst (trixie)
//! and base-files' (bookworm) copy it from a template.

use bareboat_model::{ImagePath, Result};

use super::{Applied, Setting, generate, generated_file, read};
use crate::tree::Tree;

const EFFECT: &str = "nsswitch";
const PATH: &str = "/etc/nsswitch.conf";
const TEMPLATES: [&str; 2] = ["/usr/share/libc-bin/nsswitch.conf", "/usr/share/base-files/nsswitch.conf"];

/// For images without either package: the C library's own files, and DNS for hosts.
const OURS: &str = "\
# /etc/nsswitch.conf: where names are looked up, see nsswitch.conf(5)

passwd:         files
group:          files
shadow:         files
gshadow:        files

hosts:          files dns
networks:       files

protocols:      db files
services:       db files
ethers:         db files
rpc:            db files

netgroup:       nis
";

pub(super) fn apply(tree: &mut Tree, setting: &Setting<'_>) -> Result<Option<Applied>> {
    if tree.lookup(&ImagePath::absolute(PATH)?).is_some() {
        return Ok(None);
    }
    for template in TEMPLATES {
        if let Some(text) = read(tree, template, 1 << 16)? {
            generate(tree, PATH, generated_file(text, EFFECT, setting))?;
            return Ok(Some(Applied { effect: EFFECT, what: format!("from {template}") }));
        }
    }
    generate(tree, PATH, generated_file(OURS.as_bytes(), EFFECT, setting))?;
    Ok(Some(Applied { effect: EFFECT, what: "files and dns".into() }))
}
