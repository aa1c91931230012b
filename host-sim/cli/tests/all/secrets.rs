//! Private keys: only the user can read what holds one, and it is removed when the command ends.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use fingerpost_envoy_runner::Authority;
use rustix::process::Signal;

use crate::run::{Folder, SERVICE, SHOP, serve_until_ready};
use crate::up::{Running, children, wait_for_end};

const KEY: &str = "PRIVATE KEY";
/// How long files may take to be removed: much longer than they need on any machine.
const PATIENCE: Duration = Duration::from_secs(30);

/// Two TLS servers. The first has its certificate from a Secret; the second, which wants clients' certificates, has
/// none, so that `up` makes those of the server and of the client.
const SERVERS: &str = "\
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {name: gateway, namespace: istio-system}
spec:
  selector: {istio: ingressgateway}
  servers:
  - {port: {number: 443, name: https, protocol: HTTPS}, hosts: ['*/*'], tls: {mode: SIMPLE, credentialName: shop}}
  - {port: {number: 8443, name: mutual, protocol: HTTPS}, hosts: ['*/*'], tls: {mode: MUTUAL, credentialName: none}}
";

/// A folder with `shop.yaml`: the servers, a Secret and a rule.
fn folder() -> Folder {
    let certificate = Authority::new()
        .and_then(|it| it.sign(&["shop.example.com"]))
        .expect("a certificate");
    let secret = format!(
        "apiVersion: v1\nkind: Secret\nmetadata: {{name: shop, namespace: istio-system}}\nstringData:\n  \
         tls.crt: {:?}\n  tls.key: {:?}\n",
        certificate.chain_pem, certificate.key_pem
    );
    let shop = SHOP.replace("[gateway]", "[istio-system/gateway]");
    Folder::with("shop.yaml", &[SERVERS, &secret, &shop, SERVICE].join("---\n"))
}

/// Every file and directory below, with its mode.
fn modes(directory: &Path) -> Vec<(PathBuf, u32)> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
        let metadata = entry.metadata().expect("it is there");
        found.push((entry.path(), metadata.permissions().mode() & 0o777));
        if metadata.is_dir() {
            found.extend(modes(&entry.path()));
        }
    }
    found
}

/// The files below with a private key in them.
fn keys(directory: &Path) -> Vec<PathBuf> {
    let files = modes(directory).into_iter().map(|(path, _)| path);
    files
        .filter(|path| path.is_file())
        .filter(|path| String::from_utf8_lossy(&fs::read(path).expect("it can be read")).contains(KEY))
        .collect()
}

#[test]
fn what_up_writes_can_be_read_by_the_user_alone() {
    for (options, holder) in [("", "envoy.json"), ("--watch", "sds-")] {
        let folder = folder();
        let up = Running::start(&folder, options);
        let temporary = folder.join("tmp");
        let keys = keys(&temporary);
        let holds = |start: &str| {
            let names = keys.iter().filter_map(|it| it.file_name());
            names
                .into_iter()
                .any(|it| it.to_string_lossy().starts_with(start))
        };
        assert!(holds("client.key") && holds(holder), "{options}: {keys:?}");
        for path in &keys {
            let mode = fs::metadata(path).expect("it is there").permissions().mode();
            assert_eq!(mode & 0o777, 0o600, "{options}: {}: {mode:o}", path.display());
        }
        let (folders, files): (Vec<_>, Vec<_>) =
            modes(&temporary).into_iter().partition(|(path, _)| path.is_dir());
        let own = folders
            .iter()
            .filter(|(path, _)| path.parent() == Some(&temporary));
        assert!(
            own.clone().count() > 0 && own.clone().all(|(_, mode)| *mode == 0o700),
            "{folders:?}"
        );
        // What else Envoy reads while it runs is in the same folder, which no other user can enter.
        let is_watched = |path: &Path| path.components().any(|it| it.as_os_str() == "xds");
        for (path, mode) in files.iter().filter(|(path, _)| !is_watched(path)) {
            assert_eq!(*mode, 0o600, "{options}: {}: {mode:o}", path.display());
        }
        up.signal(Signal::TERM);
        up.end().check(0, &[]);
    }
}

