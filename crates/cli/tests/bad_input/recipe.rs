//! Wrong recipes and locks, and files that are not where a recipe says.

use crate::bench::{Bench, HELLO};

fn with(lines: &str) -> Bench {
    Bench::new(&format!("{HELLO}{lines}"))
}

#[test]
fn an_unknown_key_names_the_nearest_one() {
    let bench = Bench::new("name = \"hello\"\npakages = [\"hello\"]\n");
    insta::assert_snapshot!(bench.fails(), @r#"
    error: cannot read `./bareboat.toml:2:1`: unknown key `pakages`, did you mean `packages`?
      |
    2 | pakages = ["hello"]
      | ^^^^^^^
    "#);
    assert_eq!(bench.mirror.requests(), []);
}

#[test]
fn a_wrong_type_says_what_was_expected() {
    let bench = Bench::new("name = \"hello\"\npackages = \"hello\"\n");
    insta::assert_snapshot!(bench.fails(), @r#"
    error: cannot read `./bareboat.toml:2:12`: expected an array, found string "hello"
      |
    2 | packages = "hello"
      |            ^^^^^^^
    "#);
    assert_eq!(bench.mirror.requests(), []);
}

#[test]
fn a_missing_recipe_says_where_it_was_looked_for() {
    let bench = Bench::new(HELLO);
    std::fs::remove_file(bench.path("project/bareboat.toml")).unwrap();
    insta::assert_snapshot!(bench.fails(), @r"
    error: cannot read `./bareboat.toml`: no such file or directory
    hint: a recipe is a file named bareboat.toml; name the file or its folder
    ");
}

#[test]
fn a_missing_file_is_named_with_its_place_in_the_recipe() {
    let bench = with("[[files]]\nfrom = \"main.py\"\nto = \"/app/main.py\"\n");
    insta::assert_snapshot!(bench.fails(), @r"error: cannot take the files at ./bareboat.toml:5:1: cannot take `main.py`: no such file or directory");
    bench.write("main.py", "print()\n");
    bench.builds();
}

#[test]
fn a_glob_that_matches_nothing_is_named_with_its_place_in_the_recipe() {
    let bench = with("[[files]]\nfrom = \"src/*.py\"\nto = \"/app/\"\n");
    std::fs::create_dir(bench.path("project/src")).unwrap();
    bench.write("src/main.js", "");
    insta::assert_snapshot!(bench.fails(), @r"error: cannot take the files at ./bareboat.toml:5:1: cannot take `src/*.py`: it matches nothing");
}

#[test]
fn a_file_outside_of_the_recipes_folder_is_refused() {
    let bench = with("[[files]]\nfrom = \"../keyring.gpg\"\nto = \"/app/\"\n");
    insta::assert_snapshot!(bench.fails(), @r#"
    error: cannot read `./bareboat.toml:6:8`: path `../keyring.gpg` leaves the recipe's folder with `..`; put the recipe above what it takes
      |
    6 | from = "../keyring.gpg"
      |        ^^^^^^^^^^^^^^^^
    "#);
}

#[test]
fn a_link_out_of_the_recipes_folder_is_refused() {
    let bench = with("[[files]]\nfrom = \"key\"\nto = \"/app/\"\n");
    std::os::unix::fs::symlink("../keyring.gpg", bench.path("project/key")).unwrap();
    insta::assert_snapshot!(bench.fails(), @r"
    error: cannot take the files at ./bareboat.toml:5:1: cannot take `key`: it leads out of `.`
    hint: a recipe takes files from its own folder only
    ");
}

#[test]
fn an_unknown_base_names_the_nearest_one() {
    let bench = Bench::new("name = \"hello\"\nbase = \"pyton3\"\n");
    insta::assert_snapshot!(bench.fails(), @r"
    error: cannot read `./bareboat.toml:2:8`: unknown base `pyton3`, did you mean `python3`?
    hint: a base that is a recipe of yours is written with a slash, such as ./common
    ");
}

#[test]
fn a_broken_lock_is_named_with_its_place() {
    let bench = Bench::new(HELLO);
    bench.write("bareboat.lock", "version = 1\nsuites = 7\n");
    insta::assert_snapshot!(bench.fails(), @r"
    error: cannot read `./bareboat.lock:2:10`: expected an array, found integer `7`
      |
    2 | suites = 7
      |          ^
    hint: take the lock from version control, or delete it and run `bareboat lock`
    ");
}

#[test]
fn a_lock_that_does_not_satisfy_the_recipe_is_refused_when_locked() {
    let bench = Bench::new(HELLO);
    bench.builds();
    bench.write("bareboat.toml", HELLO.replace("\"hello\"]", "\"hello\", \"netbase\"]"));
    let message = bench.fails_with(&mut bench.command(["build", "--locked"]));
    insta::assert_snapshot!(message, @r"
    error: cannot use `./bareboat.lock`: it does not satisfy the recipe: the recipe asks for `netbase`, the lock does not
    hint: run `bareboat lock` and commit the lock
    ");
    bench.builds();
}

#[test]
fn a_failed_step_is_named_with_its_place() {
    let bench = with("[[steps]]\nrun = [\"false\"]\n");
    insta::assert_snapshot!(bench.fails(), @r"error: cannot run the step at ./bareboat.toml:5:1: `false`: it failed with exit code 1");
}

#[test]
fn an_unknown_platform_names_the_known_ones() {
    let bench = Bench::new(&HELLO.replace("linux/amd64", "linux/z80"));
    insta::assert_snapshot!(bench.fails(), @r#"
    error: cannot read `./bareboat.toml:3:14`: unknown platform `linux/z80`, expected one of linux/amd64, linux/arm64
      |
    3 | platforms = ["linux/z80"]
      |              ^^^^^^^^^^^
    "#);
}

#[test]
fn braces_nested_without_end_are_refused() {
    let braces = format!("{}a{}", "{a,".repeat(251), "}".repeat(251));
    let message = with(&format!("[[files]]\nfrom = \"{braces}\"\nto = \"/app/\"\n")).fails();
    assert!(message.contains("its braces are nested too deep"), "{message}");
}

#[test]
fn a_file_that_is_no_recipe_is_not_shown() {
    let bench = Bench::new("name = \"hello\"\nbase = \"../secret.toml\"\n");
    std::fs::write(bench.path("secret.toml"), "TOKEN=hunter2\n").unwrap();
    let message = bench.fails();
    assert!(!message.contains("hunter2"), "{message}");
    insta::assert_snapshot!(message, @r"
    error: ./bareboat.toml:2:8: cannot build on `../secret.toml`: cannot read `./../secret.toml`: it is no recipe
    hint: it is outside of the recipe's folder, so its text is not shown: build it by itself to see what is wrong
    ");
    std::fs::remove_file(bench.path("project/bareboat.toml")).unwrap();
    bench.write("bareboat.toml", HELLO);
    std::os::unix::fs::symlink("../secret.toml", bench.path("project/bareboat.lock")).unwrap();
    insta::assert_snapshot!(bench.fails(), @r"error: cannot read `./bareboat.lock`: it is a link, and what it leads to is no lock");
}

#[test]
fn a_user_that_is_not_there_is_named_with_its_place() {
    insta::assert_snapshot!(with("[image]\nuser = \"bob\"\n").fails(), @r"
    error: cannot run the image as `bob`, as ./bareboat.toml:6:8 says: user `bob` is not in the image
    hint: use a number, or add it to the recipe: [users.bob]
    ");
}

#[test]
fn a_certificate_that_is_none_is_named_with_its_place() {
    let bench = with("[certificates]\nadd = [\"corp.pem\"]\n");
    bench.write("corp.pem", "hello\n");
    insta::assert_snapshot!(bench.fails(), @r"
    error: cannot add certificate `corp.pem` at ./bareboat.toml:6:8: it is not a PEM certificate
    hint: convert DER with: openssl x509 -inform der -in FILE -out FILE.pem
    ");
}
