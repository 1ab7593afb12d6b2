//! The network between clients and a server: links that are slow, fall silent, and break.

use std::sync::Arc;
use std::sync::Mutex;
use std::time::Duration;

use jidda_runtime::transport::{
    Address, ClientSecrets, Incoming, KeepAlive, Listener, ServerSecrets, Stream,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt, ReadHalf, WriteHalf, split};
use tokio::sync::watch;
use tokio::time::sleep;

use super::random::Random;

/// How much is on its way in one piece.
const PIECE: usize = 16 * 1024;

/// How it goes on the links of one client.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Weather {
    /// How long a piece takes, at most.
    pub(crate) latency: Duration,
    /// And how long each KiB of it.
    pub(crate) pace: Duration,
    /// Whether anything arrives: what the client says, what the server says.
    pub(crate) arrives: [bool; 2],
    /// How many times all links that were there broke.
    pub(crate) breaks: u32,
}

impl Weather {
    fn fair() -> Self {
        Self {
            latency: Duration::from_millis(20),
            pace: Duration::from_micros(50),
            arrives: [true; 2],
            breaks: 0,
        }
    }
}

/// The links of all clients.
pub(crate) struct Network {
    weather: Vec<watch::Sender<Weather>>,
}

impl Network {
    /// Lets each client reach the server at `back` by an address of its own, which `front` names.
    pub(crate) async fn new(
        clients: usize,
        back: &str,
        front: impl Fn(usize) -> String,
        random: &mut Random,
    ) -> Self {
        let (mut weather, secrets) = (Vec::new(), ServerSecrets::default());
        for client in 0..clients {
            let (sender, receiver) = watch::channel(Weather::fair());
            let address = front(client).parse().expect("an address");
            let listener = Listener::bind(&address, &|_| Ok(()), &secrets, KeepAlive::default());
            let listener = listener.await.expect("the name is free");
            tokio::spawn(accept(listener, back.parse().expect("an address"), receiver, random.split()));
            weather.push(sender);
        }
        Self { weather }
    }

    /// Changes how it goes on a client's links.
    pub(crate) fn change(&self, client: usize, change: impl FnOnce(&mut Weather)) {
        self.weather[client].send_modify(change);
    }

    /// All goes well again; what was broken stays so.
    pub(crate) fn clear(&self, client: usize) {
        self.change(client, |weather| *weather = Weather { breaks: weather.breaks, ..Weather::fair() });
    }
}

async fn accept(
    mut listener: Listener,
    back: Address,
    weather: watch::Receiver<Weather>,
    mut random: Random,
) {
    while let Ok((Incoming::Clear(stream), _)) = listener.accept().await {
        tokio::spawn(link(stream, back.clone(), weather.clone(), random.split()));
    }
}

/// One connection, until it ends or breaks. When it breaks, what is on its way is lost.
async fn link(client: Stream, back: Address, mut weather: watch::Receiver<Weather>, mut random: Random) {
    let breaks = weather.borrow().breaks;
    let broken = weather.clone();
    let carry = async {
        weather.wait_for(|weather| weather.arrives == [true; 2]).await.ok()?;
        let (server, _) = Stream::connect(&back, &ClientSecrets::default()).await.ok()?;
        let ((from_client, to_client), (from_server, to_server)) = (split(client), split(server));
        let (up, down) = (random.split(), random.split());
        tokio::join!(
            carry(from_client, to_server, 0, weather.clone(), up),
            carry(from_server, to_client, 1, weather.clone(), down),
        );
        Some(())
    };
    let mut broken = broken;
    tokio::select! {
        biased;
        _ = broken.wait_for(|weather| weather.breaks != breaks) => {}
        _ = carry => {}
    }
}

async fn carry(
    mut from: ReadHalf<Stream>,
    mut to: WriteHalf<Stream>,
    direction: usize,
    mut weather: watch::Receiver<Weather>,
    random: Random,
) {
    let random = Arc::new(Mutex::new(random));
    let mut piece = vec![0; PIECE];
    loop {
        let length = match from.read(&mut piece).await {
            Ok(0) | Err(_) => break,
            Ok(length) => length,
        };
        let now = *weather.borrow();
        let latency = u64::try_from(now.latency.as_micros()).expect("short") + 1;
        let latency = Duration::from_micros(random.lock().expect("not poisoned").within(0..latency));
        sleep(latency + now.pace * u32::try_from(length / 1024).expect("small")).await;
        if weather.wait_for(|weather| weather.arrives[direction]).await.is_err() {
            break;
        }
        if to.write_all(&piece[..length]).await.is_err() {
            break;
        }
    }
    let _ = to.shutdown().await;
}
