//! gzip on many threads, with bytes that do not depend on how many.
//!
//! By hand, because the crates that do this cut their input by the number of threads, or want a C compiler
//! and CMake. The work itself is zlib-rs's: the input is cut every [`BLOCK`] bytes, each block is deflated on
//! its own with the [`WINDOW`] bytes before it as dictionary, and the pieces joined make one ordinary gzip
//! member (RFC 1952), nearly as small as one that was made in one go.

use std::collections::VecDeque;
use std::io::{self, Write};
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Mutex};
use std::thread;

use bareboat_model::{Error, Result};
use zlib_rs::{Deflate, DeflateFlush, Status};

/// What one thread compresses at a time. Part of the output's definition: another value gives other bytes.
const BLOCK: usize = 1 << 20;

/// How far back deflate can refer (RFC 1951 section 2).
const WINDOW: usize = 32 << 10;

/// The header of RFC 1952 section 2.3 with nothing in it that varies: deflate, no flags, no time, no extra
/// flags, unknown operating system (255).
const HEADER: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255];

/// Compresses what is written to it. Nothing is complete before [`Writer::finish`].
///
/// Holds at most about three blocks a thread in memory.
///
/// ```
/// use std::io::Write;
/// let mut writer = bareboat_formats::gzip::Writer::new(Vec::new(), 6, 4).unwrap();
/// writer.write_all(b"hello").unwrap();
/// assert!(writer.finish().unwrap().starts_with(&[0x1f, 0x8b]));
/// ```
pub struct Writer<W: Write> {
    inner: W,
    level: u32,
    threads: usize,
    /// Started with the first full block: most layers of an image are smaller than one.
    workers: Option<Workers>,
    /// The pieces under way, in the order of the input.
    pending: VecDeque<Receiver<Result<Vec<u8>>>>,
    block: Vec<u8>,
    dictionary: Vec<u8>,
    checksum: flate2::Crc,
}

impl<W: Write> Writer<W> {
    /// Compresses to `inner` at `level` (1 to 9), with `threads` threads beside the caller's.
    ///
    /// # Errors
    /// When there is no such level, or the header cannot be written.
    pub fn new(mut inner: W, level: u32, threads: usize) -> Result<Self> {
        if !(1..=9).contains(&level) {
            return Err(Error::new(format!("gzip has levels 1 to 9, not {level}")));
        }
        inner.write_all(&HEADER)?;
        Ok(Self {
            inner,
            level,
            threads: threads.max(1),
            workers: None,
            pending: VecDeque::new(),
            block: Vec::new(),
            dictionary: Vec::new(),
            checksum: flate2::Crc::new(),
        })
    }

    /// Compresses what is left, writes the trailer, and gives the writer back.
    ///
    /// # Errors
    /// When the writer fails.
    pub fn finish(mut self) -> Result<W> {
        // The workers are busy with the blocks before this one, or were never needed.
        let last = self.next_block(true).deflate()?;
        while let Some(piece) = self.pending.pop_front() {
            self.inner.write_all(&receive(&piece)?)?;
        }
        self.inner.write_all(&last)?;
        self.inner.write_all(&self.checksum.sum().to_le_bytes())?;
        // RFC 1952 section 2.3.1: the input's size modulo 2^32, which is what `amount` counts.
        self.inner.write_all(&self.checksum.amount().to_le_bytes())?;
        Ok(self.inner)
    }

    /// Takes the gathered bytes as one block, and keeps their end as the next block's dictionary.
    fn next_block(&mut self, last: bool) -> Block {
        self.checksum.update(&self.block);
        let next_dictionary = self.block[self.block.len().saturating_sub(WINDOW)..].to_vec();
        Block {
            level: self.level,
            last,
            dictionary: std::mem::replace(&mut self.dictionary, next_dictionary),
            bytes: std::mem::take(&mut self.block),
        }
    }

