//! The log: one `tracing` subscriber on standard error, whose filter can be changed while the process runs.
//!
//! Standard output belongs to what commands print. The subscriber is the process's only global.

use std::fmt;
use std::io::{IsTerminal, stderr};
use tracing::Subscriber;
use tracing_subscriber::filter::{EnvFilter, LevelFilter};
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::{Layer, SubscriberExt};
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{Registry, reload};

/// How a line of the log looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum LogFormat {
    /// For a person; in colour on a terminal unless `NO_COLOR` is set.
    Human,
    /// One JSON object a line.
    Json,
}

/// The filter of the running process.
#[derive(Clone)]
pub struct LogLevel {
    handle: reload::Handle<EnvFilter, Registry>,
}

/// A filter that was refused.
#[derive(Debug, thiserror::Error)]
pub enum BadFilter {
    /// It would have been taken for the name of a module, silencing everything else.
    #[error("`{0}` is no level (error, warn, info, debug, trace, off); for one module write `{0}=debug`")]
    NoLevel(String),
    /// It cannot be read.
    #[error("the log filter cannot be read")]
    Syntax(#[from] tracing_subscriber::filter::ParseError),
    /// The subscriber has gone.
    #[error("the log cannot be changed any more")]
    Gone(#[from] reload::Error),
}

impl LogLevel {
    /// The filter in force, e.g. `info,tombolo::plan=debug`.
    pub fn get(&self) -> String {
        self.handle.with_current(ToString::to_string).unwrap_or_default()
    }

    /// Puts another in force.
    ///
    /// # Errors
    /// If `filter` cannot be read; the present one then stays.
    pub fn set(&self, filter: &str) -> Result<(), BadFilter> {
        Ok(self.handle.reload(parse(filter)?)?)
    }
}

impl fmt::Debug for LogLevel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("LogLevel").field(&self.get()).finish()
    }
}

/// Starts the log of this process.
///
/// # Errors
/// If `filter` cannot be read, or the process has a log already.
pub fn start(filter: &str, format: LogFormat) -> anyhow::Result<LogLevel> {
    let colour = stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|v| v.is_empty());
    let (subscriber, level) = subscriber(filter, format, colour, stderr)?;
    subscriber.try_init()?;
    Ok(level)
}

/// A subscriber that writes to `writer`.
pub(crate) fn subscriber<W>(
    filter: &str,
    format: LogFormat,
    colour: bool,
    writer: W,
) -> Result<(impl Subscriber + Send + Sync + use<W>, LogLevel), BadFilter>
where
    W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
{
    let (filter, handle) = reload::Layer::new(parse(filter)?);
    let lines = tracing_subscriber::fmt::layer().with_writer(writer);
    let lines = match format {
        LogFormat::Human => lines.with_ansi(colour).boxed(),
        LogFormat::Json => lines.json().flatten_event(true).boxed(),
    };
    let subscriber = tracing_subscriber::registry().with(filter).with(lines);
    Ok((subscriber, LogLevel { handle }))
}

fn parse(filter: &str) -> Result<EnvFilter, BadFilter> {
    let mut bare = filter
        .split(',')
        .map(str::trim)
        .filter(|part| !part.is_empty() && !part.contains(['=', '[']))
        .peekable();
    // A filter for some modules alone would silence the warnings of all others.
    let rest = if bare.peek().is_none() { "info," } else { "" };
    if let Some(word) = bare.find(|word| word.parse::<LevelFilter>().is_err()) {
        return Err(BadFilter::NoLevel(word.to_owned()));
    }
    // Without regular expressions: the filter also arrives over HTTP.
    Ok(EnvFilter::builder()
        .with_regex(false)
        .parse(format!("{rest}{filter}"))?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io;
    use std::sync::{Arc, Mutex};
    use tracing::{debug, info, subscriber::with_default};

    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<Vec<u8>>>);

    impl Lines {
        fn take(&self) -> String {
            String::from_utf8(std::mem::take(&mut *self.0.lock().unwrap())).unwrap()
        }
    }

    impl io::Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn log(filter: &str, format: LogFormat) -> (Lines, impl Subscriber + Send + Sync + use<>, LogLevel) {
        let lines = Lines::default();
        let writer = lines.clone();
        let (subscriber, level) = subscriber(filter, format, false, move || writer.clone()).unwrap();
        (lines, subscriber, level)
    }

    #[test]
    fn the_level_changes_while_the_process_runs() {
        let (lines, subscriber, level) = log("info", LogFormat::Human);
        with_default(subscriber, || {
            debug!("unseen");
            level.set("debug").unwrap();
            debug!("seen");
            level.set("warn").unwrap();
            info!("unseen again");
            level.set("nonsense").unwrap_err();
            assert_eq!(level.get(), "warn");
        });
        let text = lines.take();
        assert!(text.contains("seen") && !text.contains("unseen"), "{text}");
    }

    #[test]
    fn json_is_one_object_a_line_whatever_is_logged() {
        let (lines, subscriber, _level) = log("info", LogFormat::Json);
        with_default(subscriber, || info!(claim = "a\nb", "hello {}", "wor\nld"));
        let text = lines.take();
        assert_eq!(text.lines().count(), 1, "{text}");
        let line: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(line["message"], "hello wor\nld");
        assert_eq!(line["claim"], "a\nb");
    }

    #[test]
    fn a_filter_for_one_module_leaves_the_rest_at_info() {
        let (lines, subscriber, _level) = log("tombolo::plan=debug", LogFormat::Human);
        with_default(subscriber, || {
            info!(target: "kube_client", "from a library");
            debug!(target: "tombolo::plan", "from the plan");
            debug!(target: "tombolo::ledger", "from elsewhere");
        });
        let text = lines.take();
        assert!(
            text.contains("from a library") && text.contains("from the plan"),
            "{text}"
        );
        assert!(!text.contains("from elsewhere"), "{text}");
    }

    #[test]
    fn filters_that_would_silence_the_log_by_mistake_are_refused() {
        for bad in [
            "infoo",
            "tombolo",
            "info,deubg",
            "tombolo=loud",
            "a=b=c",
            "[",
            "[{x=\"(\"}]=z",
        ] {
            assert!(parse(bad).is_err(), "{bad}");
        }
        for good in [
            "info",
            "",
            "warn,tombolo=debug",
            "INFO",
            "off",
            "info,[claim{name=\"a\"}]=trace",
        ] {
            assert!(parse(good).is_ok(), "{good}");
        }
    }
}
