//! Every seed, and every resource of the corpus, goes through its target once: in a plain test run too.

use std::fs;
use std::path::{Path, PathBuf};

fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut files: Vec<PathBuf> = entries.flatten().map(|it| it.path()).collect();
    files.sort();
    files
}

fn check(folder: &str, target: fn(&[u8])) -> usize {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut count = 0;
    for path in files(&here.join(folder)) {
        let path = if path.is_dir() {
            path.join("resources.yaml")
        } else {
            path
        };
        if path.extension().is_some_and(|it| it != "md") {
            target(&fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display())));
            count += 1;
        }
    }
    count
}

#[test]
fn the_seeds_of_load_are_sound() {
    assert!(check("seeds/load", fingerpost_fuzz::load) >= 3);
}

#[test]
fn the_seeds_of_decide_are_sound() {
    assert!(check("seeds/decide", fingerpost_fuzz::decide) >= 3);
}

#[test]
fn the_corpus_is_sound_yaml() {
    assert!(check("../conformance/routing", fingerpost_fuzz::yaml) >= 100);
    assert!(check("../conformance/validation", fingerpost_fuzz::yaml) >= 100);
}
