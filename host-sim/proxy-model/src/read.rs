//! Reads pieces of Envoy's protos in their JSON form.
//!
//! A field that is not listed is refused: the model would otherwise be silently wrong about it.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use fingerpost_envoy_config::core::DataSource;
use fingerpost_envoy_config::{Denominator, Duration, FractionalPercent};
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
pub(crate) fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.0.as_millis()).unwrap_or(u64::MAX)
}

impl From<FractionalPercent> for Fraction {
    fn from(percent: FractionalPercent) -> Self {
        Self {
            numerator: percent.numerator.into(),
            denominator: match percent.denominator {
                Denominator::Hundred => 100,
                Denominator::TenThousand => 10_000,
                Denominator::Million => 1_000_000,
            },
        }
    }
}

/// Text or bytes.
pub(crate) fn bytes(source: DataSource) -> Result<Vec<u8>, ModelError> {
    match source {
        DataSource::InlineString(text) => Ok(text.into_bytes()),
        DataSource::InlineBytes(bytes) => BASE64.decode(bytes).map_err(ModelError::new),
        DataSource::Filename(_) => Err(ModelError::new("a body from a file is not modelled")),
    }
}

#[cfg(test)]
mod tests {
    use super::milliseconds;

    #[test]
    fn a_duration_is_cut_to_milliseconds() {
        for (text, expected) in [("0s", 0), ("1.5s", 1500), ("0.0009s", 0), ("86400s", 86_400_000)] {
            let duration = text.parse().expect("a duration");
            assert_eq!(milliseconds(duration), expected, "{text}");
        }
    }
}
