//! Manifests: what a cluster must be given so that it runs what was compiled.
//!
//! [`istio`] makes them for a gateway of Istio, [`deployment`] for a cluster without Istio, [`envoy_gateway`] for an
//! installation of Envoy Gateway, [`compose`] a folder for docker compose. Each manifest is a [`Document`]: an object as data,
//! with a comment for the person who reads it. What cannot work is a [`Refusal`] that says why.
//!
//! Reads and writes no files and knows no network. Nothing here decides where a request goes: that was compiled before.

pub mod compose;
pub mod deployment;
mod document;
pub mod envoy_gateway;
mod fixed_addresses;
mod image;
pub mod istio;
mod kubernetes;
mod refusal;
pub mod yaml;

pub use document::{Document, to_yaml};
pub use fixed_addresses::fixed_services;
pub use image::{InvalidModuleLocation, ModuleLocation};
pub use refusal::Refusal;
