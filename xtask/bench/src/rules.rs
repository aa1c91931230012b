//! The tables that are measured, written as a user would write them, and the requests to them.

use std::fmt;
use std::fmt::Write as _;
use std::path::Path;

use fingerpost_config_compiler::{Engine, Options};
use fingerpost_envoy_runner::Bootstrap;
use fingerpost_resources::{Diagnostics, Source, read, render};

use crate::{Failure, absolute};

/// How many clusters the rules send to.
const CLUSTERS: usize = 10;
/// How many different requests a turn cycles through.
const REQUESTS: usize = 1000;

/// What the rules look at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Each rule has its own exact path.
    ExactPath,
    /// All rules have the prefix `/`, and each its own header value.
    Header,
}

impl Kind {
    /// The heads of requests that hit rules all over a table of `count`.
    pub(crate) fn requests(self, count: usize) -> Vec<Vec<u8>> {
        // A step that is prime to any table's size met here visits its rules evenly and in no order.
        let rules = (0..REQUESTS).map(|n| n * 7919 % count.max(1));
        let request = |rule| {
            let (path, header) = match self {
                Self::ExactPath => (format!("/service-{rule}/items"), String::new()),
                Self::Header => ("/items".to_owned(), format!("x-tenant: tenant-{rule}\r\n")),
            };
            format!(
                "GET {path} HTTP/1.1\r\nhost: shop.example.com\r\nuser-agent: bench\r\naccept: */*\r\n\
                 x-request-from: somewhere\r\naccept-language: en\r\n{header}\r\n"
            )
        };
        rules.map(|rule| request(rule).into_bytes()).collect()
    }

    fn condition(self, rule: usize) -> String {
        match self {
            Self::ExactPath => format!("uri: {{exact: /service-{rule}/items}}"),
            Self::Header => format!("headers: {{x-tenant: {{exact: tenant-{rule}}}}}"),
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::ExactPath => "exact path",
            Self::Header => "header",
        })
    }
}

/// Compiles a table of `count` rules, and a last one that takes everything else.
pub(crate) fn compile(kind: Kind, count: usize, engine: Engine, module: &Path) -> Result<Bootstrap, Failure> {
    let mut diagnostics = Diagnostics::new();
    let resources = read(
        vec![Source::new("bench.yaml", &written(kind, count)?)],
        &mut diagnostics,
    );
    let options = Options {
        engine,
        module_path: absolute(module)?,
        ..Options::default()
    };
    let compiled = fingerpost_config_compiler::compile(&resources, &options, &mut diagnostics);
    match diagnostics.has_errors() {
        true => Err(render(&diagnostics, &resources.sources, false).into()),
        false => Ok(Bootstrap(compiled.bootstrap_json())),
    }
}

/// The resources as YAML.
pub(crate) fn written(kind: Kind, count: usize) -> Result<String, fmt::Error> {
    let mut yaml = String::from(
        "apiVersion: networking.istio.io/v1\nkind: Gateway\nmetadata: {name: edge, namespace: istio-system}\n\
         spec:\n  selector: {istio: ingressgateway}\n  servers:\n  - port: {number: 80, name: http, protocol: HTTP}\n    \
         hosts: ['*']\n",
    );
    for cluster in 0..CLUSTERS {
        write!(
            yaml,
            "---\napiVersion: networking.istio.io/v1\nkind: ServiceEntry\nmetadata: {{name: s{cluster}}}\n\
             spec:\n  hosts: [s{cluster}.example.com]\n  ports: [{{number: 80, name: http, protocol: HTTP}}]\n  \
             resolution: STATIC\n  endpoints: [{{address: 127.0.0.1}}]\n"
        )?;
    }
    yaml.push_str(
        "---\napiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {name: shop}\n\
         spec:\n  hosts: [shop.example.com]\n  gateways: [istio-system/edge]\n  http:\n",
    );
    for rule in 0..count {
        let (condition, cluster) = (kind.condition(rule), rule % CLUSTERS);
        writeln!(
            yaml,
            "  - match: [{{{condition}}}]\n    route: [{{destination: {{host: s{cluster}.example.com}}}}]"
        )?;
    }
    writeln!(yaml, "  - route: [{{destination: {{host: s0.example.com}}}}]")?;
    Ok(yaml)
}
