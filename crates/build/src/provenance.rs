//! How an image was built, as a record that others understand: an in-toto statement (v1) with the provenance that SLSA
//! describes (v1), attached to the image as an OCI 1.1 artifact.
//!
//! Pure: it says only what the recipe, the lock and the request say, so the same build always gives the same record. There is no
//! clock in it, no name of this machine and no path on it. It is not signed: it tells what was built from what, not who says so.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use bareboat_formats::oci::{self, Descriptor, EMPTY, Manifest};
use bareboat_io::transport::{Attachment, ImageSet};
use bareboat_model::{Digest, Error, Location, Platform, Result, Timestamp};
use serde::Serialize;

use crate::lock::{BaseImage, DEBIAN, DEBIAN_SECURITY, Lock, LockedPackage};
use crate::recipe::Tier;

/// in-toto's media type for a statement without a signature around it, and the type of the artifact.
const MEDIA_TYPE: &str = "application/vnd.in-toto+json";
/// The annotation that tells statements apart without reading them, as BuildKit and others have it.
const PREDICATE_TYPE_KEY: &str = "in-toto.io/predicate-type";

const STATEMENT: &str = "https://in-toto.io/Statement/v1";
const PREDICATE: &str = "https://slsa.dev/provenance/v1";
/// How the request below is to be understood: docs/attachments.md.
const BUILD_TYPE: &str = "pkg:generic/bareboat#recipe/v1";
/// The tool, whoever ran it.
const BUILDER: &str = "pkg:generic/bareboat";

/// What was asked for and what it stood for.
pub(crate) struct Build<'a> {
    /// The image's name.
    pub(crate) name: &'a str,
    /// The recipe and those that it builds on, the lowest first.
    pub(crate) tiers: &'a [Tier],
    /// The lock that was followed.
    pub(crate) lock: &'a Lock,
    /// SOURCE_DATE_EPOCH.
    pub(crate) source_date: Option<Timestamp>,
    /// Whether the recipe's steps were run.
    pub(crate) steps: bool,
    /// Libraries that may be missing, beyond those that the recipe names.
    pub(crate) allow_missing: &'a BTreeSet<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Statement<'a> {
    #[serde(rename = "_type")]
    kind: &'static str,
    subject: Vec<Resource>,
    predicate_type: &'static str,
    predicate: Provenance<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Provenance<'a> {
    build_definition: Definition<'a>,
    run_details: Run,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Definition<'a> {
    build_type: &'static str,
    external_parameters: Parameters<'a>,
    resolved_dependencies: Vec<Resource>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Parameters<'a> {
    recipe: Resource,
    platforms: Vec<Platform>,
    steps: bool,
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    allow_missing: &'a BTreeSet<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    source_date_epoch: Option<i64>,
}

#[derive(Serialize)]
struct Run {
    builder: Builder,
}

#[derive(Serialize)]
struct Builder {
    id: &'static str,
    version: BTreeMap<&'static str, &'static str>,
}

/// in-toto's ResourceDescriptor.
#[derive(Serialize, PartialEq, Eq, PartialOrd, Ord)]
struct Resource {
    name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    uri: Option<String>,
    digest: BTreeMap<&'static str, String>,
}

impl Resource {
    fn new(name: impl Into<String>, uri: Option<String>, digest: &Digest) -> Self {
        Self { name: name.into(), uri, digest: BTreeMap::from([("sha256", digest.hex())]) }
    }
}

/// The record, attached to each image of the set and to the index that ties them together.
///
/// # Errors
/// When the set has no image.
pub(crate) fn attachments(build: &Build<'_>, set: &ImageSet) -> Result<Vec<Attachment>> {
    let images = set.images.iter().map(|image| &image.manifest);
    let subjects: Vec<&Descriptor> = set.index.iter().map(|(index, _)| index).chain(images).collect();
    let platforms = set.images.iter().map(|image| image.platform).collect();
    let statement = statement(build, &subjects, platforms)?;
    subjects.into_iter().map(|subject| attachment(subject, &statement)).collect()
}

