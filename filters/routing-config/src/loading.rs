//! A table while it is loaded: what the whole of it shares, and what is left out of it.

use crate::load::refused;
use crate::memory::Programs;
use crate::{LoadError, RegexEncoding, RepeatedHeaders};
use fingerpost_routing as run;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fmt;

/// What routes are read by.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Settings {
    pub(crate) repeated_headers: RepeatedHeaders,
    pub(crate) regex_encoding: RegexEncoding,
    /// Whether the table keeps the names that are for people: those of virtual hosts, rules and clusters. No decision depends
    /// on them, and without them many virtual hosts have the same routes.
    pub(crate) names_rules: bool,
}

/// The table, as far as it is loaded.
#[derive(Debug)]
pub(crate) struct Loading {
    settings: Settings,
    pub(crate) programs: Programs,
    /// Many routes have the same key.
    keys: RefCell<BTreeMap<Box<str>, run::DispatchKey>>,
    table: run::RouteTable,
}

impl Loading {
    pub(crate) fn new(settings: Settings) -> Self {
        Self {
            settings,
            programs: Programs::default(),
            keys: RefCell::default(),
            table: run::RouteTable::default(),
        }
    }

    /// What a condition sees of a repeated header.
    pub(crate) fn repeated(&self) -> run::RepeatedHeaders {
        match self.settings.repeated_headers {
            RepeatedHeaders::Each => run::RepeatedHeaders::Each,
            RepeatedHeaders::Joined => run::RepeatedHeaders::Joined,
        }
    }

    /// What a character is to the patterns.
    pub(crate) fn encoding(&self) -> run::Encoding {
        match self.settings.regex_encoding {
            RegexEncoding::Latin1 => run::Encoding::Latin1,
            RegexEncoding::Utf8 => run::Encoding::Utf8,
        }
    }

    /// Whether names for people are kept.
    pub(crate) fn names_rules(&self) -> bool {
        self.settings.names_rules
    }

    /// A name for people, as the table keeps it.
    pub(crate) fn name<'n>(&self, name: &'n str) -> &'n str {
        if self.names_rules() { name } else { "" }
    }

    /// The key of this text, which is at `place`.
    #[inline(never)]
    pub(crate) fn key(&self, text: &str, place: &dyn fmt::Display) -> Result<run::DispatchKey, LoadError> {
        let mut keys = self.keys.borrow_mut();
        if let Some(key) = keys.get(text) {
            return Ok(key.clone());
        }
        let key =
            run::DispatchKey::parse(text).ok_or_else(|| refused(place, "an empty key leads nowhere"))?;
        keys.insert(text.into(), key.clone());
        Ok(key)
    }

    /// Adds a virtual host.
    #[inline(never)]
    pub(crate) fn add(
        &mut self,
        name: &str,
        domains: &[String],
        routes: Vec<run::Route>,
        place: &str,
    ) -> Result<(), LoadError> {
        let host = run::VirtualHost::new(self.name(name), routes);
        let domains = domains.iter().map(String::as_str);
        let added = self.table.add(host, domains);
        added.map_err(|(at, error)| refused(&format_args!("{place}.domains[{at}]"), error))
    }

    /// Has the table refuse upgrades.
    pub(crate) fn refuse_upgrades(&mut self, upgrades: run::Upgrades) {
        self.table.refuse_upgrades(upgrades);
    }

    /// The table, and how many bytes the programs of its patterns take.
    pub(crate) fn finish(self) -> (run::RouteTable, usize) {
        (self.table, self.programs.bytes())
    }
}
