//! Listeners, their hosts and their rules as tables: what `routes` prints, and `up` with more lines in it.

use std::collections::HashSet;

use anstyle::Style;
use fingerpost_config_compiler::{HostSummary, ListenerSummary, RouteSummary, Summary};
use fingerpost_resources::{Sources, visible};

use crate::style::{BOLD, DIM, NAME, paint};
use crate::table::{self, Column};

/// Where the tables of a listener start.
pub const INDENT: usize = 2;

/// A file name and a line number of this length stay in one piece.
const FILE_WIDTH: usize = 20;

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
        (&route.rule, &route.matches, &route.rewrite, &route.destination)
    }
    one.over_tls == other.over_tls
        && one.redirects_to_https == other.redirects_to_https
        && one.routes.iter().map(looks).eq(other.routes.iter().map(looks))
}

/// The tables, no line of them longer than `width`.
pub fn tables(shown: &[Shown<'_>], sources: &Sources, remarks: &impl Remarks, width: usize) -> String {
    let groups = || shown.iter().flat_map(|it| &it.groups);
    let names = FileNames::new(sources);
    let rewrites = groups()
        .flat_map(|it| &it.host.routes)
        .any(|it| it.rewrite.is_some());
    let columns = columns(rewrites);
    let row = |(index, route): (usize, &RouteSummary)| cells(index + 1, route, rewrites, &names);
    let rows = groups().flat_map(|it| it.host.routes.iter().enumerate());
    let widths = table::fit(&columns, &rows.map(row).collect::<Vec<_>>(), INDENT, width);

    let mut text = String::new();
    for Shown { listener, groups } in shown {
        if !text.is_empty() {
            text.push('\n');
        }
        text.push_str(&format!(
            "{}  {}\n",
            paint(BOLD, &listener.name),
            remarks.beside(listener)
        ));
        for group in groups {
            text.push('\n');
            text.push_str(&heading(group, width));
            if group.host.routes.is_empty() {
                let line = paint(DIM, "no rule: every request is answered 404");
                text.push_str(&format!("    {line}\n"));
                continue;
            }
            text.push_str(&table::titles(&columns, &widths, INDENT, DIM));
            for (index, route) in group.host.routes.iter().enumerate() {
                text.push_str(&table::row(&columns, &widths, INDENT, &row((index, route))));
                if let Some(line) = remarks.below(listener, group.host, route) {
                    let blanks = " ".repeat(INDENT + widths.first().unwrap_or(&0) + table::GAP);
                    text.push_str(&format!("{blanks}{}\n", visible(&line)));
                }
            }
        }
    }
    if shown.is_empty() {
        text.push_str("no listener\n");
    }
    text
}

fn columns(with_rewrite: bool) -> Vec<Column> {
    let mut columns = vec![Column::number("", DIM), Column::text("match", Style::new())];
    if with_rewrite {
        columns.push(Column::text("rewrite", Style::new()));
    }
    columns.extend([
        Column::text("destination", NAME),
        Column::text("rule", Style::new()),
        Column::text("source", DIM).at_least(FILE_WIDTH),
    ]);
    columns
}

/// The domains of a group.
fn heading(group: &Group<'_>, width: usize) -> String {
    let mut line = visible(&group.domains.join(", ")).into_owned();
    if group.host.over_tls {
        line.push_str(" (TLS)");
    }
    if group.host.redirects_to_https {
        line.push_str(" (plain text is redirected to https)");
    }
    let columns = [Column::text("", BOLD)];
    table::row(&columns, &[width.saturating_sub(INDENT)], INDENT, &[line])
}

fn cells(number: usize, route: &RouteSummary, with_rewrite: bool, names: &FileNames) -> Vec<String> {
    let mut cells = vec![number.to_string(), visible(&route.matches).into_owned()];
    if with_rewrite {
        cells.push(visible(route.rewrite.as_deref().unwrap_or_default()).into_owned());
    }
    // Each on a line of its own.
    let shares = route
        .destination
        .split(", ")
        .map(|it| visible(&share(it, route)).into_owned());
    cells.push(shares.collect::<Vec<String>>().join("\n"));
    let rule = match &route.rule {
        Some(it) => it.to_string(),
        None => route.virtual_service.clone(),
    };
    let place = match &route.span {
        Some(span) => format!("{}:{}", names.short(&span.file), span.line),
        None => String::new(),
    };
    cells.extend([rule, place].map(|it| visible(&it).into_owned()));
    cells
}

/// A destination, and whether it is assumed to exist.
fn share(destination: &str, route: &RouteSummary) -> String {
    let is_assumed = route.assumed.iter().any(|it| destination.contains(it.as_str()));
    let mark = if is_assumed { " (assumed)" } else { "" };
    format!("{}{mark}", without_domain(destination))
}

/// A destination without what all services of a cluster share: `reviews.default:9080`. The JSON form has all of it.
pub fn without_domain(destination: &str) -> String {
    match destination.split_once(".svc.") {
        Some((service, rest)) => format!("{service}{}", rest.find(':').map_or("", |colon| &rest[colon..])),
        None => destination.to_owned(),
    }
}

/// How files are named in a narrow column: without their directories, if that still tells them apart.
pub struct FileNames {
    tell_apart: bool,
}

impl FileNames {
    /// Finds out whether the directories are needed.
    pub fn new(sources: &Sources) -> Self {
        let mut seen = HashSet::new();
        Self {
            tell_apart: sources.iter().all(|it| seen.insert(last_part(&it.name))),
        }
    }

    /// The name to show for `file`.
    pub fn short<'a>(&self, file: &'a str) -> &'a str {
        if self.tell_apart { last_part(file) } else { file }
    }
}

fn last_part(file: &str) -> &str {
    file.rsplit('/').next().unwrap_or(file)
}
