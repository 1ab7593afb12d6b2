//! HTTP around Engine.IO: what else is on the port, who may come, and what a flood meets.
// A handler takes its context by value, as generated ones do.
#![allow(missing_docs, clippy::needless_pass_by_value)]

#[path = "support/handlers.rs"]
mod handlers;
#[path = "support/http.rs"]
mod http;
#[path = "support/peer.rs"]
mod peer;

use std::io::{Read, Write};
use std::time::{Duration, Instant};

use axum::Router;
use axum::extract::{Request, State};
use axum::routing::{get, post};
use handlers::{CONNECT, DISCONNECT, ECHO, HERE, Journal, WAIT, first};
use http::Http;
use jidda_runtime::handler::{AppKey, Arguments, Context, Dispatch, HandlerEntry, Reply};
use jidda_runtime::{Cookie, Cors, Encoding, PeerAddress, Resource, Server, Value};
use peer::{Peer, eventually, request, response};
use tokio::net::TcpListener;

/// Sends a message back.
fn message(context: &Context, arguments: Arguments<'_>) -> Dispatch {
    let value = first::<Value>(arguments).expect("a message");
    let socket = context.socket().expect("a socket");
    Dispatch::future(async move {
        socket.emit("message", &value).await.unwrap();
        Reply::value(&(), Encoding::MessagePack)
    })
}

/// Says what the path says.
fn parameters(context: &Context, _: Arguments<'_>) -> Dispatch {
    let socket = context.socket().expect("a socket");
    let text = format!("{:?}", context.origin().parameters());
    Dispatch::future(async move {
        socket.emit("message", &text).await.unwrap();
        Reply::value(&(), Encoding::MessagePack)
    })
}

struct Game;

static MESSAGE: HandlerEntry = HandlerEntry::new("message", message, HERE);
static IN_GAME: HandlerEntry = HandlerEntry::new("message", parameters, HERE).in_app(AppKey::of::<Game>());

fn builder() -> (jidda_runtime::ServerBuilder, Journal, handlers::Gate) {
    handlers::builder([&CONNECT, &DISCONNECT, &ECHO, &WAIT, &MESSAGE, &IN_GAME])
}

async fn connect(server: &Server) -> Http {
    Http::connect(&peer::address(server)).await
}

const POLL: &str = "/engine.io/?EIO=4&transport=polling";
const WEBSOCKET: &str = "/engine.io/?EIO=4&transport=websocket";

fn with_session(target: &str, text: &str) -> String {
    let start = text.find("\"sid\":\"").expect("an opening") + 7;
    format!("{target}&sid={}", &text[start..start + 20])
}

#[tokio::test]
async fn one_port_is_for_native_peers_browsers_and_all_other_requests() {
    let (builder, _, _) = builder();
    let app = Router::new()
        .route(
            "/",
            get(async |request: Request| {
                let peer = request.extensions().get::<PeerAddress>().expect("who asks");
                assert!(matches!(peer, PeerAddress::Tcp(_)), "{peer}");
                "a page"
            }),
        )
        .route("/add", post(async |State(n): State<usize>, body: String| (n + body.len()).to_string()))
        .with_state(100);
    let server = builder.resource(Resource::raw("/engine.io")).http_fallback(app).start().await.unwrap();
    let mut native = Peer::joined(&server, "/").await;
    let mut http = connect(&server).await;
    assert_eq!(http.get("/").await.is(), (200, "a page"));
    assert_eq!(http.post("/add", "abc").await.is(), (200, "103"));
    assert_eq!(http.get("/none").await.status, 404);
    let target = with_session(POLL, http.get(POLL).await.text());
    assert_eq!(http.post(&target, "4a").await.is(), (200, "ok"));
    assert_eq!(http.get(&target).await.is(), (200, "4a"));
    assert_eq!(server.count(), 2);
    native.send(&request(1, "echo", vec![7.into()])).await;
    assert_eq!(native.receive().await.unwrap(), response(1, 7));
}

