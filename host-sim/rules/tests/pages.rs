//! `docs/rules` has exactly the pages that the rules make. `cargo xtask docs` writes them.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use fingerpost_rules::{pages, summary};

#[test]
fn the_pages_are_those_of_the_rules() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/rules");
    let made: BTreeMap<String, String> = pages().into_iter().map(|it| (it.name, it.text)).collect();
    if std::env::var_os("FINGERPOST_ACCEPT").is_some() {
        for name in written(&folder).keys().filter(|name| !made.contains_key(*name)) {
            fs::remove_file(folder.join(name)).expect("a page can be removed");
        }
        for (name, text) in &made {
            fs::write(folder.join(name), text).expect("a page can be written");
        }
    }
    let written = written(&folder);
    let differing: Vec<&String> = made
        .keys()
        .chain(written.keys())
        .filter(|name| made.get(*name) != written.get(*name))
        .collect();
    assert!(
        differing.is_empty(),
        "docs/rules is out of date: run `cargo xtask docs` to write {differing:?}"
    );
}

/// The files of the folder.
fn written(folder: &Path) -> BTreeMap<String, String> {
    let entries = fs::read_dir(folder).expect("docs/rules can be listed").flatten();
    let text = |path: &Path| fs::read_to_string(path).expect("a page can be read");
    entries
        .map(|it| (it.file_name().to_string_lossy().into_owned(), text(&it.path())))
        .collect()
}

#[test]
fn the_table_of_contents_lists_the_pages() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/SUMMARY.md");
    let text = fs::read_to_string(&path).expect("docs/SUMMARY.md can be read");
    let is_ours = |line: &str| line.contains("](rules/");
    let (before, rest) = text.split_at(text.find("- [Findings](rules/").expect("the findings are listed"));
    let after: String = rest
        .lines()
        .skip_while(|it| is_ours(it))
        .map(|it| format!("{it}\n"))
        .collect();
    let wanted = format!("{before}{}{after}", summary());
    if std::env::var_os("FINGERPOST_ACCEPT").is_some() {
        fs::write(&path, &wanted).expect("docs/SUMMARY.md can be written");
        return;
    }
    assert!(
        text == wanted,
        "docs/SUMMARY.md is out of date: run `cargo xtask docs`"
    );
}
