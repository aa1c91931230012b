//! Inputs that together set every field, and what is around them.

use serde_json::{Map, Value, json};

/// A resource to try.
pub(crate) struct Input {
    /// Its kind.
    pub kind: &'static str,
    /// Its namespace and name.
    pub name: (&'static str, &'static str),
    /// Its spec.
    pub spec: Value,
    /// The resource of the world that it takes the place of, by `Kind name`.
    pub without: &'static str,
    /// Whether it is invalid: for fields that Istio refuses whenever they are set.
    pub is_invalid: bool,
}

impl Input {
    /// The resource with this spec.
    pub(crate) fn document(&self, spec: &Value) -> Value {
        resource(self.kind, self.name, spec)
    }
}

fn resource(kind: &str, (namespace, name): (&str, &str), spec: &Value) -> Value {
    json!({
        "apiVersion": "networking.istio.io/v1",
        "kind": kind,
        "metadata": {"namespace": namespace, "name": name},
        "spec": spec,
    })
}

fn service(name: &str, ports: &Value) -> Value {
    json!({
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"namespace": "app", "name": name},
        "spec": {"clusterIP": "10.0.0.9", "selector": {"app": name}, "ports": ports},
    })
}

fn pod(name: &str, app: &str, version: &str, address: &str) -> Value {
    json!({
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"namespace": "app", "name": name, "labels": {"app": app, "version": version}},
        "status": {"podIP": address},
    })
}

/// A Pod that runs there; its place is a label for priorities, too.
fn at(locality: &str, mut pod: Value) -> Value {
    pod["metadata"]["labels"]["topology.istio.io/locality"] = json!(locality);
    pod["metadata"]["labels"]["place"] = json!(locality);
    pod
}

/// What is around an input, less one resource.
pub(crate) fn world(without: &str) -> Vec<Value> {
    let ports = json!([
        {"name": "http", "port": 80}, {"name": "http2", "port": 81}, {"name": "tcp", "port": 82},
    ]);
    let gateway = json!({"selector": {"istio": "ingressgateway"}, "servers": [
        {"port": {"number": 80, "name": "http", "protocol": "HTTP"}, "hosts": ["*/*"]},
        {"port": {"number": 81, "name": "http-b", "protocol": "HTTP"}, "hosts": ["*/*"]},
        {"port": {"number": 443, "name": "tls", "protocol": "TLS"}, "hosts": ["*/*"], "tls": {}},
        {"port": {"number": 9000, "name": "tcp", "protocol": "TCP"}, "hosts": ["*/*"]},
    ]});
    let route = json!({"hosts": ["*"], "gateways": ["istio-system/gw"], "http": [
        {"route": [{"destination": {"host": "web", "subset": "v1", "port": {"number": 80}}}], "match": [{"uri": {"prefix": "/80"}}]},
        {"route": [{"destination": {"host": "web", "subset": "v1", "port": {"number": 81}}}], "match": [{"uri": {"prefix": "/81"}}]},
        {"route": [{"destination": {"host": "out.example.com", "subset": "v1", "port": {"number": 80}}}], "match": [{"uri": {"prefix": "/out"}}]},
        {"route": [{"destination": {"host": "work.example.com", "port": {"number": 80}}}]},
    ], "tcp": [
        {"route": [{"destination": {"host": "web", "port": {"number": 82}}}], "match": [{"port": 9000}]},
    ], "tls": [
        {"route": [{"destination": {"host": "web", "subset": "v1", "port": {"number": 82}}}],
            "match": [{"port": 443, "sniHosts": ["tls.example.com"]}]},
    ]});
    let delegate = json!({"http": [{"route": [{"destination": {"host": "other"}}]}]});
    let rule = |host: &str| json!({"host": host, "subsets": [{"name": "v1", "labels": {"version": "v1"}}]});
    let over_tls = |host: &str| {
        json!({"host": host, "subsets": [{"name": "v1", "labels": {"version": "v1"}}],
            "trafficPolicy": {"tls": {"mode": "SIMPLE"}}})
    };
    let work = json!({"hosts": ["work.example.com"], "ports": [{"number": 80, "name": "http", "protocol": "HTTP"}],
        "resolution": "STATIC", "workloadSelector": {"labels": {"app": "work"}}});
    let workload =
        json!({"address": "10.2.0.8", "ports": {"http": 8081}, "labels": {"app": "work", "version": "v1"}});
    let all = [
        (
            "Gateway gw",
            resource("Gateway", ("istio-system", "gw"), &gateway),
        ),
        (
            "VirtualService all",
            resource("VirtualService", ("app", "all"), &route),
        ),
        (
            "VirtualService part",
            resource("VirtualService", ("app", "part"), &delegate),
        ),
        (
            "VirtualService other-part",
            resource("VirtualService", ("other", "part"), &delegate),
        ),
        (
            "DestinationRule web",
            resource("DestinationRule", ("app", "web"), &rule("web")),
        ),
        (
            "DestinationRule other",
            resource("DestinationRule", ("app", "other"), &rule("other")),
        ),
        (
            "ServiceEntry work",
            resource("ServiceEntry", ("app", "work"), &work),
        ),
        (
            "WorkloadEntry work",
            resource("WorkloadEntry", ("app", "base"), &workload),
        ),
        (
            "DestinationRule out",
            resource("DestinationRule", ("app", "out"), &over_tls("out.example.com")),
        ),
        (
            "DestinationRule work",
            resource("DestinationRule", ("app", "work"), &over_tls("work.example.com")),
        ),
        ("", service("web", &ports)),
        ("", service("other", &ports)),
        ("", at("a.x", pod("web-1", "web", "v1", "10.1.0.1"))),
        ("", at("b.y", pod("web-3", "web", "v1", "10.1.0.5"))),
        ("", at("c.z", pod("web-4", "web", "v1", "10.1.0.6"))),
        ("", pod("web-2", "web", "v2", "10.1.0.2")),
        ("", pod("other-1", "other", "v1", "10.1.0.3")),
        ("", pod("other-2", "other", "v2", "10.1.0.4")),
    ];
    all.into_iter()
        .filter(|(name, _)| name.is_empty() || *name != without)
        .map(|(_, it)| it)
        .collect()
}

