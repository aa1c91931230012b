//! Tests of the reader, and of the schema beside it.

use std::path::Path;

use fingerpost_resources::{Diagnostics, Source};
use fingerpost_routing::Pattern;
use serde_json::Value;

use super::{IGNORED, read};
use crate::check::check;
use crate::setting::{Kind, SETTINGS};
use crate::{SCHEMA, Values};

fn values(text: &str) -> Result<Values, Vec<String>> {
    let mut diagnostics = Diagnostics::new();
    let source = Source::new("fingerpost.yaml", text);
    read(&source, Path::new(".."), &mut diagnostics).ok_or_else(|| {
        let told = diagnostics.iter().map(|it| {
            let place = it.span.as_ref().map(|it| it.line);
            let help = it.help.as_deref().unwrap_or_default();
            format!("{}: {} {}: {help}", place.unwrap_or(0), it.code, it.message)
        });
        told.collect()
    })
}

#[test]
fn paths_are_relative_to_the_file() {
    let text = "\
files: [k8s, ./more.yaml, /abs]
helmValues: prod.yaml
ignore:
- unknown-host
- {code: no-gateway, paths: [legacy, vendor/a.yaml]}
- {code: short-host}
";
    let expected: Values = [
        ("files", vec!["../k8s", ".././more.yaml", "/abs"]),
        ("helm_values", vec!["../prod.yaml"]),
        (
            "ignore",
            vec![
                "unknown-host",
                "no-gateway:../legacy",
                "no-gateway:../vendor/a.yaml",
                "short-host",
            ],
        ),
    ]
    .map(|(name, values)| (name, values.into_iter().map(str::to_owned).collect()))
    .into();
    assert_eq!(values(text), Ok(expected));
}

#[test]
fn values_are_handed_on_as_the_options_take_them() {
    let text = "\
labels: {istio: edge, tier: 1}
envoy: 1.40
engine: native
strict: true
complete: false
proxyNamespace: edge
";
    let expected: Values = [
        ("labels", "istio=edge,tier=1"),
        ("envoy", "1.40"),
        ("engine", "native"),
        ("strict", "true"),
        ("complete", "false"),
        ("proxy_namespace", "edge"),
    ]
    .map(|(name, value)| (name, vec![value.to_owned()]))
    .into();
    assert_eq!(values(text), Ok(expected));
    assert_eq!(values(""), Ok(Values::new()));
    assert_eq!(values("# nothing yet\n"), Ok(Values::new()));
}

#[test]
fn what_is_wrong_is_reported_with_its_place() {
    for (text, expected) in [
        (
            "file: k8s\n",
            "1: unknown-field fingerpost.yaml has no field `file`: did you mean `files`?",
        ),
        (
            "strict: maybe\n",
            "1: wrong-type expected true or false, found the text \"maybe\": ",
        ),
        (
            "ignore: [unknown-hots]\n",
            "1: bad-value no finding has the code `unknown-hots`: did you mean `unknown-host`?: ",
        ),
        (
            "ignore:\n- {cod: unknown-host}\n",
            "2: unknown-field ignore[0] has no field `cod`: did you mean `code`?",
        ),
        (
            "labels: istio=edge\n",
            "1: wrong-type expected a map of labels, found the text \"istio=edge\": write e.g. labels: {istio: ingressgateway}",
        ),
        (
            "proxyNamespace: Edge\n",
            "1: bad-value invalid namespace `Edge`: expected 1 to 63 small letters, digits and inner hyphens: ",
        ),
        (
            "labels: {app: a b}\n",
            "1: bad-value invalid label `app=a b`: expected letters, digits, and between them `-`, `_` and `.`: ",
        ),
        (
            "engine: lua\n",
            "1: bad-value expected `wasm` or `native`, found `lua`: ",
        ),
        ("files: {a: b}\n", "1: wrong-type expected a text, found a map: "),
        (
            "a: 1\n---\nb: 2\n",
            "3: several-documents settings are one document: ",
        ),
    ] {
        let errors = values(text).expect_err(text);
        assert!(errors.iter().any(|it| it == expected), "{text}: {errors:#?}");
    }
    assert!(values("envoy: \"1.2\"\n").is_err());
    assert!(values("files: [\n").is_err());
}

#[test]
fn the_schema_has_the_fields_that_the_reader_has() {
    let schema: Value = serde_json::from_str(SCHEMA).expect("JSON");
    let names = |pointer: &str| {
        let properties = schema.pointer(pointer).and_then(Value::as_object);
        let mut names: Vec<&str> = properties.expect(pointer).keys().map(String::as_str).collect();
        names.sort_unstable();
        names
    };
    let mut fields: Vec<&str> = SETTINGS.iter().map(|it| it.field).collect();
    fields.sort_unstable();
    assert_eq!(names("/properties"), fields);
    assert_eq!(names("/$defs/ignored/anyOf/1/properties"), IGNORED);
    for setting in SETTINGS {
        let property = &schema["properties"][setting.field];
        let (key, expected) = match setting.kind {
            Kind::Namespace => ("$ref", Value::from("#/$defs/namespace")),
            Kind::Domain | Kind::Locality => ("type", Value::from("string")),
            Kind::OneOf(choices) => ("enum", Value::from(choices)),
            Kind::EnvoyVersion => ("type", Value::from(vec!["string", "number"])),
            Kind::Number => ("type", Value::from("integer")),
            Kind::Labels => ("type", Value::from("object")),
            Kind::Flag => ("type", Value::from("boolean")),
            Kind::Paths => ("$ref", Value::from("#/$defs/texts")),
            Kind::Ignored => continue, // its fields are compared above
        };
        assert_eq!(property[key], expected, "{}", setting.field);
    }
}

#[test]
fn the_patterns_of_the_schema_accept_what_the_reader_accepts() {
    let schema: Value = serde_json::from_str(SCHEMA).expect("JSON");
    let long = "a".repeat(64);
    for (pointer, kind, label) in [
        ("/$defs/namespace/pattern", Kind::Namespace, ""),
        ("/properties/domain/pattern", Kind::Domain, ""),
        ("/properties/locality/pattern", Kind::Locality, ""),
        (
            "/properties/labels/additionalProperties/pattern",
            Kind::Labels,
            "app=",
        ),
        ("/properties/labels/propertyNames/pattern", Kind::Labels, "=1"),
    ] {
        let pattern = schema.pointer(pointer).and_then(Value::as_str).expect(pointer);
        let pattern = Pattern::parse(pattern).expect("a pattern");
        for text in [
            "a",
            "1",
            "",
            "a-b",
            "-a",
            "a-",
            "A",
            "a_b",
            "a.b",
            "a..b",
            ".a",
            "a/b",
            "a.b/c",
            "a b",
            "ä",
            "*",
            &long,
            &long[1..],
        ] {
            let read = match label {
                "=1" => check(kind, &format!("{text}=1")),
                before => check(kind, &format!("{before}{text}")),
            };
            assert_eq!(
                pattern.accepts(text.as_bytes()),
                read.is_ok(),
                "{pointer}: {text}: {read:?}"
            );
        }
    }
}

#[test]
fn the_page_has_every_setting() {
    let page = include_str!("../../../docs/settings.md");
    for setting in SETTINGS {
        let option = match setting.option {
            "files" => "-f".to_owned(),
            option => format!("--{}", option.replace('_', "-")),
        };
        let row = format!("| `{}` | `{option}` | `{}` |", setting.field, setting.variable);
        assert!(page.contains(&row), "{row}");
    }
}
