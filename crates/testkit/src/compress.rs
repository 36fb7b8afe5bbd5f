//! The compressions that packages and indexes come in, at settings that make equal bytes in every run.

use std::io::{Read as _, Write};

/// How a member of a `.deb`, or an index, is compressed.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Compression {
    /// As it is.
    None,
    /// `.gz`
    Gz,
    /// `.xz`
    Xz,
    /// `.zst`
    Zst,
    /// `.bz2`
    Bz2,
}

impl Compression {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::None, Self::Gz, Self::Xz, Self::Zst, Self::Bz2];

    /// What the file name ends with, dot included; empty for [`Compression::None`].
    pub fn extension(self) -> &'static str {
        match self {
            Self::None => "",
            Self::Gz => ".gz",
            Self::Xz => ".xz",
            Self::Zst => ".zst",
            Self::Bz2 => ".bz2",
        }
    }

    /// `bytes`, compressed. Fast rather than small.
    pub fn compress(self, bytes: &[u8]) -> Vec<u8> {
        match self {
            Self::None => bytes.to_vec(),
            Self::Gz => {
                finish(flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast()), bytes, |e| {
                    e.finish()
                })
            }
            Self::Xz => finish(liblzma::write::XzEncoder::new(Vec::new(), 0), bytes, |e| e.finish()),
            Self::Zst => zstd::encode_all(bytes, 1).expect("zstd compresses into memory"),
            Self::Bz2 => {
                finish(bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::fast()), bytes, |e| {
                    e.finish()
                })
            }
        }
    }

    /// What was compressed to `bytes`.
    ///
    /// # Panics
    /// When they are not of this compression.
    pub fn decompress(self, bytes: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        let read = match self {
            Self::None => { bytes }.read_to_end(&mut out),
            Self::Gz => flate2::read::MultiGzDecoder::new(bytes).read_to_end(&mut out),
            Self::Xz => liblzma::read::XzDecoder::new_multi_decoder(bytes).read_to_end(&mut out),
            Self::Zst => zstd::Decoder::new(bytes).and_then(|mut decoder| decoder.read_to_end(&mut out)),
            Self::Bz2 => bzip2::read::MultiBzDecoder::new(bytes).read_to_end(&mut out),
        };
        read.expect("the bytes are of this compression");
        out
    }
}

fn finish<E: Write>(
    mut encoder: E,
    bytes: &[u8],
    end: impl FnOnce(E) -> std::io::Result<Vec<u8>>,
) -> Vec<u8> {
    encoder.write_all(bytes).expect("an encoder writes into memory");
    end(encoder).expect("an encoder ends in memory")
}

/// A `data.tar.xz` with one file, `/bomb`, of `size` zero bytes; itself some 7,000 times smaller.
///
/// The zeros are compressed once and repeated: a concatenation of `.xz` streams is a valid `.xz` file (xz file
/// format, section 2), so gigabytes cost no time to make.
pub fn xz_bomb(size: u64) -> Vec<u8> {
    const BLOCK: u64 = 16 << 20;
    let mut header = tar::Header::new_gnu();
    header.set_path("./bomb").expect("a short name");
    header.set_size(size);
    header.set_mode(0o644);
    header.set_uid(0);
    header.set_gid(0);
    header.set_mtime(0);
    header.set_cksum();
    let zeros = size.next_multiple_of(512) + 1024; // the padding, and the end of the archive
    let mut bomb = Compression::Xz.compress(header.as_bytes());
    bomb.extend(Compression::Xz.compress(&vec![0; BLOCK as usize]).repeat((zeros / BLOCK) as usize));
    bomb.extend(Compression::Xz.compress(&vec![0; (zeros % BLOCK) as usize]));
    bomb
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_compressed_comes_out_again() {
        for compression in Compression::ALL {
            let packed = compression.compress(b"some bytes");
            assert_eq!(compression.decompress(&packed), b"some bytes", "{compression:?}");
        }
    }
}
