//! Settings of localities that do nothing for this proxy, or whose effect depends on where it runs.
//!
//! Decides nothing else: every finding leaves the output as it is. Only DestinationRules of services that a route leads to
//! count. What the settings do is `locality_lb`.

use std::collections::BTreeSet;

use fingerpost_resources::{
    Code, DestinationRule, Diagnostics, Distribute, LoadBalancerSettings, LocalityLoadBalancerSetting,
    Resource, TrafficPolicy, ZoneAwareLoadBalancerSetting,
};

use crate::cluster_policies::Policies;
use crate::clusters::Cluster;
use crate::endpoints::Endpoints;
use crate::locality::{LABELS, Locality};
use crate::locality_lb::LocalityLb;
use crate::mesh::Mesh;

/// What to do where it is not known where the proxy runs.
const GIVE_LOCALITY: &str = "give it with `--locality region/zone`, or `locality` in fingerpost.yaml";
/// Labels that Istio adds to every endpoint from what is not in the input.
const IMPLIED: [&str; 2] = ["topology.istio.io/network", "topology.istio.io/cluster"];

/// Reports them for the rules of `clusters`.
pub(crate) fn check(clusters: &[Cluster], mesh: &Mesh<'_>, diagnostics: &mut Diagnostics) {
    let mut report = Report {
        mesh,
        seen: BTreeSet::new(),
        diagnostics,
    };
    for cluster in clusters {
        report.cluster(cluster);
    }
}

struct Report<'a, 'r> {
    mesh: &'a Mesh<'r>,
    /// Each place and code is reported once, whatever the number of clusters.
    seen: BTreeSet<(String, Code)>,
    diagnostics: &'a mut Diagnostics,
}

/// A block of a DestinationRule, and the cluster that goes by it.
#[derive(Clone, Copy)]
struct Block<'a, 'r> {
    resource: &'r Resource<DestinationRule>,
    path: &'a str,
    cluster: &'a Cluster,
}

