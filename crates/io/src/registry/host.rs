//! One server: how it is connected to, and what it wants to know of who asks.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use bareboat_formats::http_header::{self, Challenge};
use bareboat_model::Result;
use ureq::Agent;

use super::credentials::Credential;
use super::reply::Refusal;
use super::url::{Origin, is_loopback};
use super::{HUB, RegistryOptions, certificates};
use crate::http::HttpOptions;
use crate::http::agent::{failure, for_one_server, tls_error};
use crate::http::retry::Failure;

/// Where the API of Docker's own registry is.
const HUB_API: &str = "registry-1.docker.io";

/// A server on this machine that says nothing to a TLS greeting for so long does not speak TLS.
const LONGEST_PROBE: Duration = Duration::from_secs(5);

/// A registry's server.
pub(super) struct Host {
    /// What references call it.
    pub(super) name: String,
    /// `HOST[:PORT]` of its API.
    authority: String,
    pub(super) agent: Agent,
    /// Whether the person (or registries.conf) takes it without encryption.
    pub(super) insecure: bool,
    plain: bool,
    http: HttpOptions,
    base: Mutex<Option<String>>,
    challenge: Mutex<Option<Challenge>>,
}

impl Host {
    pub(super) fn new(options: &RegistryOptions, name: &str, insecure: bool) -> Result<Self> {
        let authority = if name == HUB { HUB_API } else { name };
        let tls = certificates::tls(&options.places.certificates, authority, insecure)?;
        Ok(Self {
            name: name.to_owned(),
            authority: authority.to_owned(),
            agent: for_one_server(&options.http, tls, !is_loopback(authority)),
            insecure: insecure || options.plain_http,
            plain: options.plain_http,
            http: options.http.clone(),
            base: Mutex::default(),
            challenge: Mutex::default(),
        })
    }

    /// `https://HOST:PORT`, or `http://…` where that is allowed and spoken.
    pub(super) fn base(&self) -> Result<String, Failure> {
        let mut base = self.base.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(base) = base.as_ref() {
            return Ok(base.clone());
        }
        let found = self.find_base()?;
        *base = Some(found.clone());
        Ok(found)
    }

    fn find_base(&self) -> Result<String, Failure> {
        let (https, http) = (format!("https://{}", self.authority), format!("http://{}", self.authority));
        if self.plain {
            return Ok(http);
        }
        if !self.insecure && !is_loopback(&self.authority) {
            return Ok(https);
        }
        // As other tools do: TLS first, so that a server with it is never spoken to without.
        match self.probe(&https) {
            Ok(()) => Ok(https),
            Err(error) if speaks_tls(&error) => Err(failure(&error, &self.http)),
            Err(error) => match self.probe(&http) {
                Ok(()) => Ok(http),
                Err(_) => Err(failure(&error, &self.http)),
            },
        }
    }

    fn probe(&self, base: &str) -> Result<(), ureq::Error> {
        let longest = self.http.timeout.min(LONGEST_PROBE);
        let request = self.agent.get(format!("{base}/v2/")).config();
        let request = request.timeout_connect(Some(longest)).timeout_recv_response(Some(longest)).build();
        let response = request.call()?;
        self.learn(&response);
        super::reply::drain(response, &self.http);
        Ok(())
    }

    /// Remembers what the server wants to know, if it says.
    pub(super) fn learn(&self, response: &ureq::http::Response<ureq::Body>) -> Option<Challenge> {
        let headers = response.headers().get_all(ureq::http::header::WWW_AUTHENTICATE);
        let found = http_header::challenge(headers.iter().filter_map(|value| value.to_str().ok()));
        if found.is_some() {
            (*self.challenge.lock().unwrap_or_else(PoisonError::into_inner)).clone_from(&found);
        }
        found
    }

    /// What the server wanted to know the last time.
    pub(super) fn challenge(&self) -> Option<Challenge> {
        self.challenge.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Whether a password may go to the token server at `realm`.
    pub(super) fn trusts(&self, realm: &Origin) -> bool {
        // Without encryption only where the person accepted that: for this very machine's name.
        let same = self.authority.split(':').next() == Some(realm.host.as_str());
        realm.is_private() || (self.insecure && same)
    }

    /// What helps when a server does not answer whoever we are.
    pub(super) fn unauthorized(&self, credential: Option<&Credential>, refusal: Refusal) -> Refusal {
        let log_in = format!("bareboat login {}", self.name);
        match credential {
            Some(credential) if credential.is_new() => refusal.with_hint("name or password may be wrong"),
            Some(credential) => {
                refusal.with_hint(&format!("{} is not enough; log in anew: {log_in}", credential.told()))
            }
            None => refusal.with_hint(&format!("log in, unless the name is wrong: {log_in}")),
        }
    }
}

/// Whether a server that could not be connected to securely speaks TLS after all.
fn speaks_tls(error: &ureq::Error) -> bool {
    use rustls::{Error, InvalidMessage::InvalidContentType};
    tls_error(error).is_some_and(|error| *error != Error::InvalidMessage(InvalidContentType))
}
