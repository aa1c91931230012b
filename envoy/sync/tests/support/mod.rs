//! A disk that stops, an Envoy of a few lines, and small configurations.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::Duration;

use fingerpost_envoy_config::bootstrap::Bootstrap;
use fingerpost_sync::{Disk, Marks, NotTaken, Proxy};
use fingerpost_xds::{Kind, XdsFile, XdsFiles, split};
use serde_json::{Value, json};

/// In whose file the fake Envoy finds something that it rejects.
const REJECTED: &str = "rejected-by-the-fake";

/// The configuration of a generation: its filter chooses its own key, whose route goes to its own cluster.
pub fn files(generation: u32) -> XdsFiles {
    configured(generation, "")
}

/// A generation of which Envoy rejects one part.
pub fn rejected(generation: u32, part: &str) -> XdsFiles {
    configured(generation, part)
}

fn configured(generation: u32, rejected: &str) -> XdsFiles {
    let name = |part: &str, usual: &str| {
        if part == rejected {
            REJECTED.to_owned()
        } else {
            usual.to_owned()
        }
    };
    let cluster = format!("cluster-{generation}");
    let key = format!("{cluster}@key");
    let route = json!({"match": {"prefix": ""}, "route": {"cluster": cluster}, "name": name("table", "r")});
    let action = json!({"name": "route", "typed_config": {
        "@type": "type.googleapis.com/envoy.config.route.v3.Route",
        "match": route["match"], "route": route["route"], "name": route["name"],
    }});
    let input = json!({"name": "key", "typed_config": {
        "@type": "type.googleapis.com/envoy.type.matcher.v3.HttpRequestHeaderMatchInput",
        "header_name": "x-key",
    }});
    let map = json!({ key.clone(): {"action": action} });
    let host = json!({
        "name": "a", "domains": ["*"],
        "matcher": {"matcher_tree": {"input": input, "exact_match_map": {"map": map}}},
    });
    let wasm = json!({
        "@type": "type.googleapis.com/envoy.extensions.filters.http.wasm.v3.Wasm",
        "config": {
            "name": "filter",
            "root_id": name("filter", "root"),
            "vm_config": {"runtime": "v8", "code": {"local": {"filename": "filter.wasm"}}},
            "configuration": {"@type": "type.googleapis.com/google.protobuf.StringValue", "value": key},
        },
    });
    let manager = json!({
        "@type": "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": name("listener", "a"),
        "route_config": {"name": "table", "virtual_hosts": [host]},
        "http_filters": [{"name": "filter", "typed_config": wasm}],
    });
    let listener = |name: &str| {
        json!({
            "name": name,
            "address": {"socket_address": {"address": "0.0.0.0", "port_value": 80}},
            "filter_chains": [{"filters": [{"name": "manager", "typed_config": manager}]}],
        })
    };
    let mut clusters = vec![json!({"name": cluster})];
    if rejected == "cluster" {
        clusters.push(json!({"name": REJECTED}));
    }
    let bootstrap: Value = json!({"static_resources": {"listeners": [listener("a")], "clusters": clusters}});
    let bootstrap: Bootstrap = serde_json::from_value(bootstrap).expect("a bootstrap");
    split(&bootstrap, "/etc/envoy/xds").files
}

/// An Envoy that has taken some files.
#[derive(Debug)]
pub struct FakeEnvoy {
    folder: PathBuf,
    taken: BTreeMap<String, XdsFile>,
    /// Names of files that it has rejected, and how often.
    rejections: BTreeMap<String, u32>,
}

impl FakeEnvoy {
    pub fn new(folder: &Path) -> Self {
        Self {
            folder: folder.to_owned(),
            taken: BTreeMap::new(),
            rejections: BTreeMap::new(),
        }
    }

    /// Starts with the files as they are now.
    pub fn start(&mut self) {
        self.taken.clear();
        self.read();
        check(&self.taken.values().collect::<Vec<_>>());
    }

    /// Reads the files that have changed. What it has at any time in between must be right too.
    fn read(&mut self) {
        let mut changed = Vec::new();
        for file in visible(&self.folder) {
            if self.taken.get(&file.name) == Some(&file) {
                continue;
            }
            if file.content.contains(REJECTED) {
                *self.rejections.entry(file.name.clone()).or_default() += 1;
            } else {
                changed.push(file);
            }
        }
        // The files are read in any order.
        for chosen in 0..(1_u32 << changed.len()) {
            let mut now = self.taken.clone();
            for (index, file) in changed.iter().enumerate() {
                if chosen & (1 << index) != 0 {
                    now.insert(file.name.clone(), file.clone());
                }
            }
            if !self.taken.is_empty() {
                check(&now.values().collect::<Vec<_>>());
            }
        }
        for file in changed {
            self.taken.insert(file.name.clone(), file);
        }
    }

    /// That exactly these files are in force.
    pub fn expect(&self, files: &XdsFiles) {
        let expected: BTreeMap<String, XdsFile> = files
            .files()
            .into_iter()
            .map(|it| (it.name.clone(), it))
            .collect();
        assert_eq!(self.taken, expected);
    }
}

