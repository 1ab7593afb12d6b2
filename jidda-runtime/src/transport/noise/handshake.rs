//! Two peers get to know each other, or refuse to.

use std::io;
use std::time::Duration;

use snow::{Builder, HandshakeState};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use super::config::{NoiseClient, NoiseServer};
use super::keys::{KeyPair, PublicKey};
use super::record::{HEAD, Records, Rekey, TAG};
use super::stream::NoiseStream;
use super::wrong_protocol;

/// What both sides begin with: a byte that no value of `MessagePack`, no method of HTTP and no record of TLS begins
/// with, and the version.
const GREETING: [u8; 8] = *b"\xc1noise/1";
/// The client knows the server's key, and sends its own. AES, since ring's is the fastest there is, several times
/// faster than `ChaCha20` where the processor has instructions for it, and runs in constant time where it has not.
pub(super) const PATTERN: &str = "Noise_IK_25519_AESGCM_SHA256";
/// Both sides must mean the same protocol.
pub(super) const PROLOGUE: &[u8] = b"jidda/noise/1";

/// The client's message: a key for this connection only, its own key encrypted, and nothing else.
const FIRST: usize = 32 + 32 + TAG + TAG;
/// The server's: a key for this connection only, and nothing else.
const SECOND: usize = 32 + TAG;
/// The client's record that shows that its message was no old one.
const CONFIRMATION: usize = HEAD + TAG;

/// How the server answers the client's message.
mod answer {
    pub(super) const ACCEPTED: u8 = 0;
    /// The key of this client is not accepted.
    pub(super) const REFUSED: u8 = 1;
    /// The message was meant for another key, or is none.
    pub(super) const UNREADABLE: u8 = 2;
}

/// How long a peer that is refused has to read why, as with the last words of any connection.
const FAREWELL: Duration = Duration::from_secs(2);
/// How much of what such a peer had sent is read, so that closing does not destroy the answer.
const DISCARDED: u64 = 64 * 1024;

/// The server's side of the handshake: the encrypted stream, and the public key that the client proved to own.
///
/// It has no time limit of its own. A refusal is sent before this returns, which takes two seconds at most.
///
/// # Errors
///
/// Without secrets: `InvalidData` for an invalid handshake or one for another key, `PermissionDenied` for a client
/// that is not accepted, `UnexpectedEof` for one that closed the stream, or the stream's own error.
///
/// # Cancel safety
///
/// Dropping the future drops the stream, and gives the peer up.
pub async fn accept<S>(mut stream: S, config: &NoiseServer) -> io::Result<(NoiseStream<S>, [u8; 32])>
where
    S: AsyncRead + AsyncWrite + Unpin + Send,
{
    if let Err(seen) = greeting(&mut stream).await? {
        refuse(stream, wrong_protocol::answer(seen)).await;
        return Err(invalid(format!("the peer speaks {} instead of noise", wrong_protocol::name(seen))));
    }
    let mut message = [0; 2 + FIRST];
    read(&mut stream, &mut message).await?;
    let mut state = builder(config.keys()).build_responder().map_err(unusable)?;
    if payload(&message).is_none_or(|first| state.read_message(first, &mut [0; TAG]).is_err()) {
        refuse(stream, &reply(answer::UNREADABLE, &[])).await;
        return Err(invalid("the client's first message is damaged, or meant for another key"));
    }
    let client = remote(&state)?;
    let admitted = match PublicKey::try_from(client) {
        Ok(key) if config.admits(key).await => Ok(()),
        Ok(key) => Err(format!("the client's key {key} is not among those that are accepted")),
        Err(weak) => Err(format!("the client's key is refused: {weak}")),
    };
    if let Err(problem) = admitted {
        refuse(stream, &reply(answer::REFUSED, &[])).await;
        return Err(io::Error::new(io::ErrorKind::PermissionDenied, problem));
    }
    let mut second = [0; SECOND];
    state.write_message(&[], &mut second).map_err(unusable)?;
    stream.write_all(&reply(answer::ACCEPTED, &second)).await?;
    stream.flush().await?;
    let mut records = records(state, Rekey::default())?;
    let mut confirmation = [0; CONFIRMATION];
    read(&mut stream, &mut confirmation).await?;
    records
        .open_confirmation(&confirmation)
        .map_err(|_| invalid("the client's first message was an old one, or what followed it was damaged"))?;
    Ok((NoiseStream::new(stream, records), client))
}

/// The client's side of the handshake.
///
/// It has no deadline of its own.
///
/// # Errors
///
/// `InvalidData` if the server does not have the key or does not use noise, `PermissionDenied` if it refused this
/// client, or the error of the stream.
///
/// # Cancel safety
///
/// Dropping the future drops the stream, and gives the attempt up.
pub async fn connect<S>(mut stream: S, config: &NoiseClient) -> io::Result<NoiseStream<S>>
where
    S: AsyncRead + AsyncWrite + Unpin + Send,
{
    let server = config.server();
    let builder = builder(config.keys()).remote_public_key(server.as_bytes()).map_err(unusable)?;
    let mut state = builder.build_initiator().map_err(unusable)?;
    let mut first = [0; FIRST];
    state.write_message(&[], &mut first).map_err(unusable)?;
    let mut hello = GREETING.to_vec();
    push(&mut hello, &first);
    stream.write_all(&hello).await?;
    stream.flush().await?;

    match greeting(&mut stream).await {
        Ok(Ok(())) => {}
        Ok(Err(_)) => return Err(invalid("the server does not speak noise")),
        Err(error) if is_end(&error) => {
            return Err(invalid("the server does not have this key, or does not speak noise"));
        }
        Err(error) => return Err(error),
    }
    let mut answer = [0];
    read(&mut stream, &mut answer).await?;
    match answer[0] {
        answer::ACCEPTED => {}
        answer::REFUSED => {
            let problem = "the server refused this key";
            return Err(io::Error::new(io::ErrorKind::PermissionDenied, problem));
        }
        answer::UNREADABLE => return Err(invalid("the server does not have this key")),
        other => return Err(invalid(format!("the server answered the handshake with {other}"))),
    }
    let mut message = [0; 2 + SECOND];
    read(&mut stream, &mut message).await?;
    if payload(&message).is_none_or(|second| state.read_message(second, &mut [0; TAG]).is_err()) {
        return Err(invalid("the server cannot prove that it has this key"));
    }
    let mut records = records(state, Rekey::default())?;
    let mut confirmation = [0; CONFIRMATION];
    records.seal(&[], &mut confirmation).map_err(unusable)?;
    stream.write_all(&confirmation).await?;
    stream.flush().await?;
    Ok(NoiseStream::new(stream, records))
}

