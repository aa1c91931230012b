//! Reads a configuration and makes its table in one pass, route by route.
//!
//! A filter's VM has as much memory for ever as it needed once, and a configuration of thousands of rules takes several times
//! as much as its table. So neither the JSON nor what is read of it is ever in memory as a whole. What is taken and what is refused
//! is as for [`RoutingConfig::parse`] and `load`; of several mistakes, another one may come first.

use crate::load::{load_route, load_upgrades};
use crate::loading::{Loading, Settings};
use crate::{
    LoadError, NativeRoutes, RegexEncoding, RepeatedHeaders, Revision, Route, RoutingConfig, Upgrades,
};
use fingerpost_routing as run;
use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use std::fmt;
use std::io::{BufReader, Read};

/// A configuration that was read, and its table.
#[derive(Debug)]
pub struct Loaded {
    /// The configuration without its virtual hosts.
    pub config: RoutingConfig,
    /// The table. It has the names of virtual hosts, rules and clusters only if the filter is to name rules: they are for people.
    pub table: run::RouteTable,
    /// How many bytes the programs of its patterns take.
    pub programs: usize,
}

/// Reads a configuration from JSON and makes its table. `open` begins at the start of the JSON each time.
///
/// # Errors
/// Reading fails, or the configuration cannot be taken.
pub fn load_from<R: Read>(open: impl Fn() -> R) -> Result<Loaded, LoadError> {
    let first = Document::read(&mut open(), None)?;
    match first.other_settings {
        None => Ok(first.loaded),
        // The settings came behind the virtual hosts, which were read by others.
        Some(settings) => Ok(Document::read(&mut open(), Some(settings))?.loaded),
    }
}

/// What was read.
struct Document {
    loaded: Loaded,
    /// The settings, if the virtual hosts were read by others.
    other_settings: Option<Settings>,
}

impl Document {
    /// Reads all, with these settings, or with those that come before the virtual hosts.
    ///
    /// No generic reader: for one, this would be compiled with each filter, for speed rather than size.
    fn read(json: &mut dyn Read, settings: Option<Settings>) -> Result<Self, LoadError> {
        let mut refused = None;
        let mut reader = serde_json::Deserializer::from_reader(BufReader::new(json));
        let seed = Whole {
            settings,
            refused: &mut refused,
        };
        let read = seed.deserialize(&mut reader);
        let read = read.and_then(|document| reader.end().map(|()| document));
        read.map_err(|error| {
            refused.unwrap_or_else(|| LoadError {
                place: String::new(),
                reason: format!("not a routing configuration: {error}"),
            })
        })
    }
}

/// Keeps why something was refused, and ends the reading.
fn refuse<E: Error>(slot: &mut Option<LoadError>, error: LoadError) -> E {
    *slot = Some(error);
    E::custom("refused")
}

/// Takes a field, which may come once.
fn once<T, E: Error>(slot: &mut Option<T>, name: &'static str, value: T) -> Result<(), E> {
    match slot.replace(value) {
        None => Ok(()),
        Some(_) => Err(E::duplicate_field(name)),
    }
}

#[derive(Deserialize)]
#[serde(field_identifier, rename_all = "snake_case")]
enum Field {
    Version,
    RepeatedHeaders,
    RegexEncoding,
    NativeRoutes,
    NameRules,
    Upgrades,
    Revision,
    VirtualHosts,
}

/// The document.
struct Whole<'r> {
    settings: Option<Settings>,
    refused: &'r mut Option<LoadError>,
}

