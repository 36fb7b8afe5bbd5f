//! What is probably a mistake, and cannot be known to be one: a program for another machine, a command that is not there.

use bareboat_model::{Arch, ImagePath, Platform};

use crate::recipe::ImageSettings;
use crate::tree::{Kind, Owner, Tree};

/// Where an ELF file says what machine it is for: `e_machine`, two bytes (elf(5)).
const MACHINE: usize = 18;
/// The longest first line of a script that Linux reads (`BINPRM_BUF_SIZE`).
const SHEBANG: usize = 256;
/// The search path of engines for images that name none (Docker, containerd).
const DEFAULT_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// All doubts about an image, in words.
pub fn doubts(tree: &Tree, settings: &ImageSettings, platform: Platform) -> Vec<String> {
    let mut doubts = for_other_machines(tree, platform);
    doubts.extend(missing_command(tree, settings));
    doubts.extend(command(tree, settings).and_then(|path| no_command(tree, &path)));
    doubts
}

/// What keeps the kernel from executing the image's command: nobody may, or the interpreter of a script is not there.
fn no_command(tree: &Tree, path: &ImagePath) -> Option<String> {
    let node = tree.get(path)?;
    let content = node.content()?;
    if node.mode & 0o111 == 0 {
        return Some(format!(
            "the image is to run `{path}`, which nobody may execute (mode {:04o})",
            node.mode
        ));
    }
    // One that cannot be read is told when its layer is made.
    let head = content.head(SHEBANG).ok()?;
    let line = head.strip_prefix(b"#!")?.split(|&byte| byte == b'\n').next()?;
    let interpreter = line.split(|byte| byte.is_ascii_whitespace()).find(|word| !word.is_empty())?;
    let is_there = tree.follow(interpreter).is_ok_and(|real| tree.get(&real).is_some());
    let shown = bareboat_model::escape(&String::from_utf8_lossy(interpreter));
    (!is_there).then(|| format!("the image is to run `{path}`, a script for `{shown}`, which is not in it"))
}

/// ELF files of yours for another machine. Packages' files are what the archive says they are.
fn for_other_machines(tree: &Tree, platform: Platform) -> Vec<String> {
    let yours = tree.iter().filter(|(_, node)| matches!(node.owner, Owner::Recipe(_)));
    let files = yours.filter_map(|(path, node)| match &node.kind {
        Kind::File { content, .. } => Some((path, content)),
        _ => None,
    });
    files
        .filter_map(|(path, content)| {
            // One that cannot be read is told when its layer is made.
            let machine = machine(&content.head(MACHINE + 2).ok()?)?;
            (machine != platform.arch).then(|| {
                format!(
                    "`{path}` is a program for {}, and the image is for {platform}",
                    Platform { arch: machine }
                )
            })
        })
        .collect()
}

fn machine(head: &[u8]) -> Option<Arch> {
    let bytes = head.get(MACHINE..MACHINE + 2).filter(|_| head.starts_with(b"\x7fELF"))?;
    // Both are little-endian here: so is every platform that images are built for.
    match u16::from_le_bytes(bytes.try_into().ok()?) {
        62 => Some(Arch::Amd64),
        183 => Some(Arch::Arm64),
        _ => None,
    }
}

fn missing_command(tree: &Tree, settings: &ImageSettings) -> Option<String> {
    let name = command_name(settings)?;
    let words = format!("the image is to run `{}`, which is not in it", bareboat_model::escape(name));
    command(tree, settings).is_none().then_some(words)
}

fn command_name(settings: &ImageSettings) -> Option<&str> {
    let first = |list: &'_ Option<Vec<String>>| list.as_ref().and_then(|list| list.first()).is_some();
    let list = if first(&settings.entrypoint) { &settings.entrypoint } else { &settings.cmd };
    list.as_ref()?.first().map(String::as_str)
}

