//! Decides which route a request takes: pure, no_std, no I/O.
