//! File capabilities as the kernel reads them: the value of `security.capability` (capabilities(7), "File
//! capabilities"; `struct vfs_cap_data` in linux/capability.h).

use std::collections::BTreeSet;

use crate::recipe::Capability;

/// The extended attribute's name.
pub(super) const XATTR: &[u8] = b"security.capability";

/// `VFS_CAP_REVISION_2`: two words of permitted and inheritable bits, no namespace's root.
const REVISION_2: u32 = 0x0200_0000;
/// `VFS_CAP_FLAGS_EFFECTIVE`: programs that know nothing of capabilities have them at once, as `setcap …=ep` gives.
const EFFECTIVE: u32 = 1;

/// The value that gives a file these capabilities, permitted and effective.
pub(super) fn value(capabilities: &BTreeSet<Capability>) -> Vec<u8> {
    let permitted = capabilities.iter().fold(0u64, |bits, capability| bits | 1 << capability.bit());
    let words = [REVISION_2 | EFFECTIVE, permitted as u32, 0, (permitted >> 32) as u32, 0];
    words.iter().flat_map(|word| word.to_le_bytes()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bytes_are_those_that_setcap_writes() {
        // `setcap cap_net_bind_service=ep FILE; getfattr -n security.capability -e hex FILE`
        let bind = value(&["cap_net_bind_service".parse().unwrap()].into());
        assert_eq!(bind, [1, 0, 0, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
        let high = value(&["cap_checkpoint_restore".parse().unwrap()].into());
        assert_eq!(high, [1, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0]);
    }
}
