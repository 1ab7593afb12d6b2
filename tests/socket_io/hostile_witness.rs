//! Those who are innocent while others misbehave: one of each kind, on the same server from the first to the last.

use std::time::{Duration, Instant};

use jidda::server::ServerBuilder;
use jidda::{Client, Server};

use super::Journal;
use super::client::{Peer, authority};

/// A builder with what all of these tests need.
pub(crate) fn builder() -> ServerBuilder {
    Server::builder().listen("127.0.0.1:0").state(Journal::default())
}

pub(crate) struct Witness {
    native: Client,
    browser: Peer,
}

impl Witness {
    pub(crate) async fn join(server: &Server) -> Self {
        let native =
            Client::connect(&format!("tcp://{}", authority(server))).await.expect("the server serves");
        native.call::<()>("now", &()).await.expect("an answer");
        Self { native, browser: Peer::join(server).await.0 }
    }

    /// How many sockets the two are.
    pub(crate) const COUNT: usize = 2;

    /// Both are answered.
    pub(crate) async fn is_served(&mut self) {
        self.native_is_served().await;
        assert_eq!(self.browser.ask(r#"["echo",7]"#).await, "[7]");
    }

    /// The same, when others may say something to all at any time.
    pub(crate) async fn is_heard_and_served(&mut self) {
        self.native_is_served().await;
        assert_eq!(self.browser.ask_amid_others(r#"["echo",7]"#).await, "[7]");
    }

    async fn native_is_served(&self) {
        let answered = self.native.call::<Vec<i64>>("echo", &7).timeout(Duration::from_secs(10)).await;
        assert_eq!(answered, Ok(vec![7]));
    }

    /// Both are answered, and before long they are alone.
    pub(crate) async fn is_alone(&mut self, server: &Server) {
        let start = Instant::now();
        loop {
            self.is_heard_and_served().await;
            if server.count() == Self::COUNT {
                return;
            }
            assert!(start.elapsed() < Duration::from_secs(20), "{} are left", server.count());
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}

/// How much memory this process has now, in bytes.
pub(crate) fn resident() -> usize {
    let status = std::fs::read_to_string("/proc/self/statm").expect("this is Linux");
    status.split(' ').nth(1).and_then(|pages| pages.parse::<usize>().ok()).expect("pages") * 4096
}
