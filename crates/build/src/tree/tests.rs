//! The tree's rules, one table each.

use bareboat_model::ImagePath;

use super::{Content, Entry, Kind, Node, Owner, Precedence, Tree};

fn path(text: &str) -> ImagePath {
    ImagePath::absolute(text).unwrap()
}

fn package(name: &str) -> Owner {
    Owner::Package(name.into())
}

fn recipe() -> Owner {
    Owner::Recipe(Entry { text: "bareboat.toml: files".into(), tier: 0 })
}

fn file(text: &str, owner: Owner) -> Node {
    Node::file(Content::from_bytes(text.as_bytes()), 0o644, 0, owner)
}

fn refuse(_: &ImagePath, _: &Owner, _: &Owner) -> Precedence {
    Precedence::Refuse
}

fn listing(tree: &Tree) -> Vec<String> {
    let line = |(path, node): (&ImagePath, &Node)| match &node.kind {
        Kind::Directory { .. } => format!("{path}/ {:o}", node.mode),
        Kind::Symlink(target) => format!("{path} -> {}", String::from_utf8_lossy(target)),
        Kind::File { .. } => format!("{path} ({})", node.owner),
    };
    tree.iter().map(line).collect()
}

#[test]
fn unmerged_paths_go_through_the_links_of_merged_usr() {
    let mut tree = Tree::new();
    tree.place(&path("/lib"), Node::directory(0o755, package("old")), &refuse).unwrap();
    let real = tree.place(&path("/lib/x/libx.so"), file("x", package("old")), &refuse).unwrap();
    tree.drop_idle_seeds();
    assert_eq!(real, path("/usr/lib/x/libx.so"));
    assert_eq!(
        listing(&tree),
        [
            "/lib -> usr/lib",
            "/usr/ 755",
            "/usr/lib/ 755",
            "/usr/lib/x/ 755",
            "/usr/lib/x/libx.so (package old)"
        ]
    );
}

#[test]
fn an_aliasing_link_is_never_replaced() {
    let mut tree = Tree::new();
    let error = tree.place(&path("/lib"), file("x", recipe()), &refuse).unwrap_err();
    assert!(error.to_string().contains("merged /usr"), "{error}");
    let same = Node::symlink("usr/lib", 5, package("base-files"));
    tree.place(&path("/lib"), same, &refuse).unwrap();
    assert_eq!(tree.get(&path("/lib")).unwrap().owner, package("base-files"));
}

#[test]
fn links_cannot_leave_the_root_or_run_in_circles() {
    let mut tree = Tree::new();
    let owner = || package("evil");
    tree.place(&path("/out"), Node::symlink("../../..//etc", 0, owner()), &refuse).unwrap();
    let real = tree.place(&path("/out/passwd"), file("x", owner()), &refuse).unwrap();
    assert_eq!(real, path("/etc/passwd"));
    tree.place(&path("/a"), Node::symlink("b", 0, owner()), &refuse).unwrap();
    tree.place(&path("/b"), Node::symlink("a", 0, owner()), &refuse).unwrap();
    let error = tree.place(&path("/a/x"), file("x", owner()), &refuse).unwrap_err();
    assert!(error.to_string().contains("in a circle"), "{error}");
}

#[test]
fn claims_are_decided_by_who_makes_them() {
    let effect = || Owner::Effect("users");
    let cases = [
        (package("a"), recipe(), Ok("recipe"), true),
        (recipe(), effect(), Ok("recipe"), true),
        (package("a"), effect(), Ok("effect"), false),
        (recipe(), recipe(), Ok("recipe"), true),
        (package("a"), package("b"), Err("neither replaces the other"), false),
    ];
    for (first, second, expected, told) in cases {
        let mut tree = Tree::new();
        tree.place(&path("/f"), file("1", first.clone()), &refuse).unwrap();
        let result = tree.place(&path("/f"), file("2", second.clone()), &refuse);
        match expected {
            Ok(winner) => {
                result.unwrap();
                let owner = match tree.get(&path("/f")).unwrap().owner {
                    Owner::Recipe(_) => "recipe",
                    Owner::Effect(_) | Owner::Script(_) => "effect",
                    Owner::Package(_) => "package",
                    Owner::Image(_) => "image",
                };
                assert_eq!(owner, winner, "{first} {second}");
                assert_eq!(!tree.hidden().is_empty(), told, "{first} {second}");
            }
            Err(words) => assert!(result.unwrap_err().to_string().contains(words)),
        }
    }
}

#[test]
fn the_same_file_of_two_packages_is_one_file() {
    let mut tree = Tree::new();
    tree.place(&path("/f"), file("same", package("a")), &refuse).unwrap();
    tree.place(&path("/f"), file("same", package("b")), &refuse).unwrap();
    assert_eq!(tree.get(&path("/f")).unwrap().owner, package("a"));
}

#[test]
fn files_and_directories_do_not_mix() {
    let mut tree = Tree::new();
    tree.place(&path("/d/f"), file("x", package("a")), &refuse).unwrap();
    for (at, what) in [("/d", "it is a directory"), ("/d/f/g", "would lie below")] {
        let error = tree.place(&path(at), file("y", package("b")), &refuse).unwrap_err();
        assert!(error.to_string().contains(what), "{error}");
    }
}

#[test]
fn the_first_to_name_a_directory_decides_its_mode() {
    let mut tree = Tree::new();
    tree.place(&path("/srv/x"), file("x", package("a")), &refuse).unwrap();
    tree.place(&path("/srv"), Node::directory(0o2775, package("b")), &refuse).unwrap();
    tree.place(&path("/srv"), Node::directory(0o700, package("c")), &refuse).unwrap();
    assert_eq!(tree.get(&path("/srv")).unwrap().mode, 0o2775);
    tree.set_directory(&path("/srv"), Node::directory(0o711, recipe())).unwrap();
    assert_eq!(tree.get(&path("/srv")).unwrap().mode, 0o711);
}

#[test]
fn hard_links_name_files_that_are_there() {
    let mut tree = Tree::new();
    tree.place(&path("/a"), file("x", package("p")), &refuse).unwrap();
    tree.place_hard_link(&path("/b"), &path("/a"), package("p"), &refuse).unwrap();
    let groups: Vec<_> = tree
        .iter()
        .filter_map(|(_, node)| match &node.kind {
            Kind::File { link_group, .. } => Some(link_group.clone()),
            _ => None,
        })
        .collect();
    assert_eq!(groups.len(), 2);
    assert!(groups[0].is_some() && groups[0] == groups[1]);
    assert!(tree.place_hard_link(&path("/c"), &path("/nowhere"), package("p"), &refuse).is_err());
}

#[test]
fn removing_a_directory_takes_all_below_it() {
    let mut tree = Tree::new();
    for name in ["/d/a", "/d/b/c", "/da"] {
        tree.place(&path(name), file(name, package("p")), &refuse).unwrap();
    }
    let gone = tree.remove(&path("/d"));
    assert_eq!(gone.len(), 4);
    assert!(tree.get(&path("/da")).is_some());
}
