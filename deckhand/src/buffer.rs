//! Bytes in a place of fixed size: messages, paths, requests.

/// A place that is filled from its beginning. What does not fit is left out, and [`Buffer::is_cut`] tells so.
pub struct Buffer<'b> {
    bytes: &'b mut [u8],
    length: usize,
    cut: bool,
}

impl<'b> Buffer<'b> {
    /// This place, with so much in it already.
    pub fn at(bytes: &'b mut [u8], length: usize) -> Self {
        Self { bytes, length, cut: false }
    }

    /// Adds a byte.
    #[inline(never)]
    pub fn push_byte(&mut self, byte: u8) {
        match self.bytes.get_mut(self.length) {
            Some(place) => {
                *place = byte;
                self.length += 1;
            }
            None => self.cut = true,
        }
    }

    /// Adds bytes as they are.
    #[inline(never)]
    pub fn push(&mut self, bytes: &[u8]) -> &mut Self {
        bytes.iter().for_each(|byte| self.push_byte(*byte));
        self
    }

    /// Adds a name from outside: what a terminal could take for a command is written as `\x1b`.
    #[inline(never)]
    pub fn push_name(&mut self, name: &[u8]) -> &mut Self {
        for &byte in name {
            if byte < 0x20 || byte == 0x7f {
                self.push(&[b'\\', b'x', hexadecimal(byte >> 4), hexadecimal(byte & 15)]);
            } else {
                self.push_byte(byte);
            }
        }
        self
    }

    /// Adds a number in decimal digits.
    #[inline(never)]
    pub fn push_number(&mut self, number: u64) {
        if number >= 10 {
            self.push_number(number / 10);
        }
        self.push_byte(b'0' + (number % 10) as u8);
    }

    /// What is in it.
    pub fn as_bytes(&self) -> &[u8] {
        crate::text::first(self.bytes, self.length)
    }

    /// Whether something did not fit.
    pub fn is_cut(&self) -> bool {
        self.cut
    }
}

/// The digit of a number below 16.
#[inline(never)]
pub fn hexadecimal(value: u8) -> u8 {
    if value < 10 { b'0' + value } else { b'a' + value - 10 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_fit_is_left_out_and_told() {
        let mut bytes = [0; 8];
        let mut buffer = Buffer::at(&mut bytes, 0);
        buffer.push(b"a").push_number(1_234_567);
        assert_eq!((buffer.as_bytes(), buffer.is_cut()), (&b"a1234567"[..], false));
        buffer.push(b"x");
        assert!(buffer.is_cut());
    }

    #[test]
    fn names_cannot_command_a_terminal() {
        let mut bytes = [0; 64];
        let mut buffer = Buffer::at(&mut bytes, 0);
        buffer.push_name("é\x1b[2J\n\x7f".as_bytes());
        assert_eq!(core::str::from_utf8(buffer.as_bytes()), Ok("é\\x1b[2J\\x0a\\x7f"));
    }
}
