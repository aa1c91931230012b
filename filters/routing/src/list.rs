//! The routes of a virtual host, and virtual hosts that have the same.
//!
//! What a table takes is a matter of how many different routes it has: thousands of hosts with the same routes have one list.
//!
//! Some functions of this crate and of `routing-config` are never inlined. V8 takes memory for a function as it grows, and keeps it: with
//! all of loading in one function and all of a request in another, an Envoy took 10 MB more.

use crate::index::{FEW, Index};
use crate::{Action, RequestHead, Route};
use alloc::boxed::Box;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::hash::{BuildHasher, Hasher};
use hashbrown::{DefaultHashBuilder, HashTable};

/// Routes in order, and what spares most of them a check.
#[derive(Debug)]
pub(crate) struct RouteList {
    routes: Box<[Route]>,
    /// None for so few routes that all are checked one by one.
    index: Option<Box<Index>>,
}

impl RouteList {
    /// The list of these routes.
    pub(crate) fn new(routes: Vec<Route>) -> Self {
        Self {
            index: (routes.len() > FEW).then(|| Box::new(Index::new(&routes))),
            routes: routes.into(),
        }
    }

    /// The routes, in order.
    pub(crate) fn as_slice(&self) -> &[Route] {
        &self.routes
    }

    /// The first route in order that accepts the request.
    #[inline(never)]
    pub(crate) fn select(&self, head: &RequestHead<'_>) -> Option<&Route> {
        let accepts = |route: &&Route| route.matcher.check(head).is_ok();
        match &self.index {
            None => self.routes.iter().find(accepts),
            Some(index) => {
                let mut candidates = index.candidates(head).filter_map(|place| self.routes.get(place));
                candidates.find(accepts)
            }
        }
    }
}

/// All the different lists of a table.
#[derive(Debug, Default)]
pub(crate) struct RouteLists {
    lists: HashTable<Arc<RouteList>>,
    hasher: DefaultHashBuilder,
}

impl RouteLists {
    /// The list that is here already and has the same routes, or this one.
    #[inline(never)]
    pub(crate) fn share(&mut self, list: &Arc<RouteList>) -> Arc<RouteList> {
        let hash = |list: &Arc<RouteList>| hash(&self.hasher, &list.routes);
        let is_same = |other: &Arc<RouteList>| other.routes == list.routes;
        let known = self.lists.entry(hash(list), is_same, hash);
        Arc::clone(known.or_insert_with(|| Arc::clone(list)).get())
    }
}

/// A number that lists with different routes hardly share. Not all of a route counts, since derived code for that made the module
/// 2 % larger.
fn hash(hasher: &DefaultHashBuilder, routes: &[Route]) -> u64 {
    let mut hasher = hasher.build_hasher();
    for route in routes {
        texts(route, &mut |text| {
            hasher.write(text.as_bytes());
            hasher.write_u8(0xFF); // in no text
        });
    }
    hasher.finish()
}

/// Shows the texts by which routes usually differ.
fn texts<'r>(route: &'r Route, show: &mut dyn FnMut(&'r str)) {
    show(route.matcher.path.text());
    for header in &route.matcher.headers {
        show(header.name.as_str());
        show(header.want.text());
    }
    for parameter in &route.matcher.query {
        show(&parameter.name);
        show(parameter.want.text());
    }
    match &route.action {
        Action::Reply(key) => show(key.as_str()),
        Action::Forward(split) => split.destinations().for_each(|(_, it)| show(it.key.as_str())),
    }
    for step in &route.rule.steps {
        show(&step.virtual_service);
    }
}
