//! Whether Envoy accepts what `compile` accepts.
//!
//! Listeners and clusters of many inputs are put into one bootstrap, each different one once, and `envoy --mode validate`
//! reads it. Where Envoy refuses a bootstrap it is halved until single ones are left. What only shows between the
//! parts of one input, a name or an address that comes twice, is compared here.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::hash::{DefaultHasher, Hash, Hasher};

use fingerpost_config_compiler::{Compiled, FileSecret, Options, compile};
use fingerpost_envoy_runner::{Bootstrap, EnvoyBinary, validate};
use fingerpost_resources::{Diagnostics, Severity, Source, read, validate as validate_resources};
use fingerpost_routing::{Encoding, Pattern};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::compiled::module_path;

/// How many parts one Envoy reads.
const PARTS: usize = 150;
const MODULE: &str = "fingerpost.wasm";

/// Compiles as the command does. None if the input has errors.
#[must_use]
pub fn compiled(bytes: &[u8], options: &Options) -> (Option<Compiled>, Vec<&'static str>) {
    let mut diagnostics = Diagnostics::new();
    let resources = read(
        vec![Source::from_bytes("resources.yaml", bytes.to_vec())],
        &mut diagnostics,
    );
    let check = |text: &str| {
        Pattern::parse_as(text, Encoding::Utf8)
            .map(drop)
            .map_err(|error| error.to_string())
    };
    validate_resources(&resources, &check, &mut diagnostics);
    let codes = |diagnostics: &Diagnostics| {
        let errors = diagnostics.iter().filter(|it| it.severity == Severity::Error);
        errors.map(|it| it.code.as_str()).collect()
    };
    if diagnostics.has_errors() {
        return (None, codes(&diagnostics));
    }
    let compiled = compile(&resources, options, &mut diagnostics);
    match diagnostics.has_errors() {
        true => (None, codes(&diagnostics)),
        false => (Some(compiled), Vec::new()),
    }
}

/// A part that Envoy refuses.
#[derive(Debug)]
pub struct Refused {
    /// Which input it is of.
    pub input: String,
    /// What Envoy says.
    pub reason: String,
}

#[derive(Clone)]
struct Part {
    input: String,
    kind: &'static str,
    value: Value,
}

/// Collects parts and has Envoy judge them.
pub struct Judge<'a> {
    binary: &'a EnvoyBinary,
    /// The module, and the files that tell Envoy of certificates.
    folder: TempDir,
    seen: HashSet<u64>,
    waiting: Vec<Part>,
    /// The addresses of the listeners that wait.
    addresses: BTreeSet<String>,
    runtime: Value,
    /// How many different parts Envoy was given.
    pub judged: usize,
    /// What it refused.
    pub refused: Vec<Refused>,
}

impl<'a> Judge<'a> {
    /// Nothing has been judged.
    ///
    /// # Errors
    /// There is no module, or no folder for files.
    pub fn new(binary: &'a EnvoyBinary) -> Result<Self, String> {
        let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
        let certificates = folder.path().join(FileSecret::FOLDER);
        std::fs::create_dir(certificates)
            .and_then(|()| std::fs::copy(module_path(), folder.path().join(MODULE)))
            .map_err(|error| error.to_string())?;
        Ok(Self {
            binary,
            folder,
            seen: HashSet::new(),
            waiting: Vec::new(),
            addresses: BTreeSet::new(),
            runtime: json!({}),
            judged: 0,
            refused: Vec::new(),
        })
    }

    /// Adds the parts of a bootstrap.
    ///
    /// # Errors
    /// A file that it names can't be written.
    pub fn add(&mut self, input: &str, compiled: &Compiled) -> Result<(), String> {
        for secret in &compiled.file_secrets {
            let resource = secret.content();
            std::fs::write(secret.path(), resource).map_err(|error| error.to_string())?;
        }
        let bootstrap = &compiled.bootstrap_json();
        self.runtime = bootstrap["layered_runtime"].clone();
        self.refuse_twins(input, bootstrap);
        for kind in ["listeners", "clusters"] {
            for value in bootstrap["static_resources"][kind]
                .as_array()
                .into_iter()
                .flatten()
            {
                self.add_part(input, kind, value);
            }
        }
        Ok(())
    }

