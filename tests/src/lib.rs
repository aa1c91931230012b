//! The same questions, put to every engine.
