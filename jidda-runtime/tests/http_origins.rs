//! Pages of other sites: by WebSocket, polling and JSONP, with and without hyper; and the headers of what they get.
#![allow(missing_docs)]

#[path = "support/handlers.rs"]
mod handlers;
#[path = "support/http.rs"]
mod http;
#[path = "support/peer.rs"]
mod peer;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use handlers::{CONNECT, DISCONNECT};
use http::{Answer, Http, WEBSOCKET};
use jidda_runtime::{Cors, Origins, PeerAddress, Resource, Server};

const APP: &str = "origin: https://app.example";
const EVIL: &str = "origin: https://evil.example";
const OWN: &str = "origin: http://test";
const COOKIE: &str = "cookie: session=secret";

async fn ask(server: &Server, path: &str, query: &str, headers: &[&str]) -> Answer {
    let mut http = Http::connect(&peer::address(server)).await;
    http.request("GET", &format!("{path}/?{query}"), headers, "").await
}

/// The statuses that a WebSocket, polling and JSONP get.
async fn statuses(server: &Server, path: &str, headers: &[&str]) -> [u16; 3] {
    let websocket = [WEBSOCKET, headers].concat();
    let straight = ask(server, path, "EIO=4&transport=websocket", &websocket).await;
    // What has a body, be it an empty one, goes through hyper.
    let through_hyper = [&websocket, &["content-length: 0"][..]].concat();
    let other = ask(server, path, "EIO=4&transport=websocket", &through_hyper).await;
    assert_eq!(straight.status, other.status, "{path} {headers:?}");
    let polling = ask(server, path, "EIO=4&transport=polling", headers).await;
    let script = ask(server, path, "EIO=3&transport=polling&j=0", headers).await;
    [straight.status, polling.status, script.status]
}

#[tokio::test]
async fn another_site_cannot_connect_with_the_users_cookies() {
    let (builder, _, _) = handlers::builder([&CONNECT, &DISCONNECT]);
    let server = builder
        .resource(Resource::raw("/plain"))
        .resource(Resource::raw("/named").cors(Cors::origin("https://app.example").credentials(true)))
        .resource(Resource::raw("/own").origins(Origins::own()))
        .resource(Resource::raw("/any").origins(Origins::any()))
        .resource(Resource::raw("/modern").jsonp(false))
        .start()
        .await
        .unwrap();
    let (all, none) = ([101, 200, 200], [403, 403, 403]);
    for (path, headers, expected) in [
        ("/plain", &[EVIL][..], all),
        ("/plain", &[EVIL, COOKIE], none),
        ("/plain", &[OWN, COOKIE], all),
        ("/named", &[APP, COOKIE], all),
        ("/named", &[EVIL], [403, 200, 403]),
        ("/named", &[EVIL, COOKIE], none),
        ("/named", &[OWN, COOKIE], all),
        ("/own", &[OWN], all),
        ("/own", &[APP], none),
        ("/any", &[EVIL, COOKIE], all),
        ("/modern", &[], [101, 200, 400]),
    ] {
        assert_eq!(statuses(&server, path, headers).await, expected, "{path} {headers:?}");
    }
    // What a session of the user's has open is not another page's either.
    let mut http = Http::connect(&peer::address(&server)).await;
    let answer = http.get("/plain/?EIO=4&transport=polling").await;
    let session = &answer.text().split("\"sid\":\"").nth(1).unwrap()[..20];
    let target = format!("/plain/?EIO=4&transport=polling&sid={session}");
    let answer = http.request("POST", &target, &[EVIL, COOKIE], "4a").await;
    let refusal = r#"{"code":4,"message":"pages of this origin may not connect: the server names"#;
    assert!(answer.status == 403 && answer.text().starts_with(refusal), "{answer:?}");
    assert_eq!(http.request("POST", &target, &[OWN, COOKIE], "4a").await.status, 200);
}

#[tokio::test]
async fn contradictions_are_found_at_start() {
    let (builder, _, _) = handlers::builder([&CONNECT, &DISCONNECT]);
    let error = builder
        .resource(Resource::raw("/a").origins(["https://a.example/"]))
        .resource(Resource::raw("/b").cors(Cors::origin("https://b.example")).origins(Origins::own()))
        .start()
        .await
        .unwrap_err()
        .to_string();
    for problem in [
        "the resource `/a/`: `https://a.example/` is no origin",
        "the resource `/b/`: `.cors(..)` names `https://b.example`, which `.origins(..)` refuses",
    ] {
        assert!(error.contains(problem), "{problem} is not in {error}");
    }
}

