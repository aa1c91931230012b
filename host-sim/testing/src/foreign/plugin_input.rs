//! The `input` of a phase in a file of the plugin tester: headers one by one, or a head of HTTP/1.1 as text or file.

use fingerpost_resources::yaml::{Node, Scalar, Value};

use super::fields::{Fields, Reader};

pub(super) const HEADER: [&str; 2] = ["key", "value"];
const INPUT: [&str; 3] = ["header", "content", "file"];

/// The head of a message; names in lower case.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Message {
    pub(super) headers: Vec<(String, String)>,
}

/// Reads the input of a phase; nothing where there is none.
pub(super) fn read(reader: &mut Reader<'_>, phase: &Fields<'_>) -> Message {
    let Some(input) = reader.inner(phase, "input", "`input`", &INPUT) else {
        return Message::default();
    };
    // In the original's order: a file, then a text, then the headers.
    for key in ["file", "content"] {
        // As in the original an empty text is none.
        let is_empty = |it: &Node| matches!(&it.value, Value::Scalar(Scalar::Text(text)) if text.is_empty());
        if input.get(key).is_none_or(is_empty) {
            continue;
        }
        let text = match key {
            "file" => content_of(reader, &input, key),
            _ => reader.text(&input, key),
        };
        let Some(text) = text else {
            return Message::default();
        };
        return head(&text).unwrap_or_else(|| {
            if let Some(node) = input.get(key) {
                reader
                    .error(
                        node,
                        &input.path_of(key),
                        "invalid HTTP/1.1 request head".to_owned(),
                    )
                    .help("it begins with e.g. `GET /cart HTTP/1.1`, followed by one header per line");
            }
            Message::default()
        });
    }
    let mut message = Message::default();
    for (path, node) in reader.items(&input, "header") {
        let Some(fields) = reader.fields(node, &path, "a header", &HEADER) else {
            continue;
        };
        let name = reader.required(&fields, "key", "x-user");
        let value = reader.text(&fields, "value").unwrap_or_default();
        message
            .headers
            .extend(name.map(|it| (it.to_ascii_lowercase(), value)));
    }
    message
}

/// The content of a file whose path is relative to the test file.
pub(super) fn content_of(reader: &mut Reader<'_>, of: &Fields<'_>, key: &str) -> Option<String> {
    let name = reader.required(of, key, "request.data")?;
    let path = reader.file.folder().join(&name);
    match (reader.file.read_text)(&path) {
        Ok(text) => Some(text),
        Err(error) => {
            let node = of.get(key)?;
            let message = format!("{} can't be read: {error}", path.display());
            reader.error(node, &of.path_of(key), message);
            None
        }
    }
}

/// The head of a request or of an answer, as the proxy hands it to a plugin.
fn head(text: &str) -> Option<Message> {
    let mut lines = text.lines().map(str::trim_end);
    let mut first = lines.next()?.split(' ');
    let mut message = Message::default();
    let mut add = |name: &str, value: &str| message.headers.push((name.to_owned(), value.to_owned()));
    match (first.next()?, first.next()?) {
        (version, status) if version.starts_with("HTTP/") => add(":status", status),
        (method, target) => {
            add(":method", method);
            match target.split_once("://") {
                Some((scheme, rest)) if !scheme.starts_with('/') => {
                    let at = rest.find(['/', '?']).unwrap_or(rest.len());
                    let (authority, path) = rest.split_at(at);
                    add(":scheme", scheme);
                    add(":authority", authority);
                    add(":path", if path.is_empty() { "/" } else { path });
                }
                Some(_) | None => add(":path", target),
            }
        }
    }
    for line in lines.take_while(|it| !it.is_empty()) {
        let (name, value) = line.split_once(':')?;
        let name = name.to_ascii_lowercase();
        // An authority in the target goes before it.
        let name = if name == "host" {
            ":authority"
        } else {
            name.as_str()
        };
        if name != ":authority" || message.headers.iter().all(|(it, _)| it != name) {
            message.headers.push((name.to_owned(), value.trim().to_owned()));
        }
    }
    Some(message)
}

#[cfg(test)]
mod tests {
    use super::head;

    #[test]
    fn a_head_of_http_1_is_read_as_a_plugin_sees_it() {
        for (text, headers) in [
            (
                "GET /a?b HTTP/1.1\r\nHost: shop\r\nX-A: 1\r\n\r\n",
                vec![
                    (":method", "GET"),
                    (":path", "/a?b"),
                    (":authority", "shop"),
                    ("x-a", "1"),
                ],
            ),
            (
                "GET https://shop:8080/a HTTP/1.1\nHost: other\n",
                vec![
                    (":method", "GET"),
                    (":scheme", "https"),
                    (":authority", "shop:8080"),
                    (":path", "/a"),
                ],
            ),
            (
                "HTTP/1.1 403 Forbidden\nX-A: 1\n",
                vec![(":status", "403"), ("x-a", "1")],
            ),
        ] {
            let found = head(text).unwrap_or_default().headers;
            let found: Vec<(&str, &str)> = found.iter().map(|(a, b)| (a.as_str(), b.as_str())).collect();
            assert_eq!(found, headers, "{text}");
        }
        assert_eq!(head("GET"), None);
        assert_eq!(head("GET / HTTP/1.1\nno header"), None);
    }
}
