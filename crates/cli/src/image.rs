//! How an image is named on the command line, the same for all commands that take one.

use std::path::Path;

use bareboat_io::store::Store;
use bareboat_io::transport::{self, Found};
use bareboat_model::{Arch, Context as _, Error, Location, Platform, Result, escape};

/// Where `build` leaves images when it is not told otherwise.
const BUILT: &str = ".bareboat";

/// Reads the image that `text` names, for `platform` or else for this machine.
///
/// # Errors
/// When there is no such image, or nothing in it for the platform.
pub(crate) fn read(text: &str, platform: Option<Platform>, store: &Store) -> Result<Found> {
    let platform = platform.map_or_else(host, Ok)?;
    transport::read(&place(text)?, platform, store)
}

/// What an IMAGE argument names: `oci:DIR[:TAG]`, `oci-archive:FILE[:TAG]`, `docker-archive:FILE[:REF]`, or the name of
/// an image that `build` left in `.bareboat`.
///
/// # Errors
/// When it is none of these.
pub(crate) fn place(text: &str) -> Result<Location> {
    let transport = text.split_once(':').map(|(transport, _)| transport);
    if matches!(transport, Some("oci" | "oci-archive" | "docker-archive")) {
        return text.parse().context(|| format!("cannot read the image `{}`", escape(text)));
    }
    let (name, tag) = text.split_once(':').map_or((text, None), |(name, tag)| (name, Some(tag)));
    // As recipes may be named.
    let is_name = name.starts_with(|c: char| c.is_ascii_alphanumeric())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte));
    if is_name && Path::new(BUILT).join(name).is_dir() {
        let tag = tag.map(|tag| format!(":{tag}")).unwrap_or_default();
        return format!("oci:{BUILT}/{name}{tag}").parse();
    }
    Err(not_found(text, is_name && tag.is_none()))
}

fn not_found(text: &str, is_plain: bool) -> Error {
    let shown = escape(text);
    if is_plain {
        let hint = format!(
            "images that were built here are found by name; others are written oci:DIR[:TAG], oci-archive:FILE[:TAG] or \
             docker-archive:FILE[:REF], and one in a registry is fetched with: skopeo copy docker://{shown} oci:{shown}"
        );
        return Error::new(format!("cannot read the image `{shown}`: there is no `{BUILT}/{shown}`"))
            .with_hint(hint);
    }
    if Path::new(text).join("index.json").is_file() {
        let error =
            format!("cannot read the image `{shown}`: it is a folder, and its transport is not named");
        return Error::new(error).with_hint(format!("write oci:{shown}"));
    }
    let from = match text.split_once(':').map(|(transport, _)| transport) {
        Some("docker" | "docker-daemon" | "containers-storage" | "dir") => shown.clone(),
        _ => format!("docker://{shown}"),
    };
    Error::new(format!("cannot read the image `{shown}`: only images in files can be read yet"))
        .with_hint(format!("fetch it first: skopeo copy {from} oci:image, then name it oci:image"))
}

fn host() -> Result<Platform> {
    let arch = Arch::host().ok_or_else(|| {
        Error::new(format!("cannot choose a platform: this machine is a `{}`", std::env::consts::ARCH))
            .with_hint("name one: --platform linux/amd64")
    })?;
    Ok(Platform { arch })
}
