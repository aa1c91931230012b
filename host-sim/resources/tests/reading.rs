//! What is read from which text, and what is said of the rest.

use std::time::Duration;

use fingerpost_resources::{
    Diagnostics, DirectBody, HttpRoute, RedirectPort, Resources, Source, StringMatch, TargetPort, read,
    render,
};

fn read_text(text: &str) -> (Resources, Diagnostics) {
    let mut diagnostics = Diagnostics::new();
    let resources = read(vec![Source::new("in.yaml", text)], &mut diagnostics);
    (resources, diagnostics)
}

/// `line:column code path` of each finding.
fn findings(text: &str) -> Vec<String> {
    let (_, diagnostics) = read_text(text);
    let place = |it: &fingerpost_resources::Diagnostic| {
        it.span
            .as_ref()
            .map_or_else(|| "-".to_owned(), |it| format!("{}:{}", it.line, it.column))
    };
    diagnostics
        .iter()
        .map(|it| {
            format!("{} {} {}", place(it), it.code, it.path)
                .trim_end()
                .to_owned()
        })
        .collect()
}

/// A VirtualService whose first rule is `rule`, on one line that begins at 7:5.
fn rule(rule: &str) -> String {
    format!(
        "apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {{name: shop}}\nspec:\n  \
         hosts: [shop]\n  http:\n  - {rule}\n"
    )
}

fn first_rule(text: &str) -> HttpRoute {
    let (resources, diagnostics) = read_text(&rule(text));
    assert!(diagnostics.is_empty(), "{text}: {diagnostics:?}");
    resources
        .virtual_services
        .into_iter()
        .flat_map(|it| it.spec.http)
        .next()
        .expect("one rule was read")
}

/// Without a name: those with one name would count once.
const SERVICE: &str = "apiVersion: v1\nkind: Service\nmetadata: {uid: ab}\nspec: {ports: [{port: 80}]}\n";

#[test]
fn streams_are_read_document_by_document() {
    for (text, services) in [
        (String::new(), 0),
        ("# nothing\n---\n---\nnull\n---\n...\n".to_owned(), 0),
        (SERVICE.to_owned(), 1),
        (format!("---\n{SERVICE}...\n---\n{SERVICE}---\n"), 2),
        (format!("\u{feff}{SERVICE}"), 1),
        (SERVICE.replace('\n', "\r\n"), 1),
        (format!("{SERVICE}--- # more\n{SERVICE}"), 2),
        (
            format!(
                "{{\"apiVersion\": \"v1\", \"kind\": \"List\", \"items\": [{SERVICE_JSON}, {SERVICE_JSON}]}}"
            ),
            2,
        ),
        (format!("{SERVICE_JSON}\n{SERVICE_JSON} {SERVICE_JSON}"), 3),
        (format!("[1]: x\n---\n{SERVICE}"), 1),
        (format!("a: [1\n---\n{SERVICE}"), 1),
        (format!("a: 'b\n---\n{SERVICE}"), 1),
        (format!("{SERVICE}---\n\u{feff}{SERVICE}"), 2),
        (format!("{SERVICE}x: '{{\n\"a\": 1\n}}'\n"), 1),
        (format!("%YAML 1.1\n---\n{SERVICE}"), 1),
    ] {
        assert_eq!(read_text(&text).0.services.len(), services, "{text}");
    }
}

const SERVICE_JSON: &str = r#"{"apiVersion": "v1", "kind": "Service", "metadata": {"guid": "a"}, "spec": {"ports": [{"port": 80}]}}"#;

#[test]
fn places_count_from_the_start_of_the_file() {
    let broken =
        "apiVersion: networking.istio.io/v1\nkind: Gateway\nmetadata: {name: é}\nspec: {é: 1, sevrers: []}\n";
    for (text, place) in [
        (broken.to_owned(), "4:14"),
        (format!("---\n{broken}"), "5:14"),
        (format!("{SERVICE}---\n{broken}"), "9:14"),
        (format!("\u{feff}{broken}"), "4:14"),
        (broken.replace('\n', "\r\n"), "4:14"),
        (
            format!(
                "{SERVICE_JSON}\n{}",
                r#"{"apiVersion": "networking.istio.io/v1", "kind": "Gateway", "spec": {"x": 1}}"#
            ),
            "2:70",
        ),
        (
            format!(
                "{SERVICE_JSON} {}",
                r#"{"apiVersion": "networking.istio.io/v1", "kind": "Gateway", "spec": {"x": 1}}"#
            ),
            "1:172",
        ),
    ] {
        let found = findings(&text);
        assert!(
            found
                .iter()
                .any(|it| it.starts_with(&format!("{place} unknown-field"))),
            "{place}: {found:?}"
        );
    }
}

