//! The whole model: listeners, and the outcome of a request.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::ModelError;
use crate::clusters::Clusters;
use crate::connection::Connection;
use crate::decision::Routed;
use crate::dice::{Dice, StreamRoll};
use crate::echo::EchoHeader;
use crate::filter::Filter;
use crate::listener::{Accepted, FittingChain, Listener, ListenerTraffic, Network};
use crate::outcome::{Failure, Outcome, Skipped};
use crate::record;
use crate::request::{Request, Run, Tls, Version};
use crate::stream;

/// The parts of Envoy around a filter, set up as a bootstrap says.
#[derive(Debug)]
pub struct Model {
    listeners: Vec<Listener>,
    clusters: Clusters,
    /// Ports that Gateways declare, where listeners have others.
    declared: BTreeMap<u16, String>,
    echo_headers: Vec<EchoHeader>,
}

impl Model {
    /// Reads a bootstrap.
    ///
    /// # Errors
    /// Names what the model does not support, and where it is.
    pub fn new(bootstrap: &Value) -> Result<Self, ModelError> {
        let resources = bootstrap
            .get("static_resources")
            .ok_or_else(|| ModelError::new("a bootstrap without static_resources"))?;
        let refuses_fragments = refuses_fragments(bootstrap);
        let listeners = resources
            .get("listeners")
            .and_then(Value::as_array)
            .into_iter()
            .flatten();
        let listeners = listeners.map(|value| {
            let name = value
                .get("name")
                .and_then(Value::as_str)
                .unwrap_or("a listener without a name");
            Listener::read(value, refuses_fragments).map_err(|error| error.within(name))
        });
        Ok(Self {
            listeners: listeners.collect::<Result<_, _>>()?,
            clusters: Clusters::read(resources.get("clusters").unwrap_or(&Value::Null)),
            declared: BTreeMap::new(),
            echo_headers: Vec::new(),
        })
    }

    /// Sets which listener serves a port that a Gateway declares. Without that a request goes to the listener
    /// that listens on its port.
    #[must_use]
    pub fn with_declared_port(mut self, port: u16, listener: impl Into<String>) -> Self {
        self.declared.insert(port, listener.into());
        self
    }

    /// Adds a header to the answers of the echo servers of [`Model::answer`].
    #[must_use]
    pub fn with_echo_header(mut self, header: EchoHeader) -> Self {
        self.echo_headers.push(header);
        self
    }

    /// What comes of a request if an echo server is behind every cluster. `filter` runs the plugins; `dice` decide
    /// where Envoy draws.
    ///
    /// # Errors
    /// The model cannot predict it, with the reason.
    pub fn answer(
        &self,
        request: &Request,
        filter: &mut dyn Filter,
        dice: &mut dyn Dice,
    ) -> Result<Outcome, Skipped> {
        record::outcome(
            request,
            self.decide(request, None, filter, dice)?,
            &self.echo_headers,
        )
    }

