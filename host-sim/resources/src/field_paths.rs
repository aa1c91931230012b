//! Which fields the reader knows, as paths: for tests and documents that must cover every one.
//!
//! Decides nothing. Lists and maps leave no mark in a path; what a map holds is not followed.

use crate::camel_case::camel_case;
use crate::decode::{Decode, Schema};
use crate::{DestinationRule, Gateway, ServiceEntry, VirtualService, WorkloadEntry};

/// The fields of Istio's kinds, in the order in which they are declared: `Gateway.servers.port.number`.
pub fn field_paths() -> Vec<String> {
    let kinds = [
        Gateway::schema(),
        VirtualService::schema(),
        DestinationRule::schema(),
        ServiceEntry::schema(),
        WorkloadEntry::schema(),
    ];
    let mut paths = Vec::new();
    for schema in kinds.into_iter().flatten() {
        add(schema, schema.name, &mut paths);
    }
    paths
}

fn add(schema: &Schema, around: &str, paths: &mut Vec<String>) {
    for field in (schema.fields)() {
        let path = format!("{around}.{}", camel_case(field.name));
        paths.push(path.clone());
        if let Some(inner) = (field.schema)() {
            add(inner, &path, paths);
        }
    }
}