fn attachment(subject: &Descriptor, statement: &[u8]) -> Result<Attachment> {
    let annotations = BTreeMap::from([(PREDICATE_TYPE_KEY.to_owned(), PREDICATE.to_owned())]);
    let mut layer = Descriptor::of(MEDIA_TYPE, statement);
    layer.annotations.clone_from(&annotations);
    let mut manifest = Manifest::artifact(MEDIA_TYPE, subject, vec![layer]);
    manifest.annotations.clone_from(&annotations);
    let manifest_bytes = manifest.to_bytes()?;
    let mut named = Descriptor::of(oci::MANIFEST, &manifest_bytes);
    // What a registry's list of referrers says of it.
    named.annotations = annotations;
    named.extra.insert("artifactType".to_owned(), MEDIA_TYPE.into());
    Ok(Attachment {
        subject: subject.digest,
        manifest: named,
        manifest_bytes,
        blobs: vec![EMPTY.1.to_vec(), statement.to_vec()],
    })
}

fn statement(build: &Build<'_>, subjects: &[&Descriptor], platforms: Vec<Platform>) -> Result<Vec<u8>> {
    let recipe = build.tiers.last().ok_or_else(|| Error::new("a build without a recipe"))?;
    let statement = Statement {
        kind: STATEMENT,
        subject: subjects.iter().map(|one| Resource::new(build.name, None, &one.digest)).collect(),
        predicate_type: PREDICATE,
        predicate: Provenance {
            build_definition: Definition {
                build_type: BUILD_TYPE,
                resolved_dependencies: dependencies(build, &platforms),
                external_parameters: Parameters {
                    recipe: Resource::new(&recipe.name, None, &recipe.text),
                    platforms,
                    steps: build.steps,
                    allow_missing: build.allow_missing,
                    source_date_epoch: build.source_date.map(Timestamp::seconds),
                },
            },
            run_details: Run {
                builder: Builder {
                    id: BUILDER,
                    version: BTreeMap::from([("bareboat", env!("CARGO_PKG_VERSION"))]),
                },
            },
        },
    };
    serde_json::to_vec(&statement).map_err(|error| Error::new(error.to_string()))
}

/// The lock, the recipes below, the base image, the signed indexes, and the packages of these platforms.
fn dependencies(build: &Build<'_>, platforms: &[Platform]) -> Vec<Resource> {
    let lock = build.lock;
    let mut all = vec![Resource::new("bareboat.lock", None, &Digest::of(lock.render().as_bytes()))];
    let below = build.tiers.iter().rev().skip(1);
    all.extend(below.map(|tier| Resource::new(format!("recipe {}", tier.name), None, &tier.text)));
    all.extend(lock.base.iter().map(base_image));
    let mut releases: Vec<_> = lock.suites.iter().collect();
    releases.sort();
    all.extend(
        releases
            .into_iter()
            .map(|one| Resource::new(format!("Release of {} {}", one.archive, one.suite), None, &one.sha256)),
    );
    let packages = platforms.iter().filter_map(|platform| lock.packages.get(platform));
    // A package for all architectures is there once.
    let packages: BTreeSet<Resource> =
        packages.flat_map(BTreeMap::values).map(|one| package(one, &lock.request.suite)).collect();
    all.extend(packages);
    all
}

/// A folder of this machine is nobody else's business; a registry's reference is.
fn base_image(base: &BaseImage) -> Resource {
    let location = base.reference.parse::<Location>().ok();
    let uri = location.and_then(|location| match location {
        Location::Registry(reference) => Some(format!("docker://{reference}")),
        _ => None,
    });
    Resource::new("base image", uri, &base.digest)
}

/// With a package URL (github.com/package-url/purl-spec, "deb").
fn package(package: &LockedPackage, suite: &str) -> Resource {
    // What is in an archive of the recipe's own is not Debian's.
    let vendor = if [DEBIAN, DEBIAN_SECURITY].contains(&package.archive.as_str()) { "debian/" } else { "" };
    let uri = format!(
        "pkg:deb/{vendor}{}@{}?arch={}&distro={}",
        encoded(&package.name),
        encoded(package.version.as_str()),
        encoded(&package.architecture),
        encoded(suite)
    );
    Resource::new(&package.name, Some(uri), &package.sha256)
}

/// Percent-encoded, but for what a package URL takes as it is.
fn encoded(text: &str) -> String {
    let mut out = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b".-_~:".contains(&byte) {
            out.push(char::from(byte));
        } else {
            let _ = write!(out, "%{byte:02X}");
        }
    }
    out
}
