//! `sync` where there is no Envoy to ask: what is written, and what changes nothing. `tests/all/reload` has it with one.

use std::fs;
use std::path::Path;

use crate::run::{Ended, Folder, shop};

/// Where no Envoy can be.
const NO_ADMIN: &str = "--admin unix:no.sock --timeout 0.2";

fn sync(folder: &Folder, options: &str) -> Ended {
    folder.run(&format!("sync -f shop.yaml -o out {NO_ADMIN} {options}"))
}

/// All files that Envoy reads, with their contents.
fn files(folder: &Path) -> Vec<(String, String)> {
    let mut files: Vec<(String, String)> = fs::read_dir(folder)
        .expect("the folder")
        .flatten()
        .filter(|it| !it.file_name().to_string_lossy().starts_with(".."))
        .map(|it| {
            let name = it.file_name().to_string_lossy().into_owned();
            (name, fs::read_to_string(it.path()).expect("a file"))
        })
        .collect();
    files.sort();
    files
}

#[test]
fn the_first_run_needs_no_envoy_and_the_next_one_does() {
    let folder = Folder::with("shop.yaml", &shop());
    let ended = sync(&folder, "");
    ended.check(0, &[]);
    assert!(ended.stdout.contains("out/envoy.json"), "{}", ended.stdout);
    let names = folder.list("out");
    assert!(names.iter().any(|it| it == "envoy.json"), "{names:?}");
    assert!(
        names
            .iter()
            .any(|it| it.starts_with("fingerpost-") && it.ends_with(".wasm")),
        "{names:?}"
    );
    let before = files(&folder.join("out/xds"));
    let kinds: Vec<&str> = before
        .iter()
        .map(|(name, _)| name.split(['.', '-']).next().unwrap_or_default())
        .collect();
    assert_eq!(kinds, ["cds", "ecds", "lds", "rds"]);

    folder.write("shop.yaml", &shop().replace("prefix: /v1/", "prefix: /v2/"));
    sync(&folder, "").check(5, &["admin interface", "no.sock"]);
    assert_eq!(files(&folder.join("out/xds")), before, "nothing has changed");
}

/// `envoy.json` is written last. Without it no Envoy can have been started, and there is none to wait for.
#[test]
fn a_first_run_that_was_killed_is_made_again() {
    let folder = Folder::with("shop.yaml", &shop());
    sync(&folder, "").check(0, &[]);
    let before = files(&folder.join("out/xds"));
    fs::remove_file(folder.join("out/envoy.json")).expect("it is there");
    for link in ["good", "before"] {
        fs::remove_file(folder.join("out/xds/..state").join(link)).expect("it is there");
    }
    folder.write("shop.yaml", &shop().replace("prefix: /v1/", "prefix: /v2/"));
    let ended = sync(&folder, "");
    ended.check(0, &[]);
    assert!(ended.stdout.contains("start Envoy with"), "{}", ended.stdout);
    assert!(folder.join("out/envoy.json").exists());
    assert_ne!(
        files(&folder.join("out/xds")),
        before,
        "the new rules are in the files"
    );
}

#[test]
fn envoy_may_see_the_folder_elsewhere() {
    let folder = Folder::with("shop.yaml", &shop());
    sync(&folder, "--mounted-at /etc/fp/").check(0, &[]);
    folder
        .run("compile -f shop.yaml --xds -o compiled --mounted-at /etc/fp")
        .check(0, &[]);
    let module = folder.list("out").into_iter().find(|it| it.ends_with(".wasm"));
    let module = module.expect("the filter is written all the same");
    for (output, module) in [("out", module.as_str()), ("compiled", "fingerpost.wasm")] {
        let mut all = files(&folder.join(&format!("{output}/xds")));
        all.push((String::new(), folder.read(&format!("{output}/envoy.json"))));
        let text: String = all.into_iter().map(|(_, content)| content).collect();
        for path in [
            format!("\"/etc/fp/{module}\""),
            "\"/etc/fp/xds/lds.json\"".to_owned(),
        ] {
            assert!(text.contains(&path), "{path} is not in {output}");
        }
        let here = folder.path().to_str().expect("UTF-8");
        assert!(!text.contains(here), "{output} names {here}");
    }
}

#[test]
fn what_does_not_compile_changes_nothing_and_is_counted() {
    let folder = Folder::with("shop.yaml", &shop());
    sync(&folder, "--metrics metrics.prom").check(0, &[]);
    let metrics = folder.read("metrics.prom");
    assert!(
        metrics.contains("fingerpost_sync_last_reload_successful 1"),
        "{metrics}"
    );
    let before = files(&folder.join("out/xds"));

    folder.write("shop.yaml", &shop().replace("rewrite:", "rewritte:"));
    sync(&folder, "--metrics metrics.prom").check(2, &["unknown-field"]);
    assert_eq!(files(&folder.join("out/xds")), before);
    let metrics = folder.read("metrics.prom");
    for line in [
        "fingerpost_sync_last_reload_successful 0",
        "fingerpost_sync_reloads_total{result=\"invalid\"} 1",
    ] {
        assert!(metrics.contains(line), "{line} is not in {metrics}");
    }
}

#[test]
fn an_input_that_closes_every_port_is_refused() {
    let folder = Folder::with("shop.yaml", &shop());
    sync(&folder, "").check(0, &[]);
    let before = files(&folder.join("out/xds"));
    // A version that Istio does not have: each resource is left out with a warning.
    folder.write("shop.yaml", &shop().replace("istio.io/v1", "istio.io/v9"));
    sync(&folder, "").check(2, &["--allow-empty"]);
    assert_eq!(files(&folder.join("out/xds")), before);
}

#[test]
fn standard_input_cannot_be_watched() {
    let folder = Folder::with("shop.yaml", &shop());
    folder
        .run("sync -f - -o out --watch")
        .check(2, &["standard input"]);
    assert_eq!(folder.list("out"), [""; 0]);
}
