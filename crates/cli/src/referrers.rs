//! `bareboat referrers`.

use std::collections::BTreeMap;

use bareboat_formats::oci::Descriptor;
use bareboat_io::transport::{self, Attached, Source};
use bareboat_model::{Context as _, Digest, Error, Result, escape};
use serde::Serialize;

use crate::args::{Args, Format, Referrers};
use crate::bytes;
use crate::image::{self, Harbour};
use crate::output::{Failure, answer, answer_json};
use crate::summary::size;
use crate::terminal::Terminal;

/// Annotations that fill pages are cut.
const WIDEST: usize = 160;

/// How much of a digest must be said to mean it.
const SHORTEST: usize = 6;

#[derive(Serialize)]
struct Answer<'a> {
    image: &'a str,
    digest: Digest,
    attachments: Vec<One<'a>>,
}

#[derive(Serialize)]
struct One<'a> {
    digest: Digest,
    media_type: &'a str,
    artifact_type: &'a str,
    subject: Digest,
    /// The manifest with all that it names.
    size: u64,
    in_index: bool,
    annotations: &'a BTreeMap<String, String>,
    blobs: Vec<Blob<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    unread: Option<&'a str>,
}

#[derive(Serialize)]
struct Blob<'a> {
    digest: Digest,
    media_type: &'a str,
    size: u64,
}

pub(crate) fn run(command: &Referrers, args: &Args, terminal: &Terminal) -> Result<(), Failure> {
    let harbour = Harbour::open(args, command.patience.timeout, terminal)?;
    let outside = harbour.outside(terminal);
    let place = image::place(&command.image)?;
    let cannot = || format!("cannot list what is attached to `{}`", escape(&command.image));
    let source =
        transport::source(&place, &outside).map_err(|error| image::explain(error, &command.image, &place))?;
    let kind = command.artifact_type.as_deref();
    let attached = transport::attachments(&*source, kind).context(cannot)?;
    terminal.finish();
    if let Some(digest) = &command.cat {
        return cat(&*source, &attached, digest);
    }
    let top = source.top()?.digest;
    match args.story.format {
        Format::Text => answer(&text(command, top, &attached)),
        Format::Json => {
            let attachments = attached.iter().map(one).collect();
            answer_json("bareboat.referrers/1", &Answer { image: &command.image, digest: top, attachments })
        }
    }
}

fn one(attached: &Attached) -> One<'_> {
    One {
        digest: attached.manifest.digest,
        media_type: &attached.manifest.media_type,
        artifact_type: &attached.kind,
        subject: attached.subject,
        size: whole(attached),
        in_index: attached.in_index,
        annotations: &attached.annotations,
        blobs: attached
            .blobs
            .iter()
            .map(|blob| Blob { digest: blob.digest, media_type: &blob.media_type, size: blob.size })
            .collect(),
        unread: attached.unread.as_deref(),
    }
}

fn whole(attached: &Attached) -> u64 {
    attached.blobs.iter().fold(attached.manifest.size, |sum, blob| sum.saturating_add(blob.size))
}

fn text(command: &Referrers, top: Digest, attached: &[Attached]) -> String {
    if attached.is_empty() {
        let kind = command
            .artifact_type
            .as_ref()
            .map_or_else(String::new, |kind| format!(" of type {}", escape(kind)));
        return format!("nothing{kind} is attached to {} ({top})\n", escape(&command.image));
    }
    let mut out = String::new();
    for one in attached {
        out.push_str(&format!("{}  {}  {}\n", one.manifest.digest, shown(&one.kind), size(whole(one))));
        let whom = if one.subject == top { "the image".to_owned() } else { one.subject.to_string() };
        let how = if one.in_index { ", in its index" } else { "" };
        out.push_str(&format!("  attached to {whom}{how}\n"));
        for (name, value) in &one.annotations {
            out.push_str(&format!("  {}: {}\n", shown(name), shown(value)));
        }
        for blob in &one.blobs {
            out.push_str(&format!(
                "  holds {}  {}  {}\n",
                blob.digest,
                shown(&blob.media_type),
                size(blob.size)
            ));
        }
        if let Some(cause) = &one.unread {
            out.push_str(&format!("  unread: {}\n", shown(cause)));
        }
    }
    out
}

fn shown(text: &str) -> String {
    let text = escape(text);
    match text.char_indices().nth(WIDEST) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

/// Writes a blob of an attachment, or the only one of an attachment.
fn cat(source: &dyn Source, attached: &[Attached], asked: &str) -> Result<(), Failure> {
    let failing = || format!("cannot show `{}`", escape(asked));
    let blob = find(attached, asked).context(failing)?;
    let content = transport::attached_blob(source, blob)?;
    bytes::write(|out| Ok(out.write_all(&content)?), failing)
}

fn find<'a>(attached: &'a [Attached], asked: &str) -> Result<&'a Descriptor> {
    let hex = asked.strip_prefix("sha256:").unwrap_or(asked);
    if hex.len() < SHORTEST {
        return Err(Error::new(format!("expected a digest, or at least {SHORTEST} digits of one")));
    }
    let is_it = |one: &Descriptor| one.digest.hex().starts_with(hex);
    let mut blobs: Vec<&Descriptor> =
        attached.iter().flat_map(|one| &one.blobs).filter(|one| is_it(one)).collect();
    if blobs.is_empty() {
        let manifest = attached.iter().find(|one| is_it(&one.manifest));
        let manifest = manifest.ok_or_else(|| {
            Error::new("nothing of what is attached has this digest")
                .with_hint("bareboat referrers IMAGE lists all")
        })?;
        blobs = manifest.blobs.iter().collect();
    }
    // The same content may be attached to several images.
    blobs.sort_by_key(|blob| blob.digest);
    blobs.dedup_by_key(|blob| blob.digest);
    match blobs[..] {
        [blob] => Ok(blob),
        [] => Err(Error::new("it holds nothing")),
        ref many => {
            let all: Vec<String> = many.iter().map(|blob| blob.digest.to_string()).collect();
            Err(Error::new(format!("this may be any of {}", all.join(", "))))
        }
    }
}
