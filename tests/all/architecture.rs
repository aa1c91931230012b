//! The house rules that a machine can hold: which crate may depend on which, and what no file may contain.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use fingerpost_tests::{corpus, repository};

use crate::{circles, dependencies, manifests, plain_words, security};

type Rule = fn() -> Result<(), String>;

/// Every rule with the sentence that names it.
pub(crate) const RULES: &[(&str, Rule)] = &[
    ("dependencies point one way", dependencies::point_one_way),
    (
        "every crate says what it is",
        manifests::every_crate_says_what_it_is,
    ),
    ("routing is no_std", routing_is_no_std),
    ("filters cannot panic", filters_cannot_panic),
    ("only the shims speak to the SDK", only_the_shims_speak_to_the_sdk),
    ("the compiler and what asks it do no I/O", the_compiler_does_no_io),
    (
        "the compiler keeps types until the last moment",
        the_compiler_keeps_types_until_the_last_moment,
    ),
    (
        "files with keys are written in one place",
        files_with_keys_are_written_in_one_place,
    ),
    ("the command prints in one place", the_command_prints_in_one_place),
    (
        "the command has no rule about routing or Envoy",
        the_command_has_no_rule_about_routing_or_envoy,
    ),
    ("files stay readable", files_stay_readable),
    ("the command stays thin", the_command_stays_thin),
    ("modules say what they are", modules_say_what_they_are),
    ("no path of one machine", no_path_of_one_machine),
    ("few files import each other", circles::are_small),
    ("circles of files are found", circles::are_found),
    ("users read plain words", plain_words::users_read_plain_words),
    ("riddles are found", plain_words::riddles_are_found),
    (
        "every defence in SECURITY.md names its tests",
        security::every_defence_names_its_tests,
    ),
    ("every citation can be followed", every_citation_can_be_followed),
    ("the corpus is a true copy", the_corpus_is_a_true_copy),
];

fn routing_is_no_std() -> Result<(), String> {
    let file = repository::root().join("filters/routing/src/lib.rs");
    let text = read(&file)?;
    if text.lines().any(|line| line.trim() == "#![no_std]") {
        Ok(())
    } else {
        Err("filters/routing/src/lib.rs lacks #![no_std]".to_owned())
    }
}

fn filters_cannot_panic() -> Result<(), String> {
    let calls = [
        ".unwrap()",
        ".expect(",
        "panic!(",
        "unreachable!(",
        "todo!(",
        "unimplemented!(",
        "assert!(",
    ];
    none(&found_in(&rust_files("filters"), &calls))
}

fn only_the_shims_speak_to_the_sdk() -> Result<(), String> {
    let mut files = rust_files("filters");
    files.retain(|file| !file.starts_with("filters/filter-kit") && !file.ends_with("wasm.rs"));
    none(&found_in(&files, &["proxy_wasm"]))
}

fn the_compiler_does_no_io() -> Result<(), String> {
    let libraries = ["config-compiler", "curl", "explain", "simulated-proxy", "testing"];
    let files = libraries.map(|it| rust_files(&format!("host-sim/{it}")));
    none(&found_in(
        &files.concat(),
        &[
            "std::fs",
            "TcpStream",
            "ToSocketAddrs",
            "std::env",
            "std::process",
            "print!",
            "println!",
            "anstream",
        ],
    ))
}

/// JSON has no types: nothing finds a misspelt field of it.
fn the_compiler_keeps_types_until_the_last_moment() -> Result<(), String> {
    const JSON: &[&str] = &[
        "json!",
        "serde_json::Map",
        "serde_json::Value",
        "serde_json::{",
        "to_value(",
    ];
    let mut files = rust_files("host-sim/config-compiler/src");
    // The last writer.
    files.retain(|file| !file.ends_with("compiled.rs"));
    none(&found_in(&files, JSON))
}

