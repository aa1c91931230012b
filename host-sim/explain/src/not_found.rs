//! Why the proxy answers by itself: no listener, no virtual host, no rule.

use fingerpost_config_compiler::{
    Cause, Compilation, ListenerSummary, MissingDestination, Part, RouteSummary, Summary, Unserved,
    short_forms,
};
use fingerpost_proxy_model::Failure as NoAnswer;
use fingerpost_routing::{RouteTable, VirtualHost};
use fingerpost_simulated_proxy::{Scheme, Url, host_of};

use crate::chain::{Chain, would_answer};
use crate::explanation::{Explanation, Outcome, Place, Reason};

/// As many hosts are named; the rest is counted.
const HOSTS: usize = 8;

fn hint(message: String) -> Reason {
    Reason {
        message,
        help: None,
        place: Place::new(None),
    }
}

/// No listener has the port.
pub(crate) fn no_listener(loaded: &Compilation, port: u32, authority: &str, path: &str) -> Outcome {
    let summary = &loaded.compiled.summary;
    let mut reasons: Vec<Reason> = Vec::new();
    let servers = summary.unserved.iter().filter(|it| match &it.part {
        Part::Server { port: own, .. } => *own == port,
        Part::Gateway { ports, .. } => {
            ports.contains(&port) && matches!(it.cause, Cause::GatewayNotSelected { .. })
        }
        Part::VirtualService { .. } | Part::Host { .. } | Part::Rule { .. } | Part::Other { .. } => false,
    });
    reasons.extend(servers.map(reason));
    // What is wrong with the rules for a server, the reason for the server says.
    let of_the_server = |it: &Unserved| matches!(&it.cause, Cause::OtherRules { .. }) && !it.is_finding;
    let unserved = unserved(summary, authority);
    reasons.extend(
        unserved
            .filter(|(it, _)| !of_the_server(it))
            .map(|(_, reason)| reason),
    );
    reasons.extend(summary.listeners.iter().map(|it| {
        let ports: Vec<String> = it.declared_ports.iter().map(u32::to_string).collect();
        let is_http = it.hosts.iter().any(|host| host.route_config.is_some());
        let scheme = if it.hosts.iter().all(|host| host.over_tls) {
            Scheme::Https
        } else {
            Scheme::Http
        };
        let url = if is_http {
            format!(": ask for {}", url_to(scheme, authority, it.port, path))
        } else {
            String::new()
        };
        hint(format!(
            "{} listens for port {} ({}){url}",
            it.name,
            ports.join(" and "),
            it.protocol
        ))
    }));
    reasons.extend(loaded.assumed.gateways.iter().map(|it| {
        hint(format!(
            "Gateway {it} is not in the input, and assumed to have plain HTTP on port 80 only"
        ))
    }));
    let gateways = |it: &Unserved| matches!(it.part, Part::Gateway { .. } | Part::Server { .. });
    if reasons.is_empty() && summary.listeners.is_empty() && !summary.unserved.iter().any(gateways) {
        let has_others = summary
            .unserved
            .iter()
            .any(|it| matches!(it.part, Part::Other { .. }));
        let text = if has_others {
            "the input has no Gateway of networking.istio.io"
        } else {
            "the input has no Gateway"
        };
        reasons.push(hint(text.to_owned()));
    }
    Outcome::NoConnection {
        message: format!("no listener has port {port}"),
        reasons,
    }
}

/// Why VirtualServices for the host are not served.
fn unserved<'s>(summary: &'s Summary, authority: &'s str) -> impl Iterator<Item = (&'s Unserved, Reason)> {
    summary.unserved.iter().filter_map(move |it| {
        let answers = |host: &&String| answers(it, host, authority);
        let (name, host) = match &it.part {
            Part::VirtualService { name, hosts, .. } => {
                (format!("VirtualService {name}"), hosts.iter().find(answers)?)
            }
            Part::Host {
                virtual_service,
                host,
            } => (
                format!("VirtualService {virtual_service}"),
                Some(host).filter(answers)?,
            ),
            Part::Other { name, hosts } => (name.clone(), hosts.iter().find(answers)?),
            Part::Rule { .. } | Part::Server { .. } | Part::Gateway { .. } => return None,
        };
        let message = format!("{name} is for `{host}`, but {}", it.cause.reason());
        Some((
            it,
            Reason {
                message,
                ..reason(it)
            },
        ))
    })
}

