//! Composer's `installed.json`: an object with `packages`, before Composer 2 a plain list.

use std::io::Read;

use bareboat_model::{ImagePath, Result};
use serde::Deserialize;
use serde_json::Value;

use super::node::json_error;
use super::text::below;
use super::{Files, Found, Kind, Package};

const LARGEST: u64 = 64 << 20;

#[derive(Deserialize)]
#[serde(untagged)]
enum Installed {
    Two { packages: Vec<One> },
    One(Vec<One>),
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct One {
    name: String,
    #[serde(default)]
    version: String,
    #[serde(default)]
    license: Option<Value>,
    #[serde(default)]
    install_path: Option<String>,
}

pub(super) fn read(path: &ImagePath, content: &mut dyn Read, found: &mut Found) -> Result<()> {
    let bytes = super::text::bytes(content, LARGEST)?;
    let installed = serde_json::from_slice(&bytes).map_err(json_error)?;
    let (Installed::Two { packages } | Installed::One(packages)) = installed;
    let own = path.parent().unwrap_or_default();
    for one in packages {
        let mut package = Package::new(Kind::Php, one.name, one.version);
        package.licence = match &one.license {
            Some(Value::Array(all)) => {
                let names: Vec<_> = all.iter().filter_map(Value::as_str).collect();
                (!names.is_empty()).then(|| names.join(" OR "))
            }
            other => other.as_ref().and_then(Value::as_str).map(str::to_owned),
        };
        let folder = one.install_path.and_then(|relative| below(&own, relative.as_bytes()));
        package.files = Files {
            paths: Vec::new(),
            folders: folder.filter(|folder| !folder.is_root()).into_iter().collect(),
        };
        found.push(package)?;
    }
    Ok(())
}
