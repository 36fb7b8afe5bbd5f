//! All that the process inside will need, made ready outside: once it runs, it can allocate nothing.

use std::ffi::{CString, OsStr, OsString};
use std::fs::{self, File};
use std::os::fd::AsFd as _;
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::os::unix::fs::FileTypeExt as _;
use std::path::{Path, PathBuf};

use bareboat_model::{Context, Error, ImagePath, Result, escape};
use rustix::fs::{AtFlags, FileType as Kind};
use rustix::io::Errno;

use crate::ids::Ids;
use crate::seccomp;
use crate::sys::{Stack, StringList};
use crate::{Network, Sandbox};

/// The largest `resolv.conf` that is taken over; resolvers read less.
const LARGEST_RESOLV_CONF: u64 = 64 << 10;

/// The file system of pipes without a name (linux/magic.h).
const PIPEFS_MAGIC: rustix::fs::FsWord = 0x5049_5045;

/// More mounts are refused: their number is told in a byte.
const MOST_MOUNTS: usize = 200;

pub(crate) struct Plan {
    pub(crate) root: CString,
    pub(crate) writable: bool,
    /// What the image lacks, to be seen from below it: each directory before what is in it.
    pub(crate) missing: Vec<Missing>,
    /// The image's own directories for these, links followed.
    pub(crate) proc: CString,
    pub(crate) dev: CString,
    pub(crate) tmp: CString,
    pub(crate) mounts: Vec<Bind>,
    /// Made in /tmp or /dev/shm once these are there.
    pub(crate) late: Vec<Missing>,
    pub(crate) own_network: bool,
    pub(crate) hostname: Vec<u8>,
    pub(crate) ids: Ids,
    pub(crate) workdir: CString,
    /// What is run, one after the other.
    pub(crate) commands: Vec<Command>,
    pub(crate) environment: StringList,
    pub(crate) terminal: bool,
    pub(crate) filter: Vec<libc::sock_filter>,
    /// For the program's process, until it is the program's.
    pub(crate) stack: Stack,
}

/// A program with its arguments.
pub(crate) struct Command {
    /// The program, in each folder of the search path.
    pub(crate) programs: Vec<CString>,
    /// After one that is put in front of them ([`crate::sys::execute`]).
    pub(crate) arguments: StringList,
}

/// Something to be made: a directory, or a file with this content. The folder is relative to the root.
pub(crate) struct Missing {
    pub(crate) folder: CString,
    pub(crate) name: CString,
    pub(crate) content: Option<Vec<u8>>,
}

/// Something of the host's, and where it is seen, relative to the root and without links.
pub(crate) struct Bind {
    pub(crate) source: CString,
    pub(crate) target: CString,
    pub(crate) read_only: bool,
}

impl Plan {
    pub(crate) fn new(sandbox: &Sandbox, commands: &[Vec<OsString>]) -> Result<Self> {
        let commands = commands.iter().map(|command| Command::new(sandbox, command));
        let commands = commands.collect::<Result<Vec<_>>>()?;
        let mut ground = Ground::new(&sandbox.root)?;
        let proc = ground.directory("/proc")?;
        let dev = ground.directory("/dev")?;
        let tmp = ground.directory("/tmp")?;
        let mounts = mounts(sandbox, &mut ground)?;
        ground
            .need(&sandbox.workdir, None)
            .context(|| format!("its working directory `{}`", sandbox.workdir))?;
        generate(sandbox, &mut ground);
        let mut workdir = b"/".to_vec();
        workdir.extend_from_slice(sandbox.workdir.as_bytes());
        Ok(Self {
            root: c_string(std::path::absolute(&sandbox.root)?.into_os_string().into_vec())?,
            writable: sandbox.writable,
            missing: ground.missing,
            late: ground.late,
            proc,
            dev,
            tmp,
            mounts,
            own_network: sandbox.network == Network::None,
            hostname: sandbox.hostname.clone().into_bytes(),
            ids: Ids::of(&sandbox.user)?,
            workdir: c_string(workdir)?,
            commands,
            environment: strings(environment(sandbox).iter().map(|(name, value)| variable(name, value)))?,
            terminal: sandbox.terminal,
            filter: seccomp::filter()?,
            stack: Stack::new(),
        })
    }
}

