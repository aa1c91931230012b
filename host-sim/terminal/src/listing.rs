//! Listeners, their hosts and their rules as tables: what `routes` prints, and `up` with more lines in it.

use std::collections::{BTreeMap, BTreeSet};

use anstyle::Style;
use fingerpost_config_compiler::{HostSummary, ListenerSummary, RouteSummary, Summary};
use fingerpost_resources::visible;

use crate::names::without_domain;
use crate::prose;
use crate::style::{BOLD, DIM, NAME, paint};
use crate::table::{self, Column};

/// Where the tables of a listener start.
pub const INDENT: usize = 2;

/// Wider tables are hard to read.
const WIDEST: usize = 160;

/// A listener, and those of its hosts that are shown.
pub struct Shown<'a> {
    /// The listener.
    pub listener: &'a ListenerSummary,
    /// Its hosts.
    pub groups: Vec<Group<'a>>,
}

/// The hosts of a listener that have the same rules.
pub struct Group<'a> {
    /// All their domains.
    pub domains: Vec<&'a str>,
    /// One of them, as an example for all.
    pub host: &'a HostSummary,
}

/// What the caller adds to the tables.
pub trait Remarks {
    /// What follows the name of a listener.
    fn beside(&self, listener: &ListenerSummary) -> String;
    /// A line below a rule. It is never wrapped.
    fn below(&self, listener: &ListenerSummary, host: &HostSummary, route: &RouteSummary) -> Option<String>;
}

/// All listeners with all hosts.
pub fn all(summary: &Summary) -> Vec<Shown<'_>> {
    let shown = summary.listeners.iter().map(|listener| Shown {
        listener,
        groups: groups(listener, |_| true),
    });
    shown.collect()
}

/// The hosts of a listener with a domain that is wanted, those with the same rules together.
pub fn groups(listener: &ListenerSummary, wanted: impl Fn(&str) -> bool) -> Vec<Group<'_>> {
    let mut groups: Vec<Group<'_>> = Vec::new();
    for host in &listener.hosts {
        let domains = host.domains.iter().map(String::as_str).filter(|it| wanted(it));
        let domains: Vec<&str> = domains.collect();
        if domains.is_empty() {
            continue;
        }
        match groups.iter_mut().find(|it| are_alike(it.host, host)) {
            Some(group) => group.domains.extend(domains),
            None => groups.push(Group { domains, host }),
        }
    }
    groups
}

fn are_alike(one: &HostSummary, other: &HostSummary) -> bool {
    fn looks(route: &RouteSummary) -> impl PartialEq + '_ {
        (
            &route.rule,
            &route.matches,
            &route.rewrite,
            &route.destinations,
            &route.mirrors,
        )
    }
    one.over_tls == other.over_tls
        && one.redirects_to_https == other.redirects_to_https
        && one.routes.iter().map(looks).eq(other.routes.iter().map(looks))
}

