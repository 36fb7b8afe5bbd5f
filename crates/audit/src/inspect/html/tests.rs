//! Hostile names in, a page out that does nothing but show them.

use bareboat_formats::oci::{History, ImageConfig};

use super::super::{Options, inspect};
use super::*;
use crate::view::tests::Fixture;

fn page(layers: &[&str], config: &ImageConfig) -> String {
    let view = Fixture::of(layers).read().unwrap();
    let inventory = view.packages();
    let options = Options { top: 100, ..Options::default() };
    let name = "oci:x\"><script>alert(0)</script>";
    let told = inspect(name, Digest::of(b""), config, &view, &inventory, &options).unwrap();
    html(&told, &view, &inventory, |bytes| format!("{bytes} B")).unwrap()
}

const HOSTILE: [&str; 8] = [
    "<script>alert(1)<",
    "</script><script>alert(2)<",
    "<!--<script>",
    "<img src=x onerror=alert(3)>",
    "\"onmouseover=\"alert(4)",
    "'&lt;amp;",
    "\u{202e}exe.gpj",
    "]]>",
];

#[test]
fn nothing_that_an_image_says_is_more_than_text() {
    // Blanks divide members in the fixture's texts, and slashes folders.
    let names: Vec<String> = HOSTILE.iter().map(|name| name.replace(' ', "_")).collect();
    let lower: String = names.iter().map(|name| format!("/{name}:55555 /lost{name}:1 ")).collect();
    let upper: String = names.iter().map(|name| format!("/lost{name}:22 ")).collect();
    let step = |name: &str| History { created_by: Some(name.to_owned()), ..History::default() };
    let config = ImageConfig {
        created: Some(HOSTILE[1].into()),
        os: HOSTILE[3].into(),
        history: vec![step(HOSTILE[1]), step(HOSTILE[3])],
        ..ImageConfig::default()
    };
    let page = page(&[&lower, &upper], &config);
    assert_eq!(page.matches("<script").count(), 2, "{page}");
    assert_eq!(page.matches("</script").count(), 2);
    for tag in ["<img", "<!--", "\u{202e}"] {
        assert!(!page.contains(tag), "{tag}");
    }
    let tables = page.split("<script type").next().unwrap();
    assert!(!tables.contains("\"onmouseover") && !tables.contains("'&lt;amp"));
    // The names are all there: as they are in the data, once it is read.
    let json = page.split("id=\"data\">").nth(1).unwrap().split("</script>").next().unwrap();
    let data: serde_json::Value = serde_json::from_str(json).unwrap();
    let shown: Vec<&str> =
        data["leaves"].as_array().unwrap().iter().map(|leaf| leaf[1].as_str().unwrap()).collect();
    assert!(shown.contains(&"script><script>alert(2)<"), "{shown:?}");
    assert!(shown.contains(&"<img_src=x_onerror=alert(3)>"), "{shown:?}");
}

#[test]
fn the_policy_names_the_style_and_the_script_and_nothing_else() {
    let page = page(&["/a:1"], &ImageConfig::default());
    let policy = page.split("content=\"").nth(1).unwrap().split('"').next().unwrap();
    let inline = |tag: &str| {
        page.split(&format!("<{tag}>")).nth(1).unwrap().split(&format!("</{tag}>")).next().unwrap().to_owned()
    };
    let expected = format!(
        "default-src 'none'; base-uri 'none'; form-action 'none'; style-src 'sha256-{}'; script-src 'sha256-{}'",
        source(&inline("style")),
        source(&inline("script"))
    );
    assert_eq!(policy, expected);
    for outside in ["http:", "https:", "src=", "@import", "url("] {
        assert!(!page.contains(outside), "{outside}");
    }
}

#[test]
fn small_files_are_put_together() {
    let many: String = (0..9000)
        .map(|number| format!("/d{}/e{}/f{number}:{} ", number % 50, number % 7, "x".repeat(1 + number % 9)))
        .collect();
    let view = Fixture::of(&[&many]).read().unwrap();
    let inventory = view.packages();
    let told = inspect("x", Digest::of(b""), &ImageConfig::default(), &view, &inventory, &Options::default())
        .unwrap();
    let data = serde_json::to_value(data::data(&told, &view, &inventory)).unwrap();
    let leaves = data["leaves"].as_array().unwrap();
    assert!(leaves.len() < 7000, "{}", leaves.len());
    let sum = |at: usize| leaves.iter().map(|leaf| leaf[at].as_u64().unwrap()).sum::<u64>();
    assert_eq!((sum(2), sum(3)), (view.size(), 9000));
}

#[test]
fn empty_files_are_counted() {
    let view = Fixture::of(&["/d/a:1 /d/empty", "/d/.wh.empty /other"]).read().unwrap();
    let inventory = view.packages();
    let told = inspect("x", Digest::of(b""), &ImageConfig::default(), &view, &inventory, &Options::default())
        .unwrap();
    let data = serde_json::to_value(data::data(&told, &view, &inventory)).unwrap();
    let files = data["leaves"].as_array().unwrap().iter().map(|leaf| leaf[3].as_u64().unwrap());
    assert_eq!(files.sum::<u64>(), told.size.file_count);
}
