//! Which endpoints of a cluster come first, by where they and the proxy are.
//!
//! Decides the priorities and the weights of localities, and Envoy's setting for them. Where the proxy is, `proxy_place`
//! decides; what is reported of settings that do nothing, `locality_findings`.
//! Source: istio `pilot/pkg/networking/core/loadbalancer/loadbalancer.go`; docs/istio-routing.md 4.11.

mod groups;
#[cfg(test)]
mod tests;

use std::borrow::Cow;

use fingerpost_envoy_config::cluster::{CommonLbConfig, ZoneAwareLbConfig};
use fingerpost_envoy_config::{Empty, Percent};
use fingerpost_resources::{LoadBalancerSettings, LocalityLoadBalancerSetting, ZoneAwareLoadBalancerSetting};

use crate::endpoints::Endpoint;
use crate::locality::{REGION, SUB_ZONE, ZONE};
use crate::proxy_place::ProxyPlace;
use crate::services::{KnownService, ServiceSource};
use groups::{NETWORK, by_labels, by_locality, distance, distance_of_regions, distribute, order, pairs};

pub(crate) use groups::Group;

/// What says how localities are used.
#[derive(Debug)]
pub(crate) enum LocalityLb<'r> {
    /// Endpoints are used alike wherever they are.
    Off,
    /// A DestinationRule, a Service, or else the mesh.
    Locality {
        setting: Cow<'r, LocalityLoadBalancerSetting>,
        /// Whether it fails over without outlier detection too.
        is_forced: bool,
    },
    /// A DestinationRule, by region.
    ZoneAware(&'r ZoneAwareLoadBalancerSetting),
}

/// What of a cluster counts, apart from its endpoints.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Circumstances<'m> {
    pub proxy: &'m ProxyPlace,
    /// Whether it has outlier detection, without which nothing fails over.
    pub detects_outliers: bool,
    /// Whether it is of a subset whose endpoints may be host names: Istio orders no such endpoints by labels.
    pub is_subset_by_dns: bool,
}

/// How Envoy uses localities of one priority.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum WithinPriority {
    /// All endpoints by their own weights.
    Alike,
    /// First a locality by its weight, then one of its endpoints.
    LocalityWeighted,
    /// The proxy's own zone first, if Envoy knows how many proxies there are in each.
    ZoneAware(ZoneAwareLbConfig),
}

/// The endpoints of a cluster in the order in which they are used.
#[derive(Debug, PartialEq)]
pub(crate) struct Arranged {
    pub groups: Vec<Group>,
    pub within_priority: WithinPriority,
}

impl<'r> LocalityLb<'r> {
    /// What counts for a cluster: its DestinationRule before its Service, before the mesh, whose default is to fail over
    /// (`GetEffectiveLbSetting`).
    pub(crate) fn of(settings: Option<&'r LoadBalancerSettings>, service: &KnownService<'_>) -> Self {
        if let Some(zones) = settings.and_then(|it| it.zone_aware_lb_setting.as_ref()) {
            return Self::ZoneAware(zones);
        }
        if let Some(setting) = settings.and_then(|it| it.locality_lb_setting.as_ref()) {
            return match setting.enabled {
                Some(false) => Self::Off,
                Some(true) | None => Self::Locality {
                    setting: Cow::Borrowed(setting),
                    is_forced: false,
                },
            };
        }
        let labels = preferred_labels(service);
        Self::Locality {
            is_forced: labels.is_some(),
            setting: Cow::Owned(LocalityLoadBalancerSetting {
                failover_priority: labels.unwrap_or_default(),
                ..LocalityLoadBalancerSetting::default()
            }),
        }
    }

    /// Whether endpoints that are farther away wait until the nearer ones fail.
    pub(crate) fn fails_over(&self, detects_outliers: bool) -> bool {
        match self {
            Self::Off => false,
            Self::Locality { setting, is_forced } => {
                setting.distribute.is_empty() && (*is_forced || detects_outliers)
            }
            Self::ZoneAware(setting) => setting.enabled != Some(false),
        }
    }

