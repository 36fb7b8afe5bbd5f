//! How an image is named on the command line, the same for all commands that take one; and what it is read with.

use std::path::Path;

use bareboat_io::http::Http;
use bareboat_io::registry::Registry;
use bareboat_io::store::Store;
use bareboat_io::transport::{self, AnyPlatform, Choice, Found, Image, Outside, Registries};
use bareboat_model::{Arch, Context as _, Error, Location, Platform, Progress, Reference, Result, escape};

use crate::args::Args;
use crate::build::{http_options, registry_options};
use crate::terminal::Terminal;

/// Where `build` leaves images when it is not told otherwise.
pub(crate) const BUILT: &str = ".bareboat";

/// Blobs on their way at once: more gain nothing from one registry, and some registries slow down who asks for more.
const TRANSFERS: usize = 6;

/// What images are read and written with: the cache, and the network.
pub(crate) struct Harbour {
    pub(crate) store: Store,
    registries: Registries,
    http: Http,
    threads: usize,
}

impl Harbour {
    /// As the command line and the environment have it. `timeout` is in seconds.
    pub(crate) fn open(args: &Args, timeout: Option<u64>, terminal: &Terminal) -> Result<Self> {
        let http = http_options(args, timeout)?;
        Ok(Self {
            registries: Registries::new(registry_options(&http, args, terminal)),
            store: args.place.store()?,
            http: Http::new(http)?,
            threads: args.place.threads.map_or(TRANSFERS, usize::from),
        })
    }

    /// The client for registries.
    ///
    /// # Errors
    /// When what this machine has set for them cannot be read.
    pub(crate) fn registry(&self) -> Result<&Registry> {
        self.registries.client()
    }

    pub(crate) fn outside<'a>(&'a self, progress: &'a dyn Progress) -> Outside<'a> {
        let Self { store, registries, http, threads } = self;
        Outside { store, registries, http, threads: *threads, progress }
    }

    /// Reads the image that `text` names, for `platform` or else for this machine; its layers are in the store then.
    ///
    /// # Errors
    /// When there is no such image, or nothing in it for the platform.
    pub(crate) fn bring(
        &self,
        text: &str,
        platform: Option<Platform>,
        progress: &dyn Progress,
    ) -> Result<Found> {
        let platform = platform.map_or_else(host, Ok)?;
        let outside = self.outside(progress);
        let (place, choice) = (place(text)?, Choice::For(platform.into()));
        let found = transport::open(&place, &choice, &outside).and_then(Image::into_store);
        found.map_err(|error| explain(error, text, &place))
    }

    /// The manifest or index that `text` names, whatever platforms it is for.
    ///
    /// # Errors
    /// When there is no such image.
    pub(crate) fn top_document(&self, text: &str, progress: &dyn Progress) -> Result<Vec<u8>> {
        let place = place(text)?;
        transport::top_document(&place, &self.outside(progress)).map_err(|error| explain(error, text, &place))
    }
}

impl<'a> Harbour {
    /// Opens the image that `text` names: its layers stay where they are.
    ///
    /// # Errors
    /// When there is no such image, or nothing in it for the platform.
    pub(crate) fn look(
        &'a self,
        text: &str,
        platform: Option<&AnyPlatform>,
        progress: &'a dyn Progress,
    ) -> Result<Image<'a>> {
        let place = place(text)?;
        let choice = platform.map_or(Choice::Natural, |platform| Choice::For(platform.clone()));
        transport::open(&place, &choice, &self.outside(progress))
            .map_err(|error| explain(error, text, &place))
    }
}

/// What an IMAGE argument names: an image by its transport, one that `build` left in `.bareboat`, or one in a registry.
///
/// # Errors
/// When it is none of these.
pub(crate) fn place(text: &str) -> Result<Location> {
    let (name, tag) = text.split_once(':').map_or((text, None), |(name, tag)| (name, Some(tag)));
    if is_name(name) && Path::new(BUILT).join(name).is_dir() {
        let tag = tag.map(|tag| format!(":{tag}")).unwrap_or_default();
        return format!("oci:{BUILT}/{name}{tag}").parse();
    }
    if let Some(transport) = transport::sniff(Path::new(text)) {
        let shown = escape(text);
        let kind = if transport == "oci" { "folder" } else { "file" };
        let error =
            format!("cannot read the image `{shown}`: it is a {kind}, and its transport is not named");
        return Err(Error::new(error).with_hint(format!("write {transport}:{shown}")));
    }
    text.parse().context(|| format!("cannot read the image `{}`", escape(text)))
}

/// As recipes may be named.
pub(crate) fn is_name(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphanumeric())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte))
}

/// One word may have been meant as an image that was built here, and the other way round.
pub(crate) fn explain(error: Error, text: &str, place: &Location) -> Error {
    let name = text.split(':').next().unwrap_or(text);
    if !is_name(name) || text.contains('/') {
        return error;
    }
    match place {
        Location::Registry(whole) => {
            let hint = format!("there is no `{BUILT}/{name}` here, so `{}` means {whole}", escape(text));
            let whole_hint = error.hint().map_or(hint.clone(), |first| format!("{first}; {hint}"));
            Error::new(error.to_string()).with_hint(whole_hint)
        }
        Location::Oci { name: Some(_), dir } if dir.starts_with(BUILT) => error.with_hint(format!(
            "this is an image in `{}`; one in a registry is docker://{text}",
            dir.display()
        )),
        _ => error,
    }
}

/// This machine's platform.
fn host() -> Result<Platform> {
    let arch = Arch::host().ok_or_else(|| {
        Error::new(format!("cannot choose a platform: this machine is a `{}`", std::env::consts::ARCH))
            .with_hint("name one: --platform linux/amd64")
    })?;
    Ok(Platform { arch })
}

/// Where to write: one word is refused, as it may be a folder's name as well as one of Docker's hub.
///
/// # Errors
/// When it names no place.
pub(crate) fn output(text: &str) -> Result<Location> {
    let shown = escape(text);
    if text.starts_with(['/', '.', '~']) {
        return Err(Error::new(format!("`{shown}` names no transport"))
            .with_hint(format!("write oci:{shown} for a folder, oci-archive:{shown} for a file")));
    }
    if text.ends_with(".tar") && !text.contains(':') {
        return Err(Error::new(format!("`{shown}` names no transport"))
            .with_hint(format!("write oci-archive:{shown}, or docker-archive:{shown} for docker load")));
    }
    if !text.contains(['/', ':']) && text.parse::<Reference>().is_ok() {
        return Err(Error::new(format!("`{text}` names no transport"))
            .with_hint(format!("write oci:{text} for a folder, or docker://{text} for Docker's hub")));
    }
    text.parse()
}
