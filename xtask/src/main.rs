//! Chores of the repository, as `cargo xtask <verb>`.

fn main() {}
