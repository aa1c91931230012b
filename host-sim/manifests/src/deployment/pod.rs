//! The Deployment: what runs in a Pod, what it may do, and how it ends.

use fingerpost_config_compiler::Summary;
use serde_json::{Value, json};

use super::files::{ClusterSecret, Stored, volume};
use super::{DeploymentOptions, FOLDER, listen_ports, metadata, selector};
use crate::document::Document;

/// The user `envoy` of the images of Envoy's project.
const USER: u32 = 101;
/// Ports below this one are only for the superuser, unless a sysctl allows them.
const FIRST_UNPRIVILEGED_PORT: u32 = 1024;
/// Time for Envoy itself to end, in seconds.
const STOP: u32 = 5;

pub(super) fn deployment(
    summary: &Summary,
    stored: &[Stored],
    mounted: &[ClusterSecret],
    options: &DeploymentOptions,
) -> Document {
    let surge = json!({"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}});
    let object = json!({
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": metadata(&options.name, options),
        "spec": {
            "replicas": options.replicas,
            "strategy": surge,
            "selector": {"matchLabels": selector(options)},
            "template": {
                "metadata": {"labels": selector(options)},
                "spec": pod(summary, stored, mounted, options),
            },
        },
    });
    let comment = [
        "A stock Envoy. With other rules it names other ConfigMaps, so its Pods are replaced one after the other:",
        "a Pod that does not become ready stops that, and `kubectl rollout undo` brings the rules from before.",
        "The preStop hook needs bash in the image, which the distroless images of Envoy lack.",
    ];
    Document::new(&comment, &object)
}

fn pod(
    summary: &Summary,
    stored: &[Stored],
    mounted: &[ClusterSecret],
    options: &DeploymentOptions,
) -> Value {
    // Each folder is a volume of its own, so that Envoy sees when its content is replaced.
    let folders = [("config", ""), ("xds", "xds/"), ("certs", "certs/")];
    let mut volumes = Vec::new();
    let mut mounts = Vec::new();
    for (name, folder) in folders {
        let Some(mut volume) = volume(folder, stored, mounted) else {
            continue;
        };
        volume["name"] = name.into();
        match folder.strip_suffix('/') {
            Some(folder) => {
                mounts
                    .push(json!({"name": name, "mountPath": format!("{FOLDER}/{folder}"), "readOnly": true}));
            }
            None => mounts.extend(single_files(name, &volume)),
        }
        volumes.push(volume);
    }
    let spread = |topology: &str| {
        json!({
            "maxSkew": 1,
            "topologyKey": topology,
            "whenUnsatisfiable": "ScheduleAnyway",
            "labelSelector": {"matchLabels": selector(options)},
            "matchLabelKeys": ["pod-template-hash"],
        })
    };
    let mut security = json!({
        "runAsNonRoot": true,
        "runAsUser": USER,
        "runAsGroup": USER,
        "fsGroup": USER,
        "fsGroupChangePolicy": "OnRootMismatch",
        "seccompProfile": {"type": "RuntimeDefault"},
    });
    if listen_ports(summary)
        .iter()
        .any(|it| *it < FIRST_UNPRIVILEGED_PORT)
    {
        // A safe sysctl since Kubernetes 1.22, which "restricted" allows.
        security["sysctls"] = json!([{"name": "net.ipv4.ip_unprivileged_port_start", "value": "0"}]);
    }
    json!({
        "automountServiceAccountToken": false,
        "enableServiceLinks": false,
        "terminationGracePeriodSeconds": options.drain.unready + options.drain.leave + STOP,
        "securityContext": security,
        "topologySpreadConstraints": [spread("topology.kubernetes.io/zone"), spread("kubernetes.io/hostname")],
        "containers": [container(summary, &mounts, options)],
        "volumes": volumes,
    })
}

/// The files of a volume, each mounted by itself: other volumes are mounted beside them.
fn single_files(volume_name: &str, volume: &Value) -> Vec<Value> {
    let sources = volume["projected"]["sources"].as_array().into_iter().flatten();
    let items = sources.flat_map(|it| it["configMap"]["items"].as_array().into_iter().flatten());
    let mounts = items.filter_map(|item| {
        let path = item["path"].as_str()?;
        Some(json!({
            "name": volume_name,
            "mountPath": format!("{FOLDER}/{path}"),
            "subPath": path,
            "readOnly": true,
        }))
    });
    mounts.collect()
}

fn container(summary: &Summary, mounts: &[Value], options: &DeploymentOptions) -> Value {
    let port = options.readiness_port;
    let ready = json!({"path": options.readiness_path, "port": port});
    let mut ports: Vec<Value> = listen_ports(summary)
        .iter()
        .map(|it| json!({"containerPort": it}))
        .collect();
    ports.push(json!({"name": "readiness", "containerPort": port}));
    json!({
        "name": "envoy",
        "image": options.image,
        "command": ["envoy"],
        "args": [
            "-c", format!("{FOLDER}/envoy.json"),
            // Pods are replaced, not restarted in place.
            "--disable-hot-restart",
            // Each worker has its own copy of the filter: without this, as many as the node has processors.
            "--concurrency", "2",
            "--drain-time-s", options.drain.leave.to_string(),
        ],
        "ports": ports,
        "startupProbe": {"httpGet": ready, "periodSeconds": 1, "failureThreshold": 60},
        "readinessProbe": {"httpGet": ready, "periodSeconds": 5, "failureThreshold": 2},
        // Not the readiness: a Pod that drains must not be restarted.
        "livenessProbe": {"tcpSocket": {"port": port}, "periodSeconds": 10, "failureThreshold": 3},
        "lifecycle": {"preStop": {"exec": {"command": ["bash", "-c", drain_script(options)]}}},
        // Above the 2 GiB at which Envoy itself refuses requests, so that this happens first.
        "resources": {
            "requests": {"cpu": "500m", "memory": "256Mi"},
            "limits": {"cpu": "2", "memory": "2560Mi"},
        },
        "securityContext": {
            "allowPrivilegeEscalation": false,
            "readOnlyRootFilesystem": true,
            "capabilities": {"drop": ["ALL"]},
        },
        "volumeMounts": mounts,
    })
}

/// Makes the Pod unready, then asks clients to leave. By the shell alone, since images of Envoy have no curl.
fn drain_script(options: &DeploymentOptions) -> String {
    let post = |path: &str| {
        format!(
            "exec 3<>/dev/tcp/127.0.0.1/{} && printf 'POST {path} HTTP/1.1\\r\\nhost: admin\\r\\n\
             content-length: 0\\r\\nconnection: close\\r\\n\\r\\n' >&3 && read -r _ status _ <&3 && [ \"$status\" = 200 ]",
            options.admin_port
        )
    };
    format!(
        "{}; sleep {}; {}; sleep {}",
        post("/healthcheck/fail"),
        options.drain.unready,
        post("/drain_listeners?graceful"),
        options.drain.leave
    )
}
