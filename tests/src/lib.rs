//! The same questions, put to every engine.
//!
//! The corpus in `conformance/` says what Istio and Envoy do with a request. Each engine answers its cases:
//! the routing core in process, the filter in the simulator and in a stock Envoy, and Envoy's own router. This
//! crate reads the corpus, asks, compares and counts; which rule is right is nowhere decided here.

pub mod accepted;
pub mod case;
pub mod client;
pub mod clusters;
pub mod compare;
pub mod compiled;
pub mod corpus;
pub mod differential;
pub mod engines;
pub mod floor;
pub mod generate;
pub mod http2;
pub mod recorded;
pub mod report;
pub mod repository;
pub mod rows;
pub mod sent;
pub mod tables;
pub mod tls;
pub mod tls_client;
pub mod tls_session;
