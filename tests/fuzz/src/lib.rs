//! What the fuzz targets do with bytes. The targets themselves are binaries that libFuzzer drives, run by
//! `cargo xtask fuzz`; the seeds of this crate and of the corpus pass through the same code in a plain test.
//!
//! A fault is a panic: one of ours, or an assertion here about what must hold for any bytes.

#[cfg(feature = "guest")]
mod guest;

#[cfg(feature = "guest")]
pub use guest::guest;

use fingerpost_config_compiler::{Options, compile};
use fingerpost_resources::{Diagnostics, Source, read, render, validate};
use fingerpost_routing::{Encoding, Header, Pattern, RequestHead};
use fingerpost_routing_config::RoutingConfig;

/// Any bytes as a config are a table or an error; what is a table stays one when it is written and read again.
pub fn load(bytes: &[u8]) {
    let Ok(config) = RoutingConfig::parse(bytes) else {
        return;
    };
    let loads = config.load().is_ok();
    // The config is strings and numbers: it can always be written.
    let written = serde_json::to_vec(&config).unwrap_or_default();
    let again = RoutingConfig::parse(&written);
    assert_eq!(
        again.as_ref().ok(),
        Some(&config),
        "it does not read what it writes"
    );
    assert_eq!(again.is_ok_and(|it| it.load().is_ok()), loads);
}

/// A config, a blank line, and the head of a request: `:authority`, `:path` and so on, a header a line.
/// Whatever they are, a decision is made, and the index finds what the walk down the list finds.
pub fn decide(bytes: &[u8]) {
    let Some(middle) = bytes.windows(2).position(|it| it == b"\n\n") else {
        return;
    };
    let (config, head) = bytes.split_at(middle);
    let Ok(table) = RoutingConfig::parse(config).and_then(|it| it.load()) else {
        return;
    };
    let lines = head.split(|it| *it == b'\n').filter(|line| !line.is_empty());
    let pairs: Vec<Header<'_>> = lines.filter_map(split_line).collect();
    let pseudo = |name: &[u8]| {
        pairs
            .iter()
            .find(|(key, _)| *key == name)
            .map(|(_, value)| *value)
    };
    let plain: Vec<Header<'_>> = pairs
        .iter()
        .filter(|(name, _)| !name.starts_with(b":"))
        .copied()
        .collect();
    let head = RequestHead::new(pseudo(b":authority"), pseudo(b":path"))
        .with_method(pseudo(b":method"))
        .with_scheme(pseudo(b":scheme"))
        .with_headers(&plain);
    if let Some(host) = table.virtual_host(head.authority()) {
        let by_index = host.select(&head).map(std::ptr::from_ref);
        let by_walk = host
            .routes()
            .iter()
            .find(|it| it.matcher.check(&head).is_ok())
            .map(std::ptr::from_ref);
        assert_eq!(by_index, by_walk, "the index and the walk disagree");
    }
    let _total = table.decide(&head, || fingerpost_routing::Roll(bytes.len() as u64));
}

/// Any bytes as YAML are resources or findings, and both can be compiled and shown.
pub fn yaml(bytes: &[u8]) {
    let mut diagnostics = Diagnostics::new();
    let resources = read(
        vec![Source::from_bytes("fuzz.yaml", bytes.to_vec())],
        &mut diagnostics,
    );
    let check = |text: &str| {
        Pattern::parse_as(text, Encoding::Utf8)
            .map(drop)
            .map_err(|error| error.to_string())
    };
    validate(&resources, &check, &mut diagnostics);
    let sound = !diagnostics.has_errors();
    let compiled = compile(&resources, &Options::default(), &mut diagnostics);
    let _shown = render(&diagnostics, &resources.sources, false);
    if sound && !diagnostics.has_errors() {
        for chain in &compiled.chains {
            let text = serde_json::to_vec(&chain.config).unwrap_or_default();
            let loaded = fingerpost_routing_config::load(&text);
            assert!(
                loaded.is_ok(),
                "the filter refuses what was compiled without a word: {loaded:?}"
            );
        }
    }
}

/// `name: value`, where the name may begin with a colon.
fn split_line(line: &[u8]) -> Option<Header<'_>> {
    let colon = line.iter().skip(1).position(|it| *it == b':')? + 1;
    let (name, rest) = line.split_at(colon);
    let value = rest.get(1..).unwrap_or_default();
    Some((name, value.strip_prefix(b" ").unwrap_or(value)))
}
