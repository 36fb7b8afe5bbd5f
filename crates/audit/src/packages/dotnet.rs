//! `NAME.deps.json` of .NET programs: `libraries` with names and versions, parted by a slash.

use std::collections::BTreeMap;
use std::io::Read;

use bareboat_model::Result;
use serde::Deserialize;

use super::node::json_error;
use super::{Found, Kind, Package};

const LARGEST: u64 = 32 << 20;

#[derive(Deserialize)]
struct Deps {
    #[serde(default)]
    libraries: BTreeMap<String, Library>,
}

#[derive(Deserialize)]
struct Library {
    /// `package` comes from NuGet; `project` is the program's own, `reference` a file.
    #[serde(rename = "type", default)]
    kind: String,
}

pub(super) fn read(content: &mut dyn Read, found: &mut Found) -> Result<()> {
    let bytes = super::text::bytes(content, LARGEST)?;
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&bytes);
    let deps: Deps = serde_json::from_slice(bytes).map_err(json_error)?;
    for (library, about) in &deps.libraries {
        match library.split_once('/') {
            Some((name, version)) if about.kind == "package" || about.kind == "runtimepack" => {
                found.push(Package::new(Kind::Dotnet, name, version))?;
            }
            _ => {}
        }
    }
    Ok(())
}
