//! Servers of one port between which clients reuse a connection: HTTP/2 clients send requests for every host that the server's certificate
//! is for, and the rules of the connection's own server answer them.
//!
//! Decides by the names in certificates of the input; of others it is known only which servers have the same one. Nothing is
//! reported for a host that both servers route alike, or that no rule routes.
//! Source: RFC 9113, section 9.1.1; istio.io, Traffic Management Problems, "404 errors occur when multiple gateways configured with same TLS
//! certificate".

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use fingerpost_resources::{Code, Diagnostics};

use crate::attachments::Attachments;
use crate::certificates::{self, CertificateChain};
use crate::credentials::{self, CredentialName};
use crate::gateways::{BoundServer, MergedListener};
use crate::host;
use crate::mesh::Mesh;
use crate::protocol::Termination;

/// Reports them, once for two servers, at the later one.
pub(super) fn check(
    listeners: &[MergedListener<'_>],
    attachments: &Attachments<'_, '_>,
    mesh: &Mesh<'_>,
    diagnostics: &mut Diagnostics,
) {
    for listener in listeners {
        let servers = listener
            .servers()
            .filter(|it| it.termination == Termination::Https);
        let port = Port::new(servers.collect(), attachments);
        if port.servers.len() < 2 {
            continue;
        }
        let mut reported = HashSet::new();
        for shared in certificates_of(&port.servers, mesh) {
            for (host, owner) in port.hosts_of(&shared) {
                let mut shown_by = shared.servers.iter().copied();
                let Some(other) = shown_by.find(|it| *it != owner && !port.route_alike(*it, owner, host))
                else {
                    continue;
                };
                let pair = (other.min(owner), other.max(owner));
                if reported.insert(pair) {
                    report(&port, &shared, other, (host, owner), diagnostics);
                }
            }
        }
    }
}

/// A certificate, and the servers that show it, by their index.
struct Shared {
    /// How the Gateway names it, and in which field, by the server.
    named: BTreeMap<usize, (String, String)>,
    servers: Vec<usize>,
    /// None if what it says is not known.
    chain: Option<CertificateChain>,
}

/// The servers of a port that end TLS for HTTP.
struct Port<'p, 'r> {
    servers: Vec<&'p BoundServer<'r>>,
    /// The server of each host.
    owners: BTreeMap<String, usize>,
    /// The hosts by what is after their first label.
    by_parent: HashMap<String, Vec<String>>,
    /// For each server and each of its domains the VirtualServices, by their place.
    routes: Vec<BTreeMap<String, Vec<usize>>>,
}

impl<'p, 'r> Port<'p, 'r> {
    fn new(servers: Vec<&'p BoundServer<'r>>, attachments: &Attachments<'_, 'r>) -> Self {
        let mut owners = BTreeMap::new();
        let mut by_parent: HashMap<String, Vec<String>> = HashMap::new();
        let mut routes = Vec::new();
        for (index, server) in servers.iter().enumerate() {
            for host in server.hosts.iter().map(|it| host::without_namespace(it)) {
                owners.entry(host.to_owned()).or_insert(index);
                if let Some((_, parent)) = host.split_once('.') {
                    by_parent
                        .entry(parent.to_owned())
                        .or_default()
                        .push(host.to_owned());
                }
            }
            let mut of_server: BTreeMap<String, Vec<usize>> = BTreeMap::new();
            for attached in attachments.of_server(server) {
                for domain in attached.domains {
                    of_server
                        .entry(domain.clone())
                        .or_default()
                        .push(attached.service.place);
                }
            }
            routes.push(of_server);
        }
        Self {
            servers,
            owners,
            by_parent,
            routes,
        }
    }

    /// The hosts that a certificate is for, and whose they are: of one whose names are not known, those of its servers.
    fn hosts_of(&self, shared: &Shared) -> Vec<(&str, usize)> {
        let Some(chain) = &shared.chain else {
            let hosts = |index: &usize| self.servers.get(*index).map(|it| it.hosts.iter());
            let hosts = shared.servers.iter().filter_map(hosts).flatten();
            return self.owned(hosts.map(|it| host::without_namespace(it)));
        };
        let below = |name: &str| name.strip_prefix("*.").and_then(|it| self.by_parent.get(it));
        let below = chain.all_names().filter_map(below).flatten();
        let exact = chain.all_names().filter(|it| !it.starts_with('*'));
        let exact = exact.filter_map(|it| host::most_specific(it, &self.owners));
        self.owned(
            exact
                .map(|(host, _)| host.as_str())
                .chain(below.map(String::as_str)),
        )
    }

    fn owned<'h>(&self, hosts: impl Iterator<Item = &'h str>) -> Vec<(&'h str, usize)> {
        let hosts: BTreeSet<&str> = hosts.collect();
        let mut owned: Vec<(&str, usize)> = hosts
            .into_iter()
            .filter_map(|it| Some((it, *self.owners.get(it)?)))
            .collect();
        // The hosts of later servers first: those are the ones that were added.
        owned.sort_by_key(|(_, owner)| Reverse(*owner));
        owned
    }

    /// Whether a request for a host gets the same from both: also if neither has a rule for it.
    fn route_alike(&self, one: usize, other: usize, host: &str) -> bool {
        self.services(one, host) == self.services(other, host)
    }

    /// The VirtualServices that answer for a host.
    fn services(&self, server: usize, host: &str) -> Option<&Vec<usize>> {
        let domains = self.routes.get(server)?;
        host::most_specific(host, domains).map(|(_, services)| services)
    }
}

