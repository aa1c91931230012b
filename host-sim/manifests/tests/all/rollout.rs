//! The steps to the manifests: what each changes, which previous manifests are read, and what is refused.

use fingerpost_config_compiler::{Compiled, Engine, Options};
use fingerpost_manifests::istio::{Change, IstioOptions, IstioRelease, Previous, Rollout, istio, rollout};
use fingerpost_manifests::{Document, Refusal, to_yaml};
use serde_json::Value;

use crate::{SERVICES, all_examples, compiled, crd, options, target};

/// Resources with a rule for a path on each of these ports.
fn resources(rules: &[(u32, &str, &str)]) -> String {
    let mut text = SERVICES.to_owned();
    for (port, path, service) in rules {
        text += &format!(
            "apiVersion: networking.istio.io/v1\nkind: Gateway\nmetadata: {{name: g{port}, namespace: default}}\n\
             spec:\n  selector: {{istio: ingressgateway}}\n  servers: [{{port: {{number: {port}, name: http, protocol: HTTP}}, hosts: ['*']}}]\n---\n\
             apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {{name: v{port}, namespace: default}}\n\
             spec: {{hosts: ['*'], gateways: [g{port}], http: [{{match: [{{uri: {{prefix: {path}}}}}], route: [{{destination: {{host: {service}}}}}]}}]}}\n---\n"
        );
    }
    text
}

fn native(resources: &str) -> Compiled {
    let options = Options {
        engine: Engine::Native,
        ..target()
    };
    compiled(resources, &options)
}

fn made(resources: &str, change: Change<'_>, options: &IstioOptions) -> Result<Rollout, Vec<Refusal>> {
    let target = target();
    rollout(
        &compiled(resources, &target),
        &native(resources),
        change,
        &target,
        options,
    )
}

fn newest() -> IstioOptions {
    options(IstioRelease::NEWEST)
}

fn first_install(resources: &str) -> Rollout {
    made(resources, Change::FirstInstall, &newest()).expect("a first install")
}

fn previous(documents: &[Document]) -> Previous {
    let mut previous = Previous::default();
    previous
        .add("manifests.yaml", &to_yaml(documents))
        .expect("manifests");
    previous
}

#[track_caller]
fn refused(resources: &str, previous: &Previous) -> String {
    let refusals = made(resources, Change::Update(previous), &newest()).expect_err("a refusal");
    refusals.iter().map(ToString::to_string).collect()
}

/// Which rules the keys of a table lead to, by the prefix of the cluster that is in them.
fn keys(document: &Document, table: &str) -> Vec<String> {
    let hosts = hosts(document, table);
    let maps = hosts
        .iter()
        .filter_map(|host| host["matcher"]["matcher_tree"]["exact_match_map"]["map"].as_object());
    maps.flat_map(|map| map.keys().cloned()).collect()
}

fn hosts<'d>(document: &'d Document, table: &str) -> Vec<&'d Value> {
    let patches = document.content["spec"]["configPatches"].as_array();
    let of_table = patches
        .into_iter()
        .flatten()
        .filter(|it| it["match"]["routeConfiguration"]["name"] == table);
    of_table
        .filter(|it| it["patch"]["operation"] == "ADD")
        .map(|it| &it["patch"]["value"])
        .collect()
}

/// The patches of an `EnvoyFilter` as texts, sorted.
fn patches(document: &Document) -> Vec<String> {
    let patches = document.content["spec"]["configPatches"].as_array();
    let mut texts: Vec<String> = patches.into_iter().flatten().map(Value::to_string).collect();
    texts.sort();
    texts
}

fn names(rollout: &Rollout) -> Vec<&'static str> {
    rollout.steps.iter().map(|it| it.name).collect()
}

#[test]
fn a_first_install_routes_by_istios_rules_until_the_filter_is_there() {
    let resources = resources(&[(80, "/a", "one")]);
    let made = first_install(&resources);
    assert_eq!(names(&made), ["header", "table", "filter"]);
    let [header, table, filter] = made.steps.as_slice() else {
        panic!("{made:?}");
    };
    assert_eq!(patches(&header.documents[0]).len(), 1);
    let host = hosts(&table.documents[0], "http.80")[0];
    let fallback = &host["matcher"]["on_no_match"]["action"]["typed_config"];
    assert_eq!(fallback["routes"][0]["match"]["prefix"], "/a", "{host}");
    assert_eq!(
        fallback["routes"][0]["route"]["cluster"],
        "outbound|80||one.default.svc.cluster.local"
    );
    // The keys, and the filters, are those of the manifests.
    assert_eq!(
        keys(&table.documents[0], "http.80"),
        keys(&made.documents[0], "http.80")
    );
    assert_eq!(filter.documents, made.documents[1..]);
    let target = target();
    assert_eq!(
        istio(&compiled(&resources, &target), &target, &newest()),
        Ok(made.documents.clone())
    );
    let last = hosts(&made.documents[0], "http.80")[0];
    assert!(last["matcher"]["on_no_match"]["action"].is_null(), "{last}");
}

#[test]
fn an_update_has_the_keys_of_both_rules_until_the_filter_has_changed() {
    let before = first_install(&resources(&[(80, "/a", "one")])).documents;
    let update = made(
        &resources(&[(80, "/a", "two")]),
        Change::Update(&previous(&before)),
        &newest(),
    )
    .expect("an update");
    assert_eq!(names(&update), ["table", "filter"]);
    let (old, new) = (keys(&before[0], "http.80"), keys(&update.documents[0], "http.80"));
    assert_ne!(old, new);
    let mut both = [old, new].concat();
    both.sort();
    both.dedup();
    assert_eq!(keys(&update.steps[0].documents[0], "http.80"), both);
    assert_eq!(update.unused, []);
}