#[tokio::test]
async fn another_server_may_have_the_port() {
    let (builder, journal, _) = builder();
    let server = builder.resource(Resource::raw("/engine.io")).start().await.unwrap();
    let app = Router::new().route("/", get(async || "a page")).fallback_service(server.http_service());
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let authority = listener.local_addr().unwrap().to_string();
    let serving = tokio::spawn(async move { axum::serve(listener, app).await });
    let mut http = Http::connect(&authority).await;
    assert_eq!(http.get("/").await.is(), (200, "a page"));
    assert_eq!(http.get("/none").await.status, 404);
    let opening = http.get(POLL).await;
    let target = with_session(POLL, opening.text());
    assert_eq!(http.post(&target, "4a").await.is(), (200, "ok"));
    assert_eq!(http.get(&target).await.is(), (200, "4a"));
    let mut ws = Http::connect(&authority).await.websocket(&target.replace("polling", "websocket")).await;
    ws.say("2probe").await;
    assert_eq!(ws.text().await, "3probe");
    ws.say("5").await;
    ws.say("4b").await;
    assert_eq!(ws.text().await, "4b");
    let mut other = Http::connect(&authority).await.websocket(WEBSOCKET).await;
    other.text().await;
    other.say("4c").await;
    assert_eq!(other.text().await, "4c");
    assert_eq!(server.sockets()[0].peer(), PeerAddress::Unknown);
    // A client that goes away is noticed there as well.
    let target = with_session(POLL, http.get(POLL).await.text());
    http.ask("GET", &target, &[], "").await;
    // Nothing tells that it is there, and here it has to be: axum has not begun before.
    tokio::time::sleep(Duration::from_millis(50)).await;
    drop(http);
    eventually("it ended", || journal.count("disconnect: transport error") == 1).await;
    assert!(server.shutdown(Duration::from_secs(10)).await);
    assert_eq!(ws.close_code().await, 1000);
    let mut http = Http::connect(&authority).await;
    assert_eq!(http.get(POLL).await.is(), (503, "the server is shutting down"));
    serving.abort();
}

