//! Conditions on a header: Envoy's `HeaderMatcher`.

use crate::{RequestHead, ValueMatch};
use alloc::boxed::Box;
use alloc::vec::Vec;

/// The name of a header, as a condition gives it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HeaderName {
    /// `:authority`, also called `host`. With its port and in the case that the client sent.
    Authority,
    /// `:method`
    Method,
    /// `:scheme`
    Scheme,
    /// `:path`, with its query.
    Path,
    /// Any other; case plays no part.
    Plain(Box<str>),
}

impl HeaderName {
    /// Those that are fields of a request's head.
    pub(crate) const PSEUDO: [Self; 4] = [Self::Authority, Self::Method, Self::Scheme, Self::Path];

    /// Reads a name. Every text is one.
    pub fn parse(text: &str) -> Self {
        let name = text.to_ascii_lowercase();
        match name.as_str() {
            ":authority" | "host" => Self::Authority,
            ":method" => Self::Method,
            ":scheme" => Self::Scheme,
            ":path" => Self::Path,
            _ => Self::Plain(name.into()),
        }
    }

    /// The name in lower case.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Authority => ":authority",
            Self::Method => ":method",
            Self::Scheme => ":scheme",
            Self::Path => ":path",
            Self::Plain(name) => name,
        }
    }
}

/// What a condition sees of a header that a request repeats.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RepeatedHeaders {
    /// Every value by itself; one that fits is enough. Envoy from 1.39 on.
    Each,
    /// One text, the values joined by commas. Envoy up to 1.38.
    Joined,
}

/// A condition on one header.
#[derive(Debug, PartialEq, Eq)]
pub struct HeaderMatch {
    /// Which header.
    pub name: HeaderName,
    /// What its value must be.
    pub want: ValueMatch,
    /// Turns the outcome round.
    pub invert: bool,
    /// Reads a missing header as an empty one, which is then also present.
    pub missing_as_empty: bool,
    /// What it sees of a repeated header.
    pub repeated: RepeatedHeaders,
}

impl HeaderMatch {
    /// Whether the request satisfies it.
    pub fn accepts(&self, head: &RequestHead<'_>) -> bool {
        let mut values = head.values(&self.name).peekable();
        let want = match &self.want {
            ValueMatch::Present => return (values.peek().is_some() || self.missing_as_empty) != self.invert,
            ValueMatch::Text(want) => want,
        };
        if values.peek().is_none() {
            // Not even an inverted condition holds for a header that is not there.
            return self.missing_as_empty && want.accepts(b"") != self.invert;
        }
        let found = match self.repeated {
            RepeatedHeaders::Each => values.any(|value| want.accepts(value)),
            RepeatedHeaders::Joined => match (values.next(), values.peek()) {
                (Some(only), None) => want.accepts(only),
                (first, _) => want.accepts(&join(first.into_iter().chain(values))),
            },
        };
        found != self.invert
    }
}

fn join<'a>(values: impl Iterator<Item = &'a [u8]>) -> Vec<u8> {
    let mut joined = Vec::new();
    for (index, value) in values.enumerate() {
        if index > 0 {
            joined.push(b',');
        }
        joined.extend_from_slice(value);
    }
    joined
}

#[cfg(test)]
mod tests {
    use super::{HeaderMatch, HeaderName, RepeatedHeaders};
    use crate::{Header, Pattern, RequestHead, StringMatch, ValueMatch};
    use alloc::vec::Vec;

    fn header(name: &str, want: ValueMatch) -> HeaderMatch {
        let name = HeaderName::parse(name);
        HeaderMatch {
            name,
            want,
            invert: false,
            missing_as_empty: false,
            repeated: RepeatedHeaders::Each,
        }
    }

    fn exact(text: &str) -> ValueMatch {
        ValueMatch::Text(StringMatch::Exact(text.into()))
    }

    #[track_caller]
    fn check(want: &HeaderMatch, values: &[&str], outcome: bool) {
        let headers: Vec<Header<'_>> = values.iter().map(|it| (&b"X-A"[..], it.as_bytes())).collect();
        let head = RequestHead::new(Some(b"Any.test:80"), Some(b"/p?q"))
            .with_method(Some(b"GET"))
            .with_scheme(Some(b"http"))
            .with_headers(&headers);
        assert_eq!(want.accepts(&head), outcome, "{want:?} of {values:?}");
    }

    #[test]
    fn a_name_has_no_case_and_a_value_has() {
        check(&header("x-A", exact("v")), &["v"], true);
        check(&header("x-a", exact("v")), &["V"], false);
    }

    #[test]
    fn an_empty_text_wants_a_header_that_is_present_and_empty() {
        check(&header("x-a", exact("")), &[""], true);
        check(&header("x-a", exact("")), &["v"], false);
        check(&header("x-a", exact("")), &[], false);
    }

    #[test]
    fn presence_asks_for_no_value() {
        check(&header("x-a", ValueMatch::Present), &[""], true);
        check(&header("x-a", ValueMatch::Present), &[], false);
        let absent = |missing_as_empty| HeaderMatch {
            invert: true,
            missing_as_empty,
            ..header("x-a", ValueMatch::Present)
        };
        check(&absent(false), &[], true);
        check(&absent(false), &["v"], false);
        check(&absent(true), &[], false);
    }

    #[test]
    fn a_missing_header_fails_even_when_inverted_unless_it_counts_as_empty() {
        let not = |missing_as_empty| HeaderMatch {
            invert: true,
            missing_as_empty,
            ..header("x-a", exact("v"))
        };
        check(&not(false), &[], false);
        check(&not(false), &["w"], true);
        check(&not(true), &[], true);
        check(&not(true), &["v"], false);
    }

    #[test]
    fn an_inverted_pattern_that_accepts_nothing_at_all_fails_without_the_header() {
        let any = ValueMatch::Text(StringMatch::Regex(Pattern::parse(".*").unwrap()));
        check(
            &HeaderMatch {
                invert: true,
                missing_as_empty: true,
                ..header("x-a", any)
            },
            &[],
            false,
        );
    }

    #[test]
    fn a_repeated_header_is_tried_value_by_value_or_joined() {
        let joined = |text| HeaderMatch {
            repeated: RepeatedHeaders::Joined,
            ..header("x-a", exact(text))
        };
        check(&header("x-a", exact("b")), &["a", "b"], true);
        check(&header("x-a", exact("a,b")), &["a", "b"], false);
        check(&joined("b"), &["a", "b"], false);
        check(&joined("a,b"), &["a", "b"], true);
        check(&joined("b"), &["b"], true);
    }

    #[test]
    fn pseudo_headers_are_headers() {
        for (name, value) in [
            (":authority", "Any.test:80"),
            ("Host", "Any.test:80"),
            (":method", "GET"),
            (":path", "/p?q"),
        ] {
            check(&header(name, exact(value)), &[], true);
        }
        check(&header("method", exact("GET")), &[], false);
    }
}
