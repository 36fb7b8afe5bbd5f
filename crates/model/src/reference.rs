//! How an image in a registry is named.

use std::fmt;
use std::str::FromStr;

use crate::{Digest, Error, Result, escape};

/// The registry of names that name none, as every tool has it.
const DEFAULT_REGISTRY: &str = "docker.io";

/// Where that registry keeps the repositories that have one word for a name.
const DEFAULT_NAMESPACE: &str = "library";

/// The tag of a name that has none.
const DEFAULT_TAG: &str = "latest";

/// Registries take names of up to 255 characters, the registry's own included (distribution specification, "Pulling manifests").
const LONGEST_NAME: usize = 255;

/// An image in a registry: `HOST[:PORT]/REPOSITORY[:TAG][@DIGEST]`, with Docker's short forms.
///
/// ```
/// use bareboat_model::Reference;
/// let short: Reference = "debian".parse().unwrap();
/// assert_eq!(short.to_string(), "docker.io/library/debian:latest");
/// let own: Reference = "localhost:5000/team/app:1.0".parse().unwrap();
/// assert_eq!((own.registry(), own.repository(), own.tag()), ("localhost:5000", "team/app", Some("1.0")));
/// ```
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Reference {
    registry: String,
    repository: String,
    tag: Option<String>,
    digest: Option<Digest>,
}

impl Reference {
    /// The registry's host, with its port if one was named.
    pub fn registry(&self) -> &str {
        &self.registry
    }

    /// The repository in the registry.
    pub fn repository(&self) -> &str {
        &self.repository
    }

    /// The tag. One of tag and digest is always there: a name with neither means `latest`.
    pub fn tag(&self) -> Option<&str> {
        self.tag.as_deref()
    }

    /// The digest. Where there is a tag as well, the digest decides.
    pub fn digest(&self) -> Option<Digest> {
        self.digest
    }

    /// `HOST/REPOSITORY`, without tag and digest.
    pub fn name(&self) -> String {
        format!("{}/{}", self.registry, self.repository)
    }

    /// What a registry is asked for: the digest if there is one, else the tag.
    pub fn selector(&self) -> String {
        match (self.digest, &self.tag) {
            (Some(digest), _) => digest.to_string(),
            (None, Some(tag)) => tag.clone(),
            (None, None) => DEFAULT_TAG.to_owned(),
        }
    }

    /// The same repository under another tag.
    ///
    /// # Errors
    /// When it is no tag.
    pub fn with_tag(&self, tag: &str) -> Result<Self> {
        check_tag(tag)?;
        Ok(Self { tag: Some(tag.to_owned()), digest: None, ..self.clone() })
    }

    /// One image of the same repository, by digest.
    pub fn with_digest(&self, digest: Digest) -> Self {
        Self { tag: None, digest: Some(digest), ..self.clone() }
    }
}

impl FromStr for Reference {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        read(text).map_err(|error| {
            let hint = error
                .hint()
                .unwrap_or("names are written HOST[:PORT]/REPOSITORY[:TAG] or …@sha256:DIGEST")
                .to_owned();
            Error::new(format!("`{}` is no name of an image: {error}", escape(text))).with_hint(hint)
        })
    }
}

fn read(text: &str) -> Result<Reference> {
    let (rest, digest) = match text.split_once('@') {
        Some((rest, digest)) => (rest, Some(read_digest(digest)?)),
        None => (text, None),
    };
    // A colon before the last slash is a port.
    let (name, tag) = match rest.rsplit_once(':') {
        Some((name, tag)) if !tag.contains('/') => (name, Some(tag)),
        _ => (rest, None),
    };
    if let Some(tag) = tag {
        check_tag(tag)?;
        if is_registry_alone(name, tag) {
            let mut hint = format!("name a repository in it: {name}:{tag}/REPOSITORY");
            // `node.js:20` may be meant as Docker reads it; a machine by its number never is.
            if name != "localhost"
                && name.contains(|c: char| c.is_ascii_alphabetic())
                && !name.starts_with('[')
            {
                hint +=
                    &format!("; the image of Docker's hub is {DEFAULT_REGISTRY}/{DEFAULT_NAMESPACE}/{rest}");
            }
            return Err(Error::new("this is a registry").with_hint(hint));
        }
    }
    if name.len() == 64 && name.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')) {
        return Err(Error::new("this is an ID, or a digest without its repository").with_hint(
            "write HOST/REPOSITORY@sha256:DIGEST, or docker-daemon:sha256:ID for an image of the engine",
        ));
    }
    let (registry, repository) = match name.split_once('/') {
        Some((first, repository)) if is_host(first) => (first, repository.to_owned()),
        Some(_) => (DEFAULT_REGISTRY, name.to_owned()),
        None => (DEFAULT_REGISTRY, format!("{DEFAULT_NAMESPACE}/{name}")),
    };
    let registry = if registry == "index.docker.io" { DEFAULT_REGISTRY } else { registry };
    let repository = match repository.contains('/') {
        false if registry == DEFAULT_REGISTRY => format!("{DEFAULT_NAMESPACE}/{repository}"),
        _ => repository,
    };
    check_host(registry)?;
    repository.split('/').try_for_each(check_part)?;
    if registry.len() + 1 + repository.len() > LONGEST_NAME {
        return Err(Error::new(format!("it is longer than {LONGEST_NAME} characters")));
    }
    let tag = match (tag, digest) {
        (None, None) => Some(DEFAULT_TAG.to_owned()),
        (tag, _) => tag.map(str::to_owned),
    };
    Ok(Reference { registry: registry.to_owned(), repository, tag, digest })
}

