//! An explanation as a screen: the answer first, then what led to it, then warnings. No line is wider than the terminal,
//! nor than a page; without a terminal, no line is wrapped.

mod outcome;
mod trace;

use anstyle::Style;
use fingerpost_explain::{Explanation, Host, HostKind, Outcome, TlsChain};
use fingerpost_resources::Code;

use crate::names::without_domain;
use crate::prose::WIDEST;
use crate::rows::{Margin, PLAIN, Screen, place};
use crate::style::{BAD, BOLD, DIM, GOOD, ODD};

/// What the command adds to an explanation, and how much of it is shown.
#[derive(Debug, Default)]
pub struct View<'a> {
    /// What led to the request, such as redirects: labels with their texts.
    pub before: Vec<(&'static str, String)>,
    /// The labels of the proxy, if the input has several.
    pub proxy: Option<&'a str>,
    /// Shows every rule, those for other paths too.
    pub all_rules: bool,
}

/// The screen, no line of it longer than `width`; without one, every text is one line.
pub fn show(told: &Explanation, view: &View<'_>, width: Option<usize>) -> String {
    let mut screen = Screen::default();
    for (label, text) in &view.before {
        screen.label(label, text.clone(), PLAIN);
    }
    if !view.before.is_empty() {
        screen.gap();
    }
    screen.headline(told);
    screen.outcome(told);
    screen.gap();
    screen.entrance(told, view.proxy);
    screen.rules(told, view.all_rules);
    screen.warnings(told);
    screen.lay(width.map(|it| it.min(WIDEST)))
}

impl Screen {
    /// The status, if it is certain, and the request.
    fn headline(&mut self, told: &Explanation) {
        let asked = &told.request;
        let line = format!("{} {}", asked.method, asked.url());
        let (label, style) = label(&told.outcome);
        self.row(Margin::Status(label, style), (line, BOLD), (String::new(), PLAIN));
        for (name, value) in &asked.headers {
            self.text(&format!("{name}: {value}"), PLAIN);
        }
    }

    fn entrance(&mut self, told: &Explanation, proxy: Option<&str>) {
        if let Some(path) = &told.request.normalised {
            self.label("path", format!("{path}, as the proxy normalises it"), ODD);
        }
        if let Some(labels) = proxy {
            self.label("proxy", labels.to_owned(), PLAIN);
        }
        if !told.assumed.is_empty() {
            let names = told.assumed.iter().map(|it| without_domain(&it.to_string()));
            self.label("assumed", names.collect::<Vec<_>>().join(", "), ODD);
        }
        if let Some(listener) = &told.listener {
            let port = if listener.port == listener.listen_port {
                String::new()
            } else {
                format!(", Gateway port {}", listener.port)
            };
            let line = format!(
                "{} ({}{port}), {}",
                listener.name, listener.protocol, listener.why
            );
            self.label("listener", line, PLAIN);
        }
        if let Some(tls) = &told.tls {
            self.tls(tls);
        }
        if let Some(host) = &told.host {
            let is_answered = !matches!(told.outcome, Outcome::NotFound { .. });
            self.host(host, is_answered);
        }
    }

    /// The filter chain of a TLS connection. Without one, `outcome` says so.
    fn tls(&mut self, tls: &TlsChain) {
        let Some(kind) = tls.kind else { return };
        let name = tls.sni.as_ref().map_or_else(
            || "no server name".to_owned(),
            |name| format!("server name {name}"),
        );
        let fitting = tls.fitting.as_deref().unwrap_or_default();
        let line = match kind {
            HostKind::Exact => format!("{name}, the exact name"),
            HostKind::Wildcard => format!("{name}: {fitting}, the longest matching wildcard"),
            HostKind::Any => format!("{name}, which no other chain has"),
        };
        let right = place(&tls.place);
        self.row(Margin::Label("tls", DIM), (line, PLAIN), (right, DIM));
        let server = tls.server.as_deref().unwrap_or("a server");
        let end = if tls.ends_here {
            format!("ends at {server}")
        } else {
            format!("passes {server} on its way to the upstream, which has the certificate")
        };
        self.text(&end, DIM);
        for other in &tls.less_specific {
            self.text(
                &format!("more specific than {other} of another filter chain"),
                DIM,
            );
        }
    }

    /// The host that answers. If the answer is 404, `outcome` says what a hidden host would do.
    fn host(&mut self, host: &Host, is_answered: bool) {
        let kind = match host.kind {
            HostKind::Exact => "the exact name",
            HostKind::Wildcard => "the longest matching wildcard",
            HostKind::Any => "for every host that no other rule names",
        };
        self.label("host", format!("{}, {kind}", host.domain), PLAIN);
        for hidden in &host.hidden {
            let text = format!("more specific than {}, which is not consulted", hidden.domain);
            match hidden.would_take.as_ref().filter(|_| is_answered) {
                Some(rule) => {
                    let right = place(&rule.place);
                    let text = format!("{text}: {} would take this", rule.rule);
                    self.row(Margin::Blank, (text, ODD), (right, DIM));
                }
                None => self.text(&text, DIM),
            }
        }
    }

    fn warnings(&mut self, told: &Explanation) {
        // Shown beside the destination already.
        let shown = told.warnings.iter().filter(|it| it.code != Code::NoCluster);
        for warning in shown {
            self.gap();
            self.label_in("warning", ODD, warning.message.clone(), PLAIN);
            if let Some(help) = &warning.help {
                self.text(help, DIM);
            }
        }
    }
}

/// What stands first on the screen.
fn label(outcome: &Outcome) -> (String, Style) {
    match outcome {
        Outcome::NotFound { status, .. } | Outcome::Refused { status, .. } => (status.to_string(), BAD),
        Outcome::NoConnection { .. } => ("no answer".to_owned(), BAD),
        Outcome::Unknown { .. } => ("unknown".to_owned(), ODD),
        Outcome::ToHttps { status, .. } => (status.to_string(), GOOD),
        Outcome::Answer { status, .. } => match status {
            Some(status) => (status.to_string(), if *status < 400 { GOOD } else { BAD }),
            None => ("request".to_owned(), DIM),
        },
        Outcome::Forward(forward) => {
            let all_lost = forward.destinations.iter().all(|it| it.missing.is_some());
            match &forward.abort {
                None if all_lost => ("503".to_owned(), BAD),
                Some(_) | None => ("request".to_owned(), DIM),
            }
        }
        Outcome::Bytes { .. } => ("request".to_owned(), DIM),
    }
}
