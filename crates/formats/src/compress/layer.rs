//! How layers are compressed, so that the same bytes come out on any machine with any number of threads.

use std::io::{self, Write};

use bareboat_model::{Context, Error, Result};

use crate::{gzip, oci};

/// How layers are compressed, and how hard.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum LayerCompression {
    /// gzip, which every registry, engine and scanner reads.
    Gzip {
        /// 1 (fast) to 9 (small).
        level: u32,
    },
    /// Zstandard: smaller and faster to unpack, read by containerd 1.5, Docker 23, Podman 4 and later.
    Zstd {
        /// 1 (fast) to 19 (small). The levels above take memory that small hosts do not have.
        level: i32,
    },
}

/// More workers than this gain nothing and take memory: Zstandard holds some 10 MB for each.
const MOST_WORKERS: usize = 64;

impl LayerCompression {
    /// gzip at its usual level 6.
    pub const GZIP: Self = Self::Gzip { level: 6 };
    /// Zstandard at its usual level 3.
    pub const ZSTD: Self = Self::Zstd { level: 3 };

    /// The media type of a layer compressed so (OCI image-spec, layer.md).
    pub fn media_type(self) -> &'static str {
        match self {
            Self::Gzip { .. } => oci::LAYER_GZIP,
            Self::Zstd { .. } => oci::LAYER_ZSTD,
        }
    }

    /// Whether the level is one that exists.
    ///
    /// # Errors
    /// When it is not; the message names the allowed range.
    pub fn check(self) -> Result<()> {
        match self {
            Self::Gzip { level: 1..=9 } | Self::Zstd { level: 1..=19 } => Ok(()),
            Self::Gzip { level } => Err(Error::new(format!("gzip has levels 1 to 9, not {level}"))),
            Self::Zstd { level } => Err(Error::new(format!("zstd has levels 1 to 19 here, not {level}"))),
        }
    }
}

/// gzip, level 6: what everything reads.
impl Default for LayerCompression {
    fn default() -> Self {
        Self::GZIP
    }
}

/// Compresses what is written to it. Nothing is complete before [`Encoder::finish`].
pub struct Encoder<W: Write>(Kind<W>);

enum Kind<W: Write> {
    Gzip(gzip::Writer<W>),
    Zstd(zstd::stream::write::Encoder<'static, W>),
}

/// An encoder of layers, which works with `threads` threads (at least one).
///
/// The bytes depend on what is written and on `compression` only: not on the number of threads, the
/// machine, or how the writes are cut.
///
/// # Errors
/// When the level does not exist.
pub fn layer_encoder<W: Write + Send>(
    compression: LayerCompression,
    threads: usize,
    writer: W,
) -> Result<Encoder<W>> {
    compression.check()?;
    let threads = threads.clamp(1, MOST_WORKERS);
    Ok(Encoder(match compression {
        LayerCompression::Gzip { level } => Kind::Gzip(gzip::Writer::new(writer, level, threads)?),
        LayerCompression::Zstd { level } => Kind::Zstd(zstd_encoder(level, threads, writer)?),
    }))
}

fn zstd_encoder<W: Write>(
    level: i32,
    threads: usize,
    writer: W,
) -> Result<zstd::stream::write::Encoder<'static, W>> {
    let set_up = || {
        let mut encoder = zstd::stream::write::Encoder::new(writer, level)?;
        encoder.include_checksum(true)?;
        // Always at least one worker: the library's way without workers cuts blocks elsewhere, and gives
        // other bytes, than its way with any number of them.
        encoder.multithread(threads as u32)?;
        io::Result::Ok(encoder)
    };
    set_up().context(|| "cannot set up zstd")
}

impl<W: Write> Encoder<W> {
    /// Writes what is still held back and the trailer, and gives the writer back.
    ///
    /// # Errors
    /// When the writer fails.
    pub fn finish(self) -> Result<W> {
        match self.0 {
            Kind::Gzip(writer) => writer.finish(),
            Kind::Zstd(encoder) => Ok(encoder.finish()?),
        }
    }
}

impl<W: Write> Write for Encoder<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match &mut self.0 {
            Kind::Gzip(writer) => writer.write(bytes),
            Kind::Zstd(encoder) => encoder.write(bytes),
        }
    }

    /// Does nothing: a flush in the middle would change the bytes.
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use bareboat_model::Digest;

    use super::*;
    use crate::compress::{Compression, decoder};

    fn sample() -> Vec<u8> {
        (0..300_000u32)
            .flat_map(|number| format!("{} ", number.wrapping_mul(2_654_435_761) >> 16).into_bytes())
            .collect()
    }

    fn encode(compression: LayerCompression, threads: usize, chunk: usize) -> Vec<u8> {
        let mut encoder = layer_encoder(compression, threads, Vec::new()).unwrap();
        for chunk in sample().chunks(chunk) {
            encoder.write_all(chunk).unwrap();
            encoder.flush().unwrap();
        }
        encoder.finish().unwrap()
    }

    #[test]
    fn layers_unpack_to_what_went_in() {
        for compression in [LayerCompression::GZIP, LayerCompression::ZSTD] {
            let bytes = encode(compression, 2, 10_000);
            let mut out = Vec::new();
            decoder(Compression::sniff(&bytes), &bytes[..]).unwrap().read_to_end(&mut out).unwrap();
            assert!(out == sample(), "{compression:?}");
        }
    }

    #[test]
    fn zstd_does_not_depend_on_threads_or_the_size_of_writes() {
        for level in [1, 3, 12] {
            let compression = LayerCompression::Zstd { level };
            let expected = encode(compression, 1, usize::MAX);
            for (threads, chunk) in [(0, 4096), (2, 777), (4, 1 << 20), (1000, 100_001)] {
                assert!(encode(compression, threads, chunk) == expected, "level {level}, {threads} threads");
            }
        }
    }

    /// When this fails, the zstd library changed: every layer compressed with it gets another digest. Say so
    /// in the changelog.
    #[test]
    fn the_zstd_bytes_are_fixed() {
        for (level, digest) in [
            (3, "3e2faadb41fa9d3f505b9ca0293e4d73ffba398c5b580ee160c2944fecce9d73"),
            (12, "b36543b4ca2be04405e74e1f83c220d1358731e936a2a33ccfe4f64e42d06a94"),
        ] {
            let bytes = encode(LayerCompression::Zstd { level }, 2, usize::MAX);
            assert_eq!(Digest::of(&bytes).hex(), digest, "level {level}");
        }
    }

    #[test]
    fn levels_that_do_not_exist_are_refused() {
        for (compression, message) in [
            (LayerCompression::Gzip { level: 0 }, "gzip has levels 1 to 9, not 0"),
            (LayerCompression::Gzip { level: 10 }, "gzip has levels 1 to 9, not 10"),
            (LayerCompression::Zstd { level: 0 }, "zstd has levels 1 to 19 here, not 0"),
            (LayerCompression::Zstd { level: 22 }, "zstd has levels 1 to 19 here, not 22"),
        ] {
            assert_eq!(layer_encoder(compression, 1, Vec::new()).err().unwrap().to_string(), message);
        }
    }
}