/// A bootstrap, and every file that it names, can hold a private key: see `envoy/runner/src/private.rs`.
fn files_with_keys_are_written_in_one_place() -> Result<(), String> {
    const WRITERS: &[&str] = &[
        "File::create",
        "OpenOptions",
        "fs::write",
        "tempdir",
        "tempfile::",
    ];
    // The writer itself, and what it writes drafts by; the download of Envoy; the files that Envoy reads while it runs, for which
    // the writer is asked if they hold a key.
    const EXEMPT: &[&str] = &[
        "envoy/runner/src/drafts.rs",
        "envoy/runner/src/files.rs",
        "envoy/runner/src/private.rs",
        "envoy/runner/src/install.rs",
        "envoy/sync/src/disk.rs",
    ];
    let mut files = [
        rust_files("envoy/runner/src"),
        rust_files("envoy/sync/src"),
        rust_files("host-sim/cli/src"),
        rust_files("host-sim/input-files/src"),
        rust_files("host-sim/local-envoy/src"),
        rust_files("host-sim/local-server/src"),
    ]
    .concat();
    files.retain(|file| !EXEMPT.iter().any(|exempt| Path::new(exempt) == file));
    none(&found_in(&files, WRITERS))
}

/// What is printed in another way could control the terminal: see `host-sim/terminal/src/screen.rs`.
fn the_command_prints_in_one_place() -> Result<(), String> {
    const PRINTERS: &[&str] = &[
        "anstream::stderr",
        "anstream::stdout",
        "dbg!",
        "io::stderr",
        "io::stdout",
        "print!",
        "println!",
    ];
    // The place itself; the widths of the terminal, which are asked and not written to.
    const EXEMPT: &[&str] = &[
        "host-sim/terminal/src/screen.rs",
        "host-sim/terminal/src/messages.rs",
        "host-sim/terminal/src/table.rs",
    ];
    let mut files = [
        rust_files("envoy/sync/src"),
        rust_files("host-sim/cli/src"),
        rust_files("host-sim/image/src"),
        rust_files("host-sim/input-files/src"),
        rust_files("host-sim/local-envoy/src"),
        rust_files("host-sim/local-server/src"),
        rust_files("host-sim/manifests/src"),
        rust_files("host-sim/terminal/src"),
    ]
    .concat();
    files.retain(|file| !EXEMPT.iter().any(|exempt| Path::new(exempt) == file));
    none(&found_in(&files, PRINTERS))
}

/// The command shows what the crates below decide. It has no matcher (the dependency table keeps `fingerpost-routing`
/// out), compares no host or path with a pattern, and knows none of Envoy's headers and variables.
fn the_command_has_no_rule_about_routing_or_envoy() -> Result<(), String> {
    const RULES: &[&str] = &[
        // Headers and variables of Envoy.
        "x-envoy",
        "x-forwarded",
        "x-request-id",
        "grpc-status",
        "grpc-message",
        "%REQ",
        "%RESP",
        // Pseudo headers: what a condition on a request reads.
        "\":authority\"",
        "\":method\"",
        "\":path\"",
        "\":scheme\"",
        // Domains with a star, and conditions on a URI.
        "strip_prefix('*')",
        "strip_prefix(\"*",
        "starts_with('*')",
        "StringMatch",
        "PathMatch",
    ];
    // Writes the model's request as HTTP/1.1.
    const EXEMPT: &str = "host-sim/local-server/src/upstreams.rs";
    let mut files = [
        rust_files("host-sim/cli/src"),
        rust_files("host-sim/input-files/src"),
        rust_files("host-sim/local-server/src"),
        rust_files("host-sim/terminal/src"),
    ]
    .concat();
    files.retain(|file| file != Path::new(EXEMPT));
    let mut broken = found_in(&files, RULES);
    let exempt: Vec<&str> = RULES
        .iter()
        .copied()
        .filter(|it| !it.starts_with("\":"))
        .collect();
    broken.extend(found_in(&[PathBuf::from(EXEMPT)], &exempt));
    none(&broken)
}

