"""A peer that is not ours: plain MessagePack-RPC, with nothing but the `msgpack` library.

    python3 tests/interop/plain_peer.py target/debug/examples

Runs the servers of the examples `hello` and `sheep` from that folder and talks to them: it calls, is called, sends
and gets notifications, and is refused. It exits with 1 at the first thing that is not as docs/wire.md says.
"""

import os
import signal
import socket
import subprocess
import sys

import msgpack

LIMIT = 20  # seconds; far longer than anything takes


class Peer:
    """One connection. It has no code of jidda's and knows no reserved method."""

    def __init__(self, address):
        host, port = address.removeprefix("tcp://").rsplit(":", 1)
        self.stream = socket.create_connection((host, int(port)), timeout=LIMIT)
        self.unpacker = msgpack.Unpacker()
        self.last = 0

    def send(self, message):
        self.stream.sendall(msgpack.packb(message))

    def receive(self):
        """The next message; None when the server closed the connection."""
        while True:
            for message in self.unpacker:
                return message
            data = self.stream.recv(65536)
            if not data:
                return None
            self.unpacker.feed(data)

    def request(self, method, params):
        self.last += 1
        self.send([0, self.last, method, params])
        return self.last

    def call(self, method, params):
        """Error and result of a call. Nothing else may come meanwhile."""
        number = self.request(method, params)
        kind, answered, error, result = self.receive()
        equal((kind, answered), (1, number), f"the answer to {method}")
        return error, result

    def notify(self, method, params):
        self.send([2, method, params])


def equal(actual, expected, what):
    if actual != expected:
        raise AssertionError(f"{what}: expected {expected!r}, got {actual!r}")


class Server:
    """The server of an example, on a port that the system chooses."""

    def __init__(self, folder, example):
        program = [os.path.join(folder, example), "server"]
        environment = {**os.environ, "JIDDA_LISTEN": "127.0.0.1:0"}
        self.process = subprocess.Popen(program, stdout=subprocess.PIPE, text=True, env=environment)

    def __enter__(self):
        # "jidda listens on tcp://127.0.0.1:40123 with 2 handlers"
        self.address = self.process.stdout.readline().split()[3]
        return self

    def __exit__(self, *failure):
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.communicate(timeout=LIMIT)
        finally:
            self.process.kill()
        if failure == (None, None, None):
            equal(self.process.returncode, 0, "the server's exit code")


def greeted(address):
    """A peer of `hello`, whose connect handler greets everyone who says something."""
    peer = Peer(address)
    number = peer.request("double", [21])
    # The order is the server's: it greets, and answers.
    messages = [peer.receive(), peer.receive()]
    messages.sort(key=lambda message: message[0])
    equal(messages[0], [1, number, None, 42], "a call")
    equal(messages[1], [2, "message", [{"msg": "Hello World!"}]], "a notification from the server")
    return peer


def calls(address):
    peer = greeted(address)
    equal(peer.call("double", [-4]), (None, -8), "a call by position")
    equal(peer.call("double", {"n": 4}), (None, 8), "a call by name")
    equal(peer.call("double", [4, "more"]), (None, 8), "a call with a surplus argument")
    # Any number of calls under way; each is answered under its own number.
    numbers = {peer.request("double", [n]): 2 * n for n in range(100)}
    answers = [peer.receive() for _ in numbers]
    equal({number: result for _, number, _, result in answers}, numbers, "many calls")


def refusals(address):
    peer = greeted(address)
    error, result = peer.call("halve", [4])
    equal((error["code"], result), ("not_found", None), "an unknown method")
    error, _ = peer.call("double", ["four"])
    equal(error["code"], "bad_arguments", "an argument of another type")
    assert "argument 1 `n`" in error["message"], error
    error, _ = peer.call("double", [])
    equal((error["code"], error["data"]), ("bad_arguments", "n"), "a missing argument")
    error, _ = peer.call("double", {"m": 4})
    equal((error["code"], error["data"]), ("bad_arguments", "n"), "a missing argument by name")
    error, _ = peer.call("/chat:post", ["hi"])
    equal(error["code"], "not_connected", "a namespace that was not joined")
    equal(peer.call("double", [1]), (None, 2), "a call after all that")


def notifications(address):
    peer = greeted(address)
    peer.notify("message", [{"Hello": "yourself"}])
    equal(peer.call("double", [2]), (None, 4), "a call after a notification")
    # Nobody can be told under a number, so the connection ends with the reason.
    peer.notify("halve", [4])
    kind, method, params = peer.receive()
    equal((kind, method), (2, "$/close"), "a refused notification")
    assert "halve" in params[0] and "not_found" in params[0], params
    equal(peer.receive(), None, "the end after it")


def nonsense(address):
    peer = greeted(address)
    peer.send("this is no message")
    kind, method, params = peer.receive()
    equal((kind, method), (2, "$/close"), "bytes that are no message")
    assert params[0].startswith("malformed message: "), params
    equal(peer.receive(), None, "the end after it")


def called(address):
    """The server calls the peer."""
    peer = Peer(address)
    equal(peer.call("my_name_is", ["python"]), (None, None), "a call without a result")

    def wish(params, answer):
        number = peer.request("wish", params)
        kind, question, method, size = peer.receive()
        equal((kind, method), (0, "draw.me.a.sheep"), "the server's call")
        peer.send([1, question, *answer])
        kind, answered, error, result = peer.receive()
        equal((kind, answered), (1, number), "the answer to wish")
        return size, error, result

    drawing = wish(["python"], [None, "@@o>"])
    equal(drawing, (["Small"], None, "@@o>"), "a call of ours")
    drawing = wish({"size": "Large", "artist": "python"}, [None, "@@@@o>"])
    equal(drawing, (["Large"], None, "@@@@o>"), "a call of ours, by name")
    # Our error is of no shape that jidda knows; the handler has no drawing then, and says so in its own words.
    _, error, result = wish(["python"], ["out of paint", None])
    equal((error["code"], error["data"], error["app"]), ("NotInTime", "NotInTime", True), "our error")
    error, _ = peer.call("wish", ["nobody"])
    equal((error["code"], error["app"]), ("NobodyOfThatName", True), "the handler's own error")


def main():
    folder = sys.argv[1] if len(sys.argv) == 2 else sys.exit(__doc__)
    plan = {"hello": [calls, refusals, notifications, nonsense], "sheep": [called]}
    passed = 0
    for example, checks in plan.items():
        for check in checks:
            with Server(folder, example) as server:
                check(server.address)
            print(f"{example} {check.__name__}: ok")
            passed += 1
    print(f"{passed} passed, 0 failed")


if __name__ == "__main__":
    main()