/// All inputs.
pub(crate) fn inputs() -> Vec<Input> {
    let mut all = Vec::new();
    all.extend(gateways());
    all.extend(virtual_services());
    all.extend(destination_rules());
    all.extend(service_entries());
    all
}

fn gateways() -> Vec<Input> {
    let input = |spec, is_invalid| Input {
        kind: "Gateway",
        name: ("istio-system", "gw"),
        spec,
        without: "Gateway gw",
        is_invalid,
    };
    let https = |tls: Value| {
        json!({"selector": {"istio": "ingressgateway"}, "servers": [
            {"port": {"number": 443, "name": "https", "protocol": "HTTPS"}, "hosts": ["a.example.com"], "bind": "10.0.0.1",
             "name": "a-name", "defaultEndpoint": "127.0.0.1:80", "tls": tls},
        ]})
    };
    let hash = "00".repeat(32);
    vec![
        input(
            https(json!({
                "mode": "MUTUAL", "credentialName": "shop", "caCertCredentialName": "clients", "subjectAltNames": ["a"],
                "verifyCertificateSpki": ["AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="], "verifyCertificateHash": [hash],
                "minProtocolVersion": "TLSV1_2", "maxProtocolVersion": "TLSV1_2", "cipherSuites": ["AES128-SHA"],
                "ecdhCurves": ["P-256"], "insecureSkipVerify": true,
            })),
            false,
        ),
        input(
            https(json!({
                "mode": "MUTUAL", "serverCertificate": "/c.crt", "privateKey": "/c.key", "caCertificates": "/ca.crt",
                "caCrl": "/crl",
            })),
            false,
        ),
        input(
            https(json!({"mode": "SIMPLE", "credentialNames": ["a", "b"]})),
            false,
        ),
        input(
            https(json!({"mode": "SIMPLE", "tlsCertificates": [
                {"serverCertificate": "/c.crt", "privateKey": "/c.key", "caCertificates": "/ca.crt"},
            ]})),
            false,
        ),
        input(
            json!({"selector": {"istio": "ingressgateway"}, "servers": [
                {"port": {"number": 80, "name": "http", "protocol": "HTTP"}, "hosts": ["*/*"], "tls": {"httpsRedirect": true}},
                {"port": {"number": 81, "name": "http-b", "protocol": "HTTP", "targetPort": 8080}, "hosts": ["*/*"]},
            ]}),
            true,
        ),
    ]
}