    /// Groups the endpoints and orders them.
    pub(crate) fn arrange(&self, endpoints: &[Endpoint], cx: Circumstances<'_>) -> Arranged {
        let mut groups = by_locality(endpoints);
        let within_priority = match self {
            Self::Off => WithinPriority::Alike,
            Self::Locality { setting, .. } if !setting.distribute.is_empty() => {
                distribute(&mut groups, &setting.distribute, &cx.proxy.locality);
                WithinPriority::LocalityWeighted
            }
            Self::Locality { setting, .. } if self.fails_over(cx.detects_outliers) => {
                let labels = &setting.failover_priority;
                groups = cx.by_labels(groups, labels);
                if labels.is_empty() || !setting.failover.is_empty() {
                    let regions = pairs(setting.failover.iter().map(|it| (&it.from, &it.to)));
                    order(&mut groups, 5, |it| distance(it, &regions, &cx.proxy.locality));
                }
                if labels.is_empty() && setting.failover.is_empty() {
                    WithinPriority::Alike
                } else {
                    WithinPriority::LocalityWeighted
                }
            }
            Self::Locality { .. } => WithinPriority::Alike,
            Self::ZoneAware(setting) => {
                let is_on = self.fails_over(cx.detects_outliers);
                if is_on {
                    groups = cx.by_labels(groups, &setting.failover_priority);
                    let regions = pairs(setting.failover.iter().map(|it| (&it.from, &it.to)));
                    order(&mut groups, 3, |it| {
                        distance_of_regions(it, &regions, &cx.proxy.locality)
                    });
                }
                WithinPriority::ZoneAware(ZoneAwareLbConfig {
                    routing_enabled: (!is_on).then_some(Percent { value: 0 }),
                    min_cluster_size: setting.min_cluster_size,
                })
            }
        };
        Arranged {
            groups,
            within_priority,
        }
    }
}

impl Circumstances<'_> {
    /// The groups by the labels of `failoverPriority`, if it gives any that count.
    fn by_labels(&self, groups: Vec<Group>, labels: &[String]) -> Vec<Group> {
        if labels.is_empty() || self.is_subset_by_dns {
            groups
        } else {
            by_labels(groups, labels, self.proxy)
        }
    }
}

impl Arranged {
    /// The endpoints as they are used, in the order of the groups.
    pub(crate) fn endpoints(&self) -> Vec<Endpoint> {
        let is_weighted = self.within_priority == WithinPriority::LocalityWeighted;
        let of_group = |group: &Group| {
            let (priority, weight) = (group.priority, is_weighted.then_some(group.weight));
            let endpoints = group.endpoints.clone().into_iter();
            endpoints.map(move |endpoint| Endpoint {
                priority,
                locality_weight: weight,
                ..endpoint
            })
        };
        self.groups.iter().flat_map(of_group).collect()
    }
}

impl WithinPriority {
    /// Says it to Envoy.
    pub(crate) fn set(&self, config: &mut CommonLbConfig) {
        match self {
            Self::Alike => {}
            Self::LocalityWeighted => config.locality_weighted_lb_config = Some(Empty {}),
            Self::ZoneAware(zones) => config.zone_aware_lb_config = Some(zones.clone()),
        }
    }
}

/// The labels that a Service wants its clients to share with its endpoints, if it wants any; a ServiceEntry says it by the
/// annotation (istio `pilot/pkg/model/service.go`, `GetTrafficDistribution`; annotations of namespaces are not read).
fn preferred_labels(service: &KnownService<'_>) -> Option<Vec<String>> {
    let (field, meta) = match service.source {
        ServiceSource::Kubernetes(service) => (service.spec.traffic_distribution.as_str(), &service.meta),
        ServiceSource::Entry(entry) => ("", &entry.meta),
    };
    let is_node = match field {
        "PreferSameZone" | "PreferClose" => false,
        "PreferSameNode" => true,
        _ => {
            let annotation = meta.annotations.get("networking.istio.io/traffic-distribution")?;
            match annotation.to_ascii_lowercase().as_str() {
                "prefersamezone" | "preferclose" => false,
                "prefersamenode" => true,
                _ => return None,
            }
        }
    };
    let labels: &[&str] = match is_node {
        false => &[NETWORK, REGION, ZONE],
        true => &[NETWORK, REGION, ZONE, SUB_ZONE, "kubernetes.io/hostname"],
    };
    Some(labels.iter().map(|it| (*it).to_owned()).collect())
}
