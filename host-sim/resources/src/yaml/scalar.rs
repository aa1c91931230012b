//! What a scalar means: the rules of go-yaml 2 (`resolve.go`), as `sigs.k8s.io/yaml` uses it.

/// The value of a scalar.
#[derive(Debug, Clone, PartialEq)]
pub enum Scalar {
    /// Nothing.
    Null,
    /// With the text as written, since a key or a label may want that.
    Bool(bool, String),
    /// With the text as written.
    Integer(i128, String),
    /// With the text as written.
    Float(f64, String),
    /// A text.
    Text(String),
}

impl Scalar {
    /// The meaning of a plain scalar without a tag.
    pub fn plain(text: &str) -> Self {
        let own = || text.to_owned();
        match text {
            "" | "~" | "null" | "Null" | "NULL" => return Self::Null,
            "y" | "Y" | "yes" | "Yes" | "YES" | "true" | "True" | "TRUE" | "on" | "On" | "ON" => {
                return Self::Bool(true, own());
            }
            "n" | "N" | "no" | "No" | "NO" | "false" | "False" | "FALSE" | "off" | "Off" | "OFF" => {
                return Self::Bool(false, own());
            }
            ".inf" | ".Inf" | ".INF" | "+.inf" | "+.Inf" | "+.INF" => {
                return Self::Float(f64::INFINITY, own());
            }
            "-.inf" | "-.Inf" | "-.INF" => return Self::Float(f64::NEG_INFINITY, own()),
            ".nan" | ".NaN" | ".NAN" => return Self::Float(f64::NAN, own()),
            _ => {}
        }
        if !text.starts_with(|c: char| c.is_ascii_digit() || matches!(c, '+' | '-' | '.')) {
            return Self::Text(own());
        }
        let digits = text.replace('_', "");
        if let Some(value) = integer(&digits) {
            return Self::Integer(value, own());
        }
        match is_decimal(&digits).then(|| digits.parse::<f64>()) {
            Some(Ok(value)) => Self::Float(value, own()),
            _ => Self::Text(own()),
        }
    }

    /// The meaning of a scalar with one of YAML's own tags.
    pub(crate) fn tagged(tag: &str, text: &str) -> Result<Self, String> {
        let plain = Self::plain(text);
        match (tag, plain) {
            ("str" | "binary", _) => Ok(Self::Text(text.to_owned())),
            ("null", Self::Null) => Ok(Self::Null),
            ("float", Self::Integer(value, text)) => Ok(Self::Float(value as f64, text)),
            ("bool", it @ Self::Bool(..))
            | ("int", it @ Self::Integer(..))
            | ("float", it @ Self::Float(..)) => Ok(it),
            ("null" | "bool" | "int" | "float", _) => {
                Err(format!("this is tagged `!!{tag}` and can't be read as that"))
            }
            _ => Ok(Self::Text(text.to_owned())),
        }
    }

    /// As a key of a map, or as a label: always text.
    pub(crate) fn as_text(&self) -> String {
        match self {
            Self::Null => "null".to_owned(),
            Self::Bool(value, _) => value.to_string(),
            Self::Integer(value, _) => value.to_string(),
            Self::Float(value, _) => match value.to_string().as_str() {
                "NaN" => ".nan".to_owned(),
                "inf" => ".inf".to_owned(),
                "-inf" => "-.inf".to_owned(),
                number => number.to_owned(),
            },
            Self::Text(text) => text.clone(),
        }
    }

    /// The text of a boolean or number as written.
    pub fn written(&self) -> Option<&String> {
        match self {
            Self::Bool(_, text) | Self::Integer(_, text) | Self::Float(_, text) => Some(text),
            Self::Null | Self::Text(_) => None,
        }
    }

    /// As it could be written, texts in quotes.
    pub(crate) fn as_yaml(&self) -> String {
        match self {
            Self::Null => "null".to_owned(),
            Self::Bool(_, text) | Self::Integer(_, text) | Self::Float(_, text) => text.clone(),
            Self::Text(text) => format!("{text:?}"),
        }
    }

