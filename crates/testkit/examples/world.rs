//! Writes the small Debian of the tests to a folder, to look at it or to let other tools read it:
//! `cargo run -p bareboat-testkit --example world -- DIR` makes `DIR/debian`, `DIR/debian-security` and
//! `DIR/keyring.gpg`.
#![allow(clippy::print_stdout, clippy::expect_used, reason = "a program for a person's hand")]

use std::path::PathBuf;

fn main() {
    let dir = PathBuf::from(std::env::args_os().nth(1).expect("the folder to write to"));
    let world = bareboat_testkit::world();
    world.files.write_to(&dir);
    std::fs::write(dir.join("keyring.gpg"), &world.keyring).expect("the keyring");
    println!("{} files below {}", world.files.len(), dir.display());
}
