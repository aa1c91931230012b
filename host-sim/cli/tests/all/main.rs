//! The command as people and scripts use it: arguments in, files, text and exit code out.

mod action;
mod build_script;
mod cluster_objects;
mod clusters;
mod compile;
mod documents;
mod drain;
mod envoy_gateway;
mod explain;
mod findings;
mod foreign_tests;
mod generated;
mod golden;
mod hostile_input;
mod kubernetes;
mod manifests;
#[path = "../../../../tests/src/recorded.rs"]
#[allow(dead_code, unreachable_pub, reason = "shared with the other engines")]
mod recorded;
mod request;
mod routes;
mod rule;
mod run;
mod secrets;
mod serve;
mod serve_connections;
mod special_files;
mod sync;
mod terminal;
mod test_accept;
mod test_command;
mod test_reports;
mod up;
mod up_watch;
