//! The proxy as a port: what the filters read from Envoy and write to it.