impl<'de> DeserializeSeed<'de> for Whole<'_> {
    type Value = Document;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Document, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Whole<'_> {
    type Value = Document;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a routing configuration")
    }

    #[inline(never)]
    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Document, A::Error> {
        let (mut version, mut native_routes, mut upgrades, mut revision) = (None, None, None, None);
        let (mut repeated_headers, mut regex_encoding) = (None::<RepeatedHeaders>, None::<RegexEncoding>);
        let (mut name_rules, mut hosts) = (None::<bool>, None);
        while let Some(field) = map.next_key()? {
            match field {
                Field::Version => {
                    once(&mut version, "version", map.next_value::<u32>()?)?;
                    RoutingConfig::check_version(version).map_err(|error| refuse(self.refused, error))?;
                }
                Field::RepeatedHeaders => once(&mut repeated_headers, "repeated_headers", map.next_value()?)?,
                Field::RegexEncoding => once(&mut regex_encoding, "regex_encoding", map.next_value()?)?,
                Field::NativeRoutes => once(
                    &mut native_routes,
                    "native_routes",
                    map.next_value::<NativeRoutes>()?,
                )?,
                Field::NameRules => once(&mut name_rules, "name_rules", map.next_value()?)?,
                Field::Upgrades => once(&mut upgrades, "upgrades", map.next_value::<Option<Upgrades>>()?)?,
                Field::Revision => once(&mut revision, "revision", map.next_value::<Option<Revision>>()?)?,
                Field::VirtualHosts => {
                    let settings = self.settings.unwrap_or_else(|| Settings {
                        repeated_headers: repeated_headers.unwrap_or_default(),
                        regex_encoding: regex_encoding.unwrap_or_default(),
                        names_rules: name_rules.unwrap_or_default(),
                    });
                    let seed = Hosts {
                        loading: Loading::new(settings),
                        refused: &mut *self.refused,
                    };
                    once(
                        &mut hosts,
                        "virtual_hosts",
                        (settings, map.next_value_seed(seed)?),
                    )?;
                }
            }
        }
        let version = version.ok_or_else(|| A::Error::missing_field("version"))?;
        let settings = Settings {
            repeated_headers: repeated_headers.unwrap_or_default(),
            regex_encoding: regex_encoding.unwrap_or_default(),
            names_rules: name_rules.unwrap_or_default(),
        };
        let (read_by, mut loading) = hosts.unwrap_or_else(|| (settings, Loading::new(settings)));
        let upgrades = upgrades.flatten();
        if let Some(upgrades) = &upgrades {
            let loaded = load_upgrades(upgrades, &loading);
            loading.refuse_upgrades(loaded.map_err(|error| refuse(self.refused, error))?);
        }
        let (table, programs) = loading.finish();
        let config = RoutingConfig {
            version,
            repeated_headers: settings.repeated_headers,
            regex_encoding: settings.regex_encoding,
            native_routes: native_routes.unwrap_or_default(),
            name_rules: settings.names_rules,
            upgrades,
            revision: revision.flatten(),
            virtual_hosts: Vec::new(),
        };
        Ok(Document {
            loaded: Loaded {
                config,
                table,
                programs,
            },
            other_settings: (read_by != settings).then_some(settings),
        })
    }
}

/// The list of virtual hosts.
struct Hosts<'r> {
    loading: Loading,
    refused: &'r mut Option<LoadError>,
}

impl<'de> DeserializeSeed<'de> for Hosts<'_> {
    type Value = Loading;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Loading, D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for Hosts<'_> {
    type Value = Loading;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a sequence of virtual hosts")
    }

    #[inline(never)]
    fn visit_seq<A: SeqAccess<'de>>(mut self, mut seq: A) -> Result<Loading, A::Error> {
        for index in 0_usize.. {
            let seed = Host {
                index,
                loading: &mut self.loading,
                refused: &mut *self.refused,
            };
            if seq.next_element_seed(seed)?.is_none() {
                break;
            }
        }
        Ok(self.loading)
    }
}

#[derive(Deserialize)]
#[serde(field_identifier, rename_all = "snake_case")]
enum HostField {
    Name,
    Domains,
    Routes,
}

/// One virtual host, which is added to the table.
struct Host<'r> {
    index: usize,
    loading: &'r mut Loading,
    refused: &'r mut Option<LoadError>,
}

impl<'de> DeserializeSeed<'de> for Host<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Host<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a virtual host")
    }

    #[inline(never)]
    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let place = format!("virtual_hosts[{}]", self.index);
        let (mut name, mut domains, mut routes) = (None::<String>, None::<Vec<String>>, None);
        while let Some(field) = map.next_key()? {
            match field {
                HostField::Name => once(&mut name, "name", map.next_value()?)?,
                HostField::Domains => once(&mut domains, "domains", map.next_value()?)?,
                HostField::Routes => {
                    let seed = Routes {
                        place: &place,
                        loading: self.loading,
                        refused: &mut *self.refused,
                    };
                    once(&mut routes, "routes", map.next_value_seed(seed)?)?;
                }
            }
        }
        let name = name.unwrap_or_default();
        let domains = domains.ok_or_else(|| A::Error::missing_field("domains"))?;
        let added = self
            .loading
            .add(&name, &domains, routes.unwrap_or_default(), &place);
        added.map_err(|error| refuse(self.refused, error))
    }
}

/// The routes of a virtual host.
struct Routes<'r> {
    place: &'r str,
    loading: &'r Loading,
    refused: &'r mut Option<LoadError>,
}

impl<'de> DeserializeSeed<'de> for Routes<'_> {
    type Value = Vec<run::Route>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for Routes<'_> {
    type Value = Vec<run::Route>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a sequence of routes")
    }

    #[inline(never)]
    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
        let mut routes = Vec::new();
        while let Some(route) = seq.next_element::<Route>()? {
            let place = format_args!("{}.routes[{}]", self.place, routes.len()).to_string();
            let loaded = load_route(&route, self.loading, &place);
            routes.push(loaded.map_err(|error| refuse(self.refused, error))?);
        }
        Ok(routes)
    }
}
