//! Who gets a path that two want.

use bareboat_model::ImagePath;

use super::{Kind, Node, Owner};

/// Which of two claims on a path stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Precedence {
    /// The one that comes later.
    Newcomer,
    /// The one that is there.
    Holder,
    /// Neither: the image cannot be made like this.
    Refuse,
}

/// A file that another one hides.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Hidden {
    /// Where.
    pub path: ImagePath,
    /// Whose file is in the image.
    pub winner: Owner,
    /// Whose is not.
    pub loser: Owner,
}

/// Whether two nodes are the same thing twice, such as a shared copyright file: times do not count.
pub(super) fn is_same(a: &Node, b: &Node) -> bool {
    let same_kind = match (&a.kind, &b.kind) {
        (Kind::File { content: a, .. }, Kind::File { content: b, .. }) => a == b,
        (Kind::Symlink(a), Kind::Symlink(b)) => trimmed(a) == trimmed(b),
        (Kind::Directory { .. }, Kind::Directory { .. }) => true,
        _ => false,
    };
    same_kind && (a.mode, a.uid, a.gid, &a.xattrs) == (b.mode, b.uid, b.gid, &b.xattrs)
}

/// A link target without the trailing slashes that mean nothing: `usr/lib/` is `usr/lib`.
fn trimmed(target: &[u8]) -> &[u8] {
    let end = target.iter().rposition(|&b| b != b'/').map_or(target.len().min(1), |last| last + 1);
    &target[..end]
}

pub(super) fn decide(
    path: &ImagePath,
    holder: &Owner,
    newcomer: &Owner,
    arbiter: super::Arbiter<'_>,
) -> Precedence {
    match (holder, newcomer) {
        (Owner::Package(_), Owner::Package(_)) => arbiter(path, holder, newcomer),
        (Owner::Recipe(_), Owner::Effect(_) | Owner::Script(_) | Owner::Package(_)) => Precedence::Holder,
        _ => Precedence::Newcomer,
    }
}

/// Worth telling unless an effect refines a package's file, or a package brings what an effect stood in for.
pub(super) fn hidden(path: &ImagePath, winner: &Owner, loser: &Owner) -> Option<Hidden> {
    let normal = match (winner, loser) {
        (Owner::Effect(_) | Owner::Script(_), _) => true,
        (winner, Owner::Effect(_) | Owner::Script(_)) => !matches!(winner, Owner::Recipe(_)),
        _ => false,
    };
    (!normal).then(|| Hidden { path: path.clone(), winner: winner.clone(), loser: loser.clone() })
}
