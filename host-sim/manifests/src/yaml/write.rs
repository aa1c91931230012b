//! Writes data as YAML that people can read and that every reader of YAML 1.1 and 1.2 understands alike.
//!
//! A text is quoted unless it can only be a text: Kubernetes reads YAML 1.1, where `on`, `1:30` and `2026-01-01` are
//! none. What people can't see is written as an escape: who reads a manifest before it is applied sees what it says.

use fingerpost_resources::visible_yaml;
use libyaml_safer::{Emitter, Encoding, Event, MappingStyle, Result, ScalarStyle, SequenceStyle};
use serde_json::{Map, Value};

/// `value` in block style, with a line feed at the end.
pub(crate) fn write(value: &Value) -> String {
    let mut bytes = Vec::new();
    // It writes into memory, and the events are those of one document: nothing fails.
    let written = emit(value, &mut bytes);
    debug_assert!(written.is_ok(), "{written:?}");
    // Only ASCII is ever plain, so all else is in quotes.
    visible_yaml(&String::from_utf8_lossy(&bytes)).into_owned()
}

fn emit(value: &Value, bytes: &mut Vec<u8>) -> Result<()> {
    let mut emitter = Emitter::new();
    emitter.set_output_string(bytes);
    emitter.set_unicode(true);
    emitter.set_width(-1);
    emitter.emit(Event::stream_start(Encoding::Utf8))?;
    emitter.emit(Event::document_start(None, &[], true))?;
    emit_value(&mut emitter, value)?;
    emitter.emit(Event::document_end(true))?;
    emitter.emit(Event::stream_end())?;
    emitter.flush()
}

fn emit_value(emitter: &mut Emitter<'_>, value: &Value) -> Result<()> {
    match value {
        Value::Null => emit_plain(emitter, "null"),
        Value::Bool(flag) => emit_plain(emitter, if *flag { "true" } else { "false" }),
        Value::Number(number) => emit_plain(emitter, &number.to_string()),
        Value::String(text) => emit_text(emitter, text),
        Value::Array(items) => emit_items(emitter, items),
        Value::Object(fields) => emit_fields(emitter, fields),
    }
}

fn emit_items(emitter: &mut Emitter<'_>, items: &[Value]) -> Result<()> {
    emitter.emit(Event::sequence_start(None, None, true, SequenceStyle::Block))?;
    for item in items {
        emit_value(emitter, item)?;
    }
    emitter.emit(Event::sequence_end())
}

fn emit_fields(emitter: &mut Emitter<'_>, fields: &Map<String, Value>) -> Result<()> {
    emitter.emit(Event::mapping_start(None, None, true, MappingStyle::Block))?;
    for (key, field) in fields {
        emit_text(emitter, key)?;
        emit_value(emitter, field)?;
    }
    emitter.emit(Event::mapping_end())
}

fn emit_plain(emitter: &mut Emitter<'_>, text: &str) -> Result<()> {
    emitter.emit(Event::scalar(None, None, text, true, false, ScalarStyle::Plain))
}

fn emit_text(emitter: &mut Emitter<'_>, text: &str) -> Result<()> {
    let style = if is_only_a_text(text) {
        ScalarStyle::Plain
    } else {
        ScalarStyle::DoubleQuoted
    };
    emitter.emit(Event::scalar(None, None, text, true, true, style))
}

/// Whether no reader takes the plain `text` for a flag, a number, a date or syntax.
fn is_only_a_text(text: &str) -> bool {
    const WORDS: [&str; 9] = ["y", "n", "yes", "no", "on", "off", "true", "false", "null"];
    let starts_like_one = text.starts_with(|it: char| it.is_ascii_alphabetic() || it == '/');
    let is_inner = |it: char| it.is_ascii_alphanumeric() || "-_./|@+".contains(it);
    let inner = text.strip_suffix(char::is_alphanumeric).unwrap_or(text);
    // A colon is only for the middle of names such as `http://` and `reviews:80`.
    starts_like_one
        && inner.chars().all(|it| is_inner(it) || it == ':')
        && !text.ends_with(':')
        && !WORDS.iter().any(|it| it.eq_ignore_ascii_case(text))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_a_text_is_plain() {
        for plain in [
            "a",
            "outbound|80|v1|reviews.default.svc.cluster.local",
            "reviews.com:80",
            "/v1",
            "x-a",
        ] {
            assert_eq!(write(&json!(plain)), format!("{plain}\n"));
        }
        for quoted in [
            "",
            "on",
            "No",
            "TRUE",
            "~",
            "1",
            "1:30",
            "2026-01-01",
            "0x1f",
            ".5",
            "-",
            "- a",
            "a: b",
            "a:",
            "a #b",
            "*.com",
            "&a",
            "!a",
            "%a",
            "@a",
            "`a",
            "{}",
            "[a",
            "a b",
            "'a'",
            "=",
            "<<",
            "?",
            "a\nb",
            "null",
        ] {
            let written = write(&json!(quoted));
            assert!(written.starts_with('"'), "{quoted}: {written}");
        }
    }

    #[test]
    fn what_is_not_seen_is_an_escape() {
        let text = "grün \u{200b}\u{202e}\u{2028}\u{feff}\u{85}\u{1b}\u{e0001}\u{1f600}";
        assert_eq!(
            write(&json!(text)),
            "\"grün \\u200b\\u202e\\L\\uFEFF\\N\\e\\U000e0001\u{1f600}\"\n"
        );
    }

    #[test]
    fn data_is_written_in_blocks() {
        let value = json!({"a": [1, {"b": true, "c": []}], "d": {}, "80": null});
        assert_eq!(
            write(&value),
            "a:\n- 1\n- b: true\n  c: []\nd: {}\n\"80\": null\n"
        );
    }

    #[test]
    fn a_long_text_stays_on_its_line() {
        let text = "a b ".repeat(100);
        assert_eq!(write(&json!({"a": text})), format!("a: \"{text}\"\n"));
    }
}