/// That the filter finds its route, and the route its cluster.
fn check(files: &[&XdsFile]) {
    let of = |kind| {
        files
            .iter()
            .find(|it| it.kind == kind)
            .map(|it| it.content.as_str())
            .unwrap_or_default()
    };
    let filter: Value = serde_json::from_str(of(Kind::HttpFilter)).expect("a filter");
    let key = filter.pointer("/resources/0/typed_config/config/configuration/value");
    let key = key.and_then(Value::as_str).expect("a key");
    let table: Value = serde_json::from_str(of(Kind::Routes)).expect("a table");
    let routes = table.pointer("/resources/0/virtual_hosts/0/matcher/matcher_tree/exact_match_map/map");
    let route = routes.and_then(|it| it.get(key));
    let route = route.unwrap_or_else(|| panic!("the filter chooses {key}, and the table has {routes:?}"));
    let cluster = route
        .pointer("/action/typed_config/route/cluster")
        .and_then(Value::as_str);
    let cluster = cluster.expect("a cluster");
    assert!(
        of(Kind::Clusters).contains(&format!("\"{cluster}\"")),
        "{cluster} is not there"
    );
}

fn visible(folder: &Path) -> Vec<XdsFile> {
    let mut files = XdsFiles::default();
    for entry in fs::read_dir(folder).expect("a folder").flatten() {
        let name = entry.file_name().into_string().expect("UTF-8");
        if Kind::of(&name).is_some()
            && let Ok(content) = fs::read(entry.path())
        {
            files.read(&name, &content).expect("one of our files");
        }
    }
    files.files()
}

/// The Envoy for a `Sync`, which owns what it works with.
#[derive(Debug, Clone)]
pub struct Handle(pub Rc<RefCell<FakeEnvoy>>);

impl Proxy for Handle {
    fn marks(&self) -> Result<Marks, NotTaken> {
        self.0.borrow_mut().rejections.clear();
        Ok(Marks::default())
    }

    fn wait_for(&self, files: &[XdsFile], since: Option<&Marks>) -> Result<(), NotTaken> {
        let mut envoy = self.0.borrow_mut();
        if !envoy.taken.is_empty() {
            envoy.read();
        }
        let missing: Vec<&XdsFile> = files
            .iter()
            .filter(|it| {
                envoy
                    .taken
                    .get(&it.name)
                    .is_none_or(|taken| taken.version != it.version)
            })
            .collect();
        let rejected = missing.iter().find(|it| envoy.rejections.contains_key(&it.name));
        match (rejected, missing.first()) {
            (Some(file), _) => Err(NotTaken::Rejected {
                what: file.name.clone(),
                reason: since.map(|_| "a reason".to_owned()),
            }),
            (None, Some(file)) => Err(NotTaken::Late {
                what: vec![file.name.clone()],
                waited: Duration::ZERO,
            }),
            (None, None) => {
                let names: BTreeSet<String> = visible(&envoy.folder).into_iter().map(|it| it.name).collect();
                envoy.taken.retain(|name, _| names.contains(name));
                Ok(())
            }
        }
    }

    fn is_draining(&self) -> Result<bool, NotTaken> {
        Ok(false)
    }
}

/// A disk that does so many changes, and then no more. What it was writing is half written. It does not wait until anything is
/// on a real disk.
#[derive(Debug)]
pub struct TestDisk(Option<Cell<u32>>);

impl TestDisk {
    pub fn that_stops_after(writes: u32) -> Self {
        // Opening the folder is the first.
        Self(Some(Cell::new(writes + 1)))
    }

    pub fn that_goes_on() -> Self {
        Self(None)
    }

    fn go_on(&self) -> io::Result<()> {
        let Some(writes) = &self.0 else { return Ok(()) };
        let left = writes.get().checked_sub(1);
        writes.set(left.unwrap_or(0));
        left.map(drop)
            .ok_or_else(|| io::Error::other("stopped by the test"))
    }
}

impl Disk for TestDisk {
    fn make_folder(&self, path: &Path) -> io::Result<()> {
        self.go_on()?;
        fs::create_dir_all(path)
    }

    fn write(&self, path: &Path, content: &[u8], _secret: bool) -> io::Result<()> {
        let stopped = self.go_on();
        if stopped.is_err() {
            fs::write(path, content.get(..content.len() / 2).unwrap_or_default())?;
        }
        stopped?;
        fs::write(path, content)
    }

    fn link(&self, file: &Path, name: &Path) -> io::Result<()> {
        self.go_on()?;
        fs::hard_link(file, name)
    }

    fn symlink(&self, target: &Path, name: &Path) -> io::Result<()> {
        self.go_on()?;
        std::os::unix::fs::symlink(target, name)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.go_on()?;
        fs::rename(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        self.go_on()?;
        fs::remove_file(path)
    }

    fn remove_folder(&self, path: &Path) -> io::Result<()> {
        self.go_on()?;
        fs::remove_dir_all(path)
    }
}

/// That nothing is left but the files in force and their generation.
pub fn expect_clean(folder: &Path) {
    let mut generations = 0;
    let entries = |folder: &Path| fs::read_dir(folder).expect("a folder").flatten();
    for entry in entries(folder).chain(entries(&folder.join("..state"))) {
        let name = entry.file_name().into_string().expect("UTF-8");
        assert!(!name.starts_with("draft"), "{name} is left");
        generations += u32::from(name.starts_with("g-"));
        assert!(entry.path().exists(), "{name} is a link to nothing");
    }
    assert_eq!(generations, 1);
}
