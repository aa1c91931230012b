//! Secrets that can't be used, that come late, and that change while Envoy runs.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use fingerpost_config_compiler::{MountedSecrets, Options};
use fingerpost_tests::tls_client::Client;

use super::authority::{Authority, Key, Leaf};
use super::edge::{Edge, MOUNTED, Seen, write};
use super::handshakes::{http_rules, secret, server};
use crate::engines::envoy;
use crate::operations::{said, wait_for};

/// What is wrong with a Secret, and what it holds.
type Fault = (&'static str, Vec<(&'static str, String)>);

pub(crate) fn are_followed() -> Result<(), String> {
    let authority = Authority::new("authority")?;
    let sign = |serial, names: &[&str]| authority.sign(serial, Key::Elliptic, names);
    let [good, first, second, late] = [
        sign(1, &["good.test"])?,
        sign(2, &["first.test"])?,
        sign(3, &["second.test"])?,
        sign(4, &["late.test"])?,
    ];
    let faults = faults(&authority, &good, &first);
    let mut servers = vec![
        "  - {port: {number: 80, name: http, protocol: HTTP}, hosts: ['*']}\n".to_owned(),
        server("443", "HTTPS", "good.test", "mode: SIMPLE, credentialName: good"),
        server("8001", "HTTPS", "'*'", "mode: MUTUAL, credentialName: mounted"),
        server(
            "8002",
            "HTTPS",
            "'*'",
            "mode: SIMPLE, serverCertificate: FOLDER/certs/late.crt, privateKey: FOLDER/certs/late.key",
        ),
        server(
            "8003",
            "HTTPS",
            "'*'",
            "mode: SIMPLE, serverCertificate: FOLDER/files/tls.crt, privateKey: FOLDER/files/tls.key",
        ),
    ];
    let mut secrets = vec![secret("good", &pair(&good))];
    for (index, (_, data)) in faults.iter().enumerate() {
        // On the port of the good one, and alone on a port.
        let tls = format!("mode: SIMPLE, credentialName: fault{index}");
        servers.push(server("443", "HTTPS", &format!("fault{index}.test"), &tls));
        servers.push(server(&format!("{}", 9000 + index), "HTTPS", "'*'", &tls));
        if !data.is_empty() {
            secrets.push(secret(&format!("fault{index}"), data));
        }
    }
    let resources = format!(
        "apiVersion: networking.istio.io/v1\nkind: Gateway\nmetadata: {{name: edge, namespace: default}}\n\
         spec:\n  selector: {{istio: ingressgateway}}\n  servers:\n{}{}{}",
        servers.concat(),
        http_rules(),
        secrets.concat()
    );
    let files = [
        ("files/tls.crt", first.pem.clone()),
        ("files/tls.key", first.key.clone()),
        ("secrets/mounted/..1/tls.crt", first.pem.clone()),
        ("secrets/mounted/..1/tls.key", first.key.clone()),
        ("secrets/mounted/..1/ca.crt", authority.pem.clone()),
    ];
    let keys: BTreeSet<String> = ["tls.crt", "tls.key", "ca.crt"].map(str::to_owned).into();
    let links = |folder: &Path| mount(&folder.join(MOUNTED).join("mounted"), &keys);
    let options = Options {
        mounted_secrets: Some(MountedSecrets {
            path: String::new(),
            folder: PathBuf::new(),
            keys: BTreeMap::from([("mounted".to_owned(), keys.clone())]),
        }),
        ..Options::default()
    };
    let edge = Edge::start_after(&envoy()?, options, &resources, &files, links)?;

    let faults: Vec<&str> = faults.iter().map(|(what, _)| *what).collect();
    let plain = Client::default();
    let neighbours = || {
        edge.see(443, Some("good.test"), &plain).shows(&good)?;
        edge.plain(80)
    };
    neighbours().map_err(|it| format!("beside the servers whose Secrets can't be used: {it}"))?;
    for (index, what) in faults.iter().enumerate() {
        let port = u16::try_from(9000 + index).map_err(said)?;
        let beside = format!("fault{index}.test");
        for seen in [edge.see(port, None, &plain), edge.see(443, Some(&beside), &plain)] {
            seen.refuses()
                .map_err(|it| format!("a Secret with {what}: {it}"))?;
        }
    }
    rotates(&edge, &authority, &second)?;
    comes_late(&edge, &late)?;
    neighbours().map_err(|it| format!("at the end: {it}"))
}

