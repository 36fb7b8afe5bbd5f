//! The filter before system calls: what programs do not need and attackers do.
//!
//! Written by hand, because one filter gives three answers here (allowed, not permitted, not known) and the crate for it
//! has two; with its two filters, or one long chain of comparisons, the kernel takes longer to load it than to make a
//! namespace.

mod assemble;
mod table;

pub(crate) use assemble::filter;
