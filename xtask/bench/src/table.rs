//! The results as tables: for the screen, and as Markdown for the documents.

use std::fmt::Write as _;

use crate::proxy::Proxy;
use crate::report::{Measured, Report, Table};

/// What stands above the tables.
pub(crate) fn head(report: &Report) -> String {
    let machine = &report.machine;
    format!(
        "{}, {} cores, {} GiB, Linux {}\nEnvoy {}, {}; commit {}\n{}\nmedian of {} turns of {} s; modules: Fingerpost {} KB, empty \
         filter {} KB\n",
        machine.processor,
        machine.cores,
        machine.memory_gib,
        machine.kernel,
        report.envoy,
        machine.pinned,
        report.commit,
        report.command,
        report.rounds,
        report.seconds,
        report.module_bytes.fingerpost / 1000,
        report.module_bytes.empty / 1000,
    )
}

/// One table for the screen.
pub(crate) fn text(table: &Table) -> String {
    let mut text = format!(
        "\n{:<17}{:>11}{:>8}{:>9}{:>8}{:>8}{:>8}{:>8}{:>8}{:>8}{:>9}{:>9}\n",
        format!("{} {}", table.kind, grouped(table.rules as f64)),
        "requests/s",
        "",
        "CPU µs",
        "",
        "added",
        "p50 ms",
        "p99 ms",
        "start s",
        "CPU s",
        "RSS MiB",
        "conf. KB"
    );
    for result in &table.results {
        let Cells {
            rate,
            rate_ratio,
            cpu,
            cpu_ratio,
            added,
            p50,
            p99,
            start,
            start_cpu,
            memory,
            config,
        } = cells(table, result);
        let _ = writeln!(
            text,
            "  {:<15}{rate:>11}{rate_ratio:>8}{cpu:>9}{cpu_ratio:>8}{added:>8}{p50:>8}{p99:>8}{start:>8}{start_cpu:>8}{memory:>9}{config:>9}",
            result.proxy
        );
    }
    text
}

/// What must be known to read the tables.
pub(crate) fn notes(report: &Report) -> String {
    let mut notes = String::from(
        "\n1.00x is Envoy's own router; `added` is the CPU beyond that of an Envoy with one route.\n",
    );
    let limited = report
        .tables
        .iter()
        .flat_map(|table| &table.results)
        .filter(|it| !it.is_limited_by_envoy());
    let lowest = limited.map(|it| it.envoy_busy).reduce(f64::min);
    if let Some(lowest) = lowest {
        let _ = writeln!(
            notes,
            "* Envoy used less than 90 % of its core (at least {:.0} %): the load or other programs were the limit of this rate, not Envoy. \
             The CPU of a request still holds.",
            lowest * 100.0
        );
    }
    notes
}

/// All tables as one of Markdown.
pub(crate) fn markdown(report: &Report) -> String {
    let mut text = String::from(
        "| rules | proxy | requests/s | | CPU µs | | added | p50 ms | p99 ms | start s | CPU s | RSS MiB | config KB |\n\
         |---|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|\n",
    );
    for table in &report.tables {
        for (index, result) in table.results.iter().enumerate() {
            let rules = match index {
                0 => format!("**{} {}**", table.kind, grouped(table.rules as f64)),
                _ => String::new(),
            };
            let Cells {
                rate,
                rate_ratio,
                cpu,
                cpu_ratio,
                added,
                p50,
                p99,
                start,
                start_cpu,
                memory,
                config,
            } = cells(table, result);
            let proxy = result.proxy;
            let _ = writeln!(
                text,
                "| {rules} | {proxy} | {rate} | {rate_ratio} | {cpu} | {cpu_ratio} | {added} | {p50} | {p99} | {start} | {start_cpu} | \
                 {memory} | {config} |"
            );
        }
    }
    text
}

/// A row, as texts.
struct Cells {
    rate: String,
    rate_ratio: String,
    cpu: String,
    cpu_ratio: String,
    added: String,
    p50: String,
    p99: String,
    start: String,
    start_cpu: String,
    memory: String,
    config: String,
}

