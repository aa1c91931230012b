//! An explanation as a screen: labels on the left, places in the files on the right, nothing wider than the terminal.

mod outcome;
mod rows;

use anstyle::Style;
use fingerpost_explain::{Explanation, Failed, Host, HostKind, Outcome, Source};
use fingerpost_resources::{Code, Sources};
use fingerpost_terminal::count;
use fingerpost_terminal::listing::without_domain;
use fingerpost_terminal::style::{BAD, BOLD, DIM, GOOD, ODD};

use self::rows::{Margin, PLAIN, Screen};
use super::redirects::Redirects;

/// Up to so many rules are shown one by one.
const FEW: usize = 12;

/// The screen, no line of it longer than `width`. The proxy is named where there are several.
pub(super) fn show(
    told: &Explanation,
    redirects: Option<&Redirects>,
    proxy: Option<&str>,
    sources: &Sources,
    width: usize,
) -> String {
    let mut screen = Screen::new(sources);
    if let Some(redirects) = redirects {
        screen.redirects(redirects);
    }
    screen.entrance(told, proxy);
    screen.rules(told);
    screen.outcome(told);
    screen.warnings(told);
    screen.lay(width)
}

impl Screen {
    /// The redirects before the request that is explained, a number each.
    fn redirects(&mut self, redirects: &Redirects) {
        for redirect in &redirects.followed {
            self.label("redirect", format!("{} {}", redirect.method, redirect.url), PLAIN);
            let by = redirect.rule.as_deref().unwrap_or("httpsRedirect of the Gateway");
            let line = format!("{} to {} by {by}", redirect.status, redirect.location);
            self.text(&line, PLAIN);
        }
        if let Some(stopped) = &redirects.stopped {
            self.label("stopped", stopped.clone(), BAD);
        }
        if !redirects.followed.is_empty() || redirects.stopped.is_some() {
            self.gap();
        }
    }

    fn entrance(&mut self, told: &Explanation, proxy: Option<&str>) {
        let asked = &told.request;
        let line = format!("{} {}", asked.method, asked.url());
        self.row(
            Margin::Label("request", DIM),
            (line, BOLD),
            (String::new(), PLAIN),
        );
        for (name, value) in &asked.headers {
            self.text(&format!("{name}: {value}"), PLAIN);
        }
        if let Some(path) = &asked.normalised {
            self.text(&format!("the proxy makes the path {path}"), ODD);
        }
        if let Some(labels) = proxy {
            self.label("proxy", labels.to_owned(), PLAIN);
        }
        if !told.assumed.is_empty() {
            let names = told.assumed.iter().map(|it| without_domain(&it.to_string()));
            self.label("assumed", names.collect::<Vec<_>>().join(", "), ODD);
        }
        if let Some(listener) = &told.listener {
            let port = match listener.port == listener.listen_port {
                true => String::new(),
                false => format!(", Gateway port {}", listener.port),
            };
            let line = format!(
                "{} ({}{port}): {}",
                listener.name, listener.protocol, listener.why
            );
            self.label("listener", line, PLAIN);
        }
        if let Some(host) = &told.host {
            let is_answered = !matches!(told.outcome, Outcome::NotFound { .. });
            self.host(host, is_answered);
        }
    }

    /// The host that answers. If the answer is 404, `outcome` says what a hidden host would do.
    fn host(&mut self, host: &Host, is_answered: bool) {
        let kind = match host.kind {
            HostKind::Exact => "the exact name",
            HostKind::Wildcard => "the longest wildcard that fits",
            HostKind::Any => "which takes what no other host does",
        };
        let services = match host.virtual_services.as_slice() {
            [] => String::new(),
            some => format!(", with the rules of {}", some.join(" and ")),
        };
        self.label("host", format!("{}, {kind}{services}", host.domain), PLAIN);
        for hidden in &host.hidden {
            match hidden.would_take.as_ref().filter(|_| is_answered) {
                Some(rule) => {
                    let right = self.place(&rule.place);
                    let text = format!("it hides {}, where {} would take this", hidden.domain, rule.rule);
                    self.row(Margin::Blank, (text, ODD), (right, DIM));
                }
                None => self.text(&format!("it hides {}", hidden.domain), DIM),
            }
        }
    }

    fn rules(&mut self, told: &Explanation) {
        if told.tried.is_empty() && told.too_late.is_empty() {
            return;
        }
        self.gap();
        let mut skipped = 0;
        for (index, tried) in told.tried.iter().enumerate() {
            let on_path = |failed: &Option<Failed>| failed.as_ref().is_some_and(|it| it.on == "path");
            let near_the_end = index + 2 >= told.tried.len();
            let nearest = told.nearest_miss.as_ref().map(|it| it.position);
            if told.tried.len() > FEW
                && on_path(&tried.failed)
                && !near_the_end
                && nearest != Some(tried.position)
            {
                skipped += 1;
                continue;
            }
            self.skipped(&mut skipped);
            match &tried.failed {
                Some(failed) => {
                    self.rule("✗", BAD, tried.position, &tried.source, PLAIN);
                    self.failed(failed);
                }
                None => {
                    self.rule("✓", GOOD, tried.position, &tried.source, BOLD);
                    self.row(
                        Margin::Blank,
                        (tried.source.conditions.clone(), PLAIN),
                        ("takes it".to_owned(), GOOD),
                    );
                }
            }
        }
        self.skipped(&mut skipped);
        for late in told.too_late.iter().take(FEW) {
            self.rule("·", DIM, late.position, &late.source, PLAIN);
            let (remark, style) = match late.shadowed_by {
                Some(position) => (format!("never reached: rule {position} matches first"), ODD),
                None => ("would match, but comes later".to_owned(), DIM),
            };
            self.row(
                Margin::Blank,
                (late.source.conditions.clone(), DIM),
                (remark, style),
            );
        }
        let silent = told.not_reached.saturating_sub(told.too_late.len().min(FEW));
        if silent > 0 {
            let line = format!("{} behind it not reached", count(silent, "more rule"));
            self.text(&line, DIM);
        }
    }

    fn skipped(&mut self, number: &mut usize) {
        if *number > 0 {
            let line = format!("… {} for other paths", count(*number, "rule"));
            self.text(&line, DIM);
            *number = 0;
        }
    }

    fn rule(&mut self, mark: &'static str, style: Style, position: usize, source: &Source, text: Style) {
        let right = self.place(&source.place);
        self.row(
            Margin::Rule(mark, style, position),
            (source.rule.clone(), text),
            (right, DIM),
        );
    }

    /// A condition that fails, and what the request has.
    fn failed(&mut self, failed: &Failed) {
        self.row(
            Margin::Blank,
            (failed.expected.clone(), PLAIN),
            (failed.found(), ODD),
        );
        if let Some(hint) = &failed.hint {
            self.text(hint, DIM);
        }
    }

    fn warnings(&mut self, told: &Explanation) {
        // Shown beside the destination already.
        let shown = told.warnings.iter().filter(|it| it.code != Code::NoCluster);
        for warning in shown {
            self.gap();
            self.row(
                Margin::Label("warning", ODD),
                (warning.message.clone(), PLAIN),
                (String::new(), PLAIN),
            );
            if let Some(help) = &warning.help {
                self.text(help, DIM);
            }
        }
    }
}
