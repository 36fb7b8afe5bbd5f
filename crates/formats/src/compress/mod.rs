//! Compression, read and written: which one it is, a decoder with bounded memory, and a guard against bombs.

mod layer;

use std::fmt;
use std::io::{self, BufRead, Read};

use bareboat_model::{Error, Result};

pub use layer::{Encoder, LayerCompression, layer_encoder};

/// How bytes are compressed.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Compression {
    /// Not at all.
    None,
    /// gzip (RFC 1952).
    Gzip,
    /// Zstandard (RFC 8878).
    Zstd,
    /// xz, which Debian's packages and indexes use.
    Xz,
    /// bzip2, in old packages.
    Bzip2,
}

/// What an xz decoder may take. The largest preset (`xz -9`) takes 65 MiB; a hostile header can ask for 4 GiB.
const XZ_MEMORY: u64 = 256 << 20;

/// The largest Zstandard window, as a power of two: 128 MiB, what `zstd -22 --ultra` writes and what every
/// decoder accepts unasked (RFC 8878 section 3.1.1.1.2 lets a frame ask for 3.75 TiB).
const ZSTD_WINDOW_LOG: u32 = 27;

impl Compression {
    /// How many bytes [`Compression::sniff`] wants to see.
    pub const MAGIC_LENGTH: usize = 6;

    /// Recognises a compression by the first bytes; `None` when they are no known magic.
    ///
    /// ```
    /// use bareboat_formats::compress::Compression;
    /// assert_eq!(Compression::sniff(b"\x1f\x8b\x08\0"), Compression::Gzip);
    /// assert_eq!(Compression::sniff(b"./usr/"), Compression::None);
    /// ```
    pub fn sniff(start: &[u8]) -> Self {
        match start {
            [0x1f, 0x8b, ..] => Self::Gzip,
            [0x28, 0xb5, 0x2f, 0xfd, ..] | [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..] => Self::Zstd,
            [0xfd, b'7', b'z', b'X', b'Z', 0, ..] => Self::Xz,
            [b'B', b'Z', b'h', b'1'..=b'9', ..] => Self::Bzip2,
            _ => Self::None,
        }
    }

    /// Tells the compression by a file name's last extension; `None` for an extension that is none of these.
    ///
    /// ```
    /// use bareboat_formats::compress::Compression;
    /// assert_eq!(Compression::of_name("data.tar.xz"), Compression::Xz);
    /// assert_eq!(Compression::of_name("data.tar"), Compression::None);
    /// ```
    pub fn of_name(name: &str) -> Self {
        match name.rsplit_once('.').map(|(_, extension)| extension) {
            Some("gz") => Self::Gzip,
            Some("zst") => Self::Zstd,
            Some("xz") => Self::Xz,
            Some("bz2") => Self::Bzip2,
            _ => Self::None,
        }
    }
}

/// The name that people use: `gzip`, `zstd`, `xz`, `bzip2`, `uncompressed`.
impl fmt::Display for Compression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::None => "uncompressed",
            Self::Gzip => "gzip",
            Self::Zstd => "zstd",
            Self::Xz => "xz",
            Self::Bzip2 => "bzip2",
        })
    }
}

/// Reads what is compressed in `reader`, to its end: several gzip members, or xz, Zstandard or bzip2 streams
/// in a row count as one. A decoder's own memory is bounded; how much it unpacks is not (see [`Limited`]).
///
/// A checksum at the end is verified only when the end is read.
///
/// # Errors
/// When a decoder cannot be set up. Damaged, truncated or too demanding data is told by the reader.
pub fn decoder<'a>(
    compression: Compression,
    reader: impl BufRead + Send + 'a,
) -> Result<Box<dyn Read + Send + 'a>> {
    let inner: Box<dyn Read + Send + 'a> = match compression {
        Compression::None => return Ok(Box::new(reader)),
        Compression::Gzip => Box::new(flate2::bufread::MultiGzDecoder::new(reader)),
        Compression::Zstd => {
            let mut decoder = zstd::stream::read::Decoder::with_buffer(reader)?;
            decoder.window_log_max(ZSTD_WINDOW_LOG)?;
            Box::new(decoder)
        }
        Compression::Xz => {
            let stream =
                liblzma::stream::Stream::new_stream_decoder(XZ_MEMORY, liblzma::stream::CONCATENATED)
                    .map_err(|error| Error::new(format!("cannot read xz data: {error}")))?;
            Box::new(liblzma::bufread::XzDecoder::new_stream(reader, stream))
        }
        Compression::Bzip2 => Box::new(bzip2::bufread::MultiBzDecoder::new(reader)),
    };
    Ok(Box::new(Decoder { compression, inner }))
}

