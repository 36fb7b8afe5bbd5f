//! /tmp and /var/tmp: there, and writable for everyone (base-files ships them; `base = "scratch"` has none).

use bareboat_model::{ImagePath, Result};

use super::{Applied, Setting};
use crate::tree::{Node, Owner, Tree};

const EFFECT: &str = "tmp";

pub(super) fn apply(tree: &mut Tree, _: &Setting<'_>) -> Result<Option<Applied>> {
    let mut made = false;
    for path in ["/tmp", "/var/tmp"] {
        let path = ImagePath::absolute(path)?;
        if tree.lookup(&path).is_none() {
            tree.set_directory(&path, Node::directory(0o1777, Owner::Effect(EFFECT)))?;
            made = true;
        }
    }
    Ok(made.then(|| Applied { effect: EFFECT, what: "/tmp and /var/tmp, 1777".into() }))
}
