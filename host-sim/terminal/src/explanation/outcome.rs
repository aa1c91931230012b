//! The answer: where the request goes, or why it goes nowhere and what would change that.

use fingerpost_explain::{
    AnsweredBy, Destination, Edit, Explanation, Forward, Outcome, Policy, Reason, Source, Upstream,
};

use crate::headers;
use crate::names::without_domain;
use crate::rows::{Margin, PLAIN, Screen, place};
use crate::style::{BAD, DIM, NAME, ODD};
use crate::table::length;

/// What is spoken to upstreams unless something says otherwise.
const USUAL_CONNECTION: &str = "HTTP/1.1 in plain text";
/// A rule and its conditions are on one line up to this length.
const ONE_LINE: usize = 60;

impl Screen {
    /// What comes of the request.
    pub(super) fn outcome(&mut self, told: &Explanation) {
        match &told.outcome {
            Outcome::Forward(forward) => self.forward(forward),
            Outcome::Answer {
                by,
                words,
                status,
                location,
                response_headers,
                body,
                policies,
                winner,
            } => {
                self.winner(winner);
                self.label("answer", words.clone(), NAME);
                let status = status.map(|it| it.to_string()).unwrap_or_default();
                let line = match by {
                    AnsweredBy::Fault => "no upstream gets the request, and retries do not apply".to_owned(),
                    AnsweredBy::Cors => "no upstream gets the request".to_owned(),
                    AnsweredBy::Rule if location.is_some() => format!("the client gets {status}"),
                    AnsweredBy::Rule => {
                        format!("the client gets {status} from the proxy, no upstream gets the request")
                    }
                };
                self.text(&line, PLAIN);
                self.headers(response_headers);
                for line in body.iter().flat_map(|it| it.lines()) {
                    self.text(line, PLAIN);
                }
                self.policies(policies);
            }
            Outcome::ToHttps { status, location } => {
                let location = location.as_deref().unwrap_or_default();
                let line = format!("{status} to {location}: the server has `httpsRedirect`");
                self.label("answer", line, NAME);
                self.text("no rule is tried over plain text", DIM);
            }
            Outcome::NotFound { message, reasons, .. } => {
                self.text(message, PLAIN);
                self.nearest(told);
                self.reasons(reasons);
            }
            Outcome::Refused { message, .. } | Outcome::Unknown { message } => self.text(message, PLAIN),
            Outcome::NoConnection { message, reasons } => {
                self.text(message, PLAIN);
                self.reasons(reasons);
            }
            Outcome::Bytes {
                destination,
                place: written,
            } => {
                let right = place(written);
                self.row(
                    Margin::Label("goes to", DIM),
                    (without_domain(destination), NAME),
                    (right, DIM),
                );
                self.text(
                    "the connection is passed on as it is: `http` rules do not apply",
                    DIM,
                );
            }
        }
    }

    fn reasons(&mut self, reasons: &[Reason]) {
        for reason in reasons {
            let right = place(&reason.place);
            self.row(Margin::Blank, (reason.message.clone(), PLAIN), (right, DIM));
            if let Some(help) = &reason.help {
                self.label("fix", help.clone(), PLAIN);
            }
        }
    }

    /// The rule that came closest, and what it lacks.
    fn nearest(&mut self, told: &Explanation) {
        let Some(miss) = &told.nearest_miss else { return };
        self.named_rule("closest", &miss.source);
        if let [only] = miss.failed.as_slice() {
            let line = format!("only the {} differs: {}", only.subject(), only.found());
            self.text(&line, ODD);
            if let Some(hint) = &only.hint {
                self.text(hint, DIM);
            }
        } else {
            for failed in &miss.failed {
                self.failed(failed);
            }
        }
        for fix in miss.failed.iter().filter_map(|it| it.fix.as_ref()) {
            self.label("fix", fix.clone(), PLAIN);
        }
    }

