//! Of what kind a line of a maintainer script is, by the words in it: where it was not done, a person must know what it would do.

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
    fn lines_give_away_what_they_do() {
        let cases: &[(&str, &[Mention])] = &[
            ("set -e", &[]),
            ("update-alternatives --install /usr/bin/awk awk /usr/bin/mawk 5", &[Mention::Alternatives]),
            ("adduser --system x; chown x /var/x", &[Mention::Users, Mention::Users]),
            ("/sbin/ldconfig", &[Mention::Ldconfig]),
            ("db_get x", &[Mention::Debconf]),
            ("  # update-alternatives is not called", &[]),
            (
                "dpkg-divert --add x; dpkg-statoverride --add y",
                &[Mention::Diversions, Mention::Statoverrides],
            ),
            ("println plnx", &[]),
        ];
        for (line, expected) in cases {
            assert_eq!(mentions_of_line(line).collect::<Vec<_>>(), *expected, "{line}");
        }
    }
}
