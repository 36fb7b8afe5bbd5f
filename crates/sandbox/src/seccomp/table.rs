//! Which system calls are refused, and how. docs/run.md shows this table to users.
//!
//! Reviewed against the kernel's lists up to Linux 6.17; what is numbered above `LAST` is unknown to this table, and is
//! answered as a kernel would that does not know it, so that programs fall back on what they used before.

use libc::c_long;

/// The last number that was reviewed: `file_setattr`, on all machines (scripts/syscall.tbl).
pub(super) const LAST: u32 = 469;

/// Answered with EPERM.
pub(super) const NOT_PERMITTED: &[c_long] = &[
    // Mounts and roots: the sandbox is made of them.
    libc::SYS_mount,
    libc::SYS_umount2,
    libc::SYS_pivot_root,
    libc::SYS_chroot,
    libc::SYS_fsopen,
    libc::SYS_fsconfig,
    libc::SYS_fsmount,
    libc::SYS_fspick,
    libc::SYS_move_mount,
    libc::SYS_open_tree,
    libc::SYS_mount_setattr,
    OPEN_TREE_ATTR,
    STATMOUNT,
    LISTMOUNT,
    // Namespaces; `clone` is looked at below.
    libc::SYS_unshare,
    libc::SYS_setns,
    // Other processes.
    libc::SYS_ptrace,
    libc::SYS_process_vm_readv,
    libc::SYS_process_vm_writev,
    libc::SYS_process_madvise,
    libc::SYS_pidfd_getfd,
    libc::SYS_kcmp,
    libc::SYS_move_pages,
    libc::SYS_migrate_pages,
    // Files by other ways than their names.
    libc::SYS_open_by_handle_at,
    libc::SYS_fanotify_init,
    libc::SYS_fanotify_mark,
    // Large or seldom used parts of the kernel that attackers like.
    libc::SYS_bpf,
    libc::SYS_perf_event_open,
    libc::SYS_userfaultfd,
    libc::SYS_io_uring_setup,
    libc::SYS_io_uring_enter,
    libc::SYS_io_uring_register,
    libc::SYS_add_key,
    libc::SYS_request_key,
    libc::SYS_keyctl,
    libc::SYS_lookup_dcookie,
    libc::SYS_nfsservctl,
    LSM_SET_SELF_ATTR,
    // Where memory lies.
    libc::SYS_mbind,
    libc::SYS_set_mempolicy,
    libc::SYS_get_mempolicy,
    libc::SYS_set_mempolicy_home_node,
    // The machine.
    libc::SYS_reboot,
    libc::SYS_kexec_load,
    libc::SYS_kexec_file_load,
    libc::SYS_init_module,
    libc::SYS_finit_module,
    libc::SYS_delete_module,
    libc::SYS_swapon,
    libc::SYS_swapoff,
    libc::SYS_quotactl,
    libc::SYS_quotactl_fd,
    libc::SYS_acct,
    libc::SYS_syslog,
    libc::SYS_vhangup,
    libc::SYS_sethostname,
    libc::SYS_setdomainname,
    libc::SYS_settimeofday,
    libc::SYS_clock_settime,
];

/// Of x86-64 alone.
#[cfg(target_arch = "x86_64")]
pub(super) const NOT_PERMITTED_HERE: &[c_long] = &[
    libc::SYS_iopl,
    libc::SYS_ioperm,
    libc::SYS_uselib,
    libc::SYS_ustat,
    libc::SYS_sysfs,
    libc::SYS__sysctl,
    libc::SYS_modify_ldt,
];
#[cfg(not(target_arch = "x86_64"))]
pub(super) const NOT_PERMITTED_HERE: &[c_long] = &[];

/// Answered with ENOSYS: its flags lie in memory, where no filter can see them, and every C library falls back on `clone`.
pub(super) const NOT_KNOWN: &[c_long] = &[libc::SYS_clone3];

// Of newer kernels than the libc crate knows (scripts/syscall.tbl).
const STATMOUNT: c_long = 457;
const LISTMOUNT: c_long = 458;
const LSM_SET_SELF_ATTR: c_long = 460;
const OPEN_TREE_ATTR: c_long = 467;

/// `clone` with any of these is not permitted: all that make a namespace.
pub(super) const NAMESPACES: u32 = 0x7e02_0000;

/// What `ioctl` may not be asked for: to type into a terminal, and to steer a console (TIOCSTI, TIOCLINUX).
pub(super) const REQUESTS: [u32; 2] = [0x5412, 0x541c];

/// What `personality` may be asked for: Linux, with or without the flags for 32-bit addresses and old kernel names, and to
/// tell what it is. Others weaken what protects a program from its bugs.
pub(super) const PERSONALITIES: [u32; 5] = [0, 0x8, 0x2_0000, 0x2_0008, 0xffff_ffff];

/// Which families of sockets there are: of this machine's processes, of the two Internets, and the kernel's own. Others
/// load parts of the kernel that nobody looks after.
pub(super) const FAMILIES: [i32; 4] = [libc::AF_UNIX, libc::AF_INET, libc::AF_INET6, libc::AF_NETLINK];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_call_stands_once_and_below_the_last() {
        let mut all: Vec<c_long> = [NOT_PERMITTED, NOT_PERMITTED_HERE, NOT_KNOWN].concat();
        all.extend([
            libc::SYS_clone,
            libc::SYS_ioctl,
            libc::SYS_personality,
            libc::SYS_socket,
            libc::SYS_socketpair,
        ]);
        all.sort_unstable();
        assert!(all.windows(2).all(|pair| pair[0] < pair[1]), "{all:?}");
        assert!(all.iter().all(|&number| number <= c_long::from(LAST)));
    }

    #[test]
    fn the_flags_are_those_of_namespaces() {
        let flags = libc::CLONE_NEWNS
            | libc::CLONE_NEWCGROUP
            | libc::CLONE_NEWUTS
            | libc::CLONE_NEWIPC
            | libc::CLONE_NEWUSER
            | libc::CLONE_NEWPID
            | libc::CLONE_NEWNET;
        assert_eq!(NAMESPACES as i32, flags);
        assert_eq!(REQUESTS.map(u64::from), [libc::TIOCSTI, libc::TIOCLINUX]);
    }
}
