//! The story on stderr: progress bars on a terminal, plain lines elsewhere.

use std::io::{IsTerminal as _, Write as _};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bareboat_model::{Bar, Progress, Silent, shorten};
use indicatif::{DecimalBytes, MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::args::Story;
use crate::output::harmless;

/// Bytes to fetch that take a while on most lines.
const WORTH_A_LINE: u64 = 1_000_000;

/// Columns from which on a bar fits beside its words.
const ROOM_FOR_BARS: u16 = 72;

/// Bars beyond these tell nobody more, however high the terminal.
const MOST_BARS: usize = 12;

/// Lines without a bar: the count of the others, and the line that was there before.
const LINES_LEFT: usize = 2;

/// Tells the story as the person wants it.
#[derive(Clone)]
pub(crate) struct Terminal {
    bars: MultiProgress,
    crowd: Arc<Mutex<Crowd>>,
    /// How many bars there is room for.
    room: usize,
    draws: bool,
    /// Whether there is room for words only.
    narrow: bool,
    verbose: bool,
    quiet: bool,
}

impl Terminal {
    pub(crate) fn new(story: &Story) -> Self {
        let draws = std::io::stderr().is_terminal() && !story.quiet;
        let target = if draws { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
        let (lines, columns) = console::Term::stderr().size();
        Self {
            crowd: Arc::default(),
            room: usize::from(lines).saturating_sub(LINES_LEFT).clamp(1, MOST_BARS),
            narrow: columns < ROOM_FOR_BARS,
            bars: MultiProgress::with_draw_target(target),
            draws,
            verbose: story.verbose,
            quiet: story.quiet,
        }
    }

    /// Takes the bars off the screen.
    pub(crate) fn finish(&self) {
        let _ = self.bars.clear();
    }

    fn crowd(&self) -> MutexGuard<'_, Crowd> {
        self.crowd.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Without a terminal, a line for each piece of work would bury the log: only what takes a while is told.
    fn begin_plainly(&self, what: &str, total: Option<u64>) {
        match total {
            Some(bytes) if bytes >= WORTH_A_LINE && !self.quiet => {
                self.line(&format!("{what}, {}", DecimalBytes(bytes)));
            }
            _ => self.story(what),
        }
    }

    fn line(&self, line: &str) {
        self.bars.suspend(|| {
            // When stderr is closed there is nobody left to tell.
            let _ = writeln!(anstream::stderr().lock(), "{}", harmless(&shorten(line)));
        });
    }
}

impl Progress for Terminal {
    fn story(&self, line: &str) {
        if self.verbose {
            self.line(line);
        }
    }

    fn warn(&self, line: &str) {
        if !self.quiet {
            self.line(&format!("warning: {line}"));
        }
    }

    fn begin(&self, what: &str, total: Option<u64>) -> Box<dyn Bar> {
        if !self.draws {
            self.begin_plainly(what, total);
            return Box::new(Silent);
        }
        let template = match total {
            Some(_) if self.narrow => "{wide_msg} {decimal_bytes} of {decimal_total_bytes}",
            Some(_) => {
                "{wide_msg} {bar:20} {decimal_bytes:>8} of {decimal_total_bytes:<8} {decimal_bytes_per_sec:>10}"
            }
            None => "{wide_msg} {spinner}",
        };
        let bar = total.map_or_else(ProgressBar::new_spinner, ProgressBar::new);
        let (bar, is_shown) = self.crowd().enter(&self.bars, bar, self.room);
        // Only now: a bar that is told anything before it is among the others draws itself, and nobody clears it.
        dress(&bar, template, what.to_owned());
        Box::new(OneBar { bar, is_shown, all: self.clone() })
    }
}

fn dress(bar: &ProgressBar, template: &str, message: String) {
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style);
    }
    bar.set_message(message);
    bar.enable_steady_tick(Duration::from_millis(120));
}

/// How many bars there are: those that the screen has no room for are only counted.
#[derive(Default)]
struct Crowd {
    shown: usize,
    more: usize,
    /// Tells how many more.
    rest: Option<ProgressBar>,
}

impl Crowd {
    /// One more, and whether it is shown.
    fn enter(&mut self, bars: &MultiProgress, bar: ProgressBar, room: usize) -> (ProgressBar, bool) {
        if self.shown < room {
            self.shown += 1;
            let bar = match &self.rest {
                Some(rest) => bars.insert_before(rest, bar),
                None => bars.add(bar),
            };
            return (bar, true);
        }
        self.more += 1;
        if self.rest.is_none() {
            let rest = bars.add(ProgressBar::new_spinner());
            dress(&rest, "{wide_msg}", String::new());
            self.rest = Some(rest);
        }
        self.count();
        (ProgressBar::hidden(), false)
    }

    fn leave(&mut self, was_shown: bool) {
        if was_shown {
            self.shown -= 1;
        } else {
            self.more -= 1;
            self.count();
        }
    }

    fn count(&mut self) {
        match (&self.rest, self.more) {
            (Some(rest), 0) => {
                rest.finish_and_clear();
                self.rest = None;
            }
            (Some(rest), more) => rest.set_message(format!("and {more} more")),
            (None, _) => {}
        }
    }
}

struct OneBar {
    bar: ProgressBar,
    is_shown: bool,
    all: Terminal,
}

impl Bar for OneBar {
    fn advance(&self, amount: u64) {
        self.bar.inc(amount);
    }
}

impl Drop for OneBar {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
        self.all.crowd().leave(self.is_shown);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_without_room_are_counted() {
        let bars = MultiProgress::with_draw_target(ProgressDrawTarget::hidden());
        let mut crowd = Crowd::default();
        let shown: Vec<bool> = (0..5).map(|_| crowd.enter(&bars, ProgressBar::new(1), 2).1).collect();
        assert_eq!(shown, [true, true, false, false, false]);
        let told = |crowd: &Crowd| crowd.rest.as_ref().map(ProgressBar::message);
        assert_eq!(told(&crowd).as_deref(), Some("and 3 more"));
        crowd.leave(true);
        assert!(crowd.enter(&bars, ProgressBar::new(1), 2).1);
        for left in ["and 2 more", "and 1 more"] {
            crowd.leave(false);
            assert_eq!(told(&crowd).as_deref(), Some(left));
        }
        crowd.leave(false);
        assert_eq!(told(&crowd), None);
    }
}
