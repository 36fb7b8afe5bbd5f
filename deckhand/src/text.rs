//! Text as C has it: bytes up to a zero byte, in one register. With a pointer and a length instead, all that is done with
//! arguments here would take half as many instructions again.

use core::ffi::CStr;
use core::marker::PhantomData;
use core::ptr::NonNull;

/// A place in a text that ends in a zero byte.
#[derive(Clone, Copy)]
pub struct Text<'t> {
    /// Points at a byte that can be read, and if that is not zero, so does the next.
    at: NonNull<u8>,
    text: PhantomData<&'t u8>,
}

// SAFETY: what it points at is only ever read.
unsafe impl Sync for Text<'_> {}

/// A text that is a part of the program.
macro_rules! text {
    ($text:literal) => {
        const {
            match core::ffi::CStr::from_bytes_with_nul(concat!($text, "\0").as_bytes()) {
                Ok(text) => $crate::text::Text::of(text),
                Err(_) => panic!(),
            }
        }
    };
}
pub(crate) use text;

impl<'t> Text<'t> {
    /// A C string.
    pub const fn of(text: &'t CStr) -> Self {
        // SAFETY: a C string's pointer is not null; it leads to its bytes, which end in a zero byte and live as long as it.
        let at = unsafe { NonNull::new_unchecked(text.as_ptr().cast_mut().cast()) };
        Self { at, text: PhantomData }
    }

    /// A text that the kernel laid out.
    ///
    /// # Safety
    /// It is not null, and leads to bytes that end in a zero byte and stay as they are for `'t`.
    pub unsafe fn at(text: *const u8) -> Self {
        // SAFETY: the caller's promise.
        let at = unsafe { NonNull::new_unchecked(text.cast_mut()) };
        Self { at, text: PhantomData }
    }

    /// What is in a place up to its first zero byte. The last byte of the place becomes one.
    #[inline(never)]
    pub fn within(bytes: &'t mut [u8]) -> Self {
        match bytes.last_mut() {
            Some(last) => *last = 0,
            None => return text!(""),
        }
        // SAFETY: the bytes are not null, end in a zero byte, and are borrowed for `'t`.
        unsafe { Self::at(bytes.as_ptr()) }
    }

    /// The byte here; zero at the end.
    pub fn byte(self) -> u8 {
        // SAFETY: `at` can be read (the type's invariant).
        unsafe { self.at.read() }
    }

    /// What follows the byte here; the end after the end.
    pub fn next(self) -> Self {
        let step = usize::from(self.byte() != 0);
        // SAFETY: the next byte can be read if this one is not zero (the type's invariant).
        Self { at: unsafe { self.at.add(step) }, text: PhantomData }
    }

    /// For the kernel.
    pub fn as_ptr(self) -> *const u8 {
        self.at.as_ptr()
    }

    /// Whether this is the end.
    pub fn is_empty(self) -> bool {
        self.byte() == 0
    }

    /// What follows a beginning.
    #[inline(never)]
    pub fn after(mut self, mut beginning: Text<'_>) -> Option<Self> {
        while !beginning.is_empty() {
            if self.byte() != beginning.byte() {
                return None;
            }
            (self, beginning) = (self.next(), beginning.next());
        }
        Some(self)
    }

    /// Whether they are the same.
    pub fn same(self, other: Text<'_>) -> bool {
        self.after(other).is_some_and(Self::is_empty)
    }

    /// From the first of this byte on; the end when there is none.
    #[inline(never)]
    pub fn find(mut self, byte: u8) -> Self {
        while !self.is_empty() && self.byte() != byte {
            self = self.next();
        }
        self
    }

    /// Reads decimal digits: the number, and what follows. The largest number for none, or too large a one.
    #[inline(never)]
    pub fn number(mut self) -> (u64, Self) {
        let mut number = if self.byte().is_ascii_digit() { 0 } else { u64::MAX };
        while self.byte().is_ascii_digit() {
            number = number.saturating_mul(10).saturating_add(u64::from(self.byte() - b'0'));
            self = self.next();
        }
        (number, self)
    }

    /// Whether a word ends here: at white space, a comment, or the end.
    pub fn is_word_end(self) -> bool {
        self.byte() <= b' ' || self.byte() == b'#'
    }

    /// Whether the words that begin here are the same but for the case of ASCII letters.
    #[inline(never)]
    pub fn same_word(mut self, mut other: Text<'_>) -> bool {
        while !self.is_word_end() && self.byte().eq_ignore_ascii_case(&other.byte()) {
            (self, other) = (self.next(), other.next());
        }
        self.is_word_end() && other.is_word_end()
    }

    /// From the next word of the line on, or from the line's end.
    #[inline(never)]
    pub fn next_word(mut self) -> Self {
        while !self.is_word_end() {
            self = self.next();
        }
        while matches!(self.byte(), b' ' | b'\t' | b'\r') {
            self = self.next();
        }
        self
    }
}

/// The size of a place for a path: a byte more than the kernel takes (PATH_MAX), so that one that is cut is refused by it.
pub const PLACE: usize = 4096 + 1;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_digits_only() {
        for (text, expected, rest) in [
            (c"0", 0, ""),
            (c"007x", 7, "x"),
            (c"18446744073709551614", u64::MAX - 1, ""),
            (c"", u64::MAX, ""),
            (c"+1", u64::MAX, "+1"),
            (c"18446744073709551616:", u64::MAX, ":"),
        ] {
            let (number, after) = Text::of(text).number();
            assert_eq!((number, to_string(after)), (expected, rest.to_owned()), "{text:?}");
        }
    }

    fn to_string(mut text: Text<'_>) -> String {
        let mut bytes = Vec::new();
        while !text.is_empty() {
            bytes.push(text.byte());
            text = text.next();
        }
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn beginnings_and_words() {
        let url = Text::of(c"http://x");
        assert_eq!(url.after(text!("http://")).map(to_string).as_deref(), Some("x"));
        assert!(url.after(text!("http://xy")).is_none());
        assert!(
            text!("a").same(text!("a")) && !text!("a").same(text!("ab")) && !text!("ab").same(text!("a"))
        );
        assert_eq!(to_string(url.find(b':')), "://x");
        assert!(url.find(b'?').is_empty());
        let line = Text::of(c"10.0.0.1\t Db  db2#x\n::1 six");
        assert!(
            line.next_word().same_word(text!("dB")) && line.next_word().next_word().same_word(text!("db2"))
        );
        assert!(!line.next_word().same_word(text!("d")) && !line.next_word().same_word(text!("dbx")));
        assert_eq!(line.next_word().next_word().next_word().byte(), b'#');
    }
}
