"""What is checked of each kind of client; `t` is the session of one check."""

import signal

from runner import TARGET, among, equal

TEXTS = ["grüße", "日本語", "😀", "👩‍👩‍👧 𝒳", "\u2028\u2029", "\0\a", 'a "quoted\\" one', "ÿ\u0080", "\uffff", ""]

#: Like what JavaScript's clients are checked with, and what they cannot tell apart.
NUMBERS = [0, -1, 1.5, 1.0, 255, 65536, 2**31, -(2**31), 2**53 - 1, 2**63 - 1, -(2**63), 1e-7, 5e-324]


async def connects_and_says_who_it_is(t):
    peer = t.peer("ada")
    welcome = peer.inbox("welcome")
    await peer.connect("/", headers={"x-interop": "yes"})
    equal([await welcome.next() for _ in range(3)], [[n, "ada"] for n in (1, 2, 3)])
    equal(await peer.call("whoami"), ["/", "ada"])
    equal(await peer.call("seen"), [{"token": "ada", "header": "yes"}])


async def is_refused(t):
    peer = t.peer("wrong")
    refused = peer.inbox("connect_error")
    peer.try_to_connect()
    expected = {"message": "who are you?", "data": {"code": "denied"}}
    equal(await refused.next(), ["who are you?" if t.setting.is_old else expected])
    await peer.gives_up()


async def is_refused_with_data(t):
    peer = t.peer("many")
    refused = peer.inbox("connect_error")
    peer.try_to_connect()
    message, data = "come back later", {"limit": 3}
    expected = data if t.setting.is_old else {"message": message, "data": data}
    equal(sorted_map((await refused.next())[0]), sorted_map(expected))


def sorted_map(value):
    if isinstance(value, dict):
        return {key: sorted_map(value[key]) for key in sorted(value)}
    return value


async def several_arguments_both_ways(t):
    peer = await t.connect()
    values = ["text", 1, [2, [3]], {"a": {"b": None}}, True, None, [], {}]
    equal(await peer.call("echo", *values), values)
    back = peer.inbox("back")
    await peer.emit("back", *values)
    equal(await back.next(), values)
    await peer.emit("back")
    equal(await back.next(), [])


async def acknowledgements(t):
    peer = await t.connect()
    equal(await peer.call("nothing"), [])
    equal(await peer.call("add", 20, 22), [42])
    equal(await peer.call("several"), ["one", {"two": 2}, [3]])
    equal(await peer.call("divide", 6, 2), [3])
    error = {"code": "zero", "message": "division by zero", "data": {"a": 6}}
    [answer] = await peer.call("divide", 6, 0)
    equal(sorted_map(answer), sorted_map({"error": error}))
    for n in range(30):
        equal(await peer.call("add", n, 1), [n + 1])


async def answers_the_server(t):
    peer = await t.connect()
    answers = {"sum": 42, "two": ("x", {"y": 1}), "none": None}
    peer.sio.on("question", lambda name: answers[name])
    equal(await peer.call("ask", "sum"), [42])
    equal(await peer.call("ask", "two"), [["x", {"y": 1}]])
    equal(await peer.call("ask", "none"), [None])


async def the_event_message(t):
    peer = await t.connect()
    messages = peer.inbox("message")
    await peer.do(peer.sio.send, "hello")
    equal(await messages.next(), ["hello"])


async def numbers_and_maps_survive(t):
    peer = await t.connect()
    integers = [n for n in NUMBERS if isinstance(n, int) and abs(n) < 2**53]
    # JavaScript has one kind of number, and its maps their own order.
    numbers = NUMBERS if TARGET == "jidda" else integers
    equal(await peer.call("echo", *numbers), numbers)
    equal(await peer.call("echo", numbers), [numbers])
    maps = {"b": 1, "a": {"z": [], "y": {}}}
    if TARGET == "jidda":
        maps["3"] = [True]
        maps["1"] = None
    equal(await peer.call("echo", maps), [maps])


async def unicode(t):
    peer = await t.connect()
    equal(await peer.call("echo", *TEXTS), TEXTS)
    entries = {text: text for text in TEXTS}
    equal(await peer.call("echo", entries), [entries])
    for text in TEXTS:
        equal(await peer.call("echo", text), [text])
    equal(await peer.call("grüße 😀", "an"), ["an 😀"])