impl Command {
    fn new(sandbox: &Sandbox, words: &[OsString]) -> Result<Self> {
        let program = words.first().ok_or_else(|| Error::new("there is no program to run"))?;
        Ok(Self {
            programs: programs(program, sandbox.env("PATH"))?,
            arguments: strings(
                [&OsString::new()].into_iter().chain(words).map(|word| word.as_bytes().to_vec()),
            )?,
        })
    }
}

fn strings(strings: impl Iterator<Item = Vec<u8>>) -> Result<StringList> {
    strings.map(c_string).collect::<Result<Vec<_>>>().map(StringList::new)
}

/// The environment; with a home, which runc gives to every program too.
fn environment(sandbox: &Sandbox) -> Vec<(OsString, OsString)> {
    let mut environment = sandbox.env.clone();
    if sandbox.env("HOME").is_none() {
        let home = sandbox.user.home.as_deref().filter(|home| !home.is_empty());
        environment.push(("HOME".into(), home.unwrap_or("/").into()));
    }
    environment
}

fn variable(name: &OsStr, value: &OsStr) -> Vec<u8> {
    [name.as_bytes(), b"=", value.as_bytes()].concat()
}

fn c_string(bytes: impl Into<Vec<u8>>) -> Result<CString> {
    CString::new(bytes).map_err(|error| {
        let shown = escape(&String::from_utf8_lossy(&error.into_vec()));
        Error::new(format!("`{shown}` holds a NUL byte"))
    })
}

/// Where a program may be: as it is named if there is a slash in its name, else in the folders of PATH.
fn programs(program: &OsStr, path: Option<&OsStr>) -> Result<Vec<CString>> {
    if program.is_empty() {
        return Err(Error::new("the program's name is empty"));
    }
    if program.as_bytes().contains(&b'/') {
        return Ok(vec![c_string(program.as_bytes())?]);
    }
    let folders = path.map(OsStr::as_bytes).unwrap_or_default().split(|&byte| byte == b':');
    // An empty name stands for the working directory.
    let folder = |folder: &[u8]| if folder.is_empty() { b".".to_vec() } else { folder.to_vec() };
    folders.map(|name| c_string([&folder(name), &b"/"[..], program.as_bytes()].concat())).collect()
}

fn mounts(sandbox: &Sandbox, ground: &mut Ground) -> Result<Vec<Bind>> {
    if sandbox.mounts.len() > MOST_MOUNTS {
        return Err(Error::new(format!("{} mounts are more than {MOST_MOUNTS}", sandbox.mounts.len())));
    }
    let mounts = sandbox.mounts.iter().map(|mount| {
        let failing = || format!("cannot mount `{}`", escape(&mount.host.to_string_lossy()));
        let source = fs::canonicalize(&mount.host).context(failing)?;
        let is_directory = source.is_dir();
        let content = (!is_directory).then(Vec::new);
        let (target, found) = ground.need(&mount.path, content).context(failing)?;
        if found.is_some_and(|kind| (kind == Kind::Directory) != is_directory) {
            let what = |is_directory| if is_directory { "a folder" } else { "a file" };
            let (is, its) = (what(!is_directory), what(is_directory));
            let error = format!("`{}` is {is} in the image, expected {its}", mount.path);
            return Err(Error::new(error).context(failing()));
        }
        let source = c_string(source.into_os_string().into_vec())?;
        Ok(Bind { source, target, read_only: mount.read_only })
    });
    mounts.collect()
}

