//! Layers in, numbers out. dive's own, over its own test images, are compared in crates/cli/tests/good_path/inspect.rs.

use bareboat_formats::oci::ImageConfig;
use bareboat_model::Digest;

use super::*;
use crate::view::tests::Fixture;

fn told(layers: &[&str], options: &Options) -> Result<Inspection> {
    let view = Fixture::of(layers).read().unwrap();
    let inventory = view.packages();
    inspect("image", Digest::of(b""), &ImageConfig::default(), &view, &inventory, options)
}

fn plain(layers: &[&str]) -> Inspection {
    told(layers, &Options { top: 10, ..Options::default() }).unwrap()
}

#[test]
fn waste_is_what_layers_carry_and_the_image_does_not_have() {
    for (layers, expected) in [
        (&["/a:1 /b:22"][..], "0"),
        (&["/a:333", "/a:333"], "3 /a:3x1 replaced [1]-[2]"),
        (&["/a:333", "/a:4444", "/a:1"], "7 /a:7x2 replaced [1, 2]-[2, 3]"),
        (&["/a:333", "/.wh.a"], "3 /a:3x1 removed [1]-[2]"),
        (&["/a:333", "/.wh.a", "/a:1"], "3 /a:3x1 replaced [1]-[2]"),
        // A directory is one line, with all that was in it, whenever that went.
        (&["/d/e/x:1 /d/y:22", "/.wh.d"], "3 /d:3x2 removed [1]-[2]"),
        (&["/d/e/x:1 /d/y:22", "/d/e/.wh.x", "/.wh.d"], "3 /d:3x2 removed [1]-[2, 3]"),
        (&["/d/e/x:1 /d/y:22", "/d/.wh.e"], "1 /d/e:1x1 removed [1]-[2]"),
        (
            &["/d/x:1 /d/y:22", "/d/.wh..wh..opq /d/y:3"],
            "3 /d/y:2x1 replaced [1]-[2] /d/x:1x1 removed [1]-[2]",
        ),
        // A file with two names is carried once, and lost with the last of them.
        (&["/a:333 /b=>/a", "/.wh.a"], "0"),
        (&["/a:333 /b=>/a", "/.wh.a /.wh.b"], "3 /a:3x1 removed [1]-[2]"),
        (&["/a:333 /b=>/a", "/b:1"], "0"),
        // Empty files waste nothing.
        (&["/a", "/.wh.a"], "0"),
    ] {
        let Inspection { waste, size, .. } = plain(layers);
        let paths = waste.paths.iter().map(|one| {
            let fate = if one.fate == Fate::Removed { "removed" } else { "replaced" };
            let (brought, taken) = (&one.brought_by, &one.taken_by);
            let layers = [brought, taken].map(|set| format!("{:?}", set.iter().collect::<Vec<_>>()));
            format!(" {}:{}x{} {fate} {}", one.path, one.bytes, one.copies, layers.join("-"))
        });
        assert_eq!(format!("{}{}", waste.bytes, paths.collect::<String>()), expected, "{layers:?}");
        assert_eq!(waste.bytes, size.layers - size.files, "{layers:?}");
    }
}

#[test]
fn what_the_base_wastes_by_itself_is_told_apart() {
    let layers = ["/a:333 /b:4444", "/a:1", "/b:1", "/c:55555", "/.wh.c"];
    let base: Vec<Digest> =
        Fixture::of(&layers[..2]).layers.into_iter().map(|(_, diff_id)| diff_id).collect();
    let budgets = Budgets { waste: Some(MostWaste::Bytes(8)), ..Budgets::default() };
    let options = Options { base: Some(("base".into(), base)), budgets, ..Options::default() };
    let image = told(&layers, &options).unwrap();
    assert_eq!((image.waste.bytes, image.waste.in_base, image.waste.own()), (12, Some(3), 9));
    assert_eq!(
        image.layers.iter().map(|layer| layer.in_base).collect::<Vec<_>>(),
        [true, true, false, false, false]
    );
    assert_eq!(image.budgets.len(), 1);
    assert!(!image.budgets[0].passed);

    let other: Vec<Digest> = [Digest::of(b"another")].into();
    let options = Options { base: Some(("base".into(), other)), ..Options::default() };
    assert_eq!(
        told(&layers, &options).unwrap_err().to_string(),
        "the image does not build on `base`: its lowest layers are not those of the base, of 1 layers 0 are the same"
    );
}

