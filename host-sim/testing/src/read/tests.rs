//! Holds the schema for editors, `routes.test.schema.json`, against the reader: the same fields, and the same files
//! taken and refused.

use std::fs;
use std::path::Path;

use fingerpost_resources::yaml::{Node, Scalar, Value as Tree};
use fingerpost_resources::{Diagnostics, Source};
use serde_json::{Map, Value};

use super::json_schema::fits;
use super::{expect, fields, native, read, request};

fn schema() -> Value {
    serde_json::from_str(include_str!("../../routes.test.schema.json")).expect("JSON")
}

/// The names below `properties`, sorted.
#[track_caller]
fn properties(schema: &Value, pointer: &str) -> Vec<String> {
    let properties = schema.pointer(pointer).and_then(|it| it.get("properties"));
    let names = properties.and_then(Value::as_object).expect("an object").keys();
    let mut names: Vec<String> = names.cloned().collect();
    names.sort();
    names
}

#[test]
fn the_schema_has_the_fields_that_the_reader_has() {
    let schema = schema();
    for (pointer, fields) in [
        ("", native::FILE),
        ("/$defs/test", native::TEST),
        ("/$defs/row", native::ROW),
        ("/$defs/request/anyOf/1", request::REQUEST),
        ("/$defs/request/anyOf/1/properties/tls/anyOf/1", request::TLS),
        ("/$defs/expect", expect::EXPECT),
        ("/$defs/expect/properties/response", expect::RESPONSE),
        ("/$defs/condition/anyOf/1", fields::TEXT),
    ] {
        let mut wanted: Vec<&str> = fields.to_vec();
        wanted.sort_unstable();
        assert_eq!(properties(&schema, pointer), wanted, "{pointer}");
    }
    let errors: Vec<Value> = expect::ERRORS
        .iter()
        .map(|(name, _)| Value::from(*name))
        .collect();
    let in_schema = schema.pointer("/$defs/expect/properties/error/enum");
    assert_eq!(in_schema, Some(&Value::from(errors)));
}

/// What an editor makes of the text.
fn json(node: &Node) -> Value {
    match &node.value {
        Tree::Map(entries) => {
            let entries = entries.iter().map(|it| (it.key.to_string(), json(&it.value)));
            Value::Object(entries.collect::<Map<_, _>>())
        }
        Tree::List(items) => Value::Array(items.iter().map(|it| json(it)).collect()),
        Tree::Scalar(Scalar::Null) => Value::Null,
        Tree::Scalar(Scalar::Bool(it)) => Value::from(it.value),
        Tree::Scalar(Scalar::Integer(it)) => Value::from(i64::try_from(it.value).unwrap_or(i64::MAX)),
        Tree::Scalar(Scalar::Float(it)) => Value::from(it.value),
        Tree::Scalar(Scalar::Text(text)) => Value::from(text.as_str()),
    }
}

/// Whether the schema takes a file, and whether the reader does.
fn taken(text: &str) -> (bool, bool) {
    let source = Source::new("routes.test.yaml", text);
    let trees = fingerpost_resources::trees(&source, &mut Diagnostics::new());
    let [tree] = trees.as_slice() else {
        panic!("one document: {text}");
    };
    let schema = schema();
    let by_schema = fits(&schema, &schema, &json(tree));
    let suite = read(
        Path::new("routes.test.yaml"),
        &source,
        |_| Err(std::io::ErrorKind::NotFound.into()),
        &mut Diagnostics::new(),
    );
    (by_schema, suite.is_some())
}

