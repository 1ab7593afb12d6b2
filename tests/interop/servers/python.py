"""The conformance app of jidda.rs on python-socketio, version 5 or 4: whichever its environment has.

    python.py [ADDRESS] [--parser msgpack] [--heartbeat MS] [--limit BYTES]

It has what these servers have: rooms, calls of one client, namespaces that are known beforehand and, in version 5,
any other. Version 4 does not know which namespace a query belongs to.
"""

import argparse
import asyncio
import signal
from importlib.metadata import version
from urllib.parse import parse_qs

import socketio
from aiohttp import StreamReader, web

IS_OLD = version("python-socketio").startswith("4.")

read_some = StreamReader.read


async def read_all(body, size=-1):
    """A request's body is read at once, though aiohttp gives no more of it than has arrived by then."""
    parts = [await read_some(body, size)]
    while size > 0 and parts[-1] and sum(map(len, parts)) < size:
        parts.append(await read_some(body, size - sum(map(len, parts))))
    return b"".join(parts)


StreamReader.read = read_all

if IS_OLD:
    # It was written for a Python whose `wait` took coroutines.
    wait = asyncio.wait
    asyncio.wait = lambda tasks: wait([asyncio.ensure_future(task) for task in tasks])

# How long a client has for its answer.
PATIENCE = 5
# As much as can pass before a call is given up that nobody answers.
IMPATIENCE = 0.1


def hexed(value):
    """Bytes as text, so that a client sees what arrived as bytes."""
    if isinstance(value, (bytes, bytearray)):
        return "hex:" + value.hex()
    if isinstance(value, list):
        return [hexed(item) for item in value]
    if isinstance(value, dict):
        return {key: hexed(item) for key, item in value.items()}
    return value


def item(number):
    byte = bytes([number % 256])
    return [f"text {number}", byte, {"a": byte, "b": [byte, byte * 2]}][number % 3]


async def done(result):
    """What is a coroutine in version 5 is a plain function in version 4."""
    if asyncio.iscoroutine(result):
        await result


def admit(token):
    if token == "wrong":
        if IS_OLD:
            raise socketio.exceptions.ConnectionRefusedError("who are you?")
        raise socketio.exceptions.ConnectionRefusedError("who are you?", {"code": "denied"})
    if token == "many":
        data = {"limit": 3}
        if IS_OLD:
            raise socketio.exceptions.ConnectionRefusedError(data)
        raise socketio.exceptions.ConnectionRefusedError("come back later", data)


