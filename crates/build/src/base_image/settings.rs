//! How a base image runs, as a recipe would say it: so that the recipe on top changes what it names and nothing else.

use std::fmt::Display;
use std::str::FromStr;

use bareboat_formats::oci::{Execution, ImageConfig};
use bareboat_model::{Context, Error, ImagePath, Result, escape};

use crate::recipe::ImageSettings;

/// The settings of an image's config.
///
/// # Errors
/// When the config says something that no recipe could.
pub(super) fn of(config: &ImageConfig) -> Result<ImageSettings> {
    let Execution { user, exposed_ports, env, entrypoint, cmd, volumes, working_dir, labels, .. } =
        &config.config;
    let unless_empty = |list: &[String]| (!list.is_empty()).then(|| list.to_vec());
    Ok(ImageSettings {
        entrypoint: unless_empty(entrypoint),
        cmd: unless_empty(cmd),
        env: env.iter().map(|line| variable(line)).collect(),
        user: if user.is_empty() { None } else { Some(value("user", user)?) },
        user_place: None,
        workdir: if working_dir.is_empty() { None } else { Some(path("working directory", working_dir)?) },
        ports: exposed_ports.iter().map(|port| value("port", port)).collect::<Result<_>>()?,
        volumes: volumes.iter().map(|volume| path("volume", volume)).collect::<Result<_>>()?,
        stop_signal: config.config.stop_signal.as_deref().map(|it| value("stop signal", it)).transpose()?,
        labels: labels.clone(),
        annotations: Default::default(),
    })
}

fn variable(line: &str) -> (String, String) {
    let (name, value) = line.split_once('=').unwrap_or((line, ""));
    (name.to_owned(), value.to_owned())
}

fn value<T: FromStr<Err: Into<Error>>>(what: impl Display, text: &str) -> Result<T> {
    text.parse().map_err(Into::into).context(|| format!("its config's {what} `{}`", escape(text)))
}

fn path(what: &str, text: &str) -> Result<ImagePath> {
    ImagePath::absolute(text).context(|| format!("its config's {what} `{}`", escape(text)))
}