#[test]
fn a_port_that_is_new_keeps_istios_routes_until_its_filter_is_there() {
    let before = first_install(&resources(&[(80, "/a", "one")])).documents;
    let both = resources(&[(80, "/a", "one"), (8080, "/b", "two")]);
    let update = made(&both, Change::Update(&previous(&before)), &newest()).expect("an update");
    let table = &update.steps[0].documents[0];
    let fallback = |table_name| hosts(table, table_name)[0]["matcher"]["on_no_match"]["action"].is_object();
    assert!(fallback("http.8080") && !fallback("http.80"), "{table:?}");
}

#[test]
fn a_port_that_is_gone_keeps_its_routes_until_the_end() {
    let before = first_install(&resources(&[(80, "/a", "one"), (8080, "/b", "two")])).documents;
    let after = resources(&[(80, "/a", "one")]);
    let update = made(&after, Change::Update(&previous(&before)), &newest()).expect("an update");
    assert_eq!(
        keys(&update.steps[0].documents[0], "http.8080"),
        keys(&before[0], "http.8080")
    );
    assert_eq!(keys(&update.documents[0], "http.8080"), Vec::<String>::new());
    let unused: Vec<String> = update.unused.iter().map(ToString::to_string).collect();
    assert_eq!(unused, ["-n istio-system trafficextension/fingerpost-8080"]);
}

#[test]
fn the_cluster_takes_every_step() {
    for (name, resources) in all_examples() {
        let install = first_install(&resources);
        let update = made(
            &resources,
            Change::Update(&previous(&install.documents)),
            &newest(),
        );
        let update = update.expect("an update");
        // Nothing has changed, so nothing changes, but for the order of hosts and of their domains, which plays no part.
        let [table, before] = [&update.steps[0].documents[0], &install.documents[0]].map(|it| {
            let mut document = it.clone();
            for patch in document.content["spec"]["configPatches"]
                .as_array_mut()
                .into_iter()
                .flatten()
            {
                if let Some(domains) = patch["patch"]["value"]["domains"].as_array_mut() {
                    domains.sort_by_key(Value::to_string);
                }
            }
            patches(&document)
        });
        assert!(table == before, "{name}");
        for document in install
            .steps
            .iter()
            .chain(&update.steps)
            .flat_map(|it| &it.documents)
        {
            let faults = crd::faults(&document.content);
            assert!(faults.is_empty(), "{name}: {faults:?}");
        }
    }
}

#[test]
fn a_wasm_plugin_stays_one() {
    let resources = resources(&[(80, "/a", "one")]);
    let old = options("1.29".parse().expect("a release"));
    let before = made(&resources, Change::FirstInstall, &old).expect("a first install");
    let update = made(
        &resources,
        Change::Update(&previous(&before.documents)),
        &newest(),
    );
    assert_eq!(update.expect("an update").documents[1].kind(), "WasmPlugin");
}

#[test]
fn what_kubectl_prints_is_read() {
    let rules = resources(&[(80, "/a", "one")]);
    let before = first_install(&rules).documents;
    let items: Vec<String> = before
        .iter()
        .map(|document| {
            let mut object = document.content.clone();
            object["metadata"]["resourceVersion"] = "7".into();
            object["metadata"]["managedFields"] =
                serde_json::json!([{"manager": "kubectl", "operation": "Apply"}]);
            object.to_string()
        })
        .collect();
    let mut list = Previous::default();
    list.add(
        "-",
        &format!("apiVersion: v1\nkind: List\nitems: [{}]\n", items.join(", ")),
    )
    .expect("a list");
    let changed = resources(&[(80, "/a", "two")]);
    let by_list = made(&changed, Change::Update(&list), &newest());
    assert_eq!(
        by_list,
        made(&changed, Change::Update(&previous(&before)), &newest())
    );
}

#[test]
fn other_manifests_are_refused() {
    let rules = resources(&[(80, "/a", "one")]);
    let install = first_install(&rules);
    let mut text = Previous::default();
    assert!(text.add("broken.yaml", "a: [").is_err());
    assert!(refused(&rules, &Previous::default()).contains("no EnvoyFilter fingerpost"));

    // In the middle of a first install a request without the filter is routed, and then no more.
    let table = &install.steps[1].documents;
    assert!(refused(&rules, &previous(table)).contains("not finished"));

    let mut newer = install.documents.clone();
    for patch in newer[0].content["spec"]["configPatches"]
        .as_array_mut()
        .expect("patches")
    {
        if patch["patch"]["operation"] == "ADD" {
            patch["patch"]["value"]["new_field"] = 1.into();
        }
    }
    let said = refused(&rules, &previous(&newer));
    assert!(
        said.contains("not as this version") && said.contains("new_field"),
        "{said}"
    );
}

#[test]
fn a_port_does_not_go_from_one_filter_to_another() {
    let rules = resources(&[(80, "/a", "one")]);
    let mut before = first_install(&rules).documents;
    before[1].content["metadata"]["name"] = "fingerpost-8080".into();
    let said = refused(&rules, &previous(&before));
    assert!(
        said.contains("port 80 would be fingerpost-80 and was fingerpost-8080"),
        "{said}"
    );
}
