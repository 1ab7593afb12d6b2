//! Every public type and future can go to another thread, and be shared where that makes sense. That it compiles is
//! the test.
#![allow(missing_docs)]

use std::time::Duration;

use jidda_runtime::handler::{
    ArgumentReader, Arguments, Call, Context, Dispatch, EventName, HandlerEntry, HandlerFuture,
    NamespaceTable, Next, Path, RawArguments, Reply, Route, State, Table, TableBuilder,
};
use jidda_runtime::transport::{Address, AddressError, ClientSecrets, Listener, Stream};
use jidda_runtime::wire::{Decoder, Limits, Packet, Wire, WireError};
use jidda_runtime::{
    Backoff, BroadcastCall, BroadcastEmit, CallError, CallFuture, Client, ClientBuilder, ClientEvent,
    ClientEvents, CodecError, ConnectError, ConnectionId, ConnectionValues, Cookie, Cors, DisconnectReason,
    DuplicateIdentity, Emit, Encoding, Error, ErrorReport, Failure, Handshake, HttpBody, HttpService, Job,
    OfflinePolicy, Origins, OutgoingCall, Payload, PeerAddress, Presence, PresenceEvent, PresenceEvents,
    RecvError, Resource, Selection, SendError, Server, ServerBuilder, Session, SessionId, Socket, SocketId,
    Streaming, Time, TraceContext, Value, Volatile, blocking, testing,
};

fn send<T: Send>() {}
fn send_sync<T: Send + Sync>() {}
fn send_sync_static<T: Send + Sync + 'static>() {}
fn a_send<T: Send>(_: &T) {}

macro_rules! each {
    ($check:ident: $($type:ty),* $(,)?) => {$($check::<$type>();)*};
}

#[test]
fn handles_are_shared_between_threads() {
    each!(send_sync_static: Server, Client, Socket, Session, Job, Selection, Presence, HttpService, blocking::Client, blocking::Socket);
    each!(send_sync: Volatile<'_>, ConnectionValues<'_>);
    // What the hooks of a builder are is only moved.
    each!(send: ServerBuilder, ClientBuilder, ClientEvents, PresenceEvents);
}

#[test]
fn values_are_shared_between_threads() {
    each!(send_sync_static:
        Error, ErrorReport, CallError, CallError<Error>, SendError, RecvError, ConnectError, AddressError, CodecError,
        WireError, DisconnectReason, Failure, Payload, Encoding, Backoff, OfflinePolicy, ClientEvent,
        SocketId, SessionId, ConnectionId, TraceContext, PeerAddress, Handshake, Time, Address, Limits, Wire, Cookie, Cors, HttpBody, Origins,
        Resource, DuplicateIdentity, PresenceEvent,
    );
    each!(send_sync: Packet<'_>, Decoder, Stream, Listener);
}

#[cfg(feature = "noise")]
#[test]
fn what_noise_needs_is_shared_between_threads() {
    use jidda_runtime::transport::noise::{NoiseStream, accept, connect};
    use jidda_runtime::{KeyError, KeyPair, NoiseClient, NoiseServer, PublicKey, SecretKey};
    use tokio::io::{DuplexStream, duplex};

    each!(send_sync_static:
        KeyPair, NoiseClient, KeyError, NoiseServer, PublicKey, SecretKey, NoiseStream<DuplexStream>,
    );
    let keys = KeyPair::generate();
    let server = NoiseServer::new(keys.clone());
    a_send(&accept(duplex(1).0, &server));
    a_send(&connect(duplex(1).0, &NoiseClient::new(keys.clone(), keys.public())));
}

#[test]
fn what_handlers_are_made_of_is_shared_between_threads() {
    each!(send_sync_static:
        Table, NamespaceTable, Route, HandlerEntry, Context, EventName, Reply, Next, Call, RawArguments, State<u8>,
        Path<u8>,
    );
    each!(send: TableBuilder, Dispatch, HandlerFuture, ArgumentReader<'_>);
    each!(send_sync: Arguments<'_>);
}

#[test]
fn requests_and_their_futures_go_to_other_threads() {
    each!(send_sync:
        OutgoingCall<'static, u8>, OutgoingCall<'static, u8, Error>, BroadcastCall<u8>, BroadcastEmit, Emit,
        blocking::OutgoingCall<'static, u8>, blocking::Emit,
    );
    each!(send: CallFuture<'static, u8, Value>, <Emit as IntoFuture>::IntoFuture, <BroadcastEmit as IntoFuture>::IntoFuture);
    each!(send_sync: blocking::Streaming<u8>);
    each!(send: Streaming<u8, Value>, Streaming<*const u8>);
    // A reply need not be either: it is made where the call is awaited.
    each!(send: CallFuture<'static, *const u8, Value>);
}

#[tokio::test]
async fn every_async_method_can_be_spawned() {
    let (client, server) = testing::pair_with(Server::builder().handlers([]), |client| client).await.unwrap();
    let socket = server.sockets().pop().expect("the client's");
    let second = Duration::from_secs(1);
    let root = client.root();
    let mut events = client.events();

    a_send(&Client::connect("mem:nowhere"));
    a_send(&Client::builder("mem:nowhere").connect());
    a_send(&client.join("/", &()));
    a_send(&client.emit("a", &()));
    a_send(&client.send(&1));
    a_send(&client.recv::<u8>());
    a_send(&client.disconnect());
    a_send(&client.closed());
    a_send(&client.call::<u8>("a", &()).into_future());
    a_send(&events.next());

    a_send(&socket.emit("a", &()));
    a_send(&socket.send(&1));
    a_send(&socket.recv::<u8>());
    a_send(&socket.join("room"));
    a_send(&socket.leave("room"));
    a_send(&socket.closed());
    a_send(&root.call::<u8>("a", &()).into_future());
    a_send(&root.stream::<u8>("a", &()).next());

    a_send(&server.emit("a", &()));
    a_send(&server.shutdown(second));
    a_send(&server.stopping());
    a_send(&server.of("/").emit("a", &()));
    a_send(&server.of("/").send(&1));
    a_send(&server.of("/").join("room"));
    a_send(&server.of("/").leave("room"));
    a_send(&server.user("alice").wait_online(second));
    a_send(&server.presence().changes().next());
    a_send(&server.call::<u8>("a", &()).timeout(second));
    a_send(&Server::builder().start());

    a_send(&testing::pair_with(Server::builder(), |client| client));
    a_send(&testing::pair(()));
    let address: Address = "mem:nowhere".parse().unwrap();
    a_send(&Stream::connect(&address, &ClientSecrets::default()));
    assert_eq!(server.count(), 1);
}
