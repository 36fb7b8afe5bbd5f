//! A recipe's folder with files of all kinds, and what patterns find in it.

use std::fs;
use std::io::Read;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::os::unix::net::UnixListener;

use globset::{Glob, GlobSetBuilder};

use super::*;

fn recipe_folder() -> tempfile::TempDir {
    let world = tempfile::tempdir().unwrap();
    let root = world.path().join("recipe");
    for (path, content) in [
        ("main.py", "print()"),
        ("src/a.py", "a"),
        ("src/a-b.py", "ab"),
        ("src/a/inner.py", "inner"),
        ("src/.hidden", "h"),
        ("src/__pycache__/a.pyc", "c"),
        ("src/a/__pycache__/b.pyc", "c"),
        ("releases/1/app", "one"),
        ("we[ird]", "w"),
    ] {
        let path = root.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, content).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
    }
    fs::write(world.path().join("secret"), "secret").unwrap();
    for (target, link) in [
        ("releases/1", "current"),
        ("releases/1/app", "app"),
        ("../secret", "escape"),
        ("/etc/passwd", "absolute"),
        ("../../secret", "src/link-out"),
    ] {
        symlink(target, root.join(link)).unwrap();
    }
    world
}

fn globs(patterns: &[&str]) -> GlobSet {
    let mut set = GlobSetBuilder::new();
    for pattern in patterns {
        set.add(Glob::new(pattern).unwrap());
    }
    set.build().unwrap()
}

fn found(pattern: &str, exclude: &[&str]) -> Result<Vec<String>> {
    let world = recipe_folder();
    let files = HostFiles::new(&world.path().join("recipe"))?;
    let entries = files.resolve(pattern, &globs(exclude))?;
    Ok(entries.iter().map(|entry| String::from_utf8_lossy(&entry.relative).into_owned()).collect())
}

#[test]
fn patterns_find_what_they_stand_for() {
    let cases: &[(&str, &[&str], &[&str])] = &[
        ("main.py", &[], &[""]),
        ("./src/../main.py", &[], &[]),
        ("src/a", &["**/__pycache__"], &["", "inner.py"]),
        ("./src/a/", &["**/*.pyc"], &["", "__pycache__", "inner.py"]),
        ("src/*.py", &[], &["a-b.py", "a.py"]),
        ("src/a*", &["**/__pycache__"], &["a", "a-b.py", "a.py", "a/inner.py"]),
        ("src/**/*.pyc", &[], &["__pycache__/a.pyc", "a/__pycache__/b.pyc"]),
        ("src/**/*.pyc", &["__pycache__"], &["a/__pycache__/b.pyc"]),
        ("src/{a,.hidden}", &["a/*"], &[".hidden", "a"]),
        ("*.py", &[], &["main.py"]),
        ("we[[]ird]", &[], &["we[ird]"]),
        ("current", &[], &["", "app"]),
        ("current/*", &[], &["app"]),
        ("app", &[], &[""]),
        ("src/link*", &[], &["link-out"]),
    ];
    for (pattern, exclude, expected) in cases {
        match found(pattern, exclude) {
            Ok(found) => assert_eq!(found, *expected, "{pattern}"),
            Err(error) => assert!(expected.is_empty(), "{pattern}: {error}"),
        }
    }
}

#[test]
fn what_cannot_be_taken_is_said() {
    for (pattern, cause) in [
        ("missing.py", "cannot take `missing.py`: no such file or directory"),
        ("*.js", "cannot take `*.js`: it matches nothing"),
        ("main.py/*", "cannot take `main.py/*`: it matches nothing"),
        ("../secret", "cannot take `../secret`: it leads out of its folder with `..`"),
        ("src/../../secret", "cannot take `src/../../secret`: it leads out of its folder with `..`"),
        ("/etc/passwd", "cannot take `/etc/passwd`: it is absolute"),
        ("", "cannot take ``: the path is empty"),
        ("a[", "cannot take `a[`: the glob is wrong: unclosed character class; missing ']'"),
    ] {
        assert_eq!(found(pattern, &[]).unwrap_err().to_string(), cause);
    }
    for link in ["escape", "absolute", "src/link-out"] {
        let error = found(link, &[]).unwrap_err();
        assert!(
            error.to_string().starts_with(&format!("cannot take `{link}`: it leads out of `")),
            "{error}"
        );
    }
}

#[test]
fn modes_sizes_and_link_targets_are_told() {
    let world = recipe_folder();
    let files = HostFiles::new(&world.path().join("recipe")).unwrap();
    let none = GlobSet::empty();
    let app = &files.resolve("current/app", &none).unwrap()[0];
    assert_eq!(app.kind, HostKind::File { size: 3, mode: 0o640 });
    assert_eq!(app.path, Path::new("current/app"));
    let link = &files.resolve("src/link*", &none).unwrap()[0];
    assert_eq!(link.kind, HostKind::Symlink(b"../../secret".to_vec()));
    let mut content = String::new();
    files.open(&app.path).unwrap().read_to_string(&mut content).unwrap();
    assert_eq!(content, "one");
}

#[test]
fn opening_stays_below_the_root_and_takes_only_files() {
    let world = recipe_folder();
    let files = HostFiles::new(&world.path().join("recipe")).unwrap();
    for (path, cause) in [
        ("src/link-out", "it leads out of"),
        ("../secret", "it leads out of"),
        ("src", "it is not a regular file"),
        ("missing", "no such file"),
    ] {
        let error = files.open(Path::new(path)).unwrap_err().to_string();
        assert!(error.starts_with(&format!("cannot take `{path}`: {cause}")), "{error}");
    }
}

#[test]
fn sockets_and_pipes_are_refused_by_name_unless_excluded() {
    let world = recipe_folder();
    let root = world.path().join("recipe");
    let _socket = UnixListener::bind(root.join("src/s")).unwrap();
    rustix::fs::mknodat(
        rustix::fs::CWD,
        root.join("pipe"),
        rustix::fs::FileType::Fifo,
        rustix::fs::Mode::from_raw_mode(0o600),
        0,
    )
    .unwrap();
    let files = HostFiles::new(&root).unwrap();
    let error = files.resolve("src", &GlobSet::empty()).unwrap_err();
    assert_eq!(error.to_string(), "cannot take `src/s`: it is a socket");
    assert!(files.resolve("src", &globs(&["s"])).is_ok());
    assert_eq!(
        files.resolve("pipe", &GlobSet::empty()).unwrap_err().to_string(),
        "cannot take `pipe`: it is a named pipe"
    );
    assert!(files.open(Path::new("pipe")).unwrap_err().to_string().ends_with("it is not a regular file"));
}

#[test]
fn names_that_are_not_utf_8_are_found() {
    let world = tempfile::tempdir().unwrap();
    let name = OsStr::from_bytes(b"caf\xe9");
    fs::write(world.path().join(name), "x").unwrap();
    let files = HostFiles::new(world.path()).unwrap();
    for pattern in [".", "*", "caf?"] {
        let entries = files.resolve(pattern, &GlobSet::empty()).unwrap();
        assert_eq!(entries.last().unwrap().relative, b"caf\xe9", "{pattern}");
    }
    assert!(files.open(Path::new(name)).is_ok());
}