fn read_digest(text: &str) -> Result<Digest> {
    match text.split_once(':') {
        Some((algorithm, _)) if algorithm != "sha256" => {
            Err(Error::new(format!("its digest is a {}, expected sha256", escape(algorithm))))
        }
        _ => text.parse(),
    }
}

/// As Docker decides whether the first part of a name is a registry or a namespace of its own.
fn is_host(part: &str) -> bool {
    part.contains(['.', ':', '['])
        || part == "localhost"
        || part.bytes().any(|byte| byte.is_ascii_uppercase())
}

/// Whether the tag of a single word is rather the port of a host. Docker takes `localhost:5000` for a repository of its hub, which
/// nobody ever means.
fn is_registry_alone(name: &str, tag: &str) -> bool {
    let is_host = name == "localhost" || name.starts_with('[') || name.contains('.');
    is_host && !name.contains('/') && check_host(&format!("{name}:{tag}")).is_ok()
}

/// A host name, an IPv4 address or an IPv6 address in brackets, with an optional port.
fn check_host(host: &str) -> Result<()> {
    let wrong = || Error::new(format!("`{}` is no registry", escape(host)));
    let (name, port) = match host.rsplit_once(':') {
        Some((name, port)) if !port.ends_with(']') => (name, Some(port)),
        _ => (host, None),
    };
    let is_label = |label: &str| {
        !label.is_empty()
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    let is_name = match name.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        Some(address) => address.parse::<std::net::Ipv6Addr>().is_ok(),
        None => name.split('.').all(is_label),
    };
    let is_port =
        port.is_none_or(|port| port.parse::<u16>().is_ok_and(|port| port > 0) && !port.starts_with('+'));
    if is_name && is_port { Ok(()) } else { Err(wrong()) }
}

/// One part of a repository: lower-case letters and digits, between them `.`, `_`, `__` or hyphens (distribution
/// specification, "Pulling manifests").
pub(crate) fn check_part(part: &str) -> Result<()> {
    let is_inner = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    let is_separator =
        |text: &str| matches!(text, "" | "." | "_" | "__") || text.bytes().all(|byte| byte == b'-');
    if part.starts_with(is_inner) && part.ends_with(is_inner) && part.split(is_inner).all(is_separator) {
        return Ok(());
    }
    Err(Error::new(format!("`{}` is no part of a repository's name", escape(part)))
        .with_hint("names are of lower-case letters and digits, with `.`, `_`, `-` or `/` between them"))
}

