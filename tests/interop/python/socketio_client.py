"""Checks socketIO-client 0.7, the client of many devices: `python socketio_client.py`, with the server's command in
SERVER. The reference for it is the server of its time.

It reads only the binary form of polled payloads, and only the first packet of the handshake's. It has no bytes.
"""

import asyncio
import sys
import threading

from socketIO_client import SocketIO
from socketIO_client import SocketIONamespace as Namespace

from checks import TEXTS
from runner import LIMIT, TARGET, Runner, Server, Session, equal

TRANSPORTS = {"polling": ["xhr-polling"], "upgrade": ["xhr-polling", "websocket"]}


class Io(SocketIO):
    """Waits until something is true."""

    def _should_stop_waiting(self, until=None, **options):
        return until() if until else super()._should_stop_waiting(**options)

    def until(self, done):
        self.wait(seconds=LIMIT, until=done)
        if not done():
            raise TimeoutError("in vain")

    def call(self, event, *values, path=""):
        """The arguments of the acknowledgement."""
        answers = []
        self.emit(event, *values, lambda *answer: answers.append(list(answer)), path=path)
        self.until(lambda: answers)
        return answers[0]

    def inbox(self, event, path=""):
        values = []
        self.on(event, lambda *arguments: values.append(list(arguments)), path=path)
        return values


class Clients:
    def __init__(self, transport, server):
        self.transport = transport
        self.server = server
        self.open = []
        self.count = 0

    def connect(self, token="ada", **options):
        host, port = self.server.address.split(":")
        options = {"wait_for_connection": False, **options}
        transports = TRANSPORTS[self.transport]
        # It asks for a sign of life so that its polls return: here, not only each second.
        hurry = {"hurry_interval_in_seconds": 0.02}
        io = Io(host, int(port), transports=transports, params={"token": token}, **hurry, **options)
        self.open.append(io)
        return io


def connects(t):
    io = t.connect("ada")
    equal(io.call("whoami"), ["/", "ada"])
    equal(io.transport_name, "websocket" if t.transport == "upgrade" else "xhr-polling")


def several_arguments_both_ways(t):
    io = t.connect()
    values = ["text", 1, [2, [3]], {"a": {"b": None}}, True, None, []]
    equal(io.call("echo", *values), values)
    back = io.inbox("back")
    io.emit("back", *values)
    io.until(lambda: back)
    equal(back, [values])


def acknowledgements(t):
    io = t.connect()
    equal(io.call("nothing"), [])
    equal(io.call("add", 20, 22), [42])
    equal(io.call("several"), ["one", {"two": 2}, [3]])
    equal(io.call("divide", 6, 2), [3])
    for n in range(20):
        equal(io.call("add", n, 1), [n + 1])


def answers_the_server(t):
    io = t.connect()
    io.on("question", lambda a, b, answer: answer(a + b))
    equal(io.call("ask", 20, 22), [42])


def unicode(t):
    io = t.connect()
    equal(io.call("echo", *TEXTS), TEXTS)
    equal(io.call("grüße 😀", "an"), ["an 😀"])


def events_keep_their_order(t):
    io = t.connect()
    back = io.inbox("back")
    for n in range(50):
        io.emit("collect", n)
        io.emit("back", n)
    equal(io.call("collected"), [list(range(50))])
    io.until(lambda: len(back) == 50)
    equal(back, [[n] for n in range(50)])


def namespaces(t):
    io = t.connect()
    io.define(Namespace, "/chat")
    equal(io.call("whoami", path="/chat")[0], "/chat")
    equal(io.call("whoami"), ["/", "ada"])
    equal(io.call("connection", path="/chat"), io.call("connection"))


def rooms(t):
    a, b = t.connect(), t.connect()
    heard = b.inbox("said")
    unheard = a.inbox("said")
    b.call("join", "room")
    a.call("say", ["room"], [], "to the room")
    a.call("say", [], [], "to others")
    b.until(lambda: len(heard) == 2)
    equal(heard, [["to the room"], ["to others"]])
    a.call("echo")
    equal(unheard, [])


def the_client_leaves(t):
    # Over WebSocket it only says so, and leaves the rest to the server; the reference does not listen to that.
    if TARGET != "jidda" and t.transport == "upgrade":
        return
    watcher = t.connect("watcher")
    left = watcher.inbox("left")
    watcher.call("watch")
    io = t.connect("leaver")
    io.call("echo")
    io.disconnect()
    watcher.until(lambda: [values for values in left if values[0]["token"] == "leaver"])
    reasons = {values[0]["reason"] for values in left if values[0]["token"] == "leaver"}
    equal(reasons, {"transport close"})


def the_server_ends_the_socket(t):
    io = t.connect()
    gone = io.inbox("disconnect")
    io.emit("bye")
    io.until(lambda: gone)
    equal(gone, [[]])


def comes_back_when_the_server_was_killed(t):
    io = t.connect(wait_for_connection=True)
    equal(io.call("add", 1, 1), [2])
    session = io._engineIO_session.id
    t.server.end()
    t.server = t.server.again()
    io.until(lambda: io.connected and io._engineIO_session.id != session)
    equal(io.call("add", 2, 2), [4])


def nine_hundred_kilobytes(t):
    io = t.connect()
    text = "0123456789" * 90_000
    equal(io.call("echo", text)[0] == text, True)


CHECKS = [
    connects,
    several_arguments_both_ways,
    acknowledgements,
    answers_the_server,
    unicode,
    events_keep_their_order,
    namespaces,
    rooms,
    the_client_leaves,
    the_server_ends_the_socket,
    nine_hundred_kilobytes,
    comes_back_when_the_server_was_killed,
]


def run(check, t):
    try:
        check(t)
    except StopIteration as error:  # which a future cannot hold
        raise RuntimeError("the client gave up") from error


async def main():
    runner = Runner("socketIO-client 0.7")
    for transport in TRANSPORTS:
        t = Clients(transport, Server())
        for check in CHECKS:
            name = check.__name__.replace("_", " ")
            await runner.check(f"{transport}: {name}", Session(), lambda _: asyncio.to_thread(run, check, t))
        # What a client still has to say to its server must not keep the next one.
        for io in t.open:
            threading.Thread(target=io.disconnect, daemon=True).start()
    runner.finish()


asyncio.run(main())
