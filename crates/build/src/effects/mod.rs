//! What a package manager's scripts would have done and every image needs, done natively.
//!
//! Nothing of the image is executed, but for its Python, and that only if the recipe asks for it. [`follow`] and [`apply`]
//! run before pruning, on all that the packages brought; [`record`] runs after it, on what is really there: alternatives,
//! compiled Python, the loader's cache and the package database. An effect never touches what a recipe put there: yours wins.

mod accounts_commands;
mod alternatives;
mod apache;
mod busybox;
mod ca_bundle;
mod files;
mod java_trust_store;
mod known;
mod ld_so_cache;
mod left_out;
mod localtime;
mod modes;
mod nsswitch;
mod php;
mod python_bytecode;
mod scripts;
mod status_d;
mod system_accounts;
mod sysusers;
mod tmp;
mod tmpfiles;
mod users;

use std::sync::Arc;

use bareboat_io::store::Store;
use bareboat_model::{Arch, ImagePath, Result};
use serde::Serialize;

use crate::tree::{Content, Node, Owner, Precedence, Tree};
use crate::unpack::{Conffiles, Unpacked};

pub use alternatives::Alternatives;
pub use ca_bundle::Certificate;
pub(crate) use ld_so_cache::search_directories;
pub use left_out::LeftOut;
pub use scripts::{Finding, Followed, Outcome, follow};
pub use users::Accounts;

/// An effect that took place, in words for the summary.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Applied {
    /// The effect's name.
    pub effect: &'static str,
    /// What it did: `148 certificates`.
    pub what: String,
}

/// What the effects need to know besides the tree.
pub struct Setting<'a> {
    /// The packages of the image, by name.
    pub packages: &'a [(Arc<str>, Unpacked)],
    /// The texts of the package database of the base image.
    pub base_status: &'a [String],
    /// Where their configuration files are.
    pub conffiles: &'a Conffiles,
    /// Users and groups that the recipe adds.
    pub accounts: &'a Accounts,
    /// Certificate authorities that the recipe adds.
    pub certificates: &'a [Certificate],
    /// Names that packages offer to fill.
    pub alternatives: &'a Alternatives,
    /// Whether to compile Python's files.
    pub python_bytecode: bool,
    /// What the image runs on.
    pub arch: Arch,
    /// Where what takes long is kept for the next build.
    pub store: &'a Store,
    /// The time that generated files carry, in seconds since the epoch.
    pub mtime: i64,
}

type Effect = fn(&mut Tree, &Setting<'_>) -> Result<Option<Applied>>;

/// Does what must be done before pruning.
///
/// # Errors
/// When a file that an effect reads is not what it should be.
pub fn apply(tree: &mut Tree, setting: &Setting<'_>) -> Result<Vec<Applied>> {
    let effects: [Effect; 7] = [
        users::apply,
        tmp::apply,
        nsswitch::apply,
        localtime::apply,
        ca_bundle::apply,
        java_trust_store::apply,
        busybox::apply,
    ];
    run(tree, setting, &effects)
}

/// Writes down what is in the tree: to be done last.
///
/// # Errors
/// When a library or a control file is not what it should be.
pub fn record(tree: &mut Tree, setting: &Setting<'_>) -> Result<Vec<Applied>> {
    run(tree, setting, &[alternatives::apply, python_bytecode::apply, ld_so_cache::apply, status_d::apply])
}

fn run(tree: &mut Tree, setting: &Setting<'_>, effects: &[Effect]) -> Result<Vec<Applied>> {
    let mut applied = Vec::new();
    for effect in effects {
        applied.extend(effect(tree, setting)?);
    }
    Ok(applied)
}

/// Puts a generated file of root's in place, unless the recipe has one there. Whether it did.
fn generate(tree: &mut Tree, path: &str, node: Node) -> Result<bool> {
    let path = ImagePath::absolute(path)?;
    let effect = node.owner.clone();
    let place = tree.place(&path, node, &yield_to_nobody)?;
    Ok(tree.get(&place).is_some_and(|node| node.owner == effect))
}

fn generated_file(bytes: impl Into<Arc<[u8]>>, effect: &'static str, setting: &Setting<'_>) -> Node {
    Node::file(Content::from_bytes(bytes), 0o644, setting.mtime, Owner::Effect(effect))
}

/// Two packages never meet here: an effect is one of the two sides.
fn yield_to_nobody(_: &ImagePath, _: &Owner, _: &Owner) -> Precedence {
    Precedence::Refuse
}

/// The text of a file of the image, with links followed; none when it is not there.
fn read(tree: &Tree, path: &str, limit: u64) -> Result<Option<Vec<u8>>> {
    let path = ImagePath::absolute(path)?;
    match tree.lookup(&path).and_then(|(_, node)| node.content()) {
        Some(content) => content.read(limit).map(Some),
        None => Ok(None),
    }
}
