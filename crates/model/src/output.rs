//! Where an image is written to: the transports that `build -o` knows.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use crate::{Error, Result};

/// A place for an image, written as skopeo writes it.
///
/// ```
/// use bareboat_model::Output;
/// let output: Output = "oci:out/hello:1.0".parse().unwrap();
/// assert_eq!(output, Output::Oci { dir: "out/hello".into(), tag: Some("1.0".into()) });
/// ```
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Output {
    /// `oci:DIR[:TAG]`: an OCI image layout in a folder.
    Oci {
        /// The folder.
        dir: PathBuf,
        /// The name of the image in the layout's index.
        tag: Option<String>,
    },
    /// `oci-archive:FILE[:TAG]`: an OCI image layout in one tar file.
    OciArchive {
        /// The tar file.
        file: PathBuf,
        /// The name of the image in the layout's index.
        tag: Option<String>,
    },
    /// `docker-archive:FILE[:REF]`: what `docker load` reads.
    DockerArchive {
        /// The tar file.
        file: PathBuf,
        /// The repository and tag that the engine gives the image, such as `hello:1.0`.
        reference: Option<String>,
    },
}

impl FromStr for Output {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let (transport, rest) = text.split_once(':').unwrap_or(("", text));
        let (path, name) = match rest.split_once(':') {
            Some((path, name)) => (path, Some(name.to_owned())),
            None => (rest, None),
        };
        let known = matches!(transport, "oci" | "oci-archive" | "docker-archive");
        if !known {
            return Err(Error::new(format!("unknown transport in `{}`", crate::escape(text)))
                .with_hint("write oci:DIR[:TAG], oci-archive:FILE[:TAG] or docker-archive:FILE[:REF]"));
        }
        if path.is_empty() {
            return Err(Error::new(format!("`{}` names no file or folder", crate::escape(text))));
        }
        if name.as_deref() == Some("") {
            return Err(Error::new(format!("`{}` ends with an empty tag", crate::escape(text))));
        }
        if let Some(name) = &name {
            check_name(name, transport == "docker-archive")?;
        }
        if path == "-" {
            return Err(Error::new("an image cannot be written to standard output")
                .with_hint(format!("write it to a file: {transport}:FILE")));
        }
        Ok(match transport {
            "oci" => Self::Oci { dir: path.into(), tag: name },
            "oci-archive" => Self::OciArchive { file: path.into(), tag: name },
            _ => Self::DockerArchive { file: path.into(), reference: name },
        })
    }
}

/// A tag as registries take it (OCI distribution specification, "Pulling manifests"); or, for Docker, a repository in
/// lower case with a tag.
fn check_name(name: &str, is_docker: bool) -> Result<()> {
    let (repository, tag) = match name.rsplit_once(':') {
        Some((repository, tag)) if is_docker && !tag.contains('/') => (repository, Some(tag)),
        _ if is_docker => (name, None),
        _ => ("", Some(name)),
    };
    let is_tag = |tag: &str| {
        let starts = tag.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_');
        starts && tag.len() <= 128 && tag.bytes().all(|b| b.is_ascii_alphanumeric() || b"_.-".contains(&b))
    };
    let is_part = |part: &str| {
        let inner = part.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"._-".contains(&b));
        inner
            && part.starts_with(|c: char| c.is_ascii_alphanumeric())
            && part.ends_with(|c: char| c.is_ascii_alphanumeric())
    };
    let mut parts = repository.split('/');
    // The first part may be a registry with its port.
    let host = |part: &str| part.split(':').all(is_part);
    if is_docker && !(parts.next().is_some_and(host) && parts.all(is_part)) {
        return Err(Error::new(format!("`{}` is no name of an image", crate::escape(name))).with_hint(
            "names are of lower-case letters and digits, with `.`, `_`, `-` or `/` between them",
        ));
    }
    match tag {
        Some(tag) if !is_tag(tag) => Err(Error::new(format!("`{}` is no tag", crate::escape(tag)))
            .with_hint("tags are of letters, digits, `.`, `_` and `-`, at most 128")),
        _ => Ok(()),
    }
}

impl fmt::Display for Output {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (transport, path, name) = match self {
            Self::Oci { dir, tag } => ("oci", dir, tag),
            Self::OciArchive { file, tag } => ("oci-archive", file, tag),
            Self::DockerArchive { file, reference } => ("docker-archive", file, reference),
        };
        write!(f, "{transport}:{}", path.display())?;
        name.as_ref().map_or(Ok(()), |name| write!(f, ":{name}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outputs_round_trip() {
        for text in [
            "oci:dir",
            "oci:dir:tag",
            "oci-archive:f.tar:1",
            "docker-archive:f.tar:repo/x:1.0",
            "docker-archive:f:h.test:5000/x",
        ] {
            assert_eq!(text.parse::<Output>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn what_names_no_place_is_refused() {
        for text in [
            "",
            "hello",
            "oci:",
            "oci::tag",
            "oci:dir:",
            "podman:x",
            "oci:dir:bad tag",
            "oci:dir:-x",
            "oci:-",
            "docker-archive:f:BAD/Ref",
            "docker-archive:f:a//b",
            "docker-archive:f:a:b c",
        ] {
            assert!(text.parse::<Output>().is_err(), "{text}");
        }
    }
}
