//! The files that flags name with `@`. This crate opens none: a caller passes the reader.

use crate::error::CurlError;

/// Reads a file by its name; `-` is standard input.
pub type FileReader<'f> = &'f dyn Fn(&str) -> Result<Vec<u8>, CurlError>;
