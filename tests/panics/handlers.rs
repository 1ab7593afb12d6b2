//! Handlers, streams, those who come and go, and jobs.

use super::*;

#[tokio::test]
async fn a_handler_fails_its_own_call() {
    use FailureOrigin::{Handler, Listener};
    let mut bench = Bench::new(|builder| builder).await;
    let root = bench.client.root();
    let guarded = bench.client.join("/guarded", &()).await.unwrap();
    bench.socket.on("listens", || async { assert!(false, "a listener") });
    bench.socket.on("listens_at_once", || -> Ready<()> { panic!("a listener, at once") });
    bench.socket.once("listens_once", || async { assert!(false, "a listener, once") });
    let events = [
        (&root, "at_once", Handler),
        (&root, "at_first", Handler),
        (&root, "later", Handler),
        (&root, "in_sequence", Handler),
        (&root, "on_the_pool", Handler),
        (&root, "takes", Handler),
        (&root, "replies", Handler),
        (&root, "fails", Handler),
        (&root, "emits", Handler),
        (&root, "broadcasts", Handler),
        (&root, "drops_at_its_end", Handler),
        (&root, "listens", Listener),
        (&root, "listens_at_once", Listener),
        (&root, "listens_once", Listener),
        (&guarded, "before", Handler),
        (&guarded, "after", Handler),
    ];
    for (socket, event, origin) in events {
        bench.fails(socket, event, origin).await;
        bench.goes_on().await;
    }
    let error = root.call::<()>("reads", &1).await.unwrap_err();
    assert!(matches!(error, CallError::Internal { .. }), "{error:?}");
    bench.report(Handler).await;
    bench.goes_on().await;
    // Of an event that wants no reply, the peer is told all the same.
    let (told, mut refused) = unbounded_channel();
    root.on_refused(move |event, error| drop(told.send((event.to_owned(), error.code().to_owned()))));
    bench.client.emit("later", &()).await.unwrap();
    assert_eq!(timeout(LIMIT, refused.recv()).await.unwrap(), Some(("later".into(), "internal".into())));
    bench.report(Handler).await;
    bench.goes_on().await;
}

#[tokio::test]
async fn a_stream_ends_with_the_panic_of_its_item() {
    let mut bench = Bench::new(|builder| builder).await;
    let items: Vec<_> = bench.client.stream::<u8>("streams", &()).collect().await;
    assert!(matches!(items[..], [Ok(0), Ok(1), Err(CallError::Internal { .. })]), "{items:?}");
    assert_eq!(bench.report(FailureOrigin::Handler).await.event(), Some("streams"));
    bench.goes_on().await;
}

#[tokio::test]
async fn what_a_handler_holds_may_panic_whenever_it_is_dropped() {
    let mut bench = Bench::new(|builder| builder).await;
    let cancelled = bench.client.call::<()>("holds", &());
    assert!(timeout(Duration::from_millis(10), cancelled).await.is_err());
    assert_eq!(bench.report(FailureOrigin::Destructor).await.event(), Some("holds"));
    bench.goes_on().await;
    let late = bench.client.call::<()>("holds_too_long", &()).await.unwrap_err();
    assert!(late.is_timeout());
    assert_eq!(bench.report(FailureOrigin::Destructor).await.event(), Some("holds_too_long"));
    let report = bench.reports.recv().await.unwrap();
    assert_eq!((report.kind(), report.origin()), (FailureKind::Timeout, FailureOrigin::Handler));
    bench.goes_on().await;
    let mut items = bench.client.stream::<u8>("streams_with_a_bomb", &());
    assert_eq!(items.next().await, Some(Ok(1)));
    drop(items);
    assert_eq!(bench.report(FailureOrigin::Destructor).await.event(), Some("streams_with_a_bomb"));
    bench.goes_on().await;
    // A stream that has no place where it goes.
    bench.client.emit("streams_with_a_bomb", &()).await.unwrap();
    bench.goes_on().await;
    // An error goes with its report, to the log.
    let error = bench.client.call::<()>("fails_with_a_bomb", &()).await.unwrap_err();
    assert!(matches!(error, CallError::Internal { .. }), "{error:?}");
    let report = bench.reports.recv().await.unwrap();
    assert_eq!(report.kind(), FailureKind::Internal);
    std::mem::forget(report);
    bench.goes_on().await;
    // All of them at once, when the connection ends.
    bench.client.emit("holds", &()).await.unwrap();
    let mut items = bench.client.stream::<u8>("streams_with_a_bomb", &());
    assert_eq!(items.next().await, Some(Ok(1)));
    bench.client.disconnect().await;
    for _ in 0..2 {
        bench.report(FailureOrigin::Destructor).await;
    }
    bench.socket.closed().await;
    bench.others_go_on(bench.others.len()).await;
}

