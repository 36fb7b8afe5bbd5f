//! The explorer as a value: keys go in, and what is to be seen follows. It knows no terminal.

use bareboat_audit::inspect::Inspection;
use bareboat_audit::view::View;
use bareboat_model::ImagePath;
use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyEventKind, KeyModifiers};

use super::help::LAST;
use super::tree::{Compare, Mark, Marked, Row, Shown, Tree};

/// Which half listens.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Pane {
    Layers,
    Tree,
}

/// Whether to go on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Flow {
    On,
    Quit,
}

/// What the explorer is showing.
pub(super) struct State<'a> {
    pub(super) told: &'a Inspection,
    view: &'a View,
    pub(super) pane: Pane,
    pub(super) layer: usize,
    pub(super) compare: Compare,
    tree: Tree<'a>,
    pub(super) shown: Shown,
    pub(super) rows: Vec<Row<'a>>,
    pub(super) cursor: usize,
    pub(super) attributes: bool,
    /// While the filter is written, keys are letters.
    pub(super) writing: bool,
    /// Something to say, until the next key.
    pub(super) note: Option<String>,
    /// While the keys are told, from which line on.
    pub(super) help: Option<usize>,
    /// How many lines of the tree are to be seen: what a page is.
    pub(super) page: usize,
}

impl<'a> State<'a> {
    pub(super) fn new(view: &'a View, told: &'a Inspection) -> Self {
        let tree = Tree::new(view, 0, Compare::Layer);
        let shown = Shown::default();
        let rows = tree.rows(&shown);
        Self {
            told,
            view,
            pane: Pane::Layers,
            layer: 0,
            compare: Compare::Layer,
            tree,
            shown,
            rows,
            cursor: 0,
            attributes: true,
            writing: false,
            note: None,
            help: None,
            page: 10,
        }
    }

    /// Takes a key, with dive's meanings.
    pub(super) fn key(&mut self, key: KeyEvent) -> Flow {
        if key.kind == KeyEventKind::Release {
            return Flow::On;
        }
        self.note = None;
        let control = key.modifiers.contains(KeyModifiers::CONTROL);
        match (key.code, control) {
            (KeyCode::Char('c'), true) => return Flow::Quit,
            (code, _) if self.help.is_some() => self.read_on(code),
            _ if self.writing => self.write(key.code, control),
            (KeyCode::Char('q'), _) => return Flow::Quit,
            (KeyCode::Tab | KeyCode::BackTab, _) => {
                self.pane = if self.pane == Pane::Layers { Pane::Tree } else { Pane::Layers };
            }
            (KeyCode::Char('?') | KeyCode::F(1), _) => self.help = Some(0),
            // Terminals send control and slash as one or the other.
            (KeyCode::Char('f' | '/' | '_' | '7'), true) | (KeyCode::Char('/'), false) => {
                self.writing = true;
                self.pane = Pane::Tree;
            }
            (KeyCode::Esc, _) => {
                self.shown.filter.clear();
                self.renew();
            }
            _ if self.pane == Pane::Layers => self.in_layers(key.code, control),
            _ => self.in_tree(key.code, control),
        }
        Flow::On
    }

    /// Any key but those that move ends the page of keys.
    fn read_on(&mut self, code: KeyCode) {
        let first = self.help.unwrap_or_default();
        self.help = match code {
            KeyCode::Up | KeyCode::Char('k') => Some(first.saturating_sub(1)),
            KeyCode::Down | KeyCode::Char('j') => Some((first + 1).min(LAST)),
            _ => None,
        };
    }

    fn write(&mut self, code: KeyCode, control: bool) {
        match code {
            KeyCode::Esc => {
                self.writing = false;
                self.shown.filter.clear();
            }
            KeyCode::Enter | KeyCode::Tab => self.writing = false,
            KeyCode::Backspace => drop(self.shown.filter.pop()),
            KeyCode::Char('f' | '/' | '_' | '7') if control => self.writing = false,
            KeyCode::Char(letter) if !control => self.shown.filter.push(letter),
            _ => {}
        }
        self.renew();
    }

    fn in_layers(&mut self, code: KeyCode, control: bool) {
        let last = self.told.layers.len().saturating_sub(1);
        let layer = match (code, control) {
            (KeyCode::Char('a'), true) => return self.compare(Compare::All),
            (KeyCode::Char('l'), true) => return self.compare(Compare::Layer),
            (KeyCode::Up | KeyCode::Char('k'), false) => self.layer.saturating_sub(1),
            (KeyCode::Down | KeyCode::Char('j'), false) => self.layer + 1,
            (KeyCode::PageUp | KeyCode::Char('u'), _) => self.layer.saturating_sub(self.page),
            (KeyCode::PageDown | KeyCode::Char('d'), _) => self.layer + self.page,
            (KeyCode::Home, _) => 0,
            (KeyCode::End, _) => last,
            _ => return,
        };
        if layer.min(last) != self.layer {
            self.layer = layer.min(last);
            self.reload();
        }
    }

