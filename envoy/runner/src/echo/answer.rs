//! What an answer says: `ok`, or the request as it was received.

use serde_json::{Map, Value, json};

use super::{EchoBody, Received, ServedCluster};

/// The body of an answer, but for the length of the request's body, which comes after its head.
pub(super) enum Answer {
    Ok,
    Request(Map<String, Value>),
}

impl Answer {
    /// The answer to a request.
    pub(super) fn to(received: &Received, served: &ServedCluster, body: EchoBody) -> Self {
        match body {
            EchoBody::Ok => Self::Ok,
            EchoBody::Request => {
                let mut fields = Map::new();
                let mut set = |name: &str, value: Value| fields.insert(name.to_owned(), value);
                set("service", json!(served.service));
                set("subset", json!(served.subset));
                set("method", json!(received.method));
                set("path", json!(received.path));
                set("headers", headers(received));
                Self::Request(fields)
            }
        }
    }

    /// Its `content-type`.
    pub(super) fn content_type(&self) -> &'static str {
        match self {
            Self::Ok => "text/plain",
            Self::Request(_) => "application/json",
        }
    }

    /// The text. `received` is how many bytes the request's body had.
    pub(super) fn text(self, received: usize) -> String {
        match self {
            Self::Ok => "ok".to_owned(),
            Self::Request(mut fields) => {
                fields.insert("body".to_owned(), json!({"bytes": received}));
                format!("{}\n", Value::Object(fields))
            }
        }
    }
}

/// A text for each name, or a list of texts for one that is repeated.
fn headers(received: &Received) -> Value {
    let mut headers = Map::new();
    if received.header("host").is_none() && !received.authority.is_empty() {
        headers.insert("host".to_owned(), json!(received.authority)); // HTTP/2 has it elsewhere
    }
    for (name, value) in &received.headers {
        match headers.get_mut(name) {
            None => drop(headers.insert(name.clone(), json!(value))),
            Some(Value::Array(values)) => values.push(json!(value)),
            Some(first) => *first = json!([first.take(), value]),
        }
    }
    Value::Object(headers)
}