/// The certificates of the servers, in order.
fn certificates_of(servers: &[&BoundServer<'_>], mesh: &Mesh<'_>) -> Vec<Shared> {
    let mut index_of: HashMap<String, usize> = HashMap::new();
    let mut found: Vec<Shared> = Vec::new();
    for (index, server) in servers.iter().enumerate() {
        for (identity, name, field) in names_of(server) {
            let (identity, chain) = content(&identity, mesh);
            let place = *index_of.entry(identity).or_insert(found.len());
            if place == found.len() {
                found.push(Shared {
                    named: BTreeMap::new(),
                    servers: Vec::new(),
                    chain,
                });
            }
            if let Some(shared) = found.get_mut(place) {
                shared.named.entry(index).or_insert((name, field));
                if shared.servers.last() != Some(&index) {
                    shared.servers.push(index);
                }
            }
        }
    }
    found
}

/// What a server's certificate is told from others by.
enum Identity {
    Credential(String),
    File(String),
}

/// The certificates of a server: each with its name for people, and its field.
fn names_of(server: &BoundServer<'_>) -> Vec<(Identity, String, String)> {
    let Some(tls) = &server.server.tls else {
        return Vec::new();
    };
    let path = format!("spec.servers[{}].tls", server.index);
    let credential = |name: &String, field: String| (Identity::Credential(name.clone()), name.clone(), field);
    let file = |name: &String, field: String| (Identity::File(name.clone()), name.clone(), field);
    if !tls.credential_names.is_empty() {
        let names = tls.credential_names.iter().enumerate();
        return names
            .map(|(index, it)| credential(it, format!("{path}.credentialNames[{index}]")))
            .collect();
    }
    if !tls.credential_name.is_empty() {
        return vec![credential(&tls.credential_name, format!("{path}.credentialName"))];
    }
    if !tls.tls_certificates.is_empty() {
        let pairs = tls.tls_certificates.iter().enumerate();
        return pairs
            .map(|(index, it)| {
                let field = format!("{path}.tlsCertificates[{index}].serverCertificate");
                file(&it.server_certificate, field)
            })
            .collect();
    }
    if tls.server_certificate.is_empty() {
        return Vec::new();
    }
    vec![file(&tls.server_certificate, format!("{path}.serverCertificate"))]
}

/// What tells the certificate from others, which is itself if it is known, and what it says.
fn content(identity: &Identity, mesh: &Mesh<'_>) -> (String, Option<CertificateChain>) {
    let name = match identity {
        Identity::File(path) => return (format!("file {path}"), None),
        Identity::Credential(name) => name,
    };
    let own = &mesh.options.namespace;
    let CredentialName::Secret(namespace, secret) = CredentialName::parse(name, own) else {
        return (format!("other {name}"), None);
    };
    let by_name = || format!("secret {namespace}/{secret}");
    if mesh
        .options
        .mounted_secrets
        .as_ref()
        .is_some_and(|it| it.has(&secret))
    {
        return (by_name(), None);
    }
    let found = credentials::secret(mesh.resources, &namespace, &secret, own);
    let pair = found.and_then(|it| credentials::pair(&it.spec));
    let Some((chain, key)) = pair else {
        return (by_name(), None);
    };
    match certificates::check_pair(chain, key) {
        Ok(judged) => (
            format!("chain {}", String::from_utf8_lossy(chain.trim_ascii())),
            Some(judged),
        ),
        Err(_) => (by_name(), None),
    }
}

fn report(
    port: &Port<'_, '_>,
    shared: &Shared,
    other: usize,
    (host, owner): (&str, usize),
    diagnostics: &mut Diagnostics,
) {
    let (Some(of_host), Some(connected)) = (port.servers.get(owner), port.servers.get(other)) else {
        return;
    };
    let (name, other_field) = shared.named.get(&other).cloned().unwrap_or_default();
    let gets = match port.services(other, host) {
        None => "gets 404 there",
        Some(_) => "takes the rules of that server",
    };
    // At the later server: it is the one that was added.
    let (at, relation, field) = if owner > other {
        let own = shared.named.get(&owner).map(|(_, field)| field.clone());
        let field = own.unwrap_or_else(|| format!("spec.servers[{}].hosts", of_host.index));
        (
            of_host,
            format!(
                "server `{}` of Gateway {}",
                name_of(connected),
                connected.gateway_name()
            ),
            field,
        )
    } else {
        (connected, "this server".to_owned(), other_field)
    };
    let message = format!(
        "clients may send requests for `{host}` over a connection to {relation}, as its certificate `{name}` is for that host too (HTTP/2 connection \
         reuse): such a request {gets}"
    );
    diagnostics
        .note(Code::SharedCertificate, message)
        .on(&at.gateway.origin, field)
        .help("put the hosts into one server, or give each server a certificate for its own hosts alone");
}

fn name_of<'s>(server: &'s BoundServer<'_>) -> &'s str {
    server.server.port.as_ref().map_or("", |it| &it.name)
}
