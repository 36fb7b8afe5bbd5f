//! Programs that would not start, because something that they need is not in the image.

use bareboat_model::Arch;
use bareboat_testkit::elf;

use crate::bench::Bench;

/// A recipe with one program of its own, on a base of the small Debian.
fn bench(base: &str, program: &[u8]) -> Bench {
    let bench = Bench::new(&recipe(base, ""));
    bench.write("app", program);
    bench
}

fn recipe(base: &str, more: &str) -> String {
    format!(
        "name = \"hello\"\nbase = \"{base}\"\nplatforms = [\"linux/amd64\"]\n{more}\
         files = [{{ from = \"app\", to = \"/app\", mode = \"0755\" }}]\n"
    )
}

/// What a build says that works.
fn builds(bench: &Bench, args: &[&str]) -> String {
    let output = bench.command(args).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", crate::bench::said(&output));
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn a_library_is_told_with_the_package_that_has_it() {
    let bench =
        bench("base", &elf::executable(Arch::Amd64, &["libsqlite3.so.0", "libnowhere.so.1", "libc.so.6"]));
    insta::assert_snapshot!(bench.fails(), @r"
    error: cannot build for linux/amd64: what programs in the image need is missing:
      `/app` needs libnowhere.so.1
      `/app` needs libsqlite3.so.0; package libsqlite3-0 has it
    hint: add what has it to the recipe's packages; what is only loaded on demand may be named in allow-missing
    ");
    bench.write("bareboat.toml", recipe("base", "allow-missing = [\"libsqlite3.so.0\"]\n"));
    insta::assert_snapshot!(bench.fails(), @r"
    error: cannot build for linux/amd64: what programs in the image need is missing:
      `/app` needs libnowhere.so.1
    hint: add what has it to the recipe's packages; what is only loaded on demand may be named in allow-missing
    ");
    builds(&bench, &["build", "--allow-missing", "libnowhere.so.1"]);
    bench.write(
        "bareboat.toml",
        recipe("base", "packages = [\"libsqlite3-0\"]\nallow-missing = [\"libnowhere.so.1\"]\n"),
    );
    assert!(builds(&bench, &["build"]).contains("\nmissing      libnowhere.so.1 (for 1 file)\n"));
}

#[test]
fn a_loader_is_told_with_the_base_that_has_it() {
    let bench = bench("static", &elf::executable(Arch::Amd64, &["libc.so.6"]));
    insta::assert_snapshot!(bench.fails(), @r"
    error: cannot build for linux/amd64: what programs in the image need is missing:
      `/app` needs the loader /lib64/ld-linux-x86-64.so.2, which is not there; package libc6 has it
      `/app` needs libc.so.6; package libc6 has it
    hint: build on a base with a C library (base-nossl or above), or link the program statically
    ");
}

#[test]
fn no_network_is_no_reason_to_say_less() {
    let bench = bench("base", &elf::executable(Arch::Amd64, &["libsqlite3.so.0"]));
    bench.fails();
    let offline = bench.command(["build", "--offline"]).output().unwrap();
    let said = String::from_utf8(offline.stderr).unwrap();
    assert!(said.contains("`/app` needs libsqlite3.so.0"), "{said}");
}

#[test]
fn names_of_libraries_are_checked() {
    let bench = bench("static", b"");
    bench.write("bareboat.toml", recipe("static", "allow-missing = [\"lib/x.so\"]\n"));
    insta::assert_snapshot!(bench.fails(), @r#"
    error: cannot read `./bareboat.toml:4:18`: `lib/x.so` cannot be a library's name, expected one such as libasound.so.2
      |
    4 | allow-missing = ["lib/x.so"]
      |                  ^^^^^^^^^^
    "#);
}

#[test]
fn a_broken_program_is_no_program() {
    let bench = bench("static", b"\x7fELF and nothing more");
    builds(&bench, &["build"]);
}
