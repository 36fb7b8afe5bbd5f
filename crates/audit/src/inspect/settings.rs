//! How an image runs, from its config.

use std::collections::{BTreeMap, BTreeSet};

use bareboat_formats::oci::{History, ImageConfig};
use serde::Serialize;

/// What a container of the image is. Texts are as they are in the config: escape them where they are shown.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Settings {
    /// `linux/amd64`, with the variant where it has one.
    pub platform: String,
    /// When it was made, as it says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub created: Option<String>,
    /// Who made it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub author: Option<String>,
    /// The program and its first arguments.
    pub entrypoint: Vec<String>,
    /// More arguments, or the program when there is no entrypoint.
    pub cmd: Vec<String>,
    /// The user, as it is written; empty for root.
    pub user: String,
    /// The directory that it starts in; empty for `/`.
    pub workdir: String,
    /// The environment.
    pub env: Vec<String>,
    /// The ports that it says it listens on.
    pub ports: BTreeSet<String>,
    /// Where volumes are mounted.
    pub volumes: BTreeSet<String>,
    /// Free words.
    pub labels: BTreeMap<String, String>,
    /// What stops it; without it, SIGTERM does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stop_signal: Option<String>,
    /// Docker's health check.
    pub healthcheck: Vec<String>,
    /// Docker's `ONBUILD`: what is done when one builds on the image.
    pub on_build: Vec<String>,
    /// How it came to be, step by step.
    pub history: Vec<Step>,
}

/// A step in which an image was made.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Step {
    /// When, as it says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub created: Option<String>,
    /// What was done, without what all builders put around it.
    pub command: String,
    /// The layer that it made, counted from 1; none if it made none, or nobody knows which.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub layer: Option<usize>,
}

pub(super) fn settings(config: &ImageConfig, layers: usize) -> Settings {
    let variant = config.variant.iter().map(|variant| format!("/{variant}"));
    let run = &config.config;
    let texts = |name: &str, inner: Option<&str>| -> Vec<String> {
        let value = run.extra.get(name).and_then(|value| inner.map_or(Some(value), |inner| value.get(inner)));
        let texts = value.and_then(|value| value.as_array()).into_iter().flatten();
        texts.filter_map(|text| text.as_str().map(str::to_owned)).collect()
    };
    Settings {
        platform: format!("{}/{}{}", config.os, config.architecture, variant.collect::<String>()),
        created: config.created.clone(),
        author: config.author.clone().filter(|author| !author.is_empty()),
        entrypoint: run.entrypoint.clone(),
        cmd: run.cmd.clone(),
        user: run.user.clone(),
        workdir: run.working_dir.clone(),
        env: run.env.clone(),
        ports: run.exposed_ports.clone(),
        volumes: run.volumes.clone(),
        labels: run.labels.clone(),
        stop_signal: run.stop_signal.clone(),
        healthcheck: texts("Healthcheck", Some("Test")),
        on_build: texts("OnBuild", None),
        history: history(&config.history, layers),
    }
}

/// Which step made which layer is known only when there are as many steps as layers.
fn history(steps: &[History], layers: usize) -> Vec<Step> {
    let counts = steps.iter().filter(|step| !step.empty_layer).count() == layers;
    let mut layer = 0;
    let told = steps.iter().map(|step| {
        layer += usize::from(!step.empty_layer);
        Step {
            created: step.created.clone(),
            command: command(step),
            layer: (counts && !step.empty_layer).then_some(layer),
        }
    });
    told.collect()
}

/// `RUN apt-get update` of `/bin/sh -c apt-get update` and of `RUN /bin/sh -c apt-get update # buildkit`.
fn command(step: &History) -> String {
    let created_by = step.created_by.as_deref().unwrap_or_default().trim();
    let text = created_by.strip_suffix("# buildkit").unwrap_or(created_by).trim_end();
    let shell = "/bin/sh -c ";
    let text = match text.strip_prefix(shell) {
        Some(rest) => match rest.strip_prefix("#(nop)") {
            Some(instruction) => instruction.trim_start().to_owned(),
            None => format!("RUN {rest}"),
        },
        None => text
            .strip_prefix("RUN ")
            .map_or_else(|| text.to_owned(), |run| format!("RUN {}", run.strip_prefix(shell).unwrap_or(run))),
    };
    let words = if text.is_empty() { step.comment.clone().unwrap_or_default() } else { text };
    words.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_lose_what_all_builders_put_around_them() {
        for (written, expected) in [
            ("/bin/sh -c apt-get update", "RUN apt-get update"),
            ("/bin/sh -c #(nop)  CMD [\"bash\"]", "CMD [\"bash\"]"),
            ("RUN /bin/sh -c apt-get  update \t&& x # buildkit", "RUN apt-get update && x"),
            ("RUN |1 A=b /bin/sh -c x # buildkit", "RUN |1 A=b /bin/sh -c x"),
            ("COPY a b # buildkit", "COPY a b"),
            ("bareboat", "bareboat"),
            ("", "a word"),
        ] {
            let step = History {
                created_by: Some(written.to_owned()),
                comment: Some("a word".to_owned()),
                ..History::default()
            };
            assert_eq!(command(&step), expected, "{written}");
        }
    }

    #[test]
    fn steps_find_their_layers_only_when_they_are_as_many() {
        let step = |empty_layer| History { empty_layer, ..History::default() };
        let steps = [step(false), step(true), step(false)];
        let layers = |count| history(&steps, count).iter().map(|step| step.layer).collect::<Vec<_>>();
        assert_eq!(layers(2), [Some(1), None, Some(2)]);
        assert_eq!(layers(3), [None, None, None]);
    }
}
