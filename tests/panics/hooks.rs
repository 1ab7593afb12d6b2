//! Observers, hooks, authenticators and policies.

use super::*;

#[tokio::test]
async fn an_observer_harms_neither_an_event_nor_a_broadcast() {
    let mut bench = Bench::new(|builder| builder).await;
    let seen = Arc::new(AtomicUsize::new(0));
    for is_first in [true, false] {
        let (incoming, outgoing) = (Arc::clone(&seen), Arc::clone(&seen));
        bench.socket.on_any(move |name, _| {
            incoming.fetch_add(1, SeqCst);
            assert!(!is_first || &**name != "echo" || incoming.load(SeqCst) > 2, "an observer");
        });
        bench.socket.on_any_outgoing(move |name, _| {
            outgoing.fetch_add(1, SeqCst);
            assert!(
                !is_first || &**name != "news" || outgoing.load(SeqCst) > 4,
                "an observer of what is sent"
            );
        });
    }
    assert_eq!(echo::call(&bench.client, "one").await.unwrap(), "one");
    let report = bench.report(FailureOrigin::Listener).await;
    assert_eq!((report.event(), report.socket().as_ref()), (Some("echo"), Some(&bench.socket)));
    assert_eq!(seen.load(SeqCst), 2, "the other observer saw it, too");
    let other = &bench.others[0];
    assert_eq!(everyone::call(other).await.unwrap(), bench.others.len() + 1);
    let report = bench.report(FailureOrigin::Listener).await;
    assert_eq!((report.event(), report.socket().as_ref()), (Some("news"), Some(&bench.socket)));
    assert_eq!(seen.load(SeqCst), 4);
    bench.goes_on().await;
}

#[tokio::test]
async fn hooks_of_sockets_and_of_the_server_fail_by_themselves() {
    let mut bench = Bench::new(|builder| builder.authenticator(Named).allow_anonymous()).await;
    bench.socket.on_refused(|event, _| assert_ne!(event, "nobody_knows_this", "a hook"));
    bench.socket.emit("nobody_knows_this", &()).await.unwrap();
    assert_eq!(bench.report(FailureOrigin::Hook).await.event(), Some("nobody_knows_this"));
    bench.goes_on().await;
    let (told, mut seen) = unbounded_channel();
    bench.server.presence().on_change(move |_, event| {
        let told = told.clone();
        async move {
            let _ = told.send(event.clone());
            assert!(!matches!(event, PresenceEvent::Joined(_)), "who comes");
        }
    });
    let address = bench.server.addresses()[0].to_string();
    let ada = Client::builder(address).credentials(&"ada").connect().await.unwrap();
    assert_eq!(bench.report(FailureOrigin::Hook).await.event(), Some("presence"));
    ada.disconnect().await;
    for event in [PresenceEvent::Joined("ada".into()), PresenceEvent::Left("ada".into())] {
        assert_eq!(timeout(LIMIT, seen.recv()).await.unwrap(), Some(event));
    }
    bench.goes_on().await;
}

/// Whoever has a name; some names are not to be asked about.
struct Named;

impl Authenticator for Named {
    async fn authenticate(&self, handshake: &Handshake) -> jidda::Result<Option<Identity>> {
        let Some(name) = handshake.credentials.as_str() else { return Ok(None) };
        assert_ne!(name, "nobody", "an authenticator");
        if name == "slow" {
            let _bomb = Bomb;
            pending::<()>().await;
        }
        Ok(Some(Identity::new(name)))
    }
}

#[tokio::test]
async fn a_panic_of_an_authenticator_refuses_the_peer() {
    let limit = Duration::from_millis(300);
    let change =
        |builder: ServerBuilder| builder.authenticator(Named).allow_anonymous().handshake_timeout(limit);
    let mut bench = Bench::new(change).await;
    let address = bench.server.addresses()[0].to_string();
    let connect = |name: &'static str| Client::builder(&*address).credentials(&name).connect();
    assert!(connect("nobody").await.is_err());
    bench.report(FailureOrigin::Authenticator).await;
    bench.goes_on().await;
    assert!(connect("slow").await.is_err());
    bench.report(FailureOrigin::Destructor).await;
    bench.goes_on().await;
    assert!(connect("ada").await.is_ok());
}

