//! How an image is named and reached: the transports.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use crate::reference::{check_part, check_tag};
use crate::{Digest, Error, Reference, Result, escape};

/// What to write, for whoever wrote something else.
const FORMS: &str = "write oci:DIR[:TAG], oci-archive:FILE[:TAG], docker-archive:FILE[:REF], docker-daemon:REF or HOST/REPOSITORY:TAG";

/// Transports that are not registries.
const OURS: [&str; 4] = ["oci", "oci-archive", "docker-archive", "docker-daemon"];

/// Transports of other tools. As the name of a repository, each would be a surprise.
const FOREIGN: [&str; 9] =
    ["containers-storage", "containerd", "dir", "docker", "file", "ostree", "podman", "sif", "tarball"];

/// Where an image is, or shall be, written as skopeo writes it.
///
/// ```
/// use bareboat_model::{Location, Selector};
/// let image: Location = "oci:out/hello:1.0".parse().unwrap();
/// assert_eq!(image, Location::Oci { dir: "out/hello".into(), name: Some(Selector::Tag("1.0".into())) });
/// let image: Location = "localhost:5000/hello".parse().unwrap();
/// assert_eq!(image.to_string(), "localhost:5000/hello:latest");
/// ```
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Location {
    /// `oci:DIR[:TAG]` or `oci:DIR@DIGEST`: an OCI image layout in a folder.
    Oci {
        /// The folder.
        dir: PathBuf,
        /// Which of its images.
        name: Option<Selector>,
    },
    /// `oci-archive:FILE[:TAG]` or `oci-archive:FILE@DIGEST`: an OCI image layout in one tar file.
    OciArchive {
        /// The tar file.
        file: PathBuf,
        /// Which of its images.
        name: Option<Selector>,
    },
    /// `docker-archive:FILE[:REF]`: what `docker save` writes and `docker load` reads.
    DockerArchive {
        /// The tar file.
        file: PathBuf,
        /// The repository and tag that the engine gives the image, such as `hello:1.0`.
        reference: Option<String>,
    },
    /// `docker-daemon:REF`: an engine on this machine, through its socket.
    DockerDaemon {
        /// What the engine calls the image: `hello:1.0`, or `sha256:…` for its ID.
        reference: String,
    },
    /// `HOST/REPOSITORY[:TAG][@DIGEST]`, also with `docker://` before it: a registry.
    Registry(Reference),
}

/// Which image of a layout.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Selector {
    /// The one with this tag.
    Tag(String),
    /// The one with this digest.
    Digest(Digest),
}

impl FromStr for Location {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        if let Some(reference) = text.strip_prefix("docker://") {
            return Ok(Self::Registry(reference.parse()?));
        }
        if let Some(scheme) = ["https://", "http://"].into_iter().find(|scheme| text.starts_with(scheme)) {
            let error = format!("`{}` is an address, and no name of an image", escape(text));
            return Err(Error::new(error).with_hint(format!("leave out `{scheme}`")));
        }
        let (transport, rest) = text.split_once(':').unwrap_or(("", text));
        match transport {
            "oci" => layout(text, rest).map(|(dir, name)| Self::Oci { dir, name }),
            "oci-archive" => layout(text, rest).map(|(file, name)| Self::OciArchive { file, name }),
            "docker-archive" => docker_archive(text, rest),
            "docker-daemon" => {
                check_docker_name(rest)?;
                Ok(Self::DockerDaemon { reference: rest.to_owned() })
            }
            foreign if FOREIGN.contains(&foreign) || is_like_transport(foreign, rest) => {
                Err(Error::new(format!("unknown transport in `{}`", escape(text))).with_hint(FORMS))
            }
            _ => text.parse().map(Self::Registry),
        }
    }
}

/// `oci-dir:path/to/x`, `oci-layout://x` and the like were meant as a transport, and `localhost:5000/x` was not.
fn is_like_transport(word: &str, rest: &str) -> bool {
    let is_word = !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    let before_path = rest.split_once('/').map(|(port, _)| port);
    let is_port = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    is_word && before_path.is_some_and(|text| !is_port(text))
}

fn layout(text: &str, rest: &str) -> Result<(PathBuf, Option<Selector>)> {
    if let Some((path, digest)) = rest.split_once("@sha256:") {
        check_path(text, path)?;
        return Ok((path.into(), Some(Selector::Digest(Digest::from_hex(digest)?))));
    }
    let (path, tag) = path_and_name(text, rest)?;
    tag.map_or(Ok(()), check_tag)?;
    Ok((path, tag.map(|tag| Selector::Tag(tag.to_owned()))))
}

fn docker_archive(text: &str, rest: &str) -> Result<Location> {
    let (file, reference) = path_and_name(text, rest)?;
    reference.map_or(Ok(()), check_docker_name)?;
    Ok(Location::DockerArchive { file, reference: reference.map(str::to_owned) })
}