#[tokio::test]
async fn coming_and_going_fails_in_its_own_namespace() {
    let mut bench = Bench::new(|builder| builder.disconnect_timeout(Duration::from_millis(5))).await;
    let refused = bench.client.join("/closed", &()).await.unwrap_err();
    assert!(matches!(refused, CallError::Internal { .. }), "{refused:?}");
    assert_eq!(bench.report(FailureOrigin::Handler).await.event(), Some("connect"));
    bench.goes_on().await;
    bench.client.join("/left", &()).await.unwrap().disconnect();
    let report = bench.report(FailureOrigin::Handler).await;
    assert_eq!((report.event(), report.namespace()), (Some("disconnect"), "/left"));
    bench.goes_on().await;
    bench.client.join("/late", &()).await.unwrap().disconnect();
    assert_eq!(bench.report(FailureOrigin::Destructor).await.event(), Some("disconnect"));
    assert_eq!(bench.reports.recv().await.unwrap().kind(), FailureKind::Timeout);
    bench.goes_on().await;
    // What comes after a handler that panicked is done: the rooms are left, the values dropped.
    let left = bench.client.join("/left", &()).await.unwrap();
    let socket = bench.server.of("/left").sockets().remove(0);
    socket.join("room").await.unwrap();
    drop(socket.insert(Bomb));
    left.disconnect();
    bench.report(FailureOrigin::Handler).await;
    assert_eq!(bench.report(FailureOrigin::Destructor).await.namespace(), "/left");
    assert_eq!(bench.server.of("/left").to("room").count(), 0);
    bench.goes_on().await;
}

#[tokio::test]
async fn jobs_fail_by_themselves() {
    let mut bench = Bench::new(|builder| builder).await;
    let socket = bench.socket.clone();
    let line = line!() + 1;
    socket.spawn(async { panic!("a job") });
    let report = bench.report(FailureOrigin::Job).await;
    assert_eq!(report.location(), Some((file!(), line)));
    bench.goes_on().await;
    socket.spawn(async { Err::<(), _>(Sour) });
    bench.report(FailureOrigin::Job).await;
    bench.goes_on().await;
    let ticker = socket.every(Duration::from_millis(1), || async { panic!("a run") });
    for _ in 0..2 {
        bench.report(FailureOrigin::Job).await;
    }
    ticker.abort();
    while !ticker.is_finished() {
        tokio::task::yield_now().await;
    }
    while bench.reports.try_recv().is_ok() {}
    let bomb = Bomb;
    let job = socket.spawn(async move {
        let _bomb = bomb;
        pending::<()>().await;
    });
    job.abort();
    bench.report(FailureOrigin::Job).await;
    let bomb = Bomb;
    socket.after(LIMIT, async move { drop(bomb) });
    bench.goes_on().await;
    bench.client.disconnect().await;
    bench.report(FailureOrigin::Job).await;
    // One that is not started is dropped, too.
    let bomb = Bomb;
    assert!(socket.spawn(async move { drop(bomb) }).is_finished());
    bench.report(FailureOrigin::Job).await;
    bench.others_go_on(bench.others.len()).await;
}
