//! Which filter chain of a listener accepts which server names, and which listener has which address.
//!
//! Istio sends filter chains with equal matches and listeners with equal addresses (istio#24638), and Envoy refuses
//! the listener. Here the later server is left out, with a warning that names both.
//! Source: Envoy `source/common/listener_manager/filter_chain_manager_impl.cc`, which compares names in lower case.

use std::collections::BTreeMap;
use std::net::IpAddr;

use crate::address::SOCKET;
use crate::gateways::{BoundServer, DroppedServer, MergedListener, ServerConflict};

/// What earlier chains or listeners have taken, and who they belong to.
#[derive(Debug, Default)]
pub(crate) struct Claims(BTreeMap<String, String>);

/// What is taken, and by whom.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Taken {
    pub what: String,
    pub by: String,
}

impl Claims {
    /// Takes the server names for `who`, unless one of them is taken. No names at all mean every connection.
    pub(crate) fn server_names(&mut self, names: &[String], who: &str) -> Result<(), Taken> {
        let keys: Vec<String> = match names {
            [] => vec![String::new()],
            names => names.iter().map(|it| it.to_ascii_lowercase()).collect(),
        };
        self.claim(keys, who).map_err(|taken| Taken {
            what: match taken.what.as_str() {
                "" => "every connection".to_owned(),
                name => format!("the server name `{name}`"),
            },
            ..taken
        })
    }

    /// Takes the address of a listener for its first server, unless another listener has it.
    pub(crate) fn address(&mut self, listener: &MergedListener<'_>) -> Result<(), Taken> {
        let port = listener.port;
        let key = match (
            listener.bind.strip_prefix(SOCKET),
            listener.bind.parse::<IpAddr>(),
        ) {
            (Some(_), _) => listener.bind.clone(),
            (None, Ok(address)) => format!("{address} port {port}"),
            (None, Err(_)) => format!("{} port {port}", listener.bind),
        };
        let first = listener.servers().next();
        self.claim(vec![key], &first.map(describe).unwrap_or_default())
    }

    fn claim(&mut self, keys: Vec<String>, who: &str) -> Result<(), Taken> {
        if let Some((what, by)) = keys.iter().find_map(|key| self.0.get_key_value(key)) {
            return Err(Taken {
                what: what.clone(),
                by: by.clone(),
            });
        }
        self.0.extend(keys.into_iter().map(|key| (key, who.to_owned())));
        Ok(())
    }
}

/// A server in words.
pub(crate) fn describe(server: &BoundServer<'_>) -> String {
    let port = server.server.port.as_ref().map_or("", |it| it.name.as_str());
    format!("server `{port}` of Gateway {}", server.gateway_name())
}

/// The server that is left out because of this.
pub(crate) fn dropped<'r>(server: &BoundServer<'r>, taken: &Taken) -> DroppedServer<'r> {
    DroppedServer {
        server: server.clone(),
        conflict: ServerConflict::EnvoyRefuses {
            taken: taken.what.clone(),
            by: taken.by.clone(),
        },
    }
}

/// The names without those that differ from an earlier one by letter case only.
pub(crate) fn distinct(names: &[String]) -> Vec<String> {
    let mut kept: Vec<String> = Vec::new();
    for name in names {
        if !kept.iter().any(|it| it.eq_ignore_ascii_case(name)) {
            kept.push(name.clone());
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::{Claims, distinct};

    #[test]
    fn letter_case_does_not_tell_server_names_apart() {
        let names = |names: &[&str]| names.iter().map(|it| (*it).to_owned()).collect::<Vec<_>>();
        let mut claims = Claims::default();
        assert!(claims.server_names(&names(&["a.test", "b.test"]), "one").is_ok());
        let taken = claims.server_names(&names(&["c.test", "B.test"]), "two");
        assert_eq!(taken.map_err(|it| it.by), Err("one".to_owned()));
        assert!(claims.server_names(&[], "three").is_ok() && claims.server_names(&[], "four").is_err());
        // What was refused takes nothing.
        assert!(claims.server_names(&names(&["c.test"]), "five").is_ok());
        assert_eq!(
            distinct(&names(&["A.test", "a.test", "b.test"])),
            ["A.test", "b.test"]
        );
    }
}