    /// Where Envoy finds the filter: in a folder with one for certificates, as `compile` leaves it.
    #[must_use]
    pub fn module_path(&self) -> String {
        self.folder.path().join(MODULE).to_string_lossy().into_owned()
    }

    /// Names and addresses that come twice in one bootstrap.
    fn refuse_twins(&mut self, input: &str, bootstrap: &Value) {
        let parts = |kind: &str, key: &str| {
            let parts = bootstrap["static_resources"][kind]
                .as_array()
                .into_iter()
                .flatten();
            parts.map(|it| it[key].to_string()).collect::<Vec<_>>()
        };
        for (kind, key) in [("listeners", "address"), ("clusters", "name")] {
            let all = parts(kind, key);
            if all.iter().collect::<BTreeSet<_>>().len() != all.len() {
                self.refused.push(Refused {
                    input: input.to_owned(),
                    reason: format!("two {kind} have one {key}: {all:?}"),
                });
            }
        }
    }

    fn add_part(&mut self, input: &str, kind: &'static str, value: &Value) {
        let mut hash = DefaultHasher::new();
        (kind, value.to_string()).hash(&mut hash);
        if !self.seen.insert(hash.finish()) {
            return;
        }
        let number = self.seen.len();
        let mut value = value.clone();
        value["name"] = match value["name"].as_str() {
            Some("") => json!(""),
            _ => json!(format!("part {number}")),
        };
        let usual = ["0.0.0.0", "127.0.0.1"];
        let address = &mut value["address"]["socket_address"]["address"];
        if kind == "listeners" && address.as_str().is_some_and(|it| usual.contains(&it)) {
            *address = json!(format!(
                "127.{}.{}.{}",
                number >> 16 & 255,
                number >> 8 & 255,
                number & 255
            ));
        } else if kind == "listeners" && address.is_null() {
            // To look a field up made it: an address of another kind has none.
            value["address"]
                .as_object_mut()
                .map(|it| it.remove("socket_address"));
        }
        let taken = kind == "listeners" && !self.addresses.insert(value["address"].to_string());
        if taken || self.waiting.len() >= PARTS {
            self.judge();
            self.addresses.insert(value["address"].to_string());
        }
        if kind == "clusters" {
            value.as_object_mut().map(|it| it.remove("address"));
            value["load_assignment"]["cluster_name"] = value["name"].clone();
        }
        self.waiting.push(Part {
            input: input.to_owned(),
            kind,
            value,
        });
    }

    /// Has Envoy read all that waits.
    pub fn judge(&mut self) {
        let waiting = std::mem::take(&mut self.waiting);
        self.addresses.clear();
        self.judged += waiting.len();
        self.halve(&waiting);
    }

    fn halve(&mut self, parts: &[Part]) {
        if parts.is_empty() {
            return;
        }
        let Err(reason) = self.validate(parts) else { return };
        match parts {
            [only] => self.refused.push(Refused {
                input: only.input.clone(),
                reason,
            }),
            several => {
                let (one, other) = several.split_at(several.len() / 2);
                self.halve(one);
                self.halve(other);
            }
        }
    }

    fn validate(&self, parts: &[Part]) -> Result<(), String> {
        let mut resources: BTreeMap<&str, Vec<&Value>> = BTreeMap::new();
        for part in parts {
            resources.entry(part.kind).or_default().push(&part.value);
        }
        let bootstrap = json!({
            "node": {"id": "accepted", "cluster": "accepted"},
            "static_resources": resources,
            "layered_runtime": self.runtime,
        });
        let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
        validate(self.binary, &Bootstrap(bootstrap), folder.path()).map_err(|error| error.to_string())
    }
}
