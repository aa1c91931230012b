//! What the screens of the command `fingerpost` are made of.
//!
//! `screen` is the way to the terminal: everything printed passes through it, so that no text of others controls the
//! terminal. `messages` prints to standard error, behind the answer. `style` has the few colours, `table` the columns that stay within a
//! width, `listing` the tables of listeners, hosts and rules, `clusters` those of clusters, `rows` lines between a label and a place, `explanation` what `explain` shows, `findings` what was found in
//! the input, `headers` those of a request or an answer, `names` the short names of services, `prose` the lines of sentences,
//! `test_report` what became of tests.
//!
//! Decides how something looks, never what it says: commands and the crates below them decide that.

pub mod clusters;
pub mod explanation;
pub mod findings;
pub mod headers;
pub mod listing;
pub mod listing_json;
pub mod messages;
pub mod names;
pub mod prose;
mod rows;
pub mod screen;
pub mod style;
pub mod table;
pub mod test_report;
mod words;

pub use words::{count, list};
