//! Rooms: who hears what.

use jidda::Client;
use jidda::payload::Value;

use crate::inbox::Inbox;
use crate::runner::{Scenario, scenarios};
use crate::session::{Session, Setting, unique};
use crate::target::Ability;

pub(super) fn all(setting: &Setting) -> Vec<Scenario> {
    let has_selections = setting.target.has(Ability::Selections);
    scenarios![
        a_room_reaches_its_members,
        a_room_that_was_left_is_quiet,
        who_is_excepted_hears_nothing if has_selections,
        a_room_answers_the_server if has_selections,
    ]
}

const NOBODY: [&str; 0] = [];

/// Three clients, of which the first two are in the room.
async fn three(session: &Session, room: &str) -> jidda::Result<[(Client, Inbox); 3]> {
    let mut clients = Vec::new();
    for number in 0..3 {
        let client = session.connect().await?;
        let inbox = Inbox::new(&client.root(), "said");
        if number < 2 {
            client.call::<()>("join", &room).await?;
        }
        clients.push((client, inbox));
    }
    Ok(clients.try_into().expect("they are three"))
}

/// What each has heard by now: an answer comes after whatever was sent before it was asked for.
async fn heard(clients: &mut [(Client, Inbox); 3]) -> jidda::Result<[Vec<Value>; 3]> {
    let mut all = Vec::new();
    for (client, inbox) in clients {
        client.call::<i64>("echo", &1).await?;
        all.push(inbox.firsts());
    }
    Ok(all.try_into().expect("they are three"))
}

async fn a_room_reaches_its_members(session: Session) -> jidda::Result<()> {
    let room = unique("room");
    let mut clients = three(&session, &room).await?;
    clients[0].0.call::<()>("say", &([&room], NOBODY, "from a")).await?;
    clients[2].0.call::<()>("say", &([&room], NOBODY, "from c")).await?;
    clients[1].0.call::<()>("tell", &([&room], NOBODY, "from b")).await?;
    let [a, b, c] = heard(&mut clients).await?;
    assert_eq!(a, [Value::from("from c"), Value::from("from b")]);
    assert_eq!(b, [Value::from("from a"), Value::from("from c"), Value::from("from b")]);
    assert_eq!(c, []);
    Ok(())
}

async fn a_room_that_was_left_is_quiet(session: Session) -> jidda::Result<()> {
    let room = unique("room");
    let mut clients = three(&session, &room).await?;
    clients[0].0.call::<()>("leave", &room).await?;
    clients[2].0.call::<()>("tell", &([&room], NOBODY, "hello")).await?;
    let [a, b, c] = heard(&mut clients).await?;
    assert_eq!((a, b, c), (vec![], vec![Value::from("hello")], vec![]));
    Ok(())
}

async fn who_is_excepted_hears_nothing(session: Session) -> jidda::Result<()> {
    let (room, other) = (unique("room"), unique("room"));
    let mut clients = three(&session, &room).await?;
    clients[1].0.call::<()>("join", &other).await?;
    clients[2].0.call::<()>("tell", &([&room], [&other], "hello")).await?;
    let [a, b, c] = heard(&mut clients).await?;
    assert_eq!((a, b, c), (vec![Value::from("hello")], vec![], vec![]));
    Ok(())
}

async fn a_room_answers_the_server(session: Session) -> jidda::Result<()> {
    let room = unique("room");
    let clients = three(&session, &room).await?;
    for (number, (client, _)) in clients.iter().enumerate() {
        client.on("question", move |value: String| async move { format!("{value} {number}") });
    }
    let answers: Vec<String> = clients[2].0.call("ask all", &(&room, "answer")).await?;
    assert_eq!(answers, ["answer 0", "answer 1"]);
    Ok(())
}