/// Whether it would answer for the authority, were it served. Sidecars know a service by its short names too.
fn answers(unserved: &Unserved, host: &str, authority: &str) -> bool {
    let authority = Some(authority.as_bytes());
    let is_for_sidecars = matches!(unserved.cause, Cause::OnlyForSidecars { .. });
    would_answer(host, authority)
        || (is_for_sidecars && short_forms(host).any(|it| would_answer(&it, authority)))
}

/// Why a request for this host gets 404, if only a sidecar would route it: no gateway has the rules, or none has the short name.
#[must_use]
pub fn only_for_sidecars(summary: &Summary, authority: &str) -> Option<Reason> {
    let mut all = unserved(summary, authority);
    let found = all.find(|(it, _)| matches!(it.cause, Cause::OnlyForSidecars { .. }));
    found
        .map(|(_, reason)| reason)
        .or_else(|| short_name(summary, authority))
}

/// A gateway serves the full name of a service, and sidecars know its short names too.
fn short_name(summary: &Summary, authority: &str) -> Option<Reason> {
    let hosts = summary.listeners.iter().flat_map(|it| &it.hosts);
    let mut domains = hosts.flat_map(|it| &it.domains);
    let host = host_of(authority);
    let full = domains.find(|it| short_forms(it).any(|short| short.eq_ignore_ascii_case(host)))?;
    Some(Reason {
        help: Some(format!("ask for `{full}`")),
        ..hint(format!(
            "`{host}` is short for `{full}`: sidecars know the short name, a gateway serves the full one only"
        ))
    })
}

fn reason(unserved: &Unserved) -> Reason {
    Reason {
        message: unserved.message(),
        help: Some(unserved.cause.help()),
        place: Place::new(Some(&unserved.span)),
    }
}

/// Whether at least some connections are passed on as they are.
pub(crate) fn passes_some(listener: &ListenerSummary, scheme: Scheme, server_name: &str) -> bool {
    let route = route_of_bytes(listener, scheme, server_name);
    route.is_some_and(|it| it.missing.iter().map(|it| it.percent).sum::<f64>() < 99.95)
}

/// The listener is there, and does not take the connection.
pub(crate) fn no_connection(
    error: NoAnswer,
    summary: &Summary,
    listener: &ListenerSummary,
    scheme: Scheme,
    server_name: &str,
    url: &Url,
) -> Outcome {
    let message = in_words(error).to_owned();
    if error == NoAnswer::Closed
        && let Some(route) = route_of_bytes(listener, scheme, server_name)
        && !route.missing.is_empty()
    {
        let reasons = route.missing.iter().map(|it| missing(it, route)).collect();
        return Outcome::NoConnection { message, reasons };
    }
    let mut reasons = vec![hint(why_closed(error, listener, scheme, server_name, url))];
    reasons.extend(lost_connections(summary, host_of(&url.authority)).map(|(_, reason)| reason));
    let message = match (error, scheme) {
        // Envoy closes a connection that no filter chain takes before it answers the client's hello.
        (NoAnswer::Closed, Scheme::Https) => {
            "the connection is closed during the TLS handshake (curl: error 35)".to_owned()
        }
        (NoAnswer::NoListener | NoAnswer::Closed | NoAnswer::Tls, _) => message,
    };
    Outcome::NoConnection { message, reasons }
}

/// A URL that goes to a port.
fn url_to(scheme: Scheme, authority: &str, port: u32, path: &str) -> String {
    let host = host_of(authority);
    let port = if port == scheme.port() {
        String::new()
    } else {
        format!(":{port}")
    };
    format!("{}://{host}{port}{path}", scheme.as_str())
}

