use futures_util::stream;
use jidda::prelude::*; use jidda::stream::Stream;

#[on]
async fn ticks(n: u32) -> impl Stream<Item = u32> {
    stream::iter(0..n)
}

/// Each of them would stream at a pace of its own.
async fn of_all(server: &Server) {
    let _ticks = ticks::call(&server.to("lobby"), 3);
}

/// There is nobody to send the items to.
async fn unasked(client: &Client) {
    ticks::emit(client, 3).await.unwrap();
}

fn main() {}
