//! What the keys do: in a line at the foot, as far as there is room, and on a page.

use ratatui::style::{Modifier, Style};
use ratatui::text::Line;

use super::state::Pane;

/// What is said at the foot first is what is needed first.
const LAYERS: [&str; 6] = ["q quit", "tab tree", "↑↓ layer", "^A all changes", "^L this one", "^F filter"];
const TREE: [&str; 8] = [
    "q quit",
    "tab layers",
    "space fold",
    "^F filter",
    "^A ^R ^M ^U added removed modified unmodified",
    "^space fold all",
    "^O order",
    "^B attributes",
];
const MORE: &str = "? keys";

/// All keys.
const PAGE: [(&str, &str); 17] = [
    ("tab", "the other half"),
    ("↑ ↓  k j", "move"),
    ("PgUp PgDn  u d", "a page; home and end"),
    ("q  ^C", "end"),
    ("", ""),
    ("^A  layers", "all since layer 1"),
    ("^L  layers", "changes of this layer"),
    ("", ""),
    ("space", "fold or unfold"),
    ("← →  h l", "fold or go up, unfold"),
    ("^space", "fold or unfold all"),
    ("^A ^R  files", "hide or show added, removed"),
    ("^M ^U", "modified, unmodified"),
    ("^B", "mode and owner"),
    ("^O", "by name or by size"),
    ("^F  /", "only paths with a text"),
    ("e", "how to get the file"),
];

/// As many of the hints as fit, and how to see the others.
pub(super) fn foot(pane: Pane, width: u16) -> String {
    let hints: &[&str] = if pane == Pane::Layers { &LAYERS } else { &TREE };
    let length = |text: &str| text.chars().count() + 3;
    let mut left = usize::from(width).saturating_sub(MORE.len());
    let fitting = hints.iter().take_while(|hint| {
        let fits = length(hint) <= left;
        left = left.saturating_sub(length(hint));
        fits
    });
    fitting.copied().chain([MORE]).collect::<Vec<_>>().join(" · ")
}

/// The page, from a line on.
pub(super) fn page(first: usize) -> Vec<Line<'static>> {
    let title = Line::styled(" Keys ", Style::new().add_modifier(Modifier::BOLD));
    let lines = PAGE.iter().map(|(keys, words)| Line::raw(format!(" {keys:15} {words}")));
    std::iter::once(title).chain(lines).skip(first).collect()
}

/// The last line that the page can begin with.
pub(super) const LAST: usize = PAGE.len();

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_foot_says_what_there_is_room_for() {
        for (pane, width, expected) in [
            (
                Pane::Layers,
                80,
                "q quit · tab tree · ↑↓ layer · ^A all changes · ^L this one · ^F filter · ? keys",
            ),
            (Pane::Layers, 40, "q quit · tab tree · ↑↓ layer · ? keys"),
            (Pane::Tree, 40, "q quit · tab layers · ? keys"),
            (Pane::Tree, 24, "q quit · ? keys"),
        ] {
            let foot = foot(pane, width);
            assert_eq!(foot, expected);
        }
        for width in 24..200 {
            for pane in [Pane::Layers, Pane::Tree] {
                assert!(foot(pane, width).chars().count() <= usize::from(width), "{width}");
            }
        }
    }
}