#[test]
fn what_can_not_be_read_is_said_and_where() {
    for (text, want) in [
        ("a: b: c\n", "1:5 syntax"),
        ("a:\n\tb: 1\n", "2:1 syntax"),
        ("just text\n", "1:1 not-an-object"),
        ("- a\n", "1:1 not-an-object"),
        ("apiVersion: v1\n", "1:1 no-kind"),
        ("kind: Service\n", "1:1 no-kind"),
        ("a: *nobody\n", "1:4 syntax"),
        ("a: &a [*a]\n", "1:8 syntax"),
        ("a: {<<: 1}\n", "1:9 syntax"),
        ("a: !!int x\n", "1:10 syntax"),
        ("{{b: 1}: 2}\n", "1:2 syntax"),
        (
            "apiVersion: v1\nkind: Pod\nkind: Service\n",
            "3:1 duplicate-key kind",
        ),
        (
            "apiVersion: v1\nkind: Pod\nx: [{a: {b: 1, b: 2}}]\n",
            "3:16 duplicate-key x[0].a.b",
        ),
        (
            "apiVersion: v1\nkind: Pod\nx: {y: 1, \"n\": 1, 010: 1, 80: 1}\n",
            "3:5 altered-key x.true\n3:19 altered-key x.8",
        ),
        ("--- {apiVersion: v1, kind: Pod}\n", "1:5 beside-separator"),
        (
            "  apiVersion: v1\n  kind: Pod\nmetadata: {}\n",
            "3:1 after-document",
        ),
        ("apiVersion: v1\nkind: Pod\nx: a\u{1}b\n", "3:5 syntax"),
        ("apiVersion: v1\nkind: Pod\nx: [a,\n\n", "3:7 syntax"),
        (
            "apiVersion: networking.istio.io/v2\nkind: Gateway\n",
            "1:13 unknown-version",
        ),
        (
            "apiVersion: networking.istio.io/v1\nkind: gateway\n",
            "2:7 unknown-kind",
        ),
    ] {
        assert_eq!(findings(text).join("\n"), want, "{text}");
    }
}

#[test]
fn a_text_that_is_not_utf_8_is_refused_by_its_offset() {
    let mut diagnostics = Diagnostics::new();
    let bytes = b"apiVersion: v1\nkind: caf\xe9\n".to_vec();
    let resources = read(vec![Source::from_bytes("in.yaml", bytes)], &mut diagnostics);
    let text = render(&diagnostics, &resources.sources, false);
    assert!(
        text.contains("error[not-utf-8]: this is not UTF-8: byte 0xe9 at offset 24"),
        "{text}"
    );
    assert!(text.contains("in.yaml:2:10"), "{text}");
}

#[test]
fn small_texts_do_not_become_large_trees() {
    let mut text = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
    for level in 1..9 {
        let aliases = vec![format!("*a{}", level - 1); 10].join(", ");
        text += &format!("a{level}: &a{level} [{aliases}]\n");
    }
    let found = findings(&text);
    assert!(found.len() == 1 && found[0].ends_with("syntax"), "{found:?}");

    let mut chain = "a0: &a0 [x]\n".to_owned();
    for level in 1..1000 {
        chain += &format!("a{level}: &a{level} [*a{}]\n", level - 1);
    }
    assert_eq!(findings(&chain), ["200:14 syntax"]);
    assert!(findings(&"[".repeat(100_000))[0].ends_with("syntax"));
    assert!(findings(&"{a: ".repeat(100_000))[0].ends_with("syntax"));
    assert!(findings(&"- ".repeat(100_000))[0].ends_with("syntax"));
}

