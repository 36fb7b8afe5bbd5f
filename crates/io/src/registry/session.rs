//! One request and its answer: with credentials where they belong, along redirects, never in a circle.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::io::Read;
use std::time::{Duration, Instant};

use bareboat_formats::http_header::Challenge;
use bareboat_model::{Error, Result};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ureq::http::{HeaderName, Method, Request, Response, StatusCode, header};
use ureq::{Agent, Body, SendBody};

use super::credentials::{Credential, Secret};
use super::host::Host;
use super::reply::{self, Refusal};
use super::token::{self, Purpose, Token};
use super::url::{Origin, resolve, with_param};
use super::{Inner, OpenBlob};
use crate::http::agent::failure;
use crate::http::elsewhere::Elsewhere;
use crate::http::retry::Failure;

/// A registry redirects to a storage host, which may redirect once more.
const MOST_REDIRECTS: usize = 5;

/// What a request carries.
pub(super) enum Payload<'a> {
    None,
    Bytes(&'a [u8]),
    /// Bytes `from..to` of a blob, which is opened anew for each attempt.
    Stream {
        open: OpenBlob<'a>,
        from: u64,
        to: u64,
        sent: &'a dyn Fn(u64),
    },
}

/// One request.
pub(super) struct Call<'a> {
    pub(super) method: Method,
    /// A path on the registry, or a whole address that the registry gave.
    pub(super) url: String,
    pub(super) headers: Vec<(HeaderName, String)>,
    pub(super) payload: Payload<'a>,
    /// `HOST/PATH`: whose credentials.
    pub(super) name: &'a str,
    /// What a token must allow.
    pub(super) scopes: &'a [String],
    /// How much longer than usual the answer may take.
    pub(super) patience: Duration,
}

impl<'a> Call<'a> {
    pub(super) fn new(method: Method, url: impl Into<String>, name: &'a str, scopes: &'a [String]) -> Self {
        let (headers, payload) = (Vec::new(), Payload::None);
        Self { method, url: url.into(), headers, payload, name, scopes, patience: Duration::ZERO }
    }

    pub(super) fn header(mut self, name: HeaderName, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    pub(super) fn payload(mut self, payload: Payload<'a>) -> Self {
        self.payload = payload;
        self
    }
}

impl Inner {
    /// Makes a request and hands back whatever is answered, except that a registry's question who asks is answered, once.
    pub(super) fn send(&self, host: &Host, call: &Call<'_>) -> Result<Response<Body>, Failure> {
        self.online()?;
        let base = host.base()?;
        let proof = match host.challenge() {
            Some(challenge) => self.proof(host, &challenge, call, None)?,
            None => None,
        };
        let response = self.follow(host, &base, call, proof.as_ref())?;
        if response.status() != StatusCode::UNAUTHORIZED || Elsewhere::of(&response).is_some() {
            return Ok(response);
        }
        let challenge = host.learn(&response);
        let refusal = Refusal::read(response, &self.options.http);
        let Some(challenge) = challenge else { return Err(refusal.into()) };
        let refused = proof.map(|proof| proof.header);
        let proof = self.proof(host, &challenge, call, refused.as_deref())?;
        let Some(proof) = proof.filter(|proof| Some(&proof.header) != refused.as_ref()) else {
            return Err(host.unauthorized(self.credential(call.name)?.as_ref(), refusal).into());
        };
        let response = self.follow(host, &base, call, Some(&proof))?;
        if response.status() == StatusCode::UNAUTHORIZED && Elsewhere::of(&response).is_none() {
            let refusal = Refusal::read(response, &self.options.http);
            return Err(host.unauthorized(self.credential(call.name)?.as_ref(), refusal).into());
        }
        Ok(response)
    }

    /// The `Authorization` that answers a challenge; None if there is nothing to answer with.
    fn proof(
        &self,
        host: &Host,
        challenge: &Challenge,
        call: &Call<'_>,
        refused: Option<&str>,
    ) -> Result<Option<Proof>, Failure> {
        let credential = self.credential(call.name)?;
        if let Some(Credential { secret: Secret::Token(token), .. }) = &credential {
            return Ok(Some(Proof { header: format!("Bearer {token}") }));
        }
        match challenge {
            Challenge::Basic => match credential.map(|credential| credential.secret) {
                Some(Secret::Password { user, password }) => {
                    Ok(Some(Proof { header: basic(&user, &password) }))
                }
                Some(Secret::Identity(_) | Secret::Token(_)) | None => Ok(None),
            },
            Challenge::Bearer { realm, service, scope } => {
                let mut scopes: BTreeSet<_> = call.scopes.iter().cloned().collect();
                // What the registry asked for this very request, if it was one that was refused.
                if refused.is_some() || scopes.is_empty() {
                    scopes.extend(scope.iter().flat_map(|scope| scope.split(' ')).map(str::to_owned));
                }
                let registry = host.base()?;
                let purpose = Purpose { registry, realm: realm.clone(), service: service.clone(), scopes };
                let refused = refused.and_then(|header| header.strip_prefix("Bearer "));
                let fetch = || self.fetch_token(host, &purpose, credential.as_ref());
                let token = self.tokens.get(&purpose, refused, fetch)?;
                Ok(Some(Proof { header: format!("Bearer {token}") }))
            }
        }
    }