/// Says which compression it was that failed, and leaves failures of the source below as they are.
struct Decoder<R> {
    compression: Compression,
    inner: R,
}

impl<R: Read> Read for Decoder<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.inner.read(buffer).map_err(|error| self.explain(error))
    }
}

impl<R> Decoder<R> {
    fn explain(&self, error: io::Error) -> io::Error {
        let from_below = error.get_ref().is_some_and(|inner| inner.is::<Error>());
        if from_below || error.raw_os_error().is_some() || error.kind() == io::ErrorKind::Interrupted {
            return error;
        }
        let error = match error.kind() {
            io::ErrorKind::UnexpectedEof => Error::new("it ends too early"),
            _ => Error::from(error),
        };
        error.context(format_args!("cannot unpack the {} data", self.compression)).into()
    }
}

/// A reader that fails when more than so many bytes come out of it: the guard against decompression bombs.
///
/// ```
/// use std::io::{self, Read};
/// use bareboat_formats::compress::Limited;
/// let error = Limited::new(io::repeat(0), 1000).read_to_end(&mut Vec::new()).unwrap_err();
/// assert_eq!(error.to_string(), "unpacks to more than 1000 bytes");
/// ```
pub struct Limited<R> {
    inner: R,
    limit: u64,
    left: u64,
}

impl<R: Read> Limited<R> {
    /// Lets at most `limit` bytes of `inner` through.
    pub fn new(inner: R, limit: u64) -> Self {
        Self { inner, limit, left: limit }
    }
}

