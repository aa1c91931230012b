//! The file of `up --check`, read as tests: what a stock Envoy is held to, the simulated proxy is held to as well.
//!
//! `up` has the types and their reading, so that both commands refuse the same files. Here the lines are added.

use fingerpost_config_compiler::Labels;
use fingerpost_resources::yaml::{Node, Value};
use fingerpost_resources::{Code, Diagnostics, Place, Span};

use crate::check_file::{CheckFile, ExpectedOutcome, FileCheck};
use crate::suite::{Case, Expectation, Inputs, Suite, TestRequest};
use crate::test_file::TestFile;
use crate::want::{Statuses, Text, Want};

/// Whether a document is such a file.
pub(super) fn is_one(document: &Node) -> bool {
    document.get("requests").is_some() && document.get("tests").is_none()
}

/// Reads it.
pub(super) fn read(file: &TestFile, diagnostics: &mut Diagnostics) -> Suite {
    let mut suite = Suite {
        file: file.path.clone(),
        format: "up --check",
        inputs: Inputs::default(),
        cases: Vec::new(),
    };
    match CheckFile::parse(&file.text) {
        Ok(checks) => {
            let labels = checks.labels.as_deref().map(str::parse::<Labels>).transpose();
            match labels {
                Ok(labels) => suite.inputs.labels = labels.map(|it| it.0),
                Err(reason) => drop(diagnostics.error(Code::WrongLabels, reason).at(place(file, None))),
            }
            let requests = file.documents.first().and_then(|it| it.get("requests"));
            let nodes = match requests.map(|it| &it.value) {
                Some(Value::List(items)) => items.as_ref(),
                _ => &[],
            };
            for (at, check) in checks.requests.into_iter().enumerate() {
                let node = nodes.get(at).map(AsRef::as_ref);
                match case(check, &place(file, node)) {
                    Ok(case) => suite.cases.push(case),
                    Err(reason) => {
                        diagnostics
                            .error(Code::WrongRule, reason)
                            .about("", format!("requests[{at}].expect.rule"))
                            .at(place(file, node));
                    }
                }
            }
        }
        Err(error) => {
            let lines = file
                .text
                .split_inclusive('\n')
                .take(error.line().saturating_sub(1));
            let at = lines.map(str::len).sum::<usize>() + error.column().saturating_sub(1);
            let place = Place::of_bytes(&file.text, at, at + 1);
            diagnostics
                .error(Code::TestFile, error.to_string())
                .at(file.span(place))
                .help("a file for `up --check` has `requests`; tests of another kind are in a list `tests`");
        }
    }
    suite
}

fn place(file: &TestFile, node: Option<&Node>) -> Span {
    let node = node.or(file.documents.first().map(AsRef::as_ref));
    file.span(node.map(|it| it.place).unwrap_or_default())
}

fn case(check: FileCheck, at: &Span) -> Result<Case, String> {
    let FileCheck { request, expect } = check;
    let wants = wants(expect)?;
    let expectation = |(field, want): (&str, Want)| Expectation {
        field: field.to_owned(),
        want,
        not: false,
        at: at.clone(),
    };
    Ok(Case {
        name: format!("{} {}{}", request.method, request.authority, request.path),
        at: at.clone(),
        request: TestRequest {
            method: request.method,
            authority: request.authority,
            path: request.path,
            headers: request.headers,
            port: u16::try_from(request.port).ok(),
            ..TestRequest::default()
        },
        roll: None,
        expectations: wants.into_iter().map(expectation).collect(),
        skip: None,
        slot: None,
    })
}

fn wants(expect: ExpectedOutcome) -> Result<Vec<(&'static str, Want)>, String> {
    let mut wants = vec![("status", Want::Status(Statuses::OneOf(vec![expect.status])))];
    if let Some(cluster) = expect.cluster {
        let want = cluster.map_or(Want::NoCluster, |it| Want::Cluster(Text::Exact(it)));
        wants.push(("cluster", want));
    }
    if let Some(path) = expect.path {
        wants.push((
            "path",
            path.map_or(Want::NoCluster, |it| Want::Path(Text::Exact(it))),
        ));
    }
    if let Some(rule) = expect.rule {
        let want = match rule {
            Some(rule) => Want::Rule(rule.parse()?),
            None => Want::NoRule,
        };
        wants.push(("rule", want));
    }
    Ok(wants)
}
