//! How a client of the native wire gets in: it says hello, makes one call, and is gone.

use anyhow::{Result, ensure};

use super::Entrance;

/// A client on its way in, without its socket.
#[derive(Debug)]
pub struct Acquaintance {
    /// What it says first, and what a good answer starts with; nothing where nobody would understand it.
    hello: Option<(Vec<u8>, Vec<u8>)>,
    /// The call, and the reply to it.
    call: (Vec<u8>, Vec<u8>),
    called: bool,
    inbox: Vec<u8>,
}

impl Acquaintance {
    /// A client that says hello if there is one, and makes this call.
    pub fn new(hello: Option<(Vec<u8>, Vec<u8>)>, call: (Vec<u8>, Vec<u8>)) -> Self {
        Self { called: hello.is_none(), hello, call, inbox: Vec::new() }
    }
}

impl Entrance for Acquaintance {
    fn hello(&self) -> Vec<u8> {
        self.hello.as_ref().map_or_else(|| self.call.0.clone(), |(hello, _)| hello.clone())
    }

    fn receive(&mut self, bytes: &[u8]) -> Result<Vec<u8>> {
        self.inbox.extend_from_slice(bytes);
        let Some((_, answer)) = self.hello.as_ref().filter(|(_, answer)| self.inbox.len() >= answer.len())
        else {
            return Ok(Vec::new());
        };
        ensure!(self.inbox.starts_with(answer), "no hello: {}", self.inbox.escape_ascii());
        if self.called {
            return Ok(Vec::new());
        }
        // However long the rest of the answer is: the reply comes after it.
        self.called = true;
        Ok(self.call.0.clone())
    }

    fn is_over(&self) -> bool {
        self.called && self.inbox.ends_with(&self.call.1)
    }

    fn goodbye(&self) -> Option<Vec<u8>> {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call() -> (Vec<u8>, Vec<u8>) {
        (b"call".to_vec(), b"reply".to_vec())
    }

    #[test]
    fn a_client_that_was_greeted_calls_once() {
        let mut client = Acquaintance::new(Some((b"hello".to_vec(), b"welcome".to_vec())), call());
        assert_eq!(client.hello(), b"hello");
        assert_eq!(client.receive(b"wel").unwrap(), b"");
        assert_eq!(client.receive(b"come, you").unwrap(), b"call");
        assert_eq!(client.receive(b"rep").unwrap(), b"");
        assert!(!client.is_over());
        assert_eq!(client.receive(b"ly").unwrap(), b"");
        assert!(client.is_over());
    }

    #[test]
    fn a_refusal_is_an_error() {
        let mut client = Acquaintance::new(Some((b"hello".to_vec(), b"welcome".to_vec())), call());
        assert!(client.receive(b"go away").is_err());
    }

    #[test]
    fn where_nobody_is_greeted_the_call_comes_first() {
        let mut client = Acquaintance::new(None, call());
        assert_eq!(client.hello(), b"call");
        assert_eq!(client.receive(b"reply").unwrap(), b"");
        assert!(client.is_over());
    }
}
