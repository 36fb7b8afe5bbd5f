//! Platforms as a recipe names them.

use std::str::FromStr;

use bareboat_model::{Error, Platform, Result};

use super::text_value;

/// A platform that images can be built for.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(in crate::recipe) struct PlatformName(pub(in crate::recipe) Platform);

impl FromStr for PlatformName {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        text.parse().map(Self)
    }
}

text_value!(PlatformName, "A platform, such as linux/amd64.", "^linux/");
