//! What Python knows of an installed distribution: `METADATA` or `PKG-INFO`, and `RECORD` beside it.

use std::io::Read;

use bareboat_model::{Error, ImagePath, Result};

use super::text::{Room, below, some};
use super::{Files, Found, Kind, Listed, ListedFor, Package};

/// A long description may follow the fields, and only they matter.
const FIELDS: u64 = 1 << 20;
const LARGEST_RECORD: u64 = 32 << 20;

pub(super) fn metadata(path: &ImagePath, content: &mut dyn Read, found: &mut Found) -> Result<()> {
    let mut bytes = Vec::new();
    content.take(FIELDS).read_to_end(&mut bytes)?;
    let text = String::from_utf8_lossy(&bytes);
    let fields = || text.lines().take_while(|line| !line.trim_end().is_empty());
    let field = |name: &str| {
        let values = fields().filter_map(|line| line.split_once(':')).filter(|(found, _)| *found == name);
        values.map(|(_, value)| value.trim()).next()
    };
    let Some(name) = field("Name") else {
        return match bytes.len() as u64 {
            FIELDS => Err(Error::new(format!("no name in the first {} MiB", FIELDS >> 20))),
            _ => Ok(()),
        };
    };
    let mut package = Package::new(Kind::Python, name, field("Version").unwrap_or_default());
    let licence = field("License-Expression").or_else(|| field("License"));
    package.licence = licence.filter(|licence| *licence != "UNKNOWN").and_then(some);
    // The folder of the description is the package's, whatever else is told of its files.
    let own = if path.file_name() == Some(b"METADATA") || path.file_name() == Some(b"PKG-INFO") {
        Files { paths: Vec::new(), folders: path.parent().into_iter().collect() }
    } else {
        Files { paths: vec![path.clone()], folders: Vec::new() }
    };
    package.files = own;
    found.push(package)
}

/// Lines of CSV, whose first column is a path seen from the folder that holds the distribution's folder
/// (packaging.python.org, "Recording installed projects").
pub(super) fn record(path: &ImagePath, content: &mut dyn Read, found: &mut Found) -> Result<()> {
    let text = super::text::bytes(content, LARGEST_RECORD)?;
    let Some(own) = path.parent() else { return Ok(()) };
    let Some(site) = own.parent() else { return Ok(()) };
    let first_column = |line: &[u8]| match line {
        [b'"', rest @ ..] => rest.split(|&byte| byte == b'"').next().map(<[u8]>::to_vec),
        _ => line.split(|&byte| byte == b',').next().map(<[u8]>::to_vec),
    };
    let lines = text.split(|&byte| byte == b'\n').filter(|line| !line.is_empty());
    let paths = Room::default().collect(lines.filter_map(|line| below(&site, &first_column(line)?)))?;
    let files = Files { paths, folders: Vec::new() };
    found.listed = own.join(b"METADATA").ok().map(|at| Listed { package: ListedFor::At(at), files });
    Ok(())
}
