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

#[test]
fn the_seeds_of_guest_are_sound() {
    assert!(check("seeds/guest", fingerpost_fuzz::guest) >= 5);
}

/// The same guests in every run: a sequence of bytes (splitmix64), cut into inputs.
#[test]
fn guests_of_any_bytes_are_stopped() {
    let mut state = 1u64;
    let mut byte = || {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) as u8
    };
    for _ in 0..GUESTS {
        let length = 32 + usize::from(byte());
        let bytes: Vec<u8> = (0..length).map(|_| byte()).collect();
        fingerpost_fuzz::guest(&bytes);
    }
}

const GUESTS: usize = 150;
