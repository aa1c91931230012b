//! The results as one picture: for each kind a panel, requests a second on one core by the number of rules.
//!
//! Both axes are logarithmic and every panel has the same, so that lines can be compared across panels.

use std::fmt::Write as _;

use crate::Failure;
use crate::proxy::Proxy;
use crate::report::{Measured, Report, Table};
use crate::table::grouped;

const COLUMNS: usize = 3;
const PANEL_WIDTH: f64 = 300.0;
const PANEL_HEIGHT: f64 = 230.0;
const MARGIN: f64 = 24.0;
const HEAD: f64 = 78.0;
const FOOT: f64 = 48.0;
/// Around the area of a panel in which lines are drawn.
const LEFT: f64 = 52.0;
const RIGHT: f64 = 14.0;
const TOP: f64 = 46.0;
const BOTTOM: f64 = 30.0;

/// The logarithmic axes that all panels share: from and to, as powers of ten.
#[derive(Debug, Clone, Copy)]
struct Axes {
    rules: (f64, f64),
    rate: (f64, f64),
}

/// The picture.
pub(crate) fn svg(report: &Report) -> Result<String, Failure> {
    let mut kinds: Vec<&str> = report.tables.iter().map(|table| table.kind.as_str()).collect();
    kinds.dedup();
    let axes = Axes::of(report).ok_or("there is no result to draw")?;
    let rows = kinds.len().div_ceil(COLUMNS);
    let width = 2.0 * MARGIN + PANEL_WIDTH * COLUMNS as f64;
    let height = HEAD + PANEL_HEIGHT * rows as f64 + FOOT;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" width=\"{width}\" height=\"{height}\" \
         font-family=\"system-ui, -apple-system, 'Segoe UI', Roboto, sans-serif\" font-size=\"11\" fill=\"#3d4752\" role=\"img\">\n\
         <title>Requests a second on one core of Envoy, by the number of rules</title>\n\
         <rect width=\"{width}\" height=\"{height}\" rx=\"8\" fill=\"#fff\" stroke=\"#d8dee4\"/>\n\
         <text x=\"{MARGIN}\" y=\"32\" font-size=\"16\" font-weight=\"600\" fill=\"#1f2933\">Requests a second on one core of Envoy, by the \
         number of rules</text>\n"
    );
    legend(&mut svg, report);
    for (index, kind) in kinds.iter().enumerate() {
        let x = MARGIN + PANEL_WIDTH * (index % COLUMNS) as f64;
        let y = HEAD + PANEL_HEIGHT * (index / COLUMNS) as f64;
        let tables: Vec<&Table> = report.tables.iter().filter(|table| table.kind == *kind).collect();
        let _ = writeln!(svg, "<g transform=\"translate({x} {y})\">");
        panel(&mut svg, kind, &tables, axes);
        svg.push_str("</g>\n");
    }
    let (machine, y) = (&report.machine, height - 26.0);
    let about = format!(
        "The request is for the last rule. {}, {} cores; Envoy {}, {}; commit {}.",
        machine.processor, machine.cores, report.envoy, machine.pinned, report.commit
    );
    let _ = writeln!(
        svg,
        "<text x=\"{MARGIN}\" y=\"{y}\" fill=\"#6b7680\">{}</text>\n<text x=\"{MARGIN}\" y=\"{}\" fill=\"#6b7680\">{}: median of {} turns \
         of {} s.</text>\n</svg>",
        escaped(&about),
        y + 14.0,
        escaped(&report.command),
        report.rounds,
        report.seconds
    );
    Ok(svg)
}

impl Axes {
    /// From the fewest to the most rules, and round rates around all.
    fn of(report: &Report) -> Option<Self> {
        let rules = report.tables.iter().map(|table| table.rules as f64);
        let results = report.tables.iter().flat_map(|table| &table.results);
        let rates = results
            .map(Measured::requests_per_core)
            .filter(|it| it.is_finite());
        let (least, most) = (rules.clone().reduce(f64::min)?, rules.reduce(f64::max)?);
        let (lowest, highest) = (rates.clone().reduce(f64::min)?, rates.reduce(f64::max)?);
        let (least, most) = (least.log10(), most.log10());
        Some(Self {
            rules: (least, if most > least { most } else { least + 1.0 }),
            rate: around(lowest, highest)?,
        })
    }

