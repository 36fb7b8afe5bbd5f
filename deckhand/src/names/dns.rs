//! One question to a name server and its answer (RFC 1035, section 4): addresses only.

use super::Addresses;
use crate::buffer::Buffer;
use crate::text;

/// Which addresses.
#[derive(Clone, Copy)]
pub enum Type {
    /// A.
    V4 = 1,
    /// AAAA.
    V6 = 28,
}

const HEADER: usize = 12;
/// Class IN.
const INTERNET: u8 = 1;

/// A question, as it is sent.
pub struct Question {
    message: [u8; 320],
    length: usize,
    kind: Type,
}

/// What a reply is.
#[derive(PartialEq, Eq, Debug)]
pub enum Answer {
    /// An answer, perhaps that there is nothing.
    Given,
    /// The server cannot say.
    Refused,
    /// Not to this question.
    Stray,
}

impl Question {
    /// No question yet.
    pub const fn none(kind: Type) -> Self {
        Self { message: [0; 320], length: 0, kind }
    }

    /// Makes it the question for a name. False if it cannot be one.
    #[inline(never)]
    pub fn ask(&mut self, mut name: &[u8], id: [u8; 2]) -> bool {
        let fits = name.len() < 254;
        let mut message = Buffer::at(&mut self.message, 0);
        // An ordinary question that wants recursion; one entry.
        message.push(&id).push(&[1, 0, 0, 1, 0, 0, 0, 0, 0, 0]);
        // A dot at the end, which says that nothing is to be added, is no label.
        while !name.is_empty() {
            let label = text::take(&mut name, b".");
            if label.is_empty() || label.len() > 63 {
                return false;
            }
            message.push_byte(label.len() as u8);
            message.push(label);
        }
        message.push(&[0, 0, self.kind as u8, 0, 1]);
        self.length = message.as_bytes().len();
        fits
    }

    /// What to send.
    pub fn as_bytes(&self) -> &[u8] {
        text::first(&self.message, self.length)
    }

    /// Reads a reply, and adds each address in it. Aliases are followed by the server: their records are passed over.
    #[inline(never)]
    pub fn read(&self, reply: &[u8], found: &mut Addresses) -> Answer {
        let asked = self.as_bytes();
        let [a, b, flags, code, 0, 1, high, low, ..] = reply else { return Answer::Stray };
        let question = text::from(text::first(reply, asked.len()), HEADER);
        let is_ours = text::same(text::first(asked, 2), &[*a, *b]) && flags & 0x80 != 0;
        if !is_ours || !text::same_name(question, text::from(asked, HEADER)) {
            return Answer::Stray;
        }
        // No error, or no such name.
        if !matches!(code & 15, 0 | 3) {
            return Answer::Refused;
        }
        let mut rest = text::from(reply, asked.len());
        for _ in 0..u16::from_be_bytes([*high, *low]) {
            let Some(after) = self.read_record(rest, found) else { break };
            rest = after;
        }
        Answer::Given
    }

    /// Reads the first record, and gives what follows it.
    fn read_record<'r>(&self, bytes: &'r [u8], found: &mut Addresses) -> Option<&'r [u8]> {
        let [0, kind, 0, INTERNET, _, _, _, _, high, low, rest @ ..] = after_name(bytes)? else {
            // Of another class, or of a type with two bytes: none that an answer to this question has.
            return None;
        };
        let (data, after) = rest.split_at_checked(usize::from(u16::from_be_bytes([*high, *low])))?;
        if *kind == self.kind as u8 {
            found.push(data);
        }
        Some(after)
    }
}

/// What follows a name: labels up to an empty one, or up to a pointer to others (RFC 1035, 4.1.4).
#[inline(never)]
fn after_name(mut bytes: &[u8]) -> Option<&[u8]> {
    loop {
        let (&length, rest) = bytes.split_first()?;
        match length {
            0 => return Some(rest),
            1..64 => bytes = rest.get(usize::from(length)..)?,
            192.. => return rest.get(1..),
            _ => return None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn question() -> Question {
        let mut question = Question::none(Type::V4);
        assert!(question.ask(b"db.test", [0xab, 0xcd]));
        question
    }

    /// A reply to it with these records.
    fn reply(code: u8, records: &[&[u8]]) -> Vec<u8> {
        let mut reply = question().as_bytes().to_vec();
        reply[2] = 0x81;
        reply[3] = 0x80 | code;
        reply[7] = u8::try_from(records.len()).unwrap();
        records.iter().for_each(|record| reply.extend_from_slice(record));
        reply
    }

    fn read(reply: &[u8]) -> (Answer, Vec<String>) {
        let mut found = Addresses::none();
        let answer = question().read(reply, &mut found);
        (answer, found.as_slice().iter().map(|address| address.to_std().to_string()).collect())
    }

    const ALIAS: &[u8] = b"\xc0\x0c\x00\x05\x00\x01\x00\x00\x00\x01\x00\x04\x01x\xc0\x0f";
    const ADDRESS: &[u8] = b"\x01x\xc0\x0f\x00\x01\x00\x01\x00\x00\x00\x01\x00\x04\x0a\x01\x02\x03";

    #[test]
    fn a_question_is_as_rfc_1035_has_it() {
        assert_eq!(question().as_bytes(), b"\xab\xcd\x01\0\0\x01\0\0\0\0\0\0\x02db\x04test\0\0\x01\0\x01");
        for name in [".", "a..b", &"x".repeat(64), &"abc.".repeat(70)] {
            assert!(!Question::none(Type::V4).ask(name.as_bytes(), [0, 0]), "{name}");
        }
    }

    #[test]
    fn addresses_are_found_behind_aliases() {
        assert_eq!(read(&reply(0, &[ALIAS, ADDRESS])), (Answer::Given, vec!["10.1.2.3".to_owned()]));
        assert_eq!(read(&reply(3, &[])), (Answer::Given, vec![]));
        assert_eq!(read(&reply(2, &[])), (Answer::Refused, vec![]));
    }

    #[test]
    fn answers_to_other_questions_are_passed_over() {
        let good = reply(0, &[ADDRESS]);
        for (at, value) in [(0, 0), (1, 0), (2, 1), (5, 2), (13, b'x'), (22, 28)] {
            let mut bad = good.clone();
            bad[at] = value;
            assert_eq!(read(&bad), (Answer::Stray, vec![]), "{at}");
        }
    }

    #[test]
    fn a_reply_that_ends_anywhere_is_read_as_far_as_it_goes() {
        let good = reply(0, &[ALIAS, ADDRESS]);
        for length in 0..good.len() {
            assert_eq!(read(&good[..length]).1, Vec::<String>::new(), "{length}");
        }
    }
}
