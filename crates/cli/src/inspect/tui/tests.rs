//! Keys in, a picture out, without a terminal.

use std::collections::BTreeMap;

use bareboat_audit::inspect::{Options, inspect};
use bareboat_audit::view::Listing;
use bareboat_formats::oci::{Descriptor, History, ImageConfig, LAYER};
use bareboat_formats::tar::{Entry, EntryKind, Limits, Writer};
use bareboat_model::{Digest, ImagePath};
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use super::*;

/// A tar of `path:content`, `path/` and `path=>file`.
fn layer(text: &str) -> (Descriptor, Digest, Listing) {
    let mut writer = Writer::new(Vec::new());
    for member in text.split_whitespace() {
        let (member, first) = member.split_once("=>").unwrap_or((member, ""));
        let (path, content) = member.split_once(':').unwrap_or((member, ""));
        let first = ImagePath::parse(first.as_bytes()).unwrap();
        let kind = match path.ends_with('/') {
            true => EntryKind::Directory,
            false if !first.is_root() => EntryKind::HardLink(&first),
            false => EntryKind::File { size: content.len() as u64 },
        };
        let mode = if path.ends_with('/') { 0o1777 } else { 0o4755 };
        let path = ImagePath::absolute(path).unwrap();
        let entry = Entry { path: &path, kind, mode, uid: 0, gid: 7, mtime: 0, xattrs: &BTreeMap::new() };
        writer.append(&entry, &mut content.as_bytes()).unwrap();
    }
    let tar = writer.finish().unwrap();
    let listing = Listing::of_tar(&tar[..], &Limits::default()).unwrap();
    (Descriptor::of(LAYER, &tar), Digest::of(&tar), listing)
}

/// The layers of most tests.
const LAYERS: [&str; 3] =
    ["/etc/ /etc/a:1 /etc/b:22 /usr/x:55555", "/etc/b:333 /etc/.wh.a /etc/c:1", "/usr/.wh.x /z:1"];

/// What is to be seen after these keys: a letter, `^` and a letter, or a name.
fn after(layers: &[&str], keys: &str, (width, height): (u16, u16)) -> (String, Flow) {
    let view = View::of_listings(layers.iter().map(|text| layer(text)).collect()).unwrap();
    let step = |number| History { created_by: Some(format!("RUN step {number}")), ..History::default() };
    let config = ImageConfig { history: (0..layers.len()).map(step).collect(), ..ImageConfig::default() };
    let options = Options::default();
    let told = inspect("hello", Digest::of(b""), &config, &view, &view.packages(), &options).unwrap();
    let mut state = State::new(&view, &told);
    let mut flow = Flow::On;
    for key in keys.split_whitespace() {
        let (key, modifiers) = match key.strip_prefix('^') {
            Some(key) => (key, KeyModifiers::CONTROL),
            None => (key, KeyModifiers::NONE),
        };
        let code = match key {
            "tab" => KeyCode::Tab,
            "esc" => KeyCode::Esc,
            "enter" => KeyCode::Enter,
            "space" => KeyCode::Char(' '),
            "end" => KeyCode::End,
            "down" => KeyCode::Down,
            "left" => KeyCode::Left,
            "right" => KeyCode::Right,
            "back" => KeyCode::Backspace,
            letter => KeyCode::Char(letter.chars().next().unwrap()),
        };
        flow = state.key(KeyEvent::new(code, modifiers));
    }
    let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
    terminal.draw(|frame| draw::draw(&mut state, frame)).unwrap();
    let buffer = terminal.backend().buffer();
    let lines = buffer.content().chunks(usize::from(width));
    let lines =
        lines.map(|line| line.iter().map(|cell| cell.symbol()).collect::<String>().trim_end().to_owned());
    (lines.collect::<Vec<_>>().join("\n"), flow)
}

/// The tree alone, without its frame and without the bytes: narrow terminals show one half.
fn tree(keys: &str) -> String {
    let (seen, _) = after(&LAYERS, &format!("tab {keys}"), (70, 16));
    let lines: Vec<&str> = seen.lines().collect();
    let rows = lines[1..lines.len() - 1].iter().map(|line| line.trim_end()).filter(|line| !line.is_empty());
    rows.collect::<Vec<_>>().join("\n")
}

