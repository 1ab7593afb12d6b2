//! Destructors of values and of what a server was given, and wakers.

use super::*;

#[tokio::test]
async fn every_value_is_dropped_and_each_that_panics_is_reported() {
    let mut bench = Bench::new(|builder| builder.session_linger(Duration::ZERO).state(Bomb)).await;
    let socket = bench.socket.clone();
    drop((socket.insert(Bomb), socket.insert(Another(Bomb))));
    drop(socket.connection_values().insert(Bomb));
    drop(socket.session().insert(Bomb));
    let bombs = [Bomb, Bomb, Bomb, Bomb];
    let [listener, hook, incoming, outgoing] = bombs;
    socket.on("heard", move || {
        let _bomb = &listener;
        async {}
    });
    socket.on_refused(move |_, _| {
        let _bomb = &hook;
    });
    socket.on_any(move |_, _| {
        let _bomb = &incoming;
    });
    socket.on_any_outgoing(move |_, _| {
        let _bomb = &outgoing;
    });
    bench.goes_on().await;
    bench.client.disconnect().await;
    for _ in 0..8 {
        bench.report(FailureOrigin::Destructor).await;
    }
    bench.others_go_on(bench.others.len()).await;
    // What the server was given goes with it.
    let Bench { client, server, socket: kept, others, mut reports, .. } = bench;
    for other in &others {
        other.disconnect().await;
    }
    server.shutdown(LIMIT).await;
    drop((client, server, socket, kept, others));
    let report = timeout(LIMIT, reports.recv()).await.unwrap().unwrap();
    assert_eq!((report.origin(), report.event()), (FailureOrigin::Destructor, Some("state")));
}

/// Keeps a bomb for as long as the server.
struct Explosives(#[allow(dead_code)] Bomb);

impl HeartbeatPolicy for Explosives {}

impl Authenticator for Explosives {
    async fn authenticate(&self, _: &Handshake) -> jidda::Result<Option<Identity>> {
        Ok(None)
    }
}

#[tokio::test]
async fn what_a_server_was_given_is_dropped_with_it_and_each_that_panics_is_reported() {
    let change = |builder: ServerBuilder| {
        let (check, request, headers, trust, service) = (Bomb, Bomb, Bomb, Bomb, Arc::new(Bomb));
        builder
            .heartbeat_policy(Explosives(Bomb))
            .authenticator(Explosives(Bomb))
            .allow_anonymous()
            .trust_identities_from(move |_| std::mem::size_of_val(&trust) > 0)
            .health("/alive", "/ready")
            .ready_check("disk", move || {
                let _bomb = &check;
                std::future::ready(Ok::<(), Error>(()))
            })
            .http_fallback(tower_of(service))
            .socket_io(move |resource| {
                resource
                    .allow_request(move |_| {
                        let _bomb = &request;
                        std::future::ready(Ok(()))
                    })
                    .headers(move |_, _| {
                        let _bomb = &headers;
                    })
            })
    };
    let bench = Bench::new(change).await;
    let Bench { client, server, socket, others, mut reports, .. } = bench;
    for other in others.iter().chain([&client]) {
        other.disconnect().await;
    }
    server.shutdown(LIMIT).await;
    drop((client, server, socket, others));
    let mut dropped = Vec::new();
    while let Some(report) = timeout(LIMIT, reports.recv()).await.expect("the hook goes last") {
        assert_eq!(
            (report.kind(), report.origin()),
            (FailureKind::Panic, FailureOrigin::Destructor),
            "{report}"
        );
        dropped.push(report.event().unwrap().to_owned());
    }
    dropped.sort();
    let hooks = ["allow_request", "authenticator", "disk", "headers", "heartbeat policy", "http_fallback"];
    assert_eq!(dropped, [&hooks[..], &["trust_identities_from"]].concat());
}

/// A service that keeps a bomb.
fn tower_of(bomb: Arc<Bomb>) -> axum::Router {
    axum::Router::new().route("/", axum::routing::get(async move || drop(Arc::clone(&bomb))))
}

#[tokio::test]
async fn a_waker_that_panics_delays_no_other_waker() {
    struct Broken;
    impl Wake for Broken {
        fn wake(self: Arc<Self>) {
            panic!("a waker");
        }
    }
    let mut bench = Bench::new(|builder| builder).await;
    let (client, socket) = (bench.client.clone(), bench.socket.clone());
    let waker = Waker::from(Arc::new(Broken));
    let mut broken = Context::from_waker(&waker);
    // The waker is the one of a call and of who waits for a message, for an item, and for the end.
    let mut call = pin!(client.call::<String>("echo", "text").into_future());
    assert!(call.as_mut().poll(&mut broken).is_pending());
    let mut items = client.stream::<u8>("streams_with_a_bomb", &());
    assert!(items.poll_next_unpin(&mut broken).is_pending());
    let mut received = pin!(socket.recv::<u8>());
    assert!(received.as_mut().poll(&mut broken).is_pending());
    client.send(&1).await.unwrap();
    bench.goes_on().await;
    assert_eq!(call.await.unwrap(), "text");
    assert_eq!(received.await.unwrap(), 1);
    assert_eq!(items.next().await, Some(Ok(1)));
    std::mem::forget(items);
    let mut closed = pin!(socket.closed());
    assert!(closed.as_mut().poll(&mut broken).is_pending());
    let also = socket.clone();
    let also = tokio::spawn(async move { also.closed().await });
    tokio::task::yield_now().await;
    client.disconnect().await;
    timeout(LIMIT, also).await.unwrap().unwrap();
    bench.report(FailureOrigin::Destructor).await;
    bench.others_go_on(bench.others.len()).await;
}