/// Which filter chain the connection would need.
fn why_closed(
    error: NoAnswer,
    listener: &ListenerSummary,
    scheme: Scheme,
    server_name: &str,
    url: &Url,
) -> String {
    let name = &listener.name;
    let takes_plain_text = listener.hosts.iter().any(|it| it.takes_plain_text);
    let mut names: Vec<&str> = Vec::new();
    for known in listener.hosts.iter().flat_map(|it| &it.server_names) {
        if !names.contains(&known.as_str()) {
            names.push(known);
        }
    }
    match scheme {
        Scheme::Http if !takes_plain_text => {
            let url = url_to(Scheme::Https, &url.authority, listener.port, &url.target);
            format!("{name} takes TLS only, and this is plain text: ask for {url}")
        }
        Scheme::Http => format!("no filter chain of {name} takes plain text"),
        Scheme::Https if listener.hosts.iter().all(|it| !it.over_tls) => {
            let url = url_to(Scheme::Http, &url.authority, listener.port, &url.target);
            format!("{name} takes plain text only, and this is TLS: ask for {url}")
        }
        Scheme::Https
            if names
                .iter()
                .any(|it| would_answer(it, Some(server_name.as_bytes()))) =>
        {
            match error {
                NoAnswer::Tls => "the TLS handshake fails".to_owned(),
                NoAnswer::Closed | NoAnswer::NoListener => format!("{name} closes the connection"),
            }
        }
        Scheme::Https if server_name.is_empty() => format!(
            "the client sends no server name, and {name} takes only {}",
            names.join(", ")
        ),
        Scheme::Https => format!(
            "no filter chain of {name} has the server name `{server_name}`: it has {}",
            names.join(", ")
        ),
    }
}

/// Rules for the connections to a host that serve nothing.
pub(crate) fn lost_connections<'p>(
    summary: &'p Summary,
    host: &'p str,
) -> impl Iterator<Item = (&'p Unserved, Reason)> {
    summary.unserved.iter().filter_map(move |it| {
        let is_about_connections = matches!(
            it.cause,
            Cause::ConnectionsTaken { .. } | Cause::ServerNameTaken { .. } | Cause::ServersLeftOut { .. }
        );
        let (name, hosts) = match &it.part {
            Part::VirtualService { name, hosts, .. } => (name, hosts),
            Part::Rule {
                virtual_service,
                hosts,
                ..
            } => (virtual_service, hosts),
            Part::Host { .. } | Part::Server { .. } | Part::Gateway { .. } | Part::Other { .. } => {
                return None;
            }
        };
        let named = hosts.iter().find(|it| would_answer(it, Some(host.as_bytes())))?;
        let message = format!(
            "VirtualService {name} has a rule for `{named}`, but {}",
            it.cause.reason()
        );
        is_about_connections.then(|| {
            (
                it,
                Reason {
                    message,
                    ..reason(it)
                },
            )
        })
    })
}

/// The route of bytes that a connection takes; over TLS by its server name.
pub(crate) fn route_of_bytes<'p>(
    listener: &'p ListenerSummary,
    scheme: Scheme,
    server_name: &str,
) -> Option<&'p RouteSummary> {
    let chains = || {
        let chains = listener.hosts.iter().filter(|it| it.route_config.is_none());
        chains.filter(move |it| scheme == Scheme::Https || it.takes_plain_text)
    };
    let mut names = RouteTable::default();
    for name in chains().flat_map(|it| &it.domains) {
        // If two chains have one name, the first one takes the connection.
        let _ = names.add(VirtualHost::new(name, Vec::new()), [name.as_str()]);
    }
    let found = names.virtual_host(Some(server_name.as_bytes()))?;
    let chain = chains().find(|it| it.domains.iter().any(|it| it == found.name()))?;
    chain.routes.first()
}

/// Why a destination takes no connection.
fn missing(missing: &MissingDestination, route: &RouteSummary) -> Reason {
    let state = if missing.is_built {
        ""
    } else {
        ", which does not exist"
    };
    Reason {
        message: format!(
            "VirtualService {} leads to cluster {}{state}: {}",
            route.virtual_service, missing.cluster, missing.reason.message
        ),
        help: Some(missing.reason.help.clone()),
        place: Place::new(route.span.as_ref()),
    }
}