#[tokio::test]
async fn resources_have_apps_and_parameters_of_their_own() {
    let (builder, journal, _) = builder();
    let server = builder
        .resource(Resource::raw("games/{game}/tables/{table}").app::<Game>())
        .resource(Resource::raw("/games/lobby/tables/{table}/"))
        .start()
        .await
        .unwrap();
    let mut http = connect(&server).await;
    let mut say = async |path: &str| {
        let target = format!("{path}?EIO=4&transport=polling");
        let target = with_session(&target, http.get(&target).await.text());
        assert_eq!(http.post(&target, "4hello").await.is(), (200, "ok"));
        http.get(&target).await.text().to_owned()
    };
    assert_eq!(say("/games/a%20b+c/tables/%C3%BC/").await, r#"4[("game", "a b+c"), ("table", "ü")]"#);
    assert_eq!(say("/games/lobby/tables/7/deeper").await, "4hello");
    assert_eq!(http.get("/games/a/tables?EIO=4&transport=polling").await.status, 404);
    assert_eq!(http.get("/games/a/b/tables/c/?EIO=4&transport=polling").await.status, 404);
    let game = server.app::<Game>().expect("it is served");
    assert_eq!((server.count(), game.count()), (1, 1));
    assert_ne!(server.sockets(), game.sockets());
    assert!(server.app::<Http>().is_none());
    assert_eq!(game.handlers().handlers().count(), 1);
    assert_eq!(game.app::<()>().unwrap().sockets(), server.sockets());
    assert!(server.shutdown(Duration::from_secs(10)).await, "both apps end");
    assert_eq!(game.count(), 0);
    assert_eq!(journal.count("disconnect: server shutting down"), 1);
}

#[tokio::test]
async fn the_slash_at_the_end_of_a_path_may_be_missing() {
    let (builder, _, _) = builder();
    let pages = Router::new()
        .route("/engine.io", get(async || "a page"))
        .route("/games/{id}", get(async || "a game"))
        .route("/up", get(async || "another page"));
    let server = builder
        .resource(Resource::raw("/engine.io").cors(Cors::any_origin()))
        .resource(Resource::raw("/games/{id}").app::<Game>())
        .resource(Resource::raw("/up/"))
        .health("/up", "/ready")
        .http_fallback(pages)
        .start()
        .await
        .unwrap();
    let mut http = connect(&server).await;
    for (path, answer) in
        [("/engine.io", "4hello"), ("/games/7", r#"4[("id", "7")]"#), ("/socket.io", r#"40{"sid":"#)]
    {
        for target in [format!("{path}?EIO=4&transport=polling"), format!("{path}/?EIO=4&transport=polling")]
        {
            let target = with_session(&target, http.get(&target).await.text());
            let said = if path == "/socket.io" { "40" } else { "4hello" };
            assert_eq!(http.post(&target, said).await.is(), (200, "ok"), "{target}");
            let heard = http.get(&target).await;
            assert!(heard.text().starts_with(answer), "{target}: {heard:?}");
            let websocket = target.replace("polling", "websocket");
            // The same session, asked for by the other form of the path.
            let other = if websocket.contains("/?") {
                websocket.replace("/?", "?")
            } else {
                websocket.replace('?', "/?")
            };
            let mut ws = connect(&server).await.websocket(&other).await;
            ws.say("2probe").await;
            assert_eq!(ws.text().await, "3probe", "{other}");
        }
        let mut ws = connect(&server).await.websocket(&format!("{path}?transport=websocket&EIO=4")).await;
        assert!(ws.text().await.starts_with("0{"), "{path}");
        let mut old = connect(&server).await.websocket(&format!("{path}?transport=websocket&EIO=3")).await;
        assert!(old.text().await.starts_with("0{"), "{path}");
    }
    let preflight = ["origin: https://a.example", "access-control-request-method: POST"];
    let answer = http.request("OPTIONS", "/engine.io?EIO=4&transport=polling", &preflight, "").await;
    assert_eq!((answer.status, answer.header("access-control-allow-origin")), (204, Some("*")));
    // What does not speak Engine.IO there is for whatever page the program has.
    for (path, page) in [("/engine.io", "a page"), ("/engine.io?tab=2", "a page"), ("/games/7", "a game")] {
        assert_eq!(http.get(path).await.is(), (200, page), "{path}");
    }
    assert_eq!(http.get("/engine.io/").await.status, 400);
    assert_eq!(http.get("/socket.io").await.status, 404);
}

#[tokio::test]
async fn problems_of_resources_are_reported_together() {
    let (builder, _, _) = builder();
    let error = builder
        .resource(Resource::raw("/socket.io"))
        .resource(Resource::raw("/a").cors(Cors::any_origin().credentials(true)).transports([]))
        .resource(Resource::raw("/b/{c"))
        .resource(Resource::raw("/d").client_file("/nonexistent/socket.io.js").cookie(Cookie::new("a b")))
        .start()
        .await
        .unwrap_err();
    let text = error.to_string();
    for problem in [
        "the resource `/socket.io/`: ",
        "the resource `/a/`: browsers send no credentials",
        "the resource `/a/`: it has no transports",
        "the resource `/b/{c/`: ",
        "the resource `/d/`: `a b` cannot be the name of a cookie",
        "the resource `/d/`: cannot read the client file /nonexistent/socket.io.js: ",
    ] {
        assert!(text.contains(problem), "{problem} is not in {text}");
    }
}

#[tokio::test]
async fn pages_of_other_origins_are_admitted_only_where_allowed() {
    let (builder, _, _) = builder();
    let server = builder
        .resource(Resource::raw("/closed"))
        .resource(Resource::raw("/engine.io").cors(Cors::origin("https://a.example").credentials(true)))
        .resource(
            Resource::raw("/private").cors(Cors::origin("https://a.example").allow_private_network(true)),
        )
        .start()
        .await
        .unwrap();
    let mut http = connect(&server).await;
    let origin = ["origin: https://a.example"];
    let allowed =
        ["access-control-allow-credentials: true", "access-control-allow-origin: https://a.example"];
    let answer = http.request("GET", "/closed/?EIO=4&transport=polling", &origin, "").await;
    assert_eq!((answer.status, answer.headers("access-control")), (200, vec![]));
    let answer = http.request("OPTIONS", "/closed/?EIO=4&transport=polling", &origin, "").await;
    assert_eq!((answer.status, answer.headers("access-control")), (400, vec![]));
    let answer = http.request("GET", POLL, &origin, "").await;
    assert_eq!((answer.status, answer.header("vary")), (200, Some("origin")));
    assert_eq!(answer.headers("access-control"), allowed);
    let target = with_session(POLL, answer.text());
    let answer = http.request("POST", &target, &origin, "4a").await;
    assert_eq!(
        (answer.is(), answer.headers("access-control")),
        ((200, "ok"), allowed.map(str::to_owned).to_vec())
    );
    // Scripts have to be able to read what went wrong.
    for (method, target, status) in
        [("GET", "/engine.io/", 400), ("PUT", &target, 500), ("GET", "/engine.io/socket.io.js", 404)]
    {
        let answer = http.request(method, target, &origin, "").await;
        assert_eq!(
            (answer.status, answer.headers("access-control")),
            (status, allowed.map(str::to_owned).to_vec())
        );
    }
    let preflight = [origin[0], "access-control-request-method: POST", "access-control-request-headers: x-a"];
    let answer = http.request("OPTIONS", &target, &preflight, "").await;
    assert_eq!(answer.is(), (204, ""));
    assert_eq!(answer.header("access-control-allow-headers"), Some("x-a"));
    assert_eq!(answer.header("access-control-allow-methods"), Some("GET,HEAD,PUT,PATCH,POST,DELETE"));
    assert_eq!(answer.header("vary"), Some("origin, access-control-request-headers"));
    let network = [&preflight[..], &["access-control-request-private-network: true"]].concat();
    for (target, allowed) in [(POLL, None), ("/private/?EIO=4&transport=polling", Some("true"))] {
        let answer = http.request("OPTIONS", target, &network, "").await;
        let header = answer.header("access-control-allow-private-network");
        assert_eq!((answer.is(), header), ((204, ""), allowed), "{target}");
    }
    let answer = http.request("GET", POLL, &["origin: https://b.example"], "").await;
    assert_eq!((answer.status, answer.header("access-control-allow-origin")), (200, None));
    let mut socket = connect(&server).await;
    let headers = [http::WEBSOCKET, &origin].concat();
    let answer = socket.request("GET", WEBSOCKET, &headers, "").await;
    assert_eq!((answer.status, answer.headers("access-control")), (101, allowed.map(str::to_owned).to_vec()));
}

#[tokio::test]
async fn a_cookie_is_set_once() {
    let (builder, _, _) = builder();
    let server =
        builder.resource(Resource::raw("/engine.io").cookie(Cookie::new("io"))).start().await.unwrap();
    let mut http = connect(&server).await;
    let answer = http.get(POLL).await;
    let target = with_session(POLL, answer.text());
    let id = target.rsplit('=').next().unwrap();
    assert_eq!(answer.header("set-cookie"), Some(&*format!("io={id}; Path=/; HttpOnly; SameSite=Lax")));
    assert_eq!(http.post(&target, "4a").await.header("set-cookie"), None);
    assert_eq!(http.get(&target).await.header("set-cookie"), None);
    assert_eq!(http.ask_for_websocket(WEBSOCKET).await.header("set-cookie"), None);
}

#[tokio::test]
async fn large_responses_are_compressed_for_clients_that_accept_it() {
    let (builder, _, _) = builder();
    let server = builder
        .resource(Resource::raw("/engine.io"))
        .resource(Resource::raw("/all").compression(0))
        .resource(Resource::raw("/none").compression(None))
        .start()
        .await
        .unwrap();
    let mut http = connect(&server).await;
    for (path, size, accepted, encoding) in [
        ("/engine.io/", 1023, "gzip, deflate, br", Some("gzip")),
        ("/engine.io/", 1022, "gzip", None),
        ("/engine.io/", 100_000, "gzip", Some("gzip")),
        ("/engine.io/", 5000, "deflate", Some("deflate")),
        ("/engine.io/", 5000, "br", None),
        ("/all/", 1, "gzip", Some("gzip")),
        ("/none/", 5000, "gzip", None),
    ] {
        let target = format!("{path}?EIO=4&transport=polling");
        let target = with_session(&target, http.get(&target).await.text());
        let text = format!("4{}", "x".repeat(size));
        assert_eq!(http.post(&target, &text).await.is(), (200, "ok"));
        let answer = http.request("GET", &target, &[&format!("accept-encoding: {accepted}")], "").await;
        assert_eq!(answer.header("content-encoding"), encoding, "{path} {size} {accepted}");
        let mut came = String::new();
        match encoding {
            None => came.push_str(answer.text()),
            Some("gzip") => {
                flate2::read::GzDecoder::new(&answer.body[..]).read_to_string(&mut came).unwrap();
            }
            Some(_) => {
                flate2::read::ZlibDecoder::new(&answer.body[..]).read_to_string(&mut came).unwrap();
            }
        }
        assert_eq!(came, text);
    }
}

#[tokio::test]
async fn the_client_is_served_from_a_file() {
    let path = std::env::temp_dir().join(format!("jidda-client-{}.js", std::process::id()));
    let script = "const io = 1;\n".repeat(100);
    std::fs::File::create(&path).unwrap().write_all(script.as_bytes()).unwrap();
    let (builder, _, _) = builder();
    let server = builder.socket_io(|resource| resource.client_file(&path)).start().await.unwrap();
    std::fs::remove_file(&path).unwrap();
    let mut http = connect(&server).await;
    let target = "/socket.io/socket.io.js";
    let answer = http.get(target).await;
    assert_eq!(answer.is(), (200, &*script));
    assert_eq!(answer.header("content-type"), Some("application/javascript; charset=utf-8"));
    assert_eq!(answer.header("cache-control"), Some("public, max-age=0"));
    let tag = answer.header("etag").unwrap().to_owned();
    for known in [tag.clone(), format!("W/{tag}"), format!("\"a\", {tag}"), "*".to_owned()] {
        let answer = http.request("GET", target, &[&format!("if-none-match: {known}")], "").await;
        assert_eq!((answer.is(), answer.header("etag")), ((304, ""), Some(&*tag)), "{known}");
    }
    let answer = http.request("GET", target, &["if-none-match: \"a\"", "accept-encoding: gzip"], "").await;
    assert_eq!((answer.status, answer.header("content-encoding")), (200, Some("gzip")));
    let mut plain = String::new();
    flate2::read::GzDecoder::new(&answer.body[..]).read_to_string(&mut plain).unwrap();
    assert_eq!(plain, script);
    assert_eq!(http.request("HEAD", target, &[], "").await.status, 200);
    assert_eq!(http.post(target, "").await.status, 405);
}

#[tokio::test]
async fn floods_of_headers_are_refused() {
    let (builder, _, _) = builder();
    let server = builder.start().await.unwrap();
    let many = "x: 1\r\n".repeat(101);
    let large = format!("x: {}\r\n", "y".repeat(17_000));
    for headers in [many, large] {
        let mut http = connect(&server).await;
        http.send(format!("GET / HTTP/1.1\r\nhost: a\r\n{headers}\r\n")).await;
        assert_eq!(http.answer().await.unwrap().status, 431);
        assert_eq!(http.answer().await, None);
    }
    // Neither need it end.
    let mut http = connect(&server).await;
    http.send("GET / HTTP/1.1\r\n").await;
    let line = format!("x: {}\r\n", "y".repeat(1000));
    let mut sent = 0;
    while http.stream.try_write(line.as_bytes()).is_ok() && sent < 10_000_000 {
        sent += line.len();
        tokio::task::yield_now().await;
    }
    assert!(sent < 10_000_000);
    let mut http = connect(&server).await;
    http.send(format!("GET /{} HTTP/1.1\r\nhost: a\r\n\r\n", "x".repeat(70_000))).await;
    assert!(matches!(http.answer().await.unwrap().status, 414 | 431));
    for garbage in
        ["SSH-2.0-hostile\r\n", "GET\r\n\r\n", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "GET / HTTP/9.9\r\n\r\n"]
    {
        let mut http = connect(&server).await;
        http.send(garbage).await;
        let answer = http.answer().await;
        assert!(answer.is_none_or(|answer| answer.status == 400), "{garbage}");
    }
    assert_eq!(connect(&server).await.get("/").await.status, 404);
}

#[tokio::test]
async fn slow_headers_have_an_end() {
    let (builder, _, _) = builder();
    let server = builder.handshake_timeout(Duration::from_millis(200)).start().await.unwrap();
    let start = Instant::now();
    let mut http = connect(&server).await;
    http.send("GET / HTTP/1.1\r\n").await;
    let silent = connect(&server).await;
    let (slow, silent) = tokio::join!(http.rest(), silent.rest());
    assert!(start.elapsed() < Duration::from_secs(20));
    assert!(slow.is_empty() || slow.starts_with(b"HTTP/1.1 408"), "{}", String::from_utf8_lossy(&slow));
    // It might have been a native one.
    assert!(silent.starts_with(&[0x93]));
}

/// Lets so much time pass at once. No other task may have I/O under way meanwhile.
async fn pass(time: Duration) {
    tokio::time::pause();
    tokio::time::sleep(time).await;
    tokio::time::resume();
}

#[tokio::test]
async fn an_idle_connection_is_kept_for_longer_than_proxies_keep_theirs() {
    let (builder, _, _) = builder();
    let server = builder.start().await.unwrap();
    let mut idle = connect(&server).await;
    let mut half = connect(&server).await;
    for _ in 0..3 {
        assert_eq!(idle.get("/").await.status, 404);
        assert_eq!(half.get("/").await.status, 404);
        pass(Duration::from_secs(70)).await;
    }
    // The next request may begin late, but has no more time for that than until then.
    assert_eq!(half.get("/").await.status, 404);
    half.send("GET / HTTP/1.1\r\n").await;
    pass(Duration::from_secs(10)).await;
    assert!(idle.rest().await.is_empty());
    half.send("host: test\r\n\r\n").await;
    assert_eq!(half.answer().await.unwrap().status, 404);
    half.send("GET / HTTP/1.1\r\n").await;
    pass(Duration::from_secs(80)).await;
    assert!(!half.rest().await.starts_with(b"HTTP/1.1 404"));
}

#[tokio::test]
async fn how_long_an_idle_connection_is_kept_is_the_programs_choice() {
    let (builder, _, _) = builder();
    let server = builder.http_idle_timeout(Duration::from_secs(5)).start().await.unwrap();
    let mut idle = connect(&server).await;
    assert_eq!(idle.get("/").await.status, 404);
    pass(Duration::from_secs(6)).await;
    assert!(idle.rest().await.is_empty());
}

#[tokio::test]
async fn a_response_that_is_not_read_has_an_end() {
    let (builder, _, _) = builder();
    let app = Router::new().route("/", get(async || "x".repeat(50_000_000)));
    let server = builder.http_fallback(app).slow_consumer(Duration::from_millis(200)).start().await.unwrap();
    let mut http = connect(&server).await;
    http.ask("GET", "/", &[], "").await;
    // What was not sent by then is never sent.
    tokio::time::sleep(Duration::from_millis(600)).await;
    assert!(http.rest().await.len() < 50_000_000);
}

#[tokio::test]
async fn a_server_that_ends_waits_for_its_requests_only() {
    let (builder, journal, gate) = builder();
    let held = gate.clone();
    let app = Router::new().route(
        "/slow",
        get(async move || {
            held.pass().await;
            "done"
        }),
    );
    let server = builder.resource(Resource::raw("/engine.io")).http_fallback(app).start().await.unwrap();
    let mut idle = connect(&server).await;
    assert_eq!(idle.get("/none").await.status, 404);
    let mut polling = connect(&server).await;
    let target = with_session(POLL, polling.get(POLL).await.text());
    polling.ask("GET", &target, &[], "").await;
    let mut slow = connect(&server).await;
    slow.ask("GET", "/slow", &[], "").await;
    eventually("all are there", || server.count() == 1 && journal.len() == 1).await;
    let ending = tokio::spawn({
        let server = server.clone();
        async move { server.shutdown(Duration::from_secs(30)).await }
    });
    // Not packet 1, which some clients take for good.
    assert_eq!(polling.answer().await.unwrap().is(), (503, "the server is shutting down"));
    assert!(idle.rest().await.is_empty());
    assert!(polling.rest().await.is_empty());
    assert!(!ending.is_finished());
    gate.open();
    assert_eq!(slow.answer().await.unwrap().is(), (200, "done"));
    assert!(ending.await.unwrap());
}

#[tokio::test]
async fn a_request_that_never_ends_does_not_keep_the_server() {
    let (builder, _, gate) = builder();
    let app = Router::new().route("/slow", get(async move || gate.pass().await));
    let server = builder.http_fallback(app).start().await.unwrap();
    let mut slow = connect(&server).await;
    slow.ask("GET", "/slow", &[], "").await;
    // Nothing else tells that it is there.
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert!(!server.shutdown(Duration::from_millis(50)).await);
    assert!(slow.rest().await.is_empty());
}

#[tokio::test]
async fn a_body_that_brings_nothing_more_is_not_waited_for_for_ever() {
    let (builder, _, _) = builder();
    let app = Router::new().route("/add", post(async |body: String| body.len().to_string()));
    let limit = Duration::from_millis(300);
    let server = builder.http_fallback(app).body_timeout(limit).start().await.unwrap();
    for framing in ["content-length: 9\r\n\r\nabc", "transfer-encoding: chunked\r\n\r\n3\r\nabc\r\n"] {
        let mut stalled = connect(&server).await;
        stalled.send(format!("POST /add HTTP/1.1\r\nhost: a\r\n{framing}")).await;
        let answer = stalled.answer().await.expect("an answer");
        assert_eq!(answer.status, 400, "{answer:?}");
        assert_eq!(stalled.rest().await, b"", "and the connection ends");
    }
}