fn virtual_services() -> Vec<Input> {
    let input = |spec, is_invalid| Input {
        kind: "VirtualService",
        name: ("app", "all"),
        spec,
        without: "VirtualService all",
        is_invalid,
    };
    let http = |rule: Value| {
        json!({
            "hosts": ["a.example.com"], "gateways": ["istio-system/gw"], "http": [rule],
        })
    };
    let to = |host: &str| json!({"host": host, "subset": "v1", "port": {"number": 81}});
    let edits = json!({"set": {"a": "1"}, "add": {"b": "2"}, "remove": ["c"]});
    let headers = json!({"request": edits, "response": edits});
    let mut all = Vec::new();
    for pattern in ["exact", "prefix", "regex"] {
        all.push(input(http(json!({"match": [{
            "name": "m", "uri": {pattern: "/a"}, "scheme": {pattern: "http"}, "method": {pattern: "GET"},
            "authority": {pattern: "a.example.com"}, "headers": {"h": {"exact": "1"}}, "port": 80,
            "sourceLabels": {"istio": "ingressgateway"}, "gateways": ["istio-system/gw"],
            "queryParams": {"q": {"exact": "1"}}, "ignoreUriCase": true, "withoutHeaders": {"w": {"exact": "1"}},
            "sourceNamespace": "istio-system", "statPrefix": "s",
        }], "route": [{"destination": to("web")}]})), false));
    }
    all.push(input(http(json!({
        "name": "n",
        "route": [
            {"destination": to("web"), "weight": 1, "headers": headers}, {"destination": to("other"), "weight": 2},
        ],
        "rewrite": {"uri": "/b", "authority": "b.example.com"}, "timeout": "5s",
        "retries": {"attempts": 2, "perTryTimeout": "1s", "retryOn": "reset", "retryRemoteLocalities": true,
            "retryIgnorePreviousHosts": false, "backoff": "1s"},
        "fault": {"delay": {"percentage": {"value": 5.0}, "fixedDelay": "1s"},
            "abort": {"percentage": {"value": 5.0}, "httpStatus": 503}},
        "mirror": to("other"), "mirrorPercentage": {"value": 5.0},
        "corsPolicy": {"allowOrigins": [{"exact": "https://a"}, {"prefix": "https://b"}, {"regex": "https://c"}],
            "allowMethods": ["GET"], "allowHeaders": ["a"], "exposeHeaders": ["b"], "maxAge": "1s",
            "allowCredentials": true, "unmatchedPreflights": "IGNORE"},
        "headers": headers,
    })), false));
    for rule in [
        json!({"route": [{"destination": to("web")}], "mirrors": [{"destination": to("other"), "percentage": {"value": 5.0}}],
            "rewrite": {"uriRegexRewrite": {"match": "a", "rewrite": "b"}},
            "fault": {"abort": {"grpcStatus": "UNAVAILABLE"}}}),
        json!({"route": [{"destination": to("web")}], "mirror": to("other"), "mirrorPercent": 5,
            "fault": {"delay": {"percent": 5, "fixedDelay": "1s"}}, "corsPolicy": {"allowOrigin": ["https://a"]}}),
        json!({"redirect": {"uri": "/b", "authority": "b.example.com", "port": 81, "scheme": "https", "redirectCode": 302}}),
        json!({"match": [{"uri": {"prefix": "/a"}}],
            "redirect": {"prefixRewrite": "/b", "authority": "b.example.com", "derivePort": "FROM_REQUEST_PORT"}}),
        json!({"directResponse": {"status": 200, "body": {"string": "a"}}}),
        json!({"directResponse": {"status": 200, "body": {"bytes": "YQ=="}}}),
        json!({"delegate": {"name": "part", "namespace": "other"}}),
    ] {
        all.push(input(http(rule), false));
    }
    for rule in [
        json!({"route": [{"destination": to("web")}], "fault": {"abort": {"http2Error": "REFUSED_STREAM"}}}),
        json!({"route": [{"destination": to("web")}], "fault": {"delay": {"exponentialDelay": "1s"}}}),
    ] {
        all.push(input(http(rule), true));
    }
    all.push(input(
        http(json!({"match": [{"sourceLabels": {"istio": "ingressgateway"}, "sourceNamespace": "istio-system"}],
            "route": [{"destination": to("web")}]})),
        false,
    ));
    let mut private = http(json!({"route": [{"destination": to("web")}]}));
    private["exportTo"] = json!(["."]);
    all.push(input(private, false));
    let shares = json!([{"destination": to("web"), "weight": 1}, {"destination": to("other"), "weight": 2}]);
    let shared = |port: u32| {
        json!({"destinationSubnets": ["10.0.0.0/8"], "port": port, "sourceLabels": {"istio": "ingressgateway"},
        "gateways": ["istio-system/gw"], "sourceNamespace": "istio-system"})
    };
    let with = |mut value: Value, key: &str, field: Value| {
        value
            .as_object_mut()
            .expect("an object")
            .insert(key.to_owned(), field);
        value
    };
    all.push(input(
        json!({"hosts": ["a.example.com", "b.example.com"], "gateways": ["istio-system/gw"],
            "tcp": [{"match": [{"port": 9001}], "route": [{"destination": to("other")}]},
                {"match": [with(shared(9000), "sourceSubnet", json!("10.0.0.0/8"))], "route": shares}],
            "tls": [{"match": [with(shared(443), "sniHosts", json!(["a.example.com"]))], "route": shares}],
        }),
        false,
    ));
    all
}