    /// Where a request goes and as what, or how Envoy itself answers it. For callers that have upstreams.
    ///
    /// ```
    /// # use fingerpost_proxy_model::{Model, Reply, Request, Routed, Skipped, no_filter};
    /// # fn upstream(cluster: &str) -> Reply { unimplemented!("{cluster}") }
    /// fn serve(model: &Model, request: &Request) -> Result<Option<Reply>, Skipped> {
    ///     Ok(match model.route(request, &mut no_filter, &mut || 4)? {
    ///         Routed::Unanswered(_failure) => None,
    ///         Routed::Answered(answered) => Some(answered.reply),
    ///         Routed::Forwarded(forwarded) => Some(forwarded.finish(upstream(forwarded.cluster()))?),
    ///         Routed::Passed { cluster } => Some(upstream(cluster)),
    ///     })
    /// }
    /// ```
    ///
    /// # Errors
    /// The model cannot predict it, with the reason.
    pub fn route<'m>(
        &'m self,
        request: &'m Request,
        filter: &mut dyn Filter,
        dice: &mut dyn Dice,
    ) -> Result<Routed<'m>, Skipped> {
        self.routed(request, None, filter, dice)
    }

    /// As [`Model::route`], in a run that knows what no model does.
    ///
    /// # Errors
    /// The model cannot predict it, with the reason.
    pub fn route_in<'m>(
        &'m self,
        run: &Run,
        request: &'m Request,
        filter: &mut dyn Filter,
        dice: &mut dyn Dice,
    ) -> Result<Routed<'m>, Skipped> {
        self.routed(request, Some(run), filter, dice)
    }

    fn routed<'m>(
        &'m self,
        request: &'m Request,
        run: Option<&Run>,
        filter: &mut dyn Filter,
        dice: &mut dyn Dice,
    ) -> Result<Routed<'m>, Skipped> {
        match self.decide(request, run, filter, dice)? {
            // In a run the caller has an upstream, which knows.
            Routed::Forwarded(forwarded) if run.is_none() && forwarded.wants_an_upgrade() => Err(
                Skipped::because("what an upstream makes of an upgrade is not modelled"),
            ),
            routed => Ok(routed),
        }
    }

    fn decide<'m>(
        &'m self,
        request: &'m Request,
        run: Option<&Run>,
        filter: &mut dyn Filter,
        dice: &mut dyn Dice,
    ) -> Result<Routed<'m>, Skipped> {
        let connection = Connection {
            tls: request.tls.as_ref(),
            version: request.version,
        };
        let Some(listener) = self.listener(request.port) else {
            return Ok(Routed::Unanswered(Failure::NoListener));
        };
        let chain = match listener.chain(&connection) {
            Ok(chain) => chain,
            Err(failure) => return Ok(Routed::Unanswered(failure)),
        };
        let mut dice = StreamRoll::new(dice);
        match &chain.network {
            Network::Tcp(tcp) => {
                let cluster = tcp.pick(&mut dice).filter(|it| self.clusters.can_answer(it));
                Ok(match cluster {
                    Some(cluster) => Routed::Passed { cluster },
                    None => Routed::Unanswered(Failure::Closed),
                })
            }
            Network::Http(http) => {
                stream::route(http, request, connection, &self.clusters, run, filter, &mut dice)
            }
        }
    }

    /// What each listener takes.
    pub fn traffic(&self) -> impl Iterator<Item = ListenerTraffic<'_>> {
        self.listeners.iter().map(Listener::traffic)
    }

    /// What Envoy makes of a connection to this port. Of a client's certificate only its presence counts.
    ///
    /// # Errors
    /// It does not take the connection.
    pub fn accept(&self, port: u16, tls: Option<&Tls>) -> Result<Accepted<'_>, Failure> {
        let connection = Connection {
            tls,
            version: Version::default(),
        };
        self.listener(port)
            .ok_or(Failure::NoListener)?
            .accept(&connection)
    }

    /// The filter chains of the listener for this port whose server names fit that of a TLS client, which may send none. The
    /// first one takes the connection, the others are less specific; without any, Envoy closes it.
    #[must_use]
    pub fn fitting_chains(&self, port: u16, server_name: Option<&str>) -> Vec<FittingChain<'_>> {
        let listener = self.listener(port);
        listener.map(|it| it.fitting(server_name)).unwrap_or_default()
    }

    fn listener(&self, port: u16) -> Option<&Listener> {
        let declared = self.declared.get(&port);
        self.listeners.iter().find(|it| match declared {
            Some(name) => it.name == *name,
            None => it.port == port,
        })
    }
}

/// Envoy refuses targets with a fragment, unless a layer of the runtime says otherwise.
fn refuses_fragments(bootstrap: &Value) -> bool {
    let layers = bootstrap
        .pointer("/layered_runtime/layers")
        .and_then(Value::as_array);
    let flag = "envoy.reloadable_features.http_reject_path_with_fragment";
    let mut flags = layers
        .into_iter()
        .flatten()
        .filter_map(|layer| layer.get("static_layer")?.get(flag)?.as_bool());
    flags.next_back().unwrap_or(true)
}
