//! What is said of each request, by Envoy's access log or by a proxy of our own, and how it is shown: a row each, fitted to
//! the terminal, and for a 404 or 503 of the proxy the command that explains it.

use std::collections::HashMap;
use std::fmt::Write as _;

use fingerpost_config_compiler::Summary;
use fingerpost_envoy_runner::ServedCluster;
use fingerpost_resources::visible;
use fingerpost_routing_config::RuleRef;
use fingerpost_terminal::style::{BAD, DIM, GOOD, NAME, ODD, paint};
use fingerpost_terminal::table;
use serde::Deserialize;

use crate::explain_command::{ExplainCommand, GatewayPort};
use crate::local::served;

/// The column of host and path starts with this width.
const USUAL_TARGET: usize = 32;
/// It grows with what it has seen, up to this.
const WIDEST_TARGET: usize = 48;
/// Or down to this, on a narrow terminal.
const NARROWEST_TARGET: usize = 20;
/// What is before a path that is sent on, `  as `.
const AS: usize = 5;
/// A path keeps this much, however narrow the terminal.
const NARROWEST_PATH: usize = 12;
/// What needs no explanation beside its status: the upstream's own answer, and those that a rule makes.
const PLAIN_DETAILS: [&str; 4] = ["via_upstream", "route_not_found", "direct_response", "-"];

/// A request as Envoy's access log has it.
#[derive(Debug, Default, Deserialize)]
pub struct Entry {
    /// The time of day, `12:00:01`.
    pub at: String,
    /// `x-request-id`.
    pub id: Option<String>,
    /// None: these were bytes, not a request.
    pub method: Option<String>,
    /// Host and port, as the client sent them.
    pub authority: Option<String>,
    /// The path that the client sent, with its query.
    pub path: Option<String>,
    /// The path that the upstream received.
    pub sent_path: Option<String>,
    /// Of the answer; 0 if there was none.
    pub status: u16,
    /// Envoy's `%RESPONSE_CODE_DETAILS%`.
    pub details: Option<String>,
    /// The cluster of the route.
    pub cluster: Option<String>,
    /// The endpoint; none if no upstream was reached.
    pub host: Option<String>,
    /// Milliseconds from the request to the end of its answer.
    pub ms: u64,
    /// The rule that matched, if any.
    pub rule: Option<RuleRef>,
    /// The port of the connection on this machine.
    pub local_port: Option<u16>,
    /// The Gateway's port that it belongs to; the reader of the log adds it.
    #[serde(skip)]
    pub gateway: Option<GatewayPort>,
    /// The headers, where they are known.
    #[serde(skip)]
    pub headers: Vec<(String, String)>,
}

impl Entry {
    /// Reads a line; none if it is another program's.
    pub fn parse(line: &str) -> Option<Self> {
        /// A line as Envoy writes it.
        #[derive(Deserialize)]
        struct Line {
            /// The rule, where the filter has named it.
            named_rule: Option<String>,
            #[serde(flatten)]
            entry: Entry,
        }
        let Line {
            named_rule,
            mut entry,
        } = serde_json::from_str(line).ok()?;
        if let Some(name) = named_rule {
            entry.rule = name.parse().ok();
        }
        Some(entry)
    }

    /// The cluster that received the request, if any.
    pub fn asked(&self) -> Option<&str> {
        self.host.as_ref().and(self.cluster.as_deref())
    }

    /// Whether the proxy itself answers that there is nowhere to send the request.
    fn leads_nowhere(&self) -> bool {
        let is_missing = self.status == 404 && self.rule.is_none();
        let is_unavailable = self.status == 503 && self.host.is_none();
        self.method.is_some() && (is_missing || is_unavailable)
    }

    /// What is worth knowing of the answer beside its status.
    fn reason(&self) -> Option<String> {
        let details = self.details.as_deref().filter(|it| !PLAIN_DETAILS.contains(it))?;
        let details = visible(details);
        Some(match (self.status, &self.host) {
            (503, Some(host)) => format!("{}: {details}", visible(host)),
            _ => details.into_owned(),
        })
    }
}

