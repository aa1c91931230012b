//! Compiles resources to a routing config and an Envoy bootstrap.
