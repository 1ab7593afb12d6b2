//! The conformance app of `../jidda.rs` on socketioxide.
//!
//!     interop-socketioxide [ADDRESS] [--parser msgpack] [--heartbeat MS] [--limit BYTES]
//!
//! It has what this server has: a refusal is a message without data, and a reason of an end is in its own words.

mod values;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use rmpv::Value;
use serde::Deserialize;
use socketioxide::extract::{AckSender, Data, SocketRef};
use socketioxide::handler::ConnectHandler;
use socketioxide::{ParserConfig, SocketIo, TransportType};

use values::{Arguments, hexed, item, map};

/// How long a client has for its answer.
const PATIENCE: Duration = Duration::from_secs(5);
/// As much as can pass before a call is given up that nobody answers.
const IMPATIENCE: Duration = Duration::from_millis(100);

#[derive(Clone, Debug, Default, Deserialize)]
struct Auth {
    token: Option<String>,
}

/// What a client sent piece by piece.
#[derive(Clone, Default)]
struct Collected(Arc<Mutex<Vec<Value>>>);

/// Lets everyone in but who has the wrong token.
async fn admit(socket: SocketRef, Data(auth): Data<Option<Auth>>) -> Result<(), &'static str> {
    let auth = auth.unwrap_or_default();
    match auth.token.as_deref() {
        Some("wrong") => return Err("who are you?"),
        Some("many") => return Err("come back later"),
        _ => {}
    }
    socket.extensions.insert(auth);
    socket.extensions.insert(Collected::default());
    Ok(())
}

async fn enter(socket: SocketRef, io: SocketIo) {
    talk(&socket);
    call(&socket);
    rooms(&socket, &io);
    if socket.ns() == "/" {
        let token = socket.extensions.get::<Auth>().unwrap_or_default().token;
        for number in 1..=3 {
            socket.emit("welcome", &(number, &token)).ok();
        }
    }
}

/// Events and acknowledgements.
fn talk(socket: &SocketRef) {
    socket.on("echo", async |Data(Arguments(values)), ack: AckSender| {
        ack.send(&Arguments(values)).ok();
    });
    socket.on("whoami", async |socket: SocketRef, ack: AckSender| {
        let token = socket.extensions.get::<Auth>().unwrap_or_default().token;
        ack.send(&(socket.ns(), token)).ok();
    });
    socket.on("transport", async |socket: SocketRef, ack: AckSender| {
        let is_polling = socket.transport_type() == TransportType::Polling;
        ack.send(if is_polling { "polling" } else { "websocket" }).ok();
    });
    socket.on("back", async |socket: SocketRef, Data(Arguments(values))| {
        socket.emit("back", &Arguments(values)).ok();
    });
    socket.on("message", async |socket: SocketRef, Data(Arguments(values))| {
        socket.emit("message", &Arguments(values)).ok();
    });
    socket.on("add", async |Data::<(i64, i64)>((a, b)), ack: AckSender| {
        ack.send(&(a + b)).ok();
    });
    socket.on("divide", async |Data::<(i64, i64)>((a, b)), ack: AckSender| {
        let error = || {
            let data = map([("a", a.into())]);
            map([("code", "zero".into()), ("message", "division by zero".into()), ("data", data)])
        };
        let reply = a.checked_div(b).map_or_else(|| map([("error", error())]), Value::from);
        ack.send(&Arguments(vec![reply])).ok();
    });
    socket.on("nothing", async |ack: AckSender| {
        ack.send(&Arguments(Vec::new())).ok();
    });
    socket.on("several", async |ack: AckSender| {
        ack.send(&("one", map([("two", 2.into())]), [3])).ok();
    });
    socket.on("grüße 😀", async |Data::<String>(text), ack: AckSender| {
        ack.send(&format!("{text} 😀")).ok();
    });
    socket.on("hexed", async |Data(Arguments(values)), ack: AckSender| {
        ack.send(&Arguments(values.into_iter().map(hexed).collect())).ok();
    });
    socket.on("bytes", async |ack: AckSender| {
        let deep = map([("deep", Value::Binary(vec![255]))]);
        let list = Value::Array(vec![Value::Binary(vec![1, 2, 3]), deep]);
        let nested = map([("list", list), ("text", "x".into())]);
        ack.send(&Arguments(vec![nested, Value::Binary(Vec::new())])).ok();
    });
    socket.on("collect", async |socket: SocketRef, Data(Arguments(values))| {
        let collected = socket.extensions.get::<Collected>().unwrap_or_default();
        collected.0.lock().unwrap().extend(values);
    });
    socket.on("collected", async |socket: SocketRef, ack: AckSender| {
        let collected = socket.extensions.get::<Collected>().unwrap_or_default();
        let values = collected.0.lock().unwrap().iter().cloned().map(hexed).collect();
        ack.send(&Arguments(vec![Value::Array(values)])).ok();
    });
    socket.on("series", async |socket: SocketRef, Data::<u32>(count), ack: AckSender| {
        for number in 0..count {
            socket.emit("item", &Arguments(vec![number.into(), item(number)])).ok();
        }
        ack.send(&Arguments(Vec::new())).ok();
    });
    socket.on("bye", async |socket: SocketRef| {
        socket.disconnect().ok();
    });
    socket.on("describe", async |socket: SocketRef, Data::<String>(prefix), ack: AckSender| {
        let number = socket.ns().rsplit('/').next().unwrap_or_default().to_owned();
        ack.send(&(prefix + &number)).ok();
    });
}