async def bytes_both_ways(t):
    every = bytes(range(256))
    peer = await t.connect()
    values = [every, {"a": {"b": [every, "text", b"\0"]}}, b"\n\r", 7]
    equal(await peer.call("echo", *values), values)
    back = peer.inbox("back")
    await peer.emit("back", *values)
    equal(await back.next(), values)
    equal(await peer.call("hexed", b"\1\2", {"a": [b"\3"]}, "x"), ["hex:0102", {"a": ["hex:03"]}, "x"])
    # Version 4 takes no bytes for nothing at all.
    empty = None if t.setting.is_old else b""
    expected = [{"list": [b"\1\2\3", {"deep": b"\xff"}], "text": "x"}, empty]
    equal(await peer.call("bytes"), expected)


async def bytes_in_an_answer_to_the_server(t):
    peer = await t.connect()
    peer.sio.on("question", lambda value: {"got": value, "more": [b"\x09", "text"]})
    equal(await peer.call("ask", b"\1\2"), [{"got": b"\1\2", "more": [b"\x09", "text"]}])


def item(n):
    return [f"text {n}", bytes([n]), {"a": bytes([n]), "b": [bytes([n]), bytes([n, n])]}][n % 3]


async def bytes_and_text_keep_their_order(t):
    peer = await t.connect()
    # The blocking client has a thread for each message, which may overtake one another when many come at once.
    if t.setting.kind == "asyncio":
        items = peer.inbox("item")
        equal(await peer.call("series", t.setting.burst), [])
        equal([await items.next() for _ in range(t.setting.burst)], [[n, item(n)] for n in range(t.setting.burst)])
    sent = [[f"text {n}", bytes([n])][n % 2] for n in range(30)]
    for value in sent:
        await peer.emit("collect", value)
    expected = [value if isinstance(value, str) else f"hex:{value.hex()}" for value in sent]
    equal(await peer.call("collected"), [expected])


async def several_namespaces_on_one_connection(t):
    peer = await t.connect("/", "/chat", "/orders/7", token="ada")
    for path in ("/", "/chat", "/orders/7"):
        equal(await peer.call("whoami", namespace=path), [path, "ada"])
    connections = {(await peer.call("connection", namespace=path))[0] for path in ("/", "/chat", "/orders/7")}
    equal(len(connections), 1)
    equal(await peer.call("describe", "order ", namespace="/orders/7"), ["order 7"])
    other = await t.connect("/", "/chat")
    heard, unheard = other.inbox("said", "/chat"), other.inbox("said")
    await peer.call("say", [], [], "in chat", b"\1", namespace="/chat")
    equal(await heard.next(), ["in chat", b"\1"])
    await other.call("echo")
    equal(unheard.all, [])


async def an_unknown_namespace_is_refused(t):
    peer = t.peer()
    refused = peer.inbox("connect_error", "/nowhere")
    peer.inbox("connect", "/nowhere")
    peer.try_to_connect("/nowhere")
    expected = {"message": "Invalid namespace"}
    if t.setting.is_old and TARGET == "jidda":
        expected = "Invalid namespace"
    equal(await refused.next(), [expected])
    await peer.gives_up()


async def rooms(t):
    x, y = t.name("room"), t.name("room")
    [a, b, c], heard = await t.three([x], [x, y], [y])
    await a.call("say", [], [], "to others")
    await a.call("say", [x, y], [], "once")
    await c.call("tell", [x, y], [y], "but y")
    await b.call("leave", x)
    await c.call("say", [x], [], "to a")
    # Who is in it hears a room's answers only, and a broadcast has bytes, too.
    await b.call("tell", [], [x], b"\1")
    equal(await heard(), [["but y", "to a"], ["to others", "once", b"\1"], ["to others", "once", b"\1"]])


