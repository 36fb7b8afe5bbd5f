//! Arguments and environment, as the kernel laid them out.

use crate::message::misuse;
use crate::text::{Text, text};

/// What is left of a list of words.
#[derive(Clone, Copy)]
pub struct Words {
    /// Points into an array of pointers to texts that ends in a null and stays as it is for ever.
    next: *const *const u8,
}

/// Instead of an option's place: there is none.
const NO_OPTION: usize = usize::MAX;

impl Words {
    /// # Safety
    /// `next` points into an array of pointers to texts that end in a zero byte; the array ends in a null, and it and the texts
    /// live and stay unchanged as long as the process.
    pub unsafe fn new(next: *const *const u8) -> Self {
        Self { next }
    }

    /// Whether there is none left.
    pub fn is_empty(self) -> bool {
        // SAFETY: `next` points at an element of the array or at the null that ends it (the type's invariant).
        unsafe { self.next.read() }.is_null()
    }

    /// The next word, which stays; an empty one if there is none.
    #[inline(never)]
    pub fn peek(self) -> Text<'static> {
        if self.is_empty() {
            return text!("");
        }
        // SAFETY: every pointer of the array but the last leads to a text that lives for ever.
        unsafe { Text::at(self.next.read()) }
    }

    /// Takes the next word; an empty one if there is none.
    #[inline(never)]
    pub fn take(&mut self) -> Text<'static> {
        let word = self.peek();
        let step = usize::from(!self.is_empty());
        // SAFETY: if this was not the null that ends the array, there is an element after it.
        self.next = unsafe { self.next.add(step) };
        word
    }

    /// These words as `execve` wants them.
    pub fn as_ptr(self) -> *const *const u8 {
        self.next
    }

    /// Takes the option that is next, if one is: `--NAME VALUE`, `--NAME=VALUE`, or `--NAME` if it takes no value. Gives its
    /// place among those that are known (the names of those that take a value end in `=`), and its value. `--` is taken too.
    #[inline(never)]
    pub fn option(&mut self, known: &[Text<'static>]) -> (usize, Text<'static>) {
        let word = self.peek();
        let Some(name) = word.after(text!("--")) else { return (NO_OPTION, word) };
        self.take();
        if name.is_empty() {
            return (NO_OPTION, word);
        }
        let mut place = 0;
        for known in known {
            let (mut is, mut known) = (name, *known);
            while is.byte() == known.byte() && !is.is_empty() && is.byte() != b'=' {
                (is, known) = (is.next(), known.next());
            }
            let value = match (is.byte(), known.byte()) {
                (b'=', b'=') => is.next(),
                (0, b'=') => self.take(),
                (0, 0) => word,
                _ => {
                    place += 1;
                    continue;
                }
            };
            if value.is_empty() {
                misuse(text!("a value after the option"), word);
            }
            return (place, value);
        }
        misuse(text!("an option of this command"), word)
    }

    /// As [`Words::option`] for a command that is about one thing, before and after which options may stand.
    #[inline(never)]
    pub fn option_or(
        &mut self,
        known: &[Text<'static>],
        target: &mut Text<'static>,
    ) -> (usize, Text<'static>) {
        loop {
            let found = self.option(known);
            if found.0 != NO_OPTION {
                return found;
            }
            if self.is_empty() {
                if target.is_empty() {
                    misuse(text!("what to probe"), *target);
                }
                return found;
            }
            if !target.is_empty() {
                misuse(text!("nothing more"), self.peek());
            }
            *target = self.take();
        }
    }
}
