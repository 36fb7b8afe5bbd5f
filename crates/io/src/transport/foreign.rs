//! Layers that their owner does not let others hand out: fetched from where the manifest says that he does.

use bareboat_formats::oci::Descriptor;
use bareboat_model::{Error, Result};

use super::Work;
use crate::http::{Download, Fetched, Http};

/// Brings such a layer into the store. Only by https: who else reads along is not the image's business.
pub(super) fn bring(layer: &Descriptor, http: &Http, work: &Work<'_>) -> Result<()> {
    if work.store.has_blob(&layer.digest, layer.size) {
        return Ok(());
    }
    let urls = layer.extra.get("urls").and_then(|urls| urls.as_array());
    let urls = urls.into_iter().flatten().filter_map(|url| url.as_str());
    let mut failed = Error::new(format!(
        "layer {} is one that its owner alone hands out, and the manifest names no address of https for it",
        layer.digest
    ));
    for url in urls.filter(|url| url.starts_with("https://")) {
        match fetch(layer, url, http, work) {
            Ok(()) => return Ok(()),
            Err(error) => failed = error,
        }
    }
    Err(failed)
}

fn fetch(layer: &Descriptor, url: &str, http: &Http, work: &Work<'_>) -> Result<()> {
    let _lock = work.store.lock("download", &layer.digest)?;
    let partial = work.store.partial(&layer.digest)?;
    let bar = work.bar("fetching", layer);
    let download = Download { url, size: layer.size, digest: layer.digest, partial: &partial };
    match http.download(&download, &*bar)? {
        Fetched::Found => work.store.adopt_file(&partial, &layer.digest),
        Fetched::NotFound => {
            Err(Error::new(format!("there is nothing at `{}`", crate::http::without_password(url))))
        }
    }
}
