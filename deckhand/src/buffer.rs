//! Bytes in a place of fixed size: paths, requests, questions.

use crate::text::Text;

/// A place that is filled from its beginning. What does not fit is left out, and [`Buffer::is_cut`] tells so.
pub struct Buffer<'b> {
    bytes: &'b mut [u8],
    /// So much is in it.
    pub length: usize,
}

impl<'b> Buffer<'b> {
    /// This place, empty.
    pub fn of(bytes: &'b mut [u8]) -> Self {
        Self { bytes, length: 0 }
    }

    /// Adds a byte.
    #[inline(never)]
    pub fn push(&mut self, byte: u8) {
        if let Some(place) = self.bytes.get_mut(self.length) {
            *place = byte;
        }
        self.length += 1;
    }

    /// Adds a text up to a byte, or to its end; gives what is left of it.
    #[inline(never)]
    pub fn push_until<'t>(&mut self, mut text: Text<'t>, end: u8) -> Text<'t> {
        while !text.is_empty() && text.byte() != end {
            self.push(text.byte());
            text = text.next();
        }
        text
    }

    /// Adds a text.
    pub fn push_text(&mut self, text: Text<'_>) {
        self.push_until(text, 0);
    }

    /// What is in it.
    pub fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..self.length).unwrap_or_default()
    }

    /// Whether something did not fit.
    pub fn is_cut(&self) -> bool {
        self.length > self.bytes.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::text;

    #[test]
    fn what_does_not_fit_is_left_out_and_told() {
        let mut bytes = [0; 3];
        let mut buffer = Buffer::of(&mut bytes);
        let rest = buffer.push_until(text!("ab=c"), b'=');
        assert_eq!((buffer.as_bytes(), rest.byte()), (&b"ab"[..], b'='));
        buffer.push_text(text!("c"));
        assert!(!buffer.is_cut());
        buffer.push(b'd');
        assert!(buffer.is_cut());
        assert_eq!(bytes, *b"abc");
    }
}
