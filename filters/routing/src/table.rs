//! The table of one listener, and the decision about one request.

use crate::domain::DomainIndex;
use crate::list::{RouteList, RouteLists};
use crate::{DispatchKey, InvalidDomain, RefusedUpgrade, RequestHead, Resolved, Roll, Route, Upgrades};
use alloc::boxed::Box;
use alloc::sync::Arc;
use alloc::vec::Vec;

/// All that decides about requests.
#[derive(Debug, Default)]
pub struct RouteTable {
    hosts: Vec<VirtualHost>,
    domains: DomainIndex,
    lists: RouteLists,
    /// None if the proxy judges upgrades by its own routes.
    upgrades: Option<Upgrades>,
}

/// The routes of some domains.
#[derive(Debug)]
pub struct VirtualHost {
    name: Box<str>,
    /// Virtual hosts with the same routes share one list.
    routes: Arc<RouteList>,
}

/// What becomes of a request.
#[derive(Debug)]
pub enum Decision<'t> {
    /// No virtual host answers for its authority.
    NoVirtualHost,
    /// One does, but none of its routes accepts the request.
    NoRoute(&'t VirtualHost),
    /// This route accepts it.
    Routed(Resolved<'t>),
    /// A route accepts it, but not the upgrade that it asks for.
    UpgradeRefused(RefusedUpgrade<'t>),
}

impl<'t> Decision<'t> {
    /// The native route to take.
    pub fn key(&self) -> Option<&'t DispatchKey> {
        match self {
            Self::NoVirtualHost | Self::NoRoute(_) => None,
            Self::Routed(resolved) => Some(resolved.key),
            Self::UpgradeRefused(refused) => Some(refused.key),
        }
    }

    /// The route that accepts the request, and its virtual host.
    pub fn route(&self) -> Option<(&'t VirtualHost, &'t Route)> {
        match self {
            Self::NoVirtualHost | Self::NoRoute(_) => None,
            Self::Routed(resolved) => Some((resolved.host, resolved.route)),
            Self::UpgradeRefused(refused) => Some((refused.host, refused.route)),
        }
    }
}

impl RouteTable {
    /// Adds a virtual host for `domains`. Where it refuses one, by its place in the list, the table is spoilt.
    #[inline(never)]
    pub fn add<'d>(
        &mut self,
        host: VirtualHost,
        domains: impl IntoIterator<Item = &'d str>,
    ) -> Result<(), (usize, InvalidDomain)> {
        let place = self.hosts.len();
        self.hosts.push(VirtualHost {
            name: host.name,
            routes: self.lists.share(&host.routes),
        });
        for (index, domain) in domains.into_iter().enumerate() {
            self.domains
                .insert(domain, place)
                .map_err(|error| (index, error))?;
        }
        Ok(())
    }

    /// Refuses upgrades from now on, as the proxy would if it knew the routes.
    pub fn refuse_upgrades(&mut self, upgrades: Upgrades) {
        self.upgrades = Some(upgrades);
    }

    /// Whether the request asks for an upgrade that is refused, if a route accepts it.
    pub fn refuses_upgrade(&self, head: &RequestHead<'_>) -> bool {
        self.upgrades.as_ref().is_some_and(|it| it.refuse(head))
    }

    /// The virtual hosts, as they were added.
    pub fn hosts(&self) -> &[VirtualHost] {
        &self.hosts
    }

    /// The virtual host that answers for an authority.
    #[inline(never)]
    pub fn virtual_host(&self, authority: Option<&[u8]>) -> Option<&VirtualHost> {
        self.domains
            .find(authority)
            .and_then(|place| self.hosts.get(place))
    }

    /// What becomes of a request. Always something: a request cannot fail us.
    pub fn decide(&self, head: &RequestHead<'_>, roll: impl FnOnce() -> Roll) -> Decision<'_> {
        let Some(host) = self.virtual_host(head.authority()) else {
            return Decision::NoVirtualHost;
        };
        let Some(route) = host.select(head) else {
            return Decision::NoRoute(host);
        };
        match &self.upgrades {
            Some(upgrades) if upgrades.refuse(head) => {
                Decision::UpgradeRefused(route.refuse(host, upgrades, roll))
            }
            Some(_) | None => Decision::Routed(route.resolve(host, head, roll)),
        }
    }
}

impl VirtualHost {
    /// A virtual host with these routes, in order.
    #[inline(never)]
    pub fn new(name: &str, routes: Vec<Route>) -> Self {
        Self {
            name: name.into(),
            routes: Arc::new(RouteList::new(routes)),
        }
    }

    /// Its name, for people.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its routes, in order.
    pub fn routes(&self) -> &[Route] {
        self.routes.as_slice()
    }

    /// The first route in order that accepts the request.
    pub fn select(&self, head: &RequestHead<'_>) -> Option<&Route> {
        self.routes.select(head)
    }
}

#[cfg(test)]
mod tests {
    use super::{Decision, RouteTable, VirtualHost};
    use crate::*;
    use alloc::string::{String, ToString};
    use alloc::vec;
    use alloc::vec::Vec;
    use proptest::prelude::*;

    fn destination(name: &str) -> (u32, Destination) {
        (
            1,
            Destination {
                cluster: name.into(),
                key: DispatchKey::parse(name).unwrap(),
            },
        )
    }

    fn route(prefix: &str, clusters: &[&str]) -> Route {
        let path = PathMatch::Prefix {
            prefix: prefix.into(),
            ignore_case: false,
        };
        Route {
            rule: Rule {
                steps: Vec::new(),
                matched: None,
            },
            rewrite: Some(PathRewrite::uri(&path, "/new")),
            rewritten_by: RewrittenBy::Filter,
            action: Action::Forward(Split::new(clusters.iter().map(|it| destination(it)).collect()).unwrap()),
            matcher: RouteMatch {
                path,
                headers: Vec::new(),
                query: Vec::new(),
            },
        }
    }

    fn table() -> RouteTable {
        let mut table = RouteTable::default();
        let routes = vec![
            route("/a/b", &["first"]),
            route("/a", &["second"]),
            route("/split", &["x", "y"]),
        ];
        table.add(VirtualHost::new("a", routes), ["a.test"]).unwrap();
        table
            .add(VirtualHost::new("rest", vec![route("/", &["rest"])]), ["*"])
            .unwrap();
        table
    }

    #[track_caller]
    fn check(authority: &str, target: Option<&str>, expected: &str) {
        let table = table();
        let head = RequestHead::new(Some(authority.as_bytes()), target.map(str::as_bytes));
        let outcome = match table.decide(&head, || Roll(1)) {
            Decision::NoVirtualHost => "no virtual host".to_string(),
            Decision::NoRoute(host) => alloc::format!("no route in {}", host.name()),
            Decision::Routed(it) => {
                alloc::format!(
                    "{} {}",
                    it.key.as_str(),
                    String::from_utf8(it.target.unwrap()).unwrap()
                )
            }
            Decision::UpgradeRefused(it) => it.key.as_str().to_string(),
        };
        assert_eq!(outcome, expected);
    }

    #[test]
    fn the_first_route_in_order_wins() {
        check("a.test", Some("/a/b/c?q"), "first /new/c?q");
        check("a.test", Some("/a/c"), "second /new/c");
    }

    #[test]
    fn a_host_that_is_found_does_not_hand_on() {
        check("a.test", Some("/z"), "no route in a");
        check("b.test", Some("/z"), "rest /newz");
    }

    #[test]
    fn a_request_without_path_matches_nothing() {
        check("b.test", None, "no route in rest");
    }

    #[test]
    fn the_roll_picks_the_destination() {
        check("a.test", Some("/split"), "y /new");
    }

    #[test]
    fn dice_are_rolled_only_for_a_choice() {
        let table = table();
        let head = RequestHead::new(Some(b"a.test"), Some(b"/a"));
        let decision = table.decide(&head, || panic!("rolled without a choice"));
        assert!(matches!(decision, Decision::Routed(_)));
    }

    #[test]
    fn an_upgrade_is_refused_only_where_a_route_accepts_it_and_as_the_share_edits() {
        let key = |text| DispatchKey::parse(text).unwrap();
        let mut table = table();
        table.refuse_upgrades(Upgrades {
            allowed: vec!["websocket".into()],
            refused_by: key("refused"),
            refused_with_edits_by: [("y".into(), key("refused with the edits of y"))].into(),
        });
        for (target, protocol, roll, expected) in [
            ("/a", "other", 0, Some("refused")),
            ("/a", "websocket", 0, Some("second")),
            ("/split", "other", 0, Some("refused")),
            ("/split", "other", 1, Some("refused with the edits of y")),
            ("/z", "other", 0, None),
        ] {
            let headers = [(&b"upgrade"[..], protocol.as_bytes())];
            let head = RequestHead::new(Some(b"a.test"), Some(target.as_bytes())).with_headers(&headers);
            let decision = table.decide(&head, || Roll(roll));
            assert_eq!(
                decision.key().map(DispatchKey::as_str),
                expected,
                "{target} {protocol}"
            );
            let is_refused = expected.is_some_and(|it| it.starts_with("refused"));
            assert_eq!(matches!(decision, Decision::UpgradeRefused(_)), is_refused);
            assert_eq!(decision.route().is_some(), expected.is_some());
        }
    }

    #[test]
    fn equal_routes_are_kept_once() {
        let mut table = RouteTable::default();
        for (domain, clusters) in [("a.test", "one"), ("b.test", "two"), ("c.test", "one")] {
            let host = VirtualHost::new(domain, vec![route("/", &[clusters])]);
            table.add(host, [domain]).unwrap();
        }
        let lists: Vec<_> = table.hosts().iter().map(|host| host.routes().as_ptr()).collect();
        assert!(lists[0] == lists[2] && lists[0] != lists[1]);
        let names: Vec<_> = table.hosts().iter().map(VirtualHost::name).collect();
        assert_eq!(names, ["a.test", "b.test", "c.test"]);
    }

    #[test]
    fn a_mismatch_names_the_condition() {
        let head = RequestHead::new(None, Some(b"/z"));
        let route = route("/a", &["x"]);
        assert!(matches!(
            route.matcher.check(&head),
            Err(Mismatch::Path(PathMatch::Prefix { prefix, .. })) if &**prefix == "/a"
        ));
    }

    proptest! {
        #[test]
        fn any_bytes_have_a_decision(
            authority in prop::option::of(prop::collection::vec(any::<u8>(), 0..12)),
            target in prop::option::of(prop::collection::vec(any::<u8>(), 0..12)),
            roll: u64,
        ) {
            let table = table();
            let head = RequestHead::new(authority.as_deref(), target.as_deref());
            let decision = table.decide(&head, || Roll(roll));
            let routed = matches!(decision, Decision::Routed(_));
            prop_assert!(!routed || target.is_some_and(|it| it.starts_with(b"/")));
        }
    }
}
