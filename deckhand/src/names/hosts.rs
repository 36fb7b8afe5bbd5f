//! /etc/hosts.

use super::lines::{next_line, next_word};
use super::{Addresses, literal};
use crate::text;

/// Adds what the file has for the host.
#[inline(never)]
pub fn find(host: &[u8], mut file: &[u8], found: &mut Addresses) {
    while let Some(mut line) = next_line(&mut file) {
        let address = next_word(&mut line);
        let mut name = next_word(&mut line);
        while !name.is_empty() {
            if text::same_name(name, host) {
                literal(address, found);
                break;
            }
            name = next_word(&mut line);
        }
    }
}