    fn in_tree(&mut self, code: KeyCode, control: bool) {
        let last = self.rows.len().saturating_sub(1);
        match (code, control) {
            (KeyCode::Char('a'), true) => self.toggle(Mark::Added),
            (KeyCode::Char('r'), true) => self.toggle(Mark::Removed),
            // Terminals send control and M as Enter.
            (KeyCode::Char('m'), true) | (KeyCode::Enter, _) => self.toggle(Mark::Modified),
            (KeyCode::Char('u'), true) => self.toggle(Mark::Unmodified),
            (KeyCode::Char('b'), true) => self.attributes = !self.attributes,
            (KeyCode::Char('o'), true) => {
                self.shown.by_size = !self.shown.by_size;
                self.renew();
            }
            (KeyCode::Char('e'), _) => self.tell_how_to_get(),
            (KeyCode::Char(' '), true) | (KeyCode::Null, _) => self.fold_all(),
            (KeyCode::Char(' '), false) => self.fold(None),
            (KeyCode::Left | KeyCode::Char('h'), false) => self.leave(),
            (KeyCode::Right | KeyCode::Char('l'), false) => self.fold(Some(false)),
            (KeyCode::Up | KeyCode::Char('k'), false) => self.cursor = self.cursor.saturating_sub(1),
            (KeyCode::Down | KeyCode::Char('j'), false) => self.cursor = (self.cursor + 1).min(last),
            (KeyCode::PageUp | KeyCode::Char('u'), _) => self.cursor = self.cursor.saturating_sub(self.page),
            (KeyCode::PageDown | KeyCode::Char('d'), _) => self.cursor = (self.cursor + self.page).min(last),
            (KeyCode::Home, _) => self.cursor = 0,
            (KeyCode::End, _) => self.cursor = last,
            _ => {}
        }
    }

    fn compare(&mut self, compare: Compare) {
        self.compare = compare;
        self.reload();
    }

    /// Other files are shown.
    fn reload(&mut self) {
        self.tree = Tree::new(self.view, self.layer, self.compare);
        self.renew();
    }

    /// The same files are shown otherwise. The cursor stays on its path, or on what is nearest above it.
    fn renew(&mut self) {
        let at = self.rows.get(self.cursor).map(|row| row.path);
        self.rows = self.tree.rows(&self.shown);
        let here = at.and_then(|at| {
            std::iter::successors(Some(at.clone()), ImagePath::parent)
                .find_map(|path| self.rows.iter().position(|row| *row.path == path))
        });
        self.cursor = here.unwrap_or(self.cursor).min(self.rows.len().saturating_sub(1));
    }

    fn toggle(&mut self, mark: Mark) {
        let mark = mark as Marked;
        if !self.shown.hidden.remove(&mark) {
            self.shown.hidden.insert(mark);
        }
        self.renew();
    }

    /// Folds the directory at the cursor, or unfolds it; whichever it is not, if nothing is said.
    fn fold(&mut self, fold: Option<bool>) {
        let Some(path) = self.rows.get(self.cursor).map(|row| row.path) else { return };
        if !self.tree.get(path).is_some_and(|node| node.is_directory()) {
            return;
        }
        let is_folded = self.shown.collapsed.contains(path);
        if fold.unwrap_or(!is_folded) {
            self.shown.collapsed.insert(path.clone());
        } else {
            self.shown.collapsed.remove(path);
        }
        self.renew();
    }

    fn fold_all(&mut self) {
        if self.shown.collapsed.is_empty() {
            self.shown.collapsed = self.tree.directories().cloned().collect();
        } else {
            self.shown.collapsed.clear();
        }
        self.renew();
    }

    /// Folds what is open, or goes up.
    fn leave(&mut self) {
        let Some(row) = self.rows.get(self.cursor) else { return };
        let is_open = self.tree.get(row.path).is_some_and(|node| node.is_directory())
            && !self.shown.collapsed.contains(row.path);
        if is_open {
            return self.fold(Some(true));
        }
        let parent = row.path.parent();
        if let Some(at) = self.rows.iter().position(|row| Some(row.path) == parent.as_ref()) {
            self.cursor = at;
        }
    }

    fn tell_how_to_get(&mut self) {
        if let Some(row) = self.rows.get(self.cursor) {
            self.note = Some(format!("bareboat inspect {} --cat {} > FILE", self.told.image, row.path));
        }
    }
}