#[test]
fn what_compile_writes_with_a_key_in_it_can_be_read_by_the_user_alone() {
    for (options, holder) in [("", "envoy.json"), ("--xds", "xds/sds-")] {
        let folder = folder();
        folder
            .run(&format!("compile -f shop.yaml -o out {options}"))
            .check(0, &["holds a private key"]);
        let keys = keys(folder.path());
        let written: Vec<_> = keys.iter().filter(|it| !it.ends_with("shop.yaml")).collect();
        let [written] = written.as_slice() else {
            panic!("{written:?} hold keys");
        };
        let start = folder.join("out").join(holder);
        assert!(
            written.to_string_lossy().starts_with(&*start.to_string_lossy()),
            "{}",
            written.display()
        );
        let modes = modes(&folder.join("out"));
        let (_, mode) = modes
            .iter()
            .find(|(path, _)| path == *written)
            .expect("it is there");
        assert_eq!(*mode, 0o600, "{}: {mode:o}", written.display());
    }
}

#[test]
fn serve_writes_no_key() {
    let folder = folder();
    let mut serve = folder.command("serve -f shop.yaml");
    serve
        .env("TMPDIR", folder.path())
        .env("HOME", folder.path())
        .env("XDG_CACHE_HOME", folder.join("cache"));
    serve_until_ready(serve, || {
        assert_eq!(keys(folder.path()), [folder.join("shop.yaml")]);
    });
}

#[test]
fn nothing_of_up_outlives_it_however_it_ends() {
    for signal in [Signal::TERM, Signal::HUP, Signal::QUIT, Signal::KILL] {
        let folder = folder();
        let up = Running::start(&folder, "--engine native");
        let envoys = children(up.pid());
        assert_eq!(
            (envoys.len(), keys(&folder.join("tmp")).len()),
            (1, 3),
            "{signal:?}"
        );
        up.signal(signal);
        let code = up.end().code;
        assert_eq!(code, (signal != Signal::KILL).then_some(0), "{signal:?}");
        envoys.into_iter().for_each(wait_for_end);
        // Where `up` itself could not, another process removes them.
        let deadline = Instant::now() + PATIENCE;
        while !folder.list("tmp").is_empty() {
            assert!(
                Instant::now() < deadline,
                "{signal:?}: {:?}",
                modes(&folder.join("tmp"))
            );
            thread::sleep(Duration::from_millis(10));
        }
    }
}

/// What no message may have, whole or in part.
const PASSWORD: &str = "hunter2-correct-horse";

/// A Secret that is wrong in some way, with the password in it.
#[track_caller]
fn check_hidden(document: &str) {
    let text = format!(
        "apiVersion: v1\nkind: Secret\nmetadata: {{name: shop, namespace: istio-system}}\n{document}"
    );
    let folder = Folder::with("shop.yaml", &[SERVERS, &text, SHOP, SERVICE].join("---\n"));
    folder.write(
        "shop.test.yaml",
        "tests:\n- {name: a, request: GET http://shop.example.com/, expect: {status: 404}}\n",
    );
    for command in [
        "compile -o out",
        "routes",
        "clusters",
        "explain http://shop.example.com/",
        // Without `--strict` it serves the other listeners.
        "serve --strict",
        "test . --format github",
    ] {
        let ended = folder.run(&format!("{command} -f shop.yaml"));
        let said = [ended.stdout, ended.stderr].concat();
        let line = said.lines().find(|line| {
            let mut parts = (0..PASSWORD.len() - 5).map(|at| &PASSWORD[at..at + 6]);
            parts.any(|part| line.contains(part)) || line.contains("'$'")
        });
        assert_eq!(line, None, "{command} of\n{document}");
        assert!(
            said.contains("shop.yaml:"),
            "{command} of\n{document}says only\n{said}"
        );
    }
}

#[test]
fn no_part_of_a_secret_is_in_a_message() {
    for document in [
        "data: {tls.key: hunter2-correct-horse$$}\n",
        "data: hunter2-correct-horse\n",
        "stringData: hunter2-correct-horse\n",
        "stringData: [hunter2-correct-horse]\n",
        "stringData: {tls.key: [hunter2-correct-horse]}\n",
        "stringData: {tls.key: hunter2-correct-horse\n",
        "stringData: {tls.key: !!int hunter2-correct-horse}\n",
        "stringData:\n  tls.key: \"hunter2-correct-horse\n  tls.crt: 1\n",
        "stringData:\n  tls.key: \"hunter2-correct-horse\\q\"\n",
        "stringData:\n  tls.key: hunter2-correct-horse\n tls.crt: 1\n",
        "stringData:\n  tls.key: 'hunter2-correct-horse' hunter2-correct-horse\n",
        "stringData:\n\ttls.key: hunter2-correct-horse\n",
        "stringData:\n  <<: hunter2-correct-horse\n",
        "stringData:\n  tls.key: *hunter2-correct-horse\n",
        "stringData:\n  tls.key: hunter2-correct-horse\n  tls.key: [hunter2-correct-horse]\n",
    ] {
        check_hidden(document);
    }
}
