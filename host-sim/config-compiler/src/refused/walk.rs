//! Holds a bootstrap against the rules of `messages`, and says where it breaks one.

use serde_json::{Map, Value};

use super::messages::{BOOTSTRAP, Message, Rule, message_of};
use super::values;

/// The fields of a message.
pub(crate) type Fields = Map<String, Value>;

/// A value that Envoy refuses.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Refused {
    /// The place in the bootstrap, such as `static_resources.clusters[0].connect_timeout`.
    pub place: String,
    /// What is wrong there.
    pub reason: String,
    /// The VirtualService whose route it is part of.
    pub rule: Option<String>,
}

/// Every value of the bootstrap that breaks a rule.
pub(crate) fn check(bootstrap: &Value) -> Vec<Refused> {
    let mut walk = Walk {
        steps: Vec::new(),
        rule: None,
        found: Vec::new(),
    };
    walk.message(bootstrap, &BOOTSTRAP);
    walk.found
}

enum Step<'v> {
    Field(&'v str),
    Index(usize),
}

struct Walk<'v> {
    steps: Vec<Step<'v>>,
    rule: Option<String>,
    found: Vec<Refused>,
}

impl<'v> Walk<'v> {
    fn message(&mut self, value: &'v Value, message: &Message) {
        let Value::Object(fields) = value else { return };
        let outer = self.rule.clone();
        self.rule = virtual_service(fields).or(outer.clone());
        for (name, rule) in message.fields {
            if let Some((name, value)) = fields.get_key_value(*name) {
                self.at(Step::Field(name), |walk| walk.value(value, rule));
            }
        }
        if let Some(reason) = message.check.and_then(|check| check(fields)) {
            self.refuse(reason);
        }
        self.rule = outer;
    }

    fn value(&mut self, value: &'v Value, rule: &Rule) {
        let reason = match rule {
            Rule::Text(rule) => value.as_str().and_then(|text| rule.broken_by(text)),
            Rule::Number { least, most } => {
                let number = value.as_u64().or_else(|| value.as_str()?.parse().ok());
                let fits = number.is_some_and(|it| (*least..=*most).contains(&it));
                (!fits).then(|| format!("{value} is not a number from {least} to {most}"))
            }
            Rule::Percent => {
                let percent = value.get("value").and_then(Value::as_f64).unwrap_or(0.0);
                let fits = (0.0..=100.0).contains(&percent);
                (!fits).then(|| format!("{percent} is not a percentage"))
            }
            Rule::Duration { positive } => broken_duration(value.as_str().unwrap_or_default(), *positive),
            Rule::Is(check) => check(value),
            Rule::Message(message) => return self.message(value, message),
            Rule::Typed => {
                let message = value.get("@type").and_then(Value::as_str).and_then(message_of);
                return message.into_iter().for_each(|it| self.message(value, it));
            }
            Rule::Each { least, most, rule } => return self.items(value, *least, *most, rule),
            Rule::Values(rule) => {
                let fields = value.as_object().into_iter().flatten();
                return fields.for_each(|(name, value)| {
                    self.at(Step::Field(name), |walk| walk.value(value, rule));
                });
            }
        };
        if let Some(reason) = reason {
            self.refuse(reason);
        }
    }

    fn items(&mut self, value: &'v Value, least: usize, most: usize, rule: &Rule) {
        let items = value.as_array().map(Vec::as_slice).unwrap_or_default();
        if !(least..=most).contains(&items.len()) {
            self.refuse(format!("{} items: expected {least} to {most}", items.len()));
        }
        for (index, item) in items.iter().enumerate() {
            self.at(Step::Index(index), |walk| walk.value(item, rule));
        }
    }

    fn at(&mut self, step: Step<'v>, check: impl FnOnce(&mut Self)) {
        self.steps.push(step);
        check(self);
        self.steps.pop();
    }

    fn refuse(&mut self, reason: String) {
        let mut place = String::new();
        for step in &self.steps {
            match step {
                Step::Field(name) if place.is_empty() => place.push_str(name),
                Step::Field(name) => place.push_str(&format!(".{name}")),
                Step::Index(index) => place.push_str(&format!("[{index}]")),
            }
        }
        self.found.push(Refused {
            place,
            reason,
            rule: self.rule.clone(),
        });
    }
}

/// Whose rule a route comes from, as its metadata says.
fn virtual_service(route: &Fields) -> Option<String> {
    let rules = route
        .get("metadata")?
        .pointer("/filter_metadata/fingerpost/rules")?;
    let name = rules.as_array()?.last()?.get("virtual_service")?.as_str()?;
    Some(format!("VirtualService {name}"))
}

fn broken_duration(text: &str, positive: bool) -> Option<String> {
    let seconds: f64 = text
        .strip_suffix('s')
        .and_then(|it| it.parse().ok())
        .unwrap_or(f64::NAN);
    // Numbers above 2^53 lose their last digits as f64; the limit is far below.
    #[allow(clippy::cast_precision_loss)]
    let fits = seconds >= 0.0 && seconds < (values::MOST_SECONDS + 1) as f64 && (seconds > 0.0 || !positive);
    let bound = if positive { "above 0" } else { "from 0" };
    (!fits).then(|| format!("`{text}` is not a duration {bound} to {}s", values::MOST_SECONDS))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::check;

    fn places(bootstrap: &serde_json::Value) -> Vec<String> {
        check(bootstrap).into_iter().map(|it| it.place).collect()
    }

    #[test]
    fn a_broken_rule_is_named_by_its_place() {
        let cluster = |fields: serde_json::Value| json!({"static_resources": {"clusters": [fields]}});
        assert_eq!(
            places(&cluster(json!({"name": "a", "connect_timeout": "1s"}))),
            [""; 0]
        );
        for (fields, place) in [
            (json!({"name": "a", "connect_timeout": "0s"}), "connect_timeout"),
            (json!({"name": ""}), "name"),
            (
                json!({"name": "a", "ring_hash_lb_config": {"minimum_ring_size": 8_388_609}}),
                "ring_hash_lb_config.minimum_ring_size",
            ),
        ] {
            assert_eq!(
                places(&cluster(fields)),
                [format!("static_resources.clusters[0].{place}")]
            );
        }
    }

    #[test]
    fn a_route_behind_a_dispatch_key_is_checked_too_and_names_its_rule() {
        let route = json!({
            "@type": "type.googleapis.com/envoy.config.route.v3.Route",
            "match": {"prefix": ""},
            "route": {"cluster": "a", "host_rewrite_literal": "a\nb"},
            "metadata": {"filter_metadata": {"fingerpost": {"rules": [{"virtual_service": "shop/web", "http": 0}]}}},
        });
        let matcher = json!({"matcher_tree": {"exact_match_map": {"map": {"key": {"action": {"typed_config": route}}}}}});
        let manager = json!({
            "@type": "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
            "stat_prefix": "a",
            "route_config": {"virtual_hosts": [{"name": "a", "domains": ["a"], "matcher": matcher}]},
        });
        let listener = json!({
            "address": {"socket_address": {"address": "0.0.0.0", "port_value": 80}},
            "filter_chains": [{"filters": [{"typed_config": manager}]}],
        });
        let found = check(&json!({"static_resources": {"listeners": [listener]}}));
        let [refused] = found.as_slice() else {
            panic!("{found:?}")
        };
        assert_eq!(refused.rule.as_deref(), Some("VirtualService shop/web"));
        assert!(
            refused.place.ends_with("route.host_rewrite_literal"),
            "{}",
            refused.place
        );
    }
}
