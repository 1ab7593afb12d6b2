//! What a peer is told of what it may not do is no larger than it is worth, and ends nothing.

use proptest::prelude::*;
use rmpv::Value;

use super::task::{HERE, Task, frame, hello, notification, request};
use crate::config::Config;
use crate::error::Error;
use crate::foreign::TEXT;
use crate::handler::{Arguments, Context, Dispatch, HandlerEntry};
use crate::payload::Integers;
use crate::wire::engine_io::{Acknowledgements, EngineIo, Layer, Role, Version};
use crate::wire::socket_io::Parser;
use crate::wire::{Decoder, Limits, Packet, Protocol, Wire};

/// The most that one refusal takes.
const MOST: usize = TEXT + 640;

fn text(arguments: Arguments<'_>) -> Result<String, Error> {
    arguments.reader(&["value"])?.take()
}

/// Answers a text with the error that it is made to.
fn failing(arguments: Arguments<'_>, error: impl Fn(String) -> Error) -> Dispatch {
    Dispatch::refused(text(arguments).map_or_else(|refusal| refusal, error))
}

fn number(_: &Context, arguments: Arguments<'_>) -> Dispatch {
    let taken = arguments.reader(&["value"]).and_then(|mut reader| reader.take::<i64>());
    Dispatch::refused(taken.expect_err("no number was given"))
}

fn fail(_: &Context, arguments: Arguments<'_>) -> Dispatch {
    failing(arguments, |text| Error::new("nope", format!("not `{text}`")))
}

fn code(_: &Context, arguments: Arguments<'_>) -> Dispatch {
    failing(arguments, |text| Error::new(text.clone(), text))
}

fn data(_: &Context, arguments: Arguments<'_>) -> Dispatch {
    failing(arguments, |text| Error::new("nope", "see the data").with_data(vec![text; 3]))
}

fn big(context: &Context, arguments: Arguments<'_>) -> Dispatch {
    let encoding = context.origin().encoding();
    Dispatch::Ready(text(arguments).map_or_else(crate::handler::Reply::error, |text| {
        crate::handler::Reply::value(&vec![text; 3], encoding)
    }))
}

fn place(context: &Context, _: Arguments<'_>) -> Dispatch {
    Dispatch::refused(Error::new("bad_path", format!("`{}` is no place", context.origin().namespace())))
}

static ENTRIES: [&HandlerEntry; 6] = [
    &HandlerEntry::new("number", number, HERE),
    &HandlerEntry::new("fail", fail, HERE),
    &HandlerEntry::new("code", code, HERE),
    &HandlerEntry::new("data", data, HERE),
    &HandlerEntry::new("big", big, HERE),
    &HandlerEntry::new("connect", place, HERE).namespaced("/place/{id}"),
];

/// Names and arguments that grow when they are told again.
fn hostile() -> impl Strategy<Value = String> {
    let parts = prop_oneof![
        Just("\u{1}".to_owned()),
        Just("\u{1b}[2J\r\n".to_owned()),
        Just("\"\\".to_owned()),
        Just("\u{202e}\u{2028}é語".to_owned()),
        Just("name".to_owned()),
        any::<String>(),
    ];
    (parts, 0_usize..20_000).prop_map(|(part, count)| part.repeat(count / part.len().max(1) + 1))
}

/// All that is refused to a native peer, in as many ways as there are.
fn native(text: &str) -> Vec<(&'static str, Vec<u8>)> {
    let connect = |namespace: String| request(9, "$/connect", vec![namespace.into(), Value::Nil]);
    let mut all = vec![
        ("an unknown namespace", connect(format!("/{text}"))),
        ("a namespace with a colon", connect(format!("/:{text}"))),
        ("a namespace that refuses", connect(format!("/place/{}", text.replace([':', '/'], "")))),
        ("a reserved call", request(9, &format!("$/{text}"), vec![])),
        ("a reserved event", notification(&format!("$/{text}"), vec![])),
    ];
    for (what, method) in
        [("an unknown event", format!("x{text}")), ("an event elsewhere", format!("/{text}:{text}"))]
    {
        all.push((what, request(9, &method, vec![])));
        all.push((what, notification(&method, vec![])));
    }
    for event in ["number", "fail", "code"] {
        all.push((event, request(9, event, vec![text.into()])));
        all.push((event, notification(event, vec![text.into()])));
    }
    let credentials = Value::Map(vec![("identity".into(), text.into()), ("credentials".into(), text.into())]);
    all.push(("new credentials", request(9, "$/authenticate", vec![credentials])));
    let version = Value::Map(vec![("wire".into(), 0.into()), ("identity".into(), text.into())]);
    all.push(("another hello", request(9, "$/hello", vec![version])));
    all
}