fn policies() -> Vec<Value> {
    let locality = |setting: Value| json!({"loadBalancer": {"localityLbSetting": setting}, "outlierDetection": {"interval": "1s"}});
    vec![
        json!({
            "loadBalancer": {"simple": "ROUND_ROBIN", "warmup": {"duration": "1s", "minimumPercent": 5.0, "aggression": 2.0}},
            "connectionPool": {
                "tcp": {"maxConnections": 1, "connectTimeout": "1s", "maxConnectionDuration": "1s",
                    "tcpKeepalive": {"probes": 1, "time": "1s", "interval": "1s"}},
                "http": {"http1MaxPendingRequests": 1, "http2MaxRequests": 1, "maxRequestsPerConnection": 1, "maxRetries": 1,
                    "idleTimeout": "1s", "h2UpgradePolicy": "UPGRADE", "maxConcurrentStreams": 1,
                    "http2KeepAlive": {"interval": "1s", "timeout": "1s"}},
            },
            "outlierDetection": {"consecutiveErrors": 1, "splitExternalLocalOriginErrors": true,
                "consecutiveLocalOriginFailures": 1, "consecutiveGatewayErrors": 1, "consecutive5xxErrors": 1,
                "interval": "1s", "baseEjectionTime": "1s", "maxEjectionPercent": 1, "minHealthPercent": 1,
                "outlierDetectionHttpErrorCodes": [429]},
            "retryBudget": {"percent": 5.0, "minRetryConcurrency": 1, "budgetInterval": "1s"},
            "proxyProtocol": {"version": "V2"},
        }),
        json!({
            "loadBalancer": {"warmupDurationSecs": "1s"},
            "connectionPool": {"tcp": {"idleTimeout": "1s"}, "http": {"useClientProtocol": true}},
            "tls": {"mode": "MUTUAL", "clientCertificate": "/c", "privateKey": "/k", "caCertificates": "/ca",
                "subjectAltNames": ["a"], "sni": "a", "caCrl": "/crl"},
            "tunnel": {"protocol": "POST", "targetHost": "a.example.com", "targetPort": 443},
        }),
        json!({"outlierDetection": {"splitExternalLocalOriginErrors": true}}),
        json!({"tls": {"mode": "SIMPLE", "credentialName": "a"}}),
        json!({"tls": {"mode": "SIMPLE", "insecureSkipVerify": true}}),
        json!({"loadBalancer": {"consistentHash": {"httpHeaderName": "a", "ringHash": {"minimumRingSize": 5}}}}),
        json!({"loadBalancer": {"consistentHash": {"useSourceIp": true, "maglev": {"tableSize": 5}}}}),
        json!({"loadBalancer": {"consistentHash": {"httpQueryParameterName": "a", "minimumRingSize": 5}}}),
        json!({"loadBalancer": {"consistentHash": {"httpCookie": {"name": "a", "path": "/", "ttl": "1s",
            "attributes": [{"name": "b", "value": "c"}]}}}}),
        json!({"loadBalancer": {"backendUtilization": {"errorUtilizationPenaltyPercent": 1,
            "metricNamesForComputingUtilization": ["a"], "weightExpirationPeriod": "1s", "weightStabilizationPeriod": "1s",
            "weightUpdatePeriod": "1s"}}}),
        locality(json!({"enabled": false})),
        locality(json!({"failover": [{"from": "a", "to": "b"}]})),
        locality(json!({"distribute": [{"from": "a/*", "to": {"b": 100}}]})),
        locality(json!({"failover": [{"from": "a", "to": "b"}], "failoverPriority": ["place=c.z"]})),
        json!({"loadBalancer": {"zoneAwareLbSetting": {"failoverPriority": ["place=c.z"], "minClusterSize": 3}},
            "outlierDetection": {"interval": "1s"}}),
        json!({"loadBalancer": {"zoneAwareLbSetting": {"failover": [{"from": "a", "to": "b"}]}}, "outlierDetection": {"interval": "1s"}}),
        json!({"loadBalancer": {"zoneAwareLbSetting": {"enabled": false}}, "outlierDetection": {"interval": "1s"}}),
    ]
}

