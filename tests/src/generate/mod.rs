//! Makes resources, requests and patterns at random, for the engines to disagree about.
//!
//! The alphabet is small, so that rules collide. All of it follows from one seed: the same seed, the same questions.
//! No outcome is made here; callers compare two engines.

pub mod bytes;
pub mod dice;
pub mod edits;
pub mod expression;
pub mod matching;
pub mod odd;
pub mod pattern;
pub mod request;
pub mod rule;
pub mod table;
pub mod yaml;

pub use dice::Dice;
