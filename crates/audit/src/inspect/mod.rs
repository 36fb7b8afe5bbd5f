//! What there is to tell of an image: pure functions over its config and its [`View`].

mod biggest;
mod budget;
mod dive;
mod dive_rules;
mod html;
mod layers;
mod packages;
mod settings;
#[cfg(test)]
mod tests;
mod waste;

use bareboat_formats::oci::ImageConfig;
use bareboat_model::{Digest, Error, Result};
use serde::Serialize;

pub use biggest::{BigFile, BigFolder, hard_links, sizes};
pub use budget::{Budgets, Bytes, Limit, MostWaste, Verdict};
pub use dive::{Dive, Inefficient, dive};
pub use dive_rules::{DiveRules, Rule, Share};
pub use html::{ShowSize, html};
pub use layers::{Count, LayerTold};
pub use packages::{PackageTold, Packages};
pub use settings::{Settings, Step};
pub use waste::{Fate, Waste, Wasted};

use crate::packages::Inventory;
use crate::view::View;

/// What is told of an image. In JSON, names from the image are escaped where they are paths, and as they are elsewhere.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Inspection {
    /// How it was named.
    pub image: String,
    /// Of its manifest; of a Docker archive, which has none, of the config.
    pub digest: Digest,
    /// Of the index that it is in, if the name stands for one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub index: Option<Digest>,
    /// How it runs, and how it came to be.
    pub config: Settings,
    /// How big it is.
    pub size: Sizes,
    /// Its layers, the lowest first.
    pub layers: Vec<LayerTold>,
    /// Its packages.
    pub packages: Packages,
    /// Its biggest files, the biggest first.
    pub biggest_files: Vec<BigFile>,
    /// Its biggest folders, the biggest first.
    pub biggest_folders: Vec<BigFolder>,
    /// What its layers carry for nothing.
    pub waste: Waste,
    /// What dive says of it, if that was asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dive: Option<Dive>,
    /// Whether it is within its budgets.
    pub budgets: Vec<Verdict>,
}

/// How big an image is.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
pub struct Sizes {
    /// The layers as they are stored and fetched, most often compressed.
    pub stored: u64,
    /// The contents of all layers: about what an engine says that the image takes.
    pub layers: u64,
    /// The files that a container sees, each once.
    pub files: u64,
    /// How many regular files a container sees, whatever their names.
    pub file_count: u64,
    /// How many paths it sees, directories and links included.
    pub paths: u64,
}

/// What to tell, and how.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// The index that it was found in.
    pub index: Option<Digest>,
    /// The layers of the base, by the digests of their tars, with its name.
    pub base: Option<(String, Vec<Digest>)>,
    /// How many of the biggest files and folders.
    pub top: usize,
    /// Whether to look as dive does, too.
    pub dive: bool,
    /// What it may at most have.
    pub budgets: Budgets,
}

/// Tells of an image.
///
/// # Errors
/// When it does not build on the base that was named.
pub fn inspect(
    name: &str,
    digest: Digest,
    config: &ImageConfig,
    view: &View,
    inventory: &Inventory,
    options: &Options,
) -> Result<Inspection> {
    let base = options.base.as_ref().map(|(name, layers)| base(view, name, layers)).transpose()?;
    let config = settings::settings(config, view.layers.len());
    let layers = layers::layers(view, &config.history, base.unwrap_or_default());
    let contents =
        view.contents().fold((0, 0), |sum: (u64, u64), (_, item)| (sum.0 + 1, sum.1 + item.size()));
    let mut told = Inspection {
        image: name.to_owned(),
        digest,
        index: options.index,
        size: Sizes {
            stored: layers.iter().map(|layer| layer.stored).sum(),
            layers: layers.iter().map(|layer| layer.bytes).sum(),
            files: contents.1,
            file_count: contents.0,
            paths: view.len() as u64,
        },
        config,
        layers,
        packages: packages::packages(view, inventory),
        biggest_files: biggest::files(view, inventory, options.top),
        biggest_folders: biggest::folders(view, options.top),
        waste: waste::waste(view, base),
        dive: None,
        budgets: Vec::new(),
    };
    let dive = (options.dive || options.budgets.need_dive()).then(|| dive::dive(view));
    told.budgets = options.budgets.judge(&told, dive.as_ref());
    told.dive = dive.filter(|_| options.dive);
    Ok(told)
}

/// How many of the layers are the base's.
fn base(view: &View, name: &str, layers: &[Digest]) -> Result<usize> {
    let same = view.layers.iter().zip(layers).take_while(|(layer, base)| layer.diff_id == **base).count();
    if same == layers.len() {
        return Ok(same);
    }
    let error = format!(
        "the image does not build on `{}`: its lowest layers are not those of the base, of {} layers {same} are the same",
        bareboat_model::escape(name),
        layers.len()
    );
    Err(Error::new(error).with_hint("name the base by the digest that it had when the image was built"))
}
