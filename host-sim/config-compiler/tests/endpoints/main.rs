//! Which endpoints a cluster has, one row for each way in which the input knows them or does not.
//!
//! The expectations are Istio's: `pilot/pkg/serviceregistry/kube/controller`, `pilot/pkg/serviceregistry/serviceentry`,
//! `pilot/pkg/xds/endpoints`. What Istio learns from a cluster and the input lacks is DNS's matter.

mod asking;
mod kubernetes;
mod service_entry;
