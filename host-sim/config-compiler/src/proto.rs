//! Values as Envoy's configuration writes them in JSON: durations, fractions, matchers.

use std::time::Duration;

use fingerpost_resources::StringMatch;
use serde_json::{Map, Value, json};

/// Fields of a message under construction.
pub(crate) type Fields = Map<String, Value>;

/// A duration in protobuf's JSON form: `1s`, `0.300s`.
pub(crate) fn duration(duration: Duration) -> Value {
    let (seconds, nanos) = (duration.as_secs(), duration.subsec_nanos());
    let text = if nanos == 0 {
        format!("{seconds}s")
    } else if nanos.is_multiple_of(1_000_000) {
        format!("{seconds}.{:03}s", nanos / 1_000_000)
    } else if nanos.is_multiple_of(1_000) {
        format!("{seconds}.{:06}s", nanos / 1_000)
    } else {
        format!("{seconds}.{nanos:09}s")
    };
    Value::String(text)
}

/// A percentage as a fraction of a million, cut off, not rounded: 0.57 % is 5699
/// (istio route.go, `translatePercentToFractionalPercent`).
pub(crate) fn millionths(percent: f64) -> Value {
    // The product of a percentage and 10,000 fits; a cast from f64 saturates in any case.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    let numerator = (percent * 10_000.0) as u32;
    json!({"numerator": numerator, "denominator": "MILLION"})
}

/// An Envoy `StringMatcher`; `None` for a presence test, which it can't express.
pub(crate) fn string_matcher(matcher: &StringMatch) -> Option<Value> {
    Some(match matcher {
        StringMatch::Present => return None,
        StringMatch::Exact(text) => json!({"exact": text}),
        StringMatch::Prefix(text) => json!({"prefix": text}),
        StringMatch::Regex(text) => json!({"safe_regex": {"regex": text}}),
    })
}

/// A message packed with its type.
pub(crate) fn typed(type_name: &str, fields: Fields) -> Value {
    let mut message = Fields::new();
    message.insert(
        "@type".to_owned(),
        Value::String(format!("type.googleapis.com/{type_name}")),
    );
    message.extend(fields);
    Value::Object(message)
}

/// An object of values that it takes: `json!` copies what stands in it, and a route table is large.
pub(crate) fn object<const N: usize>(entries: [(&str, Value); N]) -> Value {
    let entries = entries.map(|(name, value)| (name.to_owned(), value));
    Value::Object(entries.into_iter().collect())
}

/// The fields of a JSON object literal; nothing for any other value.
pub(crate) fn fields(value: Value) -> Fields {
    match value {
        Value::Object(fields) => fields,
        _ => Fields::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_has_as_many_digits_as_it_needs_in_threes() {
        for (given, text) in [
            (Duration::ZERO, "0s"),
            (Duration::from_secs(86_400), "86400s"),
            (Duration::from_millis(300), "0.300s"),
            (Duration::from_micros(1_500_001), "1.500001s"),
            (Duration::from_nanos(1), "0.000000001s"),
        ] {
            assert_eq!(duration(given), json!(text));
        }
    }

    #[test]
    fn a_percentage_is_cut_off_at_a_millionth() {
        for (percent, numerator) in [(100.0, 1_000_000), (0.57, 5_699), (0.000_05, 0), (12.5, 125_000)] {
            assert_eq!(millionths(percent)["numerator"], json!(numerator));
        }
    }
}
