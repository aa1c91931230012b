//! Whether a configuration is taken depends on its bytes alone.
//!
//! Envoy tries a configuration in a VM of its own on the main thread, and then has each worker load it beside what that has. A worker
//! that refuses it would go on without the filter.

use fingerpost_routing::Pattern;
use fingerpost_routing_config::{
    Action, Destination, PROGRAM_BYTES, PathMatch, RepeatedHeaders, RewrittenBy, Route, RouteMatch,
    RoutingConfig, RuleRef, VM_CONFIG_BYTES, VirtualHost,
};
use fingerpost_simulator::{HeaderMap, Headers, Module, Plugin, Simulator, Verdict};
use fingerpost_tests::engines::simulator::module;

/// Tables that replace each other, each with its own key.
const GENERATIONS: usize = 24;
/// Rules of each.
const RULES: usize = 100_000;
/// Less than all of them take, and more than those that fit into [`VM_CONFIG_BYTES`].
const MEMORY: usize = 448 << 20;

/// The same outcome in an empty VM, beside its predecessors, beside the tables of others, and where these take all the
/// room that there should be.
pub(crate) fn are_alike_in_every_vm() -> Result<(), String> {
    let module = module()?;
    let long = |name: &str| -> Result<(String, String), String> {
        Ok((name.to_owned(), padded(&table(1, "key")?, VM_CONFIG_BYTES)?))
    };
    let candidates = [
        ("a table", table(10, "key")?, true),
        (
            "a table as long as possible",
            padded(&table(10, "key")?, VM_CONFIG_BYTES)?,
            true,
        ),
        (
            "a table that is too long",
            padded(&table(10, "key")?, VM_CONFIG_BYTES + 1)?,
            false,
        ),
        ("no table", "{".to_owned(), false),
        ("patterns that take too much", patterns(3 * PROGRAM_BYTES)?, false),
        ("patterns that take much", patterns(PROGRAM_BYTES)?, true),
    ];
    let small = table(10, "key")?;
    let neighbours = [
        ("an empty VM", Vec::new()),
        ("predecessors", vec![("tested".to_owned(), small.clone()); 20]),
        (
            "other plugins",
            (0..20)
                .map(|index| (format!("other{index}"), small.clone()))
                .collect(),
        ),
        ("plugins without a name", vec![(String::new(), small); 20]),
        ("long predecessors", vec![long("tested")?, long("tested")?]),
        ("long tables of others", vec![long("other1")?, long("other2")?]),
        (
            "patterns of others",
            vec![
                ("other1".to_owned(), patterns(PROGRAM_BYTES)?),
                ("other2".to_owned(), patterns(PROGRAM_BYTES)?),
                ("other3".to_owned(), patterns(PROGRAM_BYTES)?),
            ],
        ),
    ];
    for (beside, others) in &neighbours {
        let plugins = others.iter().map(|(name, text)| plugin(&module, name, text));
        Simulator::start(plugins).map_err(|error| format!("{beside}: {error}"))?;
    }
    for (what, candidate, expected) in &candidates {
        for (beside, others) in &neighbours {
            let mut plugins: Vec<Plugin> = others
                .iter()
                .map(|(name, text)| plugin(&module, name, text))
                .collect();
            plugins.push(plugin(&module, "tested", candidate));
            let loaded = Simulator::start(plugins);
            if loaded.is_ok() != *expected {
                let why = loaded.err().map(|error| error.to_string());
                return Err(format!("{what}, beside {beside}: {why:?}"));
            }
        }
    }
    Ok(())
}

/// Tables that are still in use when the next ones come do not fill the VM, and requests are routed all the time.
pub(crate) fn many_reloads_fit_into_a_vm() -> Result<(), String> {
    let module = module()?;
    let started = |name: &dyn Fn(usize) -> String| -> Result<_, String> {
        let mut plugins = vec![plugin(&module, "other", &table(1, "other")?)];
        for generation in 0..GENERATIONS {
            let table = table(RULES, &format!("key{generation}"))?;
            plugins.push(plugin(&module, &name(generation), &table));
        }
        Ok(Simulator::start(plugins.into_iter().map(|it| it.memory(MEMORY))))
    };
    // Tables of different plugins all stay.
    if started(&|generation| format!("plugin{generation}"))?.is_ok() {
        return Err("all tables fit into the memory together: nothing has to go".to_owned());
    }
    let mut simulator = started(&|_| "replaced".to_owned())?.map_err(|error| error.to_string())?;
    let pairs = [(":authority", "a.test"), (":path", "/rule/0")];
    let headers = pairs.map(|(name, value)| (name.as_bytes().to_vec(), value.as_bytes().to_vec()));
    // All of the plugins run, one after the other; the last one says where the request goes.
    let verdict = simulator.decide(Headers::from_list(HeaderMap::Request, headers.into()));
    if let Some(failure) = simulator.take_failures().pop() {
        return Err(failure.to_string());
    }
    let Verdict::Continue { headers: changed, .. } = verdict else {
        return Err(format!("{verdict:?}"));
    };
    let last = format!("key{}", GENERATIONS - 1);
    match changed
        .into_list()
        .iter()
        .any(|(_, value)| value == last.as_bytes())
    {
        true => Ok(()),
        false => Err("the newest table does not route".to_owned()),
    }
}

/// A plugin, in the VM of all others.
fn plugin(module: &Module, name: &str, configuration: &str) -> Plugin {
    Plugin::of(module.clone())
        .name(name)
        .vm_id("shared")
        .config(configuration)
        .start_fuel(u64::MAX)
}

/// The configuration with blanks behind it, so that it has this length.
fn padded(configuration: &str, length: usize) -> Result<String, String> {
    let missing = length
        .checked_sub(configuration.len())
        .ok_or("it is longer than that")?;
    Ok(format!("{configuration}{}", " ".repeat(missing)))
}

fn table(rules: usize, key: &str) -> Result<String, String> {
    written(
        (0..rules)
            .map(|index| route(PathMatch::Exact(format!("/rule/{index}")), key))
            .collect(),
    )
}

/// A table whose patterns take so many bytes here; in the module they take less, but more than a third.
fn patterns(bytes: usize) -> Result<String, String> {
    let text = |index: usize| format!("/{index}/(abcdefghij|klmnopqrst){{1,900}}x");
    let one = Pattern::parse(&text(0))
        .map_err(|error| error.to_string())?
        .program_bytes();
    let pattern = |index| route(PathMatch::Regex(text(index)), "key");
    written((0..bytes / one).map(pattern).collect())
}

fn written(routes: Vec<Route>) -> Result<String, String> {
    let hosts = vec![VirtualHost {
        name: "all".to_owned(),
        domains: vec!["*".to_owned()],
        routes,
    }];
    let config = RoutingConfig::new(RepeatedHeaders::Each, hosts);
    serde_json::to_string(&config).map_err(|error| error.to_string())
}

fn route(path: PathMatch, key: &str) -> Route {
    Route {
        rule: RuleRef {
            rules: Vec::new(),
            matched: None,
        },
        matches: RouteMatch::path(path),
        rewrite: None,
        rewritten_by: RewrittenBy::Filter,
        action: Action::Forward(vec![Destination {
            cluster: "apples".to_owned(),
            weight: 1,
            key: key.to_owned(),
        }]),
    }
}
