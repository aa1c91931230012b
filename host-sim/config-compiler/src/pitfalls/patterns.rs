//! Conditions of matches that are written in the language of another field or another tool.

use std::collections::BTreeMap;

use fingerpost_resources::{Code, Diagnostics, HttpMatchRequest, Resource, StringMatch, VirtualService};

/// Reports them for the matches of a VirtualService.
pub(super) fn check(resource: &Resource<VirtualService>, diagnostics: &mut Diagnostics) {
    for (rule, http) in resource.spec.http.iter().enumerate() {
        for (index, request) in http.matches.iter().enumerate() {
            let mut report = Report {
                resource,
                at: format!("spec.http[{rule}].match[{index}]"),
                diagnostics: &mut *diagnostics,
            };
            report.path(request);
            report.method(request);
            report.values("headers", &request.headers);
            report.values("withoutHeaders", &request.without_headers);
            report.values("queryParams", &request.query_params);
        }
    }
}

struct Report<'a> {
    resource: &'a Resource<VirtualService>,
    /// The match.
    at: String,
    diagnostics: &'a mut Diagnostics,
}

impl Report<'_> {
    fn warn(&mut self, code: Code, field: &str, message: String, help: String) {
        self.diagnostics
            .warn(code, message)
            .on(&self.resource.origin, format!("{}.{field}", self.at))
            .help(help);
    }

    fn path(&mut self, request: &HttpMatchRequest) {
        match &request.uri {
            Some(StringMatch::Exact(text)) => self.literal_path("exact", text),
            Some(StringMatch::Prefix(text)) => self.literal_path("prefix", text),
            Some(StringMatch::Regex(text)) => {
                self.glob(text);
                self.delimited("uri.regex", text);
                if request.ignore_uri_case == Some(true) {
                    self.warn(
                        Code::NoEffect,
                        "ignoreUriCase",
                        "ignoreUriCase does nothing beside a regex".to_owned(),
                        format!("write `regex: (?i){text}`"),
                    );
                }
            }
            Some(StringMatch::Present) | None => {}
        }
    }

    /// A path that is compared as it is written, with characters that only patterns use.
    fn literal_path(&mut self, kind: &str, text: &str) {
        let field = format!("uri.{kind}");
        if looks_like_a_regex(text) {
            let message = format!(
                "`{text}` looks like a regular expression, but `{kind}` compares it as it is written"
            );
            self.warn(
                Code::LiteralPattern,
                &field,
                message,
                "write it as `regex`, or without the pattern".to_owned(),
            );
        } else if text.contains('*') && text != "*" {
            let message =
                format!("`*` in `{kind}: {text}` is an ordinary character: only paths with a `*` match");
            let start = text.split('*').next().unwrap_or_default();
            let help = if text.strip_suffix('*') == Some(start) {
                format!("write `prefix: {start}`")
            } else {
                "write it as `regex`, with `[^/]+` for a segment and `.*` for any rest".to_owned()
            };
            self.warn(Code::LiteralPattern, &field, message, help);
        } else if text.contains("/{") && text.contains('}') {
            let message = format!("`{text}` is compared as it is written: braces are not a parameter");
            let help = "write it as `regex`, with `[^/]+` for a parameter".to_owned();
            self.warn(Code::LiteralPattern, &field, message, help);
        }
    }

    /// `/files/*` as a pattern: a slash as often as one likes.
    fn glob(&mut self, text: &str) {
        let is_plain = |it: char| it.is_ascii_alphanumeric() || "/-_*".contains(it);
        if text.contains("/*") && text.chars().all(is_plain) {
            let message = format!(
                "in `regex: {text}` the `*` repeats the `/` before it, and does not match any other text"
            );
            let help = format!("write `regex: {}`", text.replace('*', ".*"));
            self.warn(Code::RegexAsGlob, "uri.regex", message, help);
        }
    }

    /// `/pattern/flags`, as JavaScript and Perl write it.
    fn delimited(&mut self, field: &str, text: &str) {
        let Some(inner) = text.strip_prefix('/') else {
            return;
        };
        let Some((inner, flags)) = inner.rsplit_once('/') else {
            return;
        };
        let are_flags = flags.chars().all(|it| "gimsuxy".contains(it)) && flags.len() <= 4;
        // A text that begins and ends with a slash is a path as well.
        let is_path = if field.starts_with("uri") {
            !inner.starts_with("\\/") && !inner.starts_with('^')
        } else {
            flags.is_empty()
        };
        if !are_flags || is_path || inner.is_empty() {
            return;
        }
        let message = format!(
            "`{text}` is compared with its slashes and flags: only other languages write patterns so"
        );
        let fold = if flags.contains('i') { "(?i)" } else { "" };
        let help = format!("write `{fold}{}`", inner.replace("\\/", "/"));
        self.warn(Code::RegexDelimiters, field, message, help);
    }

    fn method(&mut self, request: &HttpMatchRequest) {
        if let Some(StringMatch::Exact(text)) = &request.method
            && text.bytes().any(|it| it.is_ascii_lowercase())
        {
            let message =
                format!("no client sends the method `{text}`: methods are compared with their letter case");
            self.warn(
                Code::MethodCase,
                "method.exact",
                message,
                format!("write `{}`", text.to_ascii_uppercase()),
            );
        }
    }

    fn values(&mut self, list: &str, conditions: &BTreeMap<String, StringMatch>) {
        for (name, condition) in conditions {
            let field = format!("{list}.{name}");
            match condition {
                StringMatch::Exact(text) | StringMatch::Prefix(text) if text.contains(".*") => {
                    let message =
                        format!("`{text}` looks like a regular expression, but is compared as it is written");
                    self.warn(
                        Code::LiteralPattern,
                        &field,
                        message,
                        "write it as `regex`".to_owned(),
                    );
                }
                StringMatch::Regex(text) => self.delimited(&field, text),
                StringMatch::Present | StringMatch::Exact(_) | StringMatch::Prefix(_) => {}
            }
        }
    }
}

/// Whether a text has what no path has, and what every pattern has.
fn looks_like_a_regex(text: &str) -> bool {
    const PARTS: [&str; 10] = [
        ".*", ".+", "(/|$)", "(?", "\\d", "\\w", "\\.", "[^", "[0-9", "[a-z",
    ];
    PARTS.iter().any(|part| text.contains(part)) || text.starts_with('^') || text.ends_with('$')
}

#[cfg(test)]
mod tests {
    use super::looks_like_a_regex;

    #[test]
    fn paths_with_unusual_characters_are_not_patterns() {
        for path in [
            "/Products(1)/$value",
            "/a|b",
            "/v1/items:batch",
            "/a+b",
            "/a.b",
            "/~user",
            "/x[1]",
        ] {
            assert!(!looks_like_a_regex(path), "{path}");
        }
        for pattern in ["/a/.*", "/route(/|$)(.*)", "^/a", "/a$", "/item/\\d+", "/[^/]+"] {
            assert!(looks_like_a_regex(pattern), "{pattern}");
        }
    }
}
