//! Clusters as a table, a cluster in full, and both as JSON: what `fingerpost clusters` prints.

mod detail;
mod json;

use anstyle::Style;
use fingerpost_config_compiler::{
    BuiltCluster, ClusterDetail, ClusterRole, ClusterState, ClusterUse, Discovery,
};
use fingerpost_resources::visible;

pub use detail::detail;
pub use json::as_json;

use crate::list;
use crate::messages::{Verbosity, verbosity};
use crate::names::without_domain;
use crate::prose;
use crate::style::{BAD, BOLD, DIM, NAME, paint};
use crate::table::{self, Column};

/// Wider tables are hard to read.
const WIDEST: usize = 160;
const INDENT: usize = 2;
/// As many endpoints of a cluster are in the table.
const MOST_ENDPOINTS: usize = 3;
/// As many names of clusters without a rule are listed.
const MOST_NAMES: usize = 5;
/// The labels of lines below a row are this long.
const LABEL: usize = 9;

/// The indices of columns.
const ENDPOINTS: usize = 1;
const LIMITS: usize = 5;
const ROUTED: usize = 6;

/// The table of the clusters that rules lead to, and the names of the others. On a terminal of this many columns; without a
/// width, each cluster is one line.
#[must_use]
pub fn table(clusters: &[ClusterDetail], width: Option<usize>) -> String {
    let (routed, others): (Vec<&ClusterDetail>, Vec<&ClusterDetail>) =
        clusters.iter().partition(|it| !it.uses.is_empty());
    let others = others.into_iter();
    let others: Vec<String> = others.map(|it| visible(&name(it)).into_owned()).collect();
    let mut text = String::new();
    if routed.is_empty() {
        text.push_str("no rule leads to a cluster\n");
    } else {
        text.push_str(&rows(&routed, width));
    }
    if !others.is_empty() {
        let most = match verbosity() {
            Verbosity::All => usize::MAX,
            Verbosity::Quiet | Verbosity::Usual => MOST_NAMES,
        };
        let line = format!("no rule leads to {}", list(&others, most));
        text.push_str(&format!("\n{}\n", paint(DIM, prose::hanging(&line, 0, width))));
    }
    text
}

fn rows(clusters: &[&ClusterDetail], width: Option<usize>) -> String {
    let cells: Vec<Vec<String>> = clusters.iter().map(|it| cells(it, width.is_none())).collect();
    let all: Vec<usize> = (0..=ROUTED).collect();
    let room = width.map_or(usize::MAX, |it| it.min(WIDEST));
    let without = |left_out: &[usize]| -> Vec<usize> {
        all.iter().copied().filter(|it| !left_out.contains(it)).collect()
    };
    // In a pipe all is on the line of the cluster. On a terminal limits are below it, and the rules if they need the room.
    let beside = match width {
        None => Layout::new(&all, &cells, usize::MAX),
        Some(_) => {
            let wide = Layout::new(&without(&[LIMITS]), &cells, usize::MAX);
            if wide.width() <= room {
                wide
            } else {
                Layout::new(&without(&[LIMITS, ROUTED]), &cells, room)
            }
        }
    };
    let mut text = table::titles(&beside.columns, &beside.widths, INDENT, DIM);
    for (cluster, cells) in clusters.iter().zip(&cells) {
        text.push_str(&beside.row(cells, is_lost(cluster)));
        if width.is_some() {
            for (label, line, style) in below(cluster, !beside.shown.contains(&ROUTED)) {
                let line = prose::hanging(&visible(&line), INDENT * 2 + LABEL + table::GAP, Some(room));
                let label = paint(DIM, format_args!("{label:LABEL$}"));
                let lines: Vec<String> = line.split('\n').map(|it| painted(style, it)).collect();
                text.push_str(&format!("{:1$}{label}  {2}\n", "", INDENT * 2, lines.join("\n")));
            }
        }
    }
    text
}

/// Blanks in front are not painted.
fn painted(style: Style, line: &str) -> String {
    let text = line.trim_start();
    let blanks = line.len() - text.len();
    format!("{:blanks$}{}", "", paint(style, text))
}