async def the_client_leaves(t):
    left = await t.watch()
    peer = await t.connect()
    gone = peer.inbox("disconnect")
    await peer.disconnect()
    # Version 4 does not tell its own handler.
    if not t.setting.is_old:
        equal(await gone.next(), ["client disconnect"])
    # It says that it leaves and that it closes in one breath. The reference takes the second before the first, and
    # finds fault with the first in MessagePack, where its data is nil; over WebSocket the client itself may be faster
    # with the second.
    others = ["transport close"] if t.setting.transport != "polling" else []
    if TARGET == "reference":
        others += ["transport close", "forced close"]
    # With asyncio, version 4 drops its poll before it says anything.
    if t.setting.is_old and t.setting.kind == "asyncio" and t.setting.transport == "polling":
        others.append("transport error")
    among(await left(peer), "client namespace disconnect", *others)


async def the_server_ends_the_socket(t):
    left = await t.watch()
    peer = await t.connect()
    gone = peer.inbox("disconnect")
    await peer.emit("bye")
    equal(await gone.next(), t.setting.reason("server disconnect"))
    equal(await left(peer), "server namespace disconnect")


async def the_server_closes_the_connection(t):
    left = await t.watch()
    peer = await t.connect("/", "/chat")
    gone = [peer.inbox("disconnect", path) for path in ("/", "/chat")]
    await peer.emit("close")
    for inbox in gone:
        equal(await inbox.next(), t.setting.reason("server disconnect"))
    # jidda has a reason of its own for it, where Node leaves each namespace by itself.
    expected = "forced close" if TARGET == "jidda" else "server namespace disconnect"
    for path in ("/", "/chat"):
        equal(await left(peer, path), expected)


async def comes_back(t, number):
    options = {"reconnection_delay": 0.01, "reconnection_delay_max": 0.05, "randomization_factor": 0}
    peer = await t.connect("/", "/chat", token="ada", reconnection=True, **options)
    gone, back = peer.inbox("disconnect"), [peer.inbox("connect", path) for path in ("/", "/chat")]
    server = t.setting.server
    await t.loop.run_in_executor(None, server.end, number)
    reason = await gone.next()
    t.setting.server = await t.loop.run_in_executor(None, server.again)
    for inbox in back:
        await inbox.next()
    equal(await peer.call("whoami"), ["/", "ada"])
    equal(await peer.call("whoami", namespace="/chat"), ["/chat", "ada"])
    if reason != []:
        among(reason[0], "transport close", "transport error")


async def comes_back_when_the_server_ended_in_peace(t):
    # A poll that is answered with Engine.IO's packet `close`, as by the reference, is no reason for it to come back.
    if TARGET == "jidda" or t.setting.transport != "polling":
        await comes_back(t, signal.SIGTERM)


async def comes_back_when_the_server_was_killed(t):
    await comes_back(t, signal.SIGKILL)


async def just_under_a_million_bytes(t):
    peer = await t.connect()
    is_base64 = t.setting.is_text and t.setting.serializer == "msgpack"
    text = "0123456789" * (74_980 if is_base64 else 99_980)
    equal((await peer.call("echo", text))[0] == text, True)
    # The last byte is no padding in base64.
    data = b"jidda" * (149_960 if t.setting.is_text else 199_960)
    equal((await peer.call("echo", data))[0] == data, True)
    # It writes twelve bytes for each of these.
    beyond = "😀𝒳" * 35_000
    equal((await peer.call("echo", beyond))[0] == beyond, True)


CHECKS = [
    connects_and_says_who_it_is,
    is_refused,
    is_refused_with_data,
    several_arguments_both_ways,
    acknowledgements,
    answers_the_server,
    the_event_message,
    numbers_and_maps_survive,
    unicode,
    bytes_both_ways,
    bytes_in_an_answer_to_the_server,
    bytes_and_text_keep_their_order,
    several_namespaces_on_one_connection,
    an_unknown_namespace_is_refused,
    rooms,
    the_client_leaves,
    the_server_ends_the_socket,
    the_server_closes_the_connection,
    just_under_a_million_bytes,
    comes_back_when_the_server_ended_in_peace,
    comes_back_when_the_server_was_killed,
]


async def lives_on_by_its_heartbeats(t):
    peer = await t.connect()
    # In the old protocol it is the client that asks.
    sign = 3 if t.setting.is_old else 2
    beats = peer.beats(sign)
    for _ in range(4):
        await beats.next()
    equal(await peer.call("echo", 1), [1])


HEARTBEAT_CHECKS = [lives_on_by_its_heartbeats]
