//! Durations in protobuf's JSON form: seconds with up to nine decimals and an `s`.

use std::fmt;
use std::str::FromStr;
use std::time;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// `google.protobuf.Duration`: `1s`, `0.300s`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Duration(pub time::Duration);

/// The text is not a duration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvalidDuration(String);

impl Duration {
    pub const fn from_secs(seconds: u64) -> Self {
        Self(time::Duration::from_secs(seconds))
    }
}

impl From<time::Duration> for Duration {
    fn from(duration: time::Duration) -> Self {
        Self(duration)
    }
}

/// As few decimals as are needed, in threes.
impl fmt::Display for Duration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (seconds, nanos) = (self.0.as_secs(), self.0.subsec_nanos());
        if nanos == 0 {
            write!(f, "{seconds}s")
        } else if nanos.is_multiple_of(1_000_000) {
            write!(f, "{seconds}.{:03}s", nanos / 1_000_000)
        } else if nanos.is_multiple_of(1_000) {
            write!(f, "{seconds}.{:06}s", nanos / 1_000)
        } else {
            write!(f, "{seconds}.{nanos:09}s")
        }
    }
}

impl FromStr for Duration {
    type Err = InvalidDuration;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let invalid = || InvalidDuration(text.to_owned());
        let number = text.strip_suffix('s').ok_or_else(invalid)?;
        let (seconds, decimals) = number.split_once('.').unwrap_or((number, "0"));
        let is_number = |digits: &str| !digits.is_empty() && digits.bytes().all(|it| it.is_ascii_digit());
        if !is_number(seconds) || !is_number(decimals) || decimals.len() > 9 {
            return Err(invalid());
        }
        let seconds = seconds.parse().map_err(|_| invalid())?;
        let nanos = format!("{decimals:0<9}").parse().map_err(|_| invalid())?;
        Ok(Self(time::Duration::new(seconds, nanos)))
    }
}

impl fmt::Display for InvalidDuration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "invalid duration `{}`: expected e.g. `0.300s`", self.0)
    }
}

impl std::error::Error for InvalidDuration {}

impl Serialize for Duration {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Duration {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::{Duration, time};

    #[test]
    fn a_duration_has_as_many_digits_as_it_needs_in_threes() {
        for (duration, text) in [
            (time::Duration::ZERO, "0s"),
            (time::Duration::from_secs(86_400), "86400s"),
            (time::Duration::from_millis(300), "0.300s"),
            (time::Duration::from_micros(1_500_001), "1.500001s"),
            (time::Duration::from_nanos(1), "0.000000001s"),
        ] {
            assert_eq!(Duration(duration).to_string(), text);
            assert_eq!(text.parse(), Ok(Duration(duration)), "{text}");
        }
        assert_eq!("1.5s".parse(), Ok(Duration(time::Duration::from_millis(1_500))));
    }

    #[test]
    fn other_texts_are_invalid() {
        for text in [
            "",
            "s",
            "1",
            ".5s",
            "1.s",
            "-1s",
            "+1s",
            "1.0000000001s",
            "1ms",
            "1 s",
        ] {
            assert!(text.parse::<Duration>().is_err(), "{text}");
        }
    }
}
