//! Opening a path without leaving a folder, whatever links lie on the way.
//!
//! The kernel does it in one step (`openat2` with `RESOLVE_BENEATH`, Linux 5.6). Where that call is missing
//! or forbidden, as under the seccomp filters of older container engines, the path is walked name by name.

use std::collections::VecDeque;
use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Component, Path};

use bareboat_model::Error;
use rustix::fs::{AtFlags, FileType, Mode, OFlags, ResolveFlags};
use rustix::io::Errno;

/// As many links as the kernel follows (path_resolution(7)).
const MOST_LINKS: usize = 40;

/// A rename elsewhere on the disk can make `openat2` ask for another try (openat2(2), EAGAIN).
const TRIES: usize = 32;

/// Opens `path` below `root`. Links are followed as long as they stay below `root`; one that leaves it, and
/// an absolute one, is refused with `EXDEV`.
pub(crate) fn open(root: BorrowedFd<'_>, path: &Path, flags: OFlags) -> io::Result<OwnedFd> {
    open_resolving(root, path, flags, ResolveFlags::BENEATH)
}

/// Opens the regular file at `path` for reading, as a program would whose root is the folder `root`: an absolute link
/// begins there, and `..` ends there. None if there is nothing.
///
/// # Errors
/// When it is no regular file, links lead in a circle, or it cannot be opened.
pub fn open_as_root(root: &Path, path: &Path) -> io::Result<Option<File>> {
    let root = File::open(root)?;
    // Without NONBLOCK, opening a pipe would wait for a writer.
    let flags = OFlags::RDONLY | OFlags::NONBLOCK;
    let resolve = ResolveFlags::IN_ROOT | ResolveFlags::NO_MAGICLINKS;
    let file = match open_resolving(root.as_fd(), path, flags, resolve) {
        Ok(fd) => File::from(fd),
        Err(error) if is(&error, Errno::NOENT) || is(&error, Errno::NOTDIR) => return Ok(None),
        Err(error) => return Err(error),
    };
    if !file.metadata()?.is_file() {
        return Err(Error::new("it is no regular file").into());
    }
    Ok(Some(file))
}

fn is(error: &io::Error, errno: Errno) -> bool {
    error.raw_os_error() == Some(errno.raw_os_error())
}

fn open_resolving(
    root: BorrowedFd<'_>,
    path: &Path,
    flags: OFlags,
    resolve: ResolveFlags,
) -> io::Result<OwnedFd> {
    let is_root = resolve.contains(ResolveFlags::IN_ROOT);
    let path = if path.as_os_str().is_empty() { Path::new(".") } else { path };
    let flags = flags | OFlags::CLOEXEC;
    for _ in 0..TRIES {
        match rustix::fs::openat2(root, path, flags, Mode::empty(), resolve) {
            Err(Errno::AGAIN) => {}
            Err(Errno::NOSYS | Errno::PERM) => return open_by_names(root, path, flags, is_root),
            other => return Ok(other?),
        }
    }
    open_by_names(root, path, flags, is_root)
}

/// Whether `error` says that a path leaves its root.
pub(super) fn leaves_root(error: &io::Error) -> bool {
    error.raw_os_error() == Some(Errno::XDEV.raw_os_error())
}

/// As [`open`], or [`open_as_root`] if `is_root`, without the kernel's help: each name is opened in the folder before
/// it, links never.
fn open_by_names(root: BorrowedFd<'_>, path: &Path, flags: OFlags, is_root: bool) -> io::Result<OwnedFd> {
    let mut names = VecDeque::new();
    push_names(&mut names, path, is_root)?;
    let mut folders = vec![root.try_clone_to_owned()?];
    let mut links = 0;
    while let Some(name) = names.pop_front() {
        if name == ".." {
            match folders.len() {
                1 if is_root => {}
                1 => return Err(Errno::XDEV.into()),
                _ => drop(folders.pop()),
            }
            continue;
        }
        let Some(folder) = folders.last() else { return Err(Errno::XDEV.into()) };
        let found = rustix::fs::statat(folder, &name, AtFlags::SYMLINK_NOFOLLOW)?;
        match FileType::from_raw_mode(found.st_mode) {
            FileType::Symlink => {
                links += 1;
                if links > MOST_LINKS {
                    return Err(Errno::LOOP.into());
                }
                let target = rustix::fs::readlinkat(folder, &name, Vec::new())?;
                if target.as_bytes().starts_with(b"/") {
                    folders.truncate(1);
                }
                push_names(&mut names, Path::new(OsStr::from_bytes(target.as_bytes())), is_root)?;
            }
            FileType::Directory => folders.push(open_folder(folder.as_fd(), &name)?),
            // Not the last name, and no folder: the kernel's answer too.
            _ if !names.is_empty() => return Err(Errno::NOTDIR.into()),
            _ => return Ok(rustix::fs::openat(folder, &name, flags | OFlags::NOFOLLOW, Mode::empty())?),
        }
    }
    let Some(folder) = folders.last() else { return Err(Errno::XDEV.into()) };
    Ok(rustix::fs::openat(folder, ".", flags | OFlags::NOFOLLOW, Mode::empty())?)
}

