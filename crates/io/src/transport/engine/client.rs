//! What is asked of an engine: its API's `images` (Docker Engine API, which Podman answers, too).

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, ErrorKind, Read, Seek as _, SeekFrom, Write};
use std::path::PathBuf;
use std::time::Duration;

use bareboat_formats::compress::Limited;
use bareboat_formats::tar::Limits;
use bareboat_model::{Context, Error, Result, escape};
use serde::Deserialize;
use ureq::http::{Response, StatusCode, header};
use ureq::{Agent, Body};

use super::socket::{NoNames, UnixConnector};

/// How long an engine may say nothing: loading a large image takes minutes on a slow disk.
const PATIENCE: Duration = Duration::from_secs(600);

/// What an engine tells of an image, or of an error, is short.
const LARGEST_ANSWER: u64 = 4 << 20;

/// An engine on this machine.
pub(in crate::transport) struct Engine {
    place: Place,
    agent: Agent,
}

/// Where it listens.
#[derive(Clone, PartialEq, Eq, Debug)]
enum Place {
    Socket(PathBuf),
    /// `HOST:PORT`.
    Loopback(String),
}

/// What an engine says of an image.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Inspected {
    id: String,
}

/// A line of what an engine tells while it loads, or an error's answer.
#[derive(Deserialize)]
struct Told {
    error: Option<String>,
    message: Option<String>,
}

impl Engine {
    /// The engine that `DOCKER_HOST` names, else the first whose socket is there.
    ///
    /// # Errors
    /// When there is none, or it is on another machine.
    pub(in crate::transport) fn find() -> Result<Self> {
        Self::at(place(|name| std::env::var_os(name))?)
    }

    /// The engine that listens there.
    #[cfg(test)]
    pub(in crate::transport) fn named(host: &str) -> Result<Self> {
        Self::at(named(host)?)
    }

    fn at(place: Place) -> Result<Self> {
        let config = Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .proxy(None)
            .user_agent(concat!("bareboat/", env!("CARGO_PKG_VERSION")))
            .timeout_per_read(Some(PATIENCE))
            .timeout_per_write(Some(PATIENCE))
            .build();
        let agent = match &place {
            Place::Socket(path) => Agent::with_parts(config, UnixConnector(path.clone()), NoNames),
            Place::Loopback(_) => Agent::new_with_config(config),
        };
        Ok(Self { place, agent })
    }

    /// Where it is, for people.
    pub(super) fn place(&self) -> String {
        match &self.place {
            Place::Socket(path) => escape(&path.display().to_string()),
            Place::Loopback(host) => escape(host),
        }
    }

    fn url(&self, path: &str) -> String {
        match &self.place {
            Place::Socket(_) => format!("http://engine{path}"),
            Place::Loopback(host) => format!("http://{host}{path}"),
        }
    }

    /// The ID of the image of this name, if there is one.
    pub(in crate::transport) fn id(&self, reference: &str) -> Result<Option<String>> {
        let ask = || {
            let response = self.get(&format!("/images/{reference}/json"))?;
            match response.status() {
                StatusCode::OK => {}
                StatusCode::NOT_FOUND => return Ok(None),
                _ => return Err(refusal(response)),
            }
            let mut bytes = Vec::new();
            response.into_body().into_reader().take(LARGEST_ANSWER).read_to_end(&mut bytes)?;
            let inspected: Inspected =
                serde_json::from_slice(&bytes).map_err(|error| Error::new(escape(&error.to_string())))?;
            Ok(Some(inspected.id))
        };
        ask().context(|| self.asking())
    }

    /// Writes what `docker save` gives to `to`.
    pub(super) fn save(&self, reference: &str, to: &mut impl Write) -> Result<()> {
        let mut save = || {
            let response = self.get(&format!("/images/{reference}/get"))?;
            if response.status() != StatusCode::OK {
                return Err(refusal(response));
            }
            let most = Limits::default().unpacked;
            io::copy(&mut Limited::new(response.into_body().into_reader(), most), to)?;
            Ok(())
        };
        save().context(|| self.asking())
    }

    /// Has the engine load an archive.
    pub(super) fn load(&self, mut archive: &File) -> Result<()> {
        let mut load = || {
            let size = archive.metadata()?.len();
            archive.seek(SeekFrom::Start(0))?;
            let request = self
                .agent
                .post(self.url("/images/load?quiet=1"))
                .header(header::CONTENT_TYPE, "application/x-tar")
                .header(header::CONTENT_LENGTH, size);
            let response = request
                .send(ureq::SendBody::from_reader(&mut archive))
                .map_err(|error| self.failure(&error))?;
            if response.status() != StatusCode::OK {
                return Err(refusal(response));
            }
            // That it went wrong stands in the story that the engine tells, after the status.
            let mut story = String::new();
            response.into_body().into_reader().take(LARGEST_ANSWER).read_to_string(&mut story)?;
            let told = story.lines().filter_map(|line| serde_json::from_str::<Told>(line).ok());
            match told.filter_map(|told| told.error).next() {
                Some(error) => Err(Error::new(format!("it does not load the image: {}", escape(&error)))),
                None => Ok(()),
            }
        };
        load().context(|| self.asking())
    }

    fn get(&self, path: &str) -> Result<Response<Body>> {
        self.agent.get(self.url(path)).call().map_err(|error| self.failure(&error))
    }

    fn asking(&self) -> String {
        format!("cannot use the engine at `{}`", self.place())
    }