/// Which columns there are, and how wide.
struct Layout {
    shown: Vec<usize>,
    columns: Vec<Column>,
    widths: Vec<usize>,
}

impl Layout {
    fn new(wanted: &[usize], rows: &[Vec<String>], width: usize) -> Self {
        let has_text = |index: &usize| {
            rows.iter()
                .any(|it| it.get(*index).is_some_and(|it| !it.is_empty()))
        };
        let shown: Vec<usize> = wanted.iter().copied().filter(has_text).collect();
        let rows: Vec<Vec<String>> = rows.iter().map(|it| chosen(it, &shown)).collect();
        let titled = columns();
        let columns = shown.iter().filter_map(|it| titled.get(*it).cloned()).enumerate();
        // No address and no name is broken as far as there is room.
        let longest_word = |index: usize| {
            let words = rows
                .iter()
                .filter_map(|it| it.get(index))
                .flat_map(|it| it.split([' ', '\n']));
            words.map(table::length).max().unwrap_or(0)
        };
        let columns: Vec<Column> = columns
            .map(|(index, it)| it.at_least(longest_word(index)))
            .collect();
        let widths = table::fit(&columns, &rows, INDENT, width);
        Self {
            shown,
            columns,
            widths,
        }
    }

    fn width(&self) -> usize {
        INDENT + self.widths.iter().sum::<usize>() + table::GAP * self.widths.len().saturating_sub(1)
    }

    fn row(&self, cells: &[String], is_lost: bool) -> String {
        let mut columns = self.columns.clone();
        for (index, column) in self.shown.iter().zip(&mut columns) {
            if is_lost && *index == ENDPOINTS {
                column.style = BAD;
            }
        }
        table::row(&columns, &self.widths, INDENT, &chosen(cells, &self.shown))
    }
}

fn chosen(row: &[String], shown: &[usize]) -> Vec<String> {
    shown.iter().filter_map(|it| row.get(*it).cloned()).collect()
}

fn columns() -> Vec<Column> {
    vec![
        Column::text("cluster", BOLD),
        Column::text("endpoints", NAME),
        Column::text("from", DIM),
        Column::text("balancing", Style::new()),
        Column::text("protocol", Style::new()),
        Column::text("limits", Style::new()),
        Column::text("routed by", Style::new()),
    ]
}

/// The cells of a cluster, in the order of the columns. For programs, lists are on one line.
fn cells(cluster: &ClusterDetail, is_for_programs: bool) -> Vec<String> {
    let between = if is_for_programs { ", " } else { "\n" };
    let mut cells = vec![name(cluster)];
    match &cluster.state {
        ClusterState::Built(built) => cells.extend([
            endpoints(built, is_for_programs).join(between),
            sources(cluster, built).join(", "),
            built.load_balancing.clone(),
            protocol(built),
            limits(built).join(", "),
        ]),
        ClusterState::Missing(_) => {
            cells.push("no cluster".to_owned());
            cells.extend(std::iter::repeat_n(String::new(), 4));
        }
    }
    let used: Vec<String> = cluster.uses.iter().map(used).collect();
    cells.push(used.join(between));
    // A line break is one of ours: that of a name is shown as an escape.
    let on_lines = |cell: String| {
        cell.split('\n')
            .map(|it| visible(it).into_owned())
            .collect::<Vec<_>>()
    };
    cells.into_iter().map(|it| on_lines(it).join("\n")).collect()
}

/// The cluster as destinations are named elsewhere: `web.prod:80 subset v1`.
fn name(cluster: &ClusterDetail) -> String {
    let subset = cluster
        .subset
        .as_ref()
        .map(|it| format!(" subset {it}"))
        .unwrap_or_default();
    without_domain(&format!("{}:{}{subset}", cluster.host, cluster.port))
}