    /// The rates that have a line: 1, 2 and 5 of each power of ten, or where those would be many, the powers alone.
    fn ticks(self) -> Vec<f64> {
        let (from, to) = self.rate;
        let is_drawn = |rate: &f64| {
            let is_power = rate.log10().fract() == 0.0;
            (from - 0.01..=to + 0.01).contains(&rate.log10()) && (is_power || to - from < 2.0)
        };
        round_rates().filter(is_drawn).collect()
    }

    fn x(self, rules: f64) -> f64 {
        let (from, to) = self.rules;
        LEFT + (rules.log10() - from) / (to - from) * (PANEL_WIDTH - LEFT - RIGHT)
    }

    fn y(self, rate: f64) -> f64 {
        let (from, to) = self.rate;
        PANEL_HEIGHT - BOTTOM - (rate.log10() - from) / (to - from) * (PANEL_HEIGHT - TOP - BOTTOM)
    }
}

/// The round rates next to these two, as powers of ten.
fn around(lowest: f64, highest: f64) -> Option<(f64, f64)> {
    let below = round_rates().filter(|it| *it <= lowest).last()?;
    let above = round_rates().find(|it| *it > highest)?;
    Some((below.log10(), above.log10()))
}

fn round_rates() -> impl Iterator<Item = f64> {
    (-3..9).flat_map(|power| [1.0, 2.0, 5.0].map(|digit| digit * 10_f64.powi(power)))
}

/// The colour of a proxy's line, its width and its dashes. What is not a way to route is grey.
fn stroke(proxy: Proxy) -> (&'static str, f64, &'static str) {
    match proxy {
        Proxy::Alone => ("#9aa5b1", 1.2, "2 3"),
        Proxy::Empty => ("#9aa5b1", 1.2, "6 3"),
        Proxy::Fingerpost => ("#d9480f", 2.6, "none"),
        Proxy::Native => ("#1971c2", 2.0, "none"),
        Proxy::Lua => ("#2f9e44", 1.6, "none"),
    }
}

fn legend(svg: &mut String, report: &Report) {
    let mut x = MARGIN;
    for proxy in Proxy::ALL {
        if report.tables.iter().all(|table| table.of(proxy).is_none()) {
            continue;
        }
        let (colour, width, dashes) = stroke(proxy);
        let _ = writeln!(
            svg,
            "<path d=\"M{x} 54h24\" stroke=\"{colour}\" stroke-width=\"{width}\" stroke-dasharray=\"{dashes}\"/><text x=\"{}\" \
             y=\"58\">{proxy}</text>",
            x + 30.0
        );
        x += 54.0 + 6.2 * proxy.title().len() as f64;
    }
}

fn panel(svg: &mut String, kind: &str, tables: &[&Table], axes: Axes) {
    let (right, bottom) = (PANEL_WIDTH - RIGHT, PANEL_HEIGHT - BOTTOM);
    let _ = writeln!(
        svg,
        "<text x=\"{LEFT}\" y=\"16\" font-size=\"13\" font-weight=\"600\" fill=\"#1f2933\">{}</text>\n<text x=\"{LEFT}\" y=\"32\" \
         fill=\"#6b7680\">{}</text>",
        escaped(kind),
        escaped(&comparison(tables))
    );
    for rate in axes.ticks() {
        let y = axes.y(rate);
        let _ = writeln!(
            svg,
            "<path d=\"M{LEFT} {y:.1}H{right}\" stroke=\"#e9edf1\"/><text x=\"{}\" y=\"{:.1}\" text-anchor=\"end\">{}</text>",
            LEFT - 6.0,
            y + 4.0,
            grouped(rate)
        );
    }
    for table in tables {
        let x = axes.x(table.rules as f64);
        let _ = writeln!(
            svg,
            "<text x=\"{x:.1}\" y=\"{}\" text-anchor=\"middle\">{}</text>",
            bottom + 16.0,
            thousands(table.rules)
        );
    }
    for proxy in Proxy::ALL.into_iter().rev() {
        let points: Vec<(f64, f64)> = tables
            .iter()
            .filter_map(|table| {
                let rate = table.of(proxy)?.requests_per_core();
                Some((axes.x(table.rules as f64), axes.y(rate)))
            })
            .collect();
        line(svg, proxy, &points);
    }
}