    /// The rule that takes the request.
    fn winner(&mut self, winner: &Source) {
        self.named_rule("rule", winner);
    }

    /// A rule with its conditions, on one line if they are short.
    fn named_rule(&mut self, label: &'static str, rule: &Source) {
        let right = place(&rule.place);
        let line = format!("{}  {}", rule.rule, rule.conditions);
        if length(&line) <= ONE_LINE {
            self.row(Margin::Label(label, DIM), (line, PLAIN), (right, DIM));
        } else {
            self.row(
                Margin::Label(label, DIM),
                (rule.rule.clone(), PLAIN),
                (right, DIM),
            );
            self.text(&rule.conditions, PLAIN);
        }
    }

    fn forward(&mut self, forward: &Forward) {
        self.winner(&forward.winner);
        if let Some(rewrite) = &forward.rewrite {
            let line = if rewrite.before == rewrite.after {
                format!("{} stays as it is", rewrite.before)
            } else {
                format!("{} -> {}", rewrite.before, rewrite.after)
            };
            self.label("rewrite", line, PLAIN);
        }
        let several = forward.destinations.len() > 1;
        for (index, destination) in forward.destinations.iter().enumerate() {
            self.destination(destination, index == 0, several);
        }
        let lost: f64 = forward
            .destinations
            .iter()
            .filter(|it| it.missing.is_some())
            .map(|it| it.percent)
            .sum();
        let all_lost = forward.destinations.iter().all(|it| it.missing.is_some());
        match &forward.abort {
            Some(abort) => {
                let rest = if all_lost {
                    ", 503 to the rest".to_owned()
                } else if lost > 0.0 {
                    format!(", 503 to {lost} % of the rest")
                } else {
                    String::new()
                };
                let line = format!(
                    "{} by the fault to {} % of requests{rest}",
                    abort.status, abort.percent
                );
                self.label("answer", line, BAD);
            }
            None if all_lost => {
                self.label(
                    "answer",
                    "503 to every request: no upstream gets it".to_owned(),
                    BAD,
                );
            }
            None if lost > 0.0 => self.label("answer", format!("503 to {lost} % of requests"), BAD),
            None => {}
        }
        self.policies(&forward.policies);
        self.edits(forward);
        self.upstreams(&forward.destinations);
    }

    fn destination(&mut self, destination: &Destination, is_first: bool, several: bool) {
        let share = if several {
            format!("{} % of requests: ", destination.percent)
        } else {
            String::new()
        };
        let name = without_domain(&format!("{}:{}", destination.host, destination.port));
        let subset = match &destination.subset {
            Some(subset) => format!(" subset {subset}"),
            None => String::new(),
        };
        let right = place(&destination.place);
        let margin = if is_first {
            Margin::Label("goes to", DIM)
        } else {
            Margin::Blank
        };
        self.row(margin, (format!("{share}{name}{subset}"), NAME), (right, DIM));
        if let Some(missing) = &destination.missing {
            self.text(&format!("  503: {}", missing.message), BAD);
            if let Some(help) = &missing.help {
                self.text(&format!("  {help}"), DIM);
            }
        }
        // The usual one is not worth a line.
        let connection = destination
            .connection
            .as_ref()
            .filter(|it| *it != USUAL_CONNECTION);
        if let Some(connection) = connection {
            self.text(&format!("  sent as {connection}"), PLAIN);
        }
        self.weights(destination);
        if let Some(rule) = &destination.destination_rule {
            let labels: Vec<String> = destination
                .labels
                .iter()
                .map(|(key, value)| format!("{key}={value}"))
                .collect();
            let mut line = format!("  DestinationRule {}", rule.name);
            if destination.missing.is_some() {
                line.push_str(" has that host");
            }
            if !labels.is_empty() {
                line.push_str(&format!(": Pods with {}", labels.join(",")));
            }
            if !rule.traffic_policy.is_empty() {
                line.push_str(&format!("; {}", rule.traffic_policy.join(", ")));
            }
            let right = place(&rule.place);
            self.row(Margin::Blank, (line, PLAIN), (right, DIM));
        }
    }

