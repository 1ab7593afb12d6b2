//! The examples as programs: what they print, and how `run!` behaves as a process.
#![cfg(unix)]

mod program;

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::time::{Duration, Instant};

use program::Program;

/// The one sentence a program fails with.
fn failure(example: &str, arguments: &[&str], variables: &[(&str, &str)]) -> String {
    let mut program = Program::start(example, arguments, variables);
    assert_eq!(program.end(), 1, "{program:#?}");
    assert_eq!(program.errors.len(), 1, "one sentence, no backtrace: {program:#?}");
    program.errors[0].clone()
}

#[test]
fn hello_greets_and_ends() {
    let mut hello = Program::start("hello", &[], &[]);
    assert_eq!(hello.end(), 0, "{hello:#?}");
    assert!(hello.printed(r#"client: the server said {"msg": "Hello World!"}"#), "{hello:#?}");
    assert!(hello.printed(r#"server: the client answered {"Hello World!": "msg"}"#), "{hello:#?}");
    assert!(hello.printed("client: twice 21 is 42"), "{hello:#?}");
    let logged =
        |event: &str| hello.output.iter().any(|line| line.starts_with("[20") && line.ends_with(event));
    assert!(logged(" connect") && logged(" double"), "{hello:#?}");
}

#[test]
fn hello_server_and_client_are_two_programs() {
    let (mut server, address) = Program::serve("hello");
    let mut client = Program::start("hello", &["client", &address], &[]);
    assert_eq!(client.end(), 0, "{client:#?}");
    server.line("server: the client answered");
}

#[cfg(feature = "noise")]
#[test]
fn noise_identifies_its_peers_and_keeps_its_keys() {
    let folder = std::env::temp_dir().join(format!("jidda-noise-{}", std::process::id()));
    let folder = folder.to_str().expect("it is text");
    let mut keys = Vec::new();
    for _ in 0..2 {
        let mut noise = Program::start("noise", &[folder], &[]);
        assert_eq!(noise.end(), 0, "{noise:#?}");
        let key =
            noise.output.iter().find_map(|line| line.strip_prefix("the client is ")).expect("it is told");
        assert!(noise.printed(&format!("client: the server knows me as {key}")), "{noise:#?}");
        assert!(noise.printed("stranger: the server refused this key"), "{noise:#?}");
        assert!(noise.printed("stranger: the server does not have this key"), "{noise:#?}");
        keys.push(key.to_owned());
    }
    assert_eq!(keys[0], keys[1], "the second run finds the keys of the first");
    std::fs::remove_dir_all(folder).expect("the keys are there");
}

#[test]
fn stream_holds_its_producer_back_and_stops_it() {
    let mut stream = Program::start("stream", &[], &[]);
    assert_eq!(stream.end(), 0, "{stream:#?}");
    let start = "client: 20 ticks are enough; the producer was never more than ";
    let ahead = stream.output.iter().find_map(|line| line.strip_prefix(start)?.strip_suffix(" ahead"));
    let ahead: u64 = ahead.and_then(|ahead| ahead.parse().ok()).unwrap_or_else(|| panic!("{stream:#?}"));
    assert!(ahead <= 8, "{stream:#?}");
    let stopped = |line: &String| line.starts_with("server: the producer was stopped after 2");
    assert!(stream.output.iter().any(stopped), "{stream:#?}");
}

#[test]
fn stream_server_and_client_are_two_programs() {
    let (mut server, address) = Program::serve("stream");
    let mut client = Program::start("stream", &["client", &address], &[]);
    assert_eq!(client.end(), 0, "{client:#?}");
    server.line("server: the producer was stopped");
}

#[test]
fn proxy_is_one_address_for_two_services() {
    let mut proxy = Program::start("proxy", &[], &[]);
    assert_eq!(proxy.end(), 0, "{proxy:#?}");
    let of = |name: &str, last: &str, number: u32| {
        [
            format!("{name}: the gateway says all is well"),
            format!("{name}: an apple costs 30"),
            format!("{name}: there is no moon"),
            format!("{name}: there are apple, melon, plum"),
            format!("{name}: order {number}: 3 × apple for {name}"),
            last.to_owned(),
        ]
    };
    let ada = of("ada", "ada may not cancel orders: denied (denied)", 1);
    let bob = of("bob", "bob: 2 orders are cancelled", 2);
    assert_eq!(proxy.output, [ada, bob].concat());
}

#[test]
fn jobs_are_all_done() {
    let mut jobs = Program::start("jobs", &[], &[]);
    assert_eq!(jobs.end(), 0, "{jobs:#?}");
    for id in 1..=5 {
        assert!(jobs.printed(&format!("worker: job {id} ")), "{jobs:#?}");
        assert!(jobs.printed(&format!("server: job {id} is done")), "{jobs:#?}");
    }
    assert!(jobs.printed("server: all 5 jobs are done, 14 words in all"), "{jobs:#?}");
}

#[test]
fn jobs_worker_waits_for_its_server() {
    let (mut server, address) = Program::serve("jobs");
    let mut worker = Program::start("jobs", &["worker", &address], &[]);
    worker.line("worker: job 5 ");
    server.line("server: job 5 is done");
}

#[test]
fn chat_goes_between_terminals() {
    let (_server, address) = Program::serve("chat");
    let mut ada = Program::start("chat", &["ada", &address], &[]);
    ada.line("* you are in, with ada");
    let mut bob = Program::start("chat", &["bob", &address], &[]);
    bob.line("* you are in, with ada, bob");
    ada.line("* bob came");
    ada.type_line("hello bob");
    ada.line("1 you: hello bob");
    bob.line("1 ada: hello bob");
    bob.type_line(&"long ".repeat(300));
    bob.line("* at most 1000 letters, please");
    bob.type_line("/go kitchen");
    bob.line("* you are in kitchen");
    ada.line("* bob left: went to kitchen");
    bob.type_line("anyone?");
    bob.line("2 you: anyone?");
    bob.type_line("/who");
    bob.line("* here: bob");
    let taken = failure("chat", &["ada", &address], &[]);
    assert_eq!(taken, "Error: this name is taken");
    ada.type_line("/quit");
    assert_eq!(ada.end(), 0, "{ada:#?}");
    assert!(!ada.printed("anyone?"), "{ada:#?}");
}

#[test]
fn chatroom_tells_everyone_the_same() {
    let (mut server, address) = Program::serve("chatroom");
    let mut ada = Program::start("chatroom", &["client", "ada", &address], &[]);
    ada.line("* you are in the lobby, with ada");
    let mut bob = Program::start("chatroom", &["client", "bob", &address], &[]);
    bob.line("* you are in the lobby, with ada, bob");
    ada.line("* bob came");
    ada.type_line("hello bob");
    ada.line("1 ada: hello bob");
    bob.line("1 ada: hello bob");
    bob.type_line("/go kitchen");
    bob.line("* you are in the kitchen, with bob");
    ada.line("* bob left: went to the kitchen");
    bob.type_line("/go cellar");
    bob.line("* there is no cellar, only lobby, kitchen, garden (no_such_room)");
    bob.type_line("/go lobby");
    bob.line("1 ada: hello bob");
    bob.line("* you are in the lobby, with ada, bob");
    let taken = failure("chatroom", &["client", "ada", &address], &[]);
    assert_eq!(taken, "Error: somebody here is called ada already (name_taken)");
    server.terminate();
    assert_eq!(server.end(), 0, "{server:#?}");
    ada.line("* the connection is lost: server shutting down");
    let (_server, _) = Program::serve_at("chatroom", &address);
    ada.line("* you are in the lobby, with ");
    bob.line("* you are in the lobby, with ");
    bob.type_line("/quit");
    assert_eq!(bob.end(), 0, "{bob:#?}");
    ada.line("* bob left: client namespace disconnect");
}

#[test]
fn sheep_is_drawn_by_the_named_artist() {
    let mut sheep = Program::start("sheep", &[], &[]);
    assert_eq!(sheep.end(), 0, "{sheep:#?}");
    assert_eq!(
        sheep.output,
        [
            "alice: a sheep, Large",
            "@@@@@@o>  by alice",
            "bob: a sheep, Small",
            "@@o>  by bob",
            "there is no carol",
            "carol: a sheep, Small",
            "@@o>  by carol",
            "alice came",
            "bob came",
            "carol came",
            "bob left",
            "here: alice, carol",
        ]
    );
}

#[cfg(feature = "jwt")]
#[test]
fn auth_admits_permitted_callers() {
    let (_server, address) = Program::serve("auth");
    let nobody = "nobody may not post: this connection has no identity (denied)";
    let forged = "the server refused the connection: the token is not valid (unauthenticated)";
    let mut ada = Program::start("auth", &["ada", &address], &[]);
    assert_eq!(ada.end(), 0, "{ada:#?}");
    assert_eq!(ada.output, [nobody, "ada posted number 1", "ada may not erase: denied (denied)", forged]);
    let mut bob = Program::start("auth", &["bob", &address], &[]);
    assert_eq!(bob.end(), 0, "{bob:#?}");
    assert_eq!(bob.output, [nobody, "bob posted number 2", "bob erased 2", forged]);
}

#[test]
fn sheep_waits_for_an_artist_that_connects_later() {
    let (_server, address) = Program::serve("sheep");
    let mut wish = Program::start("sheep", &["wish", "dora", &address], &[]);
    let mut dora = Program::start("sheep", &["artist", "dora", &address], &[]);
    dora.line("dora: a sheep, Small");
    assert_eq!(wish.end(), 0, "{wish:#?}");
    assert_eq!(wish.output, ["@@o>  by dora"]);
    let mut who = Program::start("sheep", &["who", &address], &[]);
    assert_eq!(who.end(), 0, "{who:#?}");
    assert_eq!(who.output, ["here: dora"]);
}

#[test]
fn ping_draws_its_histogram() {
    let (_server, address) = Program::serve("ping");
    let mut ping = Program::start("ping", &[&address, "200"], &[]);
    assert_eq!(ping.end(), 0, "{ping:#?}");
    assert_eq!(ping.output[0], format!("200 calls of {address}, one after the other"));
    assert!(ping.printed("#") && ping.printed("half below "), "{ping:#?}");
}

#[test]
fn tls_shows_which_certificates_are_trusted() {
    let folder = std::env::temp_dir().join(format!("jidda-tls-example-{}", std::process::id()));
    let folder = folder.to_str().expect("a path in UTF-8");
    let mut tls = Program::start("tls", &[folder], &[]);
    assert_eq!(tls.end(), 0, "{tls:#?}");
    assert_eq!(tls.output[0], format!("made certificates in {folder}"));
    assert!(tls.printed("client: for the server I am one with a certificate of "), "{tls:#?}");
    assert!(tls.printed(": the server wants to see a certificate of the client: "), "{tls:#?}");
    assert_eq!(tls.output.len(), 5, "{tls:#?}");

    let mut server = Program::start("tls", &["server", folder], &[("JIDDA_LISTEN", "tls://127.0.0.1:0")]);
    let line = server.line("jidda listens on tls://");
    let address = line.split_whitespace().nth(3).expect("an address");
    let mut client = Program::start("tls", &["client", address, folder], &[]);
    assert_eq!(client.end(), 0, "{client:#?}");
    assert_eq!(client.output.len(), 1, "the certificates are those of before: {client:#?}");
    std::fs::remove_dir_all(folder).ok();
}

#[test]
fn run_tells_where_it_listens_and_ends_on_sigterm() {
    let (mut server, address) = Program::serve("sheep");
    assert_eq!(server.output, [format!("jidda listens on {address} with 3 handlers (3 in sheep)")]);
    let (_, port) = address.rsplit_once(':').expect("a port");
    assert_ne!(port, "0");
    server.terminate();
    assert_eq!(server.end(), 0, "{server:#?}");
    assert_eq!(server.output.len(), 2, "{server:#?}");
    assert!(server.errors.is_empty(), "{server:#?}");
}

#[test]
fn a_second_signal_ends_at_once() {
    let (mut server, address) = Program::serve("hello");
    // The `connect` handler of hello waits for this peer's answer, and would do so for all the grace there is.
    let mut peer = TcpStream::connect(address.strip_prefix("tcp://").expect("tcp")).unwrap();
    peer.write_all(b"\x94\x00\x01\xa6double\x91\x01").unwrap();
    peer.read_exact(&mut [0]).unwrap();
    let start = Instant::now();
    server.terminate();
    server.line("jidda stops: running calls have 10 s");
    server.terminate();
    assert_eq!(server.end(), 130, "{server:#?}");
    assert!(start.elapsed() < Duration::from_secs(9));
}

#[test]
fn what_keeps_a_server_from_starting_is_one_sentence() {
    let other = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = other.local_addr().unwrap().to_string();
    assert_eq!(
        failure("sheep", &["server"], &[("JIDDA_LISTEN", &address)]),
        format!(
            "Error: the server cannot start: cannot listen on tcp://{address}: another program listens there already"
        )
    );
    assert_eq!(
        failure("sheep", &["server"], &[("JIDDA_LISTEN", "8000")]),
        "Error: the server cannot start: `8000` is not an address: the port is missing; write host:port, tcp://host:port, tls://host:port, \
         noise://host:port, unix:/path, mem:name, or https://host/path and wss://host/path for servers of Socket.IO"
    );
}

#[test]
fn a_program_without_handlers_says_so() {
    // There are none in this test.
    let error = jidda::run!("127.0.0.1:0").unwrap_err();
    assert!(error.to_string().contains("there are no handlers: "), "{error}");
}

#[test]
fn the_handlers_can_be_listed() {
    let mut chat = Program::start("chat", &["server"], &[("JIDDA_HANDLERS", "1")]);
    assert_eq!(chat.end(), 0, "{chat:#?}");
    assert_eq!(chat.output.len(), 5, "{chat:#?}");
    let post = "/chat  post(text: String) -> u64 or ChatError  examples/chat/server.rs:";
    assert!(chat.output.iter().any(|line| line.starts_with(post)), "{chat:#?}");
}