fn line(svg: &mut String, proxy: Proxy, points: &[(f64, f64)]) {
    let (colour, width, dashes) = stroke(proxy);
    let texts: Vec<String> = points.iter().map(|(x, y)| format!("{x:.1},{y:.1}")).collect();
    if points.len() > 1 {
        let _ = writeln!(
            svg,
            "<polyline points=\"{}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"{width}\" stroke-dasharray=\"{dashes}\" \
             stroke-linejoin=\"round\"/>",
            texts.join(" ")
        );
    }
    for (x, y) in points {
        let _ = writeln!(
            svg,
            "<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"{width}\" fill=\"{colour}\"/>"
        );
    }
}

/// `Envoy's router × 0.86 at 10 rules, × 9.3 at 10,000`, of the smallest and the largest table that both have.
fn comparison(tables: &[&Table]) -> String {
    let ratios: Vec<(usize, f64)> = tables
        .iter()
        .filter_map(|table| {
            let ratio = table.to_native(Proxy::Fingerpost, Measured::requests_per_core)?;
            Some((table.rules, ratio))
        })
        .collect();
    let shown = |ratio: f64| match ratio {
        10.0.. => grouped(ratio),
        _ => format!("{ratio:.2}"),
    };
    match ratios[..] {
        [] => String::new(),
        [(rules, ratio)] => format!(
            "{} times Envoy's router at {}",
            shown(ratio),
            grouped(rules as f64)
        ),
        [(least, first), .., (most, last)] => format!(
            "{} times Envoy's router at {}, {} at {}",
            shown(first),
            thousands(least),
            shown(last),
            thousands(most)
        ),
    }
}

/// `10k`
fn thousands(number: usize) -> String {
    match number {
        1000.. if number.is_multiple_of(1000) => format!("{}k", number / 1000),
        _ => number.to_string(),
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::tests::report;

    #[test]
    fn the_chart_has_a_line_for_each_proxy_and_says_where_it_ran() {
        let svg = svg(&report()).expect("a chart");
        assert_eq!(svg.matches("<polyline").count(), 4);
        assert_eq!(svg.matches("<circle").count(), 8);
        assert!(!svg.contains("Lua"), "not measured");
        for text in [
            "A processor",
            "commit 0123456789",
            "cargo xtask bench --kinds exact",
            "0.80 times Envoy's router at 10, 8.00 at 10k",
        ] {
            assert!(svg.contains(text), "{text}\n{svg}");
        }
    }

    #[test]
    fn more_requests_are_higher_and_more_rules_further_right() {
        let axes = Axes::of(&report()).expect("axes");
        assert!(axes.y(5000.0) < axes.y(500.0));
        assert!(axes.x(10.0) < axes.x(10_000.0));
        assert_eq!(axes.x(10.0), LEFT);
        assert_eq!(axes.y(500.0), PANEL_HEIGHT - BOTTOM);
        assert_eq!(axes.y(10_000.0), TOP);
    }

    #[test]
    fn lines_are_drawn_at_round_rates() {
        let axes = |from: f64, to: f64| Axes {
            rules: (0.0, 1.0),
            rate: around(from, to).expect("a range"),
        };
        assert_eq!(
            axes(625.0, 6250.0).ticks(),
            [500.0, 1000.0, 2000.0, 5000.0, 10_000.0]
        );
        assert_eq!(axes(15.0, 21_000.0).ticks(), [10.0, 100.0, 1000.0, 10_000.0]);
    }

    #[test]
    fn one_table_is_a_chart_too() {
        let mut report = report();
        report.tables.truncate(1);
        assert!(!svg(&report).expect("a chart").contains("NaN"));
        report.tables.clear();
        assert!(svg(&report).is_err());
    }
}
