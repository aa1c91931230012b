//! Looks up the headers of the request that the upstream receives, and of the response that the client receives.
//!
//! Envoy keeps what a request is for in pseudo headers and reads `host` as `:authority` (`HeaderMapImpl`,
//! `Headers::HostLegacy`). The model has separate fields for them. Which headers a test
//! may ask for is decided where its file is read.

use fingerpost_envoy_http::{is_about_the_connection, value_of_a_run};
use fingerpost_proxy_model::{Outcome, Request, Upstream};

use crate::check::{Check, check};
use crate::want::Text;

/// The pseudo headers of a request.
pub(super) const OF_REQUESTS: &[&str] = &[":authority", ":method", ":path", ":protocol", ":scheme"];
/// The pseudo headers of a response.
pub(super) const OF_RESPONSES: &[&str] = &[":status"];

/// A header of the request that the upstream receives, by its name in lower case.
pub(super) fn request_header(name: &str, text: &Text, upstream: &Upstream, sent: &Request) -> Check {
    let value = match name {
        "host" | ":authority" => upstream.authority.as_str(),
        ":method" => upstream.method.as_str(),
        ":path" => upstream.path.as_str(),
        ":scheme" if upstream.method != "CONNECT" => scheme(sent),
        ":scheme" | ":protocol" => return Check::Unknown(format!("`{name}` cannot be simulated")),
        _ => return header(name, text, &upstream.headers),
    };
    let values: Vec<&str> = Some(value).filter(|it| !it.is_empty()).into_iter().collect();
    all(text, &values)
}

/// A header of the response that the client receives, by its name in lower case.
pub(super) fn response_header(name: &str, text: &Text, outcome: &Outcome) -> Check {
    match name {
        ":status" => all(text, &[&outcome.status.to_string()]),
        _ => header(name, text, &outcome.response_headers),
    }
}

/// `https` if the client speaks TLS.
pub(super) fn scheme(sent: &Request) -> &'static str {
    match sent.tls {
        Some(_) => "https",
        None => "http",
    }
}

/// A header, as far as it is known without a running Envoy.
fn header(name: &str, text: &Text, headers: &[(String, String)]) -> Check {
    let values = values(headers, name);
    let asks_for_value = match text {
        Text::Present | Text::Absent => false,
        Text::Exact(_)
        | Text::Prefix(_)
        | Text::Suffix(_)
        | Text::Contains(_)
        | Text::Regex(_)
        | Text::Values(_) => true,
    };
    match unknown_header(name, &values, asks_for_value) {
        Some(reason) => Check::Unknown(reason),
        None => all(text, &values),
    }
}

fn all(text: &Text, values: &[&str]) -> Check {
    let actual = match values {
        [] => "absent".to_owned(),
        [one] => (*one).to_owned(),
        several => format!("[{}]", several.join(", ")),
    };
    check(text.accepts(values), text, actual)
}

/// Why a check of a header can't be decided here: its value, or the header itself, belongs to a running Envoy. Every
/// format of tests asks this.
pub(super) fn unknown_header(name: &str, values: &[&str], asks_for_value: bool) -> Option<String> {
    if is_about_the_connection(name) {
        return Some(format!("Envoy sets `{name}` for each connection"));
    }
    let of_a_run = values.iter().find_map(|it| value_of_a_run(it));
    of_a_run
        .filter(|_| asks_for_value)
        .map(|what| format!("only a running Envoy knows {what}"))
}

pub(super) fn values<'o>(headers: &'o [(String, String)], name: &str) -> Vec<&'o str> {
    let named = headers.iter().filter(|(it, _)| it.eq_ignore_ascii_case(name));
    named.map(|(_, value)| value.as_str()).collect()
}
