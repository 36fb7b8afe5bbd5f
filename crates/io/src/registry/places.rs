//! Where this machine keeps what it knows of registries: passwords, certificates, mirrors.

use std::ffi::OsString;
use std::path::PathBuf;

/// Files and folders about registries, those of Docker and of containers' tools (podman, skopeo, buildah).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Places {
    /// Files with passwords; the first that knows a registry counts.
    pub auth: Vec<PathBuf>,
    /// The one of them that `bareboat login` writes to.
    pub login: Option<PathBuf>,
    /// Folders with a folder of certificates for each `HOST:PORT`; the first counts that has one.
    pub certificates: Vec<PathBuf>,
    /// Candidates for `registries.conf`; the first that is there counts.
    pub conf: Vec<PathBuf>,
    /// Folders of files that add to it, in their order.
    pub conf_folders: Vec<PathBuf>,
}

impl Places {
    /// As the environment of this process says it.
    pub fn from_env() -> Self {
        Self::from(|name| std::env::var_os(name))
    }

    fn from(env: impl Fn(&str) -> Option<OsString>) -> Self {
        let set = |name: &str| env(name).filter(|value| !value.is_empty()).map(PathBuf::from);
        let home = set("HOME");
        let in_home = |path: &str| home.as_ref().map(|home| home.join(path));
        let config = set("XDG_CONFIG_HOME").or_else(|| in_home(".config"));
        let named = set("REGISTRY_AUTH_FILE");
        let docker = set("DOCKER_CONFIG").or_else(|| in_home(".docker")).map(|dir| dir.join("config.json"));
        let containers = |dir: Option<PathBuf>| dir.map(|dir| dir.join("containers/auth.json"));
        // containers-auth.json(5): the file of the environment replaces the one in the run folder only.
        let first = named.clone().or_else(|| containers(set("XDG_RUNTIME_DIR")));
        let auth = [first, containers(config.clone()), docker.clone()].into_iter().flatten().collect();
        let ours = |path: &str| config.as_ref().map(|dir| dir.join("containers").join(path));
        let system = |path: &str| PathBuf::from("/etc/containers").join(path);
        let conf = match set("CONTAINERS_REGISTRIES_CONF") {
            Some(path) => vec![path],
            None => ours("registries.conf").into_iter().chain([system("registries.conf")]).collect(),
        };
        Self {
            auth,
            login: named.or(docker),
            certificates: ours("certs.d")
                .into_iter()
                .chain([system("certs.d"), PathBuf::from("/etc/docker/certs.d")])
                .collect(),
            conf,
            conf_folders: std::iter::once(system("registries.conf.d"))
                .chain(ours("registries.conf.d"))
                .collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn places(env: &[(&str, &str)]) -> Places {
        Places::from(|name| env.iter().find(|(key, _)| *key == name).map(|(_, value)| OsString::from(value)))
    }

    #[test]
    fn the_environment_says_where_to_look() {
        let plain = places(&[("HOME", "/h")]);
        assert_eq!(
            plain.auth,
            ["/h/.config/containers/auth.json", "/h/.docker/config.json"].map(PathBuf::from)
        );
        assert_eq!(plain.login, Some("/h/.docker/config.json".into()));
        assert_eq!(
            plain.certificates,
            ["/h/.config/containers/certs.d", "/etc/containers/certs.d", "/etc/docker/certs.d"]
                .map(PathBuf::from)
        );
        let all = places(&[
            ("HOME", "/h"),
            ("XDG_CONFIG_HOME", "/c"),
            ("XDG_RUNTIME_DIR", "/r"),
            ("DOCKER_CONFIG", "/d"),
            ("REGISTRY_AUTH_FILE", "/a"),
            ("CONTAINERS_REGISTRIES_CONF", "/x.conf"),
        ]);
        assert_eq!(all.auth, ["/a", "/c/containers/auth.json", "/d/config.json"].map(PathBuf::from));
        assert_eq!(all.login, Some("/a".into()));
        assert_eq!(all.conf, ["/x.conf"].map(PathBuf::from));
        let run = places(&[("XDG_RUNTIME_DIR", "/r")]);
        assert_eq!(run.auth, ["/r/containers/auth.json"].map(PathBuf::from));
        assert_eq!(run.login, None);
    }
}