/// The tables. On a terminal of this many columns a row that is too long is wrapped between words; without a width each
/// rule is one line, so that other programs can read it.
pub fn tables(shown: &[Shown<'_>], remarks: &impl Remarks, width: Option<usize>) -> String {
    let matches = MatchCounts::new(shown);
    let rows: Vec<Vec<String>> = shown
        .iter()
        .flat_map(|it| rows(&it.groups, &matches, width))
        .collect();
    let width = width.map_or(usize::MAX, |it| it.min(WIDEST));
    let table = Layout::new(rows, width);

    let mut text = String::new();
    let mut rows = table.rows.iter();
    for Shown { listener, groups } in shown {
        if !text.is_empty() {
            text.push('\n');
        }
        text.push_str(&format!(
            "{}  {}\n",
            paint(BOLD, &listener.name),
            remarks.beside(listener)
        ));
        text.push_str(&table::titles(&table.columns, &table.widths, INDENT, DIM));
        for group in groups {
            let mut routes = group.host.routes.iter();
            for row in rows.by_ref().take(group.host.routes.len().max(1)) {
                text.push_str(&table::row(&table.columns, &table.widths, INDENT, &row.cells));
                let below = routes
                    .next()
                    .and_then(|it| remarks.below(listener, group.host, it));
                let below = below.map(|it| visible(&it).into_owned());
                // A place or a command that is cut by the terminal can't be opened or copied.
                let indent = |line: &str| {
                    let room = width.saturating_sub(table::length(line)).max(INDENT);
                    " ".repeat(table.below.min(room))
                };
                for line in &row.below {
                    text.push_str(&format!("{}{}\n", indent(line), paint(DIM, line)));
                }
                if let Some(line) = below {
                    text.push_str(&format!("{}{line}\n", indent(&line)));
                }
            }
        }
    }
    if shown.is_empty() {
        text.push_str("no listener\n");
    }
    text
}

/// The indices of columns.
const MATCH: usize = 2;
const REWRITE: usize = 3;
const RULE: usize = 5;
const SOURCE: usize = 6;

fn columns() -> Vec<Column> {
    vec![
        Column::text("host", BOLD),
        Column::number("", DIM),
        Column::text("match", Style::new()),
        Column::text("rewrite", Style::new()),
        Column::text("destination", NAME),
        Column::text("rule", Style::new()),
        Column::text("source", DIM),
    ]
}

/// The rows in their columns.
struct Layout {
    columns: Vec<Column>,
    widths: Vec<usize>,
    rows: Vec<Row>,
    /// Where lines below a row begin.
    below: usize,
}

struct Row {
    cells: Vec<String>,
    /// The rewrite, the rule and its source, where there is no room for their columns.
    below: Vec<String>,
}

impl Layout {
    /// On one line each if `width` allows it; else each condition on a line; else the rewrite and the rule below the row too.
    fn new(rows: Vec<Vec<String>>, width: usize) -> Self {
        let whole = Self::of(&rows, false, usize::MAX);
        if whole.width() <= width {
            return whole;
        }
        let by_line = |(index, cell): (usize, String)| match index {
            MATCH | REWRITE => cell.replace(", ", ",\n"),
            _ => cell,
        };
        let by_line = |row: Vec<String>| row.into_iter().enumerate().map(by_line).collect::<Vec<_>>();
        let rows: Vec<Vec<String>> = rows.into_iter().map(by_line).collect();
        let by_line = Self::of(&rows, false, usize::MAX);
        if by_line.width() <= width {
            return by_line;
        }
        Self::of(&rows, true, width)
    }

    fn of(rows: &[Vec<String>], is_rule_below: bool, width: usize) -> Self {
        let is_used = |index: usize| {
            rows.iter()
                .any(|row| row.get(index).is_some_and(|it| !it.is_empty()))
        };
        let is_below = |index: usize| is_rule_below && matches!(index, REWRITE | RULE | SOURCE);
        let used: Vec<usize> = (0..=SOURCE).filter(|it| is_used(*it) && !is_below(*it)).collect();
        let cells_of = |row: &Vec<String>| used.iter().filter_map(|it| row.get(*it).cloned()).collect();
        let cells: Vec<Vec<String>> = rows.iter().map(cells_of).collect();
        let columns = columns();
        let columns = used.iter().filter_map(|it| columns.get(*it).cloned()).enumerate();
        let longest_word = |index: usize| {
            let cells = cells.iter().filter_map(|row| row.get(index));
            let words = cells.flat_map(|it| it.split([' ', '\n']));
            words.map(table::length).max().unwrap_or(0)
        };
        // No word is broken, even if the table becomes too wide.
        let columns: Vec<Column> = columns
            .map(|(index, column)| column.at_least(longest_word(index)))
            .collect();
        let widths = table::fit(&columns, &cells, INDENT, width);
        let before = used.iter().take_while(|it| **it < MATCH).count();
        let below = INDENT
            + widths
                .iter()
                .take(before)
                .map(|it| it + table::GAP)
                .sum::<usize>();
        let lines_below = |row: &Vec<String>| {
            if is_rule_below {
                lines_below(row, width.saturating_sub(below))
            } else {
                Vec::new()
            }
        };
        let rows = rows.iter().zip(cells).map(|(row, cells)| Row {
            cells,
            below: lines_below(row),
        });
        Self {
            columns,
            widths,
            rows: rows.collect(),
            below,
        }
    }

    fn width(&self) -> usize {
        INDENT + self.widths.iter().sum::<usize>() + table::GAP * self.widths.len().saturating_sub(1)
    }
}

/// The cells of a row that have no room beside the others, as lines; the rule and its place on one line if `room` allows it.
fn lines_below(row: &[String], room: usize) -> Vec<String> {
    let cell = |index: usize| row.get(index).filter(|it| !it.is_empty());
    let rewrite = cell(REWRITE).map(|it| prose::lines(&format!("rewrite {}", it.replace('\n', " ")), room));
    let (rule, source) = (cell(RULE).cloned(), cell(SOURCE).cloned());
    let named: Vec<String> = match (rule, source) {
        (Some(rule), Some(source)) if table::length(&rule) + table::GAP + table::length(&source) <= room => {
            vec![format!("{rule}  {source}")]
        }
        (rule, source) => rule.into_iter().chain(source).collect(),
    };
    rewrite.into_iter().flatten().chain(named).collect()
}

/// The rows of a listener: one for each rule, and one for a host without rules.
fn rows(groups: &[Group<'_>], matches: &MatchCounts<'_>, width: Option<usize>) -> Vec<Vec<String>> {
    let is_for_programs = width.is_none();
    let mut rows = Vec::new();
    for group in groups {
        let host = domains(group, is_for_programs);
        if group.host.routes.is_empty() {
            let nothing = "no rule: every request gets 404".to_owned();
            rows.push(vec![
                host,
                String::new(),
                nothing,
                String::new(),
                String::new(),
                String::new(),
                String::new(),
            ]);
            continue;
        }
        let has_one = group.host.routes.len() == 1;
        for (index, route) in group.host.routes.iter().enumerate() {
            let mut row = vec![if index == 0 || is_for_programs {
                host.clone()
            } else {
                String::new()
            }];
            row.push(if has_one && !is_for_programs {
                String::new()
            } else {
                (index + 1).to_string()
            });
            row.extend(cells(route, matches, is_for_programs));
            rows.push(row);
        }
    }
    rows
}

/// The domains of a group, and what is special about them.
fn domains(group: &Group<'_>, is_for_programs: bool) -> String {
    let name = |domain: &&str| match *domain {
        "*" if !is_for_programs => "* (all other hosts)".to_owned(),
        other => visible(other).into_owned(),
    };
    let names: Vec<String> = group.domains.iter().map(name).collect();
    let mut text = names.join(if is_for_programs { "," } else { "\n" });
    if group.host.over_tls {
        text.push_str(" (TLS)");
    }
    if group.host.redirects_to_https {
        text.push_str(" (plain text is redirected to https)");
    }
    text
}

/// The match, the rewrite, the destination, the rule and its place.
fn cells(route: &RouteSummary, matches: &MatchCounts<'_>, is_for_programs: bool) -> Vec<String> {
    let shares = route.destinations.iter().map(|it| share(it, route));
    let mirrors = route.mirrors.iter();
    let mirrors = mirrors.map(|it| format!("mirror {}", share(&it.destination, route)));
    let shares: Vec<String> = shares.chain(mirrors).collect();
    let place = route.span.as_ref().map(ToString::to_string).unwrap_or_default();
    let cells = [
        route.matches.clone(),
        route.rewrite.clone().unwrap_or_default(),
        shares.join(if is_for_programs { ", " } else { "\n" }),
        matches.name(route),
        place,
    ];
    // A line break is one of ours: that of a name is shown as an escape.
    let on_lines = |cell: String| {
        cell.split('\n')
            .map(|it| visible(it).into_owned())
            .collect::<Vec<_>>()
    };
    cells.map(|cell| on_lines(cell).join("\n")).into()
}

/// How many matches each rule has, wherever they are served: a rule is named alike for each of its hosts.
struct MatchCounts<'a>(BTreeMap<String, BTreeSet<Option<&'a str>>>);

impl<'a> MatchCounts<'a> {
    fn new(shown: &[Shown<'a>]) -> Self {
        let mut matches: BTreeMap<String, BTreeSet<Option<&str>>> = BTreeMap::new();
        for host in shown.iter().flat_map(|it| &it.listener.hosts) {
            let routes = host.routes.iter().filter_map(|it| it.rule.as_ref());
            for rule in routes.chain(host.left_out.iter().map(|it| &it.rule)) {
                let of_rule = matches.entry(rule.without_match()).or_default();
                of_rule.insert(rule.matched.as_deref());
            }
        }
        Self(matches)
    }

    /// The name of the rule. The match is named if the rule has several.
    fn name(&self, route: &RouteSummary) -> String {
        let Some(rule) = &route.rule else {
            let name = route.connections.as_ref().map(|it| &it.name);
            return name.unwrap_or(&route.virtual_service).clone();
        };
        let name = rule.without_match();
        match self.0.get(&name) {
            Some(matches) if matches.len() > 1 => rule.to_string(),
            Some(_) | None => name,
        }
    }
}

/// A destination, and whether it is assumed to exist.
fn share(destination: &str, route: &RouteSummary) -> String {
    let mut words = destination.split(' ').filter_map(|word| word.split(':').next());
    let is_assumed = words.any(|host| route.assumed.iter().any(|it| it == host));
    let mark = if is_assumed { " (assumed)" } else { "" };
    format!("{}{mark}", without_domain(destination))
}
