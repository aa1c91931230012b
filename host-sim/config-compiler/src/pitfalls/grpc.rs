//! gRPC that is sent as HTTP/1.1, which cannot carry it.
//!
//! A gateway speaks HTTP/2 only to a port that says so, whatever its clients speak. That a rule is for gRPC follows from what
//! it matches and does, or from the port; one finding is made for each port, with the strongest sign.
//! Source: istio `pkg/config/kube/conversion.go`, `ConvertProtocol`, and `pilot/pkg/networking/core/cluster_builder.go`,
//! `setUpstreamProtocol`; <https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md> for paths and content types.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::fmt;

use fingerpost_resources::kubernetes::ServicePort;
use fingerpost_resources::{Code, Destination, Diagnostics, ErrorType, HttpMatchRequest, StringMatch};

use crate::attachments::Attachments;
use crate::cluster_policies::Policies;
use crate::cluster_words::ClusterProtocol;
use crate::endpoints::origin;
use crate::gateways::BoundServer;
use crate::mesh::Mesh;
use crate::protocol::Protocol;
use crate::services::{ClusterRef, KnownPort, KnownService, ServiceSource};
use crate::virtual_services::{BoundVirtualService, Rule};

/// The conditions of `retryOn` that are about the status of a gRPC call.
const GRPC_CONDITIONS: [&str; 5] = [
    "cancelled",
    "deadline-exceeded",
    "internal",
    "resource-exhausted",
    "unavailable",
];

/// Reports ports that get HTTP/1.1 although a rule sends gRPC to them.
pub(super) fn check(
    services: &[BoundVirtualService<'_>],
    attachments: &Attachments<'_, '_>,
    mesh: &Mesh<'_>,
    diagnostics: &mut Diagnostics,
) {
    let mut found: BTreeMap<(String, u32), Suspicion<'_, '_>> = BTreeMap::new();
    for service in services {
        let Some(first) = attachments.first_of_gateways(service) else {
            continue;
        };
        for rule in &service.rules {
            for (path, destination) in destinations(rule) {
                let namespace = &service.resource.meta.namespace;
                let cluster = mesh.services.cluster(destination, namespace, first.declared_port);
                let Some((known, port)) = speaks_http1(&cluster, mesh) else {
                    continue;
                };
                let servers = attachments.of_service(service);
                let signs = sign_of_port(known, port)
                    .into_iter()
                    .chain(sign_of_rule(rule))
                    .chain(sign_of_servers(servers));
                let Some(sign) = signs.min_by_key(Sign::rank) else {
                    continue;
                };
                let suspicion = Suspicion {
                    sign,
                    rule,
                    path,
                    known,
                    port,
                };
                match found.entry((cluster.hostname, cluster.port)) {
                    Entry::Vacant(entry) => drop(entry.insert(suspicion)),
                    Entry::Occupied(mut entry) => {
                        if suspicion.sign.rank() < entry.get().sign.rank() {
                            entry.insert(suspicion);
                        }
                    }
                }
            }
        }
    }
    for suspicion in found.values() {
        suspicion.report(diagnostics);
    }
}

/// A port that gets HTTP/1.1, and why it should get HTTP/2.
struct Suspicion<'a, 'r> {
    sign: Sign,
    rule: &'a Rule<'r>,
    /// The field of the rule that names the port's service.
    path: String,
    known: &'a KnownService<'r>,
    port: &'a KnownPort,
}

/// What shows that gRPC is sent to a port.
enum Sign {
    /// The name or `appProtocol` of the port, by its place in the resource, says so in a form that does not count.
    Port { place: usize, reason: String },
    /// The rule matches the content type of gRPC.
    ContentType,
    /// All conditions of `retryOn` are about gRPC.
    RetryOn(String),
    /// The rule matches the path of a method.
    Method(String),
    /// A fault gives a gRPC status.
    Fault(String),
    /// A server of the Gateway is for gRPC.
    Server,
}

impl Sign {
    /// The surest first.
    fn rank(&self) -> u8 {
        match self {
            Self::Port { .. } => 0,
            Self::ContentType => 1,
            Self::RetryOn(_) => 2,
            Self::Method(_) => 3,
            Self::Fault(_) => 4,
            Self::Server => 5,
        }
    }

    /// Whether nothing but gRPC can be meant. The paths of gRPC also carry Connect, or JSON, over HTTP/1.1.
    fn is_sure(&self) -> bool {
        match self {
            Self::Port { .. } | Self::ContentType | Self::RetryOn(_) => true,
            Self::Method(_) | Self::Fault(_) | Self::Server => false,
        }
    }
}

impl fmt::Display for Sign {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Port { reason, .. } => f.write_str(reason),
            Self::ContentType => f.write_str("the rule matches the content type of gRPC"),
            Self::RetryOn(conditions) => write!(f, "`retryOn: {conditions}` is about gRPC alone"),
            Self::Method(path) => write!(f, "the rule matches `{path}`, which looks like a gRPC method"),
            Self::Fault(status) => write!(f, "the fault of the rule is the gRPC status {status}"),
            Self::Server => f.write_str("a server of its Gateway has the protocol GRPC"),
        }
    }
}

