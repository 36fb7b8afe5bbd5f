//! The commands that move images, look into them and compare them; and the cache.

use bareboat_io::transport::AnyPlatform;
use clap::{Args as ClapArgs, Subcommand};

use super::{Patience, platform};

/// List what is attached to an image: signatures, records of builds, lists of parts
///
/// What refers to the image, to the images in its index, and to what is attached to these; and what BuildKit puts into the
/// index. bareboat copy --with-referrers takes them along; bareboat build --provenance attaches a record.
#[derive(ClapArgs, Debug)]
pub(crate) struct Referrers {
    /// The image
    pub(crate) image: String,
    /// List only what has this artifact type, and is attached to the image or to another such thing
    #[arg(long, value_name = "TYPE")]
    pub(crate) artifact_type: Option<String>,
    /// Write the content of one to stdout, by its digest or six or more of its first digits
    #[arg(long, value_name = "DIGEST")]
    pub(crate) cat: Option<String>,
    #[command(flatten)]
    pub(crate) patience: Patience,
}

/// Tell what differs between two images: files, packages, settings, layers and sizes
///
/// Files of packages that came, went or moved are summed up with the package, folders that came or went as a whole are one
/// line. Layers that both images have are read once, and what was seen in a layer is kept for the next time. With --format
/// markdown, the answer is for a comment on a pull request.
#[derive(ClapArgs, Debug)]
pub(crate) struct Diff {
    /// The image before
    pub(crate) before: String,
    /// The image after
    pub(crate) after: String,
    /// Leave out what a program in the images cannot tell: dates, histories, the order and packing of layers
    #[arg(long)]
    pub(crate) semantic: bool,
    /// Show the lines that differ in this one file, links followed
    #[arg(long, value_name = "PATH")]
    pub(crate) file: Option<String>,
    /// Tell everything, each path by itself
    #[arg(long, conflicts_with = "file")]
    pub(crate) all: bool,
    /// Exit with code 1 when the images differ
    #[arg(long)]
    pub(crate) exit_code: bool,
    /// The platform to compare, such as linux/arm/v7 [default: this machine's, or the only one]
    #[arg(long, value_name = "OS/ARCH[/VARIANT]", value_parser = platform)]
    pub(crate) platform: Option<AnyPlatform>,
    #[command(flatten)]
    pub(crate) patience: Patience,
}

/// Copy an image from one place to another, as it is
///
/// Places are written oci:DIR[:TAG], oci-archive:FILE[:TAG], docker-archive:FILE[:REF], docker-daemon:REF and
/// HOST/REPOSITORY[:TAG]. Nothing is unpacked or packed, so all digests stay; what the destination has is not sent again; the
/// name appears when everything is there. A layout keeps its other images, an archive that is there is replaced. What was broken
/// off goes on where it ended when it is run again.
#[derive(ClapArgs, Debug)]
pub(crate) struct Copy {
    /// The image: by its transport, or the name of one built here
    #[arg(value_name = "SRC")]
    pub(crate) from: String,
    /// Where it goes
    #[arg(value_name = "DST")]
    pub(crate) to: String,
    #[command(flatten)]
    pub(crate) what: What,
}

/// Fetch an image from a registry
#[derive(ClapArgs, Debug)]
pub(crate) struct Pull {
    /// The image: HOST/REPOSITORY[:TAG][@DIGEST]
    #[arg(value_name = "REF")]
    pub(crate) from: String,
    /// Where it goes [default: oci:.bareboat/NAME:TAG, where the other commands find it as NAME:TAG; an image there that did not
    /// come from the same repository stays]
    #[arg(value_name = "DST")]
    pub(crate) to: Option<String>,
    #[command(flatten)]
    pub(crate) what: What,
}

/// Send an image to a registry
#[derive(ClapArgs, Debug)]
#[command(override_usage = "bareboat push [OPTIONS] [SRC] <REF>")]
pub(crate) struct Push {
    /// SRC: the image [default: the one that was built here and is called as REF's repository ends, or the only one]; REF: where
    /// it goes, HOST/REPOSITORY[:TAG]
    // One list: of two arguments, the first optional, clap takes no option between them.
    #[arg(value_name = "SRC REF", required = true, num_args = 1..=2)]
    pub(crate) images: Vec<String>,
    #[command(flatten)]
    pub(crate) what: What,
}

/// What of an image is copied.
#[derive(ClapArgs, Debug)]
pub(crate) struct What {
    /// The platform to copy, such as linux/arm/v7 [default: this machine's, or the only one; for push all]
    #[arg(long, value_name = "OS/ARCH[/VARIANT]", value_parser = platform)]
    pub(crate) platform: Option<AnyPlatform>,
    /// Copy all platforms, under the index that they are in, as push always does
    #[arg(long, conflicts_with = "platform")]
    pub(crate) all_platforms: bool,
    /// Copy what is attached to the image, too: signatures, SBOMs, attestations
    #[arg(long)]
    pub(crate) with_referrers: bool,
    /// Keep all digests, as is always done
    #[arg(long, hide = true)]
    pub(crate) preserve_digests: bool,
    #[command(flatten)]
    pub(crate) patience: Patience,
}

/// Show what is in the cache, or make room there
///
/// All commands share one cache: packages, layers, manifests, and what was made of them. Anything in it may be removed at
/// any time; what is needed again is fetched or made again.
#[derive(ClapArgs, Debug)]
pub(crate) struct Cache {
    #[command(subcommand)]
    pub(crate) action: Option<CacheAction>,
}

#[derive(Subcommand, Debug)]
pub(crate) enum CacheAction {
    /// Remove what was not used for long, the longest unused first
    ///
    /// What running commands use stays. Uses are noted once a day.
    Gc {
        /// Keep what was used in the last days [default: 30, without --max-size]
        #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(0..=36_500))]
        keep_days: Option<u32>,
        /// Keep no more than this, such as 10GB
        #[arg(long, value_name = "SIZE", value_parser = crate::cache::parse_bytes)]
        max_size: Option<crate::cache::Bytes>,
        /// Say what would be removed, and remove nothing
        #[arg(long)]
        dry_run: bool,
    },
    /// Read everything, name what is damaged and remove it; exit code 1 if anything was
    ///
    /// Packages, layers and documents are held against their digests; what was made of them, such as unpacked roots and lists of
    /// files, against what was noted when it was made. What is removed is fetched or made again. A root on which a program runs
    /// stays, and is named.
    Verify,
    /// Remove everything that no running command may need
    Clear,
}