/// Shows requests one below the other, in columns.
#[derive(Default)]
pub struct Journal {
    target: usize,
    rule: usize,
    /// The names of clusters as tables have them, by Envoy's.
    clusters: HashMap<String, String>,
    /// None: rows are as long as they are, for other programs.
    width: Option<usize>,
    explain: ExplainCommand,
    /// The last command that was shown: it is not repeated for each of a hundred equal requests.
    explained: String,
}

impl Journal {
    /// A journal in which the names of all rules of the summary have room.
    pub fn of(summary: &Summary, explain: ExplainCommand) -> Self {
        let rules = summary.routes().filter_map(|(_, _, route)| route.rule.as_ref());
        let clusters = summary.clusters.iter().map(|it| {
            let ServedCluster {
                cluster,
                service,
                subset,
            } = served(it);
            let subset = subset.map(|it| format!(" {it}")).unwrap_or_default();
            (cluster, format!("{service}{subset}"))
        });
        Self {
            target: USUAL_TARGET,
            rule: rules
                .map(|it| table::length(&visible(&it.without_match())))
                .max()
                .unwrap_or(0),
            clusters: clusters.collect(),
            width: table::terminal_width(),
            explain,
            explained: String::new(),
        }
    }

    /// The row for a request, and for one that leads nowhere the command that explains it.
    pub fn lines(&mut self, entry: &Entry) -> String {
        let row = self.row(entry);
        let (Some(method), Some(authority), Some(path), Some(gateway)) =
            (&entry.method, &entry.authority, &entry.path, entry.gateway)
        else {
            return row;
        };
        if !entry.leads_nowhere() {
            return row;
        }
        let command = self
            .explain
            .line(method, authority, path, &entry.headers, gateway);
        if command == self.explained {
            return row;
        }
        let indent = " ".repeat(table::length(&entry.at) + 2);
        let shown = format!("{row}\n{indent}{} {command}", paint(DIM, "why:"));
        self.explained = command;
        shown
    }

    fn row(&mut self, entry: &Entry) -> String {
        let Some(method) = &entry.method else {
            let cluster = self.cluster(entry.cluster.as_deref().unwrap_or("no cluster"));
            let mut row = format!("{}  bytes  {}", paint(DIM, &entry.at), paint(NAME, cluster));
            row.push_str(&duration(entry.ms));
            return row;
        };
        let name = entry.rule.as_ref().map_or_else(
            || "no rule".to_owned(),
            |it| visible(&it.without_match()).into_owned(),
        );
        let blanks = padding(&name, &mut self.rule, usize::MAX);
        let path = entry.path.as_deref().unwrap_or_default();
        // A target that is no path (`*`, `a:80`, `http://a/x`) is the whole of what the client asked for.
        let authority = if path.is_empty() || path.starts_with('/') {
            visible(entry.authority.as_deref().unwrap_or_default()).into_owned()
        } else {
            String::new()
        };
        let method = visible(method);
        let mut tail = String::new();
        if let Some(cluster) = entry.asked() {
            let _ = write!(tail, "  {}", paint(NAME, self.cluster(cluster)));
        }
        let sent = entry
            .sent_path
            .as_deref()
            .filter(|it| *it != path && entry.host.is_some());
        let mut end = duration(entry.ms);
        if let Some(reason) = entry.reason() {
            let _ = write!(end, "  {}", paint(DIM, reason));
        }
        let plain = |text: &str| table::length(&fingerpost_terminal::screen::unstyled(text));
        let before = table::length(&entry.at) + "  404  ".len() + table::length(&method).max(4) + 2;
        let fixed = before + 2 + table::length(&name) + blanks.len() + plain(&tail) + plain(&end);
        let room = self.width.map(|it| it.saturating_sub(fixed));
        let for_sent = sent.map_or(0, |it| AS + table::length(&visible(it)).min(NARROWEST_PATH));
        let for_target = room.map_or(usize::MAX, |it| it.saturating_sub(for_sent));
        let widest = self.widest_target(before).min(for_target);
        let for_path = for_target.saturating_sub(table::length(&authority));
        let target = format!("{authority}{}", shortened(&visible(path), for_path));
        let target_blanks = padding(&target, &mut self.target, widest);
        let rule = if entry.rule.is_some() {
            name
        } else {
            paint(ODD, name)
        };
        if let Some(sent) = sent {
            let taken = table::length(&target) + target_blanks.len() + AS;
            let for_sent = room.map_or(usize::MAX, |it| it.saturating_sub(taken));
            let _ = write!(tail, "  as {}", shortened(&visible(sent), for_sent));
        }
        let head = format!(
            "{}  {}  {method:<4}  {target}{target_blanks}  {rule}",
            paint(DIM, &entry.at),
            status(entry.status),
        );
        let whole = format!("{head}{blanks}{tail}{end}");
        let whole = whole.trim_end();
        if self.width.is_none_or(|width| plain(whole) <= width) {
            return whole.to_owned();
        }
        // Where the request went is on a line below, as the command that explains it is.
        if plain(&tail) + plain(&end) == 0 {
            return whole.to_owned();
        }
        let indent = " ".repeat(table::length(&entry.at));
        format!("{head}\n{indent}{tail}{end}")
    }