    /// The parts of the endpoints, where they differ.
    fn weights(&mut self, destination: &Destination) {
        let endpoints = destination.endpoints.as_deref().unwrap_or_default();
        let first = endpoints.first().map(|it| it.weight);
        if endpoints.iter().all(|it| Some(it.weight) == first) {
            return;
        }
        let parts: Vec<String> = endpoints
            .iter()
            .map(|it| format!("{} ({} %)", it.address, it.percent))
            .collect();
        self.text(&format!("  endpoints {}", parts.join(", ")), PLAIN);
    }

    fn policies(&mut self, policies: &[Policy]) {
        for (index, policy) in policies.iter().enumerate() {
            let right = match policy.place.line {
                Some(_) => place(&policy.place),
                None => match policy.name {
                    "consistentHash" => "of the DestinationRule".to_owned(),
                    _ => "Istio's default".to_owned(),
                },
            };
            let margin = if index == 0 {
                Margin::Label("policies", DIM)
            } else {
                Margin::Blank
            };
            let line = format!("{}: {}", policy.name, policy.words);
            self.row(margin, (line, PLAIN), (right, DIM));
        }
    }

    /// The edits of headers, in the order in which they are made.
    fn edits(&mut self, forward: &Forward) {
        let list = |edits: &[Edit]| {
            let all = edits.iter().map(|edit| match &edit.value {
                Some(value) => format!("{} {}: {value}", edit.verb, edit.name),
                None => format!("{} {}", edit.verb, edit.name),
            });
            all.collect::<Vec<String>>().join(", ")
        };
        let mut told: Vec<(&str, String)> = Vec::new();
        for destination in &forward.destinations {
            let words = list(&destination.request_edits);
            let whose = destination.subset.as_deref().unwrap_or(&destination.host);
            if !words.is_empty() && told.iter().all(|(_, known)| *known != words) {
                told.push((whose, words));
            }
        }
        for (index, (whose, words)) in told.iter().enumerate() {
            let line = match told.len() {
                1 => words.clone(),
                _ => format!("to {whose}: {words}"),
            };
            let margin = if index == 0 {
                Margin::Label("headers", DIM)
            } else {
                Margin::Blank
            };
            self.row(margin, (line, PLAIN), (String::new(), PLAIN));
        }
        if !forward.response_edits.is_empty() {
            self.label("response", list(&forward.response_edits), PLAIN);
        }
    }

    fn headers(&mut self, all: &[(String, String)]) {
        for (name, value) in headers::known(all) {
            self.text(&format!("{name}: {value}"), PLAIN);
        }
        if let Some(line) = headers::unknown(all) {
            self.text(&line, DIM);
        }
    }

    fn upstreams(&mut self, destinations: &[Destination]) {
        let known: Vec<(&Destination, &Upstream)> = destinations
            .iter()
            .filter_map(|it| Some((it, it.upstream.as_ref()?)))
            .collect();
        let all_alike = known.windows(2).all(|pair| match pair {
            [(_, one), (_, other)] => one == other,
            _ => true,
        });
        let shown = if all_alike {
            known.get(..1).unwrap_or_default()
        } else {
            known.as_slice()
        };
        for (destination, upstream) in shown {
            if !all_alike {
                let subset = destination.subset.as_deref().unwrap_or(&destination.host);
                self.label("upstream", format!("of {subset} sees"), DIM);
            }
            let margin = if all_alike {
                Margin::Label("upstream", DIM)
            } else {
                Margin::Blank
            };
            let line = format!("{} {}", upstream.method, upstream.path);
            self.row(margin, (line, PLAIN), (String::new(), PLAIN));
            self.text(&format!("host: {}", upstream.authority), PLAIN);
            self.headers(&upstream.headers);
        }
    }
}
