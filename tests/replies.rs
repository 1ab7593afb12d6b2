//! What a handler may return, and how its errors read for a caller that does not know their type.
#![allow(missing_docs)]

use std::error::Error as StdError;
use std::fmt;

use futures_util::StreamExt;
use jidda::prelude::*;
use jidda::stream::Stream;
use jidda::{Client, Error, testing};
use serde::{Deserialize, Serialize};

struct Replies;

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct SearchResult {
    hits: u32,
}

/// A value whose type's name ends like that of a result.
#[on(app = Replies)]
async fn search(hits: u32) -> SearchResult {
    SearchResult { hits }
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind")]
enum Refusal {
    Empty,
    TooLong { limit: u32 },
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("a title has at least 1 character"),
            Self::TooLong { limit } => write!(f, "a title has at most {limit} characters"),
        }
    }
}

type Answered<T> = Result<T, Refusal>;
type Done = Result<(), Refusal>;

/// An alias of a result that has another name.
#[on(app = Replies)]
fn title(text: String) -> Answered<u32> {
    match u32::try_from(text.len()).unwrap_or(u32::MAX) {
        0 => Err(Refusal::Empty),
        length if length > 9 => Err(Refusal::TooLong { limit: 9 }),
        length => Ok(length),
    }
}

#[on(app = Replies)]
async fn done(well: bool) -> Done {
    if well { Ok(()) } else { Err(Refusal::Empty) }
}

#[on(app = Replies)]
async fn boxed(text: String) -> Result<u16, Box<dyn StdError + Send + Sync>> {
    if text.is_empty() {
        Err(Error::new("empty", "a port is needed"))?;
    }
    Ok(text.parse()?)
}

#[on(app = Replies)]
fn items(n: u32) -> Answered<impl Stream<Item = Answered<u32>>> {
    if n == 0 {
        return Err(Refusal::Empty);
    }
    let items = (0..n).map(|n| if n < 2 { Ok(n) } else { Err(Refusal::TooLong { limit: 2 }) });
    Ok(futures_util::stream::iter(items))
}

/// Its type names no stream, and it is an alias of a result.
type Ticks = Result<futures_util::stream::Iter<std::ops::Range<u32>>, Refusal>;

#[on(app = Replies, stream = u32)]
fn ticks(n: u32) -> Ticks {
    if n == 0 { Err(Refusal::Empty) } else { Ok(futures_util::stream::iter(0..n)) }
}

/// A macro that has the name of one of the standard library's, and waits.
macro_rules! format {
    ($text:expr) => {{
        tokio::task::yield_now().await;
        $text.to_owned()
    }};
}

#[on(app = Replies)]
async fn shadowed() -> String {
    format!("waited")
}

async fn pair() -> (Client, Server) {
    testing::pair_with(Server::builder().app::<Replies>(), |client| client).await.unwrap()
}

#[tokio::test]
async fn a_reply_is_what_its_type_says() {
    let (client, _server) = pair().await;
    assert_eq!(search::call(&client, 3).await, Ok(SearchResult { hits: 3 }));
    assert_eq!(title::call(&client, "four".to_owned()).await, Ok(4));
    assert_eq!(title::call(&client, String::new()).await.unwrap_err().into_app(), Some(Refusal::Empty));
    assert_eq!(done::call(&client, true).await, Ok(()));
    assert_eq!(done::call(&client, false).await.unwrap_err().into_app(), Some(Refusal::Empty));
    assert_eq!((search::handler().reply(), search::handler().error()), ("SearchResult", None));
    assert_eq!((title::handler().reply(), title::handler().error()), ("u32", Some("Error")));
}

#[tokio::test]
async fn a_box_of_errors_is_internal_and_gives_back_what_is_for_the_caller() {
    let (client, _server) = pair().await;
    assert_eq!(boxed::call(&client, "80".to_owned()).await, Ok(80));
    assert!(matches!(boxed::call(&client, "x".to_owned()).await, Err(CallError::Internal { .. })));
    let refused = boxed::call(&client, String::new()).await.unwrap_err();
    assert_eq!(refused.code(), Some("empty"));
}

#[tokio::test]
async fn a_stream_may_be_behind_an_alias() {
    let (client, _server) = pair().await;
    let read: Vec<_> = items::call(&client, 3).collect().await;
    assert_eq!(read, [Ok(0), Ok(1), Err(CallError::App(Refusal::TooLong { limit: 2 }))]);
    let read: Vec<_> = items::call(&client, 0).collect().await;
    assert_eq!(read, [Err(CallError::App(Refusal::Empty))]);
    let read: Vec<_> = ticks::call(&client, 2).collect().await;
    assert_eq!(read, [Ok(0), Ok(1)]);
    let read: Vec<_> = ticks::call(&client, 0).collect().await;
    assert_eq!(read, [Err(CallError::App(Refusal::Empty))]);
}

#[tokio::test]
async fn a_macro_may_hide_that_a_handler_waits() {
    let (client, _server) = pair().await;
    assert_eq!(shadowed::call(&client).await.as_deref(), Ok("waited"));
}

#[cfg(feature = "anyhow")]
mod of_anyhow {
    use super::*;

    #[on(app = Replies)]
    async fn any(text: String) -> anyhow::Result<u16> {
        anyhow::ensure!(!text.is_empty(), "a port is needed");
        Ok(text.parse()?)
    }

    #[tokio::test]
    async fn an_error_of_anyhow_is_internal() {
        let (client, _server) = pair().await;
        assert_eq!(any::call(&client, "80".to_owned()).await, Ok(80));
        assert!(matches!(any::call(&client, String::new()).await, Err(CallError::Internal { .. })));
    }
}
