//! The proxies that are compared, each as a bootstrap for a stock Envoy.
//!
//! All come from the compiler, so listeners, filters and policies are those that it writes. What a proxy has besides is
//! put into its JSON here.

use std::fmt;
use std::path::{Path, PathBuf};

use clap::ValueEnum;
use fingerpost_config_compiler::{Engine, Options};
use fingerpost_envoy_runner::Bootstrap;
use fingerpost_workload::{Kind, SERVICES, catch_all, compile, yaml};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::{Failure, lua};

/// What routes the requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Proxy {
    /// Envoy with one route for everything: what a proxied request costs before anything is chosen.
    Alone,
    /// The same with a filter that does nothing: what every filter of this SDK costs.
    Empty,
    /// The rules in our filter.
    Fingerpost,
    /// The rules in Envoy's own route table.
    Native,
    /// The rules in a script of Envoy's Lua filter, which names the cluster.
    Lua,
}

/// The modules that Envoy loads, by absolute paths.
#[derive(Debug, Clone)]
pub(crate) struct Modules {
    /// Our filter.
    pub(crate) fingerpost: PathBuf,
    /// The filter that does nothing.
    pub(crate) empty: PathBuf,
}

/// The header by which the Lua script names the cluster.
pub(crate) const LUA_HEADER: &str = "x-lua-cluster";
const WASM: &str = "type.googleapis.com/envoy.extensions.filters.http.wasm.v3.Wasm";
const LUA: &str = "type.googleapis.com/envoy.extensions.filters.http.lua.v3.Lua";

impl Proxy {
    /// All of them, in the order of the tables.
    pub(crate) const ALL: [Self; 5] = [
        Self::Alone,
        Self::Empty,
        Self::Fingerpost,
        Self::Native,
        Self::Lua,
    ];

    /// Its name for people.
    pub(crate) fn title(self) -> &'static str {
        match self {
            Self::Alone => "Envoy, one route",
            Self::Empty => "an empty filter",
            Self::Fingerpost => "Fingerpost",
            Self::Native => "Envoy's router",
            Self::Lua => "Lua by hand",
        }
    }

    /// The configuration with a table of `count` rules.
    pub(crate) fn bootstrap(self, kind: Kind, count: usize, modules: &Modules) -> Result<Bootstrap, Failure> {
        let compiled = |yaml: &str, engine| {
            let options = Options {
                engine,
                module_path: text(&modules.fingerpost),
                // Only an access log wants the names, and no proxy here has one.
                name_rules: false,
                ..Options::default()
            };
            compile(yaml, &options).map(|it| it.bootstrap_json())
        };
        let json = match self {
            Self::Alone => compiled(&catch_all(), Engine::Native)?,
            Self::Native => compiled(&yaml(kind, count), Engine::Native)?,
            Self::Fingerpost => compiled(&yaml(kind, count), Engine::Wasm)?,
            Self::Empty => {
                let mut json = compiled(&catch_all(), Engine::Native)?;
                let filter = empty_filter(&compiled(&catch_all(), Engine::Wasm)?, modules)?;
                http_filters(&mut json)?.insert(0, filter);
                json
            }
            Self::Lua => {
                let mut json = compiled(&catch_all(), Engine::Native)?;
                // A bootstrap has the clusters that its routes name, and the script names all.
                let mut all = compiled(&yaml(Kind::Exact, SERVICES), Engine::Native)?;
                json["static_resources"]["clusters"] = all["static_resources"]["clusters"].take();
                let script = lua::script(kind, count);
                let filter = json!({
                    "name": "envoy.filters.http.lua",
                    "typed_config": {"@type": LUA, "default_source_code": {"inline_string": script}},
                });
                http_filters(&mut json)?.insert(0, filter);
                choose_by_header(&mut json)?;
                json
            }
        };
        Ok(Bootstrap(json))
    }
}

impl fmt::Display for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.title())
    }
}

/// Our filter's entry with the other module, no configuration and no restrictions: as people run a filter.
fn empty_filter(with_ours: &Value, modules: &Modules) -> Result<Value, Failure> {
    let mut with_ours = with_ours.clone();
    let filters = http_filters(&mut with_ours)?;
    let ours = filters
        .iter_mut()
        .find(|filter| filter["typed_config"]["@type"] == WASM);
    let mut filter = ours
        .ok_or("the compiler has put no filter into the bootstrap")?
        .take();
    filter["name"] = json!("empty");
    let config = filter["typed_config"]["config"]
        .as_object_mut()
        .ok_or("the filter has no `config`")?;
    config.insert("name".to_owned(), json!("empty"));
    config.insert("root_id".to_owned(), json!("empty"));
    config.shift_remove("configuration");
    config.shift_remove("capability_restriction_config");
    let code = config
        .get_mut("vm_config")
        .and_then(|it| it.pointer_mut("/code/local/filename"))
        .ok_or("the filter's module is not a local file")?;
    *code = json!(text(&modules.empty));
    config["vm_config"]["vm_id"] = json!("empty");
    Ok(filter)
}

/// Has every route take its cluster from the header that the script sets.
fn choose_by_header(json: &mut Value) -> Result<(), Failure> {
    let hosts = connection_manager(json)?
        .pointer_mut("/route_config/virtual_hosts")
        .and_then(Value::as_array_mut)
        .ok_or("the bootstrap has no virtual hosts")?;
    let mut changed = 0;
    for host in hosts {
        for route in host["routes"].as_array_mut().into_iter().flatten() {
            if let Some(action) = route.get_mut("route").and_then(Value::as_object_mut)
                && action.shift_remove("cluster").is_some()
            {
                action.insert("cluster_header".to_owned(), json!(LUA_HEADER));
                changed += 1;
            }
        }
    }
    match changed {
        0 => Err("the bootstrap has no route to a cluster".into()),
        _ => Ok(()),
    }
}

fn http_filters(json: &mut Value) -> Result<&mut Vec<Value>, Failure> {
    let filters = connection_manager(json)?
        .get_mut("http_filters")
        .and_then(Value::as_array_mut);
    filters.ok_or_else(|| "the bootstrap has no HTTP filters".into())
}

fn connection_manager(json: &mut Value) -> Result<&mut Value, Failure> {
    let manager = json.pointer_mut("/static_resources/listeners/0/filter_chains/0/filters/0/typed_config");
    manager.ok_or_else(|| "the bootstrap has no HTTP listener".into())
}

fn text(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}