/// What every engine puts beside an image's files, where the image has none.
fn generate(sandbox: &Sandbox, ground: &mut Ground) {
    let mut put = |path: &str, content: Vec<u8>| {
        // An image in whose /etc nothing can be put has to do without.
        if let Ok(path) = ImagePath::absolute(path) {
            let _ = ground.need(&path, Some(content));
        }
    };
    let name = &sandbox.hostname;
    put(
        "/etc/hosts",
        format!("127.0.0.1\tlocalhost {name}\n::1\tlocalhost ip6-localhost ip6-loopback\n").into_bytes(),
    );
    if sandbox.network == Network::Host {
        let resolv_conf =
            bareboat_io::files::read_bounded(Path::new("/etc/resolv.conf"), LARGEST_RESOLV_CONF);
        if let Ok(Some(content)) = resolv_conf {
            put("/etc/resolv.conf", content);
        }
    }
}

/// The image's files, as far as it must be known what is there and what is not.
struct Ground {
    root: PathBuf,
    folder: File,
    missing: Vec<Missing>,
    late: Vec<Missing>,
    /// What is covered by a file system of its own, which is empty at first.
    covered: Vec<ImagePath>,
}

impl Ground {
    fn new(root: &Path) -> Result<Self> {
        let failing = || format!("cannot use `{}` as a root", root.display());
        let folder = File::open(root).context(failing)?;
        if !folder.metadata().context(failing)?.is_dir() {
            return Err(Error::new("it is no folder").context(failing()));
        }
        let covered = vec![ImagePath::absolute("/dev/shm")?];
        Ok(Self { root: root.to_owned(), folder, missing: Vec::new(), late: Vec::new(), covered })
    }

    /// A directory of this path, for a file system of the sandbox's own. A link leads to another of the image's
    /// directories, but for those that programs trust to be what they are.
    fn directory(&mut self, path: &str) -> Result<CString> {
        let path = ImagePath::absolute(path)?;
        let is_trusted = path.as_bytes() != b"tmp";
        let failing = || format!("cannot mount `{path}`");
        let (target, found) = self.need(&path, None).context(failing)?;
        match found {
            _ if is_trusted && target.as_bytes() != path.as_bytes() => {
                Err(Error::new("it is a link in the image, expected a directory").context(failing()))
            }
            // Over the whole root, or over what was just mounted, nothing of the sandbox would be left.
            _ if !is_trusted && matches!(target.as_bytes(), b"." | b"proc" | b"dev") => {
                let shown = target.to_string_lossy();
                let error = format!(
                    "it is a link to `/{}` in the image, expected a directory",
                    shown.trim_matches('.')
                );
                Err(Error::new(error).context(failing()))
            }
            Some(Kind::Directory) | None => {
                self.covered.push(ImagePath::parse(target.as_bytes())?);
                Ok(target)
            }
            Some(_) => Err(Error::new("it is a file in the image, expected a directory").context(failing())),
        }
    }

    /// Sees to it that there will be something at `path`, a directory if there is no `content` for it; gives its real
    /// path, and what is there already.
    fn need(&mut self, path: &ImagePath, content: Option<Vec<u8>>) -> Result<(CString, Option<Kind>)> {
        let real = path.follow(|path| self.link(path))?;
        let target = c_string(real.as_bytes())?;
        if real.is_root() {
            return Ok((c_string(".")?, Some(Kind::Directory)));
        }
        self.allow(&real)?;
        let is_covered = self.covered.iter().any(|covered| real != *covered && real.is_within(covered));
        if is_covered {
            push(&mut self.late, &real, content)?;
            return Ok((target, None));
        }
        let found = self.kind(&real)?;
        if found.is_none() {
            for directory in std::iter::successors(real.parent(), ImagePath::parent) {
                match self.kind(&directory)? {
                    Some(Kind::Directory) | None => {}
                    Some(_) => return Err(Error::new(format!("`{directory}` is a file in the image"))),
                }
            }
            push(&mut self.missing, &real, content)?;
        }
        Ok((target, found))
    }

