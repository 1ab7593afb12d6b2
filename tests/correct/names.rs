//! Names that could be mistaken for generated ones.
#![deny(warnings)]
#![allow(non_camel_case_types)]

use jidda::peer::Handshake;
use jidda::prelude::*;

#[derive(Debug, serde::Serialize, serde::Deserialize)]
pub struct C(u8);

#[derive(serde::Serialize, serde::Deserialize)]
pub struct T(u8);

#[on]
async fn r#match(r#type: u8, #[allow(unused)] target: C) -> C {
    C(r#type)
}

#[on]
fn glue(context: T, arguments: u8) -> u8 {
    context.0 + arguments
}

#[on]
async fn context(context: &Handshake, output: u8, reader: u8) -> u8 {
    let _ = context;
    output + reader
}

pub struct Chat;

#[namespace("/chat")]
impl Chat {
    #[on("connect")]
    async fn enter(&self, auth: T) -> Result<(), C> {
        Err(C(auth.0))
    }

    #[on]
    async fn r#loop(&self, C(value): C, _: T, mut _n: u8) -> u8 {
        _n += value;
        _n
    }

    #[on]
    async fn without_self(n: u8) -> u8 {
        n
    }

    #[on]
    async fn of_itself(&self) -> Option<Self>
where {
        None
    }
}

impl serde::Serialize for Chat {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_unit()
    }
}

fn handlers_in_functions() {
    #[derive(serde::Deserialize)]
    struct Local(u8);

    #[on]
    async fn local(value: Local) -> u8 {
        value.0
    }

    assert_eq!(local::handler().event(), "local");
}

async fn caller(client: &Client) {
    let _ = r#match::call(client, 1, C(2)).await;
    let _ = glue::emit(client, T(1), 2).await;
    let chat = ChatClient::connect(client, T(1)).await.unwrap();
    let _: u8 = chat.r#loop(C(1), T(2), 3).await.unwrap();
    let _: u8 = chat.without_self(3).await.unwrap();
}

pub fn main() {
    let _ = caller;
    handlers_in_functions();
    assert_eq!(r#match::handler().event(), "match");
    assert_eq!(r#match::handler().arguments()[0].name, "type");
    assert_eq!(ChatClient::handlers()[1].arguments()[0].name, "argument_1");
}
