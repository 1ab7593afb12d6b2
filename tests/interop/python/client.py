"""One way for the checks to use python-socketio: with threads or asyncio, of version 5 or 4."""

import asyncio
from concurrent.futures import ThreadPoolExecutor

import socketio

from runner import TARGET, Inbox, Session

TRANSPORTS = {"polling": ["polling"], "websocket": ["websocket"], "upgrade": ["polling", "websocket"]}

#: Blocking clients are waited for in here.
THREADS = ThreadPoolExecutor(64)


class Setting:
    """A kind of client, a transport and a serializer, and the server they are checked with."""

    def __init__(self, version, kind, transport, serializer, server):
        self.is_old = version == 4
        self.kind = kind
        self.transport = transport
        self.serializer = serializer
        self.server = server

    def __str__(self):
        return f"{self.kind} {self.transport} {self.serializer}"

    @property
    def is_text(self):
        """Whether bytes are written as base64, as far as the client's own requests go."""
        return self.transport != "websocket"


    def reason(self, text):
        """What a disconnect handler is told; in version 4, nothing."""
        return [] if self.is_old else [text]

    @property
    def burst(self):
        """How many items the server may send in one go. The client gives up at a poll of more than 16 packets, which
        the reference does not know."""
        return 60 if TARGET == "jidda" or self.transport == "websocket" else 5


class Peer:
    """One client: a connection with its namespaces."""

    def __init__(self, session, setting, token, **options):
        self.session = session
        self.setting = setting
        self.token = token
        self.trying = None
        options = {"reconnection": False, **options}
        if not setting.is_old:
            options["serializer"] = setting.serializer
        if setting.kind == "threads":
            self.sio = socketio.Client(**options)
        else:
            self.sio = socketio.AsyncClient(**options)

    async def do(self, method, *values, **options):
        if self.setting.kind == "threads":
            call = lambda: method(*values, **options)
            return await self.session.loop.run_in_executor(THREADS, call)
        return await method(*values, **options)

    async def connect(self, *namespaces, headers=None):
        namespaces = list(namespaces or ["/"])
        # In version 4, the root is always connected.
        awaited = {*namespaces, "/"} if self.setting.is_old else namespaces
        connected = [self.inbox("connect", namespace) for namespace in awaited]
        options = {
            "headers": headers or {},
            "transports": TRANSPORTS[self.setting.transport],
            "namespaces": namespaces,
        }
        url = self.setting.server.url
        if self.setting.is_old:
            url = f"{url}?token={self.token}"
        else:
            options.update(auth={"token": self.token}, wait_timeout=60)
        await self.do(self.sio.connect, url, **options)
        for inbox in connected:
            await inbox.next()
        return self

    def try_to_connect(self, *namespaces):
        self.trying = asyncio.ensure_future(self.connect(*namespaces))

    async def gives_up(self):
        """Waits until it knows that it is refused.

        Where it polls, the answer may come before that to the request that asked, with which it cannot say then that
        it goes; so it waits for the next heartbeat. The reference does that to it now and then. Version 4 does not
        wait for an answer in the first place.
        """
        if TARGET == "jidda" and not self.setting.is_old:
            [result] = await asyncio.gather(self.trying, return_exceptions=True)
            if not isinstance(result, socketio.exceptions.ConnectionError):
                raise AssertionError(f"connected: {result!r}")

    def inbox(self, event, namespace="/"):
        """The arguments of all events of a name, in order."""
        inbox = Inbox(self.session, event)
        self.sio.on(event, lambda *values: inbox.put(list(values)), namespace=namespace)
        return inbox

    def beats(self, kind):
        """The signs of life: Engine.IO packets of one kind."""
        inbox = Inbox(self.session, "a sign of life")
        engine = self.sio.eio
        receive = engine._receive_packet

        def received(packet):
            if packet.packet_type == kind:
                inbox.put(packet)
            return receive(packet)

        engine._receive_packet = received
        return inbox

    async def emit(self, event, *values, namespace="/"):
        await self.do(self.sio.emit, event, values, namespace=namespace)

    async def call(self, event, *values, namespace="/"):
        """The arguments of the acknowledgement."""
        loop = self.session.loop
        future = loop.create_future()
        answered = lambda *answer: loop.call_soon_threadsafe(future.set_result, list(answer))
        await self.do(self.sio.emit, event, values, namespace=namespace, callback=answered)
        return await self.session.wait(f"an answer to {event}", future)

    async def disconnect(self):
        # A request under way would be the last one: what it has to say of its end would not be sent.
        await self.do(self.sio.eio.queue.join)
        await self.do(self.sio.disconnect)

    async def end(self):
        """Closes whatever is left of it."""
        if self.trying is not None:
            self.trying.cancel()
        self.sio.reconnection = False
        abort = getattr(self.sio, "_reconnect_abort", None)
        if abort is not None:
            abort.set()
        try:
            await self.do(self.sio.disconnect)
        except Exception:
            pass  # it is not connected, or the server is gone


class Peers(Session):
    """What one check does with its clients."""

    count = 0

    def __init__(self, setting):
        super().__init__()
        self.setting = setting
        self.open = []

    def name(self, kind):
        """A name that no other check uses."""
        Peers.count += 1
        return f"{kind}-{Peers.count}"

    def peer(self, token=None, **options):
        peer = Peer(self, self.setting, token or self.name("token"), **options)
        self.open.append(peer)
        return peer

    async def connect(self, *namespaces, token=None, **options):
        return await self.peer(token, **options).connect(*namespaces)

    async def three(self, *rooms):
        """Three clients, each in its rooms, and what each hears."""
        peers = [await self.connect() for _ in range(3)]
        heard = [peer.inbox("said") for peer in peers]
        for peer, names in zip(peers, rooms):
            for name in names:
                await peer.call("join", name)

        async def all_heard():
            # An answer comes after whatever was sent before it was asked for.
            for peer in peers:
                await peer.call("echo")
            return [[values[0] for values in inbox.all] for inbox in heard]

        return peers, all_heard

    async def watch(self):
        """Tells how the server saw clients end."""
        watcher = await self.connect()
        left = watcher.inbox("left")
        await watcher.call("watch")

        async def reason(peer, namespace="/"):
            fits = lambda values: (values[0]["namespace"], values[0]["token"]) == (namespace, peer.token)
            return (await left.find(fits))[0]["reason"]

        return reason

    async def close(self):
        # Not waited for: some wait in their turn for a server that has nothing more to say.
        self.endings = [asyncio.ensure_future(peer.end()) for peer in self.open]


def hexed(value):
    """Bytes as text."""
    if isinstance(value, (bytes, bytearray)):
        return f"hex:{value.hex()}"
    if isinstance(value, (list, tuple)):
        return [hexed(item) for item in value]
    if isinstance(value, dict):
        return {key: hexed(item) for key, item in value.items()}
    return value
