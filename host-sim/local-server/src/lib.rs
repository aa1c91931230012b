//! A proxy on this machine: the listeners that `fingerpost serve` opens, and what `serve` and `up` say of the requests that
//! arrive.
//!
//! Decides where listeners are on the loopback, how a request reaches the simulated proxy and its answer the client
//! (`exchange`), and how a log line looks (`journal`). Where a request goes is decided by the simulated proxy; what is read,
//! and when it is read again, by the command.

mod body;
pub mod changes;
mod client_certificates;
mod done;
mod drain;
pub mod error;
mod exchange;
mod executor;
pub mod explain_command;
mod hello;
pub mod journal;
pub mod listeners;
pub mod local;
pub mod port_owner;
mod relay;
pub mod server;
mod tls;
mod upgrade;
mod upstreams;
