//! Config and manifest: how an image runs, and what it is made of (OCI image-spec config.md, manifest.md).

use bareboat_formats::oci::{self, Descriptor, Execution, History, ImageConfig, Manifest};
use bareboat_model::{Context, Platform, Result, Timestamp};

use crate::effects::Accounts;
use crate::layers::Layer;
use crate::recipe::{Identity, ImageSettings};

/// An image's two documents, as bytes: their digests are the image's identity.
#[derive(Clone, Debug)]
pub struct Documents {
    /// The config.
    pub config: Vec<u8>,
    /// The manifest.
    pub manifest: Vec<u8>,
}

/// Writes config and manifest of an image of `layers`, each with its title, the lowest first. `base` is the history of
/// those that are a base image's.
///
/// # Errors
/// When the recipe's user is not in the image.
pub fn documents(
    settings: &ImageSettings,
    accounts: &Accounts,
    platform: Platform,
    created: Timestamp,
    base: &[History],
    layers: &[(String, Layer)],
) -> Result<Documents> {
    let mut config = ImageConfig::new(platform, created);
    config.config = execution(settings, accounts)?;
    config.rootfs.diff_ids = layers.iter().map(|(_, layer)| layer.diff_id).collect();
    let of_base = base.iter().filter(|entry| !entry.empty_layer).count();
    let ours = layers.iter().skip(of_base).map(|(title, _)| history(title, created));
    config.history = base.iter().cloned().chain(ours).collect();
    let config = config.to_bytes()?;

    let descriptors = layers.iter().map(|(_, layer)| layer.descriptor.clone()).collect();
    let mut manifest = Manifest::new(Descriptor::of(oci::CONFIG, &config), descriptors);
    manifest.annotations.clone_from(&settings.annotations);
    Ok(Documents { config, manifest: manifest.to_bytes()? })
}

fn history(title: &str, created: Timestamp) -> History {
    History {
        created: Some(created.to_string()),
        created_by: Some(format!("bareboat: {title}")),
        ..History::default()
    }
}

fn execution(settings: &ImageSettings, accounts: &Accounts) -> Result<Execution> {
    let user = match &settings.user {
        // Numbers, because Kubernetes' runAsNonRoot does not look names up.
        Some(owner) => {
            let numbers = accounts.resolve(owner).map(|(uid, gid)| format!("{uid}:{gid}"));
            match &settings.user_place {
                Some(place) => {
                    numbers.context(|| format!("cannot run the image as `{owner}`, as {place} says"))?
                }
                // A base image's own word, of which it alone knows what it means.
                None if matches!(owner.user, Identity::Id(_)) => owner.to_string(),
                None => numbers.unwrap_or_else(|_| owner.to_string()),
            }
        }
        None => String::new(),
    };
    Ok(Execution {
        user,
        exposed_ports: settings.ports.iter().map(ToString::to_string).collect(),
        env: settings.env.iter().map(|(name, value)| format!("{name}={value}")).collect(),
        entrypoint: settings.entrypoint.clone().unwrap_or_default(),
        cmd: settings.cmd.clone().unwrap_or_default(),
        volumes: settings.volumes.iter().map(ToString::to_string).collect(),
        working_dir: settings.workdir.as_ref().map(ToString::to_string).unwrap_or_default(),
        labels: settings.labels.clone(),
        stop_signal: settings.stop_signal.as_ref().map(|signal| signal.as_str().to_owned()),
        ..Execution::default()
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn the_config_says_what_the_recipe_says() {
        let settings = ImageSettings {
            entrypoint: Some(vec!["/usr/bin/x".into()]),
            env: [("B".to_owned(), "2".to_owned()), ("A".to_owned(), "1".to_owned())].into(),
            user: Some("nonroot".parse().unwrap()),
            ports: ["8080".parse().unwrap()].into(),
            annotations: [("k".to_owned(), "v".to_owned())].into(),
            ..ImageSettings::default()
        };
        let accounts = Accounts::of(&crate::tree::Tree::empty(), &BTreeMap::new(), &BTreeMap::new()).unwrap();
        let platform = "linux/arm64".parse().unwrap();
        let Documents { config, manifest } =
            documents(&settings, &accounts, platform, Timestamp::from_seconds(86400), &[], &[]).unwrap();
        assert_eq!(
            String::from_utf8(config).unwrap(),
            r#"{"created":"1970-01-02T00:00:00Z","architecture":"arm64","variant":"v8","os":"linux","config":{"User":"65532:65532","ExposedPorts":{"8080/tcp":{}},"Env":["A=1","B=2"],"Entrypoint":["/usr/bin/x"]},"rootfs":{"type":"layers","diff_ids":[]}}"#
        );
        let manifest = String::from_utf8(manifest).unwrap();
        assert!(manifest.contains(r#""annotations":{"k":"v"}"#), "{manifest}");
    }

    #[test]
    fn a_user_that_is_not_there_is_an_error() {
        let place = crate::recipe::Place { file: "x.toml".into(), line: 2, column: 8 };
        let user = Some("ghost".parse().unwrap());
        let settings = ImageSettings { user, user_place: Some(place), ..ImageSettings::default() };
        let accounts = Accounts::of(&crate::tree::Tree::empty(), &BTreeMap::new(), &BTreeMap::new()).unwrap();
        assert_eq!(
            execution(&settings, &accounts).unwrap_err().to_string(),
            "cannot run the image as `ghost`, as x.toml:2:8 says: user `ghost` is not in the image"
        );
    }
}
