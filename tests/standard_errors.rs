//! What a program calls returns standard errors: `?` works under anyhow, eyre and `Box<dyn Error>`, with causes as data.

use std::error::Error as StandardError;
use std::time::Duration;

use jidda::Error;
use jidda::error::{ConnectError, DialError, IdentifyError, RoomError, SendError, StdError, WaitError};
use jidda::prelude::*;
use serde::{Deserialize, Serialize};

/// Each text of an error and its sources, outermost first.
fn texts(error: &(dyn StandardError + 'static)) -> Vec<String> {
    std::iter::successors(Some(error), |&error| error.source()).map(ToString::to_string).collect()
}

/// A source is shown once: no text contains that of its source.
fn is_one_level_each(error: &(dyn StandardError + 'static)) -> bool {
    texts(error).windows(2).all(|pair| !pair[0].contains(&pair[1]))
}

struct Standard;

#[derive(Debug, PartialEq, Serialize, Deserialize)]
enum Full {
    Seats(u8),
}

impl std::fmt::Display for Full {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self::Seats(seats) = self;
        write!(f, "all {seats} seats are taken")
    }
}

#[namespace("/", app = Standard)]
mod root {
    use super::*;

    #[on]
    async fn enter(_name: String) -> Result<(), Full> {
        Err(Full::Seats(3))
    }

    #[on]
    async fn become_somebody(socket: &Socket) -> jidda::Result<()> {
        socket.identify("x".repeat(5000))?;
        Ok(())
    }
}

#[namespace("/closed", app = Standard)]
mod closed {
    use super::*;

    #[on("connect")]
    async fn refuse() -> jidda::Result<()> {
        Err(Error::new("closed", "come back tomorrow"))
    }
}

async fn pair(name: &str) -> anyhow::Result<(Server, Client)> {
    let address = format!("mem:{name}");
    let server = Server::builder().app::<Standard>().listen(&address).start().await?;
    let client = Client::connect(&address).await?;
    Ok((server, client))
}

#[tokio::test]
async fn question_mark_works_under_anyhow() {
    async fn program() -> anyhow::Result<()> {
        let (server, client) = pair("anyhow").await?;
        client.emit("nothing", &()).await?;
        server.to("lobby").join("other").await?;
        server.dial("mem:nobody")?;
        client.call::<()>("enter", &"ada").await?;
        Ok(())
    }
    let error = program().await.unwrap_err();
    let refused = error.downcast_ref::<jidda::error::CallError>().expect("the call's error");
    assert!(matches!(refused, CallError::App(_)), "{refused:?}");
}

#[tokio::test]
async fn question_mark_works_under_eyre_and_box() {
    async fn under_eyre() -> eyre::Result<()> {
        Client::connect("pigeon://roof").await?;
        Ok(())
    }
    async fn boxed() -> Result<(), Box<dyn StandardError>> {
        Client::connect("pigeon://roof").await?;
        Ok(())
    }
    async fn boxed_to_send() -> Result<(), Box<dyn StandardError + Send + Sync>> {
        Err(Error::new("full", "no seat is left"))?;
        Ok(())
    }
    let error = under_eyre().await.unwrap_err();
    assert!(matches!(error.downcast_ref(), Some(ConnectError::Address(_))), "{error}");
    let error = boxed().await.unwrap_err();
    assert!(matches!(error.downcast_ref(), Some(ConnectError::Address(_))), "{error}");
    let error = boxed_to_send().await.unwrap_err();
    assert_eq!(error.downcast_ref::<StdError>().expect("the handler's error").as_error().code(), "full");
}

#[derive(Debug)]
enum OfTheProgram {
    Connect(ConnectError),
    Call(CallError<Full>),
    Room(RoomError),
    Identify(IdentifyError),
    Wait(WaitError),
    Dial(DialError),
    Send(SendError),
}

macro_rules! wraps {
    ($($variant:ident($error:ty)),+ $(,)?) => {
        $(impl From<$error> for OfTheProgram {
            fn from(error: $error) -> Self {
                Self::$variant(error)
            }
        })+

        impl OfTheProgram {
            fn cause(&self) -> &(dyn StandardError + 'static) {
                match self {
                    $(Self::$variant(error) => error,)+
                }
            }
        }
    };
}

wraps!(
    Connect(ConnectError),
    Call(CallError<Full>),
    Room(RoomError),
    Identify(IdentifyError),
    Wait(WaitError),
    Dial(DialError),
    Send(SendError),
);

#[tokio::test]
async fn each_error_is_a_cause_of_the_programs_own() {
    let (server, client) = pair("causes").await.unwrap();
    let program = async |which: u8| -> Result<(), OfTheProgram> {
        let socket = server.sockets().pop().expect("the client's");
        match which {
            0 => drop(Client::connect("tcp://127.0.0.1:1").await?),
            1 => root::Client::new(&client).enter("ada").await?,
            2 => socket.join(&"x".repeat(5000)).await?,
            3 => socket.identify("x".repeat(5000))?,
            4 => drop(server.user("ada").wait_online(Duration::ZERO).await?),
            5 => server.dial("pigeon://roof")?,
            _ => client.emit("$/hello", &()).await?,
        }
        Ok(())
    };
    let expected = [
        "cannot connect to tcp://127.0.0.1:1",
        "all 3 seats are taken",
        "the name of the room has 5000 bytes, the limit is 1024",
        "the name of the identity has 5000 bytes, the limit is 1024",
        "`ada` is not online",
        "this scheme is not known",
        "the event name `$/hello` is reserved",
    ];
    for (which, expected) in (0..).zip(expected) {
        let error = program(which).await.unwrap_err();
        let text = error.cause().to_string();
        assert!(text.contains(expected), "{which}: {text}");
        assert!(is_one_level_each(error.cause()), "{:?}", texts(error.cause()));
    }
}

#[tokio::test]
async fn a_refused_connection_has_the_refusal_as_its_source() {
    let (_server, client) = pair("refused").await.unwrap();
    let refusal = client.join("/closed", &()).await.unwrap_err();
    let error = ConnectError::Refused(refusal);
    assert_eq!(texts(&error), ["the server refused the connection", "come back tomorrow (closed)"]);
}

#[tokio::test]
async fn credentials_fail_with_whatever_the_closure_raises() {
    let (_server, _client) = pair("closures").await.unwrap();
    let missing = async || Ok(std::fs::read_to_string("/there/is/no/token")?);
    let error = Client::builder("mem:closures").credentials_with(missing).connect().await.unwrap_err();
    assert_eq!(texts(&error)[0], "the client's credentials cannot be obtained");
    assert!(texts(&error)[1].contains("No such file"), "{:?}", texts(&error));
    assert!(is_one_level_each(&error));
    let own = async || -> jidda::Result<String> { Err(Error::new("locked", "the key store is locked")) };
    let error = Client::builder("mem:closures").credentials_with(own).connect().await.unwrap_err();
    assert_eq!(texts(&error)[1], "the key store is locked");
}

#[tokio::test]
async fn a_handler_passes_on_what_is_meant_for_its_caller() {
    let (_server, client) = pair("callers").await.unwrap();
    let refused = client.call::<()>("become_somebody", &()).await.unwrap_err();
    assert_eq!(refused.code(), Some("too_large"), "{refused}");
}

#[tokio::test]
async fn what_is_wrong_with_a_client_is_a_list() {
    let error = Client::builder("mem:list").connections(0).max_message(0).connect().await.unwrap_err();
    let ConnectError::Invalid(problems) = &error else { panic!("{error}") };
    assert_eq!(problems.problems().len(), 2, "{problems}");
    assert!(error.to_string().starts_with("the client cannot start:\n  `connections` is 0"), "{error}");
}