#[test]
fn what_the_reader_takes_the_schema_takes() {
    for test in [
        "{request: GET http://a.test/, expect: {status: 200}}",
        "{request: http://a.test/}",
        "{name: 1, request: {url: http://a.test/, headers: {a: b, c: [1, true]}}, expect: {rule: none}}",
        "{request: {authority: a.test, path: /, port: 8080, method: PUT, body: x, tls: true}, skip: later}",
        "{request: {url: https://a.test/, tls: {sni: b.test, clientCertificate: true}}, expect: {error: tls}}",
        "{request: http://a.test/, expect: {status: 4xx, path: {regex: '/v[0-9]'}, subset: none}}",
        "{request: http://a.test/, expect: {status: [200, 204], weights: {v1: 9, v2: 1}, timeout: 1m30s}}",
        "{request: http://a.test/, expect: {timeout: none, mirrors: none, delay: 1.5s, host: a, port: 80}}",
        "{request: http://a.test/, expect: {mirrors: [a, b], headers: {a: {present: false}, b: [c, d]}}}",
        "{request: http://a.test/, expect: {response: {headers: {a: {prefix: b}}}, body: {contains: x}}}",
        "{request: http://a.test/, expect: {not: {cluster: none, redirect: {suffix: /}}}}",
        "{request: {url: http://a.test/}, cases: [{expect: {rule: 'a#0.1'}}, {name: b, skip: c}]}",
        "{request: http://a.test/, expect: {virtualHost: '*', method: GET, authority: {exact: a}}}",
    ] {
        let text = format!("tests: [{test}]\n");
        assert_eq!(taken(&text), (true, true), "{test}");
    }
    let file = "{resources: [a, b], labels: {a: b}, namespace: c, domain: d, locality: eu/a, trustedHops: 2, envoy: '1.36', \
                strict: true, noGateway: false, tests: []}";
    assert_eq!(taken(file), (true, true));
}

#[test]
fn what_the_schema_refuses_the_reader_refuses() {
    for test in [
        "{request: http://a.test/, expect: {}}",
        "{request: http://a.test/, expect: {not: {}}}",
        "{request: http://a.test/, expect: {headers: {}}}",
        "{request: http://a.test/, expect: {response: {}}}",
        "{request: http://a.test/, expect: {not: {response: {headers: {}}}}}",
        "{request: http://a.test/, expect: {weights: {}}}",
        "{request: http://a.test/, expect: {rul: a}}",
        "{request: http://a.test/, expect: {status: 99}}",
        "{request: http://a.test/, expect: {status: 6xx}}",
        "{request: http://a.test/, expect: {port: 0}}",
        "{request: http://a.test/, expect: {path: {regex: a, exact: b}}}",
        "{request: http://a.test/, expect: {path: {regexp: a}}}",
        "{request: http://a.test/, expect: {path: [a]}}",
        "{request: http://a.test/, expect: {headers: {a: {present: 1}}}}",
        "{request: http://a.test/, expect: {response: {status: 200}}}",
        "{request: http://a.test/, expect: {timeout: 5}}",
        "{request: http://a.test/, expect: {delay: 5x}}",
        "{request: http://a.test/, expect: {weights: {v1: -1}}}",
        "{request: http://a.test/, expect: {weights: [v1]}}",
        "{request: http://a.test/, expect: {error: open}}",
        "{request: http://a.test/, expect: {not: {not: {rule: none}}}}",
        "{request: {url: http://a.test/, port: 70000}}",
        "{request: {url: http://a.test/, tls: yes please}}",
        "{request: {url: http://a.test/, query: a}}",
        "{request: [http://a.test/]}",
        "{request: http://a.test/, cases: {a: b}}",
        "{request: http://a.test/, cases: [{cases: []}]}",
        "{requests: http://a.test/}",
        "[]",
    ] {
        let text = format!("tests: [{test}]\n");
        assert_eq!(taken(&text), (false, false), "{test}");
    }
    for file in [
        "test: []",
        "{tests: {}}",
        "{tests: [], strict: maybe}",
        "[a]",
        "{labels: {}}",
        "{tests: [], locality: eu/*}",
        "{tests: [], trustedHops: -1}",
        "{tests: [], trustedHops: one}",
    ] {
        assert_eq!(taken(file), (false, false), "{file}");
    }
}

#[test]
fn the_tests_of_the_examples_are_as_the_schema_says() {
    let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples");
    let mut seen = 0;
    for folder in fs::read_dir(examples).expect("the examples").flatten() {
        let file = folder.path().join("routes.test.yaml");
        if let Ok(text) = fs::read_to_string(&file) {
            assert_eq!(taken(&text), (true, true), "{}", file.display());
            seen += 1;
        }
    }
    assert!(seen > 0, "no example has tests");
}
