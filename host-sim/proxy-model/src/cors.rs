//! The CORS filter: answers preflights, and marks other answers as readable for an origin.

use fingerpost_envoy_config::filters::cors;
use fingerpost_envoy_http::header_map::{Headers, get, set};

use crate::ModelError;
use crate::dice::Fraction;
use crate::string_match::StringMatch;

/// The policy of a route.
#[derive(Debug)]
pub(crate) struct CorsPolicy {
    allow_origins: Vec<StringMatch>,
    allow_methods: String,
    allow_headers: String,
    expose_headers: String,
    max_age: String,
    allow_credentials: bool,
    forward_not_matching_preflights: bool,
}

/// What the filter does with a request.
pub(crate) enum Cors<'m> {
    /// Nothing, then or later.
    Passes,
    /// It answers, with these headers.
    Answers(Headers),
    /// It lets the request pass and marks its answer.
    Marks(Mark<'m>),
}

/// The mark on an answer.
#[derive(Debug)]
pub(crate) struct Mark<'m> {
    policy: &'m CorsPolicy,
    origin: Vec<u8>,
}

impl CorsPolicy {
    pub(crate) fn read(policy: cors::CorsPolicy) -> Result<Self, ModelError> {
        let cors::CorsPolicy {
            allow_origin_string_match,
            allow_methods,
            allow_headers,
            expose_headers,
            max_age,
            allow_credentials,
            forward_not_matching_preflights,
            filter_enabled,
        } = policy;
        let enabled = filter_enabled.map(|it| Fraction::from(it.default_value));
        if enabled.is_some_and(|it| it.numerator < it.denominator) {
            return Err(ModelError::new("filter_enabled: only 100 % is modelled"));
        }
        let origins = allow_origin_string_match.into_iter().map(StringMatch::read);
        Ok(Self {
            allow_origins: origins.collect::<Result<_, _>>()?,
            allow_methods,
            allow_headers,
            expose_headers,
            max_age,
            allow_credentials: allow_credentials.unwrap_or_default(),
            forward_not_matching_preflights: forward_not_matching_preflights.unwrap_or(true),
        })
    }

    /// Looks at a request.
    pub(crate) fn on_request(&self, request: &Headers) -> Cors<'_> {
        let text = |name| get(request, name).filter(|value| !value.is_empty());
        let Some(origin) = text("origin") else {
            return Cors::Passes;
        };
        let allowed = self
            .allow_origins
            .iter()
            .any(|it| it.accepts(b"*") || it.accepts(origin));
        let mark = Mark {
            policy: self,
            origin: origin.to_vec(),
        };
        let wanted_method = text("access-control-request-method");
        let (Some(b"OPTIONS"), Some(method)) = (get(request, ":method"), wanted_method) else {
            return if allowed { Cors::Marks(mark) } else { Cors::Passes };
        };
        if !allowed && self.forward_not_matching_preflights {
            return Cors::Passes;
        }
        let mut answer = Headers::new();
        let asked_headers = get(request, "access-control-request-headers").unwrap_or_default();
        for (name, value, asked) in [
            (
                "access-control-allow-methods",
                self.allow_methods.as_str(),
                method,
            ),
            (
                "access-control-allow-headers",
                self.allow_headers.as_str(),
                asked_headers,
            ),
            ("access-control-max-age", self.max_age.as_str(), b"*"),
        ] {
            // `*` is answered with the requested value, even if that is empty.
            match value {
                "" => {}
                "*" => set(&mut answer, name, asked),
                value => set(&mut answer, name, value),
            }
        }
        if self.allow_credentials {
            set(&mut answer, "access-control-allow-credentials", "true");
        }
        if allowed {
            mark.on_response(&mut answer);
        }
        Cors::Answers(answer)
    }
}

impl Mark<'_> {
    /// Marks an answer, also one of Envoy's own.
    pub(crate) fn on_response(&self, response: &mut Headers) {
        set(response, "access-control-allow-origin", self.origin.as_slice());
        if self.policy.allow_credentials {
            set(response, "access-control-allow-credentials", "true");
        }
        if !self.policy.expose_headers.is_empty() {
            set(
                response,
                "access-control-expose-headers",
                self.policy.expose_headers.as_str(),
            );
        }
    }
}
