//! The results of a run, as they are kept: medians, and what they are compared with.

use serde::{Deserialize, Serialize};

use crate::proxy::Proxy;

/// A run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Report {
    /// The command that repeats it.
    pub(crate) command: String,
    /// The commit of the working tree; with `-changed` if it had changes.
    pub(crate) commit: String,
    pub(crate) machine: Machine,
    /// The version of Envoy.
    pub(crate) envoy: String,
    /// Turns of each proxy with each table.
    pub(crate) rounds: usize,
    /// How long a turn lasted.
    pub(crate) seconds: f64,
    pub(crate) module_bytes: ModuleBytes,
    pub(crate) tables: Vec<Table>,
}

/// Where it ran.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Machine {
    pub(crate) processor: String,
    pub(crate) cores: usize,
    pub(crate) memory_gib: f64,
    pub(crate) kernel: String,
    /// Who runs where.
    pub(crate) pinned: String,
}

/// The sizes of the modules.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(crate) struct ModuleBytes {
    pub(crate) fingerpost: u64,
    pub(crate) empty: u64,
}

/// A table, and what each proxy made of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Table {
    pub(crate) kind: String,
    pub(crate) rules: usize,
    pub(crate) results: Vec<Measured>,
}

/// What a proxy costs with a table: medians.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Measured {
    pub(crate) proxy: Proxy,
    /// Answered as fast as possible.
    pub(crate) requests_per_second: f64,
    /// Processor time of Envoy for a request, in microseconds.
    pub(crate) cpu_us: f64,
    /// How much of a turn Envoy used a core; far below one, something else was the limit.
    pub(crate) envoy_busy: f64,
    /// The constant rate at which latencies were measured, in requests a second.
    pub(crate) latency_rate: f64,
    pub(crate) latency_samples: usize,
    /// In milliseconds; none where there were too few samples.
    pub(crate) p50_ms: Option<f64>,
    pub(crate) p99_ms: Option<f64>,
    /// From the start of the process until it serves, in seconds.
    pub(crate) start_s: f64,
    /// The processor time until then.
    pub(crate) start_cpu_s: f64,
    /// How often it was started.
    pub(crate) starts: usize,
    /// Resident after the load, and the most that ever was.
    pub(crate) memory_mib: f64,
    pub(crate) peak_mib: f64,
    /// The size of the bootstrap.
    pub(crate) config_bytes: u64,
}

impl Measured {
    /// Whether Envoy was the limit of its rate. If not, the rate says little, and the processor time still holds.
    pub(crate) fn is_limited_by_envoy(&self) -> bool {
        self.envoy_busy >= 0.9
    }

    /// With three decimals: more say nothing, and longer numbers are not read back as they were written.
    #[must_use]
    pub(crate) fn rounded(mut self) -> Self {
        let figures = [
            &mut self.requests_per_second,
            &mut self.cpu_us,
            &mut self.envoy_busy,
            &mut self.latency_rate,
            &mut self.start_s,
            &mut self.start_cpu_s,
            &mut self.memory_mib,
            &mut self.peak_mib,
        ];
        let latencies = [&mut self.p50_ms, &mut self.p99_ms];
        for figure in figures.into_iter().chain(latencies.into_iter().flatten()) {
            *figure = (*figure * 1000.0).round() / 1000.0;
        }
        self
    }

    /// Requests that a core of its own answers in a second, whatever else the machine does.
    pub(crate) fn requests_per_core(&self) -> f64 {
        1e6 / self.cpu_us
    }
}

impl Table {
    pub(crate) fn of(&self, proxy: Proxy) -> Option<&Measured> {
        self.results.iter().find(|it| it.proxy == proxy)
    }

    /// The processor time of a request beyond that of an Envoy with one route, in microseconds.
    pub(crate) fn added_us(&self, proxy: Proxy) -> Option<f64> {
        Some(self.of(proxy)?.cpu_us - self.of(Proxy::Alone)?.cpu_us)
    }

    /// `value` of a proxy, as a multiple of that of Envoy's own router.
    pub(crate) fn to_native(&self, proxy: Proxy, value: fn(&Measured) -> f64) -> Option<f64> {
        Some(value(self.of(proxy)?) / value(self.of(Proxy::Native)?))
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A result that says only what a request costs.
    pub(crate) fn measured(proxy: Proxy, cpu_us: f64) -> Measured {
        Measured {
            proxy,
            requests_per_second: 0.95e6 / cpu_us,
            cpu_us,
            envoy_busy: 0.95,
            latency_rate: 0.5e6 / cpu_us,
            latency_samples: 1000,
            p50_ms: Some(0.4),
            p99_ms: Some(1.2),
            start_s: 0.5,
            start_cpu_s: 0.2,
            starts: 3,
            memory_mib: 60.0,
            peak_mib: 64.0,
            config_bytes: 12_345,
        }
    }

    /// Two tables of one kind.
    pub(crate) fn report() -> Report {
        let table = |rules, native| Table {
            kind: "exact".to_owned(),
            rules,
            results: vec![
                measured(Proxy::Alone, 160.0),
                measured(Proxy::Empty, 184.0),
                measured(Proxy::Fingerpost, 200.0),
                measured(Proxy::Native, native),
            ],
        };
        Report {
            command: "cargo xtask bench --kinds exact".to_owned(),
            commit: "0123456789".to_owned(),
            machine: Machine {
                processor: "A processor".to_owned(),
                cores: 2,
                memory_gib: 8.0,
                kernel: "6.1".to_owned(),
                pinned: "one worker, pinned to one core".to_owned(),
            },
            envoy: "1.40.0".to_owned(),
            rounds: 3,
            seconds: 1.0,
            module_bytes: ModuleBytes {
                fingerpost: 450_000,
                empty: 90_000,
            },
            tables: vec![table(10, 160.0), table(10_000, 1600.0)],
        }
    }

    #[test]
    fn proxies_are_compared_within_a_table() {
        let report = report();
        let large = &report.tables[1];
        assert_eq!(large.added_us(Proxy::Fingerpost), Some(40.0));
        assert_eq!(large.to_native(Proxy::Fingerpost, |it| it.cpu_us), Some(0.125));
        assert_eq!(large.to_native(Proxy::Lua, |it| it.cpu_us), None);
    }

    #[test]
    fn a_report_can_be_read_back() {
        let text = serde_json::to_string(&report()).expect("JSON");
        assert_eq!(serde_json::from_str::<Report>(&text).expect("a report"), report());
    }

    #[test]
    fn a_measured_figure_can_be_read_back() {
        for number in 1..2000_u32 {
            let mut measured = measured(Proxy::Native, 1e6 / f64::from(number));
            measured.p99_ms = Some(1.0 / f64::from(number));
            let measured = measured.rounded();
            let text = serde_json::to_string(&measured).expect("JSON");
            let read: Measured = serde_json::from_str(&text).expect("a result");
            assert_eq!(read, measured, "{text}");
        }
    }

    #[test]
    fn an_idle_envoy_was_not_the_limit() {
        let mut measured = measured(Proxy::Alone, 100.0);
        assert!(measured.is_limited_by_envoy());
        measured.envoy_busy = 0.7;
        assert!(!measured.is_limited_by_envoy());
    }
}