#[test]
fn budgets_are_kept_up_to_the_last_byte() {
    for (budgets, expected) in [
        (Budgets { size: Some(8), ..Budgets::default() }, "size 8 8 true"),
        (Budgets { size: Some(7), ..Budgets::default() }, "size 7 8 false"),
        (Budgets { waste: Some(MostWaste::Bytes(3)), ..Budgets::default() }, "waste 3 3 true"),
        (
            Budgets { waste: Some(MostWaste::Percent(37.5)), ..Budgets::default() },
            "waste-percent 37.5 37.5 true",
        ),
        (
            Budgets { waste: Some(MostWaste::Percent(37.4)), ..Budgets::default() },
            "waste-percent 37.4 37.5 false",
        ),
        (Budgets { layers: Some(1), ..Budgets::default() }, "layers 1 2 false"),
        (dives("lowest-efficiency: 0.375"), "lowest-efficiency 0.375 0.375 true"),
        (dives("lowest-efficiency: 0.376"), "lowest-efficiency 0.376 0.375 false"),
        (dives("highest-wasted-bytes: 8"), "highest-wasted-bytes 8 8 true"),
        (dives("highest-wasted-bytes: 7"), "highest-wasted-bytes 7 8 false"),
        // dive's "percent" is a share, and can be more than all.
        (dives("highest-user-wasted-percent: 1"), "highest-user-wasted-percent 1 1.6 false"),
    ] {
        let image = told(&["/a:333", "/a:55555"], &Options { budgets, ..Options::default() }).unwrap();
        let shown = image.budgets.iter().map(|it| {
            let (Limit::Most(limit) | Limit::Least(limit)) = it.limit;
            format!("{} {limit} {} {}", it.budget, it.found, it.passed)
        });
        assert_eq!(shown.collect::<Vec<_>>(), [expected]);
    }
}

fn dives(rule: &str) -> Budgets {
    let rules = format!("rules:\n  {rule}\n");
    Budgets { dive: DiveRules::parse(&rules, ".dive-ci".as_ref()).unwrap(), ..Budgets::default() }
}

/// As in dive, where zero of zero is above no limit.
#[test]
fn an_image_of_one_layer_wastes_nothing_of_its_users() {
    let budgets = dives("highest-user-wasted-percent: 0");
    let image = told(&["/a:333"], &Options { budgets, ..Options::default() }).unwrap();
    assert!(image.budgets[0].passed && image.budgets[0].found.is_nan());
    assert!(image.dive.is_none());
}

#[test]
fn a_file_with_several_names_counts_once_in_each_folder() {
    let view = Fixture::of(&["/d/a:333 /d/e/b=>/d/a /f/c=>/d/a /f/x:22"]).read().unwrap();
    let shown = sizes(&view).into_iter().map(|(path, (bytes, files))| format!("{path} {bytes} {files}"));
    assert_eq!(shown.collect::<Vec<_>>(), ["/ 5 2", "/d 3 1", "/d/e 3 1", "/f 5 2"]);
    let image = plain(&["/d/a:333 /d/e/b=>/d/a /f/c=>/d/a /f/x:22"]);
    assert_eq!(image.biggest_files[0].other_names, ["/d/e/b", "/f/c"]);
    assert!(image.biggest_files[1].other_names.is_empty());
}

#[test]
fn layers_tell_what_they_do() {
    let image = plain(&["/d/ /d/a:1 /d/b:22 /d/l=>/d/b", "/d/ /d/a:1 /d/b:333 /.wh.gone /d/.wh.l"]);
    let counts = image.layers.iter().map(|layer| {
        let of = |count: Count| format!("{}:{}", count.paths, count.bytes);
        [of(layer.added), of(layer.changed), of(layer.repeated), of(layer.removed)].join(" ")
    });
    assert_eq!(counts.collect::<Vec<_>>(), ["4:3 0:0 0:0 0:0", "0:0 1:3 1:1 1:2"]);
}

#[test]
fn folders_that_only_hold_one_folder_are_not_told() {
    let image =
        plain(&["/usr/lib/x/a:55555 /usr/lib/x/b:4444 /usr/lib/y/c:1 /etc/d:22 /usr/lib/x/a2=>/usr/lib/x/a"]);
    let folders = image.biggest_folders.iter().map(|one| format!("{} {} {}", one.path, one.bytes, one.files));
    assert_eq!(folders.collect::<Vec<_>>(), ["/usr/lib/x 9 2", "/etc 2 1", "/usr/lib/y 1 1"]);
    let files = image.biggest_files.iter().map(|one| format!("{} {} {}", one.path, one.bytes, one.layer));
    assert_eq!(
        files.collect::<Vec<_>>(),
        ["/usr/lib/x/a 5 1", "/usr/lib/x/b 4 1", "/etc/d 2 1", "/usr/lib/y/c 1 1"]
    );
}

/// What dive 0.13.1 says of such images.
#[test]
fn dive_is_followed_in_its_odd_ways() {
    for (layers, expected) in [
        (&["/a:333", "/a:55555"][..], "0.375 8 [2 /a 8]"),
        (&["/a:333", "/.wh.a"], "0 3 [2 /a 3]"),
        // A directory that a layer names, and one that it does not.
        (&["/d/ /d/a:333", "/.wh.d"], "1 0 []"),
        (&["/d/a:333", "/.wh.d"], "1 0 []"),
        // What is not there ends the layer.
        (&["/z:1", "/.wh.a /z:1"], "0 0 []"),
        (&["/b:1", "/.wh.x /b:1"], "0 0 []"),
        (&["/b:1", "/.wh.b /a:1"], "0.5 1 [2 /b 1]"),
    ] {
        let image = told(layers, &Options { dive: true, ..Options::default() }).unwrap();
        let dive = image.dive.unwrap();
        let files: Vec<_> =
            dive.files.iter().map(|it| format!("{} {} {}", it.count, it.path, it.size)).collect();
        assert_eq!(
            format!("{} {} [{}]", dive.efficiency, dive.wasted, files.join(", ")),
            expected,
            "{layers:?}"
        );
    }
}
