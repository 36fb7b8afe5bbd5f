//! Which image of an index: by platform.

use std::collections::BTreeSet;

use bareboat_formats::oci::{Descriptor, ImageConfig, Index, Manifest, Platform};
use bareboat_model::{Arch, Error, Result};

use super::Source;
use super::graph::{DEEPEST, Kind, MOST_DOCUMENTS, document, no_image, plain};
use super::source::small_blob;

/// What is taken of an image that is there for several platforms.
#[derive(Clone, PartialEq, Debug, Default)]
pub enum Choice {
    /// The image for this machine; if there is only one, that one, whatever it is for.
    #[default]
    Natural,
    /// The image for this platform.
    For(Platform),
    /// All of it, as it is.
    All,
}

/// One image of several.
#[derive(Clone, PartialEq, Debug)]
pub struct Chosen {
    /// What it is for, if that is said.
    pub platform: Option<Platform>,
    /// How many there are.
    pub of: usize,
}

/// This machine's platform, in OCI's words.
pub(super) fn host() -> Platform {
    let architecture = Arch::host().map_or(std::env::consts::ARCH, Arch::oci).to_owned();
    Platform { os: "linux".to_owned(), architecture, ..Platform::default() }
}

/// What `choice` means below `top`: the manifest of one image, or `top` itself. Where there were others, says so.
pub(super) fn choose(
    source: &dyn Source,
    top: &Descriptor,
    choice: &Choice,
) -> Result<(Descriptor, Option<Chosen>)> {
    let wanted = match choice {
        Choice::All => return Ok((plain(top), None)),
        Choice::Natural => None,
        Choice::For(platform) => Some(platform),
    };
    match Kind::of(&top.media_type)? {
        Kind::Index => among(source, leaves(source, top)?, wanted),
        Kind::Manifest => {
            if let Some(wanted) = wanted
                && let Some(config) = own_config(source, top)?
                && !serves(&config, wanted)
            {
                return Err(lacks(Some(wanted), wanted, &[(plain(top), Some(platform_of(&config)))]));
            }
            Ok((plain(top), None))
        }
        Kind::Other => Err(no_image(top)),
    }
}

type Leaf = (Descriptor, Option<Platform>);

/// The manifests of an index and of those in it, with the platform that the index names.
fn leaves(source: &dyn Source, top: &Descriptor) -> Result<Vec<Leaf>> {
    let mut leaves = Vec::new();
    let mut seen = BTreeSet::new();
    let mut todo = vec![(plain(top), 0)];
    while let Some((index, depth)) = todo.pop() {
        if !seen.insert(index.digest) {
            continue;
        }
        if depth > DEEPEST || seen.len() > MOST_DOCUMENTS {
            return Err(Error::new(format!("its indexes are nested deeper than {DEEPEST}, or too many")));
        }
        for one in Index::parse(&document(source, &index)?)?.manifests {
            match Kind::of(&one.media_type)? {
                Kind::Index => todo.push((plain(&one), depth + 1)),
                Kind::Manifest => leaves.push((plain(&one), one.platform)),
                Kind::Other => {}
            }
        }
        if leaves.len() > MOST_DOCUMENTS {
            return Err(Error::new(format!("it has more than {MOST_DOCUMENTS} manifests")));
        }
    }
    Ok(leaves)
}

fn among(
    source: &dyn Source,
    leaves: Vec<Leaf>,
    wanted: Option<&Platform>,
) -> Result<(Descriptor, Option<Chosen>)> {
    // BuildKit puts attestations among the images, for the platform `unknown/unknown`.
    let mut images: Vec<Leaf> = leaves
        .into_iter()
        .filter(|(_, platform)| platform.as_ref().is_none_or(|its| its.os != "unknown"))
        .collect();
    if wanted.is_none() && images.len() == 1 {
        return Ok((images.remove(0).0, None));
    }
    let host = host();
    let wanted_or_host = wanted.unwrap_or(&host);
    for (image, platform) in &mut images {
        if platform.is_none() {
            *platform = own_config(source, image)?.map(|config| platform_of(&config));
        }
    }
    let rank = |(_, platform): &&Leaf| platform.as_ref()?.rank_for(wanted_or_host);
    let best = images.iter().filter_map(|leaf| Some((rank(&leaf)?, leaf))).min_by_key(|(rank, _)| *rank);
    let (_, (image, platform)) = best.ok_or_else(|| lacks(wanted, wanted_or_host, &images))?;
    let chosen = Chosen { platform: platform.clone(), of: images.len() };
    Ok((image.clone(), Some(chosen).filter(|chosen| chosen.of > 1)))
}

/// An image's config; none of what is no image.
fn own_config(source: &dyn Source, image: &Descriptor) -> Result<Option<ImageConfig>> {
    let manifest = Manifest::parse(&document(source, image)?)?;
    if !is_image(&manifest) {
        return Ok(None);
    }
    ImageConfig::parse(&small_blob(source, &manifest.config)?).map(Some)
}

/// Whether an image's config allows it to be taken for `wanted`. Images of older tools do not say what they are for.
pub(super) fn serves(config: &ImageConfig, wanted: &Platform) -> bool {
    let own = platform_of(config);
    own.os.is_empty() || own.architecture.is_empty() || own.rank_for(wanted).is_some()
}

/// Whether the manifest is an image's, and not of something else that registries keep.
pub(super) fn is_image(manifest: &Manifest) -> bool {
    use bareboat_formats::oci::{CONFIG, DOCKER_CONFIG};
    [CONFIG, DOCKER_CONFIG].contains(&manifest.config.media_type.as_str())
}

pub(super) fn platform_of(config: &ImageConfig) -> Platform {
    Platform {
        os: config.os.clone(),
        architecture: config.architecture.clone(),
        variant: config.variant.clone(),
        ..Platform::default()
    }
}

fn lacks(asked: Option<&Platform>, platform: &Platform, images: &[Leaf]) -> Error {
    let has: BTreeSet<String> =
        images.iter().filter_map(|(_, its)| Some(its.as_ref()?.to_string())).collect();
    let has: Vec<String> = has.into_iter().collect();
    let has =
        if has.is_empty() { "it names none".to_owned() } else { format!("only for {}", has.join(", ")) };
    let error = Error::new(format!("it has nothing for {platform}, {has}"));
    match asked {
        Some(_) => error,
        None => error.with_hint("choose one with --platform"),
    }
}