#[test]
fn merge_keys_spread_maps_in_the_order_in_which_they_are_written() {
    let base = "x: &x {port: 1, name: x}\nv: &v {port: 2, protocol: UDP}\n";
    for (entry, port, name, protocol) in [
        ("{<<: *x, port: 3}", 3, "x", ""),
        ("{port: 3, <<: *x}", 1, "x", ""),
        ("{<<: [*x, *v]}", 1, "x", "UDP"),
        ("{<<: [*v, *x], name: z}", 2, "z", "UDP"),
        ("{\"<<\": 1, port: 4}", 4, "", ""),
    ] {
        let text = format!("{base}apiVersion: v1\nkind: Service\nspec: {{ports: [{entry}]}}\n");
        let (resources, diagnostics) = read_text(&text);
        assert!(diagnostics.is_empty(), "{entry}: {diagnostics:?}");
        let got = &resources.services[0].spec.ports[0];
        assert_eq!(
            (got.port, got.name.as_str(), got.protocol.as_str()),
            (Some(port), name, protocol),
            "{entry}"
        );
    }
}

#[test]
fn fields_may_be_written_in_either_spelling_and_as_json() {
    let want = first_rule(
        r#"{perTryTimeout: null, name: "a/\u00e9", directResponse: {status: 200}}"#
            .replace("perTryTimeout: null, ", "")
            .as_str(),
    );
    assert_eq!(want.name, "a/é");
    let json = first_rule(r#"{"name": "a\/\u00e9", "directResponse": {"status": 200}}"#);
    assert_eq!(json, want);
    let (snake, diagnostics) = read_text(&rule(r#"{name: "a/é", direct_response: {status: 200}}"#));
    assert_eq!(snake.virtual_services[0].spec.http[0], want);
    assert_eq!(
        diagnostics.iter().map(|it| it.code.as_str()).collect::<Vec<_>>(),
        ["snake-case-field"]
    );
}

#[test]
fn values_are_read_by_their_types() {
    let got = first_rule(
        "{match: [{uri: {prefix: /a}, headers: {x: {exact: a}, z: {}}, port: 80, ignoreUriCase: yes}, null], \
         timeout: 1h30m, retries: {attempts: 0x3, perTryTimeout: 1.5s}, mirrorPercentage: {value: 12.5}, \
         redirect: {derivePort: FROM_REQUEST_PORT, redirectCode: 301.0}, \
         directResponse: {body: {bytes: aGk=}}, route: null}",
    );
    let matches = &got.matches[0];
    assert_eq!(matches.uri, Some(StringMatch::Prefix("/a".into())));
    assert_eq!(matches.headers["z"], StringMatch::Present);
    assert_eq!((matches.port, matches.ignore_uri_case), (Some(80), Some(true)));
    assert_eq!(got.matches[1], fingerpost_resources::HttpMatchRequest::default());
    assert_eq!(got.timeout, Some(Duration::from_secs(5400)));
    assert_eq!(got.retries.as_ref().and_then(|it| it.attempts), Some(3));
    assert_eq!(
        got.retries.and_then(|it| it.per_try_timeout),
        Some(Duration::from_millis(1500))
    );
    assert_eq!(got.mirror_percentage.and_then(|it| it.value), Some(12.5));
    let redirect = got.redirect.expect("the redirect was read");
    assert_eq!(
        (redirect.redirect_port, redirect.redirect_code),
        (Some(RedirectPort::FromRequestPort), Some(301))
    );
    assert_eq!(
        got.direct_response.and_then(|it| it.body),
        Some(DirectBody::Bytes(b"hi".to_vec()))
    );
}

#[test]
fn wrong_fields_and_types_are_errors_at_their_place() {
    for (text, want) in [
        ("{macth: []}", "7:6 unknown-field spec.http[0].macth"),
        (
            "{match: [{rewrite: {}}]}",
            "7:15 unknown-field spec.http[0].match[0].rewrite",
        ),
        (
            "{match: [{uri: /a}]}",
            "7:20 wrong-type spec.http[0].match[0].uri",
        ),
        (
            "{match: [{uri: {suffix: a}}]}",
            "7:21 unknown-field spec.http[0].match[0].uri.suffix",
        ),
        (
            "{match: [{uri: {exact: a, prefix: b}}]}",
            "7:31 one-of spec.http[0].match[0].uri.prefix",
        ),
        ("{match: {uri: {exact: a}}}", "7:13 wrong-type spec.http[0].match"),
        ("{name: 1}", "7:12 wrong-type spec.http[0].name"),
        ("{name: off}", "7:12 wrong-type spec.http[0].name"),
        ("{timeout: 5}", "7:15 wrong-type spec.http[0].timeout"),
        ("{timeout: 5d}", "7:15 bad-duration spec.http[0].timeout"),
        (
            "{retries: {attempts: 1.5}}",
            "7:26 wrong-type spec.http[0].retries.attempts",
        ),
        (
            "{retries: {attempts: 3000000000}}",
            "7:26 out-of-range spec.http[0].retries.attempts",
        ),
        (
            "{redirect: {redirectCode: -1}}",
            "7:31 out-of-range spec.http[0].redirect.redirectCode",
        ),
        (
            "{redirect: {port: 1, derivePort: FROM_REQUEST_PORT}}",
            "7:26 one-of spec.http[0].redirect.derivePort",
        ),
        (
            "{redirect: {derivePort: from_request_port}}",
            "7:29 unknown-value spec.http[0].redirect.derivePort",
        ),
        (
            "{directResponse: {body: {bytes: '?'}}}",
            "7:37 wrong-type spec.http[0].directResponse.body.bytes",
        ),
        (
            "{mirrorPercentage: {value: .nan}}",
            "7:32 wrong-type spec.http[0].mirrorPercentage.value",
        ),
        (
            "{corsPolicy: {allowCredentials: 1}}",
            "7:37 wrong-type spec.http[0].corsPolicy.allowCredentials",
        ),
        (
            "{headers: {request: {set: [a]}}}",
            "7:31 wrong-type spec.http[0].headers.request.set",
        ),
        (
            "{headers: {request: {set: {a.b: 1}}}}",
            "7:37 wrong-type spec.http[0].headers.request.set.a.b",
        ),
    ] {
        assert_eq!(findings(&rule(text)), [want], "{text}");
    }
}

#[test]
fn help_says_what_was_probably_meant() {
    for (text, want) in [
        ("{macth: []}", "did you mean `match`?"),
        (
            "{match: [{rewrite: {}}]}",
            "`rewrite` is a field of HTTPRoute: write it in `spec.http[0]`, beside `match`",
        ),
        (
            "{destination: {}}",
            "`destination` is a field of HTTPRouteDestination: write it inside `route`",
        ),
        ("{delegate: {host: x}}", "its fields are `name` and `namespace`"),
        (
            "{match: [{uri: /a}]}",
            "write `{exact: \"/a\"}`, or the same with `prefix` or `regex`",
        ),
        (
            "{route: [{destination: {host: a, port: 80}}]}",
            "write `{number: 80}`",
        ),
        ("{name: yes}", "put it in quotes: \"yes\""),
        (
            "{redirect: {derivePort: FROM_REQUEST_PROT}}",
            "did you mean FROM_REQUEST_PORT?",
        ),
    ] {
        let (_, diagnostics) = read_text(&rule(text));
        let help: Vec<_> = diagnostics.iter().filter_map(|it| it.help.as_deref()).collect();
        assert_eq!(help, [want], "{text}");
    }
}

#[test]
fn kubernetes_kinds_are_read_leniently() {
    let (resources, diagnostics) = read_text(
        "apiVersion: v1\nkind: Service\nmetadata: {name: 7, labels: {a: 1}, managedFields: []}\nextra: 1\n\
         spec: {type: ClusterIP, clusterIP: None, ports: [{port: 80, targetPort: web}, {targetPort: 8080}], x: 1}\n\
         ---\napiVersion: v1\nkind: Secret\nmetadata: {name: s}\ndata: {tls.crt: aGk=}\nstringData: {tls.key: k}\n\
         ---\napiVersion: v1\nkind: Pod\nstatus: {podIP: 10.0.0.1}\n\
         ---\napiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\nendpoints: [{addresses: [10.0.0.1]}]\n\
         ---\napiVersion: apps/v1\nkind: Deployment\n\
         ---\napiVersion: networking.istio.io/v1\nkind: Gateway\nspec: {servers: [{tls: {credentialName: s}}]}\n",
    );
    assert!(diagnostics.is_empty(), "{diagnostics:?}");
    let service = &resources.services[0];
    assert_eq!(
        (service.meta.name.as_str(), service.meta.labels["a"].as_str()),
        ("7", "1")
    );
    assert_eq!(service.spec.cluster_ip, "None");
    assert_eq!(
        service.spec.ports[0].target_port,
        Some(TargetPort::Name("web".into()))
    );
    assert_eq!(service.spec.ports[1].target_port, Some(TargetPort::Number(8080)));
    let secret = &resources.secrets[0].spec;
    assert_eq!(
        (
            secret.value("tls.crt"),
            secret.value("tls.key"),
            secret.value("x")
        ),
        (Some(&b"hi"[..]), Some(&b"k"[..]), None)
    );
    assert_eq!(resources.pods[0].spec.address(), Some("10.0.0.1"));
    assert_eq!(
        resources.endpoint_slices[0].spec.endpoints[0].addresses,
        ["10.0.0.1"]
    );
    assert_eq!(resources.others["Deployment"], 1);
}

const BAD_SECRET: &str =
    "apiVersion: v1\nkind: Secret\nmetadata: {name: shop}\ndata: {tls.key: \"ENC[a]\"}\n";

#[test]
fn a_secret_is_decoded_only_if_a_credential_names_it() {
    let (resources, diagnostics) = read_text(BAD_SECRET);
    assert!(diagnostics.is_empty(), "{diagnostics:?}");
    assert!(resources.secrets.is_empty());
    for tls in [
        "credentialName: shop",
        "credentialNames: [other, shop]",
        "credentialName: other, caCertCredentialName: shop",
        "credentialName: kubernetes://shop",
    ] {
        let gateway = format!(
            "apiVersion: networking.istio.io/v1\nkind: Gateway\nspec: {{servers: [{{tls: {{{tls}}}}}]}}\n"
        );
        // The Gateway may come after the Secret.
        let (resources, diagnostics) = read_text(&format!("{BAD_SECRET}---\n{gateway}"));
        assert!(diagnostics.is_empty(), "{tls}: {diagnostics:?}");
        let [secret] = &resources.unreadable_secrets[..] else {
            panic!("{tls}: {:?}", resources.unreadable_secrets);
        };
        let paths: Vec<_> = secret.errors.iter().map(|it| it.path.as_str()).collect();
        assert_eq!(paths, ["data.tls.key"], "{tls}");
    }
}

#[test]
fn base64_is_that_of_go() {
    for (text, is_valid) in [
        ("aGVsbG8=", true),
        ("\"aGVs\\nbG8=\\n\"", true),
        ("\"\"", true),
        ("aGVsbG9=", true),
        ("aGVsbG8", false),
        ("aGV-", false),
        ("a$b=", false),
        ("\"aGVs bG8=\"", false),
    ] {
        let rule = rule(&format!(
            "{{directResponse: {{status: 200, body: {{bytes: {text}}}}}}}"
        ));
        assert_eq!(
            findings(&rule).is_empty(),
            is_valid,
            "{text}: {:?}",
            findings(&rule)
        );
    }
}

#[test]
fn a_text_on_which_the_parser_panics_is_a_syntax_error() {
    for text in ["[!<[>,>", "a: 1\nb: [!<[>, c]\n"] {
        let codes: Vec<_> = read_text(text).1.iter().map(|it| it.code.as_str()).collect();
        assert_eq!(codes, ["syntax"], "{text}");
    }
}

#[test]
fn an_object_that_no_route_leads_to_refuses_nothing() {
    let service = "apiVersion: v1\nkind: Service\nmetadata: {name: shop}\nspec: {ports: 80}\n";
    let pod = "apiVersion: v1\nkind: Pod\nmetadata: {name: a, namespace: other}\nspec: {containers: {}}\n";
    let rule = rule("{route: [{destination: {host: shop}}]}");
    assert_eq!(findings(service), ["1:1 unused-object"]);
    assert_eq!(
        findings(&format!("{rule}---\n{service}")),
        ["12:15 wrong-type spec.ports"]
    );
    assert_eq!(findings(&format!("{rule}---\n{pod}")), ["9:1 unused-object"]);
    let pod = pod.replace("other", "default");
    assert_eq!(
        findings(&format!("{pod}---\n{rule}")),
        ["4:20 wrong-type spec.containers"]
    );
}

#[test]
fn the_last_of_several_resources_with_one_name_counts() {
    let service = |port: u32| {
        format!("apiVersion: v1\nkind: Service\nmetadata: {{name: a}}\nspec: {{ports: [{{port: {port}}}]}}\n")
    };
    let sources = vec![
        Source::new("b.yaml", format!("{}---\n{}", service(1), service(2))),
        Source::new("a.yaml", service(3)),
        Source::new(
            "c.yaml",
            service(4).replace("name: a", "name: a, namespace: other"),
        ),
    ];
    let mut diagnostics = Diagnostics::new();
    let resources = read(sources, &mut diagnostics);
    let ports: Vec<_> = resources
        .services
        .iter()
        .map(|it| it.spec.ports[0].port)
        .collect();
    assert_eq!(ports, [Some(3), Some(4)]);
    let found: Vec<_> = diagnostics
        .iter()
        .map(|it| (it.code.as_str(), it.span.as_ref().map(|it| it.line)))
        .collect();
    assert_eq!(
        found,
        [("repeated-resource", Some(3)), ("repeated-resource", Some(8))]
    );
    assert!(
        diagnostics.iter().all(|it| it.message.contains("a.yaml:3")),
        "{diagnostics:?}"
    );
}

#[test]
fn policies_that_are_not_acted_on_are_kept_by_name() {
    let (resources, diagnostics) = read_text(
        "apiVersion: security.istio.io/v1\nkind: AuthorizationPolicy\nmetadata: {name: deny, namespace: prod}\nspec: {anything: 1}\n",
    );
    assert!(diagnostics.is_empty(), "{diagnostics:?}");
    let policy = &resources.unenforced[0];
    assert_eq!(
        (policy.kind.as_str(), policy.origin.subject()),
        ("AuthorizationPolicy", "AuthorizationPolicy prod/deny")
    );
}

#[test]
fn an_origin_finds_fields_and_else_what_is_around_them() {
    let text = rule(
        "{match: [{headers: {x.y: {exact: a}}}], route: [{destination: {host: b}}], direct_response: {}}",
    );
    let (resources, _) = read_text(&text);
    let origin = &resources.virtual_services[0].origin;
    for (path, want) in [
        ("spec.http[0].match[0].headers.x.y.exact", "a"),
        ("spec.http[0].route[0].destination.host", "b"),
        ("spec.http[0].route[0].destination.subset", "destination"),
        ("spec.http[0].directResponse.status", "direct_response"),
        ("spec.http[0].route[7].destination", "route"),
        ("spec.tls[0]", "spec"),
        ("metadata.name", "shop"),
    ] {
        let span = origin.at(path);
        assert_eq!(text.get(span.bytes.clone()), Some(want), "{path}");
    }
}

#[test]
fn findings_are_shown_with_their_line() {
    let (resources, diagnostics) = read_text(&rule("{macth: []}"));
    let text = render(&diagnostics, &resources.sources, false);
    let want = "\
error[unknown-field]: HTTPRoute has no field `macth`
 --> in.yaml:7:6
  |
7 |   - {macth: []}
  |      ^^^^^
  |
  = note: in VirtualService default/shop, spec.http[0].macth
  = help: did you mean `match`?
";
    assert_eq!(text, want);
    assert!(render(&diagnostics, &resources.sources, true).contains('\u{1b}'));
    let line = diagnostics.iter().next().map(ToString::to_string);
    assert_eq!(
        line.as_deref(),
        Some("VirtualService default/shop: spec.http[0].macth: HTTPRoute has no field `macth`")
    );
}
