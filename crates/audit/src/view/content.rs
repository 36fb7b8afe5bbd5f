//! The bytes of one file, from its layer.

use std::io::{self, BufRead as _, BufReader, Read as _, Write};

use bareboat_formats::compress::{Compression, decoder};
use bareboat_formats::entry::Content;
use bareboat_formats::oci::Descriptor;
use bareboat_formats::tar::{self, MemberKind};
use bareboat_model::{Context, Error, HashingReader, Result};

use super::{Item, Kind, Layers, View};

const BUFFER: usize = 256 << 10;

/// Copies the content of a file of the image. The layer is read up to there, and the content verified: what was written
/// must not be used when this fails.
///
/// # Errors
/// When it is no file, the layer cannot be read or is not what it was, or `out` fails.
pub fn copy_content(view: &View, item: &Item<'_>, source: &dyn Layers, out: &mut dyn Write) -> Result<()> {
    let number = item.at.layer as usize;
    let (Kind::File(Content { digest, .. }), Some(entry)) = (&item.entry.kind, item.at.index()) else {
        return Err(Error::new(format!("it is a {}, not a file", item.entry.kind.word())));
    };
    let layer = &view.layers.get(number).ok_or_else(|| Error::new("there is no such layer"))?.descriptor;
    let mut copy = || {
        let mut reader = BufReader::with_capacity(BUFFER, source.open(layer)?.take(layer.size));
        let compression = Compression::sniff(reader.fill_buf()?);
        let tar = BufReader::with_capacity(BUFFER, decoder(compression, reader)?);
        let (mut left, mut found) = (entry, None);
        let read = tar::read_layer(tar, &tar::Limits::of_layer_looked_at(layer.size), |member, content| {
            if left > 0 {
                left -= 1;
                return Ok(());
            }
            if matches!(member.kind, MemberKind::File { .. }) && member.path == item.entry.path {
                let mut hashing = HashingReader::new(content);
                io::copy(&mut hashing, out)?;
                found = Some(hashing.finish().0);
            }
            // What follows is of no interest.
            Err(Error::new(ENOUGH))
        });
        match found {
            Some(found) if found == *digest => Ok(()),
            Some(found) => {
                Err(Error::new(format!("its content is damaged: expected {digest}, found {found}")))
            }
            None => match read {
                Err(error) if error.to_string() != ENOUGH => Err(damage(layer, source).unwrap_or(error)),
                _ => Err(Error::new("it is not there any more")),
            },
        }
    };
    copy().context(|| format!("cannot read layer {} ({})", number + 1, layer.digest))
}

/// What is wrong with a layer that was whole when it was listed, and now cannot be read as it was then.
fn damage(layer: &Descriptor, source: &dyn Layers) -> Option<Error> {
    let mut hashing = HashingReader::new(source.open(layer).ok()?.take(layer.size));
    io::copy(&mut hashing, &mut io::sink()).ok()?;
    let (found, expected) = (hashing.finish().0, layer.digest);
    (found != expected).then(|| Error::new(format!("it is damaged: expected {expected}, found {found}")))
}

/// Ends the reading of a tar.
const ENOUGH: &str = "enough was read";
