//! What the program sees of files: mounts, put together inside the new mount namespace. In the child: nothing is allocated.
//!
//! Every target is opened below the new root without following a link, and mounts are attached to what was opened; so a
//! link that an image planted in the place of a target leads nowhere.

use std::ffi::CStr;
use std::os::fd::{AsFd as _, BorrowedFd, OwnedFd};

use rustix::fs::{AtFlags, CWD, Mode, OFlags, ResolveFlags};
use rustix::io::{Errno, Result};
use rustix::mount::{
    FsMountFlags, FsOpenFlags, MountAttrFlags, MoveMountFlags, OpenTreeFlags, UnmountFlags, fsconfig_create,
    fsconfig_set_flag, fsconfig_set_string, fsmount, fsopen, move_mount, open_tree,
};

use crate::plan::{Missing, Plan};
use crate::report::{Failure, Step};
use crate::stub;
use crate::sys::{self, MountFlags};

/// The most that may be kept in /tmp, and in /dev/shm (Docker's default for it).
const TMP_SIZE: &CStr = c"1g";
const SHM_SIZE: &CStr = c"64m";

/// What a program that may write can change of its root, at most: half of the machine's memory, as tmpfs has it itself.
const CHANGES_SIZE: &CStr = c"50%";

/// The numbers of the descriptors by which overlayfs finds its parts: it takes paths only.
const LOWER: i32 = 100;
const SCRATCH: i32 = 101;

/// Devices that every program may count on (OCI runtime specification, config-linux.md, "Default Devices").
const DEVICES: [(&CStr, &CStr); 6] = [
    (c"null", c"/dev/null"),
    (c"zero", c"/dev/zero"),
    (c"full", c"/dev/full"),
    (c"random", c"/dev/random"),
    (c"urandom", c"/dev/urandom"),
    (c"tty", c"/dev/tty"),
];

/// Links in /dev (the same, "Dev symbolic links").
const DEVICE_LINKS: [(&CStr, &CStr); 5] = [
    (c"/proc/self/fd", c"fd"),
    (c"/proc/self/fd/0", c"stdin"),
    (c"/proc/self/fd/1", c"stdout"),
    (c"/proc/self/fd/2", c"stderr"),
    (c"pts/ptmx", c"ptmx"),
];

/// Files of /proc that tell of the machine, or steer it: empty inside, as Docker's engine has them.
const MASKED: [&CStr; 7] =
    [c"kcore", c"keys", c"latency_stats", c"timer_list", c"timer_stats", c"sched_debug", c"interrupts"];
const MASKED_DIRECTORIES: [&CStr; 3] = [c"acpi", c"asound", c"scsi"];
/// What can be looked at and not changed.
const READ_ONLY: [&CStr; 5] = [c"bus", c"fs", c"irq", c"sys", c"sysrq-trigger"];

/// The most processes and threads; one more fails as if the machine had no room for it.
const MOST_PROCESSES: &[u8] = b"4096";

/// Puts everything in place, and makes it this process's root. Gives the [`stub`], which has no name in it.
pub(crate) fn enter(plan: &Plan) -> std::result::Result<OwnedFd, Failure> {
    let at = |step: Step| move |errno: Errno| Failure { step, errno, which: 0 };
    // What is asked for is looked up before the new root hides anything.
    let root = root(plan)?;
    let stub = dev(&root, plan).map_err(at(Step::Dev))?;
    proc(&root, plan).map_err(at(Step::Proc))?;
    tmpfs(c"1777", TMP_SIZE).and_then(|tmp| attach(&tmp, &root, &plan.tmp)).map_err(at(Step::Tmp))?;
    for (number, missing) in plan.late.iter().enumerate() {
        let which = u8::try_from(number).unwrap_or(u8::MAX);
        make(&root, missing).map_err(|errno| Failure { step: Step::Make, errno, which })?;
    }
    for (number, bind) in (0..).zip(&plan.mounts) {
        let mount = || -> Result<()> {
            let source = bind_mount(&bind.source)?;
            let flags = MountFlags { read_only: bind.read_only, below_too: true, ..MountFlags::default() };
            sys::set_mount(source.as_fd(), flags)?;
            attach(&source, &root, &bind.target)
        };
        mount().map_err(|errno| Failure { step: Step::Mount, errno, which: number })?;
    }
    pivot(&root).map_err(at(Step::Pivot))?;
    Ok(stub)
}