    /// How wide the column of host and path may become. It is the same for all rows, and leaves room for the rest of a usual
    /// one, so that the columns behind it stay below each other.
    fn widest_target(&self, before: usize) -> usize {
        let Some(width) = self.width else {
            return WIDEST_TARGET;
        };
        let cluster = self.clusters.values().map(|it| table::length(it)).max();
        let end = "  as /abc  99 ms".len();
        let others = before + 2 + self.rule + 2 + cluster.unwrap_or(0) + end;
        width
            .saturating_sub(others)
            .clamp(NARROWEST_TARGET, WIDEST_TARGET)
    }

    /// The name of a cluster as tables have it.
    fn cluster(&self, name: &str) -> String {
        let known = self.clusters.get(name).map_or(name, String::as_str);
        visible(known).into_owned()
    }
}

/// How long it took, if that is worth a word.
fn duration(ms: u64) -> String {
    match ms {
        0 => String::new(),
        ms => format!("  {}", paint(DIM, format_args!("{ms} ms"))),
    }
}

/// A path with its middle cut out, if it is longer than `most`.
fn shortened(path: &str, most: usize) -> String {
    let most = most.max(NARROWEST_PATH);
    let characters: Vec<char> = path.chars().collect();
    if characters.len() <= most {
        return path.to_owned();
    }
    let head = (most - 1).div_ceil(2);
    let tail = most - 1 - head;
    let kept = characters[..head].iter().copied();
    let rest = characters[characters.len() - tail..].iter().copied();
    kept.chain(['…']).chain(rest).collect()
}

fn status(code: u16) -> String {
    let style = match code {
        100..400 => GOOD,
        400..500 => ODD,
        _ => BAD,
    };
    paint(style, format_args!("{code:>3}"))
}

