//! What a scalar means: the rules of go-yaml 2 (`resolve.go`), as `sigs.k8s.io/yaml` uses it.

/// The value of a scalar.
#[derive(Debug, Clone, PartialEq)]
pub enum Scalar {
    /// Nothing.
    Null,
    /// `true`, `yes` and the like.
    Bool(Box<Written<bool>>),
    /// A whole number.
    Integer(Box<Written<i128>>),
    /// Another number.
    Float(Box<Written<f64>>),
    /// A text.
    Text(String),
}

/// A value with the text as written, since a key or a label may want that.
#[derive(Debug, Clone, PartialEq)]
pub struct Written<T> {
    /// What it means.
    pub value: T,
    /// The text.
    pub text: String,
}

impl<T> Written<T> {
    /// In a box, so that a scalar stays small: nearly all of them are texts, which need none of this.
    pub fn new(value: T, text: impl Into<String>) -> Box<Self> {
        Box::new(Self {
            value,
            text: text.into(),
        })
    }
}

impl Scalar {
    /// The meaning of a plain scalar without a tag.
    pub fn plain(text: &str) -> Self {
        match text {
            "" | "~" | "null" | "Null" | "NULL" => return Self::Null,
            "y" | "Y" | "yes" | "Yes" | "YES" | "true" | "True" | "TRUE" | "on" | "On" | "ON" => {
                return Self::Bool(Written::new(true, text));
            }
            "n" | "N" | "no" | "No" | "NO" | "false" | "False" | "FALSE" | "off" | "Off" | "OFF" => {
                return Self::Bool(Written::new(false, text));
            }
            ".inf" | ".Inf" | ".INF" | "+.inf" | "+.Inf" | "+.INF" => {
                return Self::Float(Written::new(f64::INFINITY, text));
            }
            "-.inf" | "-.Inf" | "-.INF" => return Self::Float(Written::new(f64::NEG_INFINITY, text)),
            ".nan" | ".NaN" | ".NAN" => return Self::Float(Written::new(f64::NAN, text)),
            _ => {}
        }
        if !text.starts_with(|c: char| c.is_ascii_digit() || matches!(c, '+' | '-' | '.')) {
            return Self::Text(text.to_owned());
        }
        let digits = text.replace('_', "");
        if let Some(value) = integer(&digits) {
            return Self::Integer(Written::new(value, text));
        }
        match is_decimal(&digits).then(|| digits.parse::<f64>()) {
            Some(Ok(value)) => Self::Float(Written::new(value, text)),
            _ => Self::Text(text.to_owned()),
        }
    }

    /// The meaning of a scalar with one of YAML's own tags.
    pub(crate) fn tagged(tag: &str, text: &str) -> Result<Self, String> {
        let plain = Self::plain(text);
        match (tag, plain) {
            ("str" | "binary", _) => Ok(Self::Text(text.to_owned())),
            ("null", Self::Null) => Ok(Self::Null),
            ("float", Self::Integer(it)) => Ok(Self::Float(Written::new(it.value as f64, text))),
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
            Self::Bool(it) => it.value.to_string(),
            Self::Integer(it) => it.value.to_string(),
            Self::Float(it) => match it.value.to_string().as_str() {
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
            Self::Bool(it) => Some(&it.text),
            Self::Integer(it) => Some(&it.text),
            Self::Float(it) => Some(&it.text),
            Self::Null | Self::Text(_) => None,
        }
    }

    /// As it could be written, texts in quotes.
    pub(crate) fn as_yaml(&self) -> String {
        match self {
            Self::Null => "null".to_owned(),
            Self::Bool(it) => it.text.clone(),
            Self::Integer(it) => it.text.clone(),
            Self::Float(it) => it.text.clone(),
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
            Self::Bool(it) if it.text == it.value.to_string() => format!("the boolean {}", it.value),
            Self::Bool(it) => {
                let Written { value, text } = &**it;
                format!("the boolean {value} (that is what a bare `{text}` means in YAML)")
            }
            Self::Integer(it) => format!("the number {}", it.text),
            Self::Float(it) => format!("the number {}", it.text),
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
    use super::{Scalar, Written};

    fn check(text: &str, want: &Scalar) {
        assert_eq!(&Scalar::plain(text), want, "{text}");
    }

    #[test]
    fn booleans_are_those_of_yaml_1_1() {
        for text in ["yes", "On", "TRUE", "y"] {
            check(text, &Scalar::Bool(Written::new(true, text)));
        }
        for text in ["no", "Off", "false", "N"] {
            check(text, &Scalar::Bool(Written::new(false, text)));
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
            check(text, &Scalar::Integer(Written::new(value, text)));
        }
        for (text, value) in [
            ("1.5", 1.5),
            (".5", 0.5),
            ("1e3", 1000.0),
            ("08", 8.0),
            ("5.", 5.0),
        ] {
            check(text, &Scalar::Float(Written::new(value, text)));
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
