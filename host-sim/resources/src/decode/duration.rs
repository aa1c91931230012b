//! Durations as Go writes them: `1h30m`, `1.5s`, `250ms`.

use crate::code::Code;
use std::time::Duration;

use super::{Decode, Decoder};
use crate::yaml::{Node, Scalar, Value, short};

impl Decode for Duration {
    fn decode(node: &Node, cx: &mut Decoder<'_>) -> Self {
        let text = match &node.value {
            Value::Scalar(Scalar::Text(text)) => text,
            Value::Scalar(number @ (Scalar::Integer(_) | Scalar::Float(_))) => {
                let text = number.as_yaml();
                let help = format!("give a unit: {text}s or {text}ms");
                cx.wrong_type(node, "a duration such as 5s").help(help);
                return Duration::ZERO;
            }
            Value::Scalar(_) | Value::List(_) | Value::Map(_) => {
                cx.wrong_type(node, "a duration such as 5s");
                return Duration::ZERO;
            }
        };
        parse(text).unwrap_or_else(|reason| {
            let message = format!("{} is not a duration: {reason}", short(text));
            cx.refuse(Code::BadDuration, node.place, message)
                .help("write numbers with the units h, m, s, ms, us or ns, such as 5s, 1.5s or 1h30m");
            Duration::ZERO
        })
    }
}

/// Go's `time.ParseDuration`, without negative ones.
fn parse(text: &str) -> Result<Duration, String> {
    let mut rest = text.strip_prefix('+').unwrap_or(text);
    if rest.starts_with('-') {
        return Err("it is negative".to_owned());
    }
    if rest == "0" {
        return Ok(Duration::ZERO);
    }
    if rest.is_empty() {
        return Err("it is empty".to_owned());
    }
    let mut total = 0u128; // nanoseconds
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
        let (whole, after) = rest.split_at(digits);
        let (fraction, after) = match after.strip_prefix('.') {
            Some(after) => after.split_at(after.find(|c: char| !c.is_ascii_digit()).unwrap_or(after.len())),
            None => ("", after),
        };
        if whole.is_empty() && fraction.is_empty() {
            return Err(format!("a number is missing before {}", short(rest)));
        }
        let letters = after
            .find(|c: char| c.is_ascii_digit() || c == '.')
            .unwrap_or(after.len());
        let (unit, after) = after.split_at(letters);
        let unit = match unit {
            "ns" => 1,
            "us" | "µs" | "μs" => 1_000,
            "ms" => 1_000_000,
            "s" => 1_000_000_000,
            "m" => 60_000_000_000,
            "h" => 3_600_000_000_000,
            "" => return Err(format!("{} has no unit", short(text))),
            other => return Err(format!("Go knows no unit {other:?}")),
        };
        let too_long = || "it is longer than 292 years".to_owned();
        let whole: u128 = if whole.is_empty() {
            0
        } else {
            whole.parse().map_err(|_| too_long())?
        };
        let part = fraction
            .bytes()
            .take(18)
            .fold((0u128, 1u128), |(value, scale), digit| {
                (value * 10 + u128::from(digit - b'0'), scale * 10) // only digits, by the split above
            });
        let nanoseconds = whole.checked_mul(unit).ok_or_else(too_long)?;
        total = total
            .checked_add(nanoseconds + part.0 * unit / part.1)
            .ok_or_else(too_long)?;
        if total > i64::MAX as u128 {
            return Err(too_long());
        }
        rest = after;
    }
    Ok(Duration::from_nanos(total as u64)) // at most i64::MAX, checked above
}

#[cfg(test)]
mod tests {
    use super::{Duration, parse};

    #[test]
    fn units_add_up() {
        for (text, nanoseconds) in [
            ("0", 0),
            ("0s", 0),
            ("5s", 5_000_000_000),
            ("1.5s", 1_500_000_000),
            (".5s", 500_000_000),
            ("1.s", 1_000_000_000),
            ("250ms", 250_000_000),
            ("1h30m", 5_400_000_000_000),
            ("1us", 1_000),
            ("+1s", 1_000_000_000),
        ] {
            assert_eq!(parse(text), Ok(Duration::from_nanos(nanoseconds)), "{text}");
        }
    }

    #[test]
    fn what_go_refuses_is_refused() {
        for text in [
            "", "5", "1d", "s", "1 s", "1s ", "-1s", ".s", "1e3s", "9999999h", "1.5",
        ] {
            assert!(parse(text).is_err(), "{text}");
        }
    }
}