fn destination_rules() -> Vec<Input> {
    let input = |spec| Input {
        kind: "DestinationRule",
        name: ("app", "web"),
        spec,
        without: "DestinationRule web",
        is_invalid: false,
    };
    let subset = |policy: Option<&Value>| {
        let mut subset = json!({"name": "v1", "labels": {"version": "v1"}});
        if let (Some(policy), Some(fields)) = (policy, subset.as_object_mut()) {
            fields.insert("trafficPolicy".to_owned(), policy.clone());
        }
        subset
    };
    let of_port = |policy: &Value| {
        const FIELDS: [&str; 4] = ["loadBalancer", "connectionPool", "outlierDetection", "tls"];
        let fields = policy.as_object().into_iter().flatten();
        let mut kept: Map<String, Value> = fields
            .filter(|(name, _)| FIELDS.contains(&name.as_str()))
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect();
        kept.insert("port".to_owned(), json!({"number": 80}));
        json!({"portLevelSettings": [kept]})
    };
    let mut all = vec![
        input(json!({"host": "web", "exportTo": ["."], "subsets": [subset(None)]})),
        Input {
            name: ("istio-system", "web"),
            ..input(
                json!({"host": "web.app.svc.cluster.local", "subsets": [subset(None)],
                "workloadSelector": {"matchLabels": {"istio": "none"}}}),
            )
        },
    ];
    for policy in policies() {
        let port = of_port(&policy);
        all.push(input(
            json!({"host": "web", "trafficPolicy": policy, "subsets": [subset(None)]}),
        ));
        all.push(input(
            json!({"host": "web", "trafficPolicy": port, "subsets": [subset(None)]}),
        ));
        all.push(input(json!({"host": "web", "subsets": [subset(Some(&policy))]})));
        all.push(input(json!({"host": "web", "subsets": [subset(Some(&port))]})));
    }
    all
}