fn cells(table: &Table, result: &Measured) -> Cells {
    let ratio = |value: fn(&Measured) -> f64| {
        let ratio = table.to_native(result.proxy, value);
        ratio.map_or_else(String::new, |it| match it {
            10.0.. => format!("{it:.1}x"),
            _ => format!("{it:.2}x"),
        })
    };
    let milliseconds = |value: Option<f64>| value.map_or_else(|| "–".to_owned(), |it| format!("{it:.2}"));
    let mark = if result.is_limited_by_envoy() { "" } else { "*" };
    let added = match result.proxy {
        Proxy::Alone => None,
        Proxy::Empty | Proxy::Fingerpost | Proxy::Native | Proxy::Lua => table.added_us(result.proxy),
    };
    Cells {
        rate: format!("{}{mark}", grouped(result.requests_per_second)),
        rate_ratio: ratio(|it| it.requests_per_second),
        cpu: short(result.cpu_us),
        cpu_ratio: ratio(|it| it.cpu_us),
        added: added.map_or_else(String::new, short),
        p50: milliseconds(result.p50_ms),
        p99: milliseconds(result.p99_ms),
        start: format!("{:.2}", result.start_s),
        start_cpu: format!("{:.2}", result.start_cpu_s),
        memory: grouped(result.memory_mib),
        config: grouped(result.config_bytes as f64 / 1000.0),
    }
}

/// One decimal as long as it matters.
fn short(value: f64) -> String {
    match value.abs() {
        1000.0.. => grouped(value),
        _ => format!("{value:.1}"),
    }
}

/// `12,345`
pub(crate) fn grouped(number: f64) -> String {
    let digits = format!("{:.0}", number.abs());
    let groups: Vec<&str> = digits
        .as_bytes()
        .rchunks(3)
        .rev()
        .filter_map(|group| std::str::from_utf8(group).ok())
        .collect();
    let sign = if number <= -0.5 { "-" } else { "" };
    format!("{sign}{}", groups.join(","))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::tests::report;

    #[test]
    fn numbers_have_commas() {
        assert_eq!(grouped(0.4), "0");
        assert_eq!(grouped(999.0), "999");
        assert_eq!(grouped(1234.5), "1,234");
        assert_eq!(grouped(-1_234_567.0), "-1,234,567");
    }

    #[test]
    fn a_row_compares_with_the_router_and_with_an_envoy_alone() {
        let report = report();
        let text = text(&report.tables[1]);
        let row = text
            .lines()
            .find(|line| line.contains("Fingerpost"))
            .expect("our row");
        let cells: Vec<&str> = row.split_whitespace().collect();
        assert_eq!(
            cells,
            [
                "Fingerpost",
                "4,750",
                "8.00x",
                "200.0",
                "0.12x",
                "40.0",
                "0.40",
                "1.20",
                "0.50",
                "0.20",
                "60",
                "12"
            ]
        );
        assert!(text.lines().all(|line| line.chars().count() <= 120), "{text}");
    }

    #[test]
    fn a_rate_that_envoy_did_not_limit_is_marked_and_explained() {
        let mut report = report();
        assert!(!notes(&report).contains('*'));
        report.tables[0].results[2].envoy_busy = 0.71;
        assert!(text(&report.tables[0]).contains("4,750*"));
        assert!(notes(&report).contains("at least 71 %"), "{}", notes(&report));
        assert!(markdown(&report).contains("| 4,750* |"));
    }

    #[test]
    fn markdown_has_a_cell_for_each_column() {
        let text = markdown(&report());
        let columns = |line: &str| line.matches('|').count();
        let mut lines = text.lines();
        let first = columns(lines.next().expect("a head"));
        assert!(lines.all(|line| columns(line) == first), "{text}");
        assert_eq!(text.lines().count(), 2 + 8);
    }
}
