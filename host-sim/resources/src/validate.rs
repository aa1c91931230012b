//! Judges resources as Istio's admission webhook does (istio `pkg/config/validation`).
//!
//! What Istio refuses is an error here, what it warns of is a warning. Each finding names the field.
//! Whether resources fit together (a subset that no DestinationRule defines) is the compiler's
//! matter. Fields that could not be read are passed over: `read` has reported them.

mod context;
mod destination;
mod destination_rule;
mod export_to;
mod fault;
mod gateway;
mod gateway_names;
mod header_name;
mod headers;
mod http_match;
mod http_route;
mod load_balancer;
mod names;
mod path;
mod pem;
mod placeholders;
mod policy;
mod reachability;
mod redirect;
mod server_tls;
mod service_entry;
mod tls_route;
mod unforwarded;
mod virtual_service;
mod workload_addresses;

use crate::code::Code;
use std::time::Duration;

use crate::diagnostic::{Diagnostic, Diagnostics, Severity};
use crate::read::Resources;
use crate::resource::{Meta, Origin, Resource};
use path::Path;
pub(crate) use placeholders::{placeholder_in, placeholders_of};

/// Reports what Istio would refuse or warn of.
///
/// All findings so far are put into the order of the sources. `check_regex` says whether a text is a regular expression in the syntax of RE2.
pub fn validate(
    resources: &Resources,
    check_regex: &dyn Fn(&str) -> Result<(), String>,
    diagnostics: &mut Diagnostics,
) {
    each(&resources.gateways, check_regex, diagnostics, gateway::check);
    each(
        &resources.virtual_services,
        check_regex,
        diagnostics,
        virtual_service::check,
    );
    each(
        &resources.destination_rules,
        check_regex,
        diagnostics,
        destination_rule::check,
    );
    each(
        &resources.service_entries,
        check_regex,
        diagnostics,
        service_entry::check,
    );
    each(
        &resources.workload_entries,
        check_regex,
        diagnostics,
        service_entry::check_workload_entry,
    );
    workload_addresses::check(resources, diagnostics);
    placeholders::explain(diagnostics, &resources.sources);
    diagnostics.sort_by_place();
}

fn each<T>(
    resources: &[Resource<T>],
    check_regex: &dyn Fn(&str) -> Result<(), String>,
    diagnostics: &mut Diagnostics,
    check: fn(&T, &mut Checker<'_>),
) {
    for resource in resources {
        let mut checker = Checker {
            origin: &resource.origin,
            meta: &resource.meta,
            check_regex,
            diagnostics: &mut *diagnostics,
            ignored: Diagnostic::new(Severity::Warning, Code::UnknownField, ""),
        };
        checker.metadata();
        check(&resource.spec, &mut checker);
    }
}

/// The resource that is being judged, and where the findings go.
struct Checker<'c> {
    origin: &'c Origin,
    meta: &'c Meta,
    check_regex: &'c dyn Fn(&str) -> Result<(), String>,
    diagnostics: &'c mut Diagnostics,
    /// Takes the place of findings about fields that could not be read.
    ignored: Diagnostic,
}

