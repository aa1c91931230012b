//! Headers on a screen: those that only a running Envoy fills in are named together, in one line.

use fingerpost_envoy_http::value_of_a_run;

/// A line for people in place of the headers without a known value.
pub fn unknown(headers: &[(String, String)]) -> Option<String> {
    let names = headers.iter().filter(|it| !is_known(it));
    let names: Vec<&str> = names.map(|(name, _)| name.as_str()).collect();
    (!names.is_empty()).then(|| format!("only a running Envoy knows: {}", names.join(", ")))
}

/// The headers whose value is known, at least in part.
pub fn known(headers: &[(String, String)]) -> impl Iterator<Item = &(String, String)> {
    headers.iter().filter(|it| is_known(it))
}

fn is_known((_, value): &(String, String)) -> bool {
    let is_placeholder = value.starts_with('<') && value.ends_with('>');
    !is_placeholder || value_of_a_run(value).is_none()
}