    fn failure(&self, error: &ureq::Error) -> Error {
        let elsewhere = "start it, or say where one listens: DOCKER_HOST=unix:///PATH";
        match error {
            ureq::Error::Io(error) => match error.kind() {
                ErrorKind::NotFound => Error::new("there is no such socket").with_hint(elsewhere),
                ErrorKind::ConnectionRefused => Error::new("nobody listens there").with_hint(elsewhere),
                ErrorKind::PermissionDenied => Error::new("this user may not use it").with_hint(
                    "join the group `docker`, use an engine of your own (rootless Docker or Podman), or run as root",
                ),
                _ => Error::from(io::Error::new(error.kind(), error.to_string())),
            },
            ureq::Error::Timeout(_) => {
                Error::new(format!("it says nothing for {} s", PATIENCE.as_secs()))
            }
            other => Error::new(format!("it does not answer as an engine does ({})", escape(&other.to_string()))),
        }
    }
}

/// What the engine says about a request that it does not fulfil.
fn refusal(response: Response<Body>) -> Error {
    let status = response.status();
    let mut bytes = Vec::new();
    // If it cannot be read, the status says enough.
    let _ = response.into_body().into_reader().take(LARGEST_ANSWER).read_to_end(&mut bytes);
    let message = serde_json::from_slice::<Told>(&bytes).ok().and_then(|told| told.message);
    match (message, status) {
        (_, StatusCode::NOT_FOUND) => Error::new("it has no such image").with_hint(
            "`docker image ls` tells which there are; one in a registry is named HOST/REPOSITORY:TAG",
        ),
        (Some(message), _) => Error::new(format!("it answers {status}: {}", escape(message.trim()))),
        (None, _) => Error::new(format!("it answers {status}")),
    }
}

fn place(env: impl Fn(&str) -> Option<OsString>) -> Result<Place> {
    let set = |name: &str| env(name).filter(|value| !value.is_empty());
    if let Some(host) = set("DOCKER_HOST") {
        return named(&host.to_string_lossy());
    }
    let own = set("XDG_RUNTIME_DIR").map(PathBuf::from);
    let in_own = |path: &str| own.as_ref().map(|own| own.join(path));
    let candidates: Vec<PathBuf> = [
        Some(PathBuf::from("/var/run/docker.sock")),
        in_own("docker.sock"),
        in_own("podman/podman.sock"),
        Some(PathBuf::from("/run/podman/podman.sock")),
    ]
    .into_iter()
    .flatten()
    .collect();
    let found = candidates.iter().find(|path| path.exists()).or(candidates.first());
    found.map(|path| Place::Socket(path.clone())).ok_or_else(|| Error::new("there is no engine"))
}

/// `unix:///PATH`, or `tcp://HOST:PORT` of this machine: what goes over a network in plain text, anybody can read and change.
fn named(host: &str) -> Result<Place> {
    let wrong = |why: &str| {
        Err(Error::new(format!("cannot use DOCKER_HOST: `{}` {why}", escape(host)))
            .with_hint("write unix:///PATH, or tcp://127.0.0.1:PORT"))
    };
    if let Some(path) = host.strip_prefix("unix://") {
        return match path.starts_with('/') {
            true => Ok(Place::Socket(path.into())),
            false => wrong("names no absolute path"),
        };
    }
    let Some(address) = host.strip_prefix("tcp://").or_else(|| host.strip_prefix("http://")) else {
        return wrong("is of a kind that is not known");
    };
    let address = address.trim_end_matches('/');
    let name = address.rsplit_once(':').map_or(address, |(name, _)| name);
    let bare = name.trim_start_matches('[').trim_end_matches(']');
    let is_loopback =
        bare == "localhost" || bare.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback());
    match is_loopback {
        true => Ok(Place::Loopback(address.to_owned())),
        false => wrong("is on another machine"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_environment_says_where_the_engine_is() {
        let socket = |path: &str| Ok(Place::Socket(path.into()));
        let no = |why: &str| Err(format!("cannot use DOCKER_HOST: {why}"));
        for (host, expected) in [
            ("unix:///run/x.sock", socket("/run/x.sock")),
            ("unix://x.sock", no("`unix://x.sock` names no absolute path")),
            ("tcp://127.0.0.1:2375", Ok(Place::Loopback("127.0.0.1:2375".into()))),
            ("tcp://[::1]:2375/", Ok(Place::Loopback("[::1]:2375".into()))),
            ("tcp://localhost:2375", Ok(Place::Loopback("localhost:2375".into()))),
            ("tcp://192.0.2.1:2375", no("`tcp://192.0.2.1:2375` is on another machine")),
            ("tcp://localhost.test:2375", no("`tcp://localhost.test:2375` is on another machine")),
            ("ssh://host", no("`ssh://host` is of a kind that is not known")),
        ] {
            let found = place(|name| (name == "DOCKER_HOST").then(|| host.into()));
            assert_eq!(found.map_err(|error| error.to_string()), expected, "{host}");
        }
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("podman")).unwrap();
        let own = folder.path().join("podman/podman.sock");
        std::fs::write(&own, "").unwrap();
        let found = place(|name| (name == "XDG_RUNTIME_DIR").then(|| folder.path().into())).unwrap();
        // Docker's own comes first, where this machine has one.
        assert!([Place::Socket(own), Place::Socket("/var/run/docker.sock".into())].contains(&found));
    }
}