#[tokio::test]
async fn no_text_of_a_program_is_a_page_and_nothing_is_guessed() {
    let (builder, _, _) = handlers::builder([&CONNECT, &DISCONNECT]);
    let closed =
        Resource::raw("/closed").allow_request(async |_| Err("<script>alert(1)</script>".to_owned()));
    let server = builder.resource(closed).resource(Resource::raw("/open")).start().await.unwrap();
    let with_body = [WEBSOCKET, &["content-length: 0"]].concat();
    for (path, query, headers, content_type) in [
        ("/closed", "EIO=4&transport=websocket", WEBSOCKET, "text/plain; charset=UTF-8"),
        ("/closed", "EIO=4&transport=websocket", &with_body, "text/plain; charset=UTF-8"),
        ("/closed", "EIO=4&transport=polling", &[], "application/json"),
        ("/open", "EIO=4&transport=polling", &[], "text/plain; charset=UTF-8"),
        ("/open", "EIO=3&transport=polling&j=0", &[], "text/javascript; charset=UTF-8"),
        ("/open", "EIO=4&transport=none", &[], "application/json"),
        ("/open", "EIO=4&transport=websocket", &[WEBSOCKET[0], WEBSOCKET[1]], "text/plain; charset=UTF-8"),
    ] {
        let answer = ask(&server, path, query, headers).await;
        assert_eq!(answer.header("content-type"), Some(content_type), "{path} {query}");
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"), "{path} {query}");
    }
}

#[tokio::test]
async fn a_program_adds_headers_to_the_first_response_and_to_all() {
    let (builder, _, _) = handlers::builder([&CONNECT, &DISCONNECT]);
    let first = Arc::new(AtomicUsize::new(0));
    let counting = Arc::clone(&first);
    let resource = Resource::raw("/engine.io")
        .initial_headers(move |headers, request| {
            assert!(request.extensions.get::<PeerAddress>().is_some(), "the program knows who asks");
            counting.fetch_add(1, Ordering::SeqCst);
            headers.insert("x-first", request.headers["host"].clone());
            headers.insert("content-length", "1000000".parse().unwrap());
        })
        .headers(|headers, request| {
            let method = request.method.as_str().parse().unwrap();
            headers.insert("x-method", method);
            headers.append("vary", "X-Test".parse().unwrap());
        });
    let broken = Resource::raw("/broken").headers(|_, _| panic!("a fault of the program"));
    let server = builder.resource(resource).resource(broken).start().await.unwrap();
    let mut http = Http::connect(&peer::address(&server)).await;
    let heads = |answer: &Answer| {
        let head = |name| answer.header(name).map(str::to_owned);
        (answer.status, head("x-first"), head("x-method"))
    };
    let some = |text: &str| Some(text.to_owned());
    let answer = http.get("/engine.io/?EIO=4&transport=polling").await;
    assert_eq!(heads(&answer), (200, some("test"), some("GET")));
    let session = &answer.text().split("\"sid\":\"").nth(1).unwrap()[..20];
    let target = format!("/engine.io/?EIO=4&transport=polling&sid={session}");
    assert_eq!(heads(&http.post(&target, "1").await), (200, None, some("POST")));
    assert_eq!(heads(&http.get("/engine.io/?EIO=4").await), (400, None, some("GET")));
    assert_eq!(heads(&http.get("/engine.io/socket.io.js").await), (404, None, some("GET")));
    for headers in [WEBSOCKET, &[WEBSOCKET, &["content-length: 0"]].concat()] {
        let answer = ask(&server, "/engine.io", "EIO=4&transport=websocket", headers).await;
        assert_eq!(heads(&answer), (101, some("test"), some("GET")));
        assert_eq!(answer.header("content-length"), None);
    }
    // An upgrade is not the first response of its session.
    let answer = http.get("/engine.io/?EIO=4&transport=polling").await;
    let session = &answer.text().split("\"sid\":\"").nth(1).unwrap()[..20];
    let query = format!("EIO=4&transport=websocket&sid={session}");
    assert_eq!(heads(&ask(&server, "/engine.io", &query, WEBSOCKET).await), (101, None, some("GET")));
    assert_eq!(first.load(Ordering::SeqCst), 4);
    for headers in [WEBSOCKET, &[WEBSOCKET, &["content-length: 0"]].concat()] {
        assert_eq!(ask(&server, "/broken", "EIO=4&transport=websocket", headers).await.status, 101);
    }
    assert_eq!(ask(&server, "/broken", "EIO=4&transport=polling", &[]).await.status, 200);
}

#[tokio::test]
async fn a_hook_that_panics_refuses_the_request_and_affects_no_other() {
    let (builder, _, _) = handlers::builder([&CONNECT, &DISCONNECT]);
    let reports = Arc::new(AtomicUsize::new(0));
    let counting = Arc::clone(&reports);
    let server = builder
        .on_error(move |_| {
            counting.fetch_add(1, Ordering::SeqCst);
        })
        .resource(Resource::raw("/origins").origins(Origins::matching(|_| panic!("a fault of the program"))))
        .resource(Resource::raw("/cors").cors(Cors::origin_if(|_| panic!("a fault of the program"))))
        .start()
        .await
        .unwrap();
    for (path, expected, reported) in [("/origins", [403; 3], 4), ("/cors", [403; 3], 8)] {
        assert_eq!(statuses(&server, path, &[EVIL, COOKIE]).await, expected, "{path}");
        let count = reports.swap(0, Ordering::SeqCst);
        assert!(count >= reported, "{path}: {count}");
        assert_eq!(statuses(&server, path, &[]).await[..2], [101, 200], "{path}");
    }
    // The same connection goes on.
    let mut http = Http::connect(&peer::address(&server)).await;
    for _ in 0..2 {
        let answer = http.request("GET", "/cors/?EIO=4&transport=none", &[EVIL], "").await;
        assert_eq!((answer.status, answer.headers("access-control")), (400, vec![]));
    }
}
