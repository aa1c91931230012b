//! Brings the configuration of a running Envoy up to date by files, without losing a request.
//!
//! [`Sync::apply`] puts the steps of [`fingerpost_xds::plan`] into the folder that Envoy watches ([`Folder`]), one after the other, and
//! waits after each until Envoy has taken it ([`Proxy`]). If Envoy rejects a step, the folder goes back to the last files that Envoy
//! has accepted, by the same kind of steps. [`Sync::remove_unused`] removes what only requests under way can still need.
//!
//! All state is in the folder, so that a process that was killed at any point can be started again.

mod disk;
mod envoy;
mod folder;
mod metrics;
mod sync;

pub use disk::{Disk, RealDisk};
pub use envoy::{Envoy, Marks, NotTaken, Proxy};
pub use folder::{Folder, FolderError};
pub use metrics::{Metrics, Outcome};
pub use sync::{Applied, Leftovers, Sync, SyncError};
