//! Acknowledgements in both directions.

use futures_util::future::try_join_all;
use jidda::error::CallError;
use jidda::handler::RawArguments;
use jidda::payload::Value;

use crate::runner::{Scenario, scenarios};
use crate::session::{Session, Setting, entry};

pub(super) fn all(_: &Setting) -> Vec<Scenario> {
    scenarios![
        acknowledgements_of_none_one_and_several_values,
        a_handler_that_fails_acknowledges_its_error,
        many_calls_in_flight,
        answers_the_server,
        answers_the_server_with_none_and_with_several_values,
        a_server_does_not_wait_for_an_answer_for_ever,
        a_call_that_nobody_answers_ends,
    ]
}

async fn acknowledgements_of_none_one_and_several_values(session: Session) -> jidda::Result<()> {
    let client = session.connect().await?;
    client.call::<()>("nothing", &()).await?;
    assert_eq!(client.call::<i64>("add", &(20, 22)).await?, 42);
    let (one, two, three): (String, Value, Vec<u8>) = client.call("several", &()).await?;
    assert_eq!((one.as_str(), entry(&two, "two").as_u64(), three), ("one", Some(2), vec![3]));
    Ok(())
}

/// As jidda writes errors: `{"error": {..}}`. Between jidda and jidda it is the call that fails.
async fn a_handler_that_fails_acknowledges_its_error(session: Session) -> jidda::Result<()> {
    let client = session.connect().await?;
    assert_eq!(client.call::<i64>("divide", &(6, 2)).await?, 3);
    match client.call::<Value>("divide", &(6, 0)).await {
        Ok(reply) => assert_eq!(entry(&entry(&reply, "error"), "code").as_str(), Some("zero")),
        // On this wire an error with data may be the handler's own, which is read as that.
        Err(CallError::App(data)) => assert_eq!(entry(&data, "a").as_u64(), Some(6)),
        Err(error) => assert!(error.to_string().contains("division by zero"), "{error}"),
    }
    Ok(())
}

async fn many_calls_in_flight(session: Session) -> jidda::Result<()> {
    let client = session.connect().await?;
    let calls = (0..200).map(|number| client.call::<i64>("add", &(number, 1)));
    let answers = try_join_all(calls.map(IntoFuture::into_future)).await?;
    assert_eq!(answers, (1..=200).collect::<Vec<_>>());
    Ok(())
}

async fn answers_the_server(session: Session) -> jidda::Result<()> {
    let client = session.connect().await?;
    client.on("question", |a: i64, b: i64| async move { a + b });
    assert_eq!(client.call::<i64>("ask", &(20, 22)).await?, 42);
    Ok(())
}

async fn answers_the_server_with_none_and_with_several_values(session: Session) -> jidda::Result<()> {
    let client = session.connect().await?;
    client.on("question", |values: Vec<Value>| async move { RawArguments(values) });
    let several = vec![Value::from("x"), Value::from(1)];
    assert_eq!(client.call::<Vec<Value>>("ask", &(several.clone(),)).await?, several);
    client.call::<Option<Value>>("ask", &(Vec::<Value>::new(),)).await?;
    Ok(())
}

async fn a_server_does_not_wait_for_an_answer_for_ever(session: Session) -> jidda::Result<()> {
    let client = session.connect().await?;
    let (release, released) = tokio::sync::watch::channel(false);
    client.on("question", move || {
        let mut released = released.clone();
        async move {
            released.wait_for(|&released| released).await.ok();
            "late"
        }
    });
    assert_eq!(client.call::<String>("ask in vain", &()).await?, "timeout");
    // Too late, and no harm.
    release.send(true).ok();
    assert_eq!(client.call::<i64>("echo", &1).await?, 1);
    Ok(())
}

async fn a_call_that_nobody_answers_ends(session: Session) -> jidda::Result<()> {
    let client = session.connect().await?;
    let limit = std::time::Duration::from_millis(50);
    let error = client.call::<Value>("no such handler", &()).timeout(limit).await;
    assert!(error.is_err(), "{error:?}");
    assert_eq!(client.call::<i64>("echo", &1).await?, 1);
    Ok(())
}
