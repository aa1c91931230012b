//! curl's command lines: read as requests, and written for requests.
//!
//! [`CurlFlags`] are the flags of curl that change a request, as arguments of `explain` and `request`. [`PastedLine`] is a whole
//! line, with its words split as a shell splits them; the same flags parse it. Both become a [`CurlRequest`] (`build`), and
//! [`Redirects`] says which request comes after a redirect. [`line()`] writes the command line for a request.
//!
//! The meaning of each flag is that of curl's manual (<https://curl.se/docs/manpage.html>). This crate sends
//! nothing and opens no file: `build` takes a [`FileReader`].

mod build;
mod data;
mod error;
mod files;
mod flags;
mod form;
mod options;
mod pasted;
mod redirect;
mod request;
mod shell;
mod url_parts;
mod write;

pub use build::build;
pub use error::CurlError;
pub use files::FileReader;
pub use flags::CurlFlags;
pub use pasted::PastedLine;
pub use redirect::{Redirects, Stop};
pub use request::{CurlRequest, HostHeader};
pub use shell::quote;
pub use write::{Way, line};
