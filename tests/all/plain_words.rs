//! Phrases that users must not read: words that make a sentence a riddle.
//!
//! Looks at string literals and the documentation of arguments (`clap` prints it in `--help`), outside tests, and at
//! the pages for users. STYLE.md has the words to use instead.

use std::path::Path;

use fingerpost_tests::repository;

/// Phrases in lower case, with what to write instead.
const RIDDLES: &[(&str, &str)] = &[
    ("nobody", "say who, or use the passive"),
    ("whoever", "say who"),
    ("nevertheless", "drop it"),
    ("anew", "again"),
    ("stands for", "means"),
    ("stands in", "is in"),
    ("is told", "say what it gets"),
    ("is asked", "gets the request, is called"),
    ("are asked", "get the request, are called"),
    ("to be asked", "gets the request"),
    ("would have it", "say what the result is"),
    ("of its own", "its own, separate"),
    ("of their own", "their own, separate"),
    ("is no ", "invalid, not a"),
    ("are no ", "not"),
    ("knows nothing of", "does not know"),
    ("is spoken to", "say what is sent"),
    ("are spoken to", "say what is sent"),
    ("asks for tls", "requires TLS"),
    ("hands nothing on", "does not fall back"),
    ("what becomes of", "what happens to"),
    ("what is to become", "what should happen"),
    ("takes warnings for errors", "treats warnings as errors"),
    ("the surroundings", "the environment"),
    ("has no say", "does not affect"),
    ("goes wherever", "may reach any"),
    ("too late: all goes", "never reached"),
    ("fails by its", "only the path differs"),
];

/// Words that make a phrase another one.
const EXCEPTIONS: &[&str] = &[
    "is no longer",
    "are no longer",
    "there is no ",
    "there are no ",
    "because of its own",
];

/// Pages that only developers read.
const DEVELOPERS: &[&str] = &["STYLE.md", "ARCHITECTURE.md", "tests/", "docs/istio-routing.md"];

/// No text for users has one of them.
pub(crate) fn users_read_plain_words() -> Result<(), String> {
    let mut broken = Vec::new();
    let mut looked_at = 0;
    for file in repository::files() {
        let name = file.to_string_lossy().into_owned();
        let lines = if is_source(&name) {
            visible_texts(&read(&file)?, name.starts_with("host-sim/cli/"))
        } else if is_page(&name) {
            let text = read(&file)?;
            text.lines()
                .enumerate()
                .map(|(index, line)| (index + 1, line.to_owned()))
                .collect()
        } else {
            continue;
        };
        looked_at += 1;
        for (number, line) in lines {
            let found = riddles_in(&line);
            broken.extend(found.map(|(phrase, instead)| {
                format!("{name}:{number}: `{}`; instead: {instead}", phrase.trim())
            }));
        }
    }
    if looked_at < 200 {
        broken.push(format!(
            "only {looked_at} files were looked at: has a folder moved?"
        ));
    }
    if broken.is_empty() {
        Ok(())
    } else {
        Err(broken.join("\n"))
    }
}

/// A riddle is found, and what is not one is not.
pub(crate) fn riddles_are_found() -> Result<(), String> {
    let source = "\
//! Nobody reads this.
/// Whoever reads `--help`.
fn f() -> &'static str {
    // of its own
    \"`x` is no label\"
}
#[cfg(test)]
mod tests { const A: &str = \"nobody\"; }
";
    let found: Vec<usize> = visible_texts(source, true)
        .into_iter()
        .filter(|(_, text)| riddles_in(text).next().is_some())
        .map(|(number, _)| number)
        .collect();
    let plain = ["it is no longer there", "a canewd", "an invalid label"];
    let wrong = plain.into_iter().find(|it| riddles_in(it).next().is_some());
    match (found.as_slice(), wrong) {
        ([2, 5], None) => Ok(()),
        (found, wrong) => Err(format!("found in lines {found:?}, wrongly in {wrong:?}")),
    }
}

fn riddles_in(text: &str) -> impl Iterator<Item = &'static (&'static str, &'static str)> {
    let text = text.to_lowercase();
    let text = EXCEPTIONS.iter().fold(text, |text, it| text.replace(it, ""));
    RIDDLES.iter().filter(move |(phrase, _)| {
        text.match_indices(phrase).any(|(at, _)| {
            let before = text[..at].chars().next_back();
            let behind = text[at + phrase.len()..].chars().next();
            let is_in_word = |it: Option<char>| it.is_some_and(char::is_alphanumeric);
            !is_in_word(before) && (phrase.ends_with(' ') || !is_in_word(behind))
        })
    })
}

fn is_source(name: &str) -> bool {
    let is_ours = ["host-sim/", "envoy/", "xtask/"]
        .iter()
        .any(|it| name.starts_with(it));
    let is_test = name
        .split('/')
        .any(|it| matches!(it, "tests" | "tests.rs" | "bench"));
    is_ours && !is_test && name.ends_with(".rs") && name.contains("/src/")
}

fn is_page(name: &str) -> bool {
    let is_text = [".md", ".schema.json"].iter().any(|it| name.ends_with(it));
    is_text && !DEVELOPERS.iter().any(|it| name.starts_with(it)) && !name.contains("/tests/")
}

/// The lines of a source with the text that users can see: string literals, and where arguments are declared the
/// documentation too.
fn visible_texts(source: &str, shows_docs: bool) -> Vec<(usize, String)> {
    let source = source.split("#[cfg(test)]").next().unwrap_or_default();
    let mut found = Vec::new();
    let mut is_in_text = false;
    for (index, line) in source.lines().enumerate() {
        let start = line.trim_start();
        if !is_in_text && start.starts_with("//") {
            if shows_docs && start.starts_with("///") {
                found.push((index + 1, start.to_owned()));
            }
            continue;
        }
        let mut text = String::new();
        let mut characters = line.chars().peekable();
        while let Some(character) = characters.next() {
            match character {
                '\\' if is_in_text => _ = characters.next(),
                '"' => is_in_text = !is_in_text,
                '\'' if !is_in_text && characters.peek() == Some(&'"') => _ = characters.next(),
                '/' if !is_in_text && characters.peek() == Some(&'/') => break,
                other if is_in_text => text.push(other),
                _ => {}
            }
        }
        if !text.is_empty() {
            found.push((index + 1, text));
        }
    }
    found
}

fn read(file: &Path) -> Result<String, String> {
    let path = repository::root().join(file);
    std::fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))
}