/// Secrets that Envoy would refuse; and one that is missing.
fn faults(authority: &Authority, good: &Leaf, other: &Leaf) -> Vec<Fault> {
    let with = |chain: &str, key: &str| vec![("tls.crt", chain.to_owned()), ("tls.key", key.to_owned())];
    let locked = good.key.replace("PRIVATE KEY", "ENCRYPTED PRIVATE KEY");
    vec![
        ("the key of another certificate", with(&good.pem, &other.key)),
        ("a certificate that is no PEM", with("certificate", &good.key)),
        ("an encrypted key", with(&good.pem, &locked)),
        (
            "the authority first",
            with(&format!("{}{}", authority.pem, good.pem), &good.key),
        ),
        ("a key in place of the certificate", with(&good.key, &good.key)),
        ("no key", vec![("tls.crt", good.pem.clone())]),
        ("nothing, as it is missing", Vec::new()),
    ]
}

pub(crate) fn pair(leaf: &Leaf) -> Vec<(&'static str, String)> {
    vec![("tls.crt", leaf.pem.clone()), ("tls.key", leaf.key.clone())]
}

/// Links to the first values, as the kubelet makes them.
fn mount(folder: &Path, keys: &BTreeSet<String>) -> Result<(), String> {
    symlink("..1", folder.join("..data")).map_err(said)?;
    for key in keys {
        symlink(format!("..data/{key}"), folder.join(key)).map_err(said)?;
    }
    Ok(())
}

/// Values of a mounted Secret, in the place of those that it has, as the kubelet does it: all at once.
fn remount(folder: &Path, version: &str, data: &[(&str, String)]) -> Result<(), String> {
    for (key, value) in data {
        write(&folder.join(version).join(key), value)?;
    }
    symlink(version, folder.join("..data_tmp")).map_err(said)?;
    fs::rename(folder.join("..data_tmp"), folder.join("..data")).map_err(said)
}

/// New handshakes get a new certificate, without a restart; one that can't be used changes nothing.
fn rotates(edge: &Edge, authority: &Authority, second: &Leaf) -> Result<(), String> {
    let folder = edge.folder().join(MOUNTED).join("mounted");
    let client = Client {
        identity: second.identity(),
        ..Client::default()
    };
    edge.see(8001, None, &Client::default()).refuses()?;
    let Seen::Answer(mut before, 200) = edge.see(8001, None, &client) else {
        return Err("a mounted Secret is not served".to_owned());
    };
    let shown = |port, client: &Client| Ok(edge.see(port, None, client).shows(second).is_ok());
    let new = [pair(second), vec![("ca.crt", authority.pem.clone())]].concat();
    remount(&folder, "..2", &new)?;
    wait_for("a mounted Secret that changes", || shown(8001, &client))?;
    let still = before
        .get("localhost", "/")
        .map_err(|it| it.as_str().to_owned())?;
    if still.status != 200 {
        return Err(format!(
            "a connection with the old certificate gets {}",
            still.status
        ));
    }

    let of_another = vec![
        ("tls.crt", authority.pem.clone()),
        ("tls.key", second.key.clone()),
        ("ca.crt", authority.pem.clone()),
    ];
    let failed = r"sds\.mounted.*\.key_rotation_failed";
    let before = edge.count(failed)?;
    remount(&folder, "..3", &of_another)?;
    wait_for("a mounted Secret that can't be used", || {
        Ok(edge.count(failed)? > before)
    })?;
    edge.see(8001, None, &client)
        .shows(second)
        .map_err(|it| format!("after a Secret that can't be used: {it}"))?;

    let files = edge.folder().join("files");
    for (name, value) in [("tls.crt", &second.pem), ("tls.key", &second.key)] {
        write(&files.join("new"), value)?;
        fs::rename(files.join("new"), files.join(name)).map_err(said)?;
    }
    wait_for("files that are replaced", || shown(8003, &Client::default()))
}

/// A server serves once its files are there.
fn comes_late(edge: &Edge, late: &Leaf) -> Result<(), String> {
    let plain = Client::default();
    edge.see(8002, None, &plain).refuses()?;
    let folder = edge.folder().join("certs");
    for (name, value) in [("late.crt", &late.pem), ("late.key", &late.key)] {
        write(&folder.join("new"), value)?;
        fs::rename(folder.join("new"), folder.join(name)).map_err(said)?;
    }
    wait_for("a certificate that comes late", || {
        Ok(edge.see(8002, None, &plain).shows(late).is_ok())
    })
}
