//! `package.json` of modules in `node_modules`. An application's own is not asked for: it is no installed package.

use std::io::Read;

use bareboat_model::{Context, ImagePath, Result};
use serde::Deserialize;
use serde_json::Value;

use super::{Files, Found, Kind, Package};

const LARGEST: u64 = 8 << 20;

#[derive(Deserialize)]
struct Module {
    name: Option<Value>,
    version: Option<Value>,
    license: Option<Value>,
}

pub(super) fn read(path: &ImagePath, content: &mut dyn Read, found: &mut Found) -> Result<()> {
    let bytes = super::text::bytes(content, LARGEST)?;
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&bytes);
    let module: Module = serde_json::from_slice(bytes).map_err(json_error).context(|| "no `package.json`")?;
    let text = |value: Option<Value>| value.as_ref().and_then(Value::as_str).map(str::to_owned);
    // Some folders of a module have a `package.json` that only says how its files are to be read.
    let (Some(name), Some(version)) = (text(module.name), text(module.version)) else { return Ok(()) };
    let mut package = Package::new(Kind::Node, name, version);
    // Old modules have `{ "type": "MIT", "url": … }`.
    package.licence = match module.license {
        Some(Value::Object(licence)) => text(licence.get("type").cloned()),
        licence => text(licence),
    };
    package.files = Files { paths: Vec::new(), folders: path.parent().into_iter().collect() };
    found.push(package)
}

pub(super) fn json_error(error: serde_json::Error) -> bareboat_model::Error {
    bareboat_model::Error::new(error.to_string())
}
