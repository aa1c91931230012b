//! Resources for one proxy: Gateways, VirtualServices on overlapping hosts, delegates. The world they lie in is fixed.

use serde_json::{Value, json};

use super::{Dice, rule};

/// Services and DestinationRules that every table may route to, as YAML.
pub const WORLD: &str = include_str!("world.yaml");

const HOSTS: &[&str] = &[
    "a.test",
    "a.test",
    "b.test",
    "*.test",
    "x.a.test",
    "*.a.test",
    "*",
    "1.2.3.4",
    "xn--bcher-kva.test",
    "*-c.test",
];

const GATEWAY_HOSTS: &[&[&str]] = &[
    &["*"],
    &["*"],
    &["*.test", "1.2.3.4"],
    &["a.test", "default/*.a.test"],
    &["./*"],
];

/// A table's resources. `accepts` says whether resources that hold a rule can be used: a rule that can't is made again.
pub fn table(dice: &mut Dice, accepts: &dyn Fn(&[Value]) -> bool) -> Vec<Value> {
    let mut documents = vec![gateway(dice, "gw", 80), gateway(dice, "gw2", 8080)];
    for (index, name) in ["first", "second", "third"]
        .into_iter()
        .take(dice.between(1, 3))
        .enumerate()
    {
        let mut hosts: Vec<&str> = (0..dice.between(1, 2)).map(|_| dice.pick(HOSTS)).collect();
        hosts.dedup();
        if index == 0 {
            hosts = vec!["a.test"];
        }
        // Hosts of one VirtualService may not cover each other.
        let probe = |hosts: &[&str]| {
            virtual_service(
                "try",
                "default",
                &json!({"hosts": hosts, "gateways": ["gw"], "http": [lone_rule()]}),
            )
        };
        if !accepts(&[probe(&hosts)]) {
            hosts.truncate(1);
        }
        let gateways: &[&str] = if dice.one_in(3) { &["gw", "gw2"] } else { &["gw"] };
        let spec = json!({"hosts": hosts, "gateways": gateways, "http": rules(dice, false, accepts)});
        documents.push(virtual_service(name, "default", &spec));
    }
    if documents.iter().any(|it| it.to_string().contains("\"delegate\"")) {
        documents.push(virtual_service(
            "leaf",
            "team-a",
            &json!({"http": rules(dice, true, accepts)}),
        ));
    }
    documents
}

fn gateway(dice: &mut Dice, name: &str, port: u16) -> Value {
    let hosts = GATEWAY_HOSTS[dice.below(GATEWAY_HOSTS.len())];
    let mut server = json!({"port": {"number": port, "name": "http", "protocol": "HTTP"}, "hosts": hosts});
    if dice.one_in(25) {
        server["tls"] = json!({"httpsRedirect": true});
    }
    json!({
        "apiVersion": "networking.istio.io/v1",
        "kind": "Gateway",
        "metadata": {"name": name, "namespace": "default"},
        "spec": {"selector": {"istio": "ingressgateway"}, "servers": [server]},
    })
}

fn virtual_service(name: &str, namespace: &str, spec: &Value) -> Value {
    json!({
        "apiVersion": "networking.istio.io/v1",
        "kind": "VirtualService",
        "metadata": {"name": name, "namespace": namespace},
        "spec": spec,
    })
}

fn rules(dice: &mut Dice, is_delegate: bool, accepts: &dyn Fn(&[Value]) -> bool) -> Vec<Value> {
    let wanted = dice.between(1, 6);
    let mut rules = Vec::new();
    // Not every rule can be used, and where one keeps being refused a table does with fewer.
    for _ in 0..wanted * 6 {
        if rules.len() == wanted {
            break;
        }
        let rule = rule::rule(dice, is_delegate);
        let spec = match is_delegate {
            true => json!({"http": [rule]}),
            false => json!({"hosts": ["a.test"], "gateways": ["gw"], "http": [rule]}),
        };
        if accepts(&[virtual_service("try", "default", &spec)]) {
            rules.push(rule);
        }
    }
    if rules.is_empty() {
        rules.push(lone_rule());
    }
    rules
}

fn lone_rule() -> Value {
    json!({"route": [{"destination": {"host": "one"}}]})
}