/// A tag: letters, digits, `_`, and after the first character also `.` and `-`; at most 128 (distribution specification,
/// "Pulling manifests").
pub(crate) fn check_tag(tag: &str) -> Result<()> {
    let starts = tag.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_');
    if starts && tag.len() <= 128 && tag.bytes().all(|b| b.is_ascii_alphanumeric() || b"_.-".contains(&b)) {
        return Ok(());
    }
    Err(Error::new(format!("`{}` is no tag", escape(tag)))
        .with_hint("tags are of letters, digits, `.`, `_` and `-`, at most 128"))
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.registry, self.repository)?;
        self.tag.iter().try_for_each(|tag| write!(f, ":{tag}"))?;
        self.digest.iter().try_for_each(|digest| write!(f, "@{digest}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DIGEST: &str = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    #[test]
    fn names_are_read_as_docker_reads_them() {
        for (text, whole) in [
            ("debian", "docker.io/library/debian:latest"),
            ("debian:13", "docker.io/library/debian:13"),
            ("team/app", "docker.io/team/app:latest"),
            ("docker.io/debian", "docker.io/library/debian:latest"),
            ("index.docker.io/library/debian", "docker.io/library/debian:latest"),
            ("localhost/x", "localhost/x:latest"),
            ("localhost:5000/x", "localhost:5000/x:latest"),
            ("h.test/a/b__c/d--e.f:v1.0_x-y", "h.test/a/b__c/d--e.f:v1.0_x-y"),
            ("[::1]:5000/x:1", "[::1]:5000/x:1"),
            ("127.0.0.1:5000/x:1", "127.0.0.1:5000/x:1"),
            ("Registry/x", "Registry/x:latest"),
        ] {
            assert_eq!(text.parse::<Reference>().unwrap().to_string(), whole, "{text}");
            assert_eq!(whole.parse::<Reference>().unwrap().to_string(), whole, "{text}");
        }
        let both: Reference = format!("h.test/x:1@{DIGEST}").parse().unwrap();
        assert_eq!((both.tag(), both.selector().as_str()), (Some("1"), DIGEST));
        let digest: Reference = format!("h.test/x@{DIGEST}").parse().unwrap();
        assert_eq!((digest.tag(), digest.selector().as_str()), (None, DIGEST));
    }

    /// The cases of distribution/reference (`reference_test.go`, `normalize_test.go`): what Docker takes is taken and means the same.
    #[test]
    fn names_that_docker_takes_mean_the_same() {
        for (text, whole) in [
            ("test_com", "docker.io/library/test_com:latest"),
            ("test_com:tag", "docker.io/library/test_com:tag"),
            ("test_com:5000", "docker.io/library/test_com:5000"),
            ("foo_bar.com:8080", "docker.io/library/foo_bar.com:8080"),
            ("foo/foo_bar.com:8080", "docker.io/foo/foo_bar.com:8080"),
            ("test.com/repo:tag", "test.com/repo:tag"),
            ("test:5000/repo", "test:5000/repo:latest"),
            ("test:5000/repo:tag", "test:5000/repo:tag"),
            ("lowercase:Uppercase", "docker.io/library/lowercase:Uppercase"),
            ("sub-dom1.foo.com/bar/baz/quux:some-long-tag", "sub-dom1.foo.com/bar/baz/quux:some-long-tag"),
            (
                "b.gcr.io/test.example.com/my-app:test.example.com",
                "b.gcr.io/test.example.com/my-app:test.example.com",
            ),
            ("xn--n3h.com/myimage:xn--n3h.com", "xn--n3h.com/myimage:xn--n3h.com"),
            ("192.168.1.1", "docker.io/library/192.168.1.1:latest"),
            ("192.168.1.1:tag", "docker.io/library/192.168.1.1:tag"),
            ("192.168.1.1/repo", "192.168.1.1/repo:latest"),
            ("192.168.1.1:5000/repo:5050", "192.168.1.1:5000/repo:5050"),
            ("192.168.0.1:8/debian", "192.168.0.1:8/debian:latest"),
            ("[2001:db8::1]/repo", "[2001:db8::1]/repo:latest"),
            ("[2001:db8:1:2:3:4:5:6]/repo:tag", "[2001:db8:1:2:3:4:5:6]/repo:tag"),
            ("[2001:db8::]:5000/repo", "[2001:db8::]:5000/repo:latest"),
            ("docker/docker", "docker.io/docker/docker:latest"),
            ("library/debian", "docker.io/library/debian:latest"),
            ("docker.io/library/debian", "docker.io/library/debian:latest"),
            ("index.docker.io/docker/docker", "docker.io/docker/docker:latest"),
            ("index.docker.io/debian", "docker.io/library/debian:latest"),
            ("127.0.0.1:5000/library/debian", "127.0.0.1:5000/library/debian:latest"),
            ("127.0.0.1:5000/debian", "127.0.0.1:5000/debian:latest"),
            ("Foo/bar", "Foo/bar:latest"),
            (
                "thisisthesongthatneverendsitgoesonandonandonthisisthesongthatnev",
                "docker.io/library/thisisthesongthatneverendsitgoesonandonandonthisisthesongthatnev:latest",
            ),
            (
                "docker.io/1a3f5e7d9c1b3a5f7e9d1c3b5a7f9e1d3c5b7a9f1e3d5d7c9b1a3f5e7d9c1b3a",
                "docker.io/library/1a3f5e7d9c1b3a5f7e9d1c3b5a7f9e1d3c5b7a9f1e3d5d7c9b1a3f5e7d9c1b3a:latest",
            ),
        ] {
            let read = text.parse::<Reference>();
            assert_eq!(read.map(|name| name.to_string()), Ok(whole.to_owned()), "{text}");
        }
    }

    #[test]
    fn names_that_docker_refuses_are_refused() {
        for text in [
            ":justtag",
            "@sha256:ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
            "repo@sha256:ffffffffffffffffffffffffffffffffff",
            "validname@invaliddigest:ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
            "Uppercase:tag",
            "test:5000/Uppercase/lowercase:tag",
            "aa/asdf$$^/aa",
            "[2001:db8::1]",
            "[2001:db8::1]:5000",
            "[fe80::1%eth0]:5000/repo",
            "[fe80::1%@invalidzone]:5000/repo",
            "fc00::1:5000/debian",
            "https://github.com/docker/docker",
            "docker/Docker",
            "-docker",
            "-docker/docker",
            "-docker.io/docker/docker",
            "docker///docker",
            "docker.io/docker/Docker",
            "docker.io/docker///docker",
            "1a3f5e7d9c1b3a5f7e9d1c3b5a7f9e1d3c5b7a9f1e3d5d7c9b1a3f5e7d9c1b3a",
        ] {
            assert!(text.parse::<Reference>().is_err(), "{text}");
        }
    }

    #[test]
    fn what_is_no_name_is_refused() {
        let longest = format!("h.test/{}", "a".repeat(249));
        for text in [
            "",
            "/",
            "/x",
            "x/",
            "x//y",
            "X",
            "h.test/X",
            "h.test/x:",
            "h.test/x:-1",
            "h.test/x:a b",
            "h.test/.x",
            "h.test/x.",
            "h.test/x___y",
            "h.test/x..y",
            "h.test/../x",
            "h.test:x/y",
            "h.test:0/y",
            "h.test:99999/y",
            "h.test:+5/y",
            "-h.test/x",
            "h..test/x",
            "[::1/x",
            "[x]/x",
            "h.test/x@sha256:12",
            "h.test/x@sha512:12",
            "h.test/x@",
            "h.test/é",
            "h.test/x\u{1b}[2J",
            "a:b@c:d/e",
            &longest,
        ] {
            assert!(text.parse::<Reference>().is_err(), "{text}");
        }
        let tag = "t".repeat(129);
        assert!(format!("x:{tag}").parse::<Reference>().is_err());
        assert!(format!("x:{}", &tag[1..]).parse::<Reference>().is_ok());
        let error = format!("h.test/x@{}", DIGEST.replace("sha256", "md5")).parse::<Reference>().unwrap_err();
        assert!(error.to_string().ends_with("its digest is a md5, expected sha256"), "{error}");
    }

    #[test]
    fn a_registry_alone_is_no_image() {
        for text in
            ["127.0.0.1:5000", "localhost:5000", "h.test:443", "[::1]:5000", "localhost:5000@sha256:12"]
        {
            let error = text.parse::<Reference>().unwrap_err();
            assert!(text.contains('@') || error.to_string().ends_with("this is a registry"), "{error}");
        }
        let error = "localhost:5000".parse::<Reference>().unwrap_err();
        assert_eq!(error.hint(), Some("name a repository in it: localhost:5000/REPOSITORY"));
        let error = "node.js:20".parse::<Reference>().unwrap_err();
        assert!(
            error.hint().unwrap().ends_with("; the image of Docker's hub is docker.io/library/node.js:20")
        );
        let hub = "docker.io/library/node.js:20";
        assert_eq!(hub.parse::<Reference>().unwrap().to_string(), hub);
        for text in ["debian:13", "node.js:v20", "node.js:99999", "localhost:dev", "h.test/x:1"] {
            assert!(text.parse::<Reference>().is_ok(), "{text}");
        }
    }

    #[test]
    fn another_tag_or_digest() {
        let image: Reference = format!("h.test/x:1@{DIGEST}").parse().unwrap();
        assert_eq!(image.with_tag("2").unwrap().to_string(), "h.test/x:2");
        assert!(image.with_tag("a/b").is_err());
        assert_eq!(image.with_digest(Digest::of(b"")).to_string(), format!("h.test/x@{DIGEST}"));
        assert_eq!(image.name(), "h.test/x");
    }
}