impl Suspicion<'_, '_> {
    fn report(&self, diagnostics: &mut Diagnostics) {
        let message = format!(
            "port {} of {} gets HTTP/1.1, which cannot carry gRPC: {}",
            self.port.number, self.known.hostname, self.sign
        );
        let finding = if self.sign.is_sure() {
            diagnostics.warn(Code::GrpcOverHttp1, message)
        } else {
            diagnostics.note(Code::GrpcOverHttp1, message)
        };
        let finding = match &self.sign {
            Sign::Port { place, .. } => finding.on(origin(self.known), format!("spec.ports[{place}]")),
            Sign::ContentType | Sign::RetryOn(_) | Sign::Method(_) | Sign::Fault(_) | Sign::Server => {
                finding.on(&self.rule.leaf.origin, self.path.clone())
            }
        };
        finding.help(match self.known.source {
            ServiceSource::Kubernetes(_) => {
                "name the Service's port `grpc` or `grpc-…`, or give it `appProtocol: grpc`"
            }
            ServiceSource::Entry(_) => "give the ServiceEntry's port `protocol: GRPC`",
        });
    }
}

/// Where a rule sends requests and copies of them, with the field of each.
fn destinations<'a>(rule: &'a Rule<'_>) -> impl Iterator<Item = (String, &'a Destination)> {
    let routes = rule.route.route.iter().enumerate().filter_map(|(index, it)| {
        let path = format!("{}.route[{index}].destination", rule.path);
        Some((path, it.destination.as_ref()?))
    });
    let mirrors = rule.route.mirrors.iter().enumerate().filter_map(|(index, it)| {
        let path = format!("{}.mirrors[{index}].destination", rule.path);
        Some((path, it.destination.as_ref()?))
    });
    let mirror = rule.route.mirror.as_deref();
    let mirror = mirror.map(|it| (format!("{}.mirror", rule.path), it));
    routes.chain(mirrors).chain(mirror)
}

/// The port of a cluster that gets HTTP/1.1 even from clients that speak HTTP/2. A port that was assumed says nothing.
fn speaks_http1<'a, 'r>(
    cluster: &ClusterRef,
    mesh: &'a Mesh<'r>,
) -> Option<(&'a KnownService<'r>, &'a KnownPort)> {
    let known = mesh.services.find(&cluster.hostname, "")?;
    let port = known.port(cluster.port).filter(|_| !known.source.is_assumed())?;
    let policies = Policies::of(mesh.rule_of(cluster, ""), cluster);
    match policies.version(port.protocol) {
        ClusterProtocol::Http1 => Some((known, port)),
        ClusterProtocol::Http2 | ClusterProtocol::Client | ClusterProtocol::Bytes => None,
    }
}

/// What the name of a port says, where something else decides.
fn sign_of_port(known: &KnownService<'_>, port: &KnownPort) -> Option<Sign> {
    let (place, reason) = match known.source {
        ServiceSource::Kubernetes(service) => {
            let mut ports = service.spec.ports.iter().enumerate();
            let (place, written) = ports.find(|(_, it)| it.port == Some(port.number))?;
            (place, reason_of_service_port(written, port.protocol))
        }
        ServiceSource::Entry(entry) => {
            let mut ports = entry.spec.ports.iter().enumerate();
            let (place, written) = ports.find(|(_, it)| it.number == Some(port.number))?;
            let reason = says_http2(&written.name).then(|| {
                format!(
                    "its name is `{}`, but its `protocol` {} decides",
                    written.name, written.protocol
                )
            });
            (place, reason)
        }
    };
    reason.map(|reason| Sign::Port { place, reason })
}

fn reason_of_service_port(written: &ServicePort, protocol: Protocol) -> Option<String> {
    let ServicePort {
        name, app_protocol, ..
    } = written;
    let names_grpc = |text: &str| text.to_ascii_lowercase().contains("grpc");
    let is_unknown = protocol == Protocol::Unknown;
    if app_protocol.is_empty() {
        return (is_unknown && names_grpc(name)).then(|| {
            format!("in its name `{name}` only the part before the first `-` counts, and that is not `grpc`")
        });
    }
    if is_unknown && (names_grpc(app_protocol) || app_protocol.to_ascii_lowercase().contains("h2c")) {
        return Some(format!("Istio does not know its appProtocol `{app_protocol}`"));
    }
    says_http2(name).then(|| format!("its name is `{name}`, but its appProtocol `{app_protocol}` decides"))
}