fn open_folder(folder: BorrowedFd<'_>, name: &OsStr) -> io::Result<OwnedFd> {
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    Ok(rustix::fs::openat(folder, name, flags, Mode::empty())?)
}

/// Puts the names of `path` before those that are still to be walked.
fn push_names(names: &mut VecDeque<OsString>, path: &Path, is_root: bool) -> io::Result<()> {
    for component in path.components().rev() {
        match component {
            Component::Normal(name) => names.push_front(name.to_owned()),
            Component::ParentDir => names.push_front(OsString::from_vec(b"..".to_vec())),
            Component::CurDir => {}
            Component::RootDir if is_root => {}
            Component::RootDir | Component::Prefix(_) => return Err(Errno::XDEV.into()),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::{MetadataExt, symlink};

    use super::*;

    /// A folder `root` with links of all sorts, beside a folder that is not to be reached.
    fn world() -> tempfile::TempDir {
        let world = tempfile::tempdir().unwrap();
        let root = world.path().join("root");
        fs::create_dir_all(root.join("a/b")).unwrap();
        fs::create_dir(world.path().join("outside")).unwrap();
        fs::write(world.path().join("outside/secret"), "secret").unwrap();
        fs::write(root.join("a/b/file"), "inside").unwrap();
        for (target, link) in [
            ("b/file", "a/near"),
            ("../a/b", "a/up-and-down"),
            ("../../outside/secret", "a/escape"),
            ("../outside", "out"),
            ("/etc", "absolute"),
            ("/a/b/file", "absolute-inside"),
            ("loop2", "loop1"),
            ("loop1", "loop2"),
            ("a/up-and-down/../near", "chain"),
            ("nowhere", "dangling"),
        ] {
            symlink(target, root.join(link)).unwrap();
        }
        world
    }

    #[test]
    fn walking_by_names_answers_as_the_kernel_does() {
        let world = world();
        let root = File::open(world.path().join("root")).unwrap();
        let paths = [
            ".",
            "a",
            "a/",
            "a/b/file",
            "a/b/file/",
            "a/near",
            "a/up-and-down/file",
            "a/escape",
            "out/secret",
            "absolute",
            "absolute-inside",
            "loop1",
            "chain",
            "dangling",
            "..",
            "a/../..",
            "a/../a/b/file",
            "a/b/file/x",
            "missing",
            "missing/..",
            "/etc/passwd",
            "a/b/../../a/near",
            "./a/./b",
        ];
        for path in paths.map(Path::new) {
            let (flags, inode) = (OFlags::RDONLY, |fd: OwnedFd| File::from(fd).metadata().unwrap().ino());
            let told = |opened: io::Result<OwnedFd>| opened.map(inode).map_err(|error| error.raw_os_error());
            let ways = [ResolveFlags::BENEATH, ResolveFlags::IN_ROOT];
            let by_kernel = ways.map(|way| told(open_resolving(root.as_fd(), path, flags, way)));
            let by_names =
                [false, true].map(|is_root| told(open_by_names(root.as_fd(), path, flags, is_root)));
            // `components` drops a slash at the end, which only matters after a file: that is no escape.
            if path != Path::new("a/b/file/") || by_kernel[0].is_ok() {
                assert_eq!(by_names, by_kernel, "{}", path.display());
            }
        }
    }

    #[test]
    fn what_leaves_the_root_is_told_apart() {
        let world = world();
        let root = File::open(world.path().join("root")).unwrap();
        for path in ["a/escape", "out/secret", "absolute", "..", "/etc/passwd"] {
            let error = open(root.as_fd(), Path::new(path), OFlags::RDONLY).unwrap_err();
            assert!(leaves_root(&error), "{path}: {error}");
        }
        let missing = open(root.as_fd(), Path::new("missing"), OFlags::RDONLY).unwrap_err();
        assert!(!leaves_root(&missing));
    }
}