    /// Asks the token server, with the name and password, or with the identity token, or as nobody.
    fn fetch_token(
        &self,
        host: &Host,
        purpose: &Purpose,
        credential: Option<&Credential>,
    ) -> Result<Token, Failure> {
        let told = |error: Error| error.context(format!("cannot get a token for `{}`", host.name));
        let realm = resolve(&host.base()?, &purpose.realm).map_err(told)?;
        let origin = Origin::of(&realm).map_err(told)?;
        if credential.is_some() && !host.trusts(&origin) {
            let error = Error::new(format!("`{}` wants the password without encryption", origin.authority()));
            return Err(Failure::Final(told(error)));
        }
        let answer = self.ask_for_token(host, &realm, purpose, credential);
        let bytes = answer.map_err(|failed| failed.map(told))?;
        Token::read(&bytes, Instant::now()).map_err(|error| Failure::Final(told(error)))
    }

    fn ask_for_token(
        &self,
        host: &Host,
        realm: &str,
        purpose: &Purpose,
        credential: Option<&Credential>,
    ) -> Result<Vec<u8>, Failure> {
        let origin = Origin::of(realm)?;
        let agent = self.agent_of(&origin)?;
        let mut headers = Vec::new();
        let (request, form) = match credential.map(|credential| &credential.secret) {
            Some(Secret::Identity(token)) => {
                headers.push((header::CONTENT_TYPE, "application/x-www-form-urlencoded".to_owned()));
                (Request::post(realm), Some(refresh_form(purpose, token)))
            }
            Some(Secret::Password { user, password }) => {
                headers.push((header::AUTHORIZATION, basic(user, password)));
                (Request::get(token_url(realm, purpose, Some(user))), None)
            }
            Some(Secret::Token(_)) | None => (Request::get(token_url(realm, purpose, None)), None),
        };
        let request = headers.into_iter().fold(request, |request, (name, value)| request.header(name, value));
        let payload = form.as_deref().map_or(Payload::None, |form| Payload::Bytes(form.as_bytes()));
        let answer = self.run(&agent, request, &payload, Duration::ZERO);
        let at_home = origin == Origin::of(&host.base()?)?;
        let mut response =
            answer.map_err(|failed| if at_home { failed } else { elsewhere(failed, &origin) })?;
        if !at_home {
            Elsewhere::new(origin.authority()).mark(&mut response);
        }
        if response.status() == StatusCode::OK {
            return reply::bytes(response, token::LARGEST_ANSWER, &self.options.http);
        }
        let refusal = Refusal::read(response, &self.options.http);
        let denied = matches!(refusal.status, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN);
        Err(if denied { host.unauthorized(credential, refusal) } else { refusal }.into())
    }

    /// Makes a request and follows redirects. Credentials go to the registry's own server only.
    fn follow(
        &self,
        host: &Host,
        base: &str,
        call: &Call<'_>,
        proof: Option<&Proof>,
    ) -> Result<Response<Body>, Failure> {
        let home = Origin::of(base)?;
        let mut url = resolve(base, &call.url)?;
        for _ in 0..=MOST_REDIRECTS {
            let origin = Origin::of(&url)?;
            let at_home = origin == home;
            let mut request = Request::builder().method(call.method.clone()).uri(&url);
            for (name, value) in &call.headers {
                request = request.header(name, value);
            }
            if let Some(proof) = proof.filter(|_| at_home) {
                request = request.header(header::AUTHORIZATION, &proof.header);
            }
            let agent = if at_home { host.agent.clone() } else { self.agent_of(&origin)? };
            let answer = self.run(&agent, request, &call.payload, call.patience);
            let mut response =
                answer.map_err(|failed| if at_home { failed } else { elsewhere(failed, &origin) })?;
            let Some(next) = redirection(call, &response) else {
                if !at_home {
                    Elsewhere::new(origin.authority()).mark(&mut response);
                }
                return Ok(response);
            };
            url = resolve(&url, next)?;
            reply::drain(response, &self.options.http);
        }
        Err(Failure::Final(Error::new(format!("the registry redirects more than {MOST_REDIRECTS} times"))))
    }

    /// The connection to another server than the registry's own: to a token server, to a storage host.
    fn agent_of(&self, origin: &Origin) -> Result<Agent> {
        Ok(self.host(&origin.authority(), false)?.agent.clone())
    }

