//! What is to be seen of the explorer: layers at the left, the tree at the right; where there is no room for both, the half that
//! listens.

use bareboat_model::escape;
use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::{Color, Modifier, Style};
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, Borders, Paragraph, Wrap};

use super::help;
use super::state::{Pane, State};
use super::tree::{Compare, Mark, Marked, Row};
use crate::layout::cut;
use crate::summary::size;

/// Columns for both halves.
const ROOM_FOR_BOTH: u16 = 80;
/// Columns of the tree from which on attributes leave room for names.
const ROOM_FOR_ATTRIBUTES: u16 = 48;
/// Less than this shows nothing that helps.
const SMALLEST: (u16, u16) = (24, 6);

pub(super) fn draw(state: &mut State<'_>, frame: &mut Frame<'_>) {
    let area = frame.area();
    if area.width < SMALLEST.0 || area.height < SMALLEST.1 {
        frame.render_widget(Paragraph::new("too small: q quits"), area);
        return;
    }
    let [main, foot] = Layout::vertical([Constraint::Min(1), Constraint::Length(1)]).areas(area);
    if let Some(first) = state.help {
        frame.render_widget(Paragraph::new(help::page(first)), main);
    } else if area.width < ROOM_FOR_BOTH {
        match state.pane {
            Pane::Layers => left(state, frame, main),
            Pane::Tree => tree(state, frame, main),
        }
    } else {
        let halves = [Constraint::Percentage(42), Constraint::Percentage(58)];
        let [layers, files] = Layout::horizontal(halves).spacing(1).areas(main);
        left(state, frame, layers);
        tree(state, frame, files);
    }
    frame.render_widget(Paragraph::new(keys(state, area.width)), foot);
}

fn block(title: String, listens: bool) -> Block<'static> {
    let style =
        if listens { Style::new().add_modifier(Modifier::BOLD) } else { Style::new().fg(Color::DarkGray) };
    Block::new().borders(Borders::TOP).border_style(style).title(title)
}

fn left(state: &mut State<'_>, frame: &mut Frame<'_>, area: Rect) {
    let wanted = u16::try_from(state.told.layers.len()).unwrap_or(u16::MAX).saturating_add(2);
    let details = if area.height > 16 { 12 } else { 0 };
    let room = area.height.saturating_sub(details);
    let heights = [Constraint::Length(wanted.min(room)), Constraint::Min(0)];
    let [layers, details] = Layout::vertical(heights).areas(area);
    of_layers(state, frame, layers);
    of_details(state, frame, details);
}

fn of_layers(state: &mut State<'_>, frame: &mut Frame<'_>, area: Rect) {
    let title = match state.compare {
        Compare::Layer => " Layers ".to_owned(),
        Compare::All => " Layers (all changes up to here) ".to_owned(),
    };
    let block = block(title, state.pane == Pane::Layers);
    let inner = block.inner(area);
    frame.render_widget(block, area);
    let room = usize::from(inner.height);
    if state.pane == Pane::Layers {
        state.page = room.max(1);
    }
    let first = first_line(state.layer, room, state.told.layers.len());
    let lines = state.told.layers.iter().enumerate().skip(first).take(room).map(|(number, layer)| {
        let is_compared = match state.compare {
            Compare::Layer => number == state.layer,
            Compare::All => number > 0 && number <= state.layer,
        };
        let mark = if is_compared { "▌" } else { " " };
        let command = escape(layer.command.as_deref().unwrap_or_default());
        let text = format!("{mark}{:>3} {:>9}  {command}", layer.number, size(layer.bytes));
        let style =
            if number == state.layer { Style::new().add_modifier(Modifier::REVERSED) } else { Style::new() };
        Line::styled(text, style)
    });
    frame.render_widget(Paragraph::new(lines.collect::<Vec<_>>()), inner);
}

