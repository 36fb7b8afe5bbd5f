//! The client for registries, made when the first one is spoken to: most runs speak to none.

use std::sync::OnceLock;

use bareboat_model::Result;

use crate::registry::{Registry, RegistryOptions};

/// How registries are spoken to, and the client once there is one.
pub struct Registries {
    options: RegistryOptions,
    client: OnceLock<Registry>,
}

impl Registries {
    /// With these options; nothing is read yet.
    pub fn new(options: RegistryOptions) -> Self {
        Self { options, client: OnceLock::new() }
    }

    /// The client, the same for the whole run.
    ///
    /// # Errors
    /// When what this machine has set for registries cannot be read.
    pub fn client(&self) -> Result<&Registry> {
        if let Some(client) = self.client.get() {
            return Ok(client);
        }
        let client = Registry::new(self.options.clone())?;
        Ok(self.client.get_or_init(|| client))
    }
}
