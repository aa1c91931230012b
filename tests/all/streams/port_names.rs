//! Which protocol an upstream is spoken to by, for every way in which its port may say so.

use http::Version;

use super::proxy::{Proxy, Side};
use super::{Test, expect, http2, run};

pub(super) const TESTS: &[Test] = &[("the port of a Service decides the protocol", the_port_decides)];

/// The ports of the Service `ports`, with the version of HTTP that each is spoken to by: whatever the client speaks, but for the last.
/// Source: istio `pkg/config/kube/conversion.go`, `ConvertProtocol`; `cluster_builder.go`, `setUpstreamProtocol`.
const PORTS: &[(u16, Version)] = &[
    (1, Version::HTTP_2),   // http2
    (2, Version::HTTP_2),   // http2-main
    (3, Version::HTTP_2),   // grpc-main
    (4, Version::HTTP_2),   // grpc-web-main
    (5, Version::HTTP_2),   // appProtocol: kubernetes.io/h2c
    (6, Version::HTTP_2),   // appProtocol: grpc, before the name
    (7, Version::HTTP_2),   // appProtocol: http2-main
    (8, Version::HTTP_2),   // h2UpgradePolicy: UPGRADE
    (11, Version::HTTP_11), // http-main
    (12, Version::HTTP_11), // https-main
    (13, Version::HTTP_11), // tcp-main
    (14, Version::HTTP_11), // a name without a meaning
    (15, Version::HTTP_11), // appProtocol: http, before the name grpc
    (16, Version::HTTP_11), // appProtocol: h2c
    (17, Version::HTTP_11), // appProtocol: kubernetes.io/ws
    (18, Version::HTTP_11), // my-grpc
    (19, Version::HTTP_2),  // http2-s: DO_NOT_UPGRADE does not take it back
];
/// The port with `useClientProtocol`.
const AS_CLIENTS: u16 = 20;

fn the_port_decides(proxy: &Proxy, side: Side) -> Result<(), String> {
    let ports = PORTS.iter().flat_map(|(port, upstream)| {
        let clients = [Version::HTTP_11, Version::HTTP_2];
        clients.map(|client| (*port, client, *upstream))
    });
    let as_clients = [Version::HTTP_11, Version::HTTP_2].map(|it| (AS_CLIENTS, it, it));
    let mut wrong = Vec::new();
    for (port, client, upstream) in ports.chain(as_clients) {
        let case = format!("port {port} by {side} over {client:?}");
        let status = run(http2::get(
            proxy.address(side)?,
            client,
            "ports.test",
            format!("/{port}/"),
            case.clone(),
        ))?;
        expect(&case, &status, &200)?;
        let received = proxy.received().only(&case)?;
        if received.version != upstream {
            wrong.push(format!("{case}: {:?}, expected {upstream:?}", received.version));
        }
    }
    expect("versions", &wrong, &Vec::new())
}
