//! A contract in a module, fulfilled by path; private, and with every kind of method.
#![deny(warnings)]

mod shared {
    use jidda::handler::RawArguments;
    use jidda::prelude::*;

    #[derive(serde::Serialize, serde::Deserialize)]
    pub struct Line {
        pub text: String,
    }

    /// What a client may be asked.
    #[namespace("/chat", side = client)]
    pub trait ChatEvents: std::fmt::Debug {
        #[on]
        async fn posted(&self, line: Line);
        #[on("draw.me.a.sheep")]
        fn sheep(&self) -> Result<String, String>;
        #[on("*")]
        async fn unknown(&self, arguments: RawArguments);
    }
}

#[derive(Debug)]
struct Events;

#[jidda::namespace]
impl shared::ChatEvents for Events {
    async fn posted(&self, _: &jidda::Socket, shared::Line { text }: shared::Line) {
        println!("{text}");
    }

    fn sheep(&self) -> Result<String, String> {
        Ok("sheep".to_owned())
    }

    async fn unknown(&self, _: &jidda::handler::EventName, _: jidda::handler::RawArguments) {}
}

async fn caller(socket: &jidda::Socket) {
    let line = || shared::Line { text: String::new() };
    let _ = shared::ChatEventsClient::new(socket).posted(line()).await;
    let _ = shared::ChatEventsClient::new(socket.to("lobby")).posted(line()).await;
    let _: Result<String, jidda::error::CallError<String>> =
        shared::ChatEventsClient::new(socket).sheep().await;
}

pub fn main() {
    let _ = caller;
    let events: Vec<_> =
        shared::ChatEventsClient::handlers::<Events>().iter().map(|entry| entry.event()).collect();
    assert_eq!(events, ["posted", "draw.me.a.sheep", "*"]);
}
