//! Registries: a client for the distribution specification (1.1).
//!
//! Blocking, on ureq, for several threads at once. Each request is tried again with growing pauses when its failure may
//! pass; blobs are streamed, so memory does not grow with them; nothing that a registry answers is believed before its
//! digest was compared. Credentials, certificates and mirrors are those of Docker and of containers' tools ([`Places`]).

mod blob;
mod certificates;
mod conf;
mod credentials;
mod delete;
mod helper;
mod host;
mod list;
mod login;
mod manifest;
mod places;
mod push;
mod referrers;
mod reply;
mod session;
#[cfg(test)]
mod tests;
mod token;
mod url;

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bareboat_model::{Context, Digest, Error, Progress, Reference, Result, Silent};

pub use login::{Login, log_out};
pub use places::Places;
pub use push::Pushed;

use conf::Conf;
use credentials::Credential;
use host::Host;
use reply::shown;
use token::Tokens;

use crate::http::HttpOptions;
use crate::http::retry::{Failure, with_retries};

/// The registry of names that name none.
const HUB: &str = "docker.io";

/// Opens a blob from its beginning; called again for each attempt to push it.
pub type OpenBlob<'a> = &'a (dyn Fn() -> Result<Box<dyn Read + Send>> + Sync);

/// How registries are spoken to.
#[derive(Clone)]
pub struct RegistryOptions {
    /// Timeouts and retries.
    pub http: HttpOptions,
    /// Speak plain HTTP, without encryption, to every registry. To this machine's own it is spoken anyway, if they
    /// know no TLS.
    pub plain_http: bool,
    /// Push blobs in pieces of so many bytes. None: whole, and in pieces where a registry wants it so.
    pub chunk: Option<u64>,
    /// Where passwords, certificates and mirrors are set.
    pub places: Places,
    /// Who is told what went wrong without being an error, such as a mirror that does not answer.
    pub progress: Arc<dyn Progress>,
}

impl Default for RegistryOptions {
    fn default() -> Self {
        Self {
            http: HttpOptions::default(),
            plain_http: false,
            chunk: None,
            places: Places::from_env(),
            progress: Arc::new(Silent),
        }
    }
}

/// Registries, as one run speaks to them. A clone shares connections and tokens.
#[derive(Clone)]
pub struct Registry {
    inner: Arc<Inner>,
}

struct Inner {
    options: RegistryOptions,
    conf: Conf,
    hosts: Mutex<BTreeMap<(String, bool), Arc<Host>>>,
    /// By `HOST/PATH`: asking a helper takes a while.
    credentials: Mutex<BTreeMap<String, Option<Credential>>>,
    tokens: Tokens,
    /// Mirrors that failed for a repository, and are not asked again for it.
    failed: Mutex<BTreeSet<String>>,
    /// Repositories that will be pushed to, by `HOST/PATH`: a token for them allows that from the beginning.
    pushed_to: Mutex<BTreeSet<String>>,
    /// Whoever of this run writes a list of referrers under a tag.
    list_writer: Mutex<()>,
    /// Uploads that a registry began where a mount was asked for: by repository and digest.
    begun: Mutex<BTreeMap<(String, Digest), push::Begun>>,
}

/// One server and the repository there that a request is for.
#[derive(Clone)]
struct Spot {
    host: Arc<Host>,
    /// The repository's path on that server.
    repository: String,
    /// `HOST/PATH`.
    name: String,
    is_mirror: bool,
    is_pushed_to: bool,
}

impl Registry {
    /// A client.
    ///
    /// # Errors
    /// When `registries.conf` cannot be read.
    pub fn new(options: RegistryOptions) -> Result<Self> {
        let conf = Conf::read(&options.places.conf, &options.places.conf_folders)?;
        let inner = Inner {
            options,
            conf,
            hosts: Mutex::default(),
            credentials: Mutex::default(),
            tokens: Tokens::default(),
            failed: Mutex::default(),
            pushed_to: Mutex::default(),
            list_writer: Mutex::default(),
            begun: Mutex::default(),
        };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// Says that the reference's repository will be pushed to. What is looked for there before then asks for a token that
    /// allows both, so that one serves for all.
    pub fn will_push(&self, image: &Reference) {
        lock(&self.inner.pushed_to).insert(image.name());
    }
}

impl Inner {
    fn online(&self) -> Result<()> {
        match self.options.http.offline {
            true => Err(Error::new("--offline forbids the network")),
            false => Ok(()),
        }
    }