impl<R: Read> Read for Limited<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.left == 0 {
            // Exactly the limit is allowed: only a byte beyond it is too much.
            return match self.inner.read(&mut [0])? {
                0 => Ok(0),
                _ => Err(Error::new(format!("unpacks to more than {} bytes", self.limit)).into()),
            };
        }
        let room = usize::try_from(self.left).map_or(buffer.len(), |left| left.min(buffer.len()));
        let n = self.inner.read(&mut buffer[..room])?;
        self.left -= n as u64;
        Ok(n)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    const ALL: [Compression; 4] = [Compression::Gzip, Compression::Zstd, Compression::Xz, Compression::Bzip2];

    fn compress(compression: Compression, bytes: &[u8]) -> Vec<u8> {
        match compression {
            Compression::None => bytes.to_vec(),
            Compression::Gzip => {
                let mut writer = crate::gzip::Writer::new(Vec::new(), 6, 1).unwrap();
                writer.write_all(bytes).unwrap();
                writer.finish().unwrap()
            }
            Compression::Zstd => {
                let mut encoder = zstd::stream::write::Encoder::new(Vec::new(), 3).unwrap();
                encoder.include_checksum(true).unwrap();
                encoder.write_all(bytes).unwrap();
                encoder.finish().unwrap()
            }
            Compression::Xz => liblzma::encode_all(bytes, 6).unwrap(),
            Compression::Bzip2 => {
                let mut out = Vec::new();
                bzip2::bufread::BzEncoder::new(bytes, bzip2::Compression::best())
                    .read_to_end(&mut out)
                    .unwrap();
                out
            }
        }
    }

    fn decompress(compression: Compression, bytes: &[u8]) -> Result<Vec<u8>> {
        let mut out = Vec::new();
        decoder(compression, bytes)?.read_to_end(&mut out)?;
        Ok(out)
    }

    #[test]
    fn one_stream_or_two_in_a_row_are_read() {
        for compression in ALL {
            let once = compress(compression, b"once ");
            assert_eq!(Compression::sniff(&once), compression);
            assert_eq!(decompress(compression, &once).unwrap(), b"once ", "{compression}");
            let twice = [&once[..], &compress(compression, b"twice")].concat();
            assert_eq!(decompress(compression, &twice).unwrap(), b"once twice", "{compression}");
        }
    }

    #[test]
    fn data_cut_anywhere_is_an_error() {
        for compression in ALL {
            let bytes = compress(compression, &b"some text that goes on and on ".repeat(20));
            for end in 1..bytes.len() {
                let error = decompress(compression, &bytes[..end]).unwrap_err().to_string();
                assert!(
                    error.starts_with(&format!("cannot unpack the {compression} data: ")),
                    "{end}: {error}"
                );
            }
        }
    }

    #[test]
    fn a_flipped_bit_never_gives_other_data() {
        let text = b"some text that goes on and on ".repeat(20);
        for compression in ALL {
            let bytes = compress(compression, &text);
            for at in 0..bytes.len() {
                let mut bytes = bytes.clone();
                bytes[at] ^= 0x10;
                // Some bits mean nothing: gzip's date, or which of two equal copies is repeated.
                let out = decompress(compression, &bytes).unwrap_or_else(|_| text.clone());
                assert!(out == text, "{compression} at {at}");
            }
        }
    }

    #[test]
    fn junk_after_the_data_is_an_error() {
        for compression in ALL {
            let bytes = [&compress(compression, b"text")[..], b"junk"].concat();
            assert!(decompress(compression, &bytes).is_err(), "{compression}");
        }
    }

    #[test]
    fn an_xz_dictionary_of_four_gigabytes_is_refused() {
        let mut bytes = compress(Compression::Xz, b"small");
        // The block header: its size, flags, one filter (LZMA2, one byte: the dictionary's size), CRC32.
        assert_eq!((bytes[14], bytes[15]), (0x21, 1));
        bytes[16] = 40;
        let mut crc = flate2::Crc::new();
        crc.update(&bytes[12..20]);
        bytes[20..24].copy_from_slice(&crc.sum().to_le_bytes());
        let error = decompress(Compression::Xz, &bytes).unwrap_err();
        assert_eq!(error.to_string(), "cannot unpack the xz data: memory limit reached");
    }

    #[test]
    fn a_zstd_window_of_two_gigabytes_is_refused() {
        // RFC 8878 section 3.1.1.1: magic, descriptor, window of 2^31, then one last raw block of one byte.
        let frame = |window_log: u8| [0x28, 0xb5, 0x2f, 0xfd, 0, (window_log - 10) << 3, 9, 0, 0, b'x'];
        assert_eq!(decompress(Compression::Zstd, &frame(27)).unwrap(), b"x");
        let error = decompress(Compression::Zstd, &frame(31)).unwrap_err();
        assert_eq!(
            error.to_string(),
            "cannot unpack the zstd data: frame requires too much memory for decoding"
        );
    }

    #[test]
    fn failures_from_below_keep_their_words() {
        struct Broken;
        impl Read for Broken {
            fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
                Err(Error::new("the cable is cut").into())
            }
        }
        for compression in ALL {
            let mut decoder = decoder(compression, io::BufReader::new(Broken)).unwrap();
            let error = Error::from(decoder.read_to_end(&mut Vec::new()).unwrap_err());
            assert_eq!(error.to_string(), "the cable is cut", "{compression}");
        }
    }

    #[test]
    fn a_limit_lets_exactly_so_much_through() {
        let read = |limit| Limited::new(&b"12345"[..], limit).read_to_end(&mut Vec::new());
        assert_eq!(read(5).unwrap(), 5);
        assert_eq!(read(4).unwrap_err().to_string(), "unpacks to more than 4 bytes");
    }
}
