//! Host names, looked up once a run.
//!
//! ureq asks the name server before every request, also when it then takes a connection that is open. Some fifty
//! small packages are then some fifty questions at once, and one answer that gets lost is five seconds of waiting
//! (resolv.conf(5), `timeout`).

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use ureq::Error;
use ureq::config::Config;
use ureq::http::Uri;
use ureq::unversioned::resolver::{DefaultResolver, ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::NextTimeout;

/// Remembers each answer for as long as it lives: a run, which is minutes at most.
#[derive(Default)]
pub(super) struct Names {
    resolver: DefaultResolver,
    known: Mutex<HashMap<String, ResolvedSocketAddrs>>,
}

impl std::fmt::Debug for Names {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Names").finish_non_exhaustive()
    }
}

impl Resolver for Names {
    fn resolve(
        &self,
        uri: &Uri,
        config: &Config,
        timeout: NextTimeout,
    ) -> Result<ResolvedSocketAddrs, Error> {
        let name = uri.scheme().zip(uri.authority());
        let key = name.and_then(|(scheme, authority)| DefaultResolver::host_and_port(scheme, authority));
        let Some(key) = key else { return self.resolver.resolve(uri, config, timeout) };
        let known = || self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(addresses) = known().get(&key) {
            return Ok(addresses.clone());
        }
        // Not under the lock: a name server that is slow for one host must not hold up the others.
        let addresses = self.resolver.resolve(uri, config, timeout)?;
        known().insert(key, addresses.clone());
        Ok(addresses)
    }
}