#[test]
fn both_halves_stand_beside_one_another() {
    insta::assert_snapshot!(after(&LAYERS, "j", (100, 20)).0, @r"
     Layers ──────────────────────────────────  Layer 2 ────────────────────────────────────────────────
       1       8 B  RUN step 0                 ~ drwxrwxrwt     0:7           4 B  ├── etc/
    ▌  2       4 B  RUN step 1                 - -rwsr-xr-x     0:7           1 B  │   ├── a
       3       1 B  RUN step 2                 ~ -rwsr-xr-x     0:7           3 B  │   ├── b
                                               + -rwsr-xr-x     0:7           1 B  │   └── c
     Details ─────────────────────────────────   drwxr-xr-x     0:0           5 B  └── usr/
    RUN step 1                                   -rwsr-xr-x     0:7           5 B      └── x
    3.6 kB stored, wastes 0 B
    sha256:e14e4f41a8802e7a22fb21bca20fd8b9f8…

    Image: 5 B in 3 files, layers 13 B
    Waste: 8 B, 61.5 %
          5 B  /usr/x
          2 B  /etc/b
          1 B  /etc/a




    q quit · tab tree · ↑↓ layer · ^A all changes · ^L this one · ^F filter · ? keys
    ");
}

#[test]
fn a_narrow_terminal_shows_the_half_that_listens() {
    insta::assert_snapshot!(after(&LAYERS, "", (50, 8)).0, @r"
     Layers ──────────────────────────────────────────
    ▌  1       8 B  RUN step 0
       2       4 B  RUN step 1
       3       1 B  RUN step 2

     Details ─────────────────────────────────────────
    RUN step 0
    q quit · tab tree · ↑↓ layer · ? keys
    ");
    insta::assert_snapshot!(after(&LAYERS, "tab", (50, 8)).0, @r"
     Layer 1 ─────────────────────────────────────────
    + drwxrwxrwt     0:7           3 B  ├── etc/
    + -rwsr-xr-x     0:7           1 B  │   ├── a
    + -rwsr-xr-x     0:7           2 B  │   └── b
    + drwxr-xr-x     0:0           5 B  └── usr/
    + -rwsr-xr-x     0:7           5 B      └── x

    q quit · tab layers · space fold · ? keys
    ");
    for size in [(1, 1), (23, 9), (24, 6), (30, 7), (79, 6), (80, 6), (500, 3), (5, 200)] {
        for keys in ["", "tab end", "end ^a tab ^f x"] {
            after(&LAYERS, keys, size);
        }
    }
}

#[test]
fn layers_are_compared_with_what_lies_below() {
    insta::assert_snapshot!(tree("tab j tab"), @r"
    ~ drwxrwxrwt     0:7           4 B  ├── etc/
    - -rwsr-xr-x     0:7           1 B  │   ├── a
    ~ -rwsr-xr-x     0:7           3 B  │   ├── b
    + -rwsr-xr-x     0:7           1 B  │   └── c
      drwxr-xr-x     0:0           5 B  └── usr/
      -rwsr-xr-x     0:7           5 B      └── x
    ");
    insta::assert_snapshot!(tree("tab end tab"), @r"
      drwxrwxrwt     0:7           4 B  ├── etc/
      -rwsr-xr-x     0:7           3 B  │   ├── b
      -rwsr-xr-x     0:7           1 B  │   └── c
    ~ drwxr-xr-x     0:0           0 B  ├── usr/
    - -rwsr-xr-x     0:7           5 B  │   └── x
    + -rwsr-xr-x     0:7           1 B  └── z
    ");
    // All changes since the lowest layer.
    insta::assert_snapshot!(tree("tab end ^a tab"), @r"
    ~ drwxrwxrwt     0:7           4 B  ├── etc/
    - -rwsr-xr-x     0:7           1 B  │   ├── a
    ~ -rwsr-xr-x     0:7           3 B  │   ├── b
    + -rwsr-xr-x     0:7           1 B  │   └── c
    ~ drwxr-xr-x     0:0           0 B  ├── usr/
    - -rwsr-xr-x     0:7           5 B  │   └── x
    + -rwsr-xr-x     0:7           1 B  └── z
    ");
    assert_eq!(tree("tab end ^a ^l tab"), tree("tab end tab"));
}

#[test]
fn what_is_shown_can_be_chosen() {
    insta::assert_snapshot!(tree("tab j tab ^u"), @r"
    ~ drwxrwxrwt     0:7           4 B  └── etc/
    - -rwsr-xr-x     0:7           1 B      ├── a
    ~ -rwsr-xr-x     0:7           3 B      ├── b
    + -rwsr-xr-x     0:7           1 B      └── c
    ");
    insta::assert_snapshot!(tree("tab j tab ^a ^r ^m ^b"), @r"
    5 B  └── usr/
    5 B      └── x
    ");
    assert_eq!(tree("tab j tab enter"), tree("tab j tab ^m"));
    assert_eq!(tree("^u ^u ^b ^b ^o ^o"), tree(""));
    insta::assert_snapshot!(tree("^o ^b"), @r"
    +       5 B  ├── usr/
    +       5 B  │   └── x
    +       3 B  └── etc/
    +       2 B      ├── b
    +       1 B      └── a
    ");
    insta::assert_snapshot!(tree("^b ^f T C / A enter"), @r"
    +       3 B  └── etc/
    +       1 B      └── a
    ");
    assert_eq!(tree("^f n o esc"), tree(""));
    assert_eq!(tree("^f n o back back enter"), tree(""));
    assert_eq!(tree("^f n o ^f esc"), tree(""));
    insta::assert_snapshot!(tree("^f n o"), @"nothing to show");
}

#[test]
fn directories_fold() {
    insta::assert_snapshot!(tree("^b space"), @r"
    +       3 B  ├── etc/ …
    +       5 B  └── usr/
    +       5 B      └── x
    ");
    assert_eq!(tree("^b space space"), tree("^b"));
    assert_eq!(tree("^b left"), tree("^b space"));
    assert_eq!(tree("^b left right"), tree("^b"));
    // From within a directory, up to it.
    assert_eq!(tree("^b j left left"), tree("^b left"));
    insta::assert_snapshot!(tree("^b ^space"), @r"
    +       3 B  ├── etc/ …
    +       5 B  └── usr/ …
    ");
    assert_eq!(tree("^b ^space ^space"), tree("^b"));
}

#[test]
fn it_says_how_to_get_a_file() {
    let (seen, _) = after(&LAYERS, "tab j e", (70, 9));
    assert_eq!(seen.lines().last(), Some("bareboat inspect hello --cat /etc/a > FILE"));
}

#[test]
fn it_ends_when_it_is_told() {
    for (keys, expected) in [
        ("q", Flow::Quit),
        ("^c", Flow::Quit),
        ("tab q", Flow::Quit),
        ("j", Flow::On),
        // A letter of the filter.
        ("^f q", Flow::On),
        ("^f ^c", Flow::Quit),
        ("^f esc q", Flow::Quit),
    ] {
        assert_eq!(after(&LAYERS, keys, (90, 20)).1, expected, "{keys}");
    }
}

#[test]
fn an_image_without_layers_and_hostile_names_are_harmless() {
    for keys in ["", "j k u d end", "tab j k u d end space ^space left right e ^f x"] {
        after(&[], keys, (90, 20));
    }
    let (seen, _) = after(&["/a\u{1b}[2J:1 /\u{202e}b:1"], "tab", (70, 9));
    assert!(!seen.contains(['\u{1b}', '\u{202e}']) && seen.contains("a\\u{1b}[2J"), "{seen}");
}

#[test]
fn all_keys_are_told_on_a_page() {
    let (page, flow) = after(&LAYERS, "? down", (40, 8));
    assert!(
        page.contains("the other half") && !page.contains("Keys") && page.contains("any other key"),
        "{page}"
    );
    assert_eq!(flow, Flow::On);
    let (back, flow) = after(&LAYERS, "? q", (40, 8));
    assert!(back.contains("tab tree") && flow == Flow::On, "{back}");
}

#[test]
fn a_file_with_several_names_counts_once_in_each_directory() {
    let (seen, _) = after(&["/a/ /a/x:333 /a/y=>/a/x /b/ /b/z=>/a/x /b/d/ /b/d/w:22"], "tab", (40, 12));
    let sizes: Vec<String> = seen
        .lines()
        .filter(|line| line.ends_with('/'))
        .map(|line| {
            line.split_whitespace().filter(|word| !"+│├──└──".contains(word)).collect::<Vec<_>>().join(" ")
        })
        .collect();
    assert_eq!(sizes, ["3 B a/", "5 B b/", "2 B d/"], "{seen}");
}