fn service_entries() -> Vec<Input> {
    let entry = |spec| Input {
        kind: "ServiceEntry",
        name: ("app", "out"),
        spec,
        without: "",
        is_invalid: false,
    };
    let ports = json!([{"number": 80, "name": "http", "protocol": "HTTP", "targetPort": 8080}]);
    let workload = json!({"address": "10.2.0.1", "ports": {"http": 8081}, "labels": {"app": "work", "version": "v1"},
        "network": "n", "locality": "a/b/c", "weight": 3, "serviceAccount": "s"});
    let mut second = workload.clone();
    second["address"] = json!("10.2.0.2");
    vec![
        entry(
            json!({"hosts": ["out.example.com"], "addresses": ["10.3.0.1"], "ports": ports, "location": "MESH_INTERNAL",
            "resolution": "STATIC", "endpoints": [workload, {"address": "10.2.0.3", "labels": {"version": "v1"}}], "exportTo": ["*"],
            "subjectAltNames": ["a"]}),
        ),
        entry(
            json!({"hosts": ["out.example.com"], "ports": ports, "resolution": "STATIC",
            "workloadSelector": {"labels": {"app": "work"}}}),
        ),
        Input {
            kind: "WorkloadEntry",
            name: ("app", "work"),
            spec: second,
            without: "",
            is_invalid: false,
        },
    ]
}

/// Another valid value of a field that can't be left out.
pub(crate) fn other_value(path: &str, value: &Value) -> Option<Value> {
    let known = [
        (
            "Gateway.servers",
            json!([{"port": {"number": 82, "name": "x", "protocol": "HTTP"}, "hosts": ["*"]}]),
        ),
        ("Gateway.servers.hosts", json!(["b.example.com"])),
        ("Gateway.selector", json!({"istio": "other"})),
        ("Gateway.servers.tls.credentialNames", json!(["c"])),
        ("VirtualService.hosts", json!(["b.example.com"])),
        ("ServiceEntry.hosts", json!(["b.example.com"])),
        ("ServiceEntry.exportTo", json!(["."])),
        ("ServiceEntry.ports.name", json!("other")),
        ("ServiceEntry.ports.protocol", json!("HTTP2")),
        ("Gateway.servers.port.name", json!("other")),
        ("Gateway.servers.port.protocol", json!("TLS")),
        ("Gateway.servers.tls.mode", json!("OPTIONAL_MUTUAL")),
        ("DestinationRule.host", json!("other")),
        ("DestinationRule.subsets.name", json!("v2")),
        ("ServiceEntry.endpoints.address", json!("10.2.0.7")),
        ("WorkloadEntry.address", json!("10.2.0.9")),
    ];
    if let Some((_, other)) = known.iter().find(|(field, _)| *field == path) {
        return Some(other.clone());
    }
    let by_name = [
        ("distribute.from", json!("c")),
        ("distribute.to", json!({"c": 100})),
        ("httpCookie.name", json!("other")),
        ("attributes.name", json!("other")),
        ("maglev.tableSize", json!(7)),
        ("credentialName", json!("other")),
        ("tunnel.targetHost", json!("b.example.com")),
        ("mirrors.destination.host", json!("web")),
        ("destination.host", json!("other")),
        ("mirror.host", json!("web")),
        ("uriRegexRewrite.match", json!("c")),
        ("uriRegexRewrite.rewrite", json!("d")),
        ("match.sniHosts", json!(["b.example.com"])),
        ("match.gateways", json!(["istio-system/other"])),
        ("http.match.sourceLabels", json!({"istio": "other"})),
        ("http.match.sourceNamespace", json!("other")),
        ("VirtualService.tcp.match", json!([{"port": 1}])),
        ("redirect.authority", json!("c.example.com")),
    ];
    if let Some((_, other)) = by_name.iter().find(|(field, _)| path.ends_with(*field)) {
        return Some(other.clone());
    }
    match value {
        Value::Bool(it) => Some(json!(!it)),
        Value::Number(it) => Some(json!(it.as_u64()? + 1)),
        Value::String(it) if it.starts_with("https://") => Some(json!(format!("{it}b"))),
        Value::String(it) if it == "1s" => Some(json!("2s")),
        Value::String(it) if it.starts_with('/') => Some(json!(format!("{it}-other"))),
        Value::Null | Value::String(_) | Value::Array(_) | Value::Object(_) => None,
    }
}
