//! Shows a gateway before two services: callers know one address, and each service handles its own.
//!
//! `cargo run --example proxy` runs all of it in one program and ends. `proxy catalog`, `proxy orders` and then `proxy
//! gateway` are the three servers as programs of their own, until Ctrl-C; `proxy client` then calls through the gateway, or
//! `proxy client ADDRESS` through one elsewhere.

mod catalog;
mod gateway;
mod orders;

use futures_util::StreamExt;
use std::time::Duration;

use jidda::Error;
use jidda::prelude::*;

const CATALOG: &str = "127.0.0.1:8011";
const ORDERS: &str = "127.0.0.1:8012";
const GATEWAY: &str = "127.0.0.1:8010";

/// Calls both services, and the gateway itself, as one.
async fn shop(address: &str, name: &str) -> jidda::Result<()> {
    let client = Client::builder(address).identity(name).connect().await?;
    let health: String = gateway::health::call(&client).await?;
    println!("{name}: the gateway says {health}");
    let price = catalog::price::call(&client, "apple").await?;
    println!("{name}: an apple costs {price}");
    match catalog::price::call(&client, "moon").await {
        Err(CallError::App(catalog::Unknown::Fruit(fruit))) => println!("{name}: there is no {fruit}"),
        other => println!("{name}: {other:?}"),
    }
    let fruits: Vec<_> = catalog::fruits::call(&client).filter_map(async |fruit| fruit.ok()).collect().await;
    println!("{name}: there are {}", fruits.join(", "));
    let orders = client.join("/orders", &()).await?;
    let order = orders::place::call(&orders, "apple", 3).await?;
    println!("{name}: {order}");
    match orders::cancel_all::call(&orders).await {
        Ok(count) => println!("{name}: {count} orders are cancelled"),
        Err(error) => println!("{name} may not cancel orders: {error}"),
    }
    client.disconnect().await;
    Ok(())
}

fn main() -> jidda::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let all = || async {
        let (catalog, orders) = (catalog::server("127.0.0.1:0"), orders::server("127.0.0.1:0"));
        let (catalog, orders) = (catalog.start().await?, orders.start().await?);
        let address = |server: &Server| server.addresses()[0].to_string();
        let gateway = gateway::server("127.0.0.1:0", &address(&catalog), &address(&orders)).await?;
        let gateway = gateway.start().await?;
        shop(&address(&gateway), "ada").await?;
        shop(&address(&gateway), "bob").await?;
        for server in [gateway, catalog, orders] {
            server.shutdown(Duration::from_secs(5)).await;
        }
        Ok(())
    };
    match arguments.as_slice() {
        [] => runtime()?.block_on(all()),
        ["catalog"] => Ok(catalog::server(CATALOG).run()?),
        ["orders"] => Ok(orders::server(ORDERS).run()?),
        ["gateway"] => runtime()?.block_on(gateway::run(GATEWAY, CATALOG, ORDERS)),
        ["client"] => runtime()?.block_on(shop(GATEWAY, "ada")),
        ["client", address] => runtime()?.block_on(shop(address, "ada")),
        _ => Err(Error::new("usage", "usage: proxy [catalog | orders | gateway | client [ADDRESS]]")),
    }
}

fn runtime() -> jidda::Result<tokio::runtime::Runtime> {
    Ok(tokio::runtime::Builder::new_multi_thread().enable_all().build()?)
}