fn socket_io(text: &str) -> Vec<(&'static str, String)> {
    let quoted = serde_json::to_string(text).unwrap();
    let name = text.replace(['\n', ',', '?', '/'], "");
    vec![
        ("an unknown call", format!("427[{quoted}]")),
        ("an unknown event", format!("42[{quoted}]")),
        ("an unknown namespace", format!("40/{name},")),
        ("a namespace that refuses", format!("40/place/{name},")),
        ("bad arguments", format!("427[\"number\",{quoted}]")),
        ("bad arguments of an event", format!("42[\"number\",{quoted}]")),
        ("an error", format!("427[\"fail\",{quoted}]")),
        ("a code", format!("427[\"code\",{quoted}]")),
    ]
}

const PING: (&str, &[u8]) = ("$/ping", &[0x94, 1, 7, 0xc0, 0xc0]);

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, ..ProptestConfig::default() })]

    #[test]
    fn a_native_refusal_is_small(text in hostile()) {
        runtime().block_on(async {
            for (what, bytes) in native(&text) {
                let mut task = Task::new(Wire::MessagePackRpc, Config::default(), &ENTRIES);
                task.say(&hello()).await;
                task.heard.clear();
                task.say(&bytes).await;
                let size = task.heard.len();
                assert!((1..=MOST).contains(&size), "{what}: {size} bytes for {}", bytes.len());
                task.heard.clear();
                task.say(&request(7, PING.0, vec![])).await;
                assert_eq!((&task.heard[..], &task.ended), (PING.1, &None), "{what}");
                // One that did not say hello has a last word in its place.
                let mut plain = Task::new(Wire::MessagePackRpc, Config::default(), &ENTRIES);
                plain.say(&bytes).await;
                let size = plain.heard.len();
                assert!(size <= MOST, "{what}, plain: {size} bytes for {}", bytes.len());
            }
        });
    }

    #[test]
    fn a_refusal_of_socket_io_is_small(text in hostile()) {
        runtime().block_on(async {
            for version in [Version::V4, Version::V3] {
                let wire =
                    Wire::EngineIo(EngineIo { role: Role::Server, version, layer: Layer::SocketIo(Parser::Json), base64: false, max_attachments: 10, is_parted: false, acknowledgements: Acknowledgements::Plain, integers: Integers::Safe });
                for (what, packet) in socket_io(&text) {
                    let mut task = Task::new(wire, Config::default(), &ENTRIES);
                    task.say(&if version == Version::V4 { frame(0x81, b"40") } else { Vec::new() }).await;
                    task.heard.clear();
                    task.say(&frame(0x81, packet.as_bytes())).await;
                    // Its client knows the namespace by its whole name.
                    let name = if what.contains("namespace") { text.len().min(TEXT) } else { 0 };
                    let size = task.heard.len();
                    assert!(size <= MOST + name, "{version:?}, {what}: {size} bytes for {}", packet.len());
                }
            }
        });
    }

    /// What a handler answers is its program's own, and may be large; but no larger than its peer takes.
    #[test]
    fn what_does_not_fit_is_an_error(text in hostile(), most in 200_usize..70_000) {
        runtime().block_on(async {
            for event in ["data", "big", "fail", "code"] {
                let config = Config { max_message: 100_000, ..Config::default() };
                let mut task = Task::new(Wire::MessagePackRpc, config, &ENTRIES);
                let words = vec![("wire".into(), 1.into()), ("max_message".into(), most.into())];
                task.say(&request(1, "$/hello", vec![Value::Map(words)])).await;
                task.say(&request(2, "$/connect", vec!["/".into()])).await;
                task.heard.clear();
                task.say(&request(9, event, vec![(&*text).into()])).await;
                let most = most.max(4096);
                let limits = Limits::new(most, 64);
                let mut heard = std::mem::take(&mut task.heard);
                let packet = Wire::MessagePackRpc.decode(&mut Decoder::default(), &mut heard, limits);
                let packet = packet.expect("no larger than it takes").expect("an answer").0;
                let is_large = 3 * text.len() > most;
                let Packet::Reply { id: 9, outcome } = packet else { panic!("{packet:?}") };
                match (event, outcome) {
                    ("big", Ok(_)) => assert!(!is_large),
                    ("big" | "data", Err(error)) => {
                        let failure = Wire::MessagePackRpc.read_failure(error);
                        assert!(is_large || event == "data", "{failure:?}");
                        assert!(!is_large || failure.code == "too_large", "{failure:?}");
                    }
                    (_, outcome) => assert!(outcome.is_err(), "{outcome:?}"),
                }
                task.say(&request(7, PING.0, vec![])).await;
                assert_eq!((&task.heard[..], &task.ended), (PING.1, &None), "{event}");
            }
        });
    }
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}
