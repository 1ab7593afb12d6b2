//! The error of writing and of reading values.

/// Why a value could not be written or read. The text is one line, lower case, without a full stop.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct CodecError(pub(crate) String);
