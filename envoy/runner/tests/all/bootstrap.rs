//! What edits change in a bootstrap, and what they leave alone.

use fingerpost_envoy_runner::{Authority, Bootstrap};
use serde_json::{Value, json};

const HCM: &str =
    "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager";
const TCP: &str = "type.googleapis.com/envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy";
const TLS: &str = "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext";

fn listener(name: &str, chains: &Value) -> Value {
    json!({
        "name": name,
        "address": {"socket_address": {"address": "0.0.0.0", "port_value": 80}},
        "filter_chains": chains,
    })
}

fn bootstrap(listeners: &Value, clusters: &Value) -> Bootstrap {
    Bootstrap(json!({"static_resources": {"listeners": listeners, "clusters": clusters}}))
}

#[test]
fn listeners_are_told_and_moved_by_name() {
    let mut bootstrap = bootstrap(
        &json!([listener("a", &json!([])), listener("b", &json!([]))]),
        &json!([]),
    );
    assert!(bootstrap.bind_listener("b", "127.0.0.1:8080".parse().unwrap()));
    assert_eq!(
        bootstrap.listeners(),
        [("a".to_owned(), 80), ("b".to_owned(), 8080)]
    );
    assert_eq!(
        bootstrap.0["static_resources"]["listeners"][1]["address"],
        json!({"socket_address": {"address": "127.0.0.1", "port_value": 8080}})
    );
}

#[test]
fn a_name_that_is_not_there_is_answered_with_false_and_nothing_changes() {
    let mut bootstrap = Bootstrap(json!({}));
    let address = "127.0.0.1:1".parse().unwrap();
    assert!(!bootstrap.bind_listener("a", address) && !bootstrap.point_cluster("a", address));
    assert_eq!(
        (
            bootstrap.listeners().len(),
            bootstrap.clusters().len(),
            bootstrap.0
        ),
        (0, 0, json!({}))
    );
}

#[test]
fn a_cluster_gets_one_endpoint_and_keeps_its_policies() {
    let cluster = json!({
        "name": "c", "type": "STRICT_DNS", "dns_lookup_family": "V4_ONLY", "connect_timeout": "10s",
        "lb_policy": "RING_HASH", "load_assignment": {"cluster_name": "c", "endpoints": []},
    });
    let mut bootstrap = bootstrap(&json!([]), &json!([cluster]));
    assert!(bootstrap.point_cluster("c", "[::1]:9".parse().unwrap()));
    let address = json!({"socket_address": {"address": "::1", "port_value": 9}});
    let expected = json!({
        "name": "c", "type": "STATIC", "connect_timeout": "10s", "lb_policy": "RING_HASH",
        "load_assignment": {"cluster_name": "c", "endpoints": [{"lb_endpoints": [{"endpoint": {"address": address}}]}]},
    });
    assert_eq!(bootstrap.0["static_resources"]["clusters"][0], expected);
    assert_eq!(bootstrap.clusters(), ["c"]);
}

#[test]
fn a_cluster_that_took_the_original_destination_balances_by_itself() {
    let cluster = json!({"name": "c", "type": "ORIGINAL_DST", "lb_policy": "CLUSTER_PROVIDED"});
    let mut bootstrap = bootstrap(&json!([]), &json!([cluster]));
    bootstrap.point_cluster("c", "127.0.0.1:9".parse().unwrap());
    assert_eq!(
        bootstrap.0["static_resources"]["clusters"][0].get("lb_policy"),
        None
    );
}

#[test]
fn access_logs_go_into_every_filter_that_has_one_in_every_chain() {
    let chain = |kind: &str| json!({"filters": [{"name": "f", "typed_config": {"@type": kind, "access_log": [1, 2]}}]});
    let mut edge = listener("a", &json!([chain(HCM), chain(TCP), chain("other")]));
    edge["default_filter_chain"] = chain(HCM);
    let mut bootstrap = bootstrap(&json!([edge]), &json!([]));
    bootstrap.set_access_log(&json!({"p": "%PROTOCOL%"}), "/log");
    let edge = &bootstrap.0["static_resources"]["listeners"][0];
    let log = |chain: &Value| chain["filters"][0]["typed_config"]["access_log"].clone();
    for chain in [
        &edge["filter_chains"][0],
        &edge["filter_chains"][1],
        &edge["default_filter_chain"],
    ] {
        assert_eq!(log(chain)[0]["typed_config"]["path"], "/log");
        assert_eq!(
            log(chain)[0]["typed_config"]["log_format"],
            json!({"json_format": {"p": "%PROTOCOL%"}})
        );
        assert_eq!(log(chain).as_array().unwrap().len(), 1);
    }
    assert_eq!(log(&edge["filter_chains"][2]), json!([1, 2]));
}

#[test]
fn a_certificate_replaces_those_named_and_an_authority_only_those_checked() {
    let chain =
        |tls: Value| json!({"transport_socket": {"typed_config": {"@type": TLS, "common_tls_context": tls}}});
    let simple = json!({"alpn_protocols": ["h2"], "tls_certificate_sds_secret_configs": [{"name": "s"}]});
    let mutual = json!({
        "tls_certificates": [{"certificate_chain": {"filename": "/x"}}],
        "combined_validation_context": {"default_validation_context": {}},
    });
    let mut bootstrap = bootstrap(
        &json!([listener("a", &json!([chain(simple), chain(mutual)]))]),
        &json!([]),
    );
    let authority = Authority::new().unwrap();
    let certificate = authority.sign(&["a.example.com"]).unwrap();
    bootstrap.set_certificate(&certificate, authority.pem());

    let chains = &bootstrap.0["static_resources"]["listeners"][0]["filter_chains"];
    let tls = |n: usize| &chains[n]["transport_socket"]["typed_config"]["common_tls_context"];
    let named = json!([{
        "certificate_chain": {"inline_string": certificate.chain_pem},
        "private_key": {"inline_string": certificate.key_pem},
    }]);
    assert_eq!(
        *tls(0),
        json!({"alpn_protocols": ["h2"], "tls_certificates": named})
    );
    let trust = json!({"trusted_ca": {"inline_string": authority.pem()}});
    assert_eq!(
        *tls(1),
        json!({"tls_certificates": named, "validation_context": trust})
    );
}

#[test]
fn node_and_admin_are_set_where_there_were_none() {
    let mut bootstrap = Bootstrap(json!({}));
    bootstrap.set_node("id", "cluster");
    bootstrap.set_admin("127.0.0.1:0".parse().unwrap());
    assert_eq!(
        bootstrap.0,
        json!({
            "node": {"id": "id", "cluster": "cluster"},
            "admin": {"address": {"socket_address": {"address": "127.0.0.1", "port_value": 0}}},
        })
    );
}
