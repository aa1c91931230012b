//! What one reading of the files changed against the last, in a few lines.
//!
//! A rule is known again by its host, its conditions and where it leads; its place among the others may change
//! with what is written before it, and that alone is not a change.

use fingerpost_config_compiler::{Compiled, Summary};
use fingerpost_resources::visible;
use fingerpost_terminal::count;
use fingerpost_terminal::names::without_domain;
use fingerpost_terminal::style::{BAD, DIM, GOOD, ODD, paint};

/// More lines than this tell less.
const MOST_LINES: usize = 12;

#[derive(Debug, Clone, PartialEq, Eq)]
struct Row {
    /// The listener and the domains.
    host: String,
    name: String,
    text: String,
}

/// What has changed between two configurations, for a message about that.
pub fn told(old: &Compiled, new: &Compiled) -> String {
    between(&old.summary, &new.summary).unwrap_or_else(|| {
        if old.bootstrap == new.bootstrap {
            "nothing changed".to_owned()
        } else {
            "no rule changed, but policies, hosts or endpoints did".to_owned()
        }
    })
}

/// What has changed: a summary, and lines below it. None if no rule has.
pub fn between(old: &Summary, new: &Summary) -> Option<String> {
    tell(rows(old), rows(new))
}

fn tell(old: Vec<Row>, new: Vec<Row>) -> Option<String> {
    let moved = has_moved(&old, &new);
    let mut gone = old;
    let mut come = Vec::new();
    for row in new {
        let alike = |it: &Row| it.host == row.host && it.text == row.text;
        match gone.iter().position(alike) {
            Some(place) => drop(gone.remove(place)),
            None => come.push(row),
        }
    }
    let mut lines = Vec::new();
    let mut changed = 0;
    come.retain(|row| {
        let namesake = |it: &Row| it.host == row.host && it.name == row.name;
        let Some(place) = gone.iter().position(namesake) else {
            return true;
        };
        let was = gone.remove(place);
        changed += 1;
        lines.push(format!("{} {}", paint(ODD, "~"), row.line()));
        lines.push(paint(DIM, format_args!("      was {}", was.text)));
        false
    });
    lines.extend(
        come.iter()
            .map(|it| format!("{} {}", paint(GOOD, "+"), it.line())),
    );
    lines.extend(gone.iter().map(|it| format!("{} {}", paint(BAD, "-"), it.line())));
    let numbers = [
        (come.len(), "added"),
        (gone.len(), "removed"),
        (changed, "changed"),
    ];
    let mut parts: Vec<String> = numbers
        .into_iter()
        .filter(|(number, _)| *number > 0)
        .map(|(number, what)| format!("{} {what}", count(number, "rule")))
        .collect();
    if moved {
        parts.push("rules in another order".to_owned());
    }
    if parts.is_empty() {
        return None;
    }
    let more = lines.len().saturating_sub(MOST_LINES);
    lines.truncate(MOST_LINES);
    if more > 0 {
        lines.push(paint(DIM, format_args!("  and {} more", count(more, "line"))));
    }
    let lines: String = lines.iter().map(|it| format!("\n  {it}")).collect();
    Some(format!("{}{lines}", parts.join(", ")))
}

/// Whether rules that stayed are tried in another order.
fn has_moved(old: &[Row], new: &[Row]) -> bool {
    let stays = |row: &&Row, other: &[Row]| other.iter().any(|it| it.host == row.host && it.text == row.text);
    let looks = |row: &Row| (row.host.clone(), row.text.clone());
    let before: Vec<_> = old.iter().filter(|it| stays(it, new)).map(looks).collect();
    let after: Vec<_> = new.iter().filter(|it| stays(it, old)).map(looks).collect();
    before.len() == after.len() && before != after
}

fn rows(summary: &Summary) -> Vec<Row> {
    let rows = summary.routes().map(|(listener, host, route)| {
        let destinations: Vec<String> = route.destinations.iter().map(|it| without_domain(it)).collect();
        let mirrors: Vec<String> = route
            .mirrors
            .iter()
            .map(|it| without_domain(&it.destination))
            .collect();
        let mirrors = if mirrors.is_empty() {
            String::new()
        } else {
            format!(", copied to {}", mirrors.join(", "))
        };
        let rewrite = route.rewrite.as_ref().map(|it| format!(", rewritten to {it}"));
        Row {
            host: format!("{} {}", listener.port, host.domains.join(", ")),
            name: match &route.rule {
                Some(it) => it.to_string(),
                None => route.virtual_service.clone(),
            },
            text: format!(
                "{} → {}{}{mirrors}",
                route.matches,
                destinations.join(", "),
                rewrite.unwrap_or_default()
            ),
        }
    });
    rows.collect()
}

impl Row {
    fn line(&self) -> String {
        visible(&format!("{}  {}  {}", self.name, self.host, self.text)).into_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(texts: &[(&str, &str)]) -> Vec<Row> {
        let row = |(name, text): &(&str, &str)| Row {
            host: "80 a".to_owned(),
            name: (*name).to_owned(),
            text: (*text).to_owned(),
        };
        texts.iter().map(row).collect()
    }

    #[track_caller]
    fn check(old: &[(&str, &str)], new: &[(&str, &str)], expected: Option<&str>) {
        let told = tell(rows(old), rows(new)).map(|it| fingerpost_terminal::screen::unstyled(&it));
        assert_eq!(told.as_deref(), expected);
    }

    #[test]
    fn what_has_not_changed_is_not_told() {
        check(&[("a", "/v1 → x")], &[("a", "/v1 → x")], None);
    }

    #[test]
    fn a_rule_before_the_others_is_the_only_one_added() {
        let expected = "1 rule added\n  + vs http[0]  80 a  /v0 → w";
        let new = [("vs http[0]", "/v0 → w"), ("vs http[1]", "/v1 → x")];
        check(&[("vs http[0]", "/v1 → x")], &new, Some(expected));
    }

    #[test]
    fn a_rule_that_leads_elsewhere_is_told_with_what_it_was() {
        let expected =
            "1 rule removed, 1 rule changed\n  ~ a  80 a  /v1 → y\n        was /v1 → x\n  - b  80 a  /v2 → z";
        check(
            &[("a", "/v1 → x"), ("b", "/v2 → z")],
            &[("a", "/v1 → y")],
            Some(expected),
        );
    }

    #[test]
    fn another_order_is_a_change() {
        let (one, other) = (("a", "/v1 → x"), ("b", "/v2 → z"));
        check(&[one, other], &[other, one], Some("rules in another order"));
    }
}