/// Files that are longer than the rest, and why.
const LONG: &[(&str, &str)] = &[];

fn files_stay_readable() -> Result<(), String> {
    const MOST: usize = 600;
    let mut broken = Vec::new();
    for file in rust_files("") {
        let lines = read(&repository::root().join(&file))?.lines().count();
        let listed = LONG.iter().any(|(name, _)| Path::new(name) == file);
        match (lines > MOST, listed) {
            (true, false) => broken.push(format!("{}: {lines} lines, and no reason listed", file.display())),
            (false, true) => broken.push(format!("{}: listed as long, but it is not", file.display())),
            _ => {}
        }
    }
    none(&broken)
}

/// The command has arguments, the choice of files and screens; the rest belongs in a crate below it.
fn the_command_stays_thin() -> Result<(), String> {
    const MOST: usize = 7_500;
    let mut lines = 0;
    for file in rust_files("host-sim/cli/src") {
        lines += read(&repository::root().join(&file))?.lines().count();
    }
    match lines {
        0 => Err("no file to look at: has a folder moved?".to_owned()),
        1..=MOST => Ok(()),
        _ => Err(format!(
            "host-sim/cli/src has {lines} lines, and may have {MOST}: move what is no argument, choice of files or screen to a crate below"
        )),
    }
}

fn modules_say_what_they_are() -> Result<(), String> {
    const NAMELESS: &[&str] = &["common", "helper", "helpers", "manager", "misc", "util", "utils"];
    let is_nameless = |file: &PathBuf| {
        let path = file.with_extension("");
        path.components()
            .any(|part| NAMELESS.iter().any(|name| part.as_os_str() == *name))
    };
    let files = rust_files("").into_iter().filter(is_nameless);
    none(&files.map(|file| file.display().to_string()).collect::<Vec<_>>())
}

fn no_path_of_one_machine() -> Result<(), String> {
    // In pieces, so that this file does not accuse itself.
    let paths = [
        ["/wo", "rk/"],
        ["/ro", "ot/"],
        ["/tmp/", "target"],
        ["/ho", "me/"],
    ]
    .map(|pieces| pieces.concat());
    let mut broken = Vec::new();
    for file in repository::files() {
        let Ok(text) = std::fs::read_to_string(repository::root().join(&file)) else {
            continue; // not a text
        };
        for (number, line) in text.lines().enumerate() {
            if let Some(path) = paths.iter().find(|path| names_it(line, path)) {
                broken.push(format!("{}:{}: {path}", file.display(), number + 1));
            }
        }
    }
    none(&broken)
}

/// Whether `line` has `path` at the start of a path, not inside of one: `/x/work/` names no machine.
fn names_it(line: &str, path: &str) -> bool {
    line.match_indices(path).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        !before.is_some_and(|character| character.is_alphanumeric() || "._-}{~*".contains(character))
    })
}

/// A comment that cites a section of `docs/istio-routing.md` names one that is there.
fn every_citation_can_be_followed() -> Result<(), String> {
    let page = "docs/istio-routing.md";
    let text = read(&repository::root().join(page))?;
    let numbers = text.lines().filter_map(|line| {
        let heading = line.strip_prefix("## ").or(line.strip_prefix("### "))?;
        Some(heading.split(' ').next()?.trim_end_matches('.').to_owned())
    });
    let sections: BTreeSet<String> = numbers.collect();
    let mut broken = Vec::new();
    let mut followed = 0;
    for file in rust_files("host-sim") {
        let text = read(&repository::root().join(&file))?;
        for (number, line) in text.lines().enumerate() {
            let place = format!("{}:{}", file.display(), number + 1);
            if line.contains("spec chapter") || cited(line, "spec ").next().is_some() {
                broken.push(format!("{place}: cites what is not in the repository"));
            }
            for section in cited(line, &format!("{page} ")) {
                followed += 1;
                if !sections.contains(section) {
                    broken.push(format!("{place}: {page} has no section {section}"));
                }
            }
        }
    }
    if followed == 0 {
        broken.push("no citation was found: has its form changed?".to_owned());
    }
    none(&broken)
}

