//! What differs from the baseline, and which functions make the difference.

use std::fmt;

use super::baseline::{Baseline, Cost};

/// Functions that are shown of a case.
const SHOWN: usize = 8;

/// The comparison of all cases.
#[derive(Debug)]
pub(super) struct Report {
    lines: Vec<String>,
    is_fine: bool,
}

impl Report {
    /// Whether nothing rose, and the baseline has what was counted.
    pub(super) fn is_fine(&self) -> bool {
        self.is_fine
    }
}

/// Compares each case; a rise of more than `margin` hundredths is a finding.
pub(super) fn report(before: &Baseline, now: &Baseline, margin: u64) -> Report {
    let mut report = Report {
        lines: Vec::new(),
        is_fine: true,
    };
    if before.rustc != now.rustc {
        report.finding(&format!(
            "the baseline is of rustc {}, and this is rustc {}: counts of two compilers cannot be compared",
            before.rustc, now.rustc
        ));
    }
    for (name, cost) in &now.cases {
        match before.cases.get(name) {
            Some(base) => report.case(name, base, cost, margin),
            None => report.finding(&format!("{name}: not in the baseline")),
        }
    }
    for name in before.cases.keys().filter(|name| !now.cases.contains_key(*name)) {
        report.finding(&format!("{name}: in the baseline, but not counted any more"));
    }
    report
}

impl Report {
    fn finding(&mut self, line: &str) {
        self.is_fine = false;
        self.lines.push(format!("ROSE  {line}"));
    }

    fn case(&mut self, name: &str, base: &Cost, now: &Cost, margin: u64) {
        let allocations = format!("{} → {} allocations", base.allocations, now.allocations);
        let line = format!(
            "{name}: {} → {} instructions ({}), {allocations}",
            grouped(base.instructions),
            grouped(now.instructions),
            change(base.instructions, now.instructions)
        );
        let more = rose(base.instructions, now.instructions, margin);
        let asks_more = rose(base.allocations, now.allocations, margin);
        if more || asks_more {
            self.finding(&line);
        } else if rose(now.instructions, base.instructions, margin) {
            self.lines
                .push(format!("fell  {line}; keep it by a new baseline"));
            return;
        } else {
            self.lines.push(format!("  ok  {line}"));
            return;
        }
        for (function, before, after) in changed(base, now) {
            self.lines.push(format!(
                "        {:>+12}  {function} ({} → {})",
                signed(before, after),
                grouped(before),
                grouped(after)
            ));
        }
    }
}

/// Whether `now` is more than `margin` hundredths above `base`. From nothing, anything is.
fn rose(base: u64, now: u64, margin: u64) -> bool {
    now * 100 > base * (100 + margin)
}

/// The functions whose costs changed most. One that the baseline leaves out because it was small counts as nothing.
fn changed<'c>(base: &'c Cost, now: &'c Cost) -> Vec<(&'c str, u64, u64)> {
    let cost = |of: &Cost, name: &str| of.functions.get(name).copied().unwrap_or_default();
    let mut names: Vec<&str> = base
        .functions
        .keys()
        .chain(now.functions.keys())
        .map(String::as_str)
        .collect();
    names.sort_unstable();
    names.dedup();
    let mut changed: Vec<_> = names
        .into_iter()
        .map(|name| (name, cost(base, name), cost(now, name)))
        .filter(|(_, before, after)| before != after)
        .collect();
    changed.sort_by_key(|(_, before, after)| std::cmp::Reverse(before.abs_diff(*after)));
    changed.truncate(SHOWN);
    changed
}

fn signed(before: u64, after: u64) -> i128 {
    i128::from(after) - i128::from(before)
}

fn change(before: u64, after: u64) -> String {
    format!("{:+.1} %", (after as f64 / before.max(1) as f64 - 1.0) * 100.0)
}

/// `12,345`
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let groups: Vec<&str> = digits
        .as_bytes()
        .rchunks(3)
        .rev()
        .filter_map(|group| std::str::from_utf8(group).ok())
        .collect();
    groups.join(",")
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.lines.iter().try_for_each(|line| writeln!(f, "{line}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cost(instructions: u64, allocations: u64, functions: &[(&str, u64)]) -> Cost {
        Cost {
            instructions,
            allocations,
            functions: functions
                .iter()
                .map(|(name, cost)| ((*name).to_owned(), *cost))
                .collect(),
        }
    }

    fn baseline(rustc: &str, cost: Cost) -> Baseline {
        Baseline {
            rustc: rustc.to_owned(),
            cases: [("decide".to_owned(), cost)].into(),
        }
    }

    fn compared(base: Cost, now: Cost) -> Report {
        report(&baseline("1", base), &baseline("1", now), 5)
    }

    #[test]
    fn five_hundredths_more_are_not_a_finding() {
        assert!(compared(cost(1000, 2, &[]), cost(1050, 2, &[])).is_fine());
        assert!(!compared(cost(1000, 2, &[]), cost(1051, 2, &[])).is_fine());
    }

    #[test]
    fn the_first_allocation_is_a_finding() {
        assert!(compared(cost(1000, 0, &[]), cost(1000, 0, &[])).is_fine());
        assert!(!compared(cost(1000, 0, &[]), cost(1000, 1, &[])).is_fine());
    }

    #[test]
    fn a_rise_names_the_functions_that_make_it() {
        let report = compared(
            cost(1_000_000, 0, &[("scan", 400_000), ("find", 600_000)]),
            cost(
                1_200_000,
                0,
                &[("scan", 400_000), ("find", 500_000), ("new", 300_000)],
            ),
        );
        let text = report.to_string();
        assert!(
            text.contains("1,000,000 → 1,200,000 instructions (+20.0 %)"),
            "{text}"
        );
        assert!(text.contains("+300000  new (0 → 300,000)"), "{text}");
        assert!(text.contains("-100000  find"), "{text}");
        assert!(!text.contains("scan"), "{text}");
    }

    #[test]
    fn a_fall_asks_for_a_new_baseline() {
        let report = compared(cost(1000, 0, &[]), cost(900, 0, &[]));
        assert!(report.is_fine());
        assert!(report.to_string().contains("fell"), "{report}");
    }

    #[test]
    fn counts_of_another_compiler_are_not_compared() {
        let one = cost(1000, 0, &[]);
        let report = report(&baseline("1.95.0", one.clone()), &baseline("1.96.0", one), 5);
        assert!(!report.is_fine());
    }

    #[test]
    fn the_baseline_has_what_is_counted_and_nothing_else() {
        let full = baseline("1", cost(1000, 0, &[]));
        let empty = Baseline {
            rustc: "1".to_owned(),
            cases: [].into(),
        };
        assert!(!report(&full, &empty, 5).is_fine());
        assert!(!report(&empty, &full, 5).is_fine());
    }
}
