//! Our regular expressions beside Envoy's, on patterns, values and substitutions that were generated.

use std::collections::BTreeMap;

use fingerpost_envoy_runner::EnvoyBinary;
use fingerpost_routing::{Encoding, Finder, PathRewrite, Pattern, RequestHead, Substitution};
use fingerpost_tests::differential::patterns::{Oracle, ProgramLimit, taken};
use fingerpost_tests::generate::{Dice, dice, pattern};

use crate::engines::{envoy, one_envoy_at_a_time};

/// Pairs of a pattern and a value in a usual run.
const USUAL: usize = 4_000;
/// Patterns in one Envoy, values and paths for each.
const PATTERNS: usize = 200;
const VALUES: usize = 10;
const PATHS: usize = 4;
/// So many differences are shown.
const SHOWN: usize = 30;

/// Both take the same patterns, accept the same values and replace the same.
pub(crate) fn agree() -> Result<(), String> {
    agree_in(&envoy()?, Encoding::Latin1)
}

pub(crate) fn agree_in(binary: &EnvoyBinary, encoding: Encoding) -> Result<(), String> {
    let _turn = one_envoy_at_a_time();
    let (seed, wanted) = (dice::seed(), dice::wanted(USUAL));
    eprintln!("patterns: FINGERPOST_SEED={seed} FINGERPOST_GENERATED={wanted}");
    let mut tally = Tally::default();
    let mut part = 0;
    while tally.values < wanted && tally.differences.len() < SHOWN {
        round(binary, encoding, &mut Dice::of_part(seed, part), &mut tally)?;
        part += 1;
    }
    eprintln!(
        "patterns: {} taken, {} refused, {} values, {} of them accepted, {} replacements, {} that can't be asked, {} too large",
        tally.taken,
        tally.refused,
        tally.values,
        tally.accepted,
        tally.replacements,
        tally.unasked,
        tally.too_large
    );
    match tally.differences.is_empty() {
        true => Ok(()),
        false => Err(format!(
            "seed {seed}\n{}",
            tally.differences.into_values().collect::<Vec<_>>().join("\n")
        )),
    }
}

#[derive(Default)]
struct Tally {
    taken: usize,
    refused: usize,
    too_large: usize,
    values: usize,
    accepted: usize,
    replacements: usize,
    unasked: usize,
    /// One for each pattern.
    differences: BTreeMap<String, String>,
}

impl Tally {
    fn differ(&mut self, pattern: &str, what: String) {
        // The shortest says most.
        let shown = self
            .differences
            .entry(pattern.to_owned())
            .or_insert_with(|| what.clone());
        if what.len() < shown.len() {
            *shown = what;
        }
    }
}

fn round(binary: &EnvoyBinary, encoding: Encoding, dice: &mut Dice, tally: &mut Tally) -> Result<(), String> {
    let made: Vec<_> = (0..PATTERNS)
        .map(|_| (pattern::pattern(dice), pattern::substitution(dice)))
        .collect();
    let made: Vec<_> = made.into_iter().filter(|(it, _)| !it.text.is_empty()).collect(); // Envoy wants one character
    let texts: Vec<(&str, &str)> = made.iter().map(|(it, with)| (it.text.as_str(), *with)).collect();
    let theirs = taken(binary, &texts, ProgramLimit::OfMesh)?;
    let mut agreed = Vec::new();
    let mut missed = Vec::new();
    for (place, (made, with)) in made.iter().enumerate() {
        let ours = Pattern::parse_as(&made.text, encoding);
        match (ours, theirs.contains(&place)) {
            (Ok(ours), true) => agreed.push((made, *with, ours)),
            (Err(_), false) => tally.refused += 1,
            (Ok(_), false) => missed.push((made.text.as_str(), *with)),
            (Err(error), true) => tally.differ(
                &made.text,
                format!("{:?}: Envoy takes it; we say {error}", made.text),
            ),
        }
    }
    // Up to 1.38 Envoy counts the instructions of RE2's program. We don't have that program, so a pattern that is refused
    // for nothing but their number is a limit that we don't know, and no pattern that we read in another way.
    if !missed.is_empty() {
        let by_size = taken(binary, &missed, ProgramLimit::Off)?;
        for (place, (text, _)) in missed.iter().enumerate() {
            if by_size.contains(&place) {
                tally.too_large += 1;
            } else {
                tally.differ(text, format!("{text:?}: Envoy refuses it"));
            }
        }
    }
    tally.taken += agreed.len();
    let texts: Vec<(&str, &str)> = agreed
        .iter()
        .map(|(made, with, _)| (made.text.as_str(), *with))
        .collect();
    let mut oracle = Oracle::open(binary, &texts)?;
    for (place, (made, with, ours)) in agreed.iter().enumerate() {
        for _ in 0..VALUES {
            let value = pattern::value(dice, made);
            let Ok(theirs) = oracle.accepts(place, &value) else {
                tally.unasked += 1;
                continue;
            };
            tally.values += 1;
            tally.accepted += usize::from(theirs);
            if ours.accepts(&value) != theirs {
                let verdict = if theirs { "accepts" } else { "does not accept" };
                tally.differ(
                    &made.text,
                    format!("{:?}: Envoy {verdict} \"{}\"", made.text, value.escape_ascii()),
                );
            }
        }
        let finder = Finder::parse_as(&made.text, encoding).map_err(|error| error.to_string())?;
        let with_it = Substitution::new(with, finder.groups());
        let rewrite = PathRewrite::Regex {
            pattern: finder,
            with: with_it,
        };
        for _ in 0..PATHS {
            let path = pattern::path(dice, made);
            let Ok(theirs) = oracle.replaced(place, &path) else {
                tally.unasked += 1;
                continue;
            };
            tally.replacements += 1;
            let ours = rewrite.apply(&RequestHead::new(None, Some(path.as_bytes())));
            let ours = as_redirected(ours.as_deref(), &path);
            if ours != theirs {
                let what = format!(
                    "{:?} by {with:?} in {path}: Envoy makes {theirs:?}, we make {ours:?}",
                    made.text
                );
                tally.differ(&made.text, what);
            }
        }
    }
    Ok(())
}

/// A redirect, other than a rewrite, puts a slash in front of what lacks one.
fn as_redirected(rewritten: Option<&[u8]>, path: &str) -> String {
    let rewritten = rewritten.map_or_else(|| path.to_owned(), |it| String::from_utf8_lossy(it).into_owned());
    match rewritten.starts_with('/') {
        true => rewritten,
        false => format!("/{rewritten}"),
    }
}