    /// The server called `name`; the same one each time, with its connections.
    fn host(&self, name: &str, insecure: bool) -> Result<Arc<Host>> {
        let mut hosts = lock(&self.hosts);
        let key = (name.to_owned(), insecure);
        if let Some(host) = hosts.get(&key) {
            return Ok(Arc::clone(host));
        }
        let host = Arc::new(Host::new(&self.options, name, insecure)?);
        hosts.insert(key, Arc::clone(&host));
        Ok(host)
    }

    fn credential(&self, name: &str) -> Result<Option<Credential>> {
        let mut known = lock(&self.credentials);
        if let Some(credential) = known.get(name) {
            return Ok(credential.clone());
        }
        let warn = |line: &str| self.options.progress.warn(line);
        let found = credentials::look_up(&self.options.places.auth, name, self.options.http.timeout, &warn)?;
        known.insert(name.to_owned(), found.clone());
        Ok(found)
    }

    /// The server of a registry that is named without a repository.
    fn home_of(&self, registry: &str) -> Result<Arc<Host>> {
        self.conf.check(registry)?;
        self.host(registry, self.conf.is_insecure(registry))
    }

    /// The registry itself: where is written, and where lists are asked for.
    fn home(&self, image: &Reference) -> Result<Spot> {
        let name = image.name();
        self.conf.check(&name)?;
        self.spot(&name, self.conf.is_insecure(&name), false)
    }

    fn spot(&self, name: &str, insecure: bool, is_mirror: bool) -> Result<Spot> {
        let (host, repository) = name.split_once('/').unwrap_or((name, ""));
        let is_pushed_to = lock(&self.pushed_to).contains(name);
        let (host, repository, name) = (self.host(host, insecure)?, repository.to_owned(), name.to_owned());
        Ok(Spot { host, repository, name, is_mirror, is_pushed_to })
    }

    /// Makes attempts at the registry itself.
    fn at_home<T>(
        &self,
        image: &Reference,
        mut attempt: impl FnMut(&Spot) -> Result<T, Failure>,
    ) -> Result<T> {
        let spot = self.home(image)?;
        with_retries(&self.options.http, || attempt(&spot))
    }

    /// Makes attempts wherever the image may be pulled from: at its mirrors, each once, then at the registry itself.
    /// None of a mirror means that it does not have what is asked for.
    fn pulling<T>(
        &self,
        image: &Reference,
        mut attempt: impl FnMut(&Spot) -> Result<Option<T>, Failure>,
    ) -> Result<Option<T>> {
        let sources = self.conf.sources(&image.name(), image.digest().is_some())?;
        for source in sources {
            let spot = self.spot(&source.name, source.insecure, source.is_mirror)?;
            if !spot.is_mirror {
                return with_retries(&self.options.http, || attempt(&spot));
            }
            if lock(&self.failed).contains(&spot.name) {
                continue;
            }
            let once = HttpOptions { retries: 0, ..self.options.http.clone() };
            let told = match with_retries(&once, || attempt(&spot)) {
                Ok(Some(value)) => return Ok(Some(value)),
                Ok(None) => "it does not have it".to_owned(),
                Err(error) => {
                    lock(&self.failed).insert(spot.name.clone());
                    error.to_string()
                }
            };
            self.options.progress.story(&format!("mirror `{}` of `{}`: {told}", spot.name, image.name()));
        }
        Ok(None)
    }
}

impl Spot {
    /// The path of something in the repository.
    fn path(&self, rest: &str) -> String {
        format!("/v2/{}/{rest}", self.repository)
    }

    /// What a token must allow.
    fn scope(&self, actions: &str) -> [String; 1] {
        let actions = if self.is_pushed_to && actions == "pull" { "pull,push" } else { actions };
        [format!("repository:{}:{actions}", self.repository)]
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Names the image, and what was done with it.
fn doing<T>(result: Result<T>, what: &str, image: &Reference) -> Result<T> {
    result.context(|| format!("cannot {what} `{image}`"))
}
