//! What the documents show is what the commands print: every console block of the README, of the examples and of the
//! pages in `docs`, at 100 columns. `FINGERPOST_BLESS=1` writes them again; then read them. Those pages are a book: its table of contents has each of them, and their links lead somewhere.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// One command of a console block, and the text below it.
struct Shown {
    command: String,
    output: String,
}

#[test]
fn the_examples_show_what_the_commands_print() {
    let root = root();
    let mut checked = 0;
    for document in documents(&root) {
        let mut text = fs::read_to_string(&document).expect("a document can be read");
        for shown in console_blocks(&text) {
            let Some(printed) = print(&root, &shown.command) else {
                continue;
            };
            if env::var_os("FINGERPOST_BLESS").is_some() && printed.trim_end() != shown.output.trim_end() {
                let block = |output: &str| format!("$ {}\n{}\n", shown.command, output.trim_end());
                text = text.replacen(&block(&shown.output), &block(&printed), 1);
                fs::write(&document, &text).expect("a document can be written");
                checked += 1;
                continue;
            }
            assert_eq!(
                printed.trim_end(),
                shown.output.trim_end(),
                "`{}` in {}",
                shown.command,
                document.display()
            );
            checked += 1;
        }
    }
    assert!(
        checked >= 12,
        "only {checked} commands were found in the documents"
    );
}

fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.ancestors()
        .nth(2)
        .expect("the crate lies two folders deep")
        .to_owned()
}

fn documents(root: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(root.join("examples")).expect("the examples can be listed");
    let mut documents: Vec<PathBuf> = entries
        .flatten()
        .map(|it| it.path().join("README.md"))
        .filter(|it| it.is_file())
        .collect();
    documents.push(root.join("README.md"));
    documents.extend(pages(&root.join("docs")));
    documents.sort();
    documents
}

/// The pages of the book, `rules` included.
fn pages(folder: &Path) -> Vec<PathBuf> {
    let files = walkdir::WalkDir::new(folder).into_iter();
    let paths = files.map(|it| it.expect("docs can be read").into_path());
    paths
        .filter(|it| it.extension().is_some_and(|it| it == "md"))
        .collect()
}

/// The targets of the links in a page, `](target)`, apart from code.
fn links(text: &str) -> Vec<String> {
    let mut inside = false;
    let mut found = Vec::new();
    for line in text.lines() {
        if line.starts_with("```") {
            inside = !inside;
        }
        let parts = line.split("](").skip(1).filter(|_| !inside);
        found.extend(
            parts
                .filter_map(|it| it.split_once(')'))
                .map(|(link, _)| link.to_owned()),
        );
    }
    found
}

#[test]
fn the_pages_are_a_book() {
    let docs = root().join("docs");
    let contents = docs.join("SUMMARY.md");
    let listed = links(&fs::read_to_string(&contents).expect("docs/SUMMARY.md can be read"));
    let mut faults = Vec::new();
    for page in pages(&docs) {
        let name = page
            .strip_prefix(&docs)
            .expect("a page of docs")
            .to_string_lossy()
            .into_owned();
        let times = listed.iter().filter(|it| **it == name).count();
        if page != contents && times != 1 {
            faults.push(format!("docs/SUMMARY.md has {name} {times} times"));
        }
        let text = fs::read_to_string(&page).expect("a page can be read");
        let folder = page.parent().expect("a page is in a folder");
        for link in links(&text).iter().filter(|it| !it.contains("://")) {
            let (file, heading) = link.split_once('#').unwrap_or((link, ""));
            let target = if file.is_empty() {
                page.clone()
            } else {
                folder.join(file)
            };
            let is_there =
                fs::read_to_string(&target).is_ok_and(|it| heading.is_empty() || has_heading(&it, heading));
            if !is_there {
                faults.push(format!("{name}: the link to {link} leads nowhere"));
            }
            // Such a link works in the repository and not in the book.
            let leaves = fs::canonicalize(&target).is_ok_and(|it| !it.starts_with(&docs));
            if leaves {
                faults.push(format!("{name}: {link} is not in the book"));
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

/// Whether a page has the heading of an anchor, as mdBook and GitHub make it.
fn has_heading(text: &str, anchor: &str) -> bool {
    let headings = text.lines().filter(|it| it.starts_with('#'));
    let mut anchors = headings.map(|it| {
        let title = it.trim_start_matches('#').trim().to_lowercase();
        let kept = title
            .chars()
            .filter(|it| it.is_alphanumeric() || " -_".contains(*it));
        kept.map(|it| if it == ' ' { '-' } else { it })
            .collect::<String>()
    });
    anchors.any(|it| it == anchor)
}

/// The commands that are shown with an output.
fn console_blocks(text: &str) -> Vec<Shown> {
    let mut found: Vec<Shown> = Vec::new();
    let mut inside = false;
    for line in text.lines() {
        if line.starts_with("```") {
            inside = line == "```console";
            continue;
        }
        if !inside {
            continue;
        }
        if let Some(command) = line.strip_prefix("$ ") {
            found.push(Shown {
                command: command.to_owned(),
                output: String::new(),
            });
        } else if let Some(shown) = found.last_mut() {
            shown.output.push_str(line);
            shown.output.push('\n');
        }
    }
    found.retain(|it| !it.output.trim().is_empty());
    found
}

/// What the command prints, if it is one that can be run here.
fn print(root: &Path, command: &str) -> Option<String> {
    if let Some(arguments) = command.strip_prefix("fingerpost ") {
        let serves =
            arguments.starts_with("serve ") || arguments.starts_with("up ") && !arguments.contains("--check");
        return (!serves).then(|| run(root, &arguments.split_whitespace().collect::<Vec<_>>()));
    }
    let name = command
        .strip_prefix("cargo xtask up ")?
        .strip_suffix(" --check")?;
    let entries = fs::read_dir(root.join("examples")).expect("the examples can be listed");
    let mut folders = entries
        .flatten()
        .filter_map(|it| it.file_name().into_string().ok());
    let folder = folders
        .find(|it| it.contains(name))
        .unwrap_or_else(|| panic!("no example is called {name}"));
    let checks = fs::read_dir(root.join("examples").join(&folder)).expect("an example can be listed");
    let mut checks: Vec<String> = checks
        .flatten()
        .filter_map(|it| it.file_name().into_string().ok())
        .filter(|it| it.ends_with(".test.json"))
        .collect();
    checks.sort();
    let outputs: Vec<String> = checks
        .iter()
        .map(|check| {
            let resources = format!("examples/{folder}/resources.yaml");
            let check = format!("examples/{folder}/{check}");
            run(root, &["up", "-f", &resources, "--check", &check])
        })
        .collect();
    Some(outputs.join("\n"))
}

fn run(root: &Path, arguments: &[&str]) -> String {
    let mut command = Command::new(env!("CARGO_BIN_EXE_fingerpost"));
    let ended = command
        .args(arguments)
        .env("COLUMNS", "100")
        .current_dir(root)
        .output()
        .expect("the command runs");
    String::from_utf8(ended.stdout).expect("text")
}
