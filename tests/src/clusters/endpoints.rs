//! The endpoints of a cluster as text: address, port, weight, locality, priority and health of each.

use std::collections::BTreeSet;

use serde_json::Value;

/// One line for each endpoint of a `ClusterLoadAssignment`, in order; a missing weight is 1, a missing health `HEALTHY`. Of an
/// address that is there more than once Envoy keeps the first. Where there are several groups, each begins with its own weight,
/// since the weights of groups count among each other.
pub(super) fn of(assignment: &Value) -> String {
    let groups: Vec<&Value> = array(&assignment["endpoints"])
        .filter(|it| array(&it["lb_endpoints"]).next().is_some())
        .collect();
    let mut lines: Vec<String> = Vec::new();
    let mut addresses = BTreeSet::new();
    for group in &groups {
        let locality: Vec<&str> = ["region", "zone", "sub_zone"]
            .iter()
            .filter_map(|part| group["locality"][part].as_str())
            .collect();
        let place = format!(
            "locality {:?} priority {}",
            locality.join("/"),
            group["priority"].as_u64().unwrap_or_default()
        );
        if groups.len() > 1 {
            lines.push(format!("{place}: weight {}", group["load_balancing_weight"]));
        }
        let endpoints = array(&group["lb_endpoints"]);
        let kept = endpoints.filter(|it| addresses.insert(it["endpoint"]["address"].to_string()));
        lines.extend(kept.map(|it| format!("{place}: {}", endpoint(it))));
    }
    lines.sort();
    lines.join("; ")
}

fn endpoint(endpoint: &Value) -> String {
    let address = &endpoint["endpoint"]["address"];
    let socket = &address["socket_address"];
    let address = match address["pipe"]["path"].as_str() {
        Some(path) => format!("unix://{path}"),
        None => format!(
            "{} port {}",
            socket["address"].as_str().unwrap_or_default(),
            socket["port_value"]
        ),
    };
    let weight = endpoint["load_balancing_weight"].as_u64().unwrap_or(1);
    let health = endpoint["health_status"].as_str().unwrap_or("HEALTHY");
    format!("{address} weight {weight} {health}")
}

fn array(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}