fn of_details(state: &State<'_>, frame: &mut Frame<'_>, area: Rect) {
    let mut lines = Vec::new();
    if let Some(layer) = state.told.layers.get(state.layer) {
        lines.push(Line::raw(escape(layer.command.as_deref().unwrap_or("nobody says how it was made"))));
        lines.push(Line::raw(format!("{} stored, wastes {}", size(layer.stored), size(layer.wasted))));
        // Whoever needs it all has the other ways to ask.
        lines.push(Line::raw(cut(&layer.digest.to_string(), area.width.into())));
        lines.push(Line::raw(""));
    }
    let all = &state.told.size;
    lines.push(Line::raw(format!(
        "Image: {} in {} files, layers {}",
        size(all.files),
        all.file_count,
        size(all.layers)
    )));
    let waste = &state.told.waste;
    lines.push(Line::raw(format!("Waste: {}, {:.1} %", size(waste.bytes), 100.0 * waste.ratio)));
    for wasted in waste.paths.iter().take(20) {
        lines.push(Line::raw(format!("{:>9}  {}", size(wasted.bytes), wasted.path)));
    }
    let block = block(" Details ".to_owned(), false);
    frame.render_widget(Paragraph::new(lines).wrap(Wrap { trim: false }).block(block), area);
}

fn tree(state: &mut State<'_>, frame: &mut Frame<'_>, area: Rect) {
    let block = block(title(state), state.pane == Pane::Tree);
    let inner = block.inner(area);
    frame.render_widget(block, area);
    let room = usize::from(inner.height);
    if state.pane == Pane::Tree {
        state.page = room.max(1);
    }
    let first = first_line(state.cursor, room, state.rows.len());
    let shows_attributes = state.attributes && inner.width >= ROOM_FOR_ATTRIBUTES;
    let lines = state.rows.iter().enumerate().skip(first).take(room).map(|(number, row)| {
        let line = line(row, shows_attributes);
        let is_at = number == state.cursor && state.pane == Pane::Tree;
        if is_at { line.patch_style(Modifier::REVERSED) } else { line }
    });
    let mut lines: Vec<Line<'_>> = lines.collect();
    if lines.is_empty() {
        lines.push(Line::raw("nothing to show"));
    }
    frame.render_widget(Paragraph::new(lines), inner);
}

/// What is shown, and what is not.
fn title(state: &State<'_>) -> String {
    let mut title = match state.compare {
        Compare::Layer => format!(" Layer {}", state.layer + 1),
        Compare::All => format!(" Layers 2 to {}", state.layer + 1),
    };
    for (mark, word) in [
        (Mark::Added, "added"),
        (Mark::Removed, "removed"),
        (Mark::Modified, "modified"),
        (Mark::Unmodified, "unmodified"),
    ] {
        if state.shown.hidden.contains(&(mark as Marked)) {
            title.push_str(&format!(", no {word}"));
        }
    }
    if state.shown.by_size {
        title.push_str(", by size");
    }
    if state.writing || !state.shown.filter.is_empty() {
        title.push_str(&format!(", filter: {}", escape(&state.shown.filter)));
        title.push_str(if state.writing { "▏" } else { "" });
    }
    title + " "
}

/// A row of the tree.
fn line(row: &Row<'_>, shows_attributes: bool) -> Line<'static> {
    // Colours are not all that tells: some see none.
    let (color, sign) = match row.mark {
        Mark::Unmodified => (Color::Reset, ' '),
        Mark::Modified => (Color::Yellow, '~'),
        Mark::Added => (Color::Green, '+'),
        Mark::Removed => (Color::Red, '-'),
    };
    let mut spans = vec![Span::raw(format!("{sign} "))];
    if shows_attributes {
        spans.push(Span::raw(format!("{} ", row.attributes)));
    }
    spans.push(Span::raw(format!("{:>9}  {}", size(row.bytes), row.text)));
    Line::from(spans).style(Style::new().fg(color))
}

/// The first line to be seen, so that the cursor is about in the middle.
fn first_line(cursor: usize, room: usize, all: usize) -> usize {
    cursor.saturating_sub(room / 2).min(all.saturating_sub(room))
}

fn keys(state: &State<'_>, width: u16) -> Line<'static> {
    let words = match (&state.note, state.writing) {
        _ if state.help.is_some() => "↑↓ more · any other key: back".to_owned(),
        (Some(note), _) => escape(note),
        (None, true) => "part of a path · enter: keep · esc: no filter".to_owned(),
        (None, false) => help::foot(state.pane, width),
    };
    Line::styled(words, Style::new().add_modifier(Modifier::REVERSED))
}
