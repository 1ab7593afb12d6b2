//! How a client speaks Socket.IO, as its builder is given it.

use super::builder::ClientBuilder;
use crate::payload::Integers;
use crate::wire::engine_io::Acknowledgements;
use crate::wire::socket_io::Parser;

impl ClientBuilder {
    /// How packets are written at an address of Socket.IO: as the server does. Default: [`Parser::Json`].
    pub fn parser(mut self, parser: Parser) -> Self {
        self.dialect.parser = parser;
        self
    }

    /// How the server's acknowledgements are written at an address of Socket.IO: as the resource of a server of jidda's has it. Default: [`Acknowledgements::Plain`].
    pub fn acknowledgements(mut self, acknowledgements: Acknowledgements) -> Self {
        self.dialect.acknowledgements = acknowledgements;
        self
    }

    /// Which whole numbers may be sent at an address of Socket.IO. Default: those that every server reads exactly.
    pub fn integers(mut self, integers: Integers) -> Self {
        self.dialect.integers = integers;
        self
    }
}
