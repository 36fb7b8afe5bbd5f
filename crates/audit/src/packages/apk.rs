//! apk's database of what is installed: one letter, a colon and a value a line; a blank line ends a package
//! (wiki.alpinelinux.org, "Apk spec", "Installed Database V2").

use std::io::Read;

use bareboat_model::{ImagePath, Result};

use super::text::{Room, some};
use super::{Found, Kind, Package, Source};

const LARGEST: u64 = 64 << 20;

pub(super) fn read(content: &mut dyn Read, found: &mut Found) -> Result<()> {
    let text = super::text::bytes(content, LARGEST)?;
    let mut package = empty();
    let mut folder = ImagePath::ROOT;
    let mut room = Room::default();
    for line in text.split(|&byte| byte == b'\n') {
        match line {
            [] => flush(&mut package, found)?,
            [b'R', b':', value @ ..] => room.add(&mut package.files.paths, folder.join(value).ok())?,
            [field, b':', value @ ..] => set(&mut package, &mut folder, *field, value),
            _ => {}
        }
    }
    flush(&mut package, found)
}

fn empty() -> Package {
    Package::new(Kind::Apk, "", "")
}

fn flush(package: &mut Package, found: &mut Found) -> Result<()> {
    let package = std::mem::replace(package, empty());
    if package.name.is_empty() { Ok(()) } else { found.push(package) }
}

fn set(package: &mut Package, folder: &mut ImagePath, field: u8, value: &[u8]) {
    let text = || String::from_utf8_lossy(value).trim().to_owned();
    match field {
        b'P' => package.name = text(),
        b'V' => package.version = text(),
        b'A' => package.architecture = some(&text()),
        b'L' => package.licence = some(&text()),
        b'o' => package.source = Some(Source { name: text(), version: None }),
        b'F' => *folder = ImagePath::parse(value).unwrap_or_default(),
        _ => {}
    }
}
