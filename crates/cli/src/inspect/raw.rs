//! `--raw` and `--config`: the documents of an image, to the byte.

use bareboat_model::escape;

use super::Inspect;
use crate::bytes;
use crate::image::Harbour;
use crate::output::Failure;
use crate::terminal::Terminal;

pub(super) fn run(command: &Inspect, harbour: &Harbour, terminal: &Terminal) -> Result<(), Failure> {
    let document = if command.config {
        harbour.look(&command.image, command.platform.as_ref(), terminal)?.config_bytes
    } else if command.platform.is_some() {
        harbour.look(&command.image, command.platform.as_ref(), terminal)?.manifest_bytes
    } else {
        harbour.top_document(&command.image, terminal)?
    };
    terminal.finish();
    let failing = || format!("cannot show what describes `{}`", escape(&command.image));
    bytes::write(|out| Ok(out.write_all(&document)?), failing)
}
