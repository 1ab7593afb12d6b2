//! The programs of the README and of the guide: each is compiled, and run where it can be.

macro_rules! pages {
    ($($name:ident = $path:literal)+) => {
        $(#[doc = include_str!($path)] struct $name;)+
    };
}

pages! {
    Readme = "../README.md"
    Observability = "../docs/observability.md"
    Authentication = "../docs/guide/authentication.md"
    Clients = "../docs/guide/clients.md"
    Contracts = "../docs/guide/contracts.md"
    Encryption = "../docs/guide/encryption.md"
    Errors = "../docs/guide/errors.md"
    Faq = "../docs/guide/faq.md"
    FromSocketIo = "../docs/guide/from-socketio.md"
    FromSocketioxide = "../docs/guide/from-socketioxide.md"
    Gateways = "../docs/guide/gateways.md"
    Handlers = "../docs/guide/handlers.md"
    NamespacesAndRooms = "../docs/guide/namespaces-and-rooms.md"
    Operations = "../docs/guide/operations.md"
    SocketIo = "../docs/guide/socketio.md"
    StateAndJobs = "../docs/guide/state-and-jobs.md"
    Streams = "../docs/guide/streams.md"
    Testing = "../docs/guide/testing.md"
    UsersAndPresence = "../docs/guide/users-and-presence.md"
}