    /// Hands the gathered block to the workers; waits for the oldest when enough are under way.
    fn dispatch(&mut self) -> Result<()> {
        let block = self.next_block(false);
        let workers = match &self.workers {
            Some(workers) => workers,
            None => self.workers.insert(Workers::start(self.threads)?),
        };
        self.pending.push_back(workers.deflate(block)?);
        if self.pending.len() > self.threads * 2
            && let Some(oldest) = self.pending.pop_front()
        {
            self.inner.write_all(&receive(&oldest)?)?;
        }
        Ok(())
    }
}

impl<W: Write> Write for Writer<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let n = bytes.len().min(BLOCK - self.block.len());
        self.block.extend_from_slice(&bytes[..n]);
        if self.block.len() == BLOCK {
            self.dispatch()?;
        }
        Ok(n)
    }

    /// Does nothing: a flush in the middle would change the bytes.
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// One piece of the input, with all that its compression depends on.
struct Block {
    level: u32,
    last: bool,
    dictionary: Vec<u8>,
    bytes: Vec<u8>,
}

impl Block {
    /// The deflated block: ended on a byte boundary, or with the end of the stream if it is the last.
    fn deflate(&self) -> Result<Vec<u8>> {
        let failed = |why: &str| Error::new(format!("cannot deflate: {why}"));
        let mut deflate = Deflate::new(self.level as i32, false, 15);
        if !self.dictionary.is_empty() {
            deflate.set_dictionary(&self.dictionary).map_err(|error| failed(error.as_str()))?;
        }
        let flush = if self.last { DeflateFlush::Finish } else { DeflateFlush::SyncFlush };
        // The worst there is: every byte a literal of nine bits in fixed Huffman codes (RFC 1951 section
        // 3.2.6), and a few bytes for headers and the flush.
        let mut out = vec![0; self.bytes.len() / 8 * 9 + 64];
        let status =
            deflate.compress(&self.bytes, &mut out, flush).map_err(|error| failed(error.as_str()))?;
        let done = if self.last { status == Status::StreamEnd } else { status == Status::Ok };
        let written = deflate.total_out() as usize;
        if !done || deflate.total_in() != self.bytes.len() as u64 || written == out.len() {
            return Err(failed("the output is larger than the library promised"));
        }
        out.truncate(written);
        Ok(out)
    }
}

/// Where a worker puts a finished piece.
type Reply = Sender<Result<Vec<u8>>>;

/// Threads that deflate blocks until the queue is closed, which dropping this does.
struct Workers {
    queue: Sender<(Block, Reply)>,
}

impl Workers {
    fn start(threads: usize) -> Result<Self> {
        let (queue, jobs) = mpsc::channel::<(Block, Reply)>();
        let jobs = Arc::new(Mutex::new(jobs));
        for _ in 0..threads {
            let jobs = Arc::clone(&jobs);
            thread::Builder::new().name("gzip".to_owned()).spawn(move || {
                while let Some((block, reply)) = take(&jobs) {
                    // Nobody may wait any more: the writer was dropped half-way. That is no failure.
                    let _ = reply.send(block.deflate());
                }
            })?;
        }
        Ok(Self { queue })
    }

    fn deflate(&self, block: Block) -> Result<Receiver<Result<Vec<u8>>>> {
        let (reply, piece) = mpsc::channel();
        self.queue.send((block, reply)).map_err(|_| worker_died())?;
        Ok(piece)
    }
}

/// The next job; none when the queue is closed.
fn take(jobs: &Mutex<Receiver<(Block, Reply)>>) -> Option<(Block, Reply)> {
    jobs.lock().ok()?.recv().ok()
}

fn receive(piece: &Receiver<Result<Vec<u8>>>) -> Result<Vec<u8>> {
    piece.recv().map_err(|_| worker_died())?
}

