//! The layers of an image on top of one another, as an engine mounts them (OCI image specification, layer.md).

use std::sync::Arc;

use bareboat_formats::whiteout::{self, Whiteout};
use bareboat_model::{Context, ImagePath, Result};

use super::unpacked::UnpackedLayer;
use crate::tree::{Owner, Tree};

/// Puts a layer on top of what is in the tree.
///
/// # Errors
/// When links lead in a circle, or a hard link names nothing.
pub(super) fn put_on(tree: &mut Tree, layer: &UnpackedLayer, owner: &Owner) -> Result<()> {
    // Whiteouts speak of lower layers only, wherever in the tar they stand.
    for member in &layer.members {
        take_away(tree, &member.path)?;
    }
    let contents = Arc::new(layer.contents.clone());
    for member in layer.members.iter().filter(|member| !whiteout::is_one(&member.path)) {
        let put = match member.node(&contents, owner) {
            Ok(node) => tree.overlay(&member.path, node),
            Err(target) => tree.overlay_hard_link(&member.path, target),
        };
        put.context(|| format!("cannot put `{}` in place", member.path))?;
    }
    Ok(())
}

fn take_away(tree: &mut Tree, path: &ImagePath) -> Result<()> {
    match whiteout::parse(path)? {
        Some(Whiteout::Below(folder)) => {
            let folder = tree.real_path(&folder)?;
            let inside: Vec<ImagePath> = tree.below(&folder).map(|(path, _)| path.clone()).collect();
            inside.iter().for_each(|path| drop(tree.remove(path)));
        }
        Some(Whiteout::Path(path)) => {
            let gone = tree.real_parent(&path)?;
            tree.remove(&gone);
        }
        Some(Whiteout::Note) | None => {}
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::unpack::{Member, MemberKind};

    /// Layers of `path` (a file), `path/` (a directory), `path -> target` and `path => target` (a hard link).
    fn squashed(layers: &[&str]) -> String {
        let mut tree = Tree::empty();
        for (number, layer) in layers.iter().enumerate() {
            let members = layer.split_whitespace().map(|text| member(text, number)).collect();
            let layer = UnpackedLayer::of_members(members);
            put_on(&mut tree, &layer, &Owner::Image("base".into())).unwrap();
        }
        let words = tree.iter().map(|(path, node)| match node.content() {
            // The size tells which layer it is from.
            Some(content) => format!("{path}:{}", content.size()),
            None if node.is_directory() => format!("{path}/"),
            None => format!("{path}@"),
        });
        words.collect::<Vec<_>>().join(" ")
    }

    fn member(text: &str, layer: usize) -> Member {
        let (path, kind) = if let Some((path, target)) = text.split_once("=>") {
            (path, MemberKind::HardLink(ImagePath::absolute(target).unwrap()))
        } else if let Some((path, target)) = text.split_once("->") {
            (path, MemberKind::Symlink(target.into()))
        } else if let Some(path) = text.strip_suffix('/') {
            (path, MemberKind::Directory)
        } else {
            let size = layer as u64;
            (text, MemberKind::File { digest: bareboat_model::Digest::of(text.as_bytes()), size, offset: 0 })
        };
        let path = ImagePath::absolute(path).unwrap();
        Member { path, kind, mode: 0o755, uid: 0, gid: 0, mtime: 0, xattrs: Vec::new() }
    }

    #[test]
    fn later_layers_replace_and_take_away() {
        for (layers, expected) in [
            (&["/a /b", "/b"][..], "/a:0 /b:1"),
            (&["/a /d/x /d/y", "/.wh.a /d/.wh.x"], "/d/ /d/y:0"),
            (&["/d/x /d/y", "/d/.wh..wh..opq /d/z"], "/d/ /d/z:1"),
            (&["/d/x", "/d/z /d/.wh..wh..opq"], "/d/ /d/z:1"),
            (&["/d/x", "/d"], "/d:1"),
            (&["/d", "/d/x"], "/d/ /d/x:1"),
            (&["/.wh..wh.plnk/ /a"], "/a:0"),
            (&["/a /.wh.a"], "/a:0"),
        ] {
            assert_eq!(squashed(layers), expected, "{layers:?}");
        }
    }

    #[test]
    fn whiteouts_of_nothing_are_refused() {
        for path in ["/etc/.wh.", "/etc/.wh..", "/etc/.wh...", "/.wh."] {
            let layer = UnpackedLayer::of_members(vec![member("/etc/x", 0), member(path, 0)]);
            assert!(put_on(&mut Tree::empty(), &layer, &Owner::Image("base".into())).is_err(), "{path}");
        }
    }

    #[test]
    fn links_are_followed_and_replaced_as_engines_do() {
        for (layers, expected) in [
            (&["/usr/lib/ /lib->usr/lib", "/lib/x"][..], "/lib@ /usr/ /usr/lib/ /usr/lib/x:1"),
            (&["/usr/lib/x /lib->usr/lib", "/lib/.wh.x"], "/lib@ /usr/ /usr/lib/"),
            (&["/usr/lib/ /lib->usr/lib", "/lib/"], "/lib/ /usr/ /usr/lib/"),
            (&["/a /b=>/a", "/b"], "/a:0 /b:1"),
            (&["/a", "/b=>/a"], "/a:0 /b:0"),
        ] {
            assert_eq!(squashed(layers), expected, "{layers:?}");
        }
    }
}
