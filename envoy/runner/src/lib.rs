//! A stock Envoy as a tool: found or installed, configured, started and stopped; and an echo server to put behind it.
//!
//! Nothing here knows a rule about routing. A bootstrap is JSON from another crate; this crate edits only what
//! depends on the machine it runs on: ports, addresses of clusters, certificates, access logs.
//!
//! ```no_run
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use fingerpost_envoy_runner::{
//!     Bootstrap, Echo, EchoOptions, EnvoyBinary, PrivateDirectory, RunningEnvoy, StartOptions, default_cache,
//! };
//!
//! let binary = EnvoyBinary::find(&default_cache())?;
//! let mut bootstrap = Bootstrap::parse(r#"{"static_resources": {}}"#)?;
//! let echo = Echo::start(EchoOptions::default())?;
//! for cluster in bootstrap.clusters() {
//!     bootstrap.point_cluster(&cluster, echo.listen(&cluster)?);
//! }
//! let directory = PrivateDirectory::new("my-envoy-")?;
//! let envoy = RunningEnvoy::start(&binary, &bootstrap, directory.path(), StartOptions::default())?;
//! envoy.stop();
//! # Ok(())
//! # }
//! ```

mod access_log;
mod admin;
mod binary;
mod bootstrap;
mod certificate;
mod drafts;
mod echo;
mod files;
mod install;
mod launch;
mod log;
mod private;
mod process;
mod run;
mod start_error;
mod version;

pub use access_log::access_log_format;
pub use admin::AdminEndpoint;
pub use binary::{BinaryError, EnvoyBinary, Fault, Origin, PassedOver, VARIABLE, default_cache};
pub use bootstrap::{Bootstrap, BoundListener};
pub use certificate::{Authority, Certificate};
pub use drafts::{DraftFolder, draft};
pub use echo::{Echo, EchoBody, EchoOptions, Received, Report, ServedCluster};
pub use files::{Content, NewFile, WriteError, write_files};
pub use install::{InstallError, NEWEST, OLDEST, PINNED, Wheel, install, install_version};
pub use launch::{StartOptions, Stdout, logged_errors, validate};
pub use private::{PrivateDirectory, private_draft, write_private};
pub use process::{Exit, Process};
pub use run::{ExitWatch, RunningEnvoy};
pub use start_error::StartError;
pub use version::Version;
