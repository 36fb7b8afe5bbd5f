//! Platforms as OCI names them, and what Debian and ELF call the same thing.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::{Error, Result};

/// A processor architecture that images can be built for.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Arch {
    /// x86-64.
    Amd64,
    /// AArch64, little-endian.
    Arm64,
}

impl Arch {
    /// All architectures that bareboat knows.
    pub const ALL: [Self; 2] = [Self::Amd64, Self::Arm64];

    /// The name in OCI platforms (GOARCH).
    pub fn oci(self) -> &'static str {
        match self {
            Self::Amd64 => "amd64",
            Self::Arm64 => "arm64",
        }
    }

    /// The name in Debian's control files. The same as OCI's for these two.
    pub fn debian(self) -> &'static str {
        self.oci()
    }

    /// Debian's multiarch directory name.
    pub fn triplet(self) -> &'static str {
        match self {
            Self::Amd64 => "x86_64-linux-gnu",
            Self::Arm64 => "aarch64-linux-gnu",
        }
    }

    /// `e_machine` of this architecture's ELF files (`EM_X86_64`, `EM_AARCH64`).
    pub fn elf_machine(self) -> u16 {
        match self {
            Self::Amd64 => 62,
            Self::Arm64 => 183,
        }
    }

    /// The architecture of the machine that bareboat runs on, when it is one of these.
    pub fn host() -> Option<Self> {
        match std::env::consts::ARCH {
            "x86_64" => Some(Self::Amd64),
            "aarch64" => Some(Self::Arm64),
            _ => None,
        }
    }
}

impl fmt::Display for Arch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.oci())
    }
}

/// What an image runs on: Linux on one architecture. Written `linux/amd64`.
///
/// ```
/// use bareboat_model::{Arch, Platform};
/// let platform: Platform = "linux/arm64".parse().unwrap();
/// assert_eq!(platform.arch, Arch::Arm64);
/// assert_eq!("linux/arm64/v8".parse::<Platform>().unwrap(), platform);
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Platform {
    /// The architecture; the operating system is always Linux.
    pub arch: Arch,
}

impl Platform {
    /// The `variant` in OCI platforms: `v8` on arm64, none on amd64.
    pub fn variant(self) -> Option<&'static str> {
        match self.arch {
            Arch::Amd64 => None,
            Arch::Arm64 => Some("v8"),
        }
    }
}

impl fmt::Display for Platform {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "linux/{}", self.arch)
    }
}

impl FromStr for Platform {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let known = || {
            let known: Vec<String> = Arch::ALL.iter().map(|&arch| Self { arch }.to_string()).collect();
            Error::new(format!(
                "unknown platform `{}`, expected one of {}",
                crate::escape(text),
                known.join(", ")
            ))
        };
        let arch = match text {
            "linux/amd64" | "linux/x86_64" => Arch::Amd64,
            "linux/arm64" | "linux/arm64/v8" | "linux/aarch64" => Arch::Arm64,
            _ => return Err(known()),
        };
        Ok(Self { arch })
    }
}

impl Serialize for Platform {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Platform {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}