class Namespace(socketio.AsyncNamespace):
    """What every namespace has. A method's result is the acknowledgement: a tuple is several arguments."""

    def __init__(self, namespace):
        super().__init__(namespace)
        self.tokens = {}
        self.collected = {}

    async def trigger_event(self, event, *args):
        if event == "connect":
            return await self.enter(*args)
        if event == "disconnect":
            return await self.left(*args)
        handler = getattr(self, "on_" + event.replace(" ", "_").replace("grüße_😀", "greetings"))
        return await handler(*args)

    async def enter(self, sid, environ, auth=None):
        query = parse_qs(environ.get("QUERY_STRING", ""))
        token = (auth or {}).get("token") or query.get("token", [None])[0]
        admit(token)
        self.tokens[sid] = (token, environ.get("HTTP_X_INTEROP"))
        self.collected[sid] = []
        if self.namespace == "/":
            self.server.start_background_task(self.welcome, sid, token)

    async def welcome(self, sid, token):
        for number in (1, 2, 3):
            await self.emit("welcome", (number, token), room=sid)

    async def left(self, sid, reason=None):
        token, _ = self.tokens.pop(sid, (None, None))
        rooms = sorted(room for room in self.rooms(sid) if room != sid)
        left = {"namespace": self.namespace, "token": token, "reason": reason, "rooms": rooms}
        await self.server.emit("left", left, room="watchers", namespace="/")

    def narrowed(self, to, excluded):
        """Who is in one of the rooms, or in any, and in none of those that are excluded."""

        rooms = self.server.manager.rooms.get(self.namespace, {})

        def members(room):
            if room not in rooms:
                return set()
            return {entry[0] if isinstance(entry, tuple) else entry
                    for entry in self.server.manager.get_participants(self.namespace, room)}

        chosen = set().union(*map(members, to)) if to else members(None)
        return chosen.difference(*map(members, excluded))

    async def send_to(self, sids, values):
        for sid in sids:
            await self.emit("said", tuple(values), room=sid)

    async def on_echo(self, sid, *values):
        return values

    async def on_whoami(self, sid):
        return self.namespace, self.tokens[sid][0]

    async def on_transport(self, sid):
        return self.server.transport(sid) if IS_OLD else self.server.transport(sid, self.namespace)

    async def on_join(self, sid, room):
        await done(self.enter_room(sid, room))

    async def on_leave(self, sid, room):
        await done(self.leave_room(sid, room))

    async def on_rooms(self, sid):
        return self.rooms(sid)

    async def on_say(self, sid, to, excluded, *values):
        await self.send_to(self.narrowed(to, excluded) - {sid}, values)
        return ()

    async def on_tell(self, sid, to, excluded, *values):
        await self.send_to(self.narrowed(to, excluded), values)
        return ()

    async def on_bye(self, sid):
        await self.disconnect(sid)

    async def on_close(self, sid):
        connection = sid if IS_OLD else self.server.manager.eio_sid_from_sid(sid, self.namespace)
        await self.server.eio.disconnect(connection)

    async def on_back(self, sid, *values):
        await self.emit("back", values, room=sid)

    async def on_message(self, sid, value):
        await self.emit("message", value, room=sid)
        return value

    async def on_add(self, sid, a, b):
        return a + b

    async def on_divide(self, sid, a, b):
        if b == 0:
            return {"error": {"code": "zero", "message": "division by zero", "data": {"a": a}}}
        return a // b

    async def on_nothing(self, sid):
        return ()

    async def on_several(self, sid):
        return "one", {"two": 2}, [3]

    async def on_greetings(self, sid, text):
        return text + " 😀"

    async def on_seen(self, sid):
        token, header = self.tokens[sid]
        return {"token": token, "header": header}

    async def on_hexed(self, sid, *values):
        return tuple(map(hexed, values))

    async def on_bytes(self, sid):
        return {"list": [bytes([1, 2, 3]), {"deep": bytes([255])}], "text": "x"}, b""

    async def on_collect(self, sid, value):
        self.collected[sid].append(value)

    async def on_collected(self, sid):
        return hexed(self.collected[sid])

    async def on_series(self, sid, count):
        for number in range(count):
            await self.emit("item", (number, item(number)), room=sid)
        return ()

    async def question(self, sid, values, timeout):
        try:
            answer = await self.server.call(
                "question", values, to=sid, namespace=self.namespace, timeout=timeout)
        except socketio.exceptions.TimeoutError:
            return "timeout"
        return list(answer) if isinstance(answer, tuple) else answer

    async def on_ask(self, sid, *values):
        return (await self.question(sid, values, PATIENCE),)

    async def on_ask_in_vain(self, sid):
        return (await self.question(sid, (), IMPATIENCE),)

    async def on_ask_all(self, sid, room, value):
        answers = [self.question(member, (value,), PATIENCE) for member in self.narrowed([room], [])]
        return sorted(await asyncio.gather(*answers))

    async def on_watch(self, sid):
        await done(self.enter_room(sid, "watchers"))

    async def on_describe(self, sid, prefix):
        return prefix + self.namespace.split("/")[2]


def server(options):
    settings = {"async_mode": "aiohttp", "cors_allowed_origins": "*"}
    if options.limit:
        settings["max_http_buffer_size"] = options.limit
    if options.heartbeat:
        # In whole seconds.
        settings["ping_interval"] = max(1, options.heartbeat // 1000)
        settings["ping_timeout"] = max(1, options.heartbeat // 200)
    if options.parser:
        settings["serializer"] = options.parser
    sio = socketio.AsyncServer(**settings)
    for namespace in ("/", "/chat", "/orders/7", "/orders/8"):
        sio.register_namespace(Namespace(namespace))
    return sio


async def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("address", nargs="?", default="127.0.0.1:0")
    parser.add_argument("--parser")
    parser.add_argument("--heartbeat", type=int)
    parser.add_argument("--limit", type=int)
    options = parser.parse_args()
    app = web.Application()
    server(options).attach(app)
    host, port = options.address.rsplit(":", 1)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, host, int(port))
    await site.start()
    print(f"python-socketio listens on tcp://{host}:{site._server.sockets[0].getsockname()[1]}", flush=True)
    ended = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, ended.set)
    await ended.wait()
    await runner.cleanup()


asyncio.run(main())