/// What makes `text` as wide as the widest so far, within the limit. The column keeps its width if one row has less room.
fn padding(text: &str, widest: &mut usize, limit: usize) -> String {
    let length = table::length(text);
    *widest = (*widest).max(length.min(limit));
    " ".repeat((*widest).min(limit).saturating_sub(length))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn entry(change: impl Fn(&mut Value)) -> Entry {
        let mut value = json!({
            "at": "12:00:01", "id": "7", "method": "GET", "authority": "a.example.com", "path": "/v1/x",
            "sent_path": "/x", "status": 200, "details": "via_upstream", "cluster": "outbound|80||b", "host": "h:1",
            "ms": 3, "named_rule": "default/web http[1].match[0]", "local_port": 7,
        });
        change(&mut value);
        let mut entry = Entry::parse(&value.to_string()).expect("an entry");
        entry.gateway = Some(GatewayPort {
            number: 80,
            tls: false,
        });
        entry
    }

    fn journal(width: Option<usize>) -> Journal {
        Journal {
            width,
            clusters: HashMap::from([("outbound|80||b".to_owned(), "b.default:80 v1".to_owned())]),
            ..Journal::default()
        }
    }

    #[track_caller]
    fn check(width: Option<usize>, entry: &Entry, expected: &str) {
        let lines = fingerpost_terminal::screen::unstyled(&journal(width).lines(entry));
        assert_eq!(lines, expected);
    }

    #[test]
    fn where_a_request_went_is_on_a_line_below_if_there_is_no_room() {
        let rest = "b.default:80 v1  as /x  3 ms";
        let head = "12:00:01  200  GET   a.example.com/v1/x  default/web http[1]";
        check(Some(100), &entry(|_| {}), &format!("{head}  {rest}"));
        check(Some(70), &entry(|_| {}), &format!("{head}\n          {rest}"));
    }

    fn missed() -> Entry {
        entry(|it| {
            for field in ["named_rule", "cluster", "host"] {
                it[field] = Value::Null;
            }
            it["sent_path"] = json!("/v1/x");
            it["status"] = json!(404);
            it["details"] = json!("route_not_found");
            it["ms"] = json!(0);
        })
    }

    #[test]
    fn a_rule_is_read_as_the_filter_names_it_or_from_the_route_that_envoy_matched() {
        let named = entry(|_| ());
        let matched = entry(|it| {
            it["named_rule"] = Value::Null;
            it["rule"] = json!({"rules": [{"virtual_service": "default/web", "http": 1}], "match": "0"});
        });
        assert!(named.rule.is_some());
        assert_eq!(named.rule, matched.rule);
    }

    #[test]
    fn a_request_tells_its_rule_its_cluster_and_the_path_that_was_sent() {
        let expected =
            "12:00:01  200  GET   a.example.com/v1/x  default/web http[1]  b.default:80 v1  as /x  3 ms";
        check(None, &entry(|_| ()), expected);
    }

    #[test]
    fn a_row_fits_and_paths_lose_their_middle() {
        let long = entry(|it| {
            it["path"] = json!("/v1/a/path/that/is/as/long/as/they/come/x?y=1");
            it["sent_path"] = json!("/another/path/that/is/as/long/x?y=1");
        });
        let expected = "12:00:01  200  GET   a.example.com/v1/a/p…e/x?y=1  default/web http[1]  b.default:80 v1  as /anoth…x?y=1  3 ms";
        let row = fingerpost_terminal::screen::unstyled(&journal(Some(110)).lines(&long));
        assert_eq!((table::length(&row) <= 110, row.as_str()), (true, expected));
    }

    #[test]
    fn a_request_without_a_match_says_so_and_how_to_learn_why() {
        let expected = "12:00:01  404  GET   a.example.com/v1/x  no rule\n          why: fingerpost explain http://a.example.com/v1/x";
        check(None, &missed(), expected);
        // Not for the same request again.
        let mut journal = journal(None);
        assert!(journal.lines(&missed()).contains("why:"));
        assert!(!journal.lines(&missed()).contains("why:"));
    }

    #[test]
    fn a_target_that_is_no_path_is_shown_alone() {
        for (method, path, quoted) in [
            ("OPTIONS", "*", "'*'"),
            ("CONNECT", "a:80", "a:80"),
            ("PUT", "http://a/abs", "http://a/abs"),
        ] {
            let mut entry = missed();
            entry.method = Some(method.to_owned());
            entry.path = Some(path.to_owned());
            let lines = fingerpost_terminal::screen::unstyled(&journal(None).lines(&entry));
            let row = format!("12:00:01  404  {method:<4}  {path}  no rule\n");
            let why = format!(
                "          why: fingerpost explain -X {method} --request-target {quoted} http://a.example.com/"
            );
            assert_eq!(lines, row + &why);
        }
    }

    #[test]
    fn a_cluster_that_is_missing_is_said_in_envoys_words() {
        let failed = entry(|it| {
            it["status"] = json!(503);
            it["details"] = json!("cluster_not_found");
            it["host"] = Value::Null;
            it["ms"] = json!(0);
        });
        let expected = "12:00:01  503  GET   a.example.com/v1/x  default/web http[1]  cluster_not_found\n          why: fingerpost explain http://a.example.com/v1/x";
        check(None, &failed, expected);
    }

    #[test]
    fn a_failure_is_told_in_envoys_words_and_nothing_reaches_the_terminal_raw() {
        let failed = entry(|it| {
            it["path"] = json!("/\u{1b}[31m");
            it["sent_path"] = it["path"].clone();
            it["status"] = json!(503);
            it["details"] = json!("upstream_reset");
        });
        let expected = "12:00:01  503  GET   a.example.com/\\u{1b}[31m  default/web http[1]  b.default:80 v1  3 ms  h:1: upstream_reset";
        check(None, &failed, expected);
    }
}
