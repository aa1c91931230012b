//! Texts, numbers, booleans, bytes and enumerations.

use crate::code::Code;
use base64::Engine as _;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

use super::{Decode, Decoder, closest, name_list};
use crate::yaml::{Node, Scalar, Value};

impl Decode for String {
    fn decode(node: &Node, cx: &mut Decoder<'_>) -> Self {
        match &node.value {
            Value::Scalar(Scalar::Text(text)) => text.clone(),
            // Kubernetes' own fields and metadata: YAML is read with the type in view there.
            Value::Scalar(scalar) if !cx.strict => scalar.as_text(),
            Value::Scalar(scalar) => {
                let finding = cx.wrong_type(node, "a text");
                if let Some(text) = scalar.written() {
                    finding.help(format!("put it in quotes: \"{text}\""));
                }
                String::new()
            }
            Value::List(_) | Value::Map(_) => {
                cx.wrong_type(node, "a text");
                String::new()
            }
        }
    }
}

impl Decode for bool {
    fn decode(node: &Node, cx: &mut Decoder<'_>) -> Self {
        match &node.value {
            Value::Scalar(Scalar::Bool(it)) => it.value,
            Value::Scalar(Scalar::Text(text)) if matches!(text.as_str(), "true" | "false") => {
                let help = format!("leave out the quotes: {text}");
                cx.wrong_type(node, "true or false").help(help);
                false
            }
            Value::Scalar(_) | Value::List(_) | Value::Map(_) => {
                cx.wrong_type(node, "true or false");
                false
            }
        }
    }
}

macro_rules! integers {
    ($($type:ty),*) => {$(
        impl Decode for $type {
            fn decode(node: &Node, cx: &mut Decoder<'_>) -> Self {
                let value = cx.whole_number(node);
                value.and_then(|it| cx.in_range(node, it, Self::MIN.into(), Self::MAX.into())).unwrap_or_default()
            }
        }
    )*};
}

integers!(u32, i32, u64);

impl Decode for f64 {
    fn decode(node: &Node, cx: &mut Decoder<'_>) -> Self {
        let value = match cx.number(node) {
            Some(Scalar::Float(it)) => it.value,
            Some(Scalar::Integer(it)) => it.value as f64,
            _ => {
                cx.wrong_type(node, "a number such as 12.5");
                return 0.0;
            }
        };
        if !value.is_finite() {
            cx.wrong_type(node, "a finite number such as 12.5");
            return 0.0;
        }
        value
    }
}

/// As Go's `base64.StdEncoding` reads it: padded, with `+` and `/`, whatever the unused bits of the last digit are.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &base64::alphabet::STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::RequireCanonical)
        .with_decode_allow_trailing_bits(true),
);

/// Bytes are written in base64. Line breaks do not count.
impl Decode for Vec<u8> {
    fn decode(node: &Node, cx: &mut Decoder<'_>) -> Self {
        let Value::Scalar(Scalar::Text(text)) = &node.value else {
            cx.wrong_type(node, "bytes in base64 such as \"aGVsbG8=\"");
            return Vec::new();
        };
        BASE64
            .decode(text.replace(['\r', '\n'], ""))
            .unwrap_or_else(|error| {
                // The library's message would quote a piece of what may be a secret.
                let reason = match error {
                    base64::DecodeError::InvalidByte(offset, b'-' | b'_') => {
                        format!("character {} is of the URL alphabet: use + and /", offset + 1)
                    }
                    base64::DecodeError::InvalidByte(offset, _) => {
                        format!("character {} is not of its alphabet", offset + 1)
                    }
                    base64::DecodeError::InvalidLength(_)
                    | base64::DecodeError::InvalidLastSymbol(..)
                    | base64::DecodeError::InvalidPadding => {
                        "its padding (`=` at the end) is missing or wrong".to_owned()
                    }
                };
                cx.refuse(Code::WrongType, node.place, format!("invalid base64: {reason}"));
                Vec::new()
            })
    }
}

impl Decoder<'_> {
    /// A number, which proto's JSON form allows in quotes.
    fn number(&mut self, node: &Node) -> Option<Scalar> {
        match &node.value {
            Value::Scalar(it @ (Scalar::Integer(..) | Scalar::Float(..))) => Some(it.clone()),
            Value::Scalar(Scalar::Text(text)) => {
                let plain = text
                    .bytes()
                    .all(|it| it.is_ascii_digit() || matches!(it, b'-' | b'.' | b'e' | b'E'));
                let leading_zero = text.trim_start_matches('-').starts_with('0') && text.len() > 1;
                match Scalar::plain(text) {
                    it @ (Scalar::Integer(..) | Scalar::Float(..))
                        if plain && (!leading_zero || text.contains('.')) =>
                    {
                        if self.strict {
                            let help = format!("leave out the quotes: {text}");
                            self.warn(
                                Code::QuotedNumber,
                                node.place,
                                "Istio reads this text as a number, the schema of a cluster refuses it"
                                    .to_owned(),
                            )
                            .help(help);
                        }
                        Some(it)
                    }
                    _ => None,
                }
            }
            Value::Scalar(Scalar::Null | Scalar::Bool(..)) | Value::List(_) | Value::Map(_) => None,
        }
    }

    fn whole_number(&mut self, node: &Node) -> Option<i128> {
        match self.number(node) {
            Some(Scalar::Integer(it)) => Some(it.value),
            Some(Scalar::Float(it)) if it.value.fract() == 0.0 && it.value.abs() < 1e18 => {
                Some(it.value as i128)
            }
            _ => {
                self.wrong_type(node, "a whole number such as 80");
                None
            }
        }
    }

    fn in_range<T: TryFrom<i128>>(&mut self, node: &Node, value: i128, min: i128, max: i128) -> Option<T> {
        if let Ok(value) = T::try_from(value) {
            return Some(value);
        }
        let message = format!("expected a number from {min} to {max}, found {value}");
        self.refuse(Code::OutOfRange, node.place, message);
        None
    }

    /// One of the names of an enumeration, or its number.
    pub(crate) fn choice<T: Copy + Default>(&mut self, node: &Node, values: &[(&'static str, i32, T)]) -> T {
        let names: Vec<_> = values.iter().map(|(name, _, _)| (*name).to_owned()).collect();
        let found = match &node.value {
            Value::Scalar(Scalar::Text(text)) => match values.iter().find(|(name, _, _)| name == text) {
                Some((_, _, value)) => return *value,
                None => text,
            },
            Value::Scalar(Scalar::Integer(written)) => {
                let number = written.value;
                if let Some((name, _, value)) = values.iter().find(|(_, it, _)| i128::from(*it) == number) {
                    let message =
                        format!("Istio reads {number} as {name}, the schema of a cluster refuses it");
                    self.warn(Code::NumberForName, node.place, message)
                        .help(format!("write {name}"));
                    return *value;
                }
                self.wrong_type(node, &format!("one of {}", name_list(&names, "or")));
                return T::default();
            }
            Value::Scalar(_) | Value::List(_) | Value::Map(_) => {
                self.wrong_type(node, &format!("one of {}", name_list(&names, "or")));
                return T::default();
            }
        };
        let message = format!("unknown value {}", crate::yaml::short(found));
        let near = closest(found, names.iter().map(String::as_str)).map(str::to_owned);
        let finding = self.refuse(Code::UnknownValue, node.place, message);
        match near {
            Some(near) => finding.help(format!("did you mean {near}?")),
            None => finding.help(format!("use one of {}", name_list(&names, "or"))),
        };
        T::default()
    }
}
