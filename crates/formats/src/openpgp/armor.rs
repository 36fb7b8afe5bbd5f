//! From a file's bytes to binary OpenPGP packets, be they bare or in ASCII armour (RFC 9580, section 6).

use std::io::Read;

use bareboat_model::{Error, Result};
use memchr::memmem;
use pgp::armor::Dearmor;
use pgp::packet::{Packet, PacketParser};

/// More packets than any keyring has: Debian's has about 500.
const MAX_PACKETS: usize = 100_000;

/// The names of the armoured blocks that are looked for.
#[derive(Clone, Copy, Debug)]
pub(super) enum Block {
    PublicKey,
    Signature,
}

impl Block {
    fn begin(self) -> &'static str {
        match self {
            Self::PublicKey => "-----BEGIN PGP PUBLIC KEY BLOCK-----",
            Self::Signature => "-----BEGIN PGP SIGNATURE-----",
        }
    }

    fn end(self) -> &'static str {
        match self {
            Self::PublicKey => "-----END PGP PUBLIC KEY BLOCK-----",
            Self::Signature => "-----END PGP SIGNATURE-----",
        }
    }
}

/// All packets of a file that holds binary packets, armoured blocks, or one after the other. Text between
/// armoured blocks is a comment.
///
/// Packets of unknown kinds and versions are left out, as section 4.3 has it; so are markers, padding, and the
/// trust packets that GnuPG keeps in its own keyrings.
pub(super) fn packets(bytes: &[u8], block: Block) -> Result<Vec<Packet>> {
    let mut packets = Vec::new();
    let mut rest = bytes;
    while !rest.is_empty() {
        let begin = memmem::find(rest, block.begin().as_bytes());
        let before = &rest[..begin.unwrap_or(rest.len())];
        // The first bit of every packet is set (section 4.2), that of ASCII text is not.
        if before.first().is_some_and(|first| first & 0x80 != 0) {
            read_packets(before, &mut packets)?;
        }
        let Some(begin) = begin else { break };
        let end = memmem::find(&rest[begin..], block.end().as_bytes())
            .ok_or_else(|| Error::new(format!("`{}` without `{}`", block.begin(), block.end())))?;
        let end = begin + end + block.end().len();
        read_packets(&dearmor(&rest[begin..end])?, &mut packets)?;
        rest = &rest[end..];
    }
    Ok(packets)
}

fn dearmor(block: &[u8]) -> Result<Vec<u8>> {
    let mut binary = Vec::with_capacity(block.len());
    // rPGP wants the line of the end to be ended.
    Dearmor::new(std::io::BufReader::new(block.chain(&b"\n"[..])))
        .read_to_end(&mut binary)
        .map_err(|_| Error::new("the ASCII armour is malformed"))?;
    Ok(binary)
}

fn read_packets(binary: &[u8], packets: &mut Vec<Packet>) -> Result<()> {
    for packet in PacketParser::new(binary) {
        match packet {
            Ok(Packet::Marker(_) | Packet::Padding(_) | Packet::Trust(_)) => {}
            Ok(packet) => packets.push(packet),
            Err(error) if is_unsupported(&error) => {}
            Err(_) => return Err(Error::new(format!("OpenPGP packet {} is malformed", packets.len() + 1))),
        }
        if packets.len() > MAX_PACKETS {
            return Err(Error::new(format!("more than {MAX_PACKETS} OpenPGP packets")));
        }
    }
    Ok(())
}

fn is_unsupported(error: &pgp::errors::Error) -> bool {
    match error {
        pgp::errors::Error::Unsupported { .. } => true,
        pgp::errors::Error::InvalidPacketContent { source } => is_unsupported(source),
        _ => false,
    }
}
