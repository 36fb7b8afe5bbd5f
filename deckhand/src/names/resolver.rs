//! Name servers, as /etc/resolv.conf has them: which ones, and what to add to a short name (resolv.conf(5)).

use super::dns::{Answer, Question, Type};
use super::lines::{next_line, next_word};
use super::{Addresses, literal};
use crate::buffer::Buffer;
use crate::duration::Duration;
use crate::kernel::clock::Deadline;
use crate::kernel::socket::{Address, Kind, Socket, random};
use crate::message::note;
use crate::text;

const PORT: u16 = 53;
/// No server is waited for longer, as in resolv.conf(5).
const PATIENCE: Duration = Duration::seconds(5);
/// So many replies to other questions are passed over.
const MOST_STRAYS: usize = 16;

/// What /etc/resolv.conf says.
struct Settings<'f> {
    servers: Addresses,
    /// The domains to add to a name.
    search: &'f [u8],
    /// With how many dots a name is tried as it is first.
    dots: u64,
}

impl<'f> Settings<'f> {
    #[inline(never)]
    fn read(&mut self, mut file: &'f [u8]) {
        while let Some(mut line) = next_line(&mut file) {
            let key = next_word(&mut line);
            if text::same(key, b"nameserver") {
                literal(next_word(&mut line), &mut self.servers);
            } else if text::same(key, b"search") || text::same(key, b"domain") {
                self.search = line;
            } else if text::same(key, b"options") {
                while let word @ [_, ..] = next_word(&mut line) {
                    self.dots = text::after(word, b"ndots:").and_then(text::number).unwrap_or(self.dots);
                }
            }
        }
    }
}

/// Adds the addresses that the name servers know of the host.
#[inline(never)]
pub fn find(host: &[u8], file: &[u8], found: &mut Addresses, deadline: Deadline) {
    let mut settings = Settings { servers: Addresses::none(), search: b"", dots: 1 };
    settings.read(file);
    let dots = host.iter().filter(|byte| **byte == b'.').count() as u64;
    let is_whole = host.last() == Some(&b'.');
    // A name with dots enough is tried as it is before anything is added to it, any other after that.
    let mut as_it_is_next = is_whole || dots >= settings.dots;
    let mut as_it_was = false;
    loop {
        let domain = if as_it_is_next { b"" } else { next_word(&mut settings.search) };
        if domain.is_empty() && as_it_was || !ask(host, domain, &settings.servers, found, deadline) {
            return;
        }
        as_it_was |= domain.is_empty();
        as_it_is_next = false;
        if !found.is_empty() || is_whole {
            return;
        }
    }
}

/// Whether there was an answer, be it that there is nothing.
#[inline(never)]
fn ask(host: &[u8], domain: &[u8], servers: &Addresses, found: &mut Addresses, deadline: Deadline) -> bool {
    let mut bytes = [0; 256];
    let mut name = Buffer::at(&mut bytes, 0);
    name.push(host);
    if !domain.is_empty() {
        name.push(b".").push(domain);
    }
    [Type::V4, Type::V6].into_iter().all(|kind| {
        let mut question = Question::none(kind);
        let asked = question.ask(name.as_bytes(), random());
        let answered =
            asked && servers.as_slice().iter().any(|server| ask_server(server, &question, found, deadline));
        if !answered {
            note("no name server of /etc/resolv.conf has an answer for %", name.as_bytes());
        }
        answered
    })
}

/// Whether the server gave an answer, be it that there is nothing.
#[inline(never)]
fn ask_server(server: &Address, question: &Question, found: &mut Addresses, deadline: Deadline) -> bool {
    // Half of the time that is left, so that the next one can be asked too.
    let patience = Duration(deadline.remaining().0 / 2).min(PATIENCE);
    let deadline = Deadline::after(patience);
    let Ok(socket) = Socket::connect(Kind::Datagram, server, PORT, deadline) else { return false };
    if socket.send(question.as_bytes(), deadline).is_err() {
        return false;
    }
    let mut buffer = [0u8; 1500];
    for _ in 0..MOST_STRAYS {
        let Ok(count) = socket.receive(&mut buffer, deadline) else { return false };
        match question.read(text::first(&buffer, count), found) {
            Answer::Given => return true,
            Answer::Refused => return false,
            Answer::Stray => {}
        }
    }
    false
}
