//! Reads pieces of Envoy's protos in their JSON form.
//!
//! A field that is not listed is refused: the model would otherwise be silently wrong about it.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer};
use serde_json::Value;

use crate::ModelError;
use crate::dice::Fraction;

/// A message. Objects that lack a field get its default.
pub(crate) fn message<T: DeserializeOwned>(value: &Value) -> Result<T, ModelError> {
    T::deserialize(value).map_err(ModelError::from)
}

/// The items of a list in a message, in place: a struct with them would hold copies, and a table is large.
pub(crate) fn list<'v>(message: &'v Value, field: &str) -> Result<&'v [Value], ModelError> {
    match message.get(field) {
        Some(Value::Array(items)) => Ok(items),
        Some(_) => Err(ModelError::new(format!("`{field}` is not a list"))),
        None => Ok(&[]),
    }
}

/// A field that has no influence on the outcome of a request, or that is read in place.
#[derive(Debug, Default)]
pub(crate) struct Ignored;

impl<'de> Deserialize<'de> for Ignored {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        serde::de::IgnoredAny::deserialize(deserializer).map(|_| Self)
    }
}

/// A duration in whole milliseconds; what is finer is cut off, as Envoy does.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Milliseconds(pub(crate) u64);

impl<'de> Deserialize<'de> for Milliseconds {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        parse_duration(&text)
            .map(Self)
            .ok_or_else(|| serde::de::Error::custom(format!("`{text}` is not a duration such as `0.300s`")))
    }
}

fn parse_duration(text: &str) -> Option<u64> {
    let (seconds, fraction) = match text.strip_suffix('s')?.split_once('.') {
        Some(parts) => parts,
        None => (text.strip_suffix('s')?, ""),
    };
    let thousandths: String = fraction.chars().chain("000".chars()).take(3).collect();
    let seconds: u64 = seconds.parse().ok()?;
    seconds.checked_mul(1000)?.checked_add(thousandths.parse().ok()?)
}

/// `FractionalPercent`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct FractionalPercent {
    #[serde(default)]
    numerator: u64,
    #[serde(default)]
    denominator: Denominator,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
enum Denominator {
    #[default]
    Hundred,
    TenThousand,
    Million,
}

impl<'de> Deserialize<'de> for Fraction {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let percent = FractionalPercent::deserialize(deserializer)?;
        Ok(Self {
            numerator: percent.numerator,
            denominator: match percent.denominator {
                Denominator::Hundred => 100,
                Denominator::TenThousand => 10_000,
                Denominator::Million => 1_000_000,
            },
        })
    }
}

/// `RuntimeFractionalPercent`, of which no bootstrap here sets the runtime key.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RuntimeFraction {
    pub(crate) default_value: Fraction,
}

/// `DataSource`: text or bytes.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct DataSource {
    inline_string: Option<String>,
    inline_bytes: Option<String>,
}

impl DataSource {
    pub(crate) fn into_bytes(self) -> Result<Vec<u8>, ModelError> {
        match (self.inline_string, self.inline_bytes) {
            (Some(text), _) => Ok(text.into_bytes()),
            (None, Some(bytes)) => BASE64.decode(bytes).map_err(ModelError::new),
            (None, None) => Ok(Vec::new()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::parse_duration;

    #[test]
    fn a_duration_is_cut_to_milliseconds() {
        for (text, expected) in [
            ("0s", Some(0)),
            ("1.5s", Some(1500)),
            ("0.0009s", Some(0)),
            ("86400s", Some(86_400_000)),
            ("1", None),
            ("s", None),
        ] {
            assert_eq!(parse_duration(text), expected, "{text}");
        }
    }
}
