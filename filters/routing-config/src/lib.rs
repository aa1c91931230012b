//! The JSON contract between the compiler and the filters.