    /// Nothing is put into /proc, where links lead to anywhere, nor into /dev but for /dev/shm.
    fn allow(&self, real: &ImagePath) -> Result<()> {
        let mut names = real.components();
        match (names.next(), names.next()) {
            (Some(b"dev"), Some(b"shm")) => Ok(()),
            (Some(top @ (b"proc" | b"dev")), Some(_)) => {
                let top = String::from_utf8_lossy(top);
                Err(Error::new(format!(
                    "`{real}` is in the sandbox's own `/{top}`, where nothing can be made"
                )))
            }
            _ => Ok(()),
        }
    }

    fn link(&self, path: &ImagePath) -> Option<Vec<u8>> {
        let path = Path::new(OsStr::from_bytes(path.as_bytes()));
        let target = rustix::fs::readlinkat(self.folder.as_fd(), path, Vec::new()).ok()?;
        Some(target.into_bytes())
    }

    fn kind(&self, path: &ImagePath) -> Result<Option<Kind>> {
        let shown = Path::new(OsStr::from_bytes(path.as_bytes()));
        let shown = if path.is_root() { Path::new(".") } else { shown };
        match rustix::fs::statat(self.folder.as_fd(), shown, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(data) => Ok(Some(Kind::from_raw_mode(data.st_mode))),
            Err(Errno::NOENT | Errno::NOTDIR) => Ok(None),
            Err(errno) => {
                let error = std::io::Error::from(errno);
                Err(error).context(|| format!("cannot look at `{path}` in `{}`", self.root.display()))
            }
        }
    }
}

/// Adds what is to be made, its directories first.
fn push(list: &mut Vec<Missing>, path: &ImagePath, content: Option<Vec<u8>>) -> Result<()> {
    let parents: Vec<ImagePath> = std::iter::successors(path.parent(), ImagePath::parent).collect();
    for directory in parents.iter().rev().filter(|directory| !directory.is_root()) {
        add(list, directory, None)?;
    }
    add(list, path, content)
}

fn add(list: &mut Vec<Missing>, path: &ImagePath, content: Option<Vec<u8>>) -> Result<()> {
    let folder = path.parent().filter(|folder| !folder.is_root());
    let folder = c_string(folder.as_ref().map_or(&b"."[..], ImagePath::as_bytes))?;
    let name = c_string(path.file_name().unwrap_or_default())?;
    if !list.iter().any(|other| other.folder == folder && other.name == name) {
        list.push(Missing { folder, name, content });
    }
    Ok(())
}

impl Missing {
    /// Where it is, without a slash in front.
    pub(crate) fn path(&self) -> String {
        let folder = self.folder.to_string_lossy();
        let folder = if folder == "." { String::new() } else { format!("{folder}/") };
        format!("{folder}{}", self.name.to_string_lossy())
    }
}

