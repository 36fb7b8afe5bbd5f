//! Linux capabilities, as file capabilities name them.

use std::fmt;
use std::str::FromStr;

use bareboat_model::{Error, Result, escape, nearest};

use super::text_value;

/// A Linux capability, written as setcap(8) does: `cap_net_bind_service`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Capability(u8);

/// All capabilities by number, capabilities(7) and linux/capability.h of Linux 6.12.
const NAMES: [&str; 41] = [
    "cap_chown",
    "cap_dac_override",
    "cap_dac_read_search",
    "cap_fowner",
    "cap_fsetid",
    "cap_kill",
    "cap_setgid",
    "cap_setuid",
    "cap_setpcap",
    "cap_linux_immutable",
    "cap_net_bind_service",
    "cap_net_broadcast",
    "cap_net_admin",
    "cap_net_raw",
    "cap_ipc_lock",
    "cap_ipc_owner",
    "cap_sys_module",
    "cap_sys_rawio",
    "cap_sys_chroot",
    "cap_sys_ptrace",
    "cap_sys_pacct",
    "cap_sys_admin",
    "cap_sys_boot",
    "cap_sys_nice",
    "cap_sys_resource",
    "cap_sys_time",
    "cap_sys_tty_config",
    "cap_mknod",
    "cap_lease",
    "cap_audit_write",
    "cap_audit_control",
    "cap_setfcap",
    "cap_mac_override",
    "cap_mac_admin",
    "cap_syslog",
    "cap_wake_alarm",
    "cap_block_suspend",
    "cap_audit_read",
    "cap_perfmon",
    "cap_bpf",
    "cap_checkpoint_restore",
];

impl Capability {
    /// The number of the bit that stands for this capability in the kernel's sets.
    pub fn bit(self) -> u32 {
        u32::from(self.0)
    }

    /// The name, in lower case and with `cap_`.
    pub fn name(self) -> &'static str {
        NAMES.get(usize::from(self.0)).copied().unwrap_or_default()
    }
}

impl FromStr for Capability {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let lower = text.to_ascii_lowercase();
        if let Some(bit) = (0u8..).zip(NAMES).find_map(|(bit, name)| (name == lower).then_some(bit)) {
            return Ok(Self(bit));
        }
        let guess = nearest(&lower, NAMES).or_else(|| nearest(&format!("cap_{lower}"), NAMES));
        let wrong = format!("unknown capability `{}`", escape(text));
        Err(Error::new(match guess {
            Some(near) => format!("{wrong}, did you mean `{near}`?"),
            None => format!("{wrong}, expected one of capabilities(7) such as cap_net_bind_service"),
        }))
    }
}

impl fmt::Display for Capability {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

text_value!(Capability, "A Linux capability, such as cap_net_bind_service.", "^[Cc][Aa][Pp]_[A-Za-z_]+$");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bits_are_the_kernels() {
        // linux/capability.h
        for (name, bit) in [
            ("cap_chown", 0),
            ("CAP_NET_BIND_SERVICE", 10),
            ("cap_sys_admin", 21),
            ("cap_setfcap", 31),
            ("cap_checkpoint_restore", 40),
        ] {
            let capability: Capability = name.parse().unwrap();
            assert_eq!(capability.bit(), bit);
            assert_eq!(capability.name(), name.to_lowercase());
        }
    }

    #[test]
    fn an_unknown_one_names_the_nearest() {
        for (given, shown) in [
            ("cap_net_bind", "did you mean `cap_net_bind_service`?"),
            ("everything", "expected one of"),
            ("cap_net_bind_servce", "did you mean `cap_net_bind_service`?"),
            ("net_raw", "did you mean `cap_net_raw`?"),
        ] {
            let error = given.parse::<Capability>().unwrap_err().to_string();
            assert!(error.contains(shown), "{error}");
        }
    }
}
