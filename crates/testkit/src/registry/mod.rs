//! A registry of images on the loopback (distribution specification 1.1), as limited and as faulty as a test wants it.

mod auth;
mod endpoints;
mod settings;
mod state;

use std::io::BufReader;
use std::sync::{Arc, Mutex};

use bareboat_model::Digest;

pub use settings::{Auth, Settings};

use crate::serve::{Fault, Faults, Server, lock};
use crate::tls::Tls;
use auth::Tokens;
use state::State;

/// A running registry, in memory. It speaks plain HTTP unless it has a certificate, listens on a port of its own and ends when it is dropped.
///
/// What goes in through the methods needs no credentials. Faults go by `METHOD PATH?QUERY`, of which they name a part:
/// `"PUT /v2/"`, `"/blobs/"`, `"GET /token"`.
///
/// ```
/// use bareboat_testkit::{Auth, FakeRegistry, Fault, Settings};
/// let registry = FakeRegistry::with(Settings { auth: Auth::bearer("me", "secret"), ..Settings::default() });
/// let digest = registry.put_blob("team/app", b"a layer");
/// registry.put_manifest("team/app", "1.0", "application/vnd.oci.image.manifest.v1+json", b"{}");
/// registry.fault_times("GET /v2/team/app/blobs/", Fault::Status(500), 2);
/// assert_eq!(registry.tags("team/app"), ["1.0"]);
/// assert_eq!(registry.blob("team/app", &digest).unwrap(), b"a layer");
/// let image = format!("{}/team/app:1.0", registry.host());
/// assert!(image.starts_with("127.0.0.1:"));
/// assert!(registry.exchanges().is_empty());
/// ```
pub struct FakeRegistry {
    server: Server,
    shared: Arc<Shared>,
    scheme: &'static str,
}

/// A request that a registry got, and how it was answered.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Exchange {
    /// `GET`, `HEAD`, `POST`, `PUT`, `PATCH` or `DELETE`.
    pub method: String,
    /// Path and query, as they came.
    pub target: String,
    /// The `Authorization` header.
    pub authorization: Option<String>,
    /// The first byte that a `Range` header asked for.
    pub from: Option<u64>,
    /// The `Content-Range` header.
    pub content_range: Option<String>,
    /// The length that the request said its body has.
    pub length: Option<u64>,
    /// The answer's status; 0 for one that met a fault.
    pub status: u16,
}

#[derive(Default)]
struct Shared {
    settings: Mutex<Settings>,
    state: Mutex<State>,
    tokens: Mutex<Tokens>,
    faults: Mutex<Faults>,
    log: Mutex<Vec<Exchange>>,
}

impl FakeRegistry {
    /// A registry that lets everybody do everything that the specification knows.
    ///
    /// # Panics
    /// When the loopback has no port left.
    pub fn start() -> Self {
        Self::with(Settings::default())
    }

    /// A registry that is not like that.
    ///
    /// # Panics
    /// When the loopback has no port left.
    pub fn with(settings: Settings) -> Self {
        Self::serve(settings, None)
    }

    /// A registry that speaks TLS, and nothing else.
    ///
    /// # Panics
    /// When the loopback has no port left.
    pub fn with_tls(settings: Settings, tls: &Tls) -> Self {
        Self::serve(settings, Some(tls))
    }

    fn serve(settings: Settings, tls: Option<&Tls>) -> Self {
        let shared = Arc::new(Shared { settings: Mutex::new(settings), ..Shared::default() });
        let theirs = Arc::clone(&shared);
        let server = Server::start(tls.map(Tls::config), move |stream, alive| {
            endpoints::answer(stream, &mut BufReader::new(stream), alive, &theirs)
        });
        Self { server, shared, scheme: if tls.is_some() { "https" } else { "http" } }
    }

    /// `127.0.0.1:PORT`, for names of images.
    pub fn host(&self) -> String {
        self.server.address().to_string()
    }

    /// `http://127.0.0.1:PORT`, or `https://…`.
    pub fn url(&self) -> String {
        format!("{}://{}", self.scheme, self.host())
    }

    /// Changes how it answers from now on.
    pub fn set(&self, change: impl FnOnce(&mut Settings)) {
        change(&mut lock(&self.shared.settings));
    }

    /// Puts a blob into a repository.
    pub fn put_blob(&self, repository: &str, bytes: &[u8]) -> Digest {
        let digest = Digest::of(bytes);
        lock(&self.shared.state).put_blob(repository, digest, bytes.to_vec());
        digest
    }

    /// Puts bytes into a repository under a digest that is not theirs.
    pub fn put_wrong_blob(&self, repository: &str, digest: Digest, bytes: &[u8]) {
        lock(&self.shared.state).put_blob(repository, digest, bytes.to_vec());
    }

    /// Puts a manifest into a repository under a tag. Nothing in it is looked at.
    pub fn put_manifest(&self, repository: &str, tag: &str, media_type: &str, bytes: &[u8]) -> Digest {
        lock(&self.shared.state).put_manifest(repository, Some(tag), media_type, bytes)
    }

    /// A blob of a repository.
    pub fn blob(&self, repository: &str, digest: &Digest) -> Option<Vec<u8>> {
        lock(&self.shared.state).blob(repository, *digest).cloned()
    }

    /// Media type and bytes of a manifest, by tag or digest.
    pub fn manifest(&self, repository: &str, tag_or_digest: &str) -> Option<(String, Vec<u8>)> {
        lock(&self.shared.state).manifest(repository, tag_or_digest).map(|(_, manifest)| manifest.clone())
    }

    /// The tags of a repository, sorted.
    pub fn tags(&self, repository: &str) -> Vec<String> {
        lock(&self.shared.state).tags(repository)
    }

    /// From now on every request of which `part` is a part meets `fault`. Earlier faults are tried first.
    pub fn fault(&self, part: &str, fault: Fault) {
        lock(&self.shared.faults).add(part, fault, None);
    }

    /// The next `times` such requests meet `fault`.
    pub fn fault_times(&self, part: &str, fault: Fault, times: u32) {
        lock(&self.shared.faults).add(part, fault, Some(times));
    }

    /// Takes all faults away.
    pub fn mend(&self) {
        *lock(&self.shared.faults) = Faults::default();
    }

    /// All requests so far, in the order in which they were answered.
    pub fn exchanges(&self) -> Vec<Exchange> {
        lock(&self.shared.log).clone()
    }

    /// All requests so far as `METHOD TARGET STATUS`.
    pub fn told(&self) -> Vec<String> {
        let told =
            |exchange: Exchange| format!("{} {} {}", exchange.method, exchange.target, exchange.status);
        self.exchanges().into_iter().map(told).collect()
    }

    /// How many requests so far hold `part` in `METHOD TARGET`.
    pub fn count(&self, part: &str) -> usize {
        let holds = |exchange: &&Exchange| format!("{} {}", exchange.method, exchange.target).contains(part);
        lock(&self.shared.log).iter().filter(holds).count()
    }

    /// Forgets the requests so far.
    pub fn forget(&self) {
        lock(&self.shared.log).clear();
    }
}