fn worker_died() -> Error {
    Error::new("cannot compress: a worker thread died")
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use bareboat_model::Digest;

    use super::*;

    /// Bytes that compress about as programs do: words of a small vocabulary with noise between.
    fn sample(size: usize) -> Vec<u8> {
        let mut state = 0x2545_f491_4f6c_dd1d_u64;
        let mut next = move || {
            // xorshift64 (Marsaglia 2003).
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state
        };
        let mut out = Vec::with_capacity(size + 64);
        while out.len() < size {
            let number = next();
            match number % 8 {
                0 => out.extend_from_slice(&number.to_le_bytes()),
                1 => out.extend(std::iter::repeat_n(0, (number >> 8) as usize % 64)),
                _ => out.extend_from_slice(format!("word{} ", (number >> 8) % 5000).as_bytes()),
            }
        }
        out.truncate(size);
        out
    }

    fn compress(bytes: &[u8], level: u32, threads: usize, chunk: usize) -> Vec<u8> {
        let mut writer = Writer::new(Vec::new(), level, threads).unwrap();
        for chunk in bytes.chunks(chunk) {
            writer.write_all(chunk).unwrap();
        }
        writer.finish().unwrap()
    }

    fn decompress(bytes: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        // Not the multi-member decoder: it must be one member.
        let mut decoder = flate2::bufread::GzDecoder::new(bytes);
        decoder.read_to_end(&mut out).unwrap();
        assert!(decoder.into_inner().is_empty(), "bytes after the member");
        out
    }

    #[test]
    fn what_is_compressed_unpacks_to_the_same() {
        let bytes = sample(3 * BLOCK + 17);
        for size in [0, 1, WINDOW, BLOCK - 1, BLOCK, BLOCK + 1, 2 * BLOCK, bytes.len()] {
            assert_eq!(
                decompress(&compress(&bytes[..size], 6, 2, usize::MAX)),
                &bytes[..size],
                "{size} bytes"
            );
        }
    }

    #[test]
    fn noise_fits_at_every_level() {
        let noise: Vec<u8> =
            (0..10_000u32).flat_map(|number| *Digest::of(&number.to_le_bytes()).as_bytes()).collect();
        for level in 1..=9 {
            assert_eq!(decompress(&compress(&noise, level, 1, usize::MAX)), noise, "level {level}");
        }
    }

    #[test]
    fn threads_and_the_size_of_writes_do_not_change_the_bytes() {
        let bytes = sample(5 * BLOCK + 4321);
        let expected = compress(&bytes, 1, 1, usize::MAX);
        for (threads, chunk) in [(2, 1 << 20), (4, 65_537), (16, 999)] {
            assert!(compress(&bytes, 1, threads, chunk) == expected, "{threads} threads, {chunk} bytes");
        }
    }

    /// When this fails, zlib-rs changed: every layer that anybody builds gets another digest. Say so in the
    /// changelog.
    #[test]
    fn the_bytes_are_fixed() {
        let bytes = sample(2 * BLOCK + BLOCK / 2);
        for (level, digest) in [
            (1, "2a45482e40e851a3d8de8dc1d7d746c3dbf206c61347fc1e2bd9c99f4593c764"),
            (6, "a8af2a4ccd940ad2b40a6cbc4876252e0bfb3178599d6d251e264efabcabe337"),
            (9, "4d21eda4d370516980dd9d54f52acc8eed5c0521000b27d9bdb5bebb2c4c6703"),
        ] {
            assert_eq!(Digest::of(&compress(&bytes, level, 3, usize::MAX)).hex(), digest, "level {level}");
        }
    }

    #[test]
    fn levels_that_do_not_exist_are_refused() {
        for level in [0, 10] {
            assert!(Writer::new(Vec::new(), level, 1).is_err());
        }
    }

    #[test]
    fn a_failing_writer_is_an_error() {
        let mut room = [0; 100];
        let mut writer = Writer::new(&mut room[..], 6, 2).unwrap();
        let result = writer
            .write_all(&sample(9 * BLOCK))
            .map_err(Error::from)
            .and_then(|()| writer.finish().map(drop));
        assert!(result.is_err());
    }
}