/// Mounts and unmounts of the host's are not seen inside, and the other way round.
pub(crate) fn keep_to_ourselves() -> Result<()> {
    let all = MountFlags { private: true, below_too: true, ..MountFlags::default() };
    sys::set_mount(open_path(CWD, c"/", OFlags::empty())?.as_fd(), all)
}

/// Attaches the image's root over its own folder; with what it lacks below it, and what may be changed above it.
fn root(plan: &Plan) -> std::result::Result<OwnedFd, Failure> {
    let at = |step: Step| move |errno: Errno| Failure { step, errno, which: 0 };
    let root = if plan.writable || !plan.missing.is_empty() {
        overlay(plan).map_err(at(Step::Overlay))?
    } else {
        bind_mount(&plan.root).map_err(at(Step::Root))?
    };
    let attach = || -> Result<()> {
        sys::set_mount(root.as_fd(), MountFlags { read_only: !plan.writable, ..MountFlags::default() })?;
        let flags = MoveMountFlags::MOVE_MOUNT_F_EMPTY_PATH;
        move_mount(&root, c"", CWD, plan.root.as_c_str(), flags)
    };
    attach().map_err(at(Step::Root))?;
    Ok(root)
}

fn overlay(plan: &Plan) -> Result<OwnedFd> {
    let lower = open_path(CWD, &plan.root, OFlags::DIRECTORY)?;
    let data = rustix::fs::fstat(&lower)?;
    let scratch = tmpfs(c"0755", CHANGES_SIZE)?;
    // Overlayfs takes only what is attached somewhere: here, out of the program's sight.
    move_mount(&scratch, c"", CWD, plan.root.as_c_str(), MoveMountFlags::MOVE_MOUNT_F_EMPTY_PATH)?;
    for name in [c"below", c"upper", c"work"] {
        rustix::fs::mkdirat(&scratch, name, Mode::from_raw_mode(0o755))?;
    }
    let below = open_path(scratch.as_fd(), c"below", OFlags::DIRECTORY)?;
    plan.missing.iter().try_for_each(|missing| make(&below, missing))?;
    sys::put_at(lower.as_fd(), LOWER)?;
    sys::put_at(scratch.as_fd(), SCRATCH)?;
    let overlay = fsopen(c"overlay", FsOpenFlags::FSOPEN_CLOEXEC)?;
    let set = |key: &CStr, value: &CStr| fsconfig_set_string(overlay.as_fd(), key, value);
    set(c"lowerdir", c"/proc/self/fd/100:/proc/self/fd/101/below")?;
    if plan.writable {
        // The root's own mode is that of the uppermost.
        rustix::fs::chmodat(
            &scratch,
            c"upper",
            Mode::from_raw_mode(data.st_mode & 0o7777),
            AtFlags::empty(),
        )?;
        set(c"upperdir", c"/proc/self/fd/101/upper")?;
        set(c"workdir", c"/proc/self/fd/101/work")?;
    }
    // The extended attributes of its own that it may have in a user namespace.
    fsconfig_set_flag(overlay.as_fd(), c"userxattr")?;
    fsconfig_create(overlay.as_fd())?;
    let mounted = fsmount(overlay.as_fd(), FsMountFlags::FSMOUNT_CLOEXEC, MountAttrFlags::empty())?;
    sys::close(LOWER);
    sys::close(SCRATCH);
    Ok(mounted)
}

/// Makes what is missing, in a folder that is below the root with no link on the way: one that an image planted, or one of
/// /proc, would lead to this machine's files.
fn make(root: &OwnedFd, missing: &Missing) -> Result<()> {
    let folder = open_path(root.as_fd(), &missing.folder, OFlags::DIRECTORY)?;
    let made = match &missing.content {
        None => rustix::fs::mkdirat(folder, missing.name.as_c_str(), Mode::from_raw_mode(0o755)),
        Some(content) => {
            let flags = OFlags::CREATE | OFlags::EXCL | OFlags::WRONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
            let file = rustix::fs::openat(folder, missing.name.as_c_str(), flags, Mode::from_raw_mode(0o644));
            file.and_then(|file| write_all(&file, content))
        }
    };
    match made {
        Err(Errno::EXIST) => Ok(()),
        other => other,
    }
}

fn write_all(file: &OwnedFd, mut bytes: &[u8]) -> Result<()> {
    while !bytes.is_empty() {
        let written = rustix::io::write(file, bytes)?;
        bytes = bytes.get(written..).unwrap_or_default();
    }
    Ok(())
}

