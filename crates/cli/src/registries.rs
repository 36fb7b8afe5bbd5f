//! How commands speak to registries.

use std::sync::Arc;
use std::time::Duration;

use bareboat_io::http::HttpOptions;
use bareboat_io::registry::RegistryOptions;
use bareboat_model::Result;

use crate::args::{Args, Patience, Registries};
use crate::build::timeout_from_env;
use crate::terminal::Terminal;

/// As the command line and the environment have it.
///
/// # Errors
/// When the environment's timeout is none.
pub(crate) fn options(
    args: &Args,
    registries: &Registries,
    patience: &Patience,
    terminal: &Terminal,
) -> Result<RegistryOptions> {
    let timeout = Duration::from_secs(patience.timeout.map_or_else(timeout_from_env, Ok)?);
    Ok(RegistryOptions {
        http: HttpOptions { timeout, offline: args.place.offline, ..HttpOptions::default() },
        plain_http: registries.plain_http,
        progress: Arc::new(terminal.clone()),
        ..RegistryOptions::default()
    })
}
