//! What is left out on purpose, and why: the table `left_out.toml`.

use std::sync::LazyLock;

use serde::{Deserialize, Serialize};

use crate::unpack::Mention;

/// Something that scripts do and the tool does not, on purpose. What the table has besides is for the measure against real
/// installations.
#[derive(PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct LeftOut {
    /// What it is called.
    pub name: String,
    /// What kind of thing it is, in the words of the summary.
    pub kind: Mention,
    /// Programs that scripts call for it.
    #[serde(skip_serializing)]
    commands: Vec<String>,
    /// Why.
    pub reason: String,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Table {
    left_out: Vec<LeftOut>,
}

/// A test holds that it can be read.
static TABLE: LazyLock<Table> =
    LazyLock::new(|| toml::from_str(include_str!("left_out.toml")).unwrap_or_default());

/// Why a command is not followed, if that is on purpose.
pub(super) fn of_command(name: &str) -> Option<&'static LeftOut> {
    TABLE.left_out.iter().find(|rule| rule.commands.iter().any(|command| command == name))
}

/// The rule of this name.
pub(super) fn named(name: &str) -> Option<&'static LeftOut> {
    TABLE.left_out.iter().find(|rule| rule.name == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_can_be_read_and_has_reasons() {
        let table: Table = toml::from_str(include_str!("left_out.toml")).unwrap();
        for used in ["login", "bytecode", "systemd itself"] {
            assert!(named(used).is_some(), "{used}");
        }
        for rule in &table.left_out {
            assert!(rule.reason.len() > 20, "{}", rule.name);
        }
        assert_eq!(of_command("invoke-rc.d").unwrap().kind, Mention::Services);
        assert_eq!(of_command("adduser"), None);
    }
}
