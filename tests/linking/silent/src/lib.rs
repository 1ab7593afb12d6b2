//! A crate without handlers.