fn builder(keys: &KeyPair) -> Builder<'_> {
    let params = PATTERN.parse().expect("the pattern is one");
    let builder = Builder::new(params).prologue(PROLOGUE).expect("it is set once");
    builder.local_private_key(keys.secret().bytes()).expect("it is set once")
}

fn records(state: HandshakeState, rekey: Rekey) -> io::Result<Records> {
    Ok(Records::new(state.into_stateless_transport_mode().map_err(unusable)?, rekey))
}

/// The peer's own key; there is one in every state that has read the client's message.
fn remote(state: &HandshakeState) -> io::Result<[u8; 32]> {
    let key = state.get_remote_static().and_then(|key| key.try_into().ok());
    key.ok_or_else(|| invalid("the client showed no key"))
}

/// Reads the greeting, or the first byte that does not match: a peer of another protocol is refused at once, not after
/// as many bytes as a greeting has.
async fn greeting<S: AsyncRead + Unpin>(stream: &mut S) -> io::Result<Result<(), u8>> {
    let mut greeting = [0; GREETING.len()];
    let mut length = 0;
    while length < greeting.len() {
        match stream.read(&mut greeting[length..]).await? {
            0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            count => length += count,
        }
        if !GREETING.starts_with(&greeting[..length]) {
            return Ok(Err(greeting[0]));
        }
    }
    Ok(Ok(()))
}

async fn read<S: AsyncRead + Unpin>(stream: &mut S, bytes: &mut [u8]) -> io::Result<()> {
    match stream.read_exact(bytes).await {
        Ok(_) => Ok(()),
        Err(error) if is_end(&error) => {
            Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the peer gave up during the handshake"))
        }
        Err(error) => Err(error),
    }
}

/// A message behind its length; `None` if that is not what it has to be.
fn payload(message: &[u8]) -> Option<&[u8]> {
    let (length, payload) = message.split_first_chunk()?;
    (usize::from(u16::from_be_bytes(*length)) == payload.len()).then_some(payload)
}

fn push(out: &mut Vec<u8>, message: &[u8]) {
    let length = u16::try_from(message.len()).expect("handshakes are short");
    out.extend_from_slice(&length.to_be_bytes());
    out.extend_from_slice(message);
}

fn reply(answer: u8, message: &[u8]) -> Vec<u8> {
    let mut reply = GREETING.to_vec();
    reply.push(answer);
    if !message.is_empty() {
        push(&mut reply, message);
    }
    reply
}

/// Says why, and waits a little for the peer to have read it.
async fn refuse<S: AsyncRead + AsyncWrite + Unpin>(mut stream: S, answer: &[u8]) {
    let farewell = async {
        stream.write_all(answer).await?;
        stream.shutdown().await?;
        tokio::io::copy(&mut stream.take(DISCARDED), &mut tokio::io::sink()).await
    };
    // The peer is refused either way.
    let _ = tokio::time::timeout(FAREWELL, farewell).await;
}

fn is_end(error: &io::Error) -> bool {
    // A system that closes with something unread makes a reset of it.
    matches!(error.kind(), io::ErrorKind::UnexpectedEof | io::ErrorKind::ConnectionReset)
}

fn invalid(problem: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, problem)
}

/// What only a mistake in here can lead to.
fn unusable(error: impl std::error::Error + Send + Sync + 'static) -> io::Error {
    io::Error::other(error)
}

impl Records {
    /// The two ends of a stream whose keys are made from `seed`: for tests.
    #[doc(hidden)]
    pub fn pair(seed: u8, rekey: Rekey) -> (Self, Self) {
        let secret = |offset: u8| [seed.wrapping_mul(4).wrapping_add(offset) | 64; 32];
        let keys = |offset| KeyPair::from_bytes(secret(offset));
        let (client, server) = (keys(1), keys(2));
        let (client_once, server_once) = (secret(3), secret(4));
        let public = server.public();
        let mut ours = builder(&client)
            .remote_public_key(public.as_bytes())
            .expect("it is set once")
            .fixed_ephemeral_key_for_testing_only(&client_once)
            .build_initiator()
            .expect("it has all it needs");
        let mut theirs = builder(&server)
            .fixed_ephemeral_key_for_testing_only(&server_once)
            .build_responder()
            .expect("it has all it needs");
        let (mut first, mut second) = ([0; FIRST], [0; SECOND]);
        ours.write_message(&[], &mut first).expect("it is the client's turn");
        theirs.read_message(&first, &mut [0; TAG]).expect("it was meant for this key");
        theirs.write_message(&[], &mut second).expect("it is the server's turn");
        ours.read_message(&second, &mut [0; TAG]).expect("it answers this client");
        let records = |state| self::records(state, rekey).expect("the handshake is over");
        (records(ours), records(theirs))
    }
}
