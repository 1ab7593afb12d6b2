//! What answers requests.

use super::*;

/// A service of the program's: what it does at which path.
fn service() -> axum::Router {
    use axum::routing::get;
    let body = || {
        Body::from_stream(stream::poll_fn(|_| -> Poll<Option<Result<Bytes, Infallible>>> {
            panic!("a body")
        }))
    };
    axum::Router::new()
        .route("/well", get(async || "well"))
        .route("/panics", get(async || -> &'static str { panic!("a service") }))
        .route("/body", get(async move || body()))
}

#[tokio::test]
async fn what_answers_requests_fails_one_of_them() {
    let change = |builder: ServerBuilder| {
        let check = || -> Ready<jidda::Result<()>> { panic!("a check") };
        let late = || async {
            let _bomb = Bomb;
            pending::<jidda::Result<()>>().await
        };
        builder
            .http_fallback(service())
            .health("/alive", "/ready")
            .ready_timeout(Duration::from_millis(5))
            .ready_check("panics", check)
            .ready_check("late", late)
            .socket_io(|resource| {
                resource
                    .allow_request(|parts| async move {
                        assert!(
                            parts.uri.query().is_some_and(|query| !query.contains("token=bad")),
                            "a hook"
                        );
                        Ok(())
                    })
                    .headers(|_, parts| {
                        assert!(!parts.headers.contains_key("x-panic"), "a hook for headers");
                    })
                    .origins(Origins::matching(|origin| {
                        assert_ne!(origin, "https://panic.example", "a hook for origins");
                        true
                    }))
                    .cors(Cors::origin("https://a.example"))
            })
    };
    let mut bench = Bench::new(change).await;
    let mut http = bench.http().await;
    assert_eq!(http.get("/panics").await.status, 500);
    assert_eq!(bench.report(FailureOrigin::Hook).await.event(), Some("http_fallback"));
    // The same connection goes on.
    assert_eq!(http.get("/well").await.is(), (200, "well"));
    let mut other = bench.http().await;
    other.send("GET /body HTTP/1.1\r\nhost: a\r\n\r\n").await;
    other.rest().await;
    assert_eq!(bench.report(FailureOrigin::Hook).await.event(), Some("http_fallback"));
    bench.goes_on().await;
    let answer = http.get("/ready").await;
    assert!(
        answer.status == 503 && answer.text().contains(r#""panics":{"ok":false,"code":"internal""#),
        "{answer:?}"
    );
    let mut origins = [
        bench.reports.recv().await.unwrap(),
        bench.reports.recv().await.unwrap(),
        bench.reports.recv().await.unwrap(),
    ]
    .map(|report| (report.event().unwrap().to_owned(), report.origin().as_str(), report.kind().as_str()));
    origins.sort();
    let name = |name: &str| name.to_owned();
    assert_eq!(
        origins,
        [
            (name("late"), "destructor", "panic"),
            (name("late"), "hook", "timeout"),
            (name("panics"), "hook", "panic")
        ]
    );
    let session = "/socket.io/?EIO=4&transport=polling";
    let answer = http.get(&format!("{session}&token=bad")).await;
    assert_eq!(answer.status, 403);
    assert!(answer.text().contains("internal error"), "{answer:?}");
    assert_eq!(bench.report(FailureOrigin::Hook).await.event(), Some("allow_request"));
    let answer = http.request("GET", session, &["x-panic: yes"], "").await;
    assert_eq!(answer.status, 200);
    assert_eq!(bench.report(FailureOrigin::Hook).await.event(), Some("headers"));
    let answer = http.request("GET", session, &["origin: https://panic.example", "cookie: a=b"], "").await;
    assert_eq!(answer.status, 403);
    assert_eq!(bench.report(FailureOrigin::Hook).await.event(), Some("origins"));
    assert_eq!(http.get(session).await.status, 200);
    bench.goes_on().await;
}
