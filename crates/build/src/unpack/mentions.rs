//! What maintainer scripts speak of. They are never run here, so a person must know what they would do.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

/// Something that a package's scripts or triggers mention.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Mention {
    /// Users or groups are made, or file owners changed.
    Users,
    /// `update-alternatives`.
    Alternatives,
    /// `dpkg-divert`.
    Diversions,
    /// `dpkg-statoverride`: owners and modes that are not those in the package.
    Statoverrides,
    /// Links or files are made.
    Files,
    /// A cache or index is built.
    Caches,
    /// `ldconfig`: done by the tool itself.
    Ldconfig,
    /// Python byte code is compiled.
    Bytecode,
    /// A service is registered or started.
    Services,
    /// Questions are asked through debconf.
    Debconf,
    /// File capabilities are set.
    Capabilities,
    /// Keys and certificates are made.
    Keys,
    /// What a machine that boots needs.
    Boot,
    /// Programs whose work is not known.
    Programs,
}

/// In lower case, as the JSON has it.
impl fmt::Display for Mention {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&format!("{self:?}").to_ascii_lowercase())
    }
}

/// Words that give a [`Mention`] away.
const SIGNS: &[(Mention, &[&str])] = &[
    (
        Mention::Users,
        &[
            "adduser",
            "addgroup",
            "useradd",
            "groupadd",
            "usermod",
            "systemd-sysusers",
            "update-passwd",
            "chown",
            "chgrp",
        ],
    ),
    (Mention::Alternatives, &["update-alternatives"]),
    (Mention::Diversions, &["dpkg-divert"]),
    (Mention::Statoverrides, &["dpkg-statoverride"]),
    (Mention::Files, &["ln", "cp", "install", "mkdir", "touch", "mktemp", "systemd-tmpfiles"]),
    (
        Mention::Caches,
        &[
            "update-ca-certificates",
            "fc-cache",
            "update-mime-database",
            "glib-compile-schemas",
            "gtk-update-icon-cache",
            "gdk-pixbuf-query-loaders",
            "update-desktop-database",
            "update-fonts-dir",
            "mandb",
            "install-info",
            "locale-gen",
            "update-icon-caches",
            "jks-keystore",
        ],
    ),
    (Mention::Ldconfig, &["ldconfig"]),
    (Mention::Bytecode, &["py3compile", "pycompile", "py3clean", "compileall", "pypy3compile"]),
    (
        Mention::Services,
        &["deb-systemd-helper", "deb-systemd-invoke", "invoke-rc.d", "update-rc.d", "systemctl"],
    ),
    (Mention::Debconf, &["db_input", "db_get", "confmodule"]),
    (Mention::Capabilities, &["setcap"]),
];

/// What the scripts that would run at installation, and the triggers, mention; sorted.
///
/// ```
/// use bareboat_build::unpack::{Mention, mentions};
/// let scripts = [("postinst".into(), "#!/bin/sh\nadduser --system www\n# ldconfig\n".into())].into();
/// assert_eq!(mentions(&scripts, ""), [Mention::Users]);
/// ```
pub fn mentions(scripts: &BTreeMap<String, String>, triggers: &str) -> Vec<Mention> {
    let at_installation = ["preinst", "postinst", "config"];
    let mut found: Vec<Mention> = scripts
        .iter()
        .filter(|(name, _)| at_installation.contains(&name.as_str()))
        .flat_map(|(_, script)| script.lines().flat_map(mentions_of_line))
        .collect();
    if triggers.lines().any(|line| line.starts_with("activate") && line.contains("ldconfig")) {
        found.push(Mention::Ldconfig);
    }
    found.sort_unstable();
    found.dedup();
    found
}

/// What one line mentions.
pub fn mentions_of_line(line: &str) -> impl Iterator<Item = Mention> {
    let code = if line.trim_start().starts_with('#') { "" } else { line };
    let words = code.split(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.')));
    words
        .filter_map(|word| SIGNS.iter().find(|(_, signs)| signs.contains(&word)).map(|(mention, _)| *mention))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scripts_give_away_what_they_do() {
        let cases: &[(&str, &[Mention])] = &[
            ("set -e\nexit 0", &[]),
            ("update-alternatives --install /usr/bin/awk awk /usr/bin/mawk 5", &[Mention::Alternatives]),
            ("if ! getent passwd x; then adduser --system x; fi\nchown x /var/x", &[Mention::Users]),
            ("/sbin/ldconfig", &[Mention::Ldconfig]),
            (". /usr/share/debconf/confmodule\ndb_get x", &[Mention::Debconf]),
            ("  # update-alternatives is not called", &[]),
            (
                "dpkg-divert --add x; dpkg-statoverride --add y",
                &[Mention::Diversions, Mention::Statoverrides],
            ),
            ("println plnx", &[]),
        ];
        for (script, expected) in cases {
            let scripts = BTreeMap::from([("postinst".to_owned(), (*script).to_owned())]);
            assert_eq!(mentions(&scripts, ""), *expected, "{script}");
        }
    }

    #[test]
    fn what_runs_at_removal_does_not_count() {
        let scripts = BTreeMap::from([("prerm".to_owned(), "py3clean -p x".to_owned())]);
        assert_eq!(mentions(&scripts, ""), []);
    }

    #[test]
    fn triggers_count_too() {
        assert_eq!(mentions(&BTreeMap::new(), "activate-noawait ldconfig\n"), [Mention::Ldconfig]);
    }
}