impl Checker<'_> {
    fn error(&mut self, code: Code, path: &Path<'_>, message: impl Into<String>) -> &mut Diagnostic {
        self.report(Severity::Error, code, path, message.into())
    }

    fn warn(&mut self, code: Code, path: &Path<'_>, message: impl Into<String>) -> &mut Diagnostic {
        self.report(Severity::Warning, code, path, message.into())
    }

    fn note(&mut self, code: Code, path: &Path<'_>, message: impl Into<String>) -> &mut Diagnostic {
        self.report(Severity::Note, code, path, message.into())
    }

    fn report(
        &mut self,
        severity: Severity,
        code: Code,
        field: &Path<'_>,
        message: String,
    ) -> &mut Diagnostic {
        let path = field.to_string();
        if self.origin.is_unread(&path) {
            return &mut self.ignored;
        }
        self.diagnostics
            .push(Diagnostic::new(severity, code, message))
            .on(self.origin, path)
    }

    /// Whether a condition of a rule was refused before, or is written in fields that do not exist.
    fn has_unread_matches(&self) -> bool {
        self.diagnostics.iter().any(|it| {
            it.severity == Severity::Error
                && it.subject == self.origin.subject()
                && it.path.contains(".match[")
        })
    }

    /// A field without which the resource makes no sense.
    fn missing(&mut self, path: &Path<'_>, example: &str) -> &mut Diagnostic {
        let message = format!("`{}` is required", path.name());
        self.error(Code::MissingField, path, message)
            .help(format!("for example `{example}`"))
    }

    fn metadata(&mut self) {
        // The webhook looks at these before anything else; the last three are Istio's own.
        const REFUSED: [(&str, &str); 4] = [
            ("istio.io/dry-run", "only AuthorizationPolicy takes it"),
            (
                "internal.istio.io/webhook-always-reject",
                "it asks for being refused",
            ),
            ("internal.istio.io/parents", "users may not set it"),
            ("internal.istio.io/parent-namespace", "users may not set it"),
        ];
        for (annotation, reason) in REFUSED {
            if self.meta.annotations.contains_key(annotation) {
                let at = Path::ROOT.field("metadata");
                let at = at.field("annotations");
                let message = format!("Istio refuses the annotation {annotation}: {reason}");
                self.error(Code::BadAnnotation, &at.field(annotation), message)
                    .help("remove it");
            }
        }
        if self.meta.name.is_empty() && !self.origin.subject().starts_with("Gateway ") {
            let at = Path::ROOT.field("metadata");
            self.warn(
                Code::NoName,
                &at.field("name"),
                "a cluster takes no resource without a name",
            )
            .help("for example `metadata: {name: shop}`");
        }
    }

    /// Durations are at least a millisecond and a whole number of them.
    fn duration(&mut self, duration: Option<Duration>, path: &Path<'_>) {
        let Some(duration) = duration else { return };
        if duration < Duration::from_millis(1) {
            let written = if duration.is_zero() {
                "0s".to_owned()
            } else {
                format!("{duration:?}")
            };
            self.error(Code::BadDuration, path, format!("{written} is shorter than 1ms"))
                .help("leave the field out for the default, or write for example 5s");
        } else if duration.subsec_nanos() % 1_000_000 != 0 {
            self.error(
                Code::BadDuration,
                path,
                format!("{duration:?} is not a whole number of milliseconds"),
            );
        }
    }

    fn port(&mut self, number: u32, path: &Path<'_>) {
        if !(1..=65535).contains(&number) {
            self.error(
                Code::BadPort,
                path,
                format!("invalid port {number}: ports go from 1 to 65535"),
            );
        }
    }

    fn regex(&mut self, pattern: &str, path: &Path<'_>) {
        if pattern.is_empty() {
            self.error(Code::BadRegex, path, "a regular expression can't be empty")
                .help("write `.*` for any text");
        } else if pattern.len() > 1024 {
            let message = format!(
                "the regular expression has {} bytes, Istio takes at most 1024",
                pattern.len()
            );
            self.error(Code::BadRegex, path, message);
        } else if has_any_byte(pattern) {
            // RE2 has it; Go, which Istio checks with, has not.
            self.error(
                Code::BadRegex,
                path,
                r"Istio takes no `\C` in a regular expression",
            )
            .help("write `.`");
        } else if let Err(reason) = (self.check_regex)(pattern) {
            let finding = self.error(
                Code::BadRegex,
                path,
                format!("this is not a regular expression: {reason}"),
            );
            if pattern == "*" {
                finding.help("write `.*` for any text");
            } else {
                finding.help("the syntax is that of RE2: https://github.com/google/re2/wiki/Syntax");
            }
        }
    }
}

/// Whether a pattern holds `\C`, any byte, outside of `\Q..\E`.
fn has_any_byte(pattern: &str) -> bool {
    let mut rest = pattern;
    while let Some((_, after)) = rest.split_once('\\') {
        let mut letters = after.chars();
        match letters.next() {
            Some('C') => return true,
            Some('Q') => rest = after.split_once(r"\E").map_or("", |(_, rest)| rest),
            Some(_) | None => rest = letters.as_str(),
        }
    }
    false
}