impl<'r> Report<'_, 'r> {
    fn cluster(&mut self, cluster: &Cluster) {
        let Some(service) = self.mesh.services.find(&cluster.wanted.hostname, "") else {
            return;
        };
        let rule = self.mesh.rule_of(&cluster.wanted, "");
        let policies = Policies::of(rule, &cluster.wanted);
        let lb = LocalityLb::of(policies.load_balancer, service);
        let blocks = rule.into_iter().flat_map(|rule| {
            let subsets = rule.subsets.iter();
            let of_subset = subsets.filter(|it| it.subset.name == cluster.wanted.subset);
            let of_subset = of_subset.filter_map(|it| {
                let policy = it.subset.traffic_policy.as_ref()?;
                Some((it.resource, policy, format!("{}.trafficPolicy", it.path())))
            });
            let at_top = std::iter::once(rule.first).chain(rule.absorbed.iter().copied());
            let at_top = at_top.filter_map(|resource| {
                let policy = resource.spec.traffic_policy.as_ref()?;
                Some((resource, policy, "spec.trafficPolicy".to_owned()))
            });
            of_subset.chain(at_top).collect::<Vec<_>>()
        });
        for (resource, policy, path) in blocks {
            for (settings, path) in load_balancers(policy, &path) {
                if policies
                    .load_balancer
                    .is_some_and(|it| std::ptr::eq(it, settings))
                {
                    let block = Block {
                        resource,
                        path: &path,
                        cluster,
                    };
                    self.settings(block, settings, policies.outlier_detection.is_some());
                }
            }
        }
        let is_of_rule = policies
            .load_balancer
            .is_some_and(|it| it.locality_lb_setting.is_some() || it.zone_aware_lb_setting.is_some());
        if lb.fails_over(policies.outlier_detection.is_some()) && !is_of_rule {
            self.failover_by_default(cluster);
        }
    }

    fn settings(&mut self, block: Block<'_, 'r>, settings: &LoadBalancerSettings, detects_outliers: bool) {
        if let Some(locality) = &settings.locality_lb_setting
            && locality.enabled != Some(false)
        {
            let path = format!("{}.localityLbSetting", block.path);
            self.locality(Block { path: &path, ..block }, locality, detects_outliers);
        }
        if let Some(zones) = &settings.zone_aware_lb_setting {
            let path = format!("{}.zoneAwareLbSetting", block.path);
            self.zones(Block { path: &path, ..block }, zones);
        }
    }

    fn locality(
        &mut self,
        block: Block<'_, 'r>,
        setting: &LocalityLoadBalancerSetting,
        detects_outliers: bool,
    ) {
        let fields = [
            ("distribute", !setting.distribute.is_empty()),
            ("failover", !setting.failover.is_empty()),
            ("failoverPriority", !setting.failover_priority.is_empty()),
        ];
        if self.is_by_dns(block, &fields) {
            return;
        }
        let proxy = self.mesh.place.locality.clone();
        if !setting.distribute.is_empty() {
            match setting.distribute.iter().position(|it| proxy.is_in(&it.from)) {
                Some(index) => self.shares(block, index, &setting.distribute),
                None => self.does_nothing(block, "distribute", "`from` of an entry"),
            }
            if !setting.failover_priority.is_empty() {
                self.no_effect(block, "failoverPriority", "`distribute` replaces it");
            }
            return;
        }
        if !detects_outliers {
            return; // said already
        }
        if setting.failover_priority.is_empty() || !setting.failover.is_empty() {
            self.regions(block, setting.failover.iter().map(|it| it.from.as_str()));
        }
        self.labels(block, &setting.failover_priority);
        if fields.iter().all(|(_, given)| !given) {
            self.failover_by_default(block.cluster);
        }
    }

    fn zones(&mut self, block: Block<'_, 'r>, setting: &ZoneAwareLoadBalancerSetting) {
        let fields = [
            ("enabled", setting.enabled.is_some()),
            ("failover", !setting.failover.is_empty()),
            ("failoverPriority", !setting.failover_priority.is_empty()),
            ("minClusterSize", setting.min_cluster_size.is_some()),
        ];
        if self.is_by_dns(block, &fields) || setting.enabled == Some(false) {
            return;
        }
        let what = "regions are in order, but the proxy's own zone is not preferred: Envoy does that only where it knows all proxies of \
                    this kind, and Istio gives it their list only with ENABLE_SELF_DISCOVERY";
        self.warn(
            Code::PolicyLeftOut,
            block,
            "",
            &format!("is left out in part: {what}"),
        );
        if setting.min_cluster_size.is_some() {
            self.no_effect(
                block,
                "minClusterSize",
                "no zone is preferred, however many endpoints there are",
            );
        }
        self.regions(block, setting.failover.iter().map(|it| it.from.as_str()));
        self.labels(block, &setting.failover_priority);
        if fields.iter().all(|(_, given)| !given) {
            self.failover_by_default(block.cluster);
        }
    }

    /// Reports the fields that are given if DNS has to find the endpoints: it says nothing of where they are.
    fn is_by_dns(&mut self, block: Block<'_, 'r>, fields: &[(&'static str, bool)]) -> bool {
        let Endpoints::Dns { host, .. } = &block.cluster.endpoints else {
            return false;
        };
        let what = format!(
            "is left out: DNS finds the endpoints of {host}, and does not say where they are; add Pods or EndpointSlices and Nodes to the \
             input"
        );
        for (field, _) in fields.iter().filter(|(_, given)| *given) {
            self.warn(Code::PolicyLeftOut, block, field, &what);
        }
        true
    }

    fn regions<'f>(&mut self, block: Block<'_, 'r>, mut from: impl Iterator<Item = &'f str>) {
        let region = self.mesh.place.locality.region.clone();
        let mut is_given = false;
        if !from.any(|it| {
            is_given = true;
            it == region
        }) && is_given
        {
            self.does_nothing(block, "failover", "`from` of an entry");
        }
    }

    fn labels(&mut self, block: Block<'_, 'r>, labels: &[String]) {
        let by_place = labels.iter().any(|it| LABELS.contains(&it.as_str()));
        if by_place && self.mesh.place.locality.is_unknown() {
            return self.does_nothing(block, "failoverPriority", "a label");
        }
        let Endpoints::Known(endpoints) = &block.cluster.endpoints else {
            return;
        };
        let name = |text: &'_ String| text.split('=').next().unwrap_or_default().to_owned();
        let has = |key: &String| endpoints.iter().any(|it| it.labels.contains_key(key));
        let given = labels.iter().filter(|it| !IMPLIED.contains(&it.as_str()));
        let missing: Vec<String> = given.map(name).filter(|it| !has(it)).collect();
        if let Some(first) = missing.first() {
            let reason = format!(
                "no endpoint of {} has the label `{first}`",
                block.cluster.wanted.hostname
            );
            self.no_effect(block, "failoverPriority", &reason);
        }
    }

    /// Shares of localities that have no endpoint. Where all of them are such, the cluster has none, which is said elsewhere.
    fn shares(&mut self, block: Block<'_, 'r>, index: usize, entries: &[Distribute]) {
        let Endpoints::Known(endpoints) = &block.cluster.endpoints else {
            return;
        };
        let localities: Vec<Locality> = endpoints.iter().map(|it| Locality::of(&it.locality)).collect();
        let path = format!("{}.distribute[{index}]", block.path);
        for locality in entries.get(index).into_iter().flat_map(|it| it.to.keys()) {
            if !localities.iter().any(|it| it.is_in(locality)) {
                let reason = format!("no endpoint runs in {locality}, and its share goes to the others");
                self.no_effect(Block { path: &path, ..block }, "to", &reason);
            }
        }
    }

    /// A setting that is for proxies at other places, or for one that is not known.
    fn does_nothing(&mut self, block: Block<'_, 'r>, field: &'static str, means: &str) {
        let locality = &self.mesh.place.locality;
        if locality.is_unknown() {
            let what = format!("depends on {means}, and {}", self.unknown());
            self.warn(Code::UnknownLocality, block, field, &what);
        } else {
            let reason = format!(
                "no {} is for the proxy, which runs in {locality}",
                means.trim_end_matches(" of an entry")
            );
            self.no_effect(block, field, &reason);
        }
    }

    fn unknown(&self) -> String {
        let several: Vec<&str> = self.mesh.place.several.iter().map(String::as_str).collect();
        match several.as_slice() {
            [] => "it is not known where the proxy runs".to_owned(),
            several => format!("Pods of the proxy run in {}", several.join(" and ")),
        }
    }

    /// Without any setting, Istio prefers near endpoints where a cluster has outlier detection.
    fn failover_by_default(&mut self, cluster: &Cluster) {
        let Endpoints::Known(endpoints) = &cluster.endpoints else {
            return;
        };
        let localities: BTreeSet<&str> = endpoints.iter().map(|it| it.locality.as_str()).collect();
        if localities.len() < 2 || !self.mesh.place.locality.is_unknown() {
            return;
        }
        let Some(rule) = self.mesh.rule_of(&cluster.wanted, "") else {
            return;
        };
        if !self
            .seen
            .insert((rule.first.origin.subject().to_owned(), Code::UnknownLocality))
        {
            return;
        }
        let localities: Vec<String> = localities.into_iter().map(describe).collect();
        let message = format!(
            "the endpoints of {} run in {}: Istio prefers those near the proxy, and {}",
            cluster.wanted.hostname,
            localities.join(", "),
            self.unknown()
        );
        self.diagnostics
            .warn(Code::UnknownLocality, message)
            .on(&rule.first.origin, "spec.host")
            .help(GIVE_LOCALITY);
    }

    fn no_effect(&mut self, block: Block<'_, 'r>, field: &'static str, reason: &str) {
        self.warn(Code::NoEffect, block, field, &format!("does nothing: {reason}"));
    }

    fn warn(&mut self, code: Code, block: Block<'_, 'r>, field: &'static str, what: &str) {
        let (path, name) = match field {
            "" => (
                block.path.to_owned(),
                block.path.rsplit('.').next().unwrap_or_default(),
            ),
            field => (format!("{}.{field}", block.path), field),
        };
        if !self
            .seen
            .insert((format!("{} {path}", block.resource.origin.subject()), code))
        {
            return;
        }
        let finding = self
            .diagnostics
            .warn(code, format!("{name} of this DestinationRule {what}"))
            .on(&block.resource.origin, &path);
        if code == Code::UnknownLocality {
            finding.help(GIVE_LOCALITY);
        }
    }
}

fn describe(locality: &str) -> String {
    match locality {
        "" => "an unknown place".to_owned(),
        known => Locality::of(known).to_string(),
    }
}

/// The blocks of a policy that choose endpoints, each with its path.
fn load_balancers<'p>(policy: &'p TrafficPolicy, path: &str) -> Vec<(&'p LoadBalancerSettings, String)> {
    let own = policy
        .load_balancer
        .iter()
        .map(|it| (it, format!("{path}.loadBalancer")));
    let ports = policy.port_level_settings.iter().enumerate();
    let ports = ports.filter_map(|(index, it)| {
        let settings = it.load_balancer.as_ref()?;
        Some((
            settings,
            format!("{path}.portLevelSettings[{index}].loadBalancer"),
        ))
    });
    own.chain(ports).collect()
}
