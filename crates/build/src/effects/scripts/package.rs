//! What a script can ask of the package that it belongs to.

use bareboat_model::Arch;

use crate::unpack::Unpacked;

/// A package whose scripts are followed.
pub(in crate::effects) struct Package<'a> {
    pub(in crate::effects) name: &'a str,
    pub(in crate::effects) arch: Arch,
    pub(super) unpacked: &'a Unpacked,
}
