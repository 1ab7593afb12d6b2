//! One server at several addresses, on every medium.
#![allow(missing_docs)]

use std::time::Duration;

use jidda::peer::Handshake;
use jidda::prelude::*;
use jidda::server::SockRef;

#[on]
async fn transport(handshake: &Handshake) -> String {
    handshake.transport.to_string()
}

#[on]
async fn length(bytes: serde_bytes::ByteBuf) -> usize {
    bytes.len()
}

#[on]
async fn again(text: String, times: usize) -> String {
    text.repeat(times)
}

#[tokio::test]
async fn every_medium_carries_calls_of_every_size() {
    let folder = std::env::temp_dir().join(format!("jidda-transports-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let path = folder.join("server.sock");
    let server = Server::builder()
        .listen("tcp://127.0.0.1:0")
        .listen(format!("unix:{}", path.display()))
        .listen("mem:transports")
        .start()
        .await
        .unwrap();
    for (address, medium) in server.addresses().iter().zip(["tcp", "unix", "memory"]) {
        let client = Client::connect(&address.to_string()).await.unwrap();
        assert_eq!(transport::call(&client).await.unwrap(), medium);
        for size in [0, 1, 31, 32, 255, 256, 65_535, 65_536, 900_000] {
            let bytes = serde_bytes::ByteBuf::from(vec![7; size]);
            assert_eq!(length::call(&client, bytes).await.unwrap(), size);
            assert_eq!(again::call(&client, "x", size).await.unwrap().len(), size);
        }
        let huge = again::call(&client, "x", 1_000_001).await.unwrap_err();
        assert_eq!(huge.code(), Some("too_large"));
        client.disconnect().await;
    }
    server.shutdown(Duration::from_secs(5)).await;
    drop(server);
    assert!(!path.exists(), "the socket's file goes with the server");
    std::fs::remove_dir_all(&folder).unwrap();
}

#[tokio::test]
async fn a_stale_socket_file_is_no_obstacle() {
    let path = std::env::temp_dir().join(format!("jidda-stale-{}.sock", std::process::id()));
    // A listener that is dropped leaves its file, as a server that was killed does.
    drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
    assert!(path.exists());
    let address = format!("unix:{}", path.display());
    let server = Server::builder().listen(&address).start().await.unwrap();
    let second = Server::builder().listen(&address).start().await.unwrap_err();
    assert!(second.to_string().contains("another program listens there already"), "{second}");
    let client = Client::connect(&address).await.unwrap();
    assert_eq!(transport::call(&client).await.unwrap(), "unix");
    server.shutdown(Duration::from_secs(5)).await;
}

/// Its socket hook has a count of its own.
struct Hooked;

static HOOKS: std::sync::Mutex<Vec<&str>> = std::sync::Mutex::new(Vec::new());

#[configure_socket(app = Hooked)]
fn count(socket: &SockRef<'_>) -> std::io::Result<()> {
    socket.set_keepalive(true)?;
    HOOKS.lock().unwrap().push("annotated");
    Ok(())
}

#[on("echo", app = Hooked)]
async fn echo(n: u8) -> u8 {
    n
}

#[tokio::test]
async fn the_socket_hooks_see_each_listening_socket_once_before_anyone_connects() {
    let builder = Server::builder().app::<Hooked>().listen("127.0.0.1:0").configure_socket(|socket| {
        assert!(socket.keepalive()?);
        HOOKS.lock().unwrap().push("given");
        Ok(())
    });
    let server = builder.start().await.unwrap();
    assert_eq!(*HOOKS.lock().unwrap(), ["annotated", "given"]);
    let address = server.addresses()[0].to_string();
    for n in 0..3 {
        assert_eq!(echo::call(&Client::connect(&address).await.unwrap(), n).await.unwrap(), n);
    }
    assert_eq!(HOOKS.lock().unwrap().len(), 2);
    let refusing = Server::builder().app::<Hooked>().listen("127.0.0.1:0");
    let error = refusing.configure_socket(|_| Err(std::io::Error::other("no"))).start().await.unwrap_err();
    assert!(error.to_string().ends_with(": no"), "{error}");
}