fn endpoints(built: &BuiltCluster, is_for_programs: bool) -> Vec<String> {
    let most = if is_for_programs {
        usize::MAX
    } else {
        MOST_ENDPOINTS
    };
    let all = &built.endpoints;
    if all.is_empty() {
        return vec!["none".to_owned()];
    }
    let is_weighted = all.iter().any(|it| it.weight != 1);
    let shown = all.iter().take(most).map(|it| {
        let weight = if is_weighted {
            format!(" weight {}", it.weight)
        } else {
            String::new()
        };
        format!("{}{weight}", without_domain(&it.address))
    });
    let more = all.len().saturating_sub(most);
    let more = (more > 0).then(|| format!("and {more} more"));
    shown.chain(more).collect()
}

/// The kinds of resources that the endpoints are taken from, or how they are found: DNS tells no subsets apart.
fn sources(cluster: &ClusterDetail, built: &BuiltCluster) -> Vec<String> {
    let mut kinds: Vec<String> = Vec::new();
    for endpoint in &built.endpoints {
        let kind = match &endpoint.source {
            Some(source) => source.split(' ').next().unwrap_or_default().to_owned(),
            None => match built.discovery {
                Discovery::Static | Discovery::OriginalDestination => continue,
                Discovery::Dns | Discovery::LogicalDns => "DNS".to_owned(),
            },
        };
        if !kinds.contains(&kind) {
            kinds.push(kind);
        }
    }
    if cluster.subset.is_some() && kinds.iter().any(|it| it == "DNS") {
        kinds.push("any subset".to_owned());
    }
    if cluster.service.as_ref().is_some_and(|it| it.is_assumed) {
        kinds.push("assumed".to_owned());
    }
    kinds
}

/// The protocol, and whether it is encrypted.
fn protocol(built: &BuiltCluster) -> String {
    let upstream = &built.upstream;
    let tls = upstream.tls.as_ref().map(|_| "over TLS".to_owned());
    let header = upstream
        .proxy_protocol
        .map(|it| format!("behind a PROXY header {}", it.as_str()));
    let parts = [Some(built.protocol.to_string()), tls, header];
    parts.into_iter().flatten().collect::<Vec<_>>().join(" ")
}

/// What is limited, and whether endpoints are ejected.
fn limits(built: &BuiltCluster) -> Vec<String> {
    let limits = built.limits.iter().map(ToString::to_string);
    let outliers = built
        .outlier_detection
        .as_ref()
        .map(|_| "outlierDetection".to_owned());
    limits.chain(outliers).collect()
}

/// A rule, and its share where that is not all.
fn used(used: &ClusterUse) -> String {
    let share = (used.percent < 100.0).then(|| format!("{} %", used.percent));
    let mirror = match used.role {
        ClusterRole::Requests | ClusterRole::Connections => None,
        ClusterRole::Copies => Some("mirror".to_owned()),
    };
    let remarks: Vec<String> = [mirror, share].into_iter().flatten().collect();
    match remarks.as_slice() {
        [] => used.rule.clone(),
        some => format!("{} ({})", used.rule, some.join(", ")),
    }
}

/// Whether what is sent there is lost.
fn is_lost(cluster: &ClusterDetail) -> bool {
    cluster.lost().is_some()
}

/// What is on the lines below a row: labels, texts and their looks.
fn below(cluster: &ClusterDetail, with_rules: bool) -> Vec<(&'static str, String, Style)> {
    let mut lines = Vec::new();
    if let Some(lost) = cluster.lost() {
        lines.push((
            "lost",
            format!("{}: {}", lost.consequence, lost.reason.message),
            BAD,
        ));
        if !lost.reason.help.is_empty() {
            lines.push(("fix", lost.reason.help.clone(), Style::new()));
        }
    }
    if let ClusterState::Built(built) = &cluster.state {
        let limits = limits(built);
        if !limits.is_empty() {
            lines.push(("limits", limits.join(", "), DIM));
        }
    }
    if with_rules {
        let rules: Vec<String> = cluster.uses.iter().map(used).collect();
        lines.push(("routed by", rules.join(", "), DIM));
    }
    lines
}
