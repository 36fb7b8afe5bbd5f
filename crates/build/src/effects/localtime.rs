//! /etc/localtime: tzdata's postinst links it to the configured zone, which is UTC unless somebody says else.

use bareboat_model::{ImagePath, Result};

use super::{Applied, Setting, generate};
use crate::tree::{Node, Owner, Tree};

const EFFECT: &str = "localtime";
const PATH: &str = "/etc/localtime";
const ZONE: &str = "/usr/share/zoneinfo/Etc/UTC";

pub(super) fn apply(tree: &mut Tree, setting: &Setting<'_>) -> Result<Option<Applied>> {
    let has_zone = tree.lookup(&ImagePath::absolute(ZONE)?).is_some();
    if !has_zone || tree.get(&ImagePath::absolute(PATH)?).is_some() {
        return Ok(None);
    }
    generate(tree, PATH, Node::symlink(ZONE, setting.mtime, Owner::Effect(EFFECT)))?;
    Ok(Some(Applied { effect: EFFECT, what: format!("{PATH} → {ZONE}") }))
}
