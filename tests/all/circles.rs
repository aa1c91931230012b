//! Files of a crate that import each other in a circle: none of them can be read or changed without all others.
//!
//! An import is a path that begins with `crate::`, `super::` or `self::`, outside tests and comments. A module and its
//! submodules are separate files; to declare a module is not an import.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use fingerpost_tests::repository;

/// Two files may import each other: a type and what it is made of.
const MOST: usize = 2;

/// The imports of a crate: of each module, the modules that it names.
type Imports = BTreeMap<String, BTreeSet<String>>;

/// No crate has a larger circle.
pub(crate) fn are_small() -> Result<(), String> {
    let crates = crates();
    let mut broken = Vec::new();
    if crates.is_empty() {
        broken.push("no crate to look at: has a folder moved?".to_owned());
    }
    for (name, files) in &crates {
        let circles = circles(&imports(files)?);
        let larger = circles.iter().filter(|circle| circle.len() > MOST);
        broken.extend(larger.map(|circle| {
            let files: Vec<&str> = circle.iter().map(String::as_str).collect();
            format!(
                "{name}: {} files import each other: {}",
                circle.len(),
                files.join(", ")
            )
        }));
    }
    if broken.is_empty() {
        Ok(())
    } else {
        Err(broken.join("\n"))
    }
}

/// The modules of each crate with their files, by the crate's folder.
fn crates() -> BTreeMap<String, BTreeMap<String, PathBuf>> {
    let mut crates: BTreeMap<String, BTreeMap<String, PathBuf>> = BTreeMap::new();
    for file in repository::files() {
        let Some((folder, rest)) = file.to_str().and_then(|it| it.split_once("/src/")) else {
            continue;
        };
        let is_test = rest.split('/').any(|part| matches!(part, "tests" | "tests.rs"));
        if let Some(path) = rest.strip_suffix(".rs").filter(|_| !is_test) {
            let module = path.strip_suffix("/mod").unwrap_or(path).replace('/', "::");
            crates
                .entry(folder.to_owned())
                .or_default()
                .insert(module, file.clone());
        }
    }
    crates
}

fn imports(files: &BTreeMap<String, PathBuf>) -> Result<Imports, String> {
    let imports = files
        .iter()
        .map(|(module, file)| Ok((module.clone(), imported(module, &read(file)?, files))));
    imports.collect()
}

/// The other modules that the text of a module names.
fn imported(module: &str, text: &str, files: &BTreeMap<String, PathBuf>) -> BTreeSet<String> {
    let end = text.find("#[cfg(test)]\nmod tests").unwrap_or(text.len());
    let code = text[..end]
        .lines()
        .map(|it| it.split("//").next().unwrap_or_default());
    let paths = paths(&code.collect::<Vec<_>>().join("\n"));
    let named = paths
        .iter()
        .filter_map(|path| module_of(&absolute(module, path), files));
    named.filter(|named| named != module).collect()
}

/// The paths in `code` that begin in this crate, with groups taken apart: `crate::a::{b, c::d}` is `crate::a::b` and
/// `crate::a::c::d`.
fn paths(code: &str) -> Vec<Vec<String>> {
    let mut found = Vec::new();
    for start in ["crate", "super", "self"] {
        for (at, _) in code.match_indices(&format!("{start}::")) {
            let before = code[..at].chars().next_back();
            if before.is_none_or(|it| !it.is_alphanumeric() && it != '_' && it != ':' && it != '$') {
                take_apart(&mut code[at..].chars().peekable(), &[], &mut found);
            }
        }
    }
    found
}

/// Reads one path, which may end with a group of paths.
fn take_apart(
    rest: &mut std::iter::Peekable<std::str::Chars<'_>>,
    before: &[String],
    found: &mut Vec<Vec<String>>,
) {
    let mut path = before.to_vec();
    loop {
        while rest.next_if(|it| it.is_whitespace()).is_some() {}
        if rest.next_if_eq(&'{').is_some() {
            while rest.peek().is_some_and(|it| *it != '}') {
                take_apart(rest, &path, found);
                // Up to the next path: an alias, a star, a comma.
                while rest.next_if(|it| !matches!(it, ',' | '}')).is_some() {}
                rest.next_if_eq(&',');
                while rest.next_if(|it| it.is_whitespace()).is_some() {}
            }
            rest.next();
            return;
        }
        let mut name = String::new();
        while let Some(letter) = rest.next_if(|it| it.is_alphanumeric() || *it == '_') {
            name.push(letter);
        }
        if !name.is_empty() {
            path.push(name);
        }
        if rest.next_if_eq(&':').is_none() || rest.next_if_eq(&':').is_none() {
            found.push(path);
            return;
        }
    }
}