fn path_and_name<'a>(text: &str, rest: &'a str) -> Result<(PathBuf, Option<&'a str>)> {
    let (path, name) = match rest.split_once(':') {
        Some((path, name)) => (path, Some(name)),
        None => (rest, None),
    };
    check_path(text, path)?;
    if name == Some("") {
        return Err(Error::new(format!("`{}` ends with an empty tag", escape(text))));
    }
    Ok((path.into(), name))
}

fn check_path(text: &str, path: &str) -> Result<()> {
    match path {
        "" => Err(Error::new(format!("`{}` names no file or folder", escape(text)))),
        "-" => Err(Error::new("an image cannot be read from standard input or written to standard output")
            .with_hint(format!("name a file: {}:FILE", text.split(':').next().unwrap_or_default()))),
        _ => Ok(()),
    }
}

/// A repository in lower case with an optional tag, or the ID of an image.
fn check_docker_name(name: &str) -> Result<()> {
    if name.starts_with("sha256:") {
        return name.parse::<Digest>().map(drop);
    }
    let (repository, tag) = match name.rsplit_once(':') {
        Some((repository, tag)) if !tag.contains('/') => (repository, Some(tag)),
        _ => (name, None),
    };
    let mut parts = repository.split('/');
    // The first part may be a registry with its port.
    let host = |part: &str| part.split(':').all(|part| check_part(part).is_ok());
    if !(parts.next().is_some_and(host) && parts.all(|part| check_part(part).is_ok())) {
        return Err(Error::new(format!("`{}` is no name of an image", escape(name))).with_hint(
            "names are of lower-case letters and digits, with `.`, `_`, `-` or `/` between them",
        ));
    }
    tag.map_or(Ok(()), check_tag)
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (transport, path, name) = match self {
            Self::Oci { dir, name } => ("oci", dir, name),
            Self::OciArchive { file, name } => ("oci-archive", file, name),
            Self::DockerArchive { file, reference } => {
                write!(f, "docker-archive:{}", file.display())?;
                return reference.iter().try_for_each(|name| write!(f, ":{name}"));
            }
            Self::DockerDaemon { reference } => return write!(f, "docker-daemon:{reference}"),
            Self::Registry(reference) => {
                // A registry may be called as a transport is.
                let host = reference.registry().split(':').next().unwrap_or_default();
                let hides = OURS.contains(&host) || FOREIGN.contains(&host);
                return write!(f, "{}{reference}", if hides { "docker://" } else { "" });
            }
        };
        write!(f, "{transport}:{}", path.display())?;
        match name {
            Some(Selector::Tag(tag)) => write!(f, ":{tag}"),
            Some(Selector::Digest(digest)) => write!(f, "@{digest}"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DIGEST: &str = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    #[test]
    fn locations_round_trip() {
        for text in [
            "oci:dir",
            "oci:dir:tag",
            &format!("oci:dir@{DIGEST}"),
            "oci-archive:f.tar:1",
            &format!("oci-archive:f.tar@{DIGEST}"),
            "docker-archive:f.tar:repo/x:1.0",
            "docker-archive:f:h.test:5000/x",
            "docker-daemon:x:1",
            &format!("docker-daemon:{DIGEST}"),
            "h.test/x:1",
            &format!("h.test/x@{DIGEST}"),
            "docker://docker:1/x:1",
            "docker://oci:80/x:1",
            "localhost:5000/x:1",
        ] {
            assert_eq!(text.parse::<Location>().unwrap().to_string(), text);
        }
        assert_eq!(
            "docker://debian".parse::<Location>().unwrap().to_string(),
            "docker.io/library/debian:latest"
        );
    }

    #[test]
    fn what_names_no_place_is_refused() {
        for text in [
            "",
            "Hello",
            "oci:",
            "oci::tag",
            "oci:dir:",
            "oci:@sha256:12",
            "podman:x",
            "dir:x",
            "containers-storage:x",
            "docker:x",
            "docker://",
            "docker-daemon:",
            "docker-daemon:X",
            "docker-daemon:sha256:12",
            "oci:dir:bad tag",
            "oci:dir:-x",
            "oci:-",
            "docker-archive:f:BAD/Ref",
            "docker-archive:f:a//b",
            "docker-archive:f:a:b c",
        ] {
            assert!(text.parse::<Location>().is_err(), "{text}");
        }
    }

    #[test]
    fn what_was_meant_is_told_by_the_hint() {
        for (text, hint) in [
            ("oci-dir:out/x", FORMS),
            ("oci-layout://out/x", FORMS),
            ("registry:team/app", FORMS),
            ("https://h.test/x:1", "leave out `https://`"),
            ("http://localhost:5000/x", "leave out `http://`"),
            (
                "localhost:5000/Hello",
                "names are of lower-case letters and digits, with `.`, `_`, `-` or `/` between them",
            ),
        ] {
            assert_eq!(text.parse::<Location>().unwrap_err().hint(), Some(hint), "{text}");
        }
    }
}