/// Whether a port of this name gets HTTP/2 if only its name is given.
fn says_http2(name: &str) -> bool {
    Protocol::of_port_name(name) == Protocol::Http2
}

/// What a rule says of its requests.
fn sign_of_rule(rule: &Rule<'_>) -> Option<Sign> {
    let matches = || rule.matches.iter().map(|(_, it)| &**it);
    if matches().any(wants_grpc) {
        return Some(Sign::ContentType);
    }
    let retry_on = rule.route.retries.as_ref().map_or("", |it| it.retry_on.as_str());
    let mut conditions = retry_on.split(',').map(str::trim);
    if conditions.all(|it| GRPC_CONDITIONS.contains(&it)) {
        return Some(Sign::RetryOn(retry_on.to_owned()));
    }
    if let Some(path) = matches().find_map(method_path) {
        return Some(Sign::Method(path.to_owned()));
    }
    let abort = rule.route.fault.as_ref().and_then(|it| it.abort.as_ref())?;
    match abort.error_type.as_ref()? {
        ErrorType::GrpcStatus(status) => Some(Sign::Fault(status.clone())),
        ErrorType::HttpStatus(_) | ErrorType::Http2Error(_) => None,
    }
}

fn wants_grpc(request: &HttpMatchRequest) -> bool {
    let mut headers = request.headers.iter();
    headers.any(|(name, wanted)| {
        let text = match wanted {
            StringMatch::Exact(text) | StringMatch::Prefix(text) | StringMatch::Regex(text) => text,
            StringMatch::Present => return false,
        };
        // gRPC-Web goes over HTTP/1.1 too.
        name.eq_ignore_ascii_case("content-type")
            && text.contains("application/grpc")
            && !text.contains("grpc-web")
    })
}

/// The path of a match, if it looks like `/package.Service/Method`.
fn method_path(request: &HttpMatchRequest) -> Option<&str> {
    let (written, literal) = match request.uri.as_ref()? {
        StringMatch::Exact(text) | StringMatch::Prefix(text) => (text, text.clone()),
        StringMatch::Regex(pattern) => {
            let plain = pattern.trim_start_matches('^').replace("\\.", ".");
            let end = plain.find(['(', '[', '*', '+', '?', '{', '|', '$', '\\']);
            let literal = plain.get(..end.unwrap_or(plain.len())).unwrap_or_default();
            (pattern, literal.trim_end_matches('.').to_owned())
        }
        StringMatch::Present => return None,
    };
    is_method_path(&literal).then_some(written)
}

/// Packages begin in lower case and services in upper case, by the style guide of Protocol Buffers.
fn is_method_path(path: &str) -> bool {
    let Some(rest) = path.strip_prefix('/') else {
        return false;
    };
    let (service, method) = rest.split_once('/').unwrap_or((rest, ""));
    let Some((package, service)) = service.rsplit_once('.') else {
        return false;
    };
    let is_name = |text: &str| text.chars().all(|it| it.is_ascii_alphanumeric() || it == '_');
    let is_upper = |text: &str| text.starts_with(|first: char| first.is_ascii_uppercase());
    let is_lower = |text: &str| text.starts_with(|first: char| first.is_ascii_lowercase());
    package.split('.').all(|it| is_lower(it) && is_name(it))
        && is_upper(service)
        && is_name(service)
        && service.contains(|it: char| it.is_ascii_lowercase())
        && (method.is_empty() || is_upper(method) && is_name(method))
}

fn sign_of_servers(servers: &[&BoundServer<'_>]) -> Option<Sign> {
    let mut ports = servers.iter().filter_map(|it| it.server.port.as_ref());
    ports
        .any(|it| it.protocol.eq_ignore_ascii_case("GRPC"))
        .then_some(Sign::Server)
}

#[cfg(test)]
mod tests {
    use super::is_method_path;

    #[test]
    fn a_path_of_a_method_has_a_package_and_a_service() {
        for path in [
            "/hello.Greeter/SayHello",
            "/hello.Greeter/",
            "/hello.Greeter",
            "/grpc.health.v1.Health/Check",
        ] {
            assert!(is_method_path(path), "{path}");
        }
        for path in [
            "/",
            "/api/v1.2/Users",
            "/index.html",
            "/README.MD",
            "/Main.Page",
            "/hello.Greeter/assets/a",
            "/hello.greeter/x",
            "/v1.Api/users",
            "/Greeter/SayHello",
            "hello.Greeter/",
        ] {
            assert!(!is_method_path(path), "{path}");
        }
    }
}
