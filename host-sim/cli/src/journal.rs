//! What is said of each request, by Envoy's access log or by a proxy of our own, and how it is shown.

use std::fmt::Write as _;

use fingerpost_config_compiler::Summary;
use fingerpost_resources::visible;
use fingerpost_routing_config::RuleRef;
use fingerpost_terminal::style::{BAD, DIM, GOOD, NAME, ODD, paint};
use fingerpost_terminal::table;
use serde::Deserialize;

/// The column of host and path starts with this width.
const USUAL_TARGET: usize = 32;
/// It grows with what it has seen, up to this.
const WIDEST_TARGET: usize = 48;
/// What needs no explanation beside its status: the upstream's own answer, and those that a rule makes.
const PLAIN_DETAILS: [&str; 4] = ["via_upstream", "route_not_found", "direct_response", "-"];

/// A request as Envoy's access log has it.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Entry {
    pub(crate) at: String,
    pub(crate) id: Option<String>,
    /// None: these were bytes, not a request.
    pub(crate) method: Option<String>,
    pub(crate) authority: Option<String>,
    pub(crate) path: Option<String>,
    pub(crate) sent_path: Option<String>,
    pub(crate) status: u16,
    pub(crate) details: Option<String>,
    pub(crate) cluster: Option<String>,
    /// The endpoint; none if no upstream was reached.
    pub(crate) host: Option<String>,
    pub(crate) ms: u64,
    pub(crate) rule: Option<RuleRef>,
}

impl Entry {
    /// Reads a line; none if it is another program's.
    pub(crate) fn parse(line: &str) -> Option<Self> {
        serde_json::from_str(line).ok()
    }

    /// The cluster that received the request, if any.
    pub(crate) fn asked(&self) -> Option<&str> {
        self.host.as_ref().and(self.cluster.as_deref())
    }
}

/// Shows requests one below the other, in columns.
#[derive(Default)]
pub(crate) struct Journal {
    target: usize,
    rule: usize,
}

impl Journal {
    /// A journal in which the names of all rules of the summary have room.
    pub(crate) fn of(summary: &Summary) -> Self {
        let rules = summary.routes().filter_map(|(_, _, route)| route.rule.as_ref());
        Self {
            target: USUAL_TARGET,
            rule: rules
                .map(|it| table::length(&visible(&it.without_match())))
                .max()
                .unwrap_or(0),
        }
    }

    /// The line for a request.
    pub(crate) fn line(&mut self, entry: &Entry) -> String {
        let Some(method) = &entry.method else {
            let cluster = entry.cluster.as_deref().unwrap_or("no cluster");
            let end = paint(DIM, format_args!("{} ms", entry.ms));
            return format!(
                "{}  bytes  {}  {end}",
                paint(DIM, &entry.at),
                paint(NAME, cluster)
            );
        };
        let path = entry.path.as_deref().unwrap_or_default();
        let target = format!("{}{path}", entry.authority.as_deref().unwrap_or_default());
        let target = visible(&target);
        let name = entry.rule.as_ref().map_or_else(
            || "no rule".to_owned(),
            |it| visible(&it.without_match()).into_owned(),
        );
        let (target, name) = (
            padded(&target, &mut self.target, WIDEST_TARGET),
            padded(&name, &mut self.rule, usize::MAX),
        );
        let rule = if entry.rule.is_some() {
            name
        } else {
            paint(ODD, name)
        };
        let mut line = format!(
            "{}  {}  {:<4}  {target}  {rule}",
            paint(DIM, &entry.at),
            status(entry.status),
            visible(method),
        );
        if let Some(cluster) = entry.asked() {
            let _ = write!(line, "  {}", paint(NAME, cluster));
        }
        if let Some(sent) = entry.sent_path.as_deref().filter(|it| *it != path) {
            let _ = write!(line, "  as {}", visible(sent));
        }
        let _ = write!(line, "  {}", paint(DIM, format_args!("{} ms", entry.ms)));
        if let Some(details) = entry.details.as_deref().filter(|it| !PLAIN_DETAILS.contains(it)) {
            let _ = write!(line, "  {}", paint(DIM, visible(details)));
        }
        line
    }
}

fn status(code: u16) -> String {
    let style = match code {
        200..400 => GOOD,
        400..500 => ODD,
        _ => BAD,
    };
    paint(style, format_args!("{code:>3}"))
}

/// `text` as wide as the widest so far, within the limit.
fn padded(text: &str, widest: &mut usize, limit: usize) -> String {
    let length = table::length(text);
    *widest = (*widest).max(length.min(limit));
    format!("{text}{}", " ".repeat(widest.saturating_sub(length)))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn entry(change: impl Fn(&mut Value)) -> Entry {
        let mut value = json!({
            "at": "12:00:01", "id": "7", "method": "GET", "authority": "a.example.com", "path": "/v1/x",
            "sent_path": "/x", "status": 200, "details": "via_upstream", "cluster": "outbound|80||b", "host": "h:1",
            "ms": 3, "rule": {"rules": [{"virtual_service": "default/web", "http": 1}], "match": "0"},
        });
        change(&mut value);
        Entry::parse(&value.to_string()).expect("an entry")
    }

    #[track_caller]
    fn check(entry: &Entry, expected: &str) {
        let line = fingerpost_terminal::screen::unstyled(&Journal::default().line(entry));
        assert_eq!(line, expected);
    }

    #[test]
    fn a_request_tells_its_rule_its_cluster_and_the_path_that_was_sent() {
        let expected =
            "12:00:01  200  GET   a.example.com/v1/x  default/web http[1]  outbound|80||b  as /x  3 ms";
        check(&entry(|_| ()), expected);
    }

    #[test]
    fn a_request_without_a_match_says_so() {
        let missed = entry(|it| {
            for field in ["rule", "cluster", "host"] {
                it[field] = Value::Null;
            }
            it["sent_path"] = json!("/v1/x");
            it["status"] = json!(404);
            it["details"] = json!("route_not_found");
        });
        check(&missed, "12:00:01  404  GET   a.example.com/v1/x  no rule  3 ms");
    }

    #[test]
    fn a_failure_is_told_in_envoys_words_and_nothing_reaches_the_terminal_raw() {
        let failed = entry(|it| {
            it["path"] = json!("/\u{1b}[31m");
            it["sent_path"] = it["path"].clone();
            it["status"] = json!(503);
            it["details"] = json!("upstream_reset");
        });
        let expected = "12:00:01  503  GET   a.example.com/\\u{1b}[31m  default/web http[1]  outbound|80||b  3 ms  upstream_reset";
        check(&failed, expected);
    }
}
