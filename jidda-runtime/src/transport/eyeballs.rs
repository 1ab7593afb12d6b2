//! Connecting to a name that has several addresses, of which some may not answer: Happy Eyeballs, RFC 8305.

use std::collections::VecDeque;
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use tokio::time::sleep;

/// How long an attempt has for itself before the next one starts beside it: what the RFC recommends.
const ATTEMPT_DELAY: Duration = Duration::from_millis(250);

/// The stream of the first address that answers. An attempt starts when the one before has failed, or has had its time;
/// those that lose are dropped.
///
/// # Errors
///
/// When no address answers: the error of the one that failed last.
pub(super) async fn first_answer<T, F: Future<Output = io::Result<T>>>(
    addresses: impl IntoIterator<Item = SocketAddr>,
    connect: impl Fn(SocketAddr) -> F,
) -> io::Result<T> {
    let mut waiting = interleaved(addresses);
    let mut attempts = FuturesUnordered::new();
    let mut last = io::Error::new(io::ErrorKind::AddrNotAvailable, "the host has no address");
    loop {
        attempts.extend(waiting.pop_front().map(&connect));
        let mut delay = pin!(sleep(ATTEMPT_DELAY));
        tokio::select! {
            biased;
            answer = attempts.next() => match answer {
                Some(Ok(stream)) => return Ok(stream),
                Some(Err(error)) => last = error,
                None => return Err(last),
            },
            () = &mut delay, if !waiting.is_empty() => {}
        }
    }
}

/// The system's order, its best address first, but with the two families in turn: a family that leads nowhere costs one
/// delay, however many addresses it has.
fn interleaved(addresses: impl IntoIterator<Item = SocketAddr>) -> VecDeque<SocketAddr> {
    let mut addresses = addresses.into_iter().peekable();
    let first = addresses.peek().is_some_and(SocketAddr::is_ipv6);
    let (mut these, mut others): (VecDeque<_>, VecDeque<_>) =
        addresses.partition(|address| address.is_ipv6() == first);
    let mut order = VecDeque::with_capacity(these.len() + others.len());
    while let Some(address) = these.pop_front() {
        order.push_back(address);
        if !others.is_empty() {
            std::mem::swap(&mut these, &mut others);
        }
    }
    order
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use tokio::time::Instant;

    use super::*;

    /// What an address does, in milliseconds.
    #[derive(Clone, Copy)]
    enum Host {
        Answers(u64),
        Fails(u64),
        Vanishes,
    }

    use Host::{Answers, Fails, Vanishes};

    /// Counts the attempts that are under way.
    struct Attempt<'a>(&'a AtomicUsize);

    impl Drop for Attempt<'_> {
        fn drop(&mut self) {
            self.0.fetch_sub(1, Ordering::Relaxed);
        }
    }

    fn address(place: usize) -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], u16::try_from(place).unwrap()))
    }

    /// Which host was connected to after how many milliseconds, and when each attempt began.
    async fn race(hosts: &[Host]) -> (io::Result<usize>, u128, Vec<u128>) {
        let (start, under_way, begun) = (Instant::now(), AtomicUsize::new(0), Mutex::new(Vec::new()));
        let connect = |address: SocketAddr| {
            begun.lock().unwrap().push(start.elapsed().as_millis());
            under_way.fetch_add(1, Ordering::Relaxed);
            let attempt = Attempt(&under_way);
            let (place, under_way) = (usize::from(address.port()), attempt);
            async move {
                let _under_way = under_way;
                match hosts[place] {
                    Answers(after) => {
                        sleep(Duration::from_millis(after)).await;
                        Ok(place)
                    }
                    Fails(after) => {
                        sleep(Duration::from_millis(after)).await;
                        Err(io::Error::other(place.to_string()))
                    }
                    Vanishes => std::future::pending().await,
                }
            }
        };
        let result = first_answer((0..hosts.len()).map(address), connect).await;
        assert_eq!(under_way.load(Ordering::Relaxed), 0, "the other attempts are dropped");
        (result, start.elapsed().as_millis(), begun.into_inner().unwrap())
    }

    #[tokio::test(start_paused = true)]
    async fn the_first_answer_wins_and_no_address_holds_up_the_others() {
        for (hosts, winner, after, begun) in [
            (&[Answers(100), Answers(1)][..], 0, 100, &[0][..]),
            (&[Vanishes, Answers(30)], 1, 280, &[0, 250]),
            (&[Vanishes, Vanishes, Vanishes, Answers(0)], 3, 750, &[0, 250, 500, 750]),
            // One that fails does not have to be waited for, nor does one that is slow lose what it has begun.
            (&[Fails(10), Answers(20)], 1, 30, &[0, 10]),
            (&[Answers(300), Vanishes], 0, 300, &[0, 250]),
            (&[Fails(260), Vanishes, Answers(5)], 2, 265, &[0, 250, 260]),
        ] {
            let (result, took, attempts) = race(hosts).await;
            assert_eq!(result.unwrap(), winner);
            assert_eq!((took, &attempts[..]), (after, begun));
        }
    }

    #[tokio::test(start_paused = true)]
    async fn if_all_attempts_fail_the_last_error_is_returned() {
        let (result, took, _) = race(&[Fails(600), Fails(10)]).await;
        assert_eq!((result.unwrap_err().to_string(), took), ("0".to_owned(), 600));
        let (result, ..) = race(&[]).await;
        assert_eq!(result.unwrap_err().kind(), io::ErrorKind::AddrNotAvailable);
    }

    #[test]
    fn families_take_turns_from_the_systems_best_address_on() {
        let order = |text: &str| {
            let addresses = text.split(' ').map(|address| format!("{address}:1").parse().unwrap());
            let order = interleaved(addresses.collect::<Vec<SocketAddr>>());
            order.iter().map(|address| address.to_string().replace(":1", "")).collect::<Vec<_>>().join(" ")
        };
        assert_eq!(order("[::a] [::b] [::c] 1.1.1.2 1.1.1.3"), "[::a] 1.1.1.2 [::b] 1.1.1.3 [::c]");
        assert_eq!(order("1.1.1.2 1.1.1.3 [::a]"), "1.1.1.2 [::a] 1.1.1.3");
        assert_eq!(order("1.1.1.2 [::a] [::b] [::c]"), "1.1.1.2 [::a] [::b] [::c]");
        assert_eq!(order("[::a]"), "[::a]");
    }

    /// Over the system's own sockets: a listener whose backlog is full answers no more.
    #[cfg(target_os = "linux")]
    #[tokio::test]
    async fn a_real_address_that_does_not_answer_is_passed_by() {
        use socket2::{Domain, Socket, Type};
        use tokio::net::{TcpListener, TcpStream};

        let full = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
        full.bind(&address(0).into()).unwrap();
        full.listen(0).unwrap();
        let silent = full.local_addr().unwrap().as_socket().unwrap();
        let crowd: Vec<_> = (0..8).map(|_| Socket::new(Domain::IPV4, Type::STREAM, None).unwrap()).collect();
        for socket in &crowd {
            socket.set_nonblocking(true).unwrap();
            let _ = socket.connect(&silent.into());
        }
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let there = listener.local_addr().unwrap();
        // The system would go on for two minutes.
        let connecting = first_answer([silent, there], TcpStream::connect);
        let stream = tokio::time::timeout(Duration::from_secs(60), connecting).await.expect("in time");
        assert_eq!(stream.unwrap().peer_addr().unwrap(), there);
    }
}
