//! The servers, and what each of them can do.

use jidda::Error;

/// What some servers can do and others cannot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ability {
    /// Version 5 of the protocol: each namespace has an auth value, and a refusal a message.
    Auth,
    /// The parser for msgpack.
    MessagePack,
    /// A refusal that has data.
    RefusalData,
    /// Refusing a namespace by a packet, and not by an answer to the handshake's request.
    RefusalPacket,
    /// Namespaces whose name has a number in it.
    Families,
    /// Refusing a namespace that it does not know.
    UnknownNamespaces,
    /// Selecting all but some rooms, and calling all members of a room.
    Selections,
    /// Sending a client that was away for a moment what it missed.
    Recovery,
    /// Saying who left, and why.
    Departures,
    /// Doing so in the words of Node's server.
    NodeReasons,
    /// Showing a handler the headers of the handshake.
    Headers,
    /// Leaving what a client polls as it was encoded: 1.7 encodes text twice.
    PolledText,
    /// Attachments without a byte.
    EmptyAttachments,
    /// Keeping the session of a client that polls until it has been sent that its socket was disconnected.
    PolledDisconnects,
}

use Ability::{
    Auth, Departures, EmptyAttachments, Families, Headers, MessagePack, NodeReasons, PolledDisconnects,
    PolledText, Recovery, RefusalData, RefusalPacket, Selections, UnknownNamespaces,
};

/// One of the servers.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Target {
    pub(crate) name: &'static str,
    abilities: &'static [Ability],
}

const TARGETS: [Target; 7] = [
    Target {
        name: "socket.io-4.8",
        abilities: &[
            Auth,
            MessagePack,
            RefusalData,
            RefusalPacket,
            Families,
            UnknownNamespaces,
            Selections,
            Recovery,
            Departures,
            NodeReasons,
            Headers,
            PolledText,
            EmptyAttachments,
            PolledDisconnects,
        ],
    },
    Target {
        name: "socket.io-2.5",
        abilities: &[
            RefusalData,
            RefusalPacket,
            Families,
            UnknownNamespaces,
            Departures,
            NodeReasons,
            Headers,
            PolledText,
            EmptyAttachments,
            PolledDisconnects,
        ],
    },
    Target {
        name: "socket.io-1.7",
        abilities: &[
            RefusalData,
            RefusalPacket,
            UnknownNamespaces,
            Departures,
            NodeReasons,
            Headers,
            EmptyAttachments,
            PolledDisconnects,
        ],
    },
    Target {
        name: "python-socketio-5",
        abilities: &[
            Auth,
            MessagePack,
            RefusalData,
            RefusalPacket,
            Families,
            UnknownNamespaces,
            Selections,
            Departures,
            Headers,
            PolledText,
            EmptyAttachments,
            PolledDisconnects,
        ],
    },
    Target { name: "python-socketio-4", abilities: &[Families, Selections, Departures, Headers, PolledText] },
    Target {
        name: "socketioxide",
        abilities: &[
            Auth,
            MessagePack,
            RefusalPacket,
            Families,
            UnknownNamespaces,
            Selections,
            PolledText,
            EmptyAttachments,
            PolledDisconnects,
        ],
    },
    Target {
        name: "jidda",
        abilities: &[
            Auth,
            MessagePack,
            RefusalData,
            RefusalPacket,
            Families,
            UnknownNamespaces,
            Selections,
            Departures,
            NodeReasons,
            Headers,
            PolledText,
            EmptyAttachments,
            PolledDisconnects,
        ],
    },
];

impl Target {
    pub(crate) fn named(name: &str) -> jidda::Result<Self> {
        let names = || TARGETS.map(|target| target.name).join(", ");
        let found = TARGETS.into_iter().find(|target| target.name == name);
        found.ok_or_else(|| {
            Error::new("usage", format!("usage: interop_client NAME, which is one of {}", names()))
        })
    }

    pub(crate) fn has(&self, ability: Ability) -> bool {
        self.abilities.contains(&ability)
    }
}
