//! A header map as Envoy keeps one: ordered, lower-case names, pseudo headers first, some names never repeated.
//!
//! It does not judge names or values: that is the codec's work on either side of the filters, see `codec.rs`.

use crate::limits;
use std::ops::Deref;

use fingerpost_envoy_http::{HeaderMap, header_map};

/// Headers, in order. Reads like a slice of pairs.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Headers {
    kind: HeaderMap,
    list: Vec<(Vec<u8>, Vec<u8>)>,
}

impl Headers {
    /// An empty map.
    pub fn new(kind: HeaderMap) -> Self {
        Self {
            kind,
            list: Vec::new(),
        }
    }

    /// A map of these pairs as they are: already lower-case, pseudo headers first.
    pub fn from_list(kind: HeaderMap, list: Vec<(Vec<u8>, Vec<u8>)>) -> Self {
        Self { kind, list }
    }

    /// The pairs, owned.
    pub fn into_list(self) -> Vec<(Vec<u8>, Vec<u8>)> {
        self.list
    }

    /// The pairs as Envoy's rules read them.
    pub(crate) fn list(&self) -> &Vec<(Vec<u8>, Vec<u8>)> {
        &self.list
    }

    /// The first value under this name, in any case.
    pub fn get(&self, name: &(impl AsRef<[u8]> + ?Sized)) -> Option<&[u8]> {
        let name = self.real_name(name.as_ref());
        let found = self.list.iter().find(|(key, _)| key.eq_ignore_ascii_case(name))?;
        Some(&found.1)
    }

    /// The first value under this name as text, if it is UTF-8.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.get(name).and_then(|value| std::str::from_utf8(value).ok())
    }

    /// Every value under this name.
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a [u8]> {
        let name = self.real_name(name.as_bytes());
        let same = self
            .list
            .iter()
            .filter(move |(key, _)| key.eq_ignore_ascii_case(name));
        same.map(|(_, value)| value.as_slice())
    }

    /// Adds a value. A name that Envoy keeps once has it joined to the value it has.
    pub fn add(&mut self, name: &[u8], value: &[u8]) {
        let name = self.real_name(name).to_ascii_lowercase();
        header_map::add(&mut self.list, self.kind, &name, value);
    }

    /// Gives a name this value and no other, behind all others: Envoy removes and adds.
    pub fn set(&mut self, name: &[u8], value: &[u8]) {
        self.remove(name);
        self.add(name, value);
    }

    /// As [`Headers::set`], but in the place of the value that is there: how a test writes a map, not how Envoy changes one.
    pub(crate) fn overwrite(&mut self, name: &[u8], value: &[u8]) {
        match self.list.iter_mut().find(|(key, _)| key == name) {
            Some((_, present)) => *present = value.to_vec(),
            None => self.add(name, value),
        }
    }

    /// Takes every value of a name away.
    pub fn remove(&mut self, name: &[u8]) {
        let name = self.real_name(name).to_ascii_lowercase();
        self.list.retain(|(key, _)| *key != name);
    }

    /// Puts these pairs in place of everything.
    pub(crate) fn replace_all(&mut self, pairs: &[(&[u8], &[u8])]) {
        self.list.clear();
        for (name, value) in pairs {
            self.add(name, value);
        }
    }

    /// The bytes of all names and values, as Envoy counts them.
    pub fn byte_size(&self) -> usize {
        self.list
            .iter()
            .map(|(name, value)| name.len() + value.len())
            .sum()
    }

    /// The bytes that the map takes, as the budget counts them.
    pub(crate) fn weight(&self) -> usize {
        self.byte_size() + self.list.len() * limits::ENTRY_BYTES
    }

    fn real_name<'n>(&self, name: &'n [u8]) -> &'n [u8] {
        match self.kind {
            HeaderMap::Request if name.eq_ignore_ascii_case(b"host") => b":authority",
            _ => name,
        }
    }
}

impl Deref for Headers {
    type Target = [(Vec<u8>, Vec<u8>)];

    fn deref(&self) -> &Self::Target {
        &self.list
    }
}