/// A small /dev: nothing in it can be changed but what is in the terminals' and the shared memory's own, and not the
/// [`stub`] either.
fn dev(root: &OwnedFd, plan: &Plan) -> Result<OwnedFd> {
    let dev = tmpfs(c"0755", c"64k")?;
    let stub = put_stub(&dev)?;
    attach(&dev, root, &plan.dev)?;
    for (name, source) in DEVICES {
        touch(&dev, name)?;
        match open_tree(CWD, source, OpenTreeFlags::OPEN_TREE_CLONE | OpenTreeFlags::OPEN_TREE_CLOEXEC) {
            Ok(device) => {
                // It can be written to all the same, but not get another mode or owner, which would be this machine's too.
                let flags = MountFlags { with_devices: true, read_only: true, ..MountFlags::default() };
                sys::set_mount(device.as_fd(), flags)?;
                attach(&device, &dev, name)?;
            }
            // A machine without it has none to give.
            Err(Errno::NOENT) => rustix::fs::unlinkat(&dev, name, AtFlags::empty())?,
            Err(errno) => return Err(errno),
        }
    }
    for (target, name) in DEVICE_LINKS {
        rustix::fs::symlinkat(target, &dev, name)?;
    }
    for name in [c"pts", c"shm"] {
        rustix::fs::mkdirat(&dev, name, Mode::from_raw_mode(0o755))?;
    }
    attach(&tmpfs(c"1777", SHM_SIZE)?, &dev, c"shm")?;
    let terminals = fsopen(c"devpts", FsOpenFlags::FSOPEN_CLOEXEC)?;
    fsconfig_set_string(terminals.as_fd(), c"ptmxmode", c"0666")?;
    fsconfig_set_string(terminals.as_fd(), c"mode", c"0620")?;
    fsconfig_create(terminals.as_fd())?;
    let flags = MountAttrFlags::MOUNT_ATTR_NOSUID | MountAttrFlags::MOUNT_ATTR_NOEXEC;
    attach(&fsmount(terminals.as_fd(), FsMountFlags::FSMOUNT_CLOEXEC, flags)?, &dev, c"pts")?;
    sys::set_mount(dev.as_fd(), MountFlags { read_only: true, ..MountFlags::default() })?;
    Ok(stub)
}

/// Puts the [`stub`] into the folder, and takes its name away again. Who cannot read it cannot look into its process either.
fn put_stub(folder: &OwnedFd) -> Result<OwnedFd> {
    let name = c"stub";
    let flags = OFlags::CREATE | OFlags::EXCL | OFlags::WRONLY | OFlags::CLOEXEC;
    let mode = Mode::from_raw_mode(0o111);
    let file = rustix::fs::openat(folder, name, flags, mode)?;
    // Whatever the mask is that this process was started with.
    rustix::fs::fchmod(&file, mode)?;
    write_all(&file, stub::file())?;
    let stub = open_path(folder.as_fd(), name, OFlags::empty())?;
    rustix::fs::unlinkat(folder, name, AtFlags::empty())?;
    Ok(stub)
}

/// The /proc of the new process namespace.
fn proc(root: &OwnedFd, plan: &Plan) -> Result<()> {
    let flags = MountAttrFlags::MOUNT_ATTR_NOSUID
        | MountAttrFlags::MOUNT_ATTR_NODEV
        | MountAttrFlags::MOUNT_ATTR_NOEXEC;
    let context = fsopen(c"proc", FsOpenFlags::FSOPEN_CLOEXEC)?;
    fsconfig_create(context.as_fd())?;
    let proc = fsmount(context.as_fd(), FsMountFlags::FSMOUNT_CLOEXEC, flags)?;
    attach(&proc, root, &plan.proc)?;
    // Settings of the new namespaces, which not every kernel has: a limit that cannot be set here is set by rlimit as far
    // as that goes, and ports below 1024 stay for root.
    let _ = set(&proc, c"sys/kernel/pid_max", MOST_PROCESSES);
    if plan.own_network {
        let _ = set(&proc, c"sys/net/ipv4/ip_unprivileged_port_start", b"0");
    }
    let read_only = MountFlags { read_only: true, ..MountFlags::default() };
    // What is not a process's in it is the kernel's one and only: its modes are this machine's too, and its owner's to change.
    let is_owner = plan.ids.knows_all && plan.ids.uid == 0;
    if is_owner {
        sys::set_mount(proc.as_fd(), read_only)?;
    }
    for name in READ_ONLY.into_iter().filter(|_| !is_owner) {
        if let Some(there) = clone_of(&proc, name)? {
            sys::set_mount(there.as_fd(), read_only)?;
            attach(&there, &proc, name)?;
        }
    }
    for name in MASKED {
        if exists(&proc, name)? {
            let nothing = bind_mount(c"/dev/null")?;
            sys::set_mount(nothing.as_fd(), MountFlags { with_devices: true, ..read_only })?;
            attach(&nothing, &proc, name)?;
        }
    }
    for name in MASKED_DIRECTORIES {
        if exists(&proc, name)? {
            let empty = tmpfs(c"0555", c"4k")?;
            sys::set_mount(empty.as_fd(), read_only)?;
            attach(&empty, &proc, name)?;
        }
    }
    Ok(())
}

