//! What a test file says, whatever its format: requests, and what is to become of each.
//!
//! Readers build it, `compiled_proxy` answers its requests, `judge` compares. Nothing here is about one format: what a format
//! can't express is absent.

use std::collections::BTreeMap;
use std::path::PathBuf;

use fingerpost_config_compiler::{EnvoyVersion, Locality};
use fingerpost_proxy_model::Tls;
use fingerpost_resources::Span;
use fingerpost_simulated_proxy::{Answer, Scheme};

use crate::want::Want;

/// The tests of one file.
#[derive(Debug)]
pub struct Suite {
    /// The file, as the user named it or as the walk found it.
    pub file: PathBuf,
    /// The format, for people: `fingerpost`, `istio-config-validator` and so on.
    pub(crate) format: &'static str,
    /// What the requests are sent to.
    pub inputs: Inputs,
    /// The cases, in the order of the file.
    pub(crate) cases: Vec<Case>,
}

/// What is compiled for a suite, and for which proxy. What a file does not say is `None` or empty; the command line
/// goes before all of it.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Inputs {
    /// Files and folders, already relative to the working directory; none: the folder of the test file.
    pub resources: Vec<PathBuf>,
    /// Labels of the proxy.
    pub labels: Option<BTreeMap<String, String>>,
    /// Namespace of resources that name none.
    pub namespace: Option<String>,
    /// Namespace in which the proxy runs.
    pub proxy_namespace: Option<String>,
    /// Where the proxy runs.
    pub locality: Option<Locality>,
    /// Domain of the cluster.
    pub domain: Option<String>,
    /// How many proxies before this one are trusted.
    pub trusted_hops: u32,
    /// Release of Envoy to compile for.
    pub envoy: Option<EnvoyVersion>,
    /// Takes warnings for errors.
    pub strict: bool,
    /// Binds every VirtualService to an implied Gateway for all hosts on port 80.
    pub no_gateway: bool,
}

/// A request, and what is to become of it.
#[derive(Debug)]
pub(crate) struct Case {
    /// Its name; need not be unique.
    pub(crate) name: String,
    /// Where it is written.
    pub(crate) at: Span,
    /// The request.
    pub(crate) request: TestRequest,
    /// Where the dice fall, if the file says so; otherwise everything must hold wherever they fall.
    pub(crate) roll: Option<u64>,
    /// What must hold.
    pub(crate) expectations: Vec<Expectation>,
    /// Why the case is not to be run at all.
    pub(crate) skip: Option<String>,
    /// Where `expect` can be put, if the file has none for this case and is ours.
    pub(crate) slot: Option<Slot>,
}

/// A place for `expect` in a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Slot {
    /// Below the line of this byte, with as many blanks before it.
    Block { after: usize, indent: usize },
    /// At this byte, behind the last field between braces.
    Flow { after: usize },
}

impl Case {
    /// Whether it waits for its first outcome to be accepted.
    pub(crate) fn is_new(&self) -> bool {
        self.expectations.is_empty() && self.slot.is_some()
    }
}

impl Slot {
    /// The byte that it is behind.
    pub(crate) fn after(self) -> usize {
        let (Self::Block { after, .. } | Self::Flow { after }) = self;
        after
    }
}

/// A request as a test file has it.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct TestRequest {
    /// The method.
    pub(crate) method: String,
    /// The host, with the port if one is sent.
    pub(crate) authority: String,
    /// The path with the query.
    pub(crate) path: String,
    /// The other headers, in order.
    pub(crate) headers: Vec<(String, String)>,
    /// The Gateway port, if the file names one; otherwise that of the authority or of the scheme.
    pub(crate) port: Option<u16>,
    /// The scheme, where the file names one.
    pub(crate) scheme: Option<Scheme>,
    /// How the client speaks TLS, if it does.
    pub(crate) tls: Option<Tls>,
    /// Whether the file knows neither listeners nor TLS: the request then goes to where its host is served.
    pub(crate) anywhere: bool,
    /// What the upstream answers, where the file says it; otherwise what an echo server does.
    pub(crate) answer: Option<Answer>,
}

/// One thing that must hold.
#[derive(Debug, Clone)]
pub(crate) struct Expectation {
    /// The field as the file has it, such as `response.headers.x-a` or `cluster_name`.
    pub(crate) field: String,
    /// What is wanted of it.
    pub(crate) want: Want,
    /// Whether it must not be so.
    pub(crate) not: bool,
    /// Where it is written.
    pub(crate) at: Span,
}