    /// What kind of value this is, without the value.
    pub(crate) fn type_name(&self) -> &'static str {
        match self {
            Self::Null => "nothing",
            Self::Bool(..) => "a boolean",
            Self::Integer(..) | Self::Float(..) => "a number",
            Self::Text(_) => "a text",
        }
    }

    /// What this is, for messages.
    pub(crate) fn describe(&self) -> String {
        match self {
            Self::Null => "nothing".to_owned(),
            Self::Bool(value, text) if *text == value.to_string() => format!("the boolean {value}"),
            Self::Bool(value, text) => {
                format!("the boolean {value} (that is what a bare `{text}` means in YAML)")
            }
            Self::Integer(_, text) | Self::Float(_, text) => format!("the number {text}"),
            Self::Text(text) => format!("the text {}", short(text)),
        }
    }
}

/// Quotes `text`, cut where it is long or has several lines.
pub(crate) fn short(text: &str) -> String {
    let line = text.lines().next().unwrap_or_default();
    match line.char_indices().nth(60) {
        Some((end, _)) => format!("{:?}…", &line[..end]), // `end` is a character boundary
        None if line.len() < text.trim_end().len() => format!("{line:?}…"),
        None => format!("{line:?}"),
    }
}

/// An integer as Go's `strconv.ParseInt(text, 0, 64)` and `ParseUint` read it.
fn integer(text: &str) -> Option<i128> {
    let (negative, digits) = match text.as_bytes().first()? {
        b'-' => (true, &text[1..]),
        b'+' => (false, &text[1..]),
        _ => (false, text),
    };
    let prefixed = |prefix: [&str; 2]| {
        digits
            .strip_prefix(prefix[0])
            .or_else(|| digits.strip_prefix(prefix[1]))
    };
    let (radix, digits) = match (
        prefixed(["0x", "0X"]),
        prefixed(["0o", "0O"]),
        prefixed(["0b", "0B"]),
    ) {
        (Some(rest), _, _) => (16, rest),
        (_, Some(rest), _) => (8, rest),
        (_, _, Some(rest)) => (2, rest),
        _ if digits.len() > 1 && digits.starts_with('0') => (8, &digits[1..]),
        _ => (10, digits),
    };
    if !digits.bytes().all(|it| it.is_ascii_alphanumeric()) {
        return None; // `from_str_radix` would take a second sign
    }
    let value = i128::from(u64::from_str_radix(digits, radix).ok()?);
    let value = if negative { -value } else { value };
    (value >= i128::from(i64::MIN)).then_some(value)
}

/// `[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?`
fn is_decimal(text: &str) -> bool {
    let text = text.strip_prefix(['-', '+']).unwrap_or(text);
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (text, None),
    };
    let digits = |it: &str| it.bytes().all(|byte| byte.is_ascii_digit());
    let exponent_fits = exponent.is_none_or(|it| {
        let it = it.strip_prefix(['-', '+']).unwrap_or(it);
        !it.is_empty() && digits(it)
    });
    let mantissa_fits = match mantissa.split_once('.') {
        Some(("", fraction)) => !fraction.is_empty() && digits(fraction),
        Some((whole, fraction)) => digits(whole) && digits(fraction),
        None => !mantissa.is_empty() && digits(mantissa),
    };
    exponent_fits && mantissa_fits
}

#[cfg(test)]
mod tests {
    use super::Scalar;

    fn check(text: &str, want: &Scalar) {
        assert_eq!(&Scalar::plain(text), want, "{text}");
    }

    #[test]
    fn booleans_are_those_of_yaml_1_1() {
        for text in ["yes", "On", "TRUE", "y"] {
            check(text, &Scalar::Bool(true, text.into()));
        }
        for text in ["no", "Off", "false", "N"] {
            check(text, &Scalar::Bool(false, text.into()));
        }
        check("tRUE", &Scalar::Text("tRUE".into()));
    }

    #[test]
    fn numbers_are_those_of_go_yaml() {
        for (text, value) in [
            ("80", 80),
            ("-1", -1),
            ("010", 8),
            ("0x1F", 31),
            ("0o17", 15),
            ("0b11", 3),
            ("1_000", 1000),
            ("+7", 7),
            ("18446744073709551615", 18_446_744_073_709_551_615),
        ] {
            check(text, &Scalar::Integer(value, text.into()));
        }
        for (text, value) in [
            ("1.5", 1.5),
            (".5", 0.5),
            ("1e3", 1000.0),
            ("08", 8.0),
            ("5.", 5.0),
        ] {
            check(text, &Scalar::Float(value, text.into()));
        }
        for text in [
            "1.2.3",
            "1s",
            "0x",
            "--1",
            "1:30",
            "-",
            "+",
            ".",
            "1e",
            "2026-01-02",
        ] {
            check(text, &Scalar::Text(text.into()));
        }
    }
}
