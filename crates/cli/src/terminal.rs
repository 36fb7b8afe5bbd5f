//! The story on stderr: progress bars on a terminal, plain lines elsewhere.

use std::io::{IsTerminal as _, Write as _};
use std::time::Duration;

use bareboat_model::{Bar, Progress, Silent};
use indicatif::{DecimalBytes, MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::args::Story;
use crate::output::harmless;

/// Bytes to fetch that take a while on most lines.
const WORTH_A_LINE: u64 = 1_000_000;

/// Columns from which on a bar fits beside its words.
const ROOM_FOR_BARS: u16 = 72;

/// Tells the story as the person wants it.
#[derive(Clone)]
pub(crate) struct Terminal {
    bars: MultiProgress,
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
        let (_, columns) = console::Term::stderr().size();
        Self {
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
            let _ = writeln!(anstream::stderr().lock(), "{}", harmless(line));
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
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style);
        }
        bar.set_message(what.to_owned());
        let bar = self.bars.add(bar);
        bar.enable_steady_tick(Duration::from_millis(120));
        Box::new(OneBar(bar))
    }
}

struct OneBar(ProgressBar);

impl Bar for OneBar {
    fn advance(&self, amount: u64) {
        self.0.inc(amount);
    }
}

impl Drop for OneBar {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}