/// The file that the image runs, links followed, if it is there.
pub fn command(tree: &Tree, settings: &ImageSettings) -> Option<ImagePath> {
    let command = command_name(settings)?;
    let path = settings.env.get("PATH").map_or(DEFAULT_PATH, String::as_str);
    let places: Vec<String> = match command.contains('/') {
        true => vec![in_workdir(command, settings)],
        false => path.split(':').map(|folder| format!("{folder}/{command}")).collect(),
    };
    places.iter().find_map(|place| tree.follow(place.as_bytes()).ok().filter(|real| tree.get(real).is_some()))
}

fn in_workdir(command: &str, settings: &ImageSettings) -> String {
    match (command.starts_with('/'), &settings.workdir) {
        (false, Some(folder)) => format!("{folder}/{command}"),
        _ => command.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tree::{Content, Entry, Node, Precedence};

    fn tree(files: &[(&str, &[u8])]) -> Tree {
        let mut tree = Tree::new();
        for (path, content) in files {
            let owner = Owner::Recipe(Entry { text: "yours".into(), tier: 0 });
            let node = Node::file(Content::from_bytes(*content), 0o755, 0, owner);
            tree.place(&ImagePath::absolute(path).unwrap(), node, &|_, _, _| Precedence::Refuse).unwrap();
        }
        tree
    }

    #[test]
    fn a_program_for_another_machine_is_told() {
        let mut elf = b"\x7fELF".to_vec();
        elf.resize(MACHINE, 0);
        let x86 = [&elf[..], &[62, 0]].concat();
        let tree = tree(&[("/app/x", &x86), ("/app/script", b"#!/bin/sh"), ("/app/short", b"\x7fELF")]);
        let told = |platform: &str| doubts(&tree, &ImageSettings::default(), platform.parse().unwrap());
        assert!(told("linux/amd64").is_empty());
        assert_eq!(
            told("linux/arm64"),
            ["`/app/x` is a program for linux/amd64, and the image is for linux/arm64"]
        );
    }

    #[test]
    fn a_command_that_cannot_be_executed_is_told() {
        let mut tree = tree(&[("/a.sh", b"#! /bin/sh -e\nls"), ("/b", b"\x7fELF"), ("/bin/dash", b"")]);
        let told = |tree: &Tree, path: &str| {
            let settings = ImageSettings { cmd: Some(vec![path.to_owned()]), ..ImageSettings::default() };
            doubts(tree, &settings, "linux/amd64".parse().unwrap()).join("; ")
        };
        assert_eq!(
            told(&tree, "/a.sh"),
            "the image is to run `/a.sh`, a script for `/bin/sh`, which is not in it"
        );
        assert_eq!(told(&tree, "/b"), "");
        let owner = Owner::Recipe(Entry { text: "yours".into(), tier: 0 });
        let plain = Node::file(Content::from_bytes(*b"x"), 0o644, 0, owner);
        tree.place(&ImagePath::absolute("/c").unwrap(), plain, &|_, _, _| Precedence::Refuse).unwrap();
        assert_eq!(told(&tree, "/c"), "the image is to run `/c`, which nobody may execute (mode 0644)");
    }

    #[test]
    fn a_command_that_is_not_there_is_told() {
        let tree = tree(&[("/usr/bin/x", b""), ("/app/y", b"")]);
        for (entrypoint, cmd, there) in [
            ("/usr/bin/x", "", true),
            ("", "/app/y", true),
            ("x", "", true),
            ("./y", "", true),
            ("/nope", "", false),
            ("y", "", false),
            ("", "", true),
        ] {
            let list = |word: &str| (!word.is_empty()).then(|| vec![word.to_owned()]);
            let settings = ImageSettings {
                entrypoint: list(entrypoint),
                cmd: list(cmd),
                workdir: Some(ImagePath::absolute("/app").unwrap()),
                ..ImageSettings::default()
            };
            let told = doubts(&tree, &settings, "linux/amd64".parse().unwrap());
            assert_eq!(told.is_empty(), there, "{entrypoint} {cmd} {told:?}");
        }
    }
}