    fn run(
        &self,
        agent: &Agent,
        request: ureq::http::request::Builder,
        payload: &Payload<'_>,
        patience: Duration,
    ) -> Result<Response<Body>, Failure> {
        let http = &self.options.http;
        let broken = RefCell::new(None);
        let send = |body: SendBody<'_>, request: ureq::http::request::Builder| {
            let request = request.body(body).map_err(ureq::Error::Http)?;
            let timeout = Some(http.timeout.saturating_add(patience));
            let request = agent.configure_request(request).timeout_recv_response(timeout).build();
            agent.run(request)
        };
        let answer = match payload {
            Payload::None => send(SendBody::none(), request),
            Payload::Bytes(bytes) => {
                let mut reader = *bytes;
                let request = request.header(header::CONTENT_LENGTH, bytes.len());
                send(SendBody::from_reader(&mut reader), request)
            }
            Payload::Stream { open, from, to, sent } => {
                let mut reader = Reading::open(*open, (*from, *to), *sent, &broken)?;
                let request = request.header(header::CONTENT_LENGTH, to - from);
                send(SendBody::from_reader(&mut reader), request)
            }
        };
        // What could not be read here is not the registry's fault, and will not pass.
        if let Some(error) = broken.take() {
            return Err(Failure::Final(error));
        }
        answer.map_err(|error| failure(&error, http))
    }
}

/// What went wrong with another server than the registry's own: the message names only that one.
fn elsewhere(failed: Failure, origin: &Origin) -> Failure {
    Elsewhere::new(origin.authority()).failing("reach", failed)
}

/// The value of an `Authorization` header.
struct Proof {
    header: String,
}

fn basic(user: &str, password: &str) -> String {
    format!("Basic {}", STANDARD.encode(format!("{user}:{password}")))
}

fn token_url(realm: &str, purpose: &Purpose, account: Option<&str>) -> String {
    let account = account.map(|account| ("account", account));
    let service = purpose.service.as_deref().map(|service| ("service", service));
    let scopes = purpose.scopes.iter().map(|scope| ("scope", scope.as_str()));
    let params = account.into_iter().chain(service).chain(scopes);
    params.fold(realm.to_owned(), |url, (name, value)| with_param(&url, name, value))
}

/// "Requesting a Token using OAuth2" (token specification): what trades an identity token for a token.
fn refresh_form(purpose: &Purpose, token: &str) -> String {
    let scopes = purpose.scopes.iter().map(String::as_str).collect::<Vec<_>>().join(" ");
    let fields = [
        ("grant_type", "refresh_token"),
        ("service", purpose.service.as_deref().unwrap_or_default()),
        ("client_id", "bareboat"),
        ("scope", &scopes),
        ("refresh_token", token),
    ];
    let pairs = fields.map(|(name, value)| format!("{name}={}", crate::http::encode_path(value)));
    pairs.join("&")
}

/// Where an answer sends us, if it does and may: what carries a blob only by the answers that keep the method.
fn redirection<'a>(call: &Call<'_>, response: &'a Response<Body>) -> Option<&'a str> {
    let reads = matches!(call.method, Method::GET | Method::HEAD);
    let follows = match response.status() {
        StatusCode::MOVED_PERMANENTLY | StatusCode::FOUND | StatusCode::SEE_OTHER => reads,
        StatusCode::TEMPORARY_REDIRECT | StatusCode::PERMANENT_REDIRECT => true,
        _ => false,
    };
    if follows { reply::header(response, header::LOCATION) } else { None }
}

/// A part of a blob on its way out: as long as it was said to be, its failures kept apart from the network's.
struct Reading<'a> {
    inner: Box<dyn Read + Send>,
    left: u64,
    at: u64,
    sent: &'a dyn Fn(u64),
    broken: &'a RefCell<Option<Error>>,
}

impl<'a> Reading<'a> {
    fn open(
        open: OpenBlob<'_>,
        (from, to): (u64, u64),
        sent: &'a dyn Fn(u64),
        broken: &'a RefCell<Option<Error>>,
    ) -> Result<Self> {
        let mut inner = open()?;
        let skipped = std::io::copy(&mut (&mut inner).take(from), &mut std::io::sink())?;
        if skipped < from {
            return Err(Error::new(format!("the blob ends after {skipped} bytes, expected {to} at least")));
        }
        Ok(Self { inner, left: to - from, at: from, sent, broken })
    }
}

impl Read for Reading<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let most = usize::try_from(self.left).unwrap_or(usize::MAX).min(buffer.len());
        if most == 0 {
            return Ok(0);
        }
        let read = match self.inner.read(&mut buffer[..most]) {
            Ok(0) => {
                Err(Error::new(format!("the blob ends after {} bytes, {} early", self.at, self.left)).into())
            }
            other => other,
        };
        match read {
            Ok(n) => {
                self.left -= n as u64;
                self.at += n as u64;
                (self.sent)(self.at);
                Ok(n)
            }
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => Err(error),
            Err(error) => {
                let error = Error::from(error);
                *self.broken.borrow_mut() = Some(error.clone());
                Err(error.into())
            }
        }
    }
}