/// What the client answers.
fn call(socket: &SocketRef) {
    socket.on("ask", async |socket: SocketRef, Data(Arguments(values)), ack: AckSender| {
        let answer =
            match socket.timeout(PATIENCE).emit_with_ack::<_, Arguments>("question", &Arguments(values)) {
                Ok(answer) => answer.await.ok(),
                Err(_) => None,
            };
        let answer = match answer {
            None => "timeout".into(),
            Some(Arguments(mut values)) if values.len() == 1 => values.remove(0),
            Some(Arguments(values)) if values.is_empty() => Value::Nil,
            Some(Arguments(values)) => Value::Array(values),
        };
        ack.send(&Arguments(vec![answer])).ok();
    });
    socket.on("ask in vain", async |socket: SocketRef, ack: AckSender| {
        let none = Arguments(Vec::new());
        let answer = socket.timeout(IMPATIENCE).emit_with_ack::<_, Arguments>("question", &none);
        let is_answered = match answer {
            Ok(answer) => answer.await.is_ok(),
            Err(_) => false,
        };
        ack.send(if is_answered { "answered" } else { "timeout" }).ok();
    });
}

/// To others, and to everyone.
fn rooms(socket: &SocketRef, io: &SocketIo) {
    socket.on("join", async |socket: SocketRef, Data::<String>(room), ack: AckSender| {
        socket.join(room);
        ack.send(&Arguments(Vec::new())).ok();
    });
    socket.on("leave", async |socket: SocketRef, Data::<String>(room), ack: AckSender| {
        socket.leave(room);
        ack.send(&Arguments(Vec::new())).ok();
    });
    type Said = (Vec<String>, Vec<String>, String);
    socket.on("say", async |socket: SocketRef, Data::<Said>((to, except, text)), ack: AckSender| {
        socket.to(to).except(except).emit("said", &text).await.ok();
        ack.send(&Arguments(Vec::new())).ok();
    });
    let everyone = io.clone();
    socket.on(
        "tell",
        move |socket: SocketRef,
              Data::<(Vec<String>, Vec<String>, Value)>((to, except, value)),
              ack: AckSender| {
            let everyone = everyone.clone();
            async move {
                if let Some(everyone) = everyone.of(socket.ns()) {
                    everyone.within(to).except(except).emit("said", &Arguments(vec![value])).await.ok();
                }
                ack.send(&Arguments(Vec::new())).ok();
            }
        },
    );
    let everyone = io.clone();
    socket.on("ask all", move |Data::<(String, String)>((room, value)), ack: AckSender| {
        let everyone = everyone.clone();
        async move {
            let mut answers = Vec::new();
            for member in everyone.within(room).sockets() {
                if let Ok(answer) = member.timeout(PATIENCE).emit_with_ack::<_, String>("question", &value) {
                    answers.extend(answer.await.ok());
                }
            }
            answers.sort();
            ack.send(&(answers,)).ok();
        }
    });
}

// One thread: each message is handled in a task of its own, and they are to stay in order.
#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut address = "127.0.0.1:0".to_owned();
    let mut builder = SocketIo::builder();
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--parser" => {
                arguments.next();
                builder = builder.with_parser(ParserConfig::msgpack());
            }
            "--limit" => {
                let limit: u64 = arguments.next().unwrap_or_default().parse()?;
                let size = usize::try_from(limit)?;
                builder = builder.max_payload(limit).ws_max_message_size(size).ws_max_frame_size(size);
            }
            "--heartbeat" => {
                let interval = Duration::from_millis(arguments.next().unwrap_or_default().parse()?);
                builder = builder.ping_interval(interval).ping_timeout(5 * interval);
            }
            _ => address = argument,
        }
    }
    let (layer, io) = builder.max_buffer_size(4096).build_layer();
    io.ns("/", enter.with(admit));
    io.ns("/chat", enter.with(admit));
    io.dyn_ns("/orders/{id}", enter.with(admit))?;
    let listener = tokio::net::TcpListener::bind(address).await?;
    println!("socketioxide listens on tcp://{}", listener.local_addr()?);
    axum::serve(listener, Router::new().layer(layer)).await?;
    Ok(())
}
