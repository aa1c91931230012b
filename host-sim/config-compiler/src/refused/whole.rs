//! What Envoy checks beyond the rules of its protos: several fields together, and texts with a grammar.
//!
//! Each function says what is wrong, if anything is. `messages` names the messages that they are for.

use std::collections::BTreeSet;
use std::net::IpAddr;

use serde_json::Value;

use super::values::{edit_value, table_size};
use super::walk::Fields;
use crate::options::EnvoyVersion;

fn items(value: Option<&Value>) -> &[Value] {
    value
        .and_then(Value::as_array)
        .map(Vec::as_slice)
        .unwrap_or_default()
}

/// The first text that comes twice, letter case apart.
fn twice<'v>(texts: impl Iterator<Item = &'v str>) -> Option<String> {
    let mut seen = BTreeSet::new();
    texts
        .map(str::to_ascii_lowercase)
        .find(|text| !seen.insert(text.clone()))
}

pub(crate) fn names_differ(clusters: &Value) -> Option<String> {
    let names = items(Some(clusters))
        .iter()
        .filter_map(|it| it.get("name")?.as_str());
    let mut seen = BTreeSet::new();
    let mut twice = names.filter(|name| !seen.insert(*name));
    twice
        .next()
        .map(|name| format!("two clusters have the name `{name}`"))
}

pub(crate) fn domains_differ(config: &Fields) -> Option<String> {
    let hosts = items(config.get("virtual_hosts")).iter();
    let domains = hosts
        .flat_map(|host| items(host.get("domains")))
        .filter_map(Value::as_str);
    twice(domains).map(|domain| format!("two virtual hosts have the domain `{domain}`"))
}

pub(crate) fn chains_differ(listener: &Fields) -> Option<String> {
    let chains = items(listener.get("filter_chains"));
    let names =
        chains.iter().flat_map(
            |chain| match items(chain.pointer("/filter_chain_match/server_names")) {
                [] => vec![""],
                names => names.iter().filter_map(Value::as_str).collect(),
            },
        );
    twice(names).map(|name| match name.as_str() {
        "" => "two filter chains accept every connection".to_owned(),
        name => format!("two filter chains have the server name `{name}`"),
    })
}

pub(crate) fn weights_fit(weights: &Fields) -> Option<String> {
    let clusters = items(weights.get("clusters")).iter();
    let sum: u64 = clusters
        .filter_map(|it| it.get("weight")?.as_u64())
        .fold(0, u64::saturating_add);
    let fits = (1..=u64::from(u32::MAX)).contains(&sum);
    (!fits).then(|| format!("the weights add up to {sum}: expected 1 to {}", u32::MAX))
}

pub(crate) fn is_an_ip_address(address: &Value) -> Option<String> {
    let text = address.pointer("/socket_address/address")?.as_str()?;
    // Envoy accepts a zone behind an IPv6 address.
    let address = text.split('%').next().unwrap_or(text);
    address
        .parse::<IpAddr>()
        .is_err()
        .then(|| format!("`{text}` is not an IP address"))
}

pub(crate) fn is_server_name(name: &Value) -> Option<String> {
    let name = name.as_str()?;
    let rest = name.strip_prefix("*.").unwrap_or(name);
    rest.contains('*')
        .then(|| format!("`{name}`: a `*` must be the whole first label"))
}

pub(crate) fn is_edit_value(value: &Value) -> Option<String> {
    edit_value(value.as_str()?, EnvoyVersion::NEWEST).map(|it| it.message)
}

pub(crate) fn is_table_size(size: &Value) -> Option<String> {
    table_size(size.as_u64()?).map(|it| it.message)
}

/// The most bytes of a direct response: `max_direct_response_body_size_bytes` of every route configuration.
pub(crate) fn is_body(body: &Value) -> Option<String> {
    const MOST: usize = 1_048_576;
    let size = body.get("inline_string")?.as_str()?.len();
    (size > MOST).then(|| format!("the body has {size} bytes: expected at most {MOST}"))
}
