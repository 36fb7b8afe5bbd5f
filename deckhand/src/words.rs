//! Arguments and environment, as the kernel laid them out.

use core::ffi::{CStr, c_char};

use crate::message::misuse;
use crate::text;

/// What is left of a list of words.
#[derive(Clone, Copy)]
pub struct Words {
    /// Points into an array of pointers to C strings that ends in a null and stays as it is for ever.
    next: *const *const c_char,
}

impl Words {
    /// # Safety
    /// `next` points into an array of pointers to C strings; the array ends in a null, and it and the strings live and
    /// stay unchanged as long as the process.
    pub unsafe fn new(next: *const *const c_char) -> Self {
        Self { next }
    }

    /// The next word, which stays; an empty one if there is none.
    #[inline(never)]
    pub fn peek(self) -> &'static CStr {
        // SAFETY: `next` points at an element of the array or at the null that ends it (the type's invariant).
        let word = unsafe { self.next.read() };
        if word.is_null() {
            return c"";
        }
        // SAFETY: every pointer of the array but the last leads to a C string that lives for ever.
        unsafe { CStr::from_ptr(word) }
    }

    /// Takes the next word; an empty one if there is none.
    #[inline(never)]
    pub fn take(&mut self) -> &'static CStr {
        let word = self.peek();
        if !self.is_empty() {
            // SAFETY: this was not the null that ends the array, so there is an element after it.
            self.next = unsafe { self.next.add(1) };
        }
        word
    }

    /// These words as `execve` wants them.
    pub fn as_ptr(self) -> *const *const c_char {
        self.next
    }

    /// Whether there is none left.
    pub fn is_empty(self) -> bool {
        // SAFETY: as in `peek`.
        unsafe { self.next.read() }.is_null()
    }

    /// The value of a variable, if these words are an environment.
    #[inline(never)]
    pub fn variable(mut self, name_and_equals: &[u8]) -> Option<&'static [u8]> {
        while !self.is_empty() {
            if let Some(value) = text::after(self.take().to_bytes(), name_and_equals) {
                return Some(value);
            }
        }
        None
    }

    /// Takes the options that are next: `--NAME VALUE`, `--NAME=VALUE`, or `--NAME` if it takes no value. `known` are their
    /// names, those that take a value with a `=` at the end; `found` is told their places in that list and their values.
    /// `--` ends the options, and is taken as well.
    #[inline(never)]
    pub fn options(&mut self, known: &[&'static str], found: &mut dyn FnMut(usize, &'static CStr)) {
        while let Some(option) = text::after(self.peek().to_bytes(), b"--") {
            let word = self.take();
            if option.is_empty() {
                return;
            }
            let mut rest = option;
            let name = text::take(&mut rest, b"=");
            // With its `=`, if it has one.
            let start = text::first(option, name.len() + 1);
            let mut value = text::tail(word, start.len() + 2);
            let number = known.iter().position(|known| {
                let known = known.as_bytes();
                text::same(known, start)
                    || text::same(text::first(known, name.len()), name) && known.len() == name.len() + 1
            });
            let Some(number) = number else {
                misuse("there is no option % here, see --help", word.to_bytes())
            };
            if start.len() < known[number].len() {
                value = self.take();
            }
            if value.is_empty() && known[number].ends_with('=') {
                misuse("expected a value after %", word.to_bytes());
            }
            found(number, value);
        }
    }
}
