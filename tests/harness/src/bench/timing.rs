//! How long things took, and how many there were in a second.

use std::fmt;
use std::time::{Duration, Instant};

/// Latencies of things that happened between a first begin and a last end.
#[derive(Debug, Clone)]
pub struct Timing {
    latencies: Vec<Duration>,
    whole: Duration,
}

impl Timing {
    /// From pairs of begin and end. Throughput counts from `from`.
    pub fn of(from: Instant, spans: impl IntoIterator<Item = (Instant, Instant)>) -> Self {
        let spans: Vec<_> = spans.into_iter().collect();
        let mut latencies: Vec<_> = spans
            .iter()
            .map(|(begin, end)| end.saturating_duration_since(*begin))
            .collect();
        latencies.sort();
        let last = spans.iter().map(|(_, end)| *end).max().unwrap_or(from);
        Self {
            latencies,
            whole: last.saturating_duration_since(from),
        }
    }

    /// How many there were.
    pub fn count(&self) -> usize {
        self.latencies.len()
    }

    /// How many in a second.
    pub fn per_second(&self) -> f64 {
        self.count() as f64 / self.whole.as_secs_f64().max(f64::EPSILON)
    }

    /// The latency within which `percent` of them ended: the nearest rank.
    pub fn percentile(&self, percent: usize) -> Duration {
        let rank = (self.count() * percent).div_ceil(100).max(1);
        self.latencies.get(rank - 1).copied().unwrap_or_default()
    }
}

impl fmt::Display for Timing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ms = |percent| self.percentile(percent).as_secs_f64() * 1e3;
        write!(
            f,
            "{:>6} {:>9.1} {:>9.0} {:>9.0} {:>9.0}",
            self.count(),
            self.per_second(),
            ms(50),
            ms(90),
            ms(99)
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranks_and_rates() {
        let start = Instant::now();
        let after = |ms| start + Duration::from_millis(ms);
        let timing = Timing::of(start, (1..=100).map(|n| (start, after(n * 10))));
        assert_eq!(timing.percentile(50), Duration::from_millis(500));
        assert_eq!(timing.percentile(99), Duration::from_millis(990));
        assert_eq!(timing.percentile(100), Duration::from_secs(1));
        assert!((timing.per_second() - 100.0).abs() < 1e-6);
        assert_eq!(Timing::of(start, []).percentile(50), Duration::ZERO);
    }
}
