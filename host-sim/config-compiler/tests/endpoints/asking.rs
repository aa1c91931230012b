//! Resources in short, and the endpoints of what they compile to.

use fingerpost_config_compiler::{Endpoints, NoEndpoints, Options, Unusable, compile};
use fingerpost_resources::{Diagnostics, Source, read};

const GATEWAY: &str = "
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {name: gw, namespace: app}
spec:
  selector: {istio: ingressgateway}
  servers: [{port: {number: 80, name: http, protocol: HTTP}, hosts: ['*']}]
";

/// What `compile` makes of documents: the endpoints of each cluster, and the codes of the findings.
struct Compiled {
    clusters: Vec<(String, Endpoints)>,
    codes: Vec<&'static str>,
}

fn compiled(destination: &str, documents: &[&str]) -> Compiled {
    let route = format!(
        "apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {{name: site, namespace: app}}\nspec: {{hosts: ['*'], gateways: [gw], http: [{{route: [{{destination: {destination}}}]}}]}}\n"
    );
    let mut all = vec![GATEWAY, &route];
    all.extend(documents);
    let mut diagnostics = Diagnostics::new();
    let resources = read(
        vec![Source::new("test.yaml", all.join("\n---\n"))],
        &mut diagnostics,
    );
    assert!(diagnostics.is_empty(), "{diagnostics:?}");
    let compiled = compile(&resources, &Options::default(), &mut diagnostics);
    let clusters = compiled.summary.clusters.into_iter();
    Compiled {
        clusters: clusters.map(|it| (it.name, it.endpoints)).collect(),
        codes: diagnostics.iter().map(|it| it.code.as_str()).collect(),
    }
}

/// The endpoints in short: addresses with their weight and locality where they have one, `dns`, why there are none, or
/// `no cluster`.
fn endpoints(destination: &str, documents: &[&str]) -> String {
    let Compiled { clusters, codes } = compiled(destination, documents);
    let [(_, endpoints)] = clusters.as_slice() else {
        assert!(clusters.is_empty(), "{clusters:?}");
        return format!("no cluster, {}", codes.join(" "));
    };
    match endpoints {
        Endpoints::Known(known) => {
            assert!(!codes.contains(&"no-endpoints"), "{codes:?}");
            let words = known.iter().map(|it| {
                let weight = (it.weight != 1).then(|| format!(" x{}", it.weight));
                let locality = (!it.locality.is_empty()).then(|| format!(" in {}", it.locality));
                format!(
                    "{}{}{}",
                    it.address,
                    weight.unwrap_or_default(),
                    locality.unwrap_or_default()
                )
            });
            words.collect::<Vec<_>>().join(", ")
        }
        Endpoints::Dns { host, port } => format!("dns {host}:{port}"),
        Endpoints::Empty(why) => {
            let warnings = codes.iter().filter(|it| **it == "no-endpoints").count();
            assert_eq!(warnings, 1, "{codes:?}");
            let why = match why {
                NoEndpoints::ResolutionNone { is_written: true } => "NONE".to_owned(),
                NoEndpoints::ResolutionNone { is_written: false } => "NONE by default".to_owned(),
                NoEndpoints::DynamicDns => "DYNAMIC_DNS".to_owned(),
                NoEndpoints::NoneListed => "none listed".to_owned(),
                NoEndpoints::NoneInSlices => "none in slices".to_owned(),
                NoEndpoints::NoneSelected {
                    pods,
                    workload_entries,
                } => format!("none selected of {pods} Pods, {workload_entries} WorkloadEntries"),
                NoEndpoints::NoneUsable { workloads, reason } => match reason {
                    Unusable::NotReady => format!("not ready {workloads}"),
                    Unusable::BeingDeleted => format!("being deleted {workloads}"),
                    Unusable::Ended => format!("ended {workloads}"),
                    Unusable::NoAddress => format!("no address {workloads}"),
                    Unusable::NoPort(name) => format!("no port {name} {workloads}"),
                    Unusable::NotAnIp(address) => format!("not an IP {address} {workloads}"),
                },
                NoEndpoints::NoneInSubset { workloads } => format!("none in subset of {workloads}"),
                NoEndpoints::NoShare { endpoints } => format!("no share for {endpoints}"),
                NoEndpoints::Passthrough => "passthrough".to_owned(),
            };
            format!("empty: {why}")
        }
    }
}

pub(crate) fn check(what: &str, destination: &str, documents: &[&str], expected: &str) {
    assert_eq!(endpoints(destination, documents), expected, "{what}");
}

pub(crate) const SERVICE: &str = "
apiVersion: v1
kind: Service
metadata: {name: web, namespace: app}
spec: {selector: {app: web}, ports: [{name: http, port: 80, targetPort: 8080}]}
";
pub(crate) const SUBSETS: &str = "
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: web, namespace: app}
spec: {host: web, subsets: [{name: v1, labels: {version: v1}}, {name: v2, labels: {version: v2}}]}
";

pub(crate) fn pod(name: &str, labels: &str, rest: &str) -> String {
    format!(
        "apiVersion: v1\nkind: Pod\nmetadata: {{name: {name}, namespace: app, labels: {{{labels}}}}}\nspec: {{containers: [{{name: main, image: x, ports: [{{name: web, containerPort: 8081}}]}}]}}\n{rest}"
    )
}

pub(crate) fn running(address: &str) -> String {
    format!("status: {{podIP: {address}, phase: Running, conditions: [{{type: Ready, status: 'True'}}]}}\n")
}

pub(crate) fn service(spec: &str) -> String {
    format!("apiVersion: v1\nkind: Service\nmetadata: {{name: web, namespace: app}}\nspec: {spec}\n")
}

pub(crate) fn slice(name: &str, rest: &str) -> String {
    format!(
        "apiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\nmetadata: {{name: {name}, namespace: app, labels: {{kubernetes.io/service-name: web}}}}\n{rest}\n"
    )
}

pub(crate) fn workload_entry(name: &str, spec: &str) -> String {
    format!(
        "apiVersion: networking.istio.io/v1\nkind: WorkloadEntry\nmetadata: {{name: {name}, namespace: app}}\nspec: {spec}\n"
    )
}

pub(crate) fn service_entry(name: &str, spec: &str) -> String {
    format!(
        "apiVersion: networking.istio.io/v1\nkind: ServiceEntry\nmetadata: {{name: {name}, namespace: app}}\nspec: {spec}\n"
    )
}
