//! Several handlers of one event, wherever handlers may stand.

use jidda::handler::EventName;
use jidda::prelude::*;

#[derive(Default)]
struct Gate;

#[namespace("/gate")]
impl Gate {
    #[on("connect", allow = "keeper")]
    async fn enter_as_keeper(&self) {}

    #[on("connect")]
    async fn enter(&self, name: String) {
        drop(name);
    }

    #[on("open", allow = "keeper")]
    async fn open_for_keeper(&self, wide: bool) -> bool {
        wide
    }

    #[on("open", allow = ["guest", "cat",])]
    fn open(&self) -> u8 {
        1
    }

    #[on("*", allow = "keeper")]
    async fn everything(&self, event: &EventName) -> String {
        event.to_string()
    }

    #[on("*")]
    async fn anything(&self) {}
}

#[namespace("/contract")]
pub trait Rules {
    #[on("rule", allow = "king")]
    async fn rule(&self) -> String;

    #[on("rule", allow = ["queen", "regent"], sequential)]
    async fn rule_instead(&self) -> String;
}

#[derive(Default)]
struct Realm;

#[namespace]
impl Rules for Realm {
    async fn rule(&self) -> String {
        "king".into()
    }

    async fn rule_instead(&self) -> String {
        "queen".into()
    }
}

#[namespace("/module")]
mod module {
    use jidda::prelude::*;

    #[on("a", allow = "b")]
    pub async fn first() {}

    #[on("a")]
    pub async fn second() {}
}

/// The stub joins as everyone may: with a name.
async fn stubs(client: &Client) -> jidda::Result<()> {
    let gate = GateClient::connect(client, "ada".to_owned()).await?;
    let _: bool = gate.open_for_keeper(true).await?;
    let _: u8 = gate.open().await?;
    let rules = RulesClient::connect(client).await?;
    let _: String = rules.rule_instead().await?;
    module::second::emit(client).await?;
    Ok(())
}

pub fn main() {
    let _ = stubs;
    let table = Server::builder().check().expect("nothing is handled twice");
    assert_eq!(table.handlers().count(), 10);
    print!("{table}");
}