/// A path of `module` from the crate's root on.
fn absolute(module: &str, path: &[String]) -> Vec<String> {
    let mut base: Vec<String> = Vec::new();
    let mut rest = path;
    if path.first().is_some_and(|it| it != "crate") {
        base = module.split("::").map(str::to_owned).collect();
    }
    while let Some((first, after)) = rest.split_first() {
        match first.as_str() {
            "crate" | "self" => {}
            "super" => {
                base.pop();
            }
            _ => break,
        }
        rest = after;
    }
    base.extend(rest.iter().cloned());
    base
}

/// The innermost module that a path leads through.
fn module_of(path: &[String], files: &BTreeMap<String, PathBuf>) -> Option<String> {
    let lengths = (1..=path.len()).rev();
    let mut names = lengths.map(|length| path[..length].join("::"));
    names.find(|name| files.contains_key(name))
}

/// Groups of modules, each of which leads to all others of its group.
fn circles(imports: &Imports) -> Vec<BTreeSet<String>> {
    let reached: BTreeMap<&String, BTreeSet<String>> = imports
        .keys()
        .map(|module| (module, reachable(module, imports)))
        .collect();
    let mut circles: Vec<BTreeSet<String>> = Vec::new();
    for (module, from_here) in &reached {
        let circle: BTreeSet<String> = from_here
            .iter()
            .filter(|other| reached.get(other).is_some_and(|it| it.contains(*module)))
            .cloned()
            .collect();
        if circle.len() > 1 && !circles.contains(&circle) {
            circles.push(circle);
        }
    }
    circles
}

fn reachable(module: &str, imports: &Imports) -> BTreeSet<String> {
    let mut reached = BTreeSet::new();
    let mut open = vec![module.to_owned()];
    while let Some(next) = open.pop() {
        for named in imports.get(&next).into_iter().flatten() {
            if reached.insert(named.clone()) {
                open.push(named.clone());
            }
        }
    }
    reached
}

fn read(file: &Path) -> Result<String, String> {
    std::fs::read_to_string(repository::root().join(file))
        .map_err(|error| format!("{}: {error}", file.display()))
}

/// The imports and the circle of made-up files are found.
pub(crate) fn are_found() -> Result<(), String> {
    for (code, expected) in [
        ("use crate::b::{self, C};\nuse std::a;", &["b"][..]),
        ("use crate::{b::{C, D as E}, c};", &["b", "c"]),
        ("fn f() { crate::c::d(); } // crate::b", &["c"]),
        ("use super::b;\nuse self::g;", &["b"]),
        ("macro_rules! m { () => { $crate::b::C } }", &[]),
        ("#[cfg(test)]\nmod tests {\n    use crate::b;\n}", &[]),
    ] {
        let files: BTreeMap<String, PathBuf> =
            ["a", "b", "c"].map(|it| (it.to_owned(), PathBuf::new())).into();
        let found = imported("a", code, &files);
        if found.iter().map(String::as_str).ne(expected.iter().copied()) {
            return Err(format!("{code:?}: {found:?}, expected {expected:?}"));
        }
    }
    let edges = [("a", "b"), ("b", "c"), ("c", "a"), ("d", "a")];
    let mut imports = Imports::new();
    for (from, to) in edges {
        imports.entry(from.to_owned()).or_default().insert(to.to_owned());
    }
    let found = circles(&imports);
    let expected = BTreeSet::from(["a", "b", "c"].map(str::to_owned));
    match found == [expected] {
        true => Ok(()),
        false => Err(format!("the circle of a, b and c is found as {found:?}")),
    }
}
