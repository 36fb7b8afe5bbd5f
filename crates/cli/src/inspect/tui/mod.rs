//! `--tui`: an explorer in the terminal, with the keys of dive.

mod draw;
mod help;
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
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;
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
    end_on_signals(&ended).context(failing)?;
    let mut state = State::new(view, told);
    // It also puts the terminal right before a panic is told.
    let mut terminal = ratatui::try_init().context(failing)?;
    let explored = explore(&mut state, &mut terminal, &ended);
    ratatui::try_restore().context(failing)?;
    explored.context(failing)
}

/// Asks the explorer to end. When its terminal is gone, crossterm reads the end of it over and over and never comes back
/// (crossterm 0.29, `event::source::unix::mio`): then the process ends here.
fn end_on_signals(ended: &Arc<AtomicBool>) -> Result<()> {
    let mut signals = Signals::new([SIGTERM, SIGHUP, SIGINT])?;
    let ended = Arc::clone(ended);
    std::thread::spawn(move || {
        if signals.forever().next().is_some() {
            ended.store(true, Ordering::Relaxed);
            std::thread::sleep(5 * PATIENCE);
            // There may be no terminal any more.
            let _ = ratatui::try_restore();
            std::process::exit(0);
        }
    });
    Ok(())
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
