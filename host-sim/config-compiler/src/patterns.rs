//! Regular expressions that the Envoy of the compilation would refuse, and with them the whole config.
//!
//! Istio checks patterns as Go reads them; Envoy reads them as RE2 does, from 1.40 on byte by byte. What
//! the one takes and the other refuses stops every route of a gateway, so here it is an error.

use fingerpost_resources::{Code, Diagnostics, HttpRoute, Resource, Resources, StringMatch, VirtualService};
use fingerpost_routing::{Encoding, Finder, Pattern, Substitution};

use crate::options::EnvoyVersion;

/// Checks every pattern of every VirtualService.
pub(crate) fn check(resources: &Resources, envoy: EnvoyVersion, diagnostics: &mut Diagnostics) {
    for resource in &resources.virtual_services {
        let mut checker = Checker {
            resource,
            envoy,
            diagnostics,
        };
        for (index, rule) in resource.spec.http.iter().enumerate() {
            checker.rule(rule, &format!("spec.http[{index}]"));
        }
    }
}

struct Checker<'a> {
    resource: &'a Resource<VirtualService>,
    envoy: EnvoyVersion,
    diagnostics: &'a mut Diagnostics,
}

impl Checker<'_> {
    fn rule(&mut self, rule: &HttpRoute, path: &str) {
        for (index, request) in rule.matches.iter().enumerate() {
            let path = format!("{path}.match[{index}]");
            for (field, matcher) in [
                ("uri", &request.uri),
                ("scheme", &request.scheme),
                ("method", &request.method),
                ("authority", &request.authority),
            ] {
                self.matcher(matcher.as_ref(), &format!("{path}.{field}"));
            }
            for (field, matchers) in [
                ("headers", &request.headers),
                ("withoutHeaders", &request.without_headers),
                ("queryParams", &request.query_params),
            ] {
                for (name, matcher) in matchers {
                    // The regex `*` means presence, except of a query parameter.
                    let presence = field != "queryParams" && *matcher == StringMatch::Regex("*".to_owned());
                    if !presence {
                        self.matcher(Some(matcher), &format!("{path}.{field}.{name}"));
                    }
                }
            }
        }
        for (index, origin) in rule
            .cors_policy
            .iter()
            .flat_map(|it| &it.allow_origins)
            .enumerate()
        {
            self.matcher(Some(origin), &format!("{path}.corsPolicy.allowOrigins[{index}]"));
        }
        if let Some(regex) = rule.rewrite.as_ref().and_then(|it| it.uri_regex_rewrite.as_ref()) {
            let path = format!("{path}.rewrite.uriRegexRewrite");
            match Finder::parse_as(&regex.matches, encoding(self.envoy)) {
                Ok(finder) => self.substitution(&regex.rewrite, &finder, &path),
                Err(error) => self.refuse(&error.to_string(), &format!("{path}.match")),
            }
        }
    }

    fn matcher(&mut self, matcher: Option<&StringMatch>, path: &str) {
        let Some(StringMatch::Regex(pattern)) = matcher else {
            return;
        };
        if let Err(error) = Pattern::parse_as(pattern, encoding(self.envoy)) {
            self.refuse(&error.to_string(), &format!("{path}.regex"));
        }
    }

    fn substitution(&mut self, text: &str, finder: &Finder, path: &str) {
        if let Err(error) = Substitution::check(text, finder.groups()) {
            self.diagnostics
                .warn(Code::OddSubstitution, error.to_string())
                .on(&self.resource.origin, format!("{path}.rewrite"))
                .help("write `\\1` for the first group, `\\0` for the whole match, `\\\\` for a backslash");
        }
    }

    fn refuse(&mut self, reason: &str, path: &str) {
        let message = format!(
            "Envoy {} refuses this pattern, and every route with it: {reason}",
            self.envoy
        );
        self.diagnostics
            .error(Code::PatternRefused, message)
            .on(&self.resource.origin, path)
            .help("patterns are RE2's: https://github.com/google/re2/wiki/Syntax");
    }
}

/// What a character is to that Envoy's patterns (its runtime guard `re2_use_latin1_mode`).
pub(crate) fn encoding(envoy: EnvoyVersion) -> Encoding {
    match envoy.reads_patterns_by_byte() {
        true => Encoding::Latin1,
        false => Encoding::Utf8,
    }
}
