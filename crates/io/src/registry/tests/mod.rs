//! Against a registry that is limited, slow, wrong, or after our passwords.

use std::io::Cursor;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use bareboat_formats::oci::{self, Descriptor, Index, Manifest};
use bareboat_model::{Bar, Progress};
use bareboat_testkit::{Auth, Authority, FakeRegistry, Fault, Settings, Tls};

use super::*;

mod faults;
mod identity;
mod lists;
mod mirrors;
mod secure;
mod transfer;

/// A registry, and a client with its own folder for what this machine knows of registries.
struct Fixture {
    registry: FakeRegistry,
    folder: tempfile::TempDir,
    options: RegistryOptions,
    story: Arc<Story>,
}

#[derive(Default)]
struct Story(Mutex<Vec<String>>);

impl Progress for Story {
    fn story(&self, line: &str) {
        lock(&self.0).push(line.to_owned());
    }
    fn warn(&self, line: &str) {
        lock(&self.0).push(format!("warning: {line}"));
    }
    fn begin(&self, _what: &str, _total: Option<u64>) -> Box<dyn Bar> {
        Box::new(Silent)
    }
}

#[derive(Default)]
struct Counter(Mutex<u64>);

impl Bar for Counter {
    fn advance(&self, amount: u64) {
        *lock(&self.0) += amount;
    }
}

const USER: (&str, &str) = ("me", "sesame");

fn content(length: u32) -> Vec<u8> {
    (0..length).map(|n| (n.wrapping_mul(2_654_435_761) >> 13) as u8).collect()
}

impl Fixture {
    fn new() -> Self {
        Self::with(Settings::default())
    }

    fn with(settings: Settings) -> Self {
        Self::of(FakeRegistry::with(settings))
    }

    fn of(registry: FakeRegistry) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let auth = folder.path().join("auth.json");
        let story = Arc::new(Story::default());
        let options = RegistryOptions {
            http: HttpOptions {
                timeout: Duration::from_secs(5),
                retries: 2,
                pause: Duration::from_millis(1),
                grace: Duration::from_secs(60),
                offline: false,
            },
            plain_http: false,
            chunk: None,
            places: Places { auth: vec![auth.clone()], login: Some(auth), ..Places::default() },
            progress: Arc::clone(&story) as Arc<dyn Progress>,
        };
        Self { registry, folder, options, story }
    }

    fn bearer() -> Self {
        Self::with(Settings { auth: Auth::bearer(USER.0, USER.1), ..Settings::default() })
    }

    /// Lets the client know a password.
    fn log_in(self) -> Self {
        let login = Login { registry: &self.registry.host(), user: USER.0, password: USER.1 };
        login.keep(&self.options.places).unwrap();
        self
    }

    fn impatient(mut self) -> Self {
        self.options.http.timeout = Duration::from_millis(300);
        self
    }

    fn client(&self) -> Registry {
        Registry::new(self.options.clone()).unwrap()
    }

    fn image(&self, rest: &str) -> Reference {
        format!("{}/{rest}", self.registry.host()).parse().unwrap()
    }

    fn push(&self, client: &Registry, rest: &str, bytes: &[u8]) -> Result<Descriptor> {
        let blob = Descriptor::of(oci::LAYER, bytes);
        let open = || Ok(Box::new(Cursor::new(bytes.to_vec())) as Box<dyn Read + Send>);
        client.push_blob(&self.image(rest), &blob, &open, &Silent)?;
        Ok(blob)
    }

    fn partial(&self) -> PathBuf {
        self.folder.path().join("partial")
    }

    /// What the registry was asked, without what finds out whether it speaks TLS.
    fn told(&self) -> Vec<String> {
        let host = self.registry.host();
        let told = self.registry.told().into_iter().filter(|line| !line.starts_with("GET /v2/ "));
        told.map(|line| line.replace(&host, "HOST").replace("sha256%3A", "sha256:")).map(shortened).collect()
    }
}

/// Digests cut to eight digits.
fn shortened(line: String) -> String {
    let mut parts = line.split("sha256:");
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |line, part| format!("{line}sha256:{}{}", &part[..8], &part[64..]))
}

fn small_manifest() -> Vec<u8> {
    Manifest::new(Descriptor::of(oci::CONFIG, b"{}"), Vec::new()).to_bytes().unwrap()
}

fn unauthorized(challenge: &str) -> Fault {
    let headers = vec![("WWW-Authenticate".to_owned(), challenge.to_owned())];
    Fault::Answer { status: 401, headers, body: Vec::new() }
}

fn page(body: &str, link: &str) -> Fault {
    let headers = vec![("Link".to_owned(), link.to_owned())];
    Fault::Answer { status: 200, headers, body: body.as_bytes().to_vec() }
}
