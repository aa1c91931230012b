//! What happened, as a file in Prometheus' text format.
//!
//! The names follow Prometheus' own (`prometheus_config_last_reload_successful`). node_exporter's textfile collector reads such a file,
//! and so does any agent that can read one; an alert on `fingerpost_sync_last_reload_successful == 0` shows a change that is not in
//! force.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// What a change came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Outcome {
    /// It is in force.
    Applied,
    /// The input does not compile.
    Invalid,
    /// Envoy rejects it.
    Rejected,
    /// Envoy can't be asked, or a file can't be written.
    Failed,
}

impl Outcome {
    const ALL: [Self; 4] = [Self::Applied, Self::Invalid, Self::Rejected, Self::Failed];

    const fn label(self) -> &'static str {
        match self {
            Self::Applied => "applied",
            Self::Invalid => "invalid",
            Self::Rejected => "rejected",
            Self::Failed => "failed",
        }
    }
}

/// Counts changes since the start of the process.
#[derive(Debug, Clone, Default)]
pub struct Metrics {
    reloads: BTreeMap<Outcome, u64>,
    last: Option<(Outcome, SystemTime)>,
    last_success: Option<SystemTime>,
    duration: Duration,
}

impl Metrics {
    /// Counts a change that took so long.
    pub fn add(&mut self, outcome: Outcome, duration: Duration) {
        let now = SystemTime::now();
        *self.reloads.entry(outcome).or_default() += 1;
        self.last = Some((outcome, now));
        self.duration = duration;
        if outcome == Outcome::Applied {
            self.last_success = Some(now);
        }
    }

    /// The file's content.
    pub fn text(&self) -> String {
        let mut text = String::new();
        let mut metric = |name: &str, kind: &str, help: &str, values: &[(String, String)]| {
            let name = format!("fingerpost_sync_{name}");
            let _ = writeln!(text, "# HELP {name} {help}\n# TYPE {name} {kind}");
            for (labels, value) in values {
                let _ = writeln!(text, "{name}{labels} {value}");
            }
        };
        let reloads = Outcome::ALL.map(|outcome| {
            let number = self.reloads.get(&outcome).copied().unwrap_or(0);
            (format!("{{result=\"{}\"}}", outcome.label()), number.to_string())
        });
        metric(
            "reloads_total",
            "counter",
            "Changes of the input since the start, by what became of them.",
            &reloads,
        );
        let plain = |value: String| [(String::new(), value)];
        if let Some((outcome, at)) = self.last {
            let successful = u8::from(outcome == Outcome::Applied);
            metric(
                "last_reload_successful",
                "gauge",
                "Whether the last change is in force: 0 means that Envoy serves an older configuration.",
                &plain(successful.to_string()),
            );
            metric(
                "last_reload_timestamp_seconds",
                "gauge",
                "When the last change was tried.",
                &plain(seconds(at)),
            );
            metric(
                "last_reload_duration_seconds",
                "gauge",
                "How long the last change took.",
                &plain(format!("{:.3}", self.duration.as_secs_f64())),
            );
        }
        if let Some(at) = self.last_success {
            metric(
                "last_reload_success_timestamp_seconds",
                "gauge",
                "When a change last came into force.",
                &plain(seconds(at)),
            );
        }
        text
    }
}

fn seconds(time: SystemTime) -> String {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    format!("{:.3}", since.as_secs_f64())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rejected_change_is_counted_and_shown_as_not_in_force() {
        let mut metrics = Metrics::default();
        assert!(!metrics.text().contains("last_reload"), "nothing was tried yet");
        metrics.add(Outcome::Applied, Duration::from_millis(1500));
        metrics.add(Outcome::Rejected, Duration::from_millis(20));
        let text = metrics.text();
        for line in [
            "fingerpost_sync_reloads_total{result=\"applied\"} 1",
            "fingerpost_sync_reloads_total{result=\"invalid\"} 0",
            "fingerpost_sync_reloads_total{result=\"rejected\"} 1",
            "fingerpost_sync_last_reload_successful 0",
            "fingerpost_sync_last_reload_duration_seconds 0.020",
            "# TYPE fingerpost_sync_last_reload_success_timestamp_seconds gauge",
        ] {
            assert!(text.lines().any(|it| it == line), "{line} is not in:\n{text}");
        }
    }
}