/// No virtual host answers for the authority.
pub(crate) fn no_host(
    summary: &Summary,
    chain: &Chain<'_>,
    listener: &ListenerSummary,
    authority: &str,
) -> Outcome {
    let host = host_of(authority);
    let answers = |domain: &str| would_answer(domain, Some(authority.as_bytes()));
    let mut reasons = Vec::new();
    for other in summary.listeners.iter().filter(|it| it.name != listener.name) {
        let mut domains = other.hosts.iter().flat_map(|it| &it.domains);
        if let Some(domain) = domains.find(|it| answers(it)) {
            let message = format!("`{domain}` is served on port {}", other.port);
            reasons.push(hint(message));
        }
    }
    reasons.extend(unserved(summary, authority).map(|(_, reason)| reason));
    reasons.extend(short_name(summary, authority));
    let domains: Vec<&str> = chain.domains().collect();
    if let Some(near) = domains.iter().find(|it| is_near(host, it)) {
        reasons.push(hint(format!("did you mean `{near}`?")));
    }
    let parent = domains.iter().find(|it| {
        let tail = it.strip_prefix("*.");
        tail.is_some_and(|tail| tail.eq_ignore_ascii_case(host))
    });
    if let Some(wildcard) = parent {
        reasons.push(hint(format!(
            "`{wildcard}` takes names below `{host}`, not `{host}` itself"
        )));
    }
    reasons.push(hint(match domains.as_slice() {
        [] => "no VirtualService has a rule on this listener".to_owned(),
        [one] => format!("the only host here is {one}"),
        few if few.len() <= HOSTS => format!("the hosts here are {}", few.join(", ")),
        many => {
            let (first, rest) = many.split_at(HOSTS);
            format!("the hosts here are {} and {} more", first.join(", "), rest.len())
        }
    }));
    Outcome::NotFound {
        status: 404,
        message: format!("no virtual host answers for `{host}`"),
        reasons,
    }
}

/// Whether one is probably a slip of the other.
fn is_near(host: &str, domain: &str) -> bool {
    let host = host.to_ascii_lowercase();
    if domain.starts_with('*') {
        return false;
    }
    let bare = |text: &str| text.strip_prefix("www.").unwrap_or(text).to_owned();
    let but_the_end = |text: &str| text.rsplit_once('.').map(|(name, _)| name.to_owned());
    bare(&host) == bare(domain)
        || (host.matches('.').count() > 1 && but_the_end(&host) == but_the_end(domain))
        || strsim::osa_distance(&host, domain) <= 2
}

/// The virtual host has no rule for it.
pub(crate) fn no_rule(told: &Explanation, summary: &Summary) -> Outcome {
    let domain = told.host.as_ref().map_or("", |it| it.domain.as_str());
    let mut reasons = Vec::new();
    for left_out in &told.left_out {
        reasons.push(Reason {
            message: format!("{} is not used: {}", left_out.source.rule, left_out.reason),
            help: None,
            place: left_out.source.place.clone(),
        });
    }
    let hidden = told.host.iter().flat_map(|it| &it.hidden);
    for (other, taker) in hidden.filter_map(|it| Some((&it.domain, it.would_take.as_ref()?))) {
        reasons.push(Reason {
            message: format!(
                "{} of `{other}` would accept it, but `{domain}` is more specific, and Envoy does not fall back to other hosts",
                taker.rule
            ),
            help: Some(format!("repeat that rule in a VirtualService for `{domain}`")),
            place: taker.place.clone(),
        });
    }
    reasons.extend(unserved(summary, told.request.host()).map(|(_, reason)| reason));
    let message = match told.tried.len() {
        0 => format!("`{domain}` has no rule here"),
        1 => format!("the only rule of `{domain}` does not accept it"),
        many => format!("none of the {many} rules of `{domain}` accepts it"),
    };
    Outcome::NotFound {
        status: 404,
        message,
        reasons,
    }
}

/// The words for a connection that leads nowhere.
fn in_words(error: NoAnswer) -> &'static str {
    match error {
        NoAnswer::NoListener => "nothing listens there",
        NoAnswer::Closed => "the connection is closed without an answer",
        NoAnswer::Tls => "the TLS handshake fails",
    }
}
