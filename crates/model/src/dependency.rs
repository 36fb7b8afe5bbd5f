//! Debian's relation fields: `Depends`, `Provides`, `Conflicts` and their kin.

/// A comparison in a versioned relation.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum RelationOp {
    /// `<<`
    Earlier,
}
/// x
pub struct Relation;
/// x
pub struct Alternatives;
/// x
pub fn parse_relations() {}
