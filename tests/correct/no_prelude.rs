//! Generated code names everything by its full path.
#![no_implicit_prelude]
#![deny(warnings)]

#[::jidda::on]
async fn double(n: i64) -> ::core::result::Result<i64, ::std::string::String> {
    ::core::result::Result::Ok(n * 2)
}

#[::jidda::on(blocking)]
fn resize(event: &::jidda::handler::EventName, n: u8) -> u8 {
    let _ = event;
    n
}

pub struct Chat;

#[::jidda::namespace("/chat")]
impl Chat {
    #[::jidda::on("connect")]
    async fn enter(&self, socket: &::jidda::Socket, name: ::std::string::String) {
        let _ = (socket, name);
    }

    #[::jidda::on]
    async fn post(&self, #[serde(default)] text: ::std::string::String) {
        let _ = text;
    }
}

#[::jidda::namespace("/chat", side = client)]
pub trait ChatEvents {
    #[::jidda::on]
    async fn posted(&self, text: ::std::string::String);
}

pub struct Events;

#[::jidda::namespace]
impl ChatEvents for Events {
    async fn posted(&self, text: ::std::string::String) {
        let _ = text;
    }
}

#[::jidda::namespace("/module")]
pub mod module {
    #[::jidda::on]
    fn hello() {}
}

#[::jidda::middleware]
async fn log(call: ::jidda::middleware::Call, next: ::jidda::middleware::Next) -> ::jidda::middleware::Reply {
    next.run(call).await
}

#[::jidda::middleware]
async fn check(call: &::jidda::middleware::Call) -> ::jidda::Result<()> {
    let _ = call;
    ::core::result::Result::Ok(())
}

#[::jidda::configure_socket]
fn config(socket: &::jidda::server::SockRef<'_>) -> ::std::io::Result<()> {
    let _ = socket;
    ::core::result::Result::Ok(())
}

#[derive(::core::clone::Clone, ::jidda::FromConnection)]
pub struct User(pub u8);

#[derive(::core::clone::Clone, ::jidda::FromConnection)]
pub struct Wrapped<T>(pub T);

pub fn main() {
    let _ = (User(1).0, Wrapped(()).0);
}