#[tokio::test]
async fn a_panic_of_the_trust_hook_denies_trust() {
    let change = |builder: ServerBuilder| {
        builder.authenticator(Named).allow_anonymous().trust_identities_from(|_| panic!("no trust"))
    };
    let mut bench = Bench::new(change).await;
    let address = bench.server.addresses()[0].to_string();
    let gateway = Client::builder(address).credentials(&"gateway").connect().await.unwrap();
    let proxy = Proxy::to(&gateway).pass_identity();
    let builder = Server::builder().handlers([]).proxy(proxy);
    let (client, _gateway) = testing::pair_with(builder, |client| client).await.unwrap();
    assert_eq!(client.call::<()>("later", &()).await.unwrap_err().code(), Some("denied"));
    assert_eq!(bench.report(FailureOrigin::Hook).await.event(), Some("trust_identities_from"));
    assert_eq!(echo::call(&gateway, "for itself").await.unwrap(), "for itself");
    gateway.disconnect().await;
    bench.goes_on().await;
}

#[cfg(feature = "noise")]
#[tokio::test]
async fn a_panic_of_the_key_check_refuses_the_peer() {
    use jidda::noise::{KeyPair, NoiseClient, NoiseServer};
    let (own, good, bad) = (KeyPair::generate(), KeyPair::generate(), KeyPair::generate());
    let (public, refused) = (own.public(), bad.public());
    let check = move |key| async move {
        let _guard = (key == refused).then(|| Bomb);
        true
    };
    let change = |builder: ServerBuilder| {
        builder.noise(NoiseServer::new(own).clients_with(check)).listen("noise://127.0.0.1:0")
    };
    let mut bench = Bench::new(change).await;
    let address = bench.server.addresses()[1].to_string();
    let connect = |keys| Client::builder(&*address).noise(NoiseClient::new(keys, public)).connect();
    assert!(connect(bad).await.is_err());
    let client = connect(good).await.unwrap();
    assert_eq!(echo::call(&client, "still here").await.unwrap(), "still here");
    client.disconnect().await;
    bench.goes_on().await;
}

/// Panics at whatever it is asked.
struct Arrhythmic;

impl HeartbeatPolicy for Arrhythmic {
    fn interval(&self) -> Duration {
        Duration::from_millis(100)
    }

    fn alive(&self, _: &Liveness<'_>) {
        panic!("a policy");
    }
}

#[tokio::test]
async fn a_heartbeat_policy_leaves_the_clock_running() {
    let mut bench = Bench::new(|builder| builder.heartbeat_policy(Arrhythmic)).await;
    for _ in 0..10 {
        assert_eq!(bench.report(FailureOrigin::Hook).await.event(), Some("heartbeat policy"));
    }
    for client in bench.others.iter().chain([&bench.client]) {
        assert_eq!(echo::call(client, "still here").await.unwrap(), "still here");
    }
}

#[tokio::test]
async fn a_hook_for_errors_and_one_for_sockets_take_nothing_along() {
    let server = Server::builder().app::<Panicking>().on_error(|_| panic!("the hook for errors"));
    let (client, _server) = testing::pair_with(server, |client| client).await.unwrap();
    assert!(client.call::<()>("later", &()).await.is_err());
    assert_eq!(echo::call(&client, "still here").await.unwrap(), "still here");
    let server = Server::builder().app::<Panicking>().listen("127.0.0.1:0");
    let error = server.configure_socket(|_| panic!("a hook for sockets")).start().await.unwrap_err();
    assert!(error.to_string().contains("a `configure_socket` hook panicked"), "{error}");
}
