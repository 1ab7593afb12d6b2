#![allow(missing_docs)]
use jidda::prelude::*;
use serde::{Deserialize, Serialize};

/// Doubles a number.
#[on]
async fn double(n: i64) -> i64 {
    n * 2
}

#[on("resize", blocking, timeout = "5s")]
fn resize(event: &EventName, n: u8) -> Result<u8, String> {
    let _ = event;
    Ok(n)
}

#[derive(Clone, FromConnection)]
pub struct User(String);

#[derive(Serialize, Deserialize)]
pub struct Login {
    name: String,
}

#[derive(Debug, Serialize, Deserialize)]
pub struct Denied;
#[derive(Default)]
pub struct Chat;

#[namespace("/chat")]
impl Chat {
    #[on("connect")]
    async fn enter(&self, socket: &Socket, login: Login) -> Result<(), Denied> {
        socket.insert(User(login.name));
        Ok(())
    }
    /// Posts.
    #[on]
    async fn post(&self, user: &User, text: String) -> Result<u64, Denied> {
        let _ = (user, text);
        Ok(1)
    }
    #[on]
    fn clear(&self) {}
}

#[namespace("/chat", side = client)]
pub trait ChatEvents {
    #[on]
    async fn posted(&self, from: String, text: String);
    #[on("draw.me.a.sheep")]
    async fn sheep(&self) -> String;
}
#[derive(Default)]
struct Mine;
#[namespace]
impl ChatEvents for Mine {
    async fn posted(&self, from: String, text: String) {
        let _ = (from, text);
    }
    async fn sheep(&self) -> String {
        String::new()
    }
}

#[namespace("/mod")]
pub mod module {
    use jidda::prelude::*;
    #[on]
    async fn hello(socket: &Socket) {
        let _ = socket;
    }
    #[on]
    async fn login(auth: super::Login) -> u8 {
        let _ = auth;
        1
    }
    #[middleware]
    async fn log(call: Call, next: Next) -> Reply {
        next.run(call).await
    }
}

#[middleware(order = -1)]
fn check(call: &Call) -> jidda::Result<()> {
    let _ = call;
    Ok(())
}

#[configure_socket]
fn config(socket: &SockRef<'_>) -> std::io::Result<()> {
    socket.set_tcp_nodelay(true)
}

#[tokio::test]
async fn all() -> jidda::Result<()> {
    let server = Server::builder().listen("mem:x").start().await?;
    let client = Client::connect("mem:x").await?;
    assert_eq!(double::call(&client, 21).await?, 42);
    let chat = ChatClient::connect(&client, Login { name: "x".into() }).await.unwrap();
    assert_eq!(chat.post("hello".into()).await.unwrap(), 1);
    chat.clear().await.unwrap();
    println!("{:?}", ChatClient::handlers());
    println!("{:?}", ChatEventsClient::handlers::<Mine>());
    println!("{:?}", module::Client::handlers());
    drop(server);
    Ok(())
}
