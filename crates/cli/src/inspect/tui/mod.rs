//! `--tui`: an explorer in the terminal, with the keys of dive.

mod draw;
mod state;
#[cfg(test)]
mod tests;
mod tree;

use std::io::IsTerminal as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bareboat_audit::inspect::Inspection;
use bareboat_audit::view::View;
use bareboat_model::{Context as _, Error, Result};
use ratatui::crossterm::event::{self, Event};
use signal_hook::consts::{SIGHUP, SIGTERM};
use state::{Flow, State};

/// How soon a signal is seen.
const PATIENCE: Duration = Duration::from_millis(200);

/// Shows the image until the person has seen enough. The terminal is as it was then, whatever happens.
///
/// # Errors
/// When there is no terminal, or it fails.
pub(super) fn run(view: &View, told: &Inspection) -> Result<()> {
    let failing = || "cannot explore the image";
    if !std::io::stdout().is_terminal() || !std::io::stdin().is_terminal() {
        let error = Error::new("this is no terminal").context(failing());
        return Err(error.with_hint("--tree draws the files, --html makes a page"));
    }
    let ended = Arc::new(AtomicBool::new(false));
    for signal in [SIGTERM, SIGHUP] {
        signal_hook::flag::register(signal, Arc::clone(&ended)).context(failing)?;
    }
    let mut state = State::new(view, told);
    // It also puts the terminal right before a panic is told.
    let mut terminal = ratatui::try_init().context(failing)?;
    let explored = explore(&mut state, &mut terminal, &ended);
    ratatui::try_restore().context(failing)?;
    explored.context(failing)
}

fn explore(state: &mut State<'_>, terminal: &mut ratatui::DefaultTerminal, ended: &AtomicBool) -> Result<()> {
    loop {
        terminal.draw(|frame| draw::draw(state, frame))?;
        while !event::poll(PATIENCE)? {
            if ended.load(Ordering::Relaxed) {
                return Ok(());
            }
        }
        if let Event::Key(key) = event::read()?
            && state.key(key) == Flow::Quit
        {
            return Ok(());
        }
    }
}
