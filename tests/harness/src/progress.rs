//! Progress with an estimate: a bar on a terminal, a plain line now and then elsewhere (a build server's log).

use std::io::IsTerminal as _;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

const BETWEEN_PLAIN_LINES: Duration = Duration::from_secs(20);

/// The progress of work whose usual duration is known.
#[derive(Debug)]
pub(crate) struct Progress {
    what: &'static str,
    bar: ProgressBar,
    plain: bool,
    last_line: Option<Instant>,
    start: Instant,
    total: u64,
    done: u64,
}

impl Progress {
    /// Work that usually takes `total` seconds.
    pub(crate) fn new(what: &'static str, total: u64) -> Self {
        let plain = !std::io::stderr().is_terminal();
        let target = if plain {
            ProgressDrawTarget::hidden()
        } else {
            ProgressDrawTarget::stderr()
        };
        let bar = ProgressBar::with_draw_target(Some(total), target);
        if let Ok(style) = ProgressStyle::with_template("{prefix} [{bar:30}] {percent}% {elapsed}, {msg}") {
            bar.set_style(style);
        }
        bar.set_prefix(what);
        Self {
            what,
            bar,
            plain,
            last_line: None,
            start: Instant::now(),
            total,
            done: 0,
        }
    }

    /// The current step is `seconds` into its usual duration.
    pub(crate) fn show(&mut self, seconds: u64, step: &str) {
        let position = (self.done + seconds).min(self.total);
        let message = format!("{step}, {}", left(self.total - position));
        self.bar.set_position(position);
        if !self.plain {
            self.bar.set_message(message);
        } else if self.last_line.is_none_or(|last| last.elapsed() >= BETWEEN_PLAIN_LINES) {
            self.last_line = Some(Instant::now());
            eprintln!("{}: {message} ({} s so far)", self.what, self.start.elapsed().as_secs());
        }
    }

    /// A step is done which usually takes `seconds`.
    pub(crate) fn advance(&mut self, seconds: u64) {
        self.done += seconds;
    }

    /// All is done.
    pub(crate) fn finish(self, outcome: &str) {
        self.bar.finish_and_clear();
        eprintln!("{}: {outcome} in {} s", self.what, self.start.elapsed().as_secs());
    }
}

fn left(seconds: u64) -> String {
    match seconds {
        0..=90 => format!("about {seconds} s left"),
        _ => format!("about {} min left", (seconds + 30) / 60),
    }
}

#[cfg(test)]
mod tests {
    use super::left;

    #[test]
    fn speaks_of_minutes_when_there_are_some() {
        assert_eq!(left(505), "about 8 min left");
        assert_eq!(left(9), "about 9 s left");
    }
}