fn set(proc: &OwnedFd, name: &CStr, value: &[u8]) -> Result<()> {
    let file = rustix::fs::openat(proc, name, OFlags::WRONLY | OFlags::CLOEXEC, Mode::empty())?;
    rustix::io::write(&file, value).map(drop)
}

fn exists(folder: &OwnedFd, name: &CStr) -> Result<bool> {
    match rustix::fs::statat(folder, name, AtFlags::SYMLINK_NOFOLLOW) {
        Ok(_) => Ok(true),
        Err(Errno::NOENT) => Ok(false),
        Err(errno) => Err(errno),
    }
}

fn clone_of(folder: &OwnedFd, name: &CStr) -> Result<Option<OwnedFd>> {
    let flags = OpenTreeFlags::OPEN_TREE_CLONE | OpenTreeFlags::OPEN_TREE_CLOEXEC;
    match open_tree(folder, name, flags | OpenTreeFlags::AT_SYMLINK_NOFOLLOW) {
        Ok(mount) => Ok(Some(mount)),
        Err(Errno::NOENT) => Ok(None),
        Err(errno) => Err(errno),
    }
}

/// A copy of what the host has at `path`, with all that is mounted below it.
fn bind_mount(path: &CStr) -> Result<OwnedFd> {
    let flags = OpenTreeFlags::OPEN_TREE_CLONE | OpenTreeFlags::OPEN_TREE_CLOEXEC;
    open_tree(CWD, path, flags | OpenTreeFlags::AT_RECURSIVE)
}

fn tmpfs(mode: &CStr, size: &CStr) -> Result<OwnedFd> {
    let context = fsopen(c"tmpfs", FsOpenFlags::FSOPEN_CLOEXEC)?;
    fsconfig_set_string(context.as_fd(), c"mode", mode)?;
    fsconfig_set_string(context.as_fd(), c"size", size)?;
    fsconfig_create(context.as_fd())?;
    let flags = MountAttrFlags::MOUNT_ATTR_NOSUID | MountAttrFlags::MOUNT_ATTR_NODEV;
    fsmount(context.as_fd(), FsMountFlags::FSMOUNT_CLOEXEC, flags)
}

/// Attaches a mount at `path` below `folder`, in which no name may be a link.
fn attach(mount: &OwnedFd, folder: &OwnedFd, path: &CStr) -> Result<()> {
    let target = open_path(folder.as_fd(), path, OFlags::empty())?;
    let flags = MoveMountFlags::MOVE_MOUNT_F_EMPTY_PATH | MoveMountFlags::MOVE_MOUNT_T_EMPTY_PATH;
    move_mount(mount, c"", &target, c"", flags)
}

fn open_path(folder: BorrowedFd<'_>, path: &CStr, flags: OFlags) -> Result<OwnedFd> {
    let flags = flags | OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    // What the host has may lie behind links; what is in the new root may not.
    let resolve = if path.to_bytes().starts_with(b"/") {
        ResolveFlags::empty()
    } else {
        ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS
    };
    loop {
        match rustix::fs::openat2(folder, path, flags, Mode::empty(), resolve) {
            // A rename elsewhere on the disk (openat2(2), EAGAIN).
            Err(Errno::AGAIN) => {}
            other => return other,
        }
    }
}

fn touch(folder: &OwnedFd, name: &CStr) -> Result<()> {
    let flags = OFlags::CREATE | OFlags::EXCL | OFlags::WRONLY | OFlags::CLOEXEC;
    rustix::fs::openat(folder, name, flags, Mode::from_raw_mode(0o644)).map(drop)
}

/// Makes `root` this process's root, and lets go of the old one (pivot_root(2), "pivot_root(".", ".")").
fn pivot(root: &OwnedFd) -> Result<()> {
    rustix::process::fchdir(root)?;
    rustix::process::pivot_root(c".", c".")?;
    rustix::mount::unmount(c".", UnmountFlags::DETACH)?;
    rustix::process::chdir(c"/")
}
