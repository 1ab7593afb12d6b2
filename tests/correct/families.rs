//! A family of namespaces is joined by the name of one of them.
#![deny(warnings)]

use jidda::Path;
use jidda::prelude::*;

pub struct Orders;

#[namespace("/orders/{id}")]
impl Orders {
    #[on]
    async fn total(&self, id: &Path<u64>) -> u64 {
        id.0
    }
}

async fn caller(client: &Client) {
    let orders = OrdersClient::connect(client, 7).await.unwrap();
    let _: u64 = orders.total().await.unwrap();
}

pub fn main() {
    let _ = caller;
}
