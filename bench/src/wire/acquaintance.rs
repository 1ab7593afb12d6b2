//! How a client of the native wire gets in: it says hello, joins the root namespace, makes one call, and is gone.

use anyhow::{Result, ensure};

use super::Entrance;

/// Of every answer, so many bytes say what it is an answer to. What follows says whether it is a good one.
pub const ADDRESSED: usize = 7;

/// What a client says, and how a good answer to the last of it starts.
#[derive(Debug)]
pub struct Step {
    /// It may be several messages.
    pub say: Vec<u8>,
    /// At least [`ADDRESSED`] bytes.
    pub answer: Vec<u8>,
}

/// A client on its way in, without its socket.
#[derive(Debug)]
pub struct Acquaintance {
    /// What is left of it: the first has been said.
    steps: Vec<Step>,
    inbox: Vec<u8>,
}

impl Acquaintance {
    /// A client that takes these steps, of which there is one at least.
    pub fn by(steps: Vec<Step>) -> Self {
        Self { steps, inbox: Vec::new() }
    }
}

impl Entrance for Acquaintance {
    fn hello(&self) -> Vec<u8> {
        self.steps[0].say.clone()
    }

    fn receive(&mut self, bytes: &[u8]) -> Result<Vec<u8>> {
        self.inbox.extend_from_slice(bytes);
        let Some(Step { answer, .. }) = self.steps.first() else { return Ok(Vec::new()) };
        let Some(start) = self.inbox.windows(ADDRESSED).position(|it| it == &answer[..ADDRESSED]) else {
            return Ok(Vec::new());
        };
        let Some(found) = self.inbox.get(start..start + answer.len()) else { return Ok(Vec::new()) };
        ensure!(found == answer, "refused: {}", self.inbox.escape_ascii());
        self.inbox.drain(..start + answer.len());
        self.steps.remove(0);
        Ok(self.steps.first().map(|step| step.say.clone()).unwrap_or_default())
    }

    fn is_over(&self) -> bool {
        self.steps.is_empty()
    }

    fn goodbye(&self) -> Option<Vec<u8>> {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client() -> Acquaintance {
        let step = |say: &[u8], answer: &[u8]| Step { say: say.to_vec(), answer: answer.to_vec() };
        Acquaintance::by(vec![step(b"hello", b"hello: welcome"), step(b"call", b"call 1: reply")])
    }

    #[test]
    fn a_client_says_one_thing_after_another() {
        let mut client = client();
        assert_eq!(client.hello(), b"hello");
        assert_eq!(client.receive(b"hello: wel").unwrap(), b"");
        assert_eq!(client.receive(b"come, client, call").unwrap(), b"call");
        assert_eq!(client.receive(b" 0: something else, call 1: r").unwrap(), b"");
        assert!(!client.is_over());
        assert_eq!(client.receive(b"eply").unwrap(), b"");
        assert!(client.is_over());
    }

    #[test]
    fn a_refusal_is_an_error() {
        assert!(client().receive(b"hello: go away").is_err());
    }
}