/// The sections that a line cites behind `what`: `2.2`, `1.1 to 1.7`, `3.12, 4.1`.
fn cited<'l>(line: &'l str, what: &str) -> impl Iterator<Item = &'l str> {
    let behind = line.split_once(what).map_or("", |(_, behind)| behind);
    let end = behind
        .find(|it: char| !it.is_ascii_digit() && !" .,to".contains(it) && it != 'a' && it != 'n' && it != 'd')
        .unwrap_or(behind.len());
    let words = behind[..end].split([' ', ',']);
    words
        .map(|it| it.trim_end_matches('.'))
        .filter(|it| it.starts_with(|first: char| first.is_ascii_digit()))
}

fn the_corpus_is_a_true_copy() -> Result<(), String> {
    let (own, shared) = (corpus::own_copy(), corpus::shared_copy());
    if !shared.is_dir() {
        return Ok(()); // a clone has nothing to compare with
    }
    if !own.is_dir() {
        return Err("tests/conformance is missing: run `cargo xtask sync-conformance`".to_owned());
    }
    let (here, there) = (corpus_files(&own), corpus_files(&shared));
    let mut broken: Vec<String> = here
        .difference(&there)
        .map(|it| format!("only here: {}", it.display()))
        .collect();
    broken.extend(
        there
            .difference(&here)
            .map(|it| format!("only there: {}", it.display())),
    );
    for file in here.intersection(&there) {
        if std::fs::read(own.join(file)).ok() != std::fs::read(shared.join(file)).ok() {
            broken.push(format!("differs: {}", file.display()));
        }
    }
    none(&broken).map_err(|files| format!("run `cargo xtask sync-conformance`\n{files}"))
}

/// The corpus's files, without the control plane's tables, which are for reading only.
fn corpus_files(folder: &Path) -> BTreeSet<PathBuf> {
    walkdir::WalkDir::new(folder)
        .into_iter()
        .filter_map(Result::ok)
        .filter(|entry| entry.file_type().is_file() && entry.file_name() != "istiod.json")
        .filter_map(|entry| entry.path().strip_prefix(folder).ok().map(Path::to_owned))
        .collect()
}

/// The repository's Rust files below `folder`.
fn rust_files(folder: &str) -> Vec<PathBuf> {
    let mut files = repository::files();
    files.retain(|file| file.starts_with(folder) && file.extension().is_some_and(|it| it == "rs"));
    files
}

/// Where the product's code, not its tests or comments, has one of `words`.
fn found_in(files: &[PathBuf], words: &[&str]) -> Vec<String> {
    let mut found = Vec::new();
    if files.is_empty() {
        found.push("no file to look at: has a folder moved?".to_owned());
    }
    for file in files.iter().filter(|file| !is_test(file)) {
        let text = read(&repository::root().join(file)).unwrap_or_default();
        let end = text.find("#[cfg(test)]\nmod tests {").unwrap_or(text.len());
        let code = text[..end].lines().enumerate();
        for (number, line) in code {
            let line = line.split("//").next().unwrap_or_default();
            if let Some(word) = words.iter().find(|word| line.contains(**word)) {
                found.push(format!("{}:{}: {word}", file.display(), number + 1));
            }
        }
    }
    found
}

fn is_test(file: &Path) -> bool {
    file.components()
        .any(|part| matches!(part.as_os_str().to_str(), Some("tests" | "benches" | "tests.rs")))
}

fn read(file: &Path) -> Result<String, String> {
    std::fs::read_to_string(file).map_err(|error| format!("{}: {error}", file.display()))
}

pub(crate) fn none(broken: &[String]) -> Result<(), String> {
    if broken.is_empty() {
        Ok(())
    } else {
        Err(broken.join("\n"))
    }
}
