//! Where a handler is written.

use std::fmt;

/// Where a handler is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Location {
    /// The source file, as `file!()` gives it.
    pub file: &'static str,
    /// The line, from 1.
    pub line: u32,
    /// The module's path; its first segment is the crate.
    pub module: &'static str,
    /// The package's name as Cargo knows it.
    pub package: &'static str,
}

impl Location {
    /// The crate's name: the module path's first segment.
    pub fn crate_name(&self) -> &'static str {
        self.module.split("::").next().unwrap_or(self.module)
    }
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.file, self.line)
    }
}
