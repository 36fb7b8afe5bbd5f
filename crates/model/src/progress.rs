//! How long work is told to whoever watches. Libraries speak to this trait; only the CLI prints.

/// Somebody who watches the work.
pub trait Progress: Send + Sync {
    /// One line of the story, such as `resolved 34 packages`. Shown with `-v`.
    fn story(&self, line: &str);

    /// Something the person must know although the run goes on, such as a file that hides another.
    fn warn(&self, line: &str);

    /// Begins a piece of work that takes a while. `total` is in bytes (or items), when it is known.
    /// The bar ends when it is dropped.
    fn begin(&self, what: &str, total: Option<u64>) -> Box<dyn Bar>;
}

/// One piece of work under way.
pub trait Bar: Send + Sync {
    /// So much more is done.
    fn advance(&self, amount: u64);
}

/// Nobody watches.
#[derive(Clone, Copy, Debug, Default)]
pub struct Silent;

impl Progress for Silent {
    fn story(&self, _line: &str) {}
    fn warn(&self, _line: &str) {}
    fn begin(&self, _what: &str, _total: Option<u64>) -> Box<dyn Bar> {
        Box::new(Self)
    }
}

impl Bar for Silent {
    fn advance(&self, _amount: u64) {}
}
