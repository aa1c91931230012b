//! A scenario in the simulator.

use crate::client::Read;
use crate::guests::Guests;
use crate::scenarios::Scenario;
use crate::seen::{Exchange, Seen, line};
use crate::upstream::{Got, answer};
use fingerpost_simulator::{End, Event, LogLine, Metric, Plugin, Response, Simulator};
use std::sync::{Arc, Mutex};
use std::time::Duration;

pub(crate) fn run(scenario: &Scenario, guests: &Guests) -> Result<Seen, String> {
    let mut plugins = Vec::new();
    for chosen in &scenario.plugins {
        let wasm = guests.get(chosen.guest).ok_or("no such guest")?;
        let plugin = Plugin::new(wasm).map_err(|error| error.to_string())?;
        let mut plugin = plugin
            .name(chosen.name)
            .root_id(chosen.root_id)
            .vm_id(chosen.vm_id)
            .config(chosen.configuration)
            .vm_config(chosen.vm_configuration)
            .traced()
            .on_failure(chosen.policy);
        if chosen.stop_iteration {
            plugin = plugin.allow_on_headers_stop_iteration();
        }
        for (name, value) in chosen.environment {
            plugin = plugin.environment(*name, *value);
        }
        for name in chosen.capabilities {
            plugin = plugin.capability(*name);
        }
        plugins.push(plugin);
    }
    let asked = Arc::new(Mutex::new(Vec::<Got>::new()));
    let calls = asked.clone();
    let mut simulator = Simulator::start(plugins)
        .map_err(|error| error.to_string())?
        .upstream(|request| answer(request.headers.text("x-answer")).received())
        .grpc_cluster("grpc", |call| crate::grpc::answer(&call.method, &call.messages))
        .cluster("auth", move |call| {
            calls
                .lock()
                .expect("no thread panics with it")
                .push(Got::of(&call.request));
            answer(call.request.headers.text("x-answer"))
        });
    if let Some(limit) = scenario.buffer_limit {
        simulator = simulator.buffer_limit(limit as usize);
    }
    let mut seen = Seen {
        start: said(scenario, &simulator.take_log()),
        ..Seen::default()
    };
    for request in &scenario.requests {
        if let Some(pause) = scenario.pause {
            simulator.advance(pause);
        }
        let stream = simulator.begin(request.clone().received());
        simulator.proceed(stream);
        for _ in 0..8 {
            if simulator.state(stream) == End::Held {
                simulator.advance(Duration::from_millis(260));
                simulator.proceed(stream);
            }
        }
        let outcome = simulator.finish(stream);
        seen.log.extend(said(scenario, &outcome.log));
        seen.called.extend(outcome.trace.iter().map(name));
        let mut upstream = std::mem::take(&mut *asked.lock().expect("no thread panics with it"));
        upstream.sort_by(|a, b| a.body.cmp(&b.body));
        // An upstream that waits for the rest of a request has not got it.
        let got = outcome
            .upstream
            .as_ref()
            .filter(|_| outcome.details.as_deref() != Some("response_timeout"));
        upstream.extend(got.map(Got::of));
        seen.requests.push(Exchange {
            client: outcome.response.map(|it| read(&it)).unwrap_or_default(),
            upstream,
        });
    }
    seen.metrics = simulator
        .metrics()
        .filter_map(|(name, metric)| match metric {
            Metric::Counter(value) | Metric::Gauge(value) => Some((name, *value)),
            Metric::Histogram(_) => None,
        })
        .collect();
    Ok(seen)
}

fn name(event: &Event) -> String {
    let (Event::Callback { call, .. } | Event::Hostcall { call, .. }) = event;
    call.split('(').next().unwrap_or_default().to_owned()
}

fn said(scenario: &Scenario, log: &[LogLine]) -> Vec<String> {
    log.iter()
        .filter_map(|it| line(scenario, &it.prefix, &it.message))
        .collect()
}

fn read(response: &Response) -> Read {
    let text = |bytes: &[u8]| bytes.escape_ascii().to_string();
    let pairs = |headers: &[(Vec<u8>, Vec<u8>)]| -> Vec<(String, String)> {
        headers
            .iter()
            .map(|(name, value)| (text(name), text(value)))
            .collect()
    };
    let mut headers = pairs(&response.headers);
    headers.retain(|(name, _)| !name.starts_with(':'));
    Read {
        status: response.status(),
        headers,
        body: text(&response.body_bytes()),
        trailers: response.trailers.as_deref().map(pairs).unwrap_or_default(),
    }
}
