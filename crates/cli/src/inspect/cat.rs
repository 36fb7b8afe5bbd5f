//! `--cat`: the bytes of one file.

use bareboat_audit::view::{Layers, View, copy_content};
use bareboat_model::{Context as _, Error, ImagePath};

use crate::bytes;
use crate::output::Failure;

pub(super) fn run(view: &View, path: &ImagePath, source: &dyn Layers) -> Result<(), Failure> {
    let failing = || format!("cannot show `{path}` of the image");
    let found = view.lookup(path).context(failing)?;
    let (_, item) =
        found.ok_or_else(|| Error::new("there is no such file")).context(failing).map_err(hint)?;
    bytes::write(|out| copy_content(view, &item, source, out), failing)
}

fn hint(error: Error) -> Error {
    error.with_hint("--tree draws what there is")
}