/// Whether a program's input or output may be this very file: one that cannot be opened again through /proc to do more
/// with it than was meant. A pipe with a name has a mode, which is not the program's to change.
pub(crate) fn is_harmless(file: &File) -> std::io::Result<bool> {
    let kind = file.metadata()?.file_type();
    let is_nameless = || Ok(rustix::fs::fstatfs(file)?.f_type == PIPEFS_MAGIC);
    if kind.is_fifo() { is_nameless() } else { Ok(kind.is_socket()) }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;
    use crate::Mount;

    /// A root of `path/` (a directory), `path` (a file) and `path->target`, beside a folder `outside`.
    fn world(members: &str) -> (tempfile::TempDir, Sandbox) {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("root");
        fs::create_dir_all(folder.path().join("outside")).unwrap();
        fs::create_dir(&root).unwrap();
        for member in members.split_whitespace() {
            if let Some((path, target)) = member.split_once("->") {
                symlink(target, root.join(path)).unwrap();
            } else if member.ends_with('/') {
                fs::create_dir_all(root.join(member)).unwrap();
            } else {
                fs::write(root.join(member), "").unwrap();
            }
        }
        let mut sandbox = Sandbox::new(root);
        sandbox.network = Network::None;
        (folder, sandbox)
    }

    fn planned(sandbox: &Sandbox) -> Result<Plan> {
        Plan::new(sandbox, &[vec!["/x".into()]])
    }

    fn names(list: &[Missing]) -> String {
        let shown = |missing: &Missing| {
            let mark = if missing.content.is_none() { "/" } else { "" };
            format!("{}{mark}", missing.path())
        };
        list.iter().map(shown).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn what_an_image_lacks_is_made_beside_it() {
        let all = "proc/ dev/ tmp/ etc/";
        for (members, mount, workdir, missing, late) in [
            ("", "", "/", "proc/ dev/ tmp/ etc/ etc/hosts", ""),
            (all, "", "/", "etc/ etc/hosts", ""),
            ("proc/ dev/ tmp/ etc/ etc/hosts", "", "/", "", ""),
            ("proc/ dev/ tmp/ etc/ etc/hosts", "/data/in", "/app", "data/ data/in/ app/", ""),
            ("proc/ dev/ tmp/ etc/ etc/hosts", "/tmp/a/b", "/", "", "tmp/ tmp/a/ tmp/a/b/"),
            ("proc/ dev/ tmp/ etc/ etc/hosts", "/dev/shm/a", "/", "", "dev/ dev/shm/ dev/shm/a/"),
            (
                "proc/ dev/ usr/tmp/ tmp->usr/tmp etc/ etc/hosts",
                "/tmp/a",
                "/",
                "",
                "usr/ usr/tmp/ usr/tmp/a/",
            ),
            ("proc/ dev/ tmp/ etc/ etc/hosts data->/far/off far/", "/data", "/", "far/ far/off/", ""),
            ("proc/ dev/ tmp/ etc/ etc/hosts data->../../../outside", "/data", "/", "outside/", ""),
            ("proc/ dev/ tmp/ etc->nowhere", "", "/", "nowhere/ nowhere/hosts", ""),
        ] {
            let (folder, mut sandbox) = world(members);
            sandbox.workdir = ImagePath::absolute(workdir).unwrap();
            if !mount.is_empty() {
                let host = folder.path().join("outside");
                sandbox.mounts =
                    vec![Mount { host, path: ImagePath::absolute(mount).unwrap(), read_only: false }];
            }
            let plan = planned(&sandbox).unwrap();
            assert_eq!(
                (names(&plan.missing).as_str(), names(&plan.late).as_str()),
                (missing, late),
                "{members}"
            );
        }
    }

    #[test]
    fn what_cannot_be_mounted_is_refused() {
        for (members, message) in [
            ("proc->usr", "cannot mount `/proc`: it is a link in the image, expected a directory"),
            ("dev->../../outside", "cannot mount `/dev`: it is a link in the image, expected a directory"),
            ("proc", "cannot mount `/proc`: it is a file in the image, expected a directory"),
            ("tmp->/", "cannot mount `/tmp`: it is a link to `/` in the image, expected a directory"),
            (
                "tmp->/proc proc/",
                "cannot mount `/tmp`: it is a link to `/proc` in the image, expected a directory",
            ),
            (
                "tmp->/proc/x",
                "cannot mount `/tmp`: `/proc/x` is in the sandbox's own `/proc`, where nothing can be made",
            ),
            ("tmp->a a->tmp", "cannot mount `/tmp`: links lead in a circle at `/tmp`, on the way to `/tmp`"),
        ] {
            let (_folder, sandbox) = world(members);
            assert_eq!(planned(&sandbox).err().unwrap().to_string(), message);
        }
    }

    #[test]
    fn programs_are_looked_for_in_the_search_path() {
        for (program, path, expected) in [
            ("/bin/x", "/a", "/bin/x"),
            ("./x", "/a", "./x"),
            ("x", "/a:/b", "/a/x /b/x"),
            ("x", ":/b", "./x /b/x"),
        ] {
            let found = programs(OsStr::new(program), Some(OsStr::new(path))).unwrap();
            let found: Vec<_> = found.iter().map(|path| path.to_string_lossy()).collect();
            assert_eq!(found.join(" "), expected);
        }
        assert!(programs(OsStr::new(""), None).is_err());
        assert!(programs(OsStr::from_bytes(b"a\0b/"), None).is_err());
    }
}
