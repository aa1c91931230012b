//! Resources in short, and questions to what they compile to.

use fingerpost_config_compiler::{Compiled, Options, compile as compile_resources};
use fingerpost_envoy_config::core::Address;
use fingerpost_envoy_config::filters::http_connection_manager::RouteSpecifier;
use fingerpost_envoy_config::listener::{Listener, NetworkFilterConfig};
use fingerpost_envoy_config::route::TlsRequirement;
use fingerpost_resources::{Diagnostics, Resources, Source, read};
use fingerpost_routing::{Decision, RequestHead, Roll};
use fingerpost_routing_config::{Action, RewrittenBy, RoutingConfig};

/// A Gateway `istio-system/gw` with one HTTP server.
pub(crate) fn gateway(port: u16, hosts: &str) -> String {
    format!(
        "apiVersion: networking.istio.io/v1\nkind: Gateway\nmetadata: {{name: gw, namespace: istio-system}}\nspec:\n  selector: {{istio: ingressgateway}}\n  servers:\n  - port: {{number: {port}, name: http, protocol: HTTP}}\n    hosts: {hosts}\n"
    )
}

/// A VirtualService `foo/<name>` bound to that Gateway. `http` is the list, its first item unindented.
pub(crate) fn vs(name: &str, hosts: &str, http: &str) -> String {
    format!(
        "apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {{name: \"{name}\", namespace: foo}}\nspec:\n  hosts: {hosts}\n  gateways: [istio-system/gw]\n  http:\n  {http}\n"
    )
}

/// A Service `foo/<name>` with one port.
pub(crate) fn service(name: &str, port: u16) -> String {
    format!(
        "apiVersion: v1\nkind: Service\nmetadata: {{name: {name}, namespace: foo}}\nspec: {{ports: [{{name: http, port: {port}}}]}}\n"
    )
}

/// Compiles for the default proxy.
pub(crate) fn compile(resources: &[String]) -> Answers {
    Proxy::default().compile(resources)
}

/// The proxy to compile for.
#[derive(Default)]
pub(crate) struct Proxy(Options);

impl Proxy {
    /// One that runs in `namespace`.
    pub(crate) fn in_namespace(namespace: &str) -> Self {
        Self(Options {
            namespace: namespace.to_owned(),
            ..Options::default()
        })
    }

    /// One with these labels.
    pub(crate) fn with_labels(labels: &[(&str, &str)]) -> Self {
        let labels = labels
            .iter()
            .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
            .collect();
        Self(Options {
            labels,
            ..Options::default()
        })
    }

    /// One on that release of Envoy.
    pub(crate) fn for_envoy(version: &str) -> Self {
        let envoy = version.parse().expect("a supported version");
        Self(Options {
            envoy,
            ..Options::default()
        })
    }

    /// Compiles documents. What can't be read is a fault of the test.
    pub(crate) fn compile(self, documents: &[String]) -> Answers {
        let mut diagnostics = Diagnostics::new();
        let source = Source::new("test.yaml", documents.join("---\n"));
        let resources: Resources = read(vec![source], &mut diagnostics);
        assert!(!diagnostics.has_errors(), "{diagnostics:?}");
        let compiled = compile_resources(&resources, &self.0, &mut diagnostics);
        Answers {
            compiled,
            codes: diagnostics.iter().map(|it| it.code.as_str()).collect(),
        }
    }
}

/// What was compiled, ready for questions.
pub(crate) struct Answers {
    compiled: Compiled,
    codes: Vec<&'static str>,
}

impl Answers {
    /// The first label of the destination's host; `redirect`, `direct_response` or `404`.
    pub(crate) fn ask(&self, port: u64, authority: &str, path: &str) -> String {
        let key = self.key(port, authority, path);
        match key.split('|').nth(3) {
            Some(host) => host.split('.').next().unwrap_or(host).to_owned(),
            None => key.split('@').next().unwrap_or(&key).to_owned(),
        }
    }

    /// The cluster that a request goes to.
    pub(crate) fn cluster(&self, port: u64, authority: &str, path: &str) -> String {
        let key = self.key(port, authority, path);
        key.split('@').next().unwrap_or(&key).to_owned()
    }

    fn key(&self, port: u64, authority: &str, path: &str) -> String {
        let config = self.config(port);
        let table = config.load().expect("what the compiler writes loads");
        let head = RequestHead::new(Some(authority.as_bytes()), Some(path.as_bytes()))
            .with_method(Some(b"GET"))
            .with_scheme(Some(b"http"));
        match table.decide(&head, || Roll(0)) {
            Decision::Routed(found) => found.key.as_str().to_owned(),
            _ => "404".to_owned(),
        }
    }

    /// How many filter chains the listener on `port` has; 0 without a listener.
    pub(crate) fn chains(&self, port: u64) -> usize {
        self.listener(port).map_or(0, |it| it.filter_chains.len())
    }

    /// Whether the virtual host redirects to HTTPS; none if there is no such host.
    pub(crate) fn require_tls(&self, port: u64, domain: &str) -> Option<bool> {
        let filter = self.listener(port)?.filter_chains.first()?.filters.first()?;
        let NetworkFilterConfig::HttpConnectionManager(manager) = &filter.typed_config else {
            return None;
        };
        let RouteSpecifier::RouteConfig(config) = &manager.routes else {
            return None;
        };
        let mut hosts = config.virtual_hosts.iter();
        let host = hosts.find(|it| it.domains.iter().any(|it| it == domain))?;
        Some(host.require_tls == TlsRequirement::All)
    }

    /// How many routes a virtual host has.
    pub(crate) fn routes(&self, port: u64, domain: &str) -> usize {
        let config = self.config(port);
        let host = config
            .virtual_hosts
            .iter()
            .find(|it| it.domains.iter().any(|one| one == domain));
        host.map_or(0, |it| it.routes.len())
    }

    /// Who rewrites the path on the only route of a virtual host.
    pub(crate) fn rewritten_by(&self, port: u64, domain: &str) -> &'static str {
        let config = self.config(port);
        let host = config
            .virtual_hosts
            .iter()
            .find(|it| it.domains.iter().any(|one| one == domain));
        let route = host.and_then(|it| it.routes.first()).expect("one route");
        assert!(route.rewrite.is_some() && matches!(route.action, Action::Forward(_)));
        match route.rewritten_by {
            RewrittenBy::Filter => "filter",
            RewrittenBy::Envoy => "envoy",
        }
    }

    /// The names of the clusters that exist.
    pub(crate) fn clusters(&self) -> Vec<String> {
        self.compiled
            .summary
            .clusters
            .iter()
            .map(|it| it.name.clone())
            .collect()
    }

    /// Whether a diagnostic of that code was made.
    pub(crate) fn warned(&self, code: &str) -> bool {
        self.codes.contains(&code)
    }

    fn listener(&self, port: u64) -> Option<&Listener> {
        let mut listeners = self.compiled.bootstrap.static_resources.listeners.iter();
        listeners.find(|it| match &it.address {
            Address::SocketAddress(address) => u64::from(address.port_value) == port,
            Address::Pipe(_) => false,
        })
    }

    fn config(&self, port: u64) -> RoutingConfig {
        let mut chains = self.compiled.chains.iter();
        let found = chains.find(|it| u64::from(it.port) == port);
        found.expect("a listener on that port").config.clone()
    }
}
